//! What the words of a queue say, and what they can say.

use super::super::{Queue, QueueView, RawQueue};
use super::line::MAX_SLOTS;
use crate::Error;
use crate::participant::Participant;
use crate::ring::PushError;
use crate::storage::InMemory;
use crate::wait::Nobody;
use core::alloc::Layout;
use core::mem::{ManuallyDrop, MaybeUninit};
use std::vec::Vec;

const DEAD: Participant = Participant::new(7).unwrap();

#[test]
fn zeroed_memory_is_a_fresh_queue() {
    // SAFETY: the words of a fresh queue are zero: this test shows that. Values need not be
    // initialized.
    let queue = unsafe { MaybeUninit::<Queue<u32, 3>>::zeroed().assume_init() };
    assert!(queue.is_valid() && queue.is_empty() && queue.max_attempts() == 0);
    (0..3).for_each(|value| queue.try_push(value).unwrap());
    assert_eq!(queue.try_push(3), Err(PushError::Full(3)));
    assert_eq!(queue.drain().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn the_largest_queue_fills_and_empties() {
    let layout = QueueView::<u8>::layout(MAX_SLOTS).unwrap();
    assert!(QueueView::<u8>::layout(MAX_SLOTS + 1).is_none());
    let mut memory = std::vec![MaybeUninit::uninit(); layout.size() + layout.align()];
    let queue = QueueView::<u8>::init_in(&mut memory, MAX_SLOTS).unwrap();
    for round in 0..2 {
        (0..MAX_SLOTS).for_each(|value| queue.try_push(value as u8 ^ round).unwrap());
        assert_eq!(queue.try_push(0), Err(PushError::Full(0)));
        assert!(queue.is_valid());
        assert!((0..MAX_SLOTS).all(|value| queue.try_pop() == Some(value as u8 ^ round)));
        assert_eq!((queue.try_pop(), queue.len()), (None, 0));
    }
}

/// The end of the list of free slots has the number of the slots: no participant's.
#[test]
fn nobody_holds_a_free_slot_of_the_largest_queue() {
    let layout = QueueView::<u8>::layout(MAX_SLOTS).unwrap();
    let mut memory = std::vec![MaybeUninit::uninit(); layout.size() + layout.align()];
    let queue = QueueView::<u8>::init_in(&mut memory, MAX_SLOTS).unwrap();
    (0..MAX_SLOTS).for_each(|_| queue.try_push(0).unwrap());
    for number in 1..=DEAD.number() {
        assert_eq!(queue.try_pop(), Some(0));
        let nobody = Participant::new(number).unwrap();
        // SAFETY: nobody acts for this participant.
        assert_eq!(unsafe { queue.handle(Participant::LOCAL).recover(nobody) }, 0);
    }
}

/// Values that are moved inside of a section, and between two.
#[test]
fn small_and_large_values_take_the_same_turns() {
    fn check<T: Copy + PartialEq + core::fmt::Debug>(make: fn(u8) -> T) {
        let queue = Queue::<T, 3>::new();
        for round in 0..40 {
            queue.try_push(make(round)).unwrap();
            let mut loan = queue.try_reserve().unwrap();
            queue.try_push(make(round ^ 0x40)).unwrap();
            assert_eq!(queue.try_push(make(0)), Err(PushError::Full(make(0))));
            loan.as_uninit().write(make(round ^ 0x80));
            assert_eq!(queue.try_pop(), Some(make(round)));
            // SAFETY: the line above the last filled the slot.
            unsafe { loan.commit() }.unwrap();
            let claim = queue.try_claim().unwrap();
            assert_eq!((*claim, claim.position()), (make(round ^ 0x40), 3 * u64::from(round) + 2));
            assert_eq!((queue.len(), queue.unfinished()), (1, 2));
            claim.complete();
            assert_eq!(queue.try_pop(), Some(make(round ^ 0x80)));
            assert!(queue.is_empty() && queue.unfinished() == 0 && queue.is_valid());
        }
        assert_eq!(queue.pushed(), 120);
        queue.close();
        assert_eq!(queue.try_push(make(1)), Err(PushError::Closed(make(1))));
    }
    check(|value| value);
    check(|value| u64::from(value) << 40);
    check(|value| [value; 100]);
    check(|value| [u64::from(value); 20]);
}

#[test]
fn a_loan_is_refused_after_the_close() {
    let queue = Queue::<u32, 2>::new();
    let loan = queue.try_reserve().unwrap();
    queue.close();
    assert_eq!(loan.write(5), Err(PushError::Closed(5)));
    assert_eq!(queue.try_reserve().unwrap_err(), Error::BrokenPipe);
    assert!(queue.has_ended());
}

#[test]
fn a_closed_queue_ends_when_it_is_empty() {
    let queue = Queue::<u32, 2>::new();
    queue.try_push(1).unwrap();
    queue.close();
    assert!(!queue.has_ended());
    assert_eq!(queue.try_pop(), Some(1));
    assert!(queue.has_ended());
}

/// A participant dies between the sections of each operation.
#[test]
fn recovery_frees_loans_and_requeues_claims() {
    let queue = Queue::<u32, 4>::new();
    let (me, dead) = (queue.handle(Participant::LOCAL), queue.handle(DEAD));
    for round in 0..10 {
        (0..3).for_each(|value| dead.try_push(value).unwrap());
        let claim = ManuallyDrop::new(dead.try_claim().unwrap());
        let mine = me.try_claim().unwrap();
        let loan = ManuallyDrop::new(dead.try_reserve().unwrap());
        assert_eq!((*mine, **claim, queue.len(), queue.unfinished()), (1, 0, 1, 3));
        assert!(queue.is_valid(), "{loan:?}");
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 2);
        // SAFETY: nobody acts for participant 7.
        assert_eq!(unsafe { me.recover(DEAD) }, 0, "once is enough");
        assert_eq!((queue.len(), queue.unfinished()), (2, 3), "round {round}");
        mine.complete();
        assert_eq!(queue.drain().collect::<Vec<_>>(), [2, 0]);
        assert!(queue.is_valid() && queue.unfinished() == 0);
    }
    (0..4).for_each(|value| queue.try_push(value).unwrap());
    assert_eq!(queue.try_push(4), Err(PushError::Full(4)), "every slot came back, once");
}

/// A foreign write: one of the words of a queue with messages in line says something else.
#[test]
fn a_link_out_of_the_queue_is_corrupt() {
    let make = || {
        let queue = Queue::<u32, 3>::new();
        (0..2).for_each(|value| queue.try_push(value).unwrap());
        assert!(queue.is_valid());
        queue
    };
    let spoil = |queue: &Queue<u32, 3>, spoil: fn(&mut super::Lists<'_, '_>)| {
        queue.shared().section(|mut lists| spoil(&mut lists));
        assert!(!queue.is_valid());
    };
    let queue = make();
    spoil(&queue, |lists| lists.line.first = 3);
    assert_eq!((queue.try_pop(), queue.try_claim().is_none()), (None, true));
    assert_eq!(queue.handle(DEAD).claim_now().err(), Some(super::NoMore::Corrupt));
    let queue = make();
    spoil(&queue, |lists| lists.line.last = 3);
    assert_eq!(queue.try_push(7), Err(PushError::Corrupt(7)));
    assert_eq!(queue.drain().collect::<Vec<_>>(), [0, 1]);
    let queue = make();
    spoil(&queue, |lists| lists.line.free = 4);
    assert_eq!(queue.try_push(7), Err(PushError::Corrupt(7)));
    assert_eq!(queue.try_reserve().unwrap_err(), Error::Corrupt);
    // Whatever the list of free slots says, no message comes after the close.
    let queue = make();
    spoil(&queue, |lists| (lists.line.free, lists.line.closed) = (!1, !0));
    assert_eq!(queue.try_push(7), Err(PushError::Closed(7)));
    let queue = make();
    spoil(&queue, |lists| lists.line.popped = 5);
    let queue = make();
    // The first message's slot leads to itself.
    spoil(&queue, |lists| {
        lists.line.last = lists.line.first;
        let _ = lists.append(lists.slot(lists.line.first.into()).unwrap());
    });
    assert!(queue.drain().count() <= 3);
}

#[test]
fn raw_queues_have_the_words_of_typed_ones() {
    let item = Layout::new::<[u16; 3]>();
    let layout = RawQueue::<Nobody>::layout(5, item);
    assert_eq!(layout, Some(Layout::new::<Queue<[u16; 3], 5>>()));
}
