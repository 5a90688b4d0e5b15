//! Models of the barrier: each party sees what each did before it came. Either all go on, or all
//! that wait learn that the barrier is broken.
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
use support::{ModelFutex, model};

/// A barrier, and the values that the parties write for each other.
type Shared<const N: usize> = Arc<(Barrier<N, ModelFutex>, [UnsafeCell<u32>; 2])>;

fn shared<const N: usize>() -> Shared<N> {
    Arc::new((Barrier::<_, ModelFutex>::new(), [UnsafeCell::new(0), UnsafeCell::new(0)]))
}

fn write<const N: usize>(shared: &Shared<N>, which: usize, value: u32) {
    // SAFETY: the other parties read it only after they met this one at the barrier; loom checks
    // it.
    shared.1[which].with_mut(|at| unsafe { *at = value });
}

fn read<const N: usize>(shared: &Shared<N>, which: usize) -> u32 {
    // SAFETY: its writer meets this party at the barrier between the write and this read; loom
    // checks it.
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

/// Without the fences of a bell on which a party can sleep.
#[test]
fn two_that_spin_see_what_the_other_did() {
    model(Some(2), || {
        let barrier = Arc::new((Barrier::<2, Spin>::new(), [(); 2].map(|()| UnsafeCell::new(0))));
        let meet = |shared: &(Barrier<2>, [UnsafeCell<u32>; 2]), me: usize| {
            // SAFETY: the other party reads it only after it met this one at the barrier; loom
            // checks it.
            shared.1[me].with_mut(|at| unsafe { *at = 7 });
            shared.0.wait().unwrap();
            // SAFETY: the other party wrote it before the two met at the barrier; loom checks it.
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
fn three_parties_take_turns_in_a_barrier_for_one() {
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
fn a_reset_frees_a_waiter_and_opens_the_next_round() {
    model(Some(2), || {
        let shared = shared::<2>();
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                // An error means that the reset sent this thread away.
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
fn an_abort_after_all_came_breaks_only_the_next_round() {
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

/// A sleep in which a party with a deadline dies: it takes no further step.
struct Mortal(ModelFutex);

impl Wake for Mortal {
    type Word = BellWord;

    fn init() -> Self {
        Mortal(ModelFutex::default())
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

/// Waits as `who`, which dies if it has to sleep.
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
            // It came last and did not have to sleep.
            Some(met) => {
                assert!(met.is_ok());
                assert!(waiter.join().unwrap().is_ok());
            }
            None => {
                // SAFETY: the thread that acted as this participant has ended.
                assert!(unsafe { barrier.recover(dead) });
                // The other party may have met it before it died.
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
            // SAFETY: the test's main thread acted as this participant, and does not any more.
            thread::spawn(move || unsafe { barrier.recover(dead) })
        };
        // SAFETY: this thread acted as the participant, and does not any more.
        let found = unsafe { barrier.recover(dead) };
        assert!(barrier.is_broken());
        barrier.reset();
        assert!(found ^ other.join().unwrap());
        assert!(!barrier.is_broken());
        assert_eq!(barrier.waiting(), 0);
    });
}

/// As [`Mortal`], but without sleep, so that no fence of a bell orders the accesses of the model.
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

/// Checks that a round of two has two parties. A party that dies and a later party complete a
/// round; a third, late party must not count in that round.
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
        // SAFETY: this thread acted as the participant, and does not any more.
        unsafe { barrier.recover(dead) };
    }
    let late = late.join().unwrap();
    let met = |who| u32::from(matches!(who, Some(Ok(_))));
    // The first party died in its slot, or met one of the others, or one that died in a slot.
    assert!(met(second) + met(late) <= 1, "a round of two had three");
}

#[test]
fn a_late_party_does_not_count_in_an_earlier_round() {
    model(Some(2), || late_comer(false));
}

#[test]
fn a_recovered_slot_does_not_count_for_its_taker() {
    model(Some(2), || late_comer(true));
}
