//! Sockets in memory: listen, connect, accept, and a connection both ways.
//!
//! They behave as the sockets of POSIX do (`socket(7)`, `unix(7)`):
//!
//! - A listener has an address, a name or a port, and a backlog. Connecting succeeds as soon as
//!   there is room in the backlog, before it is accepted; connections are accepted in the order in
//!   which they came. Where nobody listens, it is [`Error::Refused`].
//! - [`Stream`] carries bytes, [`Packets`] carries messages. They are two worlds that share the
//!   addresses: a stream cannot connect to a listener for packets.
//! - Either direction can be ended by itself ([`Shutdown`]). What was sent before is read before
//!   the end of file; sending to one who reads no more is [`Error::BrokenPipe`].
//! - When a listener closes, what waits in its backlog is torn down: those sides read
//!   [`Error::Reset`].
//! - A [`Connection`] by itself is a socket pair.
//!
//! Unlike there, the address is free as soon as the listener closes, and the number of listeners
//! and of connections is fixed: [`Error::Exhausted`] when all are in use. A place for a connection
//! is free again when both sides are closed.
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

/// A network of its own: at most `LISTENERS` listeners and `CONNECTIONS` connections of `N` bytes
/// in each direction. `W` says how everybody sleeps.
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
        /// A network without listeners.
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

    fn places(&self) -> NetworkRef<'_, N, W> {
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
    /// Listening and connecting with bytes (`SOCK_STREAM`).
    pub fn streams(&self) -> Sockets<'_, N, W, Stream<'_, N, W>> {
        Sockets { network: self.places(), _kind: PhantomData }
    }

    /// Listening and connecting with messages (`SOCK_SEQPACKET`).
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
        Sockets { network: self.places(), _kind: PhantomData }
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

/// A network seen as one kind of socket: `E` is what a connection gives, [`Stream`] or [`Packets`].
#[derive(Debug)]
pub struct Sockets<'a, const N: usize, W: Wake, E> {
    network: NetworkRef<'a, N, W>,
    _kind: PhantomData<fn() -> E>,
}

impl<'a, const N: usize, W: Wake, E: End<'a, N, W>> Sockets<'a, N, W, E> {
    /// [`listen`](Self::listen) that never waits.
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen), and [`Error::WouldBlock`] while another context looks at
    /// the network.
    pub fn try_listen<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
    ) -> Result<Listener<'a, N, W, E>, Error> {
        now(self.attempt_listen(address.into().key()?, backlog).ok())
    }

    /// [`connect`](Self::connect) that never waits.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::WouldBlock`] when the backlog is full, or
    /// another context looks at the network.
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
        let listening = network.with(|places| places.listen(key, E::PACKETS, limit))?;
        Ok(listening.map(|(index, backlog)| Listener {
            network,
            index,
            backlog,
            _kind: PhantomData,
        }))
    }

    fn attempt_connect(&self, key: Key) -> Attempt<'a, E, W> {
        match self.network.with(|places| places.connect(key, E::PACKETS))? {
            Ok(Ok(halves)) => Ok(Ok(E::from_halves(halves))),
            Ok(Err(BacklogFull)) => Err(self.network.bell),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl<'a, const N: usize, W: Wait, E: End<'a, N, W>> Sockets<'a, N, W, E> {
    /// Listens at an address (`bind` and `listen`); at most `backlog` connections (at least one)
    /// wait there to be accepted. Waits at most while another context looks at the network.
    ///
    /// # Errors
    /// [`Error::AddressInUse`] when somebody listens there, [`Error::BadName`] when the name is
    /// empty or too long, [`Error::Exhausted`] when there is no place for a listener.
    pub fn listen<'b>(
        &self,
        address: impl Into<Address<'b>>,
        backlog: usize,
    ) -> Result<Listener<'a, N, W, E>, Error> {
        self.listen_deadline(address, backlog, None)
    }

    /// [`listen`](Self::listen), at most until `deadline` (`None`: for ever).
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

    /// Connects; waits for room in the backlog. Whoever listens need not have accepted yet.
    ///
    /// # Errors
    /// [`Error::Refused`] when nobody listens there, also when the listener closed while this
    /// waited; [`Error::BadName`] when the name is empty or too long; [`Error::Exhausted`] when
    /// there is no place for a connection.
    pub fn connect<'b>(&self, address: impl Into<Address<'b>>) -> Result<E, Error> {
        self.connect_deadline(address, None)
    }

    /// [`connect`](Self::connect), at most until `deadline` (`None`: for ever).
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
    /// [`listen`](Self::listen) as a future.
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

    /// [`connect`](Self::connect) as a future. Cancelled, it connected nothing.
    ///
    /// As many tasks can wait to connect to one network as its bell has places for, see
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

/// One who accepts connections; any number of contexts may do so at once. Dropping it frees the
/// address and tears down what waits to be accepted. That never waits: if another context looks at
/// the network just then, it does so.
#[derive(Debug)]
pub struct Listener<'a, const N: usize, W: Wake, E> {
    network: NetworkRef<'a, N, W>,
    index: usize,
    backlog: &'a Backlog<W>,
    _kind: PhantomData<fn() -> E>,
}

impl<'a, const N: usize, W: Wake, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// Where it is in its life: listening, as long as it lives.
    pub const fn state(&self) -> State {
        State::Listening
    }

    /// [`accept`](Self::accept) that never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when none waits, or another context looks at the network.
    pub fn try_accept(&self) -> Result<E, Error> {
        now(self.attempt().ok())
    }

    /// Two things may have to be waited for, and each is told at its own bell.
    fn attempt(&self) -> Attempt<'a, E, W> {
        if !self.backlog.is_wanted() {
            return Err(self.backlog.bell());
        }
        let halves = self.network.with(|places| places.accept(self.index, self.backlog))?;
        halves.map(|halves| Ok(E::from_halves(halves))).ok_or(self.backlog.bell())
    }
}

impl<'a, const N: usize, W: Wait, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// Accepts the connection that waits longest; waits for one.
    ///
    /// # Errors
    /// None of its own; the type is that of the form with a deadline.
    pub fn accept(&self) -> Result<E, Error> {
        self.accept_deadline(None)
    }

    /// [`accept`](Self::accept), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none came in time.
    pub fn accept_deadline(&self, deadline: Option<W::Deadline>) -> Result<E, Error> {
        wait(deadline, || self.attempt())
    }
}

impl<'a, const N: usize, W: Register, E: End<'a, N, W>> Listener<'a, N, W, E> {
    /// [`accept`](Self::accept) for a task: accepts, or has the task woken when a connection may be
    /// there. Cancel-safe.
    ///
    /// # Errors
    /// None of its own.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<E, Error>> {
        poll(cx, || self.attempt())
    }

    /// [`accept`](Self::accept) as a future. Cancel-safe: what was not returned was not accepted.
    ///
    /// # Errors
    /// None of its own.
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
