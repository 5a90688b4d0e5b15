//! Links over other ways: messages on a port, sent again where the way below loses them.

use crate::{Accept, End, Meet, Offer, Way, Whole};
use crate::{Failure, Result};
use ringway::CoreError;
use ringway::fd;
use ringway::link::{Config, Event, Line, Link, ReliableLink, SerialLink};
use ringway::serial::{self, Port};
use std::fmt::Debug;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The link's only port.
const PORT: u8 = 0;
const CREDITS: usize = 8;

/// A link over a way that loses no bytes.
pub struct Reliable<M>(pub M);

/// A link over a way that loses bytes or datagrams, for messages of at most `MAX` bytes.
/// A link over a way that loses bytes or datagrams, for messages of at most `MAX` bytes.
///
/// With 8000 as `MAX`, two frames fill one write.
pub struct Serial<M, const MAX: usize>(pub M);

/// An end of such a link.
struct Linked<L: Line, const MAX: usize>(Link<L, 1, CREDITS, MAX>);

impl<L: Line, const MAX: usize> Linked<L, MAX> {
    fn connect(mut link: Link<L, 1, CREDITS, MAX>) -> Result<Self> {
        link.connect(PORT)?;
        Ok(Linked(link))
    }

    /// Adds to a failure the reason that the link gives.
    fn explain<T>(&mut self, result: ringway::Result<T>) -> Result<T> {
        result.map_err(|error| match self.0.poll_event() {
            Some(Event::Down(why)) => Failure::new(format!("{error} ({why})")),
            _ => error.into(),
        })
    }
}

impl<L: Line + Send, const MAX: usize> Whole for Linked<L, MAX> {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        let sent = self.0.send(PORT, piece);
        self.explain(sent)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.0.recv(PORT, into) {
            Err(error) if error.is(CoreError::EndOfFile) => Ok(0),
            other => self.explain(other),
        }
    }

    fn shut(&mut self) -> Result<()> {
        Ok(self.0.shut_send(PORT)?)
    }

    fn leave(&mut self, leads: bool) {
        // Everything has arrived. A failure now only means that the other side left first.
        if leads {
            let _ = self.0.close();
        } else {
            while !matches!(self.0.next_event(), Ok(Event::Down(_)) | Err(_)) {}
        }
    }
}

/// Patient enough for a busy machine. A peer that ends takes its stream with it.
fn config() -> Config {
    Config { gone: 0, retransmit: 500, ..Config::new(std::process::id()) }
}

macro_rules! way {
    ($Way:ident $link:ident, $Line:ty, $MAX:expr, [$($of:tt)*] $($max:ident)?) => {
        impl<M: Meet $($of)*> Way for $Way<M $(, $max)?>
        where
            M::It: AsFd + Debug + Send + Sync,
        {
            fn message(&self) -> Option<usize> {
                Some($MAX)
            }

            fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
                let (offer, accept) = self.0.host(place)?;
                let link = move || Linked::<$Line, { $MAX }>::connect($link::over(accept()?, config()));
                Ok((offer, Box::new(|| Ok(End::in_turn(link()?)))))
            }

            fn join(&self, offer: Offer) -> Result<End> {
                let link = $link::over(self.0.join(offer)?, config());
                Ok(End::in_turn(Linked::<$Line, { $MAX }>::connect(link)?))
            }
        }
    };
}

way!(Reliable ReliableLink, ringway::link::Reliable<4, 16384>, 16384, []);
way!(Serial SerialLink, ringway::link::Serial<8, MAX>, MAX, [, const MAX: usize] MAX);

/// A serial line: a pseudo terminal.
pub struct SerialLine;

/// An end of the serial line.
#[derive(Debug)]
pub struct Plugged {
    port: Port,
    /// The other end, kept open until another process has duplicated it.
    _other: Option<Port>,
}

impl Meet for SerialLine {
    type It = Plugged;

    fn host(&self, _place: &Path) -> Result<(Offer, Accept<Plugged>)> {
        let (port, far) = serial::pair()?;
        let theirs = fd::duplicate(&far)?;
        Ok(Offer::handed(Plugged { port, _other: Some(far) }, [theirs]))
    }

    fn join(&self, mut offer: Offer) -> Result<Plugged> {
        let [port] = offer.take()?;
        Ok(Plugged { port: Port::try_from(port)?, _other: None })
    }
}

impl AsFd for Plugged {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}
