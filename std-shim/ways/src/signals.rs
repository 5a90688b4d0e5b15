//! Real-time signals with a value, taken by the dispatcher.

use crate::{Accept, End, Offer, Way, Whole};
use crate::{Failure, Result};
use ringway::signal::{self, Delivery, Dispatcher, Pid, Signal};
use std::path::Path;

/// A way of signals: each carries the number that a message begins with.
pub struct Signals;

struct Signalling {
    dispatcher: Dispatcher,
    /// The sender of the last signal, or the host.
    other: Option<Pid>,
}

impl Signalling {
    fn new(other: Option<Pid>) -> Result<Self> {
        signal::catch(Signal::USR1, Delivery::Queued)?;
        Ok(Signalling { dispatcher: signal::dispatcher()?, other })
    }
}

impl Whole for Signalling {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        let other = self.other.ok_or_else(|| Failure::new("nobody has sent a signal yet"))?;
        let value = piece.first_chunk().copied().map_or(0, u64::from_le_bytes);
        // The topmost bit is a mark; keep it even where a value has 32 bits.
        let value = (value >> 63 << (usize::BITS - 1)) as usize
            | (value & u64::from(u32::MAX >> 1)) as usize;
        Ok(signal::queue(other, Signal::USR1, value)?)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        let received = self.dispatcher.wait(Signal::USR1)?;
        self.other = received.sender().or(self.other);
        let value = received.value().ok_or_else(|| Failure::new("a value got lost"))? as u64;
        let mark = value >> (usize::BITS - 1) & 1;
        let number = mark << 63 | value & u64::from(u32::MAX >> 1);
        into.iter_mut().zip(number.to_le_bytes()).for_each(|(to, byte)| *to = byte);
        Ok(size_of::<u64>().min(into.len()))
    }
}

impl Way for Signals {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        // Catch the signals before anybody learns this process's number.
        let ours = End::in_turn(Signalling::new(None)?);
        Ok(Offer::named(std::process::id().to_string(), || Ok(ours)))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let host = offer.name.parse().ok().and_then(Pid::from_raw);
        Ok(End::in_turn(Signalling::new(host)?))
    }
}
