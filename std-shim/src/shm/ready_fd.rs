//! Descriptors that become readable when a part has something to take.

use super::{Part, Raw, RawPart, RawQueue, RawRing, RobustFutex, reactor};
use crate::error::{Asked, limit, refused};
use crate::sys::errno;
use crate::wait::Doorbell;
use crate::{Error, Result};
use ringway_core::region::{self, Item};
use ringway_core::ring::RingInner;
use ringway_core::ring::bytes::ByteRingInner;
use ringway_core::ring::messages::MessageRingInner;
#[cfg(target_has_atomic = "64")]
use ringway_core::ring::queue::{Queue, QueueView};
use ringway_core::storage::Storage;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::task::{self, Waker};

const READY_FD: &str = "watch the part";

/// A descriptor that is readable once a part has something to take, or has ended.
///
/// It is for `poll(2)`, `epoll(7)` and async runtimes.
///
/// It reports once: take what there is, then [`rearm`](Self::rearm) it. Words in shared memory have
/// no descriptor in the kernel, so a thread of this process sleeps on them instead, one for all
/// parts that are watched or awaited. Where your code can block in the part itself, do that
/// instead.
///
/// ```
/// use ringway::fd::{self, Interest};
/// use ringway::shm::{Layout, Queue, Region};
/// type Jobs = Queue<u32, 8>;
/// let region = Region::anonymous(&Layout::new(2).part::<Jobs>("jobs")?)?;
/// let jobs = region.part::<Jobs>("jobs")?;
/// let ready = jobs.ready_fd()?;
/// jobs.push(7)?;
/// fd::wait(&ready, Interest::Read)?;
/// ready.rearm();
/// assert_eq!(jobs.try_pop(), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "eventfd")]
#[derive(Debug)]
pub struct ReadyFd {
    part: Box<dyn Watched + Send + Sync>,
    event: Arc<Event>,
    waker: Waker,
}

#[derive(Debug)]
struct Event(OwnedFd);

/// Makes the descriptor readable, if there still is one.
struct Report(Weak<Event>);

impl task::Wake for Report {
    fn wake(self: Arc<Self>) {
        if let Some(event) = self.0.upgrade() {
            // The write fails only if the count is at its limit, and then the descriptor is
            // readable already.
            let _ = write(&event.0, &1_u64.to_ne_bytes());
        }
    }
}

impl ReadyFd {
    fn of(part: impl Watched + Send + Sync + 'static) -> Result<ReadyFd> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .asked(READY_FD, refused!("eventfd(2)"))?;
        reactor::start().map_err(|error| match errno(&error) {
            Errno::PERM => Error::new(READY_FD, Errno::PERM).because(
                "the system refuses to start a thread: have the container's filter answer \
                 clone3(2) with ENOSYS",
            ),
            errno => Error::new(READY_FD, limit(errno)),
        })?;
        let event = Arc::new(Event(event));
        let waker = Waker::from(Arc::new(Report(Arc::downgrade(&event))));
        let ready = ReadyFd { part: Box::new(part), event, waker };
        ready.rearm();
        Ok(ready)
    }

    /// Makes the descriptor unreadable until there is something to take again. If there is
    /// something now, it is readable when the call returns.
    ///
    /// Call it before you last check the part, so that nothing is missed.
    pub fn rearm(&self) {
        let mut count = [0; 8];
        // An error means that there was nothing to read, which is fine.
        let _ = read(&self.event.0, &mut count);
        let is_ready = || self.part.is_ready().then_some(());
        let mut context = task::Context::from_waker(&self.waker);
        if self.part.bell().poll_until(&mut context, is_ready).is_ready() {
            self.waker.wake_by_ref();
        }
    }
}

crate::sys::descriptor!(ReadyFd, |it| it.event.0);

/// A part from which values, bytes or messages are taken.
pub trait Watched: std::fmt::Debug {
    /// The doorbell that the consuming side sleeps on.
    fn bell(&self) -> &Doorbell<RobustFutex>;

    /// Whether there is something to take, or the part has ended.
    fn is_ready(&self) -> bool;
}

macro_rules! watched {
    ($($(#[$meta:meta])* [$($parameters:tt)*] $part:ty, $bell:ident, $has_ended:ident;)*) => {$(
        $(#[$meta])*
        impl<$($parameters)*> Watched for Part<$part>
        where
            $part: region::Part,
        {
            fn bell(&self) -> &Doorbell<RobustFutex> {
                self.structure().$bell()
            }

            fn is_ready(&self) -> bool {
                !self.structure().is_empty() || self.structure().$has_ended()
            }
        }
    )*};
}

watched! {
    [T: Item, S: Storage<Value = T> + ?Sized] RingInner<S, RobustFutex>,
        consumers_bell, producer_is_gone;
    [S: Storage<Value = u8> + ?Sized] ByteRingInner<S, RobustFutex>,
        consumers_bell, producer_is_gone;
    [S: Storage<Value = u8> + ?Sized] MessageRingInner<S, RobustFutex>,
        receivers_bell, sender_is_gone;
    #[cfg(target_has_atomic = "64")]
    [T: Item, const N: usize] Queue<T, N, RobustFutex>, consumers_bell, has_ended;
    #[cfg(target_has_atomic = "64")]
    [T: Item] QueueView<T, RobustFutex>, consumers_bell, has_ended;
}

/// For parts whose items have no Rust type here.
macro_rules! raw_watched {
    ($($(#[$meta:meta])* $raw:ty, $has_ended:ident;)*) => {$(
        $(#[$meta])*
        impl Watched for RawPart<$raw> {
            fn bell(&self) -> &Doorbell<RobustFutex> {
                self.consumers_bell()
            }

            fn is_ready(&self) -> bool {
                !self.is_empty() || self.$has_ended()
            }
        }
    )*};
}

raw_watched! {
    RawRing, producer_is_gone;
    #[cfg(target_has_atomic = "64")]
    RawQueue, has_ended;
}

impl<R: Raw + 'static> RawPart<R> {
    /// Makes a descriptor that is readable when there is something to take, or the part has ended.
    ///
    /// See [`Part::ready_fd`].
    ///
    /// # Errors
    /// As [`Part::ready_fd`].
    ///
    /// ```
    /// use ringway::fd::{self, Interest};
    /// use ringway::shm::{Layout, RawQueue, Region};
    /// let item = std::alloc::Layout::new::<[u64; 4]>();
    /// let region = Region::anonymous(&Layout::new(2).raw_part::<RawQueue>("jobs", 8, item)?)?;
    /// let jobs = region.raw_part::<RawQueue>("jobs")?;
    /// let ready = jobs.ready_fd()?;
    /// jobs.try_push(&[7; 32])?;
    /// fd::wait(&ready, Interest::Read)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ready_fd(&self) -> Result<ReadyFd>
    where
        Self: Watched + Send + Sync,
    {
        ReadyFd::of(self.clone())
    }
}

impl<P: region::Part + ?Sized> Part<P> {
    /// Makes a descriptor that is readable when there is something to take, or the part has ended.
    ///
    /// For rings and queues. A part has ended once its producer has closed it or died, and a queue
    /// once it is closed. See [`ReadyFd`].
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when the limit of descriptors or
    /// threads is reached.
    pub fn ready_fd(&self) -> Result<ReadyFd>
    where
        Self: Watched,
        P: 'static,
    {
        ReadyFd::of(self.clone())
    }
}
