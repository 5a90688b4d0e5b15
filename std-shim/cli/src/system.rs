//! System calls with no safe form elsewhere, and the state that this program was started in.

use ringway::signal::{self, Signal};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// One bit for each of the descriptors 0, 1 and 2: it was closed when the program started.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Runs before `main` and before Rust's runtime, which opens `/dev/null` for a closed standard
/// stream.
#[used]
// SAFETY: the section is a list of functions that the C library calls at the start; this is one,
// and it needs no arguments.
#[unsafe(link_section = ".init_array")]
static RECORD_CLOSED_STREAMS: extern "C" fn() = record_closed_streams;

extern "C" fn record_closed_streams() {
    let is_closed = |number: i32| {
        // SAFETY: the call only reads a flag; it accepts any number, whether or not it is a
        // descriptor.
        unsafe { libc::fcntl(number, libc::F_GETFD) == -1 }
    };
    let closed =
        (0..3).filter(|&number| is_closed(number)).fold(0, |set, number| set | 1 << number);
    // Relaxed: only one thread exists yet. Partner: the load in `was_closed`.
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether a standard stream was closed when the program started.
pub fn was_closed(stream: BorrowedFd<'_>) -> bool {
    // Relaxed: the store happened before `main`. Partner: the store in `record_closed_streams`.
    let closed = CLOSED.load(Ordering::Relaxed);
    (0..3).contains(&stream.as_raw_fd()) && closed & 1 << stream.as_raw_fd() != 0
}

/// Makes every write to the standard output fail if it was closed at the start.
///
/// The `/dev/null` that Rust's runtime opened there would take everything and report nothing.
pub fn refuse_closed_output() {
    if was_closed(io::stdout().as_fd()) {
        // A pipe that nobody reads. If there is none to be had, `/dev/null` stays.
        let _ = io::pipe().map(|(_, writer)| rustix::stdio::dup2_stdout(writer));
    }
}

/// Whether the standard output was closed at the start: an error to write there is then due to
/// that.
pub fn is_output_closed() -> bool {
    was_closed(io::stdout().as_fd())
}

/// Makes children leave an exit status, even if this program was started with `SIGCHLD` ignored.
///
/// The kernel would then throw the status away, and waiting would fail.
pub fn keep_exit_statuses() {
    set_default(Signal::CHLD);
}

/// Ends this process by a signal that it has caught or blocked.
///
/// Whoever waits for the process then sees the signal. A shell ends the loop that runs this program
/// when a Ctrl-C ended the program, and continues the loop when the program exits by itself.
pub fn die_by(signal: Signal) -> ! {
    set_default(signal);
    if let Ok(unblocked) = signal::unblock(signal) {
        unblocked.keep();
        // SAFETY: the call sends this thread a signal whose action is the default, so no handler
        // runs.
        unsafe { libc::raise(signal.number()) };
    }
    // The first process of a container does not die of a signal.
    std::process::exit(128 + signal.number())
}

fn set_default(signal: Signal) {
    // SAFETY: the call installs no function; the kernel then takes the signal's default action.
    unsafe { libc::signal(signal.number(), libc::SIG_DFL) };
}

/// The bytes written into a socket that the far end has not taken yet.
///
/// Over TCP: not acknowledged; the end of file counts as one. Over a Unix socket: memory of what
/// was not read.
pub fn unsent(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: this request (`SIOCOUTQ`) writes one `int`, into `bytes`, which lives until the call
    // returns.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}
