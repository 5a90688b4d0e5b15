//! Links: messages on a port, over each kind of stream that the system keeps whole. Two threads use
//! the halves of an end. Serial lines are left out: there, what was sent arrives only while both
//! ends are driven, and the cases here just drop their ends.

use ringway::CoreError;
use ringway::fifo::Fifo;
use ringway::link::{Config, Line, Link, ReliableLink};
use ringway::pipe::pipe;
use ringway::socket::{TcpListener, TcpStream, UnixStream};
use ringway_ways::{Accept, End, Failure, Form, Offer, Reader, Result, Way, Writer, unique};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub const MAX: usize = 1024;
const CREDITS: usize = 8;

/// How long another program may take until it has connected.
const CONNECTED: Duration = Duration::from_secs(60);

type Reliable = ReliableLink<MAX, 4, 1, CREDITS>;

/// A link over the streams that this way makes.
pub struct Over(pub fn(&Path) -> Result<(End, End)>);

impl Way for Over {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let (near, far) = (self.0)(place)?;
        let offer = Offer { end: Some(far), ..Offer::default() };
        Ok((offer, Box::new(|| Ok(near))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        offer.end.ok_or_else(|| Failure::new("the other end is missing"))
    }
}

/// A link over one of these, whose other end gets the descriptors: it is no link of Rust.
pub enum Handed {
    /// A pair of pipes.
    Pipes,
    /// A stream socket.
    UnixStream,
}

impl Way for Handed {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let (mut near, descriptors): (Of<_>, Vec<OwnedFd>) = match self {
            Handed::Pipes => {
                let ((near_in, far_out), (far_in, near_out)) = (pipe()?, pipe()?);
                let near = Reliable::over((near_in, near_out), config(1));
                (near, vec![far_in.into(), far_out.into()])
            }
            Handed::UnixStream => {
                let (near, far) = UnixStream::pair()?;
                (Reliable::over(near, config(1)), vec![far.into()])
            }
        };
        let accept = move || {
            near.connect_deadline(0, Some(Instant::now() + CONNECTED))?;
            Ok(end(near))
        };
        Ok((Offer { descriptors, ..Offer::default() }, Box::new(accept)))
    }

    fn join(&self, _offer: Offer) -> Result<End> {
        Err(Failure::new("the other end is not in Rust"))
    }
}

/// The limit is long: a session must not end because a thread waits for its turn.
fn config(generation: u32) -> Config {
    Config { gone: 0, retransmit: 500, ..Config::new(generation) }
}

pub fn over_pipes(_place: &Path) -> Result<(End, End)> {
    let ((near_in, far_out), (far_in, near_out)) = (pipe()?, pipe()?);
    ends(
        Reliable::over((near_in, near_out), config(1)),
        Reliable::over((far_in, far_out), config(2)),
    )
}

pub fn over_fifos(place: &Path) -> Result<(End, End)> {
    let (there, back) = (Fifo::create(unique(place), 0o600)?, Fifo::create(unique(place), 0o600)?);
    let (near, far) = thread::scope(|scope| {
        // Both sides do this in the same order, so that each finds the other.
        let far = scope.spawn(|| (there.open_reader(), back.open_writer()));
        let near = (there.open_writer(), back.open_reader());
        (near, far.join().expect("both were opened"))
    });
    ends(Reliable::over((near.1?, near.0?), config(1)), Reliable::over((far.0?, far.1?), config(2)))
}

pub fn over_unix_stream(_place: &Path) -> Result<(End, End)> {
    let (near, far) = UnixStream::pair()?;
    ends(Reliable::over(near, config(1)), Reliable::over(far, config(2)))
}

pub fn over_tcp(_place: &Path) -> Result<(End, End)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_address()?)?;
    ends(Reliable::over(near, config(1)), Reliable::over(listener.accept()?, config(2)))
}

type Of<L> = Link<L, 1, CREDITS, MAX>;

/// Connects the only port at both ends.
fn ends<L: Line + Send + 'static>(mut near: Of<L>, mut far: Of<L>) -> Result<(End, End)> {
    thread::scope(|scope| {
        scope.spawn(|| far.connect(0).expect("the other side connects too"));
        near.connect(0)
    })?;
    Ok((end(near), end(far)))
}

fn end<L: Line + Send + 'static>(link: Of<L>) -> End {
    let link = Arc::new(Mutex::new(link));
    End::new(Receiver(link.clone()), Sender(Arc::new(Half(link))))
}

type Shared<L> = Arc<Mutex<Of<L>>>;

/// The half that receives. A link has one user at a time: a half that waits lets the other half use
/// it in between.
struct Receiver<L: Line>(Shared<L>);

/// The half that sends, and any copy of it.
struct Sender<L: Line>(Arc<Half<L>>);

/// The sending half, which ends with its last copy.
struct Half<L: Line>(Shared<L>);

fn lock<L: Line>(link: &Shared<L>) -> MutexGuard<'_, Of<L>> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries until it succeeds, or as long as the form allows.
fn until<T>(form: Form, mut attempt: impl FnMut() -> ringway::Result<T>) -> Result<T> {
    loop {
        match (attempt(), form) {
            (Err(error), Form::Plain | Form::Until(_)) if error.is(CoreError::WouldBlock) => {}
            (answer, _) => return Ok(answer?),
        }
        if matches!(form, Form::Until(deadline) if Instant::now() >= deadline) {
            return Err(CoreError::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

impl<L: Line + Send + 'static> Reader for Receiver<L> {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        until(form, || lock(&self.0).try_recv(0, into))
    }

    fn shut(&mut self) -> Result<()> {
        Ok(lock(&self.0).shut_recv(0)?)
    }
}

impl<L: Line + Send + 'static> Writer for Sender<L> {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        until(form, || {
            let mut link = lock(&self.0.0);
            // The peer's free room, and whether the peer is still there, come over the line.
            link.turn()?;
            link.try_send(0, piece).map(|()| piece.len())
        })
    }

    fn shut(&mut self) -> Result<()> {
        Ok(lock(&self.0.0).shut_send(0)?)
    }

    fn another(&self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Sender(self.0.clone())))
    }
}

/// The end of a half is told before the stream's end.
impl<L: Line> Drop for Receiver<L> {
    fn drop(&mut self) {
        let _ = lock(&self.0).shut_recv(0);
    }
}

impl<L: Line> Drop for Half<L> {
    fn drop(&mut self) {
        let _ = lock(&self.0).shut_send(0);
    }
}
