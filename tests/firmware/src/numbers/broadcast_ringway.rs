//! A broadcast of words, of which 16 are kept.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::broadcast::{Broadcast, Reader, Writer};
use ringway_firmware::report;

type Words = Broadcast<u32, 16>;

ringway_firmware::image!(run, tick);

fn tick() {}

static WORDS: Words = Broadcast::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_send(writer: &mut Writer<&'static Broadcast<u32, 16>>, value: u32) {
    writer.send(value);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_recv(reader: &mut Reader<&'static Broadcast<u32, 16>>) -> u32 {
    reader.try_recv().ok().flatten().unwrap_or(u32::MAX)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Words>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Writer<&'static Broadcast<u32, 16>>>()
            + size_of::<Reader<&'static Broadcast<u32, 16>>>()) as u32,
    );
    let mut good = true;
    let mut reader = WORDS.reader();
    let Some(mut writer) = WORDS.writer() else { return false };
    for n in 0..64 {
        operation_send(black_box(&mut writer), black_box(n));
        good &= operation_recv(black_box(&mut reader)) == n;
    }
    good
}
