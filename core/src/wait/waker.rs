//! A place for the waker of one task.

use crate::finally::Finally;
use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use core::panic::RefUnwindSafe;
use core::task::Waker;

/// One waker: a task registers it before it sleeps, and the other side takes and wakes it.
///
/// One side calls `register`, then checks its condition. The other side changes the condition, then
/// calls `wake`. However the two interleave, either the check sees the change or the task is woken.
/// Once a woken task registers again, it sees what happened before the `wake`.
///
/// The state is two bits. Each transition that starts in IDLE gives the cell to the side that made
/// it:
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
/// In IDLE nobody accesses the cell. In REGISTERING (marked or not) only the registering side does.
/// In WAKING only the side that made transition 3 does.
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

// SAFETY: only the side that the state names accesses the cell, as the type's diagram says. `Waker`
// itself is `Send` and `Sync`.
unsafe impl Sync for WakerCell {}

// A panicking waker was already taken out of the cell, so the cell stays consistent.
impl RefUnwindSafe for WakerCell {}

impl WakerCell {
    const_unless_loom! {
        /// An empty cell.
        pub fn new() -> Self {
            WakerCell { state: RmwU32::new(IDLE), waker: Cell::new(None) }
        }
    }

    /// Stores `waker` for the next [`wake`](Self::wake) to wake.
    ///
    /// If the cell holds another task's waker, that task is woken, so that no task is forgotten.
    pub fn register(&self, waker: &Waker) {
        // Clone before the transition: no foreign code runs while this side owns the cell.
        let mine = waker.clone();
        // Transition 1. Acquire: partner is the release of the transition that made the state IDLE:
        // another `register`'s or `offer`'s exchange to IDLE or `swap`, or the `fetch_and` in
        // `wake`. Its access to the cell happened before ours. Partner is also the release of every
        // earlier `fetch_or` in `wake`: the caller's check sees what those wakes announced.
        // Failure, relaxed: the task wakes itself, and acquires when it registers again.
        match self.state.compare_exchange(IDLE, REGISTERING, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                let mut replaced = self.swap(Some(mine));
                // Wake the replaced task even if the waker below panics. Only drop the task's own
                // waker.
                let _wake_replaced = Finally(|| {
                    if let Some(other) = replaced.take().filter(|other| !other.will_wake(waker)) {
                        other.wake();
                    }
                });
                // Transition 2. Release: partners are the acquire of the `fetch_or` in `wake` and
                // of another task's transition 1; those sides then own the cell that this call
                // filled. Failure, relaxed: this side still owns the cell.
                let registered = self.state.compare_exchange(
                    REGISTERING,
                    IDLE,
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                if registered.is_err() {
                    // Transition 5. A `wake` came during the registration, and left the waking to
                    // this side.
                    let ours = self.swap(None);
                    // Release: partners are the acquire of transition 1 and of the `fetch_or` in
                    // `wake`, for the next access to the cell. What the marking `wake` announced,
                    // transition 1 acquires when the task registers again.
                    self.state.swap(IDLE, Ordering::Release);
                    if let Some(waker) = ours {
                        waker.wake();
                    }
                }
            }
            // Another side is waking an older waker, or another task registers. Wake this task, so
            // that it polls again.
            Err(_) => mine.wake(),
        }
    }

    /// [`register`](Self::register) that never replaces the waker of another task.
    ///
    /// Gives `mine` back if the cell holds another task's waker, or while another side owns the
    /// cell.
    pub(super) fn offer(&self, mine: Waker) -> Result<(), Waker> {
        // Transition 1. Acquire: partners are those of transition 1 in `register`. Failure,
        // relaxed: this side accesses nothing, and the caller tries another cell.
        if self
            .state
            .compare_exchange(IDLE, REGISTERING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Err(mine);
        }
        // SAFETY: the state is REGISTERING, set by this call, so this side owns the cell.
        let is_others = self
            .waker
            .with_mut(|cell| unsafe { &*cell }.as_ref().is_some_and(|it| !it.will_wake(&mine)));
        let (answer, own) =
            if is_others { (Err(mine), None) } else { (Ok(()), self.swap(Some(mine))) };
        // Dropping a waker runs foreign code, so drop it at the end, after this side gave the cell
        // back.
        let _own = own;
        // Transition 2. Release: partners are those of transition 2 in `register`. Failure,
        // relaxed: this side still owns the cell.
        let registered =
            self.state.compare_exchange(REGISTERING, IDLE, Ordering::Release, Ordering::Relaxed);
        if registered.is_err() {
            // Transition 5. Release: partners are those of transition 5 in `register`. Wake the
            // waker in the cell, whichever task it belongs to.
            let there = self.swap(None);
            self.state.swap(IDLE, Ordering::Release);
            if let Some(waker) = there {
                waker.wake();
            }
        }
        answer
    }

    /// Wakes the registered task, if there is one.
    ///
    /// Safe in an interrupt and in a signal handler if the waker is.
    pub fn wake(&self) {
        // Transitions 3 and 4. Acquire: partner is the release of the transition that made the
        // state IDLE: `register`'s or `offer`'s exchange or `swap`, or another wake's `fetch_and`.
        // Its access to the cell happened before ours. Release: partner is the acquire of
        // transition 1. The task that registers next sees what this side announces, even when
        // another side does the waking.
        if self.state.fetch_or(WAKING, Ordering::AcqRel) == IDLE {
            let waker = self.swap(None);
            // Release: partners are the acquire of transition 1 and of the `fetch_or` above, for
            // the next access to the cell.
            self.state.fetch_and(!WAKING, Ordering::Release);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Exchanges the content of the cell; only the side that owns the cell may call it.
    fn swap(&self, new: Option<Waker>) -> Option<Waker> {
        // SAFETY: every caller is between the two transitions that give it the cell and take it
        // back, so no other side accesses the cell.
        self.waker.with_mut(|cell| unsafe { core::mem::replace(&mut *cell, new) })
    }
}

impl Default for WakerCell {
    fn default() -> Self {
        Self::new()
    }
}
