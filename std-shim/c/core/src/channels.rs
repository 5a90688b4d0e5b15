//! Pipes, FIFOs and sockets in memory, between the threads and interrupts of one program.

use crate::error::rw_error;
use crate::object::{memory as placed, tell_layout};
use crate::sizes::{Family, functions, rw_sizes};
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;

/// What a connection carries.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum rw_mem_kind {
    /// Bytes: a read gets what is there.
    RW_MEM_STREAM = 0,
    /// Messages: a read gets what one write gave.
    RW_MEM_PACKETS = 1,
}

/// The kind of a number of C.
fn kind_of(kind: u32) -> Option<rw_mem_kind> {
    match kind {
        0 => Some(rw_mem_kind::RW_MEM_STREAM),
        1 => Some(rw_mem_kind::RW_MEM_PACKETS),
        _ => None,
    }
}

/// How structures of one size are made.
pub struct ChannelFunctions<D: ?Sized + 'static> {
    layout: Layout,
    make: unsafe fn(NonNull<u8>) -> &'static D,
}

fn layout<F, D>(sizes: *const rw_sizes, size: *mut usize, align: *mut usize) -> rw_error
where
    F: Family<Functions = ChannelFunctions<D>>,
    D: ?Sized + 'static,
{
    let Some(functions) = functions::<F>(sizes) else { return rw_error::RW_INVALID };
    tell_layout(Some(functions.layout), size, align)
}

fn init<F, D>(memory: *mut c_void, memory_size: usize, sizes: *const rw_sizes) -> Option<&'static D>
where
    F: Family<Functions = ChannelFunctions<D>>,
    D: ?Sized + 'static,
{
    let functions = functions::<F>(sizes)?;
    let at = placed(memory, memory_size, functions.layout)?;
    // SAFETY: the memory is as large as the layout says, and the caller of C guarantees that it is
    // used for nothing else.
    Some(unsafe { (functions.make)(at) })
}

/// Says what the sizes of a kind of channel are.
macro_rules! channel {
    ($Family:ident: dyn $Any:ident, $tag:literal,
        $sizes:ident = $Type:ident<$($N:ident),*>) => {
        enum $Family {}

        // SAFETY: no other family has this tag.
        unsafe impl Family for $Family {
            type Functions = ChannelFunctions<dyn $Any>;
            const TAG: usize = $tag;
        }

        const fn $sizes<$(const $N: usize),*>() -> rw_sizes {
            /// Makes one at `at`.
            ///
            /// # Safety
            /// There is memory for it, which is used for nothing else.
            unsafe fn make<$(const $N: usize),*>(at: NonNull<u8>) -> &'static dyn $Any {
                let at = at.cast::<$Type<$($N,)* Program>>();
                // SAFETY: the caller guarantees memory for it.
                unsafe { at.write($Type::new()) };
                // SAFETY: it was made above, and stays in its place.
                unsafe { at.as_ref() }
            }
            rw_sizes::of::<$Family>(
                const {
                    &ChannelFunctions {
                        layout: Layout::new::<$Type<$($N,)* Program>>(),
                        make: make::<$($N),*>,
                    }
                },
            )
        }
    };
}

// Behind the macro that they use.
mod end;
mod fifo;
mod network;
mod pair;
mod pipe;
