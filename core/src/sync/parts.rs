//! `core`'s own atomic integers, and places for plain values, as parts of a region.

use super::words::Words;
use crate::region::{Description, Item, Kind, Part, Unheld};

macro_rules! integers {
    ($($width:literal $($name:ident $integer:ty),*;)*) => {
        $($(
            // SAFETY: an integer, of which zero is a fresh one.
            #[cfg(target_has_atomic = $width)]
            unsafe impl Part for core::sync::atomic::$name {
                fn description() -> Description {
                    Description::of::<Self, $integer>(Kind::ATOMIC, 1)
                }
            }

            #[cfg(target_has_atomic = $width)]
            impl Unheld for core::sync::atomic::$name {}
        )*)*
    };
}

integers! {
    "8" AtomicU8 u8, AtomicI8 i8;
    "16" AtomicU16 u16, AtomicI16 i16;
    "32" AtomicU32 u32, AtomicI32 i32;
    "64" AtomicU64 u64, AtomicI64 i64;
}

// SAFETY: a plain value, accessed word by word.
unsafe impl<T: Item> Part for Words<T> {
    fn description() -> Description {
        Description::of::<Self, T>(Kind::WORDS, 1)
    }
}

impl<T: Item> Unheld for Words<T> {}
