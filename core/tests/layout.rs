//! Where the words of the structures lie that can be in shared memory, and what they say: the contract between a program and
//! one that was built another day, or for another width (`tests/tests/tools_width.rs` shows that these numbers hold for 32
//! bits too). A change here is a change of `ringway_core::region::VERSION`.
#![cfg(not(loom))]

use core::convert::Infallible;
use ringway_core::participant::Participant;
use ringway_core::region::{Part, SharedWait};
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{Doorbell, TimedOut, Wait};

/// Gives up at once, so that a word that says "somebody may be asleep" stays behind.
struct Never;

impl Wait for Never {
    type Deadline = Infallible;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<Infallible>) -> Result<(), TimedOut> {
        Err(TimedOut)
    }

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

// SAFETY: no bytes, and nobody sleeps by it.
unsafe impl SharedWait for Never {}

type Bell = Doorbell<Never>;

const ONE: Participant = Participant::new(0x155).unwrap();
const OTHER: Participant = Participant::new(0x2AA).unwrap();

/// Zeroed memory, as a new file has.
#[repr(align(128))]
struct Memory([u8; 1024]);

/// The words that are not zero after `act` on a structure in zeroed memory: offset and content.
fn words<P: Part>(act: impl FnOnce(&P)) -> Vec<(usize, u32)> {
    assert!(size_of::<P>() <= size_of::<Memory>());
    let mut memory = Memory([0; 1024]);
    // SAFETY: aligned and large enough, and zeroed memory is a fresh `Part`; the borrow ends with the call.
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
    assert_eq!(size_and_align::<Ring<u32, 8, Bell>>(), (384, 128));
    let words = words(|ring: &Ring<u32, 8, Bell>| {
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
        // The consumer's line: its position, who is the producer; what the producer sleeps on is at 136.
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
    assert_eq!(size_and_align::<ByteRing<60>>(), (384, 128));
    assert_eq!(size_and_align::<ByteRing<60, Bell>>(), (384, 128));
    let words = words(|ring: &ByteRing<60, Bell>| {
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
        (260, u32::from_ne_bytes(*b"ABCD")),
        (264, u32::from_ne_bytes(*b"EFGH")),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_queue() {
    assert_eq!(size_and_align::<Queue<u32, 4>>(), (384, 128));
    assert_eq!(size_and_align::<Queue<u32, 4, Bell>>(), (384, 128));
    let words = words(|queue: &Queue<u32, 4, Bell>| {
        let one = queue.seat(ONE);
        for value in 0xA0..0xA3 {
            one.try_push(value).unwrap();
        }
        core::mem::forget(one.try_reserve());
        core::mem::forget(queue.seat(OTHER).try_claim());
        assert!(one.push_deadline(9, None).is_err());
        queue.close();
    });
    let half = |number: u32, phase: u32| number << 16 | phase << 29;
    let expected = [
        // The tail: its position, whether the queue is closed; what the consumers sleep on is at 12.
        (0, 3),
        (8, 1),
        // The head: its position, what the producers sleep on, rung by `close`.
        (128, 1),
        (140, 2),
        // Which slot the message of a position is in: the position and 1, and in the upper 16 bits the slot.
        (256, 1),
        (264, 2),
        (268, 1 << 16),
        (272, 3),
        (276, 2 << 16),
        // Who has the slot: the position; participant and phase. Reading, committed, committed, writing.
        (292, half(0x2AA, 4)),
        (296, 1),
        (300, half(0x155, 2)),
        (304, 2),
        (308, half(0x155, 2)),
        (316, half(0x155, 1)),
        (320, 0xA0),
        (324, 0xA1),
        (328, 0xA2),
    ];
    assert_eq!(words, expected);
}
