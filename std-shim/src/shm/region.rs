//! A region that this process is attached to.

use super::file::{CREATE, File, OPEN, PATIENCE, name_of};
use super::mapping::Mapping;
use super::robust_futex::now;
use super::stale::{self, Way};
use super::vigil::Vigil;
use super::{Access, Layout, Part, RobustFutex, registry};
use crate::{Cause, Error, Result, channel, wait};
use ringway_core::participant::Participant;
use ringway_core::region::{self, AttachSlot, Mismatch, Occupant, View};
use rustix::io::Errno;
use rustix::mm::ProtFlags;
use rustix::thread::futex;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
pub struct Region(Arc<Attachment>);

impl Region {
    /// A region without a name: others attach by its descriptor ([`AsFd`],
    /// [`from_fd`](Self::from_fd)). The file is sealed, so that nobody can cut it off. See
    /// [`memfd_create(2)`](https://man7.org/linux/man-pages/man2/memfd_create.2.html).
    ///
    /// # Errors
    /// A layout that cannot be; [`channel::Error::Exhausted`] when there is not so much memory.
    ///
    /// ```
    /// use ringway::shm::{Layout, Queue, Region};
    /// let region = Region::anonymous(&Layout::new(2).part::<Queue<u64, 8>>("jobs")?)?;
    /// let same = Region::from_fd(&region)?;
    /// assert_ne!(region.participant(), same.participant());
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
    /// [`channel::Error::AddressInUse`] when somebody is attached to one of this name, or it is
    /// another program's file; [`Cause::Stale`](crate::Cause::Stale) when one that nobody is
    /// attached to can neither be removed nor be used, or for a mode that lets somebody read who
    /// may not write; [`channel::Error::BadName`]; an invalid layout; [`channel::Error::Exhausted`]
    /// when there is not so much memory.
    #[doc(alias = "shm_open")]
    pub fn create(name: &str, access: impl Into<Access>, layout: &Layout) -> Result<Region> {
        let (name, access) = (name_of(name, CREATE)?, access.into());
        access.check_mode().map_err(|error| Error::new(CREATE, error).on(name))?;
        let file = File::unlinked(name, access.mode(), layout.size() as u64)?;
        let region = Self::lay_out(file, layout).map_err(|error| error.on(name))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match region.0.file.link() {
                Err(error) if error.is(channel::Error::AddressInUse) => {
                    match stale::make_way(name, access).map_err(|error| error.on(name))? {
                        Way::Free if Instant::now() < end => {}
                        Way::Free | Way::Taken => return Err(error),
                        Way::Within(file) => {
                            // Its memory first: there may not be enough for both.
                            drop(region);
                            let laid_out = stale::lay_out_anew(&file, layout);
                            let region =
                                laid_out.and_then(|()| Self::attach(file, Stale::Welcome, None));
                            return region.map_err(|error| error.on(name));
                        }
                    }
                }
                done => return done.map(|()| region),
            }
        }
    }

    /// Attaches to the region of this name: one that its owner alone may use, who is this process's
    /// user or root. For others there is [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// [`channel::Error::NotFound`] when there is none, or nobody is attached to it any more;
    /// [`Cause::OtherOwner`](crate::Cause::OtherOwner) or [`Cause::TooOpen`](crate::Cause::TooOpen) when it is another user's, or may be used by others;
    /// [`channel::Error::Exhausted`] when every place is taken;
    /// [`Cause::Region`](crate::Cause::Region) or [`Cause::WrongFile`](crate::Cause::WrongFile)
    /// when it is a file of another program, of another version, of another size than it says, or
    /// corrupted.
    pub fn open(name: &str) -> Result<Region> {
        Self::open_with(name, 0o600)
    }

    /// Attaches to the region of this name, which may be as far open to others as `access` says:
    /// see [`Access`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let name = format!("ringway-doc-open-with-{}", std::process::id());
    /// let layout = Layout::new(4).part::<Ring<u32, 64>>("samples")?;
    /// let first = Region::create(&name, 0o660, &layout)?;
    /// // Ours or root's, and the group may use it.
    /// let second = Region::open_with(&name, 0o660)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
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
        checked.map_err(|cause| Error::new(OPEN, cause).on(name))?;
        Self::attach(file, Stale::Refused, wanted).map_err(|error| match error.cause() {
            // It says which part of which region.
            Cause::Part(_) => error,
            _ => error.on(name),
        })
    }

    /// Attaches to the region of this name, or makes it. One that is there must have every part of
    /// `layout`, as the layout describes it. It may have more parts, and another number of places.
    /// It must be as `access` says: made by this process's user or root, with no more permissions
    /// than a new one would get.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with), where there is one, and [`create`](Self::create);
    /// [`Cause::Part`](crate::Cause::Part), and which part it is, when a part of `layout` is
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
        access.check_mode().map_err(|error| Error::new(CREATE, error).on(name))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match Self::find(name, access, Some(layout)) {
                Err(error) if error.is(channel::Error::NotFound) => {}
                found => return found,
            }
            match Self::create(name, access, layout) {
                // Another was faster.
                Err(error) if error.is(channel::Error::AddressInUse) && Instant::now() < end => {}
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
        let mapping = Mapping::new(&file, layout.size(), ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: freshly mapped, of a file that nobody else knows yet, so that the slice is the
        // only user.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(mapping.at().as_ptr(), mapping.length()) };
        layout.write(memory).map_err(|error| Error::new(CREATE, error))?;
        Self::attach(file, Stale::Welcome, None)
    }

    fn attach(file: File, stale: Stale, wanted: Option<&Layout>) -> Result<Region> {
        // Before anything is read or mapped: a region that nobody is attached to may be laid out
        // anew in its file, by who has the table. On an error the file is closed, which gives the
        // table back.
        file.take_table()?;
        let what_else = file.is_no_region()?;
        if stale == Stale::Refused && what_else.is_none() && !(file.is_used() && file.is_linked()) {
            return Err(Error::new(OPEN, channel::Error::NotFound));
        }
        if let Some(cause) = what_else {
            return Err(Error::new(OPEN, cause));
        }
        let length = usize::try_from(file.size()?).map_err(|_| Error::new(OPEN, Errno::FBIG))?;
        let mapping = Mapping::new(&file, length, ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: the mapping lives as long as the attachment, which holds the view; what others do
        // to it is what `shm`'s documentation asks of them.
        let view = unsafe { View::new(mapping.at(), mapping.length()) }
            .map_err(|error| Error::new(OPEN, error))?;
        let attachment = Attachment {
            view,
            mapping,
            file,
            me: AtomicU16::new(0),
            generation: AtomicU32::new(0),
            process: AtomicU32::new(std::process::id()),
            reaping: Mutex::new(()),
        };
        attachment.take_place(wanted)?;
        attachment.file.leave_table();
        let attachment = Arc::new(attachment);
        registry::add(&attachment);
        Ok(Region(attachment))
    }

    /// The part of this name, which must be a `P`.
    ///
    /// # Errors
    /// [`Cause::Part`](crate::Cause::Part) when there is none, or it is of another type or
    /// geometry.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let region = Region::anonymous(&Layout::new(2).part::<Ring<u8, 16>>("bytes")?)?;
    /// let error = region.part::<Ring<u16, 16>>("bytes").unwrap_err();
    /// assert!(error.to_string().contains("1 bytes each, not 2"), "{error}");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn part<P: region::Part + ?Sized>(&self, name: &str) -> Result<Part<P>> {
        self.0.check_process("use the part")?;
        match self.0.view.part::<P>(name) {
            Ok(part) => Ok(Part::new(self.clone(), part)),
            Err(error) => Err(Error::new("use the part", error).on(name)),
        }
    }

    /// Who we are in this region. A forked child is another participant, and takes its ends anew.
    pub fn participant(&self) -> Participant {
        self.0.me()
    }

    /// Our generation: different for everybody who ever attached.
    pub fn generation(&self) -> u32 {
        // Relaxed: changed by a forked child alone, before it has a second thread.
        self.0.generation.load(Ordering::Relaxed)
    }

    /// Everybody who is attached and alive, ourselves among them.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let region = Region::anonymous(&Layout::new(2).part::<Ring<u8, 16>>("bytes")?)?;
    /// let other = Region::from_fd(&region)?;
    /// assert_eq!(region.participants().len(), 2);
    /// drop(other);
    /// assert_eq!(region.participants()[0].1.process, std::process::id());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn participants(&self) -> Vec<(Participant, Occupant)> {
        let me = self.0.me();
        let is_alive = |who: Participant| who == me || self.0.file.is_locked(who.number());
        // A copy of the process that attached has no such memory.
        let all = self.0.is_ours().then(|| self.0.occupants());
        all.into_iter().flatten().filter(|(who, _)| is_alive(*who)).collect()
    }

    /// Looks for participants that have died, and puts right what they held; returns how many there
    /// were. Whoever sleeps in the region does so by itself, every [`DETECTION_BOUND`](super::DETECTION_BOUND); one
    /// that only polls may want to.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Ring};
    /// let region = Region::anonymous(&Layout::new(2).part::<Ring<u8, 16>>("bytes")?)?;
    /// assert_eq!(region.reap(), 0);
    /// # Ok::<(), ringway::Error>(())
    /// ```
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
    Region, |it| it.0.file
);

/// What of a region that nobody is attached to?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// Its participants were killed, and what it holds is of no use.
    Refused,
    /// It was just made, or the descriptor is what keeps it.
    Welcome,
}

/// What the clones of a [`Region`] share.
#[derive(Debug)]
pub(super) struct Attachment {
    // Before what it looks into.
    view: View<'static>,
    mapping: Mapping,
    file: File,
    me: AtomicU16,
    generation: AtomicU32,
    /// The process that attached: a forked child that has not taken a place of its own must not
    /// free its parent's.
    process: AtomicU32,
    /// Our opening's locks do not exclude our own threads from one another.
    reaping: Mutex<()>,
}

impl Attachment {
    fn me(&self) -> Participant {
        // Relaxed: changed by a forked child alone, before it has a second thread.
        Participant::new(self.me.load(Ordering::Relaxed)).unwrap_or(Participant::LOCAL)
    }

    pub(super) fn contains(&self, address: usize) -> bool {
        self.mapping.contains(address)
    }

    /// Who is attached, dead or alive.
    fn occupants(&self) -> impl Iterator<Item = (Participant, Occupant)> {
        (1..)
            .zip(self.view.places())
            .filter_map(|(number, place)| Some((Participant::new(number)?, place.occupant()?)))
    }

    /// Whether this process is the one that attached, and no copy of it that a plain fork made.
    pub(super) fn is_ours(&self) -> bool {
        // Relaxed: changed by a forked child alone, before it has a second thread.
        self.process.load(Ordering::Relaxed) == std::process::id()
    }

    fn check_process(&self, what: &'static str) -> Result<()> {
        if self.is_ours() {
            return Ok(());
        }
        let copy = "this process is a copy, by a plain fork, of the one that attached: attach \
                    anew, by name or Region::from_fd";
        Err(Error::new(what, channel::Error::Closed).because(copy))
    }

    /// Takes a free place for this opening, in a region that has the parts of `wanted`. For a caller that
    /// has the table.
    fn take_place(&self, wanted: Option<&Layout>) -> Result<()> {
        if let Some(Err(Mismatch { part, error })) = wanted.map(|layout| self.view.check(layout)) {
            let region = self.file.name().unwrap_or("without a name");
            return Err(Error::new("use the part", error).on(format!("{part} of {region}")));
        }
        // First those that are free, of which the kernel need not be asked; then those of the dead.
        // One may be locked for a moment by a participant that puts things right there: so all are looked at
        // more than once.
        for round in 0..20 {
            if round > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            for is_free in [true, false] {
                for (number, place) in (1..).zip(self.view.places()) {
                    if place.occupant().is_none() != is_free {
                        continue;
                    }
                    // Locked first: who has the lock has the place.
                    if self.file.try_lock(number)? {
                        self.settle(number, place);
                        // As everybody who sleeps here does, and for all of them.
                        self.look_after_the_dead();
                        return Ok(());
                    }
                }
            }
        }
        let full = "every place is taken: the layout said how many may attach (Layout::new)";
        Err(Error::new(OPEN, channel::Error::Exhausted).because(full))
    }

    /// Makes the place ours, whose lock is ours.
    fn settle(&self, number: u16, place: &AttachSlot) {
        // Relaxed, here and below: known to other threads by what shares the attachment with them.
        self.me.store(number, Ordering::Relaxed);
        if let (Some(_), Some(dead)) = (place.occupant(), Participant::new(number)) {
            // SAFETY: its lock was free, so that its process has ended, and the kernel says so
            // after everything it did.
            unsafe { self.view.recover::<RobustFutex>(dead, dead) };
        }
        let generation = self.view.next_generation();
        place.take(Occupant { generation, process: std::process::id() });
        self.generation.store(generation, Ordering::Relaxed);
    }

    pub(super) fn vigil(&self) -> Vigil<'_> {
        Vigil::new(self.view.upkeep())
    }

    /// Looks for the dead, unless somebody did so within the bound.
    pub(super) fn look_after_the_dead(&self) {
        if self.is_ours() && self.vigil().is_due(now()) {
            self.reap();
        }
    }

    /// The same for one that is about to give up waiting, which is no reason to look seldom.
    pub(super) fn look_at_last(&self) {
        if self.is_ours() && self.vigil().is_due_at_last(now()) {
            self.reap();
        }
    }

    /// Puts right what dead participants held, and frees their places.
    pub(super) fn reap(&self) -> usize {
        if !self.is_ours() {
            return 0;
        }
        // Another thread of ours is at it: it does what we would do.
        let Ok(_one) = self.reaping.try_lock() else { return 0 };
        let me = self.me();
        let (mut found, mut alive) = (0, 0);
        let began = now();
        for (who, _) in self.occupants() {
            // Asked first, which costs less than a lock that is refused.
            let lives = who == me || self.file.is_locked(who.number());
            // Locked by us, it is dead, and nobody else buries it.
            if lives || !matches!(self.file.try_lock(who.number()), Ok(true)) {
                alive += 1;
                continue;
            }
            let place = self.view.places().get(usize::from(who.number()) - 1);
            // Looked at again: another may have freed it between our look and our lock.
            if let Some(place) = place.filter(|place| place.occupant().is_some()) {
                // SAFETY: its lock was free, so that its process has ended, and the kernel says so
                // after everything it did.
                unsafe { self.view.recover::<RobustFutex>(me, who) };
                place.free();
                found += 1;
            }
            self.file.unlock(who.number());
        }
        self.vigil().note(began, alive);
        if found > 0 {
            // Whoever waits for what the dead one held looks again, or for what it did and told
            // nobody.
            self.call(u32::MAX);
        }
        found
    }

    /// Calls so many of those who rest.
    pub(super) fn call(&self, count: u32) {
        self.vigil().change_call();
        wait::wake(self.vigil().call().0, futex::Flags::empty(), count);
    }

    /// Takes a place for the child of a fork.
    pub(super) fn reserve(self: Arc<Self>) -> Result<Reserved> {
        let Region(for_child) = Region::attach(
            File::handed_over(self.file.as_fd(), self.file.name())?,
            Stale::Welcome,
            None,
        )?;
        Ok(Reserved { ours: self, for_child })
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let me = self.me();
        let Some(place) = self.view.places().get(usize::from(me.number()).wrapping_sub(1)) else {
            return;
        };
        let table = self.file.take_table();
        // SAFETY: we take no further step: every end and guard borrowed the attachment, or was
        // forgotten.
        unsafe { self.view.recover::<RobustFutex>(me, me) };
        place.free();
        if table.is_ok() && !self.file.is_used() {
            // Nobody is here to be told when it fails: what stays is a name that nobody is attached
            // to, as after a kill, and the next one to ask for the name makes it anew, or is told why
            // it cannot.
            let _ = self.file.unlink();
        }
        // Closing the file drops our locks. Before it, nobody takes the place; after it, it is
        // free.
    }
}

/// A place that was taken for the child of a fork which is about to be.
#[derive(Debug)]
pub(crate) struct Reserved {
    ours: Arc<Attachment>,
    for_child: Arc<Attachment>,
}

impl Reserved {
    /// In the child: what was the parent's attachment is this place now.
    ///
    /// # Errors
    /// When the kernel refuses to exchange the descriptors.
    pub(crate) fn in_child(self) -> Result<()> {
        let Reserved { ours, for_child } = self;
        let failed = |errno| Error::new("attach the child to the region", errno);
        // The opening that has the child's lock takes the number of the parent's, which goes on in
        // the parent.
        ours.file.take_over(&for_child.file).map_err(failed)?;
        let me = for_child.me();
        // Relaxed, all: a forked child has one thread.
        ours.me.store(me.number(), Ordering::Relaxed);
        ours.generation.store(for_child.generation.load(Ordering::Relaxed), Ordering::Relaxed);
        ours.process.store(std::process::id(), Ordering::Relaxed);
        if let Some(place) = ours.view.places().get(usize::from(me.number()).wrapping_sub(1)) {
            let generation = ours.generation.load(Ordering::Relaxed);
            place.take(Occupant { generation, process: std::process::id() });
        }
        // `for_child` says the parent's process: dropping it frees nothing, and closes its
        // descriptor alone.
        Ok(())
    }

    /// In the parent: the child has it.
    pub(crate) fn in_parent(self) {
        // Not this process's to free. The child's descriptors keep the lock.
        self.for_child.process.store(0, Ordering::Relaxed);
    }
}
