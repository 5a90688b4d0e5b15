//! Queues for several producers and consumers.

use crate::measure::{Found, Passes, median, switches};
use crate::message::{Rx, Tx};
use crate::rings::Shared;
use crate::sides::{Cpus, pin};
use ringway_core::ring::queue::{Queue, QueueView};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Instant;
use std::{hint, thread};

/// The capacity of each queue, in messages.
const CAPACITY: usize = 1024;

/// A queue that takes any number of producers and consumers, or as many as it says.
pub trait Mpmc {
    /// A producer's half.
    type Tx: Tx<u64> + Send;
    /// A consumer's half.
    type Rx: Rx<u64> + Send;

    /// A new one with this many halves.
    fn open(producers: usize, consumers: usize) -> (Vec<Self::Tx>, Vec<Self::Rx>);
}

/// The same again and again.
fn copies<T: Clone>(one: T, count: usize) -> Vec<T> {
    vec![one; count]
}

macro_rules! mpmc {
    ($($(#[$meta:meta])* $name:ident: $tx:ty, $rx:ty => $open:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name;

            impl Mpmc for $name {
                type Tx = $tx;
                type Rx = $rx;

                fn open(producers: usize, consumers: usize) -> (Vec<$tx>, Vec<$rx>) {
                    let (tx, rx) = $open;
                    (copies(tx, producers), copies(rx, consumers))
                }
            }
        )*
    };
}

type Array = crossfire::mpmc::Array<u64>;
type HeaplessQueue = heapless::mpmc::Queue<u64, CAPACITY>;

mpmc! {
    /// Ringway's queue.
    Ours: &'static Queue<u64, CAPACITY>, &'static Queue<u64, CAPACITY> => {
        let queue: &'static Queue<u64, CAPACITY> = Box::leak(Box::new(Queue::new()));
        (queue, queue)
    };
    /// The same, with a capacity that is known at run time.
    OursCounted: &'static QueueView<u64>, &'static QueueView<u64> => {
        let queue: &'static Queue<u64, CAPACITY> = Box::leak(Box::new(Queue::new()));
        let queue: &QueueView<u64> = std::hint::black_box(queue);
        (queue, queue)
    };
    /// crossbeam's array queue.
    ArrayQueue: Shared<crossbeam_queue::ArrayQueue<u64>>, Shared<crossbeam_queue::ArrayQueue<u64>> => {
        let queue = Arc::new(crossbeam_queue::ArrayQueue::new(CAPACITY));
        (Shared(queue.clone()), Shared(queue))
    };
    /// crossbeam's bounded channel.
    CrossbeamChannel: crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64> =>
        crossbeam_channel::bounded(CAPACITY);
    /// kanal's bounded channel.
    Kanal: kanal::Sender<u64>, kanal::Receiver<u64> => kanal::bounded(CAPACITY);
    /// crossfire's bounded channel.
    Crossfire: crossfire::MTx<Array>, crossfire::MRx<Array> =>
        crossfire::mpmc::bounded_blocking(CAPACITY);
    /// gil, its queue for many.
    Gil: gil::mpmc::Sender<u64>, gil::mpmc::Receiver<u64> =>
        gil::mpmc::channel(NonZeroUsize::new(CAPACITY).expect("a capacity"));
    /// thingbuf.
    ThingBuf: Shared<thingbuf::ThingBuf<u64>>, Shared<thingbuf::ThingBuf<u64>> => {
        let queue = Arc::new(thingbuf::ThingBuf::new(CAPACITY));
        (Shared(queue.clone()), Shared(queue))
    };
    /// heapless, its queue for many, which its authors advise against.
    Heapless: &'static HeaplessQueue, &'static HeaplessQueue => {
        #[expect(deprecated, reason = "it is a peer nevertheless")]
        let queue: &'static HeaplessQueue = Box::leak(Box::new(HeaplessQueue::new()));
        (queue, queue)
    };
}

impl Tx<u64> for &'static HeaplessQueue {
    #[inline(always)]
    fn put(&mut self, message: &u64) -> bool {
        self.enqueue(*message).is_ok()
    }
}

impl Rx<u64> for &'static HeaplessQueue {
    #[inline(always)]
    fn get(&mut self, into: &mut u64) -> bool {
        self.dequeue().map(|message| *into = message).is_some()
    }
}

macro_rules! half {
    ($tx:ty, $rx:ty, $send:ident, $recv:ident) => {
        impl Tx<u64> for $tx {
            #[inline(always)]
            fn put(&mut self, message: &u64) -> bool {
                self.$send(*message).is_ok()
            }
        }

        impl Rx<u64> for $rx {
            #[inline(always)]
            fn get(&mut self, into: &mut u64) -> bool {
                match self.$recv().into_iter().next() {
                    Some(message) => {
                        *into = message;
                        true
                    }
                    None => false,
                }
            }
        }
    };
}

half!(crossfire::MTx<Array>, crossfire::MRx<Array>, try_send, try_recv);
half!(gil::mpmc::Sender<u64>, gil::mpmc::Receiver<u64>, try_send, try_recv);
half!(gil::mpsc::Sender<u64>, gil::mpsc::Receiver<u64>, try_send, try_recv);
half!(nexus_queue::mpsc::Producer<u64>, nexus_queue::mpsc::Consumer<u64>, push, pop);

macro_rules! mpsc {
    ($($(#[$meta:meta])* $name:ident: $tx:ty, $rx:ty => $open:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name;

            impl Mpmc for $name {
                type Tx = $tx;
                type Rx = $rx;

                fn open(producers: usize, consumers: usize) -> (Vec<$tx>, Vec<$rx>) {
                    assert_eq!(consumers, 1, "for one consumer");
                    let (tx, rx) = $open;
                    (copies(tx, producers), vec![rx])
                }
            }
        )*
    };
}

mpsc! {
    /// The standard library's bounded channel.
    StdChannel: mpsc::SyncSender<u64>, mpsc::Receiver<u64> => mpsc::sync_channel(CAPACITY);
    /// nexus-queue, its queue for many producers.
    Nexus: nexus_queue::mpsc::Producer<u64>, nexus_queue::mpsc::Consumer<u64> =>
        nexus_queue::mpsc::ring_buffer(CAPACITY);
    /// gil, its queue for many producers.
    GilMpsc: gil::mpsc::Sender<u64>, gil::mpsc::Receiver<u64> =>
        gil::mpsc::channel(NonZeroUsize::new(CAPACITY).expect("a capacity"));
}

/// Tries until it succeeds. There may be more threads than processors, so it yields now and then.
#[inline(always)]
fn insist(mut attempt: impl FnMut() -> bool) {
    let mut tries = 0_u32;
    while !attempt() {
        tries += 1;
        if tries.is_multiple_of(128) { thread::yield_now() } else { hint::spin_loop() }
    }
}

/// Threads that begin together. The time counts from the first step of any of them to the last.
/// Each reads the clock itself: the thread that started them may get no processor before one of
/// them is done.
struct Race {
    begin: Barrier,
    legs: Mutex<Vec<(Instant, Instant)>>,
}

impl Race {
    fn new(threads: usize) -> Self {
        Race { begin: Barrier::new(threads), legs: Mutex::default() }
    }

    /// Waits for the others; the thread's part ends when the answer is dropped.
    fn leg(&self) -> Leg<'_> {
        self.begin.wait();
        Leg(self, Instant::now())
    }

    fn seconds(self) -> f64 {
        let legs = self.legs.into_inner().expect("no thread panicked");
        let first = legs.iter().map(|leg| leg.0).min().expect("a thread");
        let last = legs.iter().map(|leg| leg.1).max().expect("a thread");
        (last - first).as_secs_f64()
    }
}

struct Leg<'r>(&'r Race, Instant);

impl Drop for Leg<'_> {
    fn drop(&mut self) {
        let end = Instant::now();
        if let Ok(mut legs) = self.0.legs.lock() {
            legs.push((self.1, end));
        }
    }
}

/// States the producer of a message, and checks that the messages of each producer arrive in order.
const SHIFT: u32 = 48;

/// Messages a second with this many producers and consumers, which the system places where it
/// likes.
pub fn rate<Q: Mpmc>(producers: usize, consumers: usize) -> Found {
    let pass = |each: u64| {
        let (txs, rxs) = Q::open(producers, consumers);
        let all = each * producers as u64;
        let race = Race::new(producers + consumers);
        let (taken, sum) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|s| {
            for (who, mut tx) in txs.into_iter().enumerate() {
                let race = &race;
                s.spawn(move || {
                    let _leg = race.leg();
                    for n in 1..=each {
                        insist(|| tx.put(&((who as u64) << SHIFT | n)));
                    }
                });
            }
            for mut rx in rxs {
                let (race, taken, sum) = (&race, &taken, &sum);
                s.spawn(move || {
                    let _leg = race.leg();
                    let mut last = vec![0; producers];
                    let (mut message, mut added, mut count) = (0, 0_u64, 0);
                    // Consumers agree in batches on how many messages are left, so that the count
                    // is not what is measured.
                    while taken.fetch_add(64, Ordering::Relaxed) < all {
                        for _ in 0..64 {
                            insist(|| rx.get(&mut message));
                            let (who, n) =
                                ((message >> SHIFT) as usize, message & ((1 << SHIFT) - 1));
                            assert!(last[who] < n, "out of order");
                            last[who] = n;
                            added += n;
                            count += 1;
                        }
                    }
                    assert!(consumers > 1 || count == all, "a message is missing");
                    sum.fetch_add(added, Ordering::Relaxed);
                });
            }
        });
        let seconds = race.seconds();
        let expected = producers as u64 * (each * (each + 1) / 2);
        assert_eq!(sum.into_inner(), expected, "a message is missing, or came twice");
        all as f64 / seconds
    };
    let first = pass(4096);
    let each = ((first * 0.02) as u64 / producers as u64).max(2048).next_multiple_of(64);
    let rates = (0..3).map(|_| pass(each)).collect();
    vec![("rate", median(rates).unwrap_or(f64::NAN))]
}

/// Messages a second when two pinned threads each push one and pop one, again and again.
pub fn both<Q: Mpmc>() -> Found {
    let Cpus(first, second) = Cpus::chosen();
    let pass = |each: u64| {
        let (txs, rxs) = Q::open(2, 2);
        let race = Race::new(2);
        let (sum, put_off) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|s| {
            for ((mut tx, mut rx), cpu) in txs.into_iter().zip(rxs).zip([first, second]) {
                let (race, sum, put_off) = (&race, &sum, &put_off);
                s.spawn(move || {
                    pin(cpu);
                    let _leg = race.leg();
                    let before = switches();
                    let (mut message, mut added) = (0, 0_u64);
                    for n in 1..=each {
                        insist(|| tx.put(&n));
                        insist(|| rx.get(&mut message));
                        added += message;
                    }
                    sum.fetch_add(added, Ordering::Relaxed);
                    put_off.fetch_add(switches() - before, Ordering::Relaxed);
                });
            }
        });
        let seconds = race.seconds();
        assert_eq!(sum.into_inner(), each * (each + 1), "a message is missing, or came twice");
        (2.0 * each as f64 / seconds, put_off.into_inner() == 0)
    };
    let (first, _) = pass(4096);
    let each = ((first * 0.002) as u64).max(2048);
    let mut passes = Passes::default();
    for _ in 0..7 {
        let (rate, clean) = pass(each);
        passes.add(rate, clean);
    }
    let mut found = Found::new();
    passes.enter("rate", &mut found);
    found
}
