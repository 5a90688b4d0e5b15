//! Ends the program when something hangs, and says what it was.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

/// The current activity: a C string.
static WHAT: AtomicPtr<libc::c_char> = AtomicPtr::new(null_mut());

/// While this lives, the clock runs.
pub struct Watch;

impl Watch {
    /// Starts the clock: `what` may take as long as `patience`.
    pub fn new(what: &str, patience: Duration) -> Watch {
        let text = std::ffi::CString::new(format!("crash: {what}: hangs\n")).unwrap_or_default();
        WHAT.store(text.into_raw(), Ordering::SeqCst);
        let handler: extern "C" fn(c_int) = give_up;
        // SAFETY: the handler does only what a signal handler may.
        unsafe { libc::signal(libc::SIGALRM, handler as libc::sighandler_t) };
        set(patience);
        Watch
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        set(Duration::ZERO);
        let text = WHAT.swap(null_mut(), Ordering::SeqCst);
        // SAFETY: `into_raw` made the pointer. Only the handler also reads it, and its clock no
        // longer runs.
        drop(unsafe { std::ffi::CString::from_raw(text) });
    }
}

fn set(patience: Duration) {
    // SAFETY: no pointer is passed. A child that is forked has no alarm of its own.
    unsafe { libc::alarm(patience.as_secs() as libc::c_uint) };
}

extern "C" fn give_up(_: c_int) {
    let text = WHAT.load(Ordering::SeqCst);
    if !text.is_null() {
        // SAFETY: a C string, which stays for as long as the clock runs.
        let length = unsafe { libc::strlen(text) };
        // SAFETY: that many bytes are there.
        unsafe { libc::write(2, text.cast(), length) };
    }
    // SAFETY: ends the program at once; the kernel ends the children with it.
    unsafe { libc::_exit(3) };
}
