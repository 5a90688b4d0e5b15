//! Opens a FIFO: waits for the other end, does not wait for it, or waits until a deadline.

use super::{Fifo, Reader, Writer};
use crate::fd::Interest;
use crate::pipe::{End, Way};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

const READER: &str = "open for reading the FIFO";
const WRITER: &str = "open for writing the FIFO";
const BOTH: &str = "open for reading and writing the FIFO";

/// The first pause between two attempts of an open with a deadline.
///
/// Each pause is twice as long as the one before, up to `PAUSE_MOST`. Attempts are necessary
/// because the system does not report that a silent peer opened a FIFO.
const PAUSE: Duration = Duration::from_micros(50);
const PAUSE_MOST: Duration = Duration::from_millis(5);

impl Fifo {
    /// Opens the FIFO for reading; waits until there is a writer. A signal does not end the wait.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound) if the name is gone,
    /// [`Cause::WrongFile`](crate::Cause::WrongFile) if it leads to something else by now,
    /// `EACCES`, or the error of the system call.
    ///
    /// ```
    /// use ringway::{CoreError, fifo::Fifo};
    /// use std::time::{Duration, Instant};
    /// let place = tempfile::tempdir().unwrap();
    /// let fifo = Fifo::create(place.path().join("news"), 0o600).unwrap();
    /// let soon = Some(Instant::now() + Duration::from_millis(10));
    /// assert!(fifo.open_reader_deadline(soon).unwrap_err().is(CoreError::TimedOut));
    /// assert!(fifo.open_writer_deadline(soon).unwrap_err().is(CoreError::TimedOut));
    /// std::thread::scope(|s| {
    ///     s.spawn(|| fifo.open_writer().unwrap().write_all(b"hello").unwrap());
    ///     let reader = fifo.open_reader().unwrap();
    ///     assert_eq!(std::io::read_to_string(&reader).unwrap(), "hello");
    /// });
    /// ```
    pub fn open_reader(&self) -> Result<Reader> {
        let fd = self.open_as(READER, OFlags::RDONLY)?;
        Ok(self.end(fd, State::READER))
    }

    /// Opens the FIFO for reading, without waiting for a writer.
    ///
    /// The reader is `Connecting` until bytes come or [`look`](Reader::look) finds a writer. Before
    /// that, a read returns `Ok(0)`, because the system reports the end of file while there is no
    /// writer.
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader). See [`try_open_writer`](Self::try_open_writer)
    /// for an example.
    pub fn try_open_reader(&self) -> Result<Reader> {
        let fd = self.open_as(READER, OFlags::RDONLY | OFlags::NONBLOCK)?;
        self.blocking(READER, &fd)?;
        // `New` has an answer to `Connect` in the table, so this cannot fail.
        let state = State::New.on(Event::Connect).map_err(|error| Error::new(READER, error))?;
        Ok(self.end(fd, state))
    }

    /// Opens the FIFO for reading, and waits for a writer at most until `deadline`.
    ///
    /// Writers can open the FIFO from the start. A writer that comes, writes and leaves again in
    /// time is noticed. A writer that does not write is noticed within 5 ms.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) if no writer came in time; else those of
    /// [`open_reader`](Self::open_reader).
    pub fn open_reader_deadline(&self, deadline: Option<Instant>) -> Result<Reader> {
        let Some(deadline) = deadline else { return self.open_reader() };
        let reader = self.try_open_reader()?;
        let mut pause = PAUSE;
        while !reader.look()?.can_recv() {
            let now = Instant::now();
            if now >= deadline {
                return Err(self.failed(READER, CoreError::TimedOut));
            }
            let until = deadline.min(now + pause);
            pause = PAUSE_MOST.min(pause * 2);
            match crate::fd::wait_deadline(&reader, Interest::Read, Some(until)) {
                // There are bytes, or a writer came and left. Either way there was a writer.
                Ok(_) => {
                    return Ok(self.end(reader.into(), State::READER));
                }
                Err(error) if error.is(CoreError::TimedOut) => {}
                Err(error) => return Err(error.on(self.path().display())),
            }
        }
        Ok(reader)
    }

    /// Opens the FIFO for writing; waits until there is a reader. A signal does not end the wait.
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader), which also has an example.
    pub fn open_writer(&self) -> Result<Writer> {
        let fd = self.open_as(WRITER, OFlags::WRONLY)?;
        Ok(self.end(fd, State::WRITER))
    }

    /// Opens the FIFO for writing if there is a reader now.
    ///
    /// # Errors
    /// [`NoReader`](CoreError::NoReader) if there is no reader; else those of
    /// [`open_reader`](Self::open_reader).
    ///
    /// ```
    /// use ringway::{CoreError, channel::State, fifo::Fifo};
    /// let place = tempfile::tempdir().unwrap();
    /// let fifo = Fifo::create(place.path().join("news"), 0o600).unwrap();
    /// assert!(fifo.try_open_writer().unwrap_err().is(CoreError::NoReader));
    /// let reader = fifo.try_open_reader().unwrap();
    /// assert_eq!(reader.state(), State::Connecting);
    /// let writer = fifo.try_open_writer().unwrap();
    /// assert_eq!(reader.look().unwrap(), State::READER);
    /// writer.write_all(b"hello").unwrap();
    /// assert_eq!(reader.read(&mut [0; 8]).unwrap(), 5);
    /// ```
    #[doc(alias = "ENXIO")]
    pub fn try_open_writer(&self) -> Result<Writer> {
        let fd = self.open_as(WRITER, OFlags::WRONLY | OFlags::NONBLOCK)?;
        self.blocking(WRITER, &fd)?;
        Ok(self.end(fd, State::WRITER))
    }

    /// Opens the FIFO for writing, and waits for a reader at most until `deadline`.
    ///
    /// A reader is noticed within 5 ms.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) if no reader came in time; else those of
    /// [`open_reader`](Self::open_reader).
    pub fn open_writer_deadline(&self, deadline: Option<Instant>) -> Result<Writer> {
        let Some(deadline) = deadline else { return self.open_writer() };
        let mut pause = PAUSE;
        loop {
            match self.try_open_writer() {
                Err(error) if error.is(CoreError::NoReader) => {}
                other => return other,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.failed(WRITER, CoreError::TimedOut));
            }
            std::thread::sleep(left.min(pause));
            pause = PAUSE_MOST.min(pause * 2);
        }
    }

    /// Opens the FIFO for reading and writing at once (`O_RDWR`), without waiting.
    ///
    /// Each of the two ends counts as a reader and as a writer. As long as either is open, other
    /// readers get no end of file and other writers no broken pipe, and neither do these two ends.
    /// A server uses this to stay while its clients come and go. POSIX leaves the result of such an
    /// open undefined. Linux, the BSDs and macOS define it as said here.
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader).
    ///
    /// ```
    /// use ringway::{CoreError, fifo::Fifo};
    /// let place = tempfile::tempdir().unwrap();
    /// let fifo = Fifo::create(place.path().join("news"), 0o600).unwrap();
    /// let (reader, _stay) = fifo.open_both().unwrap();
    /// fifo.open_writer().unwrap().write_all(b"from a client").unwrap();
    /// assert_eq!(reader.read(&mut [0; 16]).unwrap(), 13);
    /// // The client is gone, and yet this is not the end of file.
    /// assert!(reader.try_read(&mut [0; 16]).unwrap_err().is(CoreError::WouldBlock));
    /// ```
    #[doc(alias = "O_RDWR")]
    pub fn open_both(&self) -> Result<(Reader, Writer)> {
        let reader = self.open_as(BOTH, OFlags::RDWR)?;
        let writer = crate::fd::duplicate(&reader)?;
        Ok((self.end(reader, State::READER), self.end(writer, State::WRITER)))
    }

    fn open_as(&self, operation: &'static str, flags: OFlags) -> Result<OwnedFd> {
        // Checks before the open, because opening a device can have effects. It checks again after
        // the open, because somebody may have exchanged the file.
        self.check(operation)?;
        let fd = self.open_node(flags).map_err(|errno| match errno {
            Errno::NXIO => self.failed(operation, CoreError::NoReader),
            errno => self.failed(operation, errno),
        })?;
        self.must_be_fifo(operation, rustix::fs::fstat(&fd))?;
        Ok(fd)
    }

    /// Makes the description blocking, as that of every end is. It is new, so nobody else has it.
    fn blocking(&self, operation: &'static str, fd: &OwnedFd) -> Result<()> {
        rustix::io::ioctl_fionbio(fd, false).map_err(|errno| self.failed(operation, errno))
    }

    fn end<W: Way>(&self, fd: OwnedFd, state: State) -> End<W> {
        End::new(fd, state, false).named(self.path().display().to_string().into())
    }
}
