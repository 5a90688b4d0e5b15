//! Pipes in memory.

use super::end::{AnyEnd, put_both, rw_mem_end};
use super::{ChannelFunctions, init, layout};
use crate::error::rw_error;
use crate::object::{RW_HANDLE_WORDS, objects, put, shared};
use crate::sizes::{Family, rw_sizes};
use crate::wait::Program;
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::channel::pipe::Pipe;

/// A pipe in memory of the caller: one reader, any number of writers. Any thread may use it; its
/// ends are for one thread each.
#[repr(C)]
pub struct rw_mem_pipe {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A pipe of any size.
pub trait AnyPipe: Sync {
    fn open(&'static self) -> Result<(AnyEnd, AnyEnd), Error>;
}

impl<const N: usize> AnyPipe for Pipe<N, Program> {
    fn open(&'static self) -> Result<(AnyEnd, AnyEnd), Error> {
        let (reader, writer) = Pipe::open(self)?;
        Ok((AnyEnd::new(reader), AnyEnd::new(writer)))
    }
}

objects! {
    rw_mem_pipe = &'static dyn AnyPipe, 0x7277_0091;
}

channel!(Pipes: dyn AnyPipe, 0x7277_0f03, pipe = Pipe<N>);

/// The sizes of a pipe of 64 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_pipe_64: rw_sizes = pipe::<64>();
/// The sizes of a pipe of 256 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_pipe_256: rw_sizes = pipe::<256>();
/// The sizes of a pipe of 4096 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_pipe_4096: rw_sizes = pipe::<4096>();
/// The sizes of a pipe of 65536 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_pipe_65536: rw_sizes = pipe::<65536>();

/// Tells how much memory a pipe of these sizes takes (one of `rw_mem_pipe_64` to
/// `rw_mem_pipe_65536`), and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pipe_layout(
    sizes: *const rw_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    layout::<Pipes, _>(sizes, size, align)
}

/// Makes a pipe in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pipe_init(
    pipe: *mut rw_mem_pipe,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_sizes,
) -> rw_error {
    init::<Pipes, _>(memory, memory_size, sizes)
        .map_or(rw_error::RW_INVALID, |made| put(pipe, made))
}

/// Opens both ends. `RW_TAKEN` while one of the last time is open.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_pipe_open(
    pipe: *const rw_mem_pipe,
    reader: *mut rw_mem_end,
    writer: *mut rw_mem_end,
) -> rw_error {
    let Some(pipe) = shared(pipe) else { return rw_error::RW_INVALID };
    let pipe: &'static dyn AnyPipe = *pipe;
    put_both(reader, writer, pipe.open())
}
