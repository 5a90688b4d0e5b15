//! The ways for bytes and messages from one end to another, each defined once: the tour carries its
//! input over them, and the bench takes their time. The two ends are in two processes, or in two
//! threads.

pub mod connection;
pub mod linked;
pub mod memory;
pub mod pipes;
pub mod raw;
pub mod shared;
pub mod signals;
pub mod sockets;
pub mod words;

use crate::failure::{Failure, Result};
use ringway::shm::Region;
use std::any::Any;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// One end, which sends and receives.
pub trait End {
    /// Sends all of it: bytes, or one message. Waits for room.
    fn send(&mut self, piece: &[u8]) -> Result<()>;

    /// Receives some bytes, or one message; waits for them. 0 is the end.
    fn recv(&mut self, into: &mut [u8]) -> Result<usize>;

    /// Sends no more. What the other end sends still comes.
    fn shut(&mut self) -> Result<()>;

    /// Everything was sent and received, both ways: takes leave, where the two ends have to.
    fn leave(&mut self, leads: bool) {
        let _ = leads;
    }
}

/// How two ends come together.
pub trait Way: End + Sized + 'static {
    /// The largest message that the tour sends; `None` where bytes have no boundaries.
    const MESSAGE: Option<usize> = None;

    /// Makes what the other end needs, and then, once it is on its way, this one. `place` is a
    /// folder for what has a path.
    fn host(place: &Path) -> Result<(Offer, Accept<Self>)>;

    fn join(offer: Offer) -> Result<Self>;
}

/// What the other end needs.
#[derive(Debug, Default)]
pub struct Offer {
    /// A path, a name or a port.
    pub name: String,
    /// What is handed over.
    pub descriptors: Vec<OwnedFd>,
    /// The other end itself, for another thread.
    pub end: Option<Box<dyn Any + Send>>,
}

/// Makes this end. It may wait for the other one.
pub type Accept<W> = Box<dyn FnOnce() -> Result<W>>;

impl Offer {
    /// The descriptors, which must be so many.
    pub fn take<const N: usize>(&mut self) -> Result<[OwnedFd; N]> {
        let all = std::mem::take(&mut self.descriptors);
        all.try_into().map_err(|_| Failure::new("descriptors are missing"))
    }

    /// The region whose descriptor was handed over.
    pub fn region(&mut self) -> Result<Region> {
        let [region] = self.take()?;
        Ok(Region::from_fd(region)?)
    }
}

/// By a name, with an end that comes once the other one does.
fn named<W>(name: &str, accept: impl FnOnce() -> Result<W> + 'static) -> (Offer, Accept<W>) {
    (Offer { name: name.to_string(), ..Offer::default() }, Box::new(accept))
}

/// Handed over, with an end that is there.
fn handed<W: 'static>(ours: W, descriptors: impl Into<Vec<OwnedFd>>) -> (Offer, Accept<W>) {
    let descriptors = descriptors.into();
    (Offer { descriptors, ..Offer::default() }, Box::new(|| Ok(ours)))
}

/// Ends that are made together, for two threads.
pub trait Pair: End + Send + Sized + 'static {
    fn pair() -> Result<(Self, Self)>;
}

impl<P: Pair> Way for P {
    fn host(_place: &Path) -> Result<(Offer, Accept<Self>)> {
        let (ours, theirs) = P::pair()?;
        let offer = Offer { end: Some(Box::new(theirs)), ..Offer::default() };
        Ok((offer, Box::new(|| Ok(ours))))
    }

    fn join(offer: Offer) -> Result<Self> {
        let theirs = offer.end.and_then(|end| end.downcast().ok());
        theirs.map(|end| *end).ok_or_else(|| Failure::new("the other end is missing"))
    }
}

/// Receives until `into` is full: bytes in as many pieces as they come, or one message of this
/// size.
pub fn recv_whole(end: &mut impl End, into: &mut [u8]) -> Result<()> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match end.recv(rest)? {
            0 => return Err(Failure::new("the other side is gone")),
            n => done += n,
        }
    }
    Ok(())
}

/// Far longer than anything takes; a peer that died would be waited for, where the mechanism does
/// not tell.
pub fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(10))
}

/// An error in its own words.
pub fn told(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
