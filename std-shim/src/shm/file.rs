//! The file behind a region: made, found, locked, unlinked.
//!
//! One byte of the file for each participant, by its number, is locked as long as it is attached,
//! by an open-file-description lock
//! ([fcntl(2)](https://man7.org/linux/man-pages/man2/F_GETLK.2const.html)), which the kernel drops
//! when the last descriptor of that opening is closed. There is one, and it stays in this process:
//! it is handed to nobody, no other program executes with it, and a copy of the process does not
//! get it ([`crate::unshared`]). So the lock ends when the process does, at the latest, however it
//! ends. A process that attaches, detaches or removes the name has locked byte 0. The locks are the
//! kernel's alone: nothing is written to these bytes, and what others write there changes nothing.

use crate::error::{On, Tried, too_large, wrong_file};
use crate::sys::{alias, answer, errno};
use crate::unshared::Unshared;
use crate::{Cause, CoreError, Error, Result, fd};
use ringway_core::participant::Participant;
use ringway_core::region::{self, MAGIC};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(super) const CREATE: &str = "create the region";
pub(super) const OPEN: &str = "open the region";
pub(super) const REMOVE: &str = "remove the region";

/// Where the system keeps shared memory that has a name.
pub(super) const FOLDER: &str = "/dev/shm";

/// The byte whose lock says: I attach, detach, or remove the name.
const TABLE: u16 = 0;

/// How long the table is waited for. Whoever has it makes a few system calls; longer is a process
/// that was stopped.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A region's file, as this process has it open to attach to it.
#[derive(Debug)]
pub(super) struct File {
    /// The opening whose locks are ours: nobody else ever gets it, no copy of this process either.
    locks: Unshared,
    /// Another, without a lock, to be handed over.
    handed: Glimpse,
    name: Option<String>,
}

impl File {
    /// A file without a name, of `size` zeroed bytes that cannot become fewer.
    pub(super) fn anonymous(size: u64) -> Result<File> {
        let flags = fs::MemfdFlags::CLOEXEC | fs::MemfdFlags::ALLOW_SEALING;
        let fd = fs::memfd_create("ringway", flags).tried(CREATE)?;
        reserve(fd.as_fd(), size)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fs::fcntl_add_seals(&fd, seals).tried(CREATE)?;
        File::of(Glimpse::new(fd, CREATE)?, None, CREATE)
    }

    /// A file of `size` zeroed bytes that will have a name, see [`link`](Self::link).
    pub(super) fn unlinked(name: &str, mode: u32, size: u64) -> Result<File> {
        let made = open(FOLDER, OFlags::TMPFILE | OFlags::RDWR, CREATE).and_then(|fd| {
            // Exactly the mode that was asked for: the umask would make one of which some may read
            // and not write.
            fs::fchmod(&fd, Mode::from_raw_mode(mode)).tried(CREATE)?;
            reserve(fd.as_fd(), size)?;
            File::of(Glimpse::new(fd, CREATE)?, Some(name), CREATE)
        });
        made.on(name)
    }

    /// Gives the file its name, in one step: nobody ever finds it half made.
    ///
    /// # Errors
    /// [`CoreError::AddressInUse`] when there is something of this name.
    pub(super) fn link(&self) -> Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        let from = alias(&self.handed);
        fs::linkat(CWD, from, CWD, path(name), AtFlags::SYMLINK_FOLLOW).tried(CREATE).on(name)
    }

    /// The file of this name.
    pub(super) fn named(name: &str, what: &'static str) -> Result<File> {
        let found = Glimpse::of(&path(name), OFlags::RDWR, what);
        found.and_then(|found| File::of(found, Some(name), what)).on(name)
    }

    /// The file that `fd` refers to, which a region of this process or another handed over.
    pub(super) fn handed_over(fd: BorrowedFd<'_>, name: Option<&str>) -> Result<File> {
        File::of(Glimpse::of(alias(fd).as_ref(), OFlags::RDWR, OPEN)?, name, OPEN)
    }

    fn of(handed: Glimpse, name: Option<&str>, what: &'static str) -> Result<File> {
        // Locks belong to an opening.
        let open = || Ok::<_, Error>((open(alias(&handed), OFlags::RDWR, what)?, ()));
        let (locks, ()) = Unshared::open(open)?;
        Ok(File { locks, handed, name: name.map(str::to_owned) })
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the name still leads to this file. One without a name is always where it was.
    pub(super) fn is_linked(&self) -> bool {
        self.name.as_ref().is_none_or(|name| self.is_at(&path(name)))
    }

    fn is_at(&self, path: &Path) -> bool {
        let there = fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
        there.is_ok_and(|there| self.identity() == Ok(fd::identity(&there)))
    }

    /// Removes the name, if it still leads to this file; the file's own, where we came by a
    /// descriptor. The caller holds the table: a file of this name that another makes between the
    /// look and the removal is one whose maker removed this one's name, which takes this file's
    /// table.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] when it has no name any more; [`Cause::Stale`] when we
    /// may not.
    pub(super) fn unlink(&self) -> Result<()> {
        let gone = || Error::new(REMOVE, CoreError::NotFound);
        let found = match &self.name {
            Some(name) => Some(path(name)).filter(|path| self.is_at(path)),
            None => self.search(),
        };
        match fs::unlinkat(CWD, found.ok_or_else(gone)?, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::PERM | Errno::ACCESS | Errno::ROFS) => {
                Err(Error::new(REMOVE, Cause::Stale { user: self.stat()?.st_uid }))
            }
            Err(errno) => Err(Error::new(REMOVE, errno)),
        }
    }

    /// The path of a file whose descriptor alone is known. One that has no name is not searched
    /// for.
    fn search(&self) -> Option<PathBuf> {
        let ours = self.stat().ok().filter(|ours| ours.st_nlink > 0)?;
        let entries = std::fs::read_dir(FOLDER).ok()?.flatten();
        let mut same = entries.filter(|entry| DirEntryExt::ino(entry) == ours.st_ino);
        same.find(|entry| self.is_at(&entry.path())).map(|entry| entry.path())
    }

    /// Makes the file one of `size` bytes, zeroed but for what `image` has in it from the start.
    /// The caller holds the table of a region that nobody is attached to. Whenever this process is
    /// killed meanwhile, it is still such a one: the magic stays where it is, and what says that it
    /// is laid out comes last.
    pub(super) fn overwrite(&self, size: u64, image: &[u8]) -> Result<()> {
        const FIRST: usize = MAGIC.len() + size_of::<[u32; 2]>();
        let write = |bytes, at| {
            let written = self.handed.0.write_all_at(bytes, at);
            written.map_err(|error| errno(&error)).tried(CREATE)
        };
        // The version, and that it is not laid out.
        write(&[0; FIRST - MAGIC.len()], MAGIC.len() as u64)?;
        resize(self.as_fd(), FIRST as u64).tried(CREATE)?;
        reserve(self.as_fd(), size)?;
        let (first, rest) = image.split_at_checked(FIRST).unwrap_or((image, &[]));
        write(rest, FIRST as u64)?;
        write(first, 0)
    }

    /// Takes the table: nobody else attaches, detaches or unlinks until it is given back, or this
    /// file is dropped.
    pub(super) fn take_table(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(50);
        while !self.try_lock(TABLE)? {
            if Instant::now() > end {
                let busy = "another process has been attaching or detaching for 10 s: see whether \
                            it is stopped";
                return Err(Error::new(OPEN, CoreError::TimedOut).because(busy));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Gives the table back.
    pub(super) fn leave_table(&self) {
        self.unlock(TABLE);
    }

    /// Makes the opening of this file that has its locks the one of `other`. In the child of a fork
    /// of our own.
    pub(super) fn take_over(&self, other: &File) -> rustix::io::Result<()> {
        let [old, new] = [&self.locks, &other.locks].map(|locks| locks.as_fd().as_raw_fd());
        loop {
            // SAFETY: both descriptors are open and ours; `old` stays one, of another opening.
            match answer(unsafe { libc::dup3(new, old, libc::O_CLOEXEC) }) {
                Err(Errno::INTR | Errno::BUSY) => {}
                done => return done.map(drop),
            }
        }
    }

    /// Locks the byte of `participant`; false when another opening has it.
    pub(super) fn try_lock(&self, participant: u16) -> Result<bool> {
        let bytes = (participant, 1);
        match lock(self.locks.as_fd(), libc::F_OFD_SETLK, libc::F_WRLCK, bytes) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(errno) => Err(Error::new("lock a place of the region", errno)),
        }
    }

    pub(super) fn unlock(&self, participant: u16) {
        // Of a lock that is ours or nobody's: there is no error to come.
        let _ = lock(self.locks.as_fd(), libc::F_OFD_SETLK, libc::F_UNLCK, (participant, 1));
    }

    /// Whether another opening has the byte of `participant` locked: it is alive.
    pub(super) fn is_locked(&self, participant: u16) -> bool {
        is_locked(self.locks.as_fd(), (participant, 1))
    }

    /// Whether another opening has the byte of any participant locked: somebody else is attached.
    pub(super) fn is_used(&self) -> bool {
        is_locked(self.locks.as_fd(), (1, Participant::MAX))
    }
}

impl Deref for File {
    type Target = Glimpse;

    /// Without locks: what becomes of it says nothing of this process.
    fn deref(&self) -> &Glimpse {
        &self.handed
    }
}

/// A region's file that is open, without locks.
#[derive(Debug)]
pub(super) struct Glimpse(std::fs::File);

impl Glimpse {
    /// The file at `path`, to be looked at and no more.
    pub(super) fn at(path: &Path, what: &'static str) -> Result<Glimpse> {
        Glimpse::of(path, OFlags::RDONLY, what)
    }

    /// A link of the kernel's is followed, no other.
    fn of(path: &Path, flags: OFlags, what: &'static str) -> Result<Glimpse> {
        let follow = if path.starts_with("/proc") { OFlags::empty() } else { OFlags::NOFOLLOW };
        // A FIFO of this name must not make us wait.
        Glimpse::new(open(path, flags | follow | OFlags::NONBLOCK, what)?, what)
    }

    fn new(fd: OwnedFd, what: &'static str) -> Result<Glimpse> {
        let file = Glimpse(fd.into());
        match FileType::from_raw_mode(file.stat()?.st_mode) {
            FileType::RegularFile => Ok(file),
            other => Err(Error::new(what, wrong_file(other, WANTED))),
        }
    }

    pub(super) fn stat(&self) -> Result<fs::Stat> {
        fs::fstat(&self.0).tried(OPEN)
    }

    /// Which file it is, by the numbers of its device and its inode.
    pub(super) fn identity(&self) -> Result<fd::Identity> {
        Ok(fd::identity(&self.stat()?))
    }

    /// How large it is, in bytes.
    ///
    /// # Errors
    /// `EFBIG` for more than there are addresses.
    pub(super) fn size(&self, what: &'static str) -> Result<usize> {
        self.stat()?.st_size.try_into().map_err(|_| Error::new(what, Errno::FBIG))
    }

    /// Copies what is at `offset`; less than `out` has room for where the file ends.
    pub(super) fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while let Some(rest @ [_, ..]) = out.get_mut(done..) {
            let read = || rustix::io::pread(&self.0, &mut *rest, offset + done as u64);
            match fd::retry(read).tried("read the region")? {
                0 => break,
                count => done += count,
            }
        }
        Ok(done)
    }

    /// What is there, in the words of an error for what is no region: `None` for one.
    pub(super) fn is_no_region(&self) -> Result<Option<Cause>> {
        let mut magic = [0; MAGIC.len()];
        let wrong = |found| Some(Cause::WrongFile { found, wanted: WANTED });
        Ok(match self.read_at(&mut magic, 0)? {
            0 => wrong("an empty file"),
            _ if magic == MAGIC => None,
            _ if magic == [0; MAGIC.len()] => wrong("a file of zeroes"),
            _ => Some(region::Error::Foreign.into()),
        })
    }

    /// # Errors
    /// What is there, when it is no region.
    pub(super) fn check_region(&self, what: &'static str) -> Result<()> {
        self.is_no_region()?.map_or(Ok(()), Err).tried(what)
    }

    /// Whether any opening has the byte of `participant` locked: it is alive.
    pub(super) fn has_locked(&self, participant: u16) -> bool {
        is_locked(self.as_fd(), (participant, 1))
    }
}

impl AsFd for Glimpse {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const WANTED: &str = "shared memory";

/// Whether another opening has a lock for writing on these bytes: the first, and how many.
///
/// One for reading says nothing: a mere reader of the file can have it, and nobody here takes such.
fn is_locked(fd: BorrowedFd<'_>, bytes: (u16, u16)) -> bool {
    // A lock for reading could be taken but for one for writing.
    let found = lock(fd, libc::F_OFD_GETLK, libc::F_RDLCK, bytes);
    // Where we cannot tell, it counts as alive: the living must not be buried.
    found.map_or(true, |lock| i32::from(lock.l_type) != libc::F_UNLCK)
}

fn lock(
    fd: BorrowedFd<'_>,
    command: libc::c_int,
    kind: libc::c_int,
    (first, count): (u16, u16),
) -> std::result::Result<libc::flock, Errno> {
    // SAFETY: all zeroes is a `flock`.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = first.into();
    lock.l_len = count.into();
    // SAFETY: the descriptor is open, and `lock` is initialized and outlives the call.
    fd::retry(|| answer(unsafe { libc::fcntl(fd.as_raw_fd(), command, &mut lock) }))?;
    Ok(lock)
}

/// The name of a region as a file of the folder has it. One slash in front is left out, as POSIX's
/// `shm_open` does.
///
/// # Errors
/// [`CoreError::BadName`], with what is wrong with it.
pub(super) fn name_of<'n>(name: &'n str, what: &'static str) -> Result<&'n str> {
    let plain = name.strip_prefix('/').unwrap_or(name);
    let why = match plain {
        "" => "a region's name must not be empty",
        "." | ".." => "\".\" and \"..\" are folders: choose another name",
        _ if plain.contains('/') => {
            "a region's name has no slash but one in front: it is a file of /dev/shm, in no \
             folder below"
        }
        _ if plain.contains('\0') => "a region's name has no zero byte",
        _ if plain.len() > 255 => "a region's name has at most 255 bytes",
        _ => return Ok(plain),
    };
    Err(Error::new(what, CoreError::BadName).because(why).on(name))
}

/// Where the region of this name is, which [`name_of`] found to be one.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Opens a file of the folder, or one by its [`alias`].
fn open(path: impl AsRef<Path>, flags: OFlags, what: &'static str) -> Result<OwnedFd> {
    let path = path.as_ref();
    let mode = Mode::RUSR | Mode::WUSR;
    fs::openat(CWD, path, flags | OFlags::CLOEXEC, mode).map_err(|errno| {
        let lacks = |folder| path.starts_with(folder) && !Path::new(folder).is_dir();
        match errno {
            Errno::NOENT if lacks(FOLDER) => Error::new(what, errno).because(
                "there is no /dev/shm here, where regions have their names: mount a tmpfs there",
            ),
            Errno::NOENT if lacks("/proc/self/fd") => Error::new(what, errno)
                .because("/proc is not mounted here, and it is needed: mount it"),
            // It was not to be followed.
            Errno::LOOP => Error::new(what, wrong_file(FileType::Symlink, WANTED)),
            Errno::ISDIR => Error::new(what, wrong_file(FileType::Directory, WANTED)),
            // A socket cannot be opened.
            Errno::NXIO => Error::new(what, wrong_file(FileType::Socket, WANTED)),
            errno => Error::new(what, errno),
        }
    })
}

/// Sets the size, and has the system set the memory aside: what is not there is an error now, and
/// never a SIGBUS later.
fn reserve(fd: BorrowedFd<'_>, size: u64) -> Result<()> {
    /// So much at a time: a signal in between undoes one piece at most, however often it comes.
    const PIECE: u64 = 16 << 20;
    let mut pieces = (0..size).step_by(PIECE as usize).map(|at| (at, PIECE.min(size - at)));
    let none = fs::FallocateFlags::empty();
    let piece = |(at, length)| {
        let allocate = || fs::fallocate(fd, none, at, length);
        fd::retry(|| fd::sigpipe::without_xfsz(allocate))
    };
    let done = resize(fd, size).and_then(|()| pieces.try_for_each(piece));
    done.map_err(|errno| too_large(CREATE, errno))
}

fn resize(fd: BorrowedFd<'_>, size: u64) -> rustix::io::Result<()> {
    fd::retry(|| fd::sigpipe::without_xfsz(|| fs::ftruncate(fd, size)))
}
