//! Steps that must run even if foreign code panics before them. Foreign code is a waker, a
//! [`Wait`](crate::wait::Wait), or a destructor.
//!
//! By the rule of this crate foreign code runs last, when every state is stored and every turn is
//! passed on. Where two pieces of foreign code follow each other, or one has to run in between, a
//! guard runs the second step. If both panic, the program is aborted, which is the language's rule.

/// Runs its closure when it is dropped, also while unwinding. `mem::forget` prevents that.
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `step`; if it panics, runs it once more, and it goes on where it stopped.
pub(crate) fn finish(step: impl FnMut()) {
    let mut rest = Finally(step);
    (rest.0)();
    core::mem::forget(rest);
}
