//! Anonymous pipes: a byte stream in one direction, between threads or to and from children.
//!
//! [`pipe`] makes a pipe. [`Options`] makes one that is non-blocking, keeps packets apart, or has
//! another size. The ends behave as the core's do. Readers get the end of file after the last
//! writer closed and all bytes were read. Writers get a broken pipe if no reader is left. A write
//! of at most [`PIPE_BUF`] bytes stays in one piece.
//!
//! # Which form waits
//!
//! | form | waits |
//! |---|---|
//! | `read`, `write`, `write_all` | always, whatever the mode of the description is |
//! | `try_…` | never, whatever the mode of the description is |
//! | `…_deadline` | at most until the deadline, whatever the mode of the description is |
//! | `splice_to`, `tee_to` | at most until the deadline that they take; with `None`, as long as it takes |
//! | the traits `Read` and `Write` | unless the end is in the non-blocking mode: programs that poll by themselves expect that |
//!
//! The pipes made here are in the blocking mode, so that the plain forms are one system call. The
//! other forms tell the kernel not to wait in that call alone (`RWF_NOWAIT`). A FIFO, and a pipe
//! before Linux 6.4, has no such flag. There, the first such call opens the same pipe once more,
//! non-blocking and for this end alone. So no call changes the mode that other processes share, and
//! a deadline holds also for a write that is larger than the room.
//!
//! # Into a child
//!
//! Every descriptor is close-on-exec. To give an end to a child, make it a standard stream
//! (`Stdio::from(end)`), or hand it over under its number with [`fd::inherit`](crate::fd::inherit):
//!
//! ```
//! use ringway::pipe::pipe;
//! use std::process::{Command, Stdio};
//! let (reader, writer) = pipe().unwrap();
//! let mut cat = Command::new("tr").arg("a-z").arg("A-Z")
//!     .stdin(Stdio::from(reader)).stdout(Stdio::piped()).spawn().unwrap();
//! writer.write_all(b"to a child").unwrap();
//! drop(writer);
//! assert_eq!(std::io::read_to_string(cat.stdout.take().unwrap()).unwrap(), "TO A CHILD");
//! assert!(cat.wait().unwrap().success());
//! ```

mod end;
mod reader;
mod writer;

pub use end::{End, PIPE_BUF, Reads, Way, Writes};
pub use reader::Reader;
pub use writer::Writer;

use crate::Result;
use crate::error::Tried;
use ringway_core::channel::State;
use std::os::fd::OwnedFd;

/// Makes a blocking pipe of the system's usual size: `int pipe2(int pipefd[2], O_CLOEXEC)`.
///
/// See [`pipe(2)`](https://man7.org/linux/man-pages/man2/pipe.2.html).
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if this process or the system may not open more
/// descriptors.
///
/// ```
/// let (reader, writer) = ringway::pipe::pipe().unwrap();
/// writer.write_all(b"x").unwrap();
/// assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
/// ```
#[doc(alias = "pipe2")]
pub fn pipe() -> Result<(Reader, Writer)> {
    Options::new().open()
}

/// The kind of pipe to make.
///
/// ```
/// use ringway::pipe::Options;
/// let (reader, writer) = Options::new().nonblocking(true).open().unwrap();
/// // The traits do not wait in this mode. The method `read` would.
/// let now = std::io::Read::read(&mut &reader, &mut [0; 8]);
/// assert_eq!(now.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
/// # drop(writer);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    nonblocking: bool,
    packets: bool,
    size: Option<usize>,
}

impl Options {
    /// Describes a blocking byte stream of the system's usual size.
    pub const fn new() -> Self {
        Options { nonblocking: false, packets: false, size: None }
    }

    /// Sets whether both ends are in the non-blocking mode (`O_NONBLOCK`).
    pub const fn nonblocking(mut self, on: bool) -> Self {
        self.nonblocking = on;
        self
    }

    /// Sets the packet mode (`O_DIRECT`), in which each read takes one packet.
    ///
    /// Each write of at most [`PIPE_BUF`] bytes is one packet, and a longer write is several. If a
    /// packet does not fit into the buffer of a read, the rest of the packet is lost. There are no
    /// empty packets.
    ///
    /// ```
    /// use ringway::pipe::Options;
    /// let (reader, writer) = Options::new().packets(true).size(256 << 10).open().unwrap();
    /// assert!(reader.size().unwrap() >= 256 << 10);
    /// writer.write_all(b"one").unwrap();
    /// writer.write_all(b"three").unwrap();
    /// let mut buf = [0; 16];
    /// assert_eq!(reader.read(&mut buf).unwrap(), 3);
    /// assert_eq!(reader.read(&mut buf).unwrap(), 5);
    /// ```
    #[doc(alias = "O_DIRECT")]
    pub const fn packets(mut self, on: bool) -> Self {
        self.packets = on;
        self
    }

    /// Sets how many bytes the pipe can hold, at least. See [`Reader::set_size`].
    pub const fn size(mut self, bytes: usize) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Makes the pipe.
    ///
    /// # Errors
    /// [`Exhausted`](crate::CoreError::Exhausted) if this process or the system may not open more
    /// descriptors, or no pipe of this size.
    pub fn open(self) -> Result<(Reader, Writer)> {
        let (reader, writer) = self.descriptors().tried("make a pipe")?;
        let reader = Reader::new(reader, State::READER, self.nonblocking);
        let writer = Writer::new(writer, State::WRITER, self.nonblocking);
        if let Some(bytes) = self.size {
            reader.set_size(bytes)?;
        }
        Ok((reader, writer))
    }

    fn descriptors(self) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        use rustix::pipe::PipeFlags;
        let mut flags = PipeFlags::CLOEXEC;
        flags.set(PipeFlags::NONBLOCK, self.nonblocking);
        flags.set(PipeFlags::DIRECT, self.packets);
        rustix::pipe::pipe_with(flags)
    }
}
