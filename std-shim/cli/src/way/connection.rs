//! A connection, which carries messages of any size.

use super::{Accept, End, Offer, Way, handed};
use crate::failure::Result;
use ringway::connection::{self, Connection};
use std::path::Path;

/// A connection. An empty message is the end: what has sent one still receives.
pub struct Connected(Connection);

impl End for Connected {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        Ok(self.0.send(piece)?)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.0.recv(into)?)
    }

    fn shut(&mut self) -> Result<()> {
        self.send(b"")
    }
}

impl Way for Connected {
    const MESSAGE: Option<usize> = Some(200 << 10);

    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let (ours, theirs) = connection::pair()?;
        Ok(handed(Connected(ours), [theirs.into()]))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        let [socket] = offer.take()?;
        Ok(Connected(Connection::try_from(socket)?))
    }
}
