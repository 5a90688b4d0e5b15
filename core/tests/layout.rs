//! Where the words of the structures lie that can be in shared memory, and what they say: the
//! contract between a program and one that was built another day, or for another width
//! (`tests/tests/tools_width.rs` shows that these numbers hold for 32 bits too). A change here is a
//! change of `ringway_core::region::VERSION`.
#![cfg(not(loom))]

use core::convert::Infallible;
use core::num::NonZeroU32;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, Mutex, ReentrantMutex, RwLock, Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::region::{Part, SharedWait};
use ringway_core::ring::Ring;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::Latest;
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};

/// Gives up at once, so that a word that says "somebody may be asleep" stays behind.
struct Never;

impl Wake for Never {
    type Word = BellWord;

    const INIT: Self = Never;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Never {
    type Deadline = Infallible;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<Infallible>) -> Result<(), TimedOut> {
        Err(TimedOut)
    }
}

// SAFETY: no bytes, and nobody sleeps by it.
unsafe impl SharedWait for Never {}

type Sleeper = Never;

/// There is one thread.
enum Lonely {}

// SAFETY: see above.
unsafe impl ThreadId for Lonely {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

const ONE: Participant = Participant::new(0x155).unwrap();
const OTHER: Participant = Participant::new(0x2AA).unwrap();

/// Zeroed memory, as a new file has.
#[repr(align(128))]
struct Memory([u8; 1024]);

/// The words that are not zero after `act` on a structure in zeroed memory: offset and content.
fn words<P: Part>(act: impl FnOnce(&P)) -> Vec<(usize, u32)> {
    assert!(size_of::<P>() <= size_of::<Memory>());
    let mut memory = Memory([0; 1024]);
    // SAFETY: aligned and large enough, and zeroed memory is a fresh `Part`; the borrow ends with
    // the call.
    act(unsafe { &*(&raw mut memory).cast::<P>() });
    let words = memory.0.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
    (0..).step_by(4).zip(words).filter(|(_, word)| *word != 0).collect()
}

fn size_and_align<P>() -> (usize, usize) {
    (size_of::<P>(), align_of::<P>())
}

#[test]
fn a_ring() {
    assert_eq!(size_and_align::<Ring<u32, 8>>(), (384, 128));
    assert_eq!(size_and_align::<Ring<u32, 8, Sleeper>>(), (384, 128));
    let words = words(|ring: &Ring<u32, 8, Sleeper>| {
        let mut producer = ring.producer_as(ONE).unwrap();
        let mut consumer = ring.consumer_as(OTHER).unwrap();
        producer.try_push_slice(&[0xA0, 0xA1, 0xA2]);
        consumer.try_pop();
        consumer.pop().unwrap();
        consumer.pop().unwrap();
        assert!(consumer.pop_deadline(None).is_err());
        core::mem::forget((producer, consumer));
    });
    let expected = [
        // The producer's line: its position, who is the consumer, what the consumer sleeps on.
        (0, 3),
        (4, 2 | 0x2AA << 2),
        (8, 1),
        // The consumer's line: its position, who is the producer; what the producer sleeps on is
        // at 136.
        (128, 3),
        (132, 2 | 0x155 << 2),
        (256, 0xA0),
        (260, 0xA1),
        (264, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_byte_ring() {
    assert_eq!(size_and_align::<ByteRing<60>>(), (512, 128));
    assert_eq!(size_and_align::<ByteRing<60, Sleeper>>(), (512, 128));
    let words = words(|ring: &ByteRing<60, Sleeper>| {
        let mut producer = ring.producer_as(ONE).unwrap();
        let mut consumer = ring.consumer_as(OTHER).unwrap();
        producer.try_write(&[0; 56]);
        consumer.try_read(&mut [0; 56]);
        // Behind a gap of four bytes.
        let mut grant = producer.try_reserve(8).unwrap();
        grant.copy_from_slice(b"ABCDEFGH");
        grant.commit(8);
        core::mem::forget((producer, consumer));
    });
    let expected = [
        (0, 68),
        (4, 2 | 0x2AA << 2),
        (128, 56),
        (132, 2 | 0x155 << 2),
        // The mark, and the bytes behind it.
        (256, 56),
        (384, u32::from_ne_bytes(*b"ABCD")),
        (388, u32::from_ne_bytes(*b"EFGH")),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_queue() {
    assert_eq!(size_and_align::<Queue<u32, 4>>(), (512, 128));
    assert_eq!(size_and_align::<Queue<u32, 4, Sleeper>>(), (512, 128));
    let words = words(|queue: &Queue<u32, 4, Sleeper>| {
        let one = queue.handle(ONE);
        for value in 0xA0..0xA3 {
            one.try_push(value).unwrap();
        }
        core::mem::forget(one.try_reserve());
        core::mem::forget(queue.handle(OTHER).try_claim());
        assert!(one.push_deadline(9, None).is_err());
        queue.set_max_attempts(9);
        core::mem::forget(one.producer());
        queue.close();
    });
    // A position's number has the upper 48 bits.
    let entry = |number: u32, slot: u32| number << 16 | slot;
    let owned = |number: u32, by: u32, phase: u32| number << 16 | by << 3 | phase;
    let expected = [
        // The tail: where to look first, whether the queue is closed; what the consumers sleep on
        // is at 16.
        (0, 4 << 16),
        (8, 1),
        // The head: the same; what the producers sleep on was rung by `close`.
        (128, 2 << 16),
        (136, 1),
        (144, 2),
        // How often a message is claimed at most; how many registrations there were, and of whom:
        // handles above the name.
        (256, 9),
        (264, 1),
        (268, 1 << 14 | 0x156),
        // Places of two words. Which slot the message of a position is in. Who has the slot: at
        // which position, participant and phase. Writing, reading, committed, committed.
        (392, owned(0, 0x155, 1)),
        (400, entry(1, 1)),
        (408, owned(1, 0x2AA, 4)),
        (416, entry(2, 2)),
        (424, owned(2, 0x155, 2)),
        (432, entry(3, 3)),
        (440, owned(3, 0x155, 2)),
        // Behind them a word a slot for messages that are put back, and then the slots.
        (484, 0xA0),
        (488, 0xA1),
        (492, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_broadcast() {
    assert_eq!(size_and_align::<Broadcast<u32, 2>>(), (256, 128));
    assert_eq!(size_and_align::<Broadcast<u32, 2, Sleeper>>(), (256, 128));
    let words = words(|news: &Broadcast<u32, 2, Sleeper>| {
        let mut writer = news.writer_as(ONE).unwrap();
        (0xA0..0xA3).for_each(|message| writer.send(message));
        assert!(news.reader().recv_deadline(None).is_err());
        core::mem::forget(writer);
    });
    let expected = [
        // The newest number, of which two upper words follow; who writes; what the readers sleep
        // on.
        (0, 3),
        (12, 2 | 0x155 << 2),
        (16, 1),
        // Number, its upper word, message: 2 and 3.
        (128, 2),
        (136, 0xA1),
        (140, 3),
        (148, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_latest_value() {
    assert_eq!(size_and_align::<Latest<u32>>(), (256, 128));
    assert_eq!(size_and_align::<Latest<u32, Sleeper>>(), (256, 128));
    let words = words(|newest: &Latest<u32, Sleeper>| {
        let mut writer = newest.writer_as(OTHER).unwrap();
        writer.store(0xA0);
        writer.store(0xA1);
        core::mem::forget(writer);
    });
    let expected = [(0, 2), (12, 2 | 0x2AA << 2), (140, 1), (148, 0xA0), (152, 2), (160, 0xA1)];
    assert_eq!(words, expected);
}

#[test]
fn a_ring_of_messages() {
    assert_eq!(size_and_align::<MessageRing<60>>(), (512, 128));
    let words = words(|ring: &MessageRing<60, Sleeper>| {
        let mut sender = ring.sender_as(ONE).unwrap();
        sender.try_send(b"ABCD").unwrap();
        sender.close();
        drop(ring.receiver_as(OTHER));
    });
    // As a ring of bytes, whose sender closed and whose receiver gave its half back; the length,
    // and the message.
    let expected = [(0, 8), (132, 1), (384, 4), (388, u32::from_ne_bytes(*b"ABCD"))];
    assert_eq!(words, expected);
}

#[test]
fn a_mutex() {
    assert_eq!(size_and_align::<Mutex<u64, Never>>(), (16, 8));
    assert_eq!(size_and_align::<Mutex<(), Never>>(), (8, 8));
    let words = words(|mutex: &Mutex<u64, Never>| {
        let handle = mutex.handle(ONE);
        let mut guard = handle.lock().unwrap();
        *guard = 0xB << 32 | 0xA;
        assert!(mutex.handle(OTHER).lock_deadline(None).is_err());
        core::mem::forget(guard);
    });
    // The holder's number and 1, and that somebody waits; the value.
    assert_eq!(words, [(0, 1 << 31 | 0x156), (8, 0xA), (12, 0xB)]);
}

#[test]
fn a_reentrant_mutex() {
    assert_eq!(size_and_align::<ReentrantMutex<u64, Lonely, Never>>(), (32, 8));
    let words = words(|mutex: &ReentrantMutex<u64, Lonely, Never>| {
        core::mem::forget((mutex.handle(ONE).lock(), mutex.handle(ONE).lock()));
    });
    // The holder; its thread and again the holder; how often.
    assert_eq!(words, [(0, 0x156), (8, 1), (12, 0x156), (16, 2)]);
}

#[test]
fn a_lock_for_readers_and_writers() {
    assert_eq!(size_and_align::<RwLock<u64, 2, Never>>(), (24, 8));
    let words = words(|lock: &RwLock<u64, 2, Never>| {
        *lock.handle(ONE).write().unwrap() = 0xB;
        core::mem::forget((lock.handle(ONE).read(), lock.handle(OTHER).read()));
    });
    // The writer is at 0, what one sleeps on at 4; the value, and the readers.
    assert_eq!(words, [(8, 0xB), (16, 0x156), (20, 0x2AB)]);
}

#[test]
fn semaphores() {
    assert_eq!(size_and_align::<Semaphore<3, Never>>(), (4, 4));
    let count = words(|count: &Semaphore<3, Never>| {
        assert!(count.try_acquire().is_ok() && count.try_acquire().is_ok());
    });
    // Two less than there were.
    assert_eq!(count, [(0, 0x7FFF_FFFE)]);
    assert_eq!(size_and_align::<BoundedSemaphore<2, Never>>(), (12, 4));
    let places = words(|places: &BoundedSemaphore<2, Never>| {
        places.handle(ONE).try_acquire().unwrap().keep();
        core::mem::forget(places.handle(OTHER).try_acquire());
    });
    // What one sleeps on is at 0; who has which permit, and whether it is kept.
    assert_eq!(places, [(4, 1 << 31 | 0x156), (8, 0x2AB)]);
}

#[test]
fn a_condition_an_event_and_a_barrier() {
    assert_eq!(size_and_align::<Condition<Never>>(), (8, 4));
    assert_eq!(size_and_align::<Event<Never>>(), (8, 4));
    let event = words(|event: &Event<Never>| {
        assert!(event.wait_deadline(None).is_err());
        event.set();
    });
    // That it is set, for the first time; that the one that slept was rung for.
    assert_eq!(event, [(0, 3), (4, 2)]);
    assert_eq!(size_and_align::<Barrier<2, Never>>(), (16, 4));
    let barrier = words(|barrier: &Barrier<2, Never>| {
        assert!(barrier.handle(ONE).wait_deadline(None).is_err());
    });
    // Broken in round 0; the ring; the first slot, free for round 1.
    assert_eq!(barrier, [(0, 3), (4, 2), (8, 1 << 14)]);
}
