//! The sizes that channels and signal tables have: constants, of which a program names those that
//! it uses.
//!
//! The types of the core have their sizes as parameters. Each constant here is one choice of them.
//! Only what a program names is linked into it.

use core::ffi::c_void;
use core::ptr;

/// The sizes of a channel or of a signal table: one of the constants of this header.
#[repr(C)]
pub struct rw_sizes {
    /// Not for the caller.
    pub opaque: [*const c_void; 2],
}

// SAFETY: both are constants: a number, and a pointer to functions that any thread may call.
unsafe impl Sync for rw_sizes {}

/// A family of structures of which there are several sizes.
///
/// # Safety
/// `TAG` is not zero, and no other family has it.
pub(crate) unsafe trait Family {
    /// What knows the functions of one size.
    type Functions: Sync + 'static;
    const TAG: usize;
}

impl rw_sizes {
    pub(crate) const fn of<F: Family>(functions: &'static F::Functions) -> Self {
        let tag = ptr::without_provenance(F::TAG);
        rw_sizes { opaque: [tag, ptr::from_ref(functions).cast()] }
    }
}

/// The functions of one size; `None` if `sizes` is null, or of another family.
pub(crate) fn functions<F: Family>(sizes: *const rw_sizes) -> Option<&'static F::Functions> {
    if sizes.is_null() || !sizes.is_aligned() {
        return None;
    }
    // SAFETY: the caller of C gave the address of a constant of this library, or of two words.
    let [tag, functions] = unsafe { (*sizes).opaque };
    if tag.addr() != F::TAG {
        return None;
    }
    // SAFETY: `rw_sizes::of` made the constant with this tag, for this family.
    Some(unsafe { &*functions.cast::<F::Functions>() })
}
