//! Models of the mutex: one holder at a time, which sees what earlier holders wrote. No wake-up is
//! lost, even if a holder dies.
//!
//! A thread that forgets a guard stands for a participant that dies. Joining the thread makes the
//! death known.
#![cfg(loom)]

mod support;

use ringway_core::lock::{LockError, Mutex, OwnerDied, Robust};
use ringway_core::participant::Participant;
use ringway_core::wait::{Async, Spin};
use support::sync::Arc;
use support::thread;
use support::{LateFutex, ModelFutex, Task, model};

type Counter = Arc<Mutex<u32, ModelFutex>>;

fn counter() -> Counter {
    Arc::new(Mutex::<_, ModelFutex>::new(0))
}

fn participant(number: u16) -> Participant {
    Participant::new(number).unwrap()
}

fn add(counter: &Counter) {
    let Ok(mut count) = counter.lock() else { panic!("nobody died") };
    *count += 1;
}

/// As [`add`], even if a holder died.
fn add_in_any_case(counter: &Counter, who: Participant) {
    *counter.handle(who).lock().unwrap_or_else(OwnerDied::into_inner) += 1;
}

/// As [`add`], but adds to 0 if a holder died.
fn add_repaired(counter: &Counter, who: Participant) {
    let handle = counter.handle(who);
    let taken = handle.lock();
    *taken.unwrap_or_else(|died| died.repair(|count| **count = 0)) += 1;
}

#[test]
fn two_that_lock_see_each_others_writes() {
    model(None, || {
        let counter = counter();
        let other = {
            let counter = counter.clone();
            thread::spawn(move || add(&counter))
        };
        add(&counter);
        other.join().unwrap();
        assert_eq!(*counter.lock().unwrap(), 2);
    });
}

#[test]
fn of_three_that_lock_none_sleeps_for_ever() {
    model(Some(3), || {
        let counter = counter();
        let others = [(); 2].map(|()| {
            let counter = counter.clone();
            thread::spawn(move || add(&counter))
        });
        add(&counter);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(*counter.lock().unwrap(), 3);
    });
}

#[test]
fn two_that_lock_twice() {
    model(Some(3), || {
        let counter = counter();
        let other = {
            let counter = counter.clone();
            thread::spawn(move || (0..2).for_each(|_| add(&counter)))
        };
        (0..2).for_each(|_| add(&counter));
        other.join().unwrap();
        assert_eq!(*counter.lock().unwrap(), 4);
    });
}

#[test]
fn one_that_tries_takes_it_or_is_told_that_it_is_held() {
    model(None, || {
        let counter = counter();
        let other = {
            let counter = counter.clone();
            thread::spawn(move || counter.try_lock().map(|mut count| *count += 1).ok())
        };
        let mine = counter.try_lock().map(|mut count| *count += 1).ok();
        let taken = [mine, other.join().unwrap()].into_iter().flatten().count();
        assert_eq!(*counter.lock().unwrap(), taken as u32);
        assert!(taken >= 1);
    });
}

#[test]
fn two_that_spin() {
    model(Some(3), || {
        let counter = Arc::new(Mutex::<_, Spin>::new(0));
        let other = {
            let counter = counter.clone();
            thread::spawn(move || *counter.lock().unwrap() += 1)
        };
        *counter.lock().unwrap() += 1;
        other.join().unwrap();
        assert_eq!(*counter.lock().unwrap(), 2);
    });
}

#[test]
fn one_that_gives_up_costs_the_others_no_wake_up() {
    model(Some(3), || {
        let counter = counter();
        let hasty = {
            let counter = counter.clone();
            thread::spawn(move || match counter.lock_deadline(Some(())) {
                Ok(mut count) => *count += 1,
                Err(_) => {}
            })
        };
        let patient = {
            let counter = counter.clone();
            thread::spawn(move || add(&counter))
        };
        add(&counter);
        hasty.join().unwrap();
        patient.join().unwrap();
        assert!(*counter.lock().unwrap() >= 2);
    });
}

/// Writes 10 as `who`, and dies with the mutex.
fn dies_with(counter: &Counter, who: Participant) {
    let handle = counter.handle(who);
    let mut count = handle.lock().unwrap();
    *count = 10;
    std::mem::forget(count);
}

#[test]
fn one_that_sleeps_gets_it_after_the_holders_death() {
    model(Some(3), || {
        let counter = counter();
        let (dead, next) = (participant(1), participant(2));
        let holder = {
            let counter = counter.clone();
            thread::spawn(move || dies_with(&counter, dead))
        };
        let waiter = {
            let counter = counter.clone();
            thread::spawn(move || match counter.handle(next).lock() {
                // The waiter came first.
                Ok(count) => assert_eq!(*count, 0),
                Err(OwnerDied(mut count)) => {
                    assert_eq!(*count, 10);
                    *count = 0;
                    count.make_consistent();
                }
            })
        };
        holder.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { counter.recover(dead) });
        waiter.join().unwrap();
        match counter.lock() {
            Ok(count) => assert_eq!(*count, 0),
            Err(OwnerDied(count)) => assert_eq!(*count, 10),
        }
    });
}

#[test]
fn one_that_tries_sees_what_the_dead_one_wrote() {
    model(None, || {
        let counter = counter();
        let dead = participant(1);
        let taker = {
            let counter = counter.clone();
            thread::spawn(move || match counter.handle(participant(2)).try_lock() {
                Err(LockError::OwnerDied(OwnerDied(count))) => assert_eq!(*count, 10),
                Err(LockError::NotTaken(_)) | Ok(_) => {}
            })
        };
        let holder = {
            let counter = counter.clone();
            thread::spawn(move || dies_with(&counter, dead))
        };
        holder.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { counter.recover(dead) });
        taker.join().unwrap();
        assert!(counter.lock().is_err());
    });
}

#[test]
fn two_recoveries_at_once_release_the_mutex_once() {
    model(Some(3), || {
        let counter = counter();
        let dead = participant(1);
        dies_with(&counter, dead);
        let other = {
            let counter = counter.clone();
            thread::spawn(move || {
                // SAFETY: the test's main thread acted as this participant, and does not any more.
                let found = unsafe { counter.recover(dead) };
                add_repaired(&counter, participant(2));
                found
            })
        };
        // SAFETY: the test's main thread acted as this participant, and does not any more.
        let found = unsafe { counter.recover(dead) };
        add_repaired(&counter, participant(3));
        assert!(found ^ other.join().unwrap(), "one of them finds it held");
        let Ok(count) = counter.lock() else { panic!("it was repaired") };
        assert_eq!(*count, 2);
    });
}

#[test]
fn a_waiter_that_dies_takes_no_wake_up_with_it() {
    model(Some(3), || {
        let counter = counter();
        let dead = participant(1);
        let guard = counter.lock().unwrap();
        // This thread dies with the mutex. It may have been woken for it.
        let dies = {
            let counter = counter.clone();
            thread::spawn(move || std::mem::forget(counter.handle(dead).lock()))
        };
        let waiter = {
            let counter = counter.clone();
            thread::spawn(move || add_in_any_case(&counter, participant(2)))
        };
        drop(guard);
        dies.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        unsafe { counter.recover(dead) };
        waiter.join().unwrap();
        assert_eq!(*counter.lock().unwrap_or_else(OwnerDied::into_inner), 1);
    });
}

/// The thread that times out may have used up another's wake-up.
#[test]
fn one_that_times_out_leaves_nobody_asleep() {
    model(Some(3), || {
        let mutex = Arc::new(Mutex::<_, LateFutex>::new(()));
        let held = mutex.lock();
        let late = {
            let mutex = mutex.clone();
            thread::spawn(move || drop(mutex.lock_deadline(Some(()))))
        };
        let other = {
            let mutex = mutex.clone();
            thread::spawn(move || drop(mutex.lock()))
        };
        drop(held);
        // Take the mutex before a woken thread can take it.
        drop(mutex.lock());
        late.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_task_is_woken_by_the_one_that_gives_it_back() {
    model(Some(3), || {
        let counter = Arc::new(Mutex::<_, Async>::new(0));
        let other = {
            let counter = counter.clone();
            thread::spawn(move || counter.try_lock().map(|mut count| *count += 1).is_ok())
        };
        *Task::new().block_on(|cx| counter.poll_lock(cx)).unwrap() += 2;
        let taken = other.join().unwrap();
        assert_eq!(*counter.try_lock().unwrap(), 2 + u32::from(taken));
    });
}

/// One sleeps as a task, the other as a thread, and each wakes the other.
#[test]
fn a_task_and_a_thread_wake_each_other() {
    model(Some(2), || {
        let counter = Arc::new(Mutex::<_, Async<ModelFutex>>::new(0));
        let held = counter.try_lock().unwrap();
        let thread = {
            let counter = counter.clone();
            thread::spawn(move || *counter.lock().unwrap() += 1)
        };
        let task = {
            let counter = counter.clone();
            thread::spawn(move || *Task::new().block_on(|cx| counter.poll_lock(cx)).unwrap() += 1)
        };
        drop(held);
        thread.join().unwrap();
        task.join().unwrap();
        assert_eq!(*counter.try_lock().unwrap(), 2);
    });
}

#[test]
fn a_task_that_waits_gets_it_after_the_holders_death() {
    model(Some(3), || {
        let counter = Arc::new(Mutex::<_, Async>::new(0));
        let dead = participant(1);
        let holder = {
            let counter = counter.clone();
            thread::spawn(move || {
                if let Ok(mut count) = counter.handle(dead).try_lock() {
                    *count = 10;
                    std::mem::forget(count);
                }
            })
        };
        let waiter = {
            let counter = counter.clone();
            thread::spawn(move || match Task::new().block_on(|cx| counter.poll_lock(cx)) {
                // The task came first, or the other did not get the mutex.
                Ok(count) => assert_eq!(*count, 0),
                Err(OwnerDied(count)) => assert_eq!(*count, 10),
            })
        };
        holder.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        let _ = unsafe { counter.recover(dead) };
        waiter.join().unwrap();
    });
}
