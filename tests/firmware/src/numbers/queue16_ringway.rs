//! A queue of 16 values, from empty to full and back. Interrupts stay off for equally long in
//! its twins: `queue128` has more values, and `wide16` has longer ones.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 16;
const WORDS: usize = 1;
