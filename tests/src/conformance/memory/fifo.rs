//! `channel::fifo`: two that share only a name. The ends are those of the pipe; names and places are given back.

use super::pipe::promises;
use crate::conformance::{Answer, End, Promises, Reader, Transport, Writer};
use ringway::wait::PrivateFutex;
use ringway_core::channel::{fifo, pipe};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const CAPACITY: usize = 5_003;

/// So few that a place which is not given back is missed soon.
const PLACES: usize = 4;

static NAMES: fifo::Registry<PLACES, CAPACITY, PrivateFutex> = fifo::Registry::new();

pub struct Fifo;

impl Transport for Fifo {
    fn name(&self) -> &'static str {
        "memory::fifo"
    }

    fn promises(&self) -> Promises {
        promises(pipe::Pipe::<CAPACITY, PrivateFutex>::ATOMIC)
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let name = Arc::new(Name::make());
        // Each waits for the other to open its end.
        let (rx, tx) = std::thread::scope(|scope| {
            let rx = scope.spawn(|| NAMES.open_reader(&name.0).expect("a writer comes"));
            let tx = NAMES.open_writer(&name.0).expect("a reader comes");
            (rx.join().expect("it was opened"), tx)
        });
        (End::sends(Named { end: tx, name: name.clone() }), End::receives(Named { end: rx, name }))
    }
}

/// A name, as long as this is there.
struct Name(Vec<u8>);

impl Name {
    fn make() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string().into_bytes();
        NAMES.create(&name).expect("nothing has the name, and a place is free");
        Name(name)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        NAMES.remove(&self.0).expect("it was made");
    }
}

/// An end, and the name, which goes with the last of its ends.
struct Named<E> {
    end: E,
    name: Arc<Name>,
}

impl Writer for Named<pipe::Writer<'static, CAPACITY, PrivateFutex>> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.end.write(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.end.try_write(buf)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        self.end.write_deadline(buf, Some(deadline))
    }

    /// One that opens the name itself.
    fn another(&self) -> Box<dyn Writer> {
        let end = NAMES.try_open_writer(&self.name.0).expect("there is a reader");
        Box::new(Named { end, name: self.name.clone() })
    }
}

impl Reader for Named<pipe::Reader<'static, CAPACITY, PrivateFutex>> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.end.read(buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.end.try_read(buf)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.end.read_deadline(buf, Some(deadline))
    }
}
