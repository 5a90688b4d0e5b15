//! A lock for up to 4 readers or a writer, around a word.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::lock::{ReadGuard, RwLock, WriteGuard};
use ringway_core::wait::Spin;
use ringway_firmware::report;

type Word = RwLock<u32, 4>;
type Reader = ReadGuard<'static, u32, Spin>;
type Writer = WriteGuard<'static, u32, Spin>;

ringway_firmware::image!(run, tick);

fn tick() {}

static WORD: Word = RwLock::new(0);

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_read(word: &'static Word, out: &mut Option<Reader>) {
    *out = word.try_read().ok();
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_end_read(guard: &mut Option<Reader>) {
    *guard = None;
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_write(word: &'static Word, out: &mut Option<Writer>) {
    *out = word.try_write().ok();
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_end_write(guard: &mut Option<Writer>) {
    *guard = None;
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Word>() as u32);
    report("RAM of the handles", size_of::<Reader>() as u32);
    let mut good = true;
    let (mut readers, mut writer) = ([const { None }; 4], None);
    for n in 0..16 {
        for reader in &mut readers {
            operation_try_read(black_box(&WORD), black_box(reader));
            good &= reader.as_deref() == Some(&n);
        }
        readers.iter_mut().for_each(|reader| operation_end_read(black_box(reader)));
        operation_try_write(black_box(&WORD), black_box(&mut writer));
        match &mut writer {
            Some(word) => **word = n.wrapping_add(1),
            None => good = false,
        }
        operation_end_write(black_box(&mut writer));
    }
    good
}
