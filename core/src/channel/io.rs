//! The `embedded-io` traits for the byte ends of pipes, FIFOs and sockets in memory.
//!
//! `read` and `write` wait; they call the methods of the same name of the end. `flush` does
//! nothing, because written bytes are in the channel at once.
//!
//! ```
//! use embedded_io::{Read, ReadReady, Write, WriteReady};
//! use ringway_core::channel::pipe::Pipe;
//!
//! fn greet(to: &mut impl Write) {
//!     write!(to, "hello, {}", 7).unwrap();
//! }
//! let mut pipe: Pipe<16> = Pipe::new();
//! let (mut reader, mut writer) = pipe.split();
//! assert!(!reader.read_ready().unwrap() && writer.write_ready().unwrap());
//! greet(&mut writer);
//! let mut out = [0; 8];
//! reader.read_exact(&mut out).unwrap();
//! assert_eq!(&out, b"hello, 7");
//! ```

use super::pipe::{Reader, Writer};
use super::socket::Stream;
use crate::Error;
use crate::wait::{Wait, Wake};
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::TimedOut => ErrorKind::TimedOut,
            Error::BrokenPipe => ErrorKind::BrokenPipe,
            Error::Refused => ErrorKind::ConnectionRefused,
            Error::Reset => ErrorKind::ConnectionReset,
            Error::NotConnected | Error::NoReader | Error::Closed => ErrorKind::NotConnected,
            Error::AddressInUse => ErrorKind::AddrInUse,
            Error::NotFound => ErrorKind::NotFound,
            Error::BadName
            | Error::MessageTooLarge { .. }
            | Error::BufferTooSmall { .. }
            | Error::NoSuchLine { .. } => ErrorKind::InvalidInput,
            Error::WrongDirection | Error::Incompatible { .. } => ErrorKind::Unsupported,
            Error::Exhausted => ErrorKind::OutOfMemory,
            Error::Corrupt => ErrorKind::InvalidData,
            Error::WouldBlock
            | Error::EndOfFile
            | Error::AlreadyConnected
            | Error::Taken
            | Error::OwnerDied
            | Error::Broken
            | Error::NotHeld
            | Error::Overflow => ErrorKind::Other,
        }
    }
}

impl<const N: usize, W: Wake> ErrorType for Reader<'_, N, W> {
    type Error = Error;
}

impl<const N: usize, W: Wait> Read for Reader<'_, N, W> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        Reader::read(self, out)
    }
}

impl<const N: usize, W: Wait> ReadReady for Reader<'_, N, W> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(self.is_ready())
    }
}

impl<const N: usize, W: Wake> ErrorType for Writer<'_, N, W> {
    type Error = Error;
}

impl<const N: usize, W: Wait> Write for Writer<'_, N, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Writer::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// `write_ready` says whether the next write does not wait if this is the only writer.
///
/// That holds for a write of any size. So there must be room for the largest write that is all or
/// nothing.
impl<const N: usize, W: Wait> WriteReady for Writer<'_, N, W> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(self.has_room(super::pipe::Pipe::<N, W>::ATOMIC))
    }
}

impl<const N: usize, W: Wake> ErrorType for Stream<'_, N, W> {
    type Error = Error;
}

impl<const N: usize, W: Wait> Read for Stream<'_, N, W> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        Stream::read(self, out)
    }
}

impl<const N: usize, W: Wait> ReadReady for Stream<'_, N, W> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(self.is_readable())
    }
}

impl<const N: usize, W: Wait> Write for Stream<'_, N, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Stream::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<const N: usize, W: Wait> WriteReady for Stream<'_, N, W> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(self.is_writable())
    }
}
