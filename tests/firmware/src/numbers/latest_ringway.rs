//! A newest value of 16 bytes.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::latest::{Latest, Writer};
use ringway_firmware::report;

type Newest = Latest<[u32; 4]>;

ringway_firmware::image!(run, tick);

fn tick() {}

static NEWEST: Newest = Latest::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_store(writer: &mut Writer<&'static Latest<[u32; 4]>>, value: &[u32; 4]) {
    writer.store_from(value);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_load(newest: &'static Newest, out: &mut [u32; 4]) -> bool {
    newest.load().map(|(value, _)| *out = value).is_some()
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Newest>() as u32);
    report("RAM of the handles", size_of::<Writer<&'static Latest<[u32; 4]>>>() as u32);
    let mut good = true;
    let Some(mut writer) = NEWEST.writer() else { return false };
    for n in 0..64 {
        let mut out = [0; 4];
        operation_store(black_box(&mut writer), black_box(&[n; 4]));
        good &= operation_load(black_box(&NEWEST), black_box(&mut out)) && out == [n; 4];
    }
    good
}
