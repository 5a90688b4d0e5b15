//! The places of a network, and what is done with them in its turn.

use super::super::Error;
use super::super::name::Name;
use super::super::pipe::{Pipe, Reader, Writer};
use super::super::turn::{InTurn, Turn};
use super::stream::{Halves, Packets, Stream};
use crate::finally::{Finally, finish};
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Spin, Wait, Wake};

/// The place for one connection, and by itself a socket pair (`socketpair(2)`): `N` bytes in each direction.
///
/// ```
/// use ringway_core::channel::socket::Connection;
/// static PAIR: Connection<64> = Connection::new();
/// let (mut here, mut there) = PAIR.pair().unwrap();
/// here.try_write(b"ping").unwrap();
/// let mut out = [0; 8];
/// assert_eq!(there.try_read(&mut out), Ok(4));
/// ```
#[derive(Debug)]
pub struct Connection<const N: usize, W: Wake = Spin> {
    /// From the one who connects to the one who listens.
    up: Pipe<N, W>,
    /// And back.
    down: Pipe<N, W>,
    /// Where it waits to be accepted. In the network's turn.
    queued: InTurn<Option<Queued>>,
}

/// A connection that waits to be accepted: its listener's place, and its number in the order of arrival there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queued {
    backlog: usize,
    number: u32,
}

impl<const N: usize, W: Wake> Connection<N, W> {
    const_unless_loom! {
        /// A place for a connection.
        pub fn new() -> Self {
            Connection { up: Pipe::new(), down: Pipe::new(), queued: InTurn::new(None) }
        }
    }
}

impl<const N: usize, W: Wake> Default for Connection<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, W: Wait> Connection<N, W> {
    /// Two streams that are connected to each other. Any context may ask.
    ///
    /// # Errors
    /// [`Error::Taken`] while any end of it is open.
    pub fn pair(&self) -> Result<(Stream<'_, N, W>, Stream<'_, N, W>), Error> {
        let (caller, listener) = self.open()?;
        Ok((Stream::new(caller), Stream::new(listener)))
    }

    /// Two streams over a connection that the caller owns. Needs no read-modify-write.
    pub fn split(&mut self) -> (Stream<'_, N, W>, Stream<'_, N, W>) {
        self.own();
        (Stream::new(self.caller()), Stream::new(self.listener()))
    }

    /// As [`pair`](Self::pair), with messages.
    ///
    /// # Errors
    /// [`Error::Taken`] while any end of it is open.
    pub fn pair_packets(&self) -> Result<(Packets<'_, N, W>, Packets<'_, N, W>), Error> {
        let (caller, listener) = self.open()?;
        Ok((Packets::new(caller), Packets::new(listener)))
    }

    /// As [`split`](Self::split), with messages.
    pub fn split_packets(&mut self) -> (Packets<'_, N, W>, Packets<'_, N, W>) {
        self.own();
        (Packets::new(self.caller()), Packets::new(self.listener()))
    }

    /// Opens all four ends, or none: the side that connects, and the side that accepts.
    fn open(&self) -> Result<(Halves<'_, N, W>, Halves<'_, N, W>), Error> {
        let (up_reader, up_writer) = self.up.open()?;
        let (down_reader, down_writer) = self.down.open()?;
        Ok((Halves::new(down_reader, up_writer), Halves::new(up_reader, down_writer)))
    }

    fn own(&mut self) {
        self.up.shared.own_both();
        self.down.shared.own_both();
    }

    /// The side that connected; to be taken once after opening.
    fn caller(&self) -> Halves<'_, N, W> {
        Halves::new(Reader::new(&self.down.shared), Writer::new(&self.up.shared))
    }

    /// The side that accepts; to be taken once after opening.
    fn listener(&self) -> Halves<'_, N, W> {
        Halves::new(Reader::new(&self.up.shared), Writer::new(&self.down.shared))
    }

    fn is_free(&self) -> bool {
        self.up.shared.ends().nobody() && self.down.shared.ends().nobody()
    }

    /// Takes the side that nobody accepted from the one who connected.
    fn refuse(&self) {
        // Dropped, it leaves: also when a task that the other half of this wakes panics.
        let _reader = Reader::new(&self.up.shared);
        self.down.shared.reset_writer();
    }
}

/// The place for one listener, and where it sleeps until somebody connects.
#[derive(Debug)]
pub struct Backlog<W: Wake = Spin> {
    bell: Doorbell<W>,
    /// [`FREE`], [`OPEN`] or [`CLOSED`].
    state: AtomicU32,
    /// How many connections wait to be accepted. Stored in the turn.
    waiting: AtomicU32,
    listening: InTurn<Option<Listening>>,
}

/// Nobody listens.
const FREE: u32 = 0;
/// Somebody does.
const OPEN: u32 = 1;
/// Nobody does any more, and what waits is to be refused by whoever has the turn next.
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
                listening: InTurn::new(None),
            }
        }
    }

    pub(super) fn bell(&self) -> &Doorbell<W> {
        &self.bell
    }

    /// Whether somebody waits to be accepted.
    pub(super) fn is_wanted(&self) -> Option<()> {
        // Relaxed: accepting looks again, in the turn.
        (self.waiting.load(Ordering::Relaxed) > 0).then_some(())
    }

    fn is_closed(&self) -> bool {
        // Relaxed: the turn orders it after the store in `close`.
        self.state.load(Ordering::Relaxed) == CLOSED
    }

    /// The listener is gone. What that means is done by [`Parts::tend`], here or by whoever has the turn.
    pub(super) fn close(&self) {
        // Relaxed: taking the turn, or asking for it, releases it to the one who has it next.
        self.state.store(CLOSED, Ordering::Relaxed);
    }
}

/// An address in the form in which it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Name(Name),
    Port(u16),
}

/// A network, free of the number of its places.
#[derive(Debug)]
pub(super) struct Parts<'a, const N: usize, W: Wake> {
    pub(super) turn: &'a Turn,
    /// Where those sleep who wait for the turn, or for room in a backlog.
    pub(super) bell: &'a Doorbell<W>,
    pub(super) backlogs: &'a [Backlog<W>],
    pub(super) connections: &'a [Connection<N, W>],
}

impl<const N: usize, W: Wake> Clone for Parts<'_, N, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<const N: usize, W: Wake> Copy for Parts<'_, N, W> {}

impl<'a, const N: usize, W: Wait> Parts<'a, N, W> {
    /// Does `work` with the places if it can be our turn now.
    pub(super) fn attempt<R>(self, work: impl FnOnce(&mut Desk<'a, N, W>) -> R) -> Option<R> {
        if !self.turn.try_take() {
            return None;
        }
        let mut turn = Passing { parts: self, told: None };
        let mut desk = Desk { parts: self, told: None };
        desk.sweep();
        let done = work(&mut desk);
        turn.told = desk.told;
        drop(turn);
        Some(done)
    }

    /// Sees to it that what closed is swept: by us, or by whoever has the turn.
    pub(super) fn tend(self) {
        let _swept = self.attempt(|_| ());
    }
}

/// The turn. Dropped, it is passed on, also when a waker panicked in it; then those are woken whom it concerns.
struct Passing<'a, const N: usize, W: Wait> {
    parts: Parts<'a, N, W>,
    /// See [`Desk::told`].
    told: Option<&'a Doorbell<W>>,
}

impl<const N: usize, W: Wait> Drop for Passing<'_, N, W> {
    fn drop(&mut self) {
        let Passing { parts, told } = *self;
        let _told = Finally(|| {
            if let Some(bell) = told {
                bell.ring();
            }
        });
        if !parts.turn.pass() {
            return;
        }
        // It was wanted by one who waits, or by a listener that closed and left the sweeping to us.
        let _wanted = Finally(|| parts.bell.ring());
        finish(|| {
            while parts.backlogs.iter().any(Backlog::is_closed) && parts.turn.try_take() {
                // Who wants it meanwhile is woken at the end.
                let _pass = Finally(|| _ = parts.turn.pass());
                Desk { parts, told: None }.sweep();
            }
        });
    }
}

/// The places, for the one who has the turn. There is one at a time.
pub(super) struct Desk<'a, const N: usize, W: Wake> {
    parts: Parts<'a, N, W>,
    /// What to ring when the turn is passed on.
    told: Option<&'a Doorbell<W>>,
}

/// What there is no room for now.
pub(super) struct Later;

impl<'a, const N: usize, W: Wait> Desk<'a, N, W> {
    fn listening(&self, backlog: &Backlog<W>) -> Option<Listening> {
        // SAFETY: a `Desk` exists in the turn only.
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

    /// Refuses what waits for listeners that are gone, and frees their places; also when a task that hears of it panics.
    fn sweep(&mut self) {
        if self.parts.backlogs.iter().any(Backlog::is_closed) {
            finish(|| self.sweep_on());
        }
    }

    fn sweep_on(&mut self) {
        for (index, backlog) in self.parts.backlogs.iter().enumerate() {
            if !backlog.is_closed() {
                continue;
            }
            for connection in self.parts.connections {
                if self.queued(connection).is_some_and(|queued| queued.backlog == index) {
                    self.set_queued(connection, None);
                    connection.refuse();
                }
            }
            self.set_listening(backlog, None);
            // Relaxed, both: read in the turn, or as a hint.
            backlog.waiting.store(0, Ordering::Relaxed);
            backlog.state.store(FREE, Ordering::Relaxed);
            // Who waits for room there is refused now.
            self.parts.bell.ring();
        }
    }

    /// Gives a place to a new listener.
    pub(super) fn listen(
        &mut self,
        address: Key,
        packets: bool,
        limit: u32,
    ) -> Result<(usize, &'a Backlog<W>), Error> {
        let backlogs = self.parts.backlogs;
        if backlogs.iter().any(|b| self.listening(b).is_some_and(|l| l.address == address)) {
            return Err(Error::AddressInUse);
        }
        let mut places = backlogs.iter().enumerate();
        let place = places.find(|(_, backlog)| self.listening(backlog).is_none());
        let (index, backlog) = place.ok_or(Error::Exhausted)?;
        self.set_listening(backlog, Some(Listening { address, packets, limit, next: 0 }));
        // Relaxed: read in the turn.
        backlog.state.store(OPEN, Ordering::Relaxed);
        Ok((index, backlog))
    }

    /// Connects and queues the other side for its listener.
    pub(super) fn connect(
        &mut self,
        address: Key,
        packets: bool,
    ) -> Result<Result<Halves<'a, N, W>, Later>, Error> {
        let mut places = self.parts.backlogs.iter().enumerate();
        let found = places.find_map(|(index, backlog)| {
            let listening = self.listening(backlog)?;
            (listening.address == address && listening.packets == packets)
                .then_some((index, backlog, listening))
        });
        let (index, backlog, listening) = found.ok_or(Error::Refused)?;
        // Relaxed: stored in the turn.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        if waiting >= listening.limit {
            return Ok(Err(Later));
        }
        let connections = self.parts.connections;
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
        // Relaxed: stored in the turn.
        let waiting = backlog.waiting.load(Ordering::Relaxed);
        let oldest = self.listening(backlog)?.next.wrapping_sub(waiting);
        let wanted = Queued { backlog: index, number: oldest };
        let connections = self.parts.connections;
        let connection = connections.iter().find(|c| self.queued(c) == Some(wanted))?;
        self.set_queued(connection, None);
        // Relaxed: read in the turn, or as a hint.
        backlog.waiting.store(waiting - 1, Ordering::Relaxed);
        // Who waits for room in a backlog looks again.
        self.told = Some(self.parts.bell);
        Some(connection.listener())
    }
}
