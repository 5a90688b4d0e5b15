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
use ringway_core::region::Occupant;
use rustix::mm::ProtFlags;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

/// Shared memory that this process is attached to as a participant. Clones are the same attachment;
/// it ends with the last of them, and with every part that was taken from it.
///
/// When the last participant detaches, the region's name goes with it. One whose participants were
/// all killed is recognised by the next who asks for the name, and made anew.
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
    /// A region without a name: others attach by its descriptor ([`AsFd`],
    /// [`from_fd`](Self::from_fd)). The file is sealed, so that nobody can cut it off. See
    /// [`memfd_create(2)`](https://man7.org/linux/man-pages/man2/memfd_create.2.html).
    ///
    /// # Errors
    /// An invalid layout; [`CoreError::Exhausted`] when there is not so much memory.
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

    /// A new region of this name in `/dev/shm`, with exactly the permissions `access`: a mode such
    /// as `0o600`, or an [`Access`]. It has its name once it is ready, so that nobody finds it half
    /// made. One of this name that nobody is attached to any more is replaced; where this process
    /// may not remove it (in `/dev/shm` only its owner may, and root), but may write it and
    /// `access` fits it, it is laid out anew as it stands.
    ///
    /// One slash in front of the name is left out.
    ///
    /// # Errors
    /// [`CoreError::AddressInUse`] when somebody is attached to one of this name, or it is
    /// another program's file; [`Cause::Stale`](crate::Cause::Stale) when one that nobody is
    /// attached to can neither be removed nor be used, or for a mode that lets somebody read who
    /// may not write; [`CoreError::BadName`]; an invalid layout; [`CoreError::Exhausted`]
    /// when there is not so much memory.
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
            match stale::make_way(name, access).on(name)? {
                None if Instant::now() < end => {}
                None => return Err(in_use),
                Some(file) => {
                    // Its memory first: there may not be enough for both.
                    drop(region);
                    let attached = stale::lay_out_anew(&file, layout)
                        .and_then(|()| Self::attach(file, Stale::Welcome, None));
                    return attached.on(name);
                }
            }
        }
    }

    /// Attaches to the region of this name: one that its owner alone may use, who is this process's
    /// user or root. For others there is [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// [`CoreError::NotFound`] when there is none, or nobody is attached to it any more;
    /// [`Cause::OtherOwner`](crate::Cause::OtherOwner) or [`Cause::TooOpen`](crate::Cause::TooOpen)
    /// when it is another user's, or may be used by others; [`CoreError::Exhausted`] when every
    /// place is taken; [`Cause::Region`](crate::Cause::Region) or
    /// [`Cause::WrongFile`](crate::Cause::WrongFile) when it is a file of another program, of
    /// another version, of another size than it says, or corrupted.
    pub fn open(name: &str) -> Result<Region> {
        Self::open_with(name, 0o600)
    }

    /// Attaches to the region of this name, which may be as far open to others as `access` says:
    /// see [`Access`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(name: &str, access: impl Into<Access>) -> Result<Region> {
        Self::find(name_of(name, OPEN)?, access.into(), None)
    }

    /// The region of this name, with the parts of `wanted`.
    fn find(name: &str, access: Access, wanted: Option<&Layout>) -> Result<Region> {
        let file = File::named(name, OPEN)?;
        // What is no region is told as such, whosever it is.
        let checked = match file.is_no_region()? {
            Some(cause) => Err(cause),
            None => access.check(&file.stat()?),
        };
        checked.tried(OPEN).on(name)?;
        Self::attach(file, Stale::Refused, wanted).map_err(|error| error.or_on(name))
    }

    /// Attaches to the region of this name, or makes it. One that is there must have every part of
    /// `layout`, as the layout describes it. It may have more parts, and another number of places.
    /// It must be as `access` says: made by this process's user or root, with no more permissions
    /// than a new one would get.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with), where there is one, and [`create`](Self::create);
    /// [`Cause::Region`](crate::Cause::Region), and which part it is, when a part of `layout` is
    /// missing or is another one.
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
                // Another was faster.
                Err(error) if error.is(CoreError::AddressInUse) && Instant::now() < end => {}
                made => return made,
            }
        }
    }

    /// Attaches to the region whose descriptor this is, as it was handed over. The descriptor
    /// itself is not kept: the file is opened anew, through `/proc`, because locks belong to an
    /// opening. Owner and mode are not looked at: what the descriptor leads to is the word of
    /// whoever handed it over.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_fd(fd: impl AsFd) -> Result<Region> {
        Self::attach(File::handed_over(fd.as_fd(), None)?, Stale::Welcome, None)
    }

    fn lay_out(file: File, layout: &Layout) -> Result<Region> {
        let mapping = Mapping::new(&*file, layout.size(), ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: freshly mapped, of a file that nobody else knows yet, so that the slice is the
        // only user.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(mapping.at().as_ptr(), mapping.length()) };
        layout.write(memory).tried(CREATE)?;
        Self::attach(file, Stale::Welcome, None)
    }

    fn attach(file: File, stale: Stale, wanted: Option<&Layout>) -> Result<Region> {
        Attachment::new(file, stale, wanted).map(Region)
    }

    /// Who we are in this region. A forked child is another participant, and takes its ends anew.
    pub fn participant(&self) -> Participant {
        self.0.me()
    }

    /// Our generation: different for everybody who ever attached.
    pub fn generation(&self) -> u32 {
        self.0.generation()
    }

    /// Everybody who is attached and alive, ourselves among them.
    pub fn participants(&self) -> Vec<(Participant, Occupant)> {
        let me = self.0.me();
        let is_alive = |who: Participant| who == me || self.0.file.is_locked(who.number());
        // A copy of the process that attached has no such memory.
        let all = self.0.is_ours().then(|| self.0.occupants());
        all.into_iter().flatten().filter(|(who, _)| is_alive(*who)).collect()
    }

    /// Looks for participants that have died, and puts right what they held; returns how many there
    /// were. Whoever sleeps in the region does so by itself, every
    /// [`DETECTION_BOUND`](super::DETECTION_BOUND); one that only polls may want to.
    pub fn reap(&self) -> usize {
        self.0.reap()
    }

    /// The region's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.file.name()
    }

    /// How large it is, in bytes.
    pub fn size(&self) -> usize {
        self.0.mapping.length()
    }
}

crate::sys::descriptor!(
    /// To hand over to another process, which attaches by [`Region::from_fd`]. It holds no lock of
    /// ours: neither a duplicate of it nor one that was sent away makes this process seem alive.
    Region, |it| *it.0.file
);
