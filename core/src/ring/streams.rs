//! Rings and broadcasts as a [`Stream`] and a [`Sink`] of values.
//!
//! The stream ends where `pop` and `recv` would say that nothing comes any more. `Sink::close` does
//! nothing: `Producer::close`, or dropping the half of an owner, ends the stream.
//!
//! ```
//! use futures_core::Stream;
//! use futures_sink::Sink;
//! use ringway_core::Error;
//! use ringway_core::ring::Ring;
//! use ringway_core::wait::Async;
//! use std::pin::Pin;
//! use std::task::{Context, Poll, Waker};
//! let mut ring = Ring::<u8, 1, Async>::new();
//! let (mut producer, mut consumer) = ring.split();
//! let mut cx = Context::from_waker(Waker::noop());
//! assert_eq!(Pin::new(&mut producer).poll_ready(&mut cx), Poll::Ready(Ok(())));
//! assert_eq!(Pin::new(&mut producer).start_send(7), Ok(()));
//! assert_eq!(Pin::new(&mut producer).start_send(8), Err(Error::WouldBlock)); // it was not ready
//! assert_eq!(Pin::new(&mut consumer).poll_next(&mut cx), Poll::Ready(Some(Ok(7))));
//! assert!(Pin::new(&mut consumer).poll_next(&mut cx).is_pending());
//! producer.close();
//! assert_eq!(Pin::new(&mut consumer).poll_next(&mut cx), Poll::Ready(None));
//! ```

use super::broadcast::{BroadcastRef, Reader, RecvError};
use super::{Consumer, Producer, RingRef};
use crate::Error;
use crate::wait::Register;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;
use futures_sink::Sink;

impl<R: RingRef<Wake: Register>> Stream for Consumer<R>
where
    Self: Unpin,
{
    type Item = Result<R::Value, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_pop(cx).map(|found| match found {
            Err(Error::EndOfFile) => None,
            found => Some(found),
        })
    }
}

impl<R: BroadcastRef<Wake: Register>> Stream for Reader<R>
where
    Self: Unpin,
{
    type Item = Result<R::Value, RecvError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_message(cx).map(|found| match found {
            Err(RecvError::EndOfFile) => None,
            found => Some(found),
        })
    }
}

impl<R: RingRef<Wake: Register>> Sink<R::Value> for Producer<R>
where
    Self: Unpin,
{
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_room(cx)
    }

    /// Pushes the value. Without room, which `poll_ready` tells, it is dropped:
    /// [`Error::WouldBlock`].
    fn start_send(self: Pin<&mut Self>, value: R::Value) -> Result<(), Error> {
        self.get_mut().try_push(value).map_err(|_| Error::WouldBlock)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}
