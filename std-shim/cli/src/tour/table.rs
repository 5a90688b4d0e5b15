//! The signal table in memory, between two threads: one raises, the other handles, in one place.

use super::row::{Mechanism, Outcome, Row, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::task;
use crate::way::told;
use ringway::wait::PrivateFutex;
use ringway_core::signal::{Handler, Payload, RaiseError, Raised, Table};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// A payload carries so many bytes of the input: a pointer has room for them on every target.
const WORD: usize = 4;

/// The line whose payloads are the input, and the one that ends it: of lower priority, so that it comes last.
const PART: u32 = 0;
const END: u32 = 1;

static TABLE: Table<2, 64, PrivateFutex> = Table::new();
static ON_PART: Handler = Handler::new(&on_part);
static ON_END: Handler = Handler::new(&on_end);

/// What the handlers have taken in; `None` between tours.
static ARRIVED: Mutex<Option<Arrived>> = Mutex::new(None);

struct Arrived {
    intake: Intake,
    /// The last word, of which only the end says how much counts.
    held: Option<[u8; WORD]>,
    bytes: u64,
    /// How many there are, once the end has come.
    all: Option<u64>,
}

/// The signal table.
pub const SIGNAL_TABLE: Mechanism = Mechanism {
    name: "signal-table",
    title: "signal table in memory between two threads",
    between: "two threads",
    how: "",
    limit: Some(128 << 10),
    run: raise_all,
    far: |_, _| Ok(()),
};

fn raise_all(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    *arrived() = Some(Arrived { intake: Intake::new(), held: None, bytes: 0, all: None });
    for (line, handler, priority) in [(PART, &ON_PART, 1), (END, &ON_END, 0)] {
        TABLE.set_handler(line, Some(handler)).map_err(told)?;
        TABLE.set_priority(line, priority).map_err(told)?;
    }
    let far = task::start(|| {
        let mut dispatcher = TABLE.dispatcher()?;
        while arrived().as_ref()?.all.is_none() {
            dispatcher.pause().ok()?;
        }
        arrived().take().map(|arrived| arrived.intake.finish())
    })?;
    row.doing("raising signals");
    let mut full = 0u64;
    let mut raises = 0u64;
    let mut raise = |line, value: u32| {
        let mut payload = Payload::new(value as usize);
        raises += 1;
        let mut waits = 0;
        // A full queue says so and gives the payload back: what happens then is for the raiser to choose.
        while let Err(error) = TABLE.raise_with(line, payload) {
            let RaiseError::Full(back) = error else { return Err(told(error)) };
            payload = back;
            waits = 1;
            thread::yield_now();
        }
        full += waits;
        Ok(())
    };
    let sent = pour(input, WORD << 10, |piece| {
        piece.chunks(WORD).try_for_each(|part| {
            let mut word = [0; WORD];
            word[..part.len()].copy_from_slice(part);
            raise(PART, u32::from_le_bytes(word))
        })
    })?;
    // At most the limit, which 32 bits can tell.
    raise(END, sent as u32)?;
    row.doing("waiting for the dispatcher's report");
    let receipt = far.join().ok().flatten();
    let receipt = receipt.ok_or_else(|| Failure::new("the dispatcher came to no end"))?;
    Ok(Outcome { what: format!("{raises} payloads, queue full at {full}"), receipt })
}

fn on_part(delivery: &Raised) {
    let (mut arrived, Some(payload)) = (arrived(), delivery.payload) else { return };
    if let Some(arrived) = arrived.as_mut() {
        arrived.push(WORD);
        arrived.held = Some((payload.value as u32).to_le_bytes());
    }
}

fn on_end(delivery: &Raised) {
    let (mut arrived, Some(payload)) = (arrived(), delivery.payload) else { return };
    if let Some(arrived) = arrived.as_mut() {
        let all = payload.value as u64;
        let rest = all.saturating_sub(arrived.bytes);
        arrived.push(rest.min(WORD as u64) as usize);
        arrived.all = Some(all);
    }
}

impl Arrived {
    /// Takes in so many bytes of the word that is held.
    fn push(&mut self, bytes: usize) {
        if let Some(word) = self.held.take() {
            self.intake.take(&word[..bytes]);
            self.bytes += bytes as u64;
        }
    }
}

fn arrived() -> MutexGuard<'static, Option<Arrived>> {
    ARRIVED.lock().unwrap_or_else(PoisonError::into_inner)
}
