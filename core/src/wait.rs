//! The waiting seam: how a side sleeps, and how the other side wakes it.
//!
//! Every structure has one parameter for it, `W`, and makes its sleepers by itself from
//! [`W::INIT`](Wake::INIT):
//!
//! - [`Wake`] is what every `W` can: wake those who sleep. A structure needs no more.
//! - [`Wait`] is what its blocking forms need: sleep, until a deadline if there is one.
//! - [`Register`] is what its forms for tasks need: keep a waker.
//!
//! | `W` | who sleeps | costs | take it |
//! |---|---|---|---|
//! | [`Nobody`] | nobody: there are only the `try_` forms | nothing | where each side looks when it suits it: a main loop, an interrupt |
//! | [`Spin`] | the waiter looks again and again | nothing | where the other side runs on another core and answers soon |
//! | [`SpinClock`] | the same, and it has deadlines | nothing | the same, with a timer to read |
//! | [`WaitForInterrupt`] | the main loop or a thread on bare metal, by `wfi` | a fence for each publication, a word | where an interrupt on the same core is the other side |
//! | [`WaitForEvent`] | the same on ARM, by `wfe` | the same, and `sev` for each wake-up | where the other side may be another core |
//! | [`Async`] | up to `TASKS` tasks, and threads if its inner `W` sleeps | a fence for each publication; a word and the wakers | with an executor |
//! | `ringway::wait::Futex`, `PrivateFutex` | threads, and with the first processes that share the word | a fence for each publication, a word | in one program on Linux |
//! | `ringway::shm::RobustFutex` | the same, and it looks after participants that died | the same | in a region |
//!
//! [`Doorbell`] makes sleeping safe: a waiter that announces itself before its last look at the
//! condition cannot miss a ring. A ringer pays for a wake-up only when somebody sleeps, and for
//! nothing at all where [`Wake::Word`] says that nobody has to be woken.
//!
//! # The protocol
//!
//! The doorbell's word is a count of rings shifted left by one; bit 0 says "somebody may be
//! asleep".
//!
//! ```text
//!   waiter                               ringer
//!   1. look at the condition             a. publish (store the position, the state, …)
//!   2. word |= 1, remember it            b. fence
//!   3. fence                             c. bit 0 of the word clear? done, nobody sleeps
//!   4. look at the condition again       d. word += 1 (clears bit 0, counts)
//!   5. sleep while word == remembered    e. wake
//! ```
//!
//! The two fences are sequentially consistent, so that one of them comes first. If the ringer's
//! does (b before 3), the waiter sees the publication in 4. If the waiter's does (3 before b), the
//! ringer sees bit 0 in c. There is no third case, hence no lost wake-up. The accesses to the word
//! itself order nothing and are relaxed.
//!
//! # Between the look and the sleep
//!
//! In step 5 a waiter looks at the word and, if nobody rang, sleeps. On bare metal an interrupt
//! that rings between the two would go unnoticed, and the waiter would sleep although there is
//! something. The kernel closes that gap for a futex. The processors close it in two ways, with a
//! type for each:
//!
//! - [`WaitForInterrupt`] holds interrupts back for the look and the sleep together. One that comes
//!   meanwhile stays pending, and a pending interrupt ends `wfi` although it is held back. Its
//!   handler runs as soon as the waiter lets interrupts in again.
//! - [`WaitForEvent`] holds nothing back. A Cortex-M remembers in its event register that a handler
//!   returned, or that another core executed `sev`; `wfe` then goes on at once and clears it.
//!
//! # What a ringer that stops on the way delays
//!
//! A ringer that is preempted or suspended before c has published something that nobody was told
//! of; one that is stopped between d and e has taken over the wake-up for those that sleep, and
//! later ringers, who find bit 0 clear, leave it to that one. In both cases the sleepers go on when
//! the ringer does. Until then only a sleep that ends by itself helps: at its deadline, or in a
//! region of the shim after its detection bound (which says when it is more). Those who look
//! (`try_`) are not concerned. So a lock-free structure with a doorbell is lock-free for all who
//! look; who sleeps depends on those who ring.
//!
//! A ringer that dies there wakes nobody any more. The recovery of its structure does: it wakes all
//! sleepers, announced or not.

use core::task::{Context, Poll};

/// The constant of a [`Wake`], as loom's world has it too.
macro_rules! init {
    ($value:expr) => {
        #[cfg(not(loom))]
        const INIT: Self = $value;
        #[cfg(loom)]
        fn init() -> Self {
            $value
        }
    };
}

/// A fresh one of a type that [`init!`] made one for.
macro_rules! fresh {
    ($type:ty) => {{
        #[cfg(not(loom))]
        {
            <$type>::INIT
        }
        #[cfg(loom)]
        {
            <$type>::init()
        }
    }};
}
pub(crate) use fresh;

mod doorbell;
mod how;
mod interrupt;
mod set;
mod spin;
mod tasks;
mod waker;

pub use doorbell::Doorbell;
pub(crate) use how::needs_wake;
pub use how::{BellWord, Register, TimedOut, Wait, Wake, Word};
pub use interrupt::{WaitForEvent, WaitForInterrupt};
pub use set::WakerSet;
pub use spin::{Clock, Nobody, Spin, SpinClock};
pub use tasks::Async;
pub use waker::WakerCell;

/// One look of a side that waits for another: what `look` finds, or else why there will be nothing
/// any more. `None` when there may be.
///
/// In this order: what the other side did before it went is seen by the look after one saw that it
/// went.
#[inline]
pub(crate) fn look_or_end<S: ?Sized, R>(
    side: &mut S,
    mut look: impl FnMut(&mut S) -> Option<R>,
    ended: impl FnOnce(&S) -> Option<R>,
) -> Option<R> {
    if let Some(found) = look(side) {
        return Some(found);
    }
    let end = ended(side)?;
    Some(look(side).unwrap_or(end))
}

/// Awaits what `poll` answers, and makes of it what borrows from `side`.
///
/// Not an `async fn`: the compiler gives those a panic for a poll after the end. This one never
/// answers again.
pub(crate) fn lend_until<'s, S: ?Sized, R, L>(
    side: &'s mut S,
    mut poll: impl FnMut(&mut S, &mut Context<'_>) -> Poll<R>,
    mut lend: impl FnMut(&'s mut S, R) -> L,
) -> impl Future<Output = L> {
    let mut side = Some(side);
    core::future::poll_fn(move |cx| {
        let Some(this) = side.take() else { return Poll::Pending };
        match poll(this, cx) {
            Poll::Ready(answer) => Poll::Ready(lend(this, answer)),
            Poll::Pending => {
                side = Some(this);
                Poll::Pending
            }
        }
    })
}
