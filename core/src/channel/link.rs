//! Messages over any byte stream: ports, credits, and a peer that may restart at any time.
//!
//! A [`Link`] is one end. It does no input and no output, and reads no clock: the program hands it
//! the bytes that came and the time that it is (`handle_…`), and asks it what to transmit, what
//! happened and when to come back (`poll_…`). So one source runs on a chip with a UART, over a
//! socket on Linux, and in a model checker.
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
//! Whenever bytes came or the time is up, hand them over; then ask for bytes to transmit, for
//! events, and when to come back. What follows is all that a program does for the line:
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
//!           1 open              3 greeted by name
//!   Down ─────────▶ Connecting ───────────────────▶ Up ─────────▶ Closing
//!    ▲ ▲             │   ▲  ▲ │                     │ │  8 close     │
//!    │ └─────────────┘   │  └─┘ 4                   │ │              │
//!    │    2              └──────────────────────────┘ │              │
//!    │                            5, 6, 7             │              │
//!    └────────────────────────────────────────────────┴──────────────┘
//!                         9, 10, 11                         12
//! ```
//!
//! | | when | to | told as |
//! |---|---|---|---|
//! | 1 | [`open`](Link::open) | `Connecting`, under a new identity | |
//! | 2 | [`close`](Link::close), the stream ends, another version greets, or on a reliable line bytes that are no frame | `Down` | [`Event::Down`] |
//! | 3 | a greeting says that the peer heard ours | `Up`; if it is not up itself, it is greeted once more | [`Event::Up`] |
//! | 4 | any other greeting, or [`Config::hello`] ticks | `Connecting`, greets again, naming whom it heard | |
//! | 5 | silence of [`Config::gone`] ticks | `Connecting` | [`Down::PeerGone`] |
//! | 6 | a greeting of another identity; or of the same, not up, though it had spoken in this session | `Connecting`, naming whom it heard | [`Down::PeerRestarted`] |
//! | 7 | on a serial line, a frame that checks and that no peer sends | `Connecting` | [`Down::Violation`] |
//! | 8 | [`close`](Link::close) | `Closing` | |
//! | 9 | the peer says that it closes | `Down`, and answers | [`Down::PeerClosed`] |
//! | 10 | the stream ends, or another version greets | `Down` | [`Down::LineEnded`], [`Down::Incompatible`] |
//! | 11 | on a reliable line, bytes that no peer sends | `Down` | [`Down::Violation`] |
//! | 12 | the peer answers; or 5, 6, 7, 9, 10, 11; or `close` again | `Down` | [`Down::Closed`] if the peer got everything, otherwise as there |
//!
//! Whatever else comes changes no phase: noise is dropped, and in `Down` a peer of the last session
//! that goes on is told that it is over. A session belongs to the pair of identities that greeted;
//! each end takes a new one whenever it leaves `Up`, so that both ends of a session began it at
//! number 0, and nothing of another session is taken for its own.
//!
//! # Ports
//!
//! A link has `PORTS` ports, numbered from 0, with a meaning that the two programs agree on. A port
//! is an endpoint with a [`State`](super::State): open it at both ends, in any order, and it is
//! connected; each direction is shut by itself. A port holds `CREDITS` messages that came and were
//! not taken; the peer sends no more than there is room for. A port that nobody reads so delays no
//! other.
//!
//! When the session ends, for whatever reason, nothing can be sent on its ports any more:
//! [`try_send`](Link::try_send) fails with `Reset`. What had come whole can still be received;
//! behind it comes the end of file if the peer had ended its sending, and otherwise `Reset`.
//! [`open_port`](Link::open_port) begins anew, and drops what is left.
//!
//! # Bounds
//!
//! [`handle_bytes`](Link::handle_bytes) does work proportional to the bytes it is given, whatever
//! they are: at most two passes over each, and once per frame a pass over the ports. It keeps
//! nothing of the peer's but what these types have room for, and cannot panic. A peer that breaks
//! the protocol loses its session ([`Down::Violation`]).
//!
//! Memory: `(PORTS * CREDITS + WINDOW + 1) * MAX` bytes, and some 350 more.

use super::frame::{Hello, Identity};
use core::hash::{Hash, Hasher};

mod commands;
mod event;
mod line;
mod port;
mod reliable;
mod serial;
mod session;
mod timer;

pub use event::{Down, Event, Phase, PortEvent, ResetReason};
pub use line::Line;
pub use reliable::Reliable;
pub use serial::Serial;

use line::Received;
use port::PortSlot;
use timer::{NEVER, Timer};

/// A link over a line that loses and changes bytes, for messages of at most `MAX` bytes; `WINDOW`
/// frames may be under way, each of `PORTS` ports holds `CREDITS` messages. All four have defaults.
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

/// A link over a stream that stays in order and whole; the parameters are those of [`SerialLink`].
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

/// Who this side is, and its patience. A tick is whatever the program's clock counts; the two sides
/// need not count the same, nor have the same configuration. 0 ticks are for ever.
///
/// ```
/// use ringway_core::channel::link::Config;
/// // At 115200 baud a frame of 268 bytes takes 23 ms, and the clock counts milliseconds.
/// let config = Config { retransmit: 100, ..Config::new(3) };
/// assert_eq!(config.generation, 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config {
    /// Tells this run of the program from the runs before: a count of restarts kept somewhere, or a
    /// random number. With the same number each time a restart is recognised too, as soon as the
    /// peer had heard anything in the session before; only a peer that had not may send the new run
    /// what was meant for the old one.
    pub generation: u32,
    /// A serial link sends a frame again when it was not acknowledged for so many ticks; at least
    /// twice the time that the longest frame takes on the line, with all buffers on the way. A lost
    /// frame is mostly noticed earlier, by the one behind it.
    pub retransmit: u32,
    /// Ticks between two greetings, as long as nobody answers.
    pub hello: u32,
    /// After so many ticks of silence the peer is asked whether it is there.
    pub keepalive: u32,
    /// After so many ticks of silence the peer is gone: some times [`keepalive`](Self::keepalive).
    pub gone: u32,
}

impl Config {
    /// For a clock that counts milliseconds: 100 to send again, 250 between greetings, 1000 to ask,
    /// 3500 to give up.
    pub const fn new(generation: u32) -> Self {
        Config { generation, retransmit: 100, hello: 250, keepalive: 1000, gone: 3500 }
    }
}

/// One end of a link, see the [module](self): over a [`Serial`] or a [`Reliable`] line, with
/// `PORTS` ports that hold `CREDITS` messages of at most `MAX` bytes.
///
/// It can be cloned and hashed, so that a model checker can explore what becomes of it.
#[derive(Debug, Clone)]
// What is small and often needed comes first: a Cortex-M0 reaches bytes 31 bytes behind a pointer,
// words 124.
#[repr(C)]
pub struct Link<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize> {
    phase: Phase,
    /// Whether the peer spoke in this session, or in the last one.
    has_heard: bool,
    /// What is to be said without a number.
    owes: u8,
    /// How often the peer was told that this side closes.
    byes: u8,
    /// What is to be told to the user.
    came_up: bool,
    went_down: bool,
    why: Down,
    /// Who this side is in this session.
    local: Identity,
    /// Who greeted last.
    peer: Hello,
    config: Config,
    /// The latest time that this side was told; what follows counts from there.
    now: u64,
    timers: [Timer; 3],
    line: L,
    slots: [PortSlot<CREDITS, MAX>; PORTS],
}

/// For ever, for 0.
const fn patience(ticks: u32) -> u32 {
    if ticks == 0 { NEVER } else { ticks }
}

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<Serial<WINDOW, MAX>, PORTS, CREDITS, MAX>
{
    /// A link that is down.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Phase, SerialLink};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.phase(), Phase::Down);
    /// ```
    pub const fn new(config: Config) -> Self {
        Self::over(Serial::new(patience(config.retransmit)), config)
    }
}

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<Reliable<WINDOW, MAX>, PORTS, CREDITS, MAX>
{
    /// A link that is down.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Phase, ReliableLink};
    /// let link = ReliableLink::<256>::new(Config::new(1));
    /// assert_eq!(link.phase(), Phase::Down);
    /// ```
    pub const fn new(config: Config) -> Self {
        Self::over(Reliable::new(), config)
    }
}

impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    const SLOTS: [PortSlot<CREDITS, MAX>; PORTS] = [PortSlot::EMPTY; PORTS];

    const fn over(line: L, config: Config) -> Self {
        const { assert!(PORTS >= 1 && PORTS <= 255, "a link has 1 to 255 ports") }
        Link {
            config: Config {
                generation: config.generation,
                retransmit: patience(config.retransmit),
                hello: patience(config.hello),
                keepalive: patience(config.keepalive),
                gone: patience(config.gone),
            },
            now: 0,
            phase: Phase::Down,
            local: Identity { generation: config.generation, attempt: 0 },
            peer: Hello {
                up: false,
                ports: 0,
                credits: 0,
                max: 0,
                id: Identity::NOBODY,
                heard: Identity::NOBODY,
            },
            has_heard: false,
            owes: 0,
            byes: 0,
            timers: [Timer::OFF; 3],
            came_up: false,
            went_down: false,
            why: Down::Closed,
            line,
            slots: Self::SLOTS,
        }
    }

    /// Where the link is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What the peer said of itself when it greeted: its identity and its limits. `None` unless the
    /// link is up or closing.
    pub fn peer(&self) -> Option<&Hello> {
        match self.phase {
            Phase::Up | Phase::Closing => Some(&self.peer),
            Phase::Down | Phase::Connecting => None,
        }
    }

    /// Begins to look for a peer, and goes on until there is one. Poll for bytes to transmit and
    /// for the timeout afterwards.
    ///
    /// # Errors
    /// `AlreadyConnected`: it was opened already.
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
        self.time_is(now);
        self.connect();
        Ok(())
    }

    /// Closes every port and then the link: what was accepted before is transmitted, and on a
    /// serial line acknowledged, before the peer is told. A link that is not up, or that is closing
    /// already, is down at once. Poll for bytes to transmit and for the timeout afterwards.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Down, Event, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// link.open(0).unwrap();
    /// link.close(5);
    /// assert_eq!(link.poll_event(), Some(Event::Down(Down::Closed)));
    /// ```
    pub fn close(&mut self, now: u64) {
        self.time_is(now);
        match self.phase {
            Phase::Down => {}
            Phase::Up => {
                for slot in &mut self.slots {
                    slot.port.close();
                    slot.inbox.clear();
                }
                self.phase = Phase::Closing;
            }
            Phase::Connecting | Phase::Closing => self.go_down(Down::Closed),
        }
    }

    /// Takes bytes that came. Poll for bytes to transmit, events and the timeout afterwards.
    pub fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        self.time_is(now);
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.line.recv(&mut rest) {
                Received::Nothing => {}
                Received::Record { kind, port } => self.handle_frame(kind, port),
                Received::Violation if self.phase == Phase::Down => {}
                Received::Violation => self.go_down(Down::Violation),
            }
        }
    }

    /// The stream ended, or another takes its place: no byte of the old one follows. The link is
    /// down; open it again over the next stream.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, Down, Event, ReliableLink};
    /// let mut link = ReliableLink::<256>::new(Config::new(1));
    /// link.open(0).unwrap();
    /// link.handle_end(5);
    /// assert_eq!(link.poll_event(), Some(Event::Down(Down::LineEnded)));
    /// ```
    pub fn handle_end(&mut self, now: u64) {
        self.time_is(now);
        if self.phase != Phase::Down {
            self.go_down(Down::LineEnded);
        }
        self.line.clear();
        self.owes = 0;
        self.has_heard = false;
    }

    /// Time passed: to be called when [`poll_timeout`](Self::poll_timeout) says so, harmless
    /// before. Poll for everything afterwards.
    pub fn handle_timeout(&mut self, now: u64) {
        self.time_is(now);
        self.time_passed();
    }

    /// Puts the next bytes to transmit into `out`; returns how many. Ask again until that is none,
    /// or less than `out` holds. `out` may be as small as a byte.
    ///
    /// `now` is the time at which these bytes are handed to the line: the link waits for an answer
    /// from there.
    pub fn poll_transmit(&mut self, now: u64, out: &mut [u8]) -> usize {
        self.time_is(now);
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..) {
            if rest.is_empty() || (!self.line.is_sending() && !self.start_frame()) {
                break;
            }
            filled = filled.wrapping_add(self.line.fill(rest));
        }
        filled
    }

    /// Carries what the two links say to each other until neither has more to say: in place of a
    /// line, for tests and examples.
    pub fn exchange<M: Line, const P: usize, const C: usize, const X: usize>(
        &mut self,
        now: u64,
        peer: &mut Link<M, P, C, X>,
    ) {
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

    /// What happened: each event once, `None` when that was all.
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
        for (number, slot) in (0_u32..).zip(self.slots.iter_mut()) {
            if let Some(event) = slot.port.next_news(room) {
                return Some(Event::Port(number as u8, event));
            }
        }
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), in the program's ticks; it may lie in
    /// the past. `None`: not before something else happens.
    pub fn poll_timeout(&self) -> Option<u64> {
        match self.next_timer().left() {
            NEVER => None,
            ticks => self.now.checked_add(ticks as u64),
        }
    }
}

/// What makes a difference to the future counts.
impl<L: Line + Hash, const PORTS: usize, const CREDITS: usize, const MAX: usize> Hash
    for Link<L, PORTS, CREDITS, MAX>
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.phase, self.local, self.peer, self.has_heard, self.owes, self.byes).hash(state);
        self.timers.hash(state);
        (self.went_down, self.came_up).hash(state);
        (&self.line, &self.slots).hash(state);
    }
}
