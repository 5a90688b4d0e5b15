//! Models of waiting: in any interleaving, no wake-up is lost.
//!
//! The conditions are relaxed accesses on purpose: the models test what makes them visible. A lost
//! wake-up leaves a thread asleep for ever, which loom reports as a deadlock.
#![cfg(loom)]

mod support;

use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Doorbell, Spin, TimedOut, WakerCell, WakerSet};
use std::task::Poll;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, Task, model};

/// A condition that becomes true once.
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
    fn ring_while_falling_asleep_is_not_lost() {
        model(None, || {
            let shared = Arc::new((Flag::new(), Doorbell::<ModelFutex>::new()));
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
    fn sleeper_that_needs_two_ringers_wakes() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], Doorbell::<ModelFutex>::new()));
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
            let shared = Arc::new((Flag::new(), Doorbell::<ModelFutex>::new()));
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
    fn two_sides_that_wait_in_turn_both_wake() {
        model(Some(3), || {
            let shared = Arc::new((
                [Flag::new(), Flag::new()],
                [Doorbell::<ModelFutex>::new(), Doorbell::<ModelFutex>::new()],
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
    fn ring_wakes_a_second_sleep_too() {
        model(Some(3), || {
            let shared = Arc::new(([Flag::new(), Flag::new()], Doorbell::<ModelFutex>::new()));
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
    fn spinner_sees_the_change_without_a_wake_up() {
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
    fn next_wait_succeeds_after_deadline_during_a_ring() {
        model(None, || {
            let shared = Arc::new((Flag::new(), Doorbell::<ModelFutex>::new()));
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
    fn ring_during_poll_wakes_the_task() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), Doorbell::<Async<ModelFutex>>::new()));
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
    fn two_rings_at_once_wake_a_task() {
        model(Some(2), || {
            let shared =
                Arc::new(([Flag::new(), Flag::new()], Doorbell::<Async<ModelFutex>>::new()));
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
    fn ring_wakes_a_task_and_a_thread() {
        model(Some(2), || {
            let shared = Arc::new((Flag::new(), Doorbell::<Async<ModelFutex>>::new()));
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

    /// Waits as the cell alone demands, without a doorbell: register, then check, then sleep until
    /// woken.
    fn wait(task: &std::sync::Arc<Task>, cell: &WakerCell, mut ready: impl FnMut() -> Option<()>) {
        task.block_on(|cx| {
            cell.register(cx.waker());
            ready().map_or(Poll::Pending, Poll::Ready)
        })
    }

    #[test]
    fn wake_during_register_is_seen_or_wakes() {
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
    fn registering_after_each_wake_misses_none() {
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
    fn two_registering_tasks_both_wake_in_one_cell() {
        model(Some(3), || {
            let shared = Arc::new((Flag::new(), WakerCell::new()));
            let register = |shared: &(Flag, WakerCell)| {
                let task = Task::new();
                shared.1.register(&task.waker());
                // Either the condition is true already or somebody wakes us: the waker, or the task
                // that replaced our waker.
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
    fn task_that_gave_up_does_not_delay_the_next() {
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
            // The second task replaced the first one's waker, or the waker found it. Either way,
            // the first task was woken.
            assert!(gone.woken() >= 1);
        });
    }

    #[test]
    fn waker_left_in_the_cell_is_dropped_once() {
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

    /// Waits as the set demands: register, then check, then sleep until woken.
    fn wait(task: &std::sync::Arc<Task>, set: &WakerSet<2>, mut ready: impl FnMut() -> Option<()>) {
        task.block_on(|cx| {
            set.register(cx.waker());
            ready().map_or(Poll::Pending, Poll::Ready)
        })
    }

    #[test]
    fn two_registering_tasks_both_see_or_wake() {
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

    /// The task registers again while the first wake-up is still under way, and gets another cell.
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

    /// A wake-up may come while another task only probes a cell. The task whose waker is in it is
    /// still woken.
    #[test]
    fn task_wakes_while_another_probes_its_cell() {
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
