//! `ring::bytes::ByteRing`: one writer, one reader.

use super::leak;
use crate::conformance::closes::Closes;
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use ringway_core::storage::Fixed;
use std::path::Path;
use std::time::Instant;

/// Not a power of two, so that every place of the ring becomes a boundary.
const CAPACITY: usize = 3_001;

pub struct Bytes;

impl Transport for Bytes {
    fn name(&self) -> &'static str {
        "memory::byte_ring"
    }

    fn promises(&self) -> Promises {
        Promises {
            content: Content::Bytes,
            both_at_once: false,
            half_close: false,
            several_writers: false,
            atomic: None,
            end: true,
            torn: false,
            reliable: true,
            bounded: true,
            immediate: true,
            processes: false,
        }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let ring = leak(ByteRing::<CAPACITY, PrivateFutex>::new());
        let tx = ring.producer().expect("it is new");
        let rx = ring.consumer().expect("it is new");
        (End::sends(Closes::new(tx)), End::receives(Closes::new(rx)))
    }
}

type Tx = Closes<Producer<'static, PrivateFutex, Fixed<CAPACITY>>>;
type Rx = Closes<Consumer<'static, PrivateFutex, Fixed<CAPACITY>>>;

impl Writer for Tx {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        Producer::write(self, buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.consumer_is_gone() {
            return Err(CoreError::BrokenPipe);
        }
        Some(Producer::try_write(self, buf)).filter(|count| *count > 0).ok_or(CoreError::WouldBlock)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        Producer::write_deadline(self, buf, Some(deadline))
    }
}

impl Reader for Rx {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        Consumer::read(self, buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let count = Consumer::try_read(self, buf);
        if count > 0 || buf.is_empty() {
            return Ok(count);
        }
        if !self.producer_is_gone() {
            return Err(CoreError::WouldBlock);
        }
        // Look again: it may have written before it went.
        Ok(Consumer::try_read(self, buf))
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        Consumer::read_deadline(self, buf, Some(deadline))
    }
}
