//! Networks in memory: addresses, listeners and connections.

use super::end::{AnyEnd, How, may, put_end, rw_mem_end};
use super::{ChannelFunctions, init, kind_of, layout, rw_mem_kind};
use crate::error::rw_error;
use crate::object::{RW_HANDLE_WORDS, bytes, objects, put, shared};
use crate::sizes::{Family, rw_sizes};
use crate::wait::{Program, deadline as until};
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::channel::socket::{Network, Sockets};

/// A network in memory of the caller: addresses, listeners and connections. Any thread may use it.
#[repr(C)]
pub struct rw_mem_network {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
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
    rw_mem_network = &'static dyn AnyNetwork, 0x7277_0094;
}

channel!(Networks: dyn AnyNetwork, 0x7277_0f06, network = Network<LISTENERS, CONNECTIONS, N>);

/// The sizes of a network of 2 listeners and 4 connections, with 256 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_network_4_256: rw_sizes = network::<2, 4, 256>();
/// The sizes of a network of 8 listeners and 16 connections, with 4096 bytes each way.
#[unsafe(no_mangle)]
pub static rw_mem_network_16_4096: rw_sizes = network::<8, 16, 4096>();

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
