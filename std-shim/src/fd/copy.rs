//! Moves bytes from one descriptor to another, inside the kernel or through a buffer.

use super::poll::{Interest, poll_one, retry_ready};
use super::{raw, sigpipe};
use crate::{Error, Result};
use rustix::io::{self, Errno};
use std::os::fd::{AsFd, BorrowedFd};

const COPY: &str = "copy from one descriptor to the other";

/// The most bytes that one step asks the kernel for.
///
/// A pipe or a socket holds less, a file may have all of them.
const CHUNK: usize = 1 << 20;
const BUFFER: usize = 128 << 10;

/// Moves bytes between any two descriptors, step by step.
///
/// The caller can count the bytes, show the progress and stop between two steps.
///
/// It tries `splice(2)` (one of the two is a pipe), then `sendfile(2)` (both are files), then a
/// buffer. It remembers what worked for this pair, so use one `Copier` per pair. If a descriptor is
/// non-blocking, it waits until that is ready.
///
/// The bytes are those that the source held when they were moved. That is why a file goes into a
/// pipe or a socket through the buffer. The kernel would pass on references to the file's pages
/// instead of bytes, so what is written into the file afterwards would still reach a slow reader.
/// [`zero_copy`](Self::zero_copy) accepts this.
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
    /// The bytes of the buffer that were read and not yet written.
    left: std::ops::Range<usize>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Not decided yet: the first step looks at the two descriptors.
    #[default]
    Unknown,
    Splice,
    SendFile,
    Buffer,
}

impl Copier {
    /// Makes a copier that has not seen its pair yet. It allocates a buffer when it needs one.
    pub const fn new() -> Self {
        let way = Way::Unknown;
        Copier { way, buffer: Vec::new(), left: 0..0 }
    }

    /// Makes a copier that lets the kernel pass on a file's pages instead of its bytes, where it
    /// can.
    ///
    /// No byte is copied on the way into a pipe or a socket.
    ///
    /// The reader sees the pages as they are when it reads. So it also sees what was written into
    /// the file after this copier reported that it had moved everything. Use it for files that
    /// nobody writes to until the reader has read them.
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
    /// // The pipe holds the page, not the bytes.
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

    /// Whether the bytes went through the memory of this process.
    ///
    /// They do if the kernel cannot move them by itself, or would pass on a file's pages instead.
    pub fn buffered(&self) -> bool {
        self.way == Way::Buffer
    }

    /// Moves the bytes that are there, at most 1 MiB, and returns their number.
    ///
    /// It waits for the first byte, and for room. 0 is the end of the input.
    ///
    /// An error loses nothing: the next step first writes the bytes that were read and could not be
    /// written.
    ///
    /// # Errors
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the far end,
    /// [`WrongDirection`](crate::CoreError::WrongDirection), or the error of the system call.
    #[doc(alias = "splice")]
    #[doc(alias = "sendfile")]
    pub fn step(&mut self, from: impl AsFd, to: impl AsFd) -> Result<usize> {
        self.advance(from.as_fd(), to.as_fd()).map_err(|e| Error::new(COPY, e))
    }

    /// Moves everything until the end of the input, and returns the number of bytes.
    ///
    /// # Errors
    /// Those of [`step`](Self::step).
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
                // One of the two is non-blocking. The error does not say which one, so wait for
                // bytes and for room.
                Err(Errno::AGAIN) => {
                    poll_one(from, Interest::Read, None)?;
                    poll_one(to, Interest::Write, None)?;
                }
                Err(
                    Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE | Errno::PERM,
                ) => {
                    // The kernel has no such operation for this pair, or refuses it.
                    self.way = if self.way == Way::Splice { Way::SendFile } else { Way::Buffer };
                }
                // Some of the kernel's own files have bytes and a size of 0. Only a read finds the
                // bytes.
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
                // Without this error, a device that takes nothing would keep this loop running for
                // ever.
                Ok(0) => return Err(Errno::IO),
                Ok(n) => {
                    self.left.start += n;
                    moved += n;
                }
                // Returns the count first. The next step meets the error again.
                Err(_) if moved > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(moved)
    }
}

/// Whether the kernel would pass on a file's pages instead of their bytes.
///
/// The reader would then read the pages later, not the bytes that they hold now.
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
