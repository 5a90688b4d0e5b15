//! Ends whose operations are tasks of a runtime, as the cases use them: a plain form awaits, one
//! with a deadline drops the future then, and one that never waits drops it after one poll.

use crate::runtime::Runtime;
use crate::{descriptors, memory, regions};
use ringway::CoreError;
use ringway_tests::conformance::{self, Promises, Transport};
use ringway_ways::{self as way, End, Failure, Form, Result, Way};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// What receives, for a task.
pub trait Reads: Send + 'static {
    /// Awaits some bytes, or a message.
    fn read<'a>(
        &'a mut self,
        into: &'a mut [u8],
    ) -> impl Future<Output = Result<usize>> + Send + 'a;

    /// Never waits.
    fn try_read(&mut self, into: &mut [u8]) -> Result<usize> {
        once(self.read(into))
    }

    fn shut(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What sends, for a task.
pub trait Writes: Sized + Send + 'static {
    /// Awaits room for some of the bytes, or for the message.
    fn write<'a>(&'a mut self, piece: &'a [u8]) -> impl Future<Output = Result<usize>> + Send + 'a;

    /// Never waits.
    fn try_write(&mut self, piece: &[u8]) -> Result<usize> {
        once(self.write(piece))
    }

    fn shut(&mut self) -> Result<()> {
        Ok(())
    }

    fn another(&self) -> Result<Self> {
        Err(Failure::new("there is one writer"))
    }
}

/// The answer after one poll.
fn once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(CoreError::WouldBlock.into()),
    }
}

/// A half of an end, under the runtime `R`. A task takes it along, and brings it back.
struct Half<R, H>(Option<H>, PhantomData<fn() -> R>);

impl<R, H> Half<R, H> {
    fn new(half: H) -> Self {
        Half(Some(half), PhantomData)
    }

    fn get(&mut self) -> &mut H {
        self.0.as_mut().expect("the last task brought it back")
    }
}

/// An end of these halves.
pub fn end<R: Runtime>(rx: impl Reads, tx: impl Writes) -> End {
    End::new(Half::<R, _>::new(rx), Half::<R, _>::new(tx))
}

fn late() -> Failure {
    CoreError::TimedOut.into()
}

/// A deadline that has passed already lets nothing wait.
fn tried(answer: Result<usize>) -> Result<usize> {
    answer.map_err(|failure| match failure.core() {
        Some(CoreError::WouldBlock) => late(),
        _ => failure,
    })
}

impl<R: Runtime, H: Reads> way::Reader for Half<R, H> {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        match form {
            Form::Try => return self.get().try_read(into),
            Form::Until(end) if end <= Instant::now() => return tried(self.get().try_read(into)),
            _ => {}
        }
        let (mut half, mut buf) = (self.0.take().expect("a half"), vec![0; into.len()]);
        let (half, buf, answer) = R::run(async move {
            let read = half.read(&mut buf);
            let answer = match form {
                Form::Until(end) => R::until(end, read).await.unwrap_or_else(|| Err(late())),
                _ => read.await,
            };
            (half, buf, answer)
        });
        self.0 = Some(half);
        into.copy_from_slice(&buf);
        answer
    }

    fn shut(&mut self) -> Result<()> {
        self.get().shut()
    }
}

impl<R: Runtime, H: Writes> way::Writer for Half<R, H> {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        match form {
            Form::Try => return self.get().try_write(piece),
            Form::Until(end) if end <= Instant::now() => return tried(self.get().try_write(piece)),
            _ => {}
        }
        let (mut half, piece) = (self.0.take().expect("a half"), piece.to_vec());
        let (half, answer) = R::run(async move {
            let write = half.write(&piece);
            let answer = match form {
                Form::Until(end) => R::until(end, write).await.unwrap_or_else(|| Err(late())),
                _ => write.await,
            };
            (half, answer)
        });
        self.0 = Some(half);
        answer
    }

    fn shut(&mut self) -> Result<()> {
        self.get().shut()
    }

    fn another(&self) -> Result<Box<dyn way::Writer>> {
        let half = self.0.as_ref().expect("the last task brought it back");
        Ok(Box::new(Half::<R, _>::new(half.another()?)))
    }
}

/// What can be awaited: its name, what it promises, and the way.
pub type Awaited = (&'static str, Promises, &'static dyn Way);

/// What this transport of the suite promises.
pub fn like(name: &str) -> Promises {
    let mut all = conformance::transports();
    all.find(|known| known.name == name).expect("a transport of the suite").promises
}

/// All that can be awaited under the runtime, which has its turn among all.
pub fn transports<R: Runtime>(prefix: &str, turn: usize) -> impl Iterator<Item = Transport> {
    let all = [descriptors::ways::<R>(), regions::ways::<R>(), memory::ways::<R>()].concat();
    all.into_iter().enumerate().map(move |(number, (name, promises, way))| Transport {
        name: format!("{prefix}::{name}").leak(),
        promises,
        way,
        awaited: Some(conformance::Awaited {
            runtime: R::NAME,
            turn: number + turn,
            start: R::start,
        }),
    })
}
