//! The memory of a value that is copied word by word: loom's words, each in a place of its own.
//! Only their number is the value's. Twin of `place.rs`.

use crate::plain::Plain;
use crate::sync::native::AtomicU32;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;
use std::boxed::Box;

pub(super) struct Place<T>(Box<[AtomicU32]>, PhantomData<T>);

const WORD: usize = size_of::<u32>();

impl<T: Plain> Place<T> {
    pub(super) fn new(value: T) -> Self {
        let words = (0..size_of::<T>().div_ceil(WORD)).map(|_| AtomicU32::new(0)).collect();
        let place = Place(words, PhantomData);
        place.copy_in(&value);
        place
    }

    #[track_caller]
    pub(super) fn copy_in(&self, value: &T) {
        // SAFETY: these are the bytes of `value`. A `Plain` type has no padding, so all are
        // initialized.
        let bytes = unsafe {
            core::slice::from_raw_parts(core::ptr::from_ref(value).cast::<u8>(), size_of::<T>())
        };
        for (word, bytes) in self.0.iter().zip(bytes.chunks(WORD)) {
            let mut whole = [0; WORD];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u32::from_ne_bytes(whole), Ordering::Relaxed);
        }
    }

    #[track_caller]
    pub(super) fn copy_out(&self, out: &mut MaybeUninit<T>) {
        // SAFETY: these are the bytes of `out`, which is borrowed exclusively. They need not be
        // initialized, and a `MaybeUninit` byte may hold any.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(
                out.as_mut_ptr().cast::<MaybeUninit<u8>>(),
                size_of::<T>(),
            )
        };
        for (word, bytes) in self.0.iter().zip(bytes.chunks_mut(WORD)) {
            let whole = word.load(Ordering::Relaxed).to_ne_bytes();
            for (to, from) in bytes.iter_mut().zip(whole) {
                to.write(from);
            }
        }
    }
}
