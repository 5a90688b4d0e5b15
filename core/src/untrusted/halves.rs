//! The halves that carry bytes, messages and values.

use super::end::End;
use super::sleeper::Sleeper;
#[cfg(not(loom))]
use super::words::Lane;
use super::words::Words;
use crate::Error;
use crate::plain::Plain;
use crate::sync::foreign::Foreign;
use crate::wait::{Spin, look_or_end};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// The words before each message, in bytes: its length.
const LENGTH: u32 = size_of::<u32>() as u32;

/// Defines a half: its type, how it is made, and that its drop closes it.
macro_rules! half {
    (
        $(#[$meta:meta])*
        $name:ident $(<$T:ident: $bound:ident>)?, sends: $sends:literal,
        mine: $mine:literal, theirs: $theirs:literal
    ) => {
        $(#[$meta])*
        pub struct $name<'m, $($T: $bound,)? S: Sleeper = Spin> {
            end: End<'m, $sends, S>,
            $(item: PhantomData<fn($T) -> $T>,)?
        }

        impl<'m, $($T: $bound,)? S: Sleeper> $name<'m, $($T,)? S> {
            /// This half of a fresh lane.
            ///
            /// Each half is made once for a lane.
            ///
            /// # Safety
            /// For `'m`, and for as long as `sleeper` exists:
            #[doc = concat!(
                "- `mine` points to memory of the lane's `", $mine, "`. It was zeroed, and only this \
                 half writes it.",
            )]
            #[doc = concat!(
                "- `theirs` points to memory of the lane's `", $theirs, "` that can be read. The peer \
                 may write it at any moment. This program accesses it only through this half.",
            )]
            /// - Both are aligned to [`Lane::ALIGN`].
            #[cfg(not(loom))]
            pub unsafe fn new(
                mine: NonNull<u8>,
                theirs: NonNull<u8>,
                lane: Lane,
                sleeper: S,
            ) -> Self {
                let sender = if $sends { mine } else { theirs };
                // SAFETY: the caller guarantees both pieces of memory for `'m`, aligned; both begin
                // with such words, which are atomics: any bytes are a value, and others may write.
                let words = [mine, theirs].map(|at| unsafe { at.cast::<Words>().as_ref() });
                // SAFETY: the sender's memory has the lane's bytes behind its words, as the caller
                // guarantees for `'m`.
                let at = unsafe { sender.add(size_of::<Words>()) };
                // SAFETY: the caller guarantees the bytes for `'m`, which only this half accesses.
                let data = unsafe { Foreign::new(at) };
                Self::over(words, data, lane.capacity() as u32, sleeper)
            }

            /// This half of a lane that a model made.
            #[cfg(loom)]
            pub fn new(
                words: [&'m Words; 2],
                bytes: &'m [crate::sync::native::AtomicU8],
                sleeper: S,
            ) -> Self {
                Self::over(words, Foreign(bytes), bytes.len() as u32, sleeper)
            }

            fn over(words: [&'m Words; 2], data: Foreign<'m>, capacity: u32, sleeper: S) -> Self {
                let end = End::new(words, data, capacity, sleeper);
                $name { end $(, item: PhantomData::<fn($T) -> $T>)? }
            }

            /// Whether the peer closed its half, or is dead.
            pub fn peer_is_gone(&self) -> bool {
                self.end.peer_closed()
            }
        }

        impl<$($T: $bound,)? S: Sleeper> Drop for $name<'_, $($T,)? S> {
            /// Closes this half for good.
            fn drop(&mut self) {
                self.end.close();
            }
        }

        impl<$($T: $bound,)? S: Sleeper> fmt::Debug for $name<'_, $($T,)? S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut out = f.debug_struct(stringify!($name));
                out.field("capacity", &self.end.capacity()).finish_non_exhaustive()
            }
        }
    };
}

half! {
    /// The half of a lane that writes bytes. Dropping it ends the stream.
    ///
    /// ```
    /// use ringway_core::untrusted::{Lane, Reader, Writer};
    /// use ringway_core::wait::Spin;
    /// use std::ptr::NonNull;
    /// # #[repr(align(64))]
    /// # struct Memory([u8; 192]);
    /// let lane = Lane::new(64).unwrap();
    /// // Between processes, each side maps the other's memory read-only.
    /// let (mut sending, mut receiving) = (Memory([0; 192]), Memory([0; 192]));
    /// let (sending, receiving) = (NonNull::from(&mut sending.0).cast(), NonNull::from(&mut receiving.0).cast());
    /// // SAFETY: both pieces are large enough, aligned and zeroed, and each has one half that writes.
    /// let (mut tx, mut rx) = unsafe {
    ///     (Writer::new(sending, receiving, lane, Spin), Reader::new(receiving, sending, lane, Spin))
    /// };
    /// assert_eq!(tx.try_write(b"hello")?, 5);
    /// let mut out = [0; 16];
    /// assert_eq!(rx.try_read(&mut out)?, 5);
    /// drop(tx);
    /// assert_eq!(rx.try_read(&mut out), Ok(0));
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    Writer, sends: true, mine: "sending_size", theirs: "receiving_size"
}

half! {
    /// The half of a lane that reads bytes: see [`Writer`].
    Reader, sends: false, mine: "receiving_size", theirs: "sending_size"
}

half! {
    /// The half of a lane that sends messages. Dropping it ends the stream.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::untrusted::{Lane, Receiver, Sender};
    /// use ringway_core::wait::Spin;
    /// use std::ptr::NonNull;
    /// # #[repr(align(64))]
    /// # struct Memory([u8; 192]);
    /// let lane = Lane::new(64).unwrap();
    /// let (mut sending, mut receiving) = (Memory([0; 192]), Memory([0; 192]));
    /// let (sending, receiving) = (NonNull::from(&mut sending.0).cast(), NonNull::from(&mut receiving.0).cast());
    /// // SAFETY: both pieces are large enough, aligned and zeroed, and each has one half that writes.
    /// let (mut tx, mut rx) = unsafe {
    ///     (Sender::new(sending, receiving, lane, Spin), Receiver::new(receiving, sending, lane, Spin))
    /// };
    /// assert_eq!(tx.try_send(&[7; 61]), Err(Error::MessageTooLarge { max: 60 }));
    /// tx.try_send(b"hello")?;
    /// assert_eq!(rx.try_recv(&mut [0; 4]), Err(Error::BufferTooSmall { needed: 5 }));
    /// let mut out = [0; 60];
    /// assert_eq!(rx.try_recv(&mut out), Ok(5));
    /// assert_eq!(rx.try_recv(&mut out), Err(Error::WouldBlock));
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    Sender, sends: true, mine: "sending_size", theirs: "receiving_size"
}

half! {
    /// The half of a lane that receives messages: see [`Sender`].
    Receiver, sends: false, mine: "receiving_size", theirs: "sending_size"
}

half! {
    /// The half of a lane that pushes values. Dropping it ends the stream.
    ///
    /// The lane holds as many values as fit into its bytes.
    ///
    /// ```
    /// use ringway_core::untrusted::{Consumer, Lane, Producer};
    /// use ringway_core::wait::Spin;
    /// use std::ptr::NonNull;
    /// # #[repr(align(64))]
    /// # struct Memory([u8; 192]);
    /// let lane = Lane::new(64).unwrap();
    /// let (mut sending, mut receiving) = (Memory([0; 192]), Memory([0; 192]));
    /// let (sending, receiving) = (NonNull::from(&mut sending.0).cast(), NonNull::from(&mut receiving.0).cast());
    /// // SAFETY: both pieces are large enough, aligned and zeroed, and each has one half that writes.
    /// let (mut tx, mut rx) = unsafe {
    ///     (Producer::new(sending, receiving, lane, Spin), Consumer::new(receiving, sending, lane, Spin))
    /// };
    /// tx.try_push([1_u16, 2])?;
    /// assert_eq!(rx.try_pop(), Ok([1_u16, 2]));
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    Producer<T: Plain>, sends: true, mine: "sending_size", theirs: "receiving_size"
}

half! {
    /// The half of a lane that pops values: see [`Producer`].
    Consumer<T: Plain>, sends: false, mine: "receiving_size", theirs: "sending_size"
}

/// What a receiving half's look answers, until there is nothing and nothing will come.
fn received<'m, S: Sleeper, R>(
    end: &mut End<'m, false, S>,
    mut look: impl FnMut(&mut End<'m, false, S>) -> Result<R, Error>,
    at_the_end: Result<R, Error>,
) -> Option<Result<R, Error>> {
    look_or_end(
        end,
        |end| match look(end) {
            Err(Error::WouldBlock) => None,
            answer => Some(answer),
        },
        |end| end.peer_closed().then_some(at_the_end),
    )
}

/// What a sending half's try answers, until there is no room.
fn sent<R>(tried: Result<R, Error>) -> Option<Result<R, Error>> {
    match tried {
        Err(Error::WouldBlock) => None,
        answer => Some(answer),
    }
}

impl<S: Sleeper> Writer<'_, S> {
    /// Writes as many of these bytes as there is room for, and returns their number.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room, [`Error::BrokenPipe`] when the reader is gone,
    /// [`Error::Corrupt`].
    pub fn try_write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        write(&mut self.end, bytes)
    }

    /// Writes at least one of these bytes, and returns how many; waits for room until `deadline`
    /// (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::BrokenPipe`] when the reader is gone, [`Error::Corrupt`].
    pub fn write_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Option<S::Deadline>,
    ) -> Result<usize, Error> {
        self.end.wait_until(deadline, |end| sent(write(end, bytes)))
    }
}

fn write<S: Sleeper>(end: &mut End<'_, true, S>, bytes: &[u8]) -> Result<usize, Error> {
    end.check()?;
    if end.peer_closed() {
        return Err(Error::BrokenPipe);
    }
    let wanted = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(end.capacity());
    let count = end.available(wanted)?.min(wanted);
    if count == 0 && wanted > 0 {
        return Err(Error::WouldBlock);
    }
    end.copy_in(0, bytes.get(..count as usize).unwrap_or(bytes));
    end.publish(count);
    Ok(count as usize)
}

impl<S: Sleeper> Reader<'_, S> {
    /// Reads what is there into `out`, and returns how many bytes; 0 at the end of the stream.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is nothing, [`Error::Corrupt`].
    pub fn try_read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        received(&mut self.end, |end| read(end, out), Ok(0)).unwrap_or(Err(Error::WouldBlock))
    }

    /// Reads at least one byte into `out`, and returns how many, or 0 at the end of the stream;
    /// waits until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Corrupt`].
    pub fn read_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<S::Deadline>,
    ) -> Result<usize, Error> {
        self.end.wait_until(deadline, |end| received(end, |end| read(end, out), Ok(0)))
    }
}

fn read<S: Sleeper>(end: &mut End<'_, false, S>, out: &mut [u8]) -> Result<usize, Error> {
    let wanted = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let count = end.available(wanted.min(end.capacity()))?.min(wanted);
    if count == 0 && wanted > 0 {
        return Err(Error::WouldBlock);
    }
    end.copy_out(0, out.get_mut(..count as usize).unwrap_or_default());
    end.publish(count);
    Ok(count as usize)
}

impl<S: Sleeper> Sender<'_, S> {
    /// The size of the largest message, in bytes.
    pub fn max_message(&self) -> usize {
        self.end.capacity().saturating_sub(LENGTH) as usize
    }

    /// Sends one message, which may be empty.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room for all of it, [`Error::MessageTooLarge`] when
    /// there never will be, [`Error::BrokenPipe`] when the receiver is gone, [`Error::Corrupt`].
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), Error> {
        send(&mut self.end, message)
    }

    /// Sends one message, which may be empty; waits for room until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of [`try_send`](Self::try_send) but for `WouldBlock`.
    pub fn send_deadline(
        &mut self,
        message: &[u8],
        deadline: Option<S::Deadline>,
    ) -> Result<(), Error> {
        self.end.wait_until(deadline, |end| sent(send(end, message)))
    }
}

fn send<S: Sleeper>(end: &mut End<'_, true, S>, message: &[u8]) -> Result<(), Error> {
    end.check()?;
    let max = end.capacity().saturating_sub(LENGTH) as usize;
    if message.len() > max {
        return Err(Error::MessageTooLarge { max });
    }
    let length = message.len() as u32;
    record(end, &length.to_ne_bytes(), message)
}

/// Sends two pieces as one record.
fn record<S: Sleeper>(
    end: &mut End<'_, true, S>,
    first: &[u8],
    second: &[u8],
) -> Result<(), Error> {
    if end.peer_closed() {
        return Err(Error::BrokenPipe);
    }
    let length = (first.len() + second.len()) as u32;
    if end.available(length)? < length {
        return Err(Error::WouldBlock);
    }
    end.copy_in(0, first);
    end.copy_in(first.len() as u32, second);
    end.publish(length);
    Ok(())
}

impl<S: Sleeper> Receiver<'_, S> {
    /// Copies the next message to the beginning of `out`, and returns its length.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none, [`Error::BufferTooSmall`] when `out` is smaller
    /// than the message, which then stays, [`Error::EndOfFile`] when the sender is gone and
    /// everything was received, [`Error::Corrupt`].
    pub fn try_recv(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        received(&mut self.end, |end| recv(end, out), Err(Error::EndOfFile))
            .unwrap_or(Err(Error::WouldBlock))
    }

    /// Copies the next message to the beginning of `out`, and returns its length; waits for one
    /// until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of [`try_recv`](Self::try_recv) but for `WouldBlock`.
    pub fn recv_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<S::Deadline>,
    ) -> Result<usize, Error> {
        self.end
            .wait_until(deadline, |end| received(end, |end| recv(end, out), Err(Error::EndOfFile)))
    }
}

fn recv<S: Sleeper>(end: &mut End<'_, false, S>, out: &mut [u8]) -> Result<usize, Error> {
    let there = end.available(LENGTH)?;
    if there == 0 {
        return Err(Error::WouldBlock);
    }
    // A sender publishes whole messages.
    let Some(most) = there.checked_sub(LENGTH) else { return Err(end.corrupt()) };
    let mut length = [0; LENGTH as usize];
    end.copy_out(0, &mut length);
    // From here on, a local: what the peer writes there now changes nothing.
    let length = u32::from_ne_bytes(length);
    if length > most {
        return Err(end.corrupt());
    }
    let needed = length as usize;
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
    end.copy_out(LENGTH, out);
    end.publish(length.wrapping_add(LENGTH));
    Ok(needed)
}

impl<T: Plain, S: Sleeper> Producer<'_, T, S> {
    /// Pushes one value.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room, [`Error::MessageTooLarge`] when a value is
    /// larger than the lane, [`Error::BrokenPipe`] when the consumer is gone, [`Error::Corrupt`].
    pub fn try_push(&mut self, value: T) -> Result<(), Error> {
        push(&mut self.end, &value)
    }

    /// Pushes one value; waits for room until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of [`try_push`](Self::try_push) but for `WouldBlock`.
    pub fn push_deadline(&mut self, value: T, deadline: Option<S::Deadline>) -> Result<(), Error> {
        self.end.wait_until(deadline, |end| sent(push(end, &value)))
    }
}

fn push<T: Plain, S: Sleeper>(end: &mut End<'_, true, S>, value: &T) -> Result<(), Error> {
    end.check()?;
    let max = end.capacity() as usize;
    if size_of::<T>() > max {
        return Err(Error::MessageTooLarge { max });
    }
    let value = core::ptr::from_ref(value).cast::<u8>();
    // SAFETY: it is a `T`, which is `Plain`: all of its bytes are initialized, and borrowed for as
    // long as the slice.
    let bytes = unsafe { core::slice::from_raw_parts(value, size_of::<T>()) };
    record(end, bytes, &[])
}

impl<T: Plain, S: Sleeper> Consumer<'_, T, S> {
    /// Pops the oldest value.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none, [`Error::EndOfFile`] when the producer is gone and
    /// everything was popped, [`Error::Corrupt`].
    pub fn try_pop(&mut self) -> Result<T, Error> {
        received(&mut self.end, pop, Err(Error::EndOfFile)).unwrap_or(Err(Error::WouldBlock))
    }

    /// Pops the oldest value; waits for one until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of [`try_pop`](Self::try_pop) but for `WouldBlock`.
    pub fn pop_deadline(&mut self, deadline: Option<S::Deadline>) -> Result<T, Error> {
        self.end.wait_until(deadline, |end| received(end, pop, Err(Error::EndOfFile)))
    }
}

fn pop<T: Plain, S: Sleeper>(end: &mut End<'_, false, S>) -> Result<T, Error> {
    let size = u32::try_from(size_of::<T>()).map_err(|_| Error::WouldBlock)?;
    let there = end.available(size)?;
    if there < size {
        // A producer publishes whole values.
        return Err(if there == 0 { Error::WouldBlock } else { end.corrupt() });
    }
    let mut value = MaybeUninit::<T>::zeroed();
    let at = value.as_mut_ptr().cast::<u8>();
    // SAFETY: it is the memory of `value`, zeroed above, and borrowed exclusively for as long as
    // the slice.
    let bytes = unsafe { core::slice::from_raw_parts_mut(at, size_of::<T>()) };
    end.copy_out(0, bytes);
    end.publish(size);
    // SAFETY: any bytes are a value of a `Plain` type.
    Ok(unsafe { value.assume_init() })
}
