//! The other side of a region: a 32-bit Linux process without a library below it. `ringway-width
//! COMMAND`, with the region as descriptor 0.
//!
//! ```text
//! make     lays it out and leaves something in every part
//! check    finds what another `make` left
//! echo     sends back what comes, until the last
//! ```
#![no_std]
#![no_main]
// `memcpy` below must not become a call of itself.
#![no_builtins]

mod both;
mod futex;
mod system;

use both::{Checked, Jobs, LAST};
use core::ffi::CStr;
use core::ptr::NonNull;
use ringway_core::participant::Participant;
use ringway_core::region::View;

/// The start of the process: the arguments are on the stack, as `execve(2)` leaves them.
///
/// # Safety
/// `stack` is what the stack pointer was at the process's first instruction.
#[unsafe(no_mangle)]
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the stack holds the count of arguments, and then a pointer to each of them.
    let count = unsafe { *stack };
    let command = if count == 2 {
        // SAFETY: there are two arguments, and this is the second pointer.
        let argument = unsafe { *stack.add(2) };
        // SAFETY: an argument is a C string, which stays until the process ends.
        unsafe { CStr::from_ptr(argument as *const _) }
    } else {
        c""
    };
    let done = match command.to_bytes() {
        b"make" => lay_out().and_then(|()| with_view(both::make)),
        b"check" => with_view(both::check),
        b"echo" => with_view(echo),
        _ => Err(0),
    };
    match done {
        Ok(()) => system::exit(0),
        Err(line) => {
            system::complain("ringway-width: not so, in line ", line);
            system::exit(1)
        }
    }
}

fn region() -> Result<(NonNull<u8>, usize), u32> {
    system::map(both::layout().map_err(|_| line!())?.size()).ok_or(line!())
}

fn lay_out() -> Checked {
    let (base, length) = region()?;
    // SAFETY: the memory is mapped, and nobody else has the region yet.
    let memory = unsafe { NonNull::slice_from_raw_parts(base, length).as_mut() };
    both::layout().map_err(|_| line!())?.write(memory).map_err(|_| line!())
}

fn with_view(act: fn(&View) -> Checked) -> Checked {
    let (base, length) = region()?;
    // SAFETY: the memory is mapped for as long as this process lives, and both sides use it through
    // this crate.
    let view = unsafe { View::new(base, length) }.map_err(|_| line!())?;
    act(&view)
}

/// Sends back every message, and ends after the last.
fn echo(view: &View) -> Checked {
    let me = Participant::new(5).ok_or(line!())?;
    let there = view.part::<Jobs>("there").map_err(|_| line!())?.handle(me);
    let back = view.part::<Jobs>("back").map_err(|_| line!())?.handle(me);
    loop {
        let message = there.pop_deadline(None).map_err(|_| line!())?;
        let answer = message.map(|word| !word);
        back.push_deadline(answer, None).map_err(|_| line!())?;
        if message[0] == LAST {
            return Ok(());
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    system::exit(101)
}
