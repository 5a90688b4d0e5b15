//! The rows in which the input goes over a [way](crate::way): there as it is, and back what the far
//! end made of it.

use super::row::{Outcome, Row, Sides, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::Part;
use crate::task;
use crate::way::{End, Offer, Way};
use std::io::Read;
use std::path::Path;
use std::thread::JoinHandle;

/// How much is handed to a byte stream at once: what a pipe holds.
const PIECE: usize = 64 << 10;

/// Both sides of a way between two processes.
pub const fn processes<W: Way>() -> Sides {
    Sides { run: with_process::<W>, far: |_, offer| take_in::<W>(offer) }
}

/// Both sides of a way between two threads.
pub const fn threads<W: Way>() -> Sides {
    Sides { run: with_thread::<W>, far: |_, offer| take_in::<W>(offer) }
}

/// Whoever takes the input in.
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

fn with_process<W: Way>(row: &Row<'_>) -> Result<Outcome> {
    carry::<W, Part>(row, |offer| row.start("the far end", &offer.name, offer.descriptors))
}

fn with_thread<W: Way>(row: &Row<'_>) -> Result<Outcome> {
    carry::<W, _>(row, |offer| task::start(move || take_in::<W>(offer)))
}

fn carry<W: Way, F: Far>(row: &Row<'_>, start: impl FnOnce(Offer) -> Result<F>) -> Result<Outcome> {
    let input = row.input()?;
    let (offer, accept) = W::host(Path::new("."))?;
    row.doing("starting the far end");
    let mut far = start(offer)?;
    row.doing("waiting for the far end to come");
    let mut near = far.blame(accept())?;
    row.doing("sending");
    let sent = send(&mut near, input, W::MESSAGE).and_then(|pieces| {
        near.shut()?;
        row.doing("waiting for the far end's report");
        Ok((pieces, all_of(&mut near)?))
    });
    let (pieces, answer) = far.blame(sent)?;
    near.leave(true);
    drop(near);
    far.finish()?;
    let mut outcome: Outcome = serde_json::from_slice(&answer)?;
    let how = row.mechanism.how;
    if W::MESSAGE.is_some() {
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

/// Sends everything that `input` has: bytes, or messages of many sizes up to the largest, so that a
/// bound that gets lost is noticed. Returns in how many pieces.
fn send(end: &mut impl End, mut input: impl Read, largest: Option<usize>) -> Result<u64> {
    let mut pieces = 0;
    let mut sizes = (1..=largest.unwrap_or(PIECE)).rev().step_by(997).cycle();
    let mut next = || sizes.next().filter(|_| largest.is_some()).unwrap_or(PIECE);
    loop {
        let size = next();
        let sent = pour((&mut input).take(size as u64), size, |piece| {
            pieces += 1;
            end.send(piece)
        })?;
        if sent == 0 {
            return Ok(pieces);
        }
    }
}

/// What comes until the end.
fn all_of(end: &mut impl End) -> Result<Vec<u8>> {
    let (mut all, mut part) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match end.recv(&mut part)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

/// The far end: takes the input in, and answers what it was. The one that sent has closed its half
/// by then: this one's is still open.
fn take_in<W: Way>(offer: Offer) -> Result<()> {
    let mut end = W::join(offer)?;
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
    end.leave(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::way;

    /// Sends so many bytes over a way between two threads, and returns what arrived at the end that
    /// hosts.
    fn back<W: Way>(bytes: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (offer, accept) = W::host(folder.path()).unwrap();
        let sent: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
        let ours = sent.clone();
        let far = std::thread::spawn(move || {
            let mut end = W::join(offer).unwrap();
            send(&mut end, &ours[..], W::MESSAGE).unwrap();
            end.shut().unwrap();
            end.leave(false);
        });
        let mut near = accept().unwrap();
        let all = all_of(&mut near).unwrap();
        near.leave(true);
        far.join().unwrap();
        assert!(all == sent, "{} of {bytes} bytes arrived, or others", all.len());
        all
    }

    #[test]
    fn what_datagrams_lose_a_link_sends_again() {
        back::<way::linked::Serial<way::sockets::Datagrams>>(300_003);
        back::<way::linked::Serial<way::sockets::Udp>>(300_003);
    }
}
