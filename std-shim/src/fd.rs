//! Operations on descriptors, and everything that the system makes difficult about them.
//!
//! Only this module knows `EINTR`, `EAGAIN`, short transfers, deadlines, close-on-exec and
//! `SIGPIPE`.
//!
//! The functions here work on any descriptor, and ask the system what it is. [`pipe`](crate::pipe),
//! [`fifo`](crate::fifo) and the sockets build their ends on them and add the
//! [`State`](crate::channel::State).
//!
//! | what happens | what is done about it |
//! |---|---|
//! | `EINTR` | the call is repeated with the rest of the time: a signal never ends an operation |
//! | `EAGAIN` | `try_` returns [`WouldBlock`](crate::CoreError::WouldBlock); the other forms wait in `poll(2)`, even if another program made the shared description non-blocking |
//! | a short transfer | [`read`] and [`write()`] return its length; [`read_exact`] and [`write_all`] go on, and after an error the caller still knows how many bytes they moved |
//! | a deadline on a blocking descriptor | holds: see below |
//! | a child process | inherits nothing (`FD_CLOEXEC` on every descriptor that this crate makes or adopts), except what [`inherit`] hands to it |
//! | `SIGPIPE` | a broken pipe is the error [`BrokenPipe`](crate::CoreError::BrokenPipe) and kills no process, whatever disposition the program gave the signal; this crate does not change the disposition |
//!
//! # Blocking and non-blocking
//!
//! `O_NONBLOCK` belongs to the open file description, not to the descriptor. All processes that
//! inherited the description share it. Setting it on a standard input that a shell handed over
//! breaks the shell. So this crate sets it only in [`set_nonblocking`], never as a side effect.
//!
//! The forms that must not wait, or not for long, use one of two ways:
//!
//! - They ask for it in the single call (`RWF_NOWAIT`). Linux knows it for pipes since 6.4, and for
//!   some other files.
//! - They call `poll(2)` first. Then they read, or write at most
//!   [`PIPE_BUF`](rustix::pipe::PIPE_BUF) bytes, for which a ready pipe has room.
//!
//! The second way is exact only if nobody else reads or writes there in between. Where that
//! matters, use an end from [`pipe`](crate::pipe) or [`fifo`](crate::fifo): it opens a non-blocking
//! description of its own instead.
//!
//! # SIGPIPE
//!
//! A write to a pipe without readers fails with `EPIPE`. Before that, the kernel sends the writing
//! thread a `SIGPIPE`, which ends the process unless the signal is ignored or handled. Rust's
//! runtime ignores it before `main`. But a library may be linked into a C program, or into a
//! program that chose to die of the signal.
//!
//! This crate does not change the disposition. It belongs to the program, every thread shares it,
//! and `exec` hands an ignored signal on to children that rely on it. Instead, the crate does the
//! following for each call, and only if the disposition is the default:
//!
//! | where | how | cost |
//! |---|---|---|
//! | the signal is ignored or handled | a plain `write(2)` | none |
//! | Linux 6.18 and later | `pwritev2(2)` with `RWF_NOSIGNAL` | a quarter of a small write |
//! | elsewhere, and for `splice(2)`, `tee(2)` and `sendfile(2)` | block the signal in this thread, call, take back what the call raised, unblock | four system calls |
//!
//! The kernel sends the signal of a write to the thread that wrote, so this thread can take it back
//! without a race. A signal that was pending before stays pending, because it has another cause.
//!
//! An end reads the disposition once, when it is made, so that its writes cost nothing more. The
//! functions here know only a descriptor, so they read it each time. If a program sets `SIGPIPE`
//! back to its default, it does that before it makes its ends. Sockets need none of this: they use
//! their own flag, `MSG_NOSIGNAL`.

mod copy;
mod endpoint_state;
mod flags;
mod forms;
mod poll;
pub(crate) mod raw;
mod retry;
pub(crate) mod sigpipe;
mod timeout;
mod transfer;
mod vectored;

pub use copy::Copier;
pub(crate) use endpoint_state::EndpointState;
pub(crate) use flags::{Identity, identity};
pub use flags::{
    close_on_exec, duplicate, inherit, nonblocking, set_close_on_exec, set_nonblocking,
};
pub(crate) use forms::forms;
pub use poll::{Interest, Ready, WaitSet, try_wait, wait, wait_any, wait_deadline};
pub(crate) use poll::{attempt, look, poll_one, retry_ready};
pub(crate) use retry::retry;
pub(crate) use timeout::Timeout;
pub(crate) use transfer::write_all_by;
pub use transfer::{
    read, read_deadline, read_exact, try_read, try_write, write, write_all, write_deadline,
};
