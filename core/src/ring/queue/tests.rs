//! A participant that dies at each step, as it leaves the words, and what the others make of it.

use super::word::{Entry, Owned, Phase, Position};
use super::{PushError, Queue};
use crate::participant::Participant;
use crate::sync::Ordering;
use core::mem::ManuallyDrop;
use std::vec::Vec;

const DEAD: Participant = Participant::new(7).unwrap();
const N: usize = 3;
/// Messages.
const EARLY: u32 = 1;
const LATECOMER: u32 = 2;
const ON: u32 = 3;
const ROOM: u32 = 4;
const FULL: u32 = 5;
/// Where [`LATECOMER`] goes.
const LATE: Position = Position::new(2);

/// A queue with one message in it, in which participant 7 died having come to a particular step
/// with [`LATECOMER`].
fn died_at(step: u32) -> Queue<u32, N> {
    let queue = Queue::new();
    queue.try_push(EARLY).unwrap();
    let seat = queue.seat(DEAD);
    let mut loan = ManuallyDrop::new(seat.try_reserve().unwrap());
    if step == 1 {
        return queue;
    }
    loan.as_uninit().write(LATECOMER);
    let owned = Owned { phase: Phase::Committing, by: DEAD, position: LATE };
    queue.places[loan.slot].owner.store(owned.pack(), Ordering::Relaxed);
    if step == 2 {
        return queue;
    }
    queue.places[LATE.index(N)].entry.store(Entry::new(LATE, loan.slot).0, Ordering::Relaxed);
    if step == 3 {
        return queue;
    }
    seat.order().found(&queue.tail.0.position, LATE.next(N));
    if step == 4 {
        return queue;
    }
    queue.try_pop().unwrap();
    // Claimed; at 6 with the place to look at first moved on, as at 4.
    let owned = Owned { phase: Phase::Reading, by: DEAD, position: LATE };
    queue.places[loan.slot].owner.store(owned.pack(), Ordering::Relaxed);
    if step == 6 {
        seat.order().found(&queue.head.0.position, LATE.next(N));
    }
    queue
}

fn drain(queue: &Queue<u32, N>) -> Vec<u32> {
    core::iter::from_fn(|| queue.try_pop()).collect()
}

#[test]
fn others_go_on_wherever_a_participant_stopped() {
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
fn recovery_loses_nothing_that_was_committed_and_sends_nothing_that_was_not() {
    for step in 1..=6 {
        let queue = died_at(step);
        let me = queue.seat(Participant::LOCAL);
        // SAFETY: nobody acts for participant 7.
        let held = unsafe { me.recover(DEAD) };
        assert_eq!(held, usize::from(step != 3 && step != 4), "step {step}");
        // SAFETY: as above.
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
fn a_recovery_that_dies_is_recovered() {
    // As `recover` leaves it when it dies after its exchange, and after it said which position it tries.
    for (phase, position) in
        [(Phase::Recovering, Position::START), (Phase::Requeuing, LATE.next(N))]
    {
        let queue = died_at(6);
        let owned = Owned { phase, by: DEAD, position };
        let slot = queue
            .places
            .iter()
            .position(|place| place.owner.load(Ordering::Relaxed) != Owned::FREE);
        queue.places[slot.unwrap()].owner.store(owned.pack(), Ordering::Relaxed);
        let me = queue.seat(Participant::LOCAL);
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 1);
        assert_eq!(drain(&queue), [LATECOMER]);
    }
}
