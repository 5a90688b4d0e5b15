//! Interval timers that send a signal.

use super::Signal;
use super::name::check_blockable;
use super::received::to_sigval;
use crate::Result;
use crate::error::{Asked, On, Tried, limit, refused};
use crate::sys::answer;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// A timer that sends a signal to this process, once or repeatedly, in real time.
///
/// It does what `setitimer(ITIMER_REAL)` does, but through `timer_create(2)`, which has what the
/// older call lacks: any number of timers, any signal, a value that tells the timers apart, a count
/// of the expirations that coalesced ([`overruns`](Self::overruns)), and a clock that nobody sets
/// (`CLOCK_MONOTONIC`). The older call has one timer for the whole process, shared with `alarm` and
/// with every library.
///
/// Catch or block the signal first, because most signals end the process by default. The timer
/// belongs to this process: no child inherits it. Dropping the value ends the timer.
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

// SAFETY: the id is a number that the system gives for the whole process, though its type is a
// pointer. Any thread may pass it to the timer calls, at the same time as others.
unsafe impl Send for IntervalTimer {}
// SAFETY: any thread may pass the id to the timer calls, at the same time as other threads, and
// `&self` gives access to nothing else.
unsafe impl Sync for IntervalTimer {}

const READ: &str = "read the timer";

impl IntervalTimer {
    /// Makes a timer that does not run yet and will send `signal` with `value`.
    ///
    /// See [`timer_create(2)`](https://man7.org/linux/man-pages/man2/timer_create.2.html).
    ///
    /// # Errors
    /// [`Cause::Signal`](crate::Cause::Signal) for `KILL` and `STOP`, which would only end or stop
    /// this process. [`Exhausted`](crate::CoreError::Exhausted) if the kernel has no room for
    /// another timer, or if this user has as many signals queued as allowed (`RLIMIT_SIGPENDING`).
    /// Each timer takes one of them.
    pub fn new(signal: Signal, value: usize) -> Result<Self> {
        check_blockable("let a timer send", signal.into())?;
        // SAFETY: a `sigevent` has only integers, a union of them and pointers that may be null, so
        // all zeroes is valid.
        let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal.number();
        event.sigev_value = to_sigval(value);
        let mut id = MaybeUninit::<libc::timer_t>::uninit();
        // SAFETY: `event` is an initialised local variable, and `id` is a local place for a
        // `timer_t`.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, id.as_mut_ptr()) };
        let made = answer(made).map_err(limit).asked("make a timer", refused!("timer_create(2)"));
        made.on(format_args!("for {signal}"))?;
        // SAFETY: `timer_create` succeeded, so it filled `id`.
        Ok(IntervalTimer { id: unsafe { id.assume_init() } })
    }

    /// Starts the timer: it expires after `first`, and then every `interval`.
    ///
    /// It expires only once if `interval` is zero. A `first` of zero makes it expire at once. A
    /// running timer starts anew.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn start(&mut self, first: Duration, interval: Duration) -> Result<()> {
        // The system would take zero as a request to stop.
        self.set(first.max(Duration::from_nanos(1)), interval)
    }

    /// Stops the timer. A signal that it sent before may still be pending.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn stop(&mut self) -> Result<()> {
        self.set(Duration::ZERO, Duration::ZERO)
    }

    /// The time until the timer expires; `None` if it does not run.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "getitimer")]
    pub fn left(&self) -> Result<Option<Duration>> {
        let mut now = MaybeUninit::<libc::itimerspec>::uninit();
        // SAFETY: this value owns the timer, and `now` is a local place for an `itimerspec`.
        answer(unsafe { libc::timer_gettime(self.id, now.as_mut_ptr()) }).tried(READ)?;
        // SAFETY: `timer_gettime` succeeded, so it filled `now`.
        let left = unsafe { now.assume_init() }.it_value;
        // The system gives no negative seconds, and fewer nanoseconds than a second has.
        let left = Duration::new(left.tv_sec as u64, left.tv_nsec as u32);
        Ok(Some(left).filter(|left| !left.is_zero()))
    }

    /// Number of further expirations in the signal that was received last.
    ///
    /// These came while the signal was pending, and the kernel queues none of them.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "timer_getoverrun")]
    pub fn overruns(&self) -> Result<u32> {
        // SAFETY: this value owns the timer.
        let overruns = answer(unsafe { libc::timer_getoverrun(self.id) }).tried(READ)?;
        Ok(overruns as u32)
    }

    fn set(&self, first: Duration, interval: Duration) -> Result<()> {
        let new = libc::itimerspec { it_value: timespec(first), it_interval: timespec(interval) };
        // SAFETY: this value owns the timer, `new` is a local variable with valid times, and null
        // asks for no old value.
        let set = unsafe { libc::timer_settime(self.id, 0, &new, ptr::null_mut()) };
        answer(set).tried("set the timer").map(drop)
    }
}

impl Drop for IntervalTimer {
    fn drop(&mut self) {
        // SAFETY: this value owns the timer, and nothing uses it after the drop.
        unsafe { libc::timer_delete(self.id) };
    }
}

/// Converts a span of time for the system. A span that is too long becomes the longest one.
pub(super) fn timespec(span: Duration) -> libc::timespec {
    // A number below 10^9 fits into every type that the field has.
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: span.subsec_nanos() as _ };
    // The largest number of the field, whose type has 32 or 64 bits and a sign.
    let longest = u64::MAX >> (65 - 8 * size_of_val(&time.tv_sec));
    time.tv_sec = span.as_secs().min(longest) as _;
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_span_is_the_largest_time() {
        let longest = timespec(Duration::MAX);
        assert!(longest.tv_sec > 0 && longest.tv_sec.checked_add(1).is_none());
        let short = timespec(Duration::new(3, 999_999_999));
        assert_eq!((short.tv_sec, short.tv_nsec), (3, 999_999_999));
    }
}
