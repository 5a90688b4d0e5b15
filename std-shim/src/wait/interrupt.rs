//! Waits that something else than a wake-up or a deadline can end.

use std::cell::Cell;

/// What ends the waits of this thread, and whether the wait has slept already.
#[derive(Clone, Copy)]
struct Interrupt {
    asked_for: fn() -> bool,
    has_slept: bool,
}

thread_local! {
    static INTERRUPT: Cell<Option<Interrupt>> = const { Cell::new(None) };
}

/// Runs `wait`, whose waits in regions give up once `interrupt` returns true.
///
/// It is for a language whose signal handlers run in a thread between two steps of its program:
/// `interrupt` runs them, and returns whether one of them wants the wait to end. Such a wait then
/// ends as if its deadline had passed. A wait without a deadline does not: give it a distant one.
///
/// Each time that a wait goes to sleep again, it calls `interrupt` first: after a signal handler
/// ran in the thread, after a wake-up that was for others, and every
/// [`DETECTION_BOUND`](crate::shm::DETECTION_BOUND). It holds no lock of this crate meanwhile, and
/// `interrupt` may use the same part. While it runs, no other wait of the thread calls it.
/// `interrupt` must not unwind. Only waits on a [`RobustFutex`](crate::shm::RobustFutex) call it.
///
/// ```
/// use ringway::CoreError;
/// use ringway::shm::{Event, Layout, Region};
/// use ringway::wait::interruptible;
/// use std::time::{Duration, Instant};
/// let region = Region::anonymous(&Layout::new(1).part::<Event>("never")?)?;
/// let never = region.part::<Event>("never")?;
/// let distant = Some(Instant::now() + Duration::from_secs(3600));
/// let waited = interruptible(|| true, || never.wait_deadline(distant));
/// assert_eq!(waited, Err(CoreError::TimedOut));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "EINTR")]
pub fn interruptible<R>(interrupt: fn() -> bool, wait: impl FnOnce() -> R) -> R {
    let _restored = set(Some(Interrupt { asked_for: interrupt, has_slept: false }));
    wait()
}

/// Sets the thread's interrupt. Dropping what it returns restores the one before.
fn set(interrupt: Option<Interrupt>) -> impl Drop {
    struct Restore(Option<Interrupt>);

    impl Drop for Restore {
        fn drop(&mut self) {
            INTERRUPT.set(self.0);
        }
    }

    Restore(INTERRUPT.replace(interrupt))
}

/// Whether something else may end this thread's waits.
pub(crate) fn is_interruptible() -> bool {
    INTERRUPT.get().is_some()
}

/// Whether the wait that is about to sleep shall give up. The first sleep is not asked: it begins
/// right after the caller decided to wait.
pub(crate) fn asks_to_give_up() -> bool {
    let Some(interrupt) = INTERRUPT.get() else { return false };
    if !interrupt.has_slept {
        INTERRUPT.set(Some(Interrupt { has_slept: true, ..interrupt }));
        return false;
    }
    let _restored = set(None);
    (interrupt.asked_for)()
}
