//! `ringway-core` for C: see `docs/c.md`.
//!
//! Every function here is called from C, and checks what it can of its arguments: a null pointer,
//! an object that was not made, a size that cannot be. Such a call returns `RW_INVALID` and does
//! nothing. What it cannot check, the header demands of the caller: that a pointer points to an
//! object of its type, and a buffer to as many bytes as its size says; that one thread at a time
//! uses a half.

#![cfg_attr(not(feature = "linux"), no_std)]
#![allow(non_camel_case_types)]

pub mod bytes;
mod channels;
pub mod condition;
#[cfg(feature = "linux")]
pub mod errno;
pub mod error;
mod link;
pub mod locks;
pub mod messages;
pub mod news;
pub mod object;
pub mod queue;
pub mod ring;
mod signals;
mod sizes;
mod state;
pub mod wait;
pub mod window;

/// The library has no way to panic. Should there be one all the same, it stops here.
#[cfg(not(feature = "linux"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
