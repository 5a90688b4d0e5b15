//! The forms of every channel operation, made from one attempt.
//!
//! An attempt never waits. The forms differ in what they do when an attempt has no answer yet.

use crate::Error;
use crate::wait::{Doorbell, Register, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The outcome of one attempt: an answer, or the doorbell to wait for before the next attempt.
pub(super) type Attempt<'a, R, W> = Result<Result<R, Error>, &'a Doorbell<W>>;

/// The `try_` form: returns the answer of the attempt, or [`Error::WouldBlock`].
#[inline(always)]
pub(super) fn now<R>(attempt: Option<Result<R, Error>>) -> Result<R, Error> {
    attempt.unwrap_or(Err(Error::WouldBlock))
}

/// The waiting form: repeats the attempt until it has an answer or `deadline` (`None`: never)
/// passes.
#[inline]
pub(super) fn wait<'a, R, W: Wait + 'a>(
    deadline: Option<W::Deadline>,
    mut attempt: impl FnMut() -> Attempt<'a, R, W>,
) -> Result<R, Error> {
    let mut last = attempt();
    loop {
        let bell = match last {
            Ok(answer) => return answer,
            Err(bell) => bell,
        };
        // The doorbell looks first, then sleeps. The attempt above counts as its first look.
        let mut is_first = true;
        last = bell.wait_until(deadline, || {
            if core::mem::take(&mut is_first) { None } else { unless_still(bell, attempt()) }
        })?;
    }
}

/// The form for a task: if the attempt has no answer, registers the task to be woken.
#[inline]
pub(super) fn poll<'a, R, W: Register + 'a>(
    cx: &mut Context<'_>,
    mut attempt: impl FnMut() -> Attempt<'a, R, W>,
) -> Poll<Result<R, Error>> {
    let mut last = attempt();
    loop {
        let bell = match last {
            Ok(answer) => return Poll::Ready(answer),
            Err(bell) => bell,
        };
        let mut is_first = true;
        match bell.poll_until(cx, || {
            if core::mem::take(&mut is_first) { None } else { unless_still(bell, attempt()) }
        }) {
            Poll::Ready(next) => last = next,
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// The form that is a future: polls the attempt until it has an answer.
pub(super) fn future<'a, R, W: Register + 'a>(
    mut attempt: impl FnMut() -> Attempt<'a, R, W>,
) -> impl Future<Output = Result<R, Error>> {
    poll_fn(move |cx| poll(cx, &mut attempt))
}

/// Returns what ends a sleep on `bell`: an answer, or that another doorbell will ring.
///
/// `None`: keep sleeping, because `bell` is the doorbell that will ring.
fn unless_still<'a, R, W: Wake>(
    bell: &'a Doorbell<W>,
    attempt: Attempt<'a, R, W>,
) -> Option<Attempt<'a, R, W>> {
    match attempt {
        Err(same) if core::ptr::eq(same, bell) => None,
        other => Some(other),
    }
}
