//! The core's rings, pipes, FIFOs and sockets in memory, between two threads.
//!
//! They need no kernel object, and no system call unless a side has to sleep. The ends borrow the
//! structures, so these are leaked.

use crate::closes::Closes;
use crate::{Accept, End, Locked, Offer, Way, reader, writer};
use crate::{Failure, Result};
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe;
use ringway_core::channel::socket::{Connection, Network, Packets, Shutdown, Stream};
use ringway_core::ring::{Ring, bytes};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Leaks a value, so that it lives for ever.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn taken() -> Failure {
    CoreError::Taken.into()
}

/// Rings of values: each value is a piece, which moves.
///
/// # Errors
/// None in practice: the rings are new.
pub fn rings<const N: usize>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Ring::<Vec<u8>, N, PrivateFutex>::new()));
    let end = |tx: &'static Ring<_, N, _>, rx: &'static Ring<_, N, _>| {
        let (tx, rx) = (tx.producer().ok_or_else(taken)?, rx.consumer().ok_or_else(taken)?);
        Result::Ok(End::new(Closes::new(rx), Closes::new(tx)))
    };
    Ok((end(there, back)?, end(back, there)?))
}

/// Rings of bytes.
///
/// # Errors
/// None in practice: the rings are new.
pub fn byte_rings<const N: usize>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(bytes::ByteRing::<N, PrivateFutex>::new()));
    let end = |tx: &'static bytes::ByteRing<N, _>, rx: &'static bytes::ByteRing<N, _>| {
        let (tx, rx) = (tx.producer().ok_or_else(taken)?, rx.consumer().ok_or_else(taken)?);
        Result::Ok(End::new(Closes::new(rx), Closes::new(tx)))
    };
    Ok((end(there, back)?, end(back, there)?))
}

reader!([const N: usize] pipe::Reader<'static, N, PrivateFutex>, rx => rx,
    read try_read read_deadline);
writer!([const N: usize] pipe::Writer<'static, N, PrivateFutex>, tx => tx,
    write try_write write_deadline, tx.try_clone()?);

/// Pipes.
///
/// # Errors
/// None in practice: the pipes are new.
pub fn pipes<const N: usize>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(pipe::Pipe::<N, PrivateFutex>::new()));
    let ((their_rx, tx), (rx, their_tx)) = (there.open()?, back.open()?);
    Ok((End::new(rx, tx), End::new(their_rx, their_tx)))
}

/// FIFOs: the two ends share only their names.
pub struct Fifos<const NAMES: usize, const N: usize>(pub &'static Registry<NAMES, N, PrivateFutex>);

impl<const NAMES: usize, const N: usize> Way for Fifos<NAMES, N> {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let names = self.0;
        let name = unique();
        let (there, back) =
            (Name::create(names, &name, "there")?, Name::create(names, &name, "back")?);
        // Both sides open the FIFOs in the same order, so that they meet.
        Ok(Offer::named(name, move || {
            let tx = names.open_writer(&there.name)?;
            let rx = names.open_reader(&back.name)?;
            Ok(End::new(
                Named { end: rx, name: Arc::new(back) },
                Named { end: tx, name: Arc::new(there) },
            ))
        }))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let name = |way| format!("{}{way}", offer.name).into_bytes();
        let rx = self.0.open_reader(&name("there"))?;
        Ok(End::new(rx, self.0.open_writer(&name("back"))?))
    }
}

/// A name of a FIFO; dropping it removes the FIFO.
struct Name<const NAMES: usize, const N: usize> {
    names: &'static Registry<NAMES, N, PrivateFutex>,
    name: Vec<u8>,
}

impl<const NAMES: usize, const N: usize> Name<NAMES, N> {
    fn create(
        names: &'static Registry<NAMES, N, PrivateFutex>,
        name: &str,
        way: &str,
    ) -> Result<Self> {
        let name = format!("{name}{way}").into_bytes();
        names.create(&name)?;
        Ok(Name { names, name })
    }
}

impl<const NAMES: usize, const N: usize> Drop for Name<NAMES, N> {
    fn drop(&mut self) {
        self.names.remove(&self.name).expect("it was made");
    }
}

/// An end, and the name of its FIFO; the last end that holds the name removes the FIFO.
struct Named<E, const NAMES: usize, const N: usize> {
    end: E,
    name: Arc<Name<NAMES, N>>,
}

reader!([const M: usize, const N: usize] Named<pipe::Reader<'static, N, PrivateFutex>, M, N>,
    it => it.end, read try_read read_deadline);
// Another writer opens the FIFO by name.
writer!([const M: usize, const N: usize] Named<pipe::Writer<'static, N, PrivateFutex>, M, N>,
    it => it.end, write try_write write_deadline,
    Named { end: it.name.names.try_open_writer(&it.name.name)?, name: it.name.clone() });

/// A name that nothing else in this process uses.
fn unique() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: only the count matters.
    COUNT.fetch_add(1, Ordering::Relaxed).to_string()
}

macro_rules! sockets {
    ($($(#[$meta:meta])* $Way:ident $kind:ident $Socket:ident,
        $read:ident $try_read:ident $read_deadline:ident,
        $write:ident $try_write:ident $write_deadline:ident;)*) => {
        $(
            $(#[$meta])*
            pub struct $Way<const PORTS: usize, const CONNECTIONS: usize, const N: usize>(
                pub &'static Network<PORTS, CONNECTIONS, N, PrivateFutex>,
            );

            impl<const P: usize, const C: usize, const N: usize> Way for $Way<P, C, N> {
                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let name = unique();
                    let listener = self.0.$kind().listen(name.as_str(), 1)?;
                    Ok(Offer::named(name, move || Ok(End::in_turn(listener.accept()?))))
                }

                fn join(&self, offer: Offer) -> Result<End> {
                    Ok(End::in_turn(self.0.$kind().connect(offer.name.as_str())?))
                }
            }

            reader!([const N: usize] Locked<$Socket<'static, N, PrivateFutex>>, it => it.lock(),
                $read $try_read $read_deadline, Result::Ok(it.lock().shutdown(Shutdown::Read)));
            // Another writer shares the same end.
            writer!([const N: usize] Locked<$Socket<'static, N, PrivateFutex>>, it => it.lock(),
                $write $try_write $write_deadline, Locked(it.0.clone()),
                Result::Ok(it.lock().shutdown(Shutdown::Write)));
        )*
    };
}

sockets! {
    /// Streams, by port.
    Streams streams Stream, read try_read read_deadline, write try_write write_deadline;
    /// Messages, by port.
    Messages packets Packets, recv try_recv recv_deadline, send try_send send_deadline;
}

/// A stream taken apart into halves, for two contexts at each end.
///
/// # Errors
/// None in practice: the connection is new.
pub fn stream_halves<const N: usize>() -> Result<(End, End)> {
    let (near, far) = leak(Connection::<N, PrivateFutex>::new()).pair()?;
    let end = |stream: Stream<'static, N, PrivateFutex>| match stream.into_split() {
        (Some(rx), Some(tx)) => Result::Ok(End::new(rx, tx)),
        _ => Err(CoreError::Closed.into()),
    };
    Ok((end(near)?, end(far)?))
}
