//! `ring::queue::Queue`: values move, each a message; any number of writers. Nobody has an end of it, hence none is told.

use super::{leak, ring::put};
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::participant::Participant;
use ringway_core::ring::PushError;
use ringway_core::ring::queue::{Handle, Queue};
use std::path::Path;
use std::time::Instant;

/// Not a power of two, which is the more general way of counting.
const CAPACITY: usize = 13;

pub struct Values;

impl Transport for Values {
    fn name(&self) -> &'static str {
        "memory::queue"
    }

    fn promises(&self) -> Promises {
        Promises {
            content: Content::Messages { max: 100_000, empty: true, limit: None, copied: false },
            both_at_once: false,
            half_close: false,
            several_writers: true,
            atomic: None,
            end: false,
            torn: false,
            reliable: true,
            bounded: true,
            immediate: true,
            processes: false,
        }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let queue = leak(Queue::new());
        (End::sends(Side(queue)), End::receives(Side(queue)))
    }
}

/// Somebody who pushes or pops.
struct Side(&'static Queue<Vec<u8>, CAPACITY, PrivateFutex>);

impl Side {
    fn handle(&self) -> Handle<'_, Vec<u8>, PrivateFutex> {
        self.0.handle(Participant::LOCAL)
    }
}

impl Writer for Side {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        pushed(self.0.push(buf.to_vec()), buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        pushed(self.0.try_push(buf.to_vec()), buf)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        pushed(self.handle().push_deadline(buf.to_vec(), Some(deadline)), buf)
    }

    fn another(&self) -> Box<dyn Writer> {
        Box::new(Side(self.0))
    }
}

fn pushed(answer: Result<(), PushError<Vec<u8>>>, buf: &[u8]) -> Answer<usize> {
    match answer {
        Ok(()) => Ok(buf.len()),
        Err(error) => {
            let why = match error {
                PushError::Full(_) => CoreError::WouldBlock,
                PushError::Closed(_) => CoreError::BrokenPipe,
                PushError::TimedOut(_) => CoreError::TimedOut,
                PushError::Corrupt(_) => CoreError::Corrupt,
            };
            assert!(error.into_value() == buf, "the value comes back");
            Err(why)
        }
    }
}

impl Reader for Side {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        Ok(put(&self.0.pop()?, buf))
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.0.try_pop().map(|value| put(&value, buf)).ok_or(CoreError::WouldBlock)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        let value = self.handle().pop_deadline(Some(deadline))?;
        Ok(put(&value, buf))
    }
}
