//! Two pipes, one each way: anonymous ones, and named ones.

use super::{Accept, End, Offer, Way, handed, named, soon};
use crate::failure::{Failure, Result};
use ringway::fifo::Fifo;
use ringway::pipe::{Reader, Writer, pipe};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Two pipes; how they come to be is the parameter's.
pub struct Ends<How> {
    /// `None` once this end sends no more.
    tx: Option<Writer>,
    rx: Reader,
    how: PhantomData<How>,
}

/// Two anonymous pipes.
pub type Pipes = Ends<()>;

/// Two named pipes: the two ends share only their path.
pub type Fifos = Ends<Fifo>;

impl<How> Ends<How> {
    fn new(tx: Writer, rx: Reader) -> Self {
        Ends { tx: Some(tx), rx, how: PhantomData }
    }
}

impl<How> End for Ends<How> {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        let tx = self.tx.as_ref().ok_or_else(|| Failure::new("this end sends no more"))?;
        Ok(tx.write_all(piece)?)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.rx.read(into)?)
    }

    fn shut(&mut self) -> Result<()> {
        self.tx = None;
        Ok(())
    }
}

impl Way for Pipes {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let ((their_rx, tx), (rx, their_tx)) = (pipe()?, pipe()?);
        Ok(handed(Ends::new(tx, rx), [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        let [rx, tx] = offer.take()?;
        Ok(Ends::new(Writer::try_from(tx)?, Reader::try_from(rx)?))
    }
}

impl Way for Fifos {
    fn host(place: &Path) -> Result<(Offer, Accept<Self>)> {
        let path = place.join("fifo");
        let make = |name| Fifo::create(path.with_extension(name), 0o600);
        let (there, back) = (make("there")?, make("back")?);
        // Both sides in the same order, so that each finds the other.
        Ok(named(&path.display().to_string(), move || {
            let tx = there.open_writer_deadline(soon())?;
            Ok(Ends::new(tx, back.open_reader_deadline(soon())?))
        }))
    }

    fn join(offer: Offer) -> Result<Self> {
        let there = |name| Fifo::open(Path::new(&offer.name).with_extension(name));
        let rx = there("there")?.open_reader_deadline(soon())?;
        Ok(Ends::new(there("back")?.open_writer_deadline(soon())?, rx))
    }
}
