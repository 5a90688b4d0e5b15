//! Every way for bytes and messages between two ends, each defined once.
//!
//! A way says how the two ends are made, what is handed to another process, and how an end sends,
//! receives and closes. The tour carries its input over the ways, the bench measures their time,
//! and the conformance suite checks what they promise. The two ends are in two processes or in two
//! threads.

pub mod closes;
pub mod connection;
pub mod linked;
pub mod memory;
pub mod pipe;
pub mod polled;
pub mod raw;
pub mod shm;
pub mod signals;
pub mod socket;
pub mod words;

mod failure;

pub use failure::{Failure, Result};

use ringway::CoreError;
use ringway::shm::Region;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long an operation may wait.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// As long as it takes.
    Plain,
    /// Not at all.
    Try,
    /// Until this time at most.
    Until(Instant),
}

/// The half that reads bytes or receives messages. Dropping it closes it.
pub trait Reader: Send {
    /// Reads some bytes or receives one message.
    ///
    /// The end is 0 for bytes, and [`CoreError::EndOfFile`] for messages.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize>;

    /// Ends reading, where one direction can be closed alone.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn shut(&mut self) -> Result<()> {
        Ok(())
    }

    /// Says goodbye after everything was sent and received, where the two ends have to.
    fn leave(&mut self, leads: bool) {
        let _ = leads;
    }
}

/// The half that writes bytes or sends messages. Dropping it closes it.
pub trait Writer: Send {
    /// Writes some of the bytes, or sends the whole message; returns the number of bytes sent.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize>;

    /// Ends sending, where one direction can be closed alone.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn shut(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes one more writer to the same place.
    ///
    /// # Errors
    /// The mechanism has only one writer.
    fn another(&self) -> Result<Box<dyn Writer>> {
        Err(Failure::new("there is one writer"))
    }
}

/// One end: a half that receives and a half that sends.
pub struct End {
    /// The half that receives.
    pub rx: Box<dyn Reader>,
    /// The half that sends; `None` once this end sends no more.
    pub tx: Option<Box<dyn Writer>>,
}

impl End {
    /// An end of these two halves.
    pub fn new(rx: impl Reader + 'static, tx: impl Writer + 'static) -> Self {
        End { rx: Box::new(rx), tx: Some(Box::new(tx)) }
    }

    /// An end of two halves that share an object and use it at the same time.
    fn shared<T>(it: T) -> Self
    where
        Half<T>: Reader + Writer + 'static,
    {
        let it = Arc::new(it);
        End::new(Half(it.clone()), Half(it))
    }

    /// An end of two halves that share an object and use it one at a time.
    fn in_turn<T>(it: T) -> Self
    where
        Locked<T>: Reader + Writer + 'static,
    {
        let it = Arc::new(Mutex::new(it));
        End::new(Locked(it.clone()), Locked(it))
    }

    /// Sends all of `piece`: bytes, or one message. Waits for room.
    ///
    /// # Errors
    /// The error of the mechanism.
    pub fn send(&mut self, mut piece: &[u8]) -> Result<()> {
        let tx = self.tx.as_mut().ok_or_else(|| Failure::new("this end sends no more"))?;
        loop {
            let n = tx.write(piece, Form::Plain)?;
            piece = piece.get(n..).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
        }
    }

    /// Waits for some bytes or one message, and receives them. 0 is the end.
    ///
    /// # Errors
    /// The error of the mechanism.
    pub fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.rx.read(into, Form::Plain) {
            Err(failure) if failure.core() == Some(CoreError::EndOfFile) => Ok(0),
            other => other,
        }
    }

    /// Receives until `into` is full.
    ///
    /// Bytes may come in any number of pieces; a message must have this size.
    ///
    /// # Errors
    /// The other side is gone, or the error of the mechanism.
    pub fn recv_whole(&mut self, into: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.recv(rest)? {
                0 => return Err(Failure::new("the other side is gone")),
                n => done += n,
            }
        }
        Ok(())
    }

    /// Ends sending. What the other end sends still arrives.
    ///
    /// # Errors
    /// The error of the mechanism.
    pub fn shut(&mut self) -> Result<()> {
        self.tx.take().map_or(Ok(()), |mut tx| tx.shut())
    }
}

/// A way to bring two ends together.
pub trait Way: Sync {
    /// The largest message that the tour sends; `None` where bytes have no boundaries.
    fn message(&self) -> Option<usize> {
        None
    }

    /// Makes what the other end needs, and a closure that makes this end.
    ///
    /// Call the closure once the offer is on its way to the other end. `place` is a folder, for
    /// objects that have a path.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn host(&self, place: &Path) -> Result<(Offer, Accept)>;

    /// Makes the other end.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn join(&self, offer: Offer) -> Result<End>;

    /// Makes both ends, for two threads.
    ///
    /// # Errors
    /// The error of the mechanism.
    fn pair(&self, place: &Path) -> Result<(End, End)> {
        let (offer, accept) = self.host(place)?;
        thread::scope(|scope| {
            let far = scope.spawn(|| self.join(offer));
            let near = accept();
            let far = far.join().map_err(|_| Failure::new("the other end panicked"))?;
            Ok((near?, far?))
        })
    }
}

impl fmt::Debug for dyn Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a way")
    }
}

/// Makes this end. It may wait for the other one.
pub type Accept<T = End> = Box<dyn FnOnce() -> Result<T>>;

/// A way whose ends are one object each.
pub trait Meet: Sync {
    /// The object.
    type It: 'static;

    /// The largest message that the tour sends: [`Way::message`].
    fn message(&self) -> Option<usize> {
        None
    }

    /// Makes what the other end needs, and a closure that makes this one: [`Way::host`].
    ///
    /// # Errors
    /// The error of the mechanism.
    fn host(&self, place: &Path) -> Result<(Offer, Accept<Self::It>)>;

    /// Makes the other end: [`Way::join`].
    ///
    /// # Errors
    /// The error of the mechanism.
    fn join(&self, offer: Offer) -> Result<Self::It>;
}

impl<M: Meet> Way for M
where
    Half<M::It>: Reader + Writer,
{
    fn message(&self) -> Option<usize> {
        Meet::message(self)
    }

    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let (offer, accept) = Meet::host(self, place)?;
        Ok((offer, Box::new(|| Ok(End::shared(accept()?)))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        Meet::join(self, offer).map(End::shared)
    }
}

/// A way whose ends are made together, for two threads.
pub struct Pair(pub fn() -> Result<(End, End)>);

impl Way for Pair {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let (near, far) = (self.0)()?;
        let offer = Offer { end: Some(far), ..Offer::default() };
        Ok((offer, Box::new(|| Ok(near))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        offer.end.ok_or_else(|| Failure::new("the other end is missing"))
    }
}

/// What the other end needs.
#[derive(Default)]
pub struct Offer {
    /// A path, a name or a port.
    pub name: String,
    /// The descriptors that are handed over.
    pub descriptors: Vec<OwnedFd>,
    /// The other end itself, for another thread.
    pub end: Option<End>,
}

impl Offer {
    /// An offer of a name; this end is made when the other one comes.
    pub fn named<T>(
        name: impl Into<String>,
        accept: impl FnOnce() -> Result<T> + 'static,
    ) -> (Offer, Accept<T>) {
        (Offer { name: name.into(), ..Offer::default() }, Box::new(accept))
    }

    /// An offer of descriptors; this end exists already.
    pub fn handed<T: 'static>(ours: T, descriptors: impl Into<Vec<OwnedFd>>) -> (Offer, Accept<T>) {
        let descriptors = descriptors.into();
        (Offer { descriptors, ..Offer::default() }, Box::new(|| Ok(ours)))
    }

    /// Takes the descriptors.
    ///
    /// # Errors
    /// There are not exactly `N`.
    pub fn take<const N: usize>(&mut self) -> Result<[OwnedFd; N]> {
        let all = std::mem::take(&mut self.descriptors);
        all.try_into().map_err(|_| Failure::new("descriptors are missing"))
    }

    /// Opens the region whose descriptor was handed over.
    ///
    /// # Errors
    /// There is not exactly one descriptor, or the error of the system.
    pub fn region(&mut self) -> Result<Region> {
        let [region] = self.take()?;
        Ok(Region::from_fd(region)?)
    }
}

/// A half of an object that both halves use at the same time.
pub struct Half<T>(Arc<T>);

/// A half of an object that the halves use one at a time.
struct Locked<T>(Arc<Mutex<T>>);

impl<T> Locked<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.try_lock().expect("one direction at a time")
    }
}

/// An end that one thread uses as a whole, with blocking forms only.
trait Whole: Send {
    fn send(&mut self, piece: &[u8]) -> Result<()>;
    fn recv(&mut self, into: &mut [u8]) -> Result<usize>;
    fn shut(&mut self) -> Result<()> {
        Ok(())
    }
    fn leave(&mut self, leads: bool) {
        let _ = leads;
    }
}

impl<T: Whole> Reader for Locked<T> {
    fn read(&mut self, into: &mut [u8], _form: Form) -> Result<usize> {
        self.lock().recv(into)
    }

    fn leave(&mut self, leads: bool) {
        self.lock().leave(leads);
    }
}

impl<T: Whole> Writer for Locked<T> {
    fn write(&mut self, piece: &[u8], _form: Form) -> Result<usize> {
        self.lock().send(piece)?;
        Ok(piece.len())
    }

    fn shut(&mut self) -> Result<()> {
        self.lock().shut()
    }
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

/// Implements [`Reader`] by the three forms of a verb; `$it` is the half, `$at` has the verb.
macro_rules! reader {
    ([$($of:tt)*] $Half:ty, $it:ident => $at:expr,
        $plain:ident $try:ident $until:ident $(, $shut:expr)?) => {
        impl<$($of)*> $crate::Reader for $Half {
            fn read(&mut self, into: &mut [u8], form: $crate::Form) -> $crate::Result<usize> {
                let $it = self;
                Ok(match form {
                    $crate::Form::Plain => $at.$plain(into)?,
                    $crate::Form::Try => $at.$try(into)?,
                    $crate::Form::Until(end) => $at.$until(into, Some(end))?,
                })
            }
            $(
                fn shut(&mut self) -> $crate::Result<()> {
                    let $it = self;
                    Ok($shut?)
                }
            )?
        }
    };
}

/// Implements [`Writer`] likewise; `$another` makes one more writer.
macro_rules! writer {
    ([$($of:tt)*] $Half:ty, $it:ident => $at:expr,
        $plain:ident $try:ident $until:ident, $another:expr $(, $shut:expr)?) => {
        impl<$($of)*> $crate::Writer for $Half {
            fn write(&mut self, piece: &[u8], form: $crate::Form) -> $crate::Result<usize> {
                let $it = self;
                Ok(match form {
                    $crate::Form::Plain => $crate::Sent::of($at.$plain(piece)?, piece),
                    $crate::Form::Try => $crate::Sent::of($at.$try(piece)?, piece),
                    $crate::Form::Until(end) => {
                        $crate::Sent::of($at.$until(piece, Some(end))?, piece)
                    }
                })
            }
            fn another(&self) -> $crate::Result<Box<dyn $crate::Writer>> {
                let $it = self;
                Ok(Box::new($another))
            }
            $(
                fn shut(&mut self) -> $crate::Result<()> {
                    let $it = self;
                    Ok($shut?)
                }
            )?
        }
    };
}
use {reader, writer};

/// A path that no other end of this process uses.
pub fn unique(place: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: only the count matters.
    place.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// A deadline far later than any operation takes.
///
/// Where the mechanism does not report that a peer died, it ends the wait for that peer.
pub fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(10))
}
