//! Links, each over one of the other ways: messages on a port, sent again where what is below loses
//! them.

use super::{Accept, End, Offer, Way, handed};
use crate::failure::{Failure, Result};
use ringway::CoreError;
use ringway::fd;
use ringway::link::{Config, Event, Line, Link, ReliableLink, SerialLink};
use ringway::serial::{self, Port};
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The port that is used, of the only one.
const PORT: u8 = 0;
const CREDITS: usize = 8;

/// A link over a way that keeps bytes whole.
pub type Reliable<W> = Linked<W, ringway::link::Reliable<4, 16384>, 16384>;

/// A link over a way that loses bytes or datagrams. So large is a frame that two of them fill what
/// is written at once.
pub type Serial<W, const MAX: usize = 8000> = Linked<W, ringway::link::Serial<8, MAX>, MAX>;

/// A link over another way, for messages of at most `MAX` bytes.
pub struct Linked<W, L: Line, const MAX: usize> {
    link: Link<L, 1, CREDITS, MAX>,
    over: PhantomData<W>,
}

impl<W, L: Line, const MAX: usize> Linked<W, L, MAX> {
    fn connect(mut link: Link<L, 1, CREDITS, MAX>) -> Result<Self> {
        link.connect(PORT)?;
        Ok(Linked { link, over: PhantomData })
    }

    /// What failed, with what the link has to say of it.
    fn explain<T>(&mut self, result: ringway::Result<T>) -> Result<T> {
        result.map_err(|error| match self.link.poll_event() {
            Some(Event::Down(why)) => Failure::new(format!("{error} ({why})")),
            _ => error.into(),
        })
    }
}

impl<W, L: Line, const MAX: usize> End for Linked<W, L, MAX> {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        let sent = self.link.send(PORT, piece);
        self.explain(sent)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.link.recv(PORT, into) {
            Err(error) if error.is(CoreError::EndOfFile) => Ok(0),
            other => self.explain(other),
        }
    }

    fn shut(&mut self) -> Result<()> {
        Ok(self.link.shut_send(PORT)?)
    }

    fn leave(&mut self, leads: bool) {
        // All has come: what fails now is the other side that left first.
        if leads {
            let _ = self.link.close();
        } else {
            while !matches!(self.link.next_event(), Ok(Event::Down(_)) | Err(_)) {}
        }
    }
}

/// Patience enough for a machine that has much else to do: a peer that ends takes its stream with
/// it.
fn config() -> Config {
    Config { gone: 0, retransmit: 500, ..Config::new(std::process::id()) }
}

macro_rules! way {
    ($link:ident, $line:ty, [$($constant:tt)*], $max:expr) => {
        impl<W: Way + AsFd + std::fmt::Debug + Send + Sync $($constant)*> Way for Linked<W, $line, { $max }> {
            const MESSAGE: Option<usize> = Some($max);

            fn host(place: &Path) -> Result<(Offer, Accept<Self>)> {
                let (offer, accept) = W::host(place)?;
                Ok((offer, Box::new(|| Self::connect($link::over(accept()?, config())))))
            }

            fn join(offer: Offer) -> Result<Self> {
                Self::connect($link::over(W::join(offer)?, config()))
            }
        }
    };
}

way!(ReliableLink, ringway::link::Reliable<4, 16384>, [], 16384);
way!(SerialLink, ringway::link::Serial<8, MAX>, [, const MAX: usize], MAX);

/// A serial line, which a pseudo terminal stands for.
#[derive(Debug)]
pub struct SerialLine {
    port: Port,
    /// The other end, which stays open until another process has made it its own.
    _other: Option<Port>,
}

impl End for SerialLine {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        Ok(fd::write_all(&self.port, &mut &*piece, None)?)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(fd::read(&self.port, into)?)
    }

    fn shut(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Way for SerialLine {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let (port, far) = serial::pair()?;
        let theirs = fd::duplicate(&far)?;
        Ok(handed(SerialLine { port, _other: Some(far) }, [theirs]))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        let [port] = offer.take()?;
        Ok(SerialLine { port: Port::try_from(port)?, _other: None })
    }
}

impl AsFd for SerialLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}
