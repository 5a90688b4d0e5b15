//! Waiting by the functions of the program.

use crate::error::rw_error;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};

#[cfg(feature = "linux")]
pub mod linux;

/// A deadline that never comes.
pub const RW_FOREVER: u64 = u64::MAX;

/// How this program sleeps and wakes.
#[repr(C)]
pub struct rw_wait {
    /// Sleeps while `*word == expected`, at most until `deadline`, in the program's own unit, or
    /// `RW_FOREVER`. It may return for no reason. Returns 0, or 1 if the deadline has passed.
    ///
    /// It returns at once if the word differs already, and must not sleep through a change that
    /// `wake` follows: `futex(2)` keeps that, and so does `wfe` with `sev`.
    pub sleep: Option<extern "C" fn(word: *const u32, expected: u32, deadline: u64) -> i32>,
    /// Wakes at most `count` of those that sleep on the word. An interrupt may call it.
    pub wake: Option<extern "C" fn(word: *const u32, count: u32)>,
}

static WAIT: AtomicPtr<rw_wait> = AtomicPtr::new(ptr::null_mut());

/// Says how this program waits, for all structures. Call it once, before anything else.
///
/// `wait` lives as long as the program. Without it, or with null, calls that wait return
/// `RW_NO_WAIT`, and nobody is woken: the program looks by the `try` forms when it suits it.
///
/// The library `ringway` for Linux waits by itself, and needs no such call: by `futex(2)`, and its
/// deadlines are those of `rw_after`.
///
/// One thread, before anything else; interrupts not.
#[unsafe(no_mangle)]
pub extern "C" fn rw_set_wait(wait: *const rw_wait) {
    // SYNC POINT with the load in `program`, release: who waits sees the functions.
    WAIT.store(wait.cast_mut(), Ordering::Release);
}

fn program() -> Option<&'static rw_wait> {
    // SYNC POINT with the store in `rw_set_wait`, acquire.
    let wait = WAIT.load(Ordering::Acquire);
    // SAFETY: the caller of `rw_set_wait` keeps it for as long as the program lives.
    unsafe { wait.as_ref() }
}

/// Whether calls that wait can.
pub fn can_wait() -> Result<(), rw_error> {
    if cfg!(feature = "linux") {
        return Ok(());
    }
    let can = program().is_some_and(|wait| wait.sleep.is_some());
    if can { Ok(()) } else { Err(rw_error::RW_NO_WAIT) }
}

/// The deadline of a call.
pub fn deadline(deadline: u64) -> Option<u64> {
    Some(deadline).filter(|deadline| *deadline != RW_FOREVER)
}

/// Waiting as the program says.
#[derive(Debug, Clone, Copy)]
pub struct Program;

impl Wake for Program {
    type Word = BellWord;
    const INIT: Self = Program;

    fn wake(&self, word: &AtomicU32, n: u32) {
        match program() {
            Some(wait) => {
                if let Some(wake) = wait.wake {
                    wake(word.as_core().as_ptr(), n);
                }
            }
            #[cfg(feature = "linux")]
            None => linux::wake(word, n),
            #[cfg(not(feature = "linux"))]
            None => {}
        }
    }

    #[cfg(feature = "linux")]
    fn spin_limit(&self) -> u32 {
        linux::spin_limit()
    }

    #[cfg(feature = "linux")]
    fn record_spin(&self, were_enough: bool) {
        linux::record_spin(were_enough);
    }
}

impl Wait for Program {
    type Deadline = u64;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<u64>) -> Result<(), TimedOut> {
        #[cfg(feature = "linux")]
        if program().is_none() {
            return linux::sleep(word, expected, deadline);
        }
        let Some(sleep) = program().and_then(|wait| wait.sleep) else { return Ok(()) };
        match sleep(word.as_core().as_ptr(), expected, deadline.unwrap_or(RW_FOREVER)) {
            0 => Ok(()),
            _ => Err(TimedOut),
        }
    }
}
