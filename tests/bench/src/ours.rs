//! Ringway's structures as they are measured: polled, in this process's memory or in memory that
//! processes share.

use crate::memory;
use crate::message::{Message, Rx, Spsc, Tx};
use ringway_core::ring::bytes::{self, ByteRing, ByteRingRef, ByteRingView};
use ringway_core::ring::messages::{self, MessageRing};
use ringway_core::ring::queue::{Queue, QueueView};
use ringway_core::ring::{self, Ring, RingView};
use ringway_core::wait::Wake;
use std::hint;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;

/// The memory in which a structure lies.
pub trait Place {
    /// A `T` of zero bytes, which are a fresh value of every type of the core.
    fn zeroed<T>() -> &'static T;
}

/// This process's own.
pub struct Private;

/// A mapping that child processes share.
pub struct Shared;

impl Place for Private {
    fn zeroed<T>() -> &'static T {
        memory::private()
    }
}

impl Place for Shared {
    fn zeroed<T>() -> &'static T {
        memory::shared()
    }
}

/// A [`Ring`] with `N` slots for one message each.
pub struct Slots<P, const N: usize, W = ringway_core::wait::Nobody>(PhantomData<(P, W)>);

/// Copies a message into a slot.
#[inline(always)]
fn fill<M: Copy>(slot: &mut MaybeUninit<M>, message: &M) {
    // SAFETY: both are one `M` long, and the slot is exclusively borrowed.
    unsafe { slot.as_mut_ptr().copy_from_nonoverlapping(message, 1) };
}

/// The halves of a ring of messages, whose number of slots is a constant, or of its view.
macro_rules! values {
    ($([$($parameters:tt)*] $ring:ty;)*) => {
        $(
            impl<M: Message, $($parameters)*> Tx<M> for ring::Producer<&'static $ring> {
                #[inline(always)]
                fn put(&mut self, message: &M) -> bool {
                    if M::SIZE <= 64 {
                        return self.try_push(*message).is_ok();
                    }
                    self.try_push_slice(slice::from_ref(message)) == 1
                }
            }

            impl<M: Message, $($parameters)*> Rx<M> for ring::Consumer<&'static $ring> {
                #[inline(always)]
                fn get(&mut self, into: &mut M) -> bool {
                    if M::SIZE <= 64 {
                        return match self.try_pop() {
                            Some(message) => {
                                *into = message;
                                true
                            }
                            None => false,
                        };
                    }
                    self.try_pop_slice(slice::from_mut(into)) == 1
                }
            }
        )*
    };
}

values! {
    [const N: usize, W: Wake + 'static] Ring<M, N, W>;
    [] RingView<M>;
}

impl<M: Message, P: Place, const N: usize, W: Wake + 'static> Spsc<M> for Slots<P, N, W> {
    type Tx = ring::Producer<&'static Ring<M, N, W>>;
    type Rx = ring::Consumer<&'static Ring<M, N, W>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring = P::zeroed::<Ring<M, N, W>>();
        (ring.producer().expect("a fresh ring"), ring.consumer().expect("a fresh ring"))
    }
}

/// [`Slots`], with a number of slots that the compiler does not know.
pub struct SlotsView<P, const N: usize>(PhantomData<P>);

impl<M: Message, P: Place, const N: usize> Spsc<M> for SlotsView<P, N> {
    type Tx = ring::Producer<&'static RingView<M>>;
    type Rx = ring::Consumer<&'static RingView<M>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring: &RingView<M> = hint::black_box(P::zeroed::<Ring<M, N>>());
        (ring.producer().expect("a fresh ring"), ring.consumer().expect("a fresh ring"))
    }
}

/// A [`Ring`] of `N` words, a message's words pushed as one slice.
pub struct Chunks<P, const N: usize>(PhantomData<P>);

impl<const W: usize, const N: usize> Tx<[u64; W]> for ring::Producer<&'static Ring<u64, N>> {
    #[inline(always)]
    fn put(&mut self, message: &[u64; W]) -> bool {
        match self.try_reserve(W) {
            Ok(mut chunk) => {
                let (first, second) = chunk.as_uninit();
                let (head, tail) = message.split_at(first.len());
                first.write_copy_of_slice(head);
                second.write_copy_of_slice(tail);
                // SAFETY: both runs were filled, `W` slots together.
                unsafe { chunk.assume_filled(W) };
                chunk.commit();
                true
            }
            Err(_) => false,
        }
    }
}

impl<const W: usize, const N: usize> Rx<[u64; W]> for ring::Consumer<&'static Ring<u64, N>> {
    #[inline(always)]
    fn get(&mut self, into: &mut [u64; W]) -> bool {
        match self.try_peek(W) {
            Ok(chunk) => {
                let (first, second) = chunk.as_slices();
                let (head, tail) = into.split_at_mut(first.len());
                head.copy_from_slice(first);
                tail.copy_from_slice(second);
                chunk.release(W);
                true
            }
            Err(_) => false,
        }
    }
}

impl<const W: usize, P: Place, const N: usize> Spsc<[u64; W]> for Chunks<P, N> {
    type Tx = ring::Producer<&'static Ring<u64, N>>;
    type Rx = ring::Consumer<&'static Ring<u64, N>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring = P::zeroed::<Ring<u64, N>>();
        (ring.producer().expect("a fresh ring"), ring.consumer().expect("a fresh ring"))
    }
}

/// A [`ByteRing`] of `N` bytes, a message written and read whole.
pub struct Bytes<P, const N: usize>(PhantomData<P>);

impl<M: Message, R: ByteRingRef> Tx<M> for bytes::Producer<R> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        self.try_write_all(message.as_bytes()).is_ok()
    }

    #[inline(always)]
    fn send(&mut self, message: &M) {
        let mut bytes = message.as_bytes();
        loop {
            bytes = bytes.get(self.try_write(bytes)..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            hint::spin_loop();
        }
    }
}

impl<M: Message, R: ByteRingRef> Rx<M> for bytes::Consumer<R> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        // Published in one step, so that the whole message is there or nothing.
        match self.try_read(into.as_bytes_mut()) {
            0 => false,
            read => {
                assert!(read == M::SIZE, "a part of a message");
                true
            }
        }
    }

    #[inline(always)]
    fn recv(&mut self, into: &mut M) {
        let mut bytes = into.as_bytes_mut();
        loop {
            let read = self.try_read(bytes);
            bytes = bytes.get_mut(read..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            hint::spin_loop();
        }
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for Bytes<P, N> {
    type Tx = bytes::Producer<&'static ByteRing<N>>;
    type Rx = bytes::Consumer<&'static ByteRing<N>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring = P::zeroed::<ByteRing<N>>();
        (ring.producer().expect("a fresh ring"), ring.consumer().expect("a fresh ring"))
    }
}

/// [`Bytes`], with a capacity that the compiler does not know.
pub struct BytesView<P, const N: usize>(PhantomData<P>);

impl<M: Message, P: Place, const N: usize> Spsc<M> for BytesView<P, N> {
    type Tx = bytes::Producer<&'static ByteRingView>;
    type Rx = bytes::Consumer<&'static ByteRingView>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring: &ByteRingView = hint::black_box(P::zeroed::<ByteRing<N>>());
        (ring.producer().expect("a fresh ring"), ring.consumer().expect("a fresh ring"))
    }
}

/// A [`MessageRing`] of `N` bytes.
pub struct Messages<P, const N: usize>(PhantomData<P>);

impl<M: Message, const N: usize> Tx<M> for messages::Sender<&'static MessageRing<N>> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        self.try_send(message.as_bytes()).is_ok()
    }
}

impl<M: Message, const N: usize> Rx<M> for messages::Receiver<&'static MessageRing<N>> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        self.try_recv(into.as_bytes_mut()) == Ok(M::SIZE)
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for Messages<P, N> {
    type Tx = messages::Sender<&'static MessageRing<N>>;
    type Rx = messages::Receiver<&'static MessageRing<N>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let ring = P::zeroed::<MessageRing<N>>();
        (ring.sender().expect("a fresh ring"), ring.receiver().expect("a fresh ring"))
    }
}

/// A [`Queue`] of `N` messages.
pub struct Many<P, const N: usize>(PhantomData<P>);

/// The same, with a capacity that is known at run time.
pub struct ManyView<P, const N: usize>(PhantomData<P>);

macro_rules! queues {
    ($([$($parameters:tt)*] $queue:ty;)*) => {$(
        impl<M: Message, $($parameters)*> Tx<M> for &'static $queue {
            #[inline(always)]
            fn put(&mut self, message: &M) -> bool {
                if M::SIZE <= 64 {
                    return self.try_push(*message).is_ok();
                }
                let Ok(mut loan) = self.try_reserve() else { return false };
                fill(loan.as_uninit(), message);
                // SAFETY: filled just now.
                if unsafe { loan.commit() }.is_err() {
                    return false;
                }
                true
            }
        }

        impl<M: Message, $($parameters)*> Rx<M> for &'static $queue {
            #[inline(always)]
            fn get(&mut self, into: &mut M) -> bool {
                if M::SIZE <= 64 {
                    return self.try_pop().map(|message| *into = message).is_some();
                }
                let Some(claim) = self.try_claim() else { return false };
                into.clone_from(&claim);
                claim.complete();
                true
            }
        }
    )*};
}

queues! {
    [const N: usize] Queue<M, N>;
    [] QueueView<M>;
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for ManyView<P, N> {
    type Tx = &'static QueueView<M>;
    type Rx = &'static QueueView<M>;

    fn open() -> (Self::Tx, Self::Rx) {
        let queue: &QueueView<M> = hint::black_box(P::zeroed::<Queue<M, N>>());
        (queue, queue)
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for Many<P, N> {
    type Tx = &'static Queue<M, N>;
    type Rx = &'static Queue<M, N>;

    fn open() -> (Self::Tx, Self::Rx) {
        let queue = P::zeroed::<Queue<M, N>>();
        (queue, queue)
    }
}

/// A [`Ring`] of large messages used in place: nothing is copied, each side touches the first word
/// and the last.
pub struct InPlace<P, const N: usize>(PhantomData<P>);

/// A half of [`InPlace`].
pub struct Half<T>(T);

impl<M: Message, const N: usize> Tx<M> for Half<ring::Producer<&'static Ring<M, N>>> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        let Ok(mut chunk) = self.0.try_reserve(1) else { return false };
        if let Some(slot) = chunk.as_uninit().0.first_mut() {
            let words = slot.as_mut_ptr().cast::<u64>();
            let last = M::SIZE / 8 - 1;
            let number = u64::from_ne_bytes(message.as_bytes()[..8].try_into().unwrap());
            // SAFETY: the first word of the slot, exclusively borrowed and aligned.
            unsafe { words.write(number) };
            // SAFETY: the last word of the slot.
            unsafe { words.add(last).write(number) };
        }
        // SAFETY: the rest of the slot is as the kernel or an earlier message left it: initialized,
        // whatever it is.
        unsafe { chunk.assume_filled(1) };
        chunk.commit() == 1
    }
}

impl<M: Message, const N: usize> Rx<M> for Half<ring::Consumer<&'static Ring<M, N>>> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        let Ok(chunk) = self.0.try_peek(1) else { return false };
        if let Some(message) = chunk.as_slices().0.first() {
            let bytes = message.as_bytes();
            let number = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
            assert!(bytes[..8] == bytes[M::SIZE - 8..], "not a whole message");
            into.set_number(number);
        }
        chunk.release(1);
        true
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for InPlace<P, N> {
    type Tx = Half<ring::Producer<&'static Ring<M, N>>>;
    type Rx = Half<ring::Consumer<&'static Ring<M, N>>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let (tx, rx) = Slots::<P, N>::open();
        (Half(tx), Half(rx))
    }
}
