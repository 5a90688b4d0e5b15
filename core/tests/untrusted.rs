//! Lanes between two sides that do not trust each other: what honest peers get, and that whatever a
//! hostile peer writes leads to an answer.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;

use ringway_core::Error;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::untrusted::{
    Consumer, Lane, Producer, Publisher, Reader, Receiver, Sender, Sleeper, Subscriber, Words,
    Writer,
};
use ringway_core::wait::{Spin, TimedOut};
use scaled::scaled;
use std::ptr::NonNull;

/// The memory of one side, as large as any lane here needs.
#[repr(align(128))]
struct Memory([AtomicU32; WORDS]);

const WORDS: usize = 512;

impl Memory {
    fn new() -> Self {
        Memory([const { AtomicU32::new(0) }; WORDS])
    }

    fn at(&self) -> NonNull<u8> {
        NonNull::from(&self.0).cast()
    }
}

/// Makes both halves of a lane, which spin unless another way to sleep is given for each.
macro_rules! pair {
    ($sending:expr, $receiving:expr, $lane:expr, $Tx:ty, $Rx:ty) => {
        pair!($sending, $receiving, $lane, $Tx, $Rx, Spin, Spin)
    };
    ($sending:expr, $receiving:expr, $lane:expr, $Tx:ty, $Rx:ty, $tx:expr, $rx:expr) => {{
        let (sending, receiving) = ($sending.at(), $receiving.at());
        // SAFETY: both pieces are large enough, aligned and zeroed, and each has one half that
        // writes. They are only accessed atomically, and outlive the halves.
        unsafe {
            (<$Tx>::new(sending, receiving, $lane, $tx), <$Rx>::new(receiving, sending, $lane, $rx))
        }
    }};
}

#[test]
fn bytes_arrive_in_order_around_the_end() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let lane = Lane::new(64).unwrap();
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Writer, Reader);
    let (mut next, mut expected) = (0_u8, 0_u8);
    for round in 0..200 {
        let bytes: Vec<u8> = (0..round % 70).map(|n| next.wrapping_add(n as u8)).collect();
        match tx.try_write(&bytes) {
            Ok(written) => next = next.wrapping_add(written as u8),
            Err(error) => assert_eq!(error, Error::WouldBlock),
        }
        let mut out = vec![0; (round * 7) % 50];
        let read = rx.try_read(&mut out).unwrap_or(0);
        for byte in &out[..read] {
            assert_eq!(*byte, expected);
            expected = expected.wrapping_add(1);
        }
    }
    assert!(expected > 0);
}

#[test]
fn the_end_comes_after_everything() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let lane = Lane::new(64).unwrap();
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Sender, Receiver);
    tx.try_send(b"last").unwrap();
    tx.try_send(b"").unwrap();
    drop(tx);
    let mut out = [0; 8];
    assert!(rx.peer_is_gone());
    assert_eq!((rx.recv_deadline(&mut out, None), &out[..4]), (Ok(4), &b"last"[..]));
    assert_eq!(rx.try_recv(&mut out), Ok(0));
    assert_eq!(rx.recv_deadline(&mut out, None), Err(Error::EndOfFile));

    let (sending, receiving) = (Memory::new(), Memory::new());
    let (mut tx, rx) = pair!(sending, receiving, lane, Producer<u64>, Consumer<u64>);
    tx.try_push(1).unwrap();
    drop(rx);
    assert_eq!(tx.push_deadline(2, None), Err(Error::BrokenPipe));
}

#[test]
fn a_full_lane_and_a_large_message_are_told_apart() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let lane = Lane::new(16).unwrap();
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Sender, Receiver);
    assert_eq!(tx.max_message(), 12);
    assert_eq!(tx.try_send(&[1; 13]), Err(Error::MessageTooLarge { max: 12 }));
    tx.try_send(&[1; 10]).unwrap();
    assert_eq!(tx.try_send(&[2; 3]), Err(Error::WouldBlock));
    let mut out = [0; 12];
    assert_eq!(rx.try_recv(&mut out[..9]), Err(Error::BufferTooSmall { needed: 10 }));
    assert_eq!(rx.try_recv(&mut out), Ok(10));
    tx.try_send(&[2; 12]).unwrap();
    let (sending, receiving) = (Memory::new(), Memory::new());
    let (mut tx, _rx) = pair!(sending, receiving, lane, Producer<[u64; 3]>, Reader);
    assert_eq!(tx.try_push([0; 3]), Err(Error::MessageTooLarge { max: 16 }));
}

/// Counts how often its peer is woken. Its deadline has always passed.
struct Counting<'c>(&'c AtomicU32);

impl Sleeper for Counting<'_> {
    type Deadline = ();

    fn sleep(&self, _: &AtomicU32, _: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        deadline.map_or(Ok(()), |()| Err(TimedOut))
    }

    fn wake(&self, _: &AtomicU32) {
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn peer_is_gone(&self) -> bool {
        false
    }
}

#[test]
fn nothing_and_no_room_are_told_from_the_end() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let lane = Lane::new(64).unwrap();
    assert_eq!((lane.sending_size(), lane.receiving_size()), (64 + 128, 128));
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Writer, Reader);
    let mut out = [0; 80];
    assert_eq!((rx.try_read(&mut []), rx.try_read(&mut out)), (Ok(0), Err(Error::WouldBlock)));
    assert_eq!((tx.try_write(&[7; 70]), tx.try_write(&[])), (Ok(64), Ok(0)));
    assert_eq!(tx.try_write(&[7]), Err(Error::WouldBlock));
    assert_eq!((rx.read_deadline(&mut out, None), out[63]), (Ok(64), 7));
    assert_eq!(tx.try_write(&[8; 3]), Ok(3));
    drop(tx);
    assert_eq!((rx.read_deadline(&mut out, None), out[2]), (Ok(3), 8));
    assert_eq!((rx.read_deadline(&mut out, None), rx.try_read(&mut out)), (Ok(0), Ok(0)));

    let (sending, receiving) = (Memory::new(), Memory::new());
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Producer<[u64; 8]>, Consumer<[u64; 8]>);
    assert_eq!(
        (rx.try_pop(), tx.try_push([5; 8])),
        (Err(Error::WouldBlock), Ok(())),
        "a full lane"
    );
    assert_eq!(tx.try_push([6; 8]), Err(Error::WouldBlock));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok([5; 8]), Err(Error::WouldBlock)));
    assert_eq!(tx.push_deadline([6; 8], None), Ok(()));
}

#[test]
fn a_peer_is_woken_only_if_it_sleeps() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let (sender_wakes, receiver_wakes) = (AtomicU32::new(0), AtomicU32::new(0));
    let lane = Lane::new(16).unwrap();
    let [tx, rx] = [&sender_wakes, &receiver_wakes].map(Counting);
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Sender<_>, Receiver<_>, tx, rx);
    let mut out = [0; 12];
    assert_eq!(rx.recv_deadline(&mut out, Some(())), Err(Error::TimedOut));
    assert_eq!(tx.send_deadline(&[1; 8], Some(())), Ok(()));
    assert_eq!(tx.send_deadline(&[2; 8], Some(())), Err(Error::TimedOut));
    assert_eq!(rx.recv_deadline(&mut out, Some(())), Ok(8));
    let wakes = || [&sender_wakes, &receiver_wakes].map(|wakes| wakes.load(Ordering::Relaxed));
    assert_eq!(wakes(), [0, 0], "each looked when it was its turn");
    // The second word of the second line of a side's words says that it sleeps.
    receiving.0[17].store(1, Ordering::Relaxed);
    assert_eq!(tx.try_send(&[2; 8]), Ok(()));
    assert_eq!(wakes(), [1, 0]);
    sending.0[17].store(1, Ordering::Relaxed);
    assert_eq!(rx.try_recv(&mut out), Ok(8));
    assert_eq!(wakes(), [1, 1]);
    drop(rx);
    assert_eq!((tx.send_deadline(b"", None), wakes()), (Err(Error::BrokenPipe), [1, 2]));
}

#[test]
fn a_subscriber_gets_every_value_or_the_newest() {
    let (sending, receiving) = (Memory::new(), Memory::new());
    let sizes = [1, 4, 64].map(|capacity| Publisher::<u32>::size(capacity).unwrap());
    assert!(size_of::<Words>() < sizes[0] && sizes[0] <= sizes[1] && sizes[1] + 240 <= sizes[2]);
    assert!(sizes[1] <= size_of_val(&sending));
    // SAFETY: both pieces are large enough, aligned and zeroed, and each has one side that writes.
    let tx = unsafe { Publisher::<u32>::new(sending.at(), receiving.at(), 4, Spin) };
    // SAFETY: both pieces are large enough, aligned and zeroed, and each has one side that writes.
    let rx = unsafe { Subscriber::<u32>::new(receiving.at(), sending.at(), 4, Spin) };
    let (mut tx, mut rx) = (tx.unwrap(), rx.unwrap());
    assert_eq!((rx.try_recv(), rx.newest()), (Ok(None), None));
    (1..=6).for_each(|value| tx.publish(&value));
    assert_eq!(rx.try_recv(), Err(RecvError::Lagged(2)));
    assert_eq!(rx.recv_deadline(None), Ok(3));
    assert_eq!((rx.newest(), rx.newest()), (Some(6), None));
    assert!(!rx.peer_is_gone());
    drop(tx);
    assert!(rx.peer_is_gone());
    assert_eq!(rx.recv_deadline(None), Err(RecvError::EndOfFile));
}

#[test]
fn positions_that_cannot_be_are_corrupt_for_good() {
    let lane = Lane::new(64).unwrap();
    // The first word of a side's memory is its position.
    let (sending, receiving) = (Memory::new(), Memory::new());
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Writer, Reader);
    assert_eq!(tx.try_write(&[0; 60]), Ok(60));
    receiving.0[0].store(61, Ordering::Relaxed);
    assert_eq!(tx.try_write(&[0; 64]), Err(Error::Corrupt));
    receiving.0[0].store(0, Ordering::Relaxed);
    assert_eq!(tx.write_deadline(&[0; 64], None), Err(Error::Corrupt));
    // Its end, on the second line of its words, does not hide that.
    receiving.0[16].store(1, Ordering::Relaxed);
    assert!(tx.peer_is_gone());
    assert_eq!(tx.try_write(&[]), Err(Error::Corrupt));
    sending.0[0].store(65, Ordering::Relaxed);
    assert_eq!(rx.try_read(&mut [0; 64]), Err(Error::Corrupt));
    sending.0[0].store(1, Ordering::Relaxed);
    assert_eq!(rx.try_read(&mut [0; 64]), Err(Error::Corrupt));

    // Backwards.
    let (sending, receiving) = (Memory::new(), Memory::new());
    let (mut tx, mut rx) = pair!(sending, receiving, lane, Writer, Reader);
    tx.try_write(&[0; 8]).unwrap();
    assert_eq!(rx.try_read(&mut [0; 4]), Ok(4));
    sending.0[0].store(4, Ordering::Relaxed);
    assert_eq!(rx.try_read(&mut [0; 64]), Err(Error::Corrupt));

    // A message that claims to be longer than what was sent, and half of a length.
    for (position, length) in [(8, 5_u32), (8, u32::MAX), (3, 0)] {
        let (sending, receiving) = (Memory::new(), Memory::new());
        let (_tx, mut rx) = pair!(sending, receiving, lane, Sender, Receiver);
        sending.0[size_of::<Words>() / 4].store(length, Ordering::Relaxed);
        sending.0[0].store(position, Ordering::Relaxed);
        assert_eq!(rx.try_recv(&mut [0; 64]), Err(Error::Corrupt));
        sending.0[0].store(0, Ordering::Relaxed);
        assert_eq!(rx.try_recv(&mut [0; 64]), Err(Error::Corrupt));
    }
    // Half of a value.
    let (sending, receiving) = (Memory::new(), Memory::new());
    let (_tx, mut rx) = pair!(sending, receiving, lane, Producer<u64>, Consumer<u64>);
    sending.0[0].store(7, Ordering::Relaxed);
    assert_eq!(rx.try_pop(), Err(Error::Corrupt));
}

/// A generator of numbers, from a seed that a failure prints.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as u32) % end
    }

    /// A word as a hostile peer would choose it: near what is there, at a limit, or any.
    fn word(&mut self, there: u32) -> u32 {
        match self.below(6) {
            0 => there.wrapping_add(self.below(9)).wrapping_sub(4),
            1 => there.wrapping_add(64),
            2 => 0,
            3 => u32::MAX - self.below(4),
            _ => (self.below(1 << 16) << 16) | self.below(1 << 16),
        }
    }

    /// Changes some words of a side's memory.
    fn scribble(&mut self, memory: &Memory) {
        for _ in 0..self.below(3) {
            // Half of the time one of the side's own words.
            let at = if self.below(2) == 0 { self.below(64) } else { self.below(WORDS as u32) };
            let word = &memory.0[at as usize];
            word.store(self.word(word.load(Ordering::Relaxed)), Ordering::Relaxed);
        }
    }
}

/// Every answer is one that the promise allows, and after `Corrupt` it stays that.
fn judge<R>(answer: Result<R, Error>, was_corrupt: &mut bool) {
    match answer {
        Err(Error::Corrupt) => *was_corrupt = true,
        Err(
            Error::WouldBlock
            | Error::EndOfFile
            | Error::BrokenPipe
            | Error::BufferTooSmall { needed: 0..=64 },
        )
        | Ok(_) => assert!(!*was_corrupt, "it was corrupt"),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_scribbling_peer_gets_answers_and_nothing_else() {
    let rounds = scaled(20_000) as u64;
    let lane = Lane::new(64).unwrap();
    let mut corrupt = [0; 2];
    for seed in 0..rounds {
        let mut random = Random(seed);
        let (mine, theirs) = (Memory::new(), Memory::new());
        let which = random.below(8);
        let mut out = [0; 64];
        let mut was_corrupt = false;
        let mut steps = |operation: &mut dyn FnMut(&mut Random) -> Result<(), Error>| {
            for _ in 0..16 {
                random.scribble(&theirs);
                let answer = operation(&mut random);
                judge(answer, &mut was_corrupt);
            }
        };
        macro_rules! half {
            ($Half:ty, $size:expr) => {
                // SAFETY: both pieces are large enough, aligned and zeroed, and only accessed
                // atomically. This half alone writes `mine`.
                unsafe { <$Half>::new(mine.at(), theirs.at(), $size, Spin) }
            };
        }
        match which {
            0 => {
                let mut half = half!(Writer, lane);
                steps(&mut |random| {
                    half.try_write(&[7; 80][..random.below(80) as usize]).map(drop)
                });
            }
            1 => {
                let mut half = half!(Reader, lane);
                steps(&mut |random| half.try_read(&mut out[..random.below(64) as usize]).map(drop));
            }
            2 => {
                let mut half = half!(Sender, lane);
                steps(&mut |random| half.try_send(&[7; 60][..random.below(60) as usize]));
            }
            3 => {
                let mut half = half!(Receiver, lane);
                steps(&mut |random| half.try_recv(&mut out[..random.below(64) as usize]).map(drop));
            }
            4 => {
                let mut half = half!(Producer<[u32; 3]>, lane);
                steps(&mut |random| half.try_push([random.below(9); 3]));
            }
            5 => {
                let mut half = half!(Consumer<[u32; 3]>, lane);
                steps(&mut |_| half.try_pop().map(drop));
            }
            6 => {
                let half = half!(Publisher<u64>, 4);
                let mut half = half.unwrap();
                steps(&mut |random| {
                    half.publish(&random.below(9).into());
                    Ok(())
                });
            }
            _ => {
                let half = half!(Subscriber<u64>, 4);
                let mut half = half.unwrap();
                steps(&mut |_| {
                    // Any value, any number of missed ones, or nothing.
                    let _ = half.try_recv();
                    half.newest();
                    Ok(())
                });
            }
        }
        corrupt[usize::from(was_corrupt)] += 1;
    }
    assert!(cfg!(miri) || corrupt.iter().all(|count| *count > rounds / 20), "{corrupt:?}");
}
