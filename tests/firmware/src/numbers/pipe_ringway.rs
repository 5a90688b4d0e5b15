//! A pipe of 64 bytes, 16 at a time.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::channel::pipe::{Pipe, Reader, Writer};
use ringway_firmware::{exit, report};

type Bytes = Pipe<64>;

ringway_firmware::image!(run, tick);

fn tick() {}

static PIPE: Bytes = Pipe::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_write(writer: &mut Writer<'static, 64>, bytes: &[u8; 16]) -> bool {
    writer.try_write(bytes) == Ok(16)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_read(reader: &mut Reader<'static, 64>, out: &mut [u8; 16]) -> bool {
    reader.try_read(out) == Ok(16)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Bytes>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Reader<'static, 64>>() + size_of::<Writer<'static, 64>>()) as u32,
    );
    let Ok((mut reader, mut writer)) = PIPE.open() else { exit(false) };
    let mut good = true;
    for n in 0..64 {
        let bytes = [n as u8; 16];
        let mut out = [0; 16];
        good &= operation_write(black_box(&mut writer), black_box(&bytes));
        good &= operation_read(black_box(&mut reader), black_box(&mut out));
        good &= out == bytes;
    }
    good
}
