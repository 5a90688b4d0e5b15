//! Values that borrow from an owner, kept together with it.

use crate::forks;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// A value that borrows from `O`, and keeps it.
///
/// In a copy of the process that a fork made, dropping it does nothing: what it holds belongs to
/// the parent.
pub struct Lent<T, O> {
    value: ManuallyDrop<T>,
    owner: ManuallyDrop<O>,
    forks: u32,
}

impl<T, O: Deref> Lent<T, O> {
    /// Lends from what `owner` points to.
    ///
    /// # Safety
    /// `lend` puts the reference into its result alone. `owner` is a pointer like `Arc`, whose
    /// target stays in its place while the pointer is moved.
    pub unsafe fn new<E>(
        owner: O,
        lend: impl FnOnce(&'static O::Target) -> Result<T, E>,
    ) -> Result<Self, E>
    where
        O::Target: 'static,
    {
        let target: *const O::Target = &*owner;
        // SAFETY: `self.owner` keeps the target in its place, and is dropped after the value, in
        // which alone the reference lies.
        let value = lend(unsafe { &*target })?;
        Ok(Lent::of(value, owner))
    }
}

impl<T, O: DerefMut> Lent<T, O> {
    /// Lends from what `owner` points to, exclusively. On an error, returns the owner too.
    ///
    /// # Safety
    /// `lend` puts the reference into its result alone. `owner` is a pointer like `Box`, whose
    /// target stays in its place while the pointer is moved.
    pub unsafe fn new_mut<E>(
        mut owner: O,
        lend: impl FnOnce(&'static mut O::Target) -> Result<T, E>,
    ) -> Result<Self, (O, E)>
    where
        O::Target: 'static,
    {
        let target: *mut O::Target = &mut *owner;
        // SAFETY: `self.owner` keeps the target in its place, and is dropped after the value, in
        // which alone the reference lies. Nobody uses the owner until then.
        match lend(unsafe { &mut *target }) {
            Ok(value) => Ok(Lent::of(value, owner)),
            Err(error) => Err((owner, error)),
        }
    }
}

impl<T, O> Lent<T, O> {
    fn of(value: T, owner: O) -> Self {
        let (value, owner) = (ManuallyDrop::new(value), ManuallyDrop::new(owner));
        Lent { value, owner, forks: forks::count() }
    }

    /// Whether the process that made it is this one.
    pub fn is_ours(&self) -> bool {
        self.forks == forks::count()
    }

    /// Ends the loan by `end`, and returns the owner with what `end` returns. In a copy of the
    /// process, `None`.
    pub fn end<R>(self, end: impl FnOnce(T) -> R) -> Option<(O, R)> {
        let mut this = ManuallyDrop::new(self);
        if !this.is_ours() {
            return None;
        }
        // SAFETY: `this` is not dropped, and this function takes the value once.
        let value = unsafe { ManuallyDrop::take(&mut this.value) };
        let ended = end(value);
        // SAFETY: `this` is not dropped, and this function takes the owner once, after the value.
        let owner = unsafe { ManuallyDrop::take(&mut this.owner) };
        Some((owner, ended))
    }
}

impl<T, O> Deref for Lent<T, O> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T, O> DerefMut for Lent<T, O> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T, O> Drop for Lent<T, O> {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        // SAFETY: nothing uses the value afterwards, and only `end` takes it, which drops no
        // `Lent`.
        unsafe { ManuallyDrop::drop(&mut self.value) };
        // SAFETY: nothing uses the owner afterwards, and the value that borrows from it is gone.
        unsafe { ManuallyDrop::drop(&mut self.owner) };
    }
}
