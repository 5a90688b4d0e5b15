//! What leads a sequence: it draws the operations, gives the scribbler its turns, and counts.

use super::super::alone::participant;
use super::memory::{Image, Memory};
use super::watch;
use ringway_core::participant::Participant;
use ringway_core::region::{self, View};
use ringway_core::sync::Ordering;
use std::cell::{Cell, RefCell};

/// What a sequence did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Operations.
    pub steps: u64,
    /// Operations that did something, and did not fail.
    pub done: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.steps += other.steps;
        self.done += other.done;
    }
}

/// One sequence of operations, with the memory that the scribbler overwrites.
#[derive(Debug)]
pub(super) struct Driver {
    bytes: Vec<u8>,
    at: Cell<usize>,
    image: Image,
    memory: Memory,
    /// What the words that no operation may write have to be. Empty where another thread scribbles.
    kept: RefCell<Vec<u32>>,
    slept: Cell<u32>,
    waits_for_lock: Cell<bool>,
    tally: Cell<Tally>,
}

impl Driver {
    /// A sequence that `bytes` decide from `at` on.
    pub(super) fn new(bytes: Vec<u8>, at: usize, image: Image, memory: Memory) -> Driver {
        let kept = if memory.is_raced() { &[] } else { image.kept() };
        Driver {
            bytes,
            at: Cell::new(at),
            kept: RefCell::new(kept.to_vec()),
            image,
            memory,
            slept: Cell::new(0),
            waits_for_lock: Cell::new(false),
            tally: Cell::default(),
        }
    }

    /// The next decision: one of `0..count`. `None` at the end.
    pub(super) fn below(&self, count: usize) -> Option<usize> {
        let at = self.at.get();
        if count <= 256 {
            self.at.set(at + 1);
            return Some(usize::from(*self.bytes.get(at)?) % count);
        }
        self.at.set(at + 2);
        let two = self.bytes.get(at..at + 2)?;
        Some((usize::from(two[0]) << 8 | usize::from(two[1])) % count)
    }

    /// Begins an operation: which of `count`. Before it, the scribbler may change some words.
    pub(super) fn next(&self, count: usize) -> Option<usize> {
        watch::step();
        let mut tally = self.tally.get();
        tally.steps += 1;
        self.tally.set(tally);
        self.slept.set(0);
        let changes = match self.below(16)? {
            0..=8 => 0,
            9..=12 => 1,
            13 => 2,
            14 => 4,
            // All is well again, but what this side remembers.
            _ if self.below(4)? == 0 => {
                self.put_right(self.image.words().len());
                0
            }
            _ => 1,
        };
        // Where another thread scribbles all the time, this one changes half as many.
        for _ in 0..if self.memory.is_raced() { changes / 2 } else { changes } {
            self.scribble()?;
        }
        self.below(count)
    }

    fn scribble(&self) -> Option<()> {
        self.check_kept();
        let scribbled = self.memory.scribble(&self.image, |count| self.below(count));
        self.keep();
        scribbled
    }

    /// Fails if an operation wrote what it may not.
    pub(super) fn check_kept(&self) {
        // Relaxed: there is one thread.
        let words = self.memory.words().iter().map(|word| word.load(Ordering::Relaxed));
        assert!(words.zip(&*self.kept.borrow()).all(|(is, was)| is == *was), "it wrote elsewhere");
    }

    /// Takes what the scribbler made of the words that no operation may write.
    fn keep(&self) {
        let words = self.memory.words().iter().map(|word| word.load(Ordering::Relaxed));
        self.kept.borrow_mut().iter_mut().zip(words).for_each(|(kept, is)| *kept = is);
    }

    /// Makes the first `words` what they were at first.
    fn put_right(&self, words: usize) {
        self.check_kept();
        self.memory.restore(&self.image, 0..words);
        self.keep();
    }

    /// The scribbler's turn in the middle of an operation, or between two uses of what it lent.
    pub(super) fn turn(&self) {
        if self.below(4) == Some(0) {
            self.scribble();
        }
    }

    /// Counts a sleep of this operation; how many there were.
    pub(super) fn slept(&self) -> u32 {
        self.slept.set(self.slept.get() + 1);
        self.slept.get()
    }

    /// Says whether the operation may wait for a lock without a deadline.
    pub(super) fn waits_for_lock(&self, waits: bool) {
        self.waits_for_lock.set(waits);
    }

    /// The holder of the lock that an operation waits for releases it.
    pub(super) fn release_lock(&self) {
        assert!(self.waits_for_lock.get(), "the deadline of an operation was forgotten");
        self.put_right(self.image.words().len());
    }

    /// Counts an operation that did something.
    pub(super) fn saw(&self, done: bool) {
        let mut tally = self.tally.get();
        tally.done += u64::from(done);
        self.tally.set(tally);
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally.get()
    }

    /// A deadline, as a number of sleeps.
    pub(super) fn soon(&self) -> Option<Option<u32>> {
        Some(Some(self.below(3)? as u32))
    }

    /// This participant.
    pub(super) fn me(&self) -> Participant {
        participant(1)
    }

    /// Another participant, of which nothing is in the hands of this test.
    pub(super) fn dead(&self) -> Option<Participant> {
        Some(participant([2, 3, 7, 0x1FFE, 0x1FFF][self.below(5)?]))
    }

    /// One of the two participants for whom a sequence acts that has two.
    pub(super) fn either(&self) -> Option<Participant> {
        Some(participant(1 + self.below(2)? as u16))
    }

    /// A participant for whom a sequence with [two](Self::either) does not act.
    pub(super) fn stranger(&self) -> Option<Participant> {
        Some(participant([3, 7, 0x1FFE, 0x1FFF][self.below(4)?]))
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The memory's size, in bytes.
    pub(super) fn size(&self) -> usize {
        self.image.size()
    }

    /// The region, as somebody sees it who attaches now. If its header or directory was
    /// overwritten, that is put right after an error.
    pub(super) fn view(&self) -> View<'static> {
        loop {
            match self.view_of(self.size()) {
                Ok(view) => return view,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    self.put_front_right();
                }
            }
        }
    }

    /// The region, for somebody who takes its memory for one of `length` bytes.
    pub(super) fn view_of(&self, length: usize) -> Result<View<'static>, region::Error> {
        assert!(length <= self.size());
        // SAFETY: the memory has these bytes. It lives longer than the view and all that is taken
        // from it: an operation keeps none of it for longer than its sequence. The memory is
        // accessed by users of the crate, and by a scribbler, which keeps to atomic accesses.
        unsafe { View::new(self.memory.at(), length) }
    }

    /// Makes the header, the directory and the attach table what they were at first.
    pub(super) fn put_front_right(&self) {
        self.put_right(self.image.front());
    }
}
