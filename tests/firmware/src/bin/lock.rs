//! Locks between main and the timer's interrupt, and each operation of each of them once.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::hint::black_box;
use core::num::NonZeroU32;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, Mutex, ReentrantMutex, Robust, RwLock, Semaphore,
    ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::SpinClock;
use ringway_firmware::{Sleep, report, start_timer};

/// How often each side adds to the total.
const EACH: u32 = 300;

static TOTAL: Mutex<u32, Sleep> = Mutex::new(0, Sleep);
/// A permit for each time that the interrupt added.
static ADDED: Semaphore<0, Sleep> = Semaphore::new(Sleep);
static DONE: Event<Sleep> = Event::new(Sleep);
/// How often the interrupt still has to add, and found the total taken; touched by it alone.
static LEFT: AtomicU32 = AtomicU32::new(EACH);

ringway_firmware::image!(run, tick);

/// Adds one, unless main has the total: then another time.
fn tick() {
    // Relaxed: one side writes, and nothing else is carried by it.
    let left = LEFT.load(Ordering::Relaxed);
    if left == 0 {
        return;
    }
    let Some(total) = TOTAL.try_lock() else { return };
    let mut total = total.into_inner();
    *total = total.wrapping_add(1);
    drop(total);
    LEFT.store(left.wrapping_sub(1), Ordering::Relaxed);
    black_box(ADDED.release(1).is_ok());
    if left == 1 {
        DONE.set();
    }
}

fn run() -> bool {
    start_timer();
    for _ in 0..EACH {
        let mut total = TOTAL.lock().into_inner();
        *total = total.wrapping_add(1);
        drop(total);
        ADDED.acquire();
    }
    DONE.wait();
    let total = *TOTAL.lock().into_inner();
    report("total", total);
    report("permits left over", ADDED.permits());
    let died = deaths();
    report("told of a death", died);
    every();
    report("every operation is linked", 1);
    total == 2 * EACH && ADDED.permits() == 0 && died == 4
}

/// What a context that was reset held is handed over, or comes back.
fn deaths() -> u32 {
    let Some(other) = Participant::new(any(1) as u16) else { return 0 };
    let mut told = 0_u32;
    let mut tell = |held: bool| told = told.wrapping_add(u32::from(held));
    let mutex = Mutex::new(0, clock());
    core::mem::forget(mutex.seat(other).lock());
    let lock = RwLock::<_, 2, _>::new(0, clock());
    core::mem::forget(lock.seat(other).write());
    let deep = Deep::new(Cell::new(0), clock());
    core::mem::forget((deep.seat(other).lock(), deep.seat(other).lock()));
    let places = BoundedSemaphore::<2, _>::new(clock());
    core::mem::forget(places.seat(other).acquire());
    let barrier = Barrier::<2, _>::new(clock());
    // SAFETY: nobody acts for participant 1 any more.
    let held = unsafe { (mutex.recover(other), lock.recover(other)) };
    // SAFETY: as above.
    let more = unsafe { (deep.recover(other), places.recover(other)) };
    // SAFETY: as above.
    black_box(unsafe { barrier.recover(other) });
    tell(held.0 && !mutex.lock().is_clean());
    tell(held.1 && !lock.read().is_clean());
    tell(more.0 && deep.lock().is_ok_and(|guard| !guard.is_clean()));
    tell(more.1 == 1 && places.permits() == 2);
    drop(mutex.lock().repair(|value| **value = 1));
    drop(lock.write().repair(|value| **value = 1));
    told
}

/// The time is always 100: every wait with an earlier deadline ends at once.
const fn clock() -> SpinClock {
    SpinClock(|| 100)
}

const PAST: Option<u64> = Some(50);

/// A number that the compiler does not know.
fn any(number: usize) -> usize {
    black_box(number)
}

type Deep = ReentrantMutex<Cell<u32>, Main, SpinClock>;

enum Main {}

// SAFETY: the interrupt does not use such a lock, so that main is the only one.
unsafe impl ThreadId for Main {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

/// Links the operations that are not used above, with arguments that the compiler cannot know.
fn every() {
    let mutex = Mutex::new([0_u8; 3], clock());
    if let Ok(guard) = mutex.lock_deadline(PAST) {
        black_box((guard.is_clean(), mutex.holder(), mutex.try_lock().is_some()));
        black_box(mutex.lock_deadline(PAST).is_err());
        if let Ok(mut guard) = guard.clean() {
            guard.fill(any(3) as u8);
            guard.make_consistent();
        }
    }
    let condition = Condition::new(clock());
    let guard = mutex.lock().into_inner();
    let (guard, _) = condition.wait_deadline(guard, PAST);
    let (guard, _) =
        condition.wait_while_deadline(guard.into_inner(), PAST, |bytes| bytes[0] == any(3) as u8);
    drop(condition.wait_while(guard.into_inner(), |_| any(0) != 0));
    condition.notify(any(1) as u32);
    condition.notify_all();

    let deep = Deep::new(Cell::new(0), clock());
    for _ in 0..any(3) {
        if let Ok(guard) = deep.lock_deadline(PAST) {
            guard.into_inner().set(1);
        }
        black_box((deep.try_lock().is_ok(), deep.holder()));
    }

    let semaphore = Semaphore::<3, _>::new(clock());
    for _ in 0..any(5) {
        black_box((semaphore.try_acquire(), semaphore.acquire_deadline(PAST).is_ok()));
    }
    black_box(semaphore.release(any(1 << 31) as u32).is_ok());

    let places = BoundedSemaphore::<2, _>::new(clock());
    for _ in 0..any(3) {
        if let Ok(permit) = places.acquire_deadline(PAST) {
            permit.keep();
        }
        black_box((places.try_acquire().is_some(), places.permits()));
    }
    for _ in 0..any(3) {
        black_box(places.release().is_ok());
    }

    let event = Event::new(clock());
    for _ in 0..any(2) {
        black_box((event.wait_deadline(PAST).is_ok(), event.is_set()));
        event.set();
        event.clear();
    }

    let barrier = Barrier::<2, _>::new(clock());
    for _ in 0..any(3) {
        black_box((barrier.wait_deadline(PAST).is_ok(), barrier.waiting(), barrier.is_broken()));
        barrier.reset();
        barrier.abort();
        black_box(barrier.wait().is_ok());
    }
    black_box(Barrier::<1, _>::new(clock()).wait().is_ok());

    let lock = RwLock::<_, 2, _>::new([0_u8; 3], clock());
    for _ in 0..any(2) {
        if let Ok(guard) = lock.read_deadline(PAST) {
            black_box((guard.into_inner().first(), lock.readers(), lock.try_write().is_some()));
        }
        if let Ok(guard) = lock.write_deadline(PAST) {
            guard.into_inner().fill(any(1) as u8);
        }
        black_box((lock.try_read().is_some(), lock.writer()));
    }
}
