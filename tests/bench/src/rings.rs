//! Peers that are rings and queues of this process, one producer and one consumer.

use crate::memory;
use crate::message::{Message, Rx, Spsc, Tx};
use crate::ours::Place;
use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _, SplitRef as _};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};

macro_rules! halves {
    ($([$($generics:tt)*] $message:ty,
        $tx:ty: |$p:ident, $m:ident| $send:expr;
        $rx:ty: |$c:ident, $into:ident| $recv:expr;)*) => {
        $(
            impl<$($generics)*> Tx<$message> for $tx {
                #[inline(always)]
                fn put(&mut self, $m: &$message) -> bool {
                    let $p = self;
                    $send
                }
            }
            impl<$($generics)*> Rx<$message> for $rx {
                #[inline(always)]
                fn get(&mut self, $into: &mut $message) -> bool {
                    let $c = self;
                    $recv
                }
            }
        )*
    };
}

/// Stores what was received, if anything was.
#[inline(always)]
fn store<M>(into: &mut M, received: Option<M>) -> bool {
    match received {
        Some(message) => {
            *into = message;
            true
        }
        None => false,
    }
}

halves! {
    [M: Message] M, rtrb::Producer<M>: |p, m| p.push(*m).is_ok();
    rtrb::Consumer<M>: |c, into| store(into, c.pop().ok());
    [M: Message] M, gil::spsc::Sender<M>: |p, m| p.try_send(*m).is_ok();
    gil::spsc::Receiver<M>: |c, into| store(into, c.try_recv());
    [M: Message] M, nexus_queue::spsc::Producer<M>: |p, m| p.push(*m).is_ok();
    nexus_queue::spsc::Consumer<M>: |c, into| store(into, c.pop());
    [M: Message] M, ringbuf::HeapProd<M>: |p, m| p.try_push(*m).is_ok();
    ringbuf::HeapCons<M>: |c, into| store(into, c.try_pop());
    [M: Message] M, heapless::spsc::Producer<'static, M>: |p, m| p.enqueue(*m).is_ok();
    heapless::spsc::Consumer<'static, M>: |c, into| store(into, c.dequeue());
    [M: Message] M, mpsc::SyncSender<M>: |p, m| p.try_send(*m).is_ok();
    mpsc::Receiver<M>: |c, into| store(into, c.try_recv().ok());
    [M: Message] M, crossfire::Tx<crossfire::spsc::Array<M>>: |p, m| p.try_send(*m).is_ok();
    crossfire::Rx<crossfire::spsc::Array<M>>: |c, into| store(into, c.try_recv().ok());
}

macro_rules! spsc {
    ($($(#[$meta:meta])* $name:ident: $tx:ty, $rx:ty, $n:ident => $open:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name<const N: usize>;

            impl<M: Message, const N: usize> Spsc<M> for $name<N> {
                type Tx = $tx;
                type Rx = $rx;

                fn open() -> (Self::Tx, Self::Rx) {
                    let $n = N;
                    $open
                }
            }
        )*
    };
}

fn nonzero(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("a capacity")
}

spsc! {
    /// rtrb.
    Rtrb: rtrb::Producer<M>, rtrb::Consumer<M>, n => rtrb::RingBuffer::new(n);
    /// gil, its queue for one and one.
    Gil: gil::spsc::Sender<M>, gil::spsc::Receiver<M>, n => gil::spsc::channel(nonzero(n));
    /// nexus-queue, its queue for one and one.
    Nexus: nexus_queue::spsc::Producer<M>, nexus_queue::spsc::Consumer<M>, n =>
        nexus_queue::spsc::ring_buffer(n);
    /// ringbuf on the heap, with caching halves.
    Ringbuf: ringbuf::HeapProd<M>, ringbuf::HeapCons<M>, n => ringbuf::HeapRb::new(n).split();
    /// The standard library's bounded channel.
    StdChannel: mpsc::SyncSender<M>, mpsc::Receiver<M>, n => mpsc::sync_channel(n);
    /// crossfire, its channel for one and one.
    Crossfire: crossfire::Tx<crossfire::spsc::Array<M>>, crossfire::Rx<crossfire::spsc::Array<M>>, n =>
        crossfire::spsc::bounded_blocking(n);
    /// crossbeam's array queue.
    ArrayQueue: Shared<crossbeam_queue::ArrayQueue<M>>, Shared<crossbeam_queue::ArrayQueue<M>>, n => {
        let queue = Arc::new(crossbeam_queue::ArrayQueue::new(n));
        (Shared(queue.clone()), Shared(queue))
    };
    /// crossbeam's bounded channel.
    CrossbeamChannel: crossbeam_channel::Sender<M>, crossbeam_channel::Receiver<M>, n =>
        crossbeam_channel::bounded(n);
    /// kanal's bounded channel.
    Kanal: kanal::Sender<M>, kanal::Receiver<M>, n => kanal::bounded(n);
    /// shaq, its queue for one and one, on the heap.
    Shaq: shaq::spsc::Producer<M>, shaq::spsc::Consumer<M>, n =>
        shaq::spsc::pair(n).expect("a shaq queue");
}

/// A queue that both sides share.
pub struct Shared<Q>(pub Arc<Q>);

impl<Q> Clone for Shared<Q> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

halves! {
    [M: Message] M, Shared<crossbeam_queue::ArrayQueue<M>>: |p, m| p.0.push(*m).is_ok();
    Shared<crossbeam_queue::ArrayQueue<M>>: |c, into| store(into, c.0.pop());
    [M: Message] M, crossbeam_channel::Sender<M>: |p, m| p.try_send(*m).is_ok();
    crossbeam_channel::Receiver<M>: |c, into| store(into, c.try_recv().ok());
    [M: Message] M, kanal::Sender<M>: |p, m| p.try_send(*m) == Ok(true);
    kanal::Receiver<M>: |c, into| store(into, c.try_recv().ok().flatten());
    [M: Message + Default] M, Shared<thingbuf::ThingBuf<M>>: |p, m| p.0.push(*m).is_ok();
    Shared<thingbuf::ThingBuf<M>>: |c, into| store(into, c.0.pop());
}

/// shaq publishes and refreshes positions when it is told to. Here this happens at every message,
/// and when the queue seems full or empty, as its users do.
impl<M: Message> Tx<M> for shaq::spsc::Producer<M> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        // SAFETY: the slot is written before the commit.
        let mut slot = unsafe { self.reserve() };
        if slot.is_none() {
            self.sync();
            // SAFETY: the slot is written before the commit.
            slot = unsafe { self.reserve() };
        }
        let Some(slot) = slot else { return false };
        // SAFETY: reserved for us, and one message long.
        unsafe { slot.as_ptr().copy_from_nonoverlapping(message, 1) };
        self.commit();
        true
    }
}

impl<M: Message> Rx<M> for shaq::spsc::Consumer<M> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        let mut slot = self.try_read_ptr();
        if slot.is_none() {
            self.sync();
            slot = self.try_read_ptr();
        }
        let Some(slot) = slot else { return false };
        // SAFETY: a committed message, ours until `finalize`.
        unsafe { std::ptr::from_mut(into).copy_from_nonoverlapping(slot.as_ptr(), 1) };
        self.finalize();
        true
    }
}

/// heapless, its queue for one and one. It holds one less than `N`.
pub struct Heapless<const N: usize>;

impl<M: Message, const N: usize> Spsc<M> for Heapless<N> {
    type Tx = heapless::spsc::Producer<'static, M>;
    type Rx = heapless::spsc::Consumer<'static, M>;

    fn open() -> (Self::Tx, Self::Rx) {
        let queue: &'static mut heapless::spsc::Queue<M, N> =
            Box::leak(Box::new(heapless::spsc::Queue::new()));
        queue.split()
    }
}

/// The same in memory that processes share.
pub struct HeaplessShared<const N: usize>;

impl<M: Message, const N: usize> Spsc<M> for HeaplessShared<N> {
    type Tx = heapless::spsc::Producer<'static, M>;
    type Rx = heapless::spsc::Consumer<'static, M>;

    fn open() -> (Self::Tx, Self::Rx) {
        memory::shared_with(heapless::spsc::Queue::<M, N>::new()).split()
    }
}

type StaticRb<M, const N: usize> = ringbuf::StaticRb<M, N>;

/// lowlet's queue for one and one, in memory that processes share or not.
pub struct Lowlet<P, const N: usize>(PhantomData<P>);

type LowletQueue<M, const N: usize> = lowlet::lf::SpscQueue<M, N>;

impl<M: Message, const N: usize> Tx<M> for &'static LowletQueue<M, N> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        self.push(*message).is_ok()
    }
}

impl<M: Message, const N: usize> Rx<M> for &'static LowletQueue<M, N> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        store(into, self.pop().ok())
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for Lowlet<P, N> {
    type Tx = &'static LowletQueue<M, N>;
    type Rx = &'static LowletQueue<M, N>;

    fn open() -> (Self::Tx, Self::Rx) {
        // Zero bytes are an empty one.
        let queue = P::zeroed::<LowletQueue<M, N>>();
        (queue, queue)
    }
}

/// ringbuf, its static form, in memory that processes share.
pub struct RingbufShared<const N: usize>;

impl<M: Message, const N: usize> Tx<M> for ringbuf::CachingProd<&'static StaticRb<M, N>> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        self.try_push(*message).is_ok()
    }
}

impl<M: Message, const N: usize> Rx<M> for ringbuf::CachingCons<&'static StaticRb<M, N>> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        store(into, self.try_pop())
    }
}

impl<M: Message, const N: usize> Spsc<M> for RingbufShared<N> {
    type Tx = ringbuf::CachingProd<&'static StaticRb<M, N>>;
    type Rx = ringbuf::CachingCons<&'static StaticRb<M, N>>;

    fn open() -> (Self::Tx, Self::Rx) {
        memory::shared_with(StaticRb::<M, N>::default()).split_ref()
    }
}

/// shaq in a file that processes share.
pub struct ShaqShared<const N: usize>;

impl<M: Message, const N: usize> Spsc<M> for ShaqShared<N> {
    type Tx = shaq::spsc::Producer<M>;
    type Rx = shaq::spsc::Consumer<M>;

    fn open() -> (Self::Tx, Self::Rx) {
        let size = shaq::spsc::minimum_file_size::<M>(N).next_multiple_of(4096);
        let file = memory::file(size);
        // SAFETY: the file is new, and made into a queue here alone.
        let producer = unsafe { shaq::spsc::Producer::create(&file, size) }.expect("a shaq queue");
        // SAFETY: the only consumer.
        let consumer = unsafe { producer.join_as_consumer() }.expect("its consumer");
        (producer, consumer)
    }
}

/// thingbuf.
pub struct ThingBuf<const N: usize>;

impl<M: Message + Default, const N: usize> Spsc<M> for ThingBuf<N> {
    type Tx = Shared<thingbuf::ThingBuf<M>>;
    type Rx = Shared<thingbuf::ThingBuf<M>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let queue = Arc::new(thingbuf::ThingBuf::new(N));
        (Shared(queue.clone()), Shared(queue))
    }
}

/// cueue: memory mapped twice, so that every chunk is contiguous. In a memfd of its own, which
/// processes share.
pub struct Cueue<const N: usize>;

impl<M: Message> Tx<M> for cueue::Writer<M> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        let Some(slot) = self.write_chunk().first_mut() else { return false };
        slot.clone_from(message);
        self.commit(1) == 1
    }
}

impl<M: Message> Rx<M> for cueue::Reader<M> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        let Some(message) = self.limited_read_chunk(1).first() else { return false };
        into.clone_from(message);
        self.commit();
        true
    }
}

impl<M: Message, const N: usize> Spsc<M> for Cueue<N> {
    type Tx = cueue::Writer<M>;
    type Rx = cueue::Reader<M>;

    fn open() -> (Self::Tx, Self::Rx) {
        let file = memory::file(0);
        let made = cueue::cueue_in_fd_with(
            || M::numbered(0),
            std::os::fd::AsRawFd::as_raw_fd(&file),
            Some(N),
        );
        // The descriptor is used later too.
        std::mem::forget(file);
        made.expect("a cueue")
    }
}

/// disruptor, one producer, and a consumer that polls, up to 64 events at a time.
pub struct Disruptor<const N: usize>;

type SingleProducer<M> = disruptor::SingleProducer<M, disruptor::SingleConsumerBarrier>;
type EventPoller<M> = disruptor::EventPoller<M, disruptor::SingleProducerBarrier>;

/// The consumer of [`Disruptor`], with the events that it took and has not handed out yet.
pub struct Polling<M> {
    poller: EventPoller<M>,
    taken: Vec<M>,
    next: usize,
}

impl<M: Message + Sync> Tx<M> for SingleProducer<M> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        use disruptor::Producer as _;
        self.try_publish(|slot| *slot = *message).is_ok()
    }
}

impl<M: Message + Sync> Rx<M> for Polling<M> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        if self.next == self.taken.len() {
            let Ok(mut events) = self.poller.take(64) else { return false };
            self.taken.clear();
            self.taken.extend((&mut events).copied());
            self.next = 0;
        }
        let Some(message) = self.taken.get(self.next) else { return false };
        *into = *message;
        self.next += 1;
        true
    }
}

impl<M: Message + Sync, const N: usize> Spsc<M> for Disruptor<N> {
    type Tx = SingleProducer<M>;
    type Rx = Polling<M>;

    fn open() -> (Self::Tx, Self::Rx) {
        let builder = disruptor::build_single_producer(N, || M::numbered(0), disruptor::BusySpin);
        let (poller, builder) = builder.new_event_poller();
        (builder.build(), Polling { poller, taken: Vec::with_capacity(64), next: 0 })
    }
}

/// bbqueue, a message a grant of bytes. `N` is in bytes.
pub struct BbQueue<const N: usize>;

type Bb<const N: usize> = &'static bbqueue::nicknames::Churrasco<N>;

impl<M: Message, const N: usize> Tx<M> for bbqueue::prod_cons::stream::StreamProducer<Bb<N>> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        let Ok(mut grant) = self.grant_exact(M::SIZE) else { return false };
        grant.copy_from_slice(message.as_bytes());
        grant.commit(M::SIZE);
        true
    }
}

impl<M: Message, const N: usize> Rx<M> for bbqueue::prod_cons::stream::StreamConsumer<Bb<N>> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        let Ok(grant) = self.read() else { return false };
        into.as_bytes_mut().copy_from_slice(&grant[..M::SIZE]);
        grant.release(M::SIZE);
        true
    }
}

impl<M: Message, const N: usize> Spsc<M> for BbQueue<N> {
    type Tx = bbqueue::prod_cons::stream::StreamProducer<Bb<N>>;
    type Rx = bbqueue::prod_cons::stream::StreamConsumer<Bb<N>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let queue: Bb<N> = Box::leak(Box::new(bbqueue::nicknames::Churrasco::new()));
        (queue.stream_producer(), queue.stream_consumer())
    }
}

/// Chunks of words through rtrb.
pub struct RtrbChunks<const N: usize>;

/// Chunks of words through ringbuf.
pub struct RingbufChunks<const N: usize>;

/// Chunks of words through gil.
pub struct GilChunks<const N: usize>;

/// Chunks of words through cueue.
pub struct CueueChunks<const N: usize>;

halves! {
    [const W: usize] [u64; W], rtrb::Producer<u64>: |p, m| p.push_entire_slice(m).is_ok();
    rtrb::Consumer<u64>: |c, into| c.pop_entire_slice(into).is_ok();
    [const W: usize] [u64; W], ringbuf::HeapProd<u64>:
        |p, m| p.vacant_len() >= W && p.push_slice(m) == W;
    ringbuf::HeapCons<u64>: |c, into| c.occupied_len() >= W && c.pop_slice(into) == W;
    [const W: usize] [u64; W], gil::spsc::Sender<u64>: |p, m| {
        // `W` divides the capacity, so that there is no cut within a chunk.
        let Some(slots) = p.write_buffer().get_mut(..W) else { return false };
        slots.write_copy_of_slice(m);
        // SAFETY: `W` slots were written.
        unsafe { p.commit(W) };
        true
    };
    gil::spsc::Receiver<u64>: |c, into| {
        let mut guard = c.read_guard();
        let Some(values) = guard.as_slice().get(..W) else { return false };
        into.copy_from_slice(values);
        guard.advance(W);
        true
    };
    [const W: usize] [u64; W], cueue::Writer<u64>: |p, m| {
        let Some(slots) = p.write_chunk().get_mut(..W) else { return false };
        slots.copy_from_slice(m);
        p.commit(W) == W
    };
    cueue::Reader<u64>: |c, into| {
        let values = c.limited_read_chunk(W as u64);
        if values.len() < W {
            return false;
        }
        into.copy_from_slice(values);
        c.commit();
        true
    };
}

macro_rules! chunks {
    ($($name:ident: $tx:ty, $rx:ty, $of:ty;)*) => {
        $(
            impl<const W: usize, const N: usize> Spsc<[u64; W]> for $name<N> {
                type Tx = $tx;
                type Rx = $rx;

                fn open() -> (Self::Tx, Self::Rx) {
                    <$of as Spsc<u64>>::open()
                }
            }
        )*
    };
}

chunks! {
    RtrbChunks: rtrb::Producer<u64>, rtrb::Consumer<u64>, Rtrb<N>;
    RingbufChunks: ringbuf::HeapProd<u64>, ringbuf::HeapCons<u64>, Ringbuf<N>;
    GilChunks: gil::spsc::Sender<u64>, gil::spsc::Receiver<u64>, Gil<N>;
    CueueChunks: cueue::Writer<u64>, cueue::Reader<u64>, Cueue<N>;
}

/// shmem-ipc: a ring in a memfd, with an eventfd for each side to sleep on.
pub struct ShmemIpc;

impl Tx<u64> for shmem_ipc::sharedring::Sender<u64> {
    fn put(&mut self, message: &u64) -> bool {
        self.block_until_writable().expect("room");
        // SAFETY (of `write`): the closure is given room for at least one.
        let sent = self.send_raw(|slot, _| {
            // SAFETY: the closure receives room for at least one message.
            unsafe { slot.write(*message) };
            1
        });
        sent.is_ok()
    }
}

impl Rx<u64> for shmem_ipc::sharedring::Receiver<u64> {
    fn get(&mut self, into: &mut u64) -> bool {
        self.block_until_readable().expect("a message");
        let received = self.receive_raw(|slot, _| {
            // SAFETY: the closure is given at least one.
            *into = unsafe { slot.read() };
            1
        });
        received.is_ok()
    }
}

impl Spsc<u64> for ShmemIpc {
    type Tx = shmem_ipc::sharedring::Sender<u64>;
    type Rx = shmem_ipc::sharedring::Receiver<u64>;

    fn open() -> (Self::Tx, Self::Rx) {
        let tx = Self::Tx::new(1024).expect("a shmem-ipc ring");
        let memory = tx.memfd().as_file().try_clone().expect("a descriptor");
        let empty = tx.empty_signal().try_clone().expect("a descriptor");
        let full = tx.full_signal().try_clone().expect("a descriptor");
        (tx, Self::Rx::open(1024, memory, empty, full).expect("its receiver"))
    }
}

/// ipc-channel, its channel of bytes.
pub struct IpcBytes;

impl<M: Message> Tx<M> for ipc_channel::ipc::IpcBytesSender {
    fn put(&mut self, message: &M) -> bool {
        ipc_channel::ipc::IpcBytesSender::send(self, message.as_bytes()).is_ok()
    }
}

impl<M: Message> Rx<M> for ipc_channel::ipc::IpcBytesReceiver {
    fn get(&mut self, into: &mut M) -> bool {
        let received = ipc_channel::ipc::IpcBytesReceiver::recv(self).expect("a message");
        into.as_bytes_mut().copy_from_slice(&received);
        true
    }
}

impl<M: Message> Spsc<M> for IpcBytes {
    type Tx = ipc_channel::ipc::IpcBytesSender;
    type Rx = ipc_channel::ipc::IpcBytesReceiver;

    fn open() -> (Self::Tx, Self::Rx) {
        ipc_channel::ipc::bytes_channel().expect("a channel")
    }
}
