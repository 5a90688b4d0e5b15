//! Locks on which one sleeps, or is woken, in a way that panics.

use super::*;
use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, ReentrantMutex, Robust, RwLock,
    Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use std::num::NonZeroU32;

/// One whose wait has passed its deadline, so that the one that gives back thinks that somebody
/// sleeps.
const NOW: Option<u32> = Some(0);

fn dead() -> Participant {
    Participant::new(1).unwrap()
}

#[test]
fn a_mutex_is_free_after_waking_the_next_one_panicked() {
    let mine = Mine::new();
    let mutex = Mutex::<_, Here>::new(5);
    let guard = mutex.lock();
    assert!(mutex.lock_deadline(NOW).is_err());
    mine.arm();
    panics(|| drop(guard));
    assert!(mutex.try_lock().is_ok());

    std::mem::forget(mutex.handle(dead()).lock());
    mine.arm();
    // SAFETY: nobody uses the mutex under that name any more.
    panics(|| unsafe { mutex.recover(dead()) });
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn all_that_wait_for_a_writer_are_woken_also_when_waking_one_panics() {
    let mine = Mine::new();
    let lock = RwLock::<_, 2, Here>::new(5);
    let writer = lock.write();
    assert!(lock.read_deadline(NOW).is_err());
    assert!(lock.write_deadline(NOW).is_err());
    mine.arm();
    panics(|| drop(writer));
    assert_eq!(mine.wakes(), 2, "a writer, and all others");
    let readers = [(); 2].map(|()| lock.try_read().expect("it is free"));
    assert!(lock.read_deadline(NOW).is_err());
    mine.arm();
    panics(|| drop(readers));
    assert!(lock.try_write().is_ok());

    let handle = lock.handle(dead());
    std::mem::forget((handle.read(), handle.read()));
    mine.arm();
    // SAFETY: nobody uses the lock under that name any more.
    panics(|| unsafe { lock.recover(dead()) });
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_panics_as_it_waits_for_readers_keeps_nobody_out() {
    let mine = Mine::new();
    let lock = RwLock::<_, 2, Here>::new(5);
    let reader = lock.read();
    mine.arm_for_waits();
    panics(|| lock.write());
    assert!(lock.try_read().is_ok());
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn the_wake_up_that_one_took_who_panics_goes_to_another() {
    let mine = Mine::new();
    let mutex = Mutex::<_, Here>::new(5);
    let guard = mutex.lock();
    mine.arm_for_waits();
    panics(|| mutex.lock());
    assert_eq!(mine.wakes(), 1);
    drop(guard);
    assert!(mutex.try_lock().is_ok());

    let mine = Mine::new();
    let places = Semaphore::<0, Here>::new();
    mine.arm_for_waits();
    panics(|| places.acquire());
    assert_eq!((mine.wakes(), places.permits()), (1, 0));
}

#[test]
fn permits_come_back_also_when_waking_panics() {
    let mine = Mine::new();
    let places = BoundedSemaphore::<2, Here>::new();
    let (first, second) = (places.acquire(), places.acquire());
    assert!(places.acquire_deadline(NOW).is_err());
    mine.arm();
    panics(|| drop(first));
    assert_eq!(places.permits(), 1);
    drop(second);

    std::mem::forget((places.handle(dead()).acquire(), places.handle(dead()).acquire()));
    assert!(places.acquire_deadline(NOW).is_err());
    mine.arm();
    let before = mine.wakes();
    // SAFETY: nobody uses the semaphore under that name any more.
    panics(|| unsafe { places.recover(dead()) });
    assert_eq!(places.permits(), 2);
    assert_eq!(mine.wakes(), before + 1, "all, whether announced or not");
}

#[test]
fn a_count_of_permits_is_right_after_waking_panicked() {
    let mine = Mine::new();
    let places = Semaphore::<0, Here>::new();
    assert!(places.acquire_deadline(NOW).is_err());
    mine.arm();
    panics(|| places.release(2));
    assert_eq!(places.permits(), 2);
}

/// Gives a permit while another sleeps for it, who then has to wake a third one, and panics.
#[test]
fn a_permit_is_not_lost_with_one_that_panics_as_it_takes_it() {
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
fn an_event_is_set_also_when_waking_panics() {
    let mine = Mine::new();
    let event = Event::<Here>::new();
    assert!(event.wait_deadline(NOW).is_err());
    mine.arm();
    panics(|| event.set());
    assert!(event.is_set());
}

#[test]
fn nobody_counts_as_waiting_for_a_condition_who_panicked_there() {
    let mine = Mine::new();
    let (mutex, condition) = (Mutex::<_, Here>::new(()), Condition::<Here>::new());
    mine.arm_for_waits();
    panics(|| condition.wait(mutex.lock().unwrap()));
    condition.notify_all();
    assert_eq!(mine.wakes(), 0, "nobody is there");
    panics(|| condition.wait_while(mutex.lock().unwrap(), |()| panic!("a condition")));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_barrier_is_broken_by_one_that_panics_there_and_can_be_reset() {
    let mine = Mine::new();
    let barrier = Barrier::<2, Here>::new();
    for _ in 0..3 {
        mine.arm_for_waits();
        panics(|| barrier.wait());
        assert_eq!((barrier.waiting(), barrier.is_broken()), (0, true));
        assert_eq!(barrier.wait(), Err(Error::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
    }
}

/// One waits, and while it does the other comes, who wakes it and panics at that.
#[test]
fn a_round_that_all_came_to_is_over_also_when_waking_panics() {
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

/// Knows whether its thread unwinds, as those of a hosted system do.
#[derive(Debug, Clone, Copy)]
struct Told;

impl Wake for Told {
    type Word = BellWord;

    const INIT: Self = Told;

    fn wake(&self, _: &AtomicU32, _: u32) {}

    fn is_unwinding(&self) -> bool {
        std::thread::panicking()
    }
}

impl Wait for Told {
    type Deadline = u32;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<u32>) -> Result<(), TimedOut> {
        panic!("a way of sleeping");
    }
}

/// Does what it says when it is dropped, which is while unwinding.
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
fn the_next_one_is_told_that_a_holder_panicked() {
    fn check<W: Wait>() {
        let mutex = Mutex::<_, W>::new(5);
        unwind_with(mutex.lock().unwrap());
        unwind_with(mutex.try_lock());
        let told = mutex.lock().map(drop).map_err(Error::from);
        assert_eq!(told, Err(Error::OwnerDied), "again, as nobody repaired it");
        drop(mutex.lock().unwrap_err().repair(|value| **value = 6));
        assert!(mutex.lock().is_ok());
    }
    check::<Told>();
    check::<Async<Told>>();
}

#[test]
fn the_next_ones_are_told_that_a_writer_panicked_and_not_that_a_reader_did() {
    let lock = RwLock::<_, 2, Told>::new(5);
    unwind_with(lock.read());
    assert!(lock.try_write().is_ok());
    unwind_with(lock.try_write());
    assert!(matches!(lock.try_read(), Err(LockError::OwnerDied(_))));
    unwind_with(lock.write());
    drop(lock.write().unwrap_err().repair(|_| ()));
    assert!(lock.try_read().is_ok());
    // One that waits for readers to go has changed nothing.
    let reader = lock.read();
    panics(|| lock.write());
    drop(reader);
    assert!(lock.write().is_ok());
    let places = BoundedSemaphore::<1, Told>::new();
    unwind_with(places.acquire());
    assert!(places.try_acquire().is_ok(), "it is back");
}

#[test]
fn one_thread_is_told_of_its_own_panic_by_a_reentrant_mutex() {
    struct Only;
    // SAFETY: there is one thread.
    unsafe impl ThreadId for Only {
        fn thread_id() -> NonZeroU32 {
            NonZeroU32::MIN
        }
    }
    let mutex = ReentrantMutex::<_, Only, Told>::new(5);
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
fn what_a_destructor_takes_and_gives_back_while_unwinding_is_whole() {
    let mutex = Mutex::<_, Told>::new(5);
    unwind_with(InDrop(|| *mutex.lock().unwrap() += 1));
    assert!(mutex.lock().is_ok());
    let lock = RwLock::<_, 1, Told>::new(5);
    unwind_with(InDrop(|| *lock.write().unwrap() += 1));
    assert!(lock.write().is_ok());
    // So is what it repairs.
    let mut guard = Some(mutex.lock().unwrap());
    unwind_with(InDrop(|| {
        let mut guard = guard.take().unwrap();
        guard.make_consistent();
    }));
    assert!(mutex.lock().is_ok());
}

#[test]
fn nobody_is_told_where_the_way_of_sleeping_cannot_tell() {
    let mutex = Mutex::<_, Spin>::new(5);
    unwind_with(mutex.lock());
    assert!(mutex.lock().is_ok());
}
