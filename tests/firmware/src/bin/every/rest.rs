//! The remaining operations: calls that would wait for ever, which are linked and not run; the
//! parts of links; and the views of structures whose types are not known.

use super::{Clock, Hundred, PAST, any, pipe, some};
use core::alloc::Layout;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::task::{Context, Waker};
use ringway_core::channel::State;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::frame::{self, Crc32, Hello, Identity};
use ringway_core::channel::link::{Config, SerialLink};
use ringway_core::channel::socket::{Connection, Network};
use ringway_core::participant::Participant;
use ringway_core::plain::Words;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::ring::{RawRing, Ring};
use ringway_core::signal::{Handler, Payload, Raised, SignalSet, Table};
use ringway_core::storage::InMemory;
use ringway_core::sync::AtomicU32;
use ringway_core::untrusted::{self, Lane, Sleeper};
use ringway_core::wait::{Doorbell, Spin, WaitForEvent, WaitForInterrupt, WakerCell};

pub fn all(round: usize) {
    blocking(round);
    frames(round);
    untyped(round);
    queue(round);
    small(round);
    links(round);
    untrusted(round);
}

/// Would wait for ever.
fn blocking(round: usize) {
    if any(round) < 100 {
        return;
    }
    let names = Registry::<2, 16, Clock>::new();
    black_box((names.create(b"a").is_ok(), names.remove(b"a").is_ok()));
    black_box((names.open_reader(b"a").is_ok(), names.open_writer(b"a").is_ok()));
    let net = Network::<1, 2, 16, Clock>::new();
    black_box(net.streams().connect(b"a").is_ok());
    if let Ok(listener) = net.packets().listen(1, any(round)) {
        black_box(listener.accept().is_ok());
    }
    let mut out = [0; 9];
    let mut connection = Connection::<16, Clock>::new();
    let (mut ours, mut theirs) = connection.split();
    black_box((ours.write(b"x").is_ok(), theirs.read(&mut out).is_ok()));
    black_box((ours.write_all(b"x").is_ok(), theirs.read_exact(&mut out).is_ok()));
    drop((ours, theirs));
    let (mut ours, mut theirs) = connection.split_packets();
    black_box((ours.send(b"x").is_ok(), theirs.recv(&mut out).is_ok()));

    let mut pipe = pipe();
    let (mut reader, mut writer) = pipe.split();
    black_box((writer.write(b"x").is_ok(), reader.read(&mut out).is_ok()));
    black_box((writer.write_all(b"x").is_ok(), reader.read_exact(&mut out).is_ok()));
    let mut ring = Ring::<u32, 5, Clock>::new();
    let (mut producer, mut consumer) = ring.split();
    black_box((producer.push(1).is_ok(), consumer.pop().is_ok()));
    let mut ring = ByteRing::<5, Clock>::new();
    let (mut producer, mut consumer) = ring.split();
    black_box((producer.write(b"x").is_ok(), consumer.read(&mut out).is_ok()));
    let queue = Queue::<u32, 4, Clock>::new();
    black_box((queue.push(1).is_ok(), queue.pop().is_ok()));
    let handle = queue.handle(Participant::LOCAL);
    black_box((handle.push(1).is_ok(), handle.pop().is_ok(), handle.claim().is_ok()));
    black_box(handle.reserve().is_ok());
    black_box((handle.drain().count(), queue.drain().count()));

    let table = Table::<40, 2, Clock>::new();
    if let Some(mut dispatcher) = table.dispatcher() {
        black_box(dispatcher.pause().is_ok());
        black_box(dispatcher.wait(SignalSet::line(any(round) as u32)).is_ok());
    }
}

fn frames(round: usize) {
    let mut out = [0; 24];
    let frame = some(b"zero \0 and more", round * 4);
    let len = frame::encode(frame, out.get_mut(..any(20)).unwrap_or_default());
    let line = out;
    black_box(frame::decode(some(&line, len.unwrap_or(0)), &mut out));
    black_box((frame::max_encoded_len(any(round)), frame::Encoder::new().fill(frame, &mut out)));
    let _ = black_box(frame::Decoder::new().push(&mut &line[..], &mut out));
    black_box(Crc32::new().update(frame).push(any(round) as u8).finish());
    let id = Identity { generation: any(round) as u32, attempt: 1 };
    let hello = Hello { up: true, ports: 1, credits: 1, max: 64, id, heard: Identity::NOBODY };
    black_box(Hello::parse(some(&hello.emit(), round * 8)).is_ok());
}

fn links(round: usize) {
    let [mut here, mut there] =
        [1, 2].map(|generation| SerialLink::<32, 1, 1, 1>::new(Config::new(generation)));
    black_box((here.open(0).is_ok(), there.open(0).is_ok()));
    here.exchange(any(round) as u64, &mut there);
    black_box(here.phase());
}

/// A queue of four words, used through a view that is told the size of its items.
fn raw(at: NonNull<u8>, round: usize) {
    let item = Layout::new::<u32>();
    black_box(RawQueue::<Clock>::layout(any(round), item));
    let mut out = [0; 4];
    let mut cx = Context::from_waker(Waker::noop());
    // SAFETY: the memory holds such a queue, and outlives the view.
    let Some(queue) = (unsafe { RawQueue::<Clock>::at(at, 4, item) }) else { return };
    // SAFETY: the memory holds such a queue, and nobody uses it otherwise.
    let Some(queue) = (unsafe { RawQueue::<Clock>::init_at(at, queue.capacity(), item) }) else {
        return;
    };
    let me = queue.handle(Participant::LOCAL);
    black_box((me.try_push(some(b"word", any(round))).is_ok(), me.try_pop(&mut out).is_ok()));
    if let Ok(loan) = me.reserve_deadline(PAST) {
        black_box(loan.commit().is_ok());
    }
    if let Ok(claim) = me.claim_deadline(PAST) {
        black_box(claim.attempts());
        claim.complete();
    }
    black_box((me.poll_reserve(&mut cx).is_ready(), me.poll_claim(&mut cx).is_ready()));
    black_box(me.try_claim().is_ok_and(|claim| claim.take_into(&mut out).is_ok()));
}

/// A structure as a program sees it that knows its kind and capacity, but not its type.
fn untyped(round: usize) {
    let other = Participant::new(any(round) as u16).unwrap_or(Participant::LOCAL);
    let queue = Queue::<u32, 4, Clock>::new();
    core::mem::forget(queue.handle(other).try_claim());
    black_box(QueueView::<(), Clock>::layout(any(round)));
    raw(NonNull::from(&queue).cast(), round);
    let mut memory = [MaybeUninit::uninit(); 256];
    if let Ok(counted) = QueueView::<u16>::init_in(&mut memory, any(round)) {
        black_box((counted.try_push(1).is_ok(), counted.try_pop(), counted.is_valid()));
    }
    if let Some(view) = QueueView::<(), Clock>::from_raw(NonNull::from(&queue).cast(), 4) {
        // SAFETY: it is a queue of four, with these bells, and outlives the view.
        let view = unsafe { view.as_ref() };
        black_box((view.is_valid(), view.pushed(), view.capacity()));
        // SAFETY: this participant takes no further step: what acted for it was dropped.
        black_box(unsafe { view.handle(Participant::LOCAL).recover(other) });
    }

    let ring = Ring::<u32, 5, Clock>::new();
    let item = Layout::new::<u32>();
    black_box(RawRing::<Clock>::layout(any(5), item));
    // SAFETY: it is a ring of five, and outlives the view.
    if let Some(raw) = unsafe { RawRing::<Clock>::at(NonNull::from(&ring).cast(), 5, item) } {
        black_box((raw.words().is_valid(), raw.words().len()));
        if let Some(mut half) = raw.producer_as(other) {
            black_box((half.try_push(&[1; 4]).is_ok(), half.push_deadline(&[2; 4], PAST).is_ok()));
            if let Some(window) = half.window() {
                // SAFETY: it is the half's last window, and nothing was pushed by it.
                unsafe { half.resume(&window) };
            }
            half.close();
        }
        if let Some(mut half) = raw.consumer_as(other) {
            let mut out = [0; 4];
            black_box((half.try_pop(&mut out).is_ok(), half.pop_deadline(&mut out, PAST).is_ok()));
            half.close();
        }
        // SAFETY: nobody uses the memory any more, and it has the same size.
        black_box(
            unsafe { RawRing::<Clock>::init_at(NonNull::from(&ring).cast(), 5, item) }.is_some(),
        );
    }
}

fn queue(round: usize) {
    let queue = Queue::<u32, 3, Clock>::new();
    let other = Participant::new(any(round) as u16).unwrap_or(Participant::LOCAL);
    let handle = queue.handle(other);
    for _ in 0..any(round) {
        black_box((handle.try_push(1).is_ok(), handle.push_deadline(2, PAST).is_ok()));
        black_box((handle.try_reserve().is_ok(), handle.pop_deadline(PAST).is_ok()));
        black_box((handle.reserve_deadline(PAST).is_ok(), handle.capacity()));
        if let Ok(claim) = handle.claim_deadline(PAST) {
            claim.complete();
        }
        black_box((
            handle.try_pop(),
            handle.try_claim().is_some(),
            handle.join_deadline(PAST).is_ok(),
        ));
    }
    queue.set_max_attempts(any(round) as u16);
    if let Some(producer) = queue.producer() {
        black_box(producer.try_push(1).is_ok());
    }
    if let Some(claim) = queue.try_claim() {
        black_box(claim.attempts());
    }
    black_box((queue.max_attempts(), queue.refused(), queue.producers_are_gone()));
    queue.consumers_bell().ring();
    queue.producers_bell().ring();
    queue.close();
    black_box((queue.is_closed(), queue.has_ended(), queue.unfinished()));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { queue.handle(Participant::LOCAL).recover(other) });
}

fn small(round: usize) {
    let state = if any(round) == 0 { State::READER } else { State::STREAM };
    black_box((state.can_send(), state.can_recv()));

    let cell = WakerCell::new();
    cell.register(Waker::noop());
    cell.wake();
    let bell = Doorbell::<Clock>::new();
    let mut cx = Context::from_waker(Waker::noop());
    black_box(bell.wait_until(PAST, || (any(round) == 1).then_some(())).is_ok());
    black_box(bell.poll_until(&mut cx, || (any(round) == 1).then_some(())).is_ready());
    let interrupted = Doorbell::<WaitForInterrupt<Hundred>>::new();
    black_box(interrupted.wait_until(PAST, || (any(round) == 1).then_some(())).is_ok());
    let told = Doorbell::<WaitForEvent<Hundred>>::new();
    black_box(told.wait_until(PAST, || (any(round) == 1).then_some(())).is_ok());
    told.ring();

    let words = Words::<[u32; 3]>::new([any(round) as u32; 3]);
    let mut copy = [0; 3];
    words.load_into(&mut copy);
    words.store(copy);
    black_box((words.load(), Words::<[u32; 3]>::zeroed()));

    static NOTHING: Handler = Handler::new(&|_: &Raised| {});
    let table = Table::<40, 2, Clock>::new();
    let line = any(round) as u32;
    black_box(table.set_handler(line, Some(&NOTHING)).is_ok());
    if let Err(error) = table.raise_with(line, Payload::new(1)) {
        black_box(error.payload());
    }
    if let Some(mut dispatcher) = table.dispatcher() {
        black_box(
            (dispatcher.try_wait(SignalSet::line(line)), dispatcher.dispatch_one()).0.is_some(),
        );
        if let Some(delivery) = dispatcher.try_wait(SignalSet::line(line)) {
            NOTHING.run(&delivery);
        }
        black_box(dispatcher.dispatch());
    }
}

/// Lanes to a peer that is not trusted.
fn untrusted(round: usize) {
    #[repr(align(128))]
    struct Memory([AtomicU32; 128]);
    static ONE: Memory = Memory([const { AtomicU32::new(0) }; 128]);
    static OTHER: Memory = Memory([const { AtomicU32::new(0) }; 128]);
    let [one, other] = [&ONE, &OTHER].map(|memory| NonNull::from(&memory.0).cast::<u8>());
    let Some(lane) = Lane::new(any(64)) else { return };
    black_box((lane.capacity(), lane.sending_size(), lane.receiving_size()));
    black_box(untrusted::Words::new());
    let (mut out, mut answers) = ([0; 8], [true; 10]);
    // SAFETY: both pieces are aligned and large enough. The halves of one lane after the other use
    // them, on one side at a time.
    let (mut tx, mut rx) = unsafe {
        (
            untrusted::Sender::new(one, other, lane, Spin),
            untrusted::Receiver::new(other, one, lane, Spin),
        )
    };
    answers[0] = tx.try_send(b"one").is_ok() && tx.send_deadline(b"two", None).is_ok();
    answers[1] = rx.try_recv(&mut out).is_ok() && rx.recv_deadline(&mut out, None).is_ok();
    black_box((tx.max_message(), tx.peer_is_gone()));
    // SAFETY: both pieces are aligned and large enough. One side after the other uses them, in this
    // context alone.
    let (mut tx, mut rx) = unsafe {
        (
            untrusted::Writer::new(one, other, lane, Spin),
            untrusted::Reader::new(other, one, lane, Spin),
        )
    };
    answers[2] = tx.try_write(b"one").is_ok() || tx.write_deadline(b"two", None).is_ok();
    answers[3] = rx.try_read(&mut out).is_ok() || rx.read_deadline(&mut out, None).is_ok();
    // SAFETY: both pieces are aligned and large enough. One side after the other uses them, in this
    // context alone.
    let (mut tx, mut rx) = unsafe {
        (
            untrusted::Producer::new(one, other, lane, Spin),
            untrusted::Consumer::<u32, _>::new(other, one, lane, Spin),
        )
    };
    answers[4] = tx.try_push(any(round) as u32).is_ok() || tx.push_deadline(2, None).is_ok();
    answers[5] = rx.try_pop().is_ok() || rx.pop_deadline(None).is_ok();
    black_box(untrusted::Publisher::<u32>::size(any(round)));
    // SAFETY: both pieces are aligned and large enough. One side after the other uses them, in this
    // context alone.
    let (tx, rx) = unsafe {
        (
            untrusted::Publisher::<u32>::new(one, other, 2, Spin),
            untrusted::Subscriber::<u32>::new(other, one, 2, Spin),
        )
    };
    let (Some(mut tx), Some(mut rx)) = (tx, rx) else { return };
    tx.publish(&(any(round) as u32));
    answers[6] = rx.try_recv().is_ok() && rx.newest().is_some();
    drop(tx);
    answers[7] = rx.recv_deadline(None).is_ok();
    let word = AtomicU32::new(0);
    Sleeper::wake(&Spin, &word);
    answers[8] = Sleeper::sleep(&Spin, &word, 0, None).is_ok();
    black_box(answers);
}
