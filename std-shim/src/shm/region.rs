//! A region that this process is attached to.

use super::attachment::{Attachment, Stale};
use super::file::{CREATE, File, OPEN, PATIENCE, name_of};
use super::mapping::Mapping;
use super::registry::AttachedRegion;
use super::stale;
use super::{Access, Layout};
use crate::error::{On, Tried};
use crate::{CoreError, Result};
use ringway_core::participant::Participant;
use ringway_core::region::{Entry, Occupant};
use rustix::mm::ProtFlags;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

/// Shared memory that this process is attached to as a participant.
///
/// Clones are the same attachment. It ends when the last clone, and the last part that was taken
/// from it, are dropped.
///
/// When the last participant detaches, the region's name is removed. If all participants were
/// killed, the name stays; the next process that creates a region of this name recognises that, and
/// makes it anew.
///
/// ```
/// use ringway::shm::{Layout, Region, Ring};
/// type Samples = Ring<u32, 64>;
///
/// let name = format!("ringway-doc-{}", std::process::id());
/// let layout = Layout::new(4).part::<Samples>("samples")?;
/// let region = Region::create(&name, 0o600, &layout)?;
/// let samples = region.part::<Samples>("samples")?;
/// samples.producer()?.push(512)?;
///
/// // In another process, or here:
/// let other = Region::open(&name)?;
/// assert_eq!(other.part::<Samples>("samples")?.consumer()?.pop(), Ok(512));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Region(pub(super) Arc<Attachment>);

impl Region {
    /// Creates a region without a name.
    ///
    /// Others attach by its descriptor ([`AsFd`], [`from_fd`](Self::from_fd)). The file is sealed,
    /// so that nobody can shorten it. See
    /// [`memfd_create(2)`](https://man7.org/linux/man-pages/man2/memfd_create.2.html).
    ///
    /// # Errors
    /// For an invalid layout; [`CoreError::Exhausted`] when there is not enough memory.
    ///
    /// ```
    /// use ringway::shm::{Layout, Queue, Region};
    /// let region = Region::anonymous(&Layout::new(2).part::<Queue<u64, 8>>("jobs")?)?;
    /// let same = Region::from_fd(&region)?;
    /// assert_ne!(region.participant(), same.participant());
    /// assert_eq!(region.participants().len(), 2);
    /// drop(same);
    /// assert_eq!(region.participants()[0].1.process, std::process::id());
    /// assert_eq!(region.reap(), 0, "nobody has died");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "memfd_create")]
    pub fn anonymous(layout: &Layout) -> Result<Region> {
        let file = File::anonymous(layout.size() as u64)?;
        Self::lay_out(file, layout)
    }

    /// Creates a region of this name in `/dev/shm`, with exactly the permissions `access`.
    ///
    /// `access` is a mode such as `0o600`, or an [`Access`]. The region gets its name once it is
    /// ready, so that nobody finds it half made. It replaces a region of this name that nobody is
    /// attached to any more. Where this process may not remove that region (in `/dev/shm` only its
    /// owner and root may), but may write it and `access` fits it, the new region is laid out in
    /// the same file.
    ///
    /// One slash in front of the name is ignored.
    ///
    /// # Errors
    /// [`CoreError::AddressInUse`] when somebody is attached to a region of this name, or the file
    /// is another program's; [`Cause::Stale`](crate::Cause::Stale) when nobody is attached to the
    /// region, and this process can neither remove nor reuse it;
    /// [`Cause::UnevenMode`](crate::Cause::UnevenMode) for a mode by which a user could read and
    /// not write, or the reverse; [`CoreError::BadName`]; for an invalid layout;
    /// [`CoreError::Exhausted`] when there is not enough memory.
    #[doc(alias = "shm_open")]
    pub fn create(name: &str, access: impl Into<Access>, layout: &Layout) -> Result<Region> {
        let (name, access) = (name_of(name, CREATE)?, access.into());
        access.check_mode().tried(CREATE).on(name)?;
        let file = File::unlinked(name, access.mode(), layout.size() as u64)?;
        let region = Self::lay_out(file, layout).on(name)?;
        let end = Instant::now() + PATIENCE;
        loop {
            let in_use = match region.0.file.link() {
                Err(error) if error.is(CoreError::AddressInUse) => error,
                done => return done.map(|()| region),
            };
            match stale::free_name(name, access).on(name)? {
                None if Instant::now() < end => {}
                None => return Err(in_use),
                Some(file) => {
                    // Free the memory first: there may not be enough for both regions.
                    drop(region);
                    let attached = stale::lay_out_anew(&file, layout)
                        .and_then(|()| Self::attach(file, Stale::Welcome, None));
                    return attached.on(name);
                }
            }
        }
    }

    /// Attaches to the region of this name.
    ///
    /// It must belong to this process's user or root, and its owner alone may use it.
    /// [`open_with`](Self::open_with) attaches to others.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] when there is none, or nobody is attached to it any more;
    /// [`Cause::OtherOwner`](crate::Cause::OtherOwner) when it belongs to another user;
    /// [`Cause::TooOpen`](crate::Cause::TooOpen) when other users may use it;
    /// [`CoreError::Exhausted`] when every place is taken; [`Cause::Region`](crate::Cause::Region)
    /// or [`Cause::WrongFile`](crate::Cause::WrongFile) when the file is another program's, of
    /// another version, of another size than it says, or corrupted.
    pub fn open(name: &str) -> Result<Region> {
        Self::open_with(name, 0o600)
    }

    /// Attaches to the region of this name, and accepts the owners and the mode that `access`
    /// allows.
    ///
    /// See [`Access`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(name: &str, access: impl Into<Access>) -> Result<Region> {
        Self::find(name_of(name, OPEN)?, access.into(), None)
    }

    /// Attaches to the region of this name, which must have the parts of `wanted`.
    fn find(name: &str, access: Access, wanted: Option<&Layout>) -> Result<Region> {
        let file = File::named(name, OPEN)?;
        // A file that is no region gets that error, whoever owns it.
        let checked = match file.not_a_region()? {
            Some(cause) => Err(cause),
            None => access.check(&file.stat()?),
        };
        checked.tried(OPEN).on(name)?;
        Self::attach(file, Stale::Refused, wanted).map_err(|error| error.or_on(name))
    }

    /// Attaches to the region of this name, or creates it.
    ///
    /// An existing region must have every part of `layout`, as the layout describes it. It may have
    /// more parts, and another number of places. It must be as `access` says; unless told
    /// otherwise, it was made by this process's user or root, and has no more permissions than a
    /// new one would get.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with) for an existing region, and as [`create`](Self::create);
    /// [`Cause::Region`](crate::Cause::Region), with the name of the part, when a part of `layout`
    /// is missing or differs.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let name = format!("ringway-doc-ooc-{}", std::process::id());
    /// let layout = Layout::new(4).part::<Ring<u32, 64>>("samples")?;
    /// let first = Region::open_or_create(&name, 0o600, &layout)?;
    /// let second = Region::open_or_create(&name, 0o600, &layout)?;
    /// assert_ne!(first.participant(), second.participant());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn open_or_create(
        name: &str,
        access: impl Into<Access>,
        layout: &Layout,
    ) -> Result<Region> {
        let (name, access) = (name_of(name, OPEN)?, access.into());
        access.check_mode().tried(CREATE).on(name)?;
        let end = Instant::now() + PATIENCE;
        loop {
            match Self::find(name, access, Some(layout)) {
                Err(error) if error.is(CoreError::NotFound) => {}
                found => return found,
            }
            match Self::create(name, access, layout) {
                // Another process created it meanwhile: retry.
                Err(error) if error.is(CoreError::AddressInUse) && Instant::now() < end => {}
                made => return made,
            }
        }
    }

    /// Attaches to the region that this descriptor refers to.
    ///
    /// The descriptor itself is not kept: the file is opened anew, through `/proc`, because locks
    /// belong to an opening. Owner and mode are not checked: the caller trusts the process that
    /// handed over the descriptor.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_fd(fd: impl AsFd) -> Result<Region> {
        Self::attach(File::handed_over(fd.as_fd(), None)?, Stale::Welcome, None)
    }

    fn lay_out(file: File, layout: &Layout) -> Result<Region> {
        let mapping = Mapping::new(&*file, layout.size(), ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: the mapping is new and has this length, and its file is known to nobody else yet.
        // So until `attach` below, the slice is the only access to this memory.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(mapping.at().as_ptr(), mapping.length()) };
        layout.write(memory).tried(CREATE)?;
        Self::attach(file, Stale::Welcome, None)
    }

    fn attach(file: File, stale: Stale, wanted: Option<&Layout>) -> Result<Region> {
        Attachment::new(file, stale, wanted).map(Region)
    }

    /// This process's participant number in the region.
    ///
    /// A forked child is another participant, and takes its halves anew.
    pub fn participant(&self) -> Participant {
        self.0.me()
    }

    /// This attachment's generation: each attachment to the region gets another one.
    pub fn generation(&self) -> u32 {
        self.0.generation()
    }

    /// The participants that are attached and alive, this process among them.
    pub fn participants(&self) -> Vec<(Participant, Occupant)> {
        let me = self.0.me();
        let is_alive = |who: Participant| who == me || self.0.file.is_locked(who.number());
        // In a copy of the process that attached, this memory is gone.
        let all = self.0.is_ours().then(|| self.0.occupants());
        all.into_iter().flatten().filter(|(who, _)| is_alive(*who)).collect()
    }

    /// Recovers what dead participants held, and returns how many it found.
    ///
    /// Sleepers in the region do so by themselves, every
    /// [`DETECTION_BOUND`](super::DETECTION_BOUND). Call this in a program that only polls.
    pub fn reap(&self) -> usize {
        self.0.reap()
    }

    /// The region's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.file.name()
    }

    /// The parts, in the order in which they were laid out.
    ///
    /// ```
    /// use ringway::shm::{Layout, Queue, Region};
    /// let region = Region::anonymous(&Layout::new(1).part::<Queue<u64, 8>>("jobs")?)?;
    /// let parts = region.parts();
    /// assert_eq!((parts[0].name(), parts[0].description.capacity), ("jobs", 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parts(&self) -> Vec<Entry> {
        // In a copy of the process that attached, this memory is gone.
        self.0.is_ours().then(|| self.0.view.entries()).into_iter().flatten().collect()
    }

    /// The address of the region's first byte in this process, valid as long as it is attached.
    ///
    /// It tells where in the region's file something lies that a part lends.
    pub fn as_ptr(&self) -> *const u8 {
        self.0.mapping.at().as_ptr()
    }

    /// The region's size, in bytes.
    pub fn size(&self) -> usize {
        self.0.mapping.length()
    }
}

crate::sys::descriptor!(
    /// A descriptor for another process, which attaches by [`Region::from_fd`]. It holds no lock of
    /// this process: neither a duplicate of it nor one that was sent away makes this process seem
    /// alive.
    Region, |it| *it.0.file
);
