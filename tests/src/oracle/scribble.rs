//! A scribbler: somebody who can write the memory that others share, and writes anything anywhere
//! in it, before and between operations and in the middle of them.
//!
//! Bytes decide both the operations and what the scribbler writes. Whatever that is, each operation
//! ends with an answer, after a bounded number of steps, without a panic, and without an access out
//! of bounds. In hostile mode the answers are those of the promise too, and `Corrupt` stays.
//!
//! The same sequences run over memory that is mapped twice while another thread scribbles through
//! the other mapping ([`Source::Twice`]).

#[cfg(not(fuzzing))]
mod campaign;
mod driver;
mod hostile;
mod locks;
mod memory;
mod regions;
mod rings;
mod shared;
mod shim;
mod wait;
mod watch;

#[cfg(not(fuzzing))]
pub use campaign::{campaign, campaigns};
pub use driver::Tally;
pub use memory::{Race, Source, Twice};

use super::alone::Only;
use driver::Driver;
use memory::{Image, Memory};
use ringway_core::lock::{
    Barrier, BarrierView, BoundedSemaphore, BoundedSemaphoreView, Condition, Event, Mutex,
    ReentrantMutex, RwLock, RwLockView, Semaphore,
};
use ringway_core::region::{self, Layout, Part, RawPart, View};
use ringway_core::ring::broadcast::{Broadcast, BroadcastView, RawBroadcast};
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::latest::{Latest, RawLatest, SLOTS};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::ring::{RawRing, Ring, RingView};
use std::rc::Rc;
pub(super) use wait::Bounded;

/// A structure, and how a sequence over it runs.
#[derive(Debug)]
pub struct Subject {
    /// The structure and the mode.
    pub name: &'static str,
    run: fn(&[u8], Source) -> Tally,
}

impl Subject {
    /// Runs the sequence that `bytes` decide, over memory from `source`. `what` tells how to see it
    /// again, for a sequence that has no end.
    pub fn run(&self, bytes: &[u8], source: Source, what: impl FnOnce() -> String) -> Tally {
        watch::says(what);
        (self.run)(bytes, source)
    }
}

/// Everything that the scribbler writes over.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "ring, ordinary", run: ring },
    Subject { name: "raw ring, ordinary", run: raw_ring },
    Subject { name: "byte ring, ordinary", run: byte_ring },
    Subject { name: "message ring, ordinary", run: message_ring },
    Subject { name: "queue, ordinary", run: queue },
    Subject { name: "raw queue, ordinary", run: raw_queue },
    Subject { name: "broadcast, ordinary", run: broadcast },
    Subject { name: "raw broadcast, ordinary", run: raw_broadcast },
    Subject { name: "latest, ordinary", run: latest },
    Subject { name: "raw latest, ordinary", run: raw_latest },
    Subject { name: "mutex and condition, ordinary", run: mutex },
    Subject { name: "reentrant mutex, ordinary", run: reentrant },
    Subject { name: "readers-writer lock, ordinary", run: rwlock },
    Subject { name: "semaphore, ordinary", run: semaphore },
    Subject { name: "bounded semaphore, ordinary", run: bounded },
    Subject { name: "event, ordinary", run: event },
    Subject { name: "barrier, ordinary", run: barrier },
    Subject { name: "directory and all kinds, ordinary", run: whole_region },
    Subject { name: "byte writer, hostile", run: |bytes, source| half(bytes, source, 0) },
    Subject { name: "byte reader, hostile", run: |bytes, source| half(bytes, source, 1) },
    Subject { name: "message sender, hostile", run: |bytes, source| half(bytes, source, 2) },
    Subject { name: "message receiver, hostile", run: |bytes, source| half(bytes, source, 3) },
    Subject { name: "value producer, hostile", run: |bytes, source| half(bytes, source, 4) },
    Subject { name: "value consumer, hostile", run: |bytes, source| half(bytes, source, 5) },
    Subject { name: "publisher, hostile", run: |bytes, source| half(bytes, source, 6) },
    Subject { name: "subscriber, hostile", run: |bytes, source| half(bytes, source, 7) },
    Subject { name: "region without a name, ordinary", run: |bytes, it| shim::unnamed(bytes, &it) },
    Subject { name: "region with a name, ordinary", run: |bytes, it| shim::named(bytes, &it) },
];

/// Runs the sequence that these bytes decide. The first one says over which structure.
pub fn scribble(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let subject = &SUBJECTS[usize::from(*first) % SUBJECTS.len()];
    subject.run(rest, Source::Heap, || subject.name.to_owned());
}

/// Runs `operate` over fresh memory as `image` says, until it has no more decisions.
fn sequence(
    bytes: &[u8],
    source: Source,
    image: Image,
    operate: impl FnOnce(&Driver) -> Option<()>,
) -> Tally {
    let memory = Memory::new(source, &image);
    // The first two bytes have decided what the memory is.
    let driver = Rc::new(Driver::new(bytes.to_vec(), 2, image, memory));
    let running = wait::running(&driver);
    operate(&driver);
    drop(running);
    driver.check_kept();
    driver.tally()
}

/// What the first bytes decide: a number of items from 1 to `most`, and whether the type fixes it.
fn sizes(bytes: &[u8], most: usize) -> (usize, bool) {
    let [first, second] = [0, 1].map(|at| usize::from(bytes.get(at).copied().unwrap_or(0)));
    (1 + first % most, second % 2 == 0)
}

/// A sequence over one part of a region, which is opened again and again.
fn over_layout<P>(
    bytes: &[u8],
    source: Source,
    layout: Result<Layout<2>, region::Error>,
    open: impl Fn(&View<'static>) -> Result<P, region::Error>,
    operate: impl Fn(&Driver, P) -> Option<()>,
) -> Tally {
    sequence(bytes, source, Image::of_region(&layout.unwrap()), |d| {
        loop {
            match open(&d.view()) {
                Ok(part) => operate(d, part)?,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    d.put_front_right();
                    d.next(1)?;
                }
            }
        }
    })
}

/// A sequence over a part with room for `capacity` items.
fn over<P: Part + ?Sized>(
    bytes: &[u8],
    source: Source,
    capacity: usize,
    operate: fn(&Driver, &'static P) -> Option<()>,
) -> Tally {
    let layout = Layout::new(3).part_for::<P>("part", capacity);
    over_layout(bytes, source, layout, |view| view.part::<P>("part"), operate)
}

/// A sequence over a part whose items have no type here.
fn over_raw<R: RawPart<'static>>(
    bytes: &[u8],
    source: Source,
    capacity: usize,
    operate: fn(&Driver, R, usize) -> Option<()>,
) -> Tally {
    let (size, align) = [(12, 4), (8, 8), (1, 1), (6, 2)][sizes(bytes, 256).0 % 4];
    let item = std::alloc::Layout::from_size_align(size, align).unwrap();
    let layout = Layout::new(3).raw_part::<R>("part", capacity, item);
    let open = |view: &View<'static>| {
        let entry = view.entries().next().ok_or(region::Error::NotFound)?;
        // Two reads of the directory: they may differ, and then all values have a wrong size.
        Ok((view.raw_part::<R>("part")?, entry.description.item_size as usize))
    };
    over_layout(bytes, source, layout, open, |d, (part, size)| operate(d, part, size))
}

fn ring(bytes: &[u8], source: Source) -> Tally {
    match sizes(bytes, 9) {
        (_, true) => over::<Ring<u32, 8, Bounded>>(bytes, source, 8, rings::ring),
        (n, false) => over::<RingView<u32, Bounded>>(bytes, source, n, rings::ring),
    }
}

fn raw_ring(bytes: &[u8], source: Source) -> Tally {
    over_raw::<RawRing<'_, Bounded>>(bytes, source, sizes(bytes, 9).0, rings::raw_ring)
}

fn byte_ring(bytes: &[u8], source: Source) -> Tally {
    match sizes(bytes, 40) {
        (_, true) => over::<ByteRing<16, Bounded>>(bytes, source, 16, rings::byte_ring),
        (n, false) => over::<ByteRingView<Bounded>>(bytes, source, n, rings::byte_ring),
    }
}

fn message_ring(bytes: &[u8], source: Source) -> Tally {
    match sizes(bytes, 60) {
        (_, true) => over::<MessageRing<30, Bounded>>(bytes, source, 30, rings::message_ring),
        (n, false) => over::<MessageRingView<Bounded>>(bytes, source, n + 15, rings::message_ring),
    }
}

fn queue(bytes: &[u8], source: Source) -> Tally {
    let typed: fn(&Driver, &Queue<[u32; 3], 8, Bounded>) -> Option<()> = |d, queue| {
        d.saw(queue.try_push([1; 3]).is_ok());
        d.saw(queue.try_pop().is_some());
        shared::queue(d, queue)
    };
    match sizes(bytes, 70) {
        (_, true) => over(bytes, source, 8, typed),
        // Mostly small ones, where all meet; those of 64 and more also back off.
        (n @ 60.., false) => over::<QueueView<[u32; 3], Bounded>>(bytes, source, n, shared::queue),
        (n, false) => over::<QueueView<[u32; 3], Bounded>>(bytes, source, 1 + n % 9, shared::queue),
    }
}

fn raw_queue(bytes: &[u8], source: Source) -> Tally {
    over_raw::<RawQueue<'_, Bounded>>(bytes, source, sizes(bytes, 9).0, shared::raw_queue)
}

fn broadcast(bytes: &[u8], source: Source) -> Tally {
    type Eight = Broadcast<[u32; 3], 8, Bounded>;
    match sizes(bytes, 9) {
        (_, true) => over::<Eight>(bytes, source, 8, shared::broadcast),
        (n, false) => over::<BroadcastView<[u32; 3], Bounded>>(bytes, source, n, shared::broadcast),
    }
}

fn raw_broadcast(bytes: &[u8], source: Source) -> Tally {
    let n = sizes(bytes, 9).0;
    over_raw::<RawBroadcast<'_, Bounded>>(bytes, source, n, shared::raw_broadcast)
}

fn latest(bytes: &[u8], source: Source) -> Tally {
    over::<Latest<[u32; 3], Bounded>>(bytes, source, 1, shared::latest)
}

fn raw_latest(bytes: &[u8], source: Source) -> Tally {
    let operate: fn(&Driver, RawLatest<'_, Bounded>, usize) -> Option<()> =
        |d, latest, size| shared::raw_broadcast(d, *latest, size);
    over_raw(bytes, source, SLOTS, operate)
}

fn mutex(bytes: &[u8], source: Source) -> Tally {
    let layout = Layout::new(3)
        .part_for::<Mutex<[u32], Bounded>>("part", sizes(bytes, 9).0)
        .and_then(|layout| layout.part::<Condition<Bounded>>("condition"));
    let open = |view: &View<'static>| {
        Ok((view.part::<Mutex<[u32], Bounded>>("part")?, view.part("condition")?))
    };
    over_layout(bytes, source, layout, open, |d, (mutex, condition)| {
        locks::mutex(d, mutex, condition)
    })
}

fn reentrant(bytes: &[u8], source: Source) -> Tally {
    over::<ReentrantMutex<u64, Only, Bounded>>(bytes, source, 1, locks::reentrant)
}

fn rwlock(bytes: &[u8], source: Source) -> Tally {
    let typed: fn(&Driver, &RwLock<u64, 3, Bounded>) -> Option<()> = |d, lock| {
        d.saw(lock.try_read().is_ok());
        d.saw(lock.try_write().is_ok());
        locks::rwlock(d, lock)
    };
    match sizes(bytes, 9) {
        (_, true) => over(bytes, source, 3, typed),
        (n, false) => over::<RwLockView<u64, Bounded>>(bytes, source, n, locks::rwlock),
    }
}

fn semaphore(bytes: &[u8], source: Source) -> Tally {
    over::<Semaphore<2, Bounded>>(bytes, source, 1, locks::semaphore)
}

fn bounded(bytes: &[u8], source: Source) -> Tally {
    let typed: fn(&Driver, &BoundedSemaphore<3, Bounded>) -> Option<()> = |d, semaphore| {
        d.saw(semaphore.try_acquire().is_ok());
        locks::bounded(d, semaphore)
    };
    match sizes(bytes, 9) {
        (_, true) => over(bytes, source, 3, typed),
        (n, false) => over::<BoundedSemaphoreView<Bounded>>(bytes, source, n, locks::bounded),
    }
}

fn event(bytes: &[u8], source: Source) -> Tally {
    over::<Event<Bounded>>(bytes, source, 1, locks::event)
}

fn barrier(bytes: &[u8], source: Source) -> Tally {
    let typed: fn(&Driver, &Barrier<1, Bounded>) -> Option<()> =
        |d, barrier| locks::barrier(d, barrier);
    match sizes(bytes, 4) {
        (_, true) => over(bytes, source, 1, typed),
        (n, false) => over::<BarrierView<Bounded>>(bytes, source, n, locks::barrier),
    }
}

fn whole_region(bytes: &[u8], source: Source) -> Tally {
    sequence(bytes, source, Image::of_region(&regions::layout()), regions::region)
}

fn half(bytes: &[u8], source: Source, which: usize) -> Tally {
    sequence(bytes, source, Image::zeroed(256, 1024), |d| hostile::half(d, which))
}
