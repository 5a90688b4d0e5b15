//! The standard library's pipes and streams, which make the plain system calls.

use super::{Accept, End, Offer, Way, handed};
use crate::failure::{Doing, Result};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The ends, by what they write to and read from, and how two are made.
macro_rules! ends {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),* } by $tx:ident $rx:ident, $pair:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name { $($field: $type),* }

            impl End for $name {
                fn send(&mut self, piece: &[u8]) -> Result<()> {
                    self.$tx.write_all(piece).doing("send")
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
                    self.$rx.read(into).doing("receive")
                }

                fn shut(&mut self) -> Result<()> {
                    Ok(())
                }
            }

            impl Way for $name {
                fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
                    let (ours, theirs): ($name, $name) = $pair.doing("make a pair of ends")?;
                    Ok(handed(ours, [$(OwnedFd::from(theirs.$field)),*]))
                }

                fn join(mut offer: Offer) -> Result<Self> {
                    let [$($field),*] = offer.take()?;
                    Ok($name { $($field: $field.into()),* })
                }
            }
        )*
    };
}

ends! {
    RawPipes { tx: PipeWriter, rx: PipeReader } by tx rx, io::pipe().and_then(|(their_rx, tx)| {
        let (rx, their_tx) = io::pipe()?;
        Ok((RawPipes { tx, rx }, RawPipes { tx: their_tx, rx: their_rx }))
    });
    RawUnix { socket: UnixStream } by socket socket, UnixStream::pair()
        .map(|(ours, theirs)| (RawUnix { socket: ours }, RawUnix { socket: theirs }));
    RawTcp { socket: TcpStream } by socket socket, TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let ours = TcpStream::connect(listener.local_addr()?)?;
        let (theirs, _) = listener.accept()?;
        ours.set_nodelay(true)?;
        theirs.set_nodelay(true)?;
        Ok((RawTcp { socket: ours }, RawTcp { socket: theirs }))
    });
}
