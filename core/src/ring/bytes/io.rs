//! The byte ring's halves as `embedded-io` knows them, on rings whose sides can wait.
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

use super::{Consumer, Producer};
use crate::Error;
use crate::wait::{Wait, Wake};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

impl<const N: usize, W: Wake> ErrorType for Consumer<'_, N, W> {
    type Error = Error;
}

impl<const N: usize, W: Wait> Read for Consumer<'_, N, W> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        Consumer::read(self, out)
    }
}

impl<const N: usize, W: Wake> ReadReady for Consumer<'_, N, W> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.is_empty() || self.producer_is_gone())
    }
}

impl<const N: usize, W: Wake> ErrorType for Producer<'_, N, W> {
    type Error = Error;
}

impl<const N: usize, W: Wait> Write for Producer<'_, N, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Producer::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<const N: usize, W: Wake> WriteReady for Producer<'_, N, W> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(self.room() > 0 || self.consumer_is_gone())
    }
}
