//! Connected sockets: Unix streams and seqpacket, by path, by abstract name and as pairs; TCP.

use super::{answer, handed_over, unique};
use crate::conformance::{
    Address, Answer, Content, End, Host, Promises, Reader, Role, Transport, Writer,
};
use ringway::socket::{
    Connected, Datagram, Family, Listener, Seqpacket, Socket, Stream, TcpListener, TcpStream, Type,
    Unix, UnixAddress,
};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A kind of Unix socket.
pub struct Local<T> {
    name: &'static str,
    by: By,
    promises: Promises,
    kind: PhantomData<fn() -> T>,
}

/// How the two ends find each other.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Path,
    Abstract,
    Pair,
}

pub const UNIX_STREAM: Local<Stream> = stream("os::unix_stream", By::Path);
pub const UNIX_STREAM_ABSTRACT: Local<Stream> = stream("os::unix_stream_abstract", By::Abstract);
pub const UNIX_STREAM_PAIR: Local<Stream> = stream("os::unix_stream_pair", By::Pair);
pub const SEQPACKET: Local<Seqpacket> = seqpacket("os::seqpacket", By::Path);
pub const SEQPACKET_ABSTRACT: Local<Seqpacket> = seqpacket("os::seqpacket_abstract", By::Abstract);
pub const SEQPACKET_PAIR: Local<Seqpacket> = seqpacket("os::seqpacket_pair", By::Pair);

const STREAM: Promises = Promises {
    content: Content::Bytes,
    both_at_once: true,
    half_close: true,
    several_writers: true,
    atomic: None,
    end: true,
    torn: true,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: true,
};

const fn stream(name: &'static str, by: By) -> Local<Stream> {
    Local { name, by, promises: STREAM, kind: PhantomData }
}

const fn seqpacket(name: &'static str, by: By) -> Local<Seqpacket> {
    let content =
        Content::Messages { max: 60_000, empty: true, limit: Some(64 << 20), copied: true };
    Local { name, by, promises: Promises { content, ..STREAM }, kind: PhantomData }
}

impl<T: Connected + Halves> Transport for Local<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promises(&self) -> Promises {
        self.promises
    }

    fn pair(&self, place: &Path) -> (End, End) {
        if self.by == By::Pair {
            let (near, far) = Socket::<Unix, T>::pair().expect("a pair can be made");
            return (T::end(near), T::end(far));
        }
        let listener = Listener::<Unix, T>::bind(self.address(place)).expect("the name is free");
        let to = listener.local_address().expect("it has a name");
        let near = Socket::<Unix, T>::connect(to).expect("it listens");
        (T::end(near), T::end(listener.accept().expect("it was connected to")))
    }

    fn host(&self, _role: Role, place: &Path) -> Host {
        if self.by == By::Pair {
            let (ours, theirs) = Socket::<Unix, T>::pair().expect("a pair can be made");
            let address = Address::Descriptor(theirs.into());
            return Host { address, accept: Box::new(|| T::end(ours)) };
        }
        let listener = Listener::<Unix, T>::bind(self.address(place)).expect("the name is free");
        let to = listener.local_address().expect("it has a name");
        let address = Address::Name(name_of(&to));
        Host { address, accept: Box::new(move || T::end(listener.accept().expect("it connects"))) }
    }

    fn join(&self, _role: Role, address: &str) -> End {
        if self.by == By::Pair {
            return T::end(
                Socket::<Unix, T>::try_from(handed_over(address)).expect("such a socket"),
            );
        }
        let to = address_of(address);
        T::end(Socket::<Unix, T>::connect(to).expect("it listens"))
    }
}

impl<T> Local<T> {
    fn address(&self, place: &Path) -> UnixAddress {
        let path = unique(place);
        match self.by {
            By::Abstract => UnixAddress::abstract_name(path.as_os_str().as_encoded_bytes()),
            _ => path.into(),
        }
    }
}

/// An address as an argument: an abstract name with an `@`, as `ss` and `netstat` write it.
pub(super) fn name_of(address: &UnixAddress) -> String {
    match address {
        UnixAddress::Path(path) => path.to_str().expect("the path is UTF-8").to_owned(),
        UnixAddress::Abstract(name) => format!("@{}", String::from_utf8_lossy(name)),
        other => panic!("{other:?} is no address to be connected to"),
    }
}

pub(super) fn address_of(name: &str) -> UnixAddress {
    match name.strip_prefix('@') {
        Some(name) => UnixAddress::abstract_name(name),
        None => name.into(),
    }
}

pub struct Tcp;

impl Transport for Tcp {
    fn name(&self) -> &'static str {
        "os::tcp"
    }

    fn promises(&self) -> Promises {
        Promises { immediate: false, ..STREAM }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let to = listener.local_address().expect("it has an address");
        let near = TcpStream::connect(to).expect("it listens");
        (Stream::end(near), Stream::end(listener.accept().expect("it was connected to")))
    }

    fn host(&self, _role: Role, _place: &Path) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let to = listener.local_address().expect("it has an address");
        Host {
            address: Address::Name(to.to_string()),
            accept: Box::new(move || Stream::end(listener.accept().expect("it connects"))),
        }
    }

    fn join(&self, _role: Role, address: &str) -> End {
        Stream::end(TcpStream::connect(address).expect("it listens"))
    }
}

/// An end that does both: each half has the socket, which is closed with the last of them.
pub(super) trait Halves: Type {
    fn end<F: Family>(socket: Socket<F, Self>) -> End;
}

/// One half of a socket of bytes, and of one of messages.
macro_rules! half {
    ($Half:ident, $Type:ident, $read:ident $try_read:ident $read_deadline:ident, $write:ident $try_write:ident $write_deadline:ident,
     $sent:expr, $shut:expr) => {
        struct $Half<F: Family>(Arc<Socket<F, $Type>>);

        impl Halves for $Type {
            fn end<F: Family>(socket: Socket<F, Self>) -> End {
                let socket = Arc::new(socket);
                End::both($Half(socket.clone()), $Half(socket))
            }
        }

        impl<F: Family> Reader for $Half<F> {
            fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
                answer(self.0.$read(buf))
            }

            fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
                answer(self.0.$try_read(buf))
            }

            fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
                answer(self.0.$read_deadline(buf, Some(deadline)))
            }

            fn shut(&mut self) -> Answer<()> {
                $shut(&self.0, Shutdown::Read)
            }
        }

        impl<F: Family> Writer for $Half<F> {
            fn write(&mut self, buf: &[u8]) -> Answer<usize> {
                answer(self.0.$write(buf)).map(|sent| $sent(sent, buf))
            }

            fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
                answer(self.0.$try_write(buf)).map(|sent| $sent(sent, buf))
            }

            fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
                answer(self.0.$write_deadline(buf, Some(deadline))).map(|sent| $sent(sent, buf))
            }

            fn shut(&mut self) -> Answer<()> {
                $shut(&self.0, Shutdown::Write)
            }

            fn another(&self) -> Box<dyn Writer> {
                Box::new($Half(self.0.clone()))
            }
        }
    };
}

half!(Bytes, Stream, read try_read read_deadline, write try_write write_deadline, |sent, _: &[u8]| sent, shut);
half!(Packets, Seqpacket, recv try_recv recv_deadline, send try_send send_deadline, all_of, shut);
half!(Datagrams, Datagram, recv try_recv recv_deadline, send try_send send_deadline, all_of, no_half_close);

/// A message that was sent was sent whole.
fn all_of((): (), message: &[u8]) -> usize {
    message.len()
}

fn shut<F: Family, T: Connected>(socket: &Socket<F, T>, how: Shutdown) -> Answer<()> {
    answer(socket.shutdown(how))
}

fn no_half_close<F: Family>(_: &Socket<F, Datagram>, how: Shutdown) -> Answer<()> {
    unreachable!("datagrams have no directions to shut down: {how:?}")
}
