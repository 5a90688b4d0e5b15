//! A connection: two pipes, one for each direction.

use super::super::pipe::{Pipe, Reader, Writer};
use super::super::try_lock::Guarded;
use super::stream::{Halves, Packets, Stream};
use crate::Error;
use crate::sync::const_unless_loom;
use crate::wait::{Spin, Wake};

/// A socket pair (`socketpair(2)`) with `N` bytes per direction, and a network's place for one.
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
    /// From the side that connects to the side that accepts.
    up: Pipe<N, W>,
    /// From the side that accepts to the side that connects.
    down: Pipe<N, W>,
    /// Where it waits to be accepted; `None` when it does not wait. The network's lock guards it.
    pub(super) queued: Guarded<Option<Queued>>,
}

/// The position of a connection that waits to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queued {
    /// The index of the listener's place.
    pub(super) backlog: usize,
    /// The connection's number, in the order of arrival there.
    pub(super) number: u32,
}

impl<const N: usize, W: Wake> Connection<N, W> {
    const_unless_loom! {
        /// Creates a connection with both sides closed.
        pub fn new() -> Self {
            Connection { up: Pipe::new(), down: Pipe::new(), queued: Guarded::new(None) }
        }
    }
}

impl<const N: usize, W: Wake> Default for Connection<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, W: Wake> Connection<N, W> {
    /// Opens two streams that are connected to each other; any context may call it.
    ///
    /// # Errors
    /// [`Error::Taken`] while any end is open.
    pub fn pair(&self) -> Result<(Stream<'_, N, W>, Stream<'_, N, W>), Error> {
        let (connecting, accepting) = self.open()?;
        Ok((Stream::new(connecting), Stream::new(accepting)))
    }

    /// Opens two streams of a connection that the caller owns, without a read-modify-write.
    pub fn split(&mut self) -> (Stream<'_, N, W>, Stream<'_, N, W>) {
        self.own();
        (Stream::new(self.connecting_side()), Stream::new(self.accepting_side()))
    }

    /// Does [`pair`](Self::pair), with messages.
    ///
    /// # Errors
    /// [`Error::Taken`] while any end is open.
    pub fn pair_packets(&self) -> Result<(Packets<'_, N, W>, Packets<'_, N, W>), Error> {
        let (connecting, accepting) = self.open()?;
        Ok((Packets::new(connecting), Packets::new(accepting)))
    }

    /// Does [`split`](Self::split), with messages.
    pub fn split_packets(&mut self) -> (Packets<'_, N, W>, Packets<'_, N, W>) {
        self.own();
        (Packets::new(self.connecting_side()), Packets::new(self.accepting_side()))
    }

    /// Opens both sides or neither; returns the connecting side and the accepting side.
    pub(super) fn open(&self) -> Result<(Halves<'_, N, W>, Halves<'_, N, W>), Error> {
        let (up_reader, up_writer) = self.up.open()?;
        let (down_reader, down_writer) = self.down.open()?;
        Ok((Halves::new(down_reader, up_writer), Halves::new(up_reader, down_writer)))
    }

    fn own(&mut self) {
        self.up.shared.own_both();
        self.down.shared.own_both();
    }

    /// Returns the side that connects. Call it once after opening.
    fn connecting_side(&self) -> Halves<'_, N, W> {
        Halves::new(Reader::new(&self.down.shared), Writer::new(&self.up.shared))
    }

    /// Returns the side that accepts. Call it once after opening.
    pub(super) fn accepting_side(&self) -> Halves<'_, N, W> {
        Halves::new(Reader::new(&self.up.shared), Writer::new(&self.down.shared))
    }

    pub(super) fn is_free(&self) -> bool {
        self.up.shared.ends().nobody() && self.down.shared.ends().nobody()
    }

    /// Tears down a connection that no listener accepted; the side that connected finds a reset.
    pub(super) fn refuse(&self) {
        // Dropping the reader closes it, also when a waker that `reset_writer` calls panics.
        let _reader = Reader::new(&self.up.shared);
        self.down.shared.reset_writer();
    }
}
