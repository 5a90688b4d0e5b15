//! The core's structures for regions: they sleep on a [`RobustFutex`], and are otherwise the same.

use super::{Layout, Part, Region, RobustFutex};
use crate::{Result, lock};
use ringway_core::region::{self, Item};

/// For structures whose capacity is known at run time: the method that adds one to a layout, and
/// the method that finds it in a region.
macro_rules! by_a_number {
    ($($what:literal, of $of:literal: $name:ident [$($T:ident)?] = $View:ty;)*) => {
        impl Layout {
            $(
                #[doc = concat!("Adds a", $what, " with room for `capacity` ", $of, ".")]
                ///
                /// # Errors
                /// [`region::Error`], which says what is wrong with the part.
                pub fn $name$(<$T: Item>)?(
                    self,
                    name: &str,
                    capacity: usize,
                ) -> std::result::Result<Self, region::Error> {
                    self.part_for::<$View>(name, capacity)
                }
            )*
        }

        impl Region {
            $(
                #[doc = concat!("Returns the part of this name, which must be a", $what, ", of any capacity.")]
                ///
                /// # Errors
                /// As [`part`](Self::part).
                pub fn $name$(<$T: Item>)?(&self, name: &str) -> Result<Part<$View>> {
                    self.part(name)
                }
            )*
        }
    };
}

/// For each structure with a capacity: its type, with a constant capacity; its view, whose capacity
/// is known at run time; and the methods of `by_a_number` for the view.
macro_rules! with_a_capacity {
    ($(
        $what:literal $more:literal, of $of:literal:
        $Sized:ident, $View:ident, $name:ident [$($T:ident)?] = $($module:ident)::+;
    )*) => {
        $(
            #[doc = concat!("A", $what, $more, ".")]
            pub type $Sized<$($T,)? const N: usize> = $($module::)+$Sized<$($T,)? N, RobustFutex>;

            #[doc = concat!("A", $what, ", whose capacity is known when the program runs: see [`", stringify!($Sized), "`].")]
            pub type $View$(<$T>)? = $($module::)+$View<$($T,)? RobustFutex>;
        )*

        by_a_number! { $($what, of $of: $name [$($T)?] = $View$(<$T>)?;)* }
    };
}

with_a_capacity! {
    " ring of values" " on which both sides can sleep", of "values":
    Ring, RingView, ring [T] = ringway_core::ring;
    " ring of bytes" " on which both sides can sleep", of "bytes":
    ByteRing, ByteRingView, byte_ring [] = ringway_core::ring::bytes;
    " ring of messages" " of any length, on which both sides can sleep", of "bytes":
    MessageRing, MessageRingView, message_ring [] = ringway_core::ring::messages;
    " queue" " for many producers and consumers, all of which can sleep", of "values":
    Queue, QueueView, queue [T] = ringway_core::ring::queue;
    " broadcast" " of messages from one writer to any number of readers, which can sleep", of "messages":
    Broadcast, BroadcastView, broadcast [T] = ringway_core::ring::broadcast;
    " lock for one writer or several readers" ", up to `N` at a time", of "readers":
    RwLock, RwLockView, rw_lock [T] = lock;
    " semaphore" ", a count that starts at `N` and never goes below zero", of "permits at first":
    Semaphore, SemaphoreView, semaphore [] = lock;
    " bounded semaphore" ": `N` permits, which come back when their holder dies", of "permits":
    BoundedSemaphore, BoundedSemaphoreView, bounded_semaphore [] = lock;
    " barrier" ": a place where each of `N` waits for all", of "parties":
    Barrier, BarrierView, barrier [] = lock;
}

by_a_number! {
    "n array under a lock", of "values": array [T] = ArrayView<T>;
    "n array without a lock", of "values": raw_array [T] = RawArrayView<T>;
}

/// The newest value of one writer, for any number of readers that can sleep until it changes.
pub type Latest<T> = ringway_core::ring::latest::Latest<T, RobustFutex>;

/// A value that one holder at a time can reach; with `()`, a lock alone.
///
/// [`Value`] has an example.
pub type Mutex<T = ()> = lock::Mutex<T, RobustFutex>;

/// A value under a lock, as Python's `multiprocessing.Value`.
///
/// The integers of `std::sync::atomic` are parts too, and need no lock. [`RawValue`] is a value
/// without a lock.
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

/// Values under one lock, as [`Array`], whose number is known when the program runs.
///
/// ```
/// use ringway::shm::{Array, Layout, Region};
/// let length = "8".parse()?; // from the command line
/// let region = Region::anonymous(&Layout::new(2).array::<f32>("row", length)?)?;
/// let row = region.array::<f32>("row")?;
/// row.lock().unwrap().fill(1.0);
/// assert_eq!(row.lock().unwrap().iter().sum::<f32>(), 8.0);
/// assert_eq!(region.part::<Array<f32, 8>>("row")?.lock().unwrap()[7], 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ArrayView<T> = Mutex<[T]>;

/// `N` values without a lock, as Python's `RawArray`; each is a [`RawValue`], copied by itself.
///
/// A value of 1 or of 4 bytes is never torn, and takes 4 bytes. For counters, or for bytes without
/// space between them, use an array of `std::sync::atomic`'s integers: it is a part too.
///
/// ```
/// use ringway::shm::{Layout, RawArray, Region};
/// use std::sync::atomic::{AtomicU8, Ordering};
/// let layout = Layout::new(2).part::<RawArray<f32, 8>>("row")?.part::<[AtomicU8; 1000]>("counts")?;
/// let region = Region::anonymous(&layout)?;
/// let row = region.part::<RawArray<f32, 8>>("row")?;
/// row[3].store(0.5);
/// assert_eq!(row.iter().map(|value| value.load()).sum::<f32>(), 0.5);
/// region.part::<[AtomicU8; 1000]>("counts")?[999].fetch_add(1, Ordering::Relaxed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.RawArray")]
pub type RawArray<T, const N: usize> = [RawValue<T>; N];

/// Values without a lock, as [`RawArray`], whose number is known when the program runs.
///
/// ```
/// use ringway::shm::{Layout, RawArray, Region};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// let length = "8".parse()?; // from the command line
/// let layout = Layout::new(2).raw_array::<f32>("row", length)?;
/// let region = Region::anonymous(&layout.part_for::<[AtomicU64]>("counts", length)?)?;
/// let row = region.raw_array::<f32>("row")?;
/// row[3].store(0.5);
/// assert_eq!((row.len(), region.part::<RawArray<f32, 8>>("row")?[3].load()), (8, 0.5));
/// assert_eq!(region.part::<[AtomicU64]>("counts")?[7].fetch_add(1, Ordering::Relaxed), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type RawArrayView<T> = [RawValue<T>];

/// A value without a lock, as Python's `RawValue`, copied in and out.
///
/// A copy may be torn when another process stores at the same time.
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

/// A condition variable: a waiter frees its [`Mutex`] while it sleeps.
pub type Condition = lock::Condition<RobustFutex>;

/// A flag that is set or not, and that others can wait for.
pub type Event = lock::Event<RobustFutex>;
