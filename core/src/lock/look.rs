//! What a participant sees of a lock without taking it, and what it does to a barrier from outside:
//! so that a [`Handle`] is all that a participant needs.

use super::{Barrier, BoundedSemaphore, Handle, Mutex, ReentrantMutex, RwLock, ThreadId};
use crate::participant::Participant;
use crate::wait::Wait;

impl<T, W: Wait> Handle<'_, Mutex<T, W>> {
    /// [`Mutex::holder`].
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant, wait::Spin};
    /// let mutex = Mutex::new(5, Spin);
    /// let me = mutex.handle(Participant::new(3).unwrap());
    /// let guard = me.lock().unwrap();
    /// assert_eq!(me.holder(), Participant::new(3));
    /// # drop(guard);
    /// ```
    pub fn holder(self) -> Option<Participant> {
        self.lock.holder()
    }
}

impl<T, I: ThreadId, W: Wait> Handle<'_, ReentrantMutex<T, I, W>> {
    /// [`ReentrantMutex::holder`].
    pub fn holder(self) -> Option<Participant> {
        self.lock.holder()
    }
}

impl<T, const R: usize, W: Wait> Handle<'_, RwLock<T, R, W>> {
    /// [`RwLock::writer`].
    pub fn writer(self) -> Option<Participant> {
        self.lock.writer()
    }

    /// [`RwLock::readers`].
    pub fn readers(self) -> usize {
        self.lock.readers()
    }
}

impl<const N: usize, W: Wait> Handle<'_, BoundedSemaphore<N, W>> {
    /// [`BoundedSemaphore::permits`].
    pub fn permits(self) -> usize {
        self.lock.permits()
    }
}

impl<const N: usize, W: Wait> Handle<'_, Barrier<N, W>> {
    /// [`Barrier::waiting`].
    pub fn waiting(self) -> usize {
        self.lock.waiting()
    }

    /// [`Barrier::is_broken`].
    pub fn is_broken(self) -> bool {
        self.lock.is_broken()
    }

    /// [`Barrier::abort`].
    pub fn abort(self) {
        self.lock.abort();
    }

    /// [`Barrier::reset`].
    pub fn reset(self) {
        self.lock.reset();
    }
}
