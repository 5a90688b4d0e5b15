//! A mutex that is free, around a word.
#![no_std]
#![no_main]

use core::hint::black_box;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::mutex::{Mutex, MutexGuard};
use ringway_firmware::report;

type Word = Mutex<CriticalSectionRawMutex, u32>;
type Guard = MutexGuard<'static, CriticalSectionRawMutex, u32>;

ringway_firmware::image!(run, tick);

fn tick() {}

static WORD: Word = Mutex::new(0);

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_lock(word: &'static Word, out: &mut Option<Guard>) {
    *out = word.try_lock().ok();
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_unlock(guard: &mut Option<Guard>) {
    *guard = None;
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Word>() as u32);
    report("RAM of the handles", size_of::<Guard>() as u32);
    let mut good = true;
    let mut guard = None;
    for n in 0..64 {
        operation_try_lock(black_box(&WORD), black_box(&mut guard));
        good &= guard.as_deref() == Some(&n);
        guard.iter_mut().for_each(|word| **word = word.wrapping_add(1));
        operation_unlock(black_box(&mut guard));
    }
    good
}
