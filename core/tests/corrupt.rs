//! Structures whose memory something else wrote into. Whatever their words say, each operation ends
//! without a panic: with an ordinary answer, or with `Corrupt`. A wait keeps its deadline.
//!
//! A test uses a fresh structure for a while, and overwrites it: wholly, in one bit, or in a
//! few words. Some of the words are copies of its other words, so that walks can go in a circle.
//! Then the test calls every operation.
#![cfg(not(loom))]

#[path = "support/displace.rs"]
mod displace;
mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use displace::displace;
use random::Random;
use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, OwnerDied, ReentrantMutex,
    RwLock, Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::region::{Layout, View};
use ringway_core::ring::broadcast::{Broadcast, Reader};
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::{Queue, QueueView};
use ringway_core::ring::{PushError, Ring};
use ringway_core::storage::InMemory;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use scaled::scaled;
use std::mem::forget;
use std::num::NonZeroU32;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A way of waiting whose every deadline has passed.
#[derive(Debug, Clone, Copy, Default)]
struct Late;

impl Wake for Late {
    type Word = BellWord;

    const INIT: Self = Late;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Late {
    type Deadline = ();

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<()>) -> Result<(), TimedOut> {
        Err(TimedOut)
    }
}

type Sleeper = Late;

const NOW: Option<()> = Some(());

struct Only;

// SAFETY: a single thread uses each of the mutexes here, so one number names it.
unsafe impl ThreadId for Only {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

fn participants() -> impl Iterator<Item = Participant> {
    [1, 8191, 0, 2, 8190].into_iter().take(scaled(5)).filter_map(Participant::new)
}

/// Words at the edges of ranges.
const EDGES: [u32; 16] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    0x3FFF,
    0xFFFF,
    1 << 16,
    0x7FFF_FFFF,
    1 << 31,
    0xFFFF_0000,
    u32::MAX - 2,
    u32::MAX - 1,
    u32::MAX,
];

/// Overwrites the words of a structure; `state` numbers the ways.
fn overwrite(words: &mut [u32], state: u64) {
    let bits = words.len() as u64 * 32;
    if state < bits {
        words[(state / 32) as usize] ^= 1 << (state % 32);
        return;
    }
    let mut random = Random::new(state);
    let any = |random: &mut Random| (random.below(1 << 16) << 16 | random.below(1 << 16)) as u32;
    match state - bits {
        // Patterns with which C libraries and debuggers fill memory, and erased memory.
        0 => words.fill(u32::MAX),
        1 => words.fill(0xA5A5_A5A5),
        2 => words.fill(1),
        3 => words.fill(2),
        other => match other % 5 {
            0 => words.fill_with(|| any(&mut random)),
            1 => words.fill_with(|| EDGES[random.below(EDGES.len())]),
            2 => words.fill_with(|| random.below(8) as u32),
            kind => {
                for _ in 0..1 + random.below(6) {
                    let to = random.below(words.len());
                    let from = words[random.below(words.len())];
                    words[to] = match random.below(3) {
                        0 => EDGES[random.below(EDGES.len())],
                        1 => from.wrapping_add(random.below(5) as u32).wrapping_sub(2),
                        _ if kind == 3 => from ^ 1 << random.below(32),
                        _ => any(&mut random),
                    };
                }
            }
        },
    }
}

/// A piece of the memory of a structure that gets overwritten, aligned for each of them.
#[derive(Clone, Copy)]
#[repr(C, align(128))]
struct Line([u32; 32]);

/// Overwrites the structure in every way, and calls `everything` on it each time. Fails when a call
/// panics or does not return.
///
/// The structure begins as zeroed memory, and `use_it` puts something in it. So all of its bytes
/// are initialized, its padding too.
fn assert_survives<S: 'static>(what: &'static str, use_it: fn(&mut S), everything: fn(&mut S)) {
    let (tell, told) = channel();
    let now = Arc::new(AtomicU64::new(0));
    let shown = now.clone();
    let tester = std::thread::spawn(move || {
        let states = 8 * size_of::<S>() + 4000;
        for state in (0..states).step_by(states / scaled(states)) {
            now.store(state as u64, Ordering::Relaxed);
            assert!(align_of::<S>() <= align_of::<Line>() && size_of::<S>().is_multiple_of(4));
            let mut memory = vec![Line([0; 32]); size_of::<S>().div_ceil(size_of::<Line>())];
            let structure = NonNull::from(&mut *memory).cast::<S>();
            // SAFETY: the memory is large enough, aligned, and nobody else uses it. Zeroes are a
            // fresh structure.
            use_it(unsafe { &mut *structure.as_ptr() });
            let count = size_of::<S>() / 4;
            // SAFETY: `count` whole words lie in this memory, and nobody else uses it.
            let words = unsafe { slice::from_raw_parts_mut(structure.as_ptr().cast(), count) };
            overwrite(words, state as u64);
            // SAFETY: the structure lies here. Its words and its plain values are valid whatever
            // their bits are: that is what this tests.
            everything(unsafe { &mut *structure.as_ptr() });
            // SAFETY: the structure lies here, whatever its bits are, and nobody uses it
            // afterwards.
            unsafe { structure.drop_in_place() };
        }
        let _ = tell.send(());
    });
    match told.recv_timeout(Duration::from_secs(300)) {
        Ok(()) => tester.join().unwrap(),
        Err(RecvTimeoutError::Disconnected) => {
            let state = shown.load(Ordering::Relaxed);
            assert!(tester.join().is_ok(), "{what} in state {state}: it panicked");
        }
        Err(RecvTimeoutError::Timeout) => {
            panic!("{what} in state {}: a call does not return", shown.load(Ordering::Relaxed));
        }
    }
}

fn use_queue<const N: usize>(queue: &mut Queue<u32, N, Sleeper>) {
    for value in 0..2 * N as u32 {
        queue.try_push(value).unwrap();
        queue.try_pop().unwrap();
    }
    queue.try_push(7).unwrap();
    forget(queue.handle(Participant::new(1).unwrap()).try_claim());
    let _ = queue.try_push(8);
}

/// The queue at `at`, seen as one of another value type.
///
/// # Safety
/// There is a queue of `capacity` slots at `at`, for `'q`. The caller takes no value from it.
unsafe fn words_of<'q>(at: NonNull<u8>, capacity: usize) -> &'q QueueView<(), Sleeper> {
    // SAFETY: the caller guarantees a queue of `capacity` slots at `at`, for `'q`.
    unsafe { QueueView::from_raw(at, capacity).unwrap().as_ref() }
}

fn call_everything_of_a_queue<const N: usize>(queue: &mut Queue<u32, N, Sleeper>) {
    // SAFETY: the queue is at this address, has `N` slots, and outlives `untyped`. None of the
    // calls below takes a value through it.
    let untyped = unsafe { words_of(NonNull::from(&*queue).cast(), N) };
    let _ = (untyped.is_valid(), untyped.len(), untyped.is_empty(), untyped.pushed());
    let _ = (untyped.unfinished(), untyped.is_closed());
    for who in participants() {
        let handle = queue.handle(who);
        for value in 0..N as u32 + 1 {
            let _ = (handle.try_push(value), handle.push_deadline(value, NOW));
        }
        if let Ok(loan) = handle.try_reserve() {
            drop(loan);
        }
        for _ in 0..N + 1 {
            let _ = (handle.try_pop(), handle.pop_deadline(NOW), queue.len(), queue.is_empty());
            // This puts the value back into the queue.
            drop(handle.try_claim());
            let claim = handle.claim_deadline(NOW);
            let _ = claim.map(|claim| claim.complete());
        }
        let _ = (handle.join_deadline(NOW), queue.unfinished(), queue.has_ended());
        let _ = (queue.producers_are_gone(), queue.refused(), queue.max_attempts());
        drop((handle.producer(), handle.producer()));
        queue.set_max_attempts(2);
        // SAFETY: no other thread uses the structure, so nobody acts for the participant.
        let _ = unsafe { handle.recover(Participant::new(1).unwrap()) };
        // SAFETY: nobody acts for participant 8191.
        let _ = unsafe { handle.recover(Participant::new(8191).unwrap()) };
    }
    queue.close();
    let _ = (queue.try_push(1), queue.try_pop(), queue.has_ended(), queue.unfinished());
    let _ = queue.handle(Participant::LOCAL).pop_deadline(NOW);
}

#[test]
fn a_corrupt_queue_never_panics_or_hangs() {
    assert_survives("a queue of 1", use_queue::<1>, call_everything_of_a_queue);
    assert_survives("a queue of 3", use_queue::<3>, call_everything_of_a_queue);
    assert_survives("a queue of 4", use_queue::<4>, call_everything_of_a_queue);
}

#[test]
#[cfg(not(no_cas))] // There are no entries there: a unit test has its links.
fn a_queue_with_circular_entries_is_corrupt() {
    const N: usize = 4;
    let mut queue = Box::new(Queue::<u32, N, Sleeper>::new());
    use_queue(&mut queue);
    // Each entry leads to the next one, a quarter of all positions further on. The hints lead to
    // the first.
    let ends = size_of::<Queue<(), 0, Sleeper>>();
    let at = NonNull::from(&mut *queue).cast::<u8>();
    let put = |offset: usize, word: u64| {
        // SAFETY: every caller passes the offset of a word in the queue.
        let place = unsafe { at.add(offset) }.cast::<u64>();
        // SAFETY: the word lies in the queue, aligned to 8 bytes, and nobody else uses the queue.
        unsafe { place.write(word) };
    };
    for index in 0..N {
        let position = (index as u64) << 46 | index as u64;
        // The entries lie behind the ends, each beside an owner word.
        put(ends + 16 * index, position << 16);
        put(ends + 16 * index + 8, 0);
    }
    // The first word of each end is its hint.
    put(0, 1 << 16);
    put(ends / 3, 1 << 16);
    // SAFETY: the queue is at this address, has `N` slots, and `is_valid` takes no value.
    assert!(!unsafe { words_of(at, N) }.is_valid());
    assert_eq!(queue.try_reserve().unwrap_err(), Error::Corrupt);
    let handle = queue.handle(Participant::LOCAL);
    assert_eq!(handle.pop_deadline(NOW), Err(Error::Corrupt));
    assert_eq!((queue.try_pop(), queue.len()), (None, 0));
}

/// Overwrites the word of a structure that lies at `at`, in bytes.
fn put<S>(structure: &S, at: usize, word: u32) {
    assert!(at.is_multiple_of(4) && at + 4 <= size_of::<S>());
    // SAFETY: the word lies in the structure, by the check above.
    let place = unsafe { NonNull::from(structure).cast::<AtomicU32>().byte_add(at) };
    // SAFETY: every caller passes the place of an atomic word.
    unsafe { place.as_ref() }.store(word, Ordering::Relaxed);
}

/// The number of a participant that no participant has, in the words of locks.
const NO_ONE: u32 = 0x3FFF;

#[test]
fn a_holder_that_cannot_be_holds_until_the_deadline() {
    let all = || (0..=Participant::MAX).filter_map(Participant::new);
    let mutex = Mutex::<u32, Sleeper>::new(5);
    put(&mutex, 0, NO_ONE);
    assert!(mutex.try_lock().is_err() && mutex.lock_deadline(NOW).is_err());
    // SAFETY: no other thread uses the structure, so nobody acts for the participants.
    assert!(all().all(|who| !unsafe { mutex.recover(who) }));
    put(&mutex, 0, 0);
    assert_eq!(mutex.try_lock().map(|guard| *guard).ok(), Some(5));

    let lock = RwLock::<u32, 2, Sleeper>::new(5);
    put(&lock, 0, NO_ONE);
    assert!(lock.try_read().is_err() && lock.read_deadline(NOW).is_err());
    assert!(lock.try_write().is_err() && lock.write_deadline(NOW).is_err());
    // SAFETY: no other thread uses the structure, so nobody acts for the participants.
    assert!(all().all(|who| !unsafe { lock.recover(who) }));

    let places = BoundedSemaphore::<2, Sleeper>::new();
    put(&places, 4, NO_ONE);
    assert_eq!(places.permits(), 1);
    let last = places.try_acquire().unwrap();
    assert!(places.acquire_deadline(NOW).is_err());
    drop(last);
    // SAFETY: no other thread uses the structure, so nobody acts for the participants.
    assert!(all().all(|who| unsafe { places.recover(who) } == 0));
}

#[test]
fn bits_that_mean_nothing_change_nothing() {
    // Waiters that are none, and the bits between the holder and the flags.
    for word in [1 << 31, 0x3FFF_C000, 1 << 31 | 0x3FFF_C000] {
        let mutex = Mutex::<u32, Sleeper>::new(5);
        put(&mutex, 0, word);
        assert_eq!(mutex.lock_deadline(NOW).map(|guard| *guard).ok(), Some(5), "{word:#x}");
        assert!(mutex.try_lock().is_ok(), "{word:#x}: it was given back");
        let lock = RwLock::<u32, 2, Sleeper>::new(5);
        put(&lock, 0, word);
        assert!(lock.write_deadline(NOW).is_ok() && lock.read_deadline(NOW).is_ok(), "{word:#x}");
    }
    // Any count is one that an event may have.
    let event = Event::<Sleeper>::new();
    put(&event, 0, u32::MAX - 1);
    assert!(!event.is_set() && event.wait_deadline(NOW).is_err());
    event.set();
    assert!(event.is_set());
    // As many permits as there can be: no more come.
    let permits = Semaphore::<2, Sleeper>::new();
    put(&permits, 0, Semaphore::<2, Sleeper>::MAX - 2);
    assert_eq!(permits.permits(), Semaphore::<2, Sleeper>::MAX);
    assert!(permits.release(1).is_err() && permits.try_acquire().is_ok());
}

/// The words of the halves lie behind the positions, each on the line of the other side.
#[test]
#[cfg(not(uncached))] // There are no lines there.
fn words_of_halves_that_nobody_writes_name_nobody() {
    let ring = Ring::<u32, 3, Sleeper>::new();
    let [producers, consumers] = [128 + 4, 4];
    let held_by_no_one = u32::MAX << 2 | 2;
    put(&ring, producers, held_by_no_one);
    put(&ring, consumers, held_by_no_one);
    assert!(ring.producer().is_none() && ring.consumer().is_none());
    assert!(!ring.producer_is_gone() && !ring.consumer_is_gone());
    for who in (0..=Participant::MAX).filter_map(Participant::new) {
        // SAFETY: no other thread uses the structure, so nobody acts for the participant.
        assert_eq!(unsafe { ring.recover(who) }, 0);
    }
    // A number in the word of a half that nobody holds.
    put(&ring, producers, 7 << 2);
    assert!(!ring.producer_is_gone());
    assert!(ring.producer().is_some_and(|mut it| it.try_push(1).is_ok()));
}

/// Positions of a ring of three run from 0 to 5, and the two are at most three apart. A half whose
/// own position is none is not given; who has a half is told.
#[test]
#[cfg(not(uncached))] // There is nobody there who could write them.
fn positions_that_no_ring_has_are_corrupt() {
    for (tail, head) in [(6, 0), (0, 6), (u32::MAX, 0), (4, 0), (5, 1), (0, 1), (2, 4)] {
        let ring = Ring::<u32, 3, Sleeper>::new();
        displace(&ring, 0, tail);
        displace(&ring, 1, head);
        assert_eq!((ring.is_valid(), ring.len()), (tail < 6 && head < 6, 0), "{tail}, {head}");
        let pushed = ring.producer().map(|mut it| it.push_deadline(1, NOW));
        assert_eq!(pushed, (tail < 6).then_some(Err(PushError::Corrupt(1))), "{tail}, {head}");
        let popped = ring.consumer().map(|mut it| it.pop_deadline(NOW));
        assert_eq!(popped, (head < 6).then_some(Err(Error::Corrupt)), "{tail}, {head}");
    }
    for (tail, head) in [(0, 0), (3, 0), (5, 2), (1, 4)] {
        let ring = Ring::<u32, 3, Sleeper>::new();
        displace(&ring, 0, tail);
        displace(&ring, 1, head);
        assert!(ring.is_valid(), "{tail}, {head}");
    }
}

#[test]
fn a_corrupt_ring_never_panics_or_hangs() {
    type Three = Ring<u32, 3, Sleeper>;
    fn use_it(ring: &mut Three) {
        ring.producer().unwrap().try_push_slice(&[1, 2, 3]);
        ring.consumer().unwrap().try_pop();
    }
    assert_survives("a ring", use_it, |ring: &mut Three| {
        for who in participants() {
            let _ = (ring.is_valid(), ring.len(), ring.is_empty(), ring.producer_is_gone());
            if let Some(mut producer) = ring.producer_as(who) {
                let _ = (producer.try_push(1), producer.room(), producer.try_push_slice(&[1; 9]));
                let _ = producer.push_deadline(1, NOW);
            }
            if let Some(mut consumer) = ring.consumer_as(who) {
                let _ = (consumer.front().copied(), consumer.len(), consumer.try_pop());
                let _ = (consumer.try_pop_slice(&mut [0; 9]), consumer.pop_deadline(NOW));
                consumer.clear();
            }
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { ring.recover(who) };
        }
    });
}

#[test]
fn a_corrupt_byte_ring_never_panics_or_hangs() {
    type Nine = ByteRing<9, Sleeper>;
    fn use_it(ring: &mut Nine) {
        ring.producer().unwrap().try_write(b"seven");
        ring.consumer().unwrap().try_read(&mut [0; 3]);
        ring.producer().unwrap().try_write(b"more");
    }
    assert_survives("a ring of bytes", use_it, |ring: &mut Nine| {
        for who in participants() {
            let _ = (ring.is_valid(), ring.len(), ring.is_empty(), ring.producer_is_gone());
            if let Some(mut producer) = ring.producer_as(who) {
                let _ = (producer.try_write(b"abc"), producer.room(), producer.try_write_all(b"d"));
                let _ = producer.write_deadline(b"efghijklmnop", NOW);
                if let Ok(grant) = producer.try_reserve(4) {
                    grant.commit(3);
                }
                if let Ok(grant) = producer.try_reserve_up_to(9) {
                    grant.commit(1);
                }
            }
            if let Some(mut consumer) = ring.consumer_as(who) {
                let mut out = [0; 12];
                let _ = consumer.try_peek(1).map(|grant| grant.release(1));
                let _ = (consumer.len(), consumer.is_empty(), consumer.try_read(&mut out[..2]));
                let _ = consumer.read_deadline(&mut out, NOW);
                consumer.clear();
            }
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { ring.recover(who) };
        }
    });
}

#[test]
fn an_invalid_peer_position_ends_a_wait() {
    let ring = Ring::<u32, 3, Sleeper>::new();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    displace(&ring, 0, u32::MAX);
    assert_eq!(consumer.pop(), Err(Error::Corrupt));
    displace(&ring, 1, u32::MAX);
    producer.try_push_slice(&[1; 3]);
    assert_eq!(producer.push(1), Err(PushError::Corrupt(1)));

    let ring = ByteRing::<9, Sleeper>::new();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    displace(&ring, 0, u32::MAX);
    assert_eq!(consumer.read(&mut [0; 3]), Err(Error::Corrupt));
    assert_eq!(consumer.peek(2).err(), Some(Error::Corrupt));
    displace(&ring, 1, u32::MAX);
    producer.try_write(&[1; 9]);
    assert_eq!(producer.write(&[1]), Err(Error::Corrupt));

    let ring = MessageRing::<30, Sleeper>::new();
    let (mut sender, mut receiver) = (ring.sender().unwrap(), ring.receiver().unwrap());
    displace(&ring, 0, u32::MAX);
    assert_eq!(receiver.recv(&mut [0; 3]), Err(Error::Corrupt));
    displace(&ring, 1, u32::MAX);
    while sender.try_send(b"more").is_ok() {}
    assert_eq!(sender.send(b"more"), Err(Error::Corrupt));
}

/// A ring, and memory after it that nobody may write.
#[repr(C)]
struct Guarded<R> {
    ring: R,
    after: [u32; 8],
}

impl<R> Guarded<R> {
    fn new(ring: R) -> Self {
        Guarded { ring, after: [9; 8] }
    }
}

/// Somebody overwrites a side's own position between a grant and its use. The side goes on where
/// it was granted the slots. The words are such that they lead past the end of the memory.
#[test]
fn a_chunk_stays_where_it_was_granted() {
    for to in [7, 8, u32::MAX] {
        let guarded = Guarded::new(Ring::<u32, 3, Sleeper>::new());
        let ring = &guarded.ring;
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut chunk = producer.try_reserve(3).unwrap();
        displace(ring, 0, to);
        chunk.push(1).unwrap();
        displace(ring, 0, to);
        assert_eq!(chunk.fill([2]), 1);
        displace(ring, 0, to);
        assert_eq!(chunk.as_uninit().0.len(), 1);
        assert_eq!(chunk.commit(), 2);

        let chunk = consumer.try_peek(2).unwrap();
        displace(ring, 1, to);
        assert_eq!(chunk.as_slices().0, [1, 2]);
        chunk.release(1);
        assert_eq!((consumer.try_pop(), consumer.try_pop()), (Some(2), None));
        assert_eq!(guarded.after, [9; 8]);
    }
}

#[test]
fn a_grant_of_bytes_stays_where_it_was_granted() {
    for to in [19, 25, u32::MAX] {
        let guarded = Guarded::new(ByteRing::<9, Sleeper>::new());
        let ring = &guarded.ring;
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut grant = producer.try_reserve(4).unwrap();
        displace(ring, 0, to);
        grant.copy_from_slice(b"four");
        grant.commit(4);

        let grant = consumer.try_peek(4).unwrap();
        displace(ring, 1, to);
        assert_eq!(&*grant, b"four");
        grant.release(3);
        assert_eq!(&*consumer.try_peek(1).unwrap(), b"r");
        assert_eq!(guarded.after, [9; 8]);
    }
}

/// Without caches, a half has no copy of its own position: it finds nothing, and says why.
#[test]
fn an_own_position_is_judged_or_not_read() {
    for to in [19, 25, u32::MAX] {
        let guarded = Guarded::new(ByteRing::<9, Sleeper>::new());
        let ring = &guarded.ring;
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        displace(ring, 0, to);
        let written = producer.try_write(b"four");
        displace(ring, 0, to);
        let _ = (producer.try_reserve(3).is_ok(), producer.try_reserve_up_to(3).is_ok());
        let _ = (producer.room(), producer.try_write_all(b"more"));
        displace(ring, 0, 4);
        displace(ring, 1, to);
        let (first, second) = consumer.as_slices();
        assert_eq!(first.len() + second.len(), if cfg!(uncached) { 0 } else { 4 });
        assert_eq!(written, first.len());
        let _ = (consumer.try_peek(1).is_ok(), consumer.len(), consumer.is_empty());
        consumer.consume(1);
        consumer.clear();
        assert_eq!(guarded.after, [9; 8]);

        let guarded = Guarded::new(Ring::<u32, 9, Sleeper>::new());
        let ring = &guarded.ring;
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        displace(ring, 0, to);
        assert_eq!(producer.try_push(1).is_ok(), cfg!(not(uncached)));
        displace(ring, 0, to);
        assert_eq!(producer.push_deadline(1, NOW).is_ok(), cfg!(not(uncached)));
        displace(ring, 0, 2);
        displace(ring, 1, to);
        assert_eq!(consumer.front().is_some(), cfg!(not(uncached)));
        assert_eq!(consumer.try_pop().is_some(), cfg!(not(uncached)));
        consumer.clear();
        assert_eq!(guarded.after, [9; 8]);
    }
}

/// A consumer's position that goes back takes room away that the producer knew of. The room is
/// never more than the ring, and nothing is written past it.
#[test]
fn room_that_is_taken_back_is_not_written_to() {
    type Sixteen = ByteRing<16, Sleeper>;
    let looks: [fn(&mut ringway_core::ring::bytes::Producer<&Sixteen>); 3] = [
        |producer| assert_eq!(producer.room(), 0),
        |producer| assert_eq!(producer.reserve_deadline(8, NOW).err(), Some(Error::TimedOut)),
        |producer| assert_eq!(producer.try_reserve(8).err(), Some(Error::WouldBlock)),
    ];
    for look in looks {
        let ring = Sixteen::new();
        let mut producer = ring.producer().unwrap();
        assert_eq!(producer.try_write(&[1; 9]), 9);
        // One lap back: the ring seems to be full.
        displace(&ring, 1, 25);
        look(&mut producer);
        assert!(producer.try_write(&[2; 6]) <= 6 && producer.room() <= 16);
        assert!(producer.try_write(&[3; 40]) <= 16 && producer.room() <= 16);
    }
}

#[test]
fn a_corrupt_message_ring_never_panics_or_hangs() {
    type Thirty = MessageRing<30, Sleeper>;
    fn use_it(ring: &mut Thirty) {
        ring.sender().unwrap().try_send(b"first").unwrap();
        ring.receiver().unwrap().try_recv(&mut [0; 9]).unwrap();
        ring.sender().unwrap().try_send(b"second").unwrap();
        ring.sender().unwrap().try_send(b"3").unwrap();
    }
    assert_survives("a ring of messages", use_it, |ring: &mut Thirty| {
        for who in participants() {
            let _ = (ring.is_valid(), ring.is_empty(), ring.sender_is_gone());
            if let Some(mut sender) = ring.sender_as(who) {
                let _ = (sender.try_send(b"one"), sender.send_deadline(b"", NOW));
                if let Ok(grant) = sender.try_reserve(2) {
                    grant.commit(1);
                }
            }
            if let Some(mut receiver) = ring.receiver_as(who) {
                let mut out = [0; 12];
                if let Ok(grant) = receiver.try_peek() {
                    grant.release();
                }
                let _ = (receiver.try_recv(&mut out), receiver.peek_deadline(NOW).is_ok());
                let _ = receiver.recv_deadline(&mut out, NOW);
            }
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { ring.recover(who) };
        }
    });
}

#[test]
fn a_corrupt_broadcast_never_panics_or_hangs() {
    type Three = Broadcast<u32, 3, Sleeper>;
    fn use_it(broadcast: &mut Three) {
        let mut writer = broadcast.writer().unwrap();
        (0..5).for_each(|value| writer.send(value));
        drop(writer);
    }
    assert_survives("a broadcast", use_it, |broadcast: &mut Three| {
        for who in participants() {
            let _ = (broadcast.sent(), broadcast.holder(), broadcast.writer_is_gone());
            let mut readers = [broadcast.reader(), Reader::from_oldest(&*broadcast)];
            for reader in &mut readers {
                let _ = (reader.try_recv(), reader.behind(), reader.recv_deadline(NOW));
                let _ = reader.try_recv_into(&mut 0);
            }
            if let Some(mut writer) = broadcast.writer_as(who) {
                writer.send(1);
                let _ = writer.sent();
            }
            for reader in &mut readers {
                let _ = (reader.try_recv(), reader.behind(), reader.recv_deadline(NOW));
            }
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { broadcast.recover(who) };
        }
    });
}

#[test]
fn a_corrupt_latest_never_panics_or_hangs() {
    type Value = Latest<u32, Sleeper>;
    fn use_it(latest: &mut Value) {
        let mut writer = latest.writer().unwrap();
        (0..5).for_each(|value| writer.store(value));
        drop(writer);
    }
    assert_survives("a latest value", use_it, |latest: &mut Value| {
        for who in participants() {
            let _ = (latest.version(), latest.load(), latest.writer_is_gone());
            let _ = latest.wait_newer_deadline(Version::NONE, NOW);
            let _ = latest.wait_newer_deadline(latest.version(), NOW);
            if let Some(mut writer) = latest.writer_as(who) {
                writer.store(1);
            }
            let _ = latest.load();
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { latest.recover(who) };
        }
    });
}

#[test]
fn a_corrupt_mutex_never_panics_or_hangs() {
    type Both = (Mutex<u32, Late>, Condition<Late>);
    assert_survives(
        "a mutex and a condition",
        |_| (),
        |(mutex, condition): &mut Both| {
            for who in participants() {
                let handle = mutex.handle(who);
                let _ = (mutex.holder(), handle.try_lock().map(|_| ()));
                let guard = match handle.lock_deadline(NOW) {
                    Ok(guard) => Some(guard),
                    Err(LockError::OwnerDied(died)) => Some(died.repair(|_| ())),
                    Err(LockError::NotTaken(_)) => None,
                };
                if let Some(guard) = guard {
                    let again = condition.wait_deadline(guard, NOW);
                    condition.notify(1);
                    let again = again.map_or_else(OwnerDied::into_inner, |(guard, _)| guard);
                    drop(condition.wait_while_deadline(again, NOW, |_| true));
                }
                condition.notify_all();
                // SAFETY: no other thread uses the structure, so nobody acts for the participant.
                let _ = unsafe { mutex.recover(who) };
            }
        },
    );
}

#[test]
fn a_corrupt_reentrant_mutex_never_panics_or_hangs() {
    type Again = ReentrantMutex<u32, Only, Late>;
    assert_survives(
        "a reentrant mutex",
        |_| (),
        |mutex: &mut Again| {
            for who in participants() {
                let handle = mutex.handle(who);
                let _ = mutex.holder();
                let first = handle.lock_deadline(NOW);
                let second = handle.try_lock();
                drop(first);
                drop(second);
                // SAFETY: no other thread uses the structure, so nobody acts for the participant.
                let _ = unsafe { mutex.recover(who) };
            }
        },
    );
}

#[test]
fn a_corrupt_rwlock_never_panics_or_hangs() {
    type Lock = RwLock<u32, 3, Late>;
    assert_survives(
        "a readers-writer lock",
        |_| (),
        |lock: &mut Lock| {
            for who in participants() {
                let handle = lock.handle(who);
                let _ = (lock.writer(), lock.readers());
                drop((handle.try_read(), handle.read_deadline(NOW).map(|_| ())));
                drop(handle.try_write());
                if let Err(LockError::OwnerDied(died)) = handle.write_deadline(NOW) {
                    drop(died.repair(|_| ()));
                }
                // SAFETY: no other thread uses the structure, so nobody acts for the participant.
                let _ = unsafe { lock.recover(who) };
            }
        },
    );
}

#[test]
fn corrupt_semaphores_never_panic_or_hang() {
    type All = (Semaphore<2, Late>, BoundedSemaphore<3, Late>, Event<Late>);
    assert_survives(
        "semaphores and an event",
        |_| (),
        |(semaphore, bounded, event): &mut All| {
            for who in participants() {
                let _ = (semaphore.permits(), semaphore.try_acquire());
                let _ = (semaphore.acquire_deadline(NOW), semaphore.release(2));
                let _ = semaphore.release(u32::MAX);
                let handle = bounded.handle(who);
                drop((handle.try_acquire(), handle.acquire_deadline(NOW)));
                let _ = handle.try_acquire().map(|permit| permit.keep());
                let _ = handle.release();
                // SAFETY: no other thread uses the structure, so nobody acts for the participant.
                let _ = unsafe { bounded.recover(who) };
                let _ = (event.is_set(), event.wait_deadline(NOW));
                event.set();
                event.clear();
            }
        },
    );
}

#[test]
fn a_corrupt_barrier_never_panics_or_hangs() {
    type Two = Barrier<2, Late>;
    fn use_it(barrier: &mut Two) {
        let _ = barrier.wait_deadline(NOW);
        barrier.reset();
    }
    assert_survives("a barrier", use_it, |barrier: &mut Two| {
        for who in participants() {
            let handle = barrier.handle(who);
            let _ = (barrier.waiting(), barrier.is_broken(), handle.wait_deadline(NOW));
            barrier.abort();
            let _ = handle.wait_deadline(NOW);
            barrier.reset();
            let _ = handle.wait_deadline(NOW);
            // SAFETY: no other thread uses the structure, so nobody acts for the participant.
            let _ = unsafe { barrier.recover(who) };
        }
    });
    assert_survives(
        "a barrier for one",
        |_| (),
        |barrier: &mut Barrier<1, Late>| {
            let first = barrier.wait_deadline(NOW);
            barrier.reset();
            let second = barrier.wait_deadline(NOW);
            // A reset puts the count right, unless a slot looks taken. So both answers are allowed.
            let _ = (first, second);
        },
    );
}

#[test]
fn a_corrupt_region_never_panics_or_hangs() {
    type Jobs = Queue<u32, 4>;
    type Numbers = Ring<u32, 4>;
    #[repr(C, align(128))]
    struct Memory([u32; 512]);
    fn layout() -> Layout<2> {
        let layout = Layout::<2>::new(3).part::<Jobs>("jobs").unwrap();
        layout.part::<Numbers>("numbers").unwrap()
    }
    fn use_it(memory: &mut Memory) {
        let at = memory.0.as_mut_ptr().cast::<u8>();
        let size = layout().size();
        assert!(size <= size_of::<Memory>());
        // SAFETY: the first `size` bytes of the memory are initialized, and borrowed exclusively.
        layout().write(unsafe { slice::from_raw_parts_mut(at, size) }).unwrap();
        // SAFETY: the memory has `size` bytes, and nobody else writes them.
        assert!(unsafe { View::new(NonNull::new(at).unwrap(), size) }.is_ok());
    }
    assert_survives("a region", use_it, |memory: &mut Memory| {
        let at = NonNull::from(&mut *memory).cast::<u8>();
        for length in [layout().size(), size_of::<Memory>(), 64, 0] {
            // SAFETY: the memory has these bytes, and nobody else writes them.
            let Ok(view) = (unsafe { View::new(at, length) }) else { continue };
            let _ = (view.length(), view.parts(), view.next_generation());
            for entry in view.entries() {
                let _ = (entry.name().len(), entry.offset());
            }
            for place in view.places() {
                let _ = place.occupant();
            }
            let _ = view.part::<Numbers>("numbers").map(|ring| (ring.len(), ring.is_valid()));
            let _ = view.part::<Jobs>("jobs").map(|queue| (queue.try_push(1), queue.try_pop()));
        }
    });
}
