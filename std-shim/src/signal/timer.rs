//! Interval timers that send a signal.

use super::Signal;
use super::name::check_blockable;
use super::received::to_sigval;
use crate::Result;
use crate::error::{On, Tried, limit};
use crate::sys::answer;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// A timer that sends a signal to this process, once or again and again, in real time.
///
/// It does what `setitimer(ITIMER_REAL)` does, through `timer_create(2)`, because that has what the
/// older call lacks: any number of timers (the older has one for the whole process, shared with
/// `alarm` and with every library), any signal, a value that tells them apart, a count of the
/// expirations that coalesced ([`overruns`](Self::overruns)), and a clock that nobody sets
/// (`CLOCK_MONOTONIC`).
///
/// Catch or block the signal first: by default most of them end the process. The timer belongs to
/// this process: no child inherits it. Dropping it ends it.
///
/// ```
/// use ringway::signal::{self, IntervalTimer, Delivery, Signal};
/// use std::time::Duration;
/// signal::catch(Signal::ALRM, Delivery::Queued)?;
/// let mut timer = IntervalTimer::new(Signal::ALRM, 7)?;
/// assert_eq!(timer.left()?, None);
/// timer.start(Duration::from_millis(1), Duration::from_millis(1))?;
/// let mut dispatcher = signal::dispatcher()?;
/// for _ in 0..3 {
///     assert_eq!(dispatcher.wait(Signal::ALRM)?.value(), Some(7));
///     println!("and {} more since", timer.overruns()?);
/// }
/// timer.start(Duration::from_secs(60), Duration::ZERO)?;
/// assert!(timer.left()?.unwrap() <= Duration::from_secs(60));
/// timer.stop()?;
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "setitimer")]
#[doc(alias = "timer_create")]
#[doc(alias = "alarm")]
#[derive(Debug)]
pub struct IntervalTimer {
    id: libc::timer_t,
}

// SAFETY: the id is a number of the system for the whole process, though its type is a pointer; its
// calls may be made from any thread, at the same time too.
unsafe impl Send for IntervalTimer {}
// SAFETY: as above.
unsafe impl Sync for IntervalTimer {}

const READ: &str = "read the timer";

impl IntervalTimer {
    /// A timer that is not running, and sends this signal with this value when it is.
    ///
    /// See [`timer_create(2)`](https://man7.org/linux/man-pages/man2/timer_create.2.html).
    ///
    /// # Errors
    /// [`Cause::Signal`](crate::Cause::Signal) for `KILL` and `STOP`, which would only end or stop
    /// this process; [`Exhausted`](crate::CoreError::Exhausted) if the kernel has no room for
    /// another timer, or this user has as many signals queued as allowed (`RLIMIT_SIGPENDING`), of
    /// which each timer takes one.
    pub fn new(signal: Signal, value: usize) -> Result<Self> {
        check_blockable("let a timer send", signal.into())?;
        // SAFETY: all zeroes is a `sigevent`.
        let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal.number();
        event.sigev_value = to_sigval(value);
        let mut id = MaybeUninit::<libc::timer_t>::uninit();
        // SAFETY: event and id are ours and of their types.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, id.as_mut_ptr()) };
        answer(made).map_err(limit).tried("make a timer").on(format_args!("for {signal}"))?;
        // SAFETY: the call succeeded, so that it filled the id.
        Ok(IntervalTimer { id: unsafe { id.assume_init() } })
    }

    /// Starts it: it expires after `first`, and then every `interval`; once only, if that is zero.
    /// One that runs starts anew. A `first` of zero expires at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(&mut self, first: Duration, interval: Duration) -> Result<()> {
        // Zero would stop it.
        self.set(first.max(Duration::from_nanos(1)), interval)
    }

    /// Stops it. A signal that it sent before may still be pending.
    ///
    /// # Errors
    /// What the system says.
    pub fn stop(&mut self) -> Result<()> {
        self.set(Duration::ZERO, Duration::ZERO)
    }

    /// The time until it expires, `None` if it does not run.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "getitimer")]
    pub fn left(&self) -> Result<Option<Duration>> {
        let mut now = MaybeUninit::<libc::itimerspec>::uninit();
        // SAFETY: the timer is ours, and so is the place.
        answer(unsafe { libc::timer_gettime(self.id, now.as_mut_ptr()) }).tried(READ)?;
        // SAFETY: the call succeeded, so that it filled the place.
        let left = unsafe { now.assume_init() }.it_value;
        // The system gives neither negative seconds nor nanoseconds beyond a second.
        let left = Duration::new(left.tv_sec as u64, left.tv_nsec as u32);
        Ok(Some(left).filter(|left| !left.is_zero()))
    }

    /// How many expirations are in the signal that was received last, besides its own: those that
    /// came while it was pending. No expiration is queued twice.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "timer_getoverrun")]
    pub fn overruns(&self) -> Result<u32> {
        // SAFETY: the timer is ours.
        let overruns = answer(unsafe { libc::timer_getoverrun(self.id) }).tried(READ)?;
        Ok(overruns as u32)
    }

    fn set(&self, first: Duration, interval: Duration) -> Result<()> {
        let new = libc::itimerspec { it_value: timespec(first), it_interval: timespec(interval) };
        // SAFETY: the timer is ours, the times are ours and valid.
        let set = unsafe { libc::timer_settime(self.id, 0, &new, ptr::null_mut()) };
        answer(set).tried("set the timer").map(drop)
    }
}

impl Drop for IntervalTimer {
    fn drop(&mut self) {
        // SAFETY: the timer is ours, and not used after this.
        unsafe { libc::timer_delete(self.id) };
    }
}

/// A span of time for the system. One too long to be written becomes the longest.
pub(super) fn timespec(span: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: span.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        // Below 10^9, which fits.
        tv_nsec: span.subsec_nanos() as _,
    }
}
