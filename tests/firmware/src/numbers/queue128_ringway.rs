//! A queue of 128 values, from empty to full and back. Its twin `queue16` has fewer; in both,
//! interrupts stay off for equally long.
#![no_std]
#![no_main]

#[path = "full/queue.rs"]
mod queue;

const CAPACITY: usize = 128;
