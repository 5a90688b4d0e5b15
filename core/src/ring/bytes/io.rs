//! The byte ring's halves as `embedded-io` streams, for rings whose sides can wait.
//!
//! ```
//! use embedded_io::{Read, Write};
//! use ringway_core::ring::bytes::ByteRing;
//! use ringway_core::wait::Spin;
//! let mut ring = ByteRing::<8, Spin>::new();
//! let (mut producer, mut consumer) = ring.split();
//! Write::write_all(&mut producer, b"hello").unwrap();
//! let mut out = [0; 5];
//! consumer.read_exact(&mut out).unwrap();
//! assert_eq!(&out, b"hello");
//! ```

use super::{ByteRingRef, Consumer, Producer};
use crate::Error;
use crate::wait::Wait;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

impl<R: ByteRingRef> ErrorType for Consumer<R> {
    type Error = Error;
}

impl<R: ByteRingRef<Wake: Wait>> Read for Consumer<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        Consumer::read(self, out)
    }
}

impl<R: ByteRingRef> ReadReady for Consumer<R> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.is_empty() || self.ring().producer_is_gone())
    }
}

impl<R: ByteRingRef> ErrorType for Producer<R> {
    type Error = Error;
}

impl<R: ByteRingRef<Wake: Wait>> Write for Producer<R> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Producer::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<R: ByteRingRef> WriteReady for Producer<R> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(self.room() > 0 || self.ring().consumer_is_gone())
    }
}
