//! One end of a link: how it is made and driven.

use super::start::Start;
use super::wire::{self, Arrived, Streams, Wire};
use crate::fd::Timeout;
use crate::{CoreError, Error, Result};
use ringway_core::channel::frame::Hello;
use ringway_core::channel::link as machine;
use ringway_core::channel::link::{Config, Down, Event, Line, Phase, Reliable, Serial};
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A link over a stream that the system keeps in order and whole; the parameters are those of
/// [`SerialLink`].
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

/// A link over a line that loses and changes bytes, for messages of at most `MAX` bytes; `WINDOW`
/// frames may be under way, each of `PORTS` ports holds `CREDITS` messages. The two sides need not
/// have the same.
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

/// One end of a link, and the descriptors that it is driven over: see the [module](super).
///
/// Its memory is on the heap. While it is made it passes through the stack: some `(PORTS *
/// CREDITS + WINDOW + 1) * MAX` bytes.
#[derive(Debug)]
pub struct Link<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize> {
    pub(super) core: Box<machine::Link<L, PORTS, CREDITS, MAX>>,
    wire: Wire,
}

impl<L: Start<MAX>, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// A link over a stream that goes both ways (a [socket](crate::socket), a [serial
    /// port](crate::serial)), or over two, one each way: `(from, to)`. It is open: it greets as
    /// soon as it is driven. [`Builder`](super::Builder) is another way to make one.
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
        // A new link is down, and can be opened.
        let _ = core.open(wire.now());
        Link { core, wire }
    }
}

impl<const WINDOW: usize, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    SerialLink<MAX, WINDOW, PORTS, CREDITS>
{
    /// The patience for a line of `speed` bits per second, ten of which carry a byte: a frame is
    /// sent again when it was not acknowledged although all that may lie before it and before the
    /// answer, a window each way, had time to get through.
    ///
    /// ```
    /// use ringway::link::SerialLink;
    /// assert_eq!(SerialLink::<256, 4>::config(115_200, 1).retransmit, 286);
    /// assert_eq!(SerialLink::<256, 4>::config(9_600, 1).retransmit, 2_883);
    /// ```
    pub const fn config(speed: u32, generation: u32) -> Config {
        /// What a frame has besides the message, for the schedulers at both ends, and for a port's
        /// own buffers.
        const FRAME: u64 = 16;
        const SCHEDULE: u64 = 50;
        let speed = if speed == 0 { 1 } else { speed as u64 };
        let frames = 2 * (WINDOW as u64 + 1);
        let bits = frames * (MAX as u64 + FRAME) * 10;
        let ticks = SCHEDULE + bits * 1000 / speed;
        let retransmit = if ticks > u32::MAX as u64 / 8 { u32::MAX / 8 } else { ticks as u32 };
        let usual = Config::new(generation);
        // Not less than the usual, and longer than what retransmission takes.
        let keepalive =
            if usual.keepalive < 2 * retransmit { 2 * retransmit } else { usual.keepalive };
        let gone = if usual.gone < 7 * retransmit { 7 * retransmit } else { usual.gone };
        Config { retransmit, keepalive, gone, ..usual }
    }
}

/// Driving it.
impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// Moves what can be moved without waiting: reads what is there, sees to what is due, writes
    /// what there is room for. Look for events and messages afterwards.
    ///
    /// # Errors
    /// What the system says, other than that the other side is gone: that is an
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
        self.take(Self::PIECES)?;
        self.give()
    }

    /// So many pieces are read in one turn: a peer that never stops does not keep us here.
    const PIECES: usize = 16;

    /// And so many before a stream is given up: more than an honest peer can have sent, with all
    /// ports full.
    const LAST_PIECES: usize = Self::PIECES + 2 * (PORTS * CREDITS * MAX).div_ceil(wire::PIECE);

    /// Hands what came to the core.
    pub(super) fn take(&mut self, pieces: usize) -> Result<()> {
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

    /// Writes what the core has, as far as there is room.
    pub(super) fn give(&mut self) -> Result<()> {
        let core = &mut self.core;
        if !self.wire.write(|now, out| core.poll_transmit(now, out))? {
            // What the other side said before it left is still there.
            self.wire.drop_output();
            self.take(Self::LAST_PIECES)?;
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        self.core.handle_end(self.wire.now());
        self.wire.end();
    }

    /// Drives it until `attempt` does not say `WouldBlock`: as long as there is time, and once in
    /// any case.
    pub(super) fn until<T>(
        &mut self,
        operation: &'static str,
        timeout: Timeout,
        mut attempt: impl FnMut(&mut Self) -> std::result::Result<T, CoreError>,
    ) -> Result<T> {
        // What is possible at once costs no look at the line.
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
            self.give()?;
            self.wait(deadline)?;
            late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        }
        self.give()?;
        outcome.map_err(|error| Error::new(operation, error))
    }

    /// Waits until a [`turn`](Self::turn) has something to do: bytes came, there is room for those
    /// that wait, or it is time. At most until `deadline`; which of them it was does not matter.
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

    /// The descriptor that bytes come from, to be waited for in the program's own way.
    pub fn input(&self) -> BorrowedFd<'_> {
        self.wire.input()
    }

    /// The descriptor that bytes go to; [`input`](Self::input), unless the link is over a pair.
    pub fn output(&self) -> BorrowedFd<'_> {
        self.wire.output()
    }

    /// Whether bytes wait for room in [`output`](Self::output).
    pub fn is_blocked(&self) -> bool {
        self.wire.is_blocked()
    }

    /// When a [`turn`](Self::turn) is due though nothing came. `None`: not before something else
    /// happens.
    pub fn timeout(&self) -> Option<Instant> {
        self.core.poll_timeout().and_then(|at| self.wire.at(at))
    }

    /// Where the link is, by what it was driven to so far.
    pub fn phase(&self) -> Phase {
        self.core.phase()
    }

    /// What the peer said of itself: its identity and its limits. `None` unless the link is up or
    /// closing.
    pub fn peer(&self) -> Option<&Hello> {
        self.core.peer()
    }

    /// Looks for a peer again over the same stream, after the link was closed by either side.
    ///
    /// # Errors
    /// [`AlreadyConnected`](CoreError::AlreadyConnected) if it is not down,
    /// [`EndOfFile`](CoreError::EndOfFile) if the stream ended: [`set_stream`](Self::set_stream)
    /// gives it another.
    pub fn open(&mut self) -> Result<()> {
        const OPEN: &str = "open the link";
        if self.wire.has_ended() {
            return Err(Error::new(OPEN, CoreError::EndOfFile));
        }
        self.core.open(self.wire.now()).map_err(|error| Error::new(OPEN, error))
    }

    /// Ends the session, if there is one, and looks for a peer over another stream, or two. What
    /// has come over the old one can still be received. Ports that wait for their peer go on to do
    /// so.
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
        // What has come over the old stream is the program's still. If that fails, nothing else
        // comes from there.
        let _ = self.take(Self::LAST_PIECES);
        self.end();
        self.wire.replace(streams.ends());
        // It is down since the line above.
        let _ = self.core.open(self.wire.now());
    }

    /// Closes every port and the link: waits until the peer has everything that was sent, and says
    /// goodbye. Dropping a link closes its streams and does neither. A link that is down stays so.
    ///
    /// # Errors
    /// [`Reset`](CoreError::Reset) if the peer may not have got everything, or the error
    /// of the system call.
    pub fn close(&mut self) -> Result<()> {
        self.close_deadline(None)
    }

    /// [`close`](Self::close), waiting at most until `deadline`. The link goes on closing when it
    /// is driven.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut); else those of [`close`](Self::close).
    pub fn close_deadline(&mut self, deadline: Option<Instant>) -> Result<()> {
        match self.phase() {
            Phase::Down => return Ok(()),
            Phase::Closing => {}
            Phase::Connecting | Phase::Up => self.core.close(self.wire.now()),
        }
        self.until("close the link", Timeout::Until(deadline), |link| {
            if link.phase() != Phase::Down {
                return Err(CoreError::WouldBlock);
            }
            // The end of a session is told before anything else.
            match link.core.poll_event() {
                Some(Event::Down(Down::Closed)) | None => Ok(()),
                Some(_) => Err(CoreError::Reset),
            }
        })
    }

    /// What happened: each event once, `None` when that was all. Ask after every
    /// [`turn`](Self::turn), and whenever something failed. It is not necessary to ask.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// What happens next; waits for it.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected) if the link is down, where nothing happens any
    /// more; or the error of the system call.
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

    /// [`next_event`](Self::next_event), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut); else those of [`next_event`](Self::next_event).
    pub fn next_event_deadline(&mut self, deadline: Option<Instant>) -> Result<Event> {
        self.until("wait for an event of the link", Timeout::Until(deadline), |link| {
            link.core.poll_event().ok_or(match link.phase() {
                Phase::Down => CoreError::NotConnected,
                _ => CoreError::WouldBlock,
            })
        })
    }
}
