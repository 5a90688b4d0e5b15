//! The few system calls that have no safe form elsewhere, and what this program was started with.

use ringway::signal::{self, Signal};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// Which of the descriptors 0, 1 and 2 were closed when the program was started, a bit each.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Runs before `main`, and before Rust's runtime, which opens `/dev/null` in the place of a closed
/// standard stream.
#[used]
// SAFETY: the section is a list of functions without arguments that the C library calls at the
// start, and this is one.
#[unsafe(link_section = ".init_array")]
static LOOK_AT_STREAMS: extern "C" fn() = look_at_streams;

extern "C" fn look_at_streams() {
    let is_closed = |number: i32| {
        // SAFETY: it asks for a flag of a number, whether that is a descriptor or not, and changes
        // nothing.
        unsafe { libc::fcntl(number, libc::F_GETFD) == -1 }
    };
    let closed =
        (0..3).filter(|&number| is_closed(number)).fold(0, |set, number| set | 1 << number);
    // Relaxed: there is one thread yet. Partner: the load in `was_closed`.
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether a standard stream was closed when the program was started.
pub fn was_closed(stream: BorrowedFd<'_>) -> bool {
    // Relaxed: stored before `main`. Partner: the store in `look_at_streams`.
    let closed = CLOSED.load(Ordering::Relaxed);
    (0..3).contains(&stream.as_raw_fd()) && closed & 1 << stream.as_raw_fd() != 0
}

/// Has every write to the standard output fail if that was closed at the start. What Rust's runtime
/// has put there takes all and says nothing.
pub fn refuse_closed_output() {
    if was_closed(io::stdout().as_fd()) {
        // A pipe that nobody reads. Should there be none, what is there stays.
        let _ = io::pipe().map(|(_, writer)| rustix::stdio::dup2_stdout(writer));
    }
}

/// What an error is about when the standard output was closed at the start: of the two, this is the
/// reason.
pub fn is_output_closed() -> bool {
    was_closed(io::stdout().as_fd())
}

/// Has children leave an exit status, also where this program was started with `SIGCHLD` ignored:
/// the kernel would throw it away, and waiting would fail.
pub fn keep_exit_statuses() {
    set_default(Signal::CHLD);
}

/// Ends this process by a signal that it has caught or blocked, so that who waits for it sees that:
/// a shell ends the loop in which it runs this program when a Ctrl-C has ended the program, and
/// goes on when the program exits by itself.
pub fn die_by(signal: Signal) -> ! {
    set_default(signal);
    if let Ok(unblocked) = signal::unblock(signal) {
        unblocked.keep();
        // SAFETY: it sends this thread a signal, whose action is the default.
        unsafe { libc::raise(signal.number()) };
    }
    // The first process of a container does not die of a signal.
    std::process::exit(128 + signal.number())
}

fn set_default(signal: Signal) {
    // SAFETY: no function is installed: from now on the kernel does what it does by default.
    unsafe { libc::signal(signal.number(), libc::SIG_DFL) };
}

/// How many of the bytes that were written into a socket the far end has not taken yet: over TCP
/// not acknowledged, the end of file being one; over a Unix socket, memory of what was not read.
pub fn unsent(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: this request (`SIOCOUTQ`) writes one `int`, which is ours.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}
