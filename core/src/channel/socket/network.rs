//! The listeners and connections of a network, and the operations on them under its lock.

use super::super::try_lock::{Guarded, TryLock};
use super::address::Key;
use super::connection::{Connection, Queued};
use super::stream::Halves;
use crate::Error;
use crate::finally::{Finally, finish};
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// The place for one listener, with the doorbell that its `accept` sleeps on.
#[derive(Debug)]
pub(super) struct Backlog<W: Wake> {
    bell: Doorbell<W>,
    /// [`FREE`], [`OPEN`] or [`CLOSED`].
    state: AtomicU32,
    /// How many connections wait to be accepted. Stored under the network's lock.
    waiting: AtomicU32,
    listening: Guarded<Option<Listening>>,
}

/// No listener has this place.
const FREE: u32 = 0;
/// A listener has this place.
const OPEN: u32 = 1;
/// The listener closed. The next holder of the lock refuses the connections that wait.
const CLOSED: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listening {
    address: Key,
    packets: bool,
    limit: u32,
    /// The number of the next connection to arrive.
    next: u32,
}

impl<W: Wake> Default for Backlog<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Wake> Backlog<W> {
    const_unless_loom! {
        /// Creates a free place.
        pub fn new() -> Self {
            Backlog {
                bell: Doorbell::new(),
                state: AtomicU32::new(FREE),
                waiting: AtomicU32::new(0),
                listening: Guarded::new(None),
            }
        }
    }

    pub(super) fn bell(&self) -> &Doorbell<W> {
        &self.bell
    }

    /// Returns whether a connection waits to be accepted.
    pub(super) fn has_waiting(&self) -> bool {
        // Relaxed: `NetworkGuard::accept` looks again, under the lock.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn is_closed(&self) -> bool {
        // Relaxed: the lock orders it after the store in `close`.
        self.state.load(Ordering::Relaxed) == CLOSED
    }

    /// Marks the listener as closed. [`NetworkRef::reap_closed`], called next, frees its place.
    pub(super) fn close(&self) {
        // Relaxed: `try_lock` follows. It takes the lock and its unlock releases this store, or its
        // failed attempt releases it to the holder.
        self.state.store(CLOSED, Ordering::Relaxed);
    }
}

/// A reference to a network that does not depend on `LISTENERS` and `CONNECTIONS`.
#[derive(Debug)]
pub(super) struct NetworkRef<'a, const N: usize, W: Wake> {
    pub(super) lock: &'a TryLock,
    /// Contexts sleep here that wait for the lock, or for room in a backlog.
    pub(super) bell: &'a Doorbell<W>,
    pub(super) backlogs: &'a [Backlog<W>],
    pub(super) connections: &'a [Connection<N, W>],
}

impl<const N: usize, W: Wake> Clone for NetworkRef<'_, N, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<const N: usize, W: Wake> Copy for NetworkRef<'_, N, W> {}

impl<'a, const N: usize, W: Wake> NetworkRef<'a, N, W> {
    /// Locks the network and does `work`; fails with the doorbell that rings when the lock is free.
    pub(super) fn with<R>(
        self,
        work: impl FnOnce(&mut NetworkGuard<'a, N, W>) -> R,
    ) -> Result<R, &'a Doorbell<W>> {
        if !self.lock.try_lock() {
            return Err(self.bell);
        }
        let mut unlocking = Unlocking { network: self, to_ring: None };
        let mut guard = NetworkGuard { network: self, to_ring: None };
        guard.sweep();
        let done = work(&mut guard);
        unlocking.to_ring = guard.to_ring;
        drop(unlocking);
        Ok(done)
    }

    /// Has the closed listeners swept: by this context, or by the holder of the lock.
    pub(super) fn reap_closed(self) {
        let _swept = self.with(|_| ());
    }
}

/// A guard of the network's lock. Dropping it unlocks, then rings the doorbells.
///
/// It unlocks also when a waker panics under the lock.
struct Unlocking<'a, const N: usize, W: Wake> {
    network: NetworkRef<'a, N, W>,
    /// See [`NetworkGuard::to_ring`].
    to_ring: Option<&'a Doorbell<W>>,
}

impl<const N: usize, W: Wake> Drop for Unlocking<'_, N, W> {
    fn drop(&mut self) {
        let Unlocking { network, to_ring } = *self;
        let _ring = Finally(|| {
            if let Some(bell) = to_ring {
                bell.ring();
            }
        });
        if !network.lock.unlock() {
            return;
        }
        // Another context wanted the lock: one that waits for it, or a listener that closed and
        // left the sweeping to this context.
        let _wanted = Finally(|| network.bell.ring());
        finish(|| {
            while network.backlogs.iter().any(Backlog::is_closed) && network.lock.try_lock() {
                // A context that wants the lock meanwhile is woken at the end, by `_wanted`.
                let _pass = Finally(|| _ = network.lock.unlock());
                NetworkGuard { network, to_ring: None }.sweep();
            }
        });
    }
}

/// The listeners and connections, for the holder of the network's lock.
pub(super) struct NetworkGuard<'a, const N: usize, W: Wake> {
    network: NetworkRef<'a, N, W>,
    /// The doorbell to ring once the lock is free.
    to_ring: Option<&'a Doorbell<W>>,
}

/// The listener's backlog has no room now.
pub(super) struct BacklogFull;

impl<'a, const N: usize, W: Wake> NetworkGuard<'a, N, W> {
    fn listening(&self, backlog: &Backlog<W>) -> Option<Listening> {
        // SAFETY: a `NetworkGuard` exists only while its context holds the network's lock, which
        // guards this value.
        unsafe { backlog.listening.get() }
    }

    fn set_listening(&mut self, backlog: &Backlog<W>, listening: Option<Listening>) {
        // SAFETY: a `NetworkGuard` exists only while its context holds the network's lock, which
        // guards this value.
        unsafe { backlog.listening.set(listening) };
    }

    fn queued(&self, connection: &Connection<N, W>) -> Option<Queued> {
        // SAFETY: a `NetworkGuard` exists only while its context holds the network's lock, which
        // guards this value.
        unsafe { connection.queued.get() }
    }

    fn set_queued(&mut self, connection: &Connection<N, W>, queued: Option<Queued>) {
        // SAFETY: a `NetworkGuard` exists only while its context holds the network's lock, which
        // guards this value.
        unsafe { connection.queued.set(queued) };
    }

    /// Refuses the connections that wait for closed listeners, and frees those listeners' places.
    ///
    /// It finishes also when a waker that it calls panics.
    fn sweep(&mut self) {
        if self.network.backlogs.iter().any(Backlog::is_closed) {
            finish(|| self.sweep_closed());
        }
    }

    fn sweep_closed(&mut self) {
        for (index, backlog) in self.network.backlogs.iter().enumerate() {
            if !backlog.is_closed() {
                continue;
            }
            for connection in self.network.connections {
                if self.queued(connection).is_some_and(|queued| queued.backlog == index) {
                    self.set_queued(connection, None);
                    connection.refuse();
                }
            }
            self.set_listening(backlog, None);
            // Relaxed, both: other contexts load them under the lock, or as a hint.
            backlog.waiting.store(0, Ordering::Relaxed);
            backlog.state.store(FREE, Ordering::Relaxed);
            // Contexts that wait for room in this backlog look again, and are refused.
            self.network.bell.ring();
        }
    }

    /// Gives a place to a new listener.
    pub(super) fn listen(
        &mut self,
        address: Key,
        packets: bool,
        limit: u32,
    ) -> Result<(usize, &'a Backlog<W>), Error> {
        let backlogs = self.network.backlogs;
        if backlogs.iter().any(|b| self.listening(b).is_some_and(|l| l.address == address)) {
            return Err(Error::AddressInUse);
        }
        let mut places = backlogs.iter().enumerate();
        let place = places.find(|(_, backlog)| self.listening(backlog).is_none());
        let (index, backlog) = place.ok_or(Error::Exhausted)?;
        self.set_listening(backlog, Some(Listening { address, packets, limit, next: 0 }));
        // Relaxed: other contexts load it under the lock.
        backlog.state.store(OPEN, Ordering::Relaxed);
        Ok((index, backlog))
    }

    /// Connects, and queues the accepting side for its listener.
    pub(super) fn connect(
        &mut self,
        address: Key,
        packets: bool,
    ) -> Result<Result<Halves<'a, N, W>, BacklogFull>, Error> {
        let mut places = self.network.backlogs.iter().enumerate();
        let found = places.find_map(|(index, backlog)| {
            let listening = self.listening(backlog)?;
            (listening.address == address && listening.packets == packets)
                .then_some((index, backlog, listening))
        });
        let (index, backlog, listening) = found.ok_or(Error::Refused)?;
        // Relaxed: stored under the lock, which this context holds.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        if waiting >= listening.limit {
            return Ok(Err(BacklogFull));
        }
        let connections = self.network.connections;
        let connection = connections
            .iter()
            .find(|c| self.queued(c).is_none() && c.is_free())
            .ok_or(Error::Exhausted)?;
        let (connecting, accepting) = connection.open()?;
        // The accepting side stays open. `accept` returns it later, or `sweep` refuses it.
        core::mem::forget(accepting);
        let number = listening.next;
        self.set_queued(connection, Some(Queued { backlog: index, number }));
        let next = number.wrapping_add(1);
        self.set_listening(backlog, Some(Listening { next, ..listening }));
        // Relaxed: a hint for the contexts that sleep on the doorbell; see `has_waiting`.
        backlog.waiting.store(waiting + 1, Ordering::Relaxed);
        self.to_ring = Some(&backlog.bell);
        Ok(Ok(connecting))
    }

    /// Takes the connection that has waited longest for the listener at place `index`.
    pub(super) fn accept(
        &mut self,
        index: usize,
        backlog: &Backlog<W>,
    ) -> Option<Halves<'a, N, W>> {
        // Relaxed: stored under the lock, which this context holds.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        let oldest = self.listening(backlog)?.next.wrapping_sub(waiting);
        let wanted = Queued { backlog: index, number: oldest };
        let connections = self.network.connections;
        let connection = connections.iter().find(|c| self.queued(c) == Some(wanted))?;
        self.set_queued(connection, None);
        // Relaxed: other contexts load it under the lock, or as a hint.
        backlog.waiting.store(waiting - 1, Ordering::Relaxed);
        // Contexts that wait for room in a backlog look again.
        self.to_ring = Some(self.network.bell);
        Some(connection.accepting_side())
    }
}
