//! Locks whose way of waiting panics, at a wait or at a wake-up.

use super::*;
use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, ReentrantMutex, Robust, RwLock,
    Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use std::num::NonZeroU32;

/// A deadline that has passed. A wait with it leaves a mark, so the next release believes that
/// somebody sleeps.
const NOW: Option<u32> = Some(0);

fn dead() -> Participant {
    Participant::new(1).unwrap()
}

#[test]
fn mutex_is_free_after_its_wake_panics() {
    let sleeper = Sleeper::new();
    let mutex = Mutex::<_, ThreadSleeper>::new(5);
    let guard = mutex.lock();
    assert!(mutex.lock_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| drop(guard));
    assert!(mutex.try_lock().is_ok());

    std::mem::forget(mutex.handle(dead()).lock());
    sleeper.arm();
    // SAFETY: no guard is in use under the name `dead` any more: it was forgotten.
    panics(|| unsafe { mutex.recover(dead()) });
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn rwlock_wakes_all_when_one_wake_panics() {
    let sleeper = Sleeper::new();
    let lock = RwLock::<_, 2, ThreadSleeper>::new(5);
    let writer = lock.write();
    assert!(lock.read_deadline(NOW).is_err());
    assert!(lock.write_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| drop(writer));
    assert_eq!(sleeper.wakes(), 2, "a writer, and all others");
    let readers = [(); 2].map(|()| lock.try_read().expect("it is free"));
    assert!(lock.read_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| drop(readers));
    assert!(lock.try_write().is_ok());

    let handle = lock.handle(dead());
    std::mem::forget((handle.read(), handle.read()));
    sleeper.arm();
    // SAFETY: no guard is in use under the name `dead` any more: both were forgotten.
    panics(|| unsafe { lock.recover(dead()) });
    assert!(lock.try_write().is_ok());
}

#[test]
fn writer_that_panics_while_waiting_blocks_nobody() {
    let sleeper = Sleeper::new();
    let lock = RwLock::<_, 2, ThreadSleeper>::new(5);
    let reader = lock.read();
    sleeper.arm_for_waits();
    panics(|| lock.write());
    assert!(lock.try_read().is_ok());
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn panicking_waiter_passes_its_wake_up_on() {
    let sleeper = Sleeper::new();
    let mutex = Mutex::<_, ThreadSleeper>::new(5);
    let guard = mutex.lock();
    sleeper.arm_for_waits();
    panics(|| mutex.lock());
    assert_eq!(sleeper.wakes(), 1);
    drop(guard);
    assert!(mutex.try_lock().is_ok());

    let sleeper = Sleeper::new();
    let places = Semaphore::<0, ThreadSleeper>::new();
    sleeper.arm_for_waits();
    panics(|| places.acquire());
    assert_eq!((sleeper.wakes(), places.permits()), (1, 0));
}

#[test]
fn permits_return_when_the_wake_panics() {
    let sleeper = Sleeper::new();
    let places = BoundedSemaphore::<2, ThreadSleeper>::new();
    let (first, second) = (places.acquire(), places.acquire());
    assert!(places.acquire_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| drop(first));
    assert_eq!(places.permits(), 1);
    drop(second);

    std::mem::forget((places.handle(dead()).acquire(), places.handle(dead()).acquire()));
    assert!(places.acquire_deadline(NOW).is_err());
    sleeper.arm();
    let before = sleeper.wakes();
    // SAFETY: no permit is in use under the name `dead` any more: both were forgotten.
    panics(|| unsafe { places.recover(dead()) });
    assert_eq!(places.permits(), 2);
    assert_eq!(sleeper.wakes(), before + 1, "all, whether announced or not");
}

#[test]
fn release_counts_its_permits_when_the_wake_panics() {
    let sleeper = Sleeper::new();
    let places = Semaphore::<0, ThreadSleeper>::new();
    assert!(places.acquire_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| places.release(2));
    assert_eq!(places.permits(), 2);
}

/// The wait of one taker releases two permits, so the taker has to wake a third party, and panics.
#[test]
fn waiter_that_panics_while_taking_loses_no_permit() {
    static PLACES: Semaphore<0, Releases> = Semaphore::new();
    struct Releases {
        is_armed: Flag,
    }
    impl Wake for Releases {
        type Word = BellWord;

        const INIT: Self = Releases { is_armed: Flag::new() };

        fn wake(&self, _: &AtomicU32, _: u32) {
            assert!(!self.is_armed.take(), "a way of waking");
        }
    }

    impl Wait for Releases {
        type Deadline = u32;

        fn wait(&self, _: &AtomicU32, _: u32, _: Option<u32>) -> Result<(), TimedOut> {
            PLACES.release(2).unwrap();
            self.is_armed.set();
            Ok(())
        }
    }
    panics(|| PLACES.acquire());
    assert_eq!(PLACES.permits(), 2);
}

#[test]
fn event_is_set_when_the_wake_panics() {
    let sleeper = Sleeper::new();
    let event = Event::<ThreadSleeper>::new();
    assert!(event.wait_deadline(NOW).is_err());
    sleeper.arm();
    panics(|| event.set());
    assert!(event.is_set());
}

#[test]
fn panicked_waiter_no_longer_counts_at_a_condition() {
    let sleeper = Sleeper::new();
    let (mutex, condition) =
        (Mutex::<_, ThreadSleeper>::new(()), Condition::<ThreadSleeper>::new());
    sleeper.arm_for_waits();
    panics(|| condition.wait(mutex.lock().unwrap()));
    condition.notify_all();
    assert_eq!(sleeper.wakes(), 0, "nobody is there");
    panics(|| condition.wait_while(mutex.lock().unwrap(), |()| panic!("a condition")));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn panicking_waiter_breaks_the_barrier_until_reset() {
    let sleeper = Sleeper::new();
    let barrier = Barrier::<2, ThreadSleeper>::new();
    for _ in 0..3 {
        sleeper.arm_for_waits();
        panics(|| barrier.wait());
        assert_eq!((barrier.waiting(), barrier.is_broken()), (0, true));
        assert_eq!(barrier.wait(), Err(Error::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
    }
}

/// While the first one waits, the second one arrives, wakes the first, and panics at that.
#[test]
fn full_barrier_round_ends_when_the_wake_panics() {
    static BARRIER: Barrier<2, Comes> = Barrier::new();

    struct Comes {
        is_armed: Flag,
    }
    impl Wake for Comes {
        type Word = BellWord;

        const INIT: Self = Comes { is_armed: Flag::new() };

        fn wake(&self, _: &AtomicU32, _: u32) {
            assert!(!self.is_armed.take(), "a way of waking");
        }
    }

    impl Wait for Comes {
        type Deadline = u32;

        fn wait(&self, _: &AtomicU32, _: u32, _: Option<u32>) -> Result<(), TimedOut> {
            self.is_armed.set();
            panics(|| BARRIER.wait());
            Ok(())
        }
    }
    for _ in 0..3 {
        assert!(BARRIER.wait().is_ok(), "the other was there");
        assert_eq!((BARRIER.waiting(), BARRIER.is_broken()), (0, false));
    }
}

/// A sleeper that knows whether its thread unwinds, as a hosted system does.
#[derive(Debug, Clone, Copy)]
struct KnowsUnwinding;

impl Wake for KnowsUnwinding {
    type Word = BellWord;

    const INIT: Self = KnowsUnwinding;

    fn wake(&self, _: &AtomicU32, _: u32) {}

    fn is_unwinding(&self) -> bool {
        std::thread::panicking()
    }
}

impl Wait for KnowsUnwinding {
    type Deadline = u32;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<u32>) -> Result<(), TimedOut> {
        panic!("a way of sleeping");
    }
}

/// Runs a function when it is dropped, which happens while unwinding.
struct InDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for InDrop<F> {
    fn drop(&mut self) {
        assert!(std::thread::panicking());
        (self.0)();
    }
}

fn unwind_with<T>(held: T) {
    panics(move || {
        let _held = held;
        panic!("in the middle");
    });
}

#[test]
fn next_owner_learns_that_a_holder_panicked() {
    fn check<W: Wait>() {
        let mutex = Mutex::<_, W>::new(5);
        unwind_with(mutex.lock().unwrap());
        unwind_with(mutex.try_lock());
        let told = mutex.lock().map(drop).map_err(Error::from);
        assert_eq!(told, Err(Error::OwnerDied), "again, as nobody repaired it");
        drop(mutex.lock().unwrap_err().repair(|value| **value = 6));
        assert!(mutex.lock().is_ok());
    }
    check::<KnowsUnwinding>();
    check::<Async<KnowsUnwinding>>();
}

#[test]
fn rwlock_reports_panicked_writers_but_not_readers() {
    let lock = RwLock::<_, 2, KnowsUnwinding>::new(5);
    unwind_with(lock.read());
    assert!(lock.try_write().is_ok());
    unwind_with(lock.try_write());
    assert!(matches!(lock.try_read(), Err(LockError::OwnerDied(_))));
    unwind_with(lock.write());
    drop(lock.write().unwrap_err().repair(|_| ()));
    assert!(lock.try_read().is_ok());
    // A writer that panics while it waits for readers has changed nothing.
    let reader = lock.read();
    panics(|| lock.write());
    drop(reader);
    assert!(lock.write().is_ok());
    let places = BoundedSemaphore::<1, KnowsUnwinding>::new();
    unwind_with(places.acquire());
    assert!(places.try_acquire().is_ok(), "it is back");
}

#[test]
fn reentrant_mutex_reports_its_owners_own_panic() {
    struct Only;
    // SAFETY: only one thread uses the mutex, so one number names it uniquely.
    unsafe impl ThreadId for Only {
        fn thread_id() -> NonZeroU32 {
            NonZeroU32::MIN
        }
    }
    let mutex = ReentrantMutex::<_, Only, KnowsUnwinding>::new(5);
    let outer = mutex.lock().unwrap();
    unwind_with(mutex.lock().unwrap());
    assert!(mutex.lock().is_err(), "what it did inside may be half done");
    drop(outer);
    let Err(LockError::OwnerDied(died)) = mutex.lock() else { panic!("it was not repaired") };
    drop(died.repair(|_| ()));
    let both = (mutex.lock().unwrap(), mutex.lock().unwrap());
    unwind_with(both);
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn lock_taken_and_released_while_unwinding_is_sound() {
    let mutex = Mutex::<_, KnowsUnwinding>::new(5);
    unwind_with(InDrop(|| *mutex.lock().unwrap() += 1));
    assert!(mutex.lock().is_ok());
    let lock = RwLock::<_, 1, KnowsUnwinding>::new(5);
    unwind_with(InDrop(|| *lock.write().unwrap() += 1));
    assert!(lock.write().is_ok());
    // A guard made consistent while unwinding is sound, too.
    let mut guard = Some(mutex.lock().unwrap());
    unwind_with(InDrop(|| {
        let mut guard = guard.take().unwrap();
        guard.make_consistent();
    }));
    assert!(mutex.lock().is_ok());
}

#[test]
fn spin_mutex_does_not_report_a_panicked_holder() {
    let mutex = Mutex::<_, Spin>::new(5);
    unwind_with(mutex.lock());
    assert!(mutex.lock().is_ok());
}
