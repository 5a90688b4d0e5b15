//! Serial ports as plain lines of bytes: a UART, a USB adapter, or a pseudo terminal.
//!
//! A [`Port`] is in raw mode: eight bits, no parity, no echo, no flow control, and no byte has a
//! meaning for the terminal. Dropping the port restores the settings from before. Meanwhile no
//! other program has the port, because two programs on one line would take each other's bytes. The
//! functions of [`fd`](crate::fd) read and write the port. A
//! [`SerialLink`](crate::link::SerialLink) sends messages over a line that loses or changes bytes.
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
/// The end of file, or `EIO`, means that the line hung up: an adapter was pulled out, or the other
/// side of a pseudo terminal closed.
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
    /// The settings that the drop restores.
    before: Option<Termios>,
    hold: Hold,
}

/// What keeps other programs from the line.
///
/// The lock (`flock`) keeps out every program that asks for it, also root's, and ends with this
/// process. `TIOCEXCL` keeps out the programs that do not ask, except root's. It is not set on a
/// pseudo terminal: the system would keep it after this process was killed, as long as the other
/// side is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Nothing, for a pair or a descriptor that came from elsewhere: the program that made it
    /// decides.
    Nothing,
    /// A shared lock, together with all that open the port as shared.
    Shared,
    Alone,
}

impl Port {
    /// Opens the port at `path` in raw mode, at `speed` bits per second in each direction.
    ///
    /// It calls `open(path, O_RDWR | O_NOCTTY | O_NONBLOCK)`, and `tcsetattr` after `cfmakeraw`. It
    /// drops the bytes in the port's buffers. It does not wait for a carrier, and the port does not
    /// become the process's terminal.
    ///
    /// The port belongs to this program alone until it is dropped (`flock`, `TIOCEXCL`). An attempt
    /// that is refused changes nothing on the line: no mode, no byte in a buffer.
    ///
    /// See [`termios(3)`](https://man7.org/linux/man-pages/man3/termios.3.html).
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if another program has the port,
    /// [`NotFound`](CoreError::NotFound), [`Cause::WrongFile`](crate::Cause::WrongFile) if it is no
    /// terminal, `EACCES` (the group `dialout` has the permission), `EINVAL` if the port has no
    /// such speed, or the error of the system call.
    #[doc(alias = "TIOCEXCL")]
    pub fn open(path: impl AsRef<Path>, speed: u32) -> Result<Self> {
        Self::open_as(path.as_ref(), speed, Hold::Alone)
    }

    /// Opens the port as [`open`](Self::open) does, for several programs that know of each other.
    ///
    /// One of them may only watch, for example. Each received byte goes to one of the programs. The
    /// bytes in the buffers stay. The mode and the speed that the last `open_shared` set hold for
    /// all programs. The program that drops its port last restores the settings that it found.
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if a program has the port for itself; else those
    /// of [`open`](Self::open).
    pub fn open_shared(path: impl AsRef<Path>, speed: u32) -> Result<Self> {
        Self::open_as(path.as_ref(), speed, Hold::Shared)
    }

    fn open_as(path: &Path, speed: u32, hold: Hold) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let failed = |errno| match errno {
            // Another program has the port exclusively (`TIOCEXCL`), or has locked it.
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

    /// The speed in bits per second.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn speed(&self) -> Result<u32> {
        termios::tcgetattr(&self.fd)
            .map(|mode| mode.output_speed())
            .tried("get the mode of the serial port")
    }

    /// Sets the speed in bits per second, for the bytes sent and received from now on.
    ///
    /// # Errors
    /// `EINVAL` if the port has no such speed, or the error of the system call.
    pub fn set_speed(&self, speed: u32) -> Result<()> {
        termios::tcgetattr(&self.fd)
            .and_then(|mut mode| {
                mode.set_speed(speed)?;
                termios::tcsetattr(&self.fd, OptionalActions::Drain, &mode)
            })
            .tried(SET)
    }

    /// Waits until every written byte has gone out on the line.
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
        // Ignores the modem's lines and those of the hardware's flow control: a UART with three
        // wires has neither.
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

    /// Sets or clears `TIOCEXCL`, if this hold uses it.
    fn keep_others_out(&self, on: bool) -> rustix::io::Result<()> {
        if self.hold != Hold::Alone || is_pseudo(&self.fd)? {
            return Ok(());
        }
        match on {
            true => termios::ioctl_tiocexcl(&self.fd),
            false => termios::ioctl_tiocnxcl(&self.fd),
        }
    }

    /// Whether no other program has the port, so that the drop restores the settings.
    fn is_last(&self) -> bool {
        let alone = FlockOperation::NonBlockingLockExclusive;
        self.hold != Hold::Shared || rustix::fs::flock(&self.fd, alone).is_ok()
    }
}

/// Whether `fd` is the second side of a pseudo terminal, which has its own device number in Linux.
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

/// Makes a pseudo terminal: two ports and the line between them (`posix_openpt`, `unlockpt`).
///
/// The line loses nothing and accepts every speed. What one side writes, the other reads. A side
/// that closes hangs up. The second port has a path, which [`path`] returns, so that another
/// program can open it as a serial port.
///
/// See [`pty(7)`](https://man7.org/linux/man-pages/man7/pty.7.html).
///
/// # Errors
/// [`Exhausted`](CoreError::Exhausted) if the system has no more pseudo terminals, or the error of
/// the system call.
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
        // `ENOSPC` means that all pseudo terminals are in use.
        Errno::NOSPC => Error::new(PAIR, CoreError::Exhausted),
        Errno::NOENT => Error::new(PAIR, errno)
            .because("there is no /dev/ptmx here, or no /dev/pts behind it: mount a devpts"),
        errno => Error::new(PAIR, errno),
    };
    let control = pty::openpt(flags).map_err(failed)?;
    pty::unlockpt(&control).map_err(failed)?;
    let line = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let name = pty::ptsname(&control, Vec::new()).map_err(failed)?;
    let there = rustix::fs::open(&name, line, Mode::empty()).map_err(failed)?;
    crate::fd::set_nonblocking(&control, true)?;
    // The mode belongs to the line, so only the second port restores it.
    let there = Port::raw(there, None, Hold::Nothing, "of the pseudo terminal")?;
    Ok((Port { fd: control, before: None, hold: Hold::Nothing }, there))
}

/// The path of a port.
///
/// # Errors
/// [`NotFound`](CoreError::NotFound) if the port has no path any more, or the error of the system
/// call.
#[doc(alias = "ttyname")]
#[doc(alias = "ptsname")]
pub fn path(port: impl AsFd) -> Result<std::path::PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    const FIND: &str = "find the path of the serial port";
    let name = termios::ttyname(port, Vec::new());
    let name = name.map_err(|errno| crate::error::through_proc(FIND, errno))?;
    Ok(std::ffi::OsString::from_vec(name.into_bytes()).into())
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(before) = self.before.as_ref().filter(|_| self.is_last()) {
            // This fails for a line that hung up. Such a line has no mode to restore, and the drop
            // has nobody to tell.
            let _ = termios::tcsetattr(&self.fd, OptionalActions::Now, before);
        }
        let _ = self.keep_others_out(false);
        // Closing the descriptor would not be enough: a child that this process is just starting
        // has a copy until it calls `exec`.
        if self.hold != Hold::Nothing {
            let _ = rustix::fs::flock(&self.fd, FlockOperation::Unlock);
        }
    }
}

/// Adopts a terminal that somebody else opened. It becomes raw and keeps its speed.
///
/// It stays in its blocking or non-blocking mode, because the description may be shared. It also
/// stays as open to other programs as it was.
impl TryFrom<OwnedFd> for Port {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        crate::fd::set_close_on_exec(&fd, true)?;
        let number = fd.as_raw_fd();
        Self::raw(fd, None, Hold::Nothing, format_args!("of descriptor {number}"))
    }
}

crate::sys::descriptor!(Port, |it| it.fd);
