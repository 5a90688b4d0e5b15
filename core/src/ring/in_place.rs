//! Making a structure where it is to stay.

use core::mem::MaybeUninit;

/// A structure that can be made where it is to stay, however large it is.
///
/// No part of it passes through the stack. Its bells, if it has any, are made by their `Default`.
///
/// A `static` needs none of this. For the heap of a program without `std`:
///
/// ```
/// extern crate alloc;
/// use alloc::boxed::Box;
/// use ringway_core::ring::{InPlace, Ring};
/// type Samples = Ring<u64, 500_000>;
///
/// let mut place = Box::<Samples>::new_uninit();
/// Samples::init(&mut place);
/// // SAFETY: `init` has made the ring there.
/// let samples = unsafe { place.assume_init() };
/// samples.producer().unwrap().try_push(7).unwrap();
/// ```
///
/// # Safety
/// [`init`](Self::init) leaves a valid value in `place`.
pub unsafe trait InPlace: Sized {
    /// Makes a fresh value in `place`, and returns a reference to it.
    ///
    /// The previous content of `place` is neither read nor dropped.
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self;
}
