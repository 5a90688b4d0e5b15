//! The methods that read and write bytes, shared by the ends of pipes and FIFOs and by streams.

use crate::Error;

/// Turns the end of file into a read of 0 bytes, as byte streams report it.
#[inline(always)]
pub(super) fn or_end(read: Result<usize, Error>) -> Result<usize, Error> {
    match read {
        Err(Error::EndOfFile) => Ok(0),
        other => other,
    }
}

/// Implements every form of reading for `$End`.
///
/// `$End` has a method `reader`, which returns a pipe's reader or says why this end cannot read.
macro_rules! reading {
    ($End:ident) => {
        impl<'a, const N: usize, W: Wake> $End<'a, N, W> {
            /// Reads what is there, at most `out.len()` bytes, and returns how many; never waits.
            ///
            /// 0 is the end of file, or `out` is empty.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when nothing is there now and a writer exists,
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

            /// Reads exactly `out.len()` bytes, or nothing; never waits.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when fewer bytes are there now, [`Error::EndOfFile`] when no
            /// more will come, [`Error::MessageTooLarge`] when `out` is longer than the channel's
            /// capacity, [`Error::Reset`].
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
            /// Waits for at least one byte, then reads what is there, at most `out.len()` bytes.
            ///
            /// Returns how many bytes it read. 0 is the end of file, or `out` is empty.
            ///
            /// # Errors
            /// [`Error::Reset`] when the connection was torn down.
            pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
                self.read_deadline(out, None)
            }

            /// Does [`read`](Self::read), waiting at most until `deadline` (`None`: for ever).
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

            /// Fills `out`; waits until that many bytes have come.
            ///
            /// # Errors
            /// [`Error::EndOfFile`] when no more will come, [`Error::Reset`] when the connection
            /// was torn down. Bytes that came before the error are read, and are in `out`.
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

            /// Does [`read_exact`](Self::read_exact), waiting at most until `deadline` (`None`: for
            /// ever).
            ///
            /// `out` advances past the bytes that were read. After an error it is the part still
            /// missing.
            ///
            /// # Errors
            /// [`Error::TimedOut`] when `deadline` passed first, and those of
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
            /// Does [`read`](Self::read) for a task: reads, or registers the task to be woken.
            ///
            /// Cancel-safe: bytes that were not returned were not read.
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

            /// Does [`read`](Self::read) as a future.
            ///
            /// Cancel-safe: bytes that were not returned were not read.
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

            /// Does [`read_exact`](Self::read_exact) as a future.
            ///
            /// If cancelled, it may have read a part.
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

/// Implements every form of writing for `$End`.
///
/// `$End` has a method `writer`, which returns a pipe's writer or says why this end cannot write.
/// It writes all or nothing of bytes that `is_atomic` accepts.
macro_rules! writing {
    ($End:ident) => {
        impl<'a, const N: usize, W: Wake> $End<'a, N, W> {
            /// Writes as many of `bytes` as fit, at least one, and returns how many; never waits.
            ///
            /// A writer of a pipe or a FIFO writes up to
            /// [`Pipe::ATOMIC`](crate::channel::pipe::Pipe::ATOMIC) bytes all or nothing. Writing
            /// no bytes returns 0.
            ///
            /// # Errors
            /// [`Error::WouldBlock`] when there is no room now, or another writer is writing;
            /// [`Error::BrokenPipe`] when the reader is closed, or this side ended its sending.
            /// After an error, nothing was written.
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
            /// [`Error::WouldBlock`] when there is no room for all of it now, or another writer is
            /// writing; [`Error::MessageTooLarge`] when it is longer than the channel's capacity;
            /// [`Error::BrokenPipe`] when the reader is closed, or this side ended its sending.
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
            /// Waits for room, then writes as [`try_write`](Self::try_write) does.
            ///
            /// # Errors
            /// [`Error::BrokenPipe`] when the reader is closed, or this side ended its sending.
            pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                self.write_deadline(bytes, None)
            }

            /// Does [`write`](Self::write), waiting at most until `deadline` (`None`: for ever).
            ///
            /// # Errors
            /// [`Error::TimedOut`] when there was no room in time, and those of
            /// [`write`](Self::write). After an error, nothing was written.
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
            /// [`Error::BrokenPipe`] when the reader is closed, or this side ended its sending.
            /// After an error, a part may have been written.
            pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
                self.write_all_deadline(&mut bytes, None)
            }

            /// Does [`write_all`](Self::write_all), waiting at most until `deadline` (`None`: for
            /// ever).
            ///
            /// `bytes` advances past the bytes that were written. After an error it is the part
            /// still to write.
            ///
            /// # Errors
            /// [`Error::TimedOut`] when `deadline` passed first, and those of
            /// [`write_all`](Self::write_all).
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
            /// Does [`write`](Self::write) for a task: writes, or registers the task to be woken.
            ///
            /// Cancel-safe: bytes that were not returned as written were not written.
            ///
            /// At most as many tasks can wait to write to one pipe as its doorbell has places, see
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

            /// Does [`write`](Self::write) as a future.
            ///
            /// Cancel-safe: bytes that were not returned as written were not written.
            ///
            /// # Errors
            /// Those of [`write`](Self::write).
            pub fn write_async(
                &mut self,
                bytes: &[u8],
            ) -> impl Future<Output = Result<usize, Error>> {
                poll_fn(|cx| self.poll_write(cx, bytes))
            }

            /// Does [`write_all`](Self::write_all) as a future.
            ///
            /// If cancelled, it may have written a part.
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
