//! Handles of locks, and the operations that a lock and its handles share.

use crate::participant::Participant;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

/// A lock as one participant uses it.
///
/// What is taken through the handle is on record under that participant. Any number of the
/// participant's threads may use the handle at the same time. A part of a region of the shim derefs
/// to such a handle.
///
/// It has the lock's own methods, see [`Forms`]. It cannot be copied: what it lends must end with
/// it.
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
    pub(super) const fn new(Caller { lock, me }: Caller<'a, L>) -> Self {
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

/// The operations of a lock `L`, in all their forms.
///
/// A lock has them, and so has each [`Handle`] of it: `mutex.lock()` takes the lock for
/// [`Participant::LOCAL`], and `mutex.handle(me).lock()` takes it for `me`.
///
/// `U` is the lock itself, or a handle of it.
// `U` implies which lock it is. `L` is a parameter too, so that the compiler can tell the `lock` of
// a mutex from the `lock` of a reentrant mutex.
#[repr(transparent)]
pub struct Forms<L: ?Sized, U: ?Sized> {
    lock: PhantomData<L>,
    user: U,
}

impl<L: ?Sized, U: User<L> + ?Sized> Forms<L, U> {
    #[inline(always)]
    pub(super) fn of(user: &U) -> &Self {
        // SAFETY: `Forms` is `repr(transparent)` over `U`, so that a reference to a `U` is one to a
        // `Forms`.
        unsafe { &*(core::ptr::from_ref(user) as *const Self) }
    }

    /// The lock, and the participant that it is used for.
    #[inline(always)]
    pub(super) fn caller(&self) -> Caller<'_, L> {
        let (lock, me) = self.user.uses();
        Caller { lock, me }
    }
}

impl<L: ?Sized, U: fmt::Debug + ?Sized> fmt::Debug for Forms<L, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.user.fmt(f)
    }
}

/// What the operations of a lock are called on: the lock itself, or a [`Handle`] of it. See
/// [`Forms`].
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

/// A [`Handle`] for use inside the crate. It can be copied, and lends for as long as the lock
/// lives.
#[derive(Debug)]
pub(super) struct Caller<'a, L: ?Sized> {
    pub(super) lock: &'a L,
    pub(super) me: Participant,
}

impl<L: ?Sized> Clone for Caller<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized> Copy for Caller<'_, L> {}

mod sealed {
    use crate::participant::Participant;

    /// See [`User`](super::User).
    pub trait User<L: ?Sized> {
        /// The lock, and the participant that it is used for.
        fn uses(&self) -> (&L, Participant);
    }
}

/// Makes a lock deref to its [`Forms`].
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
