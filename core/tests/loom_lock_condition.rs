//! Models of the condition variable: no waiter misses a notified change, whether one or several
//! wait.
#![cfg(loom)]

mod support;

use ringway_core::lock::{Condition, Mutex};
use ringway_core::participant::Participant;
use ringway_core::wait::{Async, Spin, Wait};
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, Task, model};

type Shared<W> = Arc<(Mutex<u32, W>, Condition<W>)>;

fn shared() -> Shared<ModelFutex> {
    Arc::new((Mutex::<_, ModelFutex>::new(0), Condition::<ModelFutex>::new()))
}

fn take<W: Wait>(shared: &Shared<W>) {
    let count = shared.0.lock().unwrap();
    *shared.1.wait_while(count, |count| *count == 0).unwrap() -= 1;
}

#[test]
fn a_notification_racing_with_sleep_is_not_lost() {
    model(None, || {
        let shared = shared();
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                *shared.0.lock().unwrap() += 1;
                shared.1.notify(1);
            })
        };
        take(&shared);
        giver.join().unwrap();
    });
}

#[test]
fn a_notification_with_the_mutex_held_is_not_lost() {
    model(None, || {
        let shared = shared();
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut count = shared.0.lock().unwrap();
                *count += 1;
                shared.1.notify(1);
            })
        };
        take(&shared);
        giver.join().unwrap();
    });
}

#[test]
fn two_notifications_for_one_each_reach_two() {
    model(Some(2), || {
        let shared = shared();
        let takers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || take(&shared))
        });
        for _ in 0..2 {
            *shared.0.lock().unwrap() += 1;
            shared.1.notify(1);
        }
        takers.into_iter().for_each(|taker| taker.join().unwrap());
    });
}

#[test]
fn one_notification_for_all_reaches_two() {
    model(Some(2), || {
        let shared = shared();
        let takers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || take(&shared))
        });
        *shared.0.lock().unwrap() += 2;
        shared.1.notify_all();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
    });
}

#[test]
fn one_that_spins_sees_the_change() {
    model(Some(2), || {
        let shared = Arc::new((Mutex::<_, Spin>::new(0), Condition::<Spin>::new()));
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                *shared.0.lock().unwrap() += 1;
                shared.1.notify(1);
            })
        };
        take(&shared);
        giver.join().unwrap();
    });
}

#[test]
fn a_deadline_takes_nothing_from_the_other() {
    model(Some(2), || {
        let shared = shared();
        let hasty = {
            let shared = shared.clone();
            thread::spawn(move || {
                let count = shared.0.lock().unwrap();
                let (count, waited) =
                    shared.1.wait_while_deadline(count, Some(()), |count| *count == 0).unwrap();
                match waited {
                    Ok(()) => {
                        // Pass the change on to the other.
                        drop(count);
                        shared.1.notify(1);
                    }
                    Err(_) => assert_eq!(*count, 0),
                }
            })
        };
        let patient = {
            let shared = shared.clone();
            thread::spawn(move || take(&shared))
        };
        *shared.0.lock().unwrap() += 1;
        shared.1.notify(1);
        hasty.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn one_that_waits_is_told_of_a_death_under_the_mutex() {
    model(Some(2), || {
        let shared = shared();
        let dead = Participant::new(1).unwrap();
        let dies = {
            let shared = shared.clone();
            thread::spawn(move || {
                let handle = shared.0.handle(dead);
                let mut count = handle.lock().unwrap();
                *count += 1;
                shared.1.notify(1);
                std::mem::forget(count);
            })
        };
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                let told = match shared.0.lock() {
                    Err(died) => died,
                    Ok(count) => shared.1.wait_while(count, |count| *count == 0).unwrap_err(),
                };
                drop(told.repair(|count| assert_eq!(**count, 1)));
            })
        };
        dies.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { shared.0.recover(dead) });
        waiter.join().unwrap();
    });
}

#[test]
fn a_task_gets_a_notification_racing_with_its_sleep() {
    model(Some(3), || {
        let shared = Arc::new((Mutex::<_, Async>::new(0_u32), Condition::<Async>::new()));
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                *Task::new().block_on(|cx| shared.0.poll_lock(cx)).unwrap() += 1;
                shared.1.notify(1);
            })
        };
        let mut waits = Box::pin(async {
            let count = shared.0.lock_async().await.unwrap();
            *shared.1.wait_while_async(count, |count| *count == 0).await.unwrap()
        });
        assert_eq!(Task::new().block_on(|cx| waits.as_mut().poll(cx)), 1);
        drop(waits);
        giver.join().unwrap();
    });
}
