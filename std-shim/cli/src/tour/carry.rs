//! Rows that carry the input over a [way](Way), and the far end's report back over it.

use super::row::{Outcome, Row, Sides, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::{Part, Report};
use crate::task;
use ringway_ways::{End, Offer, Way};
use std::io::Read;
use std::path::Path;
use std::thread::JoinHandle;

/// Bytes handed to a byte stream at once: the capacity of a pipe.
const PIECE: usize = 64 << 10;

impl Sides {
    /// Sends the input; returns the far end's outcome.
    pub fn run(&self, row: &Row<'_>) -> Result<Outcome> {
        match *self {
            Sides::Processes(way) => carry::<Part>(way, row, |offer| {
                row.start("the far end", &offer.name, offer.descriptors)
            }),
            Sides::Threads(way) => {
                carry(way, row, move |offer| task::start(move || take_in(way, offer)))
            }
            Sides::Own { run, .. } => run(row),
        }
    }

    /// Runs the far end, where it is a process.
    pub fn far(&self, report: &Report, offer: Offer) -> Result<()> {
        match *self {
            Sides::Processes(way) | Sides::Threads(way) => take_in(way, offer),
            Sides::Own { far, .. } => far(report, offer),
        }
    }
}

/// The far end, which receives the input: a process or a thread.
trait Far {
    fn blame<T>(&mut self, result: Result<T>) -> Result<T>;
    fn finish(self) -> Result<()>;
}

impl Far for Part {
    fn blame<T>(&mut self, result: Result<T>) -> Result<T> {
        Part::blame(self, result)
    }

    fn finish(self) -> Result<()> {
        Part::finish(self)
    }
}

impl Far for JoinHandle<Result<()>> {
    fn blame<T>(&mut self, result: Result<T>) -> Result<T> {
        result
    }

    fn finish(self) -> Result<()> {
        self.join().map_err(|_| Failure::new("the far end panicked"))?
    }
}

fn carry<F: Far>(
    way: &dyn Way,
    row: &Row<'_>,
    start: impl FnOnce(Offer) -> Result<F>,
) -> Result<Outcome> {
    let input = row.input()?;
    let (offer, accept) = way.host(Path::new("."))?;
    row.doing("starting the far end");
    let mut far = start(offer)?;
    row.doing("waiting for the far end to come");
    let mut near = far.blame(accept().map_err(Failure::from))?;
    row.doing("sending");
    let sent = send(&mut near, input, way.message()).and_then(|pieces| {
        near.shut()?;
        row.doing("waiting for the far end's report");
        Ok((pieces, all_of(&mut near)?))
    });
    let (pieces, answer) = far.blame(sent)?;
    near.rx.leave(true);
    drop(near);
    far.finish()?;
    let mut outcome: Outcome = serde_json::from_slice(&answer)?;
    let how = row.mechanism.how;
    if way.message().is_some() {
        if outcome.what != pieces.to_string() {
            let got = outcome.what;
            return Err(Failure::new(format!("{got} messages arrived of {pieces}")));
        }
        outcome.what = format!("{pieces} messages, {how}");
    } else {
        outcome.what = how.to_string();
    }
    Ok(outcome)
}

/// Sends everything from `input`; returns the number of pieces.
///
/// Messages have many sizes up to the largest, so that a lost boundary is noticed.
fn send(end: &mut End, mut input: impl Read, largest: Option<usize>) -> Result<u64> {
    let mut pieces = 0;
    let mut sizes = (1..=largest.unwrap_or(PIECE)).rev().step_by(997).cycle();
    let mut next = || sizes.next().filter(|_| largest.is_some()).unwrap_or(PIECE);
    loop {
        let size = next();
        let sent = pour((&mut input).take(size as u64), size, |piece| {
            pieces += 1;
            Ok(end.send(piece)?)
        })?;
        if sent == 0 {
            return Ok(pieces);
        }
    }
}

/// Receives everything until the end.
fn all_of(end: &mut End) -> Result<Vec<u8>> {
    let (mut all, mut part) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match end.recv(&mut part)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

/// The far end: receives the input, and answers with its outcome.
///
/// The sender has closed its half by then; this end's half is still open.
fn take_in(way: &dyn Way, offer: Offer) -> Result<()> {
    let mut end = way.join(offer)?;
    let mut intake = Intake::new();
    let mut pieces = 0u64;
    loop {
        match end.recv(intake.spare())? {
            0 => break,
            n => intake.filled(n),
        }
        pieces += 1;
    }
    let outcome = Outcome { what: pieces.to_string(), receipt: intake.finish() };
    end.send(&serde_json::to_vec(&outcome)?)?;
    end.shut()?;
    end.rx.leave(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringway_ways::linked::Serial;
    use ringway_ways::socket::{Datagrams, Udp};

    /// Sends `bytes` bytes over a way between two threads; returns what the hosting end received.
    fn back(way: &'static dyn Way, bytes: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (offer, accept) = way.host(folder.path()).unwrap();
        let sent: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
        let ours = sent.clone();
        let far = std::thread::spawn(move || {
            let mut end = way.join(offer).unwrap();
            send(&mut end, &ours[..], way.message()).unwrap();
            end.shut().unwrap();
            end.rx.leave(false);
        });
        let mut near = accept().unwrap();
        let all = all_of(&mut near).unwrap();
        near.rx.leave(true);
        far.join().unwrap();
        assert!(all == sent, "{} of {bytes} bytes arrived, or others", all.len());
        all
    }

    #[test]
    fn link_resends_lost_datagrams() {
        back(&Serial::<_, 8000>(Datagrams), 300_003);
        back(&Serial::<_, 8000>(Udp), 300_003);
    }
}
