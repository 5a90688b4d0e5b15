//! A participant dies after each step: what the words say then, and how the others go on.

use super::super::Queue;
use super::word::{Entry, Phase, Position, SlotState};
use crate::participant::Participant;
use crate::ring::PushError;
use crate::sync::Ordering;
use core::mem::ManuallyDrop;
use std::vec::Vec;

const DEAD: Participant = Participant::new(7).unwrap();
const N: usize = 3;
/// The values of the messages.
const EARLY: u32 = 1;
const LATECOMER: u32 = 2;
const ON: u32 = 3;
const ROOM: u32 = 4;
const FULL: u32 = 5;
/// The position of [`LATECOMER`].
const LATE: Position = Position::new(2);

/// A queue with one message, in which participant 7 died while it sent or received [`LATECOMER`].
///
/// It died after: 1 taking a slot, 2 storing the owner word, 3 the commit, 4 storing the tail's
/// hint, 5 the claim, 6 storing the head's hint.
fn died_at(step: u32) -> Queue<u32, N> {
    let queue = Queue::new();
    queue.try_push(EARLY).unwrap();
    let handle = queue.handle(DEAD);
    let mut loan = ManuallyDrop::new(handle.try_reserve().unwrap());
    if step == 1 {
        return queue;
    }
    loan.as_uninit().write(LATECOMER);
    let state = SlotState { phase: Phase::Committing, by: DEAD, position: LATE };
    queue.shared().cells[loan.slot()].owner.store(state.pack(), Ordering::Relaxed);
    if step == 2 {
        return queue;
    }
    queue.shared().cells[LATE.index(N)]
        .entry
        .store(Entry::new(LATE, loan.slot()).0, Ordering::Relaxed);
    if step == 3 {
        return queue;
    }
    handle.shared().store_hint(&handle.shared().tail.position, LATE.next(N));
    if step == 4 {
        return queue;
    }
    queue.try_pop().unwrap();
    // The claim; at 6 with the head's hint stored as well.
    let state = SlotState { phase: Phase::Reading, by: DEAD, position: LATE };
    queue.shared().cells[loan.slot()].owner.store(state.pack(), Ordering::Relaxed);
    if step == 6 {
        handle.shared().store_hint(&handle.shared().head.position, LATE.next(N));
    }
    queue
}

fn drain(queue: &Queue<u32, N>) -> Vec<u32> {
    core::iter::from_fn(|| queue.try_pop()).collect()
}

#[test]
fn others_go_on_after_a_death_at_any_step() {
    for step in 1..=6 {
        let queue = died_at(step);
        let kept = match step {
            1 | 2 => &[EARLY][..],
            3 | 4 => &[EARLY, LATECOMER],
            _ => &[],
        };
        assert_eq!(drain(&queue), kept, "step {step}");
        for round in 0..20 {
            queue.try_push(ON).unwrap();
            assert_eq!(drain(&queue), [ON], "step {step}, round {round}");
        }
    }
}

#[test]
fn recovery_keeps_just_the_committed_messages() {
    for step in 1..=6 {
        let queue = died_at(step);
        let me = queue.handle(Participant::LOCAL);
        // SAFETY: nobody acts for participant 7.
        let held = unsafe { me.recover(DEAD) };
        assert_eq!(held, usize::from(step != 3 && step != 4), "step {step}");
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 0, "step {step}: once is enough");
        let kept = match step {
            1 | 2 => &[EARLY][..],
            3 | 4 => &[EARLY, LATECOMER],
            _ => &[LATECOMER],
        };
        assert_eq!(drain(&queue), kept, "step {step}");
        (0..N).for_each(|_| queue.try_push(ROOM).unwrap());
        assert_eq!(queue.try_push(FULL), Err(PushError::Full(FULL)), "every slot came back, once");
    }
}

#[test]
fn recovery_of_a_dead_recovery_succeeds() {
    // What `recover` leaves when it dies after its exchange, and after it stored the position that
    // it tries.
    for (phase, position) in
        [(Phase::Recovering, Position::START), (Phase::Requeuing, LATE.next(N))]
    {
        let queue = died_at(6);
        let state = SlotState { phase, by: DEAD, position };
        let slot = queue
            .shared()
            .cells
            .iter()
            .position(|place| place.owner.load(Ordering::Relaxed) != SlotState::FREE);
        queue.shared().cells[slot.unwrap()].owner.store(state.pack(), Ordering::Relaxed);
        let me = queue.handle(Participant::LOCAL);
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 1);
        assert_eq!(drain(&queue), [LATECOMER]);
    }
}

const JOB: u32 = 4;

/// A participant dies while it puts a message back whose second claim ended.
#[cfg_attr(uncached, ignore = "without caches, no attempts are counted")]
#[test]
fn an_attempt_counts_once_after_a_death_at_any_step() {
    for step in 0..=4 {
        let queue: Queue<u32, N> = Queue::new();
        queue.try_push(JOB).unwrap();
        // The first attempt; its word stays in the slot for later messages.
        drop(queue.try_claim().unwrap());
        let handle = queue.handle(DEAD);
        let claim = ManuallyDrop::new(handle.try_claim().unwrap());
        assert_eq!(claim.attempts(), 2);
        let (slot, position) = (claim.slot(), claim.claimed.position);
        let next = position.next(N);
        let owner = &queue.shared().cells[slot].owner;
        let say = |phase, position| {
            let state = SlotState { phase, by: DEAD, position };
            owner.store(state.pack(), Ordering::Relaxed);
        };
        match step {
            0 => {}
            // It puts the message back as its consumer (1), or as a survivor (2).
            1 | 2 => {
                queue.shared().tries.get().unwrap()[slot].store(next.word() | 2, Ordering::Relaxed);
                say(if step == 1 { Phase::Reading } else { Phase::Recovering }, position);
            }
            3 => {
                queue.shared().tries.get().unwrap()[slot].store(next.word() | 2, Ordering::Relaxed);
                say(Phase::Requeuing, next);
            }
            _ => say(Phase::Recovering, position),
        }
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { queue.handle(Participant::LOCAL).recover(DEAD) }, 1);
        let claim = queue.try_claim().unwrap();
        assert_eq!((*claim, claim.attempts()), (JOB, 3), "step {step}");
        claim.complete();
        // The attempts word is not about the next messages in the slot.
        for _ in 0..2 * N {
            queue.try_push(5).unwrap();
            let claim = queue.try_claim().unwrap();
            assert_eq!(claim.attempts(), 1);
            claim.complete();
        }
    }
}

/// One impossible word makes a queue invalid, also where no walk comes along.
#[test]
fn one_impossible_word_makes_a_queue_invalid() {
    let queue: Queue<u32, 8> = Queue::new();
    queue.try_push(EARLY).unwrap();
    assert!(queue.is_valid());
    let cell = &queue.shared().cells[5];
    for (word, possible) in [(&cell.entry, Entry::UNUSED.0), (&cell.owner, SlotState::FREE)] {
        // No such slot, no such phase.
        word.store(15, Ordering::Relaxed);
        assert!(!queue.is_valid());
        word.store(possible, Ordering::Relaxed);
        assert!(queue.is_valid());
    }
}
