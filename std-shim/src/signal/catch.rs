//! Signals handled through the core's table: the system's handler only raises and wakes.

use super::name::check_catchable;
use super::{Received, Signal, signals};
use crate::error::{On, Tried};
use crate::fd::Timeout;
use crate::sys::{answer, lock};
use crate::wait::{BellWord, PrivateFutex, Register, Wait, Wake};
use crate::{CoreError, Error, Result};
use ringway_core::signal::{self as core, Handler, Raised, SignalSet};
use ringway_core::sync::AtomicU32;
use ringway_core::wait::TimedOut;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::process::{Pid, getpid};
use std::collections::BTreeMap;
use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// How many payloads of one signal wait to be dispatched, at most.
pub const DEPTH: usize = 64;

/// The lines: as many as there are signals.
const LINES: usize = 64;

/// The core's table, as this process uses it: line `n - 1` is signal `n`.
pub type ProcessTable = core::Table<LINES, DEPTH, Wakeup>;

static TABLE: ProcessTable = core::Table::new();

/// How each signal is delivered, by line: 0 not at all, else [`Delivery`]. Relaxed throughout: a
/// number by itself.
static DELIVERY: [AtomicU8; LINES] = [const { AtomicU8::new(0) }; LINES];

/// Payloads that found the queue full, by line. Relaxed throughout: a count by itself.
static LOST: [AtomicUsize; LINES] = [const { AtomicUsize::new(0) }; LINES];

/// What the table wakes besides the futex; -1 until there is a dispatcher.
static EVENT: AtomicI32 = AtomicI32::new(-1);

/// The handlers installed with the system, by line; and the process that made the event descriptor.
static INSTALLED: Mutex<Installed> =
    Mutex::new(Installed { handlers: BTreeMap::new(), event_of: None });

struct Installed {
    handlers: BTreeMap<u32, signal_hook_registry::SigId>,
    event_of: Option<Pid>,
}

/// How signals of a kind that arrive before they are dispatched are delivered: in POSIX's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// All that came in one delivery, which says how many there were. None is ever lost.
    Coalesced,
    /// Each one, with its sender and its value, up to [`DEPTH`] at a time. When more wait, the
    /// payload of the next is lost and it is counted instead, which its delivery shows (no
    /// payload), and [`lost_payloads`] too.
    Queued,
}

/// Catches signals from now on: they no longer do what the system does by default, but raise their
/// lines in the [`table`]. There they stay until they have a handler and are dispatched, or are
/// waited for, with the [`dispatcher`].
///
/// Handlers that other code installed before run too, before ours. A caught signal stays caught for
/// the life of the process (so that code which has its own handlers chained is not cut off); call
/// again to change what is kept.
///
/// What runs in the system's handler is wait-free, makes at most two system calls, neither
/// allocates nor locks, and keeps `errno`. It runs on the thread's alternate stack where there is
/// one (`SA_ONSTACK`). System calls that it interrupts go on (`SA_RESTART`).
///
/// See [`sigaction(2)`](https://man7.org/linux/man-pages/man2/sigaction.2.html).
///
/// # Errors
/// [`Cause::Signal`](crate::Cause::Signal) for `KILL`, `STOP`, those that report a fault, and what
/// is no signal; none of the set is caught then.
///
/// ```
/// use ringway::signal::{self, Delivery, Signal};
/// signal::catch(Signal::WINCH, Delivery::Coalesced)?; // that it came, and how often
/// signal::catch(Signal::USR1 | Signal::USR2, Delivery::Queued)?; // each one, with its sender and its value
/// assert!(signal::catch(Signal::KILL, Delivery::Coalesced).is_err());
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "sigaction")]
pub fn catch(set: impl Into<SignalSet>, delivery: Delivery) -> Result<()> {
    let set = set.into();
    check_catchable("catch", set)?;
    let mut installed = lock(&INSTALLED);
    for signal in signals(set) {
        let Some(kept) = DELIVERY.get(signal.line() as usize) else { continue };
        kept.store(delivery as u8 + 1, Ordering::Relaxed);
        if installed.handlers.contains_key(&signal.line()) {
            continue;
        }
        // SAFETY: the action does nothing that is forbidden in a signal handler: see `on_signal`.
        let handler = unsafe {
            signal_hook_registry::register_sigaction(signal.number(), move |info| {
                on_signal(signal, info);
            })
        };
        let handler = handler.map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
            Error::new("catch", errno).on(signal)
        })?;
        installed.handlers.insert(signal.line(), handler);
        spare_the_stack(signal)?;
    }
    Ok(())
}

/// The signals that tell of a fault of the thread that gets them.
const FAULTS: [libc::c_int; 7] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
];

/// Has the system run the handler of `signal` on the alternate stack of the thread that it
/// interrupts, if that has one (`sigaltstack(2)`), and one handler at a time. Threads of other
/// languages may have stacks that are smaller than what the kernel saves there, and an alternate
/// stack of 8 KiB has no room for what it saves of two handlers. What tells of a fault is not held
/// back. The registry installs a handler and has no say in its flags. A handler that other code
/// installs between the two calls here would be replaced by the one before it; that code has the
/// same race with the registry.
fn spare_the_stack(signal: Signal) -> Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks for the action alone, and the place for it is ours.
    let asked = unsafe { libc::sigaction(signal.number(), ptr::null(), action.as_mut_ptr()) };
    answer(asked).tried("catch").on(signal)?;
    // SAFETY: the call succeeded, so that it filled the place.
    let mut action = unsafe { action.assume_init() };
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    for fault in FAULTS {
        // SAFETY: as above; the number is a signal's.
        unsafe { libc::sigdelset(&mut action.sa_mask, fault) };
    }
    // SAFETY: the action that is there already, on another stack and with fewer in its way.
    let set = unsafe { libc::sigaction(signal.number(), &action, ptr::null_mut()) };
    answer(set).tried("catch").on(signal).map(drop)
}

/// Catches signals, and says what to do about them: the handler runs where the program
/// [dispatches](Dispatcher::dispatch). It may be changed at any time, also while signals arrive.
///
/// The handler lives as long as the process: one that may run just now cannot be freed.
///
/// # Errors
/// As [`catch`].
///
/// ```
/// use ringway::signal::{self, Delivery, Signal};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// static TICKS: AtomicU64 = AtomicU64::new(0);
///
/// signal::handle(Signal::USR1, Delivery::Coalesced, |received| {
///     TICKS.fetch_add(received.count, Ordering::Relaxed);
/// })?;
/// let mut dispatcher = signal::dispatcher()?;
/// signal::send(ringway::process::id(), Signal::USR1)?;
/// dispatcher.pause()?;
/// assert_eq!(TICKS.load(Ordering::Relaxed), 1);
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn handle(
    set: impl Into<SignalSet>,
    delivery: Delivery,
    handler: impl Fn(&Received) + Send + Sync + 'static,
) -> Result<()> {
    let set = set.into();
    check_catchable("catch", set)?;
    let run: &'static (dyn Fn(&Raised) + Sync) = Box::leak(Box::new(move |it: &Raised| {
        if let Some(received) = Received::of(it) {
            handler(&received);
        }
    }));
    let handler: &'static Handler = Box::leak(Box::new(Handler::new(run)));
    // First the handler, so that none who comes is without.
    for line in set.lines() {
        // A catchable signal has a line.
        let _ = TABLE.set_handler(line, Some(handler));
    }
    catch(set, delivery)
}

/// The table behind the handlers: for masks and priorities, to see what is pending, and to raise a
/// line by hand.
///
/// Its masks keep handlers from running; they do not keep the signal from arriving, as
/// [`block`](super::block) does.
///
/// ```
/// use ringway::signal::{self, Signal};
/// let table: &signal::ProcessTable = signal::table();
/// table.set_priority(Signal::TERM.line(), 10)?;
/// let before = table.mask(Signal::USR1.into());
/// // … no handler of USR1 runs …
/// table.set_mask(before);
/// assert_eq!(signal::lost_payloads(Signal::USR1), 0);
/// # Ok::<(), ringway::CoreError>(())
/// ```
pub fn table() -> &'static ProcessTable {
    &TABLE
}

/// How many signals of this kind lost their payload since the process started, because [`DEPTH`]
/// others waited. They were counted nevertheless.
pub fn lost_payloads(signal: Signal) -> usize {
    LOST.get(signal.line() as usize).map_or(0, |lost| lost.load(Ordering::Relaxed))
}

/// What the system's handler does. Async-signal-safe: atomic steps on statics, and the system calls
/// of [`Wakeup::wake`]. The registry around it keeps `errno` and calls the handlers that were there
/// before.
fn on_signal(signal: Signal, info: &libc::siginfo_t) {
    let line = signal.line();
    let kept = DELIVERY.get(line as usize).map_or(0, |kept| kept.load(Ordering::Relaxed));
    if kept == Delivery::Queued as u8 + 1 {
        let payload = Received::from_info(signal, info).payload.unwrap_or_default();
        if TABLE.raise_with(line, payload).is_ok() {
            return;
        }
        if let Some(lost) = LOST.get(line as usize) {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
    // A signal has a line.
    let _ = TABLE.raise(line);
}

/// How the [`Dispatcher`] sleeps: on a futex, or in `poll(2)` on its descriptor. Waking does both,
/// and only when it was announced that somebody sleeps.
#[derive(Debug)]
pub struct Wakeup(());

impl Wake for Wakeup {
    type Word = BellWord;

    const INIT: Self = Wakeup(());

    fn wake(&self, word: &AtomicU32, n: u32) {
        PrivateFutex.wake(word, n);
        set_event(EVENT.load(Ordering::Relaxed));
    }

    fn is_unwinding(&self) -> bool {
        PrivateFutex.is_unwinding()
    }
}

impl Wait for Wakeup {
    type Deadline = Instant;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> std::result::Result<(), TimedOut> {
        PrivateFutex.wait(word, expected, deadline)
    }
}

impl Register for Wakeup {
    /// Nothing to remember: whoever polls the descriptor is woken through it.
    fn register(&self, _waker: &Waker) {}
}

/// Makes the descriptor readable.
fn set_event(event: RawFd) {
    if event >= 0 {
        // SAFETY: an event descriptor is never closed once it is in `EVENT`.
        let event = unsafe { BorrowedFd::borrow_raw(event) };
        // It fails only when the count is at its limit, and then it is readable.
        let _ = rustix::io::write(event, &1u64.to_ne_bytes());
    }
}

/// The one place of the process where caught signals are handled. From [`dispatcher`].
///
/// Its descriptor ([`AsFd`](std::os::fd::AsFd)) is for `poll(2)` beside others: readable from when
/// something is raised until a call here that never sleeps found nothing. Call
/// [`dispatch`](Self::dispatch) or [`try_wait`](Self::try_wait) until it says so, or just each time
/// when the descriptor is readable.
///
/// ```
/// use ringway::fd::{self, Interest};
/// use ringway::signal::{self, Delivery, Signal};
/// signal::handle(Signal::USR1, Delivery::Coalesced, |received| println!("{}", received.signal))?;
/// let mut dispatcher = signal::dispatcher()?;
/// dispatcher.dispatch();
/// signal::send(ringway::process::id(), Signal::USR1)?;
/// fd::wait(&dispatcher, Interest::Read)?;
/// while dispatcher.dispatch() > 0 {}
/// # Ok::<(), ringway::Error>(())
/// ```
#[must_use = "the right to dispatch is given back at once"]
pub struct Dispatcher {
    table: core::Dispatcher<'static, LINES, DEPTH, Wakeup>,
    event: BorrowedFd<'static>,
}

/// The right to dispatch, for one place of the process at a time. It is given back when dropped.
///
/// After a `fork` without `exec` the child drops a dispatcher that it inherited and takes a new
/// one, which has a descriptor of its own; else parent and child take each other's wake-ups.
///
/// # Errors
/// [`Taken`](CoreError::Taken) while another place has it; [`Exhausted`](CoreError::Exhausted) if
/// there is no descriptor left.
///
/// ```
/// use ringway::{CoreError, signal};
/// let dispatcher = signal::dispatcher()?;
/// assert!(signal::dispatcher().unwrap_err().is(CoreError::Taken));
/// drop(dispatcher);
/// assert!(signal::dispatcher().is_ok());
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn dispatcher() -> Result<Dispatcher> {
    const TAKE: &str = "take the signal dispatcher";
    let table = TABLE.dispatcher().ok_or_else(|| Error::new(TAKE, CoreError::Taken))?;
    let event = event().map_err(|errno| Error::new(TAKE, errno))?;
    let dispatcher = Dispatcher { table, event };
    // Whether something is there is found out by the first call.
    set_event(dispatcher.event.as_raw_fd());
    Ok(dispatcher)
}

/// Ends the dispatcher that there is, from another thread or a handler: once it has delivered what
/// came before, its forms that sleep answer [`Closed`](CoreError::Closed), and its descriptor
/// is readable. Whether there was one that nobody had ended before. The next one is not concerned.
///
/// ```
/// use ringway::{CoreError, signal};
/// let mut dispatcher = signal::dispatcher()?;
/// let handles = std::thread::spawn(move || loop {
///     if let Err(error) = dispatcher.pause() {
///         break error.is(CoreError::Closed);
///     }
/// });
/// assert!(signal::end_dispatcher());
/// assert!(handles.join().unwrap());
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn end_dispatcher() -> bool {
    TABLE.end_dispatcher()
}

/// The event descriptor, one for each process.
fn event() -> rustix::io::Result<BorrowedFd<'static>> {
    let mut installed = lock(&INSTALLED);
    let known = EVENT.load(Ordering::Relaxed);
    let event = if installed.event_of == Some(getpid()) {
        known
    } else {
        let made: OwnedFd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        installed.event_of = Some(getpid());
        // Never closed: a signal handler may be writing to it. The one of the parent, if any, stays
        // open too.
        let made = made.into_raw_fd();
        EVENT.store(made, Ordering::Relaxed);
        made
    };
    // SAFETY: open, and never closed.
    Ok(unsafe { BorrowedFd::borrow_raw(event) })
}

impl Dispatcher {
    /// Runs the handlers of what is pending, highest priority first; returns how many deliveries
    /// there were. Never sleeps. The deliveries of one call are bounded: see [the
    /// core's](core::Dispatcher::dispatch).
    pub fn dispatch(&mut self) -> usize {
        match self.look(|table, cx| table.poll_pause(cx)) {
            Poll::Ready(Ok(deliveries)) => deliveries,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }

    /// Sleeps until there is something to handle, then dispatches; returns how many deliveries
    /// there were, at least 1.
    ///
    /// # Errors
    /// [`Closed`](CoreError::Closed) when another thread [ended it](end_dispatcher).
    ///
    /// ```
    /// use ringway::{CoreError, signal::{self, Delivery, Signal}};
    /// signal::handle(Signal::USR1, Delivery::Coalesced, |_| ())?;
    /// let mut dispatcher = signal::dispatcher()?;
    /// assert_eq!(dispatcher.dispatch(), 0);
    /// let late = dispatcher.pause_deadline(Some(std::time::Instant::now()));
    /// assert!(late.unwrap_err().is(CoreError::TimedOut));
    /// signal::send(ringway::process::id(), Signal::USR1)?;
    /// assert_eq!(dispatcher.pause()?, 1);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sigsuspend")]
    pub fn pause(&mut self) -> Result<usize> {
        self.pause_deadline(None)
    }

    /// [`pause`](Self::pause), at most until the deadline.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) when the deadline passed first; else as
    /// [`pause`](Self::pause).
    pub fn pause_deadline(&mut self, deadline: Option<Instant>) -> Result<usize> {
        let _more = MayBeMore(self.event);
        self.table.pause_deadline(deadline).map_err(failed)
    }

    crate::fd::forms! {
        /// Sleeps until any signal of the set arrives, and takes it without running its handler. Of
        /// an empty set, it waits until it is ended.
        ///
        /// # Errors
        /// [`Closed`](CoreError::Closed) when another thread [ended it](end_dispatcher).
        ///
        /// ```
        /// use ringway::{CoreError, signal::{self, Delivery, Signal}};
        /// signal::catch(Signal::USR2, Delivery::Queued)?;
        /// let mut dispatcher = signal::dispatcher()?;
        /// assert!(dispatcher.try_wait(Signal::USR2).unwrap_err().is(CoreError::WouldBlock));
        /// let late = dispatcher.wait_deadline(Signal::USR2, Some(std::time::Instant::now()));
        /// assert!(late.unwrap_err().is(CoreError::TimedOut));
        /// signal::queue(ringway::process::id(), Signal::USR2, 5)?;
        /// assert_eq!(dispatcher.wait(Signal::USR2)?.value(), Some(5));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        pub fn wait,
        pub fn try_wait,
        pub fn wait_deadline:
        (&mut self, any_of: impl Into<SignalSet>) -> Received = wait_by;
    }

    fn wait_by(&mut self, any_of: impl Into<SignalSet>, timeout: Timeout) -> Result<Received> {
        // Other lines, which the program raises by hand, are no `Received`.
        let set = signals(any_of).collect();
        let raised = match timeout {
            Timeout::Until(deadline) => {
                let _more = MayBeMore(self.event);
                self.table.wait_deadline(set, deadline)
            }
            Timeout::Now | Timeout::Mode => match self.look(|table, cx| table.poll_wait(cx, set)) {
                Poll::Ready(raised) => raised,
                Poll::Pending => Err(CoreError::WouldBlock),
            },
        };
        // The set is of signals only.
        raised.and_then(|raised| Received::of(&raised).ok_or(CoreError::WouldBlock)).map_err(failed)
    }

    /// One look that never sleeps. If it finds nothing, then the descriptor is not readable, and
    /// becomes so with the next raise; the order is what makes it so: clear, announce, look.
    fn look<R>(
        &mut self,
        look: impl FnOnce(
            &mut core::Dispatcher<'static, LINES, DEPTH, Wakeup>,
            &mut Context<'_>,
        ) -> Poll<R>,
    ) -> Poll<R> {
        // It fails if there was nothing to clear.
        let _ = rustix::io::read(self.event, &mut [0; 8]);
        let panics = MayBeMore(self.event);
        let found = look(&mut self.table, &mut Context::from_waker(Waker::noop()));
        std::mem::forget(panics);
        if found.is_ready() {
            set_event(self.event.as_raw_fd());
        }
        found
    }
}

/// Dropped, also when a handler panics, it makes the descriptor readable: there may be more, and
/// nothing was announced.
struct MayBeMore<'a>(BorrowedFd<'a>);

impl Drop for MayBeMore<'_> {
    #[cold]
    fn drop(&mut self) {
        set_event(self.0.as_raw_fd());
    }
}

fn failed(error: CoreError) -> Error {
    Error::new("wait for a signal", error)
}

crate::sys::descriptor!(Dispatcher, |it| it.event);

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("pending", &TABLE.pending()).finish_non_exhaustive()
    }
}
