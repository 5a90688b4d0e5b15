//! Connections, which carry messages of any size.

use crate::Result;
use crate::{Accept, End, Half, Meet, Offer, Way, reader, writer};
use ringway::connection::{self, Connection};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A connection. An empty message is the end; an end that sent one still receives.
pub struct Connected;

reader!([] Half<Connection>, it => it.0, recv try_recv recv_deadline);
writer!([] Half<Connection>, it => it.0, send try_send send_deadline, Half(it.0.clone()),
    it.0.send(b""));

impl Meet for Connected {
    type It = Connection;

    fn message(&self) -> Option<usize> {
        Some(200 << 10)
    }

    fn host(&self, _place: &Path) -> Result<(Offer, Accept<Connection>)> {
        let (ours, theirs) = connection::pair()?;
        Ok(Offer::handed(ours, [theirs.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<Connection> {
        let [socket] = offer.take()?;
        Ok(Connection::try_from(socket)?)
    }
}

/// A connection of the format of Python's `multiprocessing.connection`, found by path, whose ends
/// have proved to each other that they have a key. It is ended as [`Connected`].
#[cfg(feature = "python")]
pub struct Python;

#[cfg(feature = "python")]
mod python {
    use super::*;
    use crate::{socket, soon};
    use ringway::python::connection::{Auth, UnixConnection, UnixListener};

    reader!([] Half<UnixConnection>, it => it.0, recv try_recv recv_deadline);
    writer!([] Half<UnixConnection>, it => it.0, send try_send send_deadline, Half(it.0.clone()),
        it.0.send(b""));

    fn auth() -> Result<Auth> {
        Ok(Auth::key(b"the key of both ends")?)
    }

    impl Meet for Python {
        type It = UnixConnection;

        fn message(&self) -> Option<usize> {
            Some(200 << 10)
        }

        fn host(&self, place: &Path) -> Result<(Offer, Accept<UnixConnection>)> {
            let (name, address) = socket::name(place, false);
            let listener = UnixListener::bind(address, auth()?)?;
            Ok(Offer::named(name, move || Ok(listener.accept_deadline(soon())?)))
        }

        fn join(&self, offer: Offer) -> Result<UnixConnection> {
            Ok(UnixConnection::connect(socket::address(&offer.name), &auth()?)?)
        }
    }
}

/// Two connections that carry messages one way each.
pub struct OneWay;

impl Way for OneWay {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let ((their_rx, tx), (rx, their_tx)) = (connection::pipe()?, connection::pipe()?);
        let ours = End::new(Half(rx.into()), Half(tx.into()));
        Ok(Offer::handed(ours, [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<End> {
        let [rx, tx] = offer.take()?.map(Connection::try_from);
        Ok(End::new(Half(rx?.into()), Half(tx?.into())))
    }
}
