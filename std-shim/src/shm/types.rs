//! The core's structures as they stand in regions: all that is added is how one sleeps.

use super::{Layout, Part, Region, RobustFutex};
use crate::{Result, lock};
use ringway_core::region::{self, Item};

/// Structures whose capacity is known when the program runs: how to lay out each, and how to find it.
macro_rules! run_time {
    ($($name:ident [$($item:ident)?], $what:literal, $of:literal, $view:ty;)*) => {
        impl Layout {
            $(
                #[doc = concat!("Adds ", $what, " with room for `capacity` ", $of, ".")]
                ///
                /// # Errors
                /// [`region::Error`], which says what is wrong with it.
                pub fn $name$(<$item: Item>)?(
                    self,
                    name: &str,
                    capacity: usize,
                ) -> std::result::Result<Self, region::Error> {
                    self.part_for::<$view>(name, capacity)
                }
            )*
        }

        impl Region {
            $(
                #[doc = concat!("The part of this name, which must be ", $what, ", of any capacity.")]
                ///
                /// # Errors
                /// As [`part`](Self::part).
                pub fn $name$(<$item: Item>)?(&self, name: &str) -> Result<Part<$view>> {
                    self.part::<$view>(name)
                }
            )*
        }
    };
}

run_time! {
    ring [T], "a ring", "values", RingView<T>;
    byte_ring [], "a ring of bytes", "bytes", ByteRingView;
    message_ring [], "a ring of messages", "bytes", MessageRingView;
    queue [T], "a queue", "values", QueueView<T>;
    broadcast [T], "a broadcast", "messages", BroadcastView<T>;
    rw_lock [T], "a lock for one writer or several readers", "readers", RwLockView<T>;
    bounded_semaphore [], "a bounded semaphore", "permits", BoundedSemaphoreView;
    barrier [], "a barrier", "parties", BarrierView;
}

/// A ring of values on which both sides can sleep.
pub type Ring<T, const N: usize> = ringway_core::ring::Ring<T, N, RobustFutex>;

/// The same, whose capacity is known when the program runs.
pub type RingView<T> = ringway_core::ring::RingView<T, RobustFutex>;

/// A ring of bytes on which both sides can sleep.
pub type ByteRing<const N: usize> = ringway_core::ring::bytes::ByteRing<N, RobustFutex>;

/// The same, whose capacity is known when the program runs.
pub type ByteRingView = ringway_core::ring::bytes::ByteRingView<RobustFutex>;

/// A ring of messages of any length on which both sides can sleep.
pub type MessageRing<const N: usize> = ringway_core::ring::messages::MessageRing<N, RobustFutex>;

/// The same, whose capacity is known when the program runs.
pub type MessageRingView = ringway_core::ring::messages::MessageRingView<RobustFutex>;

/// A queue for many producers and consumers, all of which can sleep.
pub type Queue<T, const N: usize> = ringway_core::ring::queue::Queue<T, N, RobustFutex>;

/// The same, whose capacity is known when the program runs.
pub type QueueView<T> = ringway_core::ring::queue::QueueView<T, RobustFutex>;

/// Messages from one writer to any number of readers, which can sleep.
pub type Broadcast<T, const N: usize> = ringway_core::ring::broadcast::Broadcast<T, N, RobustFutex>;

/// The same, whose capacity is known when the program runs.
pub type BroadcastView<T> = ringway_core::ring::broadcast::BroadcastView<T, RobustFutex>;

/// The newest value of one writer, for any number of readers, which can sleep until it changes.
pub type Latest<T> = ringway_core::ring::latest::Latest<T, RobustFutex>;

/// A value that one at a time can reach; of `()`, the lock alone.
///
/// ```
/// use ringway::shm::{Layout, Mutex, Region};
/// type Total = Mutex<u64>;
/// let region = Region::anonymous(&Layout::new(2).part::<Total>("total")?)?;
/// let total = region.part::<Total>("total")?;
/// *total.lock().unwrap() += 1;
/// assert_eq!(*total.lock().unwrap(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Mutex<T = ()> = lock::Mutex<T, RobustFutex>;

/// A value under a lock, as Python's `multiprocessing.Value`. Integers that need no lock are parts too:
/// `std::sync::atomic`'s. For a value that needs none, there is [`RawValue`].
///
/// ```
/// use ringway::shm::{Layout, Region, Value};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// let layout = Layout::new(2).part::<Value<f64>>("level")?.part::<AtomicU64>("count")?;
/// let region = Region::anonymous(&layout)?;
/// *region.part::<Value<f64>>("level")?.lock().unwrap() = 0.5;
/// region.part::<AtomicU64>("count")?.fetch_add(1, Ordering::Relaxed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Value")]
pub type Value<T> = Mutex<T>;

/// `N` values under one lock, as Python's `multiprocessing.Array`.
///
/// ```
/// use ringway::shm::{Array, Layout, Region};
/// type Row = Array<f32, 8>;
/// let region = Region::anonymous(&Layout::new(2).part::<Row>("row")?)?;
/// let row = region.part::<Row>("row")?;
/// row.lock().unwrap().fill(1.0);
/// assert_eq!(row.lock().unwrap().iter().sum::<f32>(), 8.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Array")]
pub type Array<T, const N: usize> = Mutex<[T; N]>;

/// A value without a lock, as Python's `RawValue` and `RawArray`: copied in and out, and torn when two do so at once.
///
/// ```
/// use ringway::shm::{Layout, Region, RawValue};
/// type Row = RawValue<[u16; 4]>;
/// let region = Region::anonymous(&Layout::new(2).part::<Row>("row")?)?;
/// let row = region.part::<Row>("row")?;
/// row.store([1, 2, 3, 4]);
/// assert_eq!(row.load(), [1, 2, 3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.RawValue")]
pub type RawValue<T> = ringway_core::plain::Words<T>;

/// A mutex that its holder's thread can take again, as Python's `RLock`.
#[cfg(target_has_atomic = "64")]
#[doc(alias = "RLock")]
pub type ReentrantMutex<T = ()> = lock::ReentrantMutex<T, RobustFutex>;

/// A value for one writer, or up to `R` readers at a time.
pub type RwLock<T, const R: usize> = lock::RwLock<T, R, RobustFutex>;

/// The same, for as many readers as are known when the program runs.
pub type RwLockView<T> = lock::RwLockView<T, RobustFutex>;

/// A count, `START` at first, that is never taken below none.
pub type Semaphore<const START: u32> = lock::Semaphore<START, RobustFutex>;

/// `N` permits, which come back when their holder dies.
pub type BoundedSemaphore<const N: usize> = lock::BoundedSemaphore<N, RobustFutex>;

/// The same, of as many permits as are known when the program runs.
pub type BoundedSemaphoreView = lock::BoundedSemaphoreView<RobustFutex>;

/// What one waits for while a [`Mutex`] is free for others.
pub type Condition = lock::Condition<RobustFutex>;

/// What has happened, or not yet.
pub type Event = lock::Event<RobustFutex>;

/// A place where each of `N` waits for all.
pub type Barrier<const N: usize> = lock::Barrier<N, RobustFutex>;

/// The same, for as many parties as are known when the program runs.
pub type BarrierView = lock::BarrierView<RobustFutex>;
