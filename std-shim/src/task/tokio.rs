//! Ends under tokio.

use super::answer::{WATCH, refused, tried};
use crate::pipe::{Reader, Writer};
use crate::serial::Port;
use crate::socket::{Family, Socket, Stream};
use crate::{CoreError, Error, Result, fd};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::runtime::Handle;

/// An end of the system that tokio watches: see the [module](super).
///
/// Any number of tasks can wait in its futures at a time. One task for each direction can use
/// [`AsyncRead`] and [`AsyncWrite`].
///
/// It watches a descriptor of its own, a duplicate of the end's. Dropping it drops the end.
///
/// ```
/// use ringway::socket::UnixSeqpacket;
/// use ringway::task::Tokio;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
/// # runtime.block_on(async {
/// let (ours, theirs) = UnixSeqpacket::pair()?;
/// let (ours, theirs) = (Tokio::new(ours)?, Tokio::new(theirs)?);
/// let mut message = [0; 16];
/// let received = ours.read_with(|end| end.try_recv(&mut message));
/// let sent = theirs.write_with(|end| end.try_send(b"hello"));
/// let (size, sent) = tokio::join!(received, sent);
/// sent?;
/// assert_eq!(&message[..size?], b"hello");
/// # Ok::<(), ringway::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Tokio<T> {
    watched: AsyncFd<OwnedFd>,
    end: T,
}

impl<T: AsFd> Tokio<T> {
    /// Has the current runtime watch the end.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] outside of a runtime, or in one without I/O (`enable_io`);
    /// [`CoreError::Exhausted`] when there is no descriptor left or the system watches no more;
    /// `EPERM` for a file that is always ready.
    pub fn new(end: T) -> Result<Self> {
        let none = |hint| Error::new(WATCH, CoreError::NotFound).because(hint);
        if Handle::try_current().is_err() {
            return Err(none(
                "there is no tokio runtime here: call it in a task, or Handle::enter",
            ));
        }
        let watched = fd::duplicate(&end)?;
        // Unsound for what may close its descriptor, or refer to another one: an `OwnedFd` that
        // nobody else has does not. Newer versions have an unsafe function of another name.
        #[allow(deprecated)]
        let watch = || AsyncFd::new(watched);
        // tokio panics where the runtime has no I/O, and nobody can ask whether it has.
        match catch_unwind(AssertUnwindSafe(watch)) {
            Ok(watched) => Ok(Tokio { watched: watched.map_err(refused)?, end }),
            Err(_) => Err(none("the tokio runtime here has no I/O: build it with enable_io")),
        }
    }
}

impl<T> Tokio<T> {
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
    /// Those of `attempt`; [`CoreError::Closed`] when the runtime ended.
    pub async fn read_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        let attempt = |_: &OwnedFd| tried(attempt(&self.end));
        self.watched.async_io(Interest::READABLE, attempt).await.map_err(refused)?
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
        let attempt = |_: &OwnedFd| tried(attempt(&mut self.end));
        self.watched.async_io(Interest::READABLE, attempt).await.map_err(refused)?
    }

    /// Awaits that `attempt`, which gives something out, does not return
    /// [`WouldBlock`](CoreError::WouldBlock) any more; returns what it returned.
    ///
    /// Dropped while it waits, it has given nothing: see [giving up](super#giving-up).
    ///
    /// # Errors
    /// Those of [`read_with`](Self::read_with).
    pub async fn write_with<R>(&self, mut attempt: impl FnMut(&T) -> Result<R>) -> Result<R> {
        let attempt = |_: &OwnedFd| tried(attempt(&self.end));
        self.watched.async_io(Interest::WRITABLE, attempt).await.map_err(refused)?
    }

    fn poll_in(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        read: impl Fn(&T, &mut [u8]) -> Result<usize>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.watched.poll_read_ready(cx))?;
            let answer = guard.try_io(|_| tried(read(&self.end, buf.initialize_unfilled())));
            // Otherwise the end was not ready after all, and the guard has said so.
            if let Ok(answer) = answer {
                let size = answer??;
                buf.advance(size);
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_out(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        write: impl Fn(&T, &[u8]) -> Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.watched.poll_write_ready(cx))?;
            if let Ok(answer) = guard.try_io(|_| tried(write(&self.end, buf))) {
                return Poll::Ready(Ok(answer??));
            }
        }
    }
}

/// The byte streams, each with its functions for the two directions, and what ends its sending.
macro_rules! streams {
    (@read [$($of:tt)*] $End:ty, $read:expr) => {
        impl $($of)* AsyncRead for Tokio<$End> {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.poll_in(cx, buf, $read)
            }
        }
    };
    (@write [$($of:tt)*] $End:ty, $write:expr, $end:expr) => {
        impl $($of)* AsyncWrite for Tokio<$End> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_out(cx, buf, $write)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
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
