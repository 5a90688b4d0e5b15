//! The byte ring's halves as `embedded-io-async` streams, for rings whose sides can be awaited.
//!
//! `BufRead` lends what lies in the ring, without a copy.
//!
//! ```
//! use embedded_io_async::{BufRead, Read, Write};
//! use ringway_core::ring::bytes::ByteRing;
//! use ringway_core::wait::Async;
//! use std::pin::pin;
//! use std::task::{Context, Poll, Waker};
//! let mut ring = ByteRing::<8, Async>::new();
//! let (mut producer, mut consumer) = ring.split();
//! let mut cx = Context::from_waker(Waker::noop());
//! assert!(pin!(consumer.fill_buf()).poll(&mut cx).is_pending());
//! assert!(pin!(Write::write_all(&mut producer, b"hello")).poll(&mut cx).is_ready());
//! assert_eq!(pin!(consumer.fill_buf()).poll(&mut cx), Poll::Ready(Ok(&b"hello"[..])));
//! BufRead::consume(&mut consumer, 4);
//! let mut out = [0; 8];
//! assert_eq!(pin!(Read::read(&mut consumer, &mut out)).poll(&mut cx), Poll::Ready(Ok(1)));
//! producer.close();
//! assert_eq!(pin!(consumer.fill_buf()).poll(&mut cx), Poll::Ready(Ok(&[][..])));
//! ```

use super::{ByteRingRef, Consumer, Producer};
use crate::Error;
use crate::wait::Register;
use core::future::{Future, ready};
use embedded_io_async::{BufRead, Read, Write};

impl<R: ByteRingRef<Wake: Register>> Read for Consumer<R> {
    fn read(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        self.read_async(out)
    }
}

impl<R: ByteRingRef<Wake: Register>> BufRead for Consumer<R> {
    fn fill_buf(&mut self) -> impl Future<Output = Result<&[u8], Error>> {
        self.fill_async()
    }

    fn consume(&mut self, count: usize) {
        Consumer::consume(self, count);
    }
}

impl<R: ByteRingRef<Wake: Register>> Write for Producer<R> {
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        self.write_async(bytes)
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
        ready(Ok(()))
    }
}
