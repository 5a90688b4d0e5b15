//! A queue of 16 values of 256 bytes, from empty to full and back. See `queue16`.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 16;
const WORDS: usize = 64;
