//! The two sides of a row, as tasks.

use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::{Part, Report};
use crate::tour::executor::{Watched, block_on, unless};
use crate::tour::piece;
use crate::tour::row::{Outcome, Row, Sides, next};
use ringway_ways::Offer;

/// What is awaited on both sides.
pub trait Kind {
    /// What this process has before the other one comes.
    type Host;
    /// The task's end in this process.
    type Near: Give;
    /// The task's end in the other process.
    type Far: Take;

    /// Makes it, and starts the other process.
    fn start(row: &Row<'_>) -> Result<(Part, Self::Host)>;

    /// Meets the other process.
    async fn meet(host: Self::Host) -> Result<Self::Near>;

    /// In the other process: finds it, and meets the first one.
    async fn join(far: &Report, given: Offer) -> Result<Self::Far>;
}

/// The end that gives pieces.
pub trait Give {
    /// Gives piece `number`; awaits room.
    async fn give(&mut self, number: u64, bytes: &[u8]) -> Result<()>;

    /// Tells the other end that this was all.
    async fn end(self) -> Result<()>;
}

/// The end that takes them.
pub trait Take {
    /// Awaits piece `number`, and takes it; returns whether there was one.
    async fn take(&mut self, number: u64, intake: &mut Intake) -> Result<bool>;
}

pub const fn sides<K: Kind>() -> Sides {
    Sides::Own { run: run::<K>, far: take_in::<K> }
}

fn run<K: Kind>(row: &Row<'_>) -> Result<Outcome> {
    row.doing("starting the far end");
    let (far, host) = K::start(row)?;
    let (said, child) = (Watched::new(far.says())?, Watched::new(far.child())?);
    // A process that is killed says so here, whatever the task waits for.
    let all = unless(send::<K>(row, host), said.readable());
    let sent = block_on(async { all.await.ok_or_else(|| Failure::new("the far end is gone"))? });
    let pieces = far.blame(sent)?;
    row.doing("awaiting the far end's report");
    block_on(async {
        said.readable().await;
        Ok(())
    })?;
    let mut outcome = far.outcome()?;
    row.doing("awaiting the far end's end");
    block_on(child.read_with(|| far.child().try_join()))?;
    far.finish()?;
    outcome.what = format!("{pieces} pieces, {}", row.mechanism.how);
    Ok(outcome)
}

/// The task that gives the input; returns the number of pieces.
async fn send<K: Kind>(row: &Row<'_>, host: K::Host) -> Result<u64> {
    row.doing("awaiting the far end");
    let near = K::meet(host).await?;
    row.doing("sending");
    give_all(row, near).await
}

/// Gives the input, and ends; returns the number of pieces.
///
/// Dropped, it has given some of the input, and has not ended.
pub async fn give_all(row: &Row<'_>, mut near: impl Give) -> Result<u64> {
    let given = give_pieces(row, &mut near).await;
    // After a failure, too: the other task waits for the end.
    let ended = near.end().await;
    given.and_then(|pieces| ended.map(|()| pieces))
}

async fn give_pieces(row: &Row<'_>, near: &mut impl Give) -> Result<u64> {
    let (mut input, mut buffer) = (row.input()?, vec![0; piece::ROOM]);
    for number in 0.. {
        let bytes = next(&mut input, &mut buffer)?;
        if bytes.is_empty() {
            return Ok(number);
        }
        near.give(number, bytes).await?;
    }
    Err(Failure::new("the input has no end"))
}

fn take_in<K: Kind>(far: &Report, given: Offer) -> Result<()> {
    far.done("", block_on(async { take_all(K::join(far, given).await?).await })?);
    Ok(())
}

/// Takes pieces in up to the end.
///
/// Dropped, it has taken some, which are lost.
pub async fn take_all(mut end: impl Take) -> Result<Intake> {
    let mut intake = Intake::new();
    for number in 0.. {
        if !end.take(number, &mut intake).await? {
            break;
        }
    }
    Ok(intake)
}
