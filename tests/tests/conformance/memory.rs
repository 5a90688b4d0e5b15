//! The core's structures in the memory of this program, which keep the wakers of tasks themselves.

use crate::awaited::{Awaited, Reads, Writes, end, like};
use crate::runtime::Runtime;
use ringway::CoreError;
use ringway::ring::bytes::{self, ByteRing, ByteRingRef};
use ringway::ring::messages::{self, MessageRingRef};
use ringway::ring::{Consumer, Producer, PushError, Ring};
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::{Pipe, Reader, Writer};
use ringway_core::channel::socket::{Connection, Network, Packets, Shutdown, Stream};
use ringway_core::participant::Participant;
use ringway_core::ring::queue::Queue;
use ringway_core::wait::{Async, Nobody, Register};
use ringway_ways::closes::Close;
use ringway_ways::memory::leak;
use ringway_ways::{Accept, End, Failure, Offer, Pair, Result, Way};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// As the transports of the suite that wait by themselves.
const BYTES: usize = 3_001;
const PIPE: usize = 10_007;
const CHANNEL: usize = 5_003;

/// With places for several tasks, as the cases have.
type Tasks = Async<Nobody, 4>;

pub fn ways<R: Runtime>() -> Vec<Awaited> {
    vec![
        ("ring", like("memory::ring"), &Pair(rings::<R>)),
        ("queue", like("memory::queue"), &Pair(queues::<R>)),
        ("byte_ring", like("memory::byte_ring"), &Pair(byte_rings::<R>)),
        ("memory_pipe", like("memory::pipe"), &Pair(pipes::<R, PIPE>)),
        ("memory_fifo", like("memory::fifo"), &Fifos::<R>(PhantomData)),
        ("memory_stream", like("memory::stream"), &Streams::<R>(PhantomData)),
        ("memory_stream_halves", like("memory::stream_halves"), &Pair(stream_halves::<R>)),
        ("memory_packets", like("memory::packets"), &Messages::<R>(PhantomData)),
    ]
}

/// A half of a ring that closes when it is dropped.
pub struct Closing<H: Close>(Option<H>);

impl<H: Close> Closing<H> {
    pub fn new(half: H) -> Self {
        Closing(Some(half))
    }

    pub fn get(&mut self) -> &mut H {
        self.0.as_mut().expect("it is there until the drop")
    }
}

impl<H: Close> Drop for Closing<H> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(H::close);
    }
}

/// The answer to a push. A failed one must have given the value back.
pub fn sent<T: PartialEq>(pushed: std::result::Result<(), PushError<T>>, value: &T) -> Result<()> {
    pushed.map_err(|error| match error {
        PushError::Full(back) | PushError::Closed(back) | PushError::TimedOut(back)
            if back != *value =>
        {
            Failure::new("another value came back")
        }
        PushError::Closed(_) => CoreError::BrokenPipe.into(),
        _ => Failure::new("a push that awaits room was refused"),
    })
}

/// Copies a received value; returns its length.
pub fn put(value: &[u8], into: &mut [u8]) -> Result<usize> {
    let needed = value.len();
    let room = into.get_mut(..needed).ok_or(CoreError::BufferTooSmall { needed })?;
    room.copy_from_slice(value);
    Ok(needed)
}

fn taken() -> Failure {
    CoreError::Taken.into()
}

type Values = Ring<Vec<u8>, 16, Tasks>;

impl Reads for Closing<Consumer<&'static Values>> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        put(&self.get().pop_async().await?, into)
    }
}

impl Writes for Closing<Producer<&'static Values>> {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        let pushed = self.get().push_async(piece.to_vec()).await;
        sent(pushed, &piece.to_vec()).map(|()| piece.len())
    }
}

fn rings<R: Runtime>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Values::new()));
    let half = |tx: &'static Values, rx: &'static Values| {
        let (tx, rx) = (tx.producer().ok_or_else(taken)?, rx.consumer().ok_or_else(taken)?);
        Result::Ok(end::<R>(Closing::new(rx), Closing::new(tx)))
    };
    Ok((half(there, back)?, half(back, there)?))
}

type Jobs = Queue<Vec<u8>, 13, Tasks>;

/// A queue, as one side of it.
struct Side(&'static Jobs);

impl Reads for Side {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        put(&self.0.handle(Participant::LOCAL).pop_async().await?, into)
    }
}

impl Writes for Side {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        let me = self.0.handle(Participant::LOCAL);
        let pushed = me.push_async(piece.to_vec()).await;
        sent(pushed, &piece.to_vec()).map(|()| piece.len())
    }

    fn another(&self) -> Result<Self> {
        Ok(Side(self.0))
    }
}

fn queues<R: Runtime>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Jobs::new()));
    Ok((end::<R>(Side(back), Side(there)), end::<R>(Side(there), Side(back))))
}

impl<B: ByteRingRef<Wake: Register + Sync> + Send + 'static> Reads for Closing<bytes::Consumer<B>> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.get().read_async(into).await?)
    }
}

impl<B: ByteRingRef<Wake: Register + Sync> + Send + 'static> Writes
    for Closing<bytes::Producer<B>>
{
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        Ok(self.get().write_async(piece).await?)
    }
}

impl<M: MessageRingRef<Wake: Register + Sync> + Send + 'static> Reads
    for Closing<messages::Receiver<M>>
{
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.get().recv_async(into).await?)
    }
}

impl<M: MessageRingRef<Wake: Register + Sync> + Send + 'static> Writes
    for Closing<messages::Sender<M>>
{
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        self.get().send_async(piece).await?;
        Ok(piece.len())
    }
}

type Bytes = ByteRing<BYTES, Tasks>;

fn byte_rings<R: Runtime>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Bytes::new()));
    let half = |tx: &'static Bytes, rx: &'static Bytes| {
        let (tx, rx) = (tx.producer().ok_or_else(taken)?, rx.consumer().ok_or_else(taken)?);
        Result::Ok(end::<R>(Closing::new(rx), Closing::new(tx)))
    };
    Ok((half(there, back)?, half(back, there)?))
}

impl<const N: usize> Reads for Reader<'static, N, Tasks> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.read_async(into).await?)
    }
}

impl<const N: usize> Writes for Writer<'static, N, Tasks> {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        Ok(self.write_async(piece).await?)
    }

    fn another(&self) -> Result<Self> {
        Ok(self.try_clone()?)
    }
}

fn pipes<R: Runtime, const N: usize>() -> Result<(End, End)> {
    let [there, back] = [(); 2].map(|()| leak(Pipe::<N, Tasks>::new()));
    let ((their_rx, tx), (rx, their_tx)) = (there.open()?, back.open()?);
    Ok((end::<R>(rx, tx), end::<R>(their_rx, their_tx)))
}

// So few names and connections that a place which is not given back is missed soon.
static NAMES: Registry<4, CHANNEL, Tasks> = Registry::new();
static NETWORK: Network<2, 4, CHANNEL, Tasks> = Network::new();

/// A name that nothing else in this process uses.
fn unique() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// FIFOs: tasks create, open and remove them.
struct Fifos<R>(PhantomData<fn() -> R>);

/// The name of a FIFO; dropping it removes the FIFO.
struct Name<R: Runtime>(Vec<u8>, PhantomData<fn() -> R>);

impl<R: Runtime> Name<R> {
    fn create(name: &str, way: &str) -> Result<Self> {
        let name = format!("{name}{way}").into_bytes();
        let made = name.clone();
        R::run(async move { NAMES.create_async(&made).await })?;
        Ok(Name(name, PhantomData))
    }
}

impl<R: Runtime> Drop for Name<R> {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.0);
        let removed = R::run(async move { NAMES.remove_async(&name).await });
        removed.expect("it was made");
    }
}

/// An end, and the name of its FIFO; the last end that holds the name removes the FIFO.
struct Named<R: Runtime, E> {
    end: E,
    name: Arc<Name<R>>,
}

type FifoReader = Reader<'static, CHANNEL, Tasks>;
type FifoWriter = Writer<'static, CHANNEL, Tasks>;

fn open_reader<R: Runtime>(name: Vec<u8>) -> Result<FifoReader> {
    Ok(R::run(async move { NAMES.open_reader_async(&name).await })?)
}

fn open_writer<R: Runtime>(name: Vec<u8>) -> Result<FifoWriter> {
    Ok(R::run(async move { NAMES.open_writer_async(&name).await })?)
}

impl<R: Runtime> Reads for Named<R, FifoReader> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        Ok(self.end.read_async(into).await?)
    }
}

impl<R: Runtime> Writes for Named<R, FifoWriter> {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        Ok(self.end.write_async(piece).await?)
    }

    // Another writer opens the FIFO by name.
    fn another(&self) -> Result<Self> {
        Ok(Named { end: NAMES.try_open_writer(&self.name.0)?, name: self.name.clone() })
    }
}

impl<R: Runtime> Way for Fifos<R> {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let name = unique();
        let (there, back) = (Name::<R>::create(&name, "there")?, Name::<R>::create(&name, "back")?);
        // Both sides open the FIFOs in the same order, so that they meet.
        Ok(Offer::named(name, move || {
            let tx = open_writer::<R>(there.0.clone())?;
            let rx = open_reader::<R>(back.0.clone())?;
            let rx = Named { end: rx, name: Arc::new(back) };
            Ok(end::<R>(rx, Named { end: tx, name: Arc::new(there) }))
        }))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        let name = |way| format!("{}{way}", offer.name).into_bytes();
        let rx = open_reader::<R>(name("there"))?;
        Ok(end::<R>(rx, open_writer::<R>(name("back"))?))
    }
}

/// An end that the halves use one at a time: each poll takes it for a moment.
struct InTurn<S>(Arc<Mutex<S>>);

impl<S> InTurn<S> {
    fn with<T>(&self, work: impl FnOnce(&mut S) -> T) -> T {
        work(&mut self.0.lock().expect("no poll panics"))
    }
}

fn in_turn<R: Runtime, S: 'static>(socket: S) -> End
where
    InTurn<S>: Reads + Writes,
{
    let socket = Arc::new(Mutex::new(socket));
    end::<R>(InTurn(socket.clone()), InTurn(socket))
}

/// The ways by port: tasks listen, accept and connect.
macro_rules! sockets {
    ($($(#[$meta:meta])* $Way:ident $kind:ident $Socket:ident,
        $poll_in:ident, $poll_out:ident, $sent:expr;)*) => {
        $(
            $(#[$meta])*
            struct $Way<R>(PhantomData<fn() -> R>);

            impl<R: Runtime> Way for $Way<R> {
                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let name = unique();
                    let at = name.clone();
                    let listener =
                        R::run(async move { NETWORK.$kind().listen_async(at.as_str(), 1).await })?;
                    Ok(Offer::named(name, move || {
                        Ok(in_turn::<R, _>(R::run(async move { listener.accept_async().await })?))
                    }))
                }

                fn join(&self, offer: Offer) -> Result<End> {
                    let at = offer.name;
                    let connected =
                        R::run(async move { NETWORK.$kind().connect_async(at.as_str()).await });
                    Ok(in_turn::<R, _>(connected?))
                }
            }

            impl Reads for InTurn<$Socket<'static, CHANNEL, Tasks>> {
                async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
                    Ok(poll_fn(|cx| self.with(|end| end.$poll_in(cx, &mut *into))).await?)
                }

                fn shut(&mut self) -> Result<()> {
                    self.with(|end| end.shutdown(Shutdown::Read));
                    Ok(())
                }
            }

            impl Writes for InTurn<$Socket<'static, CHANNEL, Tasks>> {
                async fn write(&mut self, piece: &[u8]) -> Result<usize> {
                    let sent = poll_fn(|cx| self.with(|end| end.$poll_out(cx, piece))).await?;
                    let count: fn(_, &[u8]) -> usize = $sent;
                    Ok(count(sent, piece))
                }

                fn shut(&mut self) -> Result<()> {
                    self.with(|end| end.shutdown(Shutdown::Write));
                    Ok(())
                }

                // Another writer shares the same end.
                fn another(&self) -> Result<Self> {
                    Ok(InTurn(self.0.clone()))
                }
            }
        )*
    };
}

sockets! {
    /// Streams, by port.
    Streams streams Stream, poll_read, poll_write, |count, _| count;
    /// Messages, by port.
    Messages packets Packets, poll_recv, poll_send, |(), piece| piece.len();
}

fn stream_halves<R: Runtime>() -> Result<(End, End)> {
    let (near, far) = leak(Connection::<CHANNEL, Tasks>::new()).pair()?;
    let halves = |stream: Stream<'static, CHANNEL, Tasks>| match stream.into_split() {
        (Some(rx), Some(tx)) => Result::Ok(end::<R>(rx, tx)),
        _ => Err(CoreError::Closed.into()),
    };
    Ok((halves(near)?, halves(far)?))
}
