//! `channel::pipe`: several writers, one reader.

use super::leak;
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::wait::PrivateFutex;
use ringway_core::channel::pipe;
use std::path::Path;
use std::time::Instant;

/// One that holds more than an atomic write.
pub struct Pipe;
/// One that an atomic write fills to the last byte.
pub struct SmallPipe;

const CAPACITY: usize = 10_007;
const SMALL: usize = 61;

/// What a pipe in memory promises, with atomic writes up to this.
pub(super) fn promises(atomic: usize) -> Promises {
    Promises {
        content: Content::Bytes,
        both_at_once: false,
        half_close: false,
        several_writers: true,
        atomic: Some(atomic),
        end: true,
        torn: false,
        reliable: true,
        bounded: true,
        immediate: true,
        processes: false,
    }
}

fn pair<const N: usize>() -> (End, End) {
    let pipe = leak(pipe::Pipe::<N, PrivateFutex>::new());
    let (rx, tx) = pipe.open().expect("it is new");
    (End::sends(tx), End::receives(rx))
}

impl Transport for Pipe {
    fn name(&self) -> &'static str {
        "memory::pipe"
    }

    fn promises(&self) -> Promises {
        promises(pipe::Pipe::<CAPACITY, PrivateFutex>::ATOMIC)
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        pair::<CAPACITY>()
    }
}

impl Transport for SmallPipe {
    fn name(&self) -> &'static str {
        "memory::small_pipe"
    }

    fn promises(&self) -> Promises {
        promises(pipe::Pipe::<SMALL, PrivateFutex>::ATOMIC)
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        pair::<SMALL>()
    }
}

impl<const N: usize> Writer for pipe::Writer<'static, N, PrivateFutex> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        pipe::Writer::write(self, buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        pipe::Writer::try_write(self, buf)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        pipe::Writer::write_deadline(self, buf, Some(deadline))
    }

    fn another(&self) -> Box<dyn Writer> {
        Box::new(self.try_clone().expect("there are far fewer than it takes"))
    }
}

impl<const N: usize> Reader for pipe::Reader<'static, N, PrivateFutex> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        pipe::Reader::read(self, buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        pipe::Reader::try_read(self, buf)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        pipe::Reader::read_deadline(self, buf, Some(deadline))
    }
}
