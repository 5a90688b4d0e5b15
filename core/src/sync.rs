//! The only door to atomics and cells.
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
//! There are two types of 32-bit words, because without compare-and-swap the store of another core
//! can come into the middle of a critical section. [`AtomicU32`] is written by stores, and has no
//! operation that a store could come into. `RmwU32` is written by read-modify-write, and cannot be
//! stored to.
//!
//! On a target with compare-and-swap there is never a critical section: a hosted one may be a
//! mutex, and [`raise`](crate::signal) runs in signal handlers.

#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

#[cfg(shuttle)]
#[path = "sync/shuttle.rs"]
mod loom;

/// What the processor offers, or the model of one.
#[cfg(not(loom))]
use core::sync::atomic as native;
/// A cell that loom watches.
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell as WatchedCell;
#[cfg(loom)]
pub(crate) use loom::sync::atomic as native;

#[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
mod no_cas;
#[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
use native as imp;
#[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
use no_cas as imp;

#[cfg(not(any(loom, all(target_has_atomic = "64", not(no_cas)))))]
mod no_cas_64;
#[cfg(any(loom, all(target_has_atomic = "64", not(no_cas))))]
use native::AtomicU64 as ImpU64;
#[cfg(not(any(loom, all(target_has_atomic = "64", not(no_cas)))))]
use no_cas_64::AtomicU64 as ImpU64;

pub(crate) mod words;

/// `core`'s own integers, which a user may have in a region.
#[cfg(all(not(loom), target_has_atomic = "8"))]
pub(crate) use core::sync::atomic as integers;
pub use core::sync::atomic::Ordering;

// What to do about caches. Every hosted target does the same, 32-bit or 64-bit, so that their
// processes can share memory; bare metal joins them with the feature `shared-layout`, or where it
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
pub(crate) use uncached::{CachePadded, Cached, Roomy, RoomyRef, backoff, roomy};

use core::mem::MaybeUninit;

/// Writes a function once for both worlds: `const` with real atomics, plain under loom, whose types
/// register themselves when they are made.
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

/// Builds an array whose elements cannot be copied, in a `const` context where loom allows one.
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

/// A 32-bit word shared between contexts, written by stores. Positions, states and counts are all
/// of this width, so that a 32-bit and a 64-bit side agree on the layout.
///
/// ```
/// use ringway_core::sync::{AtomicU32, Ordering};
/// static WORD: AtomicU32 = AtomicU32::new(3);
/// assert_eq!(WORD.load(Ordering::Relaxed), 3);
/// ```
// It has no `swap` and no `fetch_add`: on a target without compare-and-swap the store of another
// core could come between their load and their store, and be lost; see `RmwU32`. What is left is
// `compare_exchange`, for words that say who may store: only the context that the word names
// stores, and no exchange has as `current` what the word says while that context may act. So an
// exchange that meets a store fails, and one that fails writes nothing.
#[derive(Debug)]
#[repr(transparent)]
pub struct AtomicU32(imp::AtomicU32);

/// Forwards to the atomic inside, under the caller's location, which is what loom reports.
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
        /// Writes `new` if the word is `current`; what was there is the answer, `Err` when it was
        /// another.
        pub(crate) fn compare_exchange(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
        // For `RmwU32`:
        fn swap(value: u32, order: Ordering) -> u32;
        fn fetch_add(value: u32, order: Ordering) -> u32;
        fn fetch_sub(value: u32, order: Ordering) -> u32;
        fn fetch_or(value: u32, order: Ordering) -> u32;
        fn fetch_and(value: u32, order: Ordering) -> u32;
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

/// A 32-bit word that is written by read-modify-write, in any number of contexts at once.
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

    /// Writes the word for the owner of the whole structure, who is alone with it.
    pub(crate) fn set(&mut self, value: u32) {
        // Relaxed: whatever made the owner alone orders the accesses.
        self.0.store(value, Ordering::Relaxed);
    }

    /// The word as [`Wait`](crate::wait::Wait) looks at it, which stores nothing.
    #[inline(always)]
    pub(crate) fn as_atomic(&self) -> &AtomicU32 {
        &self.0
    }
}

/// A 64-bit word shared between contexts: a position together with what it is about, in one piece.
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

/// A pointer shared between contexts.
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
        pub(crate) fn swap(value: *mut T, order: Ordering) -> *mut T;
    }
}

/// `core::sync::atomic::fence`, or loom's.
#[inline(always)]
pub(crate) fn fence(order: Ordering) {
    #[cfg(not(loom))]
    core::sync::atomic::fence(order);
    #[cfg(loom)]
    loom::sync::atomic::fence(order);
}

/// One turn of a spin loop: a pause for the processor, a switch of threads for loom.
#[inline(always)]
pub(crate) fn spin_loop() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// So many turns in which nothing is looked at. None in a model, where to wait means to wait for
/// another.
#[inline(always)]
pub(crate) fn pause(times: u32) {
    if !cfg!(loom) {
        (0..times).for_each(|_| spin_loop());
    }
}

/// Whether an exchange is worth a try, by a look at its word. Always in a model built with `--cfg
/// no_look`: loom keeps only the last access of a word, so that a thread that looks and exchanges
/// hides the looks of others behind its own.
#[inline(always)]
pub(crate) fn worth_a_try(look: impl FnOnce() -> bool) -> bool {
    cfg!(no_look) || look()
}

/// A cell whose accesses loom watches. The closures receive the pointer; what they may do with it
/// is the caller's argument to make.
#[derive(Debug)]
pub(crate) struct Cell<T: ?Sized> {
    #[cfg(not(loom))]
    inner: core::cell::UnsafeCell<T>,
    #[cfg(loom)]
    inner: loom::cell::UnsafeCell<T>,
}

impl<T> Cell<T> {
    const_unless_loom! {
        pub(crate) fn new(value: T) -> Self {
            #[cfg(not(loom))]
            let inner = core::cell::UnsafeCell::new(value);
            #[cfg(loom)]
            let inner = loom::cell::UnsafeCell::new(value);
            Cell { inner }
        }
    }

    /// The value, of a cell that is no longer needed.
    pub(crate) fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Cell<T> {
    /// The value: nobody else has the cell.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        // SAFETY: the cell is borrowed exclusively, for as long as what is returned.
        self.with_mut(|value| unsafe { &mut *value })
    }

    /// A read: under loom it must happen after every write.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.inner.get());
        #[cfg(loom)]
        return self.inner.with(f);
    }

    /// A write: under loom it must happen after every other access.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.inner.get());
        #[cfg(loom)]
        return self.inner.with_mut(f);
    }
}

/// A place for one value, which it may hold or not: what the rings' arrays consist of.
///
/// Loom's cells do not lie next to each other in memory, so that under loom the values are plain,
/// and a `Watch` beside the array records who touched them.
#[repr(transparent)]
pub struct Slot<T>(core::cell::UnsafeCell<MaybeUninit<T>>);

impl<T> Slot<T> {
    /// A free one.
    pub(crate) const fn new() -> Self {
        Slot(core::cell::UnsafeCell::new(MaybeUninit::uninit()))
    }
}

impl Slot<u8> {
    /// One that is initialized from the start, so that it can be lent out as a byte while it is
    /// free.
    pub(crate) const fn zero() -> Self {
        Slot(core::cell::UnsafeCell::new(MaybeUninit::new(0)))
    }
}

impl<T> core::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Slot")
    }
}

/// What loom knows of the slots of one structure; nothing elsewhere.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Watch(std::boxed::Box<[loom::cell::UnsafeCell<()>]>);

#[cfg(loom)]
impl Watch {
    pub(crate) fn new(slots: usize) -> Self {
        Watch((0..slots).map(|_| loom::cell::UnsafeCell::new(())).collect())
    }
}

/// A borrowed pointer to an array of [`Slot`]s, free of their number.
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
    /// The slots of an array, which begins with `first`.
    #[inline(always)]
    pub(crate) fn new(first: *mut T, #[cfg(loom)] watch: &'a Watch) -> Self {
        SlotsRef {
            first,
            #[cfg(loom)]
            watch: &watch.0,
            _borrow: core::marker::PhantomData,
        }
    }

    /// The address of the first place. Valid for as many places as the array has.
    #[inline(always)]
    pub(crate) fn first(self) -> *mut T {
        self.first
    }

    /// Tells loom that places `start..start + len` are about to be read, or were read until now.
    #[inline(always)]
    #[allow(unused_variables)]
    pub(crate) fn touch_read(self, start: usize, len: usize) {
        #[cfg(loom)]
        self.watch[start..start + len].iter().for_each(|place| place.with(|_| ()));
    }

    /// Tells loom that places `start..start + len` are about to be written, or were written until
    /// now.
    #[inline(always)]
    #[allow(unused_variables)]
    pub(crate) fn touch_write(self, start: usize, len: usize) {
        #[cfg(loom)]
        self.watch[start..start + len].iter().for_each(|place| place.with_mut(|_| ()));
    }
}
