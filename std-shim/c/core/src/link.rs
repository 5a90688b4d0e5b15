//! Links: messages over any byte stream, with ports, flow control, and a peer that may restart.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HANDLE_WORDS, bytes, bytes_mut, memory as placed, objects, own, put, take, tell, tell_layout,
};
use crate::state::rw_state;
use crate::wait::RW_FOREVER;
use core::ffi::c_void;
use ringway_core::channel::link::view::{LineView, LinkView, ReliableView, SerialView, Sizes};
use ringway_core::channel::link::{Config, Down, Event, Phase, PortEvent, ResetReason};

/// One end of a link, in memory of the caller. One thread at a time uses it.
#[repr(C)]
pub struct rw_link {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The identity and the timeouts of one side of a link. A tick is the unit of the program's clock.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_link_config {
    /// Tells this run of the program from earlier runs: a stored count of restarts, or a random
    /// number.
    pub generation: u32,
    /// Ticks after which a serial link sends an unacknowledged frame again.
    pub retransmit: u32,
    /// Ticks between two greetings while no peer answers.
    pub hello: u32,
    /// Ticks of silence after which this side asks the peer whether it is there.
    pub keepalive: u32,
    /// Ticks of silence after which the peer counts as gone.
    pub gone: u32,
}

/// The sizes of a link. The two sides may have different sizes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_link_sizes {
    /// The most bytes of a message: 24 to 2^24.
    pub max: usize,
    /// The most frames that may be unacknowledged, or wait for the line: 1, 2, 4, 8, 16, 32 or 64.
    pub window: usize,
    /// The number of ports: 1 to 255.
    pub ports: usize,
    /// The most messages that a port holds: 1 to 255.
    pub credits: usize,
}

/// The phase of a link.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_link_phase {
    /// It neither greets nor answers; or it is no link.
    RW_LINK_IS_DOWN = 0,
    /// It greets until a peer answers.
    RW_LINK_IS_CONNECTING = 1,
    /// Both sides are connected; ports work.
    RW_LINK_IS_UP = 2,
    /// This side closed it. It sends the messages that it accepted, then tells the peer.
    RW_LINK_IS_CLOSING = 3,
}

/// What happened to a link or to a port.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_link_news {
    /// A session ended; `detail` is a `rw_link_down`.
    RW_LINK_DOWN = 0,
    /// A session with the peer began.
    RW_LINK_UP = 1,
    /// The peer opened the port, and this side has not: open it, or reset it to refuse.
    RW_PORT_WAITING = 2,
    /// Both sides have opened the port: it is connected.
    RW_PORT_OPENED = 3,
    /// A message came. Receive until receiving would block.
    RW_PORT_READABLE = 4,
    /// There is room again after a send returned `RW_WOULD_BLOCK`.
    RW_PORT_WRITABLE = 5,
    /// The peer sends no more. Messages that have arrived can still be received.
    RW_PORT_PEER_SHUT_SEND = 6,
    /// The peer reads no more.
    RW_PORT_PEER_SHUT_RECV = 7,
    /// The port was torn down; `detail` is a `rw_link_reset`.
    RW_PORT_RESET = 8,
    /// Both sides are done with the port: it can be opened again.
    RW_PORT_FREE = 9,
}

/// Why a session ended, and what the link does then.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_link_down {
    /// This side closed the link, which stays down. The peer received everything, or this side did
    /// not wait for it.
    RW_DOWN_CLOSED = 0,
    /// The peer closed the link, which stays down.
    RW_DOWN_PEER_CLOSED = 1,
    /// The peer was silent. The link connects again.
    RW_DOWN_PEER_GONE = 2,
    /// The peer restarted, or gave this session up. The link connects again.
    RW_DOWN_PEER_RESTARTED = 3,
    /// The stream ended. The link stays down.
    RW_DOWN_LINE_ENDED = 4,
    /// The peer speaks another version, which `value` is. The link stays down.
    RW_DOWN_INCOMPATIBLE = 5,
    /// The peer sent what no peer sends. A serial link connects again; one on a reliable line stays
    /// down.
    RW_DOWN_VIOLATION = 6,
}

/// Why a port was torn down.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_link_reset {
    /// The peer reset it, for the reason `value`.
    RW_RESET_PEER = 0,
    /// The session ended.
    RW_RESET_LINK_DOWN = 1,
    /// The peer has no such port.
    RW_RESET_NO_SUCH_PORT = 2,
}

/// Something that happened to a link. It says "look again": what happened once may be told twice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_link_event {
    /// What.
    pub news: rw_link_news,
    /// The port, if it is one's.
    pub port: u8,
    /// A `rw_link_down` or a `rw_link_reset`; otherwise 0.
    pub detail: u8,
    /// A version, or the peer's reason; otherwise 0.
    pub value: u8,
}

impl From<Event> for rw_link_event {
    fn from(event: Event) -> Self {
        use rw_link_news as N;
        let (news, port, detail, value) = match event {
            Event::Up => (N::RW_LINK_UP, 0, 0, 0),
            Event::Down(why) => {
                let (why, value) = match why {
                    Down::Closed => (rw_link_down::RW_DOWN_CLOSED, 0),
                    Down::PeerClosed => (rw_link_down::RW_DOWN_PEER_CLOSED, 0),
                    Down::PeerGone => (rw_link_down::RW_DOWN_PEER_GONE, 0),
                    Down::PeerRestarted => (rw_link_down::RW_DOWN_PEER_RESTARTED, 0),
                    Down::LineEnded => (rw_link_down::RW_DOWN_LINE_ENDED, 0),
                    Down::Incompatible(version) => (rw_link_down::RW_DOWN_INCOMPATIBLE, version),
                    Down::Violation => (rw_link_down::RW_DOWN_VIOLATION, 0),
                };
                (N::RW_LINK_DOWN, 0, why as u8, value)
            }
            Event::Port(port, event) => {
                let (news, detail, value) = match event {
                    PortEvent::Waiting => (N::RW_PORT_WAITING, 0, 0),
                    PortEvent::Opened => (N::RW_PORT_OPENED, 0, 0),
                    PortEvent::Readable => (N::RW_PORT_READABLE, 0, 0),
                    PortEvent::Writable => (N::RW_PORT_WRITABLE, 0, 0),
                    PortEvent::PeerShutSend => (N::RW_PORT_PEER_SHUT_SEND, 0, 0),
                    PortEvent::PeerShutRecv => (N::RW_PORT_PEER_SHUT_RECV, 0, 0),
                    PortEvent::Free => (N::RW_PORT_FREE, 0, 0),
                    PortEvent::Reset(why) => {
                        let (why, value) = match why {
                            ResetReason::Peer(reason) => (rw_link_reset::RW_RESET_PEER, reason),
                            ResetReason::LinkDown => (rw_link_reset::RW_RESET_LINK_DOWN, 0),
                            ResetReason::NoSuchPort => (rw_link_reset::RW_RESET_NO_SUCH_PORT, 0),
                        };
                        (N::RW_PORT_RESET, why as u8, value)
                    }
                };
                (news, port, detail, value)
            }
        };
        rw_link_event { news, port, detail, value }
    }
}

objects! {
    rw_link = &'static mut LinkView<'static>, 0x7277_0081;
}

/// The link of an object; `None` if it was not made.
// Not inlined, because every function calls it.
#[inline(never)]
fn link_of<'a>(link: *mut rw_link) -> Option<&'a mut LinkView<'static>> {
    own(link).map(|link| &mut **link)
}

fn sizes_of(sizes: *const rw_link_sizes) -> Option<Sizes> {
    if sizes.is_null() || !sizes.is_aligned() {
        return None;
    }
    // SAFETY: the caller of C gave sizes to read.
    let rw_link_sizes { max, window, ports, credits } = unsafe { *sizes };
    Some(Sizes { max, window, ports, credits })
}

/// Tells how much memory a link over a line that may lose and change bytes takes, such as a UART,
/// and its alignment. `RW_EXHAUSTED` if no link has these sizes.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_serial_layout(
    sizes: *const rw_link_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(sizes) = sizes_of(sizes) else { return rw_error::RW_INVALID };
    tell_layout(SerialView::layout(sizes), size, align)
}

/// Tells how much memory a link over a stream that keeps bytes complete and in order takes, such as
/// a pipe or a socket, and its alignment. `RW_EXHAUSTED` if no link has these sizes.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_reliable_layout(
    sizes: *const rw_link_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(sizes) = sizes_of(sizes) else { return rw_error::RW_INVALID };
    tell_layout(ReliableView::layout(sizes), size, align)
}

/// Tells the usual timeouts, for a clock that counts milliseconds.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_defaults(
    generation: u32,
    config: *mut rw_link_config,
) -> rw_error {
    if config.is_null() || !config.is_aligned() {
        return rw_error::RW_INVALID;
    }
    let Config { generation, retransmit, hello, keepalive, gone } = Config::new(generation);
    tell(config, rw_link_config { generation, retransmit, hello, keepalive, gone });
    rw_error::RW_OK
}

/// Makes a link over a line of the kind `L`.
///
/// # Safety
/// The memory is used for nothing else.
#[inline(always)]
unsafe fn init<L: LineView<'static>>(
    link: *mut rw_link,
    (memory, memory_size): (*mut c_void, usize),
    sizes: *const rw_link_sizes,
    config: *const rw_link_config,
) -> rw_error {
    let Some(sizes) = sizes_of(sizes) else { return rw_error::RW_INVALID };
    if config.is_null() || !config.is_aligned() {
        return rw_error::RW_INVALID;
    }
    // SAFETY: the caller of C gave a configuration to read.
    let rw_link_config { generation, retransmit, hello, keepalive, gone } = unsafe { *config };
    let config = Config { generation, retransmit, hello, keepalive, gone };
    let Some(layout) = L::layout(sizes) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the sizes have a layout, and the line above has checked that the memory has it, too.
    put(link, unsafe { L::init_at(at, sizes, config) })
}

/// Makes a link over a line that may lose and change bytes, in `memory`, which stays in its place
/// and is used for nothing else. It is down.
///
/// `RW_EXHAUSTED` if no link has these sizes.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_serial_init(
    link: *mut rw_link,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_link_sizes,
    config: *const rw_link_config,
) -> rw_error {
    // SAFETY: the caller of C guarantees that the memory is used for nothing else.
    unsafe { init::<SerialView>(link, (memory, memory_size), sizes, config) }
}

/// Makes a link over a stream that keeps bytes complete and in order, in `memory`, which stays in
/// its place and is used for nothing else. It is down.
///
/// `RW_EXHAUSTED` if no link has these sizes.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_reliable_init(
    link: *mut rw_link,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_link_sizes,
    config: *const rw_link_config,
) -> rw_error {
    // SAFETY: the caller of C guarantees that the memory is used for nothing else.
    unsafe { init::<ReliableView>(link, (memory, memory_size), sizes, config) }
}

/// Ends the use of the object; its memory is free. It tells the peer nothing: see `rw_link_close`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_forget(link: *mut rw_link) -> rw_error {
    take(link).map_or(rw_error::RW_INVALID, |_| rw_error::RW_OK)
}

/// The phase of a link.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_phase_of(link: *mut rw_link) -> rw_link_phase {
    match link_of(link).map_or(Phase::Down, |link| link.phase()) {
        Phase::Down => rw_link_phase::RW_LINK_IS_DOWN,
        Phase::Connecting => rw_link_phase::RW_LINK_IS_CONNECTING,
        Phase::Up => rw_link_phase::RW_LINK_IS_UP,
        Phase::Closing => rw_link_phase::RW_LINK_IS_CLOSING,
    }
}

/// Begins to connect at the time `now`, and goes on until a peer answers. `RW_ALREADY_CONNECTED` if
/// the link is not down.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_open(link: *mut rw_link, now: u64) -> rw_error {
    link_of(link).map_or(rw_error::RW_INVALID, |link| code(link.open(now)))
}

/// Closes every port and then the link: it transmits what it accepted, and tells the peer.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_close(link: *mut rw_link, now: u64) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.close(now);
    rw_error::RW_OK
}

/// Takes bytes that came from the line. Afterwards ask for bytes to transmit, for events, and for
/// the timeout.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_handle_bytes(
    link: *mut rw_link,
    now: u64,
    came: *const c_void,
    size: usize,
) -> rw_error {
    let (Some(link), Some(came)) = (link_of(link), bytes(came, size)) else {
        return rw_error::RW_INVALID;
    };
    link.handle_bytes(now, came);
    rw_error::RW_OK
}

/// Takes the news that the stream ended, or that another one replaces it. The link is down; open it
/// again over the next stream.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_handle_end(link: *mut rw_link, now: u64) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.handle_end(now);
    rw_error::RW_OK
}

/// Does what is due at `now`. Call it when `rw_link_poll_timeout` says so; earlier is harmless.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_handle_timeout(link: *mut rw_link, now: u64) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.handle_timeout(now);
    rw_error::RW_OK
}

/// Puts the next bytes to transmit into `out`, and tells how many: 0 if there are none. `now` is
/// the time at which the program passes them to the line.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_poll_transmit(
    link: *mut rw_link,
    now: u64,
    out: *mut c_void,
    size: usize,
    filled: *mut usize,
) -> rw_error {
    let (Some(link), Some(out)) = (link_of(link), bytes_mut(out, size)) else {
        return rw_error::RW_INVALID;
    };
    tell(filled, link.poll_transmit(now, out));
    rw_error::RW_OK
}

/// Tells the next event; each event once, then `RW_WOULD_BLOCK`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_poll_event(
    link: *mut rw_link,
    event: *mut rw_link_event,
) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    match link.poll_event() {
        Some(happened) => {
            tell(event, happened.into());
            rw_error::RW_OK
        }
        None => rw_error::RW_WOULD_BLOCK,
    }
}

/// Tells the time at which to call `rw_link_handle_timeout`, which may be in the past; `RW_FOREVER`
/// if no timer runs.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_poll_timeout(link: *mut rw_link, due: *mut u64) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    tell(due, link.poll_timeout().unwrap_or(RW_FOREVER));
    rw_error::RW_OK
}

/// Tells the state of a port; `RW_PHASE_GONE` for a port that the link does not have.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_port_state(
    link: *mut rw_link,
    port: u8,
    state: *mut rw_state,
) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    tell(state, link.port_state(port).into());
    rw_error::RW_OK
}

/// Opens a port: it is connected once the peer opens it, too. A port stays open across sessions.
///
/// `RW_NOT_FOUND` if this side or the peer has no such port, `RW_ALREADY_CONNECTED` if it is open,
/// `RW_WOULD_BLOCK` if the peer has not ended the port's last use.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_open_port(link: *mut rw_link, port: u8) -> rw_error {
    link_of(link).map_or(rw_error::RW_INVALID, |link| code(link.open_port(port)))
}

/// Sends a message on a port: copies it for `rw_link_poll_transmit`.
///
/// `RW_WOULD_BLOCK` if the peer or the line has no room, `RW_MESSAGE_TOO_LARGE` if it is longer
/// than either side's largest, `RW_RESET` if the port was torn down or the session ended,
/// `RW_NOT_FOUND`, `RW_BROKEN_PIPE`, `RW_NOT_CONNECTED`, `RW_CLOSED` by the port's state.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_try_send(
    link: *mut rw_link,
    port: u8,
    message: *const c_void,
    size: usize,
) -> rw_error {
    let (Some(link), Some(message)) = (link_of(link), bytes(message, size)) else {
        return rw_error::RW_INVALID;
    };
    code(link.try_send(port, message))
}

/// Moves the oldest message of a port into `message`, and tells its length. `RW_WOULD_BLOCK` if
/// there is none, `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it tells, and then
/// the message stays; `RW_END_OF_FILE` and `RW_RESET` at the end.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_try_recv(
    link: *mut rw_link,
    port: u8,
    message: *mut c_void,
    size: usize,
    length: *mut usize,
) -> rw_error {
    let (Some(link), Some(to)) = (link_of(link), bytes_mut(message, size)) else {
        return rw_error::RW_INVALID;
    };
    match link.peek(port) {
        Ok(from) => {
            tell(length, from.len());
            let Some((to, _)) = to.split_at_mut_checked(from.len()) else {
                return rw_error::RW_BUFFER_TOO_SMALL;
            };
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        Err(error) => return error.into(),
    }
    link.release(port);
    rw_error::RW_OK
}

/// Lends the oldest message of a port in place. Read it, and then call `rw_link_release`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_peek(
    link: *mut rw_link,
    port: u8,
    message: *mut *const c_void,
    length: *mut usize,
) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    match link.peek(port) {
        Ok(bytes) => {
            tell(message, bytes.as_ptr().cast());
            tell(length, bytes.len());
            rw_error::RW_OK
        }
        Err(error) => error.into(),
    }
}

/// Drops the oldest message of a port, and lets the peer send another. Does nothing if there is
/// none.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_release(link: *mut rw_link, port: u8) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.release(port);
    rw_error::RW_OK
}

/// Ends sending on a port. Messages sent before still arrive.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_shut_send(link: *mut rw_link, port: u8) -> rw_error {
    link_of(link).map_or(rw_error::RW_INVALID, |link| code(link.shut_send(port)))
}

/// Ends receiving on a port. Messages that were not taken are dropped.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_shut_recv(link: *mut rw_link, port: u8) -> rw_error {
    link_of(link).map_or(rw_error::RW_INVALID, |link| code(link.shut_recv(port)))
}

/// Ends both directions of a port. Messages sent before still arrive.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_close_port(link: *mut rw_link, port: u8) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.close_port(port);
    rw_error::RW_OK
}

/// Tears a port down, and tells the peer `reason`; also refuses a port that the peer opened.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_link_reset_port(link: *mut rw_link, port: u8, reason: u8) -> rw_error {
    let Some(link) = link_of(link) else { return rw_error::RW_INVALID };
    link.reset_port(port, reason);
    rw_error::RW_OK
}
