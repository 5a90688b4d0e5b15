//! Rings in shared memory, one each way.

use super::{Accept, End, Offer, Way, handed, named, told};
use crate::failure::{Doing, Failure, Result};
use ringway::CoreError;
use ringway::shm::{ByteRing, Layout, Part, Region, RobustFutex};
use ringway_core::region::SharedWait;
use ringway_core::ring::bytes;
use ringway_core::ring::messages::{MessageRing, Receiver, Sender};
use ringway_core::storage::Fixed;
use ringway_core::wait::Nobody;
use std::hint;
use std::os::fd::AsFd;
use std::path::Path;

/// A ring holds two messages of the largest size and more.
const BYTES: usize = 4 << 20;

/// The part on which the end that hosts sends, and the one on which it receives.
const THERE: &str = "there";
const BACK: &str = "back";

/// A part, attached to until the process ends.
fn part<P: ringway_core::region::Part>(region: &Region, name: &str) -> Result<&'static Part<P>> {
    Ok(Box::leak(Box::new(region.part(name)?)))
}

fn layout<P: ringway_core::region::Part>() -> Result<Layout> {
    Layout::new(4).part::<P>(THERE).and_then(|layout| layout.part::<P>(BACK)).map_err(told)
}

/// An end's halves of two rings of messages.
struct Halves<W: SharedWait> {
    tx: Option<Sender<'static, W, Fixed<BYTES>>>,
    rx: Receiver<'static, W, Fixed<BYTES>>,
}

impl<W: SharedWait> Halves<W> {
    fn of(region: &Region, tx: &str, rx: &str) -> Result<Self> {
        let tx = part::<MessageRing<BYTES, W>>(region, tx)?.sender()?;
        Ok(Halves { tx: Some(tx), rx: part::<MessageRing<BYTES, W>>(region, rx)?.receiver()? })
    }

    fn host() -> Result<(Self, Region)> {
        let region = Region::anonymous(&layout::<MessageRing<BYTES, W>>()?)?;
        Ok((Self::of(&region, THERE, BACK)?, region))
    }

    fn join(mut offer: Offer) -> Result<Self> {
        Self::of(&offer.region()?, BACK, THERE)
    }

    fn tx(&mut self) -> Result<&mut Sender<'static, W, Fixed<BYTES>>> {
        self.tx.as_mut().ok_or_else(|| failed(CoreError::Closed))
    }
}

fn failed(error: CoreError) -> Failure {
    Failure::new(format!("the ring: {error}"))
}

/// Looks again and again until there is an answer, or the other side is gone.
fn insist<H, T>(
    half: &mut H,
    mut look: impl FnMut(&mut H) -> std::result::Result<T, CoreError>,
    is_gone: impl Fn(&H) -> bool,
) -> Result<T> {
    loop {
        for _ in 0..1 << 14 {
            match look(half) {
                Err(CoreError::WouldBlock) => hint::spin_loop(),
                answer => return answer.map_err(failed),
            }
        }
        if is_gone(half) {
            return Err(failed(CoreError::BrokenPipe));
        }
    }
}

/// The word at the front, which is all that is touched in place.
fn copy_number(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).take(8).for_each(|(to, byte)| *to = *byte);
}

/// A ring of messages each way: which bell, and how a message is sent and received.
macro_rules! rings {
    ($($(#[$meta:meta])* $name:ident($bell:ty), $send:expr, $recv:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name(Halves<$bell>);

            impl End for $name {
                fn send(&mut self, message: &[u8]) -> Result<()> {
                    let send: fn(&mut Sender<'static, $bell, Fixed<BYTES>>, &[u8]) -> Result<()> = $send;
                    send(self.0.tx()?, message)
                }

                fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
                    let recv: fn(&mut Receiver<'static, $bell, Fixed<BYTES>>, &mut [u8]) -> Result<usize> = $recv;
                    recv(&mut self.0.rx, into)
                }

                fn shut(&mut self) -> Result<()> {
                    self.0.tx.take().into_iter().for_each(Sender::close);
                    Ok(())
                }
            }

            impl Way for $name {
                const MESSAGE: Option<usize> = Some(32 << 10);

                fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
                    let (halves, region) = Halves::host()?;
                    let fd = region.as_fd().try_clone_to_owned().doing("hand the region over")?;
                    Ok(handed($name(halves), [fd]))
                }

                fn join(offer: Offer) -> Result<Self> {
                    Halves::join(offer).map($name)
                }
            }
        )*
    };
}

rings! {
    /// Polled, messages copied in and out.
    Copied(Nobody),
        |tx, message| insist(tx, |tx| tx.try_send(message), Sender::receiver_is_gone),
        |rx, into| insist(rx, |rx| rx.try_recv(into), Receiver::sender_is_gone);
    /// Polled, messages written and read where they lie: only their first word is touched.
    InPlace(Nobody),
        |tx, message| {
            let send = |tx: &mut Sender<'static, Nobody, Fixed<BYTES>>| {
                let mut grant = tx.try_reserve(message.len())?;
                copy_number(message, &mut grant);
                grant.commit(message.len());
                Ok(())
            };
            insist(tx, send, Sender::receiver_is_gone)
        },
        |rx, into| {
            let recv = |rx: &mut Receiver<'static, Nobody, Fixed<BYTES>>| {
                let message = rx.try_peek()?;
                copy_number(&message, into);
                let len = message.len();
                message.release();
                Ok(len)
            };
            insist(rx, recv, Receiver::sender_is_gone)
        };
    /// Whoever waits sleeps on a futex.
    Sleeping(RobustFutex),
        |tx, message| tx.send(message).map_err(failed),
        |rx, into| match rx.recv(into) {
            Err(CoreError::EndOfFile) => Ok(0),
            other => other.map_err(failed),
        };
}

/// A ring of bytes each way, in a region that the other end knows by its name.
pub struct NamedBytes {
    tx: Option<bytes::Producer<'static, RobustFutex, Fixed<ROOM>>>,
    rx: bytes::Consumer<'static, RobustFutex, Fixed<ROOM>>,
}

const ROOM: usize = 256 << 10;

/// The name of the region that a row makes in this folder. The tour removes it should the row be
/// killed.
fn region_name(place: &Path) -> Result<String> {
    let place = place.canonicalize().doing("find the row's folder")?;
    let tour = place.parent().and_then(Path::file_name).unwrap_or_default();
    Ok(tour.to_string_lossy().into_owned())
}

impl NamedBytes {
    fn of(region: &Region, tx: &str, rx: &str) -> Result<Self> {
        let tx = part::<ByteRing<ROOM>>(region, tx)?.producer()?;
        Ok(NamedBytes { tx: Some(tx), rx: part::<ByteRing<ROOM>>(region, rx)?.consumer()? })
    }
}

impl End for NamedBytes {
    fn send(&mut self, mut piece: &[u8]) -> Result<()> {
        let tx = self.tx.as_mut().ok_or_else(|| failed(CoreError::Closed))?;
        while !piece.is_empty() {
            let n = tx.write(piece).map_err(failed)?;
            piece = piece.get(n..).unwrap_or_default();
        }
        Ok(())
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        self.rx.read(into).map_err(failed)
    }

    fn shut(&mut self) -> Result<()> {
        self.tx.take().into_iter().for_each(bytes::Producer::close);
        Ok(())
    }
}

impl Way for NamedBytes {
    fn host(place: &Path) -> Result<(Offer, Accept<Self>)> {
        let name = region_name(place)?;
        let region = Region::create(&name, 0o600, &layout::<ByteRing<ROOM>>()?)?;
        let ours = Self::of(&region, THERE, BACK)?;
        Ok(named(&name, || Ok(ours)))
    }

    fn join(offer: Offer) -> Result<Self> {
        Self::of(&Region::open(&offer.name)?, BACK, THERE)
    }
}
