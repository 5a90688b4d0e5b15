//! What all sockets share: their state, their addresses, their descriptor.

use super::file::SocketFile;
use super::kind::{Connected, Family, Type};
use crate::error::Tried;
use crate::fd::{self, EndpointState, Interest, Timeout};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use std::fmt;
use std::marker::PhantomData;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// One end of a socket of family `F` and type `T`: what `socket(F, T, 0)` returns.
///
/// See the [module](super) for the names of the combinations, and for what holds for all of them.
#[doc(alias = "socket")]
pub struct Socket<F: Family, T: Type> {
    pub(super) state: EndpointState,
    // Dropped before the descriptor: as long as the socket is open, no other process considers its
    // file dead.
    pub(super) file: Option<Box<SocketFile>>,
    pub(super) fd: OwnedFd,
    pub(super) kind: PhantomData<fn() -> (F, T)>,
}

impl<F: Family, T: Type> Socket<F, T> {
    /// The state of this end, according to its operations so far. It does not ask the system.
    ///
    /// An end of file, a broken pipe, a reset and [`shutdown`](Self::shutdown) change it. A
    /// datagram socket is `New` until it is connected, and does not notice that its peer closed.
    ///
    /// ```
    /// use ringway::channel::State;
    /// use ringway::socket::UnixStream;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// drop(theirs);
    /// assert_eq!(ours.state(), State::STREAM); // not noticed yet
    /// assert_eq!(ours.read(&mut [0; 8])?, 0);
    /// assert!(!ours.state().can_recv());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// The error of the system call
    /// ([getsockname(2)](https://man7.org/linux/man-pages/man2/getsockname.2.html)).
    #[doc(alias = "getsockname")]
    pub fn local_address(&self) -> Result<F::Address> {
        let address = rustix::net::getsockname(&self.fd).tried("get the socket's own address")?;
        Ok(F::decode(&address).unwrap_or_else(F::unknown))
    }

    /// The address of the end that this one is connected to.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected)
    /// ([getpeername(2)](https://man7.org/linux/man-pages/man2/getpeername.2.html)).
    ///
    /// ```
    /// use ringway::socket::{UdpSocket, UnixAddress, UnixStream};
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// assert_eq!(ours.peer_address()?, UnixAddress::Unnamed);
    /// assert_ne!(UdpSocket::bind("127.0.0.1:0")?.local_address()?.port(), 0); // the system chose one
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "getpeername")]
    pub fn peer_address(&self) -> Result<F::Address> {
        let address = rustix::net::getpeername(&self.fd).tried("get the address of the peer")?;
        Ok(address.as_ref().and_then(F::decode).unwrap_or_else(F::unknown))
    }

    /// Makes an end of a new socket, or of one that came from elsewhere and was inspected.
    pub(super) fn new(fd: OwnedFd, state: State) -> Result<Self> {
        T::prepare(fd.as_fd()).tried("prepare the socket for messages")?;
        Ok(Socket { state: EndpointState::new(state), file: None, fd, kind: PhantomData })
    }

    /// Does what [`fd::attempt`] does, on this descriptor.
    #[inline]
    pub(super) fn attempt<R>(
        &self,
        interest: Interest,
        timeout: Timeout,
        operation: impl FnMut(bool) -> rustix::io::Result<R>,
    ) -> rustix::io::Result<R> {
        fd::attempt(self.fd.as_fd(), interest, timeout, operation)
    }

    /// Records an event that the peer caused. The table's errors do not matter here.
    #[cold]
    pub(super) fn record(&self, event: Event) {
        let _ = self.state.on(event);
    }

    /// Makes an error of an errno, and records what the peer did.
    #[cold]
    pub(super) fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        match errno {
            Errno::PIPE if T::CONNECTED => self.record(Event::PeerShutRecv),
            Errno::CONNRESET if T::CONNECTED => self.record(Event::Reset),
            _ => {}
        }
        Error::new(operation, errno)
    }
}

impl<F: Family, T: Connected> Socket<F, T> {
    /// Ends one direction, or both, and leaves the descriptor open (half-close).
    ///
    /// After `Write` the peer reads what was sent and then the end of file. After `Read` this end
    /// reads nothing more, not even bytes that had come already, and the sends of a Unix peer fail
    /// with a broken pipe. A direction that has ended already stays as it is. Threads that wait in
    /// this end wake up.
    ///
    /// # Errors
    /// [`Reset`](CoreError::Reset) if the connection was torn down and this end had not noticed
    /// ([shutdown(2)](https://man7.org/linux/man-pages/man2/shutdown.2.html)).
    ///
    /// ```
    /// use ringway::socket::UnixStream;
    /// use ringway::CoreError;
    /// use std::net::Shutdown;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// ours.shutdown(Shutdown::Write)?;
    /// assert!(ours.write(b"late").unwrap_err().is(CoreError::BrokenPipe));
    /// assert_eq!(theirs.read(&mut [0; 8])?, 0);
    /// theirs.write(b"still open")?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        const WHAT: &str = "shut the socket down";
        let (events, how): (&[Event], _) = match how {
            Shutdown::Read => (&[Event::ShutRecv], rustix::net::Shutdown::Read),
            Shutdown::Write => (&[Event::ShutSend], rustix::net::Shutdown::Write),
            Shutdown::Both => (&[Event::ShutRecv, Event::ShutSend], rustix::net::Shutdown::Both),
        };
        let before = self.state();
        if before == State::Reset {
            return Err(Error::new(WHAT, CoreError::Reset));
        }
        for event in events {
            self.state.on(*event).tried(WHAT)?;
        }
        match rustix::net::shutdown(&self.fd, how) {
            // The connection was torn down before this end noticed. If both sides had ended
            // normally before, this is no error.
            Err(Errno::NOTCONN) if before.can_send() || before.can_recv() => {
                self.record(Event::Reset);
                Err(Error::new(WHAT, CoreError::Reset))
            }
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(errno) => Err(Error::new(WHAT, errno)),
        }
    }
}

crate::sys::descriptor!({F: Family, T: Type} Socket<F, T>, |it| it.fd);

impl<F: Family, T: Type> fmt::Debug for Socket<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("fd", &self.fd).field("state", &self.state()).finish()
    }
}

impl<F: Family, T: Type> From<Socket<F, T>> for OwnedFd {
    /// Returns the descriptor alone. If this end made a socket file, the file stays.
    fn from(socket: Socket<F, T>) -> OwnedFd {
        if let Some(file) = socket.file {
            (*file).keep();
        }
        T::release(socket.fd.as_fd());
        socket.fd
    }
}

impl<F: Family, T: Type> TryFrom<OwnedFd> for Socket<F, T> {
    type Error = Error;

    /// Adopts a descriptor that came from elsewhere, after asking the system what it is.
    ///
    /// It asks for `SO_DOMAIN`, `SO_TYPE` and `SO_ACCEPTCONN`.
    ///
    /// # Errors
    /// An error if the descriptor is no socket, has another family or type, listens, or is a stream
    /// or seqpacket that is not connected. The descriptor is closed then.
    ///
    /// ```
    /// use ringway::socket::{UnixSeqpacket, UnixStream};
    /// use std::os::fd::OwnedFd;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let fd = OwnedFd::from(ours);
    /// assert!(UnixSeqpacket::try_from(fd.try_clone().unwrap()).is_err());
    /// let ours = UnixStream::try_from(fd)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    fn try_from(fd: OwnedFd) -> Result<Self> {
        let listening = inspect::<F, T>(fd.as_fd())?;
        if listening {
            return Err(Error::new(WRONG_SOCKET, Errno::INVAL).on("a socket that listens"));
        }
        fd::set_close_on_exec(&fd, true)?;
        let state = match rustix::net::getpeername(&fd) {
            Ok(_) => State::STREAM,
            Err(Errno::NOTCONN) if !T::CONNECTED => State::New,
            Err(errno) => return Err(Error::new(WRONG_SOCKET, errno).on("a socket without a peer")),
        };
        Socket::new(fd, state)
    }
}

pub(super) const WRONG_SOCKET: &str = "use the descriptor for this kind of end: it is";

/// Checks that `fd` is a socket of this family and type, and returns whether it listens.
pub(super) fn inspect<F: Family, T: Type>(fd: BorrowedFd<'_>) -> Result<bool> {
    const ASK: &str = "ask what kind of socket the descriptor is";
    let family = sockopt::socket_domain(fd).tried(ASK)?;
    if !F::is(family) {
        return Err(Error::new(WRONG_SOCKET, Errno::AFNOSUPPORT).on("a socket of another family"));
    }
    if sockopt::socket_type(fd).tried(ASK)? != T::TYPE {
        return Err(Error::new(WRONG_SOCKET, Errno::PROTOTYPE).on("a socket of another type"));
    }
    sockopt::socket_acceptconn(fd).tried(ASK)
}

/// Makes a socket that no child inherits.
pub(super) fn open(
    family: AddressFamily,
    kind: SocketType,
    more: SocketFlags,
) -> std::result::Result<OwnedFd, Error> {
    rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC | more, None).tried("make a socket")
}

pub(super) const fn send_flags(at_once: bool) -> SendFlags {
    if at_once { SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT) } else { SendFlags::NOSIGNAL }
}

pub(super) const fn recv_flags(at_once: bool) -> RecvFlags {
    if at_once { RecvFlags::DONTWAIT } else { RecvFlags::empty() }
}
