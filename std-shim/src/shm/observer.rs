//! A region that this process only looks at.

use super::file::{OPEN, UnlockedFile, name_of};
use super::mapping::Mapping;
use super::{Access, Region};
use crate::error::{On, Tried};
use crate::wait::wake;
use crate::{CoreError, Error, Result};
use ringway_core::participant::Participant;
use ringway_core::region::{Entry, Item, Part, SharedWait, View};
use ringway_core::ring::broadcast::{BroadcastView, RawBroadcast, RawReader};
use ringway_core::ring::latest::{Latest, RawLatest};
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, Wake};
use rustix::mm::ProtFlags;
use rustix::thread::futex;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::ptr::NonNull;

const LOOK: &str = "look at the part";

/// A region that this process has mapped read-only, without being a participant.
///
/// It reads newest values and broadcasts; [`survey`](super::survey) tells the rest. It takes no
/// place, no participant notices it, and no mistake of this process can harm them: the system lets
/// it write nothing there. So it cannot sleep in the region either, and looks when it suits it.
///
/// The region may end meanwhile: the observer keeps what was written last. As for those who are
/// attached, a program that does not keep to the rules could shorten the file, and reading would be
/// a `SIGBUS`.
///
/// ```
/// use ringway::shm::{Broadcast, Latest, Layout, Region};
/// let name = format!("ringway-doc-observe-{}", std::process::id());
/// let layout = Layout::new(1).part::<Latest<f32>>("level")?.part::<Broadcast<u32, 8>>("news")?;
/// let region = Region::create(&name, 0o600, &layout)?;
/// let mut news = region.part::<Broadcast<u32, 8>>("news")?.writer()?;
/// region.part::<Latest<f32>>("level")?.writer()?.store(0.5);
///
/// // In another process, a dashboard for instance:
/// let observer = Region::observe(&name)?;
/// assert_eq!(observer.latest::<f32>("level")?.load().unwrap().0, 0.5);
/// let seen = observer.broadcast::<u32>("news")?;
/// let mut reader = seen.reader();
/// news.send(7);
/// assert_eq!(reader.try_recv()?, Some(7));
/// assert_eq!(region.participants().len(), 1, "the observer is none");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Observer {
    // Dropped before the mapping that it points into.
    view: View<'static>,
    _mapping: Mapping,
    /// Its lock keeps others from laying the file out anew.
    _file: UnlockedFile,
}

/// What an observer sees of a part. It lends the part's methods that only look.
#[derive(Debug)]
pub struct Observed<'o, P: Part + ?Sized> {
    handle: P::Handle,
    observer: PhantomData<&'o Observer>,
}

impl<P: Part + ?Sized> Deref for Observed<'_, P> {
    type Target = P::Handle;

    fn deref(&self) -> &P::Handle {
        &self.handle
    }
}

/// The `W` of a part that is only looked at: there is no way to sleep on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unwritten;

impl Wake for Unwritten {
    type Word = BellWord;

    const INIT: Self = Unwritten;

    fn wake(&self, word: &AtomicU32, n: u32) {
        // An observer never rings. Who takes this for a part of an attached region does.
        wake(word, futex::Flags::empty(), n);
    }
}

// SAFETY: it has no bytes, and wakes those that sleep on a futex in any process.
unsafe impl SharedWait for Unwritten {}

impl Region {
    /// Maps the region of this name read-only, without attaching to it.
    ///
    /// # Errors
    /// As [`open`](Self::open); never for want of a place.
    pub fn observe(name: &str) -> Result<Observer> {
        let name = name_of(name, OPEN)?;
        let file = UnlockedFile::named(name)?;
        file.check_region(OPEN).on(name)?;
        Access::from(0o600).check(&file.stat()?).tried(OPEN).on(name)?;
        Observer::new(file).map_err(|error| error.or_on(name))
    }
}

impl Observer {
    /// Maps the region that this descriptor refers to read-only: one without a name, for instance.
    ///
    /// # Errors
    /// As [`Region::from_fd`].
    pub fn from_fd(fd: impl AsFd) -> Result<Observer> {
        Observer::new(UnlockedFile::handed_over(fd.as_fd())?)
    }

    fn new(file: UnlockedFile) -> Result<Observer> {
        file.observe()?;
        file.check_region(OPEN)?;
        if !file.has_participants() {
            return Err(Error::new(OPEN, CoreError::NotFound));
        }
        let mapping = Mapping::new(&file, file.size(OPEN)?, ProtFlags::READ)?;
        // SAFETY: the mapping can be read, and lives as long as the observer, which drops the view
        // first. Nothing here writes through it: `part` lends only what looks. The documentation of
        // `shm` demands of all other processes to write there through this crate alone.
        let view = unsafe { View::new(mapping.at(), mapping.length()) }.tried(OPEN)?;
        Ok(Observer { view, _mapping: mapping, _file: file })
    }

    /// The newest value of this name. See [`Latest`] for its methods that do not wait.
    ///
    /// # Errors
    /// [`Cause::Region`](crate::Cause::Region) when there is no such part, or it has another type.
    pub fn latest<T: Item>(&self, name: &str) -> Result<Observed<'_, Latest<T, Unwritten>>> {
        self.part(name)
    }

    /// The broadcast of this name, of any capacity. Its `reader` has the methods that do not wait.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub fn broadcast<T: Item>(
        &self,
        name: &str,
    ) -> Result<Observed<'_, BroadcastView<T, Unwritten>>> {
        self.part(name)
    }

    /// A reader of the newest value of this name, whatever its type: its items are bytes. It begins
    /// at the oldest value that is still there.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub fn raw_latest(&self, name: &str) -> Result<RawReader<'_, Unwritten>> {
        let latest = self.view.raw_part::<RawLatest<'_, Unwritten>>(name).tried(LOOK).on(name)?;
        Ok(latest.reader_from_oldest())
    }

    /// A reader of the broadcast of this name, whatever the type of its messages: they are bytes.
    /// It begins at the oldest message that is still there.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    ///
    /// ```
    /// use ringway::shm::{Broadcast, Layout, Region};
    /// let name = format!("ringway-doc-raw-observe-{}", std::process::id());
    /// let layout = Layout::new(1).part::<Broadcast<u32, 8>>("news")?;
    /// let region = Region::create(&name, 0o600, &layout)?;
    /// region.part::<Broadcast<u32, 8>>("news")?.writer()?.send(7);
    /// let (observer, mut news) = (Region::observe(&name)?, [0; 4]);
    /// assert!(observer.raw_broadcast("news")?.try_recv(&mut news)?);
    /// assert_eq!(u32::from_ne_bytes(news), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn raw_broadcast(&self, name: &str) -> Result<RawReader<'_, Unwritten>> {
        let news = self.view.raw_part::<RawBroadcast<'_, Unwritten>>(name).tried(LOOK).on(name)?;
        Ok(news.reader_from_oldest())
    }

    /// The parts, in the order in which they were laid out. See [`Region::parts`].
    pub fn parts(&self) -> Vec<Entry> {
        self.view.entries().collect()
    }

    /// A part whose handle has only methods that look.
    fn part<P: Part + ?Sized>(&self, name: &str) -> Result<Observed<'_, P>> {
        let part = self.view.part::<P>(name).tried(LOOK).on(name)?;
        // SAFETY: the mapping stays for as long as the observer is borrowed.
        let handle = unsafe { P::handle(NonNull::from(part), Participant::LOCAL) };
        Ok(Observed { handle, observer: PhantomData })
    }
}
