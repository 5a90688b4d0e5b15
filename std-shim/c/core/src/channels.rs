//! Pipes, FIFOs and sockets in memory, between the threads and interrupts of one program.

use crate::error::rw_error;
use crate::object::{
    RW_HALF_WORDS, RW_HANDLE_WORDS, bytes, bytes_mut, memory as placed, objects, own, put, release,
    shared, tell, tell_layout,
};
use crate::sizes::{Family, functions, rw_sizes};
use crate::state::rw_state;
use crate::wait::{Program, can_wait, deadline as until};
use core::alloc::Layout;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::channel::State;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::{Pipe, Reader, Writer};
use ringway_core::channel::socket::{
    Connection, Listener, Network, Packets, Shutdown, Sockets, Stream,
};

/// A pipe in memory of the caller: one reader, any number of writers. Any thread may use it; its
/// ends are for one thread each.
#[repr(C)]
pub struct rw_mem_pipe {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A table of named pipes in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_mem_fifos {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A pair of connected ends in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_mem_pair {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A network in memory of the caller: addresses, listeners and connections. Any thread may use it.
#[repr(C)]
pub struct rw_mem_network {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// One end of a pipe, a FIFO or a connection, or a listener.
#[repr(C)]
pub struct rw_mem_end {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// What a connection carries.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum rw_mem_kind {
    /// Bytes: a read gets what is there.
    RW_MEM_STREAM = 0,
    /// Messages: a read gets what one write gave.
    RW_MEM_PACKETS = 1,
}

/// The directions to end.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_mem_shutdown {
    /// This side reads no more.
    RW_MEM_SHUT_READ = 0,
    /// This side sends no more.
    RW_MEM_SHUT_WRITE = 1,
    /// Both.
    RW_MEM_SHUT_BOTH = 2,
}

/// Whether a call waits.
#[derive(Clone, Copy)]
pub enum How {
    Try,
    Until(Option<u64>),
}

/// An end of any size and kind. What an end cannot do fails with `WrongDirection`.
pub trait End {
    fn read(&mut self, _: &mut [u8], _: How) -> Result<usize, Error> {
        Err(Error::WrongDirection)
    }

    fn write(&mut self, _: &[u8], _: How) -> Result<usize, Error> {
        Err(Error::WrongDirection)
    }

    fn shutdown(&mut self, _: Shutdown) -> Result<(), Error> {
        Err(Error::WrongDirection)
    }

    fn try_clone(&self) -> Result<AnyEnd, Error> {
        Err(Error::WrongDirection)
    }

    fn accept(&self, _: How) -> Result<AnyEnd, Error> {
        Err(Error::WrongDirection)
    }

    fn state(&mut self) -> State;
}

/// Says that no bytes at the end of a stream are its end, as the other structures of C do.
fn or_end(read: Result<usize, Error>, is_empty: bool) -> Result<usize, Error> {
    match read {
        Ok(0) if !is_empty => Err(Error::EndOfFile),
        read => read,
    }
}

macro_rules! reads {
    () => {
        fn read(&mut self, out: &mut [u8], how: How) -> Result<usize, Error> {
            let is_empty = out.is_empty();
            let read = match how {
                How::Try => self.try_read(out),
                How::Until(deadline) => self.read_deadline(out, deadline),
            };
            or_end(read, is_empty)
        }
    };
}

macro_rules! writes {
    () => {
        fn write(&mut self, bytes: &[u8], how: How) -> Result<usize, Error> {
            match how {
                How::Try => self.try_write(bytes),
                How::Until(deadline) => self.write_deadline(bytes, deadline),
            }
        }
    };
}

impl<const N: usize> End for Reader<'static, N, Program> {
    reads!();

    fn state(&mut self) -> State {
        Reader::state(self)
    }
}

impl<const N: usize> End for Writer<'static, N, Program> {
    writes!();

    fn try_clone(&self) -> Result<AnyEnd, Error> {
        Writer::try_clone(self).map(AnyEnd::new)
    }

    fn state(&mut self) -> State {
        Writer::state(self)
    }
}

impl<const N: usize> End for Stream<'static, N, Program> {
    reads!();
    writes!();

    fn shutdown(&mut self, how: Shutdown) -> Result<(), Error> {
        Stream::shutdown(self, how);
        Ok(())
    }

    fn state(&mut self) -> State {
        Stream::state(self)
    }
}

impl<const N: usize> End for Packets<'static, N, Program> {
    fn read(&mut self, out: &mut [u8], how: How) -> Result<usize, Error> {
        match how {
            How::Try => self.try_recv(out),
            How::Until(deadline) => self.recv_deadline(out, deadline),
        }
    }

    fn write(&mut self, bytes: &[u8], how: How) -> Result<usize, Error> {
        match how {
            How::Try => self.try_send(bytes)?,
            How::Until(deadline) => self.send_deadline(bytes, deadline)?,
        }
        Ok(bytes.len())
    }

    fn shutdown(&mut self, how: Shutdown) -> Result<(), Error> {
        Packets::shutdown(self, how);
        Ok(())
    }

    fn state(&mut self) -> State {
        Packets::state(self)
    }
}

macro_rules! listens {
    ($($End:ident),*) => {$(
        impl<const N: usize> End for Listener<'static, N, Program, $End<'static, N, Program>> {
            fn accept(&self, how: How) -> Result<AnyEnd, Error> {
                Ok(AnyEnd::new(match how {
                    How::Try => self.try_accept()?,
                    How::Until(deadline) => self.accept_deadline(deadline)?,
                }))
            }

            fn state(&mut self) -> State {
                Listener::state(self)
            }
        }
    )*};
}
listens!(Stream, Packets);

/// The room for an end of any kind.
#[cfg_attr(any(not(target_os = "none"), feature = "shared-layout"), repr(align(128)))]
#[cfg_attr(all(target_os = "none", not(feature = "shared-layout")), repr(align(8)))]
pub struct Room([MaybeUninit<u8>; ROOM]);

const ROOM: usize =
    if cfg!(all(target_os = "none", not(feature = "shared-layout"))) { 96 } else { 512 };

/// An end, and how to find its methods.
pub struct AnyEnd {
    room: Room,
    methods: unsafe fn(*mut Room) -> *mut dyn End,
}

impl AnyEnd {
    fn new<E: End + 'static>(end: E) -> Self {
        const { assert!(size_of::<E>() <= ROOM && align_of::<E>() <= align_of::<Room>()) };
        /// The end in a room.
        ///
        /// # Safety
        /// There is an `E`.
        unsafe fn methods<E: End + 'static>(room: *mut Room) -> *mut dyn End {
            room.cast::<E>()
        }
        let mut room = Room([MaybeUninit::uninit(); ROOM]);
        // SAFETY: the room is large enough for it, and aligned, as checked above.
        unsafe { (&raw mut room.0).cast::<E>().write(end) };
        AnyEnd { room, methods: methods::<E> }
    }

    fn end(&mut self) -> &mut dyn End {
        // SAFETY: `new` put an end of the type of the methods there.
        let end = unsafe { (self.methods)(&raw mut self.room) };
        // SAFETY: the end lies in the room, which is borrowed for as long as the result.
        unsafe { &mut *end }
    }
}

impl Drop for AnyEnd {
    fn drop(&mut self) {
        // SAFETY: `new` put an end of the type of the methods there.
        let end = unsafe { (self.methods)(&raw mut self.room) };
        // SAFETY: nobody uses the end afterwards.
        unsafe { end.drop_in_place() };
    }
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

/// A network of any size.
pub trait AnyNetwork: Sync {
    fn listen(
        &'static self,
        kind: rw_mem_kind,
        name: &[u8],
        backlog: usize,
        how: How,
    ) -> Result<AnyEnd, Error>;
    fn connect(&'static self, kind: rw_mem_kind, name: &[u8], how: How) -> Result<AnyEnd, Error>;
}

macro_rules! with_sockets {
    ($network:expr, $kind:expr, $sockets:ident => $work:expr) => {
        match $kind {
            rw_mem_kind::RW_MEM_STREAM => {
                let $sockets: Sockets<'static, _, _, _> = $network.streams();
                $work
            }
            rw_mem_kind::RW_MEM_PACKETS => {
                let $sockets: Sockets<'static, _, _, _> = $network.packets();
                $work
            }
        }
    };
}

impl<const LISTENERS: usize, const CONNECTIONS: usize, const N: usize> AnyNetwork
    for Network<LISTENERS, CONNECTIONS, N, Program>
{
    fn listen(
        &'static self,
        kind: rw_mem_kind,
        name: &[u8],
        backlog: usize,
        how: How,
    ) -> Result<AnyEnd, Error> {
        with_sockets!(self, kind, sockets => Ok(AnyEnd::new(match how {
            How::Try => sockets.try_listen(name, backlog)?,
            How::Until(deadline) => sockets.listen_deadline(name, backlog, deadline)?,
        })))
    }

    fn connect(&'static self, kind: rw_mem_kind, name: &[u8], how: How) -> Result<AnyEnd, Error> {
        with_sockets!(self, kind, sockets => Ok(AnyEnd::new(match how {
            How::Try => sockets.try_connect(name)?,
            How::Until(deadline) => sockets.connect_deadline(name, deadline)?,
        })))
    }
}

objects! {
    rw_mem_pipe = &'static dyn AnyPipe, 0x7277_0091;
    rw_mem_fifos = &'static dyn AnyFifos, 0x7277_0092;
    rw_mem_pair = &'static dyn AnyPair, 0x7277_0093;
    rw_mem_network = &'static dyn AnyNetwork, 0x7277_0094;
    rw_mem_end = AnyEnd, 0x7277_0095;
}

/// How structures of one size are made.
pub struct ChannelFunctions<D: ?Sized + 'static> {
    layout: Layout,
    make: unsafe fn(NonNull<u8>) -> &'static D,
}

/// Says of each kind of channel what its sizes are.
macro_rules! channels {
    ($($Family:ident: dyn $Any:ident, $tag:literal,
        $sizes:ident = $Type:ident<$($N:ident),*>;)*) => {$(
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
    )*};
}
channels! {
    Pipes: dyn AnyPipe, 0x7277_0f03, pipe = Pipe<N>;
    Fifos: dyn AnyFifos, 0x7277_0f04, fifos = Registry<NAMES, N>;
    Pairs: dyn AnyPair, 0x7277_0f05, pair = Connection<N>;
    Networks: dyn AnyNetwork, 0x7277_0f06, network = Network<LISTENERS, CONNECTIONS, N>;
}

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
/// The sizes of a table of 4 FIFOs of 256 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_fifos_4_256: rw_sizes = fifos::<4, 256>();
/// The sizes of a table of 16 FIFOs of 4096 bytes.
#[unsafe(no_mangle)]
pub static rw_mem_fifos_16_4096: rw_sizes = fifos::<16, 4096>();
/// The sizes of a pair with 64 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_pair_64: rw_sizes = pair::<64>();
/// The sizes of a pair with 4096 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_pair_4096: rw_sizes = pair::<4096>();
/// The sizes of a network of 2 listeners and 4 connections, with 256 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_network_4_256: rw_sizes = network::<2, 4, 256>();
/// The sizes of a network of 8 listeners and 16 connections, with 4096 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_network_16_4096: rw_sizes = network::<8, 16, 4096>();

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

/// Makes the object of an end, if there is one.
fn put_end(end: *mut rw_mem_end, opened: Result<AnyEnd, Error>) -> rw_error {
    match opened {
        Ok(opened) => put(end, opened),
        Err(error) => error.into(),
    }
}

/// Makes the objects of both ends, or of none.
fn put_both(
    one: *mut rw_mem_end,
    other: *mut rw_mem_end,
    opened: Result<(AnyEnd, AnyEnd), Error>,
) -> rw_error {
    match opened {
        Ok((first, second)) => match put(one, first) {
            rw_error::RW_OK => match put(other, second) {
                rw_error::RW_OK => rw_error::RW_OK,
                error => {
                    release(one);
                    error
                }
            },
            error => error,
        },
        Err(error) => error.into(),
    }
}

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

/// Whether the program can wait, if the call does.
fn may(how: How) -> Result<(), rw_error> {
    match how {
        How::Try => Ok(()),
        How::Until(_) => can_wait(),
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

/// The kind of a number of C.
fn kind_of(kind: u32) -> Option<rw_mem_kind> {
    match kind {
        0 => Some(rw_mem_kind::RW_MEM_STREAM),
        1 => Some(rw_mem_kind::RW_MEM_PACKETS),
        _ => None,
    }
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

/// Tells how much memory a network of these sizes takes (`rw_mem_network_4_256` or
/// `rw_mem_network_16_4096`), and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_network_layout(
    sizes: *const rw_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    layout::<Networks, _>(sizes, size, align)
}

/// Makes a network in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_network_init(
    network: *mut rw_mem_network,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_sizes,
) -> rw_error {
    init::<Networks, _>(memory, memory_size, sizes)
        .map_or(rw_error::RW_INVALID, |made| put(network, made))
}

/// Listens for connections of a `rw_mem_kind` under a name of 1 to 32 bytes. At most `backlog`
/// connections wait to be accepted; 0 counts as 1.
///
/// `RW_ADDRESS_IN_USE` if the name is taken, `RW_EXHAUSTED` if there is no place, `RW_WOULD_BLOCK`
/// while another thread changes the network. `rw_mem_end_close` ends it, and tears down the
/// connections that wait.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_network_listen(
    network: *const rw_mem_network,
    kind: u32,
    name: *const c_void,
    name_size: usize,
    backlog: usize,
    listener: *mut rw_mem_end,
) -> rw_error {
    let (Some(network), Some(kind)) = (shared(network), kind_of(kind)) else {
        return rw_error::RW_INVALID;
    };
    let Some(name) = bytes(name, name_size) else { return rw_error::RW_INVALID };
    let network: &'static dyn AnyNetwork = *network;
    put_end(listener, network.listen(kind, name, backlog, How::Try))
}

fn connect(
    network: *const rw_mem_network,
    kind: u32,
    name: (*const c_void, usize),
    how: How,
    end: *mut rw_mem_end,
) -> rw_error {
    let (Some(network), Some(kind)) = (shared(network), kind_of(kind)) else {
        return rw_error::RW_INVALID;
    };
    let Some(name) = bytes(name.0, name.1) else { return rw_error::RW_INVALID };
    let network: &'static dyn AnyNetwork = *network;
    match may(how) {
        Ok(()) => put_end(end, network.connect(kind, name, how)),
        Err(error) => error,
    }
}

/// Connects to a listener. `RW_REFUSED` if nobody listens there for this kind, `RW_EXHAUSTED` if
/// all connections are in use, `RW_WOULD_BLOCK` if the backlog is full.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_network_try_connect(
    network: *const rw_mem_network,
    kind: u32,
    name: *const c_void,
    name_size: usize,
    end: *mut rw_mem_end,
) -> rw_error {
    connect(network, kind, (name, name_size), How::Try, end)
}

/// Connects to a listener, and waits for room in its backlog until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_network_connect(
    network: *const rw_mem_network,
    kind: u32,
    name: *const c_void,
    name_size: usize,
    deadline: u64,
    end: *mut rw_mem_end,
) -> rw_error {
    connect(network, kind, (name, name_size), How::Until(until(deadline)), end)
}

fn accept(listener: *mut rw_mem_end, how: How, end: *mut rw_mem_end) -> rw_error {
    let Some(listener) = own(listener) else { return rw_error::RW_INVALID };
    match may(how) {
        Ok(()) => {
            let accepted = listener.end().accept(how);
            put_end(end, accepted)
        }
        Err(error) => error,
    }
}

/// Accepts the connection that has waited longest. `RW_WOULD_BLOCK` if there is none,
/// `RW_WRONG_DIRECTION` if this is no listener.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_accept(
    listener: *mut rw_mem_end,
    end: *mut rw_mem_end,
) -> rw_error {
    accept(listener, How::Try, end)
}

/// Accepts a connection, for which it waits until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_accept(
    listener: *mut rw_mem_end,
    deadline: u64,
    end: *mut rw_mem_end,
) -> rw_error {
    accept(listener, How::Until(until(deadline)), end)
}

fn read(end: *mut rw_mem_end, out: (*mut c_void, usize), how: How, count: *mut usize) -> rw_error {
    let (Some(end), Some(out)) = (own(end), bytes_mut(out.0, out.1)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = may(how) {
        return error;
    }
    match end.end().read(out, how) {
        Ok(read) => {
            tell(count, read);
            rw_error::RW_OK
        }
        Err(error) => {
            if let Error::BufferTooSmall { needed } = error {
                tell(count, needed);
            }
            error.into()
        }
    }
}

/// Reads what is there, at most `size` bytes, and tells how many; of packets, one message.
///
/// `RW_WOULD_BLOCK` if nothing is there, `RW_END_OF_FILE` when the other side is gone and
/// everything was read, `RW_RESET` if a listener closed before it accepted the connection,
/// `RW_WRONG_DIRECTION` if this end only writes. `RW_BUFFER_TOO_SMALL` if a message is longer than
/// `size`: it tells the length, and the message stays.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_read(
    end: *mut rw_mem_end,
    out: *mut c_void,
    size: usize,
    count: *mut usize,
) -> rw_error {
    read(end, (out, size), How::Try, count)
}

/// Reads as `rw_mem_end_try_read`, and waits for something to read until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_read(
    end: *mut rw_mem_end,
    out: *mut c_void,
    size: usize,
    deadline: u64,
    count: *mut usize,
) -> rw_error {
    read(end, (out, size), How::Until(until(deadline)), count)
}

fn write(
    end: *mut rw_mem_end,
    from: (*const c_void, usize),
    how: How,
    count: *mut usize,
) -> rw_error {
    let (Some(end), Some(from)) = (own(end), bytes(from.0, from.1)) else {
        return rw_error::RW_INVALID;
    };
    match may(how).and_then(|()| Ok(end.end().write(from, how)?)) {
        Ok(written) => {
            tell(count, written);
            rw_error::RW_OK
        }
        Err(error) => error,
    }
}

/// Writes as many bytes as there is room for, at least one, and tells how many; of packets, all as
/// one message. An end of a pipe or a FIFO writes up to 4096 bytes, or what the pipe holds if that
/// is less, all or none.
///
/// `RW_WOULD_BLOCK` if there is no room or another writer writes, `RW_BROKEN_PIPE` if nobody reads,
/// `RW_MESSAGE_TOO_LARGE` if there can be no room, `RW_WRONG_DIRECTION` if this end only reads.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_write(
    end: *mut rw_mem_end,
    from: *const c_void,
    size: usize,
    count: *mut usize,
) -> rw_error {
    write(end, (from, size), How::Try, count)
}

/// Writes as `rw_mem_end_try_write`, and waits for room until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_write(
    end: *mut rw_mem_end,
    from: *const c_void,
    size: usize,
    deadline: u64,
    count: *mut usize,
) -> rw_error {
    write(end, (from, size), How::Until(until(deadline)), count)
}

/// Tells the state of an end.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_state(end: *mut rw_mem_end, state: *mut rw_state) -> rw_error {
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    tell(state, end.end().state().into());
    rw_error::RW_OK
}

/// Ends one direction of a connection or both, by a `rw_mem_shutdown`: the other side learns it,
/// and reads what was sent before. `RW_WRONG_DIRECTION` if this is no end of a connection.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_shutdown(end: *mut rw_mem_end, how: u32) -> rw_error {
    const READ: u32 = rw_mem_shutdown::RW_MEM_SHUT_READ as u32;
    const WRITE: u32 = rw_mem_shutdown::RW_MEM_SHUT_WRITE as u32;
    const BOTH: u32 = rw_mem_shutdown::RW_MEM_SHUT_BOTH as u32;
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    let how = match how {
        READ => Shutdown::Read,
        WRITE => Shutdown::Write,
        BOTH => Shutdown::Both,
        _ => return rw_error::RW_INVALID,
    };
    crate::error::code(end.end().shutdown(how))
}

/// Makes another end that writes to the same pipe, for another thread. `RW_WRONG_DIRECTION` if this
/// is no end of a pipe or a FIFO that writes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_clone(
    end: *mut rw_mem_end,
    another: *mut rw_mem_end,
) -> rw_error {
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    let cloned = end.end().try_clone();
    put_end(another, cloned)
}

/// Closes an end; the other side learns it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_close(end: *mut rw_mem_end) -> rw_error {
    release(end)
}
