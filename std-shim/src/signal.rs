//! Signals between processes, handled outside of the system's signal handlers.
//!
//! There are two ways to receive signals. A program may use both, for different signals:
//!
//! | | caught | blocked |
//! |---|---|---|
//! | set up | [`handle`], [`catch`] | [`block`], before the first thread |
//! | where handlers run | in [`Dispatcher::dispatch`] or [`Dispatcher::pause`], never in the system's handler | – |
//! | waiting without handlers | [`Dispatcher::wait`] and its forms | [`wait()`], [`try_wait`], [`wait_deadline`] |
//! | a descriptor for `poll(2)` | the [`Dispatcher`] is one | [`SignalFd`] |
//! | payloads | up to [`DEPTH`] wait for each signal, then they are counted ([`lost_payloads`]) | the kernel queues them, up to its limit |
//! | which thread | any thread may receive; the dispatcher's thread handles | a thread that blocks them; every thread must block them |
//!
//! Caught signals go through a [`Table`] of the core. The system's handler only raises a line and
//! wakes the dispatcher. So a handler here may do what a signal handler must not do: allocate,
//! lock, print. Handlers that other code installed before stay in place, and the system calls them
//! as before.
//!
//! | here | system | manual |
//! |---|---|---|
//! | [`catch`], [`handle`] | `sigaction` (through signal-hook-registry, which chains) | [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html) |
//! | [`block`], [`unblock`], [`set_mask`], [`mask`] | `pthread_sigmask` | [sigprocmask(2)](https://man7.org/linux/man-pages/man2/sigprocmask.2.html) |
//! | [`wait()`], [`wait_deadline`] | `sigwaitinfo`, `sigtimedwait` | [sigwaitinfo(2)](https://man7.org/linux/man-pages/man2/sigwaitinfo.2.html) |
//! | [`send`], [`queue`], to a process by its number | `kill`, `sigqueue` | [kill(2)](https://man7.org/linux/man-pages/man2/kill.2.html), [sigqueue(3)](https://man7.org/linux/man-pages/man3/sigqueue.3.html) |
//! | [`send_fd`], [`queue_fd`], through a pidfd | `pidfd_send_signal` | [pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html) |
//! | [`SignalFd`] | `signalfd` | [signalfd(2)](https://man7.org/linux/man-pages/man2/signalfd.2.html) |
//! | [`IntervalTimer`] | `timer_create` | [timer_create(2)](https://man7.org/linux/man-pages/man2/timer_create.2.html) |
//!
//! ```
//! use ringway::signal::{self, Delivery, Signal};
//! signal::handle(Signal::USR1 | Signal::USR2, Delivery::Queued, |received| {
//!     println!("{} with {:?} from {:?}", received.signal, received.value(), received.sender());
//! })?;
//! let mut dispatcher = signal::dispatcher()?;
//! signal::queue(ringway::process::id(), Signal::USR1, 42)?;
//! assert_eq!(dispatcher.pause()?, 1);
//! # Ok::<(), ringway::Error>(())
//! ```

mod catch;
mod descriptor;
mod mask;
mod name;
mod received;
mod send;
mod timer;

pub use catch::{
    DEPTH, Delivery, Dispatcher, ProcessTable, Wakeup, catch, dispatcher, end_dispatcher, handle,
    lost_payloads, table,
};
pub use descriptor::SignalFd;
pub use mask::{MaskGuard, block, mask, pending, set_mask, try_wait, unblock, wait, wait_deadline};
pub use name::{Signal, catchable, signals};
pub use received::{Origin, Received};
#[doc(inline)]
pub use ringway_core::signal::{Handler, Lines, Payload, RaiseError, Raised, SignalSet, Table};
pub use rustix::process::Pid;
pub use send::{queue, queue_fd, send, send_fd};
pub use timer::IntervalTimer;
