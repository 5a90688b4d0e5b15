//! Pairs of connected ends in memory.

use super::end::{AnyEnd, put_both, rw_mem_end};
use super::{ChannelFunctions, init, kind_of, layout, rw_mem_kind};
use crate::error::rw_error;
use crate::object::{RW_HANDLE_WORDS, objects, put, shared};
use crate::sizes::{Family, rw_sizes};
use crate::wait::Program;
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::channel::socket::Connection;

/// A pair of connected ends in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_mem_pair {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A pair of any size.
pub trait AnyPair: Sync {
    fn open(&'static self, kind: rw_mem_kind) -> Result<(AnyEnd, AnyEnd), Error>;
}

impl<const N: usize> AnyPair for Connection<N, Program> {
    fn open(&'static self, kind: rw_mem_kind) -> Result<(AnyEnd, AnyEnd), Error> {
        Ok(match kind {
            rw_mem_kind::RW_MEM_STREAM => {
                let (here, there) = self.pair()?;
                (AnyEnd::new(here), AnyEnd::new(there))
            }
            rw_mem_kind::RW_MEM_PACKETS => {
                let (here, there) = self.pair_packets()?;
                (AnyEnd::new(here), AnyEnd::new(there))
            }
        })
    }
}

objects! {
    rw_mem_pair = &'static dyn AnyPair, 0x7277_0093;
}

channel!(Pairs: dyn AnyPair, 0x7277_0f05, pair = Connection<N>);

/// The sizes of a pair with 64 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_pair_64: rw_sizes = pair::<64>();
/// The sizes of a pair with 4096 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_pair_4096: rw_sizes = pair::<4096>();

/// Tells how much memory a pair of these sizes takes (`rw_mem_pair_64` or `rw_mem_pair_4096`), and
/// its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pair_layout(
    sizes: *const rw_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    layout::<Pairs, _>(sizes, size, align)
}

/// Makes a pair in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pair_init(
    pair: *mut rw_mem_pair,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_sizes,
) -> rw_error {
    init::<Pairs, _>(memory, memory_size, sizes)
        .map_or(rw_error::RW_INVALID, |made| put(pair, made))
}

/// Opens both ends of a pair, of a `rw_mem_kind`. `RW_TAKEN` while one of the last time is open.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pair_open(
    pair: *const rw_mem_pair,
    kind: u32,
    here: *mut rw_mem_end,
    there: *mut rw_mem_end,
) -> rw_error {
    let (Some(pair), Some(kind)) = (shared(pair), kind_of(kind)) else {
        return rw_error::RW_INVALID;
    };
    let pair: &'static dyn AnyPair = *pair;
    put_both(here, there, pair.open(kind))
}
