//! Makes a link from named settings.

use super::end::{ReliableLink, SerialLink};
use super::wire::Streams;
use ringway_core::channel::link::Config;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a link. Every setting has a default. The two sides may have different settings.
///
/// ```
/// use ringway::{link::Builder, socket::UnixStream};
/// let (near, far) = UnixStream::pair().unwrap();
/// let peer = std::thread::spawn(move || {
///     let mut link = Builder::new().max_message::<64>().reliable(far);
///     link.connect(0).unwrap();
///     link.send(0, b"hello").unwrap();
///     link.close().unwrap();
/// });
/// let mut link = Builder::new().max_message::<64>().ports::<2>().reliable(near);
/// link.connect(0).unwrap();
/// let mut message = [0; 64];
/// let n = link.recv(0, &mut message).unwrap();
/// assert_eq!(&message[..n], b"hello");
/// assert!(link.recv(0, &mut message).is_err(), "the peer sends no more");
/// # peer.join().unwrap();
/// ```
///
/// Over a serial line:
///
/// ```
/// use ringway::{link::Builder, serial};
/// let (here, _there) = serial::pair().unwrap();
/// let link = Builder::new().window::<8>().credits::<2>().serial(here, 115_200);
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "it makes nothing before it is told over what"]
pub struct Builder<
    const MAX: usize = 256,
    const WINDOW: usize = 4,
    const PORTS: usize = 1,
    const CREDITS: usize = 4,
> {
    config: Option<Config>,
}

impl Builder {
    /// The defaults: messages of at most 256 bytes, 4 frames under way, 1 port that holds 4
    /// messages.
    pub const fn new() -> Self {
        Builder { config: None }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl<const MAX: usize, const WINDOW: usize, const PORTS: usize, const CREDITS: usize>
    Builder<MAX, WINDOW, PORTS, CREDITS>
{
    /// Sets the most bytes of a message.
    pub const fn max_message<const BYTES: usize>(self) -> Builder<BYTES, WINDOW, PORTS, CREDITS> {
        Builder { config: self.config }
    }

    /// Sets how many frames may be under way before the first is acknowledged.
    pub const fn window<const FRAMES: usize>(self) -> Builder<MAX, FRAMES, PORTS, CREDITS> {
        Builder { config: self.config }
    }

    /// Sets the number of ports.
    pub const fn ports<const COUNT: usize>(self) -> Builder<MAX, WINDOW, COUNT, CREDITS> {
        Builder { config: self.config }
    }

    /// Sets how many messages each port holds before they are received.
    pub const fn credits<const MESSAGES: usize>(self) -> Builder<MAX, WINDOW, PORTS, MESSAGES> {
        Builder { config: self.config }
    }

    /// Sets the times, and the number that tells this run of the program from others.
    ///
    /// Without it, the times are the default ones for the line, and the number comes from the
    /// clock.
    pub const fn config(self, config: Config) -> Self {
        Builder { config: Some(config) }
    }

    /// Makes a link over a stream that the system keeps whole: see
    /// [`Link::over`](super::Link::over).
    pub fn reliable<M>(
        self,
        streams: impl Streams<M>,
    ) -> ReliableLink<MAX, WINDOW, PORTS, CREDITS> {
        let config = self.config.unwrap_or_else(|| Config::new(generation()));
        ReliableLink::over(streams, config)
    }

    /// Makes a link over a line of `speed` bits per second: see [`SerialLink::config`].
    pub fn serial<M>(
        self,
        streams: impl Streams<M>,
        speed: u32,
    ) -> SerialLink<MAX, WINDOW, PORTS, CREDITS> {
        let usual = || SerialLink::<MAX, WINDOW, PORTS, CREDITS>::config(speed, generation());
        SerialLink::over(streams, self.config.unwrap_or_else(usual))
    }
}

/// Returns a number that differs, almost surely, from that of every other run of the program.
fn generation() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_nanos() as u32) ^ std::process::id().rotate_left(16)
}
