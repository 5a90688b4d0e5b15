//! Rings whose capacity is known at run time: views of the sized forms, and rings in memory that
//! the caller provides. Also the forms that wait for slots in place. `tests/run miri` runs this
//! under Miri.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::{PushError, RawRing, Ring, RingView};
use ringway_core::storage::InMemory;
use ringway_core::wait::{Async, Clock, Spin, SpinClock};
use scaled::scaled;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A clock that stands at 100.
struct Hundred;

impl Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

type Sleeper = Async<SpinClock<Hundred>>;

const PAST: Option<u64> = Some(50);

/// Memory with no byte of zero.
#[repr(align(128))]
struct Memory([MaybeUninit<u8>; 4096]);

impl Memory {
    fn used() -> Box<Self> {
        Box::new(Memory([MaybeUninit::new(0xA5); 4096]))
    }
}

/// A number that the compiler does not know.
fn number(n: usize) -> usize {
    std::hint::black_box(n)
}

#[test]
fn a_ring_and_its_view_use_the_same_bytes() {
    let ring = Ring::<[u16; 3], 5>::new();
    let view: &RingView<[u16; 3]> = &ring;
    assert_eq!(view.capacity(), 5);
    let (mut sized, mut seen) = (ring.producer().unwrap(), view.consumer().unwrap());
    for round in 0..scaled(20) as u16 {
        for n in 0..5 {
            sized.try_push([round, n, 7]).unwrap();
        }
        assert!(sized.try_push([0; 3]).is_err());
        assert_eq!((seen.len(), view.len(), ring.len()), (5, 5, 5));
        let mut out = [[0; 3]; 2];
        assert_eq!(seen.try_pop_slice(&mut out), 2);
        assert_eq!(out, [[round, 0, 7], [round, 1, 7]]);
        assert!(seen.drain().eq((2..5).map(|n| [round, n, 7])));
    }
    drop((sized, seen));
    let (mut unsized_, mut consumer) = (view.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!(unsized_.try_push_slice(&[[1; 3]; 9]), 5);
    assert!(consumer.drain().eq([[1; 3]; 5]));
}

#[test]
fn byte_and_message_views_use_the_same_bytes() {
    let ring = ByteRing::<11>::new();
    let view: &ByteRingView = &ring;
    let (mut producer, mut consumer) = (view.producer().unwrap(), ring.consumer().unwrap());
    for round in 0..scaled(50) as u8 {
        let mut grant = producer.try_reserve(6).unwrap();
        grant.fill(round);
        grant.commit(6);
        let more = producer.try_write(&[round; 9]);
        let mut out = [0; 16];
        assert_eq!(consumer.try_read(&mut out), 6 + more);
        assert_eq!(out[..6 + more], vec![round; 6 + more]);
    }
    let ring = MessageRing::<40>::new();
    let view: &MessageRingView = &ring;
    assert_eq!(view.max_message(), MessageRing::<40>::MAX_MESSAGE);
    let (mut sender, mut receiver) = (ring.sender().unwrap(), view.receiver().unwrap());
    for round in 0..scaled(50) as u8 {
        sender.try_send(&[round; 9]).unwrap();
        assert_eq!(sender.try_send(&[0; 17]), Err(Error::MessageTooLarge { max: 16 }));
        let message = receiver.try_peek().unwrap();
        assert_eq!(*message, [round; 9]);
        message.release();
        assert_eq!(receiver.try_peek().err(), Some(Error::WouldBlock));
    }
}

#[test]
fn boxes_and_arcs_coerce_to_views() {
    let value = Rc::new(());
    let mut boxed: Box<RingView<Rc<()>>> = Box::new(Ring::<_, 3>::new());
    let (mut producer, mut consumer) = boxed.split();
    (0..3).for_each(|_| producer.try_push(value.clone()).unwrap());
    drop(consumer.try_pop());
    assert_eq!(Rc::strong_count(&value), 3);
    drop((producer, consumer));
    drop(boxed);
    assert_eq!(Rc::strong_count(&value), 1, "what was left was dropped with it");

    let shared: Arc<RingView<u32, Spin>> = Arc::new(Ring::<_, 2, Spin>::new());
    let other = shared.clone();
    let thread = std::thread::spawn(move || {
        let mut producer = other.producer().unwrap();
        (0..scaled(1000) as u32).for_each(|n| producer.push(n).unwrap());
        producer.close();
    });
    let mut consumer = shared.consumer().unwrap();
    assert!((0..scaled(1000) as u32).all(|n| consumer.pop() == Ok(n)));
    assert_eq!(consumer.pop(), Err(Error::EndOfFile));
    thread.join().unwrap();
}

#[test]
fn init_in_makes_rings_of_many_capacities() {
    let mut memory = Memory::used();
    for capacity in [1, 2, 3, 7, 8, 300].map(number) {
        let ring = RingView::<u64>::init_in(&mut memory.0, capacity).unwrap();
        assert_eq!(ring.capacity(), capacity);
        let (mut producer, mut consumer) = ring.split();
        for round in 0..3 * capacity as u64 {
            producer.try_push(round).unwrap();
            assert_eq!(producer.room(), capacity - 1);
            assert_eq!(consumer.try_pop(), Some(round));
        }
        assert_eq!(producer.try_push_slice(&vec![7; capacity + 1]), capacity);
    }
    for capacity in [1, 5, 1000].map(number) {
        let ring = ByteRingView::<Spin>::init_in(&mut memory.0, capacity).unwrap();
        let (mut producer, mut consumer) = ring.split();
        assert_eq!(producer.write(&vec![3; 2000]), Ok(capacity));
        assert_eq!(consumer.as_slices().0, vec![3; capacity]);
    }
    let events = MessageRingView::<Spin>::init_in(&mut memory.0, number(64)).unwrap();
    events.sender().unwrap().send(b"hello").unwrap();
    assert_eq!(&*events.receiver().unwrap().peek().unwrap(), b"hello");
}

#[test]
#[cfg_attr(uncached, ignore = "it is the layout of targets with caches")]
fn small_memory_and_invalid_capacities_are_refused() {
    let mut memory = Memory::used();
    let layout = RingView::<u64>::layout(100).unwrap();
    assert_eq!(layout.size(), size_of::<Ring<u64, 100>>());
    assert_eq!(layout.align(), align_of::<Ring<u64, 100>>());
    assert_eq!(ByteRingView::<Spin>::layout(100).unwrap().size(), size_of::<ByteRing<100, Spin>>());
    assert!(RingView::<u64>::init_in(&mut memory.0[..layout.size()], 100).is_ok());
    let too_small = |needed| Some(Error::BufferTooSmall { needed });
    let few = RingView::<u64>::init_in(&mut memory.0[..layout.size() - 1], 100);
    assert_eq!(few.err(), too_small(layout.size()));
    let askew = RingView::<u64>::init_in(&mut memory.0[8..][..layout.size()], 100);
    assert_eq!(askew.err(), too_small(layout.size() + 120));
    assert!(RingView::<u64>::init_in(&mut memory.0[8..], 100).is_ok());
    for capacity in [0, (1 << 30) + 1, usize::MAX] {
        assert!(RingView::<u64>::layout(capacity).is_none());
        assert!(ByteRingView::<Spin>::layout(capacity).is_none());
        let none = RingView::<()>::init_in(&mut memory.0, capacity);
        assert_eq!(none.err(), Some(Error::Exhausted));
    }
    assert!(MessageRingView::<Spin>::layout(8).is_none(), "no room for a length and a byte, twice");
    assert!(MessageRingView::<Spin>::layout(9).is_some());
}

#[test]
fn a_view_recovers_its_half_after_a_death() {
    let ring = Ring::<u8, 4>::new();
    let view: &RingView<u8> = &ring;
    let one = Participant::new(1).unwrap();
    let mut producer = view.producer_as(one).unwrap();
    assert!(ring.producer().is_none());
    producer.try_push(1).unwrap();
    std::mem::forget(producer);
    // SAFETY: participant 1 does nothing any more.
    assert_eq!(unsafe { view.recover(one) }, 1);
    assert!(view.producer_is_gone() && view.is_valid());
    assert_eq!(ring.consumer().unwrap().try_pop(), Some(1));
}

#[test]
fn waiting_for_slots_in_place() {
    let mut ring = Ring::<u32, 4, Sleeper>::new();
    let (mut producer, mut consumer) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(consumer.peek_deadline(1, PAST).err(), Some(Error::TimedOut));
    assert!(pin!(consumer.peek_async(1)).poll(&mut cx).is_pending());
    producer.reserve(3).unwrap().fill([1, 2, 3]);
    assert!(consumer.is_empty(), "nothing was committed");
    let mut chunk = producer.reserve_deadline(3, PAST).unwrap();
    chunk.fill([1, 2, 3]);
    chunk.commit();
    assert_eq!(producer.reserve_deadline(2, PAST).err(), Some(Error::TimedOut));
    assert_eq!(producer.reserve(5).err(), Some(Error::MessageTooLarge { max: 4 }));
    assert!(pin!(producer.reserve_async(2)).poll(&mut cx).is_pending());
    let Poll::Ready(Ok(chunk)) = pin!(consumer.peek_async(2)).poll(&mut cx) else { panic!() };
    assert_eq!(chunk.as_slices().0, [1, 2]);
    chunk.release(2);
    {
        let mut waiting = pin!(consumer.peek_async(2));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        let Poll::Ready(Ok(mut chunk)) = pin!(producer.reserve_async(2)).poll(&mut cx) else {
            panic!()
        };
        chunk.push(4).unwrap();
        chunk.commit();
        let Poll::Ready(Ok(chunk)) = waiting.as_mut().poll(&mut cx) else { panic!() };
        assert_eq!(chunk.as_slices().0, [3, 4]);
        chunk.release(1);
        assert!(waiting.poll(&mut cx).is_pending(), "it has answered, and does not again");
    }
    producer.close();
    assert_eq!(consumer.peek(2).err(), Some(Error::EndOfFile));
    assert_eq!(consumer.peek(1).unwrap().as_slices().0, [4]);
    drop(consumer);
    let (mut producer, consumer) = ring.split();
    consumer.close();
    assert_eq!(producer.reserve(1).err(), Some(Error::BrokenPipe));
}

#[test]
fn waiting_for_runs_of_bytes_in_place() {
    let mut ring = ByteRing::<8, Sleeper>::new();
    let (mut producer, mut consumer) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    producer.write_all(b"123456").unwrap();
    assert_eq!(producer.reserve_deadline(4, PAST).err(), Some(Error::TimedOut));
    assert_eq!(producer.reserve(5).err(), Some(Error::MessageTooLarge { max: 4 }));
    {
        let mut waiting = pin!(producer.reserve_async(4));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        consumer.consume(5);
        let Poll::Ready(Ok(mut grant)) = waiting.as_mut().poll(&mut cx) else { panic!() };
        grant.copy_from_slice(b"abcd");
        grant.commit(3);
    }
    // The last two bytes of the memory are a gap.
    assert_eq!(consumer.as_slices(), (&b"6"[..], &b"abc"[..]));
    assert_eq!(&*consumer.try_peek(4).unwrap(), b"6", "a grant is contiguous");
    assert_eq!(consumer.try_peek(5).err(), Some(Error::WouldBlock));
    consumer.consume(2);
    assert_eq!(consumer.as_slices(), (&b"bc"[..], &b""[..]));
    let mut out = [0; 3];
    assert_eq!(consumer.try_read_exact(&mut out), Err(Error::WouldBlock));
    let mut left = &mut out[..];
    assert_eq!(consumer.read_exact_deadline(&mut left, PAST), Err(Error::TimedOut));
    assert_eq!(left.len(), 1, "two were read");
    assert_eq!(out[..2], *b"bc");
    consumer.consume(100);
    assert!(consumer.is_empty());
    let mut bytes = &b"longer than it is"[..];
    assert_eq!(producer.write_all_deadline(&mut bytes, PAST), Err(Error::TimedOut));
    assert_eq!(bytes, b"han it is", "these are left");
}

#[test]
fn async_read_exact_and_write_all_finish() {
    let mut ring = ByteRing::<4, Sleeper>::new();
    let (mut producer, mut consumer) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 10];
    {
        let mut written = pin!(producer.write_all_async(b"0123456789"));
        let mut read = pin!(consumer.read_exact_async(&mut out));
        for _ in 0..2 {
            assert!(written.as_mut().poll(&mut cx).is_pending());
            assert!(read.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(written.poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(read.poll(&mut cx), Poll::Ready(Ok(())));
    }
    assert_eq!(&out, b"0123456789");
    assert_eq!(pin!(producer.write_async(b"abcde")).poll(&mut cx), Poll::Ready(Ok(4)));
    producer.close();
    assert_eq!(pin!(consumer.read_async(&mut out)).poll(&mut cx), Poll::Ready(Ok(4)));
    let end = pin!(consumer.read_exact_async(&mut out)).poll(&mut cx);
    assert_eq!(end, Poll::Ready(Err(Error::EndOfFile)));
}

#[test]
fn waiting_for_messages_in_place() {
    let mut ring = MessageRing::<40, Sleeper>::new();
    let (mut sender, mut receiver) = ring.split();
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(receiver.peek_deadline(PAST).err(), Some(Error::TimedOut));
    {
        let mut waiting = pin!(receiver.peek_async());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        let mut grant = sender.reserve(16).unwrap();
        grant.fill(7);
        grant.commit(10);
        let Poll::Ready(Ok(message)) = waiting.poll(&mut cx) else { panic!() };
        assert_eq!(*message, [7; 10]);
    }
    assert_eq!(sender.reserve(17).err(), Some(Error::MessageTooLarge { max: 16 }));
    sender.send(&[8; 16]).unwrap();
    assert_eq!(sender.reserve_deadline(16, PAST).err(), Some(Error::TimedOut));
    assert!(pin!(sender.reserve_async(16)).poll(&mut cx).is_pending());
    let mut out = [0; 16];
    assert_eq!(pin!(receiver.recv_async(&mut out)).poll(&mut cx), Poll::Ready(Ok(10)));
    assert_eq!(receiver.recv(&mut [0; 3]), Err(Error::BufferTooSmall { needed: 16 }));
    let Poll::Ready(Ok(message)) = pin!(receiver.peek_async()).poll(&mut cx) else { panic!() };
    message.release();
    let Poll::Ready(Ok(grant)) = pin!(sender.reserve_async(2)).poll(&mut cx) else { panic!() };
    grant.commit(0);
    assert_eq!(receiver.recv(&mut out), Ok(0));
    assert_eq!(pin!(sender.send_async(b"last")).poll(&mut cx), Poll::Ready(Ok(())));
    sender.close();
    assert_eq!(&*receiver.peek().unwrap(), b"last");
    receiver.try_recv(&mut out).unwrap();
    assert_eq!(receiver.peek().err(), Some(Error::EndOfFile));
}

#[test]
fn a_raw_ring_and_a_typed_ring_share_their_values() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C, align(16))]
    struct Wide([u64; 4]);
    let ring = Ring::<Wide, 3, Sleeper>::new();
    let me = Participant::new(5).unwrap();
    let item = Layout::from_size_align(number(32), number(16)).unwrap();
    let at = NonNull::from(&ring).cast();
    assert_eq!(RawRing::<Sleeper>::layout(3, item), Some(Layout::new::<Ring<Wide, 3, Sleeper>>()));
    // SAFETY: there is a ring of three such values, which outlives `raw`.
    let raw = unsafe { RawRing::<Sleeper>::at(at, number(3), item) }.unwrap();
    let (mut typed, mut untyped) = (ring.producer().unwrap(), raw.consumer_as(me).unwrap());
    let mut out = [0; 40];
    assert_eq!(untyped.try_pop(&mut out), Err(Error::WouldBlock));
    assert_eq!(untyped.pop_deadline(&mut out, PAST), Err(Error::TimedOut));
    for round in 0..10 {
        typed.push(Wide([round, 1, 2, u64::MAX])).unwrap();
        assert_eq!(untyped.try_pop(&mut out[..31]), Err(Error::BufferTooSmall { needed: 32 }));
        assert_eq!(untyped.pop_deadline(&mut out, PAST), Ok(()));
        assert_eq!(out[..8], round.to_ne_bytes());
        assert_eq!(out[24..], [[255; 8], [0; 8]].concat());
    }
    typed.close();
    assert_eq!(untyped.pop_deadline(&mut out, None), Err(Error::EndOfFile));
    drop(untyped);
    let (mut untyped, mut typed) = (raw.producer_as(me).unwrap(), ring.consumer().unwrap());
    assert!(ring.producer().is_none());
    let wide = [5_u64, 6, 7, 8].map(u64::to_ne_bytes).concat();
    assert_eq!(untyped.try_push(&wide[1..]), Err(Error::MessageTooLarge { max: 32 }));
    for _ in 0..5 {
        assert_eq!(untyped.try_push(&wide), Ok(()));
        assert_eq!(untyped.push_deadline(&wide, PAST), Ok(()));
        assert_eq!(untyped.push_deadline(&wide, None), Ok(()));
        assert_eq!(untyped.try_push(&wide), Err(Error::WouldBlock));
        assert_eq!(raw.words().len(), 3);
        assert!(typed.drain().eq([Wide([5, 6, 7, 8]); 3]));
    }
    untyped.close();
    assert_eq!(typed.pop(), Err(Error::EndOfFile));
    drop(typed);
    raw.consumer_as(me).unwrap().close();
    assert!(ring.consumer_is_gone());
    assert_eq!(ring.producer().unwrap().push(Wide([0; 4])), Err(PushError::Closed(Wide([0; 4]))));
}

#[test]
fn init_at_makes_raw_rings_of_any_value_size() {
    let mut memory = Memory::used();
    let me = Participant::new(5).unwrap();
    for (size, align) in [(1, 1), (3, 1), (24, 8), (64, 64), (0, 1)] {
        let (capacity, item) = (number(7), Layout::from_size_align(size, align).unwrap());
        assert!(RawRing::<Spin>::layout(capacity, item).unwrap().size() <= 4096);
        // SAFETY: the memory is at least that large, aligned to 128 bytes, and borrowed
        // exclusively.
        let raw = unsafe {
            RawRing::<Spin>::init_at(NonNull::from(&mut memory.0).cast(), capacity, item)
        };
        let raw = raw.unwrap();
        let mut producer = raw.producer_as(me).unwrap();
        let mut consumer = raw.consumer_as(me).unwrap();
        for round in 0..30 {
            producer.try_push(&vec![round; size]).unwrap();
            let mut out = vec![0; size];
            consumer.try_pop(&mut out).unwrap();
            assert_eq!(out, vec![round; size]);
        }
    }
    assert!(RawRing::<Spin>::layout(0, Layout::new::<u8>()).is_none());
    let large = Layout::new::<[u64; 1 << (usize::BITS - 24)]>();
    assert!(RawRing::<Spin>::layout(1 << 30, large).is_none());
}
