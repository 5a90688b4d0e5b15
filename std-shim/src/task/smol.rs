//! Ends on the reactor of smol, which runs under any executor.

use super::answer::{refused, tried};
use crate::pipe::{Reader, Writer};
use crate::serial::Port;
use crate::socket::{Family, Socket, Stream};
use crate::{Result, fd};
use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An end of the system that the reactor of smol watches: see the [module](super).
///
/// The reactor is a thread of the crate `async-io`; it needs no runtime around it, and runs under
/// any. Any number of tasks can wait in the futures at a time. One task for each direction can use
/// [`AsyncRead`] and [`AsyncWrite`].
///
/// It watches a descriptor of its own, a duplicate of the end's. Dropping it drops the end.
///
/// ```
/// use ringway::socket::UnixSeqpacket;
/// use ringway::task::Smol;
/// # async_io::block_on(async {
/// let (ours, theirs) = UnixSeqpacket::pair()?;
/// let (ours, theirs) = (Smol::new(ours)?, Smol::new(theirs)?);
/// theirs.write_with(|end| end.try_send(b"hello")).await?;
/// let mut message = [0; 16];
/// let size = ours.read_with(|end| end.try_recv(&mut message)).await?;
/// assert_eq!(&message[..size], b"hello");
/// # Ok::<(), ringway::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Smol<T> {
    watched: Async<OwnedFd>,
    end: T,
}

impl<T: AsFd> Smol<T> {
    /// Has the reactor watch the end.
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when there is no descriptor left or
    /// the system watches no more; `EPERM` for a file that is always ready.
    pub fn new(end: T) -> Result<Self> {
        let watched = fd::duplicate(&end)?;
        Ok(Smol { watched: Async::new_nonblocking(watched).map_err(refused)?, end })
    }
}

impl<T> Smol<T> {
    /// The end itself.
    pub fn get_ref(&self) -> &T {
        &self.end
    }

    /// The end itself, no longer watched.
    pub fn into_inner(self) -> T {
        self.end
    }

    /// Awaits that `attempt`, which takes something in, does not return
    /// [`WouldBlock`](crate::CoreError::WouldBlock) any more; returns what it returned.
    ///
    /// Dropped while it waits, it has taken nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of `attempt`.
    pub async fn read_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        self.watched.read_with(|_| tried(attempt(&self.end))).await.map_err(refused)?
    }

    /// [`read_with`](Self::read_with) for an attempt that changes the end, such as a
    /// [`Dispatcher`](crate::signal::Dispatcher)'s.
    ///
    /// Dropped while it waits, it has taken nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of [`read_with`](Self::read_with).
    pub async fn read_with_mut<R>(
        &mut self,
        mut attempt: impl FnMut(&mut T) -> Result<R>,
    ) -> Result<R> {
        self.watched.read_with(|_| tried(attempt(&mut self.end))).await.map_err(refused)?
    }

    /// Awaits that `attempt`, which gives something out, does not return
    /// [`WouldBlock`](crate::CoreError::WouldBlock) any more; returns what it returned.
    ///
    /// Dropped while it waits, it has given nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of `attempt`.
    pub async fn write_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        self.watched.write_with(|_| tried(attempt(&self.end))).await.map_err(refused)?
    }

    fn poll_in(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&T) -> Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match tried(read(&self.end)) {
                Ok(answer) => return Poll::Ready(answer.map_err(io::Error::from)),
                Err(_) => ready!(self.watched.poll_readable(cx))?,
            }
        }
    }

    fn poll_out(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&T) -> Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match tried(write(&self.end)) {
                Ok(answer) => return Poll::Ready(answer.map_err(io::Error::from)),
                Err(_) => ready!(self.watched.poll_writable(cx))?,
            }
        }
    }
}

/// The byte streams, each with its functions for the two directions, and what ends its sending.
macro_rules! streams {
    (@read [$($of:tt)*] $End:ty, $read:expr) => {
        impl $($of)* AsyncRead for Smol<$End> {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let read: fn(&$End, &mut [u8]) -> Result<usize> = $read;
                self.poll_in(cx, |end| read(end, buf))
            }
        }
    };
    (@write [$($of:tt)*] $End:ty, $write:expr, $end:expr) => {
        impl $($of)* AsyncWrite for Smol<$End> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                let write: fn(&$End, &[u8]) -> Result<usize> = $write;
                self.poll_out(cx, |end| write(end, buf))
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let end: fn(&$End) -> Result<()> = $end;
                Poll::Ready(Ok(end(&self.end)?))
            }
        }
    };
}

streams!(@read [] Reader, |end, buf| end.try_read(buf));
streams!(@write [] Writer, |end, buf| end.try_write(buf), |_| Ok(()));
streams!(@read [] Port, |end, buf| fd::try_read(end, buf));
streams!(@write [] Port, |end, buf| fd::try_write(end, buf), |_| Ok(()));
streams!(@read [<F: Family>] Socket<F, Stream>, |end, buf| end.try_read(buf));
streams!(@write [<F: Family>] Socket<F, Stream>, |end, buf| end.try_write(buf), |end| end.shutdown(Shutdown::Write));
