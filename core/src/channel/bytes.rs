//! The forms of reading and of writing bytes, once for every end that has them: a pipe's and a
//! FIFO's, and a stream.

use crate::Error;

/// A byte stream says the end of file with a read of 0 bytes.
#[inline(always)]
pub(super) fn or_end(read: Result<usize, Error>) -> Result<usize, Error> {
    match read {
        Err(Error::EndOfFile) => Ok(0),
        other => other,
    }
}

/// The forms of reading, for an end whose `reader` is a pipe's, or says why it is none any more.
macro_rules! reading {
    ($End:ident) => {
        impl<'a, const N: usize, W: Wake> $End<'a, N, W> {
            /// Reads what there is, at most `out.len()` bytes, and returns how many; never waits. 0
            /// is the end of file (or an `out` of no bytes).
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when there is nothing now and a writer is there,
            /// [`Error::Reset`] when the connection was torn down.
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::pipe::Pipe;
            /// let mut pipe = Pipe::<8>::new();
            /// let (mut reader, mut writer) = pipe.split();
            /// let mut out = [0; 4];
            /// assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
            /// writer.try_write(b"hi").unwrap();
            /// drop(writer);
            /// assert_eq!(reader.try_read(&mut out), Ok(2));
            /// assert_eq!(reader.try_read(&mut out), Ok(0), "end of file");
            /// ```
            #[inline]
            pub fn try_read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
                or_end(self.reader().and_then(|half| now(half.attempt_read(out))))
            }

            /// Fills `out`, or reads nothing; never waits.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when there is less now, [`Error::EndOfFile`] when no more will
            /// come, [`Error::MessageTooLarge`] when `out` is longer than the channel's capacity,
            /// [`Error::Reset`].
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::pipe::Pipe;
            /// let mut pipe = Pipe::<8>::new();
            /// let (mut reader, mut writer) = pipe.split();
            /// let mut out = [0; 4];
            /// writer.try_write(b"fra").unwrap();
            /// assert_eq!(reader.try_read_exact(&mut out), Err(Error::WouldBlock));
            /// writer.try_write(b"me").unwrap();
            /// assert_eq!(reader.try_read_exact(&mut out), Ok(()));
            /// drop(writer);
            /// assert_eq!(reader.try_read_exact(&mut out), Err(Error::EndOfFile), "one byte is left");
            /// ```
            pub fn try_read_exact(&mut self, out: &mut [u8]) -> Result<(), Error> {
                now(self.reader()?.attempt_read_exact(out))
            }
        }

        impl<'a, const N: usize, W: Wait> $End<'a, N, W> {
            /// Reads at least one byte and what there is, at most `out.len()`; waits for one.
            /// Returns how many; 0 is the end of file.
            ///
            /// # Errors
            /// [`Error::Reset`] when the connection was torn down.
            pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
                self.read_deadline(out, None)
            }

            /// [`read`](Self::read), at most until `deadline` (`None`: for ever).
            ///
            /// # Errors
            /// [`Error::TimedOut`] when nothing came in time, [`Error::Reset`].
            pub fn read_deadline(
                &mut self,
                out: &mut [u8],
                deadline: Option<W::Deadline>,
            ) -> Result<usize, Error> {
                or_end(self.reader().and_then(|half| {
                    let bell = half.bell();
                    wait(deadline, || half.attempt_read(out).ok_or(bell))
                }))
            }

            /// Fills `out`; waits for as many bytes.
            ///
            /// # Errors
            /// [`Error::EndOfFile`] when no more will come, [`Error::Reset`]; what came before is
            /// read.
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::pipe::Pipe;
            /// let mut pipe = Pipe::<4>::new();
            /// let (mut reader, mut writer) = pipe.split();
            /// let mut out = [0; 9];
            /// std::thread::scope(|s| {
            ///     s.spawn(move || writer.write_all(b"more than fits"));
            ///     assert_eq!(reader.read_exact(&mut out), Ok(()));
            ///     assert_eq!(reader.read_exact(&mut out), Err(Error::EndOfFile));
            /// });
            /// ```
            pub fn read_exact(&mut self, mut out: &mut [u8]) -> Result<(), Error> {
                self.read_exact_deadline(&mut out, None)
            }

            /// [`read_exact`](Self::read_exact), at most until `deadline` (`None`: for ever). `out`
            /// moves past what was read, so that after an error it is what is missing.
            ///
            /// # Errors
            /// [`Error::TimedOut`] when it passed first, and those of
            /// [`read_exact`](Self::read_exact).
            pub fn read_exact_deadline(
                &mut self,
                out: &mut &mut [u8],
                deadline: Option<W::Deadline>,
            ) -> Result<(), Error> {
                let half = self.reader()?;
                let bell = half.bell();
                while !out.is_empty() {
                    let count = wait(deadline, || half.attempt_read(out).ok_or(bell))?;
                    *out = core::mem::take(out).get_mut(count..).unwrap_or_default();
                }
                Ok(())
            }
        }

        impl<'a, const N: usize, W: Register> $End<'a, N, W> {
            /// [`read`](Self::read) for a task: reads, or has the task woken when something may be
            /// there. Cancel-safe: what was not returned was not read.
            ///
            /// # Errors
            /// Those of [`read`](Self::read).
            pub fn poll_read(
                &mut self,
                cx: &mut Context<'_>,
                out: &mut [u8],
            ) -> Poll<Result<usize, Error>> {
                match self.reader() {
                    Ok(half) => {
                        let bell = half.bell();
                        poll(cx, || half.attempt_read(out).ok_or(bell)).map(or_end)
                    }
                    Err(error) => Poll::Ready(or_end(Err(error))),
                }
            }

            /// [`read`](Self::read) as a future. Cancel-safe: what was not returned was not read.
            ///
            /// # Errors
            /// Those of [`read`](Self::read).
            ///
            /// ```
            /// use ringway_core::channel::pipe::Pipe;
            /// use ringway_core::wait::{Async, Spin};
            /// use std::pin::pin;
            /// use std::task::{Context, Poll, Waker};
            /// let mut pipe = Pipe::<8, Async<Spin>>::new();
            /// let (mut reader, mut writer) = pipe.split();
            /// let mut out = [0; 8];
            /// let mut cx = Context::from_waker(Waker::noop());
            /// let mut read = pin!(reader.read_async(&mut out));
            /// assert!(read.as_mut().poll(&mut cx).is_pending());
            /// assert_eq!(pin!(writer.write_async(b"hello")).poll(&mut cx), Poll::Ready(Ok(5)));
            /// assert_eq!(read.poll(&mut cx), Poll::Ready(Ok(5)));
            /// ```
            pub fn read_async(
                &mut self,
                out: &mut [u8],
            ) -> impl Future<Output = Result<usize, Error>> {
                poll_fn(|cx| self.poll_read(cx, out))
            }

            /// [`read_exact`](Self::read_exact) as a future. Cancelled, it may have read a part.
            ///
            /// # Errors
            /// Those of [`read_exact`](Self::read_exact).
            pub fn read_exact_async(
                &mut self,
                mut out: &mut [u8],
            ) -> impl Future<Output = Result<(), Error>> {
                let mut half = self.reader();
                poll_fn(move |cx| {
                    let half = half.as_mut().map_err(|error| *error)?;
                    let bell = half.bell();
                    while !out.is_empty() {
                        match poll(cx, || half.attempt_read(out).ok_or(bell))? {
                            Poll::Ready(count) => {
                                out =
                                    core::mem::take(&mut out).get_mut(count..).unwrap_or_default();
                            }
                            Poll::Pending => return Poll::Pending,
                        }
                    }
                    Poll::Ready(Ok(()))
                })
            }
        }
    };
}

/// The forms of writing, for an end whose `writer` is a pipe's, or says why it is none any more. It
/// writes all or nothing of what `is_atomic`.
macro_rules! writing {
    ($End:ident) => {
        impl<'a, const N: usize, W: Wake> $End<'a, N, W> {
            /// Writes as many of `bytes` as there is room for, at least one, and returns how many;
            /// never waits. A pipe's and a FIFO's writer puts at most
            /// [`Pipe::ATOMIC`](crate::channel::pipe::Pipe::ATOMIC) bytes in all or not at all.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when there is no room now, or another writer writes;
            /// [`Error::BrokenPipe`] when nobody reads any more, or this side ended its sending.
            /// Nothing was written then.
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::pipe::Pipe;
            /// let mut pipe = Pipe::<8>::new();
            /// let (reader, mut writer) = pipe.split();
            /// assert_eq!(writer.try_write(b"12345"), Ok(5));
            /// assert_eq!(writer.try_write(b"6789"), Err(Error::WouldBlock), "all or nothing");
            /// assert_eq!(writer.try_write(b"678901234"), Ok(3), "longer than ATOMIC: what fits");
            /// drop(reader);
            /// assert_eq!(writer.try_write(b"x"), Err(Error::BrokenPipe));
            /// ```
            #[inline]
            pub fn try_write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                now(self.writer()?.attempt_write(bytes, Self::is_atomic(bytes)))
            }

            /// Writes all of `bytes`, or nothing; never waits.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when there is no room for all of it now,
            /// [`Error::MessageTooLarge`] when it is longer than the channel's capacity,
            /// [`Error::BrokenPipe`].
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::socket::Connection;
            /// let mut pair = Connection::<4>::new();
            /// let (mut here, _there) = pair.split();
            /// assert_eq!(here.try_write_all(b"12345"), Err(Error::MessageTooLarge { max: 4 }));
            /// assert_eq!(here.try_write_all(b"123"), Ok(()));
            /// assert_eq!(here.try_write_all(b"45"), Err(Error::WouldBlock));
            /// ```
            pub fn try_write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
                if bytes.len() > N {
                    return Err(Error::MessageTooLarge { max: N });
                }
                now(self.writer()?.attempt_write(bytes, true)).map(drop)
            }
        }

        impl<'a, const N: usize, W: Wait> $End<'a, N, W> {
            /// [`try_write`](Self::try_write) that waits for room.
            ///
            /// # Errors
            /// [`Error::BrokenPipe`] when nobody reads any more, or this side ended its sending.
            pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                self.write_deadline(bytes, None)
            }

            /// [`write`](Self::write), at most until `deadline` (`None`: for ever).
            ///
            /// # Errors
            /// [`Error::TimedOut`] when there was no room in time, [`Error::BrokenPipe`]; nothing
            /// was written then.
            pub fn write_deadline(
                &mut self,
                bytes: &[u8],
                deadline: Option<W::Deadline>,
            ) -> Result<usize, Error> {
                let (half, whole) = (self.writer()?, Self::is_atomic(bytes));
                let bell = half.bell();
                wait(deadline, || half.attempt_write(bytes, whole).ok_or(bell))
            }

            /// Writes all of `bytes`; waits for room.
            ///
            /// # Errors
            /// [`Error::BrokenPipe`] when nobody reads any more, or this side ended its sending; a
            /// part may have been written.
            pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
                self.write_all_deadline(&mut bytes, None)
            }

            /// [`write_all`](Self::write_all), at most until `deadline` (`None`: for ever). `bytes`
            /// moves past what was written, so that after an error it is what is left.
            ///
            /// # Errors
            /// [`Error::TimedOut`] when it passed first, [`Error::BrokenPipe`].
            ///
            /// ```
            /// use ringway_core::Error;
            /// use ringway_core::channel::pipe::Pipe;
            /// use ringway_core::wait::{Clock, SpinClock};
            /// struct Stopped;
            /// impl Clock for Stopped {
            ///     fn now() -> u64 {
            ///         100
            ///     }
            /// }
            /// let mut pipe = Pipe::<4, SpinClock<Stopped>>::new();
            /// let (_reader, mut writer) = pipe.split();
            /// let mut left = &b"more than fits"[..];
            /// assert_eq!(writer.write_all_deadline(&mut left, Some(50)), Err(Error::TimedOut));
            /// assert_eq!(left, b" than fits");
            /// ```
            pub fn write_all_deadline(
                &mut self,
                bytes: &mut &[u8],
                deadline: Option<W::Deadline>,
            ) -> Result<(), Error> {
                let (half, whole) = (self.writer()?, Self::is_atomic(bytes));
                let bell = half.bell();
                while !bytes.is_empty() {
                    let count = wait(deadline, || half.attempt_write(bytes, whole).ok_or(bell))?;
                    *bytes = bytes.get(count..).unwrap_or_default();
                }
                Ok(())
            }
        }

        impl<'a, const N: usize, W: Register> $End<'a, N, W> {
            /// [`write`](Self::write) for a task: writes, or has the task woken when there may be
            /// room. Cancel-safe: what was not returned was not written.
            ///
            /// As many tasks can wait to write to one pipe as its bells have places for, see
            /// [`Async`](crate::wait::Async).
            ///
            /// # Errors
            /// Those of [`write`](Self::write).
            pub fn poll_write(
                &mut self,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<Result<usize, Error>> {
                let (half, whole) = (self.writer()?, Self::is_atomic(bytes));
                let bell = half.bell();
                poll(cx, || half.attempt_write(bytes, whole).ok_or(bell))
            }

            /// [`write`](Self::write) as a future. Cancel-safe: what was not returned was not
            /// written.
            ///
            /// # Errors
            /// Those of [`write`](Self::write).
            pub fn write_async(
                &mut self,
                bytes: &[u8],
            ) -> impl Future<Output = Result<usize, Error>> {
                poll_fn(|cx| self.poll_write(cx, bytes))
            }

            /// [`write_all`](Self::write_all) as a future. Cancelled, it may have written a part.
            ///
            /// # Errors
            /// Those of [`write_all`](Self::write_all).
            pub fn write_all_async(
                &mut self,
                mut bytes: &[u8],
            ) -> impl Future<Output = Result<(), Error>> {
                let (mut half, whole) = (self.writer(), Self::is_atomic(bytes));
                poll_fn(move |cx| {
                    let half = half.as_mut().map_err(|error| *error)?;
                    let bell = half.bell();
                    while !bytes.is_empty() {
                        match poll(cx, || half.attempt_write(bytes, whole).ok_or(bell))? {
                            Poll::Ready(count) => bytes = bytes.get(count..).unwrap_or_default(),
                            Poll::Pending => return Poll::Pending,
                        }
                    }
                    Poll::Ready(Ok(()))
                })
            }
        }
    };
}

pub(super) use {reading, writing};
