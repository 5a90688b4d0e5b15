//! The operations for shared memory: regions and their parts, participants, broadcasts, newest
//! values, messages of any length, and the recovery of what a dead participant held.

use super::{Clock, Hundred, PAST, any, once, some};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::pin::pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};
use ringway_core::channel::pipe::Pipe;
use ringway_core::participant::Participant;
use ringway_core::region::{AnyPart, Layout, Occupant, Part, TypeName, View};
use ringway_core::ring::broadcast::{Broadcast, BroadcastView, RawBroadcast, Reader};
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::Queue;
use ringway_core::ring::{InPlace, RawRing, Ring, RingView};
use ringway_core::storage::InMemory;
use ringway_core::wait::{Async, Spin, SpinClock};

pub fn all(round: usize) {
    let other = Participant::new(any(round) as u16).unwrap_or(Participant::LOCAL);
    broadcast(round, other);
    latest(round, other);
    messages(round, other);
    rings(other);
    in_place();
    region(round);
}

fn in_place() {
    let mut memory = [MaybeUninit::uninit(); 1024];
    if let Ok(ring) = RingView::<u32, Spin>::init_in(&mut memory, any(3)) {
        black_box((ring.capacity(), ring.split().0.try_push(3).is_ok()));
    }
    let item = core::alloc::Layout::new::<u32>();
    let mut words = [0_u64; 64];
    let at = NonNull::from(&mut words).cast();
    // SAFETY: the memory has room for three words, and belongs to this function.
    if let Some(raw) = unsafe { RawBroadcast::<Clock>::init_at(at, any(3), item) } {
        let mut out = [0; 4];
        let (mut reader, mut late) = (raw.reader(), raw.reader_from_oldest());
        if let Some(mut writer) = raw.writer_as(Participant::LOCAL) {
            black_box(writer.send(&out).is_ok());
            writer.close();
        }
        black_box((reader.skip_to_newest(), reader.try_recv(&mut out).is_ok(), raw.words().sent()));
        black_box(late.recv_deadline(&mut out, PAST).is_ok());
        once(late.recv_async(&mut out));
        black_box(RawBroadcast::<Clock>::layout(any(3), item).is_some());
        // SAFETY: the memory has room for three words, and belongs to this function.
        black_box(unsafe { RawBroadcast::<Clock>::at(at, any(3), item) }.is_some());
    }
    if let Ok(broadcast) = BroadcastView::<u32, Spin>::init_in(&mut memory, any(3)) {
        let (mut writer, mut reader) = broadcast.split();
        writer.send(any(1) as u32);
        black_box(reader.try_recv().is_ok());
    }
    if let Ok(ring) = ByteRingView::<Spin>::init_in(&mut memory, any(9)) {
        black_box((ring.capacity(), ring.split().0.try_write(b"x")));
    }
    if let Ok(ring) = MessageRingView::<Spin>::init_in(&mut memory, any(40)) {
        black_box((ring.max_message(), ring.split().0.try_send(b"x").is_ok()));
    }
    black_box(Ring::<u32, 3, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(ByteRing::<9, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(MessageRing::<40, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(Queue::<u32, 3, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(Broadcast::<u32, 3, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(Latest::<u32, Spin>::init(&mut MaybeUninit::uninit()));
    black_box(Pipe::<9>::init(&mut MaybeUninit::uninit()));
}

fn broadcast(round: usize, other: Participant) {
    let mut broadcast = Broadcast::<[u32; 3], 3, Clock>::new();
    let (mut writer, mut reader) = broadcast.split();
    for step in 0..any(round) {
        writer.send([step as u32; 3]);
        writer.send_from(&[1; 3]);
        let mut out = [0; 3];
        black_box((reader.try_recv().is_ok(), reader.try_recv_into(&mut out).is_ok()));
        black_box((reader.recv_deadline(PAST).is_ok(), reader.behind(), writer.sent()));
        once(reader.recv_async());
        black_box((reader.writer_is_gone(), reader.clone().recv_deadline(PAST)).1.is_ok());
    }
    let mut out = [0; 3];
    black_box(reader.recv_into_deadline(&mut out, PAST).is_ok());
    once(reader.recv_into_async(&mut out));
    writer.close();
    black_box((reader.recv().is_ok(), reader.recv_into(&mut out).is_ok(), out));
    black_box((Reader::from_oldest(&broadcast).behind(), broadcast.capacity()));
    core::mem::forget(broadcast.writer_as(other));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { broadcast.recover(other) });
    black_box(broadcast.reader().try_recv().is_ok());
}

fn latest(round: usize, other: Participant) {
    // For two tasks at a time.
    let mut latest = Latest::<[u32; 3], Async<SpinClock<Hundred>, 2>>::new();
    let mut writer = latest.owner();
    writer.store([any(round) as u32; 3]);
    writer.store_from(&[1; 3]);
    black_box(writer.version().number());
    writer.close();
    let seen = latest.load().map_or(Version::NONE, |(_, version)| version);
    black_box((latest.load_newer(seen).is_some(), latest.version(), latest.writer_is_gone()));
    black_box((latest.wait_newer(seen).is_ok(), latest.wait_newer_deadline(seen, PAST).is_ok()));
    let mut out = [0; 3];
    black_box(latest.load_newer_into(seen, &mut out));
    black_box(latest.wait_newer_into(seen, &mut out).is_ok());
    black_box((latest.wait_newer_into_deadline(seen, &mut out, PAST).is_ok(), out));
    once(latest.newer_async(seen));
    let mut out = [0; 3];
    once(latest.newer_into_async(seen, &mut out));
    core::mem::forget(latest.writer_as(other));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { latest.recover(other) });
}

fn messages(round: usize, other: Participant) {
    let mut ring = MessageRing::<40, Clock>::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 9];
    let (mut sender, mut receiver) = ring.split();
    for step in 0..any(3) {
        black_box(
            sender.try_send(some(b"longer than a ring of forty bytes holds", step * 20)).is_ok(),
        );
        black_box(sender.send_deadline(some(b"hello", round), PAST).is_ok());
        black_box(sender.poll_send(&mut cx, some(b"hello", round)).is_ready());
        once(sender.send_async(some(b"hello", round)));
        black_box(sender.reserve_deadline(any(step), PAST).is_ok());
        black_box(pin!(sender.reserve_async(any(step))).poll(&mut cx).is_ready());
        once(sender.reserve_async(any(step)));
        if let Ok(mut grant) = sender.try_reserve(any(step)) {
            grant.fill(1);
            grant.commit(any(usize::MAX));
        }
        black_box((receiver.peek_deadline(PAST).is_ok(), receiver.try_recv(&mut out).is_ok()));
        black_box(receiver.recv_deadline(&mut out, PAST).is_ok());
        black_box(receiver.poll_recv(&mut cx, &mut out).is_ready());
        once(receiver.recv_async(&mut out));
        black_box(pin!(receiver.peek_async()).poll(&mut cx).is_ready());
        once(receiver.peek_async());
        if let Ok(grant) = receiver.try_peek() {
            grant.release();
        }
        black_box((sender.ring().receiver_is_gone(), receiver.ring().sender_is_gone()));
    }
    sender.close();
    black_box(receiver.recv(&mut out).is_ok());
    receiver.close();
    black_box((ring.is_empty(), ring.is_valid(), ring.sender_is_gone()));
    core::mem::forget((ring.sender_as(other), ring.receiver_as(other)));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { ring.recover(other) });
    black_box((ring.receivers_bell(), ring.senders_bell()));
    if let Some(mut sender) = ring.sender() {
        black_box(sender.send(b"hello").is_ok());
    }
    black_box(ring.receiver().is_some());
}

fn rings(other: Participant) {
    let ring = Ring::<u32, 3, Clock>::new();
    core::mem::forget((ring.producer_as(other), ring.consumer_as(other)));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { ring.recover(other) });
    let ring = ByteRing::<9, Clock>::new();
    core::mem::forget((ring.producer_as(other), ring.consumer_as(other)));
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { ring.recover(other) });
}

/// Memory that two sides could share.
#[repr(align(128))]
struct Memory([u8; 1024]);

fn region(round: usize) {
    type Values = Ring<u32, 8>;
    let mut memory = Memory([0; 1024]);
    let layout = Layout::<2>::new(any(round) as u16).part::<Values>("values");
    let Ok(layout) = layout.and_then(|layout| layout.part_for::<ByteRingView>("bytes", any(16)))
    else {
        return;
    };
    let size = layout.size().min(memory.0.len());
    black_box(layout.write(memory.0.get_mut(..any(size)).unwrap_or_default()).is_ok());
    // SAFETY: the memory outlives the view, and no one else writes it.
    let view = unsafe { View::new(NonNull::from(&mut memory).cast(), any(size)) };
    let Ok(view) = view else { return };
    black_box((view.length(), view.parts(), view.next_generation()));
    black_box((view.check(&layout).is_ok(), view.upkeep()));
    static ELEMENT: TypeName = TypeName::new("u32");
    black_box(TypeName::array(&ELEMENT, any(round)).identity());
    for entry in view.entries() {
        black_box((entry.name().len(), entry.offset(), entry.description, view.at(&entry)));
    }
    let described = Values::description();
    if let Some(part) = AnyPart::<Spin>::new(&described) {
        for entry in view.entries() {
            // SAFETY: the parts are rings, which begin alike.
            black_box(unsafe { part.look(view.at(&entry)) });
        }
        black_box(part.words());
    }
    let [me, other] =
        [1, 2].map(|number| Participant::new(any(number) as u16).unwrap_or(Participant::LOCAL));
    // SAFETY: no participant of this number ever took a step.
    black_box(unsafe { view.recover::<Spin>(me, other) });
    let kind = described.kind;
    black_box((kind.name(), kind.that_waits().waits(), kind.base()));
    // A queue is a part only where it needs no critical section: on none of the emulated boards.
    if let Ok(values) = view.raw_part::<RawRing<Spin>>("values") {
        black_box(values.producer_as(me).is_some());
    }
    if let Ok(values) = view.part::<Values>("values") {
        black_box(values.producer().is_some());
    }
    if let Ok(bytes) = view.part::<ByteRingView>("bytes") {
        black_box(bytes.capacity());
    }
    for place in view.places() {
        place.take(Occupant { generation: any(round) as u32, process: 0 });
        black_box(place.occupant());
        place.free();
    }
}
