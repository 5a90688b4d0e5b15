//! Datagrams: Unix ones by path, by abstract name and as pairs, which wait for room; and UDP, which loses.

use super::socket::{Halves, address_of, name_of};
use super::{handed_over, unique};
use crate::conformance::{Address, Content, End, Host, Promises, Role, Transport};
use ringway::CoreError;
use ringway::socket::{Datagram, Socket, UdpSocket, UnixAddress, UnixDatagram};
use std::path::Path;
use std::time::{Duration, Instant};

const PROMISES: Promises = Promises {
    content: Content::Messages { max: 60_000, empty: true, limit: Some(64 << 20), copied: true },
    both_at_once: false,
    half_close: false,
    several_writers: true,
    atomic: None,
    end: false,
    torn: false,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: true,
};

/// Unix datagrams to a name.
pub struct Named {
    name: &'static str,
    by_path: bool,
}

pub const DATAGRAM: Named = Named { name: "os::datagram", by_path: true };
pub const DATAGRAM_ABSTRACT: Named = Named { name: "os::datagram_abstract", by_path: false };

impl Named {
    fn address(&self, place: &Path) -> UnixAddress {
        let path = unique(place);
        match self.by_path {
            true => path.into(),
            false => UnixAddress::abstract_name(path.as_os_str().as_encoded_bytes()),
        }
    }
}

impl Transport for Named {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promises(&self) -> Promises {
        PROMISES
    }

    fn pair(&self, place: &Path) -> (End, End) {
        let far = UnixDatagram::bind(self.address(place)).expect("the name is free");
        let near = UnixDatagram::unbound().expect("one more is free");
        near.connect(far.local_address().expect("it has a name")).expect("it receives");
        (sends(near), receives(far))
    }

    fn host(&self, role: Role, place: &Path) -> Host {
        let address = self.address(place);
        match role {
            Role::Sends => {
                let socket = UnixDatagram::bind(address.clone()).expect("the name is free");
                Host {
                    address: Address::Name(name_of(&address)),
                    accept: Box::new(|| receives(socket)),
                }
            }
            Role::Receives => Host {
                address: Address::Name(name_of(&address)),
                accept: Box::new(move || sends(connect_when_there(&address))),
            },
        }
    }

    fn join(&self, role: Role, address: &str) -> End {
        let address = address_of(address);
        match role {
            Role::Sends => {
                let socket = UnixDatagram::unbound().expect("one more is free");
                socket.connect(address).expect("it receives");
                sends(socket)
            }
            Role::Receives => receives(UnixDatagram::bind(address).expect("the name is free")),
        }
    }
}

/// A receiver that starts later than the sender has no backlog: the sender asks until it is there.
fn connect_when_there(to: &UnixAddress) -> UnixDatagram {
    let socket = UnixDatagram::unbound().expect("one more is free");
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        match socket.connect(to.clone()) {
            Ok(()) => return socket,
            Err(error) if error.is(CoreError::NotFound) || error.is(CoreError::Refused) => {
                assert!(Instant::now() < patience, "the receiver does not come: {error}");
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn sends(socket: UnixDatagram) -> End {
    End { rx: None, ..Datagram::end(socket) }
}

fn receives(socket: UnixDatagram) -> End {
    End { tx: None, ..Datagram::end(socket) }
}

/// Unix datagrams between two sockets that were made together.
pub struct Pair;

impl Transport for Pair {
    fn name(&self) -> &'static str {
        "os::datagram_pair"
    }

    fn promises(&self) -> Promises {
        Promises { both_at_once: true, ..PROMISES }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = UnixDatagram::pair().expect("a pair can be made");
        (Datagram::end(near), Datagram::end(far))
    }

    fn host(&self, _role: Role, _place: &Path) -> Host {
        let (ours, theirs) = UnixDatagram::pair().expect("a pair can be made");
        let address = Address::Descriptor(theirs.into());
        Host { address, accept: Box::new(|| Datagram::end(ours)) }
    }

    fn join(&self, _role: Role, address: &str) -> End {
        let socket = UnixDatagram::try_from(handed_over(address)).expect("such a socket");
        Datagram::end(socket)
    }
}

/// UDP over the loopback interface: what the receiver's buffer does not hold is lost, and nobody is told.
pub struct Udp;

impl Transport for Udp {
    fn name(&self) -> &'static str {
        "os::udp"
    }

    fn promises(&self) -> Promises {
        Promises {
            content: Content::Messages {
                max: 65_507,
                empty: true,
                limit: Some(65_508),
                copied: true,
            },
            both_at_once: true,
            reliable: false,
            bounded: false,
            immediate: false,
            // No case lets a peer in another process lose messages.
            processes: false,
            ..PROMISES
        }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = (bound(), bound());
        for (one, other) in [(&near, &far), (&far, &near)] {
            one.connect(other.local_address().expect("it has an address"))
                .expect("no one is asked");
        }
        (Datagram::end(near), Datagram::end(far))
    }
}

fn bound() -> UdpSocket {
    Socket::<ringway::socket::Inet, Datagram>::bind("127.0.0.1:0").expect("a port is free")
}
