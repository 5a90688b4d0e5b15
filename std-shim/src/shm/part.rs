//! A part of a region, as this participant uses it.

use super::Region;
use crate::error::{On, Tried};
use crate::{CoreError, Error, Result};
use ringway_core::participant::Participant;
use ringway_core::region::{self, Item, ReadOnly, SharedWait};
use ringway_core::ring::broadcast::{self, BroadcastInner, SeqSlot};
use ringway_core::ring::bytes::{self, ByteRingInner};
use ringway_core::ring::latest::{self, Latest};
use ringway_core::ring::messages::{self, MessageRingInner};
use ringway_core::ring::{self, RingInner};
use ringway_core::storage::{StableRef, Storage};
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::OnceLock;

pub(super) const USE: &str = "use the part";

impl Region {
    /// Returns the part of this name, which must be a `P`.
    ///
    /// # Errors
    /// [`Cause::Region`](crate::Cause::Region) when there is no such part, or it has another type,
    /// capacity or layout; [`CoreError::Closed`] in a copy of the attached process that a plain
    /// `fork(2)` made.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let region = Region::anonymous(&Layout::new(2).part::<Ring<u8, 16>>("bytes")?)?;
    /// let error = region.part::<Ring<u16, 16>>("bytes").unwrap_err();
    /// assert!(error.to_string().contains("1 bytes each, not 2"), "{error}");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn part<P: region::Part + ?Sized>(&self, name: &str) -> Result<Part<P>> {
        self.0.check_process(USE)?;
        let part = self.0.view.part::<P>(name).tried(USE).on(name)?;
        Ok(Part::of(self.clone(), NonNull::from(part)))
    }
}

/// A part of a region: a structure of the core in shared memory, as this process uses it.
///
/// It has the structure's methods. Whatever this process takes through them is on record under its
/// own participant, so that recovery releases it when this process dies. Methods that take
/// something for another participant are out of reach:
///
/// ```compile_fail,E0599
/// use ringway::shm::{Layout, Region, Ring};
/// let region = Region::anonymous(&Layout::new(2).part::<Ring<u8, 16>>("bytes")?)?;
/// let bytes = region.part::<Ring<u8, 16>>("bytes")?;
/// bytes.producer_as(bytes.participant());
/// # Ok::<(), ringway::Error>(())
/// ```
///
/// A part keeps the region mapped, and so does a half that owns its part. A guard or a claim
/// borrows from the part.
///
/// ```
/// use ringway::shm::{Layout, Region, Ring};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// let layout = Layout::new(2).part::<AtomicU64>("count")?.part::<Ring<u8, 16>>("bytes")?;
/// let region = Region::anonymous(&layout)?;
/// region.part::<AtomicU64>("count")?.fetch_add(1, Ordering::Relaxed);
/// let bytes = region.part::<Ring<u8, 16>>("bytes")?;
/// bytes.producer()?.push(7)?;
/// assert_eq!(bytes.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Part<P: region::Part + ?Sized> {
    // Dropped before the region, which keeps the memory that it points into.
    handles: Handles<P::Handle>,
    part: NonNull<P>,
    region: Region,
}

// SAFETY: `part` stands for a `&P`, and `P` is `Sync`. A handle has such a borrow and a
// participant's number, and nothing of one thread. `Region` is `Send` and `Sync`.
unsafe impl<P: region::Part + ?Sized> Send for Part<P> {}
// SAFETY: `part` stands for a `&P`, and `P` is `Sync`, so that threads may share it. A handle acts
// on `P` through such a borrow alone. `Region` is `Sync`.
unsafe impl<P: region::Part + ?Sized> Sync for Part<P> {}

/// A list of handles to one structure, each with its participant.
///
/// A forked child is another participant. It appends its own handle, since others may borrow from
/// the handles before it.
#[derive(Debug)]
pub(super) struct Handles<H> {
    me: Participant,
    handle: H,
    next: OnceLock<Box<Handles<H>>>,
}

impl<H> Handles<H> {
    pub(super) fn new(me: Participant, handle: impl Fn(Participant) -> H) -> Self {
        Handles { me, handle: handle(me), next: OnceLock::new() }
    }

    /// Returns the handle of `me`; `handle` makes it on first use.
    pub(super) fn of(&self, me: Participant, handle: impl Fn(Participant) -> H) -> &H {
        let mut handles = self;
        while handles.me != me {
            handles = handles.next.get_or_init(|| Box::new(Handles::new(me, &handle)));
        }
        &handles.handle
    }
}

impl<P: region::Part + ?Sized> Clone for Part<P> {
    fn clone(&self) -> Self {
        Part::of(self.region.clone(), self.part)
    }
}

impl<P: region::Part + ?Sized> fmt::Debug for Part<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("region", &self.region).finish_non_exhaustive()
    }
}

impl<P: region::Part + ?Sized> Deref for Part<P> {
    type Target = P::Handle;

    fn deref(&self) -> &P::Handle {
        // SAFETY: `self.region` keeps the part mapped, and is dropped after the handle.
        self.handles.of(self.participant(), |me| unsafe { P::handle(self.part, me) })
    }
}

// SAFETY: `get` always lends the structure at `self.part`. `self.region` keeps that mapped at its
// address for as long as `self` lives, and nobody has it exclusively: it is shared memory.
unsafe impl<P: region::Part<Handle = ReadOnly<P>> + ?Sized> StableRef for Part<P> {
    type Target = P;

    fn get(&self) -> &P {
        self.structure()
    }

    fn participant(&self) -> Participant {
        self.participant()
    }
}

impl<P: region::Part + ?Sized> Part<P> {
    /// Makes a part of the structure at `part`, which lies in `region`.
    fn of(region: Region, part: NonNull<P>) -> Self {
        // SAFETY: the part lies in `region`, which keeps it mapped, and which `Part` drops after
        // the handle.
        let handles = Handles::new(region.participant(), |me| unsafe { P::handle(part, me) });
        Part { handles, part, region }
    }

    /// The structure itself, for methods that take nothing.
    pub(super) fn structure(&self) -> &P {
        // SAFETY: `self.region` keeps the structure mapped for as long as `self` is borrowed, and
        // it is changed only as `P`, which is `Sync`, allows.
        unsafe { self.part.as_ref() }
    }

    /// The structure's address in this process, valid as long as the part lives.
    ///
    /// Do not take anything through the structure's methods that ask for no participant: nobody
    /// recovers it when this process dies, and two processes may both get it.
    pub fn as_ptr(&self) -> *const P {
        self.part.as_ptr()
    }

    /// This process's participant number in the region.
    pub fn participant(&self) -> Participant {
        self.region.participant()
    }

    /// The region that contains this part.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Takes a half: see [`take_from`].
    fn take<H>(
        &self,
        what: &'static str,
        is_valid: impl Fn(&P) -> bool,
        take: impl Fn(Self) -> Option<H>,
    ) -> Result<H> {
        take_from(&self.region, what, || is_valid(self.structure()), || take(self.clone()))
    }
}

/// Takes a half that one participant at a time can have. If somebody has it, it first recovers what
/// dead participants held.
pub(super) fn take_from<H>(
    region: &Region,
    what: &'static str,
    is_valid: impl Fn() -> bool,
    take: impl Fn() -> Option<H>,
) -> Result<H> {
    if let Some(half) = take() {
        return Ok(half);
    }
    region.reap();
    take().ok_or_else(|| {
        if is_valid() {
            Error::new(what, CoreError::Taken)
        } else {
            Error::new(what, region::Error::Corrupt)
        }
    })
}

/// The methods that take a half, which one participant at a time can have.
macro_rules! halves {
    ($(
        [$($parameters:tt)*] $part:ty, $is_valid:expr;
        $($(#[$meta:meta])* $name:ident, $verb:literal: $half:ty = $take:expr;)*
    )*) => {
        $(
            impl<$($parameters)*> Part<$part>
            where
                $part: region::Part<Handle = ReadOnly<$part>>,
            {
                $(
                    #[doc = concat!("Takes the half that ", $verb, ".")]
                    ///
                    /// Dropping the half gives it back. Closing it ends the stream, as the death of
                    /// this process does.
                    ///
                    /// # Errors
                    /// [`CoreError::Taken`] while a living participant has it;
                    /// [`region::Error::Corrupt`] when the part was corrupted.
                    $(#[$meta])*
                    pub fn $name(&self) -> Result<$half> {
                        self.take(concat!("take the half that ", $verb), $is_valid, $take)
                    }
                )*
            }
        )*
    };
}

halves! {
    [T: Item, S: Storage<Value = T> + ?Sized, W: SharedWait] RingInner<S, W>, RingInner::is_valid;
    /// ```
    /// use ringway::ring::Producer;
    /// use ringway::shm::{Layout, Part, Region, Ring};
    /// type Samples = Ring<u16, 64>;
    /// struct Sensor {
    ///     samples: Producer<Part<Samples>>, // it keeps the region mapped
    /// }
    /// let region = Region::anonymous(&Layout::new(2).part::<Samples>("samples")?)?;
    /// let samples = region.part::<Samples>("samples")?;
    /// let mut sensor = Sensor { samples: samples.producer()? };
    /// std::thread::spawn(move || sensor.samples.push(7)).join().unwrap()?;
    /// assert_eq!(samples.consumer()?.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    producer, "pushes": ring::Producer<Part<RingInner<S, W>>> = ring::Producer::new;
    consumer, "pops": ring::Consumer<Part<RingInner<S, W>>> = ring::Consumer::new;

    [S: Storage<Value = u8> + ?Sized, W: SharedWait] ByteRingInner<S, W>, ByteRingInner::is_valid;
    /// ```
    /// use ringway::shm::{ByteRing, Layout, Region};
    /// type Log = ByteRing<256>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Log>("log")?)?;
    /// let log = region.part::<Log>("log")?;
    /// let mut grant = log.producer()?.try_write_all(b"in one piece")?;
    /// let mut out = [0; 64];
    /// assert_eq!(log.consumer()?.try_read(&mut out), 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    producer, "writes": bytes::Producer<Part<ByteRingInner<S, W>>> = bytes::Producer::new;
    consumer, "reads": bytes::Consumer<Part<ByteRingInner<S, W>>> = bytes::Consumer::new;

    [S: Storage<Value = u8> + ?Sized, W: SharedWait] MessageRingInner<S, W>, MessageRingInner::is_valid;
    /// ```
    /// use ringway::shm::{Layout, MessageRing, Region};
    /// type Events = MessageRing<4096>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Events>("events")?)?;
    /// let events = region.part::<Events>("events")?;
    /// events.sender()?.send(b"of any length")?;
    /// let mut receiver = events.receiver()?;
    /// let message = receiver.try_peek()?;
    /// assert_eq!(&*message, b"of any length");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    sender, "sends": messages::Sender<Part<MessageRingInner<S, W>>> = messages::Sender::new;
    receiver, "receives": messages::Receiver<Part<MessageRingInner<S, W>>> = messages::Receiver::new;

    [T: Item, S: Storage<Element = SeqSlot<T>> + ?Sized, W: SharedWait] BroadcastInner<S, W>, |_| true;
    /// ```
    /// use ringway::ring::broadcast::Reader;
    /// use ringway::shm::{Broadcast, Layout, Region};
    /// type Prices = Broadcast<u32, 64>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Prices>("prices")?)?;
    /// let prices = region.part::<Prices>("prices")?;
    /// let mut reader = Reader::new(prices.clone()); // it keeps the region mapped
    /// let mut writer = prices.writer()?;
    /// std::thread::spawn(move || writer.send(5));
    /// assert_eq!(reader.recv()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    writer, "writes": broadcast::Writer<Part<BroadcastInner<S, W>>> = broadcast::Writer::new;

    [T: Item, W: SharedWait] Latest<T, W>, |_| true;
    /// ```
    /// use ringway::shm::{Latest, Layout, Region};
    /// type Level = Latest<f32>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Level>("level")?)?;
    /// let level = region.part::<Level>("level")?;
    /// level.writer()?.store(0.5);
    /// assert_eq!(level.load().unwrap().0, 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    writer, "writes": latest::Writer<Part<Latest<T, W>>> = latest::Writer::new;
}
