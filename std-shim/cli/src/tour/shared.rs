//! Shared memory between processes: one writer and its readers.

use super::piece::{self, Piece};
use super::row::{Outcome, Row, Sides, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::Report;
use ringway::CoreError;
use ringway::shm::{Layout, Region, Semaphore};
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::latest::Version;
use ringway_ways::{Offer, soon};

const PIECES: &str = "pieces";
const CREDITS: [&str; 2] = ["credits of 0", "credits of 1"];

/// The messages that a broadcast keeps; the writer gets ahead of its readers by half as many.
const KEPT: usize = 64;
const WINDOW: u32 = KEPT as u32 / 2;

type Told = ringway::shm::Broadcast<Piece, KEPT>;
type Credits = Semaphore<{ WINDOW as usize }>;

/// A broadcast to two processes.
pub const BROADCAST: Sides = Sides::Own { run: broadcast, far: read_broadcast };

fn broadcast(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    let layout = Layout::new(4).part::<Told>(PIECES)?.part::<Credits>(CREDITS[0])?;
    let region = Region::anonymous(&layout.part::<Credits>(CREDITS[1])?)?;
    let part = region.part::<Told>(PIECES)?;
    let credits = [region.part::<Credits>(CREDITS[0])?, region.part::<Credits>(CREDITS[1])?];
    let mut writer = part.writer()?;
    row.doing("starting the readers");
    let one = row.start_in(&region, "the first reader", CREDITS[0])?;
    let other = row.start_in(&region, "the second reader", CREDITS[1])?;
    one.ready()?;
    other.ready()?;
    // A reader that never reads: the writer does not wait for it.
    let mut asleep = part.reader();
    row.doing("telling both");
    let mut pieces = 0;
    let sent = pour(input, piece::ROOM, |bytes| {
        for credits in &credits {
            credits.acquire_deadline(soon())?;
        }
        writer.send_from(&piece::new(pieces, bytes));
        pieces += 1;
        Ok(())
    });
    let sent = one.blame(sent);
    other.blame(sent)?;
    writer.close();
    row.doing("waiting for the readers' reports");
    let (mut first, second) = (one.outcome()?, other.outcome()?);
    one.finish()?;
    other.finish()?;
    if (first.receipt.bytes, &first.receipt.sha256)
        != (second.receipt.bytes, &second.receipt.sha256)
    {
        return Err(Failure::new("the two readers did not see the same"));
    }
    let missed = match asleep.try_recv() {
        Err(RecvError::Lagged(missed)) => missed,
        _ => 0,
    };
    first.what = format!("{pieces} to both; a third missed {missed}");
    Ok(first)
}

fn read_broadcast(far: &Report, mut given: Offer) -> Result<()> {
    let region = given.region()?;
    let part = region.part::<Told>(PIECES)?;
    let credits = region.part::<Credits>(&given.name)?;
    let mut reader = part.reader();
    far.ready();
    let mut intake = Intake::new();
    for expected in 0.. {
        match reader.recv() {
            Ok(piece) => intake.take(piece::numbered(&piece, expected)?),
            Err(RecvError::EndOfFile) => break,
            Err(error) => return Err(error.into()),
        }
        credits.release(1)?;
    }
    far.done("", intake);
    Ok(())
}

const LEVEL: &str = "level";
const SEEN: &str = "seen";

/// The values that follow the input, too quick to be seen one by one.
const BURST: u64 = 1000;

type Level = ringway::shm::Latest<Piece>;

/// The newest value: the reader sees each value of the input, then values come too quickly.
pub const LATEST: Sides = Sides::Own { run: latest, far: read_values };

fn latest(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    let layout = Layout::new(2).part::<Level>(LEVEL)?.part::<Semaphore<0>>(SEEN)?;
    let region = Region::anonymous(&layout)?;
    let (part, seen) = (region.part::<Level>(LEVEL)?, region.part::<Semaphore<0>>(SEEN)?);
    let mut writer = part.writer()?;
    row.doing("starting the reader");
    let reader = row.start_in(&region, "the reader", "")?;
    row.doing("storing values");
    let mut pieces = 0;
    let sent = pour(input, piece::ROOM, |bytes| {
        writer.store_from(&piece::new(pieces, bytes));
        pieces += 1;
        seen.acquire_deadline(soon()).map_err(Failure::from)
    });
    reader.blame(sent)?;
    let last = pieces + BURST;
    (pieces..last).for_each(|number| writer.store_from(&piece::new(number, &[])));
    writer.close();
    row.doing("waiting for the reader's report");
    let mut outcome = reader.outcome()?;
    reader.finish()?;
    let burst = outcome.what.parse::<u64>().ok().and_then(|all| all.checked_sub(pieces));
    let burst = burst.ok_or_else(|| Failure::new("the reader missed a value it was given"))?;
    outcome.what = format!("{pieces} values; {burst} of {BURST} in a burst");
    Ok(outcome)
}

fn read_values(far: &Report, mut given: Offer) -> Result<()> {
    let region = given.region()?;
    let (part, seen) = (region.part::<Level>(LEVEL)?, region.part::<Semaphore<0>>(SEEN)?);
    let mut intake = Intake::new();
    let (mut version, mut values, mut full, mut next) = (Version::NONE, 0u64, 0, 0);
    loop {
        let (value, newer) = match part.wait_newer(version) {
            Ok(newer) => newer,
            Err(CoreError::EndOfFile) => break,
            Err(error) => return Err(error.into()),
        };
        version = newer;
        let (number, bytes) = piece::read(&value)?;
        if number < next {
            return Err(Failure::new(format!("value {number} came after {}", next - 1)));
        }
        next = number + 1;
        values += 1;
        intake.take(bytes);
        if !bytes.is_empty() {
            full += 1;
            seen.release(1)?;
        }
    }
    // The last value of the burst stayed after the writer closed.
    if next != full + BURST {
        return Err(Failure::new("the last value was not seen"));
    }
    far.done(values.to_string(), intake);
    Ok(())
}
