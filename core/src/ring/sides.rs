//! The two sides of a single-producer, single-consumer ring.
//!
//! This module records who holds each side and where each side stands. It contains every atomic
//! access that passes slots from one side to the other. The rings of values and of bytes are built
//! on it, and have no atomics of their own that pass slots.
//!
//! # Who may touch which slot
//!
//! The slots from the consumer's position (head) up to the producer's position (tail) belong to the
//! consumer. All others belong to the producer. This is the ownership rule. Each side stores only
//! its own position, and only to give slots away:
//!
//! ```text
//!   producer                                      consumer
//!   write the slots
//!   tail.store(Release) ────────────────────────▶ tail.load(Acquire)
//!                                                 read the slots
//!   head.load(Acquire) ◀───────────────────────── head.store(Release)
//!   write them again
//! ```
//!
//! These are loads and stores alone, so that a target without compare-and-swap needs no critical
//! section for them. Only taking and recovering a half is a read-modify-write. Giving a half back
//! or closing it is a release too: the next holder sees it, and after a close the other side sees
//! it (see `owner`).
//!
//! # Where the words lie
//!
//! Each side has one cache line. It holds the side's position, which the side stores for every
//! slot, and two things that the side mostly reads: the owner of the other side's half, and the
//! doorbell that this side rings. The other side rarely writes to these two, so that reading them
//! is cheap.
//!
//! A cursor caches its own position, and how far the other side has let it go. It reads the other
//! side's line only when the cached limit is not enough. Without caches there is nothing to spare,
//! and a cursor reads the other position each time: see [`Cached`].

use super::owner::HalfOwner;
use super::position;
#[cfg(not(loom))]
use super::window::{Reach, Words};
use crate::Error;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::storage::Capacity;
use crate::sync::{AtomicU32, CachePadded, Cached, Ordering, const_unless_loom, pause};
use crate::wait::{Doorbell, Wake};
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// The smallest ring, in slots, for which a consumer waits to let messages accumulate.
const BATCHED_RING: usize = 64;

/// How long a consumer waits for more, in pauses of the processor. This is about the time in which
/// a cache line goes to another core and back, twice.
const BATCH_PAUSES: u32 = 8;

/// How often a caller without a half reads moving positions again, at most.
const RETRIES: usize = 4;

/// What one side has on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<W: Wake> {
    /// The position of this side. Only this side stores it.
    position: AtomicU32,
    /// The owner of the *other* side's half. It lies on this line because this side reads it.
    peer: HalfOwner,
    /// The doorbell that this side rings, and on which the other side sleeps.
    bell: Doorbell<W>,
}

/// Slots that belong to a side: what one look found.
///
/// Where a cursor keeps no copies, the words of both positions can change between two loads of an
/// operation, if somebody writes to them who may not. So an operation looks once. It then uses the
/// position of that look, which was judged, and loads it no more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The side's position, where the slots begin. Without meaning if there are none.
    pub(super) at: u32,
    /// The number of slots.
    pub(super) len: u32,
}

impl Span {
    /// No slots.
    const EMPTY: Self = Span { at: 0, len: 0 };

    /// The first `len` slots.
    #[inline(always)]
    pub(super) fn first(self, len: u32) -> Self {
        Span { len, ..self }
    }
}

/// Everything but the slots that the two sides share.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Header<W: Wake> {
    producer: CachePadded<Side<W>>,
    consumer: CachePadded<Side<W>>,
}

impl<W: Wake> Side<W> {
    const_unless_loom! {
        fn new() -> Self {
            Side { position: AtomicU32::new(0), peer: HalfOwner::new(), bell: Doorbell::new() }
        }
    }
}

impl<W: Wake> Header<W> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Header {
                producer: CachePadded(Side::new()),
                consumer: CachePadded(Side::new()),
            }
        }
    }

    /// The owner of the producer's half.
    ///
    /// It lies on the consumer's line, because the consumer reads it.
    #[inline(always)]
    pub(super) fn producer_half(&self) -> &HalfOwner {
        &self.consumer.0.peer
    }

    /// The owner of the consumer's half, which lies on the producer's line.
    #[inline(always)]
    pub(super) fn consumer_half(&self) -> &HalfOwner {
        &self.producer.0.peer
    }

    /// The doorbell on which the producer sleeps. It lies on the consumer's line, because the
    /// consumer rings it.
    #[inline(always)]
    pub(super) fn producers_bell(&self) -> &Doorbell<W> {
        &self.consumer.0.bell
    }

    /// The doorbell on which the consumer sleeps, which lies on the producer's line.
    #[inline(always)]
    pub(super) fn consumers_bell(&self) -> &Doorbell<W> {
        &self.producer.0.bell
    }

    /// The approximate number of filled slots, for a caller that holds no half.
    ///
    /// It is 0 only if no slot was filled at some moment of the call, or if the positions are
    /// invalid.
    pub(super) fn len(&self, n: impl Capacity) -> usize {
        let (head, tail, stood_still) = self.positions();
        let used = position::used(n, head, tail).unwrap_or(0) as usize;
        // If a side moved, a slot was filled before or after the move.
        if stood_still { used } else { used.max(1) }
    }

    #[cfg(not(loom))]
    /// The number of filled slots, or `None` if the two positions do not fit together. While a side
    /// moves, the number is approximate.
    pub(super) fn used(&self, n: impl Capacity) -> Option<usize> {
        let (head, tail, _) = self.positions();
        position::used(n, head, tail).map(|used| used as usize)
    }

    /// Whether both positions are valid for this capacity. They always are, unless a peer corrupted
    /// them.
    pub(super) fn is_valid(&self, n: impl Capacity) -> bool {
        // Relaxed: each position is judged by itself.
        position::is_position(n, self.consumer.0.position.load(Ordering::Relaxed))
            && position::is_position(n, self.producer.0.position.load(Ordering::Relaxed))
    }

    /// The positions of the consumer and of the producer, and whether both stood still.
    ///
    /// If so, both had these values at one moment. The exception: each side went exactly twice
    /// round the ring between two of our reads.
    pub(super) fn positions(&self) -> (u32, u32, bool) {
        // Acquire, all four: the partners are the release stores in `publish_to` and `store_head`.
        // A reader that sees one position also sees the other as new as the side saw it that stored
        // the first.
        let read_both = || {
            let head = self.consumer.0.position.load(Ordering::Acquire);
            (head, self.producer.0.position.load(Ordering::Acquire))
        };
        let mut seen = read_both();
        for _ in 0..RETRIES {
            let again = read_both();
            if again == seen {
                return (seen.0, seen.1, true);
            }
            seen = again;
        }
        (seen.0, seen.1, false)
    }

    /// The positions of the consumer and of the producer, for the owner of the whole ring.
    pub(super) fn positions_mut(&mut self) -> (u32, u32) {
        // Relaxed: `&mut self` excludes all other accesses. Whatever made it exclusive (a join, a
        // lock) orders the earlier ones.
        (
            self.consumer.0.position.load(Ordering::Relaxed),
            self.producer.0.position.load(Ordering::Relaxed),
        )
    }
}

impl<W: Wake> Header<W> {
    /// Takes the producer's half for `me`, if nobody has it.
    ///
    /// # Safety
    /// The header exists, and stays where it is, for as long as the cursor lives.
    pub(super) unsafe fn take_producer<C: Capacity>(
        header: NonNull<Self>,
        capacity: C,
        me: Participant,
    ) -> Option<ProducerCursor<C, W>> {
        // SAFETY: the caller guarantees that the header exists.
        let half = unsafe { header.as_ref() }.producer_half();
        // SAFETY: the caller guarantees that the header exists and stays where it is while the
        // cursor lives. This call has just taken the half.
        let taken = half.take(me).then(|| unsafe { ProducerCursor::new(header, capacity) });
        // A half cannot go on from an invalid position. The filter drops the cursor, which gives
        // the half back.
        taken.filter(|cursor| {
            position::run_freely(capacity) || position::is_position(capacity, cursor.tail())
        })
    }

    /// Takes the consumer's half for `me`, if nobody has it.
    ///
    /// # Safety
    /// The header exists, and stays where it is, for as long as the cursor lives.
    pub(super) unsafe fn take_consumer<C: Capacity>(
        header: NonNull<Self>,
        capacity: C,
        me: Participant,
    ) -> Option<ConsumerCursor<C, W>> {
        // SAFETY: the caller guarantees that the header exists.
        let half = unsafe { header.as_ref() }.consumer_half();
        // SAFETY: the caller guarantees that the header exists and stays where it is while the
        // cursor lives. This call has just taken the half.
        let taken = half.take(me).then(|| unsafe { ConsumerCursor::new(header, capacity) });
        taken.filter(|cursor| {
            position::run_freely(capacity) || position::is_position(capacity, cursor.head())
        })
    }

    /// Closes the halves that `dead` holds, and returns their number.
    pub(super) fn recover(&self, dead: Participant) -> usize {
        let producer = self.producer_half().recover(dead);
        let consumer = self.consumer_half().recover(dead);
        // Wake both sides even if `dead` held no half. It may have died after it published or
        // closed, but before it had rung.
        let other = Finally(|| self.producers_bell().wake_all());
        self.consumers_bell().wake_all();
        drop(other);
        usize::from(producer) + usize::from(consumer)
    }

    /// Takes both halves for the owner of the whole ring, who knows that they are free. This needs
    /// no read-modify-write.
    pub(super) fn take_both_halves(&mut self) {
        self.consumer.0.peer.take_from_owner();
        self.producer.0.peer.take_from_owner();
    }
}

/// The producer's cursor: it owns the free slots from `tail` on. Dropping it gives the half back.
#[derive(Debug)]
pub(super) struct ProducerCursor<C, W: Wake> {
    /// The header exists, and stays where it is, for as long as the cursor lives.
    header: NonNull<Header<W>>,
    capacity: C,
    /// The producer's position: a copy of the one in the header.
    tail: Cached,
    /// The end of the slots from `tail` on that are known to be free. More may be free. This is a
    /// position and not a count, so that a publication changes `tail` alone.
    free_to: Cached,
}

impl<C, W: Wake> ProducerCursor<C, W> {
    /// The pointer from which the cursor was made.
    #[inline(always)]
    pub(super) fn header_ptr(&self) -> NonNull<Header<W>> {
        self.header
    }

    /// The words that both sides share.
    #[inline(always)]
    fn header(&self) -> &Header<W> {
        // SAFETY: the maker of the cursor guarantees that the header exists while the cursor lives.
        unsafe { self.header.as_ref() }
    }
}

impl<C: Capacity, W: Wake> ProducerCursor<C, W> {
    /// A cursor that continues where the last producer stopped.
    ///
    /// # Safety
    /// The header exists, and stays where it is, for as long as the cursor lives. No other producer
    /// moves while it is in use.
    #[inline(always)]
    pub(super) unsafe fn new(header: NonNull<Header<W>>, capacity: C) -> Self {
        // SAFETY: the caller guarantees that the header exists while the cursor lives, and that no
        // other producer moves. A room of 0 is known of every ring.
        unsafe { Self::with_room(header, capacity, 0) }
    }

    /// As [`new`](Self::new), but with `room` slots already known to be free.
    ///
    /// # Safety
    /// As for [`new`](Self::new), and `room` slots from the producer's position on are free.
    #[inline(always)]
    pub(super) unsafe fn with_room(header: NonNull<Header<W>>, capacity: C, room: u32) -> Self {
        // SAFETY: the caller guarantees that the header exists.
        let side = unsafe { &header.as_ref().producer.0 };
        // Relaxed: the previous holder of this half stored it. Taking the half ordered that store:
        // the exchange in `HalfOwner::take` acquired it. For a half that is lent, the caller orders
        // it. Where cursors keep no copies, nothing is loaded.
        let tail = if Cached::ENABLED { side.position.load(Ordering::Relaxed) } else { 0 };
        let free_to = position::advance(capacity, tail, room);
        ProducerCursor { header, capacity, tail: Cached::new(tail), free_to: Cached::new(free_to) }
    }

    /// The number of slots that are known to be free without a look at the consumer.
    #[inline(always)]
    pub(super) fn known_room(&self) -> u32 {
        position::distance_cached(self.capacity, self.tail, self.free_to).unwrap_or(0)
    }

    /// The capacity of the ring, in slots.
    #[inline(always)]
    pub(super) fn n(&self) -> u32 {
        self.capacity.get()
    }

    /// The capacity in the form that the functions of `position` take.
    #[inline(always)]
    pub(super) fn capacity(&self) -> C {
        self.capacity
    }

    /// The producer's position. Where the cursor keeps no copy, it is not judged, and an operation
    /// reads it once: see [`Span`].
    #[inline(always)]
    pub(super) fn tail(&self) -> u32 {
        // Relaxed: only this cursor stores it.
        self.tail.get().unwrap_or_else(|| self.header().producer.0.position.load(Ordering::Relaxed))
    }

    /// The consumer's position.
    #[inline(always)]
    fn head(&self) -> u32 {
        // SYNC POINT with the store in `ConsumerCursor::store_head`, acquire: the consumer is done
        // with the slots that its position has passed.
        self.header().consumer.0.position.load(Ordering::Acquire)
    }

    /// The free slots from `tail` on, which the caller may write. It reads the consumer's position
    /// only when fewer than `want` are known to be free.
    #[inline(always)]
    pub(super) fn room(&mut self, want: u32) -> Span {
        let known = position::distance_cached(self.capacity, self.tail, self.free_to);
        if let Some(len) = known.filter(|room| *room >= want) {
            return Span { at: self.tail(), len };
        }
        self.refresh()
    }

    /// Whether `tail`, which the caller read as the producer's position, is one. Where the cursor
    /// keeps a copy, it is.
    #[inline(always)]
    pub(super) fn is_position(&self, tail: u32) -> bool {
        Cached::ENABLED || position::is_position(self.capacity, tail)
    }

    /// The number of filled slots before `tail`, which is the producer's position; more than the
    /// capacity if the consumer's position is invalid. It reads the consumer's position. It is for
    /// a half that keeps no copies.
    #[inline(always)]
    pub(super) fn used_from(&self, tail: u32) -> u32 {
        position::used_or_more(self.capacity, self.head(), tail)
    }

    /// Whether `count` slots from `tail` on are free, at most the capacity; otherwise as
    /// [`used_from`](Self::used_from).
    #[inline(always)]
    pub(super) fn has_room_from(&self, tail: u32, count: u32) -> bool {
        position::has_room(self.capacity, self.head(), tail, count)
    }

    /// Reads the consumer's position, and returns the free slots from `tail` on.
    #[inline(always)]
    fn refresh(&mut self) -> Span {
        let (tail, head) = (self.tail(), self.head());
        // An invalid position gives no room, so that no slot is touched because of it.
        let Some(used) = position::used_by_side(self.capacity, head, tail, head) else {
            self.free_to = Cached::new(tail);
            return Span::EMPTY;
        };
        self.free_to = Cached::new(position::advance(self.capacity, head, self.n()));
        Span { at: tail, len: self.n() - used }
    }

    /// The position of the first free slot, if there is one: a short form of [`room`](Self::room).
    #[inline(always)]
    pub(super) fn first_free(&mut self) -> Option<u32> {
        let tail = self.tail();
        if let Some(free_to) = self.free_to.get() {
            return (free_to != tail || self.refresh().len > 0).then_some(tail);
        }
        position::has_free(self.capacity, self.head(), tail).then_some(tail)
    }

    /// Gives the slots of `span` to the consumer and wakes it. The producer has written them, and
    /// they are the first of those that the last `room` returned.
    #[inline(always)]
    pub(super) fn publish(&mut self, span: Span) {
        self.publish_to(position::advance(self.capacity, span.at, span.len));
    }

    /// Gives the first free slot, at `tail`, to the consumer: a short form of
    /// [`publish`](Self::publish).
    #[inline(always)]
    pub(super) fn publish_first(&mut self, tail: u32) {
        self.publish_to(position::next(self.capacity, tail));
    }

    /// Gives the slots before the position `tail` to the consumer, and wakes it.
    #[inline(always)]
    pub(super) fn publish_to(&mut self, tail: u32) {
        self.tail = Cached::new(tail);
        // SYNC POINT with the load in `ConsumerCursor::tail`, release: a consumer that sees the
        // position sees the content of the slots.
        self.header().producer.0.position.store(tail, Ordering::Release);
        self.header().consumers_bell().ring();
    }

    /// The words of this side, for a [`Window`](super::Window).
    #[cfg(not(loom))]
    pub(super) fn words(&self) -> Words {
        let header = self.header();
        let (word, peer) = (&header.producer.0.position, &header.consumer.0.position);
        Words { word, peer, bell: header.consumers_bell().word_ptr() }
    }

    /// The word that says who holds the other half, for a window of a message ring.
    #[cfg(not(loom))]
    pub(super) fn peer_word(&self) -> *const AtomicU32 {
        self.header().consumer_half().word_ptr()
    }

    /// The slots that are known to be free, for a [`Window`](super::Window). `None` where the
    /// cursor keeps no copies.
    #[cfg(not(loom))]
    pub(super) fn reach(&self) -> Option<Reach> {
        Some(Reach { position: self.tail.get()?, end: self.free_to.get()?, may_look: true })
    }

    /// Goes on from where a [`Window`](super::Window) was left.
    ///
    /// # Safety
    /// The slots up to `tail` were written, and `tail` was published. Those from there to `free_to`
    /// are free.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) unsafe fn resume(&mut self, tail: u32, free_to: u32) {
        (self.tail, self.free_to) = (Cached::new(tail), Cached::new(free_to));
    }

    /// Whether the consumer's position is invalid, for a producer that found no room. Where every
    /// word is a valid position (no caches, capacity a power of two), nothing is told.
    pub(super) fn peer_is_corrupt(&self) -> bool {
        // Relaxed: the position is judged by itself. No loom model corrupts it.
        !position::run_freely(self.capacity) && !cfg!(loom) && {
            let head = self.header().consumer.0.position.load(Ordering::Relaxed);
            position::used_by_side(self.capacity, head, self.tail(), head).is_none()
        }
    }

    /// What `attempt` returns, or why no room will come: the consumer is gone, or its position is
    /// invalid. `None` when there may be room later.
    #[inline]
    pub(super) fn room_or_end<R>(
        &mut self,
        attempt: impl FnOnce(&mut Self) -> Option<R>,
    ) -> Option<Result<R, Error>> {
        if self.peer_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        if let Some(room) = attempt(self) {
            return Some(Ok(room));
        }
        self.peer_is_corrupt().then_some(Err(Error::Corrupt))
    }

    /// The doorbell on which the producer sleeps.
    ///
    /// # Safety
    /// The cursor lives as long as what is returned.
    #[inline(always)]
    pub(super) unsafe fn bell<'h>(&self) -> &'h Doorbell<W> {
        // SAFETY: the caller guarantees that the cursor lives for `'h`, and the header exists for
        // as long as the cursor lives.
        unsafe { self.header.as_ref() }.producers_bell()
    }

    /// Whether the consumer closed its half or died.
    #[inline(always)]
    pub(super) fn peer_is_gone(&self) -> bool {
        self.header().consumer_half().is_gone()
    }

    /// Closes the half for good, and wakes the consumer.
    pub(super) fn close(self) {
        // A drop would give the half back, and so reopen it.
        let this = ManuallyDrop::new(self);
        let header = this.header();
        header.producer_half().close();
        header.consumers_bell().ring();
    }
}

impl<C, W: Wake> Drop for ProducerCursor<C, W> {
    fn drop(&mut self) {
        self.header().producer_half().give_back();
    }
}

/// The consumer's cursor: it owns the filled slots from `head` on. Dropping it gives the half back.
#[derive(Debug)]
pub(super) struct ConsumerCursor<C, W: Wake> {
    /// The header exists, and stays where it is, for as long as the cursor lives.
    header: NonNull<Header<W>>,
    capacity: C,
    /// The consumer's position: a copy of the one in the header.
    head: Cached,
    /// The end of the slots from `head` on that are known to be filled. More may be filled.
    filled_to: Cached,
    /// How many slots [`ready_batched`](Self::ready_batched) found at its last look.
    found: Cached,
}

impl<C, W: Wake> ConsumerCursor<C, W> {
    /// The pointer from which the cursor was made.
    #[inline(always)]
    pub(super) fn header_ptr(&self) -> NonNull<Header<W>> {
        self.header
    }

    /// The words that both sides share.
    #[inline(always)]
    fn header(&self) -> &Header<W> {
        // SAFETY: the maker of the cursor guarantees that the header exists while the cursor lives.
        unsafe { self.header.as_ref() }
    }
}

impl<C: Capacity, W: Wake> ConsumerCursor<C, W> {
    /// A cursor that continues where the last consumer stopped.
    ///
    /// # Safety
    /// The header exists, and stays where it is, for as long as the cursor lives. No other consumer
    /// moves while it is in use.
    pub(super) unsafe fn new(header: NonNull<Header<W>>, capacity: C) -> Self {
        // SAFETY: the caller guarantees that the header exists.
        let side = unsafe { &header.as_ref().consumer.0 };
        // Relaxed: the previous holder of this half stored it. Taking the half ordered that store:
        // the exchange in `HalfOwner::take` acquired it. For a half that is lent, the caller orders
        // it. Where cursors keep no copies, nothing is loaded.
        let head = if Cached::ENABLED { side.position.load(Ordering::Relaxed) } else { 0 };
        ConsumerCursor {
            header,
            capacity,
            head: Cached::new(head),
            filled_to: Cached::new(head),
            found: Cached::new(0),
        }
    }

    /// The capacity of the ring, in slots.
    #[inline(always)]
    pub(super) fn n(&self) -> u32 {
        self.capacity.get()
    }

    /// The capacity in the form that the functions of `position` take.
    #[inline(always)]
    pub(super) fn capacity(&self) -> C {
        self.capacity
    }

    /// The consumer's position. Where the cursor keeps no copy, it is not judged, and an operation
    /// reads it once: see [`Span`].
    #[inline(always)]
    pub(super) fn head(&self) -> u32 {
        // Relaxed: only this cursor stores it.
        self.head.get().unwrap_or_else(|| self.header().consumer.0.position.load(Ordering::Relaxed))
    }

    /// Whether `head`, which the caller read as the consumer's position, is one. Where the cursor
    /// keeps a copy, it is.
    #[inline(always)]
    pub(super) fn is_position(&self, head: u32) -> bool {
        Cached::ENABLED || position::is_position(self.capacity, head)
    }

    /// Whether the bytes that end at `end` are all there are, because nothing came since the last
    /// look.
    #[inline(always)]
    pub(super) fn is_up_to_date(&self, end: u32) -> bool {
        // If they end before the known end of the filled slots, they are all of their run, and
        // remain so.
        self.filled_to.get() != Some(end) || self.tail() == end
    }

    /// The producer's position.
    #[inline(always)]
    fn tail(&self) -> u32 {
        // SYNC POINT with the store in `ProducerCursor::publish_to`, acquire: the content of the
        // slots is seen with the position.
        self.header().producer.0.position.load(Ordering::Acquire)
    }

    /// The filled slots from `head` on, which the caller may read. It reads the producer's position
    /// only when fewer than `want` are known to be filled.
    #[inline(always)]
    pub(super) fn ready(&mut self, want: u32) -> Span {
        match self.known_ready(want) {
            Some(known) => known,
            None => self.refresh(),
        }
    }

    /// The slots that are known to be filled, if there are at least `want`.
    #[inline(always)]
    fn known_ready(&self, want: u32) -> Option<Span> {
        let known = position::distance_cached(self.capacity, self.head, self.filled_to);
        known.filter(|ready| *ready >= want).map(|len| Span { at: self.head(), len })
    }

    /// As [`ready`](Self::ready), for a caller that takes slots, `unit` of them for a message.
    ///
    /// A fast consumer reads the producer's line for every message or two, and takes the line away
    /// from the producer each time. That slows down both. So a consumer that found two messages or
    /// more at its last look (messages come in quick succession) waits a moment before it looks
    /// again. A consumer that found one or none (as between a question and its answer) does not
    /// wait.
    #[inline(always)]
    pub(super) fn ready_batched(&mut self, want: u32, unit: Cached) -> Span {
        match self.known_ready(want) {
            Some(known) => known,
            None => self.refresh_batched(unit),
        }
    }

    /// The number of slots that [`ready`](Self::ready) returns, for a caller that takes as many as
    /// there are, up to `want`, and can use a single one. It looks again when fewer than `want` are
    /// known to be filled. It waits a moment, as [`ready_batched`](Self::ready_batched) does, only
    /// when no filled slot is known.
    #[inline(always)]
    pub(super) fn ready_now(&mut self, want: u32, unit: Cached) -> u32 {
        match position::distance_cached(self.capacity, self.head, self.filled_to) {
            Some(known) if known >= want => known,
            // Nothing has come since the last look.
            Some(known @ 1..) if self.filled_to.get() == Some(self.tail()) => known,
            Some(known) => self.refresh_now(known > 0, unit),
            None => self.refresh().len,
        }
    }

    /// The rest of [`ready_now`](Self::ready_now), when too few filled slots are known. `some` says
    /// whether any is known.
    #[inline(never)]
    fn refresh_now(&mut self, some: bool, unit: Cached) -> u32 {
        if some { self.refresh().len } else { self.refresh_batched(unit).len }
    }

    /// The rest of [`ready_batched`](Self::ready_batched), when too few filled slots are known.
    #[inline(always)]
    fn refresh_batched(&mut self, unit: Cached) -> Span {
        if let (Some(found), Some(unit)) = (self.found.get(), unit.get()) {
            // No overflow: `unit` is at most 2^30.
            if self.n() as usize >= BATCHED_RING && found >= 2 * unit {
                pause(BATCH_PAUSES);
            }
        }
        let found = self.refresh();
        self.found = Cached::new(found.len);
        found
    }

    /// The number of filled slots from `head` on, which is the consumer's position; more than the
    /// capacity if the producer's position is invalid. It reads the producer's position. It is for
    /// a half that keeps no copies.
    #[inline(always)]
    pub(super) fn ready_from(&self, head: u32) -> u32 {
        position::used_or_more(self.capacity, head, self.tail())
    }

    /// Reads the producer's position, and returns the filled slots from `head` on.
    #[inline(always)]
    fn refresh(&mut self) -> Span {
        let (head, tail) = (self.head(), self.tail());
        // An invalid position gives nothing to read.
        let Some(len) = position::used_by_side(self.capacity, head, tail, tail) else {
            self.filled_to = Cached::new(head);
            return Span::EMPTY;
        };
        self.filled_to = Cached::new(tail);
        Span { at: head, len }
    }

    /// The position of the first filled slot, if there is one: a short form of
    /// [`ready_batched`](Self::ready_batched).
    #[inline(always)]
    pub(super) fn first_filled(&mut self) -> Option<u32> {
        let head = self.head();
        if let Some(filled_to) = self.filled_to.get() {
            return (filled_to != head || self.refresh_batched(Cached::new(1)).len > 0)
                .then_some(head);
        }
        position::has_filled(self.capacity, head, self.tail()).then_some(head)
    }

    /// Gives the slots of `span` back to the producer and wakes it. The consumer has read them, and
    /// they are the first of those that the last `ready` returned.
    #[inline(always)]
    pub(super) fn release(&mut self, span: Span) {
        self.release_to(position::advance(self.capacity, span.at, span.len));
    }

    /// Gives the first filled slot, at `head`, back: a short form of [`release`](Self::release).
    #[inline(always)]
    pub(super) fn release_first(&mut self, head: u32) {
        self.release_to(position::next(self.capacity, head));
    }

    /// Gives the slots before the position `head` back, and wakes the producer.
    #[inline(always)]
    pub(super) fn release_to(&mut self, head: u32) {
        self.store_head(head);
        self.header().producers_bell().ring();
    }

    /// As [`release`](Self::release), without a wake-up.
    #[inline(always)]
    pub(super) fn release_silently(&mut self, span: Span) {
        self.store_head(position::advance(self.capacity, span.at, span.len));
    }

    #[inline(always)]
    fn store_head(&mut self, head: u32) {
        self.head = Cached::new(head);
        // SYNC POINT with the load in `ProducerCursor::head`, release: a producer that sees the
        // position sees that the consumer is done with the slots.
        self.header().consumer.0.position.store(head, Ordering::Release);
    }

    /// The words of this side, for a [`Window`](super::Window).
    #[cfg(not(loom))]
    pub(super) fn words(&self) -> Words {
        let header = self.header();
        let (word, peer) = (&header.consumer.0.position, &header.producer.0.position);
        Words { word, peer, bell: header.producers_bell().word_ptr() }
    }

    /// Whether code beside the half may look for messages, of `unit` slots each: otherwise a look
    /// waits a moment first, see `refresh_batched`.
    #[cfg(not(loom))]
    pub(super) fn may_look(&self, unit: Cached) -> bool {
        let (found, unit) = (self.found.get().unwrap_or(0), unit.get().unwrap_or(0));
        (self.n() as usize) < BATCHED_RING || found < 2 * unit
    }

    /// The slots that are known to be filled, for a [`Window`](super::Window). `None` where the
    /// cursor keeps no copies.
    #[cfg(not(loom))]
    pub(super) fn reach(&self) -> Option<Reach> {
        // As in `refresh_batched`: otherwise a look waits a moment first. A look beside this cursor
        // finds one slot, which changes nothing about that.
        let may_look = self.found.get()? < 2 || (self.n() as usize) < BATCHED_RING;
        Some(Reach { position: self.head.get()?, end: self.filled_to.get()?, may_look })
    }

    /// Goes on from where a [`Window`](super::Window) was left.
    ///
    /// # Safety
    /// The slots up to `head` were read, and `head` was published. Those from there to `filled_to`
    /// are filled.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) unsafe fn resume(&mut self, head: u32, filled_to: u32) {
        (self.head, self.filled_to) = (Cached::new(head), Cached::new(filled_to));
    }

    /// Whether the producer's position is invalid, for a consumer that found nothing. Where every
    /// word is a valid position (no caches, capacity a power of two), nothing is told.
    pub(super) fn peer_is_corrupt(&self) -> bool {
        // Relaxed: the position is judged by itself. No loom model corrupts it.
        !position::run_freely(self.capacity) && !cfg!(loom) && {
            let tail = self.header().producer.0.position.load(Ordering::Relaxed);
            position::used_by_side(self.capacity, self.head(), tail, tail).is_none()
        }
    }

    /// Why nothing more will come: the producer is gone, or its position is invalid. What the
    /// producer published before it went may still be found by a look after this call.
    #[inline]
    pub(super) fn end(&self) -> Option<Error> {
        if self.peer_is_gone() {
            return Some(Error::EndOfFile);
        }
        self.peer_is_corrupt().then_some(Error::Corrupt)
    }

    /// The doorbell on which the consumer sleeps.
    ///
    /// # Safety
    /// The cursor lives as long as what is returned.
    #[inline(always)]
    pub(super) unsafe fn bell<'h>(&self) -> &'h Doorbell<W> {
        // SAFETY: the caller guarantees that the cursor lives for `'h`, and the header exists for
        // as long as the cursor lives.
        unsafe { self.header.as_ref() }.consumers_bell()
    }

    /// Whether the producer closed its half or died. A call of `ready` after that sees all that it
    /// published.
    #[inline(always)]
    pub(super) fn peer_is_gone(&self) -> bool {
        self.header().producer_half().is_gone()
    }

    /// Closes the half for good, and wakes the producer.
    pub(super) fn close(self) {
        // A drop would give the half back, and so reopen it.
        let this = ManuallyDrop::new(self);
        let header = this.header();
        header.consumer_half().close();
        header.producers_bell().ring();
    }
}

impl<C, W: Wake> Drop for ConsumerCursor<C, W> {
    fn drop(&mut self) {
        self.header().consumer_half().give_back();
    }
}
