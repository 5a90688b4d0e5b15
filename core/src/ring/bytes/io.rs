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
use crate::storage::Capacity;
use crate::wait::{Wait, Wake};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

impl<C: Capacity, W: Wake> ErrorType for Consumer<'_, W, C> {
    type Error = Error;
}

impl<C: Capacity, W: Wait> Read for Consumer<'_, W, C> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        Consumer::read(self, out)
    }
}

impl<C: Capacity, W: Wake> ReadReady for Consumer<'_, W, C> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.is_empty() || self.producer_is_gone())
    }
}

impl<C: Capacity, W: Wake> ErrorType for Producer<'_, W, C> {
    type Error = Error;
}

impl<C: Capacity, W: Wait> Write for Producer<'_, W, C> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Producer::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<C: Capacity, W: Wake> WriteReady for Producer<'_, W, C> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(self.room() > 0 || self.consumer_is_gone())
    }
}
