//! Ends of the system, as their runtime watches them.

use crate::awaited::{Awaited, Reads, Writes, end, like};
use crate::runtime::{Runtime, Watched};
use ringway::connection::{self, Connection};
use ringway::pipe::{self, pipe};
use ringway::python::connection::UnixConnection;
use ringway::serial::{self, Port};
use ringway::socket::{Datagram, Family, Seqpacket, Socket, Stream};
use ringway::{fd, fifo};
use ringway_tests::conformance::{Content, Promises};
use ringway_ways::connection::{Connected, Python};
use ringway_ways::socket::{Datagrams, Seqpackets, Tcp, Udp, UnixStreams};
use ringway_ways::{Accept, End, Meet, Offer, Pair, Result, Way, unique};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

pub fn ways<R: Runtime>() -> Vec<Awaited> {
    fn met<R: Runtime, M: Meet<It: Input + Output> + 'static>(way: M) -> &'static dyn Way {
        Box::leak(Box::new(Met::<R, M>(way, PhantomData)))
    }
    // The line keeps no end, and a system's thread carries its bytes.
    let line = Promises {
        content: Content::Bytes,
        several_writers: false,
        immediate: false,
        processes: false,
        ..promises::<R>("os::datagram_pair")
    };
    vec![
        ("pipe", promises::<R>("os::pipe"), &Pipes::<R>(PhantomData)),
        ("fifo", promises::<R>("os::fifo"), &Fifos::<R>(PhantomData)),
        ("unix_stream", promises::<R>("os::unix_stream"), met::<R, _>(UnixStreams::PATH)),
        ("seqpacket", promises::<R>("os::seqpacket"), met::<R, _>(Seqpackets::PAIR)),
        ("tcp", promises::<R>("os::tcp"), met::<R, _>(Tcp)),
        ("datagram", promises::<R>("os::datagram_pair"), met::<R, _>(Datagrams)),
        ("udp", promises::<R>("os::udp"), met::<R, _>(Udp)),
        ("connection", promises::<R>("os::connection_pair"), met::<R, _>(Connected)),
        ("connection_one_way", promises::<R>("os::connection_pipe"), &OneWay::<R>(PhantomData)),
        ("python_connection", promises::<R>("os::python_connection"), met::<R, _>(Python)),
        ("serial", line, &Pair(ports::<R>)),
    ]
}

/// What this transport of the suite promises, as far as the runtime lets it.
fn promises<R: Runtime>(name: &str) -> Promises {
    Promises { empty_at_once: R::TRIES_FIRST, ..like(name) }
}

/// An end that reads or receives.
pub trait Input: AsFd + Send + Sync + 'static {
    fn try_in(&self, into: &mut [u8]) -> ringway::Result<usize>;

    fn shut_in(&self) -> ringway::Result<()> {
        Ok(())
    }
}

/// An end that writes or sends.
pub trait Output: AsFd + Send + Sync + Sized + 'static {
    fn try_out(&self, piece: &[u8]) -> ringway::Result<usize>;

    fn shut_out(&self) -> ringway::Result<()> {
        Ok(())
    }

    /// One more end to the same place, unless several tasks share this one.
    fn twin(&self) -> ringway::Result<Option<Self>> {
        Ok(None)
    }
}

/// A half of what the runtime watches.
struct Half<R: Runtime, T: AsFd + Send + Sync + 'static>(Arc<R::Watched<T>>);

fn watch<R: Runtime, T: AsFd + Send + Sync + 'static>(end: T) -> Result<Half<R, T>> {
    Ok(Half(Arc::new(Watched::new(end)?)))
}

impl<R: Runtime, T: Input> Reads for Half<R, T> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.0.read_with(|end| end.try_in(into)).await?)
    }

    // The runtime learns from the system, a little later, that an end is ready.
    fn try_read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.0.end().try_in(into)?)
    }

    fn shut(&mut self) -> Result<()> {
        Ok(self.0.end().shut_in()?)
    }
}

impl<R: Runtime, T: Output> Writes for Half<R, T> {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        Ok(self.0.write_with(|end| end.try_out(piece)).await?)
    }

    fn try_write(&mut self, piece: &[u8]) -> Result<usize> {
        Ok(self.0.end().try_out(piece)?)
    }

    fn shut(&mut self) -> Result<()> {
        Ok(self.0.end().shut_out()?)
    }

    fn another(&self) -> Result<Self> {
        match self.0.end().twin()? {
            Some(twin) => watch(twin),
            None => Ok(Half(self.0.clone())),
        }
    }
}

/// Implements both for an end that two halves share.
macro_rules! both {
    ($([$($of:tt)*] $End:ty, $in:ident $out:ident, $shut_in:expr, $shut_out:expr;)*) => {
        $(
            impl<$($of)*> Input for $End {
                fn try_in(&self, into: &mut [u8]) -> ringway::Result<usize> {
                    self.$in(into)
                }

                fn shut_in(&self) -> ringway::Result<()> {
                    let shut: fn(&Self) -> ringway::Result<()> = $shut_in;
                    shut(self)
                }
            }

            impl<$($of)*> Output for $End {
                fn try_out(&self, piece: &[u8]) -> ringway::Result<usize> {
                    Ok(Sent::of(self.$out(piece)?, piece))
                }

                fn shut_out(&self) -> ringway::Result<()> {
                    let shut: fn(&Self) -> ringway::Result<()> = $shut_out;
                    shut(self)
                }
            }
        )*
    };
}

both! {
    [F: Family] Socket<F, Stream>, try_read try_write,
        |end| end.shutdown(Shutdown::Read), |end| end.shutdown(Shutdown::Write);
    [F: Family] Socket<F, Seqpacket>, try_recv try_send,
        |end| end.shutdown(Shutdown::Read), |end| end.shutdown(Shutdown::Write);
    [F: Family] Socket<F, Datagram>, try_recv try_send, |_| Ok(()), |_| Ok(());
    [] Connection, try_recv try_send, |_| Ok(()), |end| end.send(b"");
    [] UnixConnection, try_recv try_send, |_| Ok(()), |end| end.send(b"");
}

/// The result of a write: a number of bytes, or `()` for a whole message.
trait Sent {
    fn of(self, piece: &[u8]) -> usize;
}

impl Sent for usize {
    fn of(self, _piece: &[u8]) -> usize {
        self
    }
}

impl Sent for () {
    fn of(self, piece: &[u8]) -> usize {
        piece.len()
    }
}

/// A way whose ends are one object each, which both halves share.
struct Met<R, M>(M, PhantomData<fn() -> R>);

fn shared<R: Runtime, T: Input + Output>(it: T) -> Result<End> {
    let half = watch::<R, T>(it)?;
    Ok(end::<R>(Half::<R, T>(half.0.clone()), half))
}

impl<R: Runtime, M: Meet<It: Input + Output>> Way for Met<R, M> {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let (offer, accept) = self.0.host(place)?;
        Ok((offer, Box::new(|| shared::<R, _>(accept()?))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        shared::<R, _>(self.0.join(offer)?)
    }
}

impl Input for pipe::Reader {
    fn try_in(&self, into: &mut [u8]) -> ringway::Result<usize> {
        self.try_read(into)
    }
}

impl Output for pipe::Writer {
    fn try_out(&self, piece: &[u8]) -> ringway::Result<usize> {
        self.try_write(piece)
    }

    fn twin(&self) -> ringway::Result<Option<Self>> {
        self.try_clone().map(Some)
    }
}

/// Two anonymous pipes.
struct Pipes<R>(PhantomData<fn() -> R>);

impl<R: Runtime> Way for Pipes<R> {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let ((their_rx, tx), (rx, their_tx)) = (pipe()?, pipe()?);
        let ours = end::<R>(watch::<R, _>(rx)?, watch::<R, _>(tx)?);
        Ok(Offer::handed(ours, [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<End> {
        let [rx, tx] = offer.take()?;
        let (rx, tx) = (pipe::Reader::try_from(rx)?, pipe::Writer::try_from(tx)?);
        Ok(end::<R>(watch::<R, _>(rx)?, watch::<R, _>(tx)?))
    }
}

/// Two named pipes.
struct Fifos<R>(PhantomData<fn() -> R>);

/// The writer of a named pipe, and the pipe's name.
struct Named {
    tx: fifo::Writer,
    name: Arc<fifo::Fifo>,
}

impl AsFd for Named {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.tx.as_fd()
    }
}

impl Output for Named {
    fn try_out(&self, piece: &[u8]) -> ringway::Result<usize> {
        self.tx.try_write(piece)
    }

    fn twin(&self) -> ringway::Result<Option<Self>> {
        Ok(Some(Named { tx: self.name.try_open_writer()?, name: self.name.clone() }))
    }
}

impl<R: Runtime> Way for Fifos<R> {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let path = unique(place);
        let make = |name| fifo::Fifo::create(path.with_extension(name), 0o600);
        let (there, back) = (make("there")?, make("back")?);
        // Both sides open the pipes in the same order, so that they meet.
        Ok(Offer::named(path.display().to_string(), move || {
            let tx = Named { tx: there.open_writer()?, name: Arc::new(there) };
            Ok(end::<R>(watch::<R, _>(back.open_reader()?)?, watch::<R, _>(tx)?))
        }))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let open = |name| fifo::Fifo::open(Path::new(&offer.name).with_extension(name));
        let (there, back) = (open("there")?, open("back")?);
        let rx = watch::<R, _>(there.open_reader()?)?;
        let tx = Named { tx: back.open_writer()?, name: Arc::new(back) };
        Ok(end::<R>(rx, watch::<R, _>(tx)?))
    }
}

/// Two connections that carry messages one way each.
struct OneWay<R>(PhantomData<fn() -> R>);

impl<R: Runtime> Way for OneWay<R> {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let ((their_rx, tx), (rx, their_tx)) = (connection::pipe()?, connection::pipe()?);
        let ours = end::<R>(watch::<R, _>(rx)?, watch::<R, _>(tx)?);
        Ok(Offer::handed(ours, [OwnedFd::from(their_rx), their_tx.into()]))
    }

    fn join(&self, mut offer: Offer) -> Result<End> {
        let [rx, tx] = offer.take()?.map(Connection::try_from);
        Ok(end::<R>(watch::<R, _>(rx?)?, watch::<R, _>(tx?)?))
    }
}

/// A serial port. The line drops what is under way when either port closes, so each end keeps both.
struct Line {
    port: Arc<Port>,
    _other: Arc<Port>,
}

impl AsFd for Line {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.port.as_fd()
    }
}

impl Input for Line {
    fn try_in(&self, into: &mut [u8]) -> ringway::Result<usize> {
        fd::try_read(&*self.port, into)
    }
}

impl Output for Line {
    fn try_out(&self, piece: &[u8]) -> ringway::Result<usize> {
        fd::try_write(&*self.port, piece)
    }
}

/// The two ports of a line.
fn ports<R: Runtime>() -> Result<(End, End)> {
    let (near, far) = serial::pair()?;
    let (near, far) = (Arc::new(near), Arc::new(far));
    let line =
        |port: &Arc<Port>, other: &Arc<Port>| Line { port: port.clone(), _other: other.clone() };
    Ok((shared::<R, _>(line(&near, &far))?, shared::<R, _>(line(&far, &near))?))
}
