//! `ring::queue::Queue`: each message is a value that moves, and there is any number of writers. A
//! side is not told when the other side is gone.

use super::Promises;
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::participant::Participant;
use ringway_core::ring::PushError;
use ringway_core::ring::queue::{Handle, Queue};
use ringway_ways::closes::{put, sent};
use ringway_ways::memory::leak;
use ringway_ways::{End, Form, Reader, Result, Writer};

/// Not a power of two, which is the more general case of counting.
const CAPACITY: usize = 13;

pub const fn promises(values: Promises) -> Promises {
    Promises { several_writers: true, end: false, ..values }
}

/// Two queues, one each way.
pub fn pair() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Queue::new()));
    Ok((End::new(Side(back), Side(there)), End::new(Side(there), Side(back))))
}

/// A half that pushes or pops.
struct Side(&'static Queue<Vec<u8>, CAPACITY, PrivateFutex>);

impl Side {
    fn handle(&self) -> Handle<'_, Vec<u8>, PrivateFutex> {
        self.0.handle(Participant::LOCAL)
    }
}

impl Writer for Side {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        let value = piece.to_vec();
        let pushed: std::result::Result<(), PushError<_>> = match form {
            Form::Plain => self.0.push(value),
            Form::Try => self.0.try_push(value),
            Form::Until(end) => self.handle().push_deadline(value, Some(end)),
        };
        sent(pushed, piece)
    }

    fn another(&self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Side(self.0)))
    }
}

impl Reader for Side {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        let value = match form {
            Form::Plain => self.0.pop()?,
            Form::Try => self.0.try_pop().ok_or(CoreError::WouldBlock)?,
            Form::Until(end) => {
                let value = self.handle().pop_deadline(Some(end))?;
                return put(&value, into);
            }
        };
        put(&value, into)
    }
}
