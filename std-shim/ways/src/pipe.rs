//! Two pipes, one for each direction: anonymous ones and named ones.

use crate::Result;
use crate::{Accept, End, Offer, Way, reader, soon, unique, writer};
use ringway::fifo;
use ringway::pipe::{self, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

reader!([] pipe::Reader, rx => &*rx, read try_read read_deadline);
writer!([] pipe::Writer, tx => &*tx, write try_write write_deadline, tx.try_clone()?);

/// Two anonymous pipes.
pub struct Pipes;

impl Way for Pipes {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let ((their_rx, tx), (rx, their_tx)) = (pipe()?, pipe()?);
        Ok(Offer::handed(End::new(rx, tx), [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<End> {
        let [rx, tx] = offer.take()?;
        Ok(End::new(pipe::Reader::try_from(rx)?, pipe::Writer::try_from(tx)?))
    }
}

/// Two named pipes: the two ends share only their path.
pub struct Fifos;

/// The writer of a named pipe, and the pipe's name.
struct Named {
    tx: fifo::Writer,
    name: Arc<fifo::Fifo>,
}

writer!([] Named, it => it.tx, write try_write write_deadline,
    Named { tx: it.name.try_open_writer()?, name: it.name.clone() });

impl Way for Fifos {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let path = unique(place);
        let make = |name| fifo::Fifo::create(path.with_extension(name), 0o600);
        let (there, back) = (make("there")?, make("back")?);
        // Both sides open the pipes in the same order, so that they meet.
        Ok(Offer::named(path.display().to_string(), move || {
            let tx = Named { tx: there.open_writer_deadline(soon())?, name: Arc::new(there) };
            Ok(End::new(back.open_reader_deadline(soon())?, tx))
        }))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let open = |name| fifo::Fifo::open(Path::new(&offer.name).with_extension(name));
        let (there, back) = (open("there")?, open("back")?);
        let rx = there.open_reader_deadline(soon())?;
        let tx = Named { tx: back.open_writer_deadline(soon())?, name: Arc::new(back) };
        Ok(End::new(rx, tx))
    }
}
