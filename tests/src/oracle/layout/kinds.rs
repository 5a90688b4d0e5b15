//! The types of parts, each with how it is laid out, opened and used.

use super::super::alone::{Late, Only};
use ringway_core::lock::{
    Barrier, BarrierView, BoundedSemaphore, BoundedSemaphoreView, Condition, Event, Mutex,
    ReentrantMutex, RwLock, RwLockView, Semaphore, SemaphoreView,
};
use ringway_core::participant::Participant;
use ringway_core::plain::Words;
use ringway_core::region::{Description, Error, Layout, Part, RawPart, View};
use ringway_core::ring::broadcast::{Broadcast, BroadcastView, RawBroadcast, Reader};
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::latest::{Latest, RawLatest};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::ring::{RawRing, Ring, RingView};
use std::alloc;

/// How many parts a layout has at most.
pub(super) const PARTS: usize = 6;

pub(super) type Plan = Layout<PARTS>;

/// A type of part.
pub(super) struct Kind {
    /// Whether the type says what its items are.
    pub(super) is_typed: bool,
    /// The description of a part of this capacity, or why there is none.
    pub(super) describe: fn(usize) -> Result<Description, Error>,
    /// The description that a part of this description would need to be opened as this type.
    pub(super) wanted: fn(&Description) -> Option<Description>,
    /// Adds such a part to a layout.
    pub(super) add: fn(Plan, &str, usize) -> Result<Plan, Error>,
    /// Opens such a part, and uses it.
    pub(super) open: fn(View<'_>, &str, Participant) -> Result<(), Error>,
}

/// Takes what came of using a part: any answer is right.
fn done<T>(_: T) {}

/// A kind for each type, with what is done with such a part.
macro_rules! kinds {
    (
        sized { $($sized:ty => |$part:ident, $me:ident| $used:expr;)* }
        counted { $($counted:ty => |$view:ident, $by:ident| $use:expr;)* }
        raw { $($raw:ty, $item:expr => |$any:ident, $who:ident| $acts:expr;)* }
    ) => {
        &[
            $(Kind {
                is_typed: true,
                describe: |_| Ok(<$sized>::description()),
                wanted: |found| <$sized>::description_for(<$sized as Part>::capacity(found)),
                add: |plan, name, _| plan.part::<$sized>(name),
                open: |view, name, $me| {
                    let $part = view.part::<$sized>(name)?;
                    done(($used, $me));
                    Ok(())
                },
            },)*
            $(Kind {
                is_typed: true,
                describe: |n| <$counted>::description_for(n).ok_or(Error::Capacity),
                wanted: |found| <$counted>::description_for(<$counted as Part>::capacity(found)),
                add: |plan, name, n| plan.part_for::<$counted>(name, n),
                open: |view, name, $by| {
                    let $view = view.part::<$counted>(name)?;
                    done(($use, $by));
                    Ok(())
                },
            },)*
            $(Kind {
                is_typed: false,
                describe: |n| describe_raw::<$raw>(n, $item),
                wanted: |_| None,
                add: |plan, name, n| plan.raw_part::<$raw>(name, n, $item),
                open: |view, name, $who| {
                    let $any = view.raw_part::<$raw>(name)?;
                    done(($acts, $who));
                    Ok(())
                },
            },)*
        ]
    };
}

/// The layout of `size` bytes on boundaries of `align`.
fn item(size: usize, align: usize) -> alloc::Layout {
    alloc::Layout::from_size_align(size, align).expect("it is a small power of two")
}

fn describe_raw<'m, R: RawPart<'m>>(
    capacity: usize,
    item: alloc::Layout,
) -> Result<Description, Error> {
    let part = R::layout(capacity, item).ok_or(Error::Capacity)?;
    let small = |n: usize| u32::try_from(n).map_err(|_| Error::TooLarge);
    Ok(Description {
        kind: R::kind(),
        size: small(part.size())?,
        item_size: small(item.pad_to_align().size())?,
        item_align: small(item.align().max(8))?,
        capacity: small(capacity)?,
        item_type: 0,
        reserved: 0,
    })
}

pub(super) const KINDS: &[Kind] = kinds! {
    sized {
    Ring<u32, 8> => |ring, me| {
        ring.producer_as(me).map(|mut half| (half.try_push(1).is_ok(), half.try_push_slice(&[2, 3])));
        ring.consumer_as(me).map(|mut half| (half.try_pop(), half.try_pop_slice(&mut [0; 4])))
    };
    Ring<[u64; 4], 3, Late> => |ring, me| {
        ring.producer_as(me).map(|mut half| half.try_push([1; 4]).is_ok());
        ring.consumer_as(me).map(|mut half| half.try_pop())
    };
    ByteRing<60> => |ring, me| {
        ring.producer_as(me).map(|mut half| {
            half.try_write(&[7; 50]);
            half.try_reserve(9).map(|grant| grant.commit(9)).is_ok()
        });
        ring.consumer_as(me).map(|mut half| half.try_read(&mut [0; 70]))
    };
    MessageRing<48> => |ring, me| {
        ring.sender_as(me).map(|mut half| half.try_send(&[7; 30]));
        ring.receiver_as(me).map(|mut half| half.try_recv(&mut [0; 64][..]))
    };
    Queue<u32, 4> => |queue, me| {
        let handle = queue.handle(me);
        _ = (handle.try_push(1).is_ok(), handle.try_push(2).is_ok());
        drop(handle.try_claim());
        handle.try_pop()
    };
    Queue<[u64; 3], 2, Late> => |queue, me| {
        let handle = queue.handle(me);
        drop(handle.producer());
        _ = handle.push_deadline([5; 3], Some(()));
        handle.pop_deadline(Some(()))
    };
    Broadcast<u32, 4> => |news, me| {
        let mut reader = news.reader();
        if let Some(mut writer) = news.writer_as(me) {
            (0..3).for_each(|message| writer.send(message));
        }
        (reader.try_recv().is_ok(), Reader::from_oldest(news).try_recv().is_ok())
    };
    Latest<[u32; 3], Late> => |newest, me| {
        if let Some(mut writer) = newest.writer_as(me) {
            writer.store([1, 2, 3]);
        }
        newest.load()
    };
    Mutex<u64> => |mutex, me| mutex.handle(me).try_lock().map(|mut guard| *guard += 1).is_ok();
    Mutex<[u16; 5], Late> => |mutex, me| {
        mutex.handle(me).lock_deadline(Some(())).map(|mut guard| guard[4] = 1).is_ok()
    };
    ReentrantMutex<u32, Only> => |mutex, me| {
        let handle = mutex.handle(me);
        (handle.try_lock().is_ok(), handle.holder())
    };
    RwLock<u32, 2> => |lock, me| {
        let handle = lock.handle(me);
        _ = handle.try_write().map(|mut guard| *guard = 5).is_ok();
        (handle.try_read().map(|guard| *guard).is_ok(), handle.readers())
    };
    Semaphore<2> => |count, _me| (count.release(1), count.try_acquire());
    BoundedSemaphore<3> => |places, me| {
        let handle = places.handle(me);
        _ = handle.try_acquire().map(|permit| permit.keep());
        (handle.release(), handle.permits())
    };
    Condition<Late> => |condition, _me| condition.notify_all();
    Event => |event, _me| (event.set(), event.clear());
    Barrier<2, Late> => |barrier, me| {
        let handle = barrier.handle(me);
        _ = (handle.wait_deadline(Some(())), handle.reset());
        handle.waiting()
    };
    std::sync::atomic::AtomicU64 => |number, _me| {
        number.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    };
    Words<[u32; 4]> => |words, _me| {
        words.store([1, 2, 3, 4]);
        words.load()
    };
    }
    counted {
    RingView<[u8; 3]> => |ring, me| {
        ring.producer_as(me).map(|mut half| half.try_push([1; 3]).is_ok());
        ring.consumer_as(me).map(|mut half| half.try_pop())
    };
    ByteRingView<Late> => |ring, me| {
        ring.producer_as(me).map(|mut half| half.try_write(&[7; 20]));
        ring.consumer_as(me).map(|mut half| half.try_read(&mut [0; 30]))
    };
    MessageRingView => |ring, me| {
        ring.sender_as(me).map(|mut half| half.try_send(&[7; 9]));
        ring.receiver_as(me).map(|mut half| half.try_peek().map(|grant| grant.release()).is_ok())
    };
    QueueView<u16> => |queue, me| {
        let handle = queue.handle(me);
        (handle.try_push(1).is_ok(), handle.try_pop())
    };
    BroadcastView<u64> => |news, me| {
        if let Some(mut writer) = news.writer_as(me) {
            writer.send(9);
        }
        Reader::from_oldest(news).try_recv().is_ok()
    };
    Mutex<[u16]> => |row, me| {
        row.handle(me).try_lock().map(|mut row| row.iter_mut().for_each(|n| *n = 1)).is_ok()
    };
    RwLockView<u32, Late> => |lock, me| {
        let handle = lock.handle(me);
        _ = handle.read_deadline(Some(())).is_ok();
        handle.write_deadline(Some(())).is_ok()
    };
    SemaphoreView => |count, _me| (count.release(1), count.try_acquire());
    BoundedSemaphoreView => |places, me| places.handle(me).try_acquire().is_ok();
    BarrierView<Late> => |barrier, me| {
        let handle = barrier.handle(me);
        handle.abort();
        (handle.reset(), handle.parties())
    };
    [std::sync::atomic::AtomicU32] => |row, _me| {
        row.iter().for_each(|n| n.store(1, std::sync::atomic::Ordering::Relaxed))
    };
    }
    raw {
    RawRing<'_>, item(12, 4) => |ring, me| {
        ring.producer_as(me).map(|mut half| half.try_push(&[1; 12]));
        ring.consumer_as(me).map(|mut half| half.try_pop(&mut [0; 12]))
    };
    RawQueue<'_, Late>, item(7, 1) => |queue, me| {
        let handle = queue.handle(me);
        (handle.try_push(&[1; 7]), handle.try_pop(&mut [0; 7]))
    };
    RawBroadcast<'_>, item(64, 32) => |news, me| {
        news.writer_as(me).map(|mut writer| writer.send(&[1; 64]));
        news.reader_from_oldest().try_recv(&mut [0; 64]).is_ok()
    };
    RawLatest<'_>, item(8, 8) => |_newest, _me| {};
    }
};
