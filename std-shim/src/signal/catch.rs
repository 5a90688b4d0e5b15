//! Signals handled through the core's table. The system's handler only raises a line and wakes.

use super::name::check_catchable;
use super::{Received, Signal, signals};
use crate::error::{Asked, On, Tried, refused};
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

/// The most payloads of one signal that wait to be dispatched.
pub const DEPTH: usize = 64;

/// One line for each signal number.
const LINES: usize = 64;

/// The core's table for this process: line `n - 1` is signal `n`.
pub type ProcessTable = core::Table<LINES, DEPTH, Wakeup>;

static TABLE: ProcessTable = core::Table::new();

/// How each signal is delivered, by line: 0 if it is not caught, else the [`Delivery`] plus 1.
///
/// Relaxed throughout: no other memory depends on the number.
static DELIVERY: [AtomicU8; LINES] = [const { AtomicU8::new(0) }; LINES];

/// Payloads lost because the queue was full, by line.
///
/// Relaxed throughout: no other memory depends on the count.
static LOST: [AtomicUsize; LINES] = [const { AtomicUsize::new(0) }; LINES];

/// The event descriptor, which the table's wake-up makes readable; -1 until there is a dispatcher.
///
/// Relaxed throughout: the number alone goes through it, from `event` to `Wakeup::wake`.
static EVENT: AtomicI32 = AtomicI32::new(-1);

/// The handlers installed with the system, by line, and the process that made the event descriptor.
static INSTALLED: Mutex<Installed> =
    Mutex::new(Installed { handlers: BTreeMap::new(), event_of: None });

struct Installed {
    handlers: BTreeMap<u32, signal_hook_registry::SigId>,
    event_of: Option<Pid>,
}

/// How the table delivers signals that arrive before they are dispatched, in POSIX's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// One delivery for all signals that came, with their number. None is ever lost.
    Coalesced,
    /// One delivery for each signal, with its sender and its value, for up to [`DEPTH`] waiting
    /// signals.
    ///
    /// A signal that arrives while as many wait loses its payload and is only counted. Its delivery
    /// has no payload then, and [`lost_payloads`] counts it.
    Queued,
}

/// Catches signals from now on.
///
/// A caught signal no longer does what the system does by default. It raises its line in the
/// [`table`]. The line stays raised until the program dispatches it to a handler, or waits for it,
/// with the [`dispatcher`].
///
/// Handlers that other code installed before run too, before this one. A caught signal stays caught
/// for the life of the process, so that other code which chained its handler is not cut off. Call
/// `catch` again to change the [`Delivery`].
///
/// The code in the system's handler is wait-free and makes at most two system calls. It neither
/// allocates nor locks, and it keeps `errno`. It runs on the thread's alternate stack, if the
/// thread has one (`SA_ONSTACK`). A system call that it interrupts goes on (`SA_RESTART`).
///
/// See [`sigaction(2)`](https://man7.org/linux/man-pages/man2/sigaction.2.html).
///
/// # Errors
/// [`Cause::Signal`](crate::Cause::Signal) if the set has `KILL`, `STOP`, a signal that reports a
/// fault, or a number that is no signal. Then no signal of the set is caught.
///
/// ```
/// use ringway::signal::{self, Delivery, Signal};
/// signal::catch(Signal::WINCH, Delivery::Coalesced)?; // one delivery, with a count
/// signal::catch(Signal::USR1 | Signal::USR2, Delivery::Queued)?; // each, with its sender and value
/// assert!(signal::catch(Signal::KILL, Delivery::Coalesced).is_err());
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "sigaction")]
pub fn catch(set: impl Into<SignalSet>, delivery: Delivery) -> Result<()> {
    let set = set.into();
    check_catchable("catch", set)?;
    let mut installed = lock(&INSTALLED);
    for signal in signals(set) {
        let Some(current) = DELIVERY.get(signal.line() as usize) else { continue };
        current.store(delivery as u8 + 1, Ordering::Relaxed);
        if installed.handlers.contains_key(&signal.line()) {
            continue;
        }
        // SAFETY: the action calls `on_signal` and nothing else, and `on_signal` is
        // async-signal-safe: it makes atomic steps on statics, `write(2)` and the futex call.
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
        use_alternate_stack(signal)?;
    }
    Ok(())
}

/// Signals that report a fault of the thread that receives them.
const FAULTS: [libc::c_int; 7] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
];

/// Makes the handler of `signal` run on the thread's alternate stack, and alone.
///
/// The system does that if the interrupted thread has such a stack (`sigaltstack(2)`), and it runs
/// one handler at a time.
///
/// Threads of other languages may have stacks that are too small for what the kernel saves there.
/// An alternate stack of 8 KiB has no room for what the kernel saves for two handlers. The handler
/// does not block fault signals. The registry installs a handler and offers no say in its flags, so
/// this function changes them afterwards. If other code installs a handler between the two calls
/// here, the second call removes it again. That code has the same race with the registry.
fn use_alternate_stack(signal: Signal) -> Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the null pointer asks for the current action alone, and `action` is a local place for
    // one.
    let asked = unsafe { libc::sigaction(signal.number(), ptr::null(), action.as_mut_ptr()) };
    answer(asked).tried("catch").on(signal)?;
    // SAFETY: `sigaction` succeeded, so it filled `action`.
    let mut action = unsafe { action.assume_init() };
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: `sa_mask` is a set in a local variable.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    for fault in FAULTS {
        // SAFETY: `sa_mask` is a set in a local variable, and `fault` is the number of a signal.
        unsafe { libc::sigdelset(&mut action.sa_mask, fault) };
    }
    // SAFETY: the action is the one that is installed already, with a handler that is valid. Only
    // the stack and the set of signals that it blocks are changed.
    let set = unsafe { libc::sigaction(signal.number(), &action, ptr::null_mut()) };
    answer(set).tried("catch").on(signal).map(drop)
}

/// Catches signals and sets their handler.
///
/// The handler runs where the program [dispatches](Dispatcher::dispatch).
///
/// Call it again to replace the handler, at any time, also while signals arrive.
///
/// The handler lives as long as the process, because a handler that may be running cannot be freed.
///
/// # Errors
/// Those of [`catch`].
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
    // Sets the handler before it catches the signals, so that no signal arrives without a handler.
    for line in set.lines() {
        // Every catchable signal has a line in the table, so this cannot fail.
        let _ = TABLE.set_handler(line, Some(handler));
    }
    catch(set, delivery)
}

/// The table behind the handlers.
///
/// Use it for masks and priorities, to see what is pending, and to raise a line by hand.
///
/// Its masks keep handlers from running. They do not keep the signal from arriving, as
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

/// Number of signals of this kind that lost their payload since the process started.
///
/// A signal loses its payload if [`DEPTH`] others wait. It is counted nevertheless.
pub fn lost_payloads(signal: Signal) -> usize {
    LOST.get(signal.line() as usize).map_or(0, |lost| lost.load(Ordering::Relaxed))
}

/// The body of the system's handler.
///
/// It is async-signal-safe: it makes atomic steps on statics and the system calls of
/// [`Wakeup::wake`]. The registry around it keeps `errno` and calls the handlers that were
/// installed before.
fn on_signal(signal: Signal, info: &libc::siginfo_t) {
    let line = signal.line();
    let delivery = DELIVERY.get(line as usize).map_or(0, |it| it.load(Ordering::Relaxed));
    if delivery == Delivery::Queued as u8 + 1 {
        let payload = Received::from_info(signal, info).payload.unwrap_or_default();
        if TABLE.raise_with(line, payload).is_ok() {
            return;
        }
        if let Some(lost) = LOST.get(line as usize) {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
    // Every signal has a line in the table, so this cannot fail.
    let _ = TABLE.raise(line);
}

/// How the [`Dispatcher`] sleeps: on a futex, or in `poll(2)` on its descriptor.
///
/// A wake-up does both, and only if a sleeper announced itself.
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
    /// Remembers nothing: a program that polls the descriptor is woken through the descriptor.
    fn register(&self, _word: &AtomicU32, _expected: u32, _waker: &Waker) {}
}

/// Makes the descriptor readable.
fn set_event(event: RawFd) {
    if event >= 0 {
        // SAFETY: `event` was read from `EVENT` or comes from the dispatcher. An event descriptor
        // is never closed once it is in `EVENT`, so it is open.
        let event = unsafe { BorrowedFd::borrow_raw(event) };
        // The write fails only if the count is at its limit, and then the descriptor is readable
        // already.
        let _ = rustix::io::write(event, &1u64.to_ne_bytes());
    }
}

/// The one place of the process that handles caught signals. [`dispatcher`] makes it.
///
/// Its descriptor ([`AsFd`](std::os::fd::AsFd)) goes into `poll(2)` beside others. It becomes
/// readable when a line is raised, and stays so until a call here that never sleeps finds nothing.
/// So either call [`dispatch`](Self::dispatch) or [`try_wait`](Self::try_wait) until it finds
/// nothing, or call it once each time the descriptor is readable.
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
    table: core::Dispatcher<&'static ProcessTable>,
    event: BorrowedFd<'static>,
}

/// Takes the right to dispatch, which one place of the process has at a time.
///
/// Dropping the [`Dispatcher`] gives the right back.
///
/// After a `fork` without `exec`, the child drops the dispatcher that it inherited and takes a new
/// one, which has a descriptor of its own. Otherwise parent and child take each other's wake-ups.
///
/// # Errors
/// [`Taken`](CoreError::Taken) while another place has the right;
/// [`Exhausted`](CoreError::Exhausted) if there is no descriptor left.
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
    let event = event().asked(TAKE, refused!("eventfd(2)"))?;
    let dispatcher = Dispatcher { table, event };
    // The first call finds out whether anything is pending.
    set_event(dispatcher.event.as_raw_fd());
    Ok(dispatcher)
}

/// Ends the current dispatcher, from another thread or from a handler.
///
/// The dispatcher first delivers what came before. Then its methods that sleep return
/// [`Closed`](CoreError::Closed), and its descriptor is readable. Returns whether there was a
/// dispatcher that nobody had ended before. The next dispatcher is not affected.
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

/// The event descriptor of this process, made by the first call.
fn event() -> rustix::io::Result<BorrowedFd<'static>> {
    let mut installed = lock(&INSTALLED);
    let known = EVENT.load(Ordering::Relaxed);
    let event = if installed.event_of == Some(getpid()) {
        known
    } else {
        let made: OwnedFd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        installed.event_of = Some(getpid());
        // Never closed, because a signal handler may be writing to it. In a forked child the
        // parent's descriptor stays open too.
        let made = made.into_raw_fd();
        EVENT.store(made, Ordering::Relaxed);
        made
    };
    // SAFETY: `event` is the descriptor in `EVENT`, which this process made and never closes.
    Ok(unsafe { BorrowedFd::borrow_raw(event) })
}

impl Dispatcher {
    /// Runs the handlers of the pending signals, highest priority first, and never sleeps.
    ///
    /// Returns the number of deliveries. One call makes a bounded number of them: see [the core's
    /// `dispatch`](core::Dispatcher::dispatch).
    pub fn dispatch(&mut self) -> usize {
        match self.poll_table(|table, cx| table.poll_pause(cx)) {
            Poll::Ready(Ok(deliveries)) => deliveries,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }

    /// Sleeps until a signal is pending, then dispatches. Returns the number of deliveries, at
    /// least 1.
    ///
    /// # Errors
    /// [`Closed`](CoreError::Closed) if another thread [ended the dispatcher](end_dispatcher).
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

    /// Does what [`pause`](Self::pause) does, and waits at most until the deadline.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) if the deadline passed first; else those of
    /// [`pause`](Self::pause).
    pub fn pause_deadline(&mut self, deadline: Option<Instant>) -> Result<usize> {
        let _mark = MarkReadable(self.event);
        self.table.pause_deadline(deadline).map_err(failed)
    }

    crate::fd::forms! {
        /// Sleeps until a signal of the set arrives, and takes it without running its handler.
        ///
        /// With an empty set, it sleeps until the dispatcher is ended.
        ///
        /// # Errors
        /// [`Closed`](CoreError::Closed) if another thread [ended the dispatcher](end_dispatcher).
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
        // Keeps the lines of signals. The program may raise other lines by hand, but these are no
        // `Received`.
        let set = signals(any_of).collect();
        let raised = match timeout {
            Timeout::Until(deadline) => {
                let _mark = MarkReadable(self.event);
                self.table.wait_deadline(set, deadline)
            }
            Timeout::Now | Timeout::Mode => {
                match self.poll_table(|table, cx| table.poll_wait(cx, set)) {
                    Poll::Ready(raised) => raised,
                    Poll::Pending => Err(CoreError::WouldBlock),
                }
            }
        };
        // The set has only lines of signals, so `Received::of` finds one.
        raised.and_then(|raised| Received::of(&raised).ok_or(CoreError::WouldBlock)).map_err(failed)
    }

    /// Polls the table once and never sleeps.
    ///
    /// If it finds nothing, the descriptor is not readable, and the next raise makes it readable.
    /// The order of the steps ensures that: it clears the descriptor, announces a sleeper, then
    /// polls.
    fn poll_table<R>(
        &mut self,
        poll: impl FnOnce(&mut core::Dispatcher<&'static ProcessTable>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        // The read fails if the descriptor was clear already.
        let _ = rustix::io::read(self.event, &mut [0; 8]);
        let if_it_panics = MarkReadable(self.event);
        let found = poll(&mut self.table, &mut Context::from_waker(Waker::noop()));
        std::mem::forget(if_it_panics);
        if found.is_ready() {
            set_event(self.event.as_raw_fd());
        }
        found
    }
}

/// Makes the descriptor readable when it is dropped, also when a handler panics.
///
/// More signals may be pending then, and no sleeper is announced.
struct MarkReadable<'a>(BorrowedFd<'a>);

impl Drop for MarkReadable<'_> {
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
