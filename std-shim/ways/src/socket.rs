//! Sockets: streams and messages, by path, by abstract name, by port, and as pairs.

use crate::Result;
use crate::{Accept, Half, Meet, Offer, reader, soon, unique, writer};
use ringway::socket::{
    Connected, Datagram, Family, Inet, Listener, Seqpacket, Socket, Stream, TcpListener, TcpStream,
    UdpSocket, Unix, UnixAddress, UnixDatagram,
};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::path::Path;

reader!([F: Family] Half<Socket<F, Stream>>, it => it.0, read try_read read_deadline,
    it.0.shutdown(Shutdown::Read));
writer!([F: Family] Half<Socket<F, Stream>>, it => it.0, write try_write write_deadline,
    Half(it.0.clone()), it.0.shutdown(Shutdown::Write));
reader!([F: Family] Half<Socket<F, Seqpacket>>, it => it.0, recv try_recv recv_deadline,
    it.0.shutdown(Shutdown::Read));
writer!([F: Family] Half<Socket<F, Seqpacket>>, it => it.0, send try_send send_deadline,
    Half(it.0.clone()), it.0.shutdown(Shutdown::Write));
// Datagrams have no directions to shut down.
reader!([F: Family] Half<Socket<F, Datagram>>, it => it.0, recv try_recv recv_deadline);
writer!([F: Family] Half<Socket<F, Datagram>>, it => it.0, send try_send send_deadline,
    Half(it.0.clone()));

/// How the two ends of a Unix socket find each other.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Path,
    Abstract,
    Pair,
}

/// A connected Unix socket of this type, and the largest message that the tour sends.
pub struct Local<T>(By, Option<usize>, PhantomData<fn() -> T>);

impl<T> Local<T> {
    /// Found by path.
    pub const PATH: Self = Local(By::Path, None, PhantomData);
    /// Found by an abstract name.
    pub const ABSTRACT: Self = Local(By::Abstract, None, PhantomData);
    /// A pair made together.
    pub const PAIR: Self = Local(By::Pair, None, PhantomData);

    /// This way with a largest message.
    pub const fn of(self, message: usize) -> Self {
        Local(self.0, Some(message), PhantomData)
    }
}

/// A Unix stream socket.
pub type UnixStreams = Local<Stream>;

/// A Unix seqpacket socket.
pub type Seqpackets = Local<Seqpacket>;

impl<T: Connected + 'static> Meet for Local<T> {
    type It = Socket<Unix, T>;

    fn message(&self) -> Option<usize> {
        self.1
    }

    fn host(&self, place: &Path) -> Result<(Offer, Accept<Self::It>)> {
        if self.0 == By::Pair {
            let (ours, theirs) = Socket::<Unix, T>::pair()?;
            return Ok(Offer::handed(ours, [theirs.into()]));
        }
        let (name, address) = name(place, self.0 == By::Abstract);
        let listener = Listener::<Unix, T>::bind(address)?;
        Ok(Offer::named(name, move || Ok(listener.accept_deadline(soon())?)))
    }

    fn join(&self, mut offer: Offer) -> Result<Self::It> {
        if self.0 == By::Pair {
            let [socket] = offer.take()?;
            return Ok(Socket::try_from(socket)?);
        }
        Ok(Socket::<Unix, T>::connect(address(&offer.name))?)
    }
}

/// A new name for a Unix socket, and its address.
///
/// An abstract name begins with `@`, as in the output of `ss`.
pub fn name(place: &Path, is_abstract: bool) -> (String, UnixAddress) {
    let at = if is_abstract { "@" } else { "" };
    let name = format!("{at}{}", unique(place).display());
    let address = address(&name);
    (name, address)
}

/// The address of a name.
pub fn address(name: &str) -> UnixAddress {
    name.strip_prefix('@').map_or(name.into(), UnixAddress::abstract_name)
}

/// A TCP connection, by port.
pub struct Tcp;

impl Meet for Tcp {
    type It = TcpStream;

    fn host(&self, _place: &Path) -> Result<(Offer, Accept<TcpStream>)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_address()?.to_string();
        Ok(Offer::named(address, move || prompt(listener.accept_deadline(soon())?)))
    }

    fn join(&self, offer: Offer) -> Result<TcpStream> {
        prompt(TcpStream::connect(offer.name)?)
    }
}

/// Makes the stream send at once, without waiting for more to send with it.
fn prompt(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A pair of Unix datagram sockets. Datagrams have no end.
pub struct Datagrams;

impl Meet for Datagrams {
    type It = UnixDatagram;

    fn host(&self, _place: &Path) -> Result<(Offer, Accept<UnixDatagram>)> {
        let (ours, theirs) = UnixDatagram::pair()?;
        Ok(Offer::handed(ours, [theirs.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<UnixDatagram> {
        let [socket] = offer.take()?;
        Ok(UnixDatagram::try_from(socket)?)
    }
}

/// UDP: it has no end either, and loses what the receiver has no room for.
pub struct Udp;

impl Meet for Udp {
    type It = UdpSocket;

    fn host(&self, _place: &Path) -> Result<(Offer, Accept<UdpSocket>)> {
        let bind = || Socket::<Inet, Datagram>::bind("127.0.0.1:0");
        let (ours, theirs) = (bind()?, bind()?);
        ours.connect(theirs.local_address()?)?;
        theirs.connect(ours.local_address()?)?;
        Ok(Offer::handed(ours, [theirs.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<UdpSocket> {
        let [socket] = offer.take()?;
        Ok(UdpSocket::try_from(socket)?)
    }
}
