//! Locks between processes: a value under a lock, and the other locks at work.

use super::piece::{self, Piece};
use super::row::{Outcome, Row, Sides, pour};
use crate::digest::Intake;
use crate::failure::{Doing, Failure, Result};
use crate::part::{Part as Process, Report};
use ringway::CoreError;
use ringway::shm::{Barrier, Condition, Event, Layout, Queue, Region, Semaphore, Value};
use ringway_ways::{Offer, soon};
use std::fs::File;
use std::os::unix::fs::FileExt;

const TOTAL: &str = "total";
const ORDERED: &str = "ordered";
const BOTH: &str = "both";

/// How often each process increments the total before the input is sent.
const INCREMENTS: u64 = 10_000;

/// The total, and the number of the next piece of the input.
type Total = Value<[u64; 2]>;
type Ordered = Queue<Piece, 32>;

/// Two processes that increment a value and send the input in turns; each step under its lock.
pub const COUNTED: Sides = Sides::Own { run: counted, far: count };

fn counted(row: &Row<'_>) -> Result<Outcome> {
    let name = row.task.region();
    let layout = Layout::new(3).part::<Total>(TOTAL)?;
    let layout = layout.part::<Ordered>(ORDERED)?;
    let layout = layout.part::<Barrier<2>>(BOTH)?;
    let region = Region::create(&name, 0o600, &layout)?;
    row.doing("starting the two");
    let start = |label| row.start(label, &name, vec![row.input()?.into_inner().into()]);
    let (one, other) = (start("the first")?, start("the second")?);
    row.doing("taking in what they send in turns");
    let ordered = region.part::<Ordered>(ORDERED)?;
    let mut intake = Intake::new();
    let taken = (0..).find_map(|expected| match ordered.pop_deadline(soon()) {
        Ok(piece) => {
            let bytes = piece::numbered(&piece, expected);
            bytes.map(|bytes| intake.take(bytes)).err().map(Err)
        }
        Err(CoreError::EndOfFile) => Some(Ok(expected)),
        Err(error) => Some(Err(error.into())),
    });
    let pieces = taken.unwrap_or(Ok(0));
    let pieces = one.blame(pieces);
    let pieces = other.blame(pieces)?;
    row.doing("waiting for the two to end");
    let (ours, theirs) = (one.sent()?, other.sent()?);
    [one, other].into_iter().try_for_each(Process::finish)?;
    let [total, _] = *region.part::<Total>(TOTAL)?.lock().unwrap();
    if total != 2 * INCREMENTS + pieces || ours + theirs != total {
        return Err(Failure::new(format!("the total is {total}, of {ours} and {theirs}")));
    }
    Ok(Outcome { what: format!("{ours} + {theirs} = {total}"), receipt: intake.finish() })
}

fn count(far: &Report, mut given: Offer) -> Result<()> {
    let region = Region::open(&given.name)?;
    let [input] = given.take()?;
    let input = File::from(input);
    let (total, ordered) = (region.part::<Total>(TOTAL)?, region.part::<Ordered>(ORDERED)?);
    let both = region.part::<Barrier<2>>(BOTH)?;
    both.wait_deadline(soon())?;
    for _ in 0..INCREMENTS {
        total.lock()?[0] += 1;
    }
    let mut ours = INCREMENTS;
    let mut bytes = [0; piece::ROOM];
    loop {
        let mut guard = total.lock()?;
        let [sum, next] = *guard;
        let len = read_at(&input, &mut bytes, next * piece::ROOM as u64)?;
        if len == 0 {
            break;
        }
        // Push with the lock held: so the pieces are in order, though two processes push them.
        let piece = piece::new(next, &bytes[..len]);
        ordered.push_deadline(piece, None)?;
        *guard = [sum + 1, next + 1];
        ours += 1;
    }
    // The last process to arrive here closes the queue.
    if both.wait_deadline(soon())? == 0 {
        ordered.close();
    }
    far.sent(ours);
    Ok(())
}

/// Reads the bytes at `offset`, as many as there are and `out` has room for.
fn read_at(input: &File, out: &mut [u8], offset: u64) -> Result<usize> {
    let size = input.metadata().doing("look at the input")?.len();
    let len = out.len().min(size.saturating_sub(offset) as usize);
    input.read_exact_at(&mut out[..len], offset).doing("read the input")?;
    Ok(len)
}

const PLACE: &str = "place";
const CHANGED: &str = "changed";
const ROOM: &str = "room";
const OVER: &str = "over";

/// Room for one piece. Number 0 means that there is none, as in zeroed memory.
type Place = Value<Piece>;

/// A place for one piece, handed over with a semaphore, a condition and an event.
///
/// The two sides meet at a barrier.
pub const HANDED_OVER: Sides = Sides::Own { run: hand_over, far: take_over };

fn hand_over(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    let layout = Layout::new(2).part::<Place>(PLACE)?.part::<Condition>(CHANGED)?;
    let layout = layout.part::<Semaphore<1>>(ROOM)?.part::<Event>(OVER)?;
    let region = Region::anonymous(&layout.part::<Barrier<2>>(BOTH)?)?;
    let (place, changed) = (region.part::<Place>(PLACE)?, region.part::<Condition>(CHANGED)?);
    let (room, over) = (region.part::<Semaphore<1>>(ROOM)?, region.part::<Event>(OVER)?);
    row.doing("starting the taker");
    let taker = row.start_in(&region, "the taker", "")?;
    row.doing("meeting at the barrier");
    let met = region.part::<Barrier<2>>(BOTH)?.wait_deadline(soon());
    taker.blame(met.map_err(Failure::from))?;
    row.doing("handing over pieces");
    let mut pieces = 0;
    let sent = pour(input, piece::ROOM, |bytes| {
        room.acquire_deadline(soon())?;
        pieces += 1;
        *place.lock()? = piece::new(pieces, bytes);
        changed.notify(1);
        Ok(())
    });
    taker.blame(sent)?;
    {
        // Set it with the lock held: a side that is about to wait has checked before, or checks
        // after.
        let _place = place.lock();
        over.set();
    }
    changed.notify_all();
    row.doing("waiting for the taker's report");
    let mut outcome = taker.outcome()?;
    taker.finish()?;
    outcome.what = format!("met, and {pieces} pieces in one place");
    Ok(outcome)
}

fn take_over(far: &Report, mut given: Offer) -> Result<()> {
    let region = given.region()?;
    let (place, changed) = (region.part::<Place>(PLACE)?, region.part::<Condition>(CHANGED)?);
    let (room, over) = (region.part::<Semaphore<1>>(ROOM)?, region.part::<Event>(OVER)?);
    region.part::<Barrier<2>>(BOTH)?.wait_deadline(soon())?;
    let mut intake = Intake::new();
    for expected in 1.. {
        let guard = place.lock()?;
        let nothing = |place: &mut Piece| piece::is_none(place) && !over.is_set();
        let mut guard = changed.wait_while(guard, nothing)?;
        if piece::is_none(&guard) {
            break;
        }
        intake.take(piece::numbered(&guard, expected)?);
        *guard = piece::new(0, &[]);
        drop(guard);
        room.release(1)?;
    }
    far.done("", intake);
    Ok(())
}
