//! What the kernel offers: by Ringway's ends, and by the standard library's, which make the plain system calls.

use super::exchange::End;
use super::mechanism::{Meet, Peer, Starter};
use crate::cleanup;
use crate::failure::{Doing, Failure, Result};
use ringway::fifo::Fifo;
use ringway::pipe;
use ringway::signal::{self, Dispatcher, Keep, Signal};
use ringway::socket::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixSeqpacket, UnixStream};
use rustix::process::{Pid, getppid};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

/// The descriptors that the other side was started with.
fn given(fd: impl AsFd) -> Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned().doing("take over a descriptor")
}

fn write_all(to: &mut impl Write, message: &[u8]) -> Result<()> {
    to.write_all(message).doing("send")
}

fn read_exact(from: &mut impl Read, into: &mut [u8]) -> Result<()> {
    from.read_exact(into).doing("receive")
}

macro_rules! pipes {
    ($($(#[$meta:meta])* $name:ident($writer:ty, $reader:ty), $pairs:expr, $writer_of:expr, $reader_of:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name($writer, $reader);

            impl End for $name {
                fn send(&mut self, message: &[u8]) -> Result<()> {
                    write_all(&mut self.0, message)
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<()> {
                    read_exact(&mut self.1, into)
                }
            }

            impl Meet for $name {
                fn lead(start: Starter<'_>) -> Result<(Self, Peer)> {
                    let [(their_reader, writer), (reader, their_writer)] = $pairs?;
                    let peer = start.start(OwnedFd::from(their_reader), OwnedFd::from(their_writer))?;
                    Ok(($name(writer, reader), peer))
                }

                fn follow(_size: usize) -> Result<Self> {
                    Ok($name($writer_of(given(io::stdout())?)?, $reader_of(given(io::stdin())?)?))
                }
            }
        )*
    };
}

pipes! {
    /// Two pipes.
    Pipes(pipe::Writer, pipe::Reader), two(|| Ok(pipe::pipe()?)),
        pipe::Writer::try_from, pipe::Reader::try_from;
    /// Two named pipes.
    Fifos(pipe::Writer, pipe::Reader), two_fifos(), pipe::Writer::try_from, pipe::Reader::try_from;
    /// Two pipes of the standard library's.
    RawPipes(PipeWriter, PipeReader), two(|| io::pipe().doing("make a pipe")),
        |fd| Result::Ok(PipeWriter::from(fd)), |fd| Result::Ok(PipeReader::from(fd));
}

/// One there and one back.
fn two<T>(make: impl Fn() -> Result<T>) -> Result<[T; 2]> {
    Ok([make()?, make()?])
}

fn two_fifos() -> Result<[(pipe::Reader, pipe::Writer); 2]> {
    let directory = cleanup::Directory::make("ringway-bench-")?;
    let open = |name| Fifo::create(directory.path().join(name), 0o600)?.open_both();
    let both = [open("there")?, open("back")?];
    directory.remove()?;
    Ok(both)
}

macro_rules! streams {
    ($($(#[$meta:meta])* $name:ident($socket:ty), $pair:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name($socket);

            impl End for $name {
                fn send(&mut self, message: &[u8]) -> Result<()> {
                    write_all(&mut self.0, message)
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<()> {
                    read_exact(&mut self.0, into)
                }
            }

            impl Meet for $name {
                fn lead(start: Starter<'_>) -> Result<(Self, Peer)> {
                    let (ours, theirs) = $pair?;
                    Ok(($name(ours), start.start(OwnedFd::from(theirs), Stdio::null())?))
                }

                fn follow(_size: usize) -> Result<Self> {
                    let fd = given(io::stdin())?;
                    Ok($name(<$socket>::try_from(fd).map_err(io_error).doing("take over the socket")?))
                }
            }
        )*
    };
}

streams! {
    /// A Unix stream socket.
    UnixStreams(UnixStream), UnixStream::pair();
    /// A TCP connection.
    TcpStreams(TcpStream), TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let ours = TcpStream::connect(listener.local_address()?)?;
        let theirs = listener.accept()?;
        ours.set_nodelay(true)?;
        theirs.set_nodelay(true)?;
        Ok((ours, theirs))
    });
    /// A Unix stream socket of the standard library's.
    RawUnixStreams(std::os::unix::net::UnixStream),
        std::os::unix::net::UnixStream::pair().doing("make a socket pair");
    /// A TCP connection of the standard library's.
    RawTcpStreams(std::net::TcpStream), raw_tcp().doing("connect over TCP");
}

/// What took over a descriptor says in its own words why it could not.
fn io_error(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

fn raw_tcp() -> io::Result<(std::net::TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let ours = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (theirs, _) = listener.accept()?;
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    Ok((ours, theirs))
}

macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident($socket:ty), $one_way:literal, $pair:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name($socket);

            impl End for $name {
                fn send(&mut self, message: &[u8]) -> Result<()> {
                    Ok(self.0.send(message)?)
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<()> {
                    let size = into.len();
                    match self.0.recv(into)? {
                        received if received == size => Ok(()),
                        // A seqpacket's end of file, too.
                        other => Err(Failure::new(format!("{other} bytes came of {size}"))),
                    }
                }
            }

            impl Meet for $name {
                const ONE_WAY: bool = $one_way;

                fn lead(start: Starter<'_>) -> Result<(Self, Peer)> {
                    let (ours, theirs) = $pair?;
                    Ok(($name(ours), start.start(OwnedFd::from(theirs), Stdio::null())?))
                }

                fn follow(_size: usize) -> Result<Self> {
                    Ok($name(<$socket>::try_from(given(io::stdin())?)?))
                }
            }
        )*
    };
}

messages! {
    /// A Unix seqpacket socket.
    Seqpackets(UnixSeqpacket), true, UnixSeqpacket::pair();
    /// A Unix datagram socket.
    Datagrams(UnixDatagram), true, UnixDatagram::pair();
    /// UDP, which loses what the receiver has no room for.
    Udp(UdpSocket), false, {
        UdpSocket::bind("127.0.0.1:0").and_then(|ours| {
            let theirs = UdpSocket::bind("127.0.0.1:0")?;
            ours.connect(theirs.local_address()?)?;
            theirs.connect(ours.local_address()?)?;
            Ok((ours, theirs))
        })
    };
}

/// Real-time signals with a value, taken by the dispatcher.
pub struct QueuedSignals {
    dispatcher: Dispatcher,
    other: Pid,
}

impl QueuedSignals {
    fn new(other: Option<Pid>) -> Result<Self> {
        let other = other.ok_or_else(|| Failure::new("the other side has no process number"))?;
        Ok(QueuedSignals { dispatcher: signal::dispatcher()?, other })
    }

    fn catch() -> Result<()> {
        Ok(signal::catch(Signal::USR1, Keep::Payload)?)
    }
}

impl End for QueuedSignals {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        let value = message.first_chunk().copied().map_or(0, u64::from_le_bytes);
        // The mark is the topmost bit, also where a value has 32.
        let value = (value >> 63 << (usize::BITS - 1)) as usize
            | (value & u64::from(u32::MAX >> 1)) as usize;
        Ok(signal::queue(self.other, Signal::USR1, value)?)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<()> {
        let received = self.dispatcher.wait(Signal::USR1);
        let value =
            received.value().ok_or_else(|| Failure::new("a signal came without its value"))? as u64;
        let mark = value >> (usize::BITS - 1) & 1;
        let number = mark << 63 | value & u64::from(u32::MAX >> 1);
        into.iter_mut().zip(number.to_le_bytes()).for_each(|(to, byte)| *to = byte);
        Ok(())
    }
}

impl Meet for QueuedSignals {
    // A queue that is full loses the value.
    const ONE_WAY: bool = false;

    fn lead(start: Starter<'_>) -> Result<(Self, Peer)> {
        QueuedSignals::catch()?;
        let peer = start.start(Stdio::null(), Stdio::null())?;
        let other = i32::try_from(peer.id()).ok().and_then(Pid::from_raw);
        Ok((QueuedSignals::new(other)?, peer))
    }

    fn follow(_size: usize) -> Result<Self> {
        QueuedSignals::catch()?;
        QueuedSignals::new(getppid())
    }
}
