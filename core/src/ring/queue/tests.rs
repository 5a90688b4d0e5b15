//! A participant dies after each step: what the words say then, and how the others go on.

use super::word::{Entry, Phase, Position, SlotState};
use super::{PushError, Queue};
use crate::participant::Participant;
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
    queue.shared().cells[loan.slot].owner.store(state.pack(), Ordering::Relaxed);
    if step == 2 {
        return queue;
    }
    queue.shared().cells[LATE.index(N)]
        .entry
        .store(Entry::new(LATE, loan.slot).0, Ordering::Relaxed);
    if step == 3 {
        return queue;
    }
    handle.shared().store_hint(&queue.ends().tail.0.position, LATE.next(N));
    if step == 4 {
        return queue;
    }
    queue.try_pop().unwrap();
    // The claim; at 6 with the head's hint stored as well.
    let state = SlotState { phase: Phase::Reading, by: DEAD, position: LATE };
    queue.shared().cells[loan.slot].owner.store(state.pack(), Ordering::Relaxed);
    if step == 6 {
        handle.shared().store_hint(&queue.ends().head.0.position, LATE.next(N));
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
        let (slot, position) = (claim.slot(), claim.position);
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

#[test]
fn a_job_that_kills_its_workers_is_given_up() {
    let queue: Queue<u32, N> = Queue::new();
    let me = queue.handle(Participant::LOCAL);
    queue.set_max_attempts(3);
    queue.try_push(JOB).unwrap();
    queue.try_push(6).unwrap();
    for attempt in 1..=3 {
        let dead = queue.handle(DEAD);
        let claims = core::iter::from_fn(|| dead.try_claim());
        let claim = claims.map(ManuallyDrop::new).find(|claim| ***claim == JOB).unwrap();
        assert_eq!((claim.attempts(), queue.refused()), (attempt, 0));
        // SAFETY: nobody acts for participant 7.
        unsafe { me.recover(DEAD) };
    }
    assert_eq!(queue.refused(), 1);
    // The dead participant may have claimed the other message as well; that one has a claim left.
    let left = drain(&queue);
    assert!(!left.contains(&JOB) && queue.unfinished() == 0);
    (0..N).for_each(|_| queue.try_push(7).unwrap());
}

#[test]
fn a_value_given_up_is_dropped_once() {
    let alive = std::rc::Rc::new(());
    let queue: Queue<_, 1> = Queue::new();
    queue.set_max_attempts(1);
    for round in 1..=3 {
        queue.try_push(alive.clone()).unwrap();
        drop(queue.try_claim().unwrap());
        assert_eq!((queue.refused(), std::rc::Rc::strong_count(&alive)), (round, 1));
        assert!(queue.is_empty() && queue.unfinished() == 0);
    }
}

mod producers {
    use super::*;
    use crate::Error;
    use crate::wait::{Clock, SpinClock};

    /// A clock that has passed every deadline.
    struct Late;

    impl Clock for Late {
        fn now() -> u64 {
            1
        }
    }

    fn waited_on() -> Queue<u32, N, SpinClock<Late>> {
        Queue::new()
    }

    #[test]
    fn queue_ends_when_all_registered_producers_are_gone() {
        let queue = waited_on();
        let me = queue.handle(Participant::LOCAL);
        let pop = || me.pop_deadline(Some(0));
        assert!(!queue.producers_are_gone(), "none registered");
        queue.try_push(1).unwrap();
        assert_eq!((pop(), pop()), (Ok(1), Err(Error::TimedOut)));
        let first = queue.producer().unwrap();
        let again = queue.producer().unwrap();
        let dead = queue.handle(DEAD);
        let other = dead.producer().unwrap();
        drop(first);
        assert_eq!(pop(), Err(Error::TimedOut));
        drop(again);
        assert_eq!(pop(), Err(Error::TimedOut));
        other.try_push(2).unwrap();
        drop(other);
        assert!(queue.producers_are_gone());
        assert_eq!((pop(), pop()), (Ok(2), Err(Error::EndOfFile)));
        let one_more = queue.producer().unwrap();
        assert_eq!(pop(), Err(Error::TimedOut), "the queue goes on");
        drop(one_more);
        assert_eq!(pop(), Err(Error::EndOfFile));
    }

    #[test]
    fn recovery_takes_only_the_dead_producer_off() {
        let queue = waited_on();
        let me = queue.handle(Participant::LOCAL);
        let dead = queue.handle(DEAD);
        let theirs = [(); 3].map(|()| ManuallyDrop::new(dead.producer().unwrap()));
        let mine = me.producer().unwrap();
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 1, "{theirs:?}");
        assert!(!queue.producers_are_gone());
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 0);
        drop(mine);
        assert!(queue.producers_are_gone());
    }

    #[test]
    fn many_participants_and_many_handles_register() {
        let queue = waited_on();
        let who: Vec<_> =
            (0..=100).filter_map(Participant::new).map(|who| queue.handle(who)).collect();
        let some: Vec<_> = who[..99].iter().map_while(|who| who.producer()).collect();
        assert!(some.len() >= 4 && some.len() < 99);
        let many: Vec<_> = (0..1000).map(|_| who[0].producer().unwrap()).collect();
        assert!(who[99].producer().is_none());
        drop(some);
        assert!(!queue.producers_are_gone());
        drop(many);
        assert!(queue.producers_are_gone());
        assert!(who[99].producer().is_some());
    }
}
