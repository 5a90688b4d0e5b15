//! What keeps one hart out while the other is inside, by loads and stores alone. Twin of
//! `exchange.rs`, for harts without compare-and-swap.
//!
//! The algorithm is Peterson's ("Myths about the mutual exclusion problem", 1981). A hart says that
//! it wants to get in, then that the other hart goes first. It waits while the other wants to get
//! in *and* goes first. If both come at once, the later of the two polite stores stands, and its
//! hart waits. A hart that waits gets in before the other gets in twice.
//!
//! A chip with a lock in hardware, such as the spinlock registers of the RP2040, needs none of
//! this: `enter` reads such a register until it answers "taken", and `leave` writes it.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// For each hart, whether it is inside or wants to get in. Only this hart writes it.
static WANTS: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
/// The hart that goes first if both want to get in.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Whether hart `me`, which asks with interrupts off, is inside already.
pub(super) fn is_inside(me: usize) -> bool {
    // Relaxed: no other hart writes this.
    WANTS[me & 1].load(Ordering::Relaxed)
}

/// Waits until the other hart is outside, and lets hart `me` in.
pub(super) fn enter(me: usize) {
    let (me, other) = (me & 1, (me & 1) ^ 1);
    // SeqCst, all four: the stores and the loads of both harts are in one order. So the hart whose
    // store to `FIRST` is the later one sees that the other wants to get in. A release and an
    // acquire are not enough: with them a hart may read `WANTS` before the other hart sees its own
    // stores. On RISC-V a `fence rw, rw` stands between.
    WANTS[me].store(true, Ordering::SeqCst);
    FIRST.store(other, Ordering::SeqCst);
    // Partner: the release in `leave`, of the hart that was inside before.
    while WANTS[other].load(Ordering::SeqCst) && FIRST.load(Ordering::SeqCst) == other {
        core::hint::spin_loop();
    }
}

/// Lets the other hart in.
pub(super) fn leave(me: usize) {
    // Release: its partner is the load in `enter`, of the hart that is inside next.
    WANTS[me & 1].store(false, Ordering::Release);
}
