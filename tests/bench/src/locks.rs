//! Locks with one holder: taken and given back by one side alone, and by two sides that both want
//! it.

use crate::measure::{Found, PASS, PASSES, Passes, Steps};
use crate::memory;
use crate::sides::{Apart, Cpus, pin};
use ringway::lock::{self, OwnerDied};
use ringway::shm::RobustFutex;
use ringway::wait::PrivateFutex;
use ringway_core::participant::Participant;
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::ops::DerefMut;
use std::time::Instant;

/// A count behind a lock.
pub trait Lock: 'static {
    /// A new one, in memory that both sides share.
    fn open() -> &'static Self;

    /// Adds one to the count, by this side (0 or 1), and returns it.
    fn add(&self, side: usize) -> u64;
}

/// Adds one to what is held, and gives it back.
#[inline(always)]
fn add_one(mut count: impl DerefMut<Target = u64>) -> u64 {
    *count += 1;
    *count
}

/// The participants of the two sides.
const SIDES: [Participant; 2] = [Participant::new(1).unwrap(), Participant::new(2).unwrap()];

/// Ringway's lock between processes: it tells of a death, and its sleepers check for dead
/// participants.
pub struct Ours(lock::Mutex<u64, RobustFutex>);

impl Lock for Ours {
    fn open() -> &'static Self {
        memory::shared()
    }

    #[inline(always)]
    fn add(&self, side: usize) -> u64 {
        add_one(self.0.handle(SIDES[side]).lock().unwrap_or_else(OwnerDied::into_inner))
    }
}

/// Ringway's, between threads.
pub struct OursPrivate(lock::Mutex<u64, PrivateFutex>);

impl Lock for OursPrivate {
    fn open() -> &'static Self {
        Box::leak(Box::new(OursPrivate(lock::Mutex::new(0))))
    }

    #[inline(always)]
    fn add(&self, _: usize) -> u64 {
        add_one(self.0.lock().unwrap_or_else(OwnerDied::into_inner))
    }
}

/// parking_lot's.
pub struct ParkingLot(parking_lot::Mutex<u64>);

impl Lock for ParkingLot {
    fn open() -> &'static Self {
        Box::leak(Box::new(ParkingLot(parking_lot::Mutex::new(0))))
    }

    #[inline(always)]
    fn add(&self, _: usize) -> u64 {
        add_one(self.0.lock())
    }
}

/// The standard library's.
pub struct Std(std::sync::Mutex<u64>);

impl Lock for Std {
    fn open() -> &'static Self {
        Box::leak(Box::new(Std(std::sync::Mutex::new(0))))
    }

    #[inline(always)]
    fn add(&self, _: usize) -> u64 {
        add_one(self.0.lock().expect("nobody panics"))
    }
}

/// The C library's process-shared mutex; if `ROBUST`, one that tells of a death.
#[repr(C)]
pub struct Pthread<const ROBUST: bool> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    count: UnsafeCell<u64>,
}

// SAFETY: the mutex is made for several threads and processes, and the count is behind it.
unsafe impl<const ROBUST: bool> Sync for Pthread<ROBUST> {}

impl<const ROBUST: bool> Lock for Pthread<ROBUST> {
    fn open() -> &'static Self {
        let this = memory::shared::<Self>();
        let mut attributes = std::mem::MaybeUninit::uninit();
        let at = attributes.as_mut_ptr();
        // SAFETY: a place for the attributes.
        let mut errors = unsafe { libc::pthread_mutexattr_init(at) };
        // SAFETY: initialized above.
        errors |= unsafe { libc::pthread_mutexattr_setpshared(at, libc::PTHREAD_PROCESS_SHARED) };
        if ROBUST {
            // SAFETY: the attributes were initialized above.
            errors |= unsafe { libc::pthread_mutexattr_setrobust(at, libc::PTHREAD_MUTEX_ROBUST) };
        }
        // SAFETY: a place for the mutex, which nobody uses yet, and the attributes.
        errors |= unsafe { libc::pthread_mutex_init(this.mutex.get(), at) };
        assert_eq!(errors, 0, "cannot make a mutex");
        this
    }

    #[inline(always)]
    fn add(&self, _: usize) -> u64 {
        // SAFETY: initialized, and not held by this thread.
        let error = unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        assert_eq!(error, 0, "cannot lock");
        // SAFETY: we hold the mutex.
        let now = add_one(unsafe { &mut *self.count.get() });
        // SAFETY: we hold it.
        unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
        now
    }
}

/// Nanoseconds to take the lock, add one and give it back, when nobody else wants it.
pub fn alone<L: Lock>() -> Found {
    let lock = L::open();
    pin(Cpus::chosen().0);
    let mut found = Found::new();
    let passes = Passes::alone(|| {
        let begun = Instant::now();
        for _ in 0..100_000 {
            black_box(black_box(lock).add(0));
        }
        begun.elapsed().as_nanos() as f64 / 1e5
    });
    passes.enter("pair", &mut found);
    found
}

/// Some work between two turns: some tens of nanoseconds.
#[inline(always)]
fn own_work(seed: u64) {
    let mut value = black_box(seed);
    for _ in 0..32 {
        value = value.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 1;
    }
    black_box(value);
}

fn turns<L: Lock>(lock: &L, side: usize, numbers: std::ops::Range<u64>) {
    for n in numbers {
        lock.add(side);
        own_work(n);
    }
}

/// How often a second two sides get the lock. Both want it all the time, but for a little work of
/// their own.
pub fn contended<L: Lock + Sync>(apart: Apart) -> Found {
    let lock = L::open();
    let steps = Steps::new();
    let passes = apart.run(
        move || steps.follow(PASSES + 2, |numbers| turns(lock, 1, numbers)),
        || {
            let mut done = 0;
            let mut pass = |number: u64, count: u64| {
                let begun = Instant::now();
                let (_, clean) = steps.lead(number, count, || turns(lock, 0, 0..count));
                // Both are done by now.
                done += 2 * count;
                (2.0 * count as f64 / begun.elapsed().as_secs_f64(), clean)
            };
            let (first, _) = pass(1, 2_000);
            let count = ((first * PASS) as u64).max(1000);
            pass(2, count);
            let mut passes = Passes::default();
            for number in 3..3 + PASSES {
                let (rate, clean) = pass(number, count);
                passes.add(rate, clean);
            }
            assert_eq!(lock.add(0), done + 1, "two had the lock at once");
            passes
        },
    );
    let mut found = Found::new();
    passes.enter("rate", &mut found);
    found
}
