//! One end of a lane: the positions, how they are judged, and how an end sleeps.

use super::sleeper::Sleeper;
use super::words::{CLOSED, Words};
use crate::Error;
use crate::sync::foreign::Foreign;
use crate::sync::{Ordering, fence};

/// One end of a lane. `SENDS` says which.
#[derive(Debug)]
pub(super) struct End<'m, const SENDS: bool, S: Sleeper> {
    /// In memory that this side writes, and the peer only reads.
    mine: &'m Words,
    /// In memory that the peer writes at any moment, and this side only reads.
    theirs: &'m Words,
    data: Foreign<'m>,
    /// A power of two.
    capacity: u32,
    /// This side's position.
    at: u32,
    /// The peer's position when it was last looked at, and judged.
    seen: u32,
    is_corrupt: bool,
    sleeper: S,
}

impl<'m, const SENDS: bool, S: Sleeper> End<'m, SENDS, S> {
    /// The end of a fresh lane.
    pub(super) fn new(
        [mine, theirs]: [&'m Words; 2],
        data: Foreign<'m>,
        capacity: u32,
        sleeper: S,
    ) -> Self {
        End { mine, theirs, data, capacity, at: 0, seen: 0, is_corrupt: false, sleeper }
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many bytes this end can send or receive now, as far as it knows.
    fn known(&self) -> u32 {
        let between = self.at.wrapping_sub(self.seen);
        if SENDS { self.capacity.wrapping_sub(between) } else { between.wrapping_neg() }
    }

    /// How many bytes this end can send or receive now. If it knows of fewer than `enough`, it
    /// looks.
    ///
    /// # Errors
    /// [`Error::Corrupt`], from now on, when the peer's position cannot be.
    pub(super) fn available(&mut self, enough: u32) -> Result<u32, Error> {
        self.check()?;
        if self.known() < enough {
            // Acquire: partner is the release in `publish` of the other end. A receiver sees the
            // bytes that were sent; a sender does not overwrite bytes that are still being copied.
            let now = self.theirs.position.load(Ordering::Acquire);
            // The peer moves forwards only. A receiver frees no more than was sent, and a sender
            // sends no more than there is room for.
            let moved = now.wrapping_sub(self.seen);
            let most = if SENDS {
                self.at.wrapping_sub(self.seen)
            } else {
                self.capacity.wrapping_sub(self.known())
            };
            if moved > most {
                self.is_corrupt = true;
                return Err(Error::Corrupt);
            }
            self.seen = now;
        }
        Ok(self.known())
    }

    /// Says, from now on, that the peer wrote what cannot be.
    pub(super) fn corrupt(&mut self) -> Error {
        self.is_corrupt = true;
        Error::Corrupt
    }

    /// Copies `from` in, `skip` bytes after this side's position. There is room.
    pub(super) fn copy_in(&self, skip: u32, from: &[u8]) {
        let (offset, first) = self.run(skip);
        let (from, rest) = from.split_at_checked(first).unwrap_or((from, &[]));
        self.data.copy_in(offset, from);
        self.data.copy_in(0, rest);
    }

    /// Copies bytes out, from `skip` bytes after this side's position. They were sent.
    pub(super) fn copy_out(&self, skip: u32, to: &mut [u8]) {
        let (offset, first) = self.run(skip);
        if first < to.len() {
            let (to, rest) = to.split_at_mut(first);
            self.data.copy_out(offset, to);
            self.data.copy_out(0, rest);
        } else {
            self.data.copy_out(offset, to);
        }
    }

    /// Where a piece begins in the lane, and how many bytes there are from there to the lane's end.
    fn run(&self, skip: u32) -> (usize, usize) {
        let offset = self.at.wrapping_add(skip) & self.capacity.wrapping_sub(1);
        (offset as usize, self.capacity.wrapping_sub(offset) as usize)
    }

    /// Moves this side's position forwards, and wakes the peer if it sleeps.
    pub(super) fn publish(&mut self, bytes: u32) {
        self.at = self.at.wrapping_add(bytes);
        // Release: partner is the acquire in `available` of the other end.
        self.mine.position.store(self.at, Ordering::Release);
        self.ring();
    }

    /// Closes this end for good, and wakes the peer if it sleeps.
    pub(super) fn close(&mut self) {
        // Relaxed: partner is the acquire in `peer_closed` of the other end, through the fence by
        // which each `publish` ended. So the peer then sees all that was published.
        self.mine.rare.state.store(CLOSED, Ordering::Relaxed);
        self.ring();
    }

    /// # Errors
    /// [`Error::Corrupt`] if the peer wrote what cannot be: whatever else is the matter, it is told
    /// from then on.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_corrupt { Err(Error::Corrupt) } else { Ok(()) }
    }

    /// Whether the peer closed its end, or is dead.
    pub(super) fn peer_closed(&self) -> bool {
        // Acquire: partner is the store in `close` of the other end, and the fence before it.
        self.theirs.rare.state.load(Ordering::Acquire) == CLOSED || self.sleeper.peer_is_gone()
    }

    fn ring(&self) {
        // Partner: the fence in `wait_until` of the other end. If this one is first, the peer's
        // second look sees what was stored before it. If the other one is first, the load below
        // sees that the peer waits.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it.
        if self.theirs.rare.waits.load(Ordering::Relaxed) != 0 {
            // Relaxed, the load: only this side writes the word.
            let next = self.mine.rare.bell.load(Ordering::Relaxed).wrapping_add(1);
            // Relaxed: the fences order it. A peer that takes the new count for its ticket, and so
            // is not woken for the old one, sees in its second look what was stored before.
            self.mine.rare.bell.store(next, Ordering::Relaxed);
            self.sleeper.wake(&self.mine.rare.bell);
        }
    }

    /// What `ready` returns, as soon as it returns something.
    ///
    /// # Errors
    /// [`Error::TimedOut`], or what `ready` returned.
    pub(super) fn wait_until<R>(
        &mut self,
        deadline: Option<S::Deadline>,
        mut ready: impl FnMut(&mut Self) -> Option<Result<R, Error>>,
    ) -> Result<R, Error> {
        loop {
            if let Some(answer) = ready(self) {
                return answer;
            }
            // Relaxed, both: the fence orders them.
            let ticket = self.theirs.rare.bell.load(Ordering::Relaxed);
            self.mine.rare.waits.store(1, Ordering::Relaxed);
            // Partner: the fence in `ring` of the other end.
            fence(Ordering::SeqCst);
            let answer = ready(self);
            let slept = match answer {
                Some(_) => Ok(()),
                None => self.sleeper.sleep(&self.theirs.rare.bell, ticket, deadline),
            };
            // Relaxed: a peer that still sees the old value rings for nothing.
            self.mine.rare.waits.store(0, Ordering::Relaxed);
            if let Some(answer) = answer {
                return answer;
            }
            if slept.is_err() {
                return ready(self).unwrap_or(Err(Error::TimedOut));
            }
        }
    }
}
