//! The rings in memory, between two threads: no system call unless a side has to sleep.

use super::row::{Mechanism, Outcome, PIECE, Row, pour, told};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::task;
use ringway::wait::PrivateFutex;
use ringway_core::Error;
use ringway_core::ring::Ring as CoreRing;
use ringway_core::ring::bytes::ByteRing as CoreByteRing;
use std::thread;

/// A value for the ring: a piece of the input, and how much of it counts.
#[derive(Clone, Copy)]
struct Line {
    len: usize,
    bytes: [u8; LINE],
}

const LINE: usize = 256 - size_of::<usize>();
const LINES: usize = 256;
const EMPTY: Line = Line { len: 0, bytes: [0; LINE] };

impl Line {
    fn new(piece: &[u8]) -> Self {
        let mut line = Line { len: piece.len(), ..EMPTY };
        line.bytes[..piece.len()].copy_from_slice(piece);
        line
    }
}

type Sleeper = PrivateFutex;

static LINES_RING: CoreRing<Line, LINES, Sleeper> = CoreRing::new();

static BYTES_RING: CoreByteRing<PIECE, Sleeper> = CoreByteRing::new();

/// The ring of values.
pub struct Ring;

impl Mechanism for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn title(&self) -> &'static str {
        "single-producer single-consumer ring of values, in memory"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (producer, consumer) = (LINES_RING.producer(), LINES_RING.consumer());
        let (mut producer, mut consumer) = producer.zip(consumer).ok_or_else(taken)?;
        thread::scope(|s| {
            let far = task::start_in(s, move || {
                let mut intake = Intake::new();
                let mut values = 0;
                let mut lines = [EMPTY; LINES];
                loop {
                    // As many as there are; where there is none, asleep until one comes.
                    let n = match consumer.try_pop_slice(&mut lines) {
                        0 => match consumer.pop() {
                            Ok(line) => {
                                lines[0] = line;
                                1
                            }
                            Err(_) => return (values, intake.finish()),
                        },
                        n => n,
                    };
                    lines[..n].iter().for_each(|line| intake.take(&line.bytes[..line.len]));
                    values += n;
                }
            })?;
            row.doing("sending through the ring");
            let mut lines = Vec::new();
            pour(input, PIECE, |piece| {
                lines.clear();
                lines.extend(piece.chunks(LINE).map(Line::new));
                let mut rest = &lines[..];
                while let Some(&first) = rest.first() {
                    // As many as there is room for; where there is none, asleep until there is.
                    let n = match producer.try_push_slice(rest) {
                        0 => producer
                            .push(first)
                            .map(|()| 1)
                            .map_err(|error| Failure::new(error.to_string()))?,
                        n => n,
                    };
                    rest = &rest[n..];
                }
                Ok(())
            })?;
            producer.close();
            row.doing("waiting for the consumer's report");
            let (values, receipt) =
                far.join().map_err(|_| Failure::new("the consumer panicked"))?;
            Ok(Outcome { what: format!("{values} values in {LINES} static slots"), receipt })
        })
    }
}

/// The ring of bytes.
pub struct ByteRing;

impl Mechanism for ByteRing {
    fn name(&self) -> &'static str {
        "byte-ring"
    }

    fn title(&self) -> &'static str {
        "single-producer single-consumer ring of bytes, in memory"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (producer, consumer) = (BYTES_RING.producer(), BYTES_RING.consumer());
        let (mut producer, mut consumer) = producer.zip(consumer).ok_or_else(taken)?;
        thread::scope(|s| {
            let far = task::start_in(s, move || {
                let mut intake = Intake::new();
                loop {
                    match consumer.read(intake.spare()).map_err(told)? {
                        0 => return Ok::<_, Failure>(intake.finish()),
                        n => intake.filled(n),
                    }
                }
            })?;
            row.doing("sending through the ring");
            pour(input, PIECE, |mut piece| {
                while !piece.is_empty() {
                    let n = producer.write(piece).map_err(told)?;
                    piece = &piece[n..];
                }
                Ok(())
            })?;
            producer.close();
            row.doing("waiting for the consumer's report");
            let receipt = far.join().map_err(|_| Failure::new("the consumer panicked"))??;
            let what = format!("around a static of {} KiB", PIECE >> 10);
            Ok(Outcome { what, receipt })
        })
    }
}

fn taken() -> Failure {
    told(Error::Taken)
}
