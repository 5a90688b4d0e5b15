//! The signal mask of a thread, and waiting for signals that it blocks.

use super::name::{check_blockable, refuse};
use super::timer::timespec;
use super::{Received, Signal, signals};
use crate::fd::Timeout;
use crate::sys::{last_errno, no_signals};
use crate::{CoreError, Error, Result};
use ringway_core::signal::SignalSet;
use rustix::io::Errno;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Instant;

/// The signal mask that this thread had before; dropping it puts that mask back.
///
/// A mask belongs to a thread, so this value cannot be sent to another one.
///
/// ```
/// use ringway::signal::{self, Signal};
/// let before = signal::mask();
/// let quiet = signal::block(Signal::USR1 | Signal::USR2)?;
/// assert_eq!(quiet.before(), before);
/// {
///     let _open = signal::unblock(Signal::USR1)?;
///     assert_eq!(signal::mask(), before | Signal::USR2);
///     let _exactly = signal::set_mask(Signal::HUP)?;
///     assert_eq!(signal::mask(), Signal::HUP.into());
/// }
/// assert_eq!(signal::mask(), before | Signal::USR1 | Signal::USR2);
/// drop(quiet);
/// assert_eq!(signal::mask(), before);
///
/// signal::block(Signal::USR1)?.keep();
/// assert!(signal::mask().contains(Signal::USR1.into()));
/// assert!(signal::block(Signal::KILL).is_err());
/// # Ok::<(), ringway::Error>(())
/// ```
#[must_use = "dropping it puts the old mask back at once"]
#[derive(Debug)]
pub struct MaskGuard {
    before: SignalSet,
    /// Makes the type neither `Send` nor `Sync`.
    _this_thread: PhantomData<*const ()>,
}

impl MaskGuard {
    /// The mask that the thread had before.
    pub fn before(&self) -> SignalSet {
        self.before
    }

    /// Leaves the mask as it is now. Threads and children made from now on inherit it.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for MaskGuard {
    fn drop(&mut self) {
        // The system gave this mask, so it accepts it again.
        let _ = change(libc::SIG_SETMASK, self.before);
    }
}

/// Blocks signals in this thread, in addition to those that it blocks already.
///
/// A blocked signal stays pending. Threads and children that this thread makes later inherit its
/// mask.
///
/// The kernel gives a signal sent to the process to any thread that does not block it. So if the
/// program is to wait for the signals, block them before it makes its first thread.
///
/// See [`sigprocmask(2)`](https://man7.org/linux/man-pages/man2/sigprocmask.2.html), and
/// [`MaskGuard`] for an example.
///
/// # Errors
/// [`Cause::Signal`](crate::Cause::Signal) for `KILL`, `STOP` and numbers that are no signal.
#[doc(alias = "sigprocmask")]
#[doc(alias = "pthread_sigmask")]
#[doc(alias = "SIG_BLOCK")]
pub fn block(set: impl Into<SignalSet>) -> Result<MaskGuard> {
    guarded("block", libc::SIG_BLOCK, set.into())
}

/// Unblocks signals in this thread; pending ones arrive before this returns.
///
/// # Errors
/// Those of [`block`].
#[doc(alias = "SIG_UNBLOCK")]
pub fn unblock(set: impl Into<SignalSet>) -> Result<MaskGuard> {
    guarded("unblock", libc::SIG_UNBLOCK, set.into())
}

/// Blocks these signals in this thread, and no others.
///
/// # Errors
/// Those of [`block`].
#[doc(alias = "SIG_SETMASK")]
pub fn set_mask(set: impl Into<SignalSet>) -> Result<MaskGuard> {
    guarded("block", libc::SIG_SETMASK, set.into())
}

/// The signals that this thread blocks.
pub fn mask() -> SignalSet {
    // Blocking no further signals only reads the mask, and the empty set has nothing to refuse.
    change(libc::SIG_BLOCK, SignalSet::empty()).unwrap_or_default()
}

/// The blocked signals that are pending for this thread or its process; [`wait`] takes them.
#[doc(alias = "sigpending")]
pub fn pending() -> SignalSet {
    let mut set = no_signals();
    // SAFETY: `set` is a local variable of that type, which the call fills.
    unsafe { libc::sigpending(&mut set) };
    from_sigset(&set)
}

crate::fd::forms! {
    /// Takes one signal of the set; sleeps until there is one.
    ///
    /// Every thread of the process must block these signals, so that no other thread receives them.
    /// Other signals do not end the wait.
    ///
    /// See [`sigwaitinfo(2)`](https://man7.org/linux/man-pages/man2/sigwaitinfo.2.html).
    ///
    /// # Errors
    /// [`Cause::Signal`](crate::Cause::Signal) if this thread does not block one of them.
    ///
    /// ```
    /// use ringway::{CoreError, signal::{self, Signal}};
    /// use std::time::{Duration, Instant};
    /// let _quiet = signal::block(Signal::USR1)?;
    /// assert!(signal::try_wait(Signal::USR1).unwrap_err().is(CoreError::WouldBlock));
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let late = signal::wait_deadline(Signal::USR1, Some(soon)).unwrap_err();
    /// assert!(late.is(CoreError::TimedOut));
    /// assert!(signal::try_wait(Signal::USR2).is_err()); // not blocked
    ///
    /// signal::queue(ringway::process::id(), Signal::USR1, 42)?;
    /// assert!(signal::pending().contains(Signal::USR1.into()));
    /// let received = signal::wait(Signal::USR1)?;
    /// assert_eq!(received.value(), Some(42));
    /// assert_eq!(received.sender(), Some(ringway::process::id()));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sigwait")]
    #[doc(alias = "sigwaitinfo")]
    #[doc(alias = "sigtimedwait")]
    pub fn wait,
    pub fn try_wait,
    pub fn wait_deadline:
    (any_of: impl Into<SignalSet>) -> Received = wait_by;
}

fn wait_by(any_of: impl Into<SignalSet>, timeout: Timeout) -> Result<Received> {
    let set = check_blocked(any_of.into())?;
    let deadline = match timeout {
        Timeout::Until(deadline) => deadline,
        Timeout::Now | Timeout::Mode => {
            let taken = take_until(&set, Some(Instant::now())).map_err(failed)?;
            return taken.ok_or_else(|| Error::new(WAIT, CoreError::WouldBlock));
        }
    };
    loop {
        // Reads the clock before the attempt, so that it still takes a signal that comes at the
        // deadline.
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        match take_until(&set, deadline).map_err(failed)? {
            Some(received) => return Ok(received),
            None if late => return Err(Error::new(WAIT, CoreError::TimedOut)),
            None => {}
        }
    }
}

const WAIT: &str = "wait for a signal";

fn failed(errno: Errno) -> Error {
    Error::new(WAIT, errno)
}

/// Refuses a set with a signal that this thread does not block, and returns it as a `sigset_t`.
pub(super) fn check_blocked(set: SignalSet) -> Result<libc::sigset_t> {
    const OPEN: &str = "this thread does not block it: block it first, else it acts at once";
    check_blockable("wait for", set)?;
    refuse("wait for", set - mask(), OPEN)?;
    Ok(to_sigset(set))
}

#[cfg(not(target_env = "musl"))]
use libc::sigtimedwait;

/// The system call. When another signal interrupts it, musl's function begins anew, with the whole
/// time: signals that come often enough would put off the deadline for ever.
///
/// # Safety
/// As for `sigtimedwait` of the C library: `set` points to a set, `info` to a place for a
/// `siginfo_t`, and `time` to a time or nowhere.
#[cfg(target_env = "musl")]
unsafe fn sigtimedwait(
    set: *const libc::sigset_t,
    info: *mut libc::siginfo_t,
    time: *const libc::timespec,
) -> libc::c_int {
    // The kernel's set has a bit for each signal, and musl's has room behind it.
    const SIZE: usize =
        if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };
    // SAFETY: the caller guarantees that it is a time, if it points to one.
    let time = unsafe { time.as_ref() };
    // In longs, as this call takes it on every processor. A shorter time ends the wait early, and
    // the caller tries again.
    let seconds = |time: &libc::timespec| time.tv_sec.try_into().unwrap_or(libc::c_long::MAX);
    let time = time.map(|time| [seconds(time), time.tv_nsec as libc::c_long]);
    let time = time.as_ref().map_or(ptr::null(), |time| &raw const *time);
    // SAFETY: the caller guarantees a set and a place, a set is larger than `SIZE`, and `time` is a
    // local place or null.
    unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, set, info, time, SIZE) as libc::c_int }
}

/// Takes one signal; sleeps until the deadline.
///
/// `None` if the deadline passed, or if another signal interrupted the call.
fn take_until(
    set: &libc::sigset_t,
    deadline: Option<Instant>,
) -> rustix::io::Result<Option<Received>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    let number = match deadline {
        // SAFETY: `set` is an initialised set, `info` is a local place for a `siginfo_t`, and null
        // stands for no limit.
        None => unsafe { sigtimedwait(set, info.as_mut_ptr(), ptr::null()) },
        Some(deadline) => {
            let left = timespec(deadline.saturating_duration_since(Instant::now()));
            // SAFETY: `set` is an initialised set, `left` is a valid time, and `info` is a local
            // place for a `siginfo_t`.
            unsafe { sigtimedwait(set, info.as_mut_ptr(), &left) }
        }
    };
    if number < 0 {
        return match last_errno() {
            Errno::AGAIN | Errno::INTR => Ok(None),
            errno => Err(errno),
        };
    }
    // SAFETY: the call returned a signal, so it filled `info`.
    let info = unsafe { info.assume_init_ref() };
    Ok(Signal::new(number).map(|signal| Received::from_info(signal, info)))
}

fn guarded(operation: &'static str, how: libc::c_int, set: SignalSet) -> Result<MaskGuard> {
    check_blockable(operation, set)?;
    let before = change(how, set).map_err(|errno| Error::new("change the signal mask", errno))?;
    Ok(MaskGuard { before, _this_thread: PhantomData })
}

fn change(how: libc::c_int, set: SignalSet) -> rustix::io::Result<SignalSet> {
    let (new, mut old) = (to_sigset(set), no_signals());
    // SAFETY: both sets are local variables, `new` is initialised, and the call fills `old`.
    match unsafe { libc::pthread_sigmask(how, &new, &mut old) } {
        0 => Ok(from_sigset(&old)),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}

fn to_sigset(set: SignalSet) -> libc::sigset_t {
    let mut new = no_signals();
    for signal in signals(set) {
        // SAFETY: `new` is an initialised set in a local variable, and the number is a signal's, so
        // the call cannot fail.
        unsafe { libc::sigaddset(&mut new, signal.number()) };
    }
    new
}

fn from_sigset(set: &libc::sigset_t) -> SignalSet {
    signals(SignalSet::all())
        // SAFETY: `set` is a reference to an initialised set, and the number is a signal's.
        .filter(|signal| unsafe { libc::sigismember(ptr::from_ref(set), signal.number()) } == 1)
        .collect()
}
