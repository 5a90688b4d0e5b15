//! The seam of the channels: every operation is one attempt, and its forms differ in what they do
//! when that has no answer yet.

use crate::Error;
use crate::wait::{Doorbell, Register, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The outcome of one attempt: an answer, or the doorbell that rings when another attempt may have
/// one.
pub(super) type Attempt<'a, R, W> = Result<Result<R, Error>, &'a Doorbell<W>>;

/// The `try_` form: the answer of the attempt, or [`Error::WouldBlock`].
#[inline(always)]
pub(super) fn now<R>(attempt: Option<Result<R, Error>>) -> Result<R, Error> {
    attempt.unwrap_or(Err(Error::WouldBlock))
}

/// The form with a deadline (`None`: for ever).
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
        // The attempt above is the doorbell's first look.
        let mut is_first = true;
        last = bell.wait_until(deadline, || {
            if core::mem::take(&mut is_first) { None } else { at(bell, attempt()) }
        })?;
    }
}

/// The form for a task.
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
            if core::mem::take(&mut is_first) { None } else { at(bell, attempt()) }
        }) {
            Poll::Ready(next) => last = next,
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// The form that is a future.
pub(super) fn future<'a, R, W: Register + 'a>(
    mut attempt: impl FnMut() -> Attempt<'a, R, W>,
) -> impl Future<Output = Result<R, Error>> {
    poll_fn(move |cx| poll(cx, &mut attempt))
}

/// What there is to do for one that sleeps on `bell`: nothing, as long as this is the doorbell that
/// will ring.
fn at<'a, R, W: Wake>(
    bell: &'a Doorbell<W>,
    attempt: Attempt<'a, R, W>,
) -> Option<Attempt<'a, R, W>> {
    match attempt {
        Err(same) if core::ptr::eq(same, bell) => None,
        other => Some(other),
    }
}
