//! The only door to atomics and cells.
//!
//! Code of yours that a model checker is to explore takes its atomics from here too: the module
//! [`atomic`], and [`hint::spin_loop`](hint) for a loop that waits. Built as usual they are
//! `core`'s own; built with `--cfg loom` or `--cfg loom --cfg shuttle` they are the explorer's. The
//! page `docs/model-checking.md` shows it with an example. [`AtomicU32`] is not one of them: it is
//! the word on which a [`Wait`](crate::wait::Wait) sleeps.
//!
//! ```
//! use ringway_core::sync::Ordering;
//! use ringway_core::sync::atomic::{AtomicBool, AtomicUsize};
//! let (count, done) = (AtomicUsize::new(0), AtomicBool::new(false));
//! count.fetch_add(1, Ordering::Relaxed);
//! done.store(true, Ordering::Release);
//! assert!(done.load(Ordering::Acquire) && count.load(Ordering::Relaxed) == 1);
//! ```
//!
//! # Inside
//!
//! The rest of the crate takes `AtomicU32`, `AtomicPtr`, `fence`, `Cell` and `Slot` from here and
//! from nowhere else (`clippy.toml` bans the others), so that one source runs over three memories:
//!
//! | built for | atomics | cells |
//! |---|---|---|
//! | a target with compare-and-swap | `core`'s | plain |
//! | a target without (thumbv6m, riscv32imc) | `core`'s loads and stores; read-modify-write in a `critical-section` | plain |
//! | a target without 64-bit atomics (the above, thumbv7m) | its 64-bit words wholly in a `critical-section` | plain |
//! | `--cfg no_cas` | as a target without compare-and-swap, for tests on the host; with `--cfg loom`, over loom's | as without it |
//! | `--cfg loom` | loom's | watched by loom |
//! | `--cfg loom --cfg no_look` | loom's, exchanged without a look before | watched by loom |
//! | `--cfg loom --cfg shuttle` | shuttle's, in loom's place | plain |
//!
//! There are two types of 32-bit words. On a target without compare-and-swap, another core's store
//! can come into the middle of a critical section. [`AtomicU32`] is written by stores, and has no
//! operation that a store could come into. `RmwU32` is written by read-modify-write. Only the
//! context that such a word names as its holder stores to it, while nobody else writes.
//!
//! On a target with compare-and-swap there is never a critical section. A critical section of a
//! hosted target may be a mutex, and [`raise`](crate::signal) runs in signal handlers.

#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

#[cfg(shuttle)]
#[path = "sync/shuttle.rs"]
mod loom;

#[cfg(not(loom))]
pub use core::hint;
#[cfg(not(loom))]
pub use core::sync::atomic;
#[cfg(loom)]
pub use loom::hint;
#[cfg(loom)]
pub use loom::sync::atomic;

/// The processor's atomics, or the model of them.
pub(crate) use atomic as native;
/// A cell that loom watches.
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell as WatchedCell;
/// The explorer's own, to sleep with.
#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex};
#[cfg(loom)]
pub(crate) use std::sync::PoisonError;

#[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
mod no_cas;
#[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
use native as imp;
#[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
use no_cas as imp;

#[cfg(any(no_cas, not(any(loom, target_has_atomic = "64"))))]
mod guarded;
#[cfg(any(no_cas, not(any(loom, target_has_atomic = "64"))))]
pub(crate) use guarded::{Guarded, SectionCell};

#[cfg(not(any(loom, all(target_has_atomic = "64", not(no_cas)))))]
mod no_cas_64;
#[cfg(any(loom, all(target_has_atomic = "64", not(no_cas))))]
use native::AtomicU64 as ImpU64;
#[cfg(not(any(loom, all(target_has_atomic = "64", not(no_cas)))))]
use no_cas_64::AtomicU64 as ImpU64;

mod cell;
pub(crate) mod foreign;
pub(crate) mod words;

pub(crate) use cell::{Cell, Whole};
/// A cell in a handle that one context has for itself: nothing that models watch.
pub(crate) use core::cell::Cell as OwnCell;
/// `core`'s own integers. A user may keep them in a region.
#[cfg(all(not(loom), target_has_atomic = "8"))]
pub(crate) use core::sync::atomic as integers;
pub use core::sync::atomic::Ordering;

// What the crate does about caches. Every hosted target, 32-bit or 64-bit, does the same, so that
// their processes can share memory. Bare metal does so with the feature `shared-layout`, or if it
// has caches itself.
#[cfg_attr(
    any(
        not(target_os = "none"),
        feature = "shared-layout",
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "powerpc64",
        target_arch = "x86",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    ),
    cfg_attr(not(uncached), path = "sync/cached.rs")
)]
mod uncached;
#[allow(unused_imports, reason = "only the lock-free queue backs off")]
pub(crate) use uncached::backoff;
pub(crate) use uncached::{CachePadded, Cached, Local, Roomy, RoomyRef, roomy};

use core::mem::MaybeUninit;

/// Defines a function for both worlds: `const` with real atomics; not `const` under loom, whose
/// types register themselves when they are made.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$meta])* $vis const fn $($rest)*
        #[cfg(loom)]
        $(#[$meta])* $vis fn $($rest)*
    };
    ($(#[$meta:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$meta])* $vis const unsafe fn $($rest)*
        #[cfg(loom)]
        $(#[$meta])* $vis unsafe fn $($rest)*
    };
}
pub(crate) use const_unless_loom;

/// Builds an array whose elements are not `Copy`, in a `const` context unless under loom.
macro_rules! array_of {
    ($element:expr; $n:expr) => {{
        #[cfg(not(loom))]
        {
            [const { $element }; $n]
        }
        #[cfg(loom)]
        {
            core::array::from_fn::<_, { $n }, _>(|_| $element)
        }
    }};
}
pub(crate) use array_of;

/// A 32-bit word that several contexts share, written by stores.
///
/// Positions, states and counts all have this width, so that a 32-bit and a 64-bit side agree on
/// the layout.
///
/// ```
/// use ringway_core::sync::{AtomicU32, Ordering};
/// static WORD: AtomicU32 = AtomicU32::new(3);
/// assert_eq!(WORD.load(Ordering::Relaxed), 3);
/// ```
// It has no `swap` and no `fetch_add`. On a target without compare-and-swap another core's store
// could come between their load and their store, and be lost: see `RmwU32`. It has
// `compare_exchange`, for words that name the context that may store. Only that context stores, and
// while it may, no other context has the word's value as `current`. So an exchange that meets a
// store fails, and an exchange that fails writes nothing.
#[derive(Debug)]
#[repr(transparent)]
pub struct AtomicU32(imp::AtomicU32);

/// Forwards to the inner atomic with the caller's location, which loom reports.
macro_rules! forward {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        $(
            $(#[$meta])*
            #[inline(always)]
            #[track_caller]
            $vis fn $name(&self, $($arg: $ty),*) -> $ret {
                self.0.$name($($arg),*)
            }
        )*
    };
}

impl AtomicU32 {
    const_unless_loom! {
        /// A new word.
        #[inline(always)]
        pub fn new(value: u32) -> Self {
            AtomicU32(imp::AtomicU32::new(value))
        }
    }

    forward! {
        /// Reads the word.
        pub fn load(order: Ordering) -> u32;
        /// Writes the word.
        pub fn store(value: u32, order: Ordering) -> ();
        /// Writes `new` if the word is `current`. Returns the old value, as `Err` if it was
        /// another.
        pub(crate) fn compare_exchange(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
        // For `RmwU32`, which has these methods in public:
        fn swap(value: u32, order: Ordering) -> u32;
        fn fetch_add(value: u32, order: Ordering) -> u32;
        fn fetch_sub(value: u32, order: Ordering) -> u32;
        fn fetch_or(value: u32, order: Ordering) -> u32;
        fn fetch_and(value: u32, order: Ordering) -> u32;
    }

    /// Writes what `next` makes of the word, unless that is `None`; a single attempt. Returns the
    /// old value, as `Err` if nothing was written: `next` had nothing to write, or, where there is
    /// compare-and-swap, another context was faster.
    ///
    /// Without compare-and-swap it is one critical section. If `success` does not release, a
    /// context that acquires the new value acquires nothing that was released before.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn update_if(
        &self,
        success: Ordering,
        next: impl FnOnce(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        #[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
        {
            // Relaxed: the exchange verifies this guess.
            let seen = self.load(Ordering::Relaxed);
            let Some(new) = next(seen) else { return Err(seen) };
            self.compare_exchange(seen, new, success, Ordering::Relaxed)
        }
        #[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
        match success {
            Ordering::Relaxed => self.0.update_if(Ordering::Relaxed, Ordering::Relaxed, next),
            Ordering::Acquire => self.0.update_if(Ordering::Acquire, Ordering::Relaxed, next),
            Ordering::Release => self.0.update_if(Ordering::Relaxed, Ordering::Release, next),
            _ => self.0.update_if(Ordering::Acquire, Ordering::Release, next),
        }
    }

    /// As [`update_if`](Self::update_if), but tries again when another context was faster: `Err`
    /// says that `next` had nothing to write.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn update(
        &self,
        success: Ordering,
        next: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        #[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
        {
            // Relaxed, both: an exchange succeeds only if the word still has this value.
            let (mut next, mut seen) = (next, self.load(Ordering::Relaxed));
            loop {
                let Some(new) = next(seen) else { return Err(seen) };
                match self.compare_exchange(seen, new, success, Ordering::Relaxed) {
                    Ok(_) => return Ok(seen),
                    Err(now) => seen = now,
                }
            }
        }
        #[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
        self.update_if(success, next)
    }

    /// The same word as `core`'s type, for a system call that takes its address.
    #[cfg(not(loom))]
    pub const fn as_core(&self) -> &core::sync::atomic::AtomicU32 {
        #[cfg(all(target_has_atomic = "32", not(no_cas)))]
        return &self.0;
        #[cfg(not(all(target_has_atomic = "32", not(no_cas))))]
        return self.0.as_core();
    }
}

/// A 32-bit word that any number of contexts write at once, by read-modify-write.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct RmwU32(AtomicU32);

impl RmwU32 {
    const_unless_loom! {
        #[inline(always)]
        pub(crate) fn new(value: u32) -> Self {
            RmwU32(AtomicU32::new(value))
        }
    }

    forward! {
        pub(crate) fn load(order: Ordering) -> u32;
        pub(crate) fn swap(value: u32, order: Ordering) -> u32;
        pub(crate) fn fetch_add(value: u32, order: Ordering) -> u32;
        pub(crate) fn fetch_sub(value: u32, order: Ordering) -> u32;
        pub(crate) fn fetch_or(value: u32, order: Ordering) -> u32;
        pub(crate) fn fetch_and(value: u32, order: Ordering) -> u32;
        pub(crate) fn compare_exchange(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
    }

    /// As [`AtomicU32::update_if`].
    #[inline(always)]
    #[track_caller]
    pub(crate) fn update_if(
        &self,
        success: Ordering,
        next: impl FnOnce(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        self.0.update_if(success, next)
    }

    /// As [`AtomicU32::update`].
    #[inline(always)]
    #[track_caller]
    pub(crate) fn update(
        &self,
        success: Ordering,
        next: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        self.0.update(success, next)
    }

    /// Stores, for a context that the word names as the only one that may change it. No other
    /// context's operation writes the word meanwhile: each is an exchange from another value, or an
    /// `update_if` that writes nothing. See [`AtomicU32`].
    #[inline(always)]
    pub(crate) fn store_as_holder(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    /// Writes the word for a caller that has the whole structure exclusively.
    pub(crate) fn set(&mut self, value: u32) {
        // Relaxed: whatever made the caller's access exclusive orders the accesses.
        self.0.store(value, Ordering::Relaxed);
    }

    /// Lends the word to a [`Wait`](crate::wait::Wait), which stores nothing in it.
    #[inline(always)]
    pub(crate) fn as_atomic(&self) -> &AtomicU32 {
        &self.0
    }
}

/// A 64-bit word that several contexts share: a position, and what the position is about.
///
/// On a target without 64-bit atomics every access is a critical section.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AtomicU64(ImpU64);

impl AtomicU64 {
    const_unless_loom! {
        pub(crate) fn new(value: u64) -> Self {
            AtomicU64(ImpU64::new(value))
        }
    }

    forward! {
        pub(crate) fn load(order: Ordering) -> u64;
        pub(crate) fn store(value: u64, order: Ordering) -> ();
        pub(crate) fn compare_exchange(
            current: u64, new: u64, success: Ordering, failure: Ordering
        ) -> Result<u64, u64>;
    }
}

/// A pointer that several contexts share.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AtomicPtr<T>(imp::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    const_unless_loom! {
        pub(crate) fn new(value: *mut T) -> Self {
            AtomicPtr(imp::AtomicPtr::new(value))
        }
    }

    forward! {
        pub(crate) fn load(order: Ordering) -> *mut T;
        #[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
        pub(crate) fn swap(value: *mut T, order: Ordering) -> *mut T;
        #[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
        pub(crate) fn store(value: *mut T, order: Ordering) -> ();
    }
}

/// The processor's fence, or the explorer's.
#[inline(always)]
pub(crate) fn fence(order: Ordering) {
    native::fence(order);
}

/// One turn of a spin loop: pauses the processor; under loom, switches threads.
#[inline(always)]
pub(crate) fn spin_loop() {
    hint::spin_loop();
}

/// Pauses for this many turns. Does nothing in a model, where only another thread's progress ends a
/// wait.
#[inline(always)]
pub(crate) fn pause(times: u32) {
    if !cfg!(loom) {
        (0..times).for_each(|_| spin_loop());
    }
}

/// Whether an exchange is worth a try, by a load of its word. Always true in a model built with
/// `--cfg no_look`. Loom keeps only the last access of a word, so a thread that loads and then
/// exchanges would hide the loads of others behind its own.
#[inline(always)]
pub(crate) fn worth_a_try(look: impl FnOnce() -> bool) -> bool {
    cfg!(no_look) || look()
}

/// A place that may hold a value: the element of the rings' arrays.
///
/// Loom's cells do not lie side by side in memory. So under loom the values are plain, and a
/// `Watch` beside the array records who touched them.
#[repr(transparent)]
pub struct Slot<T>(core::cell::UnsafeCell<MaybeUninit<T>>);

impl<T> Slot<T> {
    /// A slot that holds no value.
    pub(crate) const fn new() -> Self {
        Slot(core::cell::UnsafeCell::new(MaybeUninit::uninit()))
    }
}

impl Slot<u8> {
    /// A slot whose bytes are initialized, so that it can be lent out as bytes while it is free.
    pub(crate) const fn zero() -> Self {
        Slot(core::cell::UnsafeCell::new(MaybeUninit::new(0)))
    }
}

impl<T> core::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Slot")
    }
}

/// What loom knows about the slots of one structure. Absent elsewhere.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Watch(std::boxed::Box<[loom::cell::UnsafeCell<()>]>);

#[cfg(loom)]
impl Watch {
    pub(crate) fn new(slots: usize) -> Self {
        Watch((0..slots).map(|_| loom::cell::UnsafeCell::new(())).collect())
    }
}

/// A borrowed pointer to an array of [`Slot`]s, without their number in its type.
#[derive(Debug)]
pub(crate) struct SlotsRef<'a, T> {
    first: *mut T,
    #[cfg(loom)]
    watch: &'a [loom::cell::UnsafeCell<()>],
    _borrow: core::marker::PhantomData<&'a [core::cell::UnsafeCell<MaybeUninit<T>>]>,
}

impl<T> Clone for SlotsRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SlotsRef<'_, T> {}

impl<'a, T> SlotsRef<'a, T> {
    /// The slots of the array that begins with `first`.
    #[inline(always)]
    pub(crate) fn new(first: *mut T, #[cfg(loom)] watch: &'a Watch) -> Self {
        SlotsRef {
            first,
            #[cfg(loom)]
            watch: &watch.0,
            _borrow: core::marker::PhantomData,
        }
    }

    /// The address of the first slot. Valid for as many slots as the array has.
    #[inline(always)]
    pub(crate) fn first(self) -> *mut T {
        self.first
    }

    /// Tells loom that the caller is about to read slots `start..start + len`, or has just read
    /// them.
    #[inline(always)]
    #[allow(unused_variables)]
    pub(crate) fn touch_read(self, start: usize, len: usize) {
        #[cfg(loom)]
        self.watch[start..start + len].iter().for_each(|place| place.with(|_| ()));
    }

    /// Tells loom that the caller is about to write slots `start..start + len`, or has just written
    /// them.
    #[inline(always)]
    #[allow(unused_variables)]
    pub(crate) fn touch_write(self, start: usize, len: usize) {
        #[cfg(loom)]
        self.watch[start..start + len].iter().for_each(|place| place.with_mut(|_| ()));
    }
}
