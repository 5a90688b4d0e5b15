//! A mutex that is free, around a word.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::lock::{LockError, Mutex, MutexGuard, OwnerDied};
use ringway_core::wait::Spin;
use ringway_firmware::report;

type Word = Mutex<u32>;
type Guard = MutexGuard<'static, u32, Spin>;

ringway_firmware::image!(run, tick);

fn tick() {}

static WORD: Word = Mutex::new(0);

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_lock(word: &'static Word, out: &mut Option<Guard>) {
    *out = Some(word.lock().unwrap_or_else(OwnerDied::into_inner));
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_lock(word: &'static Word, out: &mut Option<Guard>) {
    *out = match word.try_lock() {
        Ok(guard) | Err(LockError::OwnerDied(OwnerDied(guard))) => Some(guard),
        Err(LockError::NotTaken(_)) => None,
    };
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_unlock(guard: &mut Option<Guard>) {
    *guard = None;
}

fn run() -> bool {
    // The two are equal, and `report` would be compiled for this number alone.
    report("RAM of the structure", black_box(size_of::<Word>() as u32));
    report("RAM of the handles", black_box(size_of::<Guard>() as u32));
    let mut good = true;
    let mut guard = None;
    for n in 0..64 {
        operation_lock(black_box(&WORD), black_box(&mut guard));
        good &= guard.as_deref() == Some(&(2 * n));
        guard.iter_mut().for_each(|word| **word = word.wrapping_add(1));
        operation_unlock(black_box(&mut guard));
        operation_try_lock(black_box(&WORD), black_box(&mut guard));
        guard.iter_mut().for_each(|word| **word = word.wrapping_add(1));
        operation_unlock(black_box(&mut guard));
    }
    good
}
