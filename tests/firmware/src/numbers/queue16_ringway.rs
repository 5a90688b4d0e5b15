//! A queue of 16 values, from empty to full and back. Its twins show on what it depends how long
//! interrupts stay off: `queue128` has more values, and those of `wide64` and `wide256` are longer.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 16;
const WORDS: usize = 1;
