//! The places of a network, and what is done with them under its lock.

use super::super::try_lock::{Guarded, TryLock};
use super::address::Key;
use super::connection::{Connection, Queued};
use super::stream::Halves;
use crate::Error;
use crate::finally::{Finally, finish};
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// The place for one listener, and where it sleeps until somebody connects.
#[derive(Debug)]
pub(super) struct Backlog<W: Wake> {
    bell: Doorbell<W>,
    /// [`FREE`], [`OPEN`] or [`CLOSED`].
    state: AtomicU32,
    /// How many connections wait to be accepted. Stored under the lock.
    waiting: AtomicU32,
    listening: Guarded<Option<Listening>>,
}

/// Nobody listens.
const FREE: u32 = 0;
/// Somebody does.
const OPEN: u32 = 1;
/// Nobody does any more, and the next holder of the lock refuses what waits.
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
        /// A place for a listener.
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

    /// Whether somebody waits to be accepted.
    pub(super) fn is_wanted(&self) -> bool {
        // Relaxed: accepting looks again, under the lock.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn is_closed(&self) -> bool {
        // Relaxed: the lock orders it after the store in `close`.
        self.state.load(Ordering::Relaxed) == CLOSED
    }

    /// The listener is gone. What that means is done by [`NetworkRef::reap_closed`], here or by the
    /// holder of the lock.
    pub(super) fn close(&self) {
        // Relaxed: locking, or asking for the lock, releases it to the next holder.
        self.state.store(CLOSED, Ordering::Relaxed);
    }
}

/// A network, free of the number of its places.
#[derive(Debug)]
pub(super) struct NetworkRef<'a, const N: usize, W: Wake> {
    pub(super) lock: &'a TryLock,
    /// Where those sleep who wait for the lock, or for room in a backlog.
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
    /// Does `work` with the places, if nobody else does; else the doorbell that tells when to try
    /// again.
    pub(super) fn with<R>(
        self,
        work: impl FnOnce(&mut NetworkGuard<'a, N, W>) -> R,
    ) -> Result<R, &'a Doorbell<W>> {
        if !self.lock.try_lock() {
            return Err(self.bell);
        }
        let mut unlocking = Unlocking { network: self, told: None };
        let mut guard = NetworkGuard { network: self, told: None };
        guard.sweep();
        let done = work(&mut guard);
        unlocking.told = guard.told;
        drop(unlocking);
        Ok(done)
    }

    /// Sees to it that what closed is swept: by us, or by the holder of the lock.
    pub(super) fn reap_closed(self) {
        let _swept = self.with(|_| ());
    }
}

/// The lock. Dropped, it unlocks, also when a waker panicked under it; then it wakes those whom it
/// concerns.
struct Unlocking<'a, const N: usize, W: Wake> {
    network: NetworkRef<'a, N, W>,
    /// See [`NetworkGuard::told`].
    told: Option<&'a Doorbell<W>>,
}

impl<const N: usize, W: Wake> Drop for Unlocking<'_, N, W> {
    fn drop(&mut self) {
        let Unlocking { network, told } = *self;
        let _told = Finally(|| {
            if let Some(bell) = told {
                bell.ring();
            }
        });
        if !network.lock.unlock() {
            return;
        }
        // It was wanted by one who waits, or by a listener that closed and left the sweeping to us.
        let _wanted = Finally(|| network.bell.ring());
        finish(|| {
            while network.backlogs.iter().any(Backlog::is_closed) && network.lock.try_lock() {
                // Who wants it meanwhile is woken at the end.
                let _pass = Finally(|| _ = network.lock.unlock());
                NetworkGuard { network, told: None }.sweep();
            }
        });
    }
}

/// The places, for the holder of the lock.
pub(super) struct NetworkGuard<'a, const N: usize, W: Wake> {
    network: NetworkRef<'a, N, W>,
    /// What to ring once the lock is free.
    told: Option<&'a Doorbell<W>>,
}

/// What there is no room for now.
pub(super) struct BacklogFull;

impl<'a, const N: usize, W: Wake> NetworkGuard<'a, N, W> {
    fn listening(&self, backlog: &Backlog<W>) -> Option<Listening> {
        // SAFETY: a `NetworkGuard` exists under the lock only.
        unsafe { backlog.listening.get() }
    }

    fn set_listening(&mut self, backlog: &Backlog<W>, listening: Option<Listening>) {
        // SAFETY: as in `listening`.
        unsafe { backlog.listening.set(listening) };
    }

    fn queued(&self, connection: &Connection<N, W>) -> Option<Queued> {
        // SAFETY: as in `listening`.
        unsafe { connection.queued.get() }
    }

    fn set_queued(&mut self, connection: &Connection<N, W>, queued: Option<Queued>) {
        // SAFETY: as in `listening`.
        unsafe { connection.queued.set(queued) };
    }

    /// Refuses what waits for listeners that are gone, and frees their places; also when a task
    /// that hears of it panics.
    fn sweep(&mut self) {
        if self.network.backlogs.iter().any(Backlog::is_closed) {
            finish(|| self.sweep_on());
        }
    }

    fn sweep_on(&mut self) {
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
            // Relaxed, both: read under the lock, or as a hint.
            backlog.waiting.store(0, Ordering::Relaxed);
            backlog.state.store(FREE, Ordering::Relaxed);
            // Who waits for room there is refused now.
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
        // Relaxed: read under the lock.
        backlog.state.store(OPEN, Ordering::Relaxed);
        Ok((index, backlog))
    }

    /// Connects and queues the other side for its listener.
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
        // Relaxed: stored under the lock.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        if waiting >= listening.limit {
            return Ok(Err(BacklogFull));
        }
        let connections = self.network.connections;
        let connection = connections
            .iter()
            .find(|c| self.queued(c).is_none() && c.is_free())
            .ok_or(Error::Exhausted)?;
        let (caller, listener) = connection.open()?;
        // It is there, and waits to be accepted.
        core::mem::forget(listener);
        let number = listening.next;
        self.set_queued(connection, Some(Queued { backlog: index, number }));
        let next = number.wrapping_add(1);
        self.set_listening(backlog, Some(Listening { next, ..listening }));
        // Relaxed: a hint for who sleeps on the bell; see `is_wanted`.
        backlog.waiting.store(waiting + 1, Ordering::Relaxed);
        self.told = Some(&backlog.bell);
        Ok(Ok(caller))
    }

    /// Takes the connection that waits longest at this place.
    pub(super) fn accept(
        &mut self,
        index: usize,
        backlog: &Backlog<W>,
    ) -> Option<Halves<'a, N, W>> {
        // Relaxed: stored under the lock.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        let oldest = self.listening(backlog)?.next.wrapping_sub(waiting);
        let wanted = Queued { backlog: index, number: oldest };
        let connections = self.network.connections;
        let connection = connections.iter().find(|c| self.queued(c) == Some(wanted))?;
        self.set_queued(connection, None);
        // Relaxed: read under the lock, or as a hint.
        backlog.waiting.store(waiting - 1, Ordering::Relaxed);
        // Who waits for room in a backlog looks again.
        self.told = Some(self.network.bell);
        Some(connection.listener())
    }
}
