//! What has to be done also when code of others panics first: a waker, a
//! [`Wait`](crate::wait::Wait), a destructor.
//!
//! The rule of the crate is that such code runs last, when every state is stored and every turn
//! passed on. Where two pieces of it follow each other, or one has to run in between, the second
//! step is left to a guard. If both panic, the program is aborted, which is the language's rule.

/// Runs its closure when it is dropped, also while unwinding. Forgotten, it does not.
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `step`, and once more when it panics: it goes on where it stopped.
pub(crate) fn finish(step: impl FnMut()) {
    let mut rest = Finally(step);
    (rest.0)();
    core::mem::forget(rest);
}
