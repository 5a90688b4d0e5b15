//! The newest value, or the last values, for a peer that is not trusted.

use super::end::End;
use super::sleeper::Sleeper;
use super::words::Words;
use crate::participant::Participant;
use crate::plain::Plain;
use crate::ring::broadcast::{self, BroadcastView, RecvError};
use crate::storage::InMemory;
use crate::sync::foreign::Foreign;
use crate::wait::{Spin, look_or_end};
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

/// The side that publishes values, each for everybody, without waiting for anybody.
///
/// The memory that it writes contains a [`Broadcast`](broadcast::Broadcast). Dropping it ends the
/// stream.
///
/// ```
/// use ringway_core::untrusted::{Publisher, Subscriber, Words};
/// use ringway_core::wait::Spin;
/// use std::ptr::NonNull;
/// # #[repr(align(128))]
/// # struct Memory([u8; 512]);
/// let size = Publisher::<u32>::size(4).unwrap();
/// let (mut sending, mut receiving) = (Memory([0; 512]), Memory([0; 512]));
/// assert!(size <= 512 && size_of::<Words>() <= 512);
/// let (sending, receiving) = (NonNull::from(&mut sending.0).cast(), NonNull::from(&mut receiving.0).cast());
/// // SAFETY: both pieces are large enough, aligned and zeroed, and each has one side that writes.
/// let (mut tx, mut rx) = unsafe {
///     (Publisher::<u32>::new(sending, receiving, 4, Spin), Subscriber::<u32>::new(receiving, sending, 4, Spin))
/// };
/// let (tx, rx) = (tx.as_mut().unwrap(), rx.as_mut().unwrap());
/// (1..=3).for_each(|value| tx.publish(&value));
/// assert_eq!(rx.try_recv(), Ok(Some(1)));
/// assert_eq!(rx.newest(), Some(3));
/// ```
pub struct Publisher<'m, T: Plain, S: Sleeper = Spin> {
    writer: broadcast::Writer<&'m BroadcastView<T>>,
    // The last field: it keeps the memory.
    end: End<'m, true, S>,
}

/// The side that receives what a [`Publisher`] publishes.
pub struct Subscriber<'m, T: Plain, S: Sleeper = Spin> {
    reader: broadcast::Reader<&'m BroadcastView<T>>,
    // The last field: it keeps the memory.
    end: End<'m, false, S>,
}

/// How often [`Subscriber::newest`] tries to copy a value while the peer writes others.
const TRIES: usize = 4;

/// The layout of the publisher's memory, and the offset of the broadcast.
fn layout<T: Plain>(capacity: usize) -> Option<(Layout, usize)> {
    Layout::new::<Words>().extend(BroadcastView::<T>::layout(capacity)?).ok()
}

/// The words of both sides, and the broadcast, whose publisher has `sending`.
///
/// # Safety
/// As for [`Publisher::new`].
unsafe fn parts<'m, T: Plain>(
    sending: NonNull<u8>,
    receiving: NonNull<u8>,
    capacity: usize,
) -> Option<([&'m Words; 2], &'m BroadcastView<T>)> {
    let (_, offset) = layout::<T>(capacity)?;
    // SAFETY: the caller guarantees both pieces of memory for `'m`, aligned; both begin with such
    // words, which are atomics: any bytes are a value, and others may write.
    let words = [sending, receiving].map(|at| unsafe { at.cast::<Words>().as_ref() });
    // SAFETY: the publisher's memory is as large as `layout` says.
    let at = unsafe { sending.add(offset) };
    let values = BroadcastView::<T>::from_raw(at, capacity)?;
    // SAFETY: the caller guarantees the memory for `'m`. A broadcast consists of atomics and of
    // plain values that are accessed word by word: any bytes are one, and others may write.
    Some((words, unsafe { values.as_ref() }))
}

impl<'m, T: Plain, S: Sleeper> Publisher<'m, T, S> {
    /// The bytes of memory that the publishing side provides for `capacity` values. The other side
    /// provides `size_of::<Words>()`.
    ///
    /// `None` when there is no such broadcast.
    pub fn size(capacity: usize) -> Option<usize> {
        Some(layout::<T>(capacity)?.0.pad_to_align().size())
    }

    /// The publisher, which keeps the last `capacity` values. `None` when there is no such
    /// broadcast.
    ///
    /// # Safety
    /// For `'m`, and for as long as `sleeper` exists:
    /// - `mine` points to memory of [`size(capacity)`](Self::size). It was zeroed, and only this
    ///   publisher writes it.
    /// - `theirs` points to [`Words`] that can be read. The peer may write them at any moment. This
    ///   program accesses them only through this publisher.
    /// - Both are aligned to 128 bytes.
    pub unsafe fn new(
        mine: NonNull<u8>,
        theirs: NonNull<u8>,
        capacity: usize,
        sleeper: S,
    ) -> Option<Self> {
        // SAFETY: the caller guarantees what `parts` demands.
        let (words, values) = unsafe { parts::<T>(mine, theirs, capacity) }?;
        // SAFETY: no byte is ever accessed through it.
        let data = unsafe { Foreign::new(NonNull::dangling()) };
        let writer = values.writer_as(Participant::LOCAL)?;
        Some(Publisher { writer, end: End::new(words, data, 0, sleeper) })
    }

    /// Publishes a copy of `value`. It replaces the oldest one, and never waits.
    pub fn publish(&mut self, value: &T) {
        self.writer.send_from(value);
        self.end.publish(0);
    }
}

impl<'m, T: Plain, S: Sleeper> Subscriber<'m, T, S> {
    /// The subscriber of a [`Publisher`] that keeps the last `capacity` values. `None` when there
    /// is no such broadcast.
    ///
    /// # Safety
    /// For `'m`, and for as long as `sleeper` exists:
    /// - `mine` points to zeroed [`Words`], and only this subscriber writes them.
    /// - `theirs` points to memory of [`size(capacity)`](Publisher::size) that can be read. The
    ///   peer may write it at any moment. This program accesses it only through this subscriber.
    /// - Both are aligned to 128 bytes.
    pub unsafe fn new(
        mine: NonNull<u8>,
        theirs: NonNull<u8>,
        capacity: usize,
        sleeper: S,
    ) -> Option<Self> {
        // SAFETY: the caller guarantees what `parts` demands.
        let ([theirs, mine], values) = unsafe { parts::<T>(theirs, mine, capacity) }?;
        // SAFETY: no byte is ever accessed through it.
        let data = unsafe { Foreign::new(NonNull::dangling()) };
        let end = End::new([mine, theirs], data, 0, sleeper);
        // A reader stores nothing into the broadcast: nobody sleeps on it, and it takes no half.
        Some(Subscriber { reader: broadcast::Reader::from_oldest(values), end })
    }

    /// Copies the next value out, if there is one.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next value was overwritten.
    pub fn try_recv(&mut self) -> Result<Option<T>, RecvError> {
        self.reader.try_recv()
    }

    /// Copies the next value out; waits for one until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next value was overwritten, [`RecvError::EndOfFile`] when the
    /// publisher is gone and everything was received, [`RecvError::TimedOut`].
    pub fn recv_deadline(&mut self, deadline: Option<S::Deadline>) -> Result<T, RecvError> {
        let reader = &mut self.reader;
        let received = self.end.wait_until(deadline, |end| {
            look_or_end(
                reader,
                |reader| reader.try_recv().transpose().map(Ok),
                |_| end.peer_closed().then_some(Ok(Err(RecvError::EndOfFile))),
            )
        });
        received.unwrap_or(Err(RecvError::TimedOut))
    }

    /// A copy of the newest value, if it is newer than what was received before.
    ///
    /// `None` also when the peer wrote other values during each of several tries.
    pub fn newest(&mut self) -> Option<T> {
        (0..TRIES).find_map(|_| {
            self.reader.skip_to_newest();
            self.reader.try_recv().ok().flatten()
        })
    }

    /// Whether the peer ended the stream, or is dead.
    pub fn peer_is_gone(&self) -> bool {
        self.end.peer_closed()
    }
}

impl<T: Plain, S: Sleeper> Drop for Publisher<'_, T, S> {
    fn drop(&mut self) {
        self.end.close();
    }
}

impl<T: Plain, S: Sleeper> fmt::Debug for Publisher<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl<T: Plain, S: Sleeper> fmt::Debug for Subscriber<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}
