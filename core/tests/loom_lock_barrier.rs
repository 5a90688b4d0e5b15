//! Models of the barrier: what each did before it came is seen by each when it goes on, and all go
//! on, or all that wait hear that it is broken.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::lock::Barrier;
use ringway_core::participant::Participant;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, Spin, TimedOut, Wait, Wake};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use support::cell::UnsafeCell;
use support::sync::Arc;
use support::thread;
use support::{LoomFutex, model};

/// What each party writes in a round, for the others to read in the next.
type Shared<const N: usize> = Arc<(Barrier<N, LoomFutex>, [UnsafeCell<u32>; 2])>;

fn shared<const N: usize>() -> Shared<N> {
    Arc::new((Barrier::<_, LoomFutex>::new(), [UnsafeCell::new(0), UnsafeCell::new(0)]))
}

fn write<const N: usize>(shared: &Shared<N>, which: usize, value: u32) {
    // SAFETY: the others read it after they met this one at the barrier; loom sees to it.
    shared.1[which].with_mut(|at| unsafe { *at = value });
}

fn read<const N: usize>(shared: &Shared<N>, which: usize) -> u32 {
    // SAFETY: it is written by one that meets this one at the barrier before and after; loom sees
    // to it.
    shared.1[which].with(|at| unsafe { *at })
}

#[test]
fn two_that_meet_see_what_the_other_did() {
    model(Some(3), || {
        let shared = shared::<2>();
        let meet = |shared: &Shared<2>, me: usize| {
            write(shared, me, 7);
            let place = shared.0.wait().unwrap();
            assert_eq!(read(shared, 1 - me), 7);
            place
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || meet(&shared, 1))
        };
        let mine = meet(&shared, 0);
        assert_eq!(mine + other.join().unwrap(), 1);
    });
}

/// Without the fences of a bell on which somebody can sleep.
#[test]
fn two_that_spin_see_what_the_other_did() {
    model(Some(2), || {
        let barrier = Arc::new((Barrier::<2, Spin>::new(), [(); 2].map(|()| UnsafeCell::new(0))));
        let meet = |shared: &(Barrier<2>, [UnsafeCell<u32>; 2]), me: usize| {
            // SAFETY: the other reads it after it met this one at the barrier; loom sees to it.
            shared.1[me].with_mut(|at| unsafe { *at = 7 });
            shared.0.wait().unwrap();
            // SAFETY: as above.
            assert_eq!(shared.1[1 - me].with(|at| unsafe { *at }), 7);
        };
        let other = {
            let barrier = barrier.clone();
            thread::spawn(move || meet(&barrier, 1))
        };
        meet(&barrier, 0);
        other.join().unwrap();
    });
}

#[test]
fn two_that_meet_twice() {
    model(Some(2), || {
        let shared = shared::<2>();
        let meet = |shared: &Shared<2>, me: usize| {
            write(shared, me, 1);
            shared.0.wait().unwrap();
            let seen = read(shared, 1 - me);
            shared.0.wait().unwrap();
            write(shared, me, 2);
            assert_eq!(seen, 1);
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || meet(&shared, 1))
        };
        meet(&shared, 0);
        other.join().unwrap();
    });
}

#[test]
fn three_that_meet_all_go_on() {
    model(Some(1), || {
        let shared = shared::<3>();
        let others = [1, 2].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || shared.0.wait().unwrap())
        });
        let mine = shared.0.wait().unwrap();
        let sum: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert_eq!(mine + sum, 3);
    });
}

#[test]
fn three_that_use_a_barrier_for_one_wait_for_a_seat_each() {
    model(Some(1), || {
        let shared = shared::<1>();
        let others = [1, 2].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || shared.0.wait().unwrap())
        });
        assert_eq!(shared.0.wait(), Ok(0));
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), 0));
    });
}

#[test]
fn it_is_broken_for_both_or_for_none() {
    model(Some(3), || {
        let shared = shared::<2>();
        let hasty = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.wait_deadline(Some(())))
        };
        let patient = shared.0.wait();
        match hasty.join().unwrap() {
            Ok(_) => assert!(patient.is_ok()),
            Err(Error::TimedOut) => assert_eq!(patient, Err(Error::Broken)),
            Err(error) => panic!("nobody else broke it: {error}"),
        }
        assert_eq!(shared.0.is_broken(), patient.is_err());
    });
}

#[test]
fn an_abort_is_heard_by_one_that_waits() {
    model(None, || {
        let shared = shared::<2>();
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.wait())
        };
        shared.0.abort();
        assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
        assert!(shared.0.is_broken());
    });
}

#[test]
fn a_reset_sends_away_one_that_waits_and_opens_the_next_round() {
    model(Some(2), || {
        let shared = shared::<2>();
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                // Sent away, or it came after the reset.
                if shared.0.wait().is_err() {
                    shared.0.wait().unwrap();
                }
            })
        };
        shared.0.reset();
        shared.0.wait().unwrap();
        waiter.join().unwrap();
        assert!(!shared.0.is_broken());
    });
}

#[test]
fn an_abort_of_one_that_leaves_does_not_break_the_round_that_all_came_to() {
    model(Some(2), || {
        let shared = shared::<2>();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.wait().unwrap())
        };
        shared.0.wait().unwrap();
        shared.0.abort();
        other.join().unwrap();
        assert_eq!(shared.0.wait(), Err(Error::Broken));
        shared.0.reset();
        assert!(!shared.0.is_broken());
    });
}

/// A sleep in which one that has a deadline dies: nothing of what it was to do after is done.
struct Mortal(LoomFutex);

impl Wake for Mortal {
    type Word = BellWord;

    fn init() -> Self {
        Mortal(LoomFutex::new())
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        self.0.wake(word, n);
    }
}

impl Wait for Mortal {
    type Deadline = ();

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        self.0.wait(word, expected, deadline).or_else(|TimedOut| resume_unwind(Box::new("dies")))
    }
}

/// Waits, and dies if it has to sleep.
fn wait_or_die<const N: usize, W: Wait<Deadline = ()>>(
    barrier: &Barrier<N, W>,
    who: Participant,
) -> Option<Result<usize, Error>> {
    catch_unwind(AssertUnwindSafe(|| barrier.handle(who).wait_deadline(Some(())))).ok()
}

#[test]
fn the_death_of_one_that_waits_is_heard_by_the_other() {
    model(Some(2), || {
        let barrier = Arc::new(Barrier::<2, Mortal>::new());
        let dead = Participant::new(1).unwrap();
        let waiter = {
            let barrier = barrier.clone();
            thread::spawn(move || barrier.wait())
        };
        let dies = {
            let barrier = barrier.clone();
            thread::spawn(move || wait_or_die(&barrier, dead))
        };
        match dies.join().unwrap() {
            // It came last, and had not to sleep.
            Some(met) => {
                assert!(met.is_ok());
                assert!(waiter.join().unwrap().is_ok());
            }
            None => {
                // SAFETY: the thread that was the participant has ended.
                assert!(unsafe { barrier.recover(dead) });
                // The other may have met it before it died.
                if let Err(error) = waiter.join().unwrap() {
                    assert_eq!(error, Error::Broken);
                    assert!(barrier.is_broken());
                    barrier.reset();
                }
                assert_eq!(barrier.waiting(), 0);
            }
        }
        assert!(!barrier.is_broken());
    });
}

#[test]
fn two_that_recover_at_once_break_it_once() {
    model(Some(2), || {
        let barrier = Arc::new(Barrier::<2, Mortal>::new());
        let dead = Participant::new(1).unwrap();
        assert_eq!(wait_or_die(&barrier, dead), None);
        assert_eq!(barrier.waiting(), 1);
        let other = {
            let barrier = barrier.clone();
            // SAFETY: the participant was this test's main thread, which does nothing more under
            // its name.
            thread::spawn(move || unsafe { barrier.recover(dead) })
        };
        // SAFETY: as above.
        let found = unsafe { barrier.recover(dead) };
        assert!(barrier.is_broken());
        barrier.reset();
        assert!(found ^ other.join().unwrap());
        assert!(!barrier.is_broken());
        assert_eq!(barrier.waiting(), 0);
    });
}

/// The same without sleep, so that no fence of a bell orders what the model is about.
struct Restless;

impl Wake for Restless {
    type Word = ();

    fn init() -> Self {
        Restless
    }

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Restless {
    type Deadline = ();

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<()>) -> Result<(), TimedOut> {
        resume_unwind(Box::new("dies"))
    }
}

/// One that dies and one that comes after make a round of two complete; whether one that comes late
/// was taken for one of them, too.
fn late_comer(recovered_at_once: bool) {
    let barrier = Arc::new(Barrier::<2, Restless>::new());
    let dead = Participant::new(1).unwrap();
    let late = {
        let barrier = barrier.clone();
        thread::spawn(move || wait_or_die(&barrier, Participant::new(2).unwrap()))
    };
    let first = wait_or_die(&barrier, dead);
    let second = wait_or_die(&barrier, Participant::new(3).unwrap());
    if recovered_at_once && first.is_none() {
        // SAFETY: the participant was this thread, which does nothing more under its name.
        unsafe { barrier.recover(dead) };
    }
    let late = late.join().unwrap();
    let met = |who| u32::from(matches!(who, Some(Ok(_))));
    // The first died in its slot, or met one of the others there, or one that died in it.
    assert!(met(second) + met(late) <= 1, "a round of two had three");
}

#[test]
fn one_that_comes_late_is_not_taken_for_one_of_the_round_before() {
    model(Some(2), || late_comer(false));
}

#[test]
fn one_that_finds_the_seat_of_a_dead_one_is_not_taken_for_it() {
    model(Some(2), || late_comer(true));
}
