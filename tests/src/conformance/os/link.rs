//! Links: messages on a port, over each kind of stream that the system keeps whole. Over a serial line what was sent arrives
//! only as long as both ends are driven, and the cases here just drop theirs.

use super::{answer, unique};
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::CoreError;
use ringway::fifo::Fifo;
use ringway::link::{Config, Line, Link, ReliableLink};
use ringway::pipe::pipe;
use ringway::socket::{TcpListener, TcpStream, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const MAX: usize = 1024;
const CREDITS: usize = 8;

type Reliable = ReliableLink<MAX, 4, 1, CREDITS>;

/// A link over the streams that `pair` makes.
pub struct Over {
    name: &'static str,
    pair: fn(&Path) -> (End, End),
}

pub const PIPES: Over = Over { name: "os::link_pipes", pair: over_pipes };
pub const FIFOS: Over = Over { name: "os::link_fifos", pair: over_fifos };
pub const UNIX_STREAM: Over = Over { name: "os::link_unix_stream", pair: over_unix_stream };
pub const TCP: Over = Over { name: "os::link_tcp", pair: over_tcp };

impl Transport for Over {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promises(&self) -> Promises {
        Promises {
            content: Content::Messages {
                max: MAX,
                empty: true,
                limit: Some(MAX + 1),
                copied: true,
            },
            both_at_once: true,
            half_close: true,
            several_writers: true,
            atomic: None,
            end: true,
            torn: false,
            reliable: true,
            bounded: true,
            immediate: false,
            processes: false,
        }
    }

    fn pair(&self, place: &Path) -> (End, End) {
        (self.pair)(place)
    }
}

/// A session is not to end because a thread has to wait for its turn.
fn config(generation: u32) -> Config {
    Config { gone: 0, retransmit: 500, ..Config::new(generation) }
}

fn over_pipes(_place: &Path) -> (End, End) {
    let (near_in, far_out) = pipe().expect("a pipe can be made");
    let (far_in, near_out) = pipe().expect("a pipe can be made");
    ends(
        Reliable::over((near_in, near_out), config(1)),
        Reliable::over((far_in, far_out), config(2)),
    )
}

fn over_fifos(place: &Path) -> (End, End) {
    let [there, back] =
        [(); 2].map(|()| Fifo::create(unique(place), 0o600).expect("nothing has the name"));
    let (near, far) = thread::scope(|scope| {
        // In the same order at both sides, so that each finds the other.
        let far = scope.spawn(|| (there.open_reader(), back.open_writer()));
        let near = (there.open_writer(), back.open_reader());
        (near, far.join().expect("both were opened"))
    });
    let opened = "the other side opens it too";
    ends(
        Reliable::over((near.1.expect(opened), near.0.expect(opened)), config(1)),
        Reliable::over((far.0.expect(opened), far.1.expect(opened)), config(2)),
    )
}

fn over_unix_stream(_place: &Path) -> (End, End) {
    let (near, far) = UnixStream::pair().expect("a pair can be made");
    ends(Reliable::over(near, config(1)), Reliable::over(far, config(2)))
}

fn over_tcp(_place: &Path) -> (End, End) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let to = listener.local_address().expect("it has an address");
    let near = TcpStream::connect(to).expect("it listens");
    let far = listener.accept().expect("it was connected to");
    ends(Reliable::over(near, config(1)), Reliable::over(far, config(2)))
}

/// Connects the only port at both ends.
fn ends<L: Line + Send + 'static>(
    mut near: Link<L, 1, CREDITS, MAX>,
    mut far: Link<L, 1, CREDITS, MAX>,
) -> (End, End) {
    thread::scope(|scope| {
        scope.spawn(|| far.connect(0).expect("the other side connects too"));
        near.connect(0).expect("the other side connects too");
    });
    (end(near), end(far))
}

fn end<L: Line + Send + 'static>(link: Link<L, 1, CREDITS, MAX>) -> End {
    let link = Arc::new(Mutex::new(link));
    End::both(Receiver(link.clone()), Sender(Arc::new(Half(link))))
}

type Shared<L> = Arc<Mutex<Link<L, 1, CREDITS, MAX>>>;

/// What receives. A link has one user at a time: who waits lets the other half go on in between.
struct Receiver<L: Line>(Shared<L>);

/// What sends, and any copy of it.
struct Sender<L: Line>(Arc<Half<L>>);

/// The sending half, which ends with its last copy.
struct Half<L: Line>(Shared<L>);

fn lock<L: Line>(link: &Shared<L>) -> MutexGuard<'_, Link<L, 1, CREDITS, MAX>> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries until it need not wait, or until then.
fn until<T>(deadline: Option<Instant>, mut attempt: impl FnMut() -> Answer<T>) -> Answer<T> {
    loop {
        match attempt() {
            Err(CoreError::WouldBlock) => {}
            answer => return answer,
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(CoreError::TimedOut);
        }
        thread::sleep(Duration::from_micros(200));
    }
}

impl<L: Line + Send + 'static> Reader for Receiver<L> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        until(None, || self.try_read(buf))
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(lock(&self.0).try_recv(0, buf))
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        until(Some(deadline), || self.try_read(buf))
    }

    fn shut(&mut self) -> Answer<()> {
        answer(lock(&self.0).shut_recv(0))
    }
}

impl<L: Line + Send + 'static> Writer for Sender<L> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        until(None, || self.try_write(buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        let mut link = lock(&self.0.0);
        // What the peer has room for, and whether it is still there, is on the line.
        answer(link.turn())?;
        answer(link.try_send(0, buf)).map(|()| buf.len())
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        until(Some(deadline), || self.try_write(buf))
    }

    fn shut(&mut self) -> Answer<()> {
        answer(lock(&self.0.0).shut_send(0))
    }

    fn another(&self) -> Box<dyn Writer> {
        Box::new(Sender(self.0.clone()))
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
