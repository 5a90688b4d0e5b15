//! The place where a task leaves its waker.

use crate::finally::Finally;
use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use core::panic::RefUnwindSafe;
use core::task::Waker;

/// One waker: registered by the task that sleeps, taken by whoever wakes it.
///
/// `register`, then look at the condition; change the condition, then `wake`: whichever way the two
/// interleave, either the look sees the change or the task is woken. What happened before a `wake`
/// is seen by the task that it woke, once that task registers again.
///
/// The state is two bits, and the cell belongs to whoever made the transition that names it:
///
/// ```text
///              1 register              2 registered
///      IDLE ──────────────▶ REGISTERING ───────────▶ IDLE
///        │                       │
///      3 │ wake                4 │ wake: only marks it
///        ▼                       ▼
///      WAKING ──▶ IDLE      REGISTERING|WAKING ──▶ IDLE, and the registering side wakes itself (5)
/// ```
///
/// In IDLE nobody touches the cell, in REGISTERING (marked or not) the registering side does, in
/// WAKING the waker of transition 3 does.
///
/// ```
/// use ringway_core::wait::WakerCell;
/// use std::task::Waker;
/// let cell = WakerCell::new();
/// cell.register(Waker::noop());
/// cell.wake();
/// ```
#[derive(Debug)]
pub struct WakerCell {
    state: RmwU32,
    waker: Cell<Option<Waker>>,
}

const IDLE: u32 = 0;
const REGISTERING: u32 = 1;
const WAKING: u32 = 2;

// SAFETY: the cell is touched only by the side that the state names, see the type's diagram;
// `Waker` is `Send` and `Sync` by itself.
unsafe impl Sync for WakerCell {}

// A waker that panics is out of the cell by then.
impl RefUnwindSafe for WakerCell {}

impl WakerCell {
    const_unless_loom! {
        /// An empty cell.
        pub fn new() -> Self {
            WakerCell { state: RmwU32::new(IDLE), waker: Cell::new(None) }
        }
    }

    /// Leaves `waker` to be woken by the next [`wake`](Self::wake). One that was there and belongs
    /// to another task is woken, so that no task is forgotten.
    pub fn register(&self, waker: &Waker) {
        // Cloned outside the transition: foreign code does not run while we own the cell.
        let mine = waker.clone();
        // 1. Acquire: partner is the release of whoever made it IDLE (2 by another task, 3's
        //    `fetch_and`, 5), whose
        // access to the cell happened before ours; and the release of every `fetch_or` before that,
        // whose announcement the caller's look now sees. Failure: relaxed, because the task wakes
        // itself, and acquires when it registers again.
        match self.state.compare_exchange(IDLE, REGISTERING, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                let mut replaced = self.swap(Some(mine));
                // Also when the waker below panics. Dropped if it is the task's own.
                let _wake_replaced = Finally(|| {
                    if let Some(other) = replaced.take().filter(|other| !other.will_wake(waker)) {
                        other.wake();
                    }
                });
                // 2. Release: partner is the acquire in `wake`'s `fetch_or` and in 1 by another
                //    task, which then
                // own the cell that we filled. Failure: relaxed, the cell is still ours.
                let registered = self.state.compare_exchange(
                    REGISTERING,
                    IDLE,
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                if registered.is_err() {
                    // 5. A wake came while we registered: it left the waking to us.
                    let ours = self.swap(None);
                    // Release: partner is the acquire of 1 and 3 for the next access to the cell.
                    // What the wake that marked us announced, 1 acquires when the task registers
                    // again.
                    self.state.swap(IDLE, Ordering::Release);
                    if let Some(waker) = ours {
                        waker.wake();
                    }
                }
            }
            // Being woken just now, with an older waker, or another task registers: come back and
            // look.
            Err(_) => mine.wake(),
        }
    }

    /// [`register`](Self::register), but leaves the waker of another task alone: gives `mine` back
    /// then, and while another side is at work here.
    pub(super) fn offer(&self, mine: Waker) -> Result<(), Waker> {
        // 1. Acquire, and relaxed for the failure: as in `register`; who fails goes to another
        //    cell.
        if self
            .state
            .compare_exchange(IDLE, REGISTERING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Err(mine);
        }
        // SAFETY: REGISTERING gives this side the cell, see the type's diagram.
        let is_others = self
            .waker
            .with_mut(|cell| unsafe { &*cell }.as_ref().is_some_and(|it| !it.will_wake(&mine)));
        let (answer, own) =
            if is_others { (Err(mine), None) } else { (Ok(()), self.swap(Some(mine))) };
        // Code of others, hence behind everything.
        let _own = own;
        // 2. Release, and relaxed for the failure: as in `register`.
        let registered =
            self.state.compare_exchange(REGISTERING, IDLE, Ordering::Release, Ordering::Relaxed);
        if registered.is_err() {
            // 5, as there. What is in the cell is woken, whoever's it is.
            let there = self.swap(None);
            self.state.swap(IDLE, Ordering::Release);
            if let Some(waker) = there {
                waker.wake();
            }
        }
        answer
    }

    /// Wakes the task that registered, if one did. Safe in an interrupt and in a signal handler
    /// when the waker is.
    pub fn wake(&self) {
        // 3, 4. Acquire: partner is the release of 2, 5 or another wake's `fetch_and`, whose access
        // to the cell happened before ours. Release: partner is the acquire of 1: what we announce
        // is seen by the task that registers next, also when the waking is left to another side.
        if self.state.fetch_or(WAKING, Ordering::AcqRel) == IDLE {
            let waker = self.swap(None);
            // Release: partner is the acquire of 1 and 3 for the next access to the cell.
            self.state.fetch_and(!WAKING, Ordering::Release);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Exchanges the content of the cell; only for the side that owns it by the state.
    fn swap(&self, new: Option<Waker>) -> Option<Waker> {
        // SAFETY: called between the transitions that give this side the cell, see the type's
        // diagram.
        self.waker.with_mut(|cell| unsafe { core::mem::replace(&mut *cell, new) })
    }
}

impl Default for WakerCell {
    fn default() -> Self {
        Self::new()
    }
}
