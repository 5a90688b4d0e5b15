//! A queue of 16 values, from empty to full and back. Its twin `queue128` has more; in both,
//! interrupts stay off for equally long.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 16;
