//! The region itself: header, directory and attach table, with parts of all kinds. Each part is
//! looked up anew for each use, also as what it is not.

use super::super::alone::{Only, participant};
use super::driver::Driver;
use super::wait::Bounded;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, BoundedSemaphoreView, Condition, Event, Mutex, ReentrantMutex,
    RwLock, RwLockView, Semaphore,
};
use ringway_core::plain::Words;
use ringway_core::region::{self, AnyPart, Layout, Occupant, View};
use ringway_core::ring::broadcast::{Broadcast, BroadcastView, RawBroadcast};
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::{Latest, RawLatest};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::ring::{RawRing, Ring, RingView};
use ringway_core::sync::Ordering;
use std::sync::atomic::AtomicU32;

const NAMES: [&str; 16] = [
    "ring",
    "queue",
    "bytes",
    "messages",
    "broadcast",
    "latest",
    "mutex",
    "reentrant",
    "rwlock",
    "semaphore",
    "bounded",
    "barrier",
    "event",
    "condition",
    "count",
    "words",
];

pub(super) fn layout() -> Layout<16> {
    fn laid_out() -> Result<Layout<16>, region::Error> {
        Layout::new(3)
            .part::<Ring<u32, 4, Bounded>>("ring")?
            .part::<Queue<u32, 4, Bounded>>("queue")?
            .part::<ByteRing<32, Bounded>>("bytes")?
            .part::<MessageRing<32, Bounded>>("messages")?
            .part::<Broadcast<u32, 4, Bounded>>("broadcast")?
            .part::<Latest<u32, Bounded>>("latest")?
            .part::<Mutex<[u32; 5], Bounded>>("mutex")?
            .part::<ReentrantMutex<u32, Only, Bounded>>("reentrant")?
            .part::<RwLock<u32, 4, Bounded>>("rwlock")?
            .part::<Semaphore<2, Bounded>>("semaphore")?
            .part::<BoundedSemaphore<3, Bounded>>("bounded")?
            .part::<Barrier<1, Bounded>>("barrier")?
            .part::<Event<Bounded>>("event")?
            .part::<Condition<Bounded>>("condition")?
            .part::<[AtomicU32; 3]>("count")?
            .part::<[Words<[u16; 3]>; 3]>("words")
    }
    laid_out().unwrap()
}

/// Operations on the region.
pub(super) fn region(d: &Driver) -> Option<()> {
    let end = d.memory().at().addr().get() + d.size();
    loop {
        let which = d.next(26)?;
        let view = view(d)?;
        match which {
            0 | 1 => each_entry(d, &view, end),
            2 => {
                let layout = layout();
                if let Err((part, error)) = view.check(&layout) {
                    assert!(!part.is_empty() && !error.to_string().is_empty());
                }
            }
            3 | 4 => {
                // SAFETY: nothing acts for this participant between two steps.
                d.saw(unsafe { view.recover::<Bounded>(participant(2), d.dead()?) } > 0);
            }
            5 => {
                let places = view.places();
                let free = places.iter().position(|place| place.occupant().is_none());
                match (d.below(2)?, free.and_then(|at| places.get(at))) {
                    (0, Some(place)) => {
                        let generation = view.next_generation();
                        place.take(Occupant { generation, process: 7 });
                    }
                    _ => places.iter().for_each(|place| place.free()),
                }
                let last = places.last().map_or(0, |place| std::ptr::from_ref(place).addr() + 16);
                assert!(last <= end);
            }
            6 => {
                for word in view.upkeep() {
                    std::hint::black_box(word.load(Ordering::Relaxed));
                }
            }
            7 | 8 => raw(d, &view)?,
            _ => typed(d, &view, which - 9)?,
        }
    }
}

/// The region as somebody sees it who attaches now, by its size or by another one.
fn view(d: &Driver) -> Option<View<'static>> {
    if d.below(8)? > 0 {
        return Some(d.view());
    }
    let length = [d.size() - 128, 0, 63, 64, 128, 256][d.below(6)?];
    match d.view_of(length) {
        Ok(view) => Some(view),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Some(d.view())
        }
    }
}

/// Looks at each part by its directory entry alone.
fn each_entry(d: &Driver, view: &View<'_>, end: usize) {
    for entry in view.entries() {
        d.turn();
        let Some(part) = AnyPart::<Bounded>::new(&entry.description) else { continue };
        let at = view.at(&entry);
        let size = entry.description.size as usize;
        assert!(part.words() <= size && at.addr().get() + size <= end, "{:?}", entry.name());
        // SAFETY: the part lies there, by the view, and `words` is at most its size.
        let state = unsafe { part.look(at) };
        std::hint::black_box(state);
        let _ = (entry.name().len(), entry.description.kind.name());
    }
    d.saw(true);
}

/// Uses a part whose items have no type here.
fn raw(d: &Driver, view: &View<'_>) -> Option<()> {
    let name = NAMES[d.below(NAMES.len())?];
    let size = view.entries().find(|entry| entry.name() == name)?.description.item_size as usize;
    let (value, mut out) = (vec![7; size.min(1 << 16)], vec![0; size.min(1 << 16)]);
    let me = d.me();
    let done = match d.below(4)? {
        0 => view.raw_part::<RawRing<'_, Bounded>>(name).map(|ring| {
            let pushed = ring.producer_as(me).is_some_and(|mut it| it.try_push(&value).is_ok());
            pushed | ring.consumer_as(me).is_some_and(|mut it| it.try_pop(&mut out).is_ok())
        }),
        1 => view.raw_part::<RawQueue<'_, Bounded>>(name).map(|queue| {
            let queue = queue.handle(me);
            queue.try_push(&value).is_ok() | queue.try_pop(&mut out).is_ok()
        }),
        2 => view.raw_part::<RawBroadcast<'_, Bounded>>(name).map(|broadcast| {
            let mut reader = broadcast.reader_from_oldest();
            let sent = broadcast.writer_as(me).is_some_and(|mut it| it.send(&value).is_ok());
            sent | reader.try_recv(&mut out).is_ok()
        }),
        _ => view.raw_part::<RawLatest<'_, Bounded>>(name).map(|latest| {
            let mut reader = latest.reader_from_oldest();
            let sent = latest.writer_as(me).is_some_and(|mut it| it.send(&value).is_ok());
            sent | reader.try_recv(&mut out).is_ok()
        }),
    };
    saw(d, done);
    Some(())
}

/// Counts a use of a part, or puts the directory right.
fn saw(d: &Driver, done: Result<bool, region::Error>) {
    match done {
        Ok(done) => d.saw(done),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if d.below(2) == Some(0) {
                d.put_front_right();
            }
        }
    }
}

/// Uses a part as one of a type, mostly its own.
fn typed(d: &Driver, view: &View<'_>, which: usize) -> Option<()> {
    let name = match d.below(8)? {
        0 => NAMES[d.below(NAMES.len())?],
        _ => NAMES[which.min(NAMES.len() - 1)],
    };
    let (me, soon, sized) = (d.me(), d.soon()?, d.below(2)? == 0);
    let done = match which {
        0 if sized => view.part::<Ring<u32, 4, Bounded>>(name).map(|ring| {
            let pushed = ring.producer_as(me).is_some_and(|mut it| it.try_push(1).is_ok());
            pushed | ring.consumer_as(me).is_some_and(|mut it| it.try_pop().is_some())
        }),
        0 => view.part::<RingView<u32, Bounded>>(name).map(|ring| {
            let pushed = ring.producer_as(me).is_some_and(|mut it| it.try_push(1).is_ok());
            pushed | ring.consumer_as(me).is_some_and(|mut it| it.try_pop().is_some())
        }),
        1 if sized => view.part::<Queue<u32, 4, Bounded>>(name).map(|queue| {
            let queue = queue.handle(me);
            queue.try_push(1).is_ok() | queue.pop_deadline(soon).is_ok()
        }),
        1 => view.part::<QueueView<u32, Bounded>>(name).map(|queue| {
            let queue = queue.handle(me);
            queue.try_push(1).is_ok() | queue.try_pop().is_some()
        }),
        2 => view.part::<ByteRing<32, Bounded>>(name).map(|ring| {
            let written = ring.producer_as(me).is_some_and(|mut it| it.try_write(b"seven") > 0);
            written | ring.consumer_as(me).is_some_and(|mut it| it.try_read(&mut [0; 9]) > 0)
        }),
        3 if sized => view.part::<MessageRing<32, Bounded>>(name).map(|ring| {
            let sent = ring.sender_as(me).is_some_and(|mut it| it.try_send(b"seven").is_ok());
            sent | ring.receiver_as(me).is_some_and(|mut it| it.try_recv(&mut [0; 32]).is_ok())
        }),
        3 => view.part::<MessageRingView<Bounded>>(name).map(|ring| {
            let sent = ring.sender_as(me).is_some_and(|mut it| it.try_send(b"seven").is_ok());
            sent | ring.receiver_as(me).is_some_and(|mut it| it.try_recv(&mut [0; 32]).is_ok())
        }),
        4 if sized => view.part::<Broadcast<u32, 4, Bounded>>(name).map(|broadcast| {
            let mut reader = broadcast.reader();
            broadcast.writer_as(me).into_iter().for_each(|mut it| it.send(1));
            reader.try_recv().is_ok()
        }),
        4 => view.part::<BroadcastView<u32, Bounded>>(name).map(|broadcast| {
            let mut reader = broadcast.reader();
            broadcast.writer_as(me).into_iter().for_each(|mut it| it.send(1));
            reader.try_recv().is_ok()
        }),
        5 => view.part::<Latest<u32, Bounded>>(name).map(|latest| {
            latest.writer_as(me).into_iter().for_each(|mut it| it.store(1));
            latest.load().is_some()
        }),
        6 if sized => view.part::<Mutex<[u32; 5], Bounded>>(name).map(|mutex| {
            let mutex = mutex.handle(me);
            mutex.lock_deadline(soon).map(|mut guard| guard[4] = 1).is_ok()
        }),
        6 => view.part::<Mutex<[u32], Bounded>>(name).map(|mutex| {
            let mutex = mutex.handle(me);
            mutex.lock_deadline(soon).map(|mut guard| guard.fill(1)).is_ok()
        }),
        7 => view.part::<ReentrantMutex<u32, Only, Bounded>>(name).map(|mutex| {
            let mutex = mutex.handle(me);
            mutex.lock_deadline(soon).map(|guard| std::hint::black_box(*guard)).is_ok()
        }),
        8 if sized => view.part::<RwLock<u32, 4, Bounded>>(name).map(|lock| {
            let lock = lock.handle(me);
            let read = lock.try_read().map(|guard| std::hint::black_box(*guard)).is_ok();
            read | lock.write_deadline(soon).map(|mut guard| *guard = 1).is_ok()
        }),
        8 => view.part::<RwLockView<u32, Bounded>>(name).map(|lock| {
            let lock = lock.handle(me);
            let read = lock.try_read().map(|guard| std::hint::black_box(*guard)).is_ok();
            read | lock.write_deadline(soon).map(|mut guard| *guard = 1).is_ok()
        }),
        9 => view.part::<Semaphore<2, Bounded>>(name).map(|it| it.try_acquire().is_ok()),
        10 if sized => view.part::<BoundedSemaphore<3, Bounded>>(name).map(|semaphore| {
            let semaphore = semaphore.handle(me);
            semaphore.try_acquire().is_ok()
        }),
        10 => view.part::<BoundedSemaphoreView<Bounded>>(name).map(|semaphore| {
            let semaphore = semaphore.handle(me);
            semaphore.acquire_deadline(soon).is_ok()
        }),
        11 => view.part::<Barrier<1, Bounded>>(name).map(|barrier| {
            let barrier = barrier.handle(me);
            barrier.wait_deadline(soon).is_ok()
        }),
        12 => view.part::<Event<Bounded>>(name).map(|event| {
            event.set();
            event.is_set()
        }),
        13 => view.part::<Condition<Bounded>>(name).map(|condition| condition.notify(1) > 0),
        14 if sized => view.part::<[AtomicU32; 3]>(name).map(|count| {
            count[2].store(1, Ordering::Relaxed);
            true
        }),
        14 => view.part::<[AtomicU32]>(name).map(|count| {
            count.iter().for_each(|it| it.store(1, Ordering::Relaxed));
            !count.is_empty()
        }),
        _ if sized => view.part::<[Words<[u16; 3]>; 3]>(name).map(|words| {
            words[2].store([1; 3]);
            words[2].load() == [1; 3]
        }),
        _ => view.part::<[Words<[u16; 3]>]>(name).map(|words| {
            words.iter().for_each(|it| it.store([1; 3]));
            words.iter().any(|it| it.load() == [1; 3])
        }),
    };
    saw(d, done);
    Some(())
}
