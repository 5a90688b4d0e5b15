//! A lock and who uses it, and what its operations are called on.

use crate::participant::Participant;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

/// A lock as one participant uses it, whose name then stands in what it holds. Any number of the
/// participant's threads may use it at the same time. A part of a region of the shim is used by
/// one.
///
/// Its methods are the lock's own: see [`Forms`]. What it lends ends with it, so that it cannot be
/// copied.
///
/// ```
/// use ringway_core::lock::Mutex;
/// use ringway_core::participant::Participant;
/// let total = <Mutex<_>>::new(0);
/// let me = Participant::new(3).unwrap();
/// let mine = total.handle(me);
/// let guard = mine.lock().unwrap();
/// assert_eq!(total.holder(), Some(me));
/// # drop(guard);
/// ```
#[derive(Debug)]
pub struct Handle<'a, L: ?Sized> {
    lock: &'a L,
    me: Participant,
}

impl<'a, L: ?Sized> Handle<'a, L> {
    pub(super) const fn new(By { lock, me }: By<'a, L>) -> Self {
        Handle { lock, me }
    }
}

impl<'a, L: ?Sized> Deref for Handle<'a, L> {
    type Target = Forms<L, Self>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        Forms::of(self)
    }
}

/// The operations of a lock `L`, in all their forms. A lock has them, and so has each [`Handle`] of
/// it: `mutex.lock()` takes it in the name of [`Participant::LOCAL`], and `mutex.handle(me).lock()`
/// in that of `me`.
///
/// `U` is who uses it: the lock itself, or a handle.
// `U` says which lock it is. `L` stands here too, so that the compiler can tell the `lock` of a
// mutex from that of a reentrant one.
#[repr(transparent)]
pub struct Forms<L: ?Sized, U: ?Sized> {
    lock: PhantomData<L>,
    user: U,
}

impl<L: ?Sized, U: User<L> + ?Sized> Forms<L, U> {
    #[inline(always)]
    pub(super) fn of(user: &U) -> &Self {
        // SAFETY: `repr(transparent)`: it is a `U`.
        unsafe { &*(core::ptr::from_ref(user) as *const Self) }
    }

    /// Which lock, and in whose name.
    #[inline(always)]
    pub(super) fn by(&self) -> By<'_, L> {
        let (lock, me) = self.user.uses();
        By { lock, me }
    }
}

impl<L: ?Sized, U: fmt::Debug + ?Sized> fmt::Debug for Forms<L, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.user.fmt(f)
    }
}

/// Who uses a lock: the lock itself, or a [`Handle`] of it. See [`Forms`].
pub trait User<L: ?Sized>: sealed::User<L> {}

impl<L: ?Sized, U: sealed::User<L> + ?Sized> User<L> for U {}

impl<L: ?Sized> sealed::User<L> for L {
    #[inline(always)]
    fn uses(&self) -> (&L, Participant) {
        (self, Participant::LOCAL)
    }
}

impl<L: ?Sized> sealed::User<L> for Handle<'_, L> {
    #[inline(always)]
    fn uses(&self) -> (&L, Participant) {
        (self.lock, self.me)
    }
}

/// What a [`Handle`] is, for those inside: it may be copied, and lends for as long as the lock is
/// there.
#[derive(Debug)]
pub(super) struct By<'a, L: ?Sized> {
    pub(super) lock: &'a L,
    pub(super) me: Participant,
}

impl<L: ?Sized> Clone for By<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized> Copy for By<'_, L> {}

mod sealed {
    use crate::participant::Participant;

    /// See [`User`](super::User).
    pub trait User<L: ?Sized> {
        /// Which lock, and in whose name.
        fn uses(&self) -> (&L, Participant);
    }
}

/// Gives a lock its [`Forms`].
macro_rules! has_forms {
    ($lock:ty where $($parameters:tt)*) => {
        impl<$($parameters)*> core::ops::Deref for $lock {
            type Target = super::handle::Forms<Self, Self>;

            #[inline(always)]
            fn deref(&self) -> &Self::Target {
                super::handle::Forms::of(self)
            }
        }
    };
}
pub(super) use has_forms;
