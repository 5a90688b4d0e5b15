//! Structures that are made in memory that had something else in it. `tests/run miri` runs this
//! under Miri.
#![cfg(not(loom))]

use core::alloc::Layout;
use core::mem::MaybeUninit;
use ringway_core::Error;
use ringway_core::channel::pipe::Pipe;
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::{self, Broadcast, Reader, RecvError};
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::{self, Latest, Version};
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::ring::{InPlace, Ring};
use ringway_core::storage::{InMemory, StableRef};
use ringway_core::wait::{Async, Nobody, Spin};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

type Sleeper = Async<Spin>;

/// Memory for an `S`, with no byte of zero.
fn used<S>() -> Box<MaybeUninit<S>> {
    let mut place = Box::<S>::new_uninit();
    // SAFETY: the box owns memory for one `S`.
    unsafe { place.as_mut_ptr().write_bytes(0xA5, 1) };
    place
}

/// Makes a structure in used memory, acts on it, and drops it.
fn make_and_drop<S: InPlace>(act: impl FnOnce(&mut S)) {
    let mut place = used::<S>();
    act(S::init(&mut place));
    // SAFETY: `init` made a structure in this memory.
    drop(unsafe { place.assume_init() });
}

#[test]
fn rings_and_queues_start_empty_and_own_their_values() {
    let value = Rc::new(());
    make_and_drop::<Ring<Rc<()>, 3, Sleeper>>(|ring| {
        let (mut producer, mut consumer) = ring.split();
        assert!(consumer.is_empty());
        (0..3).for_each(|_| producer.try_push(value.clone()).unwrap());
        assert!(producer.try_push(value.clone()).is_err());
        drop(consumer.try_pop());
    });
    make_and_drop::<Queue<Rc<()>, 3, Sleeper>>(|queue| {
        assert!(queue.try_pop().is_none());
        (0..3).for_each(|_| queue.try_push(value.clone()).unwrap());
        assert!(queue.try_push(value.clone()).is_err());
        drop(queue.try_pop());
    });
    assert_eq!(Rc::strong_count(&value), 1, "what was left was dropped with them");
}

#[test]
fn byte_rings_message_rings_and_pipes_start_empty() {
    make_and_drop::<ByteRing<16, Sleeper>>(|ring| {
        let (mut producer, mut consumer) = ring.split();
        assert_eq!(consumer.try_read(&mut [0; 4]), 0);
        assert_eq!(producer.try_write(b"abc"), 3);
        assert_eq!(&*consumer.try_peek(1).unwrap(), b"abc");
    });
    make_and_drop::<MessageRing<32, Sleeper>>(|ring| {
        let (mut sender, mut receiver) = ring.split();
        sender.try_send(b"abc").unwrap();
        assert_eq!(receiver.try_recv(&mut [0; 8]), Ok(3));
    });
    make_and_drop::<Pipe<16, Async<Spin>>>(|pipe| {
        let (mut reader, mut writer) = pipe.open().unwrap();
        assert_eq!(writer.try_write(b"abc"), Ok(3));
        assert_eq!(reader.try_read(&mut [0; 8]), Ok(3));
    });
}

#[test]
fn broadcasts_and_latest_values_start_empty() {
    make_and_drop::<Broadcast<u32, 3, Sleeper>>(|broadcast| {
        let (mut writer, mut reader) = broadcast.split();
        assert_eq!(reader.try_recv(), Ok(None));
        (1..=4).for_each(|message| writer.send(message));
        assert!(reader.try_recv().is_err());
        assert_eq!(reader.try_recv(), Ok(Some(2)));
    });
    make_and_drop::<Latest<[u8; 5], Sleeper>>(|latest| {
        assert!(latest.load().is_none());
        latest.owner().store(*b"value");
        let mut out = [0; 5];
        assert!(latest.load_newer_into(Version::NONE, &mut out).is_some());
        assert_eq!(&out, b"value");
    });
}

/// A reference that owns its structure, as `StableRef` demands.
#[derive(Debug)]
struct Kept<S>(Arc<S>);

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

// SAFETY: an `Arc` keeps its value alive and in place. Nobody gets exclusive access to it: no test
// here calls `Arc::get_mut`.
unsafe impl<S> StableRef for Kept<S> {
    type Target = S;

    fn get(&self) -> &S {
        &self.0
    }
}

/// The halves are moved, are kept in a struct, and work on another thread, when nothing else refers
/// to the structure any more.
#[test]
fn owning_halves_keep_and_drop_their_structure() {
    type Prices = Broadcast<[u16; 3], 3, Sleeper>;
    type Level = Latest<[u8; 5], Sleeper>;
    struct Market {
        prices: broadcast::Writer<Kept<Prices>>,
        level: latest::Writer<Kept<Level>>,
    }
    for close in [false, true] {
        let (prices, level) = (Kept(Arc::new(Prices::new())), Kept(Arc::new(Level::new())));
        let watch = (Arc::downgrade(&prices.0), Arc::downgrade(&level.0));
        let mut reader = Reader::new(prices.clone());
        let mut market = Box::new(Market {
            prices: broadcast::Writer::new(prices.clone()).unwrap(),
            level: latest::Writer::new(level.clone()).unwrap(),
        });
        assert!(broadcast::Writer::new(prices.clone()).is_none(), "somebody has it");
        assert!(latest::Writer::new(level.clone()).is_none(), "somebody has it");
        drop((prices, level));
        market.prices.send([1; 3]);
        let mut market = *market;
        let worker = std::thread::spawn(move || {
            (2..=4).for_each(|message| market.prices.send([message; 3]));
            market.level.store(*b"value");
            if close {
                market.prices.close();
                market.level.close();
            }
        });
        worker.join().unwrap();
        let mut other = reader.clone();
        assert_eq!(reader.try_recv(), Err(RecvError::Lagged(1)));
        drop(reader);
        (1..=3).for_each(|_| _ = other.try_recv());
        assert_eq!(other.try_recv(), Ok(Some([4; 3])));
        assert_eq!(other.writer_is_gone(), close);
        assert!(watch.0.upgrade().is_some() && watch.1.upgrade().is_none());
        drop(other);
        assert!(watch.0.upgrade().is_none(), "the last half let go of it");
    }
}

/// The typed queue, its view, and the words without the values use the same memory, also after a
/// move. Some of that memory is padding in one of the types and not in another.
#[test]
fn a_queue_and_its_views_use_the_same_bytes() {
    type Value = (u8, u32);
    let queue = Queue::<Value, 3>::new();
    let values: [Value; 3] = [(1, 2), (3, 4), (5, 6)];
    values.iter().for_each(|value| queue.try_push(*value).unwrap());
    assert_eq!(queue.try_pop(), Some(values[0]));
    queue.try_push(values[0]).unwrap();
    let queue = Box::new(queue);
    let view: &QueueView<Value> = &queue;
    // SAFETY: there is a queue of three slots, which outlives `words`.
    let words =
        unsafe { QueueView::<()>::from_raw(NonNull::from(&*queue).cast(), 3).unwrap().as_ref() };
    assert_eq!((words.len(), words.capacity(), words.is_valid()), (3, 3, true));
    let claim = view.try_claim().unwrap();
    assert_eq!((*claim, words.unfinished()), (values[1], 3));
    drop(claim);
    claim_all(view, &[values[2], values[0], values[1]]);

    let layout = QueueView::<Value>::layout(3).unwrap();
    let mut memory = vec![MaybeUninit::uninit(); layout.size() + layout.align()];
    let made = QueueView::<Value>::init_in(&mut memory, 3).unwrap();
    // SAFETY: `made` is a queue of three slots of this type.
    let sized: &Queue<Value, 3> = unsafe { NonNull::from(&mut *made).cast().as_ref() };
    values.iter().for_each(|value| sized.try_push(*value).unwrap());
    claim_all(made, &values);
}

fn claim_all(queue: &QueueView<(u8, u32)>, values: &[(u8, u32)]) {
    for value in values {
        let claim = queue.try_claim().unwrap();
        assert_eq!(*claim, *value);
        claim.complete();
    }
    assert!(queue.is_empty());
}

fn assert_same_layout<T, const N: usize>() {
    let item = Layout::new::<T>();
    assert_eq!(RawQueue::<Nobody>::layout(N, item), Some(Layout::new::<Queue<T, N>>()));
}

/// A queue whose value size and alignment are known at run time, and a type with the same layout.
#[test]
fn a_raw_queue_and_a_typed_queue_share_their_bytes() {
    assert_same_layout::<u8, 1>();
    assert_same_layout::<[u8; 3], 5>();
    assert_same_layout::<[u64; 3], 7>();
    assert_same_layout::<u128, 3>();
    assert_same_layout::<(), 3>();
    // The alignment of `u128` differs between processors.
    let item = Layout::new::<[u128; 3]>();
    let layout = RawQueue::<Nobody>::layout(3, item).unwrap();
    let mut memory = vec![MaybeUninit::<u8>::uninit(); layout.size() + layout.align()];
    let padding = memory.as_ptr().align_offset(layout.align());
    let at = NonNull::from(&mut memory[padding..][..layout.size()]).cast::<u8>();
    // SAFETY: the memory has that size and alignment, and nobody else uses it.
    let raw = unsafe { RawQueue::<Nobody>::init_at(at, 3, item) }.unwrap();
    // SAFETY: `raw` is a queue of three slots of values with this size and alignment.
    let typed: &Queue<[u128; 3], 3> = unsafe { at.cast().as_ref() };
    let bytes = |value: [u128; 3]| -> [u8; 48] { core::array::from_fn(|i| value[i / 16] as u8) };
    let me = raw.handle(Participant::new(7).unwrap());
    for round in 1..10 {
        let values: [[u128; 3]; 3] =
            core::array::from_fn(|i| [round * 5; 3].map(|v| v + i as u128));
        let spread = |value: [u128; 3]| value.map(|v| u128::from_ne_bytes([v as u8; 16]));
        me.try_push(&bytes(values[0])).unwrap();
        typed.try_push(spread(values[1])).unwrap();
        let mut loan = me.try_reserve().unwrap();
        loan.copy_from_slice(&bytes(values[2]));
        loan.commit().unwrap();
        assert_eq!(me.try_push(&[0; 48]), Err(Error::WouldBlock));
        assert_eq!(typed.try_pop(), Some(spread(values[0])));
        let mut out = [0; 48];
        assert_eq!(me.try_pop(&mut out[..47]), Err(Error::BufferTooSmall { needed: 48 }));
        // The value that did not fit went back, behind the other one.
        assert_eq!(typed.try_pop(), Some(spread(values[2])));
        let claim = me.try_claim().unwrap();
        assert_eq!((&*claim, claim.attempts()), (&bytes(values[1])[..], 2));
        claim.complete();
        assert_eq!(me.try_pop(&mut out), Err(Error::WouldBlock));
        assert_eq!(me.try_push(&[0; 47]), Err(Error::MessageTooLarge { max: 48 }));
    }
    core::mem::forget(me.try_reserve());
    // SAFETY: nobody acts for participant 7 any more.
    let held = unsafe { raw.handle(Participant::LOCAL).recover(Participant::new(7).unwrap()) };
    assert_eq!((held, raw.is_valid()), (1, true));
    raw.close();
    assert_eq!(me.try_push(&[0; 48]), Err(Error::BrokenPipe));
    for (capacity, align) in [(0, 1), (65536, 1), (4, 4096)] {
        let item = Layout::from_size_align(align, align).unwrap();
        assert_eq!(RawQueue::<Nobody>::layout(capacity, item), None);
    }
}
