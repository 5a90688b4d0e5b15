//! An image that allocates, to show that it does not link: it has no allocator.
#![no_std]
#![no_main]

extern crate alloc;

ringway_firmware::image!(run, tick);

fn tick() {}

fn run() -> bool {
    alloc::boxed::Box::new(core::hint::black_box(true)) == alloc::boxed::Box::new(true)
}
