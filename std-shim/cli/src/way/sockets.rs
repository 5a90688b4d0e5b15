//! Sockets: streams and messages, by path and by port.

use super::{Accept, End, Offer, Way, handed, named, soon, told};
use crate::failure::Result;
use ringway::CoreError;
use ringway::socket::{
    SeqpacketListener, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener,
    UnixSeqpacket, UnixStream,
};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// A type for each kind of socket, and what an end does with it.
macro_rules! ends {
    ($($(#[$meta:meta])* $name:ident($socket:ty) by $send:ident $recv:ident, $shut:expr;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug)]
            pub struct $name($socket);

            impl End for $name {
                fn send(&mut self, piece: &[u8]) -> Result<()> {
                    Ok(self.0.$send(piece)?)
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
                    match self.0.$recv(into) {
                        Err(error) if error.is(CoreError::EndOfFile) => Ok(0),
                        other => Ok(other?),
                    }
                }

                fn shut(&mut self) -> Result<()> {
                    Ok($shut(&self.0)?)
                }
            }

            impl AsFd for $name {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    self.0.as_fd()
                }
            }
        )*
    };
}

ends! {
    /// A Unix stream socket, by path.
    UnixStreams(UnixStream) by write_all read, |it: &UnixStream| it.shutdown(Shutdown::Write);
    /// A TCP connection, by port.
    Tcp(TcpStream) by write_all read, |it: &TcpStream| it.shutdown(Shutdown::Write);
    /// A Unix seqpacket socket, by path.
    Seqpackets(UnixSeqpacket) by send recv, |it: &UnixSeqpacket| it.shutdown(Shutdown::Write);
    /// Unix datagrams, which have no end.
    Datagrams(UnixDatagram) by send recv, |_| ringway::Result::Ok(());
    /// UDP, which has no end either, and loses what the receiver has no room for.
    Udp(UdpSocket) by send recv, |_| ringway::Result::Ok(());
}

/// By path: who listens, and the largest message where there are any.
macro_rules! by_path {
    ($($name:ident($socket:ident) at $listener:ident, $message:expr;)*) => {
        $(
            impl Way for $name {
                const MESSAGE: Option<usize> = $message;

                fn host(place: &Path) -> Result<(Offer, Accept<Self>)> {
                    let path = place.join("socket").display().to_string();
                    let listener = $listener::bind(&*path)?;
                    Ok(named(&path, move || Ok($name(listener.accept_deadline(soon())?))))
                }

                fn join(offer: Offer) -> Result<Self> {
                    Ok($name($socket::connect(&*offer.name)?))
                }
            }
        )*
    };
}

by_path! {
    UnixStreams(UnixStream) at UnixListener, None;
    Seqpackets(UnixSeqpacket) at SeqpacketListener, Some(32 << 10);
}

impl Way for Tcp {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_address()?.to_string();
        Ok(named(&address, move || Tcp::prompt(listener.accept_deadline(soon())?)))
    }

    fn join(offer: Offer) -> Result<Self> {
        Tcp::prompt(TcpStream::connect(offer.name)?)
    }
}

impl Tcp {
    /// One that keeps nothing back to send it with more.
    fn prompt(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Tcp(stream))
    }
}

impl Way for Datagrams {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let (ours, theirs) = UnixDatagram::pair()?;
        Ok(handed(Datagrams(ours), [theirs.into()]))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        let [socket] = offer.take()?;
        Ok(Datagrams(UnixDatagram::try_from(socket)?))
    }
}

impl Way for Udp {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let [ours, theirs] = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
        ours.connect(theirs.local_address()?)?;
        theirs.connect(ours.local_address()?)?;
        Ok(handed(Udp(ours), [theirs.into()]))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        let [socket] = offer.take()?;
        UdpSocket::try_from(socket).map(Udp).map_err(told)
    }
}
