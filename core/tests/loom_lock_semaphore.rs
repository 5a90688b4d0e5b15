//! Models of the semaphore: no permit is lost or doubled, nobody sleeps while there is a permit,
//! and the taker of a permit sees what was done before it was given.
#![cfg(loom)]

mod support;

use ringway_core::lock::Semaphore;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Async;
use support::sync::Arc;
use support::thread;
use support::{LateFutex, ModelFutex, Task, model};

type Shared<const START: usize> = Arc<(Semaphore<START, ModelFutex>, AtomicU32)>;

fn shared<const START: usize>() -> Shared<START> {
    Arc::new((Semaphore::<_, ModelFutex>::new(), AtomicU32::new(0)))
}

#[test]
fn what_was_done_before_the_permit_came_is_seen() {
    model(None, || {
        let shared = shared::<0>();
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(7, Ordering::Relaxed);
                shared.0.release(1).unwrap();
            })
        };
        shared.0.acquire();
        assert_eq!(shared.1.load(Ordering::Relaxed), 7);
        giver.join().unwrap();
        assert_eq!(shared.0.permits(), 0);
    });
}

#[test]
fn what_was_done_before_is_seen_by_one_that_tries() {
    model(None, || {
        let shared = shared::<0>();
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(7, Ordering::Relaxed);
                shared.0.release(1).unwrap();
            })
        };
        if shared.0.try_acquire().is_ok() {
            assert_eq!(shared.1.load(Ordering::Relaxed), 7);
        }
        giver.join().unwrap();
    });
}

#[test]
fn two_permits_that_come_one_by_one_wake_two() {
    model(Some(3), || {
        let shared = shared::<0>();
        let takers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || shared.0.acquire())
        });
        shared.0.release(1).unwrap();
        shared.0.release(1).unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(shared.0.permits(), 0);
    });
}

#[test]
fn two_permits_that_come_at_once_wake_two() {
    model(Some(3), || {
        let shared = shared::<0>();
        let takers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || shared.0.acquire())
        });
        shared.0.release(2).unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(shared.0.permits(), 0);
    });
}

#[test]
fn three_share_one_permit() {
    model(Some(3), || {
        let shared = shared::<1>();
        let use_it = |shared: &Shared<1>| {
            shared.0.acquire();
            shared.1.store(shared.1.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            shared.0.release(1).unwrap();
        };
        let others = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || use_it(&shared))
        });
        use_it(&shared);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.1.load(Ordering::Relaxed), 3);
        assert_eq!(shared.0.permits(), 1);
    });
}

#[test]
fn one_that_gives_up_takes_neither_permit_nor_wake_up() {
    model(Some(3), || {
        let shared = shared::<0>();
        let hasty = {
            let shared = shared.clone();
            thread::spawn(move || match shared.0.acquire_deadline(Some(())) {
                // Pass the permit on to the other.
                Ok(()) => shared.0.release(1).unwrap(),
                Err(_) => {}
            })
        };
        let patient = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.acquire())
        };
        shared.0.release(1).unwrap();
        hasty.join().unwrap();
        patient.join().unwrap();
        assert_eq!(shared.0.permits(), 0);
    });
}

/// The thread that times out may have used up another's wake-up.
#[test]
fn one_that_times_out_leaves_nobody_asleep() {
    model(Some(3), || {
        let semaphore = Arc::new(Semaphore::<0, LateFutex>::new());
        let late = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                if semaphore.acquire_deadline(Some(())).is_ok() {
                    semaphore.release(1).unwrap();
                }
            })
        };
        let other = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                semaphore.acquire();
                semaphore.release(1).unwrap();
            })
        };
        semaphore.release(1).unwrap();
        // Take the permit before a woken thread can take it.
        if semaphore.try_acquire().is_ok() {
            semaphore.release(1).unwrap();
        }
        late.join().unwrap();
        other.join().unwrap();
        assert_eq!(semaphore.permits(), 1);
    });
}

#[test]
fn a_permit_wakes_a_task_that_sees_earlier_writes() {
    model(None, || {
        let shared = Arc::new((Semaphore::<0, Async>::new(), AtomicU32::new(0)));
        let giver = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(7, Ordering::Relaxed);
                shared.0.release(1).unwrap();
            })
        };
        Task::new().block_on(|cx| shared.0.poll_acquire(cx));
        assert_eq!(shared.1.load(Ordering::Relaxed), 7);
        giver.join().unwrap();
    });
}

/// One sleeps as a task, the other as a thread, and each gets a permit.
#[test]
fn a_task_and_a_thread_get_a_permit_each() {
    model(Some(2), || {
        let semaphore = Arc::new(Semaphore::<0, Async<ModelFutex>>::new());
        let thread = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.acquire())
        };
        let task = {
            let semaphore = semaphore.clone();
            thread::spawn(move || Task::new().block_on(|cx| semaphore.poll_acquire(cx)))
        };
        semaphore.release(1).unwrap();
        semaphore.release(1).unwrap();
        thread.join().unwrap();
        task.join().unwrap();
        assert_eq!(semaphore.permits(), 0);
    });
}
