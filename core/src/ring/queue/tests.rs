//! What a queue does about the dead, and about producers that are gone.

use super::Queue;
use crate::participant::Participant;
use core::mem::ManuallyDrop;
use std::vec::Vec;

const DEAD: Participant = Participant::new(7).unwrap();
const N: usize = 3;
const JOB: u32 = 4;

fn drain(queue: &Queue<u32, N>) -> Vec<u32> {
    core::iter::from_fn(|| queue.try_pop()).collect()
}

#[cfg_attr(uncached, ignore = "without caches, no attempts are counted")]
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

#[cfg_attr(uncached, ignore = "without caches, no attempts are counted")]
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

    #[cfg_attr(uncached, ignore = "without caches, no producers are registered")]
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

    #[cfg_attr(uncached, ignore = "without caches, no producers are registered")]
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

    #[cfg_attr(uncached, ignore = "without caches, no producers are registered")]
    #[test]
    fn the_last_participant_registers_as_well() {
        let queue = waited_on();
        let last = Participant::new(Participant::MAX).unwrap();
        let first = queue.producer().unwrap();
        let handle = queue.handle(last);
        let theirs = ManuallyDrop::new(handle.producer().unwrap());
        drop(first);
        assert!(!queue.producers_are_gone());
        // SAFETY: nobody acts for the last participant.
        assert_eq!(unsafe { queue.handle(Participant::LOCAL).recover(last) }, 1, "{theirs:?}");
        assert!(queue.producers_are_gone());
    }

    #[cfg_attr(uncached, ignore = "without caches, no producers are registered")]
    #[test]
    fn a_full_table_takes_more_handles_of_those_in_it() {
        let queue = waited_on();
        let handles: Vec<_> =
            (0..=100).filter_map(Participant::new).map(|who| queue.handle(who)).collect();
        let all: Vec<_> = handles.iter().map_while(|who| who.producer()).collect();
        assert!(all.len() < handles.len());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let who = queue.handle(Participant::new(0).unwrap());
                    (0..crate::scaled::scaled(3000)).for_each(|_| drop(who.producer().unwrap()));
                });
            }
        });
    }

    #[cfg_attr(uncached, ignore = "without caches, no producers are registered")]
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
