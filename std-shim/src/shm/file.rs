//! The file behind a region: creates, finds, locks and unlinks it.
//!
//! Each participant has one byte of the file, at the offset of its number. It keeps that byte
//! locked as long as it is attached, by an open-file-description lock
//! ([fcntl(2)](https://man7.org/linux/man-pages/man2/F_GETLK.2const.html)). The kernel drops such a
//! lock when the last descriptor of that opening is closed. The opening has one descriptor, which
//! stays in this process: it is never sent away, it closes when the process executes another
//! program, and a copy of the process does not get it ([`crate::unshared`]). So the lock ends with
//! the process at the latest, however the process ends.
//!
//! A process locks byte 0 while it attaches, detaches or removes the name: the *table lock*. The
//! locks exist in the kernel alone. This module writes nothing for them to these bytes, and what
//! others write there changes nothing.

use crate::error::{Asked, On, Tried, is_refusal, refused, through_proc, too_large, wrong_file};
use crate::sys::{self, alias, answer, errno, memory_file, seal};
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

/// The byte that a process locks while it attaches, detaches or removes the name.
const TABLE: u16 = 0;

/// The byte on which observers have a read lock. While one has, nobody lays the file out anew.
const OBSERVERS: u16 = Participant::MAX + 1;

/// How long to wait for the table lock. Its holder makes a few system calls: one that takes longer
/// was probably stopped.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A region's file, as this process has it open to attach to it.
#[derive(Debug)]
pub(super) struct File {
    /// The opening that has this process's locks. No other process ever gets it, and no copy of
    /// this one.
    locks: Unshared,
    /// Another opening, without locks, which may be handed over.
    unlocked: UnlockedFile,
    name: Option<String>,
}

impl File {
    /// Creates a file without a name, of `size` zeroed bytes, sealed at that size.
    pub(super) fn anonymous(size: u64) -> Result<File> {
        let fd = memory_file("ringway", CREATE)?;
        reserve(fd.as_fd(), size, CREATE)?;
        seal(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL, CREATE)?;
        File::of(UnlockedFile::new(fd, CREATE)?, None, CREATE)
    }

    /// Creates a file of `size` zeroed bytes that gets its name by [`link`](Self::link).
    pub(super) fn unlinked(name: &str, mode: u32, size: u64) -> Result<File> {
        let made = open(FOLDER, OFlags::TMPFILE | OFlags::RDWR, CREATE);
        let made = made.map_err(in_folder).and_then(|fd| {
            // Sets exactly the mode that was asked for: with the umask, some users might read and
            // not write.
            fs::fchmod(&fd, Mode::from_raw_mode(mode)).tried(CREATE)?;
            reserve(fd.as_fd(), size, CREATE).map_err(in_folder)?;
            File::of(UnlockedFile::new(fd, CREATE)?, Some(name), CREATE)
        });
        made.on(name)
    }

    /// Gives the file its name, in one step, so that nobody ever finds it half made.
    ///
    /// # Errors
    /// [`CoreError::AddressInUse`] when a file of this name exists.
    pub(super) fn link(&self) -> Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        let from = alias(&self.unlocked);
        fs::linkat(CWD, from, CWD, path(name), AtFlags::SYMLINK_FOLLOW).tried(CREATE).on(name)
    }

    /// Opens the file of this name.
    pub(super) fn named(name: &str, what: &'static str) -> Result<File> {
        let found = UnlockedFile::of(&path(name), OFlags::RDWR, what);
        found.and_then(|found| File::of(found, Some(name), what)).on(name)
    }

    /// Opens the file that `fd` refers to: a region of this process or another one handed it over.
    pub(super) fn handed_over(fd: BorrowedFd<'_>, name: Option<&str>) -> Result<File> {
        File::of(UnlockedFile::of(alias(fd).as_ref(), OFlags::RDWR, OPEN)?, name, OPEN)
    }

    fn of(unlocked: UnlockedFile, name: Option<&str>, what: &'static str) -> Result<File> {
        // Locks belong to an opening, so that they need one of their own.
        let open = || Ok::<_, Error>((open(alias(&unlocked), OFlags::RDWR, what)?, ()));
        let (locks, ()) = Unshared::open(open)?;
        Ok(File { locks, unlocked, name: name.map(str::to_owned) })
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the name still leads to this file. True for a file without a name.
    pub(super) fn is_linked(&self) -> bool {
        self.name.as_ref().is_none_or(|name| self.is_at(&path(name)))
    }

    fn is_at(&self, path: &Path) -> bool {
        let there = fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
        there.is_ok_and(|there| self.identity() == Ok(fd::identity(&there)))
    }

    /// Removes the name, if it still leads to this file. A file that was opened by a descriptor is
    /// searched for by its inode.
    ///
    /// The caller holds the table lock. So the name cannot come to lead to another file between the
    /// check and the removal: another process would first have to remove this file's name, and for
    /// that it needs this file's table lock.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] when it has no name any more; [`Cause::Stale`] when this process may
    /// not remove it.
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

    /// Searches for the path of this file, which was opened by a descriptor; `None` if it has no
    /// name.
    fn search(&self) -> Option<PathBuf> {
        let ours = self.stat().ok().filter(|ours| ours.st_nlink > 0)?;
        let entries = std::fs::read_dir(FOLDER).ok()?.flatten();
        let mut same = entries.filter(|entry| DirEntryExt::ino(entry) == ours.st_ino);
        same.find(|entry| self.is_at(&entry.path())).map(|entry| entry.path())
    }

    /// Makes the file `size` bytes long: first `image`, then zeroes.
    ///
    /// The caller holds the table lock of a region that nobody is attached to. If this process is
    /// killed at any point, the file is still such a region: its magic stays in place, and the
    /// words that say that it is laid out are written last.
    pub(super) fn overwrite(&self, size: u64, image: &[u8]) -> Result<()> {
        const FIRST: usize = MAGIC.len() + size_of::<[u32; 2]>();
        let write = |bytes, at| {
            let written = self.unlocked.0.write_all_at(bytes, at);
            written.map_err(|error| errno(&error)).tried(CREATE)
        };
        // Clears the version and the word that says that it is laid out.
        write(&[0; FIRST - MAGIC.len()], MAGIC.len() as u64)?;
        resize(self.as_fd(), FIRST as u64).tried(CREATE)?;
        reserve(self.as_fd(), size, CREATE)?;
        let (first, rest) = image.split_at_checked(FIRST).unwrap_or((image, &[]));
        write(rest, FIRST as u64)?;
        write(first, 0)
    }

    /// Takes the table lock: nobody else attaches, detaches or unlinks until it is given back, or
    /// this file is dropped.
    pub(super) fn lock_table(&self) -> Result<()> {
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

    /// Finds out whether the kernel tells who has a lock. Where it does not, nobody would ever
    /// count as dead.
    pub(super) fn check_locks(&self) -> Result<()> {
        let asked = lock(self.locks.as_fd(), libc::F_OFD_GETLK, libc::F_RDLCK, (TABLE, 1));
        asked.asked(LOCK, refused!("fcntl(2) with F_OFD_GETLK")).map(drop)
    }

    /// Gives the table lock back.
    pub(super) fn unlock_table(&self) {
        self.unlock(TABLE);
    }

    /// Replaces this file's opening with locks by that of `other`. For the child of
    /// [`crate::process::fork`](fn@crate::process::fork).
    pub(super) fn replace_locks(&self, other: &File) -> rustix::io::Result<()> {
        let [old, new] = [&self.locks, &other.locks].map(|locks| locks.as_fd().as_raw_fd());
        loop {
            // SAFETY: `self.locks` and `other.locks` own the two descriptors and keep them open.
            // `old` stays an open descriptor that `self.locks` owns, of another opening.
            match unsafe { sys::replace(new, old) } {
                Err(Errno::INTR | Errno::BUSY) => {}
                done => return done,
            }
        }
    }

    /// Locks the byte of `participant`; false when another opening has locked it.
    pub(super) fn try_lock(&self, participant: u16) -> Result<bool> {
        let bytes = (participant, 1);
        match lock(self.locks.as_fd(), libc::F_OFD_SETLK, libc::F_WRLCK, bytes) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(errno) => Err(errno).asked(LOCK, refused!("fcntl(2) with F_OFD_SETLK")),
        }
    }

    pub(super) fn unlock(&self, participant: u16) {
        // Unlocking a byte that this opening or nobody has locked does not fail.
        let _ = lock(self.locks.as_fd(), libc::F_OFD_SETLK, libc::F_UNLCK, (participant, 1));
    }

    /// Whether another opening has locked the byte of `participant`: then that one is alive.
    pub(super) fn is_locked(&self, participant: u16) -> bool {
        is_locked(self.locks.as_fd(), (participant, 1))
    }

    /// Whether an observer has this file mapped.
    pub(super) fn is_observed(&self) -> bool {
        // Any lock conflicts with a write lock.
        let found = lock(self.locks.as_fd(), libc::F_OFD_GETLK, libc::F_WRLCK, (OBSERVERS, 1));
        found.map_or(true, |lock| i32::from(lock.l_type) != libc::F_UNLCK)
    }

    /// Whether another opening has locked any participant's byte: then somebody else is attached.
    pub(super) fn is_used(&self) -> bool {
        is_locked(self.locks.as_fd(), (1, Participant::MAX))
    }
}

impl Deref for File {
    type Target = UnlockedFile;

    /// The opening without locks: closing, duplicating or sending it does not affect this process's
    /// locks.
    fn deref(&self) -> &UnlockedFile {
        &self.unlocked
    }
}

/// An opening of a region's file that takes no locks.
#[derive(Debug)]
pub(super) struct UnlockedFile(std::fs::File);

impl UnlockedFile {
    /// Opens the file at `path` for reading only.
    pub(super) fn at(path: &Path, what: &'static str) -> Result<UnlockedFile> {
        UnlockedFile::of(path, OFlags::RDONLY, what)
    }

    /// Opens the file at `path`. It follows the kernel's links in `/proc`, and no others.
    fn of(path: &Path, flags: OFlags, what: &'static str) -> Result<UnlockedFile> {
        let follow = if path.starts_with("/proc") { OFlags::empty() } else { OFlags::NOFOLLOW };
        // Without `NONBLOCK`, opening a FIFO of this name could block.
        UnlockedFile::new(open(path, flags | follow | OFlags::NONBLOCK, what)?, what)
    }

    fn new(fd: OwnedFd, what: &'static str) -> Result<UnlockedFile> {
        let file = UnlockedFile(fd.into());
        match FileType::from_raw_mode(file.stat()?.st_mode) {
            FileType::RegularFile => Ok(file),
            other => Err(Error::new(what, wrong_file(other, WANTED))),
        }
    }

    pub(super) fn stat(&self) -> Result<fs::Stat> {
        fs::fstat(&self.0).tried(OPEN)
    }

    /// The file's identity: the numbers of its device and its inode.
    pub(super) fn identity(&self) -> Result<fd::Identity> {
        Ok(fd::identity(&self.stat()?))
    }

    /// The file's size, in bytes; it is not 0.
    ///
    /// # Errors
    /// `EFBIG` when the size does not fit a `usize`. [`region::Error::Foreign`] when the file is
    /// empty: somebody cut it since it was seen to be a region.
    pub(super) fn size(&self, what: &'static str) -> Result<usize> {
        match self.stat()?.st_size.try_into() {
            Ok(0) => Err(region::Error::Foreign).tried(what),
            size => size.map_err(|_| Error::new(what, Errno::FBIG)),
        }
    }

    /// Reads at `offset` until `out` is full or the file ends; returns the number of bytes.
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

    /// `None` if the file is a region by its magic; otherwise the cause that says what it is.
    pub(super) fn not_a_region(&self) -> Result<Option<Cause>> {
        let mut magic = [0; MAGIC.len()];
        let wrong = |found| Some(Cause::WrongFile { found, wanted: WANTED });
        Ok(match self.read_at(&mut magic, 0)? {
            0 => wrong("an empty file"),
            // The magic ends in a zero byte, and behind a shorter file the buffer has zeroes.
            count if count == MAGIC.len() && magic == MAGIC => None,
            _ if magic == [0; MAGIC.len()] => wrong("a file of zeroes"),
            _ => Some(region::Error::Foreign.into()),
        })
    }

    /// # Errors
    /// The cause of [`not_a_region`](Self::not_a_region), when the file is no region.
    pub(super) fn check_region(&self, what: &'static str) -> Result<()> {
        self.not_a_region()?.map_or(Ok(()), Err).tried(what)
    }

    /// Opens the file of this name, for an observer.
    pub(super) fn named(name: &str) -> Result<UnlockedFile> {
        UnlockedFile::at(&path(name), OPEN).on(name)
    }

    /// Opens the file that `fd` refers to, for an observer. Its locks are its own.
    pub(super) fn handed_over(fd: BorrowedFd<'_>) -> Result<UnlockedFile> {
        UnlockedFile::at(alias(fd).as_ref(), OPEN)
    }

    /// Takes an observer's lock, which ends with this opening.
    ///
    /// After this, the file is laid out, and stays so. A process that lays it out anew has the
    /// table lock, and then looks for observers. This one has its lock, and then looks for that of
    /// the table. So one of them sees the other.
    pub(super) fn observe(&self) -> Result<()> {
        lock(self.as_fd(), libc::F_OFD_SETLK, libc::F_RDLCK, (OBSERVERS, 1))
            .asked(OPEN, refused!("fcntl(2) with F_OFD_SETLK"))?;
        let end = Instant::now() + PATIENCE;
        while self.has_locked(TABLE) {
            if Instant::now() > end {
                return Err(Error::new(OPEN, CoreError::TimedOut));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Whether any opening has locked a participant's byte: then somebody is attached.
    pub(super) fn has_participants(&self) -> bool {
        is_locked(self.as_fd(), (1, Participant::MAX))
    }

    /// Whether any opening has locked the byte of `participant`: then that one is alive.
    pub(super) fn has_locked(&self, participant: u16) -> bool {
        is_locked(self.as_fd(), (participant, 1))
    }
}

impl AsFd for UnlockedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const WANTED: &str = "shared memory";
const LOCK: &str = "lock a place of the region";

/// Whether another opening has a write lock on any of these bytes: `(first, count)`.
///
/// A read lock does not count: a process that may only read the file can take one, and this module
/// takes one for observers alone.
fn is_locked(fd: BorrowedFd<'_>, bytes: (u16, u16)) -> bool {
    // Only another's write lock conflicts with a read lock.
    let found = lock(fd, libc::F_OFD_GETLK, libc::F_RDLCK, bytes);
    // If the kernel cannot tell, the participant counts as alive: nobody may recover a living one's
    // things.
    found.map_or(true, |lock| i32::from(lock.l_type) != libc::F_UNLCK)
}

fn lock(
    fd: BorrowedFd<'_>,
    command: libc::c_int,
    kind: libc::c_int,
    (first, count): (u16, u16),
) -> std::result::Result<libc::flock, Errno> {
    // SAFETY: `flock` consists of integers, so that all zeroes are a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = first.into();
    lock.l_len = count.into();
    // SAFETY: the descriptor is open, and `lock` is initialized and outlives the call.
    fd::retry(|| answer(unsafe { libc::fcntl(fd.as_raw_fd(), command, &mut lock) }))?;
    Ok(lock)
}

/// The file name of a region in `/dev/shm`. One slash in front is left out, as in `shm_open(3)`.
///
/// # Errors
/// [`CoreError::BadName`], which says what is wrong with the name.
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

/// The path of the region of this name, which [`name_of`] has checked.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Opens a file of `/dev/shm`, or one by its [`alias`].
fn open(path: impl AsRef<Path>, flags: OFlags, what: &'static str) -> Result<OwnedFd> {
    let path = path.as_ref();
    let mode = Mode::RUSR | Mode::WUSR;
    fs::openat(CWD, path, flags | OFlags::CLOEXEC, mode).map_err(|errno| {
        let lacks = |folder| path.starts_with(folder) && !Path::new(folder).is_dir();
        match errno {
            Errno::NOENT if lacks(FOLDER) => Error::new(what, errno).because(
                "there is no /dev/shm here, where regions have their names: mount a tmpfs there",
            ),
            Errno::NOENT if path.starts_with("/proc") => through_proc(what, errno),
            // A symbolic link, which was not followed.
            Errno::LOOP => Error::new(what, wrong_file(FileType::Symlink, WANTED)),
            Errno::ISDIR => Error::new(what, wrong_file(FileType::Directory, WANTED)),
            // A socket cannot be opened.
            Errno::NXIO => Error::new(what, wrong_file(FileType::Socket, WANTED)),
            errno => Error::new(what, errno),
        }
    })
}

/// The error of making a file in `/dev/shm`, in a system that does not let this process make one.
fn in_folder(error: Error) -> Error {
    let why = match error.cause() {
        Cause::Os(Errno::NOSPC) => {
            "there is not enough room in /dev/shm: remove something there, or make it larger \
             (mount -o remount,size=…; a container's --shm-size)"
        }
        Cause::Os(Errno::ROFS) => {
            "/dev/shm is read-only, where regions have their names: mount a tmpfs there"
        }
        Cause::Os(Errno::ACCESS) => {
            "this user may not make files in /dev/shm, where regions have their names: give it \
             the mode 1777"
        }
        // An older kernel takes the flag for one that opens a folder for writing.
        Cause::Os(Errno::OPNOTSUPP) | Cause::WrongFile { .. } => {
            "/dev/shm is no tmpfs, and its files cannot do what a region needs (O_TMPFILE, \
             fallocate): mount a tmpfs there"
        }
        _ => return error,
    };
    error.because(why)
}

/// Sets the size, and reserves the memory: a lack of it is an error now, and never a `SIGBUS`
/// later. An error says that `what` failed.
pub(crate) fn reserve(fd: BorrowedFd<'_>, size: u64, what: &'static str) -> Result<()> {
    /// The bytes to reserve at a time. A signal undoes the piece that it interrupts, and no more.
    const PIECE: u64 = 16 << 20;
    let mut pieces = (0..size).step_by(PIECE as usize).map(|at| (at, PIECE.min(size - at)));
    let none = fs::FallocateFlags::empty();
    let piece = |(at, length)| {
        let allocate = || fs::fallocate(fd, none, at, length);
        fd::retry(|| fd::sigpipe::without_xfsz(allocate))
    };
    resize(fd, size).map_err(|errno| too_large(what, errno))?;
    match pieces.try_for_each(piece) {
        Err(errno) if is_refusal(errno) => Err(errno).asked(what, refused!("fallocate(2)")),
        done => done.map_err(|errno| too_large(what, errno)),
    }
}

fn resize(fd: BorrowedFd<'_>, size: u64) -> rustix::io::Result<()> {
    fd::retry(|| fd::sigpipe::without_xfsz(|| fs::ftruncate(fd, size)))
}
