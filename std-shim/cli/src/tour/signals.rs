//! Signals between two processes: plain ones that carry a bit each by which one comes, queued ones that carry four
//! bytes. Either is answered by a signal, so that plain ones never coalesce and queued ones never overrun the queue.

use super::row::{FarEnd, Mechanism, Outcome, Row, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::way::Offer;
use ringway::signal::{self, Delivery, Dispatcher, Pid, Received, Signal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer may take; a process that was killed gives none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plain signals.
pub const PLAIN: Mechanism = Mechanism {
    name: "signal",
    title: "plain signals between two processes, handled through the signal table",
    between: "parent → child",
    how: "",
    limit: Some(512),
    run: bits,
    far: take_bits,
};
/// What each plain signal says.
const ZERO: Signal = Signal::USR1;
const ONE: Signal = Signal::USR2;
const END: Signal = Signal::HUP;
const ANSWER: Signal = Signal::USR1;

fn bits(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    signal::catch(ANSWER, Delivery::Coalesced)?;
    let mut answers = signal::dispatcher()?;
    row.doing("starting the receiver");
    let receiver = row.start("the receiver", "", Vec::new())?;
    receiver.ready()?;
    let pid = receiver.pid();
    row.doing("sending signals");
    let mut signals = 0u64;
    let mut send = |signal| {
        signals += 1;
        signal::send(pid, signal)?;
        answer(&mut answers, ANSWER)
    };
    let sent = pour(input, 4096, |piece| {
        let bits = piece.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
        bits.map(|bit| if bit == 0 { ZERO } else { ONE })
            .try_for_each(|signal| send(signal).map(drop))
    })
    .and_then(|_| send(END));
    receiver.blame(sent)?;
    row.doing("waiting for the receiver's report");
    let mut outcome = receiver.outcome()?;
    receiver.finish()?;
    outcome.what = format!("{signals} answered signals, a bit each");
    Ok(outcome)
}

fn take_bits(far: &FarEnd<'_>, _given: Offer) -> Result<()> {
    #[derive(Default)]
    struct Bits {
        byte: u8,
        count: u32,
    }
    let bits = Mutex::new(Bits::default());
    collect(far, &[ZERO, ONE, END], move |received, intake| {
        let mut bits = bits.lock().unwrap_or_else(PoisonError::into_inner);
        if received.signal == ONE {
            bits.byte |= 1 << bits.count;
        }
        bits.count += 1;
        if bits.count == 8 {
            intake.take(&[bits.byte]);
            *bits = Bits::default();
        }
        reply(received, |sender| signal::send(sender, ANSWER))?;
        Ok(received.signal == END)
    })
}

/// A value carries so many bytes of the input: there is room for them on every target.
const WORD: usize = 4;

/// How many are under way at most: fewer than the table queues.
const WINDOW: u64 = 16;

/// The signal whose values are the input, and whose value in the answer is how many have come; and the one whose value is how
/// many bytes there are in all.
fn part_and_end() -> Result<(Signal, Signal)> {
    Signal::real_time(0).zip(Signal::real_time(1)).ok_or_else(|| {
        Failure::new("this system has no real-time signals: leave the row out with --only")
    })
}

/// Queued signals.
pub const QUEUED: Mechanism = Mechanism {
    name: "signal-queued",
    title: "queued signals with payloads between two processes",
    between: "parent → child",
    how: "",
    limit: Some(32 << 10),
    run: words,
    far: take_words,
};

fn words(row: &Row<'_>) -> Result<Outcome> {
    let input = row.input()?;
    let (part, end) = part_and_end()?;
    signal::catch(part, Delivery::Queued)?;
    let mut answers = signal::dispatcher()?;
    row.doing("starting the receiver");
    let receiver = row.start("the receiver", "", Vec::new())?;
    receiver.ready()?;
    let pid = receiver.pid();
    row.doing("queueing signals");
    let (mut queued, mut answered) = (0u64, 0u64);
    let mut settle = |queued, room| {
        while queued - answered > room {
            let received = answer(&mut answers, part)?;
            if received.sender() != Some(pid) {
                return Err(Failure::new("an answer came from somebody else"));
            }
            answered = received.value().unwrap_or_default() as u64;
        }
        Ok(())
    };
    let sent = pour(input, 4096, |piece| {
        piece.chunks(WORD).try_for_each(|bytes| {
            let mut word = [0; WORD];
            word[..bytes.len()].copy_from_slice(bytes);
            settle(queued, WINDOW - 1)?;
            signal::queue(pid, part, u32::from_le_bytes(word) as usize)?;
            queued += 1;
            Ok(())
        })
    })
    .and_then(|bytes| {
        settle(queued, 0)?;
        // At most the limit, which every target's values can tell.
        Ok(signal::queue(pid, end, bytes as usize)?)
    });
    receiver.blame(sent)?;
    row.doing("waiting for the receiver's report");
    let mut outcome = receiver.outcome()?;
    receiver.finish()?;
    outcome.what = format!("{queued} values, at most {WINDOW} under way");
    Ok(outcome)
}

fn take_words(far: &FarEnd<'_>, _given: Offer) -> Result<()> {
    let (part, end) = part_and_end()?;
    // How many came, and the last, of which only the end says how much counts.
    let state = Mutex::new((0usize, None::<[u8; WORD]>));
    collect(far, &[part, end], move |received, intake| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, held) = &mut *state;
        let value = received.value().ok_or_else(|| Failure::new("a value got lost"))?;
        if received.signal == end {
            let rest = (value as u64).saturating_sub(intake.bytes());
            let held = held.unwrap_or_default();
            intake.take(&held[..held.len().min(rest as usize)]);
            return Ok(true);
        }
        if let Some(word) = held.replace((value as u32).to_le_bytes()) {
            intake.take(&word);
        }
        *count += 1;
        reply(received, |sender| signal::queue(sender, part, *count))?;
        Ok(false)
    })
}

/// Has these signals handled until `handler` says that it was the last, or fails; then reports.
fn collect(
    far: &FarEnd<'_>,
    signals: &[Signal],
    handler: impl Fn(&Received, &mut Intake) -> Result<bool> + Send + Sync + 'static,
) -> Result<()> {
    struct State {
        intake: Intake,
        end: Option<Result<()>>,
    }
    let state = Arc::new(Mutex::new(State { intake: Intake::new(), end: None }));
    let ours = Arc::clone(&state);
    let set: signal::SignalSet = signals.iter().copied().collect();
    signal::handle(set, Delivery::Queued, move |received| {
        let mut state = ours.lock().unwrap_or_else(PoisonError::into_inner);
        match handler(received, &mut state.intake) {
            Ok(false) => {}
            Ok(true) => state.end = Some(Ok(())),
            Err(failure) => state.end = Some(Err(failure)),
        }
    })?;
    let mut dispatcher = signal::dispatcher()?;
    far.ready();
    loop {
        dispatcher.pause()?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = state.end.take() {
            end?;
            let intake = std::mem::replace(&mut state.intake, Intake::new());
            far.done("", intake);
            return Ok(());
        }
    }
}

/// Answers whoever sent the signal.
fn reply(received: &Received, send: impl FnOnce(Pid) -> ringway::Result<()>) -> Result<()> {
    let sender = received.sender().ok_or_else(|| Failure::new("a signal without a sender"))?;
    Ok(send(sender)?)
}

/// Waits for an answer.
fn answer(answers: &mut Dispatcher, signal: Signal) -> Result<Received> {
    Ok(answers.wait_deadline(signal, Instant::now() + PATIENCE)?)
}
