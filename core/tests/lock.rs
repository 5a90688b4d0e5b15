//! The locks, by scenario, and their layout in shared memory.
#![cfg(not(loom))]

#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::lock::{Acquired, Event, Mutex, Overflow, OwnerDied, Robust, Semaphore};
use ringway_core::participant::Participant;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{SpinClock, TimedOut, Wait};
use std::sync::atomic::{AtomicU64, Ordering};
use yielding::Yielding;

static NOW: AtomicU64 = AtomicU64::new(0);
/// Each look at the clock is a tick.
const CLOCK: SpinClock = SpinClock(|| NOW.fetch_add(1, Ordering::Relaxed));

fn soon() -> Option<u64> {
    Some(NOW.load(Ordering::Relaxed) + 5)
}

fn participant(number: u16) -> Participant {
    Participant::new(number).unwrap()
}

mod mutex {
    use super::*;

    #[test]
    fn four_threads_count_exactly() {
        static TOTAL: Mutex<u32, Yielding> = Mutex::new(0, Yielding);
        const EACH: u32 = 5_000;
        std::thread::scope(|s| {
            for number in 0..4 {
                s.spawn(move || {
                    let seat = TOTAL.seat(participant(number));
                    (0..EACH).for_each(|_| *seat.lock().into_inner() += 1);
                });
            }
        });
        assert_eq!(*TOTAL.lock().into_inner(), 4 * EACH);
        assert_eq!(TOTAL.holder(), None);
    }

    #[test]
    fn held_it_is_refused_and_a_deadline_passes() {
        let mutex = Mutex::new((), CLOCK);
        let guard = mutex.seat(participant(Participant::MAX)).lock();
        assert_eq!(mutex.holder(), Participant::new(Participant::MAX));
        assert!(mutex.try_lock().is_none());
        assert_eq!(mutex.lock_deadline(soon()).unwrap_err(), TimedOut);
        assert_eq!(mutex.lock_deadline(Some(0)).unwrap_err(), TimedOut);
        drop(guard);
        assert!(mutex.lock_deadline(Some(0)).is_ok(), "a deadline of the past is a plain look");
    }

    #[test]
    fn each_is_told_of_a_death_until_one_repairs() {
        let mutex = Mutex::new(1, CLOCK);
        let dead = participant(1);
        std::mem::forget(mutex.seat(dead).lock());
        // SAFETY: nobody uses the mutex under that name any more.
        assert!(unsafe { mutex.recover(dead) });
        // SAFETY: as above.
        assert!(!unsafe { mutex.recover(dead) }, "it was put right already");
        assert_eq!(mutex.holder(), None);
        assert!(matches!(mutex.lock(), Acquired::OwnerDied(_)));
        assert!(matches!(mutex.try_lock(), Some(Acquired::OwnerDied(_))));
        let told = mutex.lock().clean().map(drop).map_err(OwnerDied::without_guard);
        assert_eq!(told, Err(OwnerDied(())));
        drop(mutex.lock().repair(|value| **value = 2));
        assert!(mutex.lock().is_clean());
        assert_eq!(*mutex.lock().into_inner(), 2);
    }

    #[test]
    fn one_that_dies_after_it_repaired_leaves_it_to_be_repaired() {
        let mutex = Mutex::new((), CLOCK);
        for dead in [participant(1), participant(2)] {
            let mut guard = mutex.seat(dead).lock().into_inner();
            guard.make_consistent();
            std::mem::forget(guard);
            // SAFETY: nobody uses the mutex under that name any more.
            assert!(unsafe { mutex.recover(dead) });
        }
        assert!(!mutex.lock().is_clean());
    }

    #[test]
    fn one_that_dies_without_it_changes_nothing() {
        let mutex = Mutex::new((), CLOCK);
        let guard = mutex.lock();
        // SAFETY: nobody uses the mutex under that name.
        assert!(!unsafe { mutex.recover(participant(1)) });
        assert_eq!(mutex.holder(), Some(Participant::LOCAL));
        drop(guard);
        assert!(mutex.lock().is_clean());
    }

    #[test]
    fn its_value_is_dropped_once() {
        let alive = std::rc::Rc::new(());
        drop(Mutex::new(alive.clone(), CLOCK));
        assert_eq!(std::rc::Rc::strong_count(&alive), 1);
    }
}

mod semaphore {
    use super::*;

    #[test]
    fn it_counts_from_its_start_and_beyond() {
        let semaphore = Semaphore::<2, _>::new(CLOCK);
        semaphore.acquire();
        semaphore.acquire();
        assert!(!semaphore.try_acquire());
        assert_eq!(semaphore.acquire_deadline(soon()), Err(TimedOut));
        assert_eq!(semaphore.release(0), Ok(()));
        assert_eq!(semaphore.permits(), 0);
        assert_eq!(semaphore.release(5), Ok(()));
        assert_eq!(semaphore.permits(), 5);
    }

    #[test]
    fn it_never_counts_too_far() {
        fn check<const START: u32>() {
            let semaphore = Semaphore::<START, _>::new(CLOCK);
            assert_eq!(semaphore.permits(), START);
            semaphore.release(i32::MAX as u32 - START).unwrap();
            assert_eq!(semaphore.permits(), i32::MAX as u32);
            assert_eq!(semaphore.release(1), Err(Overflow));
            assert_eq!(semaphore.release(u32::MAX), Err(Overflow));
            assert_eq!(semaphore.permits(), i32::MAX as u32);
            assert!(semaphore.try_acquire());
            assert_eq!(semaphore.release(1), Ok(()));
        }
        check::<0>();
        check::<1>();
        check::<0x7fff_fffe>();
        check::<0x7fff_ffff>();
    }

    #[test]
    fn never_more_inside_than_permits() {
        static PLACES: Semaphore<2, Yielding> = Semaphore::new(Yielding);
        static INSIDE: AtomicU64 = AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..2_000 {
                        PLACES.acquire();
                        assert!(INSIDE.fetch_add(1, Ordering::SeqCst) < 2);
                        INSIDE.fetch_sub(1, Ordering::SeqCst);
                        PLACES.release(1).unwrap();
                    }
                });
            }
        });
        assert_eq!(PLACES.permits(), 2);
    }
}

mod event {
    use super::*;

    #[test]
    fn set_it_lets_all_pass_until_it_is_cleared() {
        let event = Event::new(CLOCK);
        assert!(!event.is_set());
        assert_eq!(event.wait_deadline(soon()), Err(TimedOut));
        event.set();
        event.set();
        event.wait();
        assert_eq!(event.wait_deadline(Some(0)), Ok(()));
        event.clear();
        event.clear();
        assert!(!event.is_set());
        assert_eq!(event.wait_deadline(Some(0)), Err(TimedOut));
    }

    /// A sleep in which the event is set and cleared, once.
    struct Pulse;

    static PULSED: Event<Pulse> = Event::new(Pulse);

    impl Wait for Pulse {
        type Deadline = std::convert::Infallible;

        fn wait(&self, _: &AtomicU32, _: u32, _: Option<Self::Deadline>) -> Result<(), TimedOut> {
            PULSED.set();
            PULSED.clear();
            Ok(())
        }

        fn wake(&self, _: &AtomicU32, _: u32) {}
    }

    #[test]
    fn one_that_waits_when_it_is_set_returns_though_it_is_clear_again() {
        PULSED.wait();
        assert!(!PULSED.is_set());
    }

    #[test]
    fn two_play_ball_with_two_events() {
        static BALL: [Event<Yielding>; 2] = [const { Event::new(Yielding) }; 2];
        let play = |mine: usize| {
            for _ in 0..1_000 {
                BALL[mine].wait();
                BALL[mine].clear();
                BALL[1 - mine].set();
            }
        };
        std::thread::scope(|s| {
            s.spawn(|| play(0));
            s.spawn(|| play(1));
            BALL[0].set();
        });
        assert!(BALL[0].is_set() && !BALL[1].is_set());
    }
}

/// What lies in shared memory: the same on every host, and all-zero when it is new.
mod layout {
    use super::*;

    /// A lock made of zeros, as it is found in a region that was just made.
    fn zeroed<T>() -> T {
        // SAFETY: all-zero bytes are a fresh lock, by its documentation, which is what is tested here.
        unsafe { std::mem::MaybeUninit::zeroed().assume_init() }
    }

    #[test]
    fn zeros_are_a_fresh_mutex() {
        let mutex: Mutex<u64, Yielding> = zeroed();
        assert_eq!(mutex.holder(), None);
        let Acquired::Clean(value) = mutex.lock() else { panic!("nobody died") };
        assert_eq!(*value, 0);
        let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&mutex).addr();
        assert_eq!(offset, 8, "where the value lies");
    }

    #[test]
    fn zeros_are_a_fresh_semaphore() {
        let semaphore: Semaphore<5, Yielding> = zeroed();
        assert_eq!(semaphore.permits(), 5);
    }

    #[test]
    fn zeros_are_a_fresh_event() {
        let event: Event<Yielding> = zeroed();
        assert!(!event.is_set());
        event.set();
        event.wait();
    }

    #[test]
    fn sizes_are_the_same_on_every_host() {
        assert_eq!((size_of::<Mutex<(), Yielding>>(), align_of::<Mutex<(), Yielding>>()), (8, 8));
        assert_eq!((size_of::<Mutex<u8, Yielding>>(), align_of::<Mutex<u8, Yielding>>()), (16, 8));
        assert_eq!(
            (size_of::<Mutex<u64, Yielding>>(), align_of::<Mutex<u64, Yielding>>()),
            (16, 8)
        );
        assert_eq!(size_of::<Semaphore<1, Yielding>>(), 4);
        assert_eq!(size_of::<Event<Yielding>>(), 8);
    }
}
