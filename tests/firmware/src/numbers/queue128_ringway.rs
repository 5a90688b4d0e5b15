//! A queue of 128 values, from empty to full and back. See `queue16`.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 128;
const WORDS: usize = 1;
