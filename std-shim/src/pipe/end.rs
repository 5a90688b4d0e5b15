//! What a reader and a writer share: the descriptor, its state, and attempts that do not wait.

use crate::error::Tried;
use crate::fd::{EndpointState, Interest, Ready, Timeout, look, retry, sigpipe};
use crate::{CoreError, Error, Result};
use ringway_core::channel::State;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{self, Errno};
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The most bytes of a write that stay in one piece among other writes: 4096 on Linux.
///
/// Every system has at least 512.
///
/// ```
/// assert!(ringway::pipe::PIPE_BUF >= 512);
/// ```
pub const PIPE_BUF: usize = rustix::pipe::PIPE_BUF;

/// The direction of an end of a pipe: [`Reads`] or [`Writes`].
pub trait Way: fmt::Debug + 'static {
    #[doc(hidden)]
    const READS: bool;
    /// The state of an end that has a peer.
    #[doc(hidden)]
    const LIVE: State;
}

/// Marks the end for reading.
#[derive(Debug, Clone, Copy)]
pub enum Reads {}

/// Marks the end for writing.
#[derive(Debug, Clone, Copy)]
pub enum Writes {}

impl Way for Reads {
    const READS: bool = true;
    const LIVE: State = State::READER;
}

impl Way for Writes {
    const READS: bool = false;
    const LIVE: State = State::WRITER;
}

/// One end of a pipe or of a FIFO: a [`Reader`](super::Reader) or a [`Writer`](super::Writer).
///
/// The kernel decides what can be done, and the [state](Self::state) records what it answered. A
/// FIFO's peers come and go, so each call asks the kernel and never relies on the record.
#[derive(Debug)]
pub struct End<W: Way> {
    pub(super) fd: OwnedFd,
    pub(super) state: EndpointState,
    /// How the descriptor was opened, for messages: a FIFO's path.
    name: Option<Box<str>>,
    /// Whether a `SIGPIPE` would have ended the process when this end was made.
    pub(super) suppress_sigpipe: bool,
    /// Whether `Read` and `Write` return that they would wait, instead of waiting.
    nonblocking: AtomicBool,
    /// The same pipe, opened once more for this end alone, in the non-blocking mode; see
    /// [`Self::private`].
    private: OnceLock<Option<OwnedFd>>,
    way: PhantomData<W>,
}

/// Methods of both ends.
impl<W: Way> End<W> {
    /// The state of this end, according to its operations so far.
    ///
    /// [`look`](Self::look) asks the system.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Asks the system about the peer, without waiting, and returns the new state.
    ///
    /// It notices whether the peer left, and whether a FIFO's peer came.
    ///
    /// # Errors
    /// The error of the system call.
    ///
    /// ```
    /// use ringway::{channel::{Direction, State}, pipe::pipe};
    /// let ((reader, far), (near, writer)) = (pipe().unwrap(), pipe().unwrap());
    /// assert_eq!((reader.state(), writer.state()), (State::READER, State::WRITER));
    /// drop((far, near));
    /// let [none, gone] = [Direction::Absent, Direction::Ended];
    /// assert_eq!(reader.look().unwrap(), State::Connected { send: none, recv: gone });
    /// assert_eq!(writer.look().unwrap(), State::Connected { send: gone, recv: none });
    /// ```
    pub fn look(&self) -> Result<State> {
        const LOOK: &str = "look at the pipe";
        let fd = self.fd.as_fd();
        let ready = look(fd, Interest::Read).map_err(|errno| self.failed(LOOK, errno))?;
        let state = self.state.get();
        if let Some(event) = ready.and_then(Ready::event) {
            let _ = self.state.on(event);
        } else if W::READS && !state.can_recv() {
            // The system reports no hang-up. A FIFO's reader without any writer so far looks like
            // one that has a writer.
            if has_writer(fd).map_err(|errno| self.failed(LOOK, errno))? {
                self.state.renew(State::READER);
            }
        } else if !W::READS && !state.can_send() {
            self.state.renew(State::WRITER);
        }
        Ok(self.state.get())
    }

    /// Sets the mode of the open file description, and with it what this end's io traits do.
    ///
    /// Duplicates and children share the description. The methods of this end do not depend on the
    /// mode.
    ///
    /// # Errors
    /// The error of the system call.
    ///
    /// ```
    /// let (reader, writer) = ringway::pipe::pipe().unwrap();
    /// reader.set_nonblocking(true).unwrap();
    /// writer.set_nonblocking(true).unwrap();
    /// assert!(ringway::fd::nonblocking(&reader).unwrap());
    /// ```
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        crate::fd::set_nonblocking(&self.fd, on)?;
        // Relaxed: no other memory depends on the mode. Partner: the load in `nonblocking`.
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// Makes a second end of the same pipe and kind. The pipe's end is closed when all of them are.
    ///
    /// # Errors
    /// [`Exhausted`](CoreError::Exhausted) if this process may not open another descriptor.
    ///
    /// ```
    /// let (reader, writer) = ringway::pipe::pipe().unwrap();
    /// let (other_reader, other_writer) = (reader.try_clone().unwrap(), writer.try_clone().unwrap());
    /// drop((reader, writer));
    /// other_writer.write_all(b"x").unwrap();
    /// assert_eq!(other_reader.read(&mut [0; 8]).unwrap(), 1);
    /// other_writer.close();
    /// assert_eq!(other_reader.read(&mut [0; 8]).unwrap(), 0);
    /// ```
    #[doc(alias = "dup")]
    pub fn try_clone(&self) -> Result<Self> {
        let fd = crate::fd::duplicate(&self.fd)?;
        let (name, suppress_sigpipe) = (self.name.clone(), self.suppress_sigpipe);
        let end = End::new(fd, self.state(), self.nonblocking());
        Ok(End { name, suppress_sigpipe, ..end })
    }

    /// Number of bytes that the pipe can hold.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "F_GETPIPE_SZ")]
    pub fn size(&self) -> Result<usize> {
        rustix::pipe::fcntl_getpipe_size(&self.fd)
            .map_err(|errno| self.failed("get the size of the pipe", errno))
    }

    /// Makes the pipe hold at least `bytes`, and returns how many it can hold now.
    ///
    /// That is a power of two of pages.
    ///
    /// See `F_SETPIPE_SZ` in [`fcntl(2)`](https://man7.org/linux/man-pages/man2/fcntl.2.html).
    ///
    /// # Errors
    /// [`Exhausted`](CoreError::Exhausted) if `bytes` is more than `/proc/sys/fs/pipe-max-size` or
    /// the user's share allows; `EBUSY` if the pipe has more bytes in it now.
    ///
    /// ```
    /// let (reader, writer) = ringway::pipe::pipe().unwrap();
    /// assert_eq!(reader.set_size(100_000).unwrap(), 131_072);
    /// assert_eq!((reader.size().unwrap(), writer.size().unwrap()), (131_072, 131_072));
    /// ```
    #[doc(alias = "F_SETPIPE_SZ")]
    pub fn set_size(&self, bytes: usize) -> Result<usize> {
        const SET: &str = "set the size of the pipe";
        rustix::pipe::fcntl_setpipe_size(&self.fd, bytes).map_err(|errno| match errno {
            // `EPERM` means here that the size is more than this user may have.
            Errno::PERM => Error::new(SET, CoreError::Exhausted),
            errno => self.failed(SET, errno),
        })
    }

    /// Closes this end, as dropping it does.
    ///
    /// When the last end of its kind closes, every peer notices.
    pub fn close(self) {}

    pub(crate) fn new(fd: OwnedFd, state: State, nonblocking: bool) -> Self {
        End {
            fd,
            state: EndpointState::new(state),
            name: None,
            suppress_sigpipe: !W::READS && sigpipe::kills(),
            nonblocking: AtomicBool::new(nonblocking),
            private: OnceLock::new(),
            way: PhantomData,
        }
    }

    pub(crate) fn named(mut self, name: Box<str>) -> Self {
        self.name = Some(name);
        self
    }

    #[inline]
    fn nonblocking(&self) -> bool {
        // Relaxed: no other memory depends on the mode. Partner: the store in `set_nonblocking`.
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// How long `Read` and `Write` wait.
    #[inline]
    pub(super) fn trait_timeout(&self) -> Timeout {
        if self.nonblocking() { Timeout::Now } else { Timeout::NEVER }
    }

    #[cold]
    pub(super) fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        let error = Error::new(operation, errno);
        match &self.name {
            Some(name) => error.on(name),
            None => error,
        }
    }

    /// The same pipe behind another open file description, in the non-blocking mode.
    ///
    /// It serves where a single call cannot be told not to wait: a FIFO, or a pipe before Linux
    /// 6.4. Linux opens it through `/proc`. `None` if that is not possible, because there is no
    /// `/proc` or the FIFO's mode forbids it.
    pub(super) fn private(&self) -> io::Result<Option<BorrowedFd<'_>>> {
        if self.private.get().is_none() {
            let opened = self.reopen();
            if let Err(Errno::NXIO | Errno::MFILE | Errno::NFILE) = opened {
                // These errors may go away, so the next call tries again.
                opened.as_ref().map_err(|errno| *errno)?;
            }
            // If another thread was faster, its descriptor serves as well.
            let _ = self.private.set(opened.ok());
        }
        Ok(self.private.get().and_then(Option::as_ref).map(AsFd::as_fd))
    }

    fn reopen(&self) -> io::Result<OwnedFd> {
        // `O_DIRECT` keeps the packet mode.
        let same = OFlags::ACCMODE | OFlags::DIRECT;
        let flags = rustix::fs::fcntl_getfl(&self.fd)? & same;
        let path = crate::sys::alias(&self.fd);
        rustix::fs::open(path, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    }
}

crate::sys::descriptor!({W: Way} End<W>, |it| it.fd);

impl<W: Way> From<End<W>> for OwnedFd {
    fn from(end: End<W>) -> OwnedFd {
        end.fd
    }
}

impl<W: Way> From<End<W>> for Stdio {
    fn from(end: End<W>) -> Stdio {
        Stdio::from(end.fd)
    }
}

impl<W: Way> TryFrom<OwnedFd> for End<W> {
    type Error = Error;

    /// Adopts the descriptor of a pipe or a FIFO, and sets `FD_CLOEXEC` on it.
    ///
    /// The descriptor must be open in this end's direction. If it is something else, it is closed.
    ///
    /// ```
    /// use ringway::{CoreError, pipe::{Reader, Writer}};
    /// use std::os::fd::OwnedFd;
    /// use std::process::{Command, Stdio};
    /// let mut child = Command::new("echo").arg("hi").stdout(Stdio::piped()).spawn().unwrap();
    /// let reader = Reader::try_from(OwnedFd::from(child.stdout.take().unwrap())).unwrap();
    /// let wrong = Writer::try_from(OwnedFd::from(reader.try_clone().unwrap())).unwrap_err();
    /// assert!(wrong.is(CoreError::WrongDirection));
    /// assert_eq!(std::io::read_to_string(reader).unwrap(), "hi\n");
    /// assert!(child.wait().unwrap().success());
    /// ```
    fn try_from(fd: OwnedFd) -> Result<Self> {
        const ADOPT: &str = "use the descriptor as an end of a pipe";
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd).tried(ADOPT)?.st_mode);
        if kind != FileType::Fifo {
            return Err(Error::new(ADOPT, crate::error::wrong_file(kind, "a pipe")));
        }
        let flags = rustix::fs::fcntl_getfl(&fd).tried(ADOPT)?;
        let other = if W::READS { OFlags::WRONLY } else { OFlags::RDONLY };
        if flags & OFlags::ACCMODE == other {
            return Err(Error::new(ADOPT, CoreError::WrongDirection));
        }
        crate::fd::set_close_on_exec(&fd, true)?;
        Ok(End::new(fd, W::LIVE, flags.contains(OFlags::NONBLOCK)))
    }
}

/// Whether somebody has the pipe open for writing.
///
/// `tee(2)` shows this without taking anything. It would wait for bytes if there is a writer, and
/// it reports the end of file if there is none.
fn has_writer(fd: BorrowedFd<'_>) -> io::Result<bool> {
    use rustix::pipe::{PipeFlags, SpliceFlags};
    let (_reader, scratch) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    match retry(|| rustix::pipe::tee(fd, &scratch, 1, SpliceFlags::NONBLOCK)) {
        Ok(n) => Ok(n > 0),
        Err(Errno::AGAIN) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Moves bytes from `from` to `to` with `call`, which needs no buffer of this process.
///
/// `EAGAIN` does not say which side is not ready, so this waits for both. With a deadline, the flag
/// tells `call` not to wait in a pipe.
pub(super) fn move_bytes(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    deadline: Option<Instant>,
    call: impl Fn(rustix::pipe::SpliceFlags) -> io::Result<usize>,
) -> io::Result<usize> {
    use rustix::pipe::SpliceFlags;
    let flags = match deadline {
        None => SpliceFlags::empty(),
        Some(_) => SpliceFlags::NONBLOCK,
    };
    loop {
        match retry(|| sigpipe::without(|| call(flags))) {
            Err(Errno::AGAIN) => {
                crate::fd::poll_one(from, Interest::Read, deadline)?;
                crate::fd::poll_one(to, Interest::Write, deadline)?;
            }
            other => return other,
        }
    }
}
