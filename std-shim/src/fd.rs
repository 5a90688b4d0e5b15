//! Descriptors: the one place that knows `EINTR`, `EAGAIN`, short transfers, deadlines,
//! close-on-exec and `SIGPIPE`.
//!
//! The functions here work on any descriptor, by what the system says of it; [`pipe`](crate::pipe)
//! and [`fifo`](crate::fifo) and the sockets build their ends on them and add the
//! [`State`](crate::channel::State).
//!
//! | what happens | what is done about it |
//! |---|---|
//! | `EINTR` | the call is made again, with what is left of the time: a signal never ends an operation |
//! | `EAGAIN` | `try_` says [`WouldBlock`](crate::CoreError::WouldBlock); the other forms wait in `poll(2)`, also when another program made the shared description non-blocking |
//! | a short transfer | [`read`] and [`write()`] report it; [`read_exact`] and [`write_all`] go on, and on an error the caller still knows how far they came |
//! | a deadline on a blocking descriptor | holds: see below |
//! | a child process | inherits nothing (`FD_CLOEXEC` on every descriptor that this crate makes or adopts), except what [`inherit`] hands to it |
//! | `SIGPIPE` | a broken pipe is [`BrokenPipe`](crate::CoreError::BrokenPipe), not a death, whatever the program did with the signal; its disposition is not touched |
//!
//! # Blocking and non-blocking
//!
//! Whether a descriptor blocks is not its own: `O_NONBLOCK` belongs to the open file description,
//! which the processes share that inherited it. To set it on a standard input that a shell handed
//! over breaks the shell. So this crate sets it where it is asked to, by [`set_nonblocking`], and
//! never in passing. The forms that must not wait, or not for long, say so for the single call
//! (`RWF_NOWAIT`: Linux 6.4 for pipes, and whatever else knows it), or look with `poll(2)` before
//! they read, and before they write at most [`PIPE_BUF`](rustix::pipe::PIPE_BUF) bytes, for which a
//! pipe that is ready has room. This last way is exact as long as nobody else reads or writes there
//! in between; where that matters use an end from [`pipe`](crate::pipe) or [`fifo`](crate::fifo),
//! whose own description is free of it.
//!
//! # SIGPIPE
//!
//! A write to a pipe that nobody reads fails with `EPIPE`, and before that the kernel sends the
//! writing thread a `SIGPIPE`, which ends the process unless it is ignored or handled. Rust's
//! runtime ignores it before `main`. A library may be linked where that did not happen: into a C
//! program, or into a program that chose to die of it.
//!
//! What this crate does not do is change the disposition: it belongs to the program, every thread
//! shares it, and `exec` hands an ignored signal on to children that rely on it. What it does
//! instead, per call, and only where the disposition is the default:
//!
//! | where | how | cost |
//! |---|---|---|
//! | the signal is ignored or handled | a plain `write(2)` | none |
//! | Linux 6.18 and later | `pwritev2(2)` with `RWF_NOSIGNAL` | a quarter of a small write |
//! | elsewhere, and for `splice(2)`, `tee(2)` and `sendfile(2)` | block the signal in this thread, call, take back what the call raised, unblock | four system calls |
//!
//! The signal of a write goes to the thread that wrote, so that the last way can take it back
//! without a race. One that was pending before is left pending: it is not ours.
//!
//! An end looks at the disposition once, when it is made, so that its writes cost nothing more; the
//! functions here know only a descriptor and look each time. So a program that sets `SIGPIPE` back
//! to its default does it before it makes its ends. Sockets have a flag of their own,
//! `MSG_NOSIGNAL`.

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
