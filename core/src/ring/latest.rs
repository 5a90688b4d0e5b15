//! The newest value: one writer that never waits, and any number of readers.
//!
//! A reader gets the newest value as a whole, and can tell whether the value has changed.
//!
//! | | |
//! |---|---|
//! | [`Writer::store`] | wait-free, loads and stores alone |
//! | [`Latest::load`] | lock-free: it tries again only if the writer stored [`SLOTS`] − 1 values and began the next while one was copied |
//! | a writer that is suspended or killed between any two instructions | leaves the last whole value readable, for as long as that lasts |
//!
//! This follows Kopetz and Reisinger, "The Non-Blocking Write Protocol NBW", RTSS 1993, but it uses
//! several slots in turn. With their single slot, a writer that stops in the middle of a value
//! would stop the readers. The steps and their orderings are those of the
//! [`broadcast`](super::broadcast), of which only the newest message is read.
//!
//! ```
//! use ringway_core::ring::latest::Latest;
//! static POSITION: Latest<[f32; 3]> = Latest::new();
//!
//! assert!(POSITION.load().is_none(), "nothing was stored yet");
//! let mut writer = POSITION.writer().unwrap();
//! writer.store([1.0, 2.0, 0.5]);
//! let (position, version) = POSITION.load().unwrap();
//! assert_eq!(position, [1.0, 2.0, 0.5]);
//! assert!(POSITION.load_newer(version).is_none(), "it did not change since");
//! ```

#[cfg(not(loom))]
pub use super::broadcast::raw::RawLatest;
use super::broadcast::seq_slots::{MessageSlot, SeqSlot, SeqSlots, SeqSlotsRef, SlotWriter};
use crate::Error;
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::storage::{Fixed, StableRef};
use crate::sync::{CachePadded, Whole, const_unless_loom, spin_loop};
use crate::wait::{Nobody, Register, Wait, Wake, look_or_end};
use core::future::poll_fn;
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// The number of slots for values.
///
/// One holds the newest value, and one the value that is being stored. The others give a reader
/// time to copy.
pub const SLOTS: usize = if cfg!(loom) { 2 } else { 4 };

/// The newest value of type `T`. `W` says how readers can sleep until it changes, see [`Wake`].
///
/// Memory: for each of [`SLOTS`] values, its size (in whole words) and 8 bytes. In addition 16
/// bytes, which have a cache line of their own where the target has caches.
///
/// ```
/// use ringway_core::ring::latest::Latest;
/// let mut latest: Latest<u64> = Latest::new();
/// let mut writer = latest.owner();
/// (1..=100).for_each(|value| writer.store(value));
/// drop(writer);
/// assert_eq!(latest.load().unwrap().0, 100);
/// ```
// Shared as a whole: a `RawLatest` sees the same memory as slots of another size.
#[derive(Debug)]
#[repr(transparent)]
pub struct Latest<T, W: Wake = Nobody>(Whole<SeqSlots<[SeqSlot<T>; SLOTS], W>>);

/// The slots in the form in which a reader holds them.
type Slots<T, W> = SeqSlotsRef<T, W, Fixed<SLOTS>>;

/// The version of a value. Versions are ordered by when the values were stored.
///
/// ```
/// use ringway_core::ring::latest::{Latest, Version};
/// let latest: Latest<u8> = Latest::new();
/// assert_eq!(latest.version(), Version::NONE);
/// latest.writer().unwrap().store(1);
/// assert!(latest.version() > Version::NONE);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Version(u64);

impl Version {
    /// Older than every value: nothing was stored, or nothing was seen.
    pub const NONE: Version = Version(0);

    /// The number of values stored up to this version.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl<T: Plain, W: Wake> Latest<T, W> {
    const_unless_loom! {
        /// Makes a latest without a value.
        ///
        /// ```
        /// use ringway_core::ring::latest::{Latest, Version};
        /// use ringway_core::wait::Spin;
        /// static LEVEL: Latest<u32, Spin> = Latest::new();
        /// std::thread::scope(|s| {
        ///     s.spawn(|| LEVEL.writer().unwrap().store(5));
        ///     assert_eq!(LEVEL.wait_newer(Version::NONE).unwrap().0, 5);
        /// });
        /// ```
        pub fn new() -> Self {
            Latest(Whole::new(SeqSlots::new()))
        }
    }

    /// A copy of the newest value, and its version; `None` while nothing was stored. Lock-free.
    ///
    /// For a large value, [`load_newer_into`](Self::load_newer_into) makes no intermediate copy.
    #[inline]
    pub fn load(&self) -> Option<(T, Version)> {
        self.load_newer(Version::NONE)
    }

    /// A copy of the newest value and its version, if it is newer than `seen`. Lock-free.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Version};
    /// let mut latest: Latest<u32> = Latest::new();
    /// latest.owner().store(5);
    /// let (value, seen) = latest.load_newer(Version::NONE).unwrap();
    /// assert_eq!(value, 5);
    /// assert!(latest.load_newer(seen).is_none());
    /// ```
    #[inline]
    pub fn load_newer(&self, seen: Version) -> Option<(T, Version)> {
        let mut value = MaybeUninit::uninit();
        let ((), version) = self.newer(seen, |slots, newest| slots.read_to(newest, &mut value))?;
        // SAFETY: `read_to` has written every byte, and any bytes are a value of a `Plain` type.
        Some((unsafe { value.assume_init() }, version))
    }

    /// Copies the newest value into `out` if it is newer than `seen`, and returns its version.
    /// Lock-free.
    ///
    /// With [`Version::NONE`], any value is newer. This call is for a large value: it makes no
    /// intermediate copy, and nothing of the value passes through the stack. When it returns
    /// `None`, `out` contains no value.
    ///
    /// A reader gets a copy, and never a reference to the value in its slot. The writer does not
    /// wait for readers, and writes to that slot again.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Version};
    /// let mut latest: Latest<[u8; 4096]> = Latest::new();
    /// let mut out = Box::new([0; 4096]);
    /// assert_eq!(latest.load_newer_into(Version::NONE, &mut out), None);
    /// latest.owner().store_from(&[7; 4096]);
    /// let seen = latest.load_newer_into(Version::NONE, &mut out).unwrap();
    /// assert_eq!(*out, [7; 4096]);
    /// assert_eq!(latest.load_newer_into(seen, &mut out), None);
    /// ```
    #[inline]
    pub fn load_newer_into(&self, seen: Version, out: &mut T) -> Option<Version> {
        self.newer(seen, |slots, newest| slots.read_into(newest, out)).map(|((), seen)| seen)
    }

    /// What `read` returns for the newest value, if that is newer than `seen`. If `read` returns
    /// `None`, the value was overwritten, and this tries again.
    #[inline(always)]
    fn newer<R>(
        &self,
        Version(mut seen): Version,
        mut read: impl FnMut(Slots<T, W>, MessageSlot<T, Fixed<SLOTS>>) -> Option<R>,
    ) -> Option<(R, Version)> {
        // SAFETY: the reference is used only within this call, which borrows the slots.
        let slots = unsafe { self.0.borrow() };
        loop {
            let newest = slots.control().newest(seen);
            // The loop also ends here if a value was overwritten and there is no newer one. This
            // happens only if somebody writes invalid words.
            if newest <= seen {
                return None;
            }
            if let Some(value) = read(slots, slots.message_slot(newest)) {
                return Some((value, Version(newest)));
            }
            seen = newest;
            spin_loop();
        }
    }

    /// The version of the newest value.
    pub fn version(&self) -> Version {
        Version(self.0.control().find_newest(0))
    }

    /// Whether the last writer closed its half or died, and nobody has taken the half since.
    ///
    /// A writer that has not come yet is not gone, and neither is one that gave its half back.
    pub fn writer_is_gone(&self) -> bool {
        self.0.control().writer_is_gone()
    }
}

impl<T: Plain, W: Wake> Default for Latest<T, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a latest consists of its slots, which `init` makes in `place`.
#[cfg(not(loom))]
unsafe impl<T: Plain, W: Wake> InPlace for Latest<T, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        // SAFETY: `repr(transparent)`: the slots have the layout of the latest. `place` is borrowed
        // exclusively and large enough for `SLOTS` slots.
        unsafe { SeqSlots::<[SeqSlot<T>; 0], W>::init(NonNull::from(&mut *place).cast(), SLOTS) };
        // SAFETY: `SeqSlots::init` has just made the slots in `place`.
        unsafe { place.assume_init_mut() }
    }
}

impl<T: Plain, W: Wake> Latest<T, W> {
    /// Takes the writer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and readers that wait
    /// for a newer value wait for the next writer. [`Writer::close`] tells them that no newer value
    /// will come.
    ///
    /// ```
    /// use ringway_core::ring::latest::Latest;
    /// static LATEST: Latest<u8> = Latest::new();
    /// let writer = LATEST.writer().unwrap();
    /// assert!(LATEST.writer().is_none(), "there is one");
    /// drop(writer);
    /// assert!(LATEST.writer().is_some(), "it was given back");
    /// ```
    pub fn writer(&self) -> Option<Writer<&Self>> {
        Writer::new(self)
    }

    /// As [`writer`](Self::writer), for the participant `me`, where processes share the value.
    pub fn writer_as(&self, me: Participant) -> Option<Writer<&Self>> {
        Writer::take(self, me)
    }

    /// The writer's half of a latest that the caller owns. This needs no read-modify-write.
    pub fn owner(&mut self) -> Writer<&Self> {
        self.0.take_from_owner();
        Writer::from_taken(&*self)
    }

    /// Closes the writer's half if `dead` held it, wakes the readers, and returns the number of
    /// halves.
    ///
    /// The last value that `dead` stored remains. Several callers may do this at once, and again
    /// later. After all these calls have returned, the number is free for another [`Participant`].
    ///
    /// # Safety
    /// `dead` takes no further step here: its process has ended, or its context was reset. What it
    /// wrote is visible to the caller, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::latest::Latest;
    /// static LATEST: Latest<u8> = Latest::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut writer = LATEST.writer_as(one).unwrap();
    /// writer.store(7);
    /// std::mem::forget(writer); // it dies
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { LATEST.recover(one) }, 1);
    /// assert_eq!(LATEST.load().unwrap().0, 7);
    /// assert!(LATEST.writer().is_some(), "another can go on");
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        usize::from(self.0.control().recover(dead))
    }
}

/// A reference by which a writer reaches and keeps its [`Latest`]: any [`StableRef`] to one.
///
/// ```
/// use ringway_core::ring::latest::{Latest, LatestRef, Writer};
/// fn count<R: LatestRef<Value = u32>>(writer: &mut Writer<R>) {
///     writer.store(writer.version().number() as u32);
/// }
/// let mut latest: Latest<u32> = Latest::new();
/// count(&mut latest.owner());
/// assert_eq!(latest.load().unwrap().0, 0);
/// ```
pub trait LatestRef:
    StableRef<Target = Latest<<Self as LatestRef>::Value, <Self as LatestRef>::Wake>>
{
    /// The type of the values.
    type Value: Plain;
    /// How the readers sleep.
    type Wake: Wake;
}

impl<R, T, W> LatestRef for R
where
    R: StableRef<Target = Latest<T, W>>,
    T: Plain,
    W: Wake,
{
    type Value = T;
    type Wake = W;
}

/// The half that writes. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its latest and keeps it, see [`StableRef`]. It is
/// `&Latest<T, W>`, or one that owns the latest, such as an `Arc`.
#[derive(Debug)]
pub struct Writer<R: LatestRef>(CachePadded<SlotWriter<R::Value, R::Wake, Fixed<SLOTS>, R>>);

impl<R: LatestRef> Writer<R> {
    /// Takes the writer's half of the latest that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](StableRef::participant). It contains the
    /// owner.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Writer};
    /// static LEVEL: Latest<u32> = Latest::new();
    /// struct Gauge {
    ///     level: Writer<&'static Latest<u32>>,
    /// }
    /// let mut gauge = Gauge { level: Writer::new(&LEVEL).unwrap() };
    /// gauge.level.store(7);
    /// assert_eq!(LEVEL.load().unwrap().0, 7);
    /// ```
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    fn take(owner: R, me: Participant) -> Option<Self> {
        owner.get().0.take(me).then(|| Self::from_taken(owner))
    }

    /// The writer's half of the latest that `owner` refers to, which was taken already.
    fn from_taken(owner: R) -> Self {
        // SAFETY: the owner keeps the latest where it is. The half contains the owner and drops it
        // last.
        let slots = unsafe { owner.get().0.borrow() };
        Writer(CachePadded(SlotWriter::new(slots, owner)))
    }

    /// Makes `value` the newest value, and wakes the readers that wait for a change. Wait-free.
    #[inline]
    pub fn store(&mut self, value: R::Value) {
        self.0.0.write(&value);
    }

    /// As [`store`](Self::store), for a large value: it makes no intermediate copy.
    ///
    /// ```
    /// use ringway_core::ring::latest::Latest;
    /// let mut latest: Latest<[u8; 4096]> = Latest::new();
    /// latest.owner().store_from(&[7; 4096]);
    /// assert_eq!(latest.load().unwrap().0, [7; 4096]);
    /// ```
    #[inline]
    pub fn store_from(&mut self, value: &R::Value) {
        self.0.0.write(value);
    }

    /// The version of the newest value, which this writer or an earlier one stored.
    pub fn version(&self) -> Version {
        Version(self.0.0.newest())
    }

    /// Declares that no newer value will come.
    ///
    /// Readers that wait for one get [`Error::EndOfFile`]. The last value remains. A writer that is
    /// taken later opens the latest again.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::latest::Latest;
    /// use ringway_core::wait::Spin;
    /// let mut latest = Latest::<u32, Spin>::new();
    /// latest.owner().store(5);
    /// latest.owner().close();
    /// assert_eq!(latest.wait_newer(latest.version()), Err(Error::EndOfFile));
    /// assert_eq!(latest.load().unwrap().0, 5);
    /// ```
    pub fn close(self) {
        self.0.0.close();
    }
}

impl<T: Plain, W: Wake> Latest<T, W> {
    /// What `read` returns for a value newer than `seen`, or why there will be none. `None` when
    /// one may come.
    fn newer_or_end<R>(
        &self,
        seen: Version,
        mut read: impl FnMut(Slots<T, W>, MessageSlot<T, Fixed<SLOTS>>) -> Option<R>,
    ) -> Option<Result<(R, Version), Error>> {
        look_or_end(
            &mut (),
            |()| self.newer(seen, &mut read).map(Ok),
            |()| self.writer_is_gone().then_some(Err(Error::EndOfFile)),
        )
    }
}

impl<T: Plain, W: Wait> Latest<T, W> {
    /// A copy of the newest value once it is newer than `seen`, and its version; waits for that.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the writer closed or died and the value is not newer.
    pub fn wait_newer(&self, seen: Version) -> Result<(T, Version), Error> {
        self.wait_newer_deadline(seen, None)
    }

    /// As [`wait_newer`](Self::wait_newer), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `wait_newer`, and [`Error::TimedOut`] when no newer value came in time.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::latest::Latest;
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut latest = Latest::<u32, SpinClock<Hundred>>::new();
    /// std::mem::forget(latest.owner());
    /// assert_eq!(latest.wait_newer_deadline(latest.version(), Some(50)), Err(Error::TimedOut));
    /// ```
    pub fn wait_newer_deadline(
        &self,
        seen: Version,
        deadline: Option<W::Deadline>,
    ) -> Result<(T, Version), Error> {
        let newer = || self.newer_or_end(seen, SeqSlotsRef::read);
        self.0.control().bell().wait_until(deadline, newer)?
    }

    /// Copies the newest value into `out` once it is newer than `seen`; waits for that.
    ///
    /// It returns the version of the value. It is for a large value, as
    /// [`load_newer_into`](Self::load_newer_into) is.
    ///
    /// # Errors
    /// Those of [`wait_newer`](Self::wait_newer). After an error, `out` contains no value.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Version};
    /// use ringway_core::wait::Spin;
    /// static FRAME: Latest<[u8; 4096], Spin> = Latest::new();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| FRAME.writer().unwrap().store_from(&[7; 4096]));
    ///     let mut frame = Box::new([0; 4096]);
    ///     FRAME.wait_newer_into(Version::NONE, &mut frame).unwrap();
    ///     assert_eq!(*frame, [7; 4096]);
    /// });
    /// ```
    pub fn wait_newer_into(&self, seen: Version, out: &mut T) -> Result<Version, Error> {
        self.wait_newer_into_deadline(seen, out, None)
    }

    /// As [`wait_newer_into`](Self::wait_newer_into), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`wait_newer_deadline`](Self::wait_newer_deadline). After an error, `out` contains
    /// no value.
    pub fn wait_newer_into_deadline(
        &self,
        seen: Version,
        out: &mut T,
        deadline: Option<W::Deadline>,
    ) -> Result<Version, Error> {
        let newer = || self.newer_or_end(seen, |slots, newest| slots.read_into(newest, out));
        self.0.control().bell().wait_until(deadline, newer)?.map(|((), version)| version)
    }
}

impl<T: Plain, W: Register> Latest<T, W> {
    /// A copy of the newest value once it is newer than `seen`, and its version; awaits that.
    ///
    /// At most as many tasks can wait at a time as the bell has places, see
    /// [`Async`](crate::wait::Async).
    ///
    /// If the future is dropped, the value stays newer than `seen`.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the writer closed or died and the value is not newer.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Version};
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let latest = Latest::<u32, Async<Spin>>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut newer = pin!(latest.newer_async(Version::NONE));
    /// assert!(newer.as_mut().poll(&mut cx).is_pending());
    /// latest.writer().unwrap().store(1);
    /// assert!(newer.poll(&mut cx).is_ready());
    /// ```
    pub fn newer_async(&self, seen: Version) -> impl Future<Output = Result<(T, Version), Error>> {
        poll_fn(move |cx| {
            self.0.control().bell().poll_until(cx, || self.newer_or_end(seen, SeqSlotsRef::read))
        })
    }

    /// Copies the newest value into `out` once it is newer than `seen`; awaits that.
    ///
    /// It returns the version of the value. It is for a large value, as
    /// [`load_newer_into`](Self::load_newer_into) is.
    ///
    /// If the future is dropped, the value stays newer than `seen`.
    ///
    /// # Errors
    /// Those of [`newer_async`](Self::newer_async). Without an answer, `out` contains no value.
    ///
    /// ```
    /// use ringway_core::ring::latest::{Latest, Version};
    /// use ringway_core::wait::Async;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let frame = Latest::<[u8; 4096], Async>::new();
    /// frame.writer().unwrap().store_from(&[7; 4096]);
    /// let mut out = Box::new([0; 4096]);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(pin!(frame.newer_into_async(Version::NONE, &mut out)).poll(&mut cx).is_ready());
    /// assert_eq!(*out, [7; 4096]);
    /// ```
    pub fn newer_into_async(
        &self,
        seen: Version,
        out: &mut T,
    ) -> impl Future<Output = Result<Version, Error>> {
        poll_fn(move |cx| {
            let newer = || self.newer_or_end(seen, |slots, newest| slots.read_into(newest, out));
            self.0.control().bell().poll_until(cx, newer).map_ok(|((), version)| version)
        })
    }
}
