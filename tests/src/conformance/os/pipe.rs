//! `pipe` and `fifo`: the same ends, which come to be in two ways.

use super::{answer, handed_over, unique};
use crate::conformance::{
    Address, Answer, Content, End, Host, Promises, Reader, Role, Transport, Writer,
};
use ringway::{fifo, pipe};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub struct Pipe;
pub struct Fifo;

const PROMISES: Promises = Promises {
    content: Content::Bytes,
    both_at_once: false,
    half_close: false,
    several_writers: true,
    atomic: Some(pipe::PIPE_BUF),
    end: true,
    torn: false,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: true,
};

impl Transport for Pipe {
    fn name(&self) -> &'static str {
        "os::pipe"
    }

    fn promises(&self) -> Promises {
        PROMISES
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (rx, tx) = pipe::pipe().expect("a pipe can be made");
        (End::sends(tx), End::receives(rx))
    }

    fn host(&self, role: Role, _place: &Path) -> Host {
        let (rx, tx) = pipe::pipe().expect("a pipe can be made");
        match role {
            Role::Sends => Host {
                address: Address::Descriptor(tx.into()),
                accept: Box::new(|| End::receives(rx)),
            },
            Role::Receives => Host {
                address: Address::Descriptor(rx.into()),
                accept: Box::new(|| End::sends(tx)),
            },
        }
    }

    fn join(&self, role: Role, address: &str) -> End {
        let fd = handed_over(address);
        match role {
            Role::Sends => End::sends(pipe::Writer::try_from(fd).expect("a writer of a pipe")),
            Role::Receives => {
                End::receives(pipe::Reader::try_from(fd).expect("a reader of a pipe"))
            }
        }
    }
}

impl Writer for pipe::Writer {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(pipe::Writer::write(self, buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(pipe::Writer::try_write(self, buf))
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        answer(pipe::Writer::write_deadline(self, buf, Some(deadline)))
    }

    fn another(&self) -> Box<dyn Writer> {
        Box::new(self.try_clone().expect("one more is free"))
    }
}

impl Reader for pipe::Reader {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(pipe::Reader::read(self, buf))
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(pipe::Reader::try_read(self, buf))
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        answer(pipe::Reader::read_deadline(self, buf, Some(deadline)))
    }
}

impl Transport for Fifo {
    fn name(&self) -> &'static str {
        "os::fifo"
    }

    fn promises(&self) -> Promises {
        PROMISES
    }

    fn pair(&self, place: &Path) -> (End, End) {
        let name = create(place);
        // Each waits for the other to open its end.
        let (rx, tx) = std::thread::scope(|scope| {
            let rx = scope.spawn(|| name.open_reader().expect("a writer comes"));
            let tx = name.open_writer().expect("a reader comes");
            (rx.join().expect("it was opened"), tx)
        });
        (End::sends(Named { end: tx, name: name.clone() }), End::receives(Named { end: rx, name }))
    }

    fn host(&self, role: Role, place: &Path) -> Host {
        let name = create(place);
        let address = Address::Name(name.path().to_str().expect("the path is UTF-8").to_owned());
        let accept: Box<dyn FnOnce() -> End> = match role {
            Role::Sends => Box::new(move || {
                End::receives(Named { end: name.open_reader().expect("it writes"), name })
            }),
            Role::Receives => Box::new(move || {
                End::sends(Named { end: name.open_writer().expect("it reads"), name })
            }),
        };
        Host { address, accept }
    }

    fn join(&self, role: Role, address: &str) -> End {
        let name = fifo::Fifo::open(address).expect("it was made");
        match role {
            Role::Sends => End::sends(name.open_writer().expect("they read")),
            Role::Receives => End::receives(name.open_reader().expect("they write")),
        }
    }
}

fn create(place: &Path) -> Arc<fifo::Fifo> {
    Arc::new(fifo::Fifo::create(unique(place), 0o600).expect("nothing has the name"))
}

/// An end, and the name, which goes with the last of its ends.
struct Named<E> {
    end: E,
    name: Arc<fifo::Fifo>,
}

impl Writer for Named<fifo::Writer> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        Writer::write(&mut self.end, buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        Writer::try_write(&mut self.end, buf)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        Writer::write_deadline(&mut self.end, buf, deadline)
    }

    /// One that opens the name itself.
    fn another(&self) -> Box<dyn Writer> {
        let end = self.name.try_open_writer().expect("there is a reader");
        Box::new(Named { end, name: self.name.clone() })
    }
}

impl Reader for Named<fifo::Reader> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        Reader::read(&mut self.end, buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        Reader::try_read(&mut self.end, buf)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        Reader::read_deadline(&mut self.end, buf, deadline)
    }
}
