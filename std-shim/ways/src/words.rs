//! Ways that carry one word at a time.
//!
//! These are queued signals with a value, plain signals with one bit each, and the payloads of a
//! signal table in memory.

use crate::{Accept, End, Offer, Way, Whole};
use crate::{Failure, Result};
use ringway::signal::{self, Delivery, Dispatcher, Pid, Received, Signal, SignalSet};
use ringway::wait::PrivateFutex;
use ringway_core::signal::{self as table, Payload, RaiseError, Table};
use std::marker::PhantomData;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Carries words of 32 bits.
trait Words: Send + Sized + 'static {
    fn host() -> Result<Accept<Self>>;
    fn join(host: Option<Pid>) -> Result<Self>;
    fn put(&mut self, word: u32) -> Result<()>;
    fn take(&mut self) -> Result<u32>;
}

/// Sends pieces as words: the length in bytes, then the bytes, four in a word.
///
/// A piece of length 0 is the end.
struct Framed<W>(W);

impl<W: Words> Whole for Framed<W> {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        // The cast loses nothing: a piece is far shorter than 4 GiB.
        self.0.put(piece.len() as u32)?;
        piece.chunks(4).try_for_each(|part| {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            self.0.put(u32::from_le_bytes(word))
        })
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        let len = self.0.take()? as usize;
        let piece = into.get_mut(..len).ok_or_else(|| Failure::new("a piece is too long"))?;
        for part in piece.chunks_mut(4) {
            part.copy_from_slice(&self.0.take()?.to_le_bytes()[..part.len()]);
        }
        Ok(len)
    }

    fn shut(&mut self) -> Result<()> {
        self.0.put(0)
    }
}

/// The way that sends pieces over the words of `W`.
struct Over<W>(PhantomData<fn() -> W>);

/// Plain signals, one bit each.
pub const BITS: &dyn Way = &Over::<Signals<Bits>>(PhantomData);

/// Queued signals, one word each.
pub const QUEUED: &dyn Way = &Over::<Signals<Queued>>(PhantomData);

/// The payloads of signal tables in memory.
pub const TABLES: &dyn Way = &Over::<Tables>(PhantomData);

impl<W: Words> Way for Over<W> {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let accept = W::host()?;
        let name = std::process::id().to_string();
        Ok(Offer::named(name, || Ok(End::in_turn(Framed(accept()?)))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let host = offer.name.parse().ok().and_then(Pid::from_raw);
        Ok(End::in_turn(Framed(W::join(host)?)))
    }
}

/// Signals to the other side.
///
/// Each signal is answered. So plain signals never coalesce, and queued ones never overflow the
/// queue.
struct Signals<C> {
    dispatcher: Dispatcher,
    other: Pid,
    sent: usize,
    answered: usize,
    came: usize,
    code: PhantomData<fn() -> C>,
}

/// How signals encode a word.
trait Code: Sized + 'static {
    /// The signals that carry words, and the signal that answers.
    fn signals() -> Result<(SignalSet, Signal)>;
    fn put(to: &mut Signals<Self>, word: u32) -> Result<()>;
    fn take(from: &mut Signals<Self>) -> Result<u32>;
}

/// How long to wait for a signal; a process that was killed sends none.
const PATIENCE: Duration = Duration::from_secs(10);

impl<C: Code> Signals<C> {
    fn catch() -> Result<Dispatcher> {
        let (carriers, answer) = C::signals()?;
        signal::catch(carriers | answer, Delivery::Queued)?;
        Ok(signal::dispatcher()?)
    }

    fn new(dispatcher: Dispatcher, other: Option<Pid>) -> Result<Self> {
        let other = other.ok_or_else(|| Failure::new("nobody to send signals to"))?;
        Ok(Signals { dispatcher, other, sent: 0, answered: 0, came: 0, code: PhantomData })
    }

    fn wait(&mut self, any_of: impl Into<SignalSet>) -> Result<Received> {
        Ok(self.dispatcher.wait_deadline(any_of, Some(Instant::now() + PATIENCE))?)
    }
}

impl<C: Code> Words for Signals<C> {
    fn host() -> Result<Accept<Self>> {
        let mut dispatcher = Self::catch()?;
        Ok(Box::new(move || {
            // The other side announces itself.
            let end = Instant::now() + PATIENCE;
            let there = dispatcher.wait_deadline(C::signals()?.1, Some(end))?;
            Self::new(dispatcher, there.sender())
        }))
    }

    fn join(host: Option<Pid>) -> Result<Self> {
        let ours = Self::new(Self::catch()?, host)?;
        signal::queue(ours.other, C::signals()?.1, 0)?;
        Ok(ours)
    }

    fn put(&mut self, word: u32) -> Result<()> {
        C::put(self, word)
    }

    fn take(&mut self) -> Result<u32> {
        C::take(self)
    }
}

/// Plain signals, handled through the signal table: which signal comes is the bit.
struct Bits;

const ZERO: Signal = Signal::USR1;
const ONE: Signal = Signal::USR2;
const ANSWER: Signal = Signal::HUP;

impl Code for Bits {
    fn signals() -> Result<(SignalSet, Signal)> {
        Ok((ZERO | ONE, ANSWER))
    }

    fn put(to: &mut Signals<Self>, word: u32) -> Result<()> {
        (0..32).try_for_each(|bit| {
            signal::send(to.other, if word >> bit & 1 == 0 { ZERO } else { ONE })?;
            to.wait(ANSWER).map(drop)
        })
    }

    fn take(from: &mut Signals<Self>) -> Result<u32> {
        (0..32).try_fold(0, |word, bit| {
            let one = from.wait(ZERO | ONE)?.signal == ONE;
            signal::send(from.other, ANSWER)?;
            Ok(word | u32::from(one) << bit)
        })
    }
}

/// Queued signals with one word each; an answer's value is the number received so far.
struct Queued;

/// The most words under way: fewer than the table queues.
const WINDOW: usize = 16;

/// The signal whose values are the words, and the signal of the answers.
fn real_time() -> Result<(Signal, Signal)> {
    Signal::real_time(0).zip(Signal::real_time(1)).ok_or_else(|| {
        Failure::new("this system has no real-time signals: leave the row out with --only")
    })
}

impl Code for Queued {
    fn signals() -> Result<(SignalSet, Signal)> {
        real_time().map(|(word, answer)| (word.into(), answer))
    }

    fn put(to: &mut Signals<Self>, word: u32) -> Result<()> {
        let (part, answer) = real_time()?;
        while to.sent - to.answered >= WINDOW {
            to.answered = to.wait(answer)?.value().unwrap_or_default();
        }
        to.sent += 1;
        Ok(signal::queue(to.other, part, word as usize)?)
    }

    fn take(from: &mut Signals<Self>) -> Result<u32> {
        let (part, answer) = real_time()?;
        let value = from.wait(part)?.value();
        from.came += 1;
        signal::queue(from.other, answer, from.came)?;
        Ok(value.ok_or_else(|| Failure::new("a value got lost"))? as u32)
    }
}

/// Signal tables in memory, one for each direction.
///
/// One side raises; the other side takes, in one place.
struct Tables {
    there: &'static OneLine,
    back: table::Dispatcher<&'static table::Table<1, 64, PrivateFutex>>,
}

type OneLine = Table<1, 64, PrivateFutex>;

static LINES: [OneLine; 2] = [const { OneLine::new() }; 2];

impl Tables {
    fn of(there: usize, back: usize) -> Result<Self> {
        let dispatcher = LINES[back].dispatcher();
        let back = dispatcher.ok_or_else(|| Failure::new("the table has a dispatcher"))?;
        Ok(Tables { there: &LINES[there], back })
    }
}

impl Words for Tables {
    fn host() -> Result<Accept<Self>> {
        let ours = Self::of(0, 1)?;
        Ok(Box::new(|| Ok(ours)))
    }

    fn join(_host: Option<Pid>) -> Result<Self> {
        Self::of(1, 0)
    }

    fn put(&mut self, word: u32) -> Result<()> {
        let mut payload = Payload::new(word as usize);
        // A full queue gives the payload back, and the raiser chooses what to do: here, it tries
        // again.
        while let Err(error) = self.there.raise_with(0, payload) {
            let RaiseError::Full(back) = error else { return Err(Failure::new(error.to_string())) };
            payload = back;
            thread::yield_now();
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u32> {
        let raised = self.back.wait(table::SignalSet::line(0))?;
        let payload = raised.payload.ok_or_else(|| Failure::new("a payload got lost"))?;
        Ok(payload.value as u32)
    }
}
