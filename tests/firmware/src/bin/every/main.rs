//! Links the operations that the other images do not use, with arguments that the compiler cannot
//! know. This shows that none of them can panic: an image that can panic does not link. Other tests
//! check the results.
#![no_std]
#![no_main]

mod locks;
mod rest;
mod shared;

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::pin::pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};
use embedded_io::{Read, ReadReady, Write, WriteReady};
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::{Connection, Network, Shutdown};
use ringway_core::channel::{Event, State};
use ringway_core::participant::Participant;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::queue::{Handle, Queue};
use ringway_core::ring::{PushError, Ring};
use ringway_core::signal::{Payload, SignalSet, Table, TableView};
use ringway_core::wait::{Async, SpinClock};
use ringway_firmware::report;

/// The time is always 100: every wait with an earlier deadline ends at once.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

ringway_firmware::image!(run, tick);

fn tick() {}

type Clock = Async<SpinClock<Hundred>>;

const fn pipe() -> Pipe<16, Clock> {
    Pipe::new()
}

const PAST: Option<u64> = Some(50);

/// A number that the compiler does not know.
fn any(number: usize) -> usize {
    black_box(number)
}

/// Polls once.
fn once<R>(future: impl Future<Output = R>) {
    let mut cx = Context::from_waker(Waker::noop());
    black_box(pin!(future).poll(&mut cx).is_ready());
}

/// This many of these bytes, or all.
fn some(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..any(count)).unwrap_or(bytes)
}

fn run() -> bool {
    for round in 0..8 {
        ring(any(round));
        bytes(any(round));
        queue(any(round));
        pipes(any(round));
        names(any(round));
        network(any(round));
        signals(any(round));
        lifecycle(any(round));
        locks::all(any(round));
        shared::all(any(round));
        rest::all(any(round));
    }
    report("every operation is linked", 1);
    true
}

fn ring(round: usize) {
    let mut ring = Ring::<u32, 5, Clock>::new();
    let (mut producer, mut consumer) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    for step in 0..any(3) {
        producer.try_push_slice(&[1, 2, 3][..any(step).min(3)]);
        if let Err(error) = producer.push_deadline(7, PAST) {
            black_box(PushError::into_value(error));
        }
        once(producer.push_async(9));
        black_box(producer.reserve_deadline(any(step), PAST).is_ok());
        once(producer.reserve_async(any(step)));
        if let Ok(mut chunk) = producer.try_reserve(any(step)) {
            let (first, second) = chunk.as_uninit();
            first.iter_mut().chain(second).for_each(|slot| {
                slot.write(4);
            });
            // SAFETY: every slot of the chunk was written.
            unsafe { chunk.assume_filled(any(usize::MAX)) };
            black_box(chunk.commit());
        }
        let ring = producer.ring();
        black_box((ring.capacity(), ring.consumer_is_gone(), ring.producer_is_gone()));
        black_box(producer.room());

        let mut out = [0; 4];
        black_box(consumer.try_pop_slice(&mut out[..any(round).min(4)]));
        black_box(consumer.pop_deadline(PAST).is_ok());
        black_box(consumer.poll_pop(&mut cx).is_ready());
        once(consumer.pop_async());
        black_box(consumer.peek_deadline(any(step), PAST).is_ok());
        once(consumer.peek_async(any(step)));
        black_box((consumer.iter().max().copied(), consumer.front().copied()));
        black_box(consumer.drain().take(any(1)).max());
        if let Ok(chunk) = consumer.try_peek(any(step)) {
            black_box(chunk.as_slices().0.len());
            chunk.release(any(usize::MAX));
        }
        black_box((consumer.len(), consumer.is_empty()));
    }
    consumer.clear();
}

fn bytes(round: usize) {
    let mut ring = ByteRing::<11, Clock>::new();
    let (mut producer, mut consumer) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 9];
    for step in 0..any(3) {
        black_box(producer.write_deadline(some(b"hello, world", step), PAST).is_ok());
        black_box(producer.poll_write(&mut cx, some(b"hello", round)).is_ready());
        black_box(producer.try_write_all(some(b"hello", round)).is_ok());
        black_box(producer.write_all_deadline(&mut some(b"hello, world", step), PAST).is_ok());
        once(producer.write_async(some(b"hello", round)));
        once(producer.write_all_async(some(b"hello", round)));
        black_box(producer.reserve_deadline(any(step), PAST).is_ok());
        black_box(pin!(producer.reserve_async(any(step))).poll(&mut cx).is_ready());
        once(producer.reserve_async(any(step)));
        if let Ok(mut grant) = producer.try_reserve_up_to(any(step)) {
            grant.fill(1);
            grant.commit(any(usize::MAX));
        }
        if let Ok(grant) = producer.try_reserve(any(step)) {
            grant.commit(any(1));
        }
        if producer.write_ready() == Ok(true) {
            black_box(Write::write(&mut producer, b"x").is_ok());
        }
        black_box((producer.room(), producer.ring().consumer_is_gone()));
        black_box(consumer.read_deadline(&mut out, PAST).is_ok());
        black_box(consumer.poll_read(&mut cx, &mut out).is_ready());
        black_box(consumer.peek_deadline(any(step), PAST).is_ok());
        black_box(pin!(consumer.peek_async(any(step))).poll(&mut cx).is_ready());
        once(consumer.peek_async(any(step)));
        once(consumer.read_async(&mut out));
        once(consumer.read_exact_async(&mut out));
        black_box(consumer.read_exact_deadline(&mut &mut out[..], PAST).is_ok());
        black_box(consumer.try_read_exact(&mut out).is_ok());
        if let Ok(grant) = consumer.try_peek(any(step)) {
            grant.release(any(usize::MAX));
        }
        black_box(consumer.as_slices());
        consumer.consume(any(step));
        if consumer.read_ready() == Ok(true) {
            black_box(Read::read(&mut consumer, &mut out).is_ok());
        }
        black_box((consumer.len(), consumer.is_empty(), consumer.ring().producer_is_gone()));
    }
    consumer.clear();
}

fn queue(round: usize) {
    let queue = Queue::<u32, 4, Clock>::new();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..any(round) {
        black_box(queue.try_push(1).is_ok());
        let mut value = Some(2);
        black_box(queue.poll_push(&mut cx, &mut value).is_ready());
        if let Ok(loan) = queue.try_reserve() {
            let _ = loan.write(3);
        }
        if let Some(claim) = queue.try_claim() {
            black_box(claim.position());
            claim.complete();
        }
        black_box((queue.len(), queue.is_empty(), queue.capacity(), queue.unfinished()));
        black_box(queue.poll_pop(&mut cx).is_ready());
        black_box(queue.try_pop());
        queue_awaited(queue.handle(Participant::LOCAL), &mut cx);
    }
    queue.close();
    black_box((queue.is_closed(), queue.has_ended()));
}

fn queue_awaited(queue: Handle<'_, u32, Clock>, cx: &mut Context<'_>) {
    let mut value = Some(2);
    black_box(queue.poll_push(cx, &mut value).is_ready());
    black_box(queue.poll_pop(cx).is_ready());
    black_box((queue.poll_reserve(cx).is_ready(), queue.poll_claim(cx).is_ready()));
    black_box(pin!(queue.push_async(2)).poll(cx).is_ready());
    black_box(pin!(queue.pop_async()).poll(cx).is_ready());
    black_box(pin!(queue.reserve_async()).poll(cx).is_ready());
    black_box(pin!(queue.claim_async()).poll(cx).is_ready());
}

fn pipes(round: usize) {
    let pipe = pipe();
    let Ok((mut reader, mut writer)) = pipe.open() else { return };
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 9];
    for step in 0..any(3) {
        black_box(writer.write_deadline(some(b"longer than a pipe holds", step * 8), PAST).is_ok());
        black_box(writer.poll_write(&mut cx, some(b"hello", round)).is_ready());
        once(writer.write_async(some(b"hello", round)));
        let mut left = some(b"longer than a pipe holds", step * 8);
        black_box(writer.try_write_all(left).is_ok());
        black_box(writer.write_all_deadline(&mut left, PAST).is_ok());
        once(writer.write_all_async(left));
        if writer.write_ready() == Ok(true) {
            black_box(Write::write(&mut writer, b"x").is_ok());
        }
        black_box((writer.state(), writer.try_clone().is_ok()));
        black_box(reader.read_deadline(&mut out, PAST).is_ok());
        black_box(reader.poll_read(&mut cx, &mut out).is_ready());
        once(reader.read_async(&mut out));
        let mut missing = out.get_mut(..any(step)).unwrap_or_default();
        black_box(reader.try_read_exact(missing).is_ok());
        black_box(reader.read_exact_deadline(&mut missing, PAST).is_ok());
        once(reader.read_exact_async(missing));
        if reader.read_ready() == Ok(true) {
            black_box(Read::read(&mut reader, &mut out).is_ok());
        }
        black_box(reader.state());
    }
}

fn names(round: usize) {
    let names = Registry::<2, 16, Clock>::new();
    let name = some(b"a name that is longer than a name may be", round * 8);
    black_box((names.create_deadline(name, PAST).is_ok(), names.try_create(name).is_ok()));
    once(names.create_async(name));
    black_box(names.open_reader_deadline(name, PAST).is_ok());
    black_box(names.open_writer_deadline(name, PAST).is_ok());
    once(names.open_reader_async(name));
    once(names.open_writer_async(name));
    let reader = names.try_open_reader(name);
    black_box((reader.is_ok(), names.try_open_writer(name).is_ok()));
    black_box((names.try_remove(name).is_ok(), names.remove_deadline(name, PAST).is_ok()));
    once(names.remove_async(name));
}

fn network(round: usize) {
    let net = Network::<1, 2, 16, Clock>::new();
    let name = some(b"a name that is longer than a name may be", round * 8);
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 9];
    if let Ok(listener) = net.streams().try_listen(name, any(round)) {
        once(net.streams().connect_async(name));
        black_box(net.streams().connect_deadline(name, PAST).is_ok());
        once(listener.accept_async());
        black_box((listener.accept_deadline(PAST).is_ok(), listener.try_accept().is_ok()));
        black_box(listener.poll_accept(&mut cx).is_ready());
    }
    once(net.streams().listen_async(name, any(round)));
    if let Ok(listener) = net.packets().listen_deadline(any(round) as u16, any(round), PAST) {
        once(net.packets().connect_async(7));
        black_box(listener.try_accept().is_ok());
    }
    let connection = Connection::<16, Clock>::new();
    if let Ok((mut ours, mut theirs)) = connection.pair() {
        black_box(ours.write_deadline(some(b"longer than a pipe holds", round * 8), PAST).is_ok());
        black_box(ours.poll_write(&mut cx, b"x").is_ready());
        once(ours.write_async(b"x"));
        let mut left = some(b"longer than a pipe holds", round * 8);
        black_box(ours.try_write_all(left).is_ok());
        black_box(ours.write_all_deadline(&mut left, PAST).is_ok());
        once(ours.write_all_async(left));
        if ours.write_ready() == Ok(true) {
            black_box(Write::write(&mut ours, b"x").is_ok());
        }
        if theirs.read_ready() == Ok(true) {
            black_box(Read::read(&mut theirs, &mut out).is_ok());
        }
        black_box(theirs.read_deadline(&mut out, PAST).is_ok());
        black_box(theirs.poll_read(&mut cx, &mut out).is_ready());
        once(theirs.read_async(&mut out));
        let mut missing = out.get_mut(..any(round)).unwrap_or_default();
        black_box(theirs.try_read_exact(missing).is_ok());
        black_box(theirs.read_exact_deadline(&mut missing, PAST).is_ok());
        once(theirs.read_exact_async(missing));
        ours.shutdown([Shutdown::Read, Shutdown::Write, Shutdown::Both][any(round) % 3]);
        black_box((ours.state(), theirs.into_split().0.is_some()));
    }
    if let Ok((mut ours, mut theirs)) = connection.pair_packets() {
        black_box(ours.send_deadline(some(b"longer than a pipe holds", round * 8), PAST).is_ok());
        black_box(ours.poll_send(&mut cx, b"x").is_ready());
        once(ours.send_async(b"x"));
        black_box(theirs.recv_deadline(&mut out, PAST).is_ok());
        black_box(theirs.poll_recv(&mut cx, &mut out).is_ready());
        once(theirs.recv_async(&mut out));
        ours.shutdown(Shutdown::Both);
        black_box((ours.state(), theirs.state()));
    }
}

fn signals(round: usize) {
    let table = Table::<40, 2, Clock>::new();
    let mut words = [MaybeUninit::<u64>::uninit(); 32];
    let at = NonNull::from(&mut words).cast();
    let (lines, depth) = (any(round), any(1));
    if TableView::<'_, Clock>::layout(lines, depth).is_some_and(|it| it.size() <= 256) {
        // SAFETY: the memory is as large, aligned, and used for nothing else.
        let view = unsafe { TableView::<'_, Clock>::init_at(at, lines, depth) };
        // SAFETY: there is such a table, if there can be one.
        let again = unsafe { TableView::<'_, Clock>::at(at, lines, depth) };
        black_box((view.is_some(), again.is_some_and(|view| view.raise(0).is_ok())));
    }
    let mut memory = [MaybeUninit::uninit(); 300];
    let view = TableView::<'_, Clock>::init_in(&mut memory, lines, depth);
    for view in [Some(table.view()), view.ok()].into_iter().flatten() {
        if let Some(mut dispatcher) = view.dispatcher() {
            black_box((view.raise(1).is_ok(), dispatcher.dispatch()));
        }
    }
    let Some(mut dispatcher) = table.dispatcher() else { return };
    let mut cx = Context::from_waker(Waker::noop());
    for step in 0..any(3) {
        let line = any(round * 8 + step) as u32;
        black_box((table.raise(line).is_ok(), table.raise_with(line, Payload::new(1)).is_ok()));
        black_box((table.set_priority(line, 3).is_ok(), table.set_handler(line, None).is_ok()));
        let set = SignalSet::of(&[line, any(step) as u32]);
        black_box((table.mask(set), table.unmask(set), table.set_mask(set)));
        black_box((
            dispatcher.pause_deadline(PAST).is_ok(),
            dispatcher.wait_deadline(set, PAST).is_ok(),
        ));
        black_box(dispatcher.poll_pause(&mut cx).is_ready());
        black_box(dispatcher.poll_wait(&mut cx, set).is_ready());
        once(dispatcher.pause_async());
        once(dispatcher.wait_async(set));
        black_box((set.lines().count(), table.pending(), table.masked(), table.end_dispatcher()));
    }
}

fn lifecycle(round: usize) {
    let events = [Event::Listen, Event::Connect, Event::Accept, Event::Send, Event::Close];
    let event = events.get(any(round)).copied().unwrap_or(Event::Reset);
    for state in [State::New, State::STREAM, State::READER, State::WRITER, State::Reset] {
        black_box(black_box(state).on(event).is_ok());
    }
}
