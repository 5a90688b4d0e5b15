//! The paths that are counted. Each is a function that callgrind can name, and does one thing
//! [`OPERATIONS`] times.

use ringway::signal::Signal;
use ringway_core::channel::pipe::Pipe;
use ringway_core::ring::broadcast::{Broadcast, BroadcastView};
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::Queue;
use ringway_core::ring::{Ring, RingView};

/// How often each path does its one thing.
pub const OPERATIONS: u64 = 1000;

/// The capacity of the rings, so that the positions wrap within a path.
const N: usize = 1024;

type Sleepers<T> = Ring<T, N, ringway::wait::Futex>;

/// What is counted: a module is a golden file, a function a line of it.
mod hot {
    use super::{N, OPERATIONS};
    use ringway_core::channel::pipe::{Reader, Writer};
    use ringway_core::ring::queue::{Queue, QueueView};
    use ringway_core::ring::{
        self as rings, broadcast as broadcasts, bytes as byte_rings, messages,
    };
    use ringway_core::wait::{Nobody, Wake};
    use std::hint::black_box;

    macro_rules! paths {
        ($($group:ident {
            $($name:ident $([$($generics:tt)*])? ($($argument:ident: $type:ty),*) $work:block)*
        })*) => {
            /// Every path's name, `group::line`.
            pub const NAMES: &[&str] =
                &[$($(concat!(stringify!($group), "::", stringify!($name))),*),*];

            $(
                pub mod $group {
                    use super::*;
                    $(
                        #[inline(never)]
                        pub fn $name $(<$($generics)*>)? ($($argument: $type),*) {
                            for _ in 0..OPERATIONS $work
                        }
                    )*
                }
            )*
        };
    }

    type Producer<'a, T, B = Nobody> = rings::Producer<&'a rings::Ring<T, N, B>>;
    type Consumer<'a, T, B = Nobody> = rings::Consumer<&'a rings::Ring<T, N, B>>;
    type ViewProducer<'a> = rings::Producer<&'a rings::RingView<u64>>;
    type ViewConsumer<'a> = rings::Consumer<&'a rings::RingView<u64>>;
    type ByteProducer<'a> = byte_rings::Producer<&'a byte_rings::ByteRing<{ 64 * N }>>;
    type ByteConsumer<'a> = byte_rings::Consumer<&'a byte_rings::ByteRing<{ 64 * N }>>;

    type Sender<'a> = messages::Sender<&'a messages::MessageRing<{ 68 * N }>>;
    type Receiver<'a> = messages::Receiver<&'a messages::MessageRing<{ 68 * N }>>;

    type ByteViewProducer<'a> = byte_rings::Producer<&'a byte_rings::ByteRingView>;
    type ByteViewConsumer<'a> = byte_rings::Consumer<&'a byte_rings::ByteRingView>;
    type ViewSender<'a> = messages::Sender<&'a messages::MessageRingView>;
    type ViewReceiver<'a> = messages::Receiver<&'a messages::MessageRingView>;

    type News<'a> = broadcasts::Writer<&'a broadcasts::Broadcast<u64, N>>;
    type NewsReader<'a> = broadcasts::Reader<&'a broadcasts::Broadcast<u64, N>>;
    type ViewWriter<'a> = broadcasts::Writer<&'a broadcasts::BroadcastView<u64>>;
    type ViewReader<'a> = broadcasts::Reader<&'a broadcasts::BroadcastView<u64>>;

    paths! {
        ring {
            push(producer: &mut Producer<u64>) {
                assert!(producer.try_push(black_box(1)).is_ok());
            }
            pop(consumer: &mut Consumer<u64>) {
                assert!(black_box(consumer.try_pop()).is_some());
            }
            push_and_pop(producer: &mut Producer<u64>, consumer: &mut Consumer<u64>) {
                assert!(producer.try_push(black_box(1)).is_ok());
                assert!(black_box(consumer.try_pop()).is_some());
            }
            push_and_pop_in_a_view(producer: &mut ViewProducer, consumer: &mut ViewConsumer) {
                assert!(producer.try_push(black_box(1)).is_ok());
                assert!(black_box(consumer.try_pop()).is_some());
            }
            push_64_bytes(producer: &mut Producer<[u64; 8]>) {
                assert!(producer.try_push(black_box([1; 8])).is_ok());
            }
            pop_64_bytes(consumer: &mut Consumer<[u64; 8]>) {
                assert!(black_box(consumer.try_pop()).is_some());
            }
            push_when_full(producer: &mut Producer<u64>) {
                assert!(producer.try_push(black_box(1)).is_err());
            }
            pop_when_empty(consumer: &mut Consumer<u64>) {
                assert!(black_box(consumer.try_pop()).is_none());
            }
            slice_of_64_in_and_out(producer: &mut Producer<u64>, consumer: &mut Consumer<u64>) {
                let mut values = black_box([1; 64]);
                assert!(producer.try_push_slice(&values) == 64);
                assert!(consumer.try_pop_slice(&mut values) == 64);
            }
            chunk_of_64_in_place(producer: &mut Producer<u64>, consumer: &mut Consumer<u64>) {
                let mut chunk = producer.try_reserve(64).unwrap();
                assert!(chunk.fill(black_box(1)..) == 64);
                chunk.commit();
                let chunk = consumer.try_peek(64).unwrap();
                black_box(chunk.as_slices());
                chunk.release(64);
            }
            push_with_a_doorbell[W: Wake](producer: &mut Producer<u64, W>) {
                assert!(producer.try_push(black_box(1)).is_ok());
            }
            pop_with_a_doorbell[W: Wake](consumer: &mut Consumer<u64, W>) {
                assert!(black_box(consumer.try_pop()).is_some());
            }
        }
        bytes {
            write_64(producer: &mut ByteProducer) {
                assert!(producer.try_write(black_box(&[1; 64])) == 64);
            }
            read_64(consumer: &mut ByteConsumer) {
                assert!(black_box(consumer.try_read(&mut [0; 64])) == 64);
            }
            write_64_in_a_view(producer: &mut ByteViewProducer) {
                assert!(producer.try_write(black_box(&[1; 64])) == 64);
            }
            read_64_in_a_view(consumer: &mut ByteViewConsumer) {
                assert!(black_box(consumer.try_read(&mut [0; 64])) == 64);
            }
            grant_of_64_and_commit(producer: &mut ByteProducer) {
                let mut grant = producer.try_reserve(64).unwrap();
                black_box(&mut *grant);
                grant.commit(64);
            }
            peek_and_release_64(consumer: &mut ByteConsumer) {
                let grant = consumer.try_peek(1).unwrap();
                black_box(&*grant);
                grant.release(64);
            }
            grant_and_commit_in_a_view(producer: &mut ByteViewProducer) {
                let mut grant = producer.try_reserve(64).unwrap();
                black_box(&mut *grant);
                grant.commit(64);
            }
            peek_and_release_in_a_view(consumer: &mut ByteViewConsumer) {
                let grant = consumer.try_peek(1).unwrap();
                black_box(&*grant);
                grant.release(64);
            }
            send_64(sender: &mut Sender) {
                assert!(sender.try_send(black_box(&[1; 64])).is_ok());
            }
            recv_64(receiver: &mut Receiver) {
                assert!(black_box(receiver.try_recv(&mut [0; 64])) == Ok(64));
            }
            send_64_in_a_view(sender: &mut ViewSender) {
                assert!(sender.try_send(black_box(&[1; 64])).is_ok());
            }
            recv_64_in_a_view(receiver: &mut ViewReceiver) {
                assert!(black_box(receiver.try_recv(&mut [0; 64])) == Ok(64));
            }
        }
        queue {
            push(queue: &Queue<u64, N>) {
                assert!(queue.try_push(black_box(1)).is_ok());
            }
            pop(queue: &Queue<u64, N>) {
                assert!(black_box(queue.try_pop()).is_some());
            }
            push_and_pop(queue: &Queue<u64, N>) {
                assert!(queue.try_push(black_box(1)).is_ok());
                assert!(black_box(queue.try_pop()).is_some());
            }
            push_and_pop_in_a_view(queue: &QueueView<u64>) {
                assert!(queue.try_push(black_box(1)).is_ok());
                assert!(black_box(queue.try_pop()).is_some());
            }
            pop_when_empty(queue: &Queue<u64, N>) {
                assert!(black_box(queue.try_pop()).is_none());
            }
        }
        broadcast {
            send_and_recv(writer: &mut News, reader: &mut NewsReader) {
                writer.send(black_box(1));
                assert!(black_box(reader.try_recv()) == Ok(Some(1)));
            }
            send_and_recv_in_a_view(writer: &mut ViewWriter, reader: &mut ViewReader) {
                writer.send(black_box(1));
                assert!(black_box(reader.try_recv()) == Ok(Some(1)));
            }
        }
        pipe {
            write_64(writer: &mut Writer<{ 64 * N }>) {
                assert!(writer.try_write(black_box(&[1; 64])) == Ok(64));
            }
            read_64(reader: &mut Reader<{ 64 * N }>) {
                assert!(black_box(reader.try_read(&mut [0; 64])) == Ok(64));
            }
        }
        signal {
            raise_and_dispatch(raise: &dyn Fn(), dispatch: &mut dyn FnMut()) {
                raise();
                dispatch();
            }
        }
    }
}

pub use hot::NAMES;

/// Runs every path once.
pub fn run() {
    let mut ring: Ring<u64, N> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    hot::ring::push(&mut producer);
    hot::ring::pop(&mut consumer);
    hot::ring::push_and_pop(&mut producer, &mut consumer);
    hot::ring::pop_when_empty(&mut consumer);
    while producer.try_push(0).is_ok() {}
    hot::ring::push_when_full(&mut producer);
    consumer.clear();
    hot::ring::slice_of_64_in_and_out(&mut producer, &mut consumer);
    hot::ring::chunk_of_64_in_place(&mut producer, &mut consumer);
    drop((producer, consumer));
    let view: &RingView<u64> = std::hint::black_box(&ring);
    let mut halves = (view.producer().expect("free"), view.consumer().expect("free"));
    hot::ring::push_and_pop_in_a_view(&mut halves.0, &mut halves.1);

    let mut ring: Ring<[u64; 8], N> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    hot::ring::push_64_bytes(&mut producer);
    hot::ring::pop_64_bytes(&mut consumer);

    let mut ring: Sleepers<u64> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    hot::ring::push_with_a_doorbell(&mut producer);
    hot::ring::pop_with_a_doorbell(&mut consumer);

    let mut ring: ByteRing<{ 64 * N }> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    hot::bytes::write_64(&mut producer);
    hot::bytes::read_64(&mut consumer);
    hot::bytes::grant_of_64_and_commit(&mut producer);
    hot::bytes::peek_and_release_64(&mut consumer);
    drop((producer, consumer));
    let view: &ByteRingView = std::hint::black_box(&ring);
    let mut halves = (view.producer().expect("free"), view.consumer().expect("free"));
    hot::bytes::write_64_in_a_view(&mut halves.0);
    hot::bytes::read_64_in_a_view(&mut halves.1);
    hot::bytes::grant_and_commit_in_a_view(&mut halves.0);
    hot::bytes::peek_and_release_in_a_view(&mut halves.1);

    let mut ring: MessageRing<{ 68 * N }> = MessageRing::new();
    let (mut sender, mut receiver) = ring.split();
    hot::bytes::send_64(&mut sender);
    hot::bytes::recv_64(&mut receiver);
    drop((sender, receiver));
    let view: &MessageRingView = std::hint::black_box(&ring);
    let mut halves = (view.sender().expect("free"), view.receiver().expect("free"));
    hot::bytes::send_64_in_a_view(&mut halves.0);
    hot::bytes::recv_64_in_a_view(&mut halves.1);

    let mut broadcast: Broadcast<u64, N> = Broadcast::new();
    let (mut writer, mut reader) = broadcast.split();
    hot::broadcast::send_and_recv(&mut writer, &mut reader);
    drop(writer);
    let view: &mut BroadcastView<u64> = std::hint::black_box(&mut broadcast);
    let (mut writer, mut reader) = view.split();
    hot::broadcast::send_and_recv_in_a_view(&mut writer, &mut reader);

    let queue: Queue<u64, N> = Queue::new();
    hot::queue::push(&queue);
    hot::queue::pop(&queue);
    hot::queue::push_and_pop(&queue);
    hot::queue::push_and_pop_in_a_view(std::hint::black_box(&*queue));
    hot::queue::pop_when_empty(&queue);

    static PIPE: Pipe<{ 64 * N }> = Pipe::new();
    let (mut reader, mut writer) = PIPE.open().expect("a fresh pipe");
    hot::pipe::write_64(&mut writer);
    hot::pipe::read_64(&mut reader);

    let mut dispatcher = ringway::signal::dispatcher().expect("nobody else has it");
    let line = Signal::USR1.line();
    hot::signal::raise_and_dispatch(
        &|| {
            let _ = ringway::signal::table().raise(line);
        },
        &mut || {
            dispatcher.dispatch();
        },
    );
}
