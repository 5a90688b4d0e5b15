//! Two pipes, one each way: anonymous ones, and named ones.

use super::{Accept, End, Offer, Way, handed, named, soon};
use crate::failure::{Failure, Result};
use ringway::fifo::Fifo;
use ringway::pipe::{Reader, Writer, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Two anonymous pipes.
pub struct Pipes {
    /// `None` once this end sends no more.
    tx: Option<Writer>,
    rx: Reader,
}

impl End for Pipes {
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
        Ok(handed(Pipes { tx: Some(tx), rx }, [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(offer: Offer) -> Result<Self> {
        let [rx, tx] = offer.take()?;
        Ok(Pipes { tx: Some(Writer::try_from(tx)?), rx: Reader::try_from(rx)? })
    }
}

/// Two named pipes: the two ends share only their path.
pub struct Fifos(Pipes);

impl End for Fifos {
    fn send(&mut self, piece: &[u8]) -> Result<()> {
        self.0.send(piece)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        self.0.recv(into)
    }

    fn shut(&mut self) -> Result<()> {
        self.0.shut()
    }
}

impl Way for Fifos {
    fn host(place: &Path) -> Result<(Offer, Accept<Self>)> {
        let path = place.join("fifo");
        let make = |name| Fifo::create(path.with_extension(name), 0o600);
        let (there, back) = (make("there")?, make("back")?);
        let path = path.to_str().ok_or_else(|| Failure::new("a path that is no text"))?;
        // Both sides in the same order, so that each finds the other.
        Ok(named(path, move || {
            let tx = there.open_writer_deadline(soon())?;
            Ok(Fifos(Pipes { tx: Some(tx), rx: back.open_reader_deadline(soon())? }))
        }))
    }

    fn join(offer: Offer) -> Result<Self> {
        let there = |name| Fifo::open(Path::new(&offer.name).with_extension(name));
        let rx = there("there")?.open_reader_deadline(soon())?;
        Ok(Fifos(Pipes { tx: Some(there("back")?.open_writer_deadline(soon())?), rx }))
    }
}
