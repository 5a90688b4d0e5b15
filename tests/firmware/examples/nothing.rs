//! An image that does nothing. The cost of another image is what it has more. See `flash`.
#![no_std]
#![no_main]

ringway_firmware::image!(run, tick);

fn tick() {}

fn run() -> bool {
    true
}
