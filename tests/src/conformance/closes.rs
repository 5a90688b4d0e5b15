//! Halves that close when they are dropped, as the ends of the other transports do.

use ringway_core::ring::{Consumer, Producer, bytes, messages};
use ringway_core::storage::Fixed;
use ringway_core::wait::Wake;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// One half of a ring.
pub trait Half {
    fn close(self);
}

macro_rules! halves {
    ($([$($parameters:tt)*] $half:ty;)*) => {
        $(
            impl<$($parameters)*> Half for $half {
                fn close(self) {
                    <$half>::close(self);
                }
            }
        )*
    };
}

halves! {
    [T, const N: usize, W: Wake] Producer<'_, T, W, Fixed<N>>;
    [T, const N: usize, W: Wake] Consumer<'_, T, W, Fixed<N>>;
    [const N: usize, W: Wake] bytes::Producer<'_, W, Fixed<N>>;
    [const N: usize, W: Wake] bytes::Consumer<'_, W, Fixed<N>>;
    [const N: usize, W: Wake] messages::Sender<'_, W, Fixed<N>>;
    [const N: usize, W: Wake] messages::Receiver<'_, W, Fixed<N>>;
}

/// A half that closes when it is dropped.
pub struct Closes<H: Half>(ManuallyDrop<H>);

impl<H: Half> Closes<H> {
    pub fn new(half: H) -> Self {
        Closes(ManuallyDrop::new(half))
    }
}

impl<H: Half> Deref for Closes<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: Half> DerefMut for Closes<H> {
    fn deref_mut(&mut self) -> &mut H {
        &mut self.0
    }
}

impl<H: Half> Drop for Closes<H> {
    fn drop(&mut self) {
        // SAFETY: taken once, here, and not used afterwards.
        unsafe { ManuallyDrop::take(&mut self.0) }.close();
    }
}
