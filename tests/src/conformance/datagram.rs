//! Unix datagrams to a name, by path and by abstract name.

use ringway::CoreError;
use ringway::socket::{UnixAddress, UnixDatagram};
use ringway_ways::socket::{address, name};
use ringway_ways::{Accept, End, Form, Offer, Reader, Result, Way, Writer};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Each side receives at a name of its own, and sends to the other's.
pub struct Named {
    pub is_abstract: bool,
}

/// The halves that receive and send. The name stays as long as either half.
struct Half(Arc<Both>);

struct Both {
    rx: UnixDatagram,
    tx: UnixDatagram,
    /// The path of the other one, should it be killed: it does not take that along.
    other: Option<String>,
}

impl Drop for Both {
    fn drop(&mut self) {
        let _ = self.other.as_ref().map(std::fs::remove_file);
    }
}

impl Reader for Half {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        let rx = &self.0.rx;
        Ok(match form {
            Form::Plain => rx.recv(into)?,
            Form::Try => rx.try_recv(into)?,
            Form::Until(end) => rx.recv_deadline(into, Some(end))?,
        })
    }
}

impl Writer for Half {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        let tx = &self.0.tx;
        match form {
            Form::Plain => tx.send(piece)?,
            Form::Try => tx.try_send(piece)?,
            Form::Until(end) => tx.send_deadline(piece, Some(end))?,
        }
        Ok(piece.len())
    }

    fn another(&self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Half(self.0.clone())))
    }
}

/// Sends to this name. A side that starts later has no backlog, so the other tries until it is
/// there.
fn end(rx: UnixDatagram, to: UnixAddress, other: Option<String>) -> Result<End> {
    let (tx, patience) = (UnixDatagram::unbound()?, Instant::now() + Duration::from_secs(30));
    while let Err(error) = tx.connect(to.clone()) {
        if !(error.is(CoreError::NotFound) || error.is(CoreError::Refused)) {
            return Err(error.into());
        }
        assert!(Instant::now() < patience, "the other does not come: {error}");
        std::thread::sleep(Duration::from_millis(1));
    }
    let both = Arc::new(Both { rx, tx, other });
    Ok(End::new(Half(both.clone()), Half(both)))
}

impl Way for Named {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let [(ours, address), (theirs, to)] = [(); 2].map(|()| name(place, self.is_abstract));
        let rx = UnixDatagram::bind(address)?;
        let name = format!("{ours}\n{theirs}");
        Ok(Offer::named(name, move || end(rx, to, Some(theirs))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let (theirs, ours) = offer.name.split_once('\n').unwrap_or_default();
        end(UnixDatagram::bind(address(ours))?, address(theirs), None)
    }
}
