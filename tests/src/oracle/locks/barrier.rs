//! The barrier: three participants meet in rounds of two.

use super::{Choices, LATE, PEOPLE, Task, Waits, die, person};
use ringway_core::Error;
use ringway_core::lock::{Barrier, BarrierView, Handle};

const PARTIES: usize = 2;

type Answer = Result<usize, Error>;

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Not all have come.
    Filling,
    /// All came and leave.
    Leaving,
    /// All came and leave; then the barrier is broken.
    LeavingBroken,
    /// It was reset; those that had come leave.
    Resetting,
    Broken,
}

/// What the barrier is expected to be like.
struct Model {
    phase: Phase,
    slots: [Option<usize>; PARTIES],
}

impl Model {
    fn slot_of(&self, who: usize) -> Option<usize> {
        self.slots.iter().position(|slot| *slot == Some(who))
    }

    fn has_come(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Begins the next round, if all have left the last one.
    fn settle(&mut self) {
        if self.has_come() == 0 {
            self.phase = match self.phase {
                Phase::Leaving | Phase::Resetting => Phase::Filling,
                Phase::LeavingBroken => Phase::Broken,
                other => other,
            };
        }
    }

    fn leave(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.settle();
    }

    /// What a poll of `who` answers.
    fn poll(&mut self, who: usize) -> Option<Answer> {
        self.settle();
        let slot = match self.slot_of(who) {
            Some(slot) => slot,
            None => match (self.phase, self.slots.iter().position(Option::is_none)) {
                (Phase::Broken | Phase::LeavingBroken, _) => return Some(Err(Error::Broken)),
                (Phase::Filling, Some(slot)) => {
                    self.slots[slot] = Some(who);
                    slot
                }
                _ => return None,
            },
        };
        if self.phase == Phase::Filling && self.has_come() == PARTIES {
            self.phase = Phase::Leaving;
        }
        let answer = match self.phase {
            Phase::Filling => return None,
            Phase::Leaving | Phase::LeavingBroken => Ok(slot),
            Phase::Resetting | Phase::Broken => Err(Error::Broken),
        };
        self.leave(slot);
        Some(answer)
    }

    /// Breaks the round of `who`, if it waits in one, and takes it out; whether it had a slot.
    fn abandon(&mut self, who: usize) -> bool {
        let Some(slot) = self.slot_of(who) else { return false };
        if self.phase == Phase::Filling {
            self.phase = Phase::Broken;
        }
        self.leave(slot);
        true
    }
}

struct World<'a> {
    barrier: &'a Barrier<PARTIES, Waits>,
    handles: &'a [Handle<'a, BarrierView<Waits>>],
    tasks: [Option<Task<'a, Answer>>; PEOPLE],
    model: Model,
}

pub(super) fn run(choices: &mut Choices<'_>) {
    let barrier = Barrier::new();
    let handles: Vec<_> = (0..PEOPLE).map(|index| barrier.handle(person(index))).collect();
    let mut world = World {
        barrier: &barrier,
        handles: &handles,
        tasks: Default::default(),
        model: Model { phase: Phase::Filling, slots: [None; PARTIES] },
    };
    while world.step(choices).is_some() {
        world.check();
    }
}

impl World<'_> {
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(12)?;
        let who = choices.below(PEOPLE)?;
        let handle = &self.handles[who];
        match what {
            0..=5 => {
                let task = self.tasks[who].get_or_insert_with(|| Task::new(handle.wait_async()));
                let answer = task.poll();
                assert_eq!(answer, self.model.poll(who));
                if answer.is_some() {
                    self.tasks[who] = None;
                }
            }
            6 if self.tasks[who].is_none() => {
                let expected = self.model.poll(who).unwrap_or_else(|| {
                    self.model.abandon(who);
                    Err(Error::TimedOut)
                });
                assert_eq!(handle.wait_deadline(LATE), expected);
            }
            7 => {
                handle.abort();
                self.model.phase = match self.model.phase {
                    Phase::Filling | Phase::Resetting => Phase::Broken,
                    Phase::Leaving => Phase::LeavingBroken,
                    other => other,
                };
            }
            8 | 9 => {
                handle.reset();
                self.model.phase = match self.model.phase {
                    Phase::Filling | Phase::Broken => Phase::Resetting,
                    Phase::LeavingBroken => Phase::Leaving,
                    other => other,
                };
                self.model.settle();
            }
            10 => {
                let task = self.tasks[who].take();
                if task.is_some() {
                    self.model.abandon(who);
                }
            }
            11 => {
                die(self.tasks[who].take());
                let held = self.model.abandon(who);
                // SAFETY: its task was forgotten, and the number is used again only after this.
                assert_eq!(unsafe { self.barrier.recover(person(who)) }, held);
                self.model.settle();
            }
            _ => {}
        }
        Some(())
    }

    fn check(&self) {
        let Model { phase, slots } = &self.model;
        let is_broken = matches!(phase, Phase::Broken | Phase::LeavingBroken);
        assert_eq!(self.barrier.is_broken(), is_broken);
        let waiting = if *phase == Phase::Filling { self.model.has_come() } else { 0 };
        assert_eq!((self.barrier.waiting(), self.barrier.parties()), (waiting, PARTIES));
        for (who, task) in self.tasks.iter().enumerate() {
            let Some(task) = task else { continue };
            let model = &mut Model { phase: *phase, slots: *slots };
            assert!(model.poll(who).is_none() || task.is_woken(), "{who} is not woken");
        }
    }
}
