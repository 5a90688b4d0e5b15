//! The two sides of a single-producer, single-consumer ring: who holds them, where they stand, and
//! every atomic access that passes slots from one to the other. The rings of values and of bytes
//! are built on this and have no atomics of their own that pass slots.
//!
//! # Who may touch which slot
//!
//! The slots from the consumer's position (head) up to the producer's (tail) belong to the
//! consumer, all others to the producer. Each side stores its own position alone, and only to give
//! slots away:
//!
//! ```text
//!   producer                                      consumer
//!   write the slots
//!   tail.store(Release) ───── SYNC POINT A ─────▶ tail.load(Acquire)
//!                                                 read the slots
//!   head.load(Acquire) ◀───── SYNC POINT B ────── head.store(Release)
//!   write them again
//!
//!   drop, close: the half is given back, or closed (SYNC POINT H, in `owner`): seen by its next holder, and after a close by
//!   the other side when it looks whether we are gone
//! ```
//!
//! Loads and stores alone: a target without compare-and-swap runs this as it is. Only taking a half
//! is a read-modify-write.
//!
//! # Where the words lie
//!
//! Each side has one cache line. On it is what that side writes for every slot (its position) and
//! what it only reads: whether the other side is held, and the bell that it rings. So a look at
//! either costs nothing while the other side leaves them alone, which is nearly always.
//!
//! A cursor keeps a copy of its position, and of how far the other side let it go, so as to look at
//! the other line when it must. Without caches there is nothing to spare, and it looks each time:
//! see [`Cached`].

use super::owner::HalfOwner;
use super::position;
use crate::Error;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::storage::Capacity;
use crate::sync::{AtomicU32, CachePadded, Cached, Ordering, const_unless_loom, pause};
use crate::wait::{Doorbell, Wake};
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// A ring that holds so many, or more, is one that messages stream through.
const LARGE: usize = 64;

/// How long a consumer waits for more, in pauses: about the time that a cache line takes to go to
/// another core and back, twice.
const MOMENT: u32 = 8;

/// How often one who holds no half looks again at positions that others move.
const LOOKS: usize = 4;

/// What one side has on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<W: Wake> {
    /// Where this side stands. Stored by this side alone.
    position: AtomicU32,
    /// The *other* side's half: on this line because this side looks at it.
    peer: HalfOwner,
    /// What this side rings and the other side sleeps on.
    bell: Doorbell<W>,
}

/// Everything that the two sides share but the slots.
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

    /// Who has the producer's half. It lies on the consumer's line, because the consumer looks at
    /// it.
    #[inline(always)]
    pub(super) fn producer_half(&self) -> &HalfOwner {
        &self.consumer.0.peer
    }

    /// Who has the consumer's half, which lies on the producer's line.
    #[inline(always)]
    pub(super) fn consumer_half(&self) -> &HalfOwner {
        &self.producer.0.peer
    }

    /// What the producer sleeps on: the consumer rings it, and it lies on the consumer's line.
    #[inline(always)]
    pub(super) fn producers_bell(&self) -> &Doorbell<W> {
        &self.consumer.0.bell
    }

    /// What the consumer sleeps on, which lies on the producer's line.
    #[inline(always)]
    pub(super) fn consumers_bell(&self) -> &Doorbell<W> {
        &self.producer.0.bell
    }

    /// How many slots are filled, for one who holds no half: more or less. 0 only if none was at
    /// some moment of the call, and when the positions are not those of a ring.
    pub(super) fn len(&self, n: impl Capacity) -> usize {
        let (head, tail, stood_still) = self.positions();
        let used = position::used(n, head, tail).unwrap_or(0) as usize;
        // Where a side went on, something was in the ring before it or after it.
        if stood_still { used } else { used.max(1) }
    }

    #[cfg(not(loom))]
    /// How many slots are filled, if both sides stood still, or their positions fit together all
    /// the same.
    pub(super) fn used(&self, n: impl Capacity) -> Option<usize> {
        let (head, tail, _) = self.positions();
        position::used(n, head, tail).map(|used| used as usize)
    }

    /// Whether the sides stand where the sides of a ring can. They always do, but where a peer
    /// corrupted them.
    pub(super) fn is_valid(&self, n: impl Capacity) -> bool {
        // Relaxed: each is judged by itself.
        position::is_position(n, self.consumer.0.position.load(Ordering::Relaxed))
            && position::is_position(n, self.producer.0.position.load(Ordering::Relaxed))
    }

    /// Where consumer and producer stand, and whether they stood still meanwhile: then both stood
    /// there at one moment. (But for both having gone round the ring twice, each between two looks
    /// of ours.)
    pub(super) fn positions(&self) -> (u32, u32, bool) {
        // Acquire, all four: partners are the releases in `publish_to` and `release_to`. Who sees
        // that one side stands somewhere sees the other where it stood for that, or further on.
        let look = || {
            let head = self.consumer.0.position.load(Ordering::Acquire);
            (head, self.producer.0.position.load(Ordering::Acquire))
        };
        let mut seen = look();
        for _ in 0..LOOKS {
            let again = look();
            if again == seen {
                return (seen.0, seen.1, true);
            }
            seen = again;
        }
        (seen.0, seen.1, false)
    }

    /// Where consumer and producer stand, for the owner of the whole ring.
    pub(super) fn positions_mut(&mut self) -> (u32, u32) {
        // Relaxed: `&mut self` is alone here; whatever made it so (a join, a lock) orders the
        // accesses.
        (
            self.consumer.0.position.load(Ordering::Relaxed),
            self.producer.0.position.load(Ordering::Relaxed),
        )
    }
}

impl<W: Wake> Header<W> {
    /// The producer's half for `me`, if nobody has it.
    ///
    /// # Safety
    /// The header is there, and stays where it is, for as long as the cursor lives.
    pub(super) unsafe fn take_producer<C: Capacity>(
        header: NonNull<Self>,
        capacity: C,
        me: Participant,
    ) -> Option<ProducerCursor<C, W>> {
        // SAFETY: it is there, as the caller states.
        let half = unsafe { header.as_ref() }.producer_half();
        // SAFETY: as the caller states.
        let taken = half.take(me).then(|| unsafe { ProducerCursor::new(header, capacity) });
        // On a position that is none, nothing can be built: the half is given back.
        taken.filter(|cursor| position::is_position(capacity, cursor.tail()))
    }

    /// The consumer's half for `me`, if nobody has it.
    ///
    /// # Safety
    /// As [`take_producer`](Self::take_producer).
    pub(super) unsafe fn take_consumer<C: Capacity>(
        header: NonNull<Self>,
        capacity: C,
        me: Participant,
    ) -> Option<ConsumerCursor<C, W>> {
        // SAFETY: it is there, as the caller states.
        let half = unsafe { header.as_ref() }.consumer_half();
        // SAFETY: as the caller states.
        let taken = half.take(me).then(|| unsafe { ConsumerCursor::new(header, capacity) });
        taken.filter(|cursor| position::is_position(capacity, cursor.head()))
    }

    /// Closes the halves that `dead` holds; returns how many.
    pub(super) fn recover(&self, dead: Participant) -> usize {
        let producer = self.producer_half().recover(dead);
        let consumer = self.consumer_half().recover(dead);
        // Also when it held none: it may have died after it published or closed, and before it
        // rang, or while it did.
        let other = Finally(|| self.producers_bell().wake_all());
        self.consumers_bell().wake_all();
        drop(other);
        usize::from(producer) + usize::from(consumer)
    }

    /// Takes both halves for the owner of the whole ring, who knows that nobody has them. No
    /// read-modify-write.
    pub(super) fn take_both_halves(&mut self) {
        self.consumer.0.peer.take_from_owner();
        self.producer.0.peer.take_from_owner();
    }
}

/// The producer's side: owns the free slots from `tail` on. Dropping it gives the half back.
#[derive(Debug)]
pub(super) struct ProducerCursor<C, W: Wake> {
    /// Of a structure that is there, and stays where it is, for as long as the cursor lives.
    header: NonNull<Header<W>>,
    capacity: C,
    /// Where we stand: equal to our line's position.
    tail: Cached,
    /// Where the slots that are known to be free end, which begin at `tail`. There may be more. A
    /// position rather than a count, so that a publication changes `tail` alone.
    free_to: Cached,
}

impl<C, W: Wake> ProducerCursor<C, W> {
    /// Where the header is: the pointer that the cursor was made of.
    #[inline(always)]
    pub(super) fn header_ptr(&self) -> NonNull<Header<W>> {
        self.header
    }

    /// What both sides share.
    #[inline(always)]
    fn header(&self) -> &Header<W> {
        // SAFETY: it is there for as long as we are.
        unsafe { self.header.as_ref() }
    }
}

impl<C: Capacity, W: Wake> ProducerCursor<C, W> {
    /// One that goes on where another of the same side left off.
    ///
    /// # Safety
    /// The header is there, and stays where it is, for as long as the cursor lives.
    #[inline(always)]
    pub(super) unsafe fn new(header: NonNull<Header<W>>, capacity: C) -> Self {
        // SAFETY: as the caller states.
        unsafe { Self::with_room(header, capacity, 0) }
    }

    /// The same, where that other one knew of `room` free slots.
    ///
    /// # Safety
    /// As [`new`](Self::new).
    #[inline(always)]
    pub(super) unsafe fn with_room(header: NonNull<Header<W>>, capacity: C, room: u32) -> Self {
        // SAFETY: it is there, as the caller states.
        let side = unsafe { &header.as_ref().producer.0 };
        // Relaxed: stored by whoever held this half before, and ordered by SYNC POINT H when it was
        // taken, or by the rule of who lends it.
        let tail = side.position.load(Ordering::Relaxed);
        let free_to = position::advance(capacity, tail, room);
        ProducerCursor { header, capacity, tail: Cached::new(tail), free_to: Cached::new(free_to) }
    }

    /// How many slots are known to be free without looking.
    #[inline(always)]
    pub(super) fn known_room(&self) -> u32 {
        position::distance_cached(self.capacity, self.tail, self.free_to).unwrap_or(0)
    }

    /// How many slots the ring has.
    #[inline(always)]
    pub(super) fn n(&self) -> u32 {
        self.capacity.get()
    }

    /// The same, as the functions of positions take it.
    #[inline(always)]
    pub(super) fn capacity(&self) -> C {
        self.capacity
    }

    /// Our position.
    #[inline(always)]
    pub(super) fn tail(&self) -> u32 {
        // Relaxed: stored by us alone.
        self.tail.get().unwrap_or_else(|| self.header().producer.0.position.load(Ordering::Relaxed))
    }

    /// Where the consumer stands.
    #[inline(always)]
    fn head(&self) -> u32 {
        // SYNC POINT B, acquire: with the store in `ConsumerCursor::release`. The consumer is done
        // with the slots that its position has passed.
        self.header().consumer.0.position.load(Ordering::Acquire)
    }

    /// How many slots are free from `tail` on; looks at the consumer's position only when fewer
    /// than `want` are known to be. They are the caller's to write.
    #[inline(always)]
    pub(super) fn room(&mut self, want: u32) -> u32 {
        let known = position::distance_cached(self.capacity, self.tail, self.free_to);
        if let Some(room) = known.filter(|room| *room >= want) {
            return room;
        }
        self.refresh()
    }

    /// How many slots are free from `tail` on, by a look at the consumer's position.
    #[inline(always)]
    fn refresh(&mut self) -> u32 {
        let (tail, head) = (self.tail(), self.head());
        // A position that cannot be gives no room: nothing is touched on such a peer's word.
        let Some(used) = position::used_as_seen(self.capacity, head, tail, head) else {
            self.free_to = Cached::new(tail);
            return 0;
        };
        self.free_to = Cached::new(position::advance(self.capacity, head, self.n()));
        self.n() - used
    }

    /// The position of the first free slot, if one is free: [`room`](Self::room) for one, in short.
    #[inline(always)]
    pub(super) fn first_free(&mut self) -> Option<u32> {
        let tail = self.tail();
        if let Some(free_to) = self.free_to.get() {
            return (free_to != tail || self.refresh() > 0).then_some(tail);
        }
        (!position::is_full(self.capacity, self.head(), tail)).then_some(tail)
    }

    /// Gives `count` slots to the consumer and wakes it. They are written, and at most as many as
    /// the last `room`.
    #[inline(always)]
    pub(super) fn publish(&mut self, count: u32) {
        self.publish_to(position::advance(self.capacity, self.tail(), count));
    }

    /// Gives the first free slot, which is at `tail`, to the consumer: [`publish`](Self::publish)
    /// of one, in short.
    #[inline(always)]
    pub(super) fn publish_first(&mut self, tail: u32) {
        self.publish_to(position::next(self.capacity, tail));
    }

    /// Gives the slots before `tail` to the consumer.
    #[inline(always)]
    pub(super) fn publish_to(&mut self, tail: u32) {
        self.tail = Cached::new(tail);
        // SYNC POINT A, release: with the load in `ConsumerCursor::tail`. The slots' content is
        // seen with the position.
        self.header().producer.0.position.store(tail, Ordering::Release);
        self.header().consumers_bell().ring();
    }

    /// Whether the consumer stands where none can, for one that found no room. Where positions run
    /// freely that is not to be told.
    pub(super) fn peer_is_corrupt(&self) -> bool {
        // Relaxed: judged by itself. (In no model does anybody overwrite it.)
        Cached::ENABLED && !cfg!(loom) && {
            let head = self.header().consumer.0.position.load(Ordering::Relaxed);
            position::used_as_seen(self.capacity, head, self.tail(), head).is_none()
        }
    }

    /// What is returned by a look for room, or why there can be none any more: the consumer went,
    /// or stands where none can. `None` when there may be room later.
    #[inline]
    pub(super) fn room_or_end<R>(
        &mut self,
        look: impl FnOnce(&mut Self) -> Option<R>,
    ) -> Option<Result<R, Error>> {
        if self.peer_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        if let Some(room) = look(self) {
            return Some(Ok(room));
        }
        self.peer_is_corrupt().then_some(Err(Error::Corrupt))
    }

    /// What this side sleeps on.
    ///
    /// # Safety
    /// The cursor lives as long as what is returned.
    #[inline(always)]
    pub(super) unsafe fn bell<'h>(&self) -> &'h Doorbell<W> {
        // SAFETY: the header is there for as long as the cursor, and so for `'h`, as the caller
        // states.
        unsafe { self.header.as_ref() }.producers_bell()
    }

    /// Whether the consumer closed its half or died.
    #[inline(always)]
    pub(super) fn peer_is_gone(&self) -> bool {
        self.header().consumer_half().is_gone()
    }

    /// Gives the half back for good, and wakes the consumer.
    pub(super) fn close(self) {
        // It must not be given back once more, which would open it.
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

/// The consumer's side: owns the filled slots from `head` on. Dropping it gives the half back.
#[derive(Debug)]
pub(super) struct ConsumerCursor<C, W: Wake> {
    /// As in [`ProducerCursor`].
    header: NonNull<Header<W>>,
    capacity: C,
    /// Where we stand: equal to our line's position.
    head: Cached,
    /// Where the slots that are known to be filled end, which begin at `head`. There may be more.
    filled_to: Cached,
    /// How many [`ready_batched`](Self::ready_batched) found when it last looked.
    found: Cached,
}

impl<C, W: Wake> ConsumerCursor<C, W> {
    /// Where the header is: the pointer that the cursor was made of.
    #[inline(always)]
    pub(super) fn header_ptr(&self) -> NonNull<Header<W>> {
        self.header
    }

    /// What both sides share.
    #[inline(always)]
    fn header(&self) -> &Header<W> {
        // SAFETY: it is there for as long as we are.
        unsafe { self.header.as_ref() }
    }
}

impl<C: Capacity, W: Wake> ConsumerCursor<C, W> {
    /// One that goes on where another of the same side left off.
    ///
    /// # Safety
    /// As [`ProducerCursor::new`].
    pub(super) unsafe fn new(header: NonNull<Header<W>>, capacity: C) -> Self {
        // SAFETY: it is there, as the caller states.
        let side = unsafe { &header.as_ref().consumer.0 };
        // Relaxed: as in `ProducerCursor::with_room`.
        let head = side.position.load(Ordering::Relaxed);
        ConsumerCursor {
            header,
            capacity,
            head: Cached::new(head),
            filled_to: Cached::new(head),
            found: Cached::new(0),
        }
    }

    /// How many slots the ring has.
    #[inline(always)]
    pub(super) fn n(&self) -> u32 {
        self.capacity.get()
    }

    /// The same, as the functions of positions take it.
    #[inline(always)]
    pub(super) fn capacity(&self) -> C {
        self.capacity
    }

    /// Our position.
    #[inline(always)]
    pub(super) fn head(&self) -> u32 {
        // Relaxed: stored by us alone.
        self.head.get().unwrap_or_else(|| self.header().consumer.0.position.load(Ordering::Relaxed))
    }

    /// Whether nothing came since the last look, behind which the bytes end at `end`.
    #[inline(always)]
    pub(super) fn is_all(&self, end: u32) -> bool {
        // Where they end before what is known of does, that is for good.
        self.filled_to.get() != Some(end) || self.tail() == end
    }

    /// Where the producer stands.
    #[inline(always)]
    fn tail(&self) -> u32 {
        // SYNC POINT A, acquire: with the store in `ProducerCursor::publish_to`. The slots' content
        // is seen with the position.
        self.header().producer.0.position.load(Ordering::Acquire)
    }

    /// How many slots are filled from `head` on; looks at the producer's position only when fewer
    /// than `want` are known to be. They are the caller's to read.
    #[inline(always)]
    pub(super) fn ready(&mut self, want: u32) -> u32 {
        let known = position::distance_cached(self.capacity, self.head, self.filled_to);
        if let Some(ready) = known.filter(|ready| *ready >= want) {
            return ready;
        }
        self.refresh()
    }

    /// [`ready`](Self::ready) for those who come to take slots, `unit` of them at a time.
    ///
    /// A consumer that is quicker than the producer comes to look at its line for every message or
    /// two, and takes the line away from it each time; both are the slower for it. So whoever found
    /// two or more when it last looked, which is that they come in quick succession, waits a moment
    /// before it looks again. One that found one or none, as between question and answer, does not.
    #[inline(always)]
    pub(super) fn ready_batched(&mut self, want: u32, unit: Cached) -> u32 {
        let known = position::distance_cached(self.capacity, self.head, self.filled_to);
        if let Some(ready) = known.filter(|ready| *ready >= want) {
            return ready;
        }
        self.refresh_batched(unit)
    }

    /// [`ready`](Self::ready) for those who can do with one slot and take as many as there are,
    /// `want` at most: what is known may be less than there is, and is looked up again. Waits a
    /// moment, as [`ready_batched`](Self::ready_batched), only where nothing is known of.
    #[inline(always)]
    pub(super) fn ready_now(&mut self, want: u32, unit: Cached) -> u32 {
        match position::distance_cached(self.capacity, self.head, self.filled_to) {
            Some(known) if known >= want => known,
            // Nothing has come since the last look.
            Some(known @ 1..) if self.filled_to.get() == Some(self.tail()) => known,
            Some(known) => self.refresh_now(known > 0, unit),
            None => self.refresh(),
        }
    }

    /// The rest of [`ready_now`](Self::ready_now) where fewer are known of, which may be some.
    #[inline(never)]
    fn refresh_now(&mut self, some: bool, unit: Cached) -> u32 {
        if some { self.refresh() } else { self.refresh_batched(unit) }
    }

    /// The rest of [`ready_batched`](Self::ready_batched) where too few are known of.
    #[inline(always)]
    fn refresh_batched(&mut self, unit: Cached) -> u32 {
        if let (Some(found), Some(unit)) = (self.found.get(), unit.get()) {
            // No overflow: at most 2^30, twice.
            if self.n() as usize >= LARGE && found >= 2 * unit {
                pause(MOMENT);
            }
        }
        let found = self.refresh();
        self.found = Cached::new(found);
        found
    }

    /// How many slots are filled from `head` on, by a look at the producer's position.
    #[inline(always)]
    fn refresh(&mut self) -> u32 {
        let (head, tail) = (self.head(), self.tail());
        // A position that cannot be gives nothing to read.
        let Some(ready) = position::used_as_seen(self.capacity, head, tail, tail) else {
            self.filled_to = Cached::new(head);
            return 0;
        };
        self.filled_to = Cached::new(tail);
        ready
    }

    /// The position of the first filled slot, if one is filled:
    /// [`ready_batched`](Self::ready_batched) for one, in short.
    #[inline(always)]
    pub(super) fn first_filled(&mut self) -> Option<u32> {
        let head = self.head();
        if let Some(filled_to) = self.filled_to.get() {
            return (filled_to != head || self.refresh_batched(Cached::new(1)) > 0).then_some(head);
        }
        (self.tail() != head).then_some(head)
    }

    /// Gives `count` slots back to the producer and wakes it. They are read, and at most as many as
    /// the last `ready`.
    #[inline(always)]
    pub(super) fn release(&mut self, count: u32) {
        self.release_to(position::advance(self.capacity, self.head(), count));
    }

    /// Gives the first filled slot, which is at `head`, back: [`release`](Self::release) of one, in
    /// short.
    #[inline(always)]
    pub(super) fn release_first(&mut self, head: u32) {
        self.release_to(position::next(self.capacity, head));
    }

    /// Gives the slots before `head` back.
    #[inline(always)]
    pub(super) fn release_to(&mut self, head: u32) {
        self.stand_at(head);
        self.header().producers_bell().ring();
    }

    /// [`release`](Self::release) of a caller who knows the position; wakes nobody.
    #[inline(always)]
    pub(super) fn release_unheard(&mut self, head: u32, count: u32) {
        self.stand_at(position::advance(self.capacity, head, count));
    }

    #[inline(always)]
    fn stand_at(&mut self, head: u32) {
        self.head = Cached::new(head);
        // SYNC POINT B, release: with the load in `ProducerCursor::head`. We are done with the
        // slots.
        self.header().consumer.0.position.store(head, Ordering::Release);
    }

    /// Whether the producer stands where none can, for one that found nothing. Where positions run
    /// freely that is not to be told.
    pub(super) fn peer_is_corrupt(&self) -> bool {
        // Relaxed: judged by itself. (In no model does anybody overwrite it.)
        Cached::ENABLED && !cfg!(loom) && {
            let tail = self.header().producer.0.position.load(Ordering::Relaxed);
            position::used_as_seen(self.capacity, self.head(), tail, tail).is_none()
        }
    }

    /// Why nothing will come any more, as far as is known before one looks again: the producer
    /// went, or stands where none can.
    #[inline]
    pub(super) fn end(&self) -> Option<Error> {
        if self.peer_is_gone() {
            return Some(Error::EndOfFile);
        }
        self.peer_is_corrupt().then_some(Error::Corrupt)
    }

    /// What this side sleeps on.
    ///
    /// # Safety
    /// The cursor lives as long as what is returned.
    #[inline(always)]
    pub(super) unsafe fn bell<'h>(&self) -> &'h Doorbell<W> {
        // SAFETY: the header is there for as long as the cursor, and so for `'h`, as the caller
        // states.
        unsafe { self.header.as_ref() }.consumers_bell()
    }

    /// Whether the producer closed its half or died. What it published before is seen by the next
    /// look at `ready`.
    #[inline(always)]
    pub(super) fn peer_is_gone(&self) -> bool {
        self.header().producer_half().is_gone()
    }

    /// Gives the half back for good, and wakes the producer.
    pub(super) fn close(self) {
        // As in `ProducerCursor::close`.
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
