//! The locks, by scenario, and their layout in shared memory.
#![cfg(not(loom))]

#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::lock::{
    Acquired, Barrier, BarrierError, BoundedSemaphore, Condition, Event, Mutex, NotHeld, Overflow,
    OwnerDied, ReentrantError, ReentrantMutex, Robust, RwLock, Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{SpinClock, TimedOut, Wait};
use std::num::NonZeroU32;
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

/// The threads of a test, each by a number of its own.
struct Numbered;

// SAFETY: each thread takes the next number, once.
unsafe impl ThreadId for Numbered {
    fn thread_id() -> NonZeroU32 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static MINE: NonZeroU32 =
                NonZeroU32::new(NEXT.fetch_add(1, Ordering::Relaxed) as u32).expect("counts from 1");
        }
        MINE.with(|mine| *mine)
    }
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

mod reentrant {
    use super::*;
    use std::cell::Cell;

    type Lock<W> = ReentrantMutex<Cell<u32>, Numbered, W>;

    #[test]
    fn one_thread_takes_it_again_and_others_wait_until_all_is_given_back() {
        let lock = Lock::new(Cell::new(0), CLOCK);
        let outer = lock.lock().unwrap().into_inner();
        let inner = lock.try_lock().unwrap().into_inner();
        let refused = || std::thread::scope(|s| s.spawn(|| lock.try_lock().err()).join().unwrap());
        assert_eq!(refused(), Some(ReentrantError::Held));
        drop(outer);
        inner.set(5);
        assert_eq!(refused(), Some(ReentrantError::Held));
        assert_eq!(
            std::thread::scope(|s| s.spawn(|| lock.lock_deadline(soon()).err()).join().unwrap()),
            Some(ReentrantError::TimedOut)
        );
        drop(inner);
        assert_eq!(refused(), None);
        assert_eq!(lock.holder(), None);
    }

    #[test]
    fn one_thread_cannot_take_it_without_end() {
        let lock = Lock::new(Cell::new(0), CLOCK);
        let guards: Vec<_> = (0..Lock::<SpinClock>::MAX_DEPTH).map(|_| lock.lock()).collect();
        assert!(guards.iter().all(Result::is_ok));
        assert_eq!(lock.lock().unwrap_err(), ReentrantError::TooDeep);
        assert_eq!(lock.try_lock().unwrap_err(), ReentrantError::TooDeep);
        drop(guards);
        assert_eq!(lock.holder(), None);
    }

    #[test]
    fn four_threads_count_exactly() {
        static TOTAL: Lock<Yielding> = ReentrantMutex::new(Cell::new(0), Yielding);
        const EACH: u32 = 2_000;
        let add = || {
            let total = TOTAL.lock().unwrap().into_inner();
            total.set(total.get() + 1);
        };
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..EACH {
                        let _outer = TOTAL.lock();
                        add();
                    }
                });
            }
        });
        assert_eq!(TOTAL.lock().unwrap().into_inner().get(), 4 * EACH);
    }

    #[test]
    fn one_that_died_deep_inside_leaves_it_free_and_every_guard_is_told_until_one_repairs() {
        let lock = Lock::new(Cell::new(0), CLOCK);
        let dead = participant(1);
        std::mem::forget([lock.seat(dead).lock(), lock.seat(dead).lock()]);
        // SAFETY: nobody uses the lock under that name any more.
        assert!(unsafe { lock.recover(dead) });
        // SAFETY: as above.
        assert!(!unsafe { lock.recover(dead) });
        let outer = lock.lock().unwrap();
        assert!(!outer.is_clean());
        let inner = lock.lock().unwrap();
        assert!(!inner.is_clean());
        drop((outer, inner));
        let mut outer = lock.lock().unwrap().clean().unwrap_err().0;
        outer.make_consistent();
        assert!(lock.lock().unwrap().is_clean());
        drop(outer);
        assert!(lock.lock().unwrap().is_clean());
    }

    #[test]
    fn a_number_that_is_used_again_does_not_inherit_the_lock() {
        let lock = Lock::new(Cell::new(0), CLOCK);
        let dead = participant(1);
        std::mem::forget(lock.seat(dead).lock());
        // SAFETY: nobody uses the lock under that name until it is given anew, below.
        assert!(unsafe { lock.recover(dead) });
        let other = lock.seat(participant(2)).lock().unwrap();
        // The same participant and thread number as the dead one's.
        assert_eq!(lock.seat(dead).try_lock().unwrap_err(), ReentrantError::Held);
        drop(other);
    }
}

mod bounded {
    use super::*;

    #[test]
    fn there_are_never_more_permits_than_it_says() {
        let places = BoundedSemaphore::<2, _>::new(CLOCK);
        let (first, second) = (places.acquire(), places.try_acquire().unwrap());
        assert!(places.try_acquire().is_none());
        assert_eq!(places.acquire_deadline(soon()).unwrap_err(), TimedOut);
        assert_eq!(places.release(), Err(NotHeld), "a guard's permit is the guard's");
        first.keep();
        assert_eq!(places.seat(participant(1)).release(), Err(NotHeld), "another one's");
        assert_eq!(places.release(), Ok(()));
        assert_eq!(places.release(), Err(NotHeld));
        assert_eq!(places.permits(), 1);
        drop(second);
        assert_eq!(places.permits(), 2);
    }

    #[test]
    fn all_that_one_held_come_back_at_its_death_kept_or_not() {
        let places = BoundedSemaphore::<3, _>::new(CLOCK);
        let dead = participant(7);
        let mine = places.acquire();
        places.seat(dead).acquire().keep();
        std::mem::forget(places.seat(dead).acquire());
        assert_eq!(places.permits(), 0);
        // SAFETY: nobody uses the semaphore under that name any more.
        assert_eq!(unsafe { places.recover(dead) }, 2);
        // SAFETY: as above.
        assert_eq!(unsafe { places.recover(dead) }, 0);
        assert_eq!(places.permits(), 2);
        drop(mine);
        assert_eq!(places.permits(), 3);
    }

    #[test]
    fn never_more_inside_than_permits() {
        static PLACES: BoundedSemaphore<2, Yielding> = BoundedSemaphore::new(Yielding);
        static INSIDE: AtomicU64 = AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..2_000 {
                        let _permit = PLACES.acquire();
                        assert!(INSIDE.fetch_add(1, Ordering::SeqCst) < 2);
                        INSIDE.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(PLACES.permits(), 2);
    }
}

mod condition {
    use super::*;

    #[test]
    fn jobs_pass_from_two_threads_to_two() {
        static JOBS: Mutex<Vec<u32>, Yielding> = Mutex::new(Vec::new(), Yielding);
        static MORE: Condition<Yielding> = Condition::new(Yielding);
        const EACH: u32 = 1_000;
        let sums: u32 = std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for job in 0..EACH {
                        JOBS.lock().into_inner().push(job);
                        MORE.notify(1);
                    }
                });
            }
            let takers = [(); 2].map(|()| {
                s.spawn(|| {
                    let mut sum = 0;
                    for _ in 0..EACH {
                        let jobs = JOBS.lock().into_inner();
                        let mut jobs = MORE.wait_while(jobs, |jobs| jobs.is_empty()).into_inner();
                        sum += jobs.pop().unwrap();
                    }
                    sum
                })
            });
            takers.map(|taker| taker.join().unwrap()).iter().sum()
        });
        assert_eq!(sums, EACH * (EACH - 1));
    }

    #[test]
    fn a_deadline_is_told_and_the_mutex_held_again() {
        let (mutex, never) = (Mutex::new(3, CLOCK), Condition::new(CLOCK));
        let (guard, waited) =
            never.wait_while_deadline(mutex.lock().into_inner(), soon(), |value| *value == 3);
        assert_eq!(waited, Err(TimedOut));
        assert!(mutex.try_lock().is_none());
        // One that need not wait looks at no clock.
        let (guard, waited) =
            never.wait_while_deadline(guard.into_inner(), Some(0), |value| *value != 3);
        assert_eq!(waited, Ok(()));
        drop(guard);
        assert!(mutex.try_lock().is_some());
    }

    #[test]
    fn a_mutex_that_is_to_be_repaired_stays_so() {
        let (mutex, condition) = (Mutex::new(3, CLOCK), Condition::new(CLOCK));
        let dead = participant(1);
        std::mem::forget(mutex.seat(dead).lock());
        // SAFETY: nobody uses the mutex under that name any more.
        assert!(unsafe { mutex.recover(dead) });
        let guard = condition.wait_while(mutex.lock().into_inner(), |_| false);
        assert!(!guard.is_clean());
        let guard = condition.wait_while(guard.into_inner(), |_| true);
        assert!(!guard.is_clean(), "told instead of waiting");
        drop(guard.repair(|_| ()));
        assert!(mutex.lock().is_clean());
    }

    /// A sleep that ends at once, as one on a futex may.
    struct Restless;

    impl Wait for Restless {
        type Deadline = std::convert::Infallible;

        fn wait(&self, _: &AtomicU32, _: u32, _: Option<Self::Deadline>) -> Result<(), TimedOut> {
            Ok(())
        }

        fn wake(&self, _: &AtomicU32, _: u32) {}
    }

    #[test]
    fn one_whose_notifier_died_before_it_notified_looks_again() {
        static CHANGED: Mutex<bool, Restless> = Mutex::new(false, Restless);
        let condition = Condition::new(Restless);
        let mut looks = 0;
        let changed = condition.wait_while(CHANGED.lock().into_inner(), |changed| {
            looks += 1;
            // The change comes, and nobody says so.
            *changed = looks == 3;
            !*changed
        });
        assert!(*changed.into_inner());
    }
}

mod barrier {
    use super::*;

    #[test]
    fn four_threads_meet_round_after_round() {
        static MEET: Barrier<4, Yielding> = Barrier::new(Yielding);
        static CAME: AtomicU64 = AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for round in 1..=500 {
                        CAME.fetch_add(1, Ordering::SeqCst);
                        MEET.wait().unwrap();
                        let came = CAME.load(Ordering::SeqCst);
                        assert!((4 * round..4 * round + 4).contains(&came));
                        MEET.wait().unwrap();
                    }
                });
            }
        });
        assert_eq!((MEET.waiting(), MEET.parties()), (0, 4));
    }

    #[test]
    fn more_threads_than_parties_meet_in_groups() {
        static MEET: Barrier<2, Yielding> = Barrier::new(Yielding);
        const MEETINGS: u64 = 2_000;
        // Counted by the first of each group, so that nobody is left to wait for one who has gone: whoever finds them all
        // counted breaks it for who waits.
        let counted = AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    while let Ok(index) = MEET.wait() {
                        assert!(index < 2);
                        if index == 0 && counted.fetch_add(1, Ordering::Relaxed) + 1 >= MEETINGS {
                            MEET.abort();
                        }
                    }
                });
            }
        });
        assert!(counted.load(Ordering::Relaxed) >= MEETINGS && MEET.is_broken());
    }

    #[test]
    fn one_that_times_out_breaks_it_until_it_is_reset() {
        let barrier = Barrier::<2, _>::new(CLOCK);
        assert_eq!(barrier.wait_deadline(soon()), Err(BarrierError::TimedOut));
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait_deadline(soon()), Err(BarrierError::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
        assert_eq!(barrier.wait_deadline(Some(0)), Err(BarrierError::TimedOut));
    }

    #[test]
    fn one_party_goes_on_alone_and_abort_and_reset_are_idempotent() {
        let barrier = Barrier::<1, _>::new(CLOCK);
        for _ in 0..300_000 {
            assert_eq!(barrier.wait(), Ok(0));
        }
        barrier.abort();
        barrier.abort();
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset();
        barrier.reset();
        assert_eq!(barrier.wait(), Ok(0));
    }

    #[test]
    fn a_reset_sends_away_those_that_wait() {
        static MEET: Barrier<3, Yielding> = Barrier::new(Yielding);
        std::thread::scope(|s| {
            let waiters = [(); 2].map(|()| s.spawn(|| MEET.wait()));
            while MEET.waiting() < 2 {
                std::thread::yield_now();
            }
            MEET.reset();
            let sent = waiters.map(|waiter| waiter.join().unwrap());
            assert_eq!(sent, [Err(BarrierError::Broken); 2]);
        });
        assert_eq!(MEET.waiting(), 0);
        std::thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(|| MEET.wait().unwrap()))));
    }

    #[test]
    fn one_that_dies_elsewhere_breaks_nothing() {
        let barrier = Barrier::<2, _>::new(CLOCK);
        // SAFETY: nobody uses the barrier under that name.
        assert!(!unsafe { barrier.recover(participant(1)) });
        assert!(!barrier.is_broken());
    }
}

mod rwlock {
    use super::*;

    #[test]
    fn readers_share_and_writers_do_not() {
        let lock = RwLock::<_, 2, _>::new(5, CLOCK);
        let (one, two) = (lock.read(), lock.try_read().unwrap());
        assert_eq!(lock.readers(), 2);
        assert!(lock.try_read().is_none(), "every seat is taken");
        assert_eq!(lock.read_deadline(soon()).unwrap_err(), TimedOut);
        assert!(lock.try_write().is_none());
        assert_eq!(lock.write_deadline(soon()).unwrap_err(), TimedOut);
        assert_eq!(lock.writer(), None);
        drop((one, two));
        let writer = lock.write();
        assert_eq!(lock.writer(), Some(Participant::LOCAL));
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        assert_eq!(lock.write_deadline(soon()).unwrap_err(), TimedOut);
        drop(writer);
        assert_eq!(*lock.read().into_inner(), 5);
    }

    #[test]
    fn two_values_that_writers_change_together_are_never_seen_apart() {
        static PAIR: RwLock<[u32; 2], 2, Yielding> = RwLock::new([0; 2], Yielding);
        const EACH: u32 = 2_000;
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for _ in 0..EACH {
                        let mut pair = PAIR.write().into_inner();
                        pair[0] += 1;
                        pair[1] += 1;
                    }
                });
            }
            for _ in 0..3 {
                s.spawn(|| {
                    for _ in 0..EACH {
                        let pair = PAIR.read().into_inner();
                        assert_eq!(pair[0], pair[1]);
                    }
                });
            }
        });
        assert_eq!(*PAIR.read().into_inner(), [2 * EACH; 2]);
    }

    #[test]
    fn a_writer_that_waits_keeps_new_readers_out_and_gets_in() {
        static LOCK: RwLock<u32, 4, Yielding> = RwLock::new(0, Yielding);
        std::thread::scope(|s| {
            let reader = LOCK.read();
            let writer = s.spawn(|| *LOCK.write().into_inner() = 1);
            while LOCK.writer().is_none() {
                std::thread::yield_now();
            }
            assert!(LOCK.try_read().is_none());
            drop(reader);
            writer.join().unwrap();
        });
        assert_eq!(*LOCK.read().into_inner(), 1);
    }

    #[test]
    fn readers_and_writers_are_told_of_a_writers_death_until_one_repairs() {
        let lock = RwLock::<_, 2, _>::new(5, CLOCK);
        let dead = participant(1);
        std::mem::forget(lock.seat(dead).write());
        // SAFETY: nobody uses the lock under that name any more.
        assert!(unsafe { lock.recover(dead) });
        // SAFETY: as above.
        assert!(!unsafe { lock.recover(dead) });
        assert!(!lock.read().is_clean());
        assert!(!lock.write().is_clean());
        drop(lock.write().repair(|value| **value = 6));
        assert!(lock.write().is_clean());
        assert!(matches!(lock.read(), Acquired::Clean(value) if *value == 6));
    }

    #[test]
    fn the_seats_of_a_reader_that_died_are_free() {
        let lock = RwLock::<_, 2, _>::new(5, CLOCK);
        let dead = participant(1);
        std::mem::forget([lock.seat(dead).read(), lock.seat(dead).read()]);
        assert!(lock.try_write().is_none());
        // SAFETY: nobody uses the lock under that name any more.
        assert!(unsafe { lock.recover(dead) });
        assert_eq!(lock.readers(), 0);
        assert!(lock.write().is_clean());
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
    fn zeros_are_a_fresh_reentrant_mutex() {
        let lock: ReentrantMutex<u64, Numbered, Yielding> = zeroed();
        let value = lock.lock().unwrap().clean().expect("nobody died");
        assert_eq!(*value, 0);
        let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&lock).addr();
        assert_eq!(offset, 24, "where the value lies");
    }

    #[test]
    fn zeros_are_a_fresh_bounded_semaphore() {
        let places: BoundedSemaphore<3, Yielding> = zeroed();
        assert_eq!(places.permits(), 3);
        assert!(places.try_acquire().is_some());
    }

    #[test]
    fn zeros_are_a_fresh_condition() {
        let (mutex, condition): (Mutex<u32, Yielding>, Condition<Yielding>) = zeroed();
        condition.notify_all();
        assert!(condition.wait_while(mutex.lock().into_inner(), |value| *value != 0).is_clean());
    }

    #[test]
    fn zeros_are_a_fresh_barrier() {
        let barrier: Barrier<1, Yielding> = zeroed();
        assert_eq!(barrier.wait(), Ok(0));
    }

    #[test]
    fn zeros_are_a_fresh_lock_for_readers_and_writers() {
        let lock: RwLock<u64, 3, Yielding> = zeroed();
        let value = lock.read().clean().expect("nobody died");
        assert_eq!(*value, 0);
        let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&lock).addr();
        assert_eq!(offset, 24, "where the value lies");
    }

    #[test]
    fn sizes_are_the_same_on_every_host() {
        fn assert_layout<T>(size: usize, align: usize) {
            assert_eq!((size_of::<T>(), align_of::<T>()), (size, align));
        }
        assert_layout::<Mutex<(), Yielding>>(8, 8);
        assert_layout::<Mutex<u8, Yielding>>(16, 8);
        assert_layout::<Mutex<u64, Yielding>>(16, 8);
        assert_layout::<ReentrantMutex<(), Numbered, Yielding>>(24, 8);
        assert_layout::<ReentrantMutex<u64, Numbered, Yielding>>(32, 8);
        assert_layout::<Semaphore<1, Yielding>>(4, 4);
        assert_layout::<BoundedSemaphore<5, Yielding>>(24, 4);
        assert_layout::<Condition<Yielding>>(8, 4);
        assert_layout::<Event<Yielding>>(8, 4);
        assert_layout::<Barrier<5, Yielding>>(28, 4);
        assert_layout::<RwLock<(), 1, Yielding>>(16, 8);
        assert_layout::<RwLock<(), 2, Yielding>>(24, 8);
        assert_layout::<RwLock<u64, 2, Yielding>>(32, 8);
    }
}
