//! Serial ports: a UART, a USB adapter, or a pseudo terminal, as a line of bytes that nothing reads
//! meaning into.
//!
//! A [`Port`] is in raw mode: eight bits, no parity, no echo, no flow control, no byte that means
//! anything to the terminal. Dropped, it puts back what was set before. Nobody else has it
//! meanwhile: two programs on one line would take each other's bytes. The functions of
//! [`fd`](crate::fd) read and write it; a [`SerialLink`](crate::link::SerialLink) makes messages of
//! what a bad line leaves of the bytes.
//!
//! ```
//! use ringway::{fd, serial};
//! // A pseudo terminal: two ports and a line between them, without a device.
//! let (here, there) = serial::pair().unwrap();
//! fd::write(&here, b"\x00\x03\r\n\xff").unwrap();
//! let mut buf = [0; 5];
//! fd::read_exact(&there, &mut &mut buf[..], None).unwrap();
//! assert_eq!(&buf, b"\x00\x03\r\n\xff");
//! ```

use crate::error::{On, Tried};
use crate::fd::retry;
use crate::{CoreError, Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{ControlModes, OptionalActions, QueueSelector, Termios};
use rustix::{pty, termios};
use std::fmt::Display;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

const OPEN: &str = "open the serial port";
const SET: &str = "set the mode of the serial port";

/// A serial port in raw mode.
///
/// The end of file, or `EIO`, is a line that hung up: an adapter that was pulled out, a pseudo
/// terminal whose other side closed.
///
/// ```
/// use ringway::{CoreError, fd, serial::{self, Port}};
/// let missing = Port::open("/dev/no such port", 115_200).unwrap_err();
/// assert!(missing.is(CoreError::NotFound));
///
/// let (here, there) = serial::pair().unwrap();
/// there.set_speed(230_400).unwrap();
/// assert_eq!(there.speed().unwrap(), 230_400);
/// fd::write(&here, b"x").unwrap();
/// here.drain().unwrap();
///
/// let path = serial::path(&there).unwrap();
/// assert!(path.starts_with("/dev/pts"));
/// let first = Port::open_shared(&path, 115_200).unwrap();
/// let second = Port::open_shared(&path, 115_200).unwrap();
/// assert!(Port::open(&path, 115_200).unwrap_err().is(CoreError::AddressInUse));
/// drop((first, second));
/// let alone = Port::open(&path, 115_200).unwrap();
/// assert!(Port::open(&path, 9_600).unwrap_err().is(CoreError::AddressInUse));
///
/// let adopted = Port::try_from(fd::duplicate(&there).unwrap()).unwrap();
/// let (reader, _writer) = std::io::pipe().unwrap();
/// Port::try_from(std::os::fd::OwnedFd::from(reader)).expect_err("a pipe is no serial port");
/// ```
#[doc(alias = "termios")]
#[doc(alias = "tty")]
#[derive(Debug)]
pub struct Port {
    fd: OwnedFd,
    /// What is put back.
    before: Option<Termios>,
    hold: Hold,
}

/// What keeps others from the line. The lock (`flock`) is every program's that asks for it, root's
/// too, and ends with this process. `TIOCEXCL` keeps out those that do not ask, but not root; it is
/// not set on a pseudo terminal, where the system would keep it after this process was killed, as
/// long as the other side is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// A pair, or a descriptor that came from elsewhere: its maker decides.
    Nothing,
    /// The lock is shared by all who open it so.
    Shared,
    Alone,
}

impl Port {
    /// `open(path, O_RDWR | O_NOCTTY | O_NONBLOCK)`, `tcsetattr` after `cfmakeraw`: the port at
    /// `path`, at so many bits per second each way. What lay in its buffers is dropped. It does not
    /// wait for a carrier, and does not become the process's terminal.
    ///
    /// The port is this program's alone until it is dropped (`flock`, `TIOCEXCL`). One that is
    /// refused has changed nothing on the line: no mode, no byte in a buffer.
    ///
    /// See [`termios(3)`](https://man7.org/linux/man-pages/man3/termios.3.html).
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if another program has it,
    /// [`NotFound`](CoreError::NotFound), [`Cause::WrongFile`](crate::Cause::WrongFile) if it is no
    /// terminal, `EACCES` (the group `dialout` may), `EINVAL` if it has no such speed, or what the
    /// system says.
    #[doc(alias = "TIOCEXCL")]
    pub fn open(path: impl AsRef<Path>, speed: u32) -> Result<Self> {
        Self::open_as(path.as_ref(), speed, Hold::Alone)
    }

    /// [`open`](Self::open) for several programs that share the line and know of each other: one
    /// that only looks on, say. Each byte that comes goes to one of them. What lies in the buffers
    /// stays; the mode and the speed of the last one that opened it hold for all, and the last one
    /// that is dropped puts back what it found.
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if a program has it for itself; else those of
    /// [`open`](Self::open).
    pub fn open_shared(path: impl AsRef<Path>, speed: u32) -> Result<Self> {
        Self::open_as(path.as_ref(), speed, Hold::Shared)
    }

    fn open_as(path: &Path, speed: u32, hold: Hold) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let failed = |errno| match errno {
            // It is exclusive (`TIOCEXCL`), or locked.
            Errno::BUSY | Errno::AGAIN => {
                Error::new(OPEN, CoreError::AddressInUse).on(path.display())
            }
            errno => Error::new(OPEN, errno).on(path.display()),
        };
        let fd = retry(|| rustix::fs::open(path, flags, Mode::empty())).map_err(failed)?;
        if !termios::isatty(&fd) {
            return Err(not_a_terminal(&fd).on(path.display()));
        }
        let lock = match hold {
            Hold::Alone => FlockOperation::NonBlockingLockExclusive,
            _ => FlockOperation::NonBlockingLockShared,
        };
        retry(|| rustix::fs::flock(&fd, lock)).map_err(failed)?;
        let port = Self::raw(fd, Some(speed), hold, path.display())?;
        if hold == Hold::Alone {
            termios::tcflush(&port.fd, QueueSelector::IOFlush).map_err(failed)?;
        }
        Ok(port)
    }

    /// Bits per second.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn speed(&self) -> Result<u32> {
        termios::tcgetattr(&self.fd)
            .map(|mode| mode.output_speed())
            .tried("get the mode of the serial port")
    }

    /// Sets bits per second, for what is sent and received from now on.
    ///
    /// # Errors
    /// `EINVAL` if it has no such speed, or the error of the system call.
    pub fn set_speed(&self, speed: u32) -> Result<()> {
        termios::tcgetattr(&self.fd)
            .and_then(|mut mode| {
                mode.set_speed(speed)?;
                termios::tcsetattr(&self.fd, OptionalActions::Drain, &mode)
            })
            .tried(SET)
    }

    /// Waits until everything that was written is out on the line.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "tcdrain")]
    pub fn drain(&self) -> Result<()> {
        retry(|| termios::tcdrain(&self.fd)).tried("drain the serial port")
    }

    /// Puts the terminal behind `fd` into raw mode.
    fn raw(fd: OwnedFd, speed: Option<u32>, hold: Hold, name: impl Display) -> Result<Self> {
        let before = termios::tcgetattr(&fd).map_err(|errno| match errno {
            Errno::NOTTY => not_a_terminal(&fd).on(&name),
            errno => Error::new(OPEN, errno).on(&name),
        })?;
        let mut mode = before.clone();
        mode.make_raw();
        // Not the modem's lines, nor those of the hardware's flow control: a UART of three wires
        // has neither.
        mode.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        mode.control_modes &= !ControlModes::CRTSCTS;
        if let Some(speed) = speed {
            mode.set_speed(speed).tried(SET).on(&name)?;
        }
        termios::tcsetattr(&fd, OptionalActions::Now, &mode).tried(SET).on(&name)?;
        let port = Port { fd, before: Some(before), hold };
        port.keep_others_out(true).tried(OPEN).on(&name)?;
        Ok(port)
    }

    /// Sets or clears `TIOCEXCL`, where it is used.
    fn keep_others_out(&self, on: bool) -> rustix::io::Result<()> {
        if self.hold != Hold::Alone || is_pseudo(&self.fd)? {
            return Ok(());
        }
        match on {
            true => termios::ioctl_tiocexcl(&self.fd),
            false => termios::ioctl_tiocnxcl(&self.fd),
        }
    }

    /// Whether nobody else has the port: then what was set before is put back.
    fn is_last(&self) -> bool {
        let alone = FlockOperation::NonBlockingLockExclusive;
        self.hold != Hold::Shared || rustix::fs::flock(&self.fd, alone).is_ok()
    }
}

/// Whether it is the second side of a pseudo terminal, which has a device of its own in Linux.
fn is_pseudo(fd: &OwnedFd) -> rustix::io::Result<bool> {
    let device = rustix::fs::fstat(fd)?.st_rdev;
    Ok((136..=143).contains(&rustix::fs::major(device)))
}

fn not_a_terminal(fd: impl AsFd) -> Error {
    match rustix::fs::fstat(fd) {
        Ok(stat) => {
            let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
            Error::new(OPEN, crate::error::wrong_file(kind, "a serial port or another terminal"))
        }
        Err(errno) => Error::new(OPEN, errno),
    }
}

/// `posix_openpt`, `unlockpt`: a pseudo terminal, two ports and the line between them, which loses
/// nothing and has every speed. What one side writes the other reads; a side that closes hangs up.
/// The second has a path, which [`path`] tells, so that another program can open it as a serial
/// port.
///
/// See [`pty(7)`](https://man7.org/linux/man-pages/man7/pty.7.html).
///
/// # Errors
/// [`Exhausted`](CoreError::Exhausted) if there are no more, or the error of the system call.
///
/// ```
/// use ringway::serial::{self, Port};
/// let (here, there) = serial::pair().unwrap();
/// let other = Port::open(serial::path(&there).unwrap(), 115_200).unwrap();
/// ringway::fd::write(&other, b"hello").unwrap();
/// assert_eq!(ringway::fd::read(&here, &mut [0; 8]).unwrap(), 5);
/// ```
#[doc(alias = "openpty")]
#[doc(alias = "posix_openpt")]
pub fn pair() -> Result<(Port, Port)> {
    const PAIR: &str = "make a pseudo terminal";
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let failed = |errno| match errno {
        // The system says so when all of them are taken.
        Errno::NOSPC => Error::new(PAIR, CoreError::Exhausted),
        errno => Error::new(PAIR, errno),
    };
    let control = pty::openpt(flags).map_err(failed)?;
    pty::unlockpt(&control).map_err(failed)?;
    let line = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let name = pty::ptsname(&control, Vec::new()).map_err(failed)?;
    let there = rustix::fs::open(&name, line, Mode::empty()).map_err(failed)?;
    crate::fd::set_nonblocking(&control, true)?;
    // The mode belongs to the line, and the second port puts it back.
    let there = Port::raw(there, None, Hold::Nothing, "of the pseudo terminal")?;
    Ok((Port { fd: control, before: None, hold: Hold::Nothing }, there))
}

/// The path of a port.
///
/// # Errors
/// [`NotFound`](CoreError::NotFound) if it has none any more, or the error of the system call.
#[doc(alias = "ttyname")]
#[doc(alias = "ptsname")]
pub fn path(port: impl AsFd) -> Result<std::path::PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let name = termios::ttyname(port, Vec::new()).tried("find the path of the serial port")?;
    Ok(std::ffi::OsString::from_vec(name.into_bytes()).into())
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(before) = self.before.as_ref().filter(|_| self.is_last()) {
            // A line that hung up has no mode to put back, and there is nobody to tell.
            let _ = termios::tcsetattr(&self.fd, OptionalActions::Now, before);
        }
        let _ = self.keep_others_out(false);
        // Not left to the descriptor's end: a process that this one is just starting has a copy
        // until it executes.
        if self.hold != Hold::Nothing {
            let _ = rustix::fs::flock(&self.fd, FlockOperation::Unlock);
        }
    }
}

/// A terminal that somebody else opened: it becomes raw, and keeps its speed. Whether it blocks
/// stays as it was, for the description may be shared; and so does who else may open it.
impl TryFrom<OwnedFd> for Port {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        crate::fd::set_close_on_exec(&fd, true)?;
        let number = fd.as_raw_fd();
        Self::raw(fd, None, Hold::Nothing, format_args!("of descriptor {number}"))
    }
}

crate::sys::descriptor!(Port, |it| it.fd);
