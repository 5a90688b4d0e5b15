//! The `embedded-io-async` traits for the byte ends of pipes, FIFOs and sockets in memory.
//!
//! `read` and `write` await; they call `read_async` and `write_async` of the end. `flush` is ready
//! at once, because written bytes are in the channel.
//!
//! ```
//! use embedded_io_async::{Read, Write};
//! use ringway_core::channel::pipe::Pipe;
//! use ringway_core::wait::Async;
//! use std::pin::pin;
//! use std::task::{Context, Poll, Waker};
//! let mut pipe = Pipe::<16, Async>::new();
//! let (mut reader, mut writer) = pipe.split();
//! let mut cx = Context::from_waker(Waker::noop());
//! let mut out = [0; 5];
//! {
//!     let mut reads = pin!(Read::read_exact(&mut reader, &mut out));
//!     assert!(reads.as_mut().poll(&mut cx).is_pending());
//!     assert!(pin!(Write::write_all(&mut writer, b"hello")).poll(&mut cx).is_ready());
//!     assert_eq!(reads.poll(&mut cx), Poll::Ready(Ok(())));
//! }
//! assert_eq!(&out, b"hello");
//! ```

use super::pipe::{Reader, Writer};
use super::socket::Stream;
use crate::Error;
use crate::wait::Register;
use core::future::{Future, ready};
use embedded_io_async::{Read, Write};

impl<const N: usize, W: Register> Read for Reader<'_, N, W> {
    fn read(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        self.read_async(out)
    }
}

impl<const N: usize, W: Register> Write for Writer<'_, N, W> {
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        self.write_async(bytes)
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
        ready(Ok(()))
    }
}

impl<const N: usize, W: Register> Read for Stream<'_, N, W> {
    fn read(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        self.read_async(out)
    }
}

impl<const N: usize, W: Register> Write for Stream<'_, N, W> {
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        self.write_async(bytes)
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
        ready(Ok(()))
    }
}
