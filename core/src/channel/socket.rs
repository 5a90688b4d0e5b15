//! Sockets in memory: contexts listen, connect and accept, and exchange bytes or messages.
//!
//! They behave like POSIX sockets (`socket(7)`, `unix(7)`):
//!
//! - A listener has an address (a name or a port) and a backlog. Connecting succeeds as soon as the
//!   backlog has room, before the listener accepts. The listener accepts connections in the order
//!   in which they came. Connecting to an address without a listener fails with [`Error::Refused`].
//! - A [`Stream`] carries bytes, [`Packets`] carries messages. Both share one set of addresses, but
//!   a stream cannot connect to a listener for packets.
//! - Each direction can be ended separately ([`Shutdown`]). The peer reads what was sent before it
//!   finds the end of file. Sending to a peer that ended its reading fails with
//!   [`Error::BrokenPipe`].
//! - When a listener closes, the connections in its backlog are torn down: the sides that connected
//!   read [`Error::Reset`].
//! - A [`Connection`] on its own is a socket pair.
//!
//! Unlike in POSIX, the address is free as soon as the listener closes. The numbers of listeners
//! and of connections are fixed: [`Error::Exhausted`] says that all are in use. A connection's
//! place is free again when both sides are closed.
//!
//! ```
//! use ringway_core::channel::socket::Network;
//! static NET: Network<2, 4, 256> = Network::new();
//!
//! let listener = NET.streams().listen(b"echo", 4).unwrap();
//! std::thread::scope(|s| {
//!     s.spawn(|| {
//!         let mut served = listener.accept().unwrap();
//!         let mut out = [0; 16];
//!         let count = served.read(&mut out).unwrap();
//!         served.write_all(&out[..count]).unwrap();
//!     });
//!     let mut stream = NET.streams().connect(b"echo").unwrap();
//!     stream.write_all(b"hello").unwrap();
//!     let mut out = [0; 16];
//!     assert_eq!(stream.read(&mut out), Ok(5));
//!     assert_eq!(stream.read(&mut out), Ok(0), "the other side closed");
//! });
//! ```

use super::State;
use super::attempt::{Attempt, future, now, poll, wait};
use super::try_lock::TryLock;
use crate::Error;
use crate::sync::{array_of, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
use core::marker::PhantomData;
use core::task::{Context, Poll};

mod address;
mod connection;
mod network;
mod stream;

pub use address::Address;
pub use connection::Connection;
pub use stream::{Packets, Shutdown, Stream};

use address::Key;
use network::{Backlog, BacklogFull, NetworkRef};
use stream::Halves;

/// A network: a set of addresses with its listeners and connections.
///
/// It has room for `LISTENERS` listeners and `CONNECTIONS` connections, each with `N` bytes per
/// direction. `W` says how contexts sleep.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::socket::Network;
/// let net = Network::<1, 1, 16>::new(); // on the stack
/// assert_eq!(net.streams().try_connect(7).err(), Some(Error::Refused));
/// let listener = net.streams().listen(7, 1).unwrap();
/// assert!(net.streams().try_connect(7).is_ok());
/// ```
#[derive(Debug)]
pub struct Network<const LISTENERS: usize, const CONNECTIONS: usize, const N: usize, W: Wake = Spin>
{
    lock: TryLock,
    bell: Doorbell<W>,
    backlogs: [Backlog<W>; LISTENERS],
    connections: [Connection<N, W>; CONNECTIONS],
}

impl<const LISTENERS: usize, const CONNECTIONS: usize, const N: usize, W: Wake>
    Network<LISTENERS, CONNECTIONS, N, W>
{
    const_unless_loom! {
        /// Creates a network without listeners.
        ///
        /// ```
        /// use ringway_core::channel::socket::Network;
        /// use ringway_core::wait::{Async, Spin};
        /// static NET: Network<2, 8, 128> = Network::new();
        /// static AWAITED: Network<2, 8, 128, Async<Spin>> = Network::new();
        /// ```
        pub fn new() -> Self {
            Network {
                lock: TryLock::new(),
                bell: Doorbell::new(),
                backlogs: array_of!(Backlog::new(); LISTENERS),
                connections: array_of!(Connection::new(); CONNECTIONS),
            }
        }
    }

    fn network_ref(&self) -> NetworkRef<'_, N, W> {
        NetworkRef {
            lock: &self.lock,
            bell: &self.bell,
            backlogs: &self.backlogs,
            connections: &self.connections,
        }
    }
}

impl<const LISTENERS: usize, const CONNECTIONS: usize, const N: usize, W: Wake> Default
    for Network<LISTENERS, CONNECTIONS, N, W>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const LISTENERS: usize, const CONNECTIONS: usize, const N: usize, W: Wake>
    Network<LISTENERS, CONNECTIONS, N, W>
{
    /// Returns the sockets of this network that carry bytes (`SOCK_STREAM`).
    pub fn streams(&self) -> Sockets<'_, N, W, Stream<'_, N, W>> {
        Sockets { network: self.network_ref(), _kind: PhantomData }
    }

    /// Returns the sockets of this network that carry messages (`SOCK_SEQPACKET`).
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::socket::Network;
    /// let net = Network::<1, 1, 64>::new();
    /// let listener = net.packets().listen("orders", 1).unwrap();
    /// assert_eq!(net.streams().try_connect("orders").err(), Some(Error::Refused));
    /// let mut here = net.packets().try_connect("orders").unwrap();
    /// here.try_send(b"one message").unwrap();
    /// let mut there = listener.try_accept().unwrap();
    /// assert_eq!(there.try_recv(&mut [0; 32]), Ok(11));
    /// ```
    pub fn packets(&self) -> Sockets<'_, N, W, Packets<'_, N, W>> {
        Sockets { network: self.network_ref(), _kind: PhantomData }
    }
}

mod sealed {
    use super::{Halves, Wake};

    /// One side of a connection.
    pub trait End<'a, const N: usize, W: Wake> {
        #[doc(hidden)]
        const PACKETS: bool;

        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed")]
        fn from_halves(halves: Halves<'a, N, W>) -> Self;
    }
}
use sealed::End;

impl<'a, const N: usize, W: Wake> End<'a, N, W> for Stream<'a, N, W> {
    const PACKETS: bool = false;

    #[expect(private_interfaces, reason = "sealed")]
    fn from_halves(halves: Halves<'a, N, W>) -> Self {
        Stream::new(halves)
    }
}

impl<'a, const N: usize, W: Wake> End<'a, N, W> for Packets<'a, N, W> {
    const PACKETS: bool = true;

    #[expect(private_interfaces, reason = "sealed")]
    fn from_halves(halves: Halves<'a, N, W>) -> Self {
        Packets::new(halves)
    }
}

/// One kind of socket of a network; `E` is a connection's side, [`Stream`] or [`Packets`].
#[derive(Debug)]
pub struct Sockets<'a, const N: usize, W: Wake, E> {
    network: NetworkRef<'a, N, W>,
    _kind: PhantomData<fn() -> E>,
}

impl<'a, const N: usize, W: Wake, E: End<'a, N, W>> Sockets<'a, N, W, E> {
    /// Does [`listen`](Self::listen) without waiting.
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen), and [`Error::WouldBlock`] while another context uses the
    /// network.
    pub fn try_listen<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
    ) -> Result<Listener<'a, N, W, E>, Error> {
        now(self.attempt_listen(address.into().key()?, backlog).ok())
    }

    /// Does [`connect`](Self::connect) without waiting.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::WouldBlock`] when the backlog is full, or
    /// another context uses the network.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::socket::Network;
    /// let net = Network::<1, 2, 16>::new();
    /// let listener = net.streams().listen(7, 1).unwrap();
    /// let first = net.streams().try_connect(7).unwrap();
    /// assert_eq!(net.streams().try_connect(7).err(), Some(Error::WouldBlock));
    /// let accepted = listener.accept().unwrap();
    /// let second = net.streams().try_connect(7).unwrap();
    /// let _accepted = listener.accept().unwrap();
    /// assert_eq!(net.streams().try_connect(7).err(), Some(Error::Exhausted));
    /// ```
    pub fn try_connect<'b>(&self, address: impl Into<Address<'b>>) -> Result<E, Error> {
        now(self.attempt_connect(address.into().key()?).ok())
    }

    fn attempt_listen(&self, key: Key, backlog: usize) -> Attempt<'a, Listener<'a, N, W, E>, W> {
        let limit = backlog.clamp(1, u32::MAX as usize) as u32;
        let network = self.network;
        let listening = network.with(|guard| guard.listen(key, E::PACKETS, limit))?;
        Ok(listening.map(|(index, backlog)| Listener {
            network,
            index,
            backlog,
            _kind: PhantomData,
        }))
    }

    fn attempt_connect(&self, key: Key) -> Attempt<'a, E, W> {
        match self.network.with(|guard| guard.connect(key, E::PACKETS))? {
            Ok(Ok(halves)) => Ok(Ok(E::from_halves(halves))),
            Ok(Err(BacklogFull)) => Err(self.network.bell),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl<'a, const N: usize, W: Wait, E: End<'a, N, W>> Sockets<'a, N, W, E> {
    /// Listens at an address (`bind` and `listen`).
    ///
    /// At most `backlog` connections wait there to be accepted; 0 counts as 1. The call waits only
    /// while another context uses the network.
    ///
    /// # Errors
    /// [`Error::AddressInUse`] when another listener has the address, [`Error::BadName`] when the
    /// name is empty or too long, [`Error::Exhausted`] when the network has `LISTENERS` listeners
    /// already.
    pub fn listen<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
    ) -> Result<Listener<'a, N, W, E>, Error> {
        self.listen_deadline(address, backlog, None)
    }

    /// Does [`listen`](Self::listen), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen), and [`Error::TimedOut`].
    pub fn listen_deadline<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
        deadline: Option<W::Deadline>,
    ) -> Result<Listener<'a, N, W, E>, Error> {
        let key = address.into().key()?;
        wait(deadline, || self.attempt_listen(key, backlog))
    }

    /// Connects to a listener; waits for room in its backlog.
    ///
    /// It does not wait until the listener accepts.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address has no listener, or the listener closed while this
    /// waited; [`Error::BadName`] when the name is empty or too long; [`Error::Exhausted`] when all
    /// `CONNECTIONS` connections are in use.
    pub fn connect<'b>(&self, address: impl Into<Address<'b>>) -> Result<E, Error> {
        self.connect_deadline(address, None)
    }

    /// Does [`connect`](Self::connect), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::TimedOut`] when there was no room in time.
    pub fn connect_deadline<'b>(
        &self,
        address: impl Into<Address<'b>>,
        deadline: Option<W::Deadline>,
    ) -> Result<E, Error> {
        let key = address.into().key()?;
        wait(deadline, || self.attempt_connect(key))
    }
}

impl<'a, const N: usize, W: Register, E: End<'a, N, W>> Sockets<'a, N, W, E> {
    /// Does [`listen`](Self::listen) as a future.
    ///
    /// Cancel-safe: if cancelled, nobody listens.
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen).
    pub fn listen_async<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
    ) -> impl Future<Output = Result<Listener<'a, N, W, E>, Error>> {
        let key = address.into().key();
        future(move || match key {
            Ok(key) => self.attempt_listen(key, backlog),
            Err(error) => Ok(Err(error)),
        })
    }

    /// Does [`connect`](Self::connect) as a future.
    ///
    /// If cancelled, it has not connected.
    ///
    /// At most as many tasks can wait to connect to one network as its doorbell has places, see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn connect_async<'b>(
        &self,
        address: impl Into<Address<'b>>,
    ) -> impl Future<Output = Result<E, Error>> {
        let key = address.into().key();
        future(move || match key {
            Ok(key) => self.attempt_connect(key),
            Err(error) => Ok(Err(error)),
        })
    }
}

/// Accepts connections; any number of contexts may accept from it at once.
///
/// Dropping it frees the address and tears down the connections that wait to be accepted. Dropping
/// never waits: if another context uses the network just then, that context does the work.
#[derive(Debug)]
pub struct Listener<'a, const N: usize, W: Wake, E> {
    network: NetworkRef<'a, N, W>,
    index: usize,
    backlog: &'a Backlog<W>,
    _kind: PhantomData<fn() -> E>,
}

impl<'a, const N: usize, W: Wake, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// Returns the state of the listener: listening, as long as it exists.
    pub const fn state(&self) -> State {
        State::Listening
    }

    /// Does [`accept`](Self::accept) without waiting.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when no connection waits, or another context uses the network.
    pub fn try_accept(&self) -> Result<E, Error> {
        now(self.attempt().ok())
    }

    /// Accepts a connection, or returns the doorbell to wait for.
    ///
    /// The backlog's doorbell rings when a connection comes, the network's when the lock is free.
    fn attempt(&self) -> Attempt<'a, E, W> {
        if !self.backlog.has_waiting() {
            return Err(self.backlog.bell());
        }
        let halves = self.network.with(|guard| guard.accept(self.index, self.backlog))?;
        halves.map(|halves| Ok(E::from_halves(halves))).ok_or(self.backlog.bell())
    }
}

impl<'a, const N: usize, W: Wait, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// Accepts the connection that has waited longest; waits for one.
    ///
    /// # Errors
    /// None. The type is that of [`accept_deadline`](Self::accept_deadline).
    pub fn accept(&self) -> Result<E, Error> {
        self.accept_deadline(None)
    }

    /// Does [`accept`](Self::accept), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when no connection came in time.
    pub fn accept_deadline(&self, deadline: Option<W::Deadline>) -> Result<E, Error> {
        wait(deadline, || self.attempt())
    }
}

impl<'a, const N: usize, W: Register, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// Does [`accept`](Self::accept) for a task: accepts, or registers the task to be woken.
    ///
    /// Cancel-safe: a connection that was not returned was not accepted.
    ///
    /// # Errors
    /// None. The type is that of [`accept_deadline`](Self::accept_deadline).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<E, Error>> {
        poll(cx, || self.attempt())
    }

    /// Does [`accept`](Self::accept) as a future.
    ///
    /// Cancel-safe: a connection that was not returned was not accepted.
    ///
    /// # Errors
    /// None. The type is that of [`accept_deadline`](Self::accept_deadline).
    ///
    /// ```
    /// use ringway_core::channel::socket::Network;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let net = Network::<1, 1, 16, Async<Spin>>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let listener = net.streams().listen(7, 1).unwrap();
    /// let mut accept = pin!(listener.accept_async());
    /// assert!(accept.as_mut().poll(&mut cx).is_pending());
    /// let stream = net.streams().connect(7).unwrap();
    /// assert!(accept.poll(&mut cx).is_ready());
    /// ```
    pub fn accept_async(&self) -> impl Future<Output = Result<E, Error>> {
        future(|| self.attempt())
    }
}

impl<const N: usize, W: Wake, E> Drop for Listener<'_, N, W, E> {
    fn drop(&mut self) {
        self.backlog.close();
        self.network.reap_closed();
    }
}
