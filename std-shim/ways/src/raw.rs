//! The standard library's pipes and streams, which make the plain system calls.

use crate::Result;
use crate::failure::system;
use crate::{Accept, End, Form, Offer, Reader, Way, Writer};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Anything that reads or writes, in the blocking form only.
struct Plain<T>(T);

impl<T: Read + Send> Reader for Plain<T> {
    fn read(&mut self, into: &mut [u8], _form: Form) -> Result<usize> {
        self.0.read(into).map_err(system)
    }
}

impl<T: Write + Send> Writer for Plain<T> {
    fn write(&mut self, piece: &[u8], _form: Form) -> Result<usize> {
        self.0.write(piece).map_err(system)
    }
}

/// The ways: how each makes two descriptors for each end, and the types they become.
macro_rules! ways {
    ($($(#[$meta:meta])* $Way:ident $Rx:ty, $Tx:ty, $pair:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $Way;

            impl Way for $Way {
                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let ours: io::Result<[[OwnedFd; 2]; 2]> = $pair;
                    let [[rx, tx], theirs] = ours.map_err(system)?;
                    let ours = End::new(Plain(<$Rx>::from(rx)), Plain(<$Tx>::from(tx)));
                    Ok(Offer::handed(ours, theirs))
                }

                fn join(&self, mut offer: Offer) -> Result<End> {
                    let [rx, tx] = offer.take()?;
                    Ok(End::new(Plain(<$Rx>::from(rx)), Plain(<$Tx>::from(tx))))
                }
            }
        )*
    };
}

/// A socket's descriptor twice, to receive and to send.
fn twice(socket: impl Into<OwnedFd>) -> io::Result<[OwnedFd; 2]> {
    let socket = socket.into();
    Ok([socket.try_clone()?, socket])
}

ways! {
    /// Two pipes.
    RawPipes io::PipeReader, io::PipeWriter, io::pipe().and_then(|(their_rx, tx)| {
        let (rx, their_tx) = io::pipe()?;
        Ok([[rx.into(), tx.into()], [their_rx.into(), their_tx.into()]])
    });
    /// A pair of Unix stream sockets.
    RawUnix UnixStream, UnixStream, UnixStream::pair()
        .and_then(|(ours, theirs)| Ok([twice(ours)?, twice(theirs)?]));
    /// A TCP connection.
    RawTcp TcpStream, TcpStream, TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let ours = TcpStream::connect(listener.local_addr()?)?;
        let (theirs, _) = listener.accept()?;
        ours.set_nodelay(true)?;
        theirs.set_nodelay(true)?;
        Ok([twice(ours)?, twice(theirs)?])
    });
}
