//! Waiting: how a side sleeps, and how the other side wakes it.
//!
//! Every structure that somebody may wait for has one type parameter for this, `W`. The structure
//! makes its sleepers itself, from [`W::INIT`](Wake::INIT):
//!
//! - [`Wake`]: every `W` can wake those who sleep. A structure needs no more.
//! - [`Wait`]: a `W` that can sleep, until a deadline if there is one. The blocking forms need it.
//! - [`Register`]: a `W` that can have a task woken. The forms for tasks need it.
//!
//! | `W` | who sleeps | costs | when to use it |
//! |---|---|---|---|
//! | [`Nobody`] | nobody: there are only the `try_` forms | nothing | each side polls when it suits it: a main loop, an interrupt |
//! | [`Spin`] | the waiter polls without a pause | nothing | the other side runs on another core and answers soon |
//! | [`SpinClock`] | as [`Spin`], with deadlines | nothing | as [`Spin`], with a timer to read |
//! | [`WaitForInterrupt`] | the main loop or a thread on bare metal, by `wfi` | a fence for each publication, a word | the other side is an interrupt on the same core |
//! | [`WaitForEvent`] | the main loop or a thread on ARM without a system, by `wfe` | as [`WaitForInterrupt`], and `sev` for each wake-up | the other side may be another core |
//! | [`Async`] | up to `TASKS` tasks, and threads if its inner `W` sleeps | a fence for each publication; a word and the wakers | with an executor |
//! | `ringway::wait::Futex`, `PrivateFutex` | threads; with `Futex` also processes that share the word | a fence for each publication, a word | in one program on Linux |
//! | `ringway::shm::RobustFutex` | as `Futex`, and it looks for participants that died; and any number of tasks | as `Futex` | in a region |
//!
//! [`Doorbell`] makes sleeping safe: a waiter that announces itself before its last check of the
//! condition cannot miss a ring. A ringer pays for a wake-up only when somebody sleeps. It pays
//! nothing at all where [`Wake::Word`] says that nobody has to be woken.
//!
//! # The protocol
//!
//! The doorbell's word is a count of rings shifted left by one; bit 0 says "somebody may be
//! asleep".
//!
//! ```text
//!   waiter                               ringer
//!   1. check the condition               a. publish (store the position, the state, …)
//!   2. word |= 1, remember it            b. fence
//!   3. fence                             c. bit 0 of the word clear? done, nobody sleeps
//!   4. check the condition again         d. word += 1 (clears bit 0, counts)
//!   5. sleep while word == remembered    e. wake
//! ```
//!
//! Both fences are sequentially consistent, so one of them comes first. If the ringer's comes first
//! (b before 3), the waiter sees the publication in step 4. If the waiter's comes first (3 before
//! b), the ringer sees bit 0 in step c. There is no third case, hence no lost wake-up. The accesses
//! to the word itself order nothing and are relaxed.
//!
//! # Between the check and the sleep
//!
//! In step 5 a waiter compares the word and, if nobody rang, sleeps. On bare metal, an interrupt
//! may ring between the two. The waiter would not notice it, and would sleep although there is
//! something to do. The kernel closes that gap for a futex. The processors close it in two ways,
//! with a type for each:
//!
//! - [`WaitForInterrupt`] masks interrupts for the comparison and the sleep together. An interrupt
//!   that comes meanwhile stays pending, and a pending interrupt ends `wfi` although it is masked.
//!   Its handler runs as soon as the waiter unmasks interrupts.
//! - [`WaitForEvent`] masks nothing. A Cortex-M remembers in its event register that a handler
//!   returned, or that another core executed `sev`. `wfe` then goes on at once and clears the
//!   register.
//!
//! # What a stopped ringer delays
//!
//! A ringer may be preempted or suspended in two critical places. Before step c, it has published
//! something and told nobody. Between d and e, it has taken over the wake-up of those who sleep;
//! later ringers find bit 0 clear and leave the wake-up to it. In both cases, the sleepers go on
//! when the ringer does. Until then, only a sleep that ends by itself helps: at its deadline, or,
//! in a region of the shim, after the detection bound (its documentation says when it takes
//! longer). The `try_` forms are not affected. So a lock-free structure with a doorbell is
//! lock-free for all callers that do not sleep; a sleeper depends on the ringers.
//!
//! A ringer that dies in one of these places wakes nobody any more. The recovery of its structure
//! does: it wakes all sleepers, announced or not.

use core::task::{Context, Poll};

/// The constant `INIT` of a [`Wake`]; under loom, a function.
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

/// A fresh value of a type whose `INIT` [`init!`] defined.
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
#[cfg(loom)]
mod model_futex;
mod set;
mod spin;
mod tasks;
mod waker;

pub use doorbell::Doorbell;
pub(crate) use how::needs_wake;
pub use how::{BellWord, Register, TimedOut, Wait, Wake, Word};
pub use interrupt::{WaitForEvent, WaitForInterrupt};
#[cfg(loom)]
pub use model_futex::ModelFutex;
pub use set::WakerSet;
pub use spin::{Clock, Nobody, Spin, SpinClock};
pub use tasks::Async;
pub use waker::WakerCell;

/// One attempt of a side that waits for the other: what `look` finds or, once the other side ended,
/// the answer of `ended`.
///
/// Returns `None` while there may still be something. Calls `look` again after `ended` answered:
/// this last call sees everything the other side did before it ended.
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

/// Awaits the answer of `poll`, and makes a value from it that borrows from `side`.
///
/// Not an `async fn`: the compiler makes those panic when polled after the end. This future stays
/// pending then.
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
