//! What a reader and a writer have in common: the descriptor, its life, and how to ask it for something now.

use crate::fd::{EndpointState, Interest, Ready, Timeout, attempt, look, raw, retry, sigpipe};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{self, Errno};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const READ: &str = "read from the pipe";
const WRITE: &str = "write to the pipe";

/// How many bytes a single write puts into a pipe in one piece, whoever else writes: 4096 on Linux, at least 512 everywhere.
///
/// ```
/// assert!(ringway::pipe::PIPE_BUF >= 512);
/// ```
pub const PIPE_BUF: usize = rustix::pipe::PIPE_BUF;

/// One end of a pipe or of a FIFO, as a descriptor.
///
/// The kernel decides what can be done; `life` records what it said. A FIFO's peers come and go, so that the record is
/// never taken for the answer: each call asks the kernel.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) fd: OwnedFd,
    pub(crate) state: EndpointState,
    /// Whether it is a reader, or else a writer.
    reads: bool,
    /// What the descriptor was opened as, for messages: a FIFO's path.
    name: Option<Box<str>>,
    /// Whether a `SIGPIPE` would have ended the process when this end was made.
    suppress_sigpipe: bool,
    /// What `Read` and `Write` do: wait, or say that they would.
    nonblocking: AtomicBool,
    /// The same pipe, opened once more for this end alone, in the non-blocking mode; see [`Self::private`].
    private: OnceLock<Option<OwnedFd>>,
}

impl End {
    pub(crate) fn new(fd: OwnedFd, state: State, nonblocking: bool) -> Self {
        let reads = state != State::WRITER;
        End {
            fd,
            state: EndpointState::new(state),
            reads,
            name: None,
            suppress_sigpipe: !reads && sigpipe::kills(),
            nonblocking: AtomicBool::new(nonblocking),
            private: OnceLock::new(),
        }
    }

    pub(crate) fn named(mut self, name: Box<str>) -> Self {
        self.name = Some(name);
        self
    }

    /// Takes a descriptor that somebody else made, once it is shown to be an end of a pipe that is open for `state`.
    pub(crate) fn adopt(fd: OwnedFd, state: State) -> Result<Self> {
        const ADOPT: &str = "use the descriptor as an end of a pipe";
        let failed = |errno| Error::new(ADOPT, errno);
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd).map_err(failed)?.st_mode);
        if kind != FileType::Fifo {
            return Err(Error::new(ADOPT, crate::error::wrong_file(kind, "a pipe")));
        }
        let flags = rustix::fs::fcntl_getfl(&fd).map_err(failed)?;
        let access = flags & OFlags::ACCMODE;
        let other = if state == State::READER { OFlags::WRONLY } else { OFlags::RDONLY };
        if access == other {
            return Err(Error::new(ADOPT, CoreError::WrongDirection));
        }
        crate::fd::set_close_on_exec(&fd, true)?;
        Ok(End::new(fd, state, flags.contains(OFlags::NONBLOCK)))
    }

    pub(crate) fn duplicate(&self) -> Result<Self> {
        Ok(End {
            fd: crate::fd::duplicate(&self.fd)?,
            state: EndpointState::new(self.state.get()),
            reads: self.reads,
            name: self.name.clone(),
            suppress_sigpipe: self.suppress_sigpipe,
            nonblocking: AtomicBool::new(self.nonblocking()),
            private: OnceLock::new(),
        })
    }

    #[inline]
    pub(crate) fn nonblocking(&self) -> bool {
        // Relaxed: a mode, which publishes nothing. Partner: the store in `set_nonblocking`.
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, on: bool) -> Result<()> {
        crate::fd::set_nonblocking(&self.fd, on)?;
        // Relaxed: as above. Partner: the load in `nonblocking`.
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// Asks the system what became of the peer: whether it left, or a FIFO's came.
    pub(crate) fn look(&self) -> Result<State> {
        const LOOK: &str = "look at the pipe";
        let fd = self.fd.as_fd();
        let ready = look(fd, Interest::Read).map_err(|errno| self.failed(LOOK, errno))?;
        let state = self.state.get();
        if let Some(event) = ready.and_then(Ready::event) {
            let _ = self.state.on(event);
        } else if self.reads && !state.can_recv() {
            // Not hung up; a FIFO's reader that never had a writer looks the same as one that has.
            if has_writer(fd).map_err(|errno| self.failed(LOOK, errno))? {
                self.state.renew(State::READER);
            }
        } else if !self.reads && !state.can_send() {
            self.state.renew(State::WRITER);
        }
        Ok(self.state.get())
    }

    #[inline]
    pub(crate) fn read(&self, buf: &mut [u8], timeout: Timeout) -> Result<usize> {
        let (fd, asked) = (self.fd.as_fd(), buf.len());
        let result = attempt(fd, Interest::Read, timeout, |at_once| match at_once {
            true => self.read_now(buf),
            false => io::read(fd, &mut *buf),
        });
        self.received(asked, result)
    }

    #[inline]
    pub(crate) fn write(&self, buf: &[u8], timeout: Timeout) -> Result<usize> {
        let fd = self.fd.as_fd();
        self.sent(attempt(fd, Interest::Write, timeout, |at_once| match at_once {
            true => self.write_now(buf),
            false => raw::write(fd, buf, self.suppress_sigpipe),
        }))
    }

    /// How long the io traits wait.
    #[inline]
    pub(crate) fn mode(&self) -> Timeout {
        if self.nonblocking() { Timeout::Now } else { Timeout::NEVER }
    }

    /// Turns what a call that took `asked` bytes or fewer from the pipe returned into news of the peer.
    #[inline]
    pub(crate) fn received(&self, asked: usize, result: io::Result<usize>) -> Result<usize> {
        match result {
            Ok(0) if asked > 0 => {
                let _ = self.state.on(Event::PeerShutSend);
                Ok(0)
            }
            Ok(n) => {
                // A FIFO's writer came, the first one or the next.
                if n > 0 && !self.state.get().can_recv() {
                    self.state.renew(State::READER);
                }
                Ok(n)
            }
            Err(errno) => Err(self.failed(READ, errno)),
        }
    }

    /// Turns what a call that put bytes into the pipe returned into news of the peer.
    #[inline]
    pub(crate) fn sent(&self, result: io::Result<usize>) -> Result<usize> {
        match result {
            Ok(n) => {
                // A FIFO's next reader came.
                if n > 0 && !self.state.get().can_send() {
                    self.state.renew(State::WRITER);
                }
                Ok(n)
            }
            Err(errno) => {
                if errno == Errno::PIPE {
                    let _ = self.state.on(Event::PeerShutRecv);
                }
                Err(self.failed(WRITE, errno))
            }
        }
    }

    #[cold]
    pub(crate) fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        let error = Error::new(operation, errno);
        match &self.name {
            Some(name) => error.on(name),
            None => error,
        }
    }

    fn read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        match raw::read_nowait(self.fd.as_fd(), buf) {
            Err(Errno::OPNOTSUPP) => match self.private() {
                Ok(Some(private)) => io::read(private, buf),
                Ok(None) | Err(_) => raw::look_and_read(self.fd.as_fd(), buf),
            },
            other => other,
        }
    }

    fn write_now(&self, buf: &[u8]) -> io::Result<usize> {
        match raw::write_nowait(self.fd.as_fd(), buf, self.suppress_sigpipe) {
            Err(Errno::OPNOTSUPP) => match self.private() {
                Ok(Some(private)) => raw::write(private, buf, self.suppress_sigpipe),
                // Nobody reads just now.
                Err(Errno::NXIO) => Err(Errno::PIPE),
                Ok(None) | Err(_) => {
                    raw::look_and_write(self.fd.as_fd(), buf, self.suppress_sigpipe)
                }
            },
            other => other,
        }
    }

    /// The same pipe behind an open file description of our own, in the non-blocking mode.
    ///
    /// For where a single call cannot be told not to wait: a FIFO, or a pipe before Linux 6.4. Linux opens it
    /// through `/proc`. `None` where it cannot be had, because there is no `/proc` or the FIFO's mode forbids it.
    fn private(&self) -> io::Result<Option<BorrowedFd<'_>>> {
        if self.private.get().is_none() {
            let opened = self.reopen();
            if let Err(Errno::NXIO | Errno::MFILE | Errno::NFILE) = opened {
                // It may go better the next time.
                opened.as_ref().map_err(|errno| *errno)?;
            }
            // When another thread was faster, its own is as good.
            let _ = self.private.set(opened.ok());
        }
        Ok(self.private.get().and_then(Option::as_ref).map(AsFd::as_fd))
    }

    fn reopen(&self) -> io::Result<OwnedFd> {
        // `O_DIRECT`: packets stay packets.
        let same = OFlags::ACCMODE | OFlags::DIRECT;
        let flags = rustix::fs::fcntl_getfl(&self.fd)? & same;
        let path = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        rustix::fs::open(path, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    }
}

/// Whether somebody has the pipe open for writing. `tee(2)` knows without taking anything: where it would wait for
/// bytes there is a writer, where it says the end of file there is none.
fn has_writer(fd: BorrowedFd<'_>) -> io::Result<bool> {
    use rustix::pipe::{PipeFlags, SpliceFlags};
    let (_reader, scratch) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    match retry(|| rustix::pipe::tee(fd, &scratch, 1, SpliceFlags::NONBLOCK)) {
        Ok(n) => Ok(n > 0),
        Err(Errno::AGAIN) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Moves bytes between `from` and `to` by `call`, which needs no memory of ours.
///
/// `EAGAIN` does not say which side is not ready, so that both are waited for. With a deadline the call is told not to
/// wait in a pipe.
pub(crate) fn shift(
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
