//! Messages over any byte stream, with ports, flow control, and a peer that may restart at any
//! time.
//!
//! A [`Link`] is one end. It does no input or output and reads no clock. The program passes it
//! received bytes and the time (`handle_…`). Then it asks the link what to transmit, what happened
//! and when to come back (`poll_…`). So the same source runs on a chip with a UART, over a socket
//! on Linux, and in a model checker.
//!
//! ```
//! use ringway_core::channel::link::{Config, SerialLink};
//!
//! let mut here: SerialLink = SerialLink::new(Config::new(1));
//! let mut there: SerialLink = SerialLink::new(Config::new(7));
//! for link in [&mut here, &mut there] {
//!     link.open(0)?;
//!     link.open_port(0)?;
//! }
//! here.exchange(0, &mut there); // in place of a line
//! here.try_send(0, b"hello")?;
//! here.exchange(0, &mut there);
//! assert_eq!(there.peek(0), Ok(&b"hello"[..]));
//! # Ok::<(), ringway_core::Error>(())
//! ```
//!
//! # Driving it
//!
//! When bytes came or the timeout passed, tell the link. Then ask it for bytes to transmit, for
//! events, and when to come back. This is all that a program does for the line:
//!
//! ```
//! # use ringway_core::channel::link::{Config, Event, PortEvent, SerialLink};
//! # fn read_line(_: &mut [u8]) -> usize { 0 }
//! # fn write_line(bytes: &[u8]) -> usize { bytes.len() }
//! # let mut link: SerialLink<64> = SerialLink::new(Config::new(1));
//! # let now = 0;
//! # link.open(now).unwrap();
//! let mut bytes = [0; 16];
//! let came = read_line(&mut bytes);
//! link.handle_bytes(now, &bytes[..came]);
//! if link.poll_timeout().is_some_and(|due| due <= now) {
//!     link.handle_timeout(now);
//! }
//! while let Some(event) = link.poll_event() {
//!     if event == Event::Port(0, PortEvent::Opened) {
//!         link.try_send(0, b"hello").unwrap();
//!     }
//! }
//! let due = link.poll_transmit(now, &mut bytes);
//! assert_eq!(write_line(&bytes[..due]), due);
//! ```
//!
//! # The life of a link
//!
//! ```text
//!           1 open              3 peer heard us
//!   Down ─────────▶ Connecting ───────────────────▶ Up ─────────▶ Closing
//!    ▲ ▲             │   ▲  ▲ │                     │ │  8 close     │
//!    │ └─────────────┘   │  └─┘ 4                   │ │              │
//!    │    2              └──────────────────────────┘ │              │
//!    │                            5, 6, 7             │              │
//!    └────────────────────────────────────────────────┴──────────────┘
//!                         9, 10, 11                         12
//! ```
//!
//! | | when | to | reported as |
//! |---|---|---|---|
//! | 1 | [`open`](Link::open) | `Connecting`, under a new identity | |
//! | 2 | [`close`](Link::close), the stream ends, another version greets, or on a reliable line bytes that are no frame | `Down` | [`Event::Down`] |
//! | 3 | a greeting says that the peer heard ours | `Up`; greets once more if the peer is not up | [`Event::Up`] |
//! | 4 | any other greeting, or [`Config::hello`] ticks | `Connecting`, greets again, naming the identity it heard | |
//! | 5 | silence of [`Config::gone`] ticks | `Connecting` | [`Down::PeerGone`] |
//! | 6 | a greeting of another identity; or of the same one, not up, though it had sent a record in this session | `Connecting`, naming the identity it heard | [`Down::PeerRestarted`] |
//! | 7 | on a serial line, a frame with a valid checksum that no peer sends | `Connecting` | [`Down::Violation`] |
//! | 8 | [`close`](Link::close) | `Closing` | |
//! | 9 | the peer says that it closes | `Down`, after an answer | [`Down::PeerClosed`] |
//! | 10 | the stream ends, or another version greets | `Down` | [`Down::LineEnded`], [`Down::Incompatible`] |
//! | 11 | on a reliable line, bytes that no peer sends | `Down` | [`Down::Violation`] |
//! | 12 | the peer answers; or 5, 6, 7, 9, 10, 11; or `close` again | `Down` | [`Down::Closed`] if the peer received everything, otherwise as in that row |
//!
//! Nothing else changes the phase. The link drops noise. In `Down`, if the peer of the last session
//! goes on, the link tells it that the session is over.
//!
//! A session belongs to the pair of identities that greeted each other. Each end takes a new
//! identity whenever it leaves `Up`. So both ends of a session begin it at number 0, and neither
//! takes a frame of another session for one of its own.
//!
//! # Ports
//!
//! A link has `PORTS` ports, numbered from 0. The two programs agree on what each port is for. A
//! port is an endpoint with a [`State`](super::State). It is connected once both ends have opened
//! it, in any order. Each direction is shut separately.
//!
//! A port holds up to `CREDITS` messages that came and were not taken. The peer sends no more
//! messages than there is room for. So a port that nobody reads delays no other port.
//!
//! When the session ends, for whatever reason, its ports can send nothing more:
//! [`try_send`](Link::try_send) fails with `Reset`. Messages that had arrived completely can still
//! be received. After them comes the end of file if the peer had ended its sending, otherwise
//! `Reset`. [`open_port`](Link::open_port) opens the port again and drops the messages that are
//! left.
//!
//! # Bounds
//!
//! [`handle_bytes`](Link::handle_bytes) does work proportional to the number of bytes it is given,
//! whatever they are: at most four passes over each byte, and one pass over the ports per frame. It
//! stores the peer's bytes only in the fixed-size buffers of these types, and cannot panic. A peer
//! that breaks the protocol loses its session ([`Down::Violation`]).
//!
//! A link takes `(PORTS * CREDITS + WINDOW + 1) * MAX` bytes of memory, and about 350 more. Its
//! sizes are constants; those of a [`LinkView`](view::LinkView) are numbers that the program has
//! when it runs.

use super::frame::{Hello, Identity};
use core::hash::{Hash, Hasher};

mod commands;
mod event;
mod line;
mod port;
mod records;
mod reliable;
mod serial;
mod session;
mod timer;
pub mod view;

pub use event::{Down, Event, Phase, PortEvent, ResetReason};
pub use line::Line;
pub use reliable::Reliable;
pub use serial::Serial;

use line::Received;
use port::{PortArray, Ports};
use timer::{NEVER, Timer};

/// A link over a line that may lose and change bytes, such as a UART.
///
/// A message has at most `MAX` bytes. Up to `WINDOW` frames may be unacknowledged. Each of `PORTS`
/// ports holds up to `CREDITS` messages. All four have defaults.
///
/// ```
/// use ringway_core::channel::link::{Config, SerialLink};
/// static mut UART: SerialLink = SerialLink::new(Config::new(0));
/// static mut SMALL: SerialLink<64, 2, 1, 2> = SerialLink::new(Config::new(0));
/// ```
pub type SerialLink<
    const MAX: usize = 256,
    const WINDOW: usize = 4,
    const PORTS: usize = 1,
    const CREDITS: usize = 4,
> = Link<Serial<WINDOW, MAX>, PORTS, CREDITS, MAX>;

/// A link over a stream that keeps bytes complete and in order, such as a pipe or a socket.
///
/// The parameters are those of [`SerialLink`].
///
/// ```
/// use ringway_core::channel::link::{Config, ReliableLink};
/// let link = ReliableLink::<1024>::new(Config::new(0));
/// ```
pub type ReliableLink<
    const MAX: usize = 256,
    const WINDOW: usize = 4,
    const PORTS: usize = 1,
    const CREDITS: usize = 4,
> = Link<Reliable<WINDOW, MAX>, PORTS, CREDITS, MAX>;

/// The identity and the timeouts of one side of a link.
///
/// A tick is the unit of the program's clock. The two sides need not have the same unit or the same
/// configuration. A timeout of 0 ticks never passes.
///
/// ```
/// use ringway_core::channel::link::Config;
/// // At 115200 baud a frame of 268 bytes takes 23 ms, and the clock counts milliseconds.
/// let config = Config { retransmit: 100, ..Config::new(3) };
/// assert_eq!(config.generation, 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config {
    /// Tells this run of the program from earlier runs: a stored count of restarts, or a random
    /// number.
    ///
    /// If every run uses the same number, the peer still recognises a restart if it had heard
    /// anything in the earlier session. A peer that had heard nothing may send the new run messages
    /// that were meant for the old one.
    pub generation: u32,
    /// Ticks after which a serial link sends an unacknowledged frame again.
    ///
    /// Set at least twice the time that the longest frame takes on the line, including all buffers
    /// on the way. The peer usually notices a lost frame earlier, when the next frame arrives.
    pub retransmit: u32,
    /// Ticks between two greetings while no peer answers.
    pub hello: u32,
    /// Ticks of silence after which this side asks the peer whether it is there.
    pub keepalive: u32,
    /// Ticks of silence after which the peer counts as gone: a few times
    /// [`keepalive`](Self::keepalive).
    pub gone: u32,
}

impl Config {
    /// Returns the defaults, for a clock that counts milliseconds.
    ///
    /// They are 100 ms to send again, 250 ms between greetings, 1000 ms to ask, and 3500 ms to give
    /// up.
    pub const fn new(generation: u32) -> Self {
        Config { generation, retransmit: 100, hello: 250, keepalive: 1000, gone: 3500 }
    }
}

/// One end of a link over a [`Serial`] or a [`Reliable`] line, see the [module](self).
///
/// It has `PORTS` ports; each holds up to `CREDITS` messages of at most `MAX` bytes. A
/// [`LinkView`](view::LinkView) has sizes that are known at run time.
pub type Link<L, const PORTS: usize, const CREDITS: usize, const MAX: usize> =
    LinkInner<L, PortArray<PORTS, CREDITS, MAX>>;

/// One end of a link of any size: a [`Link`] or a [`LinkView`](view::LinkView).
///
/// A [`Link`] can be cloned and hashed, so that a model checker can explore its states.
#[derive(Debug, Clone)]
// Small fields that are often used come first: on a Cortex-M0 one load reaches bytes at offsets up
// to 31 and words at offsets up to 124. `inline(never)` in this module and its children marks what
// takes less flash as a function of its own: tests/firmware/flash.
#[repr(C)]
pub struct LinkInner<L, P> {
    phase: Phase,
    /// Whether the peer sent a record other than `HELLO` in this session, or in the last one.
    has_heard: bool,
    /// The unnumbered records to send, as bits of `owe`.
    owes: u8,
    /// How often this side told the peer that it closes.
    byes: u8,
    /// `Event::Up` is still to be reported to the user.
    came_up: bool,
    /// `Event::Down(why)` is still to be reported to the user.
    went_down: bool,
    why: Down,
    /// This side's identity in this session.
    local: Identity,
    /// The greeting that came last.
    peer: Hello,
    config: Config,
    /// The latest time that the program passed; the timers count from there.
    now: Time,
    timers: [Timer; 3],
    line: L,
    ports: P,
}

/// A time in ticks, with the alignment of a word, so that a link is made of words.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Time(u64);

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<Serial<WINDOW, MAX>, PORTS, CREDITS, MAX>
{
    // Not inlined, so that the program clears the link's memory instead of copying zeros to it.
    #[inline(never)]
    const fn empty() -> Self {
        const { Self::over(Serial::EMPTY, PortArray::EMPTY) }
    }

    /// Creates a link that is down.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Phase, SerialLink};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.phase(), Phase::Down);
    /// ```
    #[inline(never)]
    pub const fn new(config: Config) -> Self {
        let mut link = Self::empty();
        link.configure(config);
        link.line.set_timeout(link.config.retransmit);
        link
    }
}

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<Reliable<WINDOW, MAX>, PORTS, CREDITS, MAX>
{
    // Not inlined, so that the program clears the link's memory instead of copying zeros to it.
    #[inline(never)]
    const fn empty() -> Self {
        const { Self::over(Reliable::EMPTY, PortArray::EMPTY) }
    }

    /// Creates a link that is down.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Phase, ReliableLink};
    /// let link = ReliableLink::<256>::new(Config::new(1));
    /// assert_eq!(link.phase(), Phase::Down);
    /// ```
    #[inline(never)]
    pub const fn new(config: Config) -> Self {
        let mut link = Self::empty();
        link.configure(config);
        link
    }
}

impl<L, P> LinkInner<L, P> {
    /// A link that is down, without its configuration: zeros, which cost no flash.
    const fn over(line: L, ports: P) -> Self {
        LinkInner {
            phase: Phase::Down,
            has_heard: false,
            owes: 0,
            byes: 0,
            came_up: false,
            went_down: false,
            why: Down::Closed,
            local: Identity::NOBODY,
            peer: Hello::NONE,
            config: Config { generation: 0, retransmit: 0, hello: 0, keepalive: 0, gone: 0 },
            now: Time(0),
            timers: [Timer::OFF; 3],
            line,
            ports,
        }
    }

    /// Takes the configuration of a new link.
    const fn configure(&mut self, config: Config) {
        self.local.generation = config.generation;
        self.config = config;
    }
}

impl<L: Line, P: Ports> LinkInner<L, P> {
    /// Returns the phase of the link.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the peer's greeting, with its identity and its limits.
    ///
    /// `None` unless the link is up or closing.
    pub fn peer(&self) -> Option<&Hello> {
        match self.phase {
            Phase::Up | Phase::Closing => Some(&self.peer),
            Phase::Down | Phase::Connecting => None,
        }
    }

    /// Begins to connect, and goes on until a peer answers.
    ///
    /// Poll for bytes to transmit and for the timeout afterwards.
    ///
    /// # Errors
    /// `AlreadyConnected`: the link was opened already.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.open(0), Ok(()));
    /// assert_eq!(link.open(0), Err(Error::AlreadyConnected));
    /// assert_ne!(link.poll_transmit(0, &mut [0; 64]), 0, "it greets");
    /// ```
    pub fn open(&mut self, now: u64) -> Result<(), super::Error> {
        if self.phase != Phase::Down {
            return Err(super::Error::AlreadyConnected);
        }
        self.advance_clock(now);
        self.connect();
        Ok(())
    }

    /// Closes every port and then the link.
    ///
    /// The link transmits the messages that it accepted before, and on a serial line waits for
    /// their acknowledgement. Then it tells the peer. A link that is not up, or is closing already,
    /// is down at once. Poll for bytes to transmit and for the timeout afterwards.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Down, Event, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// link.open(0).unwrap();
    /// link.close(5);
    /// assert_eq!(link.poll_event(), Some(Event::Down(Down::Closed)));
    /// ```
    pub fn close(&mut self, now: u64) {
        self.advance_clock(now);
        match self.phase {
            Phase::Down => {}
            Phase::Up => {
                for slot in self.ports.as_mut_slice() {
                    slot.port.close();
                    slot.inbox.clear();
                }
                self.phase = Phase::Closing;
            }
            Phase::Connecting | Phase::Closing => self.go_down(Down::Closed),
        }
    }

    /// Takes bytes that came from the line.
    ///
    /// Poll for bytes to transmit, events and the timeout afterwards.
    pub fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        self.advance_clock(now);
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.line.recv(&mut rest) {
                Received::Nothing => {}
                Received::Record(kind) => self.handle_frame(kind),
                Received::Violation if self.phase == Phase::Down => {}
                Received::Violation => self.go_down(Down::Violation),
            }
        }
    }

    /// Takes the news that the stream ended or another one replaces it.
    ///
    /// No byte of the old stream may follow. The link is down; open it again over the next stream.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Down, Event, ReliableLink};
    /// let mut link = ReliableLink::<256>::new(Config::new(1));
    /// link.open(0).unwrap();
    /// link.handle_end(5);
    /// assert_eq!(link.poll_event(), Some(Event::Down(Down::LineEnded)));
    /// ```
    pub fn handle_end(&mut self, now: u64) {
        self.advance_clock(now);
        if self.phase != Phase::Down {
            self.go_down(Down::LineEnded);
        }
        self.line.clear();
        self.owes = 0;
        self.has_heard = false;
    }

    /// Does what is due at `now`.
    ///
    /// Call it when [`poll_timeout`](Self::poll_timeout) says so; calling it earlier is harmless.
    /// Poll for everything afterwards.
    pub fn handle_timeout(&mut self, now: u64) {
        self.advance_clock(now);
        self.run_timers();
    }

    /// Puts the next bytes to transmit into `out`; returns how many.
    ///
    /// Call it again until it returns 0, or less than `out.len()`. `out` may be as small as one
    /// byte.
    ///
    /// `now` is the time at which the program passes these bytes to the line. The link counts its
    /// wait for an answer from there.
    pub fn poll_transmit(&mut self, now: u64, out: &mut [u8]) -> usize {
        self.advance_clock(now);
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..) {
            if rest.is_empty() || (!self.line.is_sending() && !self.start_frame()) {
                break;
            }
            filled = filled.wrapping_add(self.line.fill(rest));
        }
        filled
    }

    /// Carries bytes between two links until neither has more to send, for tests and examples.
    pub fn exchange<M: Line, Q: Ports>(&mut self, now: u64, peer: &mut LinkInner<M, Q>) {
        let mut bytes = [0; 16];
        loop {
            let there = self.poll_transmit(now, &mut bytes);
            peer.handle_bytes(now, bytes.get(..there).unwrap_or_default());
            let back = peer.poll_transmit(now, &mut bytes);
            self.handle_bytes(now, bytes.get(..back).unwrap_or_default());
            if there == 0 && back == 0 {
                return;
            }
        }
    }

    /// Returns the next event; each event once, then `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.went_down {
            self.went_down = false;
            return Some(Event::Down(self.why));
        }
        if self.came_up {
            self.came_up = false;
            return Some(Event::Up);
        }
        let room = self.line.has_room();
        for (number, slot) in (0_u32..).zip(self.ports.as_mut_slice()) {
            if let Some(event) = slot.port.next_news(room) {
                return Some(Event::Port(number as u8, event));
            }
        }
        None
    }

    /// Returns the time at which to call [`handle_timeout`](Self::handle_timeout), in the program's
    /// ticks.
    ///
    /// The time may be in the past. `None`: no timer is running.
    pub fn poll_timeout(&self) -> Option<u64> {
        match self.next_timer().left() {
            NEVER => None,
            ticks => { self.now.0 }.checked_add(ticks as u64),
        }
    }
}

/// Hashes what affects later behaviour, and nothing else.
impl<L: Line + Hash, P: Ports + Hash> Hash for LinkInner<L, P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.phase, self.local, self.has_heard, self.owes, self.byes).hash(state);
        (self.peer.id, self.peer.ports, self.peer.max).hash(state);
        self.timers.hash(state);
        (self.went_down, self.came_up).hash(state);
        (&self.line, &self.ports).hash(state);
    }
}
