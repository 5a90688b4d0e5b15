//! An image that does only what every image here does. Its cost is subtracted from that of the
//! others.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_firmware::report;

ringway_firmware::image!(run, tick);

fn tick() {}

fn run() -> bool {
    report("RAM of the structure", black_box(0));
    report("RAM of the handles", black_box(0));
    true
}
