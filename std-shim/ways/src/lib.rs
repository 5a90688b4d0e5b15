//! The ways for bytes and messages between two ends, each defined once: how the two are made, what
//! is handed to another process, and how one sends, receives and closes. The tour carries its input
//! over them, the bench takes their time, and the conformance suite checks what they promise. The
//! two ends are in two processes, or in two threads.

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

/// How long an operation waits.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// As long as it takes.
    Plain,
    /// Not at all.
    Try,
    /// No longer than until then.
    Until(Instant),
}

/// What reads bytes or receives messages. Dropping it closes it.
pub trait Reader: Send {
    /// Reads some bytes: 0 is the end; or receives a message: its end is [`CoreError::EndOfFile`].
    ///
    /// # Errors
    /// What the mechanism says.
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize>;

    /// This end will read no more, where a direction can be closed alone.
    ///
    /// # Errors
    /// What the mechanism says.
    fn shut(&mut self) -> Result<()> {
        Ok(())
    }

    /// Everything was sent and received, both ways: takes leave, where the two ends have to.
    fn leave(&mut self, leads: bool) {
        let _ = leads;
    }
}

/// What writes bytes or sends messages. Dropping it closes it.
pub trait Writer: Send {
    /// Writes some of the bytes, or sends the whole message; returns how many bytes went.
    ///
    /// # Errors
    /// What the mechanism says.
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize>;

    /// This end will send no more, where a direction can be closed alone.
    ///
    /// # Errors
    /// What the mechanism says.
    fn shut(&mut self) -> Result<()> {
        Ok(())
    }

    /// One more writer to the same place.
    ///
    /// # Errors
    /// There can be no other.
    fn another(&self) -> Result<Box<dyn Writer>> {
        Err(Failure::new("there is one writer"))
    }
}

/// One end: what receives, and what sends.
pub struct End {
    /// What receives.
    pub rx: Box<dyn Reader>,
    /// What sends; `None` once this end sends no more.
    pub tx: Option<Box<dyn Writer>>,
}

impl End {
    /// An end of these two.
    pub fn new(rx: impl Reader + 'static, tx: impl Writer + 'static) -> Self {
        End { rx: Box::new(rx), tx: Some(Box::new(tx)) }
    }

    /// Two halves that share an object.
    fn shared<T>(it: T) -> Self
    where
        Half<T>: Reader + Writer + 'static,
    {
        let it = Arc::new(it);
        End::new(Half(it.clone()), Half(it))
    }

    /// Two halves of what is used by one of them at a time.
    fn in_turn<T>(it: T) -> Self
    where
        Locked<T>: Reader + Writer + 'static,
    {
        let it = Arc::new(Mutex::new(it));
        End::new(Locked(it.clone()), Locked(it))
    }

    /// Sends all of it: bytes, or one message. Waits for room.
    ///
    /// # Errors
    /// What the mechanism says.
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

    /// Receives some bytes, or one message; waits for them. 0 is the end.
    ///
    /// # Errors
    /// What the mechanism says.
    pub fn recv(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.rx.read(into, Form::Plain) {
            Err(failure) if failure.core() == Some(CoreError::EndOfFile) => Ok(0),
            other => other,
        }
    }

    /// Receives until `into` is full: bytes in as many pieces as they come, or one message of this
    /// size.
    ///
    /// # Errors
    /// The other side is gone, or what the mechanism says.
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

    /// Sends no more. What the other end sends still comes.
    ///
    /// # Errors
    /// What the mechanism says.
    pub fn shut(&mut self) -> Result<()> {
        self.tx.take().map_or(Ok(()), |mut tx| tx.shut())
    }
}

/// How two ends come together.
pub trait Way: Sync {
    /// The largest message that the tour sends; `None` where bytes have no boundaries.
    fn message(&self) -> Option<usize> {
        None
    }

    /// Makes what the other end needs, and then, once it is on its way, this one. `place` is a
    /// folder for what has a path.
    ///
    /// # Errors
    /// What the mechanism says.
    fn host(&self, place: &Path) -> Result<(Offer, Accept)>;

    /// The other end.
    ///
    /// # Errors
    /// What the mechanism says.
    fn join(&self, offer: Offer) -> Result<End>;

    /// Both ends, for two threads.
    ///
    /// # Errors
    /// What the mechanism says.
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

/// How two ends come together that are one object each.
pub trait Meet: Sync {
    /// The object.
    type It: 'static;

    /// As [`Way::message`].
    fn message(&self) -> Option<usize> {
        None
    }

    /// As [`Way::host`].
    ///
    /// # Errors
    /// What the mechanism says.
    fn host(&self, place: &Path) -> Result<(Offer, Accept<Self::It>)>;

    /// As [`Way::join`].
    ///
    /// # Errors
    /// What the mechanism says.
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

/// Ends that are made together, for two threads.
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
    /// What is handed over.
    pub descriptors: Vec<OwnedFd>,
    /// The other end itself, for another thread.
    pub end: Option<End>,
}

impl Offer {
    /// By a name, with an end that comes once the other one does.
    pub fn named<T>(
        name: impl Into<String>,
        accept: impl FnOnce() -> Result<T> + 'static,
    ) -> (Offer, Accept<T>) {
        (Offer { name: name.into(), ..Offer::default() }, Box::new(accept))
    }

    /// Handed over, with an end that is there.
    pub fn handed<T: 'static>(ours: T, descriptors: impl Into<Vec<OwnedFd>>) -> (Offer, Accept<T>) {
        let descriptors = descriptors.into();
        (Offer { descriptors, ..Offer::default() }, Box::new(|| Ok(ours)))
    }

    /// The descriptors, which must be as many as are asked for.
    ///
    /// # Errors
    /// They are not.
    pub fn take<const N: usize>(&mut self) -> Result<[OwnedFd; N]> {
        let all = std::mem::take(&mut self.descriptors);
        all.try_into().map_err(|_| Failure::new("descriptors are missing"))
    }

    /// The region whose descriptor was handed over.
    ///
    /// # Errors
    /// There is none, or what the system says.
    pub fn region(&mut self) -> Result<Region> {
        let [region] = self.take()?;
        Ok(Region::from_fd(region)?)
    }
}

/// A half of what both halves use at the same time.
pub struct Half<T>(Arc<T>);

/// A half of what is used by one of the halves at a time.
struct Locked<T>(Arc<Mutex<T>>);

impl<T> Locked<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.try_lock().expect("one direction at a time")
    }
}

/// An end that is used as a whole, by one thread, in its plain forms.
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

/// How much was sent: so many bytes, or the whole message.
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

/// A reader by the three forms of its verb; `$it` is the half, `$at` what has the verb.
macro_rules! reader {
    ([$($of:tt)*] $Half:ty, $it:ident => $at:expr, $plain:ident $try:ident $until:ident $(, $shut:expr)?) => {
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

/// A writer, as [`reader`]; `$another` makes one more.
macro_rules! writer {
    ([$($of:tt)*] $Half:ty, $it:ident => $at:expr, $plain:ident $try:ident $until:ident, $another:expr $(, $shut:expr)?) => {
        impl<$($of)*> $crate::Writer for $Half {
            fn write(&mut self, piece: &[u8], form: $crate::Form) -> $crate::Result<usize> {
                let $it = self;
                Ok(match form {
                    $crate::Form::Plain => $crate::Sent::of($at.$plain(piece)?, piece),
                    $crate::Form::Try => $crate::Sent::of($at.$try(piece)?, piece),
                    $crate::Form::Until(end) => $crate::Sent::of($at.$until(piece, Some(end))?, piece),
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

/// A path that no other end of this process has.
pub fn unique(place: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the count alone matters.
    place.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Far longer than anything takes; a peer that died would be waited for, where the mechanism does
/// not tell.
pub fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(10))
}
