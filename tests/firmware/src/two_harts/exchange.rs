//! What keeps one hart out while the other is inside, by compare-and-swap. Twin of `peterson.rs`.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The number of the hart inside plus one, or 0.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Whether hart `me`, which asks with interrupts off, is inside already.
pub(super) fn is_inside(me: usize) -> bool {
    // Relaxed: no other hart writes this number.
    INSIDE.load(Ordering::Relaxed) == me.wrapping_add(1)
}

/// Waits until no hart is inside, and lets hart `me` in.
pub(super) fn enter(me: usize) {
    let me = me.wrapping_add(1);
    // Acquire: its partner is the release in `leave`, of the hart that was inside before.
    while INSIDE.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_err() {
        core::hint::spin_loop();
    }
}

/// Lets the other hart in.
pub(super) fn leave(_me: usize) {
    // Release: its partner is the acquire in `enter`, of the hart that is inside next.
    INSIDE.store(0, Ordering::Release);
}
