//! Slots that one side writes without asking, and any number of sides copy: every atomic access that passes a message from
//! the writer to its readers. [`Broadcast`](super::Broadcast) and [`Latest`](crate::ring::latest::Latest) are built on
//! this and have no atomics of their own.
//!
//! # How a message is written and read
//!
//! Message `n` lies in slot `n % N`, whose *stamp* says whose slot it is since the writer began to write there. `newest` is
//! the number of the newest message.
//!
//! ```text
//!   writer                                          reader, of message n
//!   stamp := n    (upper word, then lower)          newest.load(Acquire) at least n?   no: nothing new
//!   fence(Release) ────────── SYNC POINT B ───┐
//!   the words, relaxed                        │     the words, relaxed
//!   newest.store(Release) ─── SYNC POINT A ───│──▶  (its load, above)
//!                                             └──▶  fence(Acquire)
//!                                                   stamp still n?                     no: overwritten
//! ```
//!
//! **No torn value is returned.** By A the reader sees the words of `n`, or later ones. If it got one single word of a
//! later message, then by B it also sees that message's stamp, or a later one: the copy is thrown away. This is a sequence
//! lock (Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012), but with a lock a slot, and of
//! its two halves only one: that the message is complete is what `newest` says.
//!
//! **The writer never waits**, and nobody waits for the writer: a message is there from the one store of `newest` on, the
//! commit. If the writer is stopped anywhere before it, there is nothing new, and one older message (the one whose slot it
//! had begun to write) is gone; the next writer goes on from `newest` and writes the same slot again.
//!
//! # How numbers of 64 bits are read from words of 32
//!
//! A stamp's upper word is stored before the lower one, and loaded after it (SYNC POINT C): whoever sees a lower word
//! sees an upper one at least as new. Numbers in a slot only grow. So if the upper word is as it was for `n`, the
//! lower one is not one that came back to the same bits 2^32 messages later.
//!
//! `newest` has two upper words, one for either half of the lower word's range, and the writer stores one when it enters that
//! half (SYNC POINT D). A reader loads the upper word of a half, the lower word, and the upper word again: if the lower word
//! is in that half and the upper one did not change, they are of one number. It tries again only when the writer left
//! the half meanwhile, which it does every 2^31 messages; that one word of several is stable for so long is Lamport's idea,
//! "Concurrent Reading and Writing of Clocks", TOCS 1990.

use super::number;
use crate::participant::Participant;
use crate::plain::{Plain, Words};
use crate::ring::half::Half;
use crate::sync::{AtomicU32, CachePadded, Ordering, array_of, const_unless_loom, fence};
use crate::wait::Bell;

/// The slots and what they are written by.
#[derive(Debug)]
#[repr(C)]
pub(in crate::ring) struct Stamped<T, const N: usize, B> {
    line: CachePadded<Line<B>>,
    slots: [Slot<T>; N],
}

/// What the writer writes for every message, and every reader looks at.
#[derive(Debug)]
#[repr(C)]
struct Line<B> {
    /// The lower word of the newest message's number.
    low: AtomicU32,
    /// The upper word, for when the lower is in the lower half of its range, and for when it is in the upper half.
    high: [AtomicU32; 2],
    writer: Half,
    /// What the writer rings and readers sleep on.
    bell: B,
}

/// The stamp, and the message.
#[derive(Debug)]
#[repr(C)]
struct Slot<T> {
    low: AtomicU32,
    high: AtomicU32,
    value: Words<T>,
}

/// How often a reader looks for the newest number. An honest writer makes it look again once in 2^31 messages, and twice if it
/// was suspended for as many; loom's numbers are smaller, and its models have up to five messages.
const TRIES: u32 = 8;

impl<T: Plain> Slot<T> {
    const_unless_loom! {
        fn new() -> Self {
            Slot { low: AtomicU32::new(0), high: AtomicU32::new(0), value: Words::zeroed() }
        }
    }
}

impl<T: Plain, const N: usize, B> Stamped<T, N, B> {
    const_unless_loom! {
        pub(in crate::ring) fn new(bell: B) -> Self {
            Stamped {
                line: CachePadded(Line {
                    low: AtomicU32::new(0),
                    high: [AtomicU32::new(0), AtomicU32::new(0)],
                    writer: Half::new(),
                    bell,
                }),
                slots: array_of!(Slot::new(); N),
            }
        }
    }

    pub(in crate::ring) fn bell(&self) -> &B {
        &self.line.0.bell
    }

    /// Whether a writer was there and is gone. What it published is seen by a look at `newest` after this.
    pub(in crate::ring) fn writer_is_gone(&self) -> bool {
        self.line.0.writer.is_gone()
    }

    /// The upper word of `newest` that is valid for one half of the lower word's range.
    #[inline(always)]
    fn high_of(&self, upper_half: bool) -> &AtomicU32 {
        let [lower, upper] = &self.line.0.high;
        if upper_half { upper } else { lower }
    }

    /// The number of the newest message. `known` is what the caller knows already: the nearer, the quicker.
    #[inline]
    pub(in crate::ring) fn newest(&self, known: u64) -> u64 {
        let mut upper_half = number::is_upper_half(number::low(known));
        for _ in 0..TRIES {
            let word = self.high_of(upper_half);
            // SYNC POINT D, acquire: with the store in `publish`. The lower word that we load next is at least the last of
            // the half before.
            let high = word.load(Ordering::Acquire);
            // SYNC POINT A, acquire: with the store in `publish`. The messages up to this number are seen, and the upper word
            // that was stored for it.
            let low = self.line.0.low.load(Ordering::Acquire);
            // Relaxed: ordered behind the lower word by its acquire.
            if number::is_upper_half(low) == upper_half && word.load(Ordering::Relaxed) == high {
                return number::join(high, low);
            }
            upper_half = number::is_upper_half(low);
        }
        // Not reached, but where somebody else writes nonsense.
        known
    }

    /// A copy of message `number`, which is no newer than `newest`; `None` if it was overwritten. Then `newest` has grown to
    /// `number + N - 1` at least.
    #[inline]
    pub(in crate::ring) fn read(&self, number: u64) -> Option<T> {
        let slot = self.slots.get(number::index::<N>(number))?;
        let value = slot.value.load();
        // SYNC POINT B, acquire: with the fence in `write`. If one of the words is of a later message, its stamp is seen.
        fence(Ordering::Acquire);
        // SYNC POINT C, acquire: with the store in `write`. The upper word is seen at least as new as this one, and so is
        // `newest` of the message before.
        let is_still_there = slot.low.load(Ordering::Acquire) == number::low(number)
            // Relaxed: ordered behind the lower word by its acquire.
            && slot.high.load(Ordering::Relaxed) == number::high(number);
        is_still_there.then_some(value)
    }
}

impl<T: Plain, const N: usize, B: Bell> Stamped<T, N, B> {
    /// Takes the writer's half for `me`, if nobody has it.
    pub(in crate::ring) fn take(&self, me: Participant) -> Option<Pen<'_, T, N, B>> {
        self.line.0.writer.take(me).then(|| Pen { stamped: self, newest: self.newest(0) })
    }

    /// Takes it for the owner of the whole, who knows that nobody has it.
    pub(in crate::ring) fn take_from_owner(&mut self) -> Pen<'_, T, N, B> {
        self.line.0.writer.take_from_owner();
        Pen { newest: self.newest(0), stamped: self }
    }

    /// Gives the writer's half back if `dead` holds it, and says whether; wakes every reader.
    pub(in crate::ring) fn recover(&self, dead: Participant) -> bool {
        let recovered = self.line.0.writer.recover(dead);
        // Also when it did not hold it: it may have died after it published or gave back, and before it rang.
        self.line.0.bell.ring();
        recovered
    }
}

/// The writer's half. Dropping it gives it back.
#[derive(Debug)]
pub(in crate::ring) struct Pen<'a, T: Plain, const N: usize, B: Bell> {
    stamped: &'a Stamped<T, N, B>,
    /// The number of the newest message. We alone change it.
    newest: u64,
}

impl<'a, T: Plain, const N: usize, B: Bell> Pen<'a, T, N, B> {
    /// The number of the newest message.
    pub(in crate::ring) fn newest(&self) -> u64 {
        self.newest
    }

    pub(in crate::ring) fn stamped(&self) -> &'a Stamped<T, N, B> {
        self.stamped
    }

    /// Writes and publishes the next message, and wakes every reader. Wait-free.
    #[inline]
    pub(in crate::ring) fn write(&mut self, value: &T) {
        let number = self.newest.wrapping_add(1);
        let Some(slot) = self.stamped.slots.get(number::index::<N>(number)) else { return };
        // Relaxed: SYNC POINT C orders it.
        slot.high.store(number::high(number), Ordering::Relaxed);
        // SYNC POINT C, release: with the load in `read`. The upper word is seen with the lower one.
        slot.low.store(number::low(number), Ordering::Release);
        // SYNC POINT B, release: with the fence in `read`. Whoever sees one of the words sees the stamp.
        fence(Ordering::Release);
        slot.value.store_from(value);
        self.publish(number);
    }

    /// The commit of message `number`, the next.
    #[inline(always)]
    fn publish(&mut self, number: u64) {
        let line = &self.stamped.line.0;
        let low = number::low(number);
        let upper_half = number::is_upper_half(low);
        if upper_half != number::is_upper_half(number::low(self.newest)) {
            // SYNC POINT D, release: with the load in `newest`. Whoever sees it sees that the half before was passed.
            self.stamped.high_of(upper_half).store(number::high(number), Ordering::Release);
        }
        // SYNC POINT A, release: with the load in `newest`. The message is seen with its number.
        line.low.store(low, Ordering::Release);
        self.newest = number;
        line.bell.ring();
    }
}

impl<T: Plain, const N: usize, B: Bell> Drop for Pen<'_, T, N, B> {
    fn drop(&mut self) {
        self.stamped.line.0.writer.give_back();
        self.stamped.line.0.bell.ring();
    }
}
