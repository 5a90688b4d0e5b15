//! Parts whose items have no Rust type in this program.

use super::part::{Handles, USE, take_from};
use super::{Layout, Region, RobustFutex};
use crate::Result;
use crate::error::{On, Tried};
use ringway_core::participant::Participant;
use ringway_core::region::{self, Part, ReadOnly};
use ringway_core::ring::broadcast::{self, BroadcastView, RawReader, RawWriter};
use ringway_core::ring::pool::{self, Reliability};
use ringway_core::ring::queue::{self, RawHandle};
use ringway_core::ring::{self, RawConsumer, RawProducer, RingView, latest};
use std::ops::Deref;
use std::ptr::NonNull;

/// A ring of values of a stated size: see [`Region::raw_part`].
pub type RawRing = ring::RawRing<'static, RobustFutex>;

/// A queue of values of a stated size: see [`Region::raw_part`].
pub type RawQueue = queue::RawQueue<'static, RobustFutex>;

/// A broadcast of messages of a stated size: see [`Region::raw_part`].
pub type RawBroadcast = broadcast::RawBroadcast<'static, RobustFutex>;

/// The newest value of a stated size: see [`Region::raw_part`].
pub type RawLatest = latest::RawLatest<'static, RobustFutex>;

/// A pool of frames: see [`Region::raw_part`].
pub type RawPool = pool::RawPool<'static, RobustFutex>;

/// A structure that can be a part although this program does not know the type of its items.
///
/// These are [`RawRing`], [`RawQueue`], [`RawBroadcast`], [`RawLatest`] and [`RawPool`].
pub trait Raw: region::RawPart<'static> + Copy {
    /// What [`RawPart`] lends.
    type Handle;

    #[doc(hidden)]
    fn handle(self, me: Participant) -> Self::Handle;
}

impl Raw for RawQueue {
    type Handle = RawHandle<'static, RobustFutex>;

    fn handle(self, me: Participant) -> Self::Handle {
        queue::RawQueue::handle(self, me)
    }
}

/// For structures with halves: the part lends their words, read-only.
macro_rules! lends_words {
    ($($raw:ty, $words:ty;)*) => {
        $(
            impl Raw for $raw {
                type Handle = ReadOnly<$words>;

                fn handle(self, me: Participant) -> Self::Handle {
                    // SAFETY: the words lie in a region, which the `RawPart` that holds the handle
                    // keeps mapped.
                    unsafe { <$words as Part>::handle(NonNull::from(self.words()), me) }
                }
            }
        )*
    };
}

lends_words! {
    RawRing, RingView<(), RobustFutex>;
    RawBroadcast, BroadcastView<(), RobustFutex>;
    RawLatest, BroadcastView<(), RobustFutex>;
}

impl Raw for RawPool {
    type Handle = PoolState;

    fn handle(self, _: Participant) -> Self::Handle {
        PoolState(self)
    }
}

/// What can be seen of a pool without a half.
#[derive(Debug)]
pub struct PoolState(RawPool);

impl PoolState {
    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.0.frames()
    }

    /// The size of a frame, in bytes.
    pub fn frame_size(&self) -> usize {
        self.0.frame_size()
    }

    /// The number of publications, see [`pool`](ringway_core::ring::pool#bounds).
    pub fn published(&self) -> u32 {
        self.0.published()
    }

    /// Whether the last writer closed its half or died, and nobody has taken the half since.
    pub fn writer_is_gone(&self) -> bool {
        self.0.writer_is_gone()
    }
}

/// A part of a region whose items have no Rust type in this program: see [`Region::raw_part`].
///
/// Its items are slices of bytes. It keeps the region mapped; what comes from it borrows from it.
#[derive(Debug)]
pub struct RawPart<R: Raw> {
    // Dropped before the region, which keeps the memory that it points into.
    handles: Handles<R::Handle>,
    raw: R,
    region: Region,
}

impl<R: Raw> Clone for RawPart<R> {
    fn clone(&self) -> Self {
        RawPart::of(self.raw, self.region.clone())
    }
}

impl<R: Raw> RawPart<R> {
    fn of(raw: R, region: Region) -> Self {
        let handles = Handles::new(region.participant(), |me| raw.handle(me));
        RawPart { handles, raw, region }
    }

    /// The region that contains this part.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl<R: Raw> Deref for RawPart<R> {
    type Target = R::Handle;

    fn deref(&self) -> &R::Handle {
        self.handles.of(self.region.participant(), |me| self.raw.handle(me))
    }
}

impl Layout {
    /// Adds a part of `capacity` items of the layout `item`, whose Rust type need not be known.
    ///
    /// See [`Region::raw_part`].
    ///
    /// # Errors
    /// [`region::Error`], which says what is wrong with the part.
    pub fn raw_part<R: Raw>(
        self,
        name: &str,
        capacity: usize,
        item: impl Into<region::RawItem>,
    ) -> std::result::Result<Self, region::Error> {
        self.0.raw_part::<R>(name, capacity, item).map(Layout)
    }
}

impl Region {
    /// Returns the part of this name, with items of any type.
    ///
    /// Each item is a slice of bytes, whose length the region says. It may be laid out as a typed
    /// part, and opened by its type elsewhere.
    ///
    /// # Errors
    /// As [`part`](Self::part).
    ///
    /// ```
    /// use ringway::shm::{Layout, Queue, RawQueue, RawRing, Region, Ring};
    /// let (capacity, size) = ("100".parse()?, "12".parse()?); // from the command line
    /// let item = std::alloc::Layout::from_size_align(size, 4)?;
    /// let layout = Layout::new(2).raw_part::<RawQueue>("jobs", capacity, item)?;
    /// let region = Region::anonymous(&layout.raw_part::<RawRing>("samples", capacity, item)?)?;
    /// region.raw_part::<RawQueue>("jobs")?.try_push(&[1; 12])?;
    /// assert_eq!(region.part::<Queue<[u32; 3], 100>>("jobs")?.pop(), Ok([0x0101_0101; 3]));
    /// region.raw_part::<RawRing>("samples")?.producer()?.try_push(&[2; 12])?;
    /// let mut samples = region.part::<Ring<[u32; 3], 100>>("samples")?.consumer()?;
    /// assert_eq!(samples.pop(), Ok([0x0202_0202; 3]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn raw_part<R: Raw>(&self, name: &str) -> Result<RawPart<R>> {
        self.0.check_process(USE)?;
        let raw = self.0.view.raw_part::<R>(name).tried(USE).on(name)?;
        Ok(RawPart::of(raw, self.clone()))
    }
}

impl RawPart<RawRing> {
    /// Takes the half that pushes. Dropping it gives it back.
    ///
    /// # Errors
    /// As for a [typed part](super::Part::producer).
    pub fn producer(&self) -> Result<RawProducer<'_, RobustFutex>> {
        let take = || self.raw.producer_as(self.region.participant());
        take_from(&self.region, "take the half that pushes", || self.is_valid(), take)
    }

    /// Takes the half that pops. Dropping it gives it back.
    ///
    /// # Errors
    /// As for a [typed part](super::Part::consumer).
    pub fn consumer(&self) -> Result<RawConsumer<'_, RobustFutex>> {
        let take = || self.raw.consumer_as(self.region.participant());
        take_from(&self.region, "take the half that pops", || self.is_valid(), take)
    }
}

impl RawPart<RawPool> {
    /// Takes the half that publishes. Dropping it gives it back.
    ///
    /// # Errors
    /// As for a [typed part](super::Part::writer).
    ///
    /// ```
    /// use ringway::ring::pool::Reliability;
    /// use ringway::shm::{Layout, RawPool, Region};
    /// let image = std::alloc::Layout::from_size_align(640 * 480, 64)?;
    /// let region = Region::anonymous(&Layout::new(4).raw_part::<RawPool>("images", 8, image)?)?;
    /// let images = region.raw_part::<RawPool>("images")?;
    /// let (writer, reader) = (images.writer()?, images.reader(Reliability::Reliable)?);
    /// let mut image = writer.try_loan()?;
    /// image.fill(128); // in place
    /// image.publish();
    /// assert_eq!(reader.recv_deadline(None)?[100], 128); // in place, too
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self) -> Result<pool::Writer<'_, RobustFutex>> {
        let take = || self.raw.writer_as(self.region.participant());
        take_from(&self.region, "take the half that publishes", || true, take)
    }

    /// Takes a reader's place. Dropping the reader gives it back.
    ///
    /// # Errors
    /// [`Taken`](ringway_core::Error::Taken) when all
    /// [`READERS`](ringway_core::ring::pool::READERS) places are taken by living participants.
    pub fn reader(&self, reliability: Reliability) -> Result<pool::Reader<'_, RobustFutex>> {
        let take = || self.raw.reader_as(self.region.participant(), reliability).ok();
        take_from(&self.region, "take a reader's place", || true, take)
    }
}

/// For a broadcast and a latest value: the halves.
macro_rules! broadcasts {
    ($($raw:ty, $example:literal;)*) => {
        $(
            impl RawPart<$raw> {
                /// Takes the half that writes. Dropping it gives it back.
                ///
                /// # Errors
                /// As for a [typed part](super::Part::writer).
                #[doc = $example]
                pub fn writer(&self) -> Result<RawWriter<'_, RobustFutex>> {
                    let take = || self.raw.writer_as(self.region.participant());
                    take_from(&self.region, "take the half that writes", || true, take)
                }

                /// Makes a reader that begins at the oldest item that is still there.
                pub fn reader_from_oldest(&self) -> RawReader<'_, RobustFutex> {
                    self.raw.reader_from_oldest()
                }
            }
        )*
    };
}

broadcasts! {
    RawBroadcast, "
```
use ringway::shm::{Broadcast, Layout, RawBroadcast, Region};
let region = Region::anonymous(&Layout::new(2).part::<Broadcast<u32, 64>>(\"prices\")?)?;
let prices = region.raw_part::<RawBroadcast>(\"prices\")?;
let mut reader = prices.reader_from_oldest();
prices.writer()?.send(&5_u32.to_ne_bytes())?;
let mut price = [0; 4];
reader.recv_deadline(&mut price, None)?;
assert_eq!(u32::from_ne_bytes(price), 5);
# Ok::<(), Box<dyn std::error::Error>>(())
```";
    RawLatest, "
```
use ringway::shm::{Latest, Layout, RawLatest, Region};
let region = Region::anonymous(&Layout::new(2).part::<Latest<f32>>(\"level\")?)?;
let level = region.raw_part::<RawLatest>(\"level\")?;
let (mut writer, mut reader) = (level.writer()?, level.reader_from_oldest());
[0.25_f32, 0.5].iter().try_for_each(|level| writer.send(&level.to_ne_bytes()))?;
let mut newest = [0; 4];
reader.skip_to_newest();
assert!(reader.try_recv(&mut newest)?);
assert_eq!(f32::from_ne_bytes(newest), 0.5);
# Ok::<(), Box<dyn std::error::Error>>(())
```";
}
