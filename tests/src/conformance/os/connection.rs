//! Connections: messages over a stream, larger than its buffer.

use super::{answer, handed_over};
use crate::conformance::{
    Address, Answer, Content, End, Host, Promises, Reader, Role, Transport, Writer,
};
use ringway::connection::{self, Connection, MAX_MESSAGE};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Two ends that were made together.
pub struct Pair;

/// One that receives and one that sends.
pub struct OneWay;

const PROMISES: Promises = Promises {
    content: Content::Messages {
        max: 3_000_000,
        empty: true,
        limit: Some(MAX_MESSAGE + 1),
        copied: true,
    },
    both_at_once: true,
    half_close: false,
    several_writers: true,
    atomic: None,
    end: true,
    torn: true,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: true,
};

impl Transport for Pair {
    fn name(&self) -> &'static str {
        "os::connection_pair"
    }

    fn promises(&self) -> Promises {
        PROMISES
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = connection::pair().expect("a pair can be made");
        (both(near), both(far))
    }

    fn host(&self, _role: Role, _place: &Path) -> Host {
        let (ours, theirs) = connection::pair().expect("a pair can be made");
        Host { address: Address::Descriptor(theirs.into()), accept: Box::new(|| both(ours)) }
    }

    fn join(&self, _role: Role, address: &str) -> End {
        both(Connection::try_from(handed_over(address)).expect("such a socket"))
    }
}

impl Transport for OneWay {
    fn name(&self) -> &'static str {
        "os::connection_pipe"
    }

    fn promises(&self) -> Promises {
        Promises { both_at_once: false, ..PROMISES }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (receiver, sender) = connection::pipe().expect("one can be made");
        (End::sends(Half(Arc::new(sender))), End::receives(Half(Arc::new(receiver))))
    }

    fn host(&self, role: Role, _place: &Path) -> Host {
        let (receiver, sender) = connection::pipe().expect("one can be made");
        let (theirs, ours) = match role {
            Role::Sends => (sender, End::receives(Half(Arc::new(receiver)))),
            Role::Receives => (receiver, End::sends(Half(Arc::new(sender)))),
        };
        Host { address: Address::Descriptor(theirs.into()), accept: Box::new(|| ours) }
    }

    fn join(&self, role: Role, address: &str) -> End {
        let half = Connection::try_from(handed_over(address)).expect("such a socket");
        match role {
            Role::Sends => End::sends(Half(Arc::new(half))),
            Role::Receives => End::receives(Half(Arc::new(half))),
        }
    }
}

fn both(connection: Connection) -> End {
    let connection = Arc::new(connection);
    End::both(Half(connection.clone()), Half(connection))
}

struct Half(Arc<Connection>);

impl Reader for Half {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(self.0.recv(buf))
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(self.0.try_recv(buf))
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        answer(self.0.recv_deadline(buf, Some(deadline)))
    }
}

impl Writer for Half {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(self.0.send(buf)).map(|()| buf.len())
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(self.0.try_send(buf)).map(|()| buf.len())
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        answer(self.0.send_deadline(buf, Some(deadline))).map(|()| buf.len())
    }

    fn another(&self) -> Box<dyn Writer> {
        Box::new(Half(self.0.clone()))
    }
}
