//! The place for a connection: two pipes.

use super::super::pipe::{Pipe, Reader, Writer};
use super::super::try_lock::Guarded;
use super::stream::{Halves, Packets, Stream};
use crate::Error;
use crate::sync::const_unless_loom;
use crate::wait::{Spin, Wake};

/// The place for one connection, and by itself a socket pair (`socketpair(2)`): `N` bytes in each
/// direction.
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
    /// Where it waits to be accepted. Under the network's lock.
    pub(super) queued: Guarded<Option<Queued>>,
}

/// A connection that waits to be accepted: its listener's place, and its number in the order of
/// arrival there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) backlog: usize,
    pub(super) number: u32,
}

impl<const N: usize, W: Wake> Connection<N, W> {
    const_unless_loom! {
        /// A place for a connection.
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
    pub(super) fn open(&self) -> Result<(Halves<'_, N, W>, Halves<'_, N, W>), Error> {
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
    pub(super) fn listener(&self) -> Halves<'_, N, W> {
        Halves::new(Reader::new(&self.up.shared), Writer::new(&self.down.shared))
    }

    pub(super) fn is_free(&self) -> bool {
        self.up.shared.ends().nobody() && self.down.shared.ends().nobody()
    }

    /// Takes the side that nobody accepted from the one who connected.
    pub(super) fn refuse(&self) {
        // Dropped, it leaves: also when a task that the other half of this wakes panics.
        let _reader = Reader::new(&self.up.shared);
        self.down.shared.reset_writer();
    }
}
