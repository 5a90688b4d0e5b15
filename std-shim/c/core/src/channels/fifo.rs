//! FIFOs in memory: pipes with names.

use super::end::{AnyEnd, How, may, put_end, rw_mem_end};
use super::{ChannelFunctions, init, layout};
use crate::error::rw_error;
use crate::object::{RW_HANDLE_WORDS, bytes, objects, put, shared};
use crate::sizes::{Family, rw_sizes};
use crate::wait::{Program, deadline as until};
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::channel::fifo::Registry;

/// A table of named pipes in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_mem_fifos {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A table of FIFOs of any size.
pub trait AnyFifos: Sync {
    fn name(&self, name: &[u8], is_new: bool) -> Result<(), Error>;
    fn open(&'static self, name: &[u8], reads: bool, how: How) -> Result<AnyEnd, Error>;
}

impl<const NAMES: usize, const N: usize> AnyFifos for Registry<NAMES, N, Program> {
    fn name(&self, name: &[u8], is_new: bool) -> Result<(), Error> {
        if is_new { self.try_create(name) } else { self.try_remove(name) }
    }

    fn open(&'static self, name: &[u8], reads: bool, how: How) -> Result<AnyEnd, Error> {
        match (reads, how) {
            (true, How::Try) => self.try_open_reader(name).map(AnyEnd::new),
            (true, How::Until(deadline)) => {
                self.open_reader_deadline(name, deadline).map(AnyEnd::new)
            }
            (false, How::Try) => self.try_open_writer(name).map(AnyEnd::new),
            (false, How::Until(deadline)) => {
                self.open_writer_deadline(name, deadline).map(AnyEnd::new)
            }
        }
    }
}

objects! {
    rw_mem_fifos = &'static dyn AnyFifos, 0x7277_0092;
}

channel!(Fifos: dyn AnyFifos, 0x7277_0f04, fifos = Registry<NAMES, N>);

/// The sizes of a table of 4 FIFOs of 256 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_fifos_4_256: rw_sizes = fifos::<4, 256>();
/// The sizes of a table of 16 FIFOs of 4096 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_fifos_16_4096: rw_sizes = fifos::<16, 4096>();

/// Tells how much memory a table of FIFOs of these sizes takes (`rw_mem_fifos_4_256` or
/// `rw_mem_fifos_16_4096`), and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_layout(
    sizes: *const rw_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    layout::<Fifos, _>(sizes, size, align)
}

/// Makes a table of FIFOs in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_init(
    fifos: *mut rw_mem_fifos,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_sizes,
) -> rw_error {
    init::<Fifos, _>(memory, memory_size, sizes)
        .map_or(rw_error::RW_INVALID, |made| put(fifos, made))
}

fn with_name(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
    is_new: bool,
) -> rw_error {
    let (Some(fifos), Some(name)) = (shared(fifos), bytes(name, name_size)) else {
        return rw_error::RW_INVALID;
    };
    crate::error::code(fifos.name(name, is_new))
}

/// Creates a FIFO under a name of 1 to 32 bytes. `RW_ADDRESS_IN_USE` if the name is taken,
/// `RW_EXHAUSTED` if there is no place, `RW_WOULD_BLOCK` while another thread changes the table.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_create(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
) -> rw_error {
    with_name(fifos, name, name_size, true)
}

/// Removes a name; open ends stay open. `RW_NOT_FOUND` if there is none, `RW_WOULD_BLOCK` while
/// another thread changes the table.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_remove(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
) -> rw_error {
    with_name(fifos, name, name_size, false)
}

fn open_fifo(
    fifos: *const rw_mem_fifos,
    name: (*const c_void, usize),
    reads: bool,
    how: How,
    end: *mut rw_mem_end,
) -> rw_error {
    let (Some(fifos), Some(name)) = (shared(fifos), bytes(name.0, name.1)) else {
        return rw_error::RW_INVALID;
    };
    let fifos: &'static dyn AnyFifos = *fifos;
    match may(how) {
        Ok(()) => put_end(end, fifos.open(name, reads, how)),
        Err(error) => error,
    }
}

/// Opens the end of a FIFO that reads, whether a writer is there or not. `RW_TAKEN` if there is a
/// reader.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_try_open_reader(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
    reader: *mut rw_mem_end,
) -> rw_error {
    open_fifo(fifos, (name, name_size), true, How::Try, reader)
}

/// Opens the end of a FIFO that reads, and waits for a writer until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_open_reader(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
    deadline: u64,
    reader: *mut rw_mem_end,
) -> rw_error {
    open_fifo(fifos, (name, name_size), true, How::Until(until(deadline)), reader)
}

/// Opens an end of a FIFO that writes. `RW_NO_READER` if there is no reader.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_try_open_writer(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
    writer: *mut rw_mem_end,
) -> rw_error {
    open_fifo(fifos, (name, name_size), false, How::Try, writer)
}

/// Opens an end of a FIFO that writes, and waits for a reader until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_fifos_open_writer(
    fifos: *const rw_mem_fifos,
    name: *const c_void,
    name_size: usize,
    deadline: u64,
    writer: *mut rw_mem_end,
) -> rw_error {
    open_fifo(fifos, (name, name_size), false, How::Until(until(deadline)), writer)
}
