//! One end of a link: making it and driving it.

use super::start::Start;
use super::wire::{self, Arrived, Streams, Wire};
use crate::fd::Timeout;
use crate::{CoreError, Error, Result};
use ringway_core::channel::frame::Hello;
use ringway_core::channel::link as machine;
use ringway_core::channel::link::{Config, Down, Event, Line, Phase, Reliable, Serial};
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A link over a stream that the system keeps whole and in order.
///
/// The parameters are those of [`SerialLink`].
///
/// ```
/// use ringway::{link::{Config, ReliableLink}, pipe::pipe};
/// let ((from, _there), (_back, to)) = (pipe().unwrap(), pipe().unwrap());
/// let link = ReliableLink::<1024>::over((from, to), Config::new(1));
/// ```
pub type ReliableLink<
    const MAX: usize = 256,
    const WINDOW: usize = 4,
    const PORTS: usize = 1,
    const CREDITS: usize = 4,
> = Link<Reliable<WINDOW, MAX>, PORTS, CREDITS, MAX>;

/// A link over a line that loses and changes bytes.
///
/// It carries messages of at most `MAX` bytes. `WINDOW` frames may be under way, and each of
/// `PORTS` ports holds `CREDITS` messages. The two sides may have different parameters.
///
/// ```
/// use ringway::{link::SerialLink, serial};
/// let (here, _there) = serial::pair().unwrap();
/// type Link = SerialLink<256, 4, 2>;
/// let link = Link::over(here, Link::config(115_200, 1));
/// ```
pub type SerialLink<
    const MAX: usize = 256,
    const WINDOW: usize = 4,
    const PORTS: usize = 1,
    const CREDITS: usize = 4,
> = Link<Serial<WINDOW, MAX>, PORTS, CREDITS, MAX>;

/// One end of a link, and the descriptors that carry it: see the [module](super).
///
/// Its memory is on the heap. While the link is made, that memory passes through the stack: about
/// `(PORTS * CREDITS + WINDOW + 1) * MAX` bytes.
#[derive(Debug)]
pub struct Link<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize> {
    pub(super) core: Box<machine::Link<L, PORTS, CREDITS, MAX>>,
    wire: Wire,
}

impl<L: Start<MAX>, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// Makes a link over one stream in both directions, or over a pair `(from, to)`.
    ///
    /// A [socket](crate::socket) and a [serial port](crate::serial) go in both directions. The link
    /// is open: it greets as soon as the program drives it. A [`Builder`](super::Builder) makes
    /// links too.
    ///
    /// ```
    /// use ringway::{link::{Config, Phase, ReliableLink}, socket::UnixStream};
    /// let (near, _far) = UnixStream::pair().unwrap();
    /// let link: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// assert_eq!((link.phase(), link.peer()), (Phase::Connecting, None));
    /// ```
    ///
    /// A pair of pipes:
    ///
    /// ```
    /// use ringway::{link::{Config, ReliableLink}, pipe::pipe};
    /// let ((near_in, far_out), (far_in, near_out)) = (pipe().unwrap(), pipe().unwrap());
    /// let mut near: ReliableLink<64> = ReliableLink::over((near_in, near_out), Config::new(1));
    /// let mut far: ReliableLink<64> = ReliableLink::over((far_in, far_out), Config::new(2));
    /// std::thread::scope(|s| {
    ///     s.spawn(|| far.connect(0).unwrap());
    ///     near.connect(0).unwrap();
    /// });
    /// ```
    pub fn over<M>(streams: impl Streams<M>, config: Config) -> Self {
        let wire = Wire::new(streams.ends());
        let mut core = L::start(config);
        // A new link is down, so it can be opened.
        let _ = core.open(wire.now());
        Link { core, wire }
    }
}

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    SerialLink<MAX, WINDOW, PORTS, CREDITS>
{
    /// The times for a line of `speed` bits per second, where ten bits carry a byte.
    ///
    /// The link sends a frame again if it was not acknowledged in the time that these need on the
    /// line: the frame, everything that may be sent before it, and everything that may be sent
    /// before the answer. Each side may send a window.
    ///
    /// ```
    /// use ringway::link::SerialLink;
    /// assert_eq!(SerialLink::<256, 4>::config(115_200, 1).retransmit, 286);
    /// assert_eq!(SerialLink::<256, 4>::config(9_600, 1).retransmit, 2_883);
    /// ```
    pub const fn config(speed: u32, generation: u32) -> Config {
        /// Bytes of a frame besides the message.
        const FRAME: u64 = 16;
        /// Milliseconds for the schedulers at both ends, and for a port's own buffers.
        const SCHEDULE: u64 = 50;
        let speed = if speed == 0 { 1 } else { speed as u64 };
        let frames = 2 * (WINDOW as u64 + 1);
        let bits = frames * (MAX as u64 + FRAME) * 10;
        let ticks = SCHEDULE + bits * 1000 / speed;
        let retransmit = if ticks > u32::MAX as u64 / 8 { u32::MAX / 8 } else { ticks as u32 };
        let usual = Config::new(generation);
        // At least the usual value, and more than the retransmission takes.
        let keepalive =
            if usual.keepalive < 2 * retransmit { 2 * retransmit } else { usual.keepalive };
        let gone = if usual.gone < 7 * retransmit { 7 * retransmit } else { usual.gone };
        Config { retransmit, keepalive, gone, ..usual }
    }
}

/// Driving the link.
impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// Does what is possible without waiting: reads, handles timeouts, and writes while there is
    /// room.
    ///
    /// Ask for events and messages afterwards.
    ///
    /// # Errors
    /// The error of the system call, unless it means that the other side is gone. Then there is an
    /// [event](Self::poll_event).
    ///
    /// ```
    /// use ringway::{fd, link::{Config, ReliableLink}, socket::UnixStream};
    /// let (near, far) = UnixStream::pair().unwrap();
    /// let mut link: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// link.turn().unwrap();
    /// assert_ne!(fd::try_read(&far, &mut [0; 64]).unwrap(), 0, "it greeted");
    /// ```
    pub fn turn(&mut self) -> Result<()> {
        self.read_stream(Self::PIECES)?;
        self.write_stream()
    }

    /// Pieces to read in one turn. The bound is for a peer that never stops sending.
    const PIECES: usize = 16;

    /// Pieces to read before the link gives up a stream.
    ///
    /// These are more than an honest peer can have sent, with all its ports full.
    const LAST_PIECES: usize = Self::PIECES + 2 * (PORTS * CREDITS * MAX).div_ceil(wire::PIECE);

    /// Hands received bytes to the core, and tells it when a timeout has come.
    pub(super) fn read_stream(&mut self, pieces: usize) -> Result<()> {
        for _ in 0..pieces {
            let now = self.wire.now();
            match self.wire.read()? {
                Arrived::Nothing => break,
                Arrived::Bytes(bytes) => self.core.handle_bytes(now, bytes),
                Arrived::End => {
                    self.end();
                    break;
                }
            }
        }
        let now = self.wire.now();
        if self.core.poll_timeout().is_some_and(|at| at <= now) {
            self.core.handle_timeout(now);
        }
        Ok(())
    }

    /// Writes what the core has to send, while there is room.
    pub(super) fn write_stream(&mut self) -> Result<()> {
        let core = &mut self.core;
        if !self.wire.write(|now, out| core.poll_transmit(now, out))? {
            // The bytes that the other side sent before it left can still be read.
            self.wire.drop_output();
            self.read_stream(Self::LAST_PIECES)?;
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        self.core.handle_end(self.wire.now());
        self.wire.end();
    }

    /// Drives the link and repeats `attempt` until it does not return `WouldBlock`.
    ///
    /// It stops when the time is over, and makes at least one attempt.
    pub(super) fn drive<T>(
        &mut self,
        operation: &'static str,
        timeout: Timeout,
        mut attempt: impl FnMut(&mut Self) -> std::result::Result<T, CoreError>,
    ) -> Result<T> {
        // An attempt that succeeds at once needs no system call for reading.
        let mut outcome = attempt(self);
        let mut late = false;
        while let Err(CoreError::WouldBlock) = outcome {
            self.turn()?;
            outcome = attempt(self);
            let Timeout::Until(deadline) = timeout else { break };
            if !matches!(outcome, Err(CoreError::WouldBlock)) {
                break;
            }
            if late {
                return Err(Error::new(operation, CoreError::TimedOut));
            }
            self.write_stream()?;
            self.wait(deadline)?;
            late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        }
        self.write_stream()?;
        outcome.map_err(|error| Error::new(operation, error))
    }

    /// Waits until [`turn`](Self::turn) has something to do, at most until `deadline`.
    ///
    /// That is when bytes came, when there is room for waiting bytes, or when a timeout has come.
    /// It does not return which one happened.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<()> {
        let due = self.timeout();
        let until = match (due, deadline) {
            (Some(due), Some(deadline)) => Some(due.min(deadline)),
            (due, deadline) => due.or(deadline),
        };
        self.wire.wait(until)
    }

    /// The descriptor that the link reads from, for a program that polls by itself.
    pub fn input(&self) -> BorrowedFd<'_> {
        self.wire.input()
    }

    /// The descriptor that the link writes to: [`input`](Self::input), unless the link is over a
    /// pair.
    pub fn output(&self) -> BorrowedFd<'_> {
        self.wire.output()
    }

    /// Whether bytes wait for room in [`output`](Self::output).
    pub fn is_blocked(&self) -> bool {
        self.wire.is_blocked()
    }

    /// The time at which a [`turn`](Self::turn) is due even if no bytes came.
    ///
    /// `None` means that no turn is due before something else happens.
    pub fn timeout(&self) -> Option<Instant> {
        self.core.poll_timeout().and_then(|at| self.wire.at(at))
    }

    /// The phase of the link, as of the last time that the program drove it.
    pub fn phase(&self) -> Phase {
        self.core.phase()
    }

    /// What the peer said of itself: its identity and its limits.
    ///
    /// `None` unless the link is up or closing.
    pub fn peer(&self) -> Option<&Hello> {
        self.core.peer()
    }

    /// Looks for a peer again over the same stream, after either side closed the link.
    ///
    /// # Errors
    /// [`AlreadyConnected`](CoreError::AlreadyConnected) if the link is not down,
    /// [`EndOfFile`](CoreError::EndOfFile) if the stream ended: then
    /// [`set_stream`](Self::set_stream) gives the link another one.
    pub fn open(&mut self) -> Result<()> {
        const OPEN: &str = "open the link";
        if self.wire.has_ended() {
            return Err(Error::new(OPEN, CoreError::EndOfFile));
        }
        self.core.open(self.wire.now()).map_err(|error| Error::new(OPEN, error))
    }

    /// Looks for a peer over another stream, or a pair, and ends the current session, if there is
    /// one.
    ///
    /// Messages that came over the old stream can still be received. Ports that wait for their peer
    /// keep waiting.
    ///
    /// ```
    /// use ringway::{link::{Config, Phase, ReliableLink}, socket::UnixStream};
    /// let (near, far) = UnixStream::pair().unwrap();
    /// let mut link: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// drop(far);
    /// link.turn().unwrap();
    /// assert_eq!(link.phase(), Phase::Down);
    /// let (near, _far) = UnixStream::pair().unwrap();
    /// link.set_stream(near);
    /// assert_eq!(link.phase(), Phase::Connecting);
    /// ```
    pub fn set_stream<M>(&mut self, streams: impl Streams<M>) {
        // The program can still receive what came over the old stream. If this fails, nothing more
        // comes from there.
        let _ = self.read_stream(Self::LAST_PIECES);
        self.end();
        self.wire.replace(streams.ends());
        // The link is down since the line above, so it can be opened.
        let _ = self.core.open(self.wire.now());
    }

    /// Closes every port and then the link.
    ///
    /// It waits until the peer has everything that was sent, and says goodbye. Dropping a link only
    /// closes its streams. A link that is down stays down.
    ///
    /// # Errors
    /// [`Reset`](CoreError::Reset) if the peer may not have received everything, or the error of
    /// the system call.
    pub fn close(&mut self) -> Result<()> {
        self.close_deadline(None)
    }

    /// Does what [`close`](Self::close) does, and waits at most until `deadline`.
    ///
    /// After a timeout the link goes on closing when the program drives it.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut); else those of [`close`](Self::close).
    pub fn close_deadline(&mut self, deadline: Option<Instant>) -> Result<()> {
        match self.phase() {
            Phase::Down => return Ok(()),
            Phase::Closing => {}
            Phase::Connecting | Phase::Up => self.core.close(self.wire.now()),
        }
        self.drive("close the link", Timeout::Until(deadline), |link| {
            if link.phase() != Phase::Down {
                return Err(CoreError::WouldBlock);
            }
            // Reports the end of the session before anything else.
            match link.core.poll_event() {
                Some(Event::Down(Down::Closed)) | None => Ok(()),
                Some(_) => Err(CoreError::Reset),
            }
        })
    }

    /// Returns the next event, each event once; `None` if there is no more.
    ///
    /// Call it after every [`turn`](Self::turn), and after every error. A program need not call it.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// Waits for the next event and returns it.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected) if the link is down, because then nothing happens
    /// any more; or the error of the system call.
    ///
    /// ```
    /// use ringway::{CoreError, link::{Config, Down, Event, ReliableLink}, socket::UnixStream};
    /// let (near, far) = UnixStream::pair().unwrap();
    /// let mut link: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// let now = Some(std::time::Instant::now());
    /// assert!(link.next_event_deadline(now).unwrap_err().is(CoreError::TimedOut));
    /// drop(far);
    /// assert_eq!(link.next_event().unwrap(), Event::Down(Down::LineEnded));
    /// link.next_event().unwrap_err();
    /// link.close_deadline(now).unwrap(); // nobody was there
    /// ```
    pub fn next_event(&mut self) -> Result<Event> {
        self.next_event_deadline(None)
    }

    /// Does what [`next_event`](Self::next_event) does, and waits at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut); else those of [`next_event`](Self::next_event).
    pub fn next_event_deadline(&mut self, deadline: Option<Instant>) -> Result<Event> {
        self.drive("wait for an event of the link", Timeout::Until(deadline), |link| {
            link.core.poll_event().ok_or(match link.phase() {
                Phase::Down => CoreError::NotConnected,
                _ => CoreError::WouldBlock,
            })
        })
    }
}
