//! Models of the signal table: in any interleaving, no raise is lost, torn or delivered twice.
//!
//! Where a missing ordering would be a data race, the threads share loom cells. Loom then reports
//! the two accesses that are not ordered.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::signal::{Dispatcher, Handler, Payload, RaiseError, Raised, SignalSet, Table};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Spin, Wait};
use std::cell::Cell;
use support::cell::UnsafeCell;
use support::sync::Arc;
use support::thread::{self, JoinHandle};
use support::{ModelFutex, Task, model};

const LINE: u32 = 0;
const ALL: SignalSet = SignalSet::all();

/// A table, and cells that the threads write before they raise and that a handler reads.
struct Shared<const LINES: usize, const DEPTH: usize, W: Wait> {
    table: Table<LINES, DEPTH, W>,
    done: [UnsafeCell<u32>; 2],
}

// SAFETY: the table is `Sync`, and the cells are loom's, which reports any two accesses that are
// not ordered.
unsafe impl<const LINES: usize, const DEPTH: usize, W: Wait + Sync> Sync
    for Shared<LINES, DEPTH, W>
{
}
// SAFETY: the table is `Send`, and the cells are loom's, which reports any two accesses that are
// not ordered.
unsafe impl<const LINES: usize, const DEPTH: usize, W: Wait + Send> Send
    for Shared<LINES, DEPTH, W>
{
}

impl<const LINES: usize, const DEPTH: usize, W: Wait> Shared<LINES, DEPTH, W> {
    fn of(table: Table<LINES, DEPTH, W>) -> Arc<Self> {
        Arc::new(Shared { table, done: [UnsafeCell::new(0), UnsafeCell::new(0)] })
    }

    /// The work that a context does before it raises.
    fn work(&self, which: usize) {
        // SAFETY: loom reports a second access that is not ordered with this one.
        self.done[which].with_mut(|done| unsafe { *done += 1 });
    }

    /// The work done before the raise; loom checks that it was done before.
    fn saw(&self, which: usize) -> u32 {
        // SAFETY: loom reports a second access that is not ordered with this one.
        self.done[which].with(|done| unsafe { *done })
    }
}

fn plain<const LINES: usize, const DEPTH: usize>() -> Arc<Shared<LINES, DEPTH, Spin>> {
    Shared::of(Table::new())
}

fn asleep<const LINES: usize, const DEPTH: usize>() -> Arc<Shared<LINES, DEPTH, ModelFutex>> {
    Shared::of(Table::new())
}

fn spawn<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    f: impl FnOnce(&T) + Send + 'static,
) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || f(&shared))
}

fn value(delivery: &Raised) -> usize {
    delivery.payload.expect("raised with a payload").value
}

/// Takes everything that is pending, without waiting.
fn drain<const LINES: usize, const DEPTH: usize, W: Wait>(
    dispatcher: &mut Dispatcher<&Table<LINES, DEPTH, W>>,
) -> Vec<Raised> {
    std::iter::from_fn(|| dispatcher.try_wait(ALL)).collect()
}

std::thread_local! {
    /// The handler that ran last. Loom runs all its threads on one thread of the system, and only
    /// one of them dispatches.
    static RAN: Cell<u32> = const { Cell::new(0) };
}

static FIRST: Handler = Handler::new(&|_: &Raised| RAN.set(1));
static SECOND: Handler = Handler::new(&|_: &Raised| RAN.set(2));

/// A new handler that reads a cell written just now: loom reports a run that may not read it yet.
///
/// It lives for ever, as handlers do; each leaks a few bytes.
fn fresh(number: u32) -> &'static Handler {
    struct Context(UnsafeCell<u32>);
    // SAFETY: the cell is loom's, which reports any two accesses that are not ordered.
    unsafe impl Sync for Context {}
    impl Context {
        fn number(&self) -> u32 {
            // SAFETY: loom reports a write that is not ordered with this read.
            self.0.with(|number| unsafe { *number })
        }
    }
    let context = Context(UnsafeCell::new(0));
    // SAFETY: this thread has not shared the cell yet.
    context.0.with_mut(|place| unsafe { *place = number });
    Box::leak(Box::new(Handler::new(Box::leak(Box::new(move |_: &Raised| {
        RAN.set(context.number());
    })))))
}

mod raise {
    use super::*;

    #[test]
    fn raise_during_dispatch_is_delivered_once() {
        model(None, || {
            let shared = plain::<1, 0>();
            let raiser = spawn(&shared, |shared| {
                shared.work(0);
                shared.table.raise(LINE).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut count = 0;
            if let Some(delivery) = dispatcher.try_wait(ALL) {
                assert_eq!(shared.saw(0), 1);
                count += delivery.count;
            }
            raiser.join().unwrap();
            count += drain(&mut dispatcher).iter().map(|delivery| delivery.count).sum::<u64>();
            assert_eq!(count, 1);
        });
    }

    #[test]
    fn coalesced_raises_publish_both_raisers_writes() {
        model(Some(3), || {
            let shared = plain::<1, 0>();
            let raisers = [0, 1].map(|which| {
                spawn(&shared, move |shared| {
                    shared.work(which);
                    shared.table.raise(LINE).unwrap();
                })
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut count = 0;
            for _ in 0..2 {
                count += dispatcher.try_wait(ALL).map_or(0, |delivery| delivery.count);
                if count == 2 {
                    assert_eq!((shared.saw(0), shared.saw(1)), (1, 1));
                }
            }
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            count += drain(&mut dispatcher).iter().map(|delivery| delivery.count).sum::<u64>();
            assert_eq!(count, 2);
        });
    }

    #[test]
    fn wrapping_count_keeps_raises_and_their_writes() {
        model(Some(3), || {
            let before = u64::from(u32::MAX);
            let shared = Shared::of(Table::<1, 0, Spin>::starting_at(0, u32::MAX));
            let raisers = [0, 1].map(|which| {
                spawn(&shared, move |shared| {
                    shared.work(which);
                    shared.table.raise(LINE).unwrap();
                })
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut count = 0;
            for _ in 0..2 {
                count += dispatcher.try_wait(ALL).map_or(0, |delivery| delivery.count);
                if count == before + 2 {
                    assert_eq!((shared.saw(0), shared.saw(1)), (1, 1));
                }
            }
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            count += drain(&mut dispatcher).iter().map(|delivery| delivery.count).sum::<u64>();
            assert_eq!(count, before + 2);
        });
    }

    #[test]
    fn concurrent_raises_of_two_lines_are_both_seen() {
        model(Some(3), || {
            let shared = plain::<2, 0>();
            let raisers =
                [0, 1].map(|line| spawn(&shared, move |shared| shared.table.raise(line).unwrap()));
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen = drain(&mut dispatcher);
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            seen.extend(drain(&mut dispatcher));
            seen.sort_by_key(|delivery| delivery.line);
            assert!(
                seen.iter().map(|delivery| (delivery.line, delivery.count)).eq([(0, 1), (1, 1)])
            );
        });
    }
}

mod raise_with {
    use super::*;

    #[test]
    fn payload_arrives_whole_with_earlier_writes() {
        model(None, || {
            let shared = plain::<1, 1>();
            let raiser = spawn(&shared, |shared| {
                shared.work(0);
                shared.table.raise_with(LINE, Payload { sender: 8, ..Payload::new(7) }).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.try_wait(ALL);
            if let Some(delivery) = early {
                assert_eq!(delivery.payload, Some(Payload { sender: 8, ..Payload::new(7) }));
                assert_eq!(shared.saw(0), 1);
            }
            raiser.join().unwrap();
            assert_eq!(early.is_some() as usize + drain(&mut dispatcher).len(), 1);
        });
    }

    /// Each raiser's payloads come in its order; none is lost, and none comes twice.
    #[test]
    fn two_raisers_keep_their_order_and_lose_nothing() {
        model(Some(3), || {
            let shared = plain::<1, 4>();
            let raisers = [10, 20].map(|first| {
                spawn(&shared, move |shared| {
                    for value in [first, first + 1] {
                        shared.table.raise_with(LINE, Payload::new(value)).unwrap();
                    }
                })
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen = drain(&mut dispatcher);
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            seen.extend(drain(&mut dispatcher));
            let values: Vec<_> = seen.iter().map(value).collect();
            assert_eq!(values.len(), 4, "{values:?}");
            for first in [10, 20] {
                let own = values.iter().filter(|value| **value / 10 == first / 10);
                assert!(own.eq(&[first, first + 1]), "{values:?}");
            }
        });
    }

    /// The raiser gets a refused payload back, and the dispatcher delivers every accepted one.
    #[test]
    fn full_queue_delivers_exactly_what_it_accepted() {
        model(Some(3), || {
            let shared = plain::<1, 1>();
            let raise = |value: usize| {
                move |shared: &Shared<1, 1, Spin>| {
                    let payload = Payload::new(value);
                    match shared.table.raise_with(LINE, payload) {
                        Ok(()) => shared.work(value),
                        Err(error) => assert_eq!(error, RaiseError::Full(payload)),
                    }
                }
            };
            let raisers = [spawn(&shared, raise(0)), spawn(&shared, raise(1))];
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen = drain(&mut dispatcher);
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            seen.extend(drain(&mut dispatcher));
            let mut values: Vec<_> = seen.iter().map(value).collect();
            values.sort();
            let accepted: Vec<_> = (0..2).filter(|which| shared.saw(*which) == 1).collect();
            assert_eq!(values, accepted);
            assert!(!values.is_empty());
            // The delivered payload's slot is free again, and there is no other slot.
            assert_eq!(shared.table.raise_with(LINE, Payload::new(9)), Ok(()));
            assert!(shared.table.raise_with(LINE, Payload::new(9)).is_err());
        });
    }

    /// The raisers go around the queue while the dispatcher drains it. They must not overwrite a
    /// slot that the dispatcher has not read.
    #[test]
    fn slot_is_reused_only_after_it_was_read() {
        model(Some(3), || {
            let shared = plain::<1, 1>();
            let raiser = spawn(&shared, |shared| {
                for value in 0..2 {
                    while shared.table.raise_with(LINE, Payload::new(value)).is_err() {
                        thread::yield_now();
                    }
                }
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            for expected in 0..2 {
                assert_eq!(value(&dispatcher.wait(ALL).unwrap()), expected);
            }
            raiser.join().unwrap();
            assert_eq!(dispatcher.try_wait(ALL), None);
        });
    }

    /// One raiser may find the slot free and another raiser may take its ticket. The second one
    /// learns only through the ticket counter that the slot was read.
    #[test]
    fn slot_freed_for_another_raiser_was_read_too() {
        model(Some(4), || {
            let shared = plain::<1, 2>();
            // The raise fails if no slot is free. In the end, the free slot is the one that was
            // popped.
            let raise = |shared: &Shared<1, 2, Spin>, which: usize, value: usize| {
                if shared.table.raise_with(LINE, Payload::new(value)).is_ok() {
                    shared.work(which);
                }
            };
            let suspended = spawn(&shared, move |shared| raise(shared, 0, 10));
            let busy = spawn(&shared, move |shared| {
                raise(shared, 1, 20);
                raise(shared, 1, 21);
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen: Vec<_> = dispatcher.try_wait(ALL).into_iter().collect();
            suspended.join().unwrap();
            busy.join().unwrap();
            seen.extend(drain(&mut dispatcher));
            let of = |raiser: usize| seen.iter().filter(|d| value(d) / 10 == raiser).count() as u32;
            assert_eq!((of(1), of(2)), (shared.saw(0), shared.saw(1)));
        });
    }

    #[test]
    fn tickets_wrap_between_two_raisers() {
        model(Some(3), || {
            let shared = Shared::of(Table::<1, 2, Spin>::starting_at(u32::MAX, 0));
            let raisers = [1, 2].map(|value| {
                spawn(&shared, move |shared| {
                    shared.table.raise_with(LINE, Payload::new(value)).unwrap();
                })
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen = drain(&mut dispatcher);
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            seen.extend(drain(&mut dispatcher));
            let mut values: Vec<_> = seen.iter().map(value).collect();
            values.sort();
            assert_eq!(values, [1, 2]);
        });
    }

    #[test]
    fn plain_raise_and_payload_are_both_delivered() {
        model(Some(3), || {
            let shared = plain::<1, 1>();
            let plainly = spawn(&shared, |shared| shared.table.raise(LINE).unwrap());
            let queued = spawn(&shared, |shared| {
                shared.table.raise_with(LINE, Payload::new(1)).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut seen = drain(&mut dispatcher);
            plainly.join().unwrap();
            queued.join().unwrap();
            seen.extend(drain(&mut dispatcher));
            assert_eq!(seen.len(), 2);
            assert_eq!(seen.iter().filter(|delivery| delivery.payload.is_some()).count(), 1);
        });
    }
}

mod mask {
    use super::*;

    #[test]
    fn raise_during_mask_waits_for_the_unmask() {
        model(None, || {
            let shared = plain::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            let raiser = spawn(&shared, |shared| shared.table.raise(LINE).unwrap());
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.dispatch();
            shared.table.mask(ALL);
            // The line is masked: its handler does not run from here on.
            assert_eq!(dispatcher.dispatch(), 0);
            raiser.join().unwrap();
            assert_eq!(dispatcher.dispatch(), 0);
            shared.table.unmask(ALL);
            assert_eq!(early + dispatcher.dispatch(), 1);
        });
    }

    #[test]
    fn unmask_during_dispatch_publishes_earlier_writes() {
        shows_what_was_done(|shared| shared.table.unmask(ALL));
    }

    #[test]
    fn set_mask_during_dispatch_publishes_earlier_writes() {
        shows_what_was_done(|shared| shared.table.set_mask(SignalSet::empty()));
    }

    fn shows_what_was_done(unmask: fn(&Shared<1, 0, Spin>) -> SignalSet) {
        model(None, move || {
            let shared = plain::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            shared.table.mask(ALL);
            shared.table.raise(LINE).unwrap();
            let keeper = spawn(&shared, move |shared| {
                shared.work(0);
                unmask(shared);
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.dispatch();
            if early == 1 {
                assert_eq!(shared.saw(0), 1);
            }
            keeper.join().unwrap();
            assert_eq!(early + dispatcher.dispatch(), 1);
        });
    }

    /// Masking one line does not change the mask of another line in the same word.
    #[test]
    fn masks_of_two_lines_in_one_word_do_not_interfere() {
        model(None, || {
            let shared = plain::<2, 0>();
            let other = spawn(&shared, |shared| {
                shared.table.mask(SignalSet::line(0));
                shared.table.unmask(SignalSet::line(0));
            });
            shared.table.mask(SignalSet::line(1));
            other.join().unwrap();
            assert_eq!(shared.table.masked(), SignalSet::line(1));
        });
    }
}

mod handler {
    use super::*;

    #[test]
    fn raise_after_set_handler_runs_the_new_handler() {
        model(None, || {
            let shared = plain::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            let changer = spawn(&shared, |shared| {
                shared.table.set_handler(LINE, Some(&SECOND)).unwrap();
                shared.table.raise(LINE).unwrap();
            });
            RAN.set(0);
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.dispatch();
            changer.join().unwrap();
            assert_eq!(early + dispatcher.dispatch(), 1);
            assert_eq!(RAN.get(), 2);
        });
    }

    #[test]
    fn raise_during_set_handler_runs_one_whole_handler() {
        model(None, || {
            let shared = plain::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            shared.table.raise(LINE).unwrap();
            let changer = spawn(&shared, |shared| {
                // The handler is made here and now: the dispatcher that runs it must see its
                // content.
                shared.table.set_handler(LINE, Some(fresh(2))).unwrap();
            });
            RAN.set(0);
            let mut dispatcher = shared.table.dispatcher().unwrap();
            assert_eq!(dispatcher.dispatch(), 1);
            assert!([1, 2].contains(&RAN.get()));
            changer.join().unwrap();
            assert_eq!(dispatcher.dispatch(), 0);
        });
    }

    #[test]
    fn raise_during_handler_removal_is_kept() {
        model(None, || {
            let shared = plain::<1, 1>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            shared.table.raise_with(LINE, Payload::new(1)).unwrap();
            let changer = spawn(&shared, |shared| {
                shared.table.set_handler(LINE, None).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.dispatch();
            changer.join().unwrap();
            assert_eq!(early + drain(&mut dispatcher).len(), 1);
        });
    }

    /// A context that gets a handler back may run it or hand it on.
    #[test]
    fn set_handler_returns_a_whole_previous_handler() {
        model(None, || {
            let shared = plain::<1, 0>();
            shared.table.raise(LINE).unwrap();
            let delivery = shared.table.dispatcher().unwrap().try_wait(ALL).unwrap();
            let other = spawn(&shared, |shared| {
                shared.table.set_handler(LINE, Some(fresh(2))).unwrap();
            });
            RAN.set(0);
            let before = shared.table.set_handler(LINE, None).unwrap();
            if let Some(handler) = before {
                handler.run(&delivery);
                assert_eq!(RAN.get(), 2);
            }
            other.join().unwrap();
            let after = shared.table.set_handler(LINE, None).unwrap();
            assert!(before.is_some() != after.is_some());
        });
    }
}

mod wait {
    use super::*;

    #[test]
    fn raise_while_falling_asleep_wakes() {
        model(None, || {
            let shared = asleep::<1, 0>();
            let raiser = spawn(&shared, |shared| {
                shared.work(0);
                shared.table.raise(LINE).unwrap();
            });
            let delivery = shared.table.dispatcher().unwrap().wait(SignalSet::line(LINE)).unwrap();
            assert_eq!(delivery.count, 1);
            assert_eq!(shared.saw(0), 1);
            raiser.join().unwrap();
        });
    }

    #[test]
    fn payload_while_falling_asleep_wakes_each_time() {
        model(Some(3), || {
            let shared = asleep::<1, 2>();
            let raiser = spawn(&shared, |shared| {
                for value in 0..2 {
                    shared.table.raise_with(LINE, Payload::new(value)).unwrap();
                }
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            for expected in 0..2 {
                assert_eq!(value(&dispatcher.wait(ALL).unwrap()), expected);
            }
            raiser.join().unwrap();
        });
    }

    #[test]
    fn wait_for_two_lines_takes_both_in_any_order() {
        model(Some(2), || {
            let shared = asleep::<3, 0>();
            // Line 2 is not in the set: it wakes the dispatcher, which waits on.
            let raisers = [[2, 0], [2, 1]].map(|lines| {
                spawn(&shared, move |shared| {
                    lines.into_iter().for_each(|line| shared.table.raise(line).unwrap());
                })
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let mut lines = [0, 1].map(|_| dispatcher.wait(SignalSet::of(&[0, 1])).unwrap().line);
            lines.sort();
            assert_eq!(lines, [0, 1]);
            raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
            assert_eq!(dispatcher.wait(ALL).unwrap().count, 2);
        });
    }

    #[test]
    fn deadline_during_a_raise_loses_nothing() {
        model(None, || {
            let shared = asleep::<1, 1>();
            let raiser = spawn(&shared, |shared| {
                shared.table.raise_with(LINE, Payload::new(1)).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let early = dispatcher.wait_deadline(ALL, Some(()));
            raiser.join().unwrap();
            match early {
                Ok(delivery) => assert_eq!(value(&delivery), 1),
                Err(_) => assert_eq!(value(&dispatcher.wait(ALL).unwrap()), 1),
            }
            assert_eq!(dispatcher.wait_deadline(ALL, Some(())), Err(Error::TimedOut));
        });
    }

    #[test]
    fn unmask_while_falling_asleep_wakes() {
        model(Some(3), || {
            let shared = asleep::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            shared.table.mask(ALL);
            let keeper = spawn(&shared, |shared| {
                shared.table.raise(LINE).unwrap();
                shared.table.unmask(ALL);
            });
            assert_eq!(shared.table.dispatcher().unwrap().pause(), Ok(1));
            keeper.join().unwrap();
        });
    }

    #[test]
    fn set_mask_while_falling_asleep_wakes() {
        model(None, || {
            let shared = asleep::<1, 0>();
            shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            shared.table.raise(LINE).unwrap();
            let before = shared.table.mask(ALL);
            let keeper = spawn(&shared, move |shared| {
                shared.table.set_mask(before);
            });
            assert_eq!(shared.table.dispatcher().unwrap().pause(), Ok(1));
            keeper.join().unwrap();
        });
    }

    #[test]
    fn set_handler_while_falling_asleep_wakes() {
        model(None, || {
            let shared = asleep::<1, 0>();
            shared.table.raise(LINE).unwrap();
            let changer = spawn(&shared, |shared| {
                shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            });
            assert_eq!(shared.table.dispatcher().unwrap().pause(), Ok(1));
            changer.join().unwrap();
        });
    }

    /// One side raises and ends the dispatcher, while the other side waits for both.
    fn raise_and_end<W: Wait + Send + Sync + 'static>(shared: Arc<Shared<1, 0, W>>) {
        let mut dispatcher = shared.table.dispatcher().unwrap();
        let ender = spawn(&shared, |shared| {
            shared.table.raise(LINE).unwrap();
            assert!(shared.table.end_dispatcher());
        });
        assert_eq!(dispatcher.wait(ALL).map(|raised| raised.count), Ok(1));
        assert_eq!(dispatcher.wait(ALL), Err(Error::Closed));
        ender.join().unwrap();
    }

    #[test]
    fn end_while_falling_asleep_wakes_after_the_raises() {
        model(None, || raise_and_end(asleep()));
    }

    /// Nobody sleeps, so that no doorbell's fence orders the raise before the end.
    #[test]
    fn a_spinning_dispatcher_gets_raises_before_the_end() {
        model(None, || raise_and_end(plain()));
    }

    #[test]
    fn raise_during_poll_wakes_the_task() {
        model(Some(3), || {
            let shared = Shared::of(Table::<1, 0, Async<Spin>>::new());
            let raiser = spawn(&shared, |shared| {
                shared.work(0);
                shared.table.raise(LINE).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            let delivery = Task::new().block_on(|cx| dispatcher.poll_wait(cx, ALL)).unwrap();
            assert_eq!(delivery.count, 1);
            assert_eq!(shared.saw(0), 1);
            raiser.join().unwrap();
        });
    }

    #[test]
    fn set_handler_during_poll_wakes_the_task() {
        model(Some(3), || {
            let shared = Shared::of(Table::<1, 0, Async<Spin>>::new());
            shared.table.raise(LINE).unwrap();
            let changer = spawn(&shared, |shared| {
                shared.table.set_handler(LINE, Some(&FIRST)).unwrap();
            });
            let mut dispatcher = shared.table.dispatcher().unwrap();
            assert_eq!(Task::new().block_on(|cx| dispatcher.poll_pause(cx)), Ok(1));
            changer.join().unwrap();
        });
    }
}

mod dispatcher {
    use super::*;

    /// The next dispatcher continues where the previous one stopped.
    #[test]
    fn next_dispatcher_continues_with_each_payload_once() {
        model(None, || {
            let shared = plain::<1, 2>();
            for value in 0..2 {
                shared.table.raise_with(LINE, Payload::new(value)).unwrap();
            }
            let taken = Arc::new(AtomicU32::new(0));
            let other = {
                let (shared, taken) = (shared.clone(), taken.clone());
                thread::spawn(move || {
                    let delivery = shared.table.dispatcher().and_then(|mut d| d.try_wait(ALL));
                    if let Some(delivery) = delivery {
                        taken.store(1 + value(&delivery) as u32, Ordering::Relaxed);
                    }
                })
            };
            let mine = shared.table.dispatcher().and_then(|mut d| d.try_wait(ALL));
            other.join().unwrap();
            let mut values: Vec<_> = mine.iter().map(value).collect();
            values.extend(taken.load(Ordering::Relaxed).checked_sub(1).map(|value| value as usize));
            values.extend(drain(&mut shared.table.dispatcher().unwrap()).iter().map(value));
            values.sort();
            assert_eq!(values, [0, 1]);
        });
    }
}
