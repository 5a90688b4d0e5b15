//! Models of the waiting seam: no wake-up is lost, whoever is faster.
//!
//! The conditions waited for are relaxed accesses on purpose: what makes them visible is what is
//! being tested. A lost wake-up is a thread that sleeps for ever, which loom reports as a deadlock.
#![cfg(loom)]

mod support;

use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Doorbell, Spin, TimedOut, WakerCell, WakerSet};
use std::task::Poll;
use support::sync::Arc;
use support::thread;
use support::{LoomFutex, Task, model};

/// A condition that comes true once, and when.
struct Flag(AtomicU32);

impl Flag {
    fn new() -> Self {
        Flag(AtomicU32::new(0))
    }

    fn raise(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    fn raised(&self) -> Option<()> {
        (self.0.load(Ordering::Relaxed) == 1).then_some(())
    }
}

mod doorbell {
    use super::*;

    #[test]
    fn a_ring_racing_with_falling_asleep_is_not_lost() {
        model(None, || {
            let shared = Arc::new((Flag::new(), Doorbell::<LoomFutex>::new()));
            let ringer = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.ring();
                })
            };
            assert_eq!(shared.1.wait_until(None, || shared.0.raised()), Ok(()));
            ringer.join().unwrap();
        });
    }

    #[test]
    fn two_ringers_and_one_sleeper_who_needs_both() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], Doorbell::<LoomFutex>::new()));
            let ringers = [0, 1].map(|which| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0[which].raise();
                    shared.1.ring();
                })
            });
            let both = || shared.0[0].raised().and_then(|()| shared.0[1].raised());
            assert_eq!(shared.1.wait_until(None, both), Ok(()));
            for ringer in ringers {
                ringer.join().unwrap();
            }
        });
    }

    #[test]
    fn one_ring_wakes_two_sleepers() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), Doorbell::<LoomFutex>::new()));
            let sleepers = [(); 2].map(|()| {
                let shared = shared.clone();
                thread::spawn(move || shared.1.wait_until(None, || shared.0.raised()))
            });
            shared.0.raise();
            shared.1.ring();
            for sleeper in sleepers {
                assert_eq!(sleeper.join().unwrap(), Ok(()));
            }
        });
    }

    #[test]
    fn two_sides_that_wait_for_each_other_in_turn() {
        model(Some(3), || {
            let shared = Arc::new((
                [Flag::new(), Flag::new()],
                [Doorbell::<LoomFutex>::new(), Doorbell::<LoomFutex>::new()],
            ));
            let other = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (flags, bells) = &*shared;
                    bells[0].wait_until(None, || flags[0].raised()).unwrap();
                    flags[1].raise();
                    bells[1].ring();
                })
            };
            let (flags, bells) = &*shared;
            flags[0].raise();
            bells[0].ring();
            assert_eq!(bells[1].wait_until(None, || flags[1].raised()), Ok(()));
            other.join().unwrap();
        });
    }

    #[test]
    fn a_second_sleep_is_woken_as_the_first_was() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], Doorbell::<LoomFutex>::new()));
            let ringer = {
                let shared = shared.clone();
                thread::spawn(move || {
                    for flag in &shared.0 {
                        flag.raise();
                        shared.1.ring();
                    }
                })
            };
            for flag in &shared.0 {
                assert_eq!(shared.1.wait_until(None, || flag.raised()), Ok(()));
            }
            ringer.join().unwrap();
        });
    }

    #[test]
    fn one_who_spins_sees_the_change_though_ringing_does_nothing() {
        model(None, || {
            let shared = Arc::new((Flag::new(), Doorbell::<Spin>::new()));
            let ringer = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.ring();
                })
            };
            assert_eq!(shared.1.wait_until(None, || shared.0.raised()), Ok(()));
            ringer.join().unwrap();
        });
    }

    #[test]
    fn a_deadline_racing_with_a_ring_times_out_or_answers_and_the_next_wait_answers() {
        model(None, || {
            let shared = Arc::new((Flag::new(), Doorbell::<LoomFutex>::new()));
            let ringer = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.ring();
                })
            };
            let first = shared.1.wait_until(Some(()), || shared.0.raised());
            assert!(matches!(first, Ok(()) | Err(TimedOut)));
            assert_eq!(shared.1.wait_until(None, || shared.0.raised()), Ok(()));
            ringer.join().unwrap();
        });
    }

    #[test]
    fn a_task_is_woken_by_a_ring_that_races_with_its_poll() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), Doorbell::<Async<LoomFutex>>::new()));
            let ringer = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.ring();
                })
            };
            Task::new().block_on(|cx| shared.1.poll_until(cx, || shared.0.raised()));
            ringer.join().unwrap();
        });
    }

    #[test]
    fn a_task_is_woken_though_two_ring_at_once() {
        model(Some(2), || {
            let shared =
                Arc::new(([Flag::new(), Flag::new()], Doorbell::<Async<LoomFutex>>::new()));
            let ringers = [0, 1].map(|which| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0[which].raise();
                    shared.1.ring();
                })
            });
            let both = || shared.0[0].raised().and_then(|()| shared.0[1].raised());
            Task::new().block_on(|cx| shared.1.poll_until(cx, both));
            for ringer in ringers {
                ringer.join().unwrap();
            }
        });
    }

    #[test]
    fn a_task_and_a_thread_on_one_bell_are_both_woken() {
        model(Some(2), || {
            let shared = Arc::new((Flag::new(), Doorbell::<Async<LoomFutex>>::new()));
            let sleeper = {
                let shared = shared.clone();
                thread::spawn(move || shared.1.wait_until(None, || shared.0.raised()))
            };
            let task = {
                let shared = shared.clone();
                thread::spawn(move || {
                    Task::new().block_on(|cx| shared.1.poll_until(cx, || shared.0.raised()))
                })
            };
            shared.0.raise();
            shared.1.ring();
            assert_eq!(sleeper.join().unwrap(), Ok(()));
            task.join().unwrap();
        });
    }
}

mod waker_cell {
    use super::*;

    /// The promise of the cell, kept without any doorbell: register, then look, then sleep until
    /// woken.
    fn wait(task: &std::sync::Arc<Task>, cell: &WakerCell, mut ready: impl FnMut() -> Option<()>) {
        task.block_on(|cx| {
            cell.register(cx.waker());
            ready().map_or(Poll::Pending, Poll::Ready)
        })
    }

    #[test]
    fn a_wake_racing_with_register_is_seen_or_wakes() {
        model(None, || {
            let shared = Arc::new((Flag::new(), WakerCell::new()));
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.wake();
                })
            };
            let task = Task::new();
            wait(&task, &shared.1, || shared.0.raised());
            waker.join().unwrap();
        });
    }

    #[test]
    fn two_wakers_racing_with_register_are_both_noticed() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], WakerCell::new()));
            let wakers = [0, 1].map(|which| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0[which].raise();
                    shared.1.wake();
                })
            });
            let task = Task::new();
            wait(&task, &shared.1, || shared.0[0].raised().and_then(|()| shared.0[1].raised()));
            for waker in wakers {
                waker.join().unwrap();
            }
        });
    }

    #[test]
    fn registering_again_after_each_wake_misses_none_of_them() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], WakerCell::new()));
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    for flag in &shared.0 {
                        flag.raise();
                        shared.1.wake();
                    }
                })
            };
            let task = Task::new();
            for flag in &shared.0 {
                wait(&task, &shared.1, || flag.raised());
            }
            waker.join().unwrap();
        });
    }

    #[test]
    fn of_two_tasks_that_register_at_once_none_is_forgotten() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), WakerCell::new()));
            let register = |shared: &(Flag, WakerCell)| {
                let task = Task::new();
                shared.1.register(&task.waker());
                // Either it is there already, or somebody wakes us: the waker, or the task that
                // took our place.
                if shared.0.raised().is_none() {
                    task.sleep();
                }
            };
            let other = {
                let shared = shared.clone();
                thread::spawn(move || register(&shared))
            };
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.wake();
                })
            };
            register(&shared);
            other.join().unwrap();
            waker.join().unwrap();
        });
    }

    #[test]
    fn a_task_that_gave_up_costs_the_next_one_nothing() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), WakerCell::new()));
            let gone = Task::new();
            shared.1.register(&gone.waker());
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.raise();
                    shared.1.wake();
                })
            };
            let task = Task::new();
            wait(&task, &shared.1, || shared.0.raised());
            waker.join().unwrap();
            // Replaced by the second task or found by the waker, the first one heard of it.
            assert!(gone.woken() >= 1);
        });
    }

    #[test]
    fn every_waker_left_in_the_cell_is_dropped_once() {
        model(Some(3), || {
            let task = Task::new();
            let shared = Arc::new(WakerCell::new());
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || shared.wake())
            };
            shared.register(&task.waker());
            shared.register(&task.waker());
            waker.join().unwrap();
            drop(shared);
            assert_eq!(std::sync::Arc::strong_count(&task), 1);
        });
    }
}

mod waker_set {
    use super::*;

    /// As for the cell: register, then look, then sleep until woken.
    fn wait(task: &std::sync::Arc<Task>, set: &WakerSet<2>, mut ready: impl FnMut() -> Option<()>) {
        task.block_on(|cx| {
            set.register(cx.waker());
            ready().map_or(Poll::Pending, Poll::Ready)
        })
    }

    #[test]
    fn two_tasks_that_register_at_once_both_see_the_change_or_are_woken() {
        model(Some(2), || {
            let shared = Arc::new((Flag::new(), WakerSet::new()));
            let [other, waker] = [false, true].map(|wakes| {
                let shared = shared.clone();
                thread::spawn(move || {
                    if wakes {
                        shared.0.raise();
                        shared.1.wake();
                    } else {
                        wait(&Task::new(), &shared.1, || shared.0.raised());
                    }
                })
            });
            wait(&Task::new(), &shared.1, || shared.0.raised());
            other.join().unwrap();
            waker.join().unwrap();
        });
    }

    /// It comes again while the first is still at work, and finds another place.
    #[test]
    fn two_wakers_racing_with_register_are_both_noticed() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], WakerSet::new()));
            let wakers = [0, 1].map(|which| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0[which].raise();
                    shared.1.wake();
                })
            });
            let both = || shared.0[0].raised().and_then(|()| shared.0[1].raised());
            wait(&Task::new(), &shared.1, both);
            for waker in wakers {
                waker.join().unwrap();
            }
        });
    }

    /// What is in a place when a wake-up meets a task that only looks at it is woken too.
    #[test]
    fn a_task_is_woken_though_another_looks_at_its_place_just_then() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), WakerSet::<2>::new()));
            let asleep = Task::new();
            shared.1.register(&asleep.waker());
            let [looks, wakes] = [false, true].map(|wakes| {
                let shared = shared.clone();
                thread::spawn(move || {
                    if wakes {
                        shared.0.raise();
                        shared.1.wake();
                    } else {
                        shared.1.register(&Task::new().waker());
                    }
                })
            });
            asleep.sleep();
            wait(&asleep, &shared.1, || shared.0.raised());
            looks.join().unwrap();
            wakes.join().unwrap();
        });
    }
}
