//! Sleeping on a futex.

use crate::sys;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use rustix::io::Errno;
use rustix::thread::{ClockId, Timespec, futex};
use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Sleeping on a futex that any process with the word in its memory can wake.
///
/// It has no size, so that the layout of shared memory does not depend on it. Two threads of one
/// process may use it too.
///
/// See [`futex(2)`](https://man7.org/linux/man-pages/man2/futex.2.html), `FUTEX_WAIT` and
/// `FUTEX_WAKE`.
///
/// ```
/// use ringway::wait::{Doorbell, Futex, TimedOut};
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::{Duration, Instant};
///
/// let bell = Doorbell::<Futex>::new();
/// let soon = Instant::now() + Duration::from_millis(5);
/// assert_eq!(bell.wait_until(Some(soon), || None::<()>), Err(TimedOut));
///
/// let ready = AtomicBool::new(false);
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         ready.store(true, Ordering::Release);
///         bell.ring();
///     });
///     bell.wait_until(None, || ready.load(Ordering::Acquire).then_some(())).unwrap();
/// });
/// ```
#[doc(alias = "futex")]
#[doc(alias = "FUTEX_WAIT")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Futex;

/// Sleeping on a futex that only threads of this process wake (`FUTEX_PRIVATE_FLAG`).
///
/// Both sides must use the same kind: [`Futex`] does not wake a private sleeper, and this one does
/// not wake a sleeper of [`Futex`].
///
/// ```
/// use ringway::wait::{Doorbell, PrivateFutex};
/// static BELL: Doorbell<PrivateFutex> = Doorbell::<PrivateFutex>::new();
/// assert_eq!(BELL.wait_until(None, || Some(5)), Ok(5));
/// ```
#[doc(alias = "FUTEX_PRIVATE_FLAG")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrivateFutex;

/// Implements [`Wake`] by a futex with these flags, and with the methods that follow; with
/// `sleeps`, [`Wait`] too.
macro_rules! on_a_futex {
    ($Way:ident, $flags:expr $(, {$($methods:tt)*})?) => {
        impl Wake for $Way {
            type Word = BellWord;

            const INIT: Self = $Way;

            fn wake(&self, word: &AtomicU32, n: u32) {
                $crate::wait::wake(word, $flags, n);
            }

            #[inline]
            fn is_unwinding(&self) -> bool {
                std::thread::panicking()
            }

            $($($methods)*)?
        }
    };
    ($Way:ident, $flags:expr, sleeps) => {
        on_a_futex!($Way, $flags);

        impl Wait for $Way {
            type Deadline = Instant;

            fn wait(
                &self,
                word: &AtomicU32,
                expected: u32,
                deadline: Option<Instant>,
            ) -> Result<(), TimedOut> {
                // The futex gets the time left, since `Instant` does not tell its clock.
                wait_for(word, $flags, expected, deadline.map(time_left).as_ref())
            }
        }
    };
}
pub(crate) use on_a_futex;

on_a_futex!(Futex, futex::Flags::empty(), sleeps);
on_a_futex!(PrivateFutex, futex::Flags::PRIVATE, sleeps);

pub(crate) fn wait_for(
    word: &AtomicU32,
    flags: futex::Flags,
    expected: u32,
    left: Option<&Timespec>,
) -> Result<(), TimedOut> {
    match futex::wait(word.as_core(), flags, expected, left) {
        Err(Errno::TIMEDOUT) => Err(TimedOut),
        // Woken, or the word had another value (`EAGAIN`), or a signal handler ran (`EINTR`). The
        // caller checks again; if it sleeps again, the time left is computed anew.
        _ => Ok(()),
    }
}

pub(crate) fn wake(word: &AtomicU32, flags: futex::Flags, n: u32) {
    // The kernel's count is signed. An error would mean a bad address, and a reference is a good
    // one.
    let _ = futex::wake(word.as_core(), flags, n.min(i32::MAX as u32));
}

/// The time until `deadline`; zero if it has passed. A time that is too long for a `Timespec`
/// becomes the longest.
pub(crate) fn time_left(deadline: Instant) -> Timespec {
    timespec(deadline.saturating_duration_since(Instant::now()))
}

/// A time that is too long for a `Timespec` becomes the longest.
fn timespec(long: Duration) -> Timespec {
    Timespec {
        tv_sec: long.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: long.subsec_nanos().into(),
    }
}

/// What the kernel shall wait for, with [`wait_for_one_of`]: the word at `address`, while it is
/// `expected`.
pub(crate) fn wait_of(address: usize, expected: u32) -> futex::Wait {
    let mut wait = futex::Wait::new();
    wait.val = expected.into();
    wait.uaddr = ptr::without_provenance_mut::<c_void>(address).into();
    wait.flags = futex::WaitFlags::SIZE_U32;
    wait
}

/// Whether the system can wait for several words: `futex_waitv(2)`, since Linux 5.16.
pub(crate) fn has_waitv() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        // A list without words is refused, by a kernel that knows the call and a filter that allows
        // it.
        let (none, flags) = ([], futex::WaitvFlags::empty());
        futex::waitv(&none, flags, None, ClockId::Monotonic) == Err(Errno::INVAL)
    })
}

/// Waits until one of the words is woken or is not as expected, for `most` at most. Which one was
/// woken, if it was one of those.
///
/// # Errors
/// `TIMEDOUT`; `AGAIN`, a word was not as expected; `FAULT`, there is no memory at an address;
/// `INTR`. With several words only if the system [can](has_waitv).
pub(crate) fn wait_for_one_of(words: &[futex::Wait], most: Duration) -> Result<usize, Errno> {
    if let ([word], false) = (words, has_waitv()) {
        let most = timespec(most);
        let at = word.uaddr.ptr;
        // SAFETY: the kernel checks the address of the word, and reads the time, which lives during
        // the call.
        let answer = unsafe {
            libc::syscall(libc::SYS_futex, at, libc::FUTEX_WAIT, word.val as u32, &raw const most)
        };
        return sys::answer(answer).map(|_| 0);
    }
    let until = rustix::time::clock_gettime(ClockId::Monotonic)
        + Timespec::try_from(most).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    futex::waitv(words, futex::WaitvFlags::empty(), Some(&until), ClockId::Monotonic)
}
