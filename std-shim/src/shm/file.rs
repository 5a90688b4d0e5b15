//! The file behind a region: made, found, locked, unlinked.
//!
//! One byte of the file for each participant, by its number, is locked as long as it is attached, by an
//! open-file-description lock ([fcntl(2)](https://man7.org/linux/man-pages/man2/F_GETLK.2const.html)), which the kernel drops
//! when the last descriptor of that opening is closed: at the latest when its process has ended, however it ended. Byte 0 is
//! the lock of whoever attaches, detaches or removes the name. The locks are the kernel's alone: nothing is written to
//! these bytes, and what others write there changes nothing.

use crate::error::wrong_file;
use crate::{Error, Result, channel};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(super) const CREATE: &str = "create the region";
pub(super) const OPEN: &str = "open the region";

/// Where the system keeps shared memory that has a name.
pub(super) const FOLDER: &str = "/dev/shm";

/// The byte whose lock says: I attach, detach, or remove the name.
const TABLE: u16 = 0;

/// How long the table is waited for. Whoever has it makes a few system calls; longer is a process that was stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// An opening of the file, of our own: its locks are ours alone.
#[derive(Debug)]
pub(super) struct File {
    fd: OwnedFd,
    name: Option<String>,
}

impl File {
    /// A file without a name, of `size` zeroed bytes that cannot become fewer.
    pub(super) fn anonymous(size: u64) -> Result<File> {
        let failed = |errno| Error::new(CREATE, errno);
        let flags = fs::MemfdFlags::CLOEXEC | fs::MemfdFlags::ALLOW_SEALING;
        let fd = fs::memfd_create("ringway", flags).map_err(failed)?;
        reserve(fd.as_fd(), size).map_err(failed)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fs::fcntl_add_seals(&fd, seals).map_err(failed)?;
        Ok(File { fd, name: None })
    }

    /// A file of `size` zeroed bytes that will have a name, see [`link`](Self::link).
    pub(super) fn unlinked(name: &str, mode: u32, size: u64) -> Result<File> {
        let failed = |cause: Errno| Error::new(CREATE, cause).on(name);
        path(name).map_err(|error| Error::new(CREATE, error).on(name))?;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let fd = fs::openat(CWD, FOLDER, flags, Mode::from_raw_mode(mode)).map_err(failed)?;
        reserve(fd.as_fd(), size).map_err(failed)?;
        Ok(File { fd, name: Some(name.to_owned()) })
    }

    /// Gives the file its name, in one step: nobody ever finds it half made.
    ///
    /// # Errors
    /// [`channel::Error::AddressInUse`] when there is something of this name.
    pub(super) fn link(&self) -> Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        let failed = |errno| Error::new(CREATE, errno).on(name);
        let path = path(name).map_err(|error| Error::new(CREATE, error).on(name))?;
        fs::linkat(CWD, alias(self.fd.as_fd()), CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(failed)
    }

    /// The file of this name.
    pub(super) fn named(name: &str) -> Result<File> {
        let failed = |errno| Error::new(OPEN, errno).on(name);
        let path = path(name).map_err(|error| Error::new(OPEN, error).on(name))?;
        // A FIFO of this name must not make us wait.
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = fs::openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
        let file = File { fd, name: Some(name.to_owned()) };
        file.check().map_err(|error| error.on(name))?;
        Ok(file)
    }

    /// An opening of our own of the file that `fd` refers to.
    pub(super) fn reopened(fd: BorrowedFd<'_>, name: Option<&str>) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let fd = fs::openat(CWD, alias(fd), flags, Mode::empty())
            .map_err(|errno| Error::new(OPEN, errno))?;
        let file = File { fd, name: name.map(str::to_owned) };
        file.check()?;
        Ok(file)
    }

    /// The file at `path`, to be looked at and no more. A link of the kernel's is followed, no other.
    pub(super) fn to_look_at(path: &Path, what: &'static str) -> Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let follow = if path.starts_with("/proc") { OFlags::empty() } else { OFlags::NOFOLLOW };
        let fd = fs::openat(CWD, path, flags | follow, Mode::empty())
            .map_err(|errno| Error::new(what, errno))?;
        let file = File { fd, name: None };
        file.check()?;
        Ok(file)
    }

    /// Copies what is at `offset`; less than `out` has room for where the file ends.
    pub(super) fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(&self.fd, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::new("read the region", errno)),
            }
        }
        Ok(done)
    }

    /// Which file it is, by the numbers of its device and its inode.
    pub(super) fn identity(&self) -> Result<(u64, u64)> {
        let stat = fs::fstat(&self.fd).map_err(|errno| Error::new(OPEN, errno))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    fn check(&self) -> Result<()> {
        let stat = fs::fstat(&self.fd).map_err(|errno| Error::new(OPEN, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(()),
            other => Err(Error::new(OPEN, wrong_file(other, "shared memory"))),
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How large it is, in bytes.
    pub(super) fn size(&self) -> Result<u64> {
        let stat = fs::fstat(&self.fd).map_err(|errno| Error::new(OPEN, errno))?;
        Ok(stat.st_size.try_into().unwrap_or(0))
    }

    /// Whether the name still leads to this file. One without a name is always where it was.
    pub(super) fn is_linked(&self) -> bool {
        let Some(name) = &self.name else { return true };
        let Ok(path) = path(name) else { return false };
        let (Ok(ours), Ok(there)) =
            (fs::fstat(&self.fd), fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW))
        else {
            return false;
        };
        (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
    }

    /// Removes the name, if it still leads to this file. For whoever holds the table.
    pub(super) fn unlink(&self) {
        let Some(name) = &self.name else { return };
        if self.is_linked() {
            // Whoever could make another file of this name between the look and this holds the table of that file, or
            // removed this one's name, which takes this file's table.
            let _ = path(name).map(|path| fs::unlinkat(CWD, path, AtFlags::empty()));
        }
    }

    /// Takes the table: nobody else attaches, detaches or unlinks until the answer is dropped.
    pub(super) fn table(&self) -> Result<Table<'_>> {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(50);
        loop {
            if self.try_lock(TABLE)? {
                return Ok(Table(self));
            }
            if Instant::now() > end {
                return Err(
                    Error::new(OPEN, channel::Error::TimedOut).on(self.name().unwrap_or_default())
                );
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// Locks the byte of `participant`; false when another opening has it.
    pub(super) fn try_lock(&self, participant: u16) -> Result<bool> {
        match self.lock(libc::F_OFD_SETLK, participant, libc::F_WRLCK) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(errno) => Err(Error::new("lock a place of the region", errno)),
        }
    }

    pub(super) fn unlock(&self, participant: u16) {
        // Of a lock that is ours or nobody's: there is no error to come.
        let _ = self.lock(libc::F_OFD_SETLK, participant, libc::F_UNLCK);
    }

    /// Whether another opening has the byte of `participant` locked: it is alive.
    pub(super) fn is_locked(&self, participant: u16) -> bool {
        let found = self.lock(libc::F_OFD_GETLK, participant, libc::F_WRLCK);
        // Where we cannot tell, it counts as alive: the living must not be buried.
        found.map_or(true, |lock| i32::from(lock.l_type) != libc::F_UNLCK)
    }

    /// Whether another opening has the byte of any of `participants` locked.
    pub(super) fn is_any_locked(&self, mut participants: impl Iterator<Item = u16>) -> bool {
        participants.any(|participant| self.is_locked(participant))
    }

    fn lock(
        &self,
        command: libc::c_int,
        participant: u16,
        kind: libc::c_int,
    ) -> std::result::Result<libc::flock, Errno> {
        // SAFETY: all zeroes is a `flock`.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = kind as libc::c_short;
        lock.l_whence = libc::SEEK_SET as libc::c_short;
        lock.l_start = participant.into();
        lock.l_len = 1;
        loop {
            // SAFETY: the descriptor is ours, and `lock` is initialized and outlives the call.
            if unsafe { libc::fcntl(self.fd.as_raw_fd(), command, &mut lock) } == 0 {
                return Ok(lock);
            }
            match Errno::from_io_error(&std::io::Error::last_os_error()) {
                Some(Errno::INTR) => {}
                errno => return Err(errno.unwrap_or(Errno::INVAL)),
            }
        }
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The lock of the table.
#[derive(Debug)]
pub(super) struct Table<'f>(&'f File);

impl Drop for Table<'_> {
    fn drop(&mut self) {
        self.0.unlock(TABLE);
    }
}

/// The kernel's name for an open file.
pub(super) fn alias(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Where the region of this name is.
pub(super) fn path(name: &str) -> std::result::Result<PathBuf, channel::Error> {
    let bad = name.is_empty()
        || name.len() > 255
        || name == "."
        || name == ".."
        || name.bytes().any(|byte| byte == b'/' || byte == 0);
    if bad { Err(channel::Error::BadName) } else { Ok(Path::new(FOLDER).join(name)) }
}

/// Sets the size, and has the system set the memory aside: what is not there is an error now, and never a SIGBUS later.
fn reserve(fd: BorrowedFd<'_>, size: u64) -> std::result::Result<(), Errno> {
    fs::ftruncate(fd, size)?;
    loop {
        match fs::fallocate(fd, fs::FallocateFlags::empty(), 0, size) {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
