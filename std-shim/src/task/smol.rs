//! Ends on the reactor of smol, which runs under any executor.

use super::answer::refused;
use crate::pipe::{Reader, Writer};
use crate::serial::Port;
use crate::socket::{Family, Socket, Stream};
use crate::{CoreError, Result, fd};
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
    /// [`CoreError::Exhausted`] when there is no descriptor left or the system watches no more;
    /// `EPERM` for a file that is always ready.
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
    /// [`WouldBlock`](CoreError::WouldBlock) any more; returns what it returned.
    ///
    /// Dropped while it waits, it has taken nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of `attempt`.
    pub async fn read_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        loop {
            match attempt(&self.end) {
                Err(error) if error.is(CoreError::WouldBlock) => {
                    self.watched.readable().await.map_err(refused)?;
                }
                answer => return answer,
            }
        }
    }

    /// [`read_with`](Self::read_with) for an attempt that changes the end, such as a
    /// [`Dispatcher`](crate::signal::Dispatcher)'s.
    ///
    /// # Errors
    /// Those of [`read_with`](Self::read_with).
    pub async fn read_with_mut<R>(
        &mut self,
        mut attempt: impl FnMut(&mut T) -> Result<R>,
    ) -> Result<R> {
        loop {
            match attempt(&mut self.end) {
                Err(error) if error.is(CoreError::WouldBlock) => {
                    self.watched.readable().await.map_err(refused)?;
                }
                answer => return answer,
            }
        }
    }

    /// Awaits that `attempt`, which gives something out, does not return
    /// [`WouldBlock`](CoreError::WouldBlock) any more; returns what it returned.
    ///
    /// Dropped while it waits, it has given nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of `attempt`.
    pub async fn write_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        loop {
            match attempt(&self.end) {
                Err(error) if error.is(CoreError::WouldBlock) => {
                    self.watched.writable().await.map_err(refused)?;
                }
                answer => return answer,
            }
        }
    }
}

/// The answer of an attempt, or `None` if it would wait.
fn unless_it_waits(answer: Result<usize>) -> Option<io::Result<usize>> {
    match answer {
        Err(error) if error.is(CoreError::WouldBlock) => None,
        answer => Some(answer.map_err(io::Error::from)),
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
                loop {
                    if let Some(answer) = unless_it_waits(read(&self.end, buf)) {
                        return Poll::Ready(answer);
                    }
                    ready!(self.watched.poll_readable(cx))?;
                }
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
                loop {
                    if let Some(answer) = unless_it_waits(write(&self.end, buf)) {
                        return Poll::Ready(answer);
                    }
                    ready!(self.watched.poll_writable(cx))?;
                }
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
