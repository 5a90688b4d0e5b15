//! Blocked signals as a descriptor.

use super::mask::check_blocked;
use super::received::in_order;
use super::{Received, Signal};
use crate::Result;
use crate::error::{Asked, Tried, refused};
use crate::fd::{self, Interest, Timeout};
use crate::sys::answer;
use ringway_core::signal::SignalSet;
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

/// A descriptor that is readable while a signal of its set is pending, for `poll(2)`.
///
/// Every thread must block these signals, so that they go nowhere else. For signals with handlers,
/// use the descriptor of the [`Dispatcher`](super::Dispatcher).
///
/// A process that reads it gets its own signals. A child that inherits the descriptor reads the
/// signals sent to the child.
///
/// See [`signalfd(2)`](https://man7.org/linux/man-pages/man2/signalfd.2.html).
///
/// ```
/// use ringway::CoreError;
/// use ringway::fd::{self, Interest};
/// use ringway::signal::{self, Signal, SignalFd};
/// let _quiet = signal::block(Signal::USR1)?;
/// let signals = SignalFd::new(Signal::USR1)?;
/// assert!(SignalFd::new(Signal::USR2).is_err()); // not blocked
/// assert!(signals.try_wait().unwrap_err().is(CoreError::WouldBlock));
/// let late = signals.wait_deadline(Some(std::time::Instant::now()));
/// assert!(late.unwrap_err().is(CoreError::TimedOut));
/// signal::queue(ringway::process::id(), Signal::USR1, 42)?;
/// assert!(fd::wait(&signals, Interest::Read)?.readable());
/// assert_eq!(signals.wait()?.value(), Some(42));
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "signalfd")]
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

const WAIT: &str = "wait for a signal";

impl SignalFd {
    /// Makes a descriptor for these signals, which this thread must block.
    ///
    /// # Errors
    /// [`Cause::Signal`](crate::Cause::Signal) if one of them is not blocked;
    /// [`Exhausted`](crate::CoreError::Exhausted) if there is no descriptor left.
    pub fn new(set: impl Into<SignalSet>) -> Result<Self> {
        let set = check_blocked(set.into())?;
        // SAFETY: `set` is an initialised set in a local variable, and -1 asks for a new
        // descriptor.
        let made = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        let made = answer(made).asked("make a signal descriptor", refused!("signalfd(2)"))?;
        // SAFETY: `signalfd` has just made this descriptor, so it is open and has no other owner.
        Ok(SignalFd(unsafe { OwnedFd::from_raw_fd(made as RawFd) }))
    }

    crate::fd::forms! {
        /// Takes one signal; sleeps until there is one.
        ///
        /// # Errors
        /// The error of the system call, if the descriptor came from elsewhere and is no
        /// `signalfd`.
        pub fn wait,
        pub fn try_wait,
        pub fn wait_deadline:
        (&self) -> Received = wait_by;
    }

    fn wait_by(&self, timeout: Timeout) -> Result<Received> {
        fd::attempt(self.as_fd(), Interest::Read, timeout, |_| self.read_one()).tried(WAIT)
    }

    fn read_one(&self) -> rustix::io::Result<Received> {
        const SIZE: usize = size_of::<libc::signalfd_siginfo>();
        let mut bytes = [0; SIZE];
        if rustix::io::read(&self.0, &mut bytes)? != SIZE {
            return Err(Errno::INVAL);
        }
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        // SAFETY: `bytes` has the size of a `signalfd_siginfo`, `info` is another variable with
        // room for it, and an unaligned write has no condition on the alignment.
        unsafe { info.as_mut_ptr().cast::<[u8; SIZE]>().write_unaligned(bytes) };
        // SAFETY: the structure has only integers, for which every byte is valid, and all its bytes
        // were written above.
        let info = unsafe { info.assume_init() };
        let number = i32::try_from(info.ssi_signo).ok();
        let signal = number.and_then(Signal::new).ok_or(Errno::INVAL)?;
        Ok(Received::from_parts(
            signal,
            info.ssi_code,
            // Signed, as in a `siginfo_t`.
            info.ssi_pid as i32,
            info.ssi_uid,
            // The field has 64 bits. On 32-bit systems the upper half is only the sign.
            in_order(info.ssi_ptr as usize),
            info.ssi_status,
        ))
    }
}

crate::sys::descriptor!(SignalFd, |it| it.0);

impl From<SignalFd> for OwnedFd {
    fn from(signals: SignalFd) -> OwnedFd {
        signals.0
    }
}

impl From<OwnedFd> for SignalFd {
    /// Adopts a `signalfd` that came from elsewhere.
    ///
    /// If the descriptor is in the blocking mode, [`SignalFd::try_wait`] may sleep: see
    /// [`fd::set_nonblocking`].
    fn from(fd: OwnedFd) -> Self {
        SignalFd(fd)
    }
}
