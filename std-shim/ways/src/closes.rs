//! Halves of rings that close when they are dropped, as the ends of the other ways do.

use crate::{Failure, Result};
use crate::{Form, Reader, Writer};
use ringway::CoreError;
use ringway_core::ring::bytes::{self, ByteRingRef};
use ringway_core::ring::messages::{self, MessageRingRef};
use ringway_core::ring::{Consumer, Producer, PushError, Ring, RingRef};
use ringway_core::wait::Wait;
use std::mem::ManuallyDrop;
use std::time::Instant;

/// One half of a ring.
pub trait Close {
    /// Ends what this half sends or receives.
    fn close(self);
}

macro_rules! halves {
    ($([$($parameters:tt)*] $half:ty;)*) => {
        $(
            impl<$($parameters)*> Close for $half {
                fn close(self) {
                    <$half>::close(self);
                }
            }
        )*
    };
}

halves! {
    [R: RingRef] Producer<R>;
    [R: RingRef] Consumer<R>;
    [R: ByteRingRef] bytes::Producer<R>;
    [R: ByteRingRef] bytes::Consumer<R>;
    [R: MessageRingRef] messages::Sender<R>;
    [R: MessageRingRef] messages::Receiver<R>;
}

/// A half that closes when it is dropped.
pub struct Closes<H: Close>(ManuallyDrop<H>);

impl<H: Close> Closes<H> {
    /// Wraps `half`.
    pub fn new(half: H) -> Self {
        Closes(ManuallyDrop::new(half))
    }
}

impl<H: Close> Drop for Closes<H> {
    fn drop(&mut self) {
        // SAFETY: `drop` runs once and is the only place that takes the value; nothing uses it
        // afterwards.
        unsafe { ManuallyDrop::take(&mut self.0) }.close();
    }
}

/// A way of waiting that uses the system's clock, in any thread.
pub trait Sleeps: Wait<Deadline = Instant> + Send + Sync + 'static {}

impl<W: Wait<Deadline = Instant> + Send + Sync + 'static> Sleeps for W {}

impl<W: Sleeps, const N: usize> Writer for Closes<Producer<&'static Ring<Vec<u8>, N, W>>> {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        let (tx, value) = (&mut self.0, piece.to_vec());
        let pushed = match form {
            Form::Plain => tx.push(value),
            Form::Try if tx.ring().consumer_is_gone() => return Err(CoreError::BrokenPipe.into()),
            Form::Try => tx.try_push(value).map_err(|full| PushError::Full(full.0)),
            Form::Until(end) => tx.push_deadline(value, Some(end)),
        };
        sent(pushed, piece)
    }
}

/// Returns the number of bytes pushed. A failed push must have given the value back.
///
/// # Errors
/// The value was not pushed.
pub fn sent(pushed: std::result::Result<(), PushError<Vec<u8>>>, piece: &[u8]) -> Result<usize> {
    pushed.map(|()| piece.len()).map_err(|error| match error {
        PushError::Full(back) | PushError::Closed(back) | PushError::TimedOut(back)
            if back != piece =>
        {
            Failure::new("another value came back")
        }
        error => error.into(),
    })
}

/// Copies a received value into `into`; returns its length.
///
/// # Errors
/// `into` is too small.
pub fn put(value: &[u8], into: &mut [u8]) -> Result<usize> {
    let needed = value.len();
    let room = into.get_mut(..needed).ok_or(CoreError::BufferTooSmall { needed })?;
    room.copy_from_slice(value);
    Ok(needed)
}

impl<W: Sleeps, const N: usize> Reader for Closes<Consumer<&'static Ring<Vec<u8>, N, W>>> {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        let rx = &mut self.0;
        let value = match form {
            Form::Plain => rx.pop()?,
            Form::Until(end) => rx.pop_deadline(Some(end))?,
            Form::Try => {
                // Ask this first: the producer may push, then go.
                let over = rx.ring().producer_is_gone();
                let none = if over { CoreError::EndOfFile } else { CoreError::WouldBlock };
                rx.try_pop().ok_or(none)?
            }
        };
        put(&value, into)
    }
}

impl<R: ByteRingRef<Wake: Sleeps> + Send> Writer for Closes<bytes::Producer<R>> {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        let tx = &mut self.0;
        match form {
            Form::Plain => Ok(tx.write(piece)?),
            Form::Until(end) => Ok(tx.write_deadline(piece, Some(end))?),
            Form::Try if piece.is_empty() => Ok(0),
            Form::Try if tx.ring().consumer_is_gone() => Err(CoreError::BrokenPipe.into()),
            Form::Try => match tx.try_write(piece) {
                0 => Err(CoreError::WouldBlock.into()),
                n => Ok(n),
            },
        }
    }
}

impl<R: ByteRingRef<Wake: Sleeps> + Send> Reader for Closes<bytes::Consumer<R>> {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        let rx = &mut self.0;
        match form {
            Form::Plain => Ok(rx.read(into)?),
            Form::Until(end) => Ok(rx.read_deadline(into, Some(end))?),
            Form::Try => {
                // Ask this first: the producer may write, then go.
                let over = rx.ring().producer_is_gone();
                let n = rx.try_read(into);
                let none = n == 0 && !over && !into.is_empty();
                if none { Err(CoreError::WouldBlock.into()) } else { Ok(n) }
            }
        }
    }
}

impl<R: MessageRingRef<Wake: Sleeps> + Send> Writer for Closes<messages::Sender<R>> {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        let tx = &mut self.0;
        match form {
            Form::Plain => tx.send(piece)?,
            Form::Until(end) => tx.send_deadline(piece, Some(end))?,
            Form::Try if tx.ring().receiver_is_gone() => return Err(CoreError::BrokenPipe.into()),
            Form::Try => tx.try_send(piece)?,
        }
        Ok(piece.len())
    }
}

impl<R: MessageRingRef<Wake: Sleeps> + Send> Reader for Closes<messages::Receiver<R>> {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        let rx = &mut self.0;
        Ok(match form {
            Form::Plain => rx.recv(into)?,
            Form::Until(end) => rx.recv_deadline(into, Some(end))?,
            Form::Try => {
                // Ask this first: the sender may send, then go.
                let over = rx.ring().sender_is_gone();
                rx.try_recv(into).map_err(|error| match error {
                    CoreError::WouldBlock if over => CoreError::EndOfFile,
                    other => other,
                })?
            }
        })
    }
}
