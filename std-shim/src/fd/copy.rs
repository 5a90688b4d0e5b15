//! Moving bytes from one descriptor to another: inside the kernel where it can, through a buffer
//! where not.

use super::poll::{Interest, poll_one, retry_ready};
use super::{raw, sigpipe};
use crate::{Error, Result};
use rustix::io::{self, Errno};
use std::os::fd::{AsFd, BorrowedFd};

const COPY: &str = "copy from one descriptor to the other";

/// How much one step asks for. What a pipe or a socket holds is less; a file gives all of it.
const CHUNK: usize = 1 << 20;
const BUFFER: usize = 128 << 10;

/// Moves bytes between any two descriptors, step by step, so that the caller can count, show and
/// stop.
///
/// It tries `splice(2)` (one of the two is a pipe), then `sendfile(2)` (both are files), then a
/// buffer, and remembers what worked for this pair: use one `Copier` per pair. Non-blocking
/// descriptors are waited for.
///
/// What was moved is what the source held at that moment. That is why a file that goes into a pipe
/// or a socket goes through the buffer: the kernel would pass on references to the file's pages
/// instead of bytes, and what is written into the file afterwards would reach a reader that has not
/// read yet. [`zero_copy`](Self::zero_copy) accepts this.
///
/// ```
/// use ringway::fd::Copier;
/// use std::io::{Read, Seek, Write};
/// let mut file = tempfile::tempfile().unwrap();
/// file.write_all(b"from a file").unwrap();
/// file.rewind().unwrap();
/// let (mut reader, writer) = std::io::pipe().unwrap();
///
/// let mut copier = Copier::new();
/// let mut total = 0;
/// loop {
///     match copier.step(&file, &writer).unwrap() {
///         0 => break,
///         n => total += n,
///     }
/// }
/// let mut buf = [0; 11];
/// reader.read_exact(&mut buf).unwrap();
/// assert_eq!((total, &buf), (11, b"from a file"));
/// assert!(copier.buffered());
/// ```
#[derive(Debug, Default)]
pub struct Copier {
    way: Way,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet written.
    left: std::ops::Range<usize>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Not decided: what the two are shows at the first step.
    #[default]
    Unknown,
    Splice,
    SendFile,
    Buffer,
}

impl Copier {
    /// A copier that knows nothing of its pair yet, and has no buffer until it needs one.
    pub const fn new() -> Self {
        let way = Way::Unknown;
        Copier { way, buffer: Vec::new(), left: 0..0 }
    }

    /// A copier that lets the kernel pass on a file's pages instead of its bytes, where it can: no
    /// byte is copied on the way into a pipe or a socket.
    ///
    /// The reader sees the pages as they are when it reads: also what was written into the file
    /// after this copier said that it had moved everything. Use it for files that nobody writes to
    /// until the reader has read.
    ///
    /// ```
    /// use ringway::fd::Copier;
    /// use std::io::{Read, Seek, Write};
    /// let mut file = tempfile::tempfile().unwrap();
    /// file.write_all(b"early").unwrap();
    /// file.rewind().unwrap();
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// assert_eq!(Copier::zero_copy().run(&file, &writer).unwrap(), 5);
    ///
    /// // It was the page that went into the pipe.
    /// file.rewind().unwrap();
    /// file.write_all(b"later").unwrap();
    /// drop(writer);
    /// assert_eq!(std::io::read_to_string(reader).unwrap(), "later");
    /// ```
    #[doc(alias = "sendfile")]
    pub const fn zero_copy() -> Self {
        let way = Way::Splice;
        Copier { way, buffer: Vec::new(), left: 0..0 }
    }

    /// Whether the bytes went through memory of this process, because the kernel could not move
    /// them by itself, or would have moved a file's pages instead.
    pub fn buffered(&self) -> bool {
        self.way == Way::Buffer
    }

    /// Moves what is there, at most 1 MiB; waits for the first byte, and for room. 0 is the end of
    /// the input.
    ///
    /// After an error nothing is lost: what was read and could not be written is written first by
    /// the next step.
    ///
    /// # Errors
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the far end,
    /// [`WrongDirection`](crate::CoreError::WrongDirection), or what the system says.
    #[doc(alias = "splice")]
    #[doc(alias = "sendfile")]
    pub fn step(&mut self, from: impl AsFd, to: impl AsFd) -> Result<usize> {
        self.advance(from.as_fd(), to.as_fd()).map_err(|e| Error::new(COPY, e))
    }

    /// Moves everything until the end of the input, and returns how many bytes that were.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self, from: impl AsFd, to: impl AsFd) -> Result<u64> {
        let mut total = 0;
        loop {
            match self.step(&from, &to)? {
                0 => return Ok(total),
                n => total += n as u64,
            }
        }
    }

    fn advance(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<usize> {
        loop {
            let moved = match self.way {
                Way::Unknown => {
                    let pages = passes_on_pages(from, to)?;
                    self.way = if pages { Way::Buffer } else { Way::Splice };
                    continue;
                }
                Way::Splice => splice(from, to),
                Way::SendFile => sigpipe::without(|| rustix::fs::sendfile(to, from, None, CHUNK)),
                Way::Buffer => return self.through_buffer(from, to),
            };
            match moved {
                Err(Errno::INTR) => {}
                // One of the two is non-blocking. Which one, it does not say: bytes must be there,
                // and room.
                Err(Errno::AGAIN) => {
                    poll_one(from, Interest::Read, None)?;
                    poll_one(to, Interest::Write, None)?;
                }
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE) => {
                    // The kernel cannot do this for the pair.
                    self.way = if self.way == Way::Splice { Way::SendFile } else { Way::Buffer };
                }
                // Some files of the kernel's own have bytes and no size. A read knows.
                Ok(0) if raw::never_waits(from)? => {
                    let way = std::mem::replace(&mut self.way, Way::Buffer);
                    let n = self.through_buffer(from, to)?;
                    if n == 0 {
                        self.way = way;
                    }
                    return Ok(n);
                }
                other => return other,
            }
        }
    }

    fn through_buffer(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<usize> {
        if self.left.is_empty() {
            self.buffer.resize(BUFFER, 0);
            let n =
                retry_ready(from, Interest::Read, None, || io::read(from, &mut self.buffer[..]))?;
            self.left = 0..n;
        }
        let mut moved = 0;
        let suppress_sigpipe = sigpipe::kills();
        while let Some(left) = self.buffer.get(self.left.clone()).filter(|left| !left.is_empty()) {
            match retry_ready(to, Interest::Write, None, || raw::write(to, left, suppress_sigpipe))
            {
                // A device that takes nothing would hold us for ever.
                Ok(0) => return Err(Errno::IO),
                Ok(n) => {
                    self.left.start += n;
                    moved += n;
                }
                // The count first; the next step meets the error again.
                Err(_) if moved > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(moved)
    }
}

/// Whether the kernel would put a file's pages where they are read later, instead of copying what
/// they hold now.
fn passes_on_pages(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<bool> {
    use rustix::fs::{FileType, fstat};
    let has_pages = |fd| {
        let kind = FileType::from_raw_mode(fstat(fd)?.st_mode);
        io::Result::Ok(matches!(kind, FileType::RegularFile | FileType::BlockDevice))
    };
    Ok(has_pages(from)? && !has_pages(to)?)
}

fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<usize> {
    use rustix::pipe::SpliceFlags;
    sigpipe::without(|| rustix::pipe::splice(from, None, to, None, CHUNK, SpliceFlags::empty()))
}
