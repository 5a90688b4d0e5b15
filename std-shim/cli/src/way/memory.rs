//! The core's rings, pipe, FIFO and socket in memory, between two threads: no kernel object, and no
//! system call unless a side has to sleep.

use super::{Accept, End, Offer, Pair, Way, named, told};
use crate::failure::Result;
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::channel::socket::{Network, Shutdown, Stream};
use ringway_core::channel::{fifo, pipe};
use ringway_core::ring::{self, bytes};
use ringway_core::storage::Fixed;
use std::path::Path;

const ROOM: usize = 64 << 10;

/// What an end does with what it writes to and what it reads from.
macro_rules! ends {
    ($($name:ident by $tx:ident $rx:ident, $shut:expr;)*) => {
        $(
            impl End for $name {
                fn send(&mut self, mut piece: &[u8]) -> Result<()> {
                    let tx = self.$tx.as_mut().ok_or_else(|| told(CoreError::Closed))?;
                    while !piece.is_empty() {
                        let n = tx.write(piece)?;
                        piece = piece.get(n..).unwrap_or_default();
                    }
                    Ok(())
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
                    let rx = self.$rx.as_mut().ok_or_else(|| told(CoreError::Closed))?;
                    rx.read(into).map_err(told)
                }

                fn shut(&mut self) -> Result<()> {
                    let shut: fn(&mut Self) -> Option<()> = $shut;
                    shut(self);
                    Ok(())
                }
            }
        )*
    };
}

ends! {
    ByteRings by tx rx, |end| end.tx.take().map(bytes::Producer::close);
    Pipe by tx rx, |end| end.tx.take().map(drop);
    Fifo by tx rx, |end| end.tx.take().map(drop);
    Socket by stream stream, |end| end.stream.as_mut().map(|it| it.shutdown(Shutdown::Write));
}

pub struct ByteRings {
    tx: Option<bytes::Producer<'static, PrivateFutex, Fixed<ROOM>>>,
    rx: Option<bytes::Consumer<'static, PrivateFutex, Fixed<ROOM>>>,
}

static BYTES: [bytes::ByteRing<ROOM, PrivateFutex>; 2] = [const { bytes::ByteRing::new() }; 2];

impl Pair for ByteRings {
    fn pair() -> Result<(Self, Self)> {
        let [there, back] = &BYTES;
        let ours = ByteRings { tx: there.producer(), rx: back.consumer() };
        Ok((ours, ByteRings { tx: back.producer(), rx: there.consumer() }))
    }
}

pub struct Pipe {
    tx: Option<pipe::Writer<'static, ROOM, PrivateFutex>>,
    rx: Option<pipe::Reader<'static, ROOM, PrivateFutex>>,
}

type OneWay = pipe::Pipe<ROOM, PrivateFutex>;

static PIPES: [OneWay; 2] = [const { OneWay::new() }; 2];

impl Pair for Pipe {
    fn pair() -> Result<(Self, Self)> {
        let ((their_rx, tx), (rx, their_tx)) = (PIPES[0].open()?, PIPES[1].open()?);
        let theirs = Pipe { tx: Some(their_tx), rx: Some(their_rx) };
        Ok((Pipe { tx: Some(tx), rx: Some(rx) }, theirs))
    }
}

/// FIFOs: the two ends share only their names.
pub struct Fifo {
    tx: Option<pipe::Writer<'static, ROOM, PrivateFutex>>,
    rx: Option<pipe::Reader<'static, ROOM, PrivateFutex>>,
}

static NAMES: fifo::Registry<2, ROOM, PrivateFutex> = fifo::Registry::new();

const THERE: &[u8] = b"there";
const BACK: &[u8] = b"back";

impl Way for Fifo {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        [THERE, BACK].into_iter().try_for_each(|name| NAMES.create(name))?;
        // Both sides in the same order, so that each finds the other.
        Ok(named("", || {
            let tx = NAMES.open_writer(THERE)?;
            Ok(Fifo { tx: Some(tx), rx: Some(NAMES.open_reader(BACK)?) })
        }))
    }

    fn join(_offer: Offer) -> Result<Self> {
        let rx = NAMES.open_reader(THERE)?;
        Ok(Fifo { tx: Some(NAMES.open_writer(BACK)?), rx: Some(rx) })
    }
}

pub struct Socket {
    stream: Option<Stream<'static, ROOM, PrivateFutex>>,
}

static NETWORK: Network<1, 1, ROOM, PrivateFutex> = Network::new();

const PORT: u16 = 7;

impl Way for Socket {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let listener = NETWORK.streams().listen(PORT, 1)?;
        Ok(named("", move || Ok(Socket { stream: Some(listener.accept()?) })))
    }

    fn join(_offer: Offer) -> Result<Self> {
        Ok(Socket { stream: Some(NETWORK.streams().connect(PORT)?) })
    }
}

/// Rings of values: each has a piece, and how much of it counts.
pub struct Rings {
    tx: Option<ring::Producer<'static, Line, PrivateFutex, Fixed<LINES>>>,
    rx: ring::Consumer<'static, Line, PrivateFutex, Fixed<LINES>>,
}

#[derive(Clone, Copy)]
struct Line {
    len: usize,
    bytes: [u8; LINE],
}

const LINE: usize = 1024 - size_of::<usize>();
const LINES: usize = 64;

static VALUES: [ring::Ring<Line, LINES, PrivateFutex>; 2] = [const { ring::Ring::new() }; 2];

impl Rings {
    fn of(tx: usize, rx: usize) -> Result<Self> {
        let (tx, rx) = (VALUES[tx].producer(), VALUES[rx].consumer());
        Ok(Rings { tx, rx: rx.ok_or_else(|| told(CoreError::Taken))? })
    }
}

impl End for Rings {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        let tx = self.tx.as_mut().ok_or_else(|| told(CoreError::Closed))?;
        piece.chunks(LINE).try_for_each(|part| {
            let mut line = Line { len: part.len(), bytes: [0; LINE] };
            line.bytes[..part.len()].copy_from_slice(part);
            tx.push(line).map_err(|error| told(error.to_string()))
        })
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        let line = match self.rx.pop() {
            Ok(line) => line,
            Err(CoreError::EndOfFile) => return Ok(0),
            Err(error) => return Err(told(error)),
        };
        let room = into.get_mut(..line.len).ok_or_else(|| told("a value has no room"))?;
        room.copy_from_slice(&line.bytes[..line.len]);
        Ok(line.len)
    }

    fn shut(&mut self) -> Result<()> {
        self.tx.take().into_iter().for_each(ring::Producer::close);
        Ok(())
    }
}

impl Pair for Rings {
    fn pair() -> Result<(Self, Self)> {
        Ok((Rings::of(0, 1)?, Rings::of(1, 0)?))
    }
}
