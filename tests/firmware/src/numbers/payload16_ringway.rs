//! A table of 2 signals with up to 16 payloads each, from none to full and back. Its twin
//! `payload128` has more; in both, interrupts stay off for equally long.
#![no_std]
#![no_main]

#[path = "full/payload.rs"]
mod payload;

const DEPTH: usize = 16;
