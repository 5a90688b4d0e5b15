//! The layout and the content of the words of structures in shared memory. This is the contract
//! between programs that were built on different days, or for different widths
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

/// A way of waiting that gives up at once. The word that says "somebody may be asleep" stays
/// behind.
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

// SAFETY: the type has no bytes, and its `wait` never sleeps.
unsafe impl SharedWait for Never {}

type Sleeper = Never;

/// The thread's number in a program with one thread.
enum Lonely {}

// SAFETY: a single thread uses each of the mutexes here, so one number names it.
unsafe impl ThreadId for Lonely {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

const ONE: Participant = Participant::new(0x155).unwrap();
const OTHER: Participant = Participant::new(0x2AA).unwrap();

/// Zeroed memory, as in a new file.
#[repr(align(128))]
struct Memory([u8; 1024]);

/// The offset and content of each word that is not zero after `act` on a structure in zeroed
/// memory.
fn words<P: Part>(act: impl FnOnce(&P)) -> Vec<(usize, u32)> {
    assert!(size_of::<P>() <= size_of::<Memory>());
    let mut memory = Memory([0; 1024]);
    // SAFETY: the memory is aligned and large enough, and zeroed memory is a fresh `Part`. The
    // borrow ends with the call.
    act(unsafe { &*(&raw mut memory).cast::<P>() });
    let words = memory.0.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
    (0..).step_by(4).zip(words).filter(|(_, word)| *word != 0).collect()
}

/// Which of the two words of a number of 64 bits has its lower half.
const LOW: usize = cfg!(target_endian = "big") as usize;

/// The two words of a number of 64 bits at `at`, in the order of the processor.
fn long(at: usize, number: u64) -> [(usize, u32); 2] {
    let (low, high) = (number as u32, (number >> 32) as u32);
    if cfg!(target_endian = "big") {
        [(at, high), (at + 4, low)]
    } else {
        [(at, low), (at + 4, high)]
    }
}

fn size_and_align<P>() -> (usize, usize) {
    (size_of::<P>(), align_of::<P>())
}

#[test]
fn ring_layout_is_fixed() {
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
        // The producer's line: its position, the holder of the consumer's half, the doorbell that
        // the consumer sleeps on.
        (0, 3),
        (4, 2 | 0x2AA << 2),
        (8, 1),
        // The consumer's line: its position, the holder of the producer's half. The doorbell that
        // the producer sleeps on is at 136.
        (128, 3),
        (132, 2 | 0x155 << 2),
        (256, 0xA0),
        (260, 0xA1),
        (264, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn byte_ring_layout_is_fixed() {
    assert_eq!(size_and_align::<ByteRing<60>>(), (512, 128));
    assert_eq!(size_and_align::<ByteRing<60, Sleeper>>(), (512, 128));
    let words = words(|ring: &ByteRing<60, Sleeper>| {
        let mut producer = ring.producer_as(ONE).unwrap();
        let mut consumer = ring.consumer_as(OTHER).unwrap();
        producer.try_write(&[0; 56]);
        consumer.try_read(&mut [0; 56]);
        // This grant lies behind a gap of four bytes.
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
        // The mark of the gap, and the bytes behind it.
        (256, 56),
        (384, u32::from_ne_bytes(*b"ABCD")),
        (388, u32::from_ne_bytes(*b"EFGH")),
    ];
    assert_eq!(words, expected);
}

#[test]
fn queue_layout_is_fixed() {
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
    // A position's number takes the upper 48 bits.
    let entry = |number: u32, slot: u32| number << 16 | slot;
    let owned = |number: u32, by: u32, phase: u32| number << 16 | by << 3 | phase;
    let half = |at: usize, number: u32| long(at, number.into())[LOW];
    let expected = [
        // The tail: its hint, and whether the queue is closed. The doorbell that the consumers
        // sleep on is at 16.
        half(0, 4 << 16),
        (8, 1),
        // The head: the same, and the doorbell that the producers sleep on, which `close` rang.
        half(128, 2 << 16),
        (136, 1),
        (144, 2),
        // The limit of claims; the count of registrations; the registered producer: its number plus
        // 1, and the count of its handles above.
        (256, 9),
        (264, 1),
        (268, 1 << 14 | 0x156),
        // Cells of two words. The entry: which slot has the message of a position. The owner word:
        // position, participant and phase. The slots are writing, reading, committed, committed.
        half(392, owned(0, 0x155, 1)),
        half(400, entry(1, 1)),
        half(408, owned(1, 0x2AA, 4)),
        half(416, entry(2, 2)),
        half(424, owned(2, 0x155, 2)),
        half(432, entry(3, 3)),
        half(440, owned(3, 0x155, 2)),
        // Behind the cells, a word for the attempts of each slot, and then the values.
        (484, 0xA0),
        (488, 0xA1),
        (492, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn broadcast_layout_is_fixed() {
    assert_eq!(size_and_align::<Broadcast<u32, 2>>(), (256, 128));
    assert_eq!(size_and_align::<Broadcast<u32, 2, Sleeper>>(), (256, 128));
    let words = words(|news: &Broadcast<u32, 2, Sleeper>| {
        let mut writer = news.writer_as(ONE).unwrap();
        (0xA0..0xA3).for_each(|message| writer.send(message));
        assert!(news.reader().recv_deadline(None).is_err());
        core::mem::forget(writer);
    });
    let expected = [
        // The newest number, followed by its two upper words; the writer; the doorbell that the
        // readers sleep on.
        (0, 3),
        (12, 2 | 0x155 << 2),
        (16, 1),
        // Number, its upper word, message: for 2 and for 3.
        (128, 2),
        (136, 0xA1),
        (140, 3),
        (148, 0xA2),
    ];
    assert_eq!(words, expected);
}

#[test]
fn latest_layout_is_fixed() {
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
fn message_ring_layout_is_fixed() {
    assert_eq!(size_and_align::<MessageRing<60>>(), (512, 128));
    let words = words(|ring: &MessageRing<60, Sleeper>| {
        let mut sender = ring.sender_as(ONE).unwrap();
        sender.try_send(b"ABCD").unwrap();
        sender.close();
        drop(ring.receiver_as(OTHER));
    });
    // As in a ring of bytes whose sender closed and whose receiver gave its half back. Then the
    // length, whose first byte is the lowest, and the message.
    let expected = [(0, 8), (132, 1), (384, u32::from_le(4)), (388, u32::from_ne_bytes(*b"ABCD"))];
    assert_eq!(words, expected);
}

#[test]
fn mutex_layout_is_fixed() {
    assert_eq!(size_and_align::<Mutex<u64, Never>>(), (16, 8));
    assert_eq!(size_and_align::<Mutex<(), Never>>(), (8, 8));
    let words = words(|mutex: &Mutex<u64, Never>| {
        let handle = mutex.handle(ONE);
        let mut guard = handle.lock().unwrap();
        *guard = 0xB << 32 | 0xA;
        assert!(mutex.handle(OTHER).lock_deadline(None).is_err());
        core::mem::forget(guard);
    });
    // The holder's number plus 1, with the bit for "somebody waits"; the value.
    let [first, second] = long(8, 0xB << 32 | 0xA);
    assert_eq!(words, [(0, 1 << 31 | 0x156), first, second]);
}

#[test]
fn reentrant_mutex_layout_is_fixed() {
    assert_eq!(size_and_align::<ReentrantMutex<u64, Lonely, Never>>(), (32, 8));
    let words = words(|mutex: &ReentrantMutex<u64, Lonely, Never>| {
        core::mem::forget((mutex.handle(ONE).lock(), mutex.handle(ONE).lock()));
    });
    // The holder; its thread and again the holder; the depth.
    let [first, second] = long(8, 0x156 << 32 | 1);
    assert_eq!(words, [(0, 0x156), first, second, (16, 2)]);
}

#[test]
fn rwlock_layout_is_fixed() {
    assert_eq!(size_and_align::<RwLock<u64, 2, Never>>(), (24, 8));
    let words = words(|lock: &RwLock<u64, 2, Never>| {
        *lock.handle(ONE).write().unwrap() = 0xB;
        core::mem::forget((lock.handle(ONE).read(), lock.handle(OTHER).read()));
    });
    // The writer is at 0, and the doorbell at 4. Then the value, and the readers.
    assert_eq!(words, [long(8, 0xB)[LOW], (16, 0x156), (20, 0x2AB)]);
}

#[test]
fn semaphore_layout_is_fixed() {
    assert_eq!(size_and_align::<Semaphore<3, Never>>(), (4, 4));
    let count = words(|count: &Semaphore<3, Never>| {
        assert!(count.try_acquire().is_ok() && count.try_acquire().is_ok());
    });
    // Two permits less than at first.
    assert_eq!(count, [(0, 0x7FFF_FFFE)]);
    assert_eq!(size_and_align::<BoundedSemaphore<2, Never>>(), (12, 4));
    let places = words(|places: &BoundedSemaphore<2, Never>| {
        places.handle(ONE).try_acquire().unwrap().keep();
        core::mem::forget(places.handle(OTHER).try_acquire());
    });
    // The doorbell is at 0. Then who has which permit, and whether it is kept.
    assert_eq!(places, [(4, 1 << 31 | 0x156), (8, 0x2AB)]);
}

#[test]
fn condition_event_and_barrier_layout_is_fixed() {
    assert_eq!(size_and_align::<Condition<Never>>(), (8, 4));
    assert_eq!(size_and_align::<Event<Never>>(), (8, 4));
    let event = words(|event: &Event<Never>| {
        assert!(event.wait_deadline(None).is_err());
        event.set();
    });
    // The event is set, for the first time; the sleeper was rung for.
    assert_eq!(event, [(0, 3), (4, 2)]);
    assert_eq!(size_and_align::<Barrier<2, Never>>(), (16, 4));
    let barrier = words(|barrier: &Barrier<2, Never>| {
        assert!(barrier.handle(ONE).wait_deadline(None).is_err());
    });
    // The barrier is broken in round 0; it was rung; the first slot is free for round 1.
    assert_eq!(barrier, [(0, 3), (4, 2), (8, 1 << 14)]);
}
