//! `ring::Ring`: values move, each a message.

use super::leak;
use crate::conformance::closes::Closes;
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::ring::{Consumer, Full, Producer, PushError, Ring};
use ringway_core::storage::Fixed;
use std::path::Path;
use std::time::Instant;

const CAPACITY: usize = 16;

pub struct Values;

impl Transport for Values {
    fn name(&self) -> &'static str {
        "memory::ring"
    }

    fn promises(&self) -> Promises {
        Promises {
            content: Content::Messages { max: 100_000, empty: true, limit: None, copied: false },
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
        let ring = leak(Ring::<_, CAPACITY, PrivateFutex>::new());
        let tx = ring.producer().expect("it is new");
        let rx = ring.consumer().expect("it is new");
        (End::sends(Closes::new(tx)), End::receives(Closes::new(rx)))
    }
}

type Tx = Closes<Producer<'static, Vec<u8>, PrivateFutex, Fixed<CAPACITY>>>;
type Rx = Closes<Consumer<'static, Vec<u8>, PrivateFutex, Fixed<CAPACITY>>>;

impl Writer for Tx {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        pushed(self.push(buf.to_vec()), buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        if self.consumer_is_gone() {
            return Err(CoreError::BrokenPipe);
        }
        match self.try_push(buf.to_vec()) {
            Ok(()) => Ok(buf.len()),
            Err(Full(back)) => {
                assert!(back == buf, "the value comes back");
                Err(CoreError::WouldBlock)
            }
        }
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        pushed(self.push_deadline(buf.to_vec(), Some(deadline)), buf)
    }
}

fn pushed(answer: Result<(), PushError<Vec<u8>>>, buf: &[u8]) -> Answer<usize> {
    match answer {
        Ok(()) => Ok(buf.len()),
        Err(error) => {
            let reason = match error {
                PushError::Full(_) => CoreError::WouldBlock,
                PushError::Closed(_) => CoreError::BrokenPipe,
                PushError::TimedOut(_) => CoreError::TimedOut,
                PushError::Corrupt(_) => CoreError::Corrupt,
            };
            assert!(error.into_value() == buf, "the value comes back");
            Err(reason)
        }
    }
}

impl Reader for Rx {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.pop().map(|value| put(&value, buf))
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        if let Some(value) = self.try_pop() {
            return Ok(put(&value, buf));
        }
        if !self.producer_is_gone() {
            return Err(CoreError::WouldBlock);
        }
        // Look again: it may have pushed before it went.
        self.try_pop().map(|value| put(&value, buf)).ok_or(CoreError::EndOfFile)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.pop_deadline(Some(deadline)).map(|value| put(&value, buf))
    }
}

pub(super) fn put(value: &[u8], buf: &mut [u8]) -> usize {
    buf[..value.len()].copy_from_slice(value);
    value.len()
}
