use super::*;
use crate::Error;
use crate::scaled::scaled;
use crate::wait::{Async, Clock, Nobody, Spin, SpinClock};
use core::any::Any;
use core::ptr;
use core::task::{Context, Poll};
use std::boxed::Box;
use std::format;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::task::{Wake, Waker};
use std::vec::Vec;

/// Keeps a value for ever, where a search for leaks finds it.
fn keep<T: Send + Sync>(value: T) -> &'static T {
    static KEPT: Mutex<Vec<&'static (dyn Any + Send + Sync)>> = Mutex::new(Vec::new());
    let value: &'static T = Box::leak(Box::new(value));
    KEPT.lock().unwrap().push(value);
    value
}

/// A handler that records its deliveries. Kept, because handlers live for ever.
fn recorder() -> (&'static Handler, &'static Mutex<Vec<Raised>>) {
    let seen = keep(Mutex::new(Vec::new()));
    let run = keep(|delivery: &Raised| seen.lock().unwrap().push(*delivery));
    (keep(Handler::new(run)), seen)
}

fn lines_of(seen: &Mutex<Vec<Raised>>) -> Vec<u32> {
    seen.lock().unwrap().iter().map(|delivery| delivery.line).collect()
}

fn values_of(seen: &Mutex<Vec<Raised>>) -> Vec<usize> {
    seen.lock().unwrap().iter().filter_map(|d| Some(d.payload?.value)).collect()
}

mod set {
    use super::*;

    #[test]
    fn each_line_up_to_63_is_one_bit() {
        for line in 0..64 {
            assert_eq!(SignalSet::line(line).bits(), 1 << line);
            assert!(SignalSet::line(line).lines().eq([line]));
        }
        assert_eq!(SignalSet::line(64), SignalSet::empty());
        assert_eq!(SignalSet::line(u32::MAX), SignalSet::empty());
        assert!(SignalSet::all().lines().eq(0..64));
        assert_eq!(SignalSet::all().lines().len(), 64);
        assert_eq!(SignalSet::empty().lines().next(), None);
    }

    #[test]
    fn set_collects_lines_and_shows_them() {
        let set: SignalSet = [5, 0, 63, 200, 5].into_iter().collect();
        assert_eq!(set, SignalSet::of(&[0, 5, 63]));
        assert_eq!(format!("{set:?}"), "{0, 5, 63}");
        assert_eq!(!set & SignalSet::of(&[0, 1]), SignalSet::line(1));
    }
}

mod raising {
    use super::*;

    #[test]
    fn line_out_of_range_gives_the_payload_back() {
        let table = <Table<3, 1>>::new();
        let error = Error::NoSuchLine { lines: 3 };
        assert_eq!(table.raise(3), Err(error));
        assert_eq!(table.raise(u32::MAX), Err(error));
        let payload = Payload::new(9);
        let refused = RaiseError::NoSuchLine { lines: 3, payload };
        assert_eq!(table.raise_with(3, payload), Err(refused));
        assert_eq!((refused.payload(), Error::from(refused)), (payload, error));
        assert_eq!(format!("{refused}"), format!("{error}"));
        assert_eq!(table.set_handler(3, None).err(), Some(error));
        assert_eq!(table.set_priority(3, 1), Err(error));
        assert!(table.pending().is_empty());
        assert_eq!(format!("{error}"), "there is no such line: the table has 3, counted from 0");
    }

    #[test]
    fn plain_raises_coalesce_and_are_counted_exactly() {
        let table = <Table<40, 0>>::new();
        for _ in 0..scaled(1000) {
            table.raise(39).unwrap();
        }
        table.raise(0).unwrap();
        assert_eq!(table.pending(), SignalSet::of(&[0, 39]));
        let mut dispatcher = table.dispatcher().unwrap();
        let delivery = dispatcher.try_wait(SignalSet::line(39)).unwrap();
        assert_eq!(delivery, Raised { line: 39, count: scaled(1000) as u64, payload: None });
        assert_eq!(table.pending(), SignalSet::line(0));
        assert_eq!(dispatcher.try_wait(SignalSet::line(39)), None);
    }

    #[test]
    fn count_is_exact_when_its_word_wraps() {
        let table = Table::<1, 0>::starting_at(0, u32::MAX - 1);
        for _ in 0..3 {
            table.raise(0).unwrap();
        }
        let mut dispatcher = table.dispatcher().unwrap();
        let delivery = dispatcher.try_wait(SignalSet::all()).unwrap();
        assert_eq!(delivery.count, u64::from(u32::MAX) - 1 + 3);
        table.raise(0).unwrap();
        assert_eq!(dispatcher.try_wait(SignalSet::all()).unwrap().count, 1);
    }

    #[test]
    fn payloads_keep_order_and_a_full_queue_refuses() {
        let table = <Table<2, 4>>::new();
        let mut dispatcher = table.dispatcher().unwrap();
        let mut next = 0;
        let mut expected = 0;
        // Go around the queue several times; fill and empty it by different amounts.
        for lap in 0..scaled(20) {
            while table.raise_with(1, Payload::new(next)).is_ok() {
                next += 1;
            }
            assert_eq!(next - expected, 4);
            let full = table.raise_with(1, Payload::new(next));
            assert_eq!(full, Err(RaiseError::Full(Payload::new(next))));
            for _ in 0..=lap % 4 {
                let delivery = dispatcher.try_wait(SignalSet::line(1)).unwrap();
                assert_eq!(delivery.count, 1);
                assert_eq!(delivery.payload, Some(Payload::new(expected)));
                expected += 1;
            }
        }
    }

    #[test]
    fn full_queue_leaves_other_lines_room() {
        let table = <Table<2, 1>>::new();
        table.raise_with(0, Payload::new(1)).unwrap();
        assert!(table.raise_with(0, Payload::new(2)).is_err());
        assert!(table.raise_with(1, Payload::new(3)).is_ok());
    }

    #[test]
    fn queue_works_when_its_tickets_wrap() {
        for start in [u32::MAX - 2, u32::MAX - 1, u32::MAX] {
            let table = Table::<1, 2>::starting_at(start, 0);
            let mut dispatcher = table.dispatcher().unwrap();
            assert_eq!(dispatcher.try_wait(SignalSet::all()), None);
            for value in 0..6 {
                table.raise_with(0, Payload::new(value)).unwrap();
                let delivery = dispatcher.try_wait(SignalSet::all()).unwrap();
                assert_eq!(delivery.payload, Some(Payload::new(value)));
                assert_eq!(dispatcher.try_wait(SignalSet::all()), None);
            }
        }
    }

    #[test]
    fn raise_with_is_full_at_depth_zero() {
        let table = <Table<1, 0>>::new();
        let payload = Payload::new(1);
        assert_eq!(table.raise_with(0, payload), Err(RaiseError::Full(payload)));
        assert!(table.pending().is_empty());
    }

    #[test]
    fn plain_raises_come_before_payloads_of_their_line() {
        let table = <Table<1, 2>>::new();
        table.raise_with(0, Payload::new(7)).unwrap();
        table.raise(0).unwrap();
        table.raise_with(0, Payload::new(8)).unwrap();
        table.raise(0).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        let mut next = || dispatcher.try_wait(SignalSet::all());
        assert_eq!(next(), Some(Raised { line: 0, count: 2, payload: None }));
        assert_eq!(next().unwrap().payload, Some(Payload::new(7)));
        assert_eq!(next().unwrap().payload, Some(Payload::new(8)));
        assert_eq!(next(), None);
    }
}

mod dispatching {
    use super::*;

    #[test]
    fn second_dispatcher_is_refused_until_first_drops() {
        static TABLE: Table<1, 2> = Table::new();
        let dispatcher = TABLE.dispatcher().unwrap();
        assert!(TABLE.dispatcher().is_none());
        drop(dispatcher);
        TABLE.raise_with(0, Payload::new(1)).unwrap();
        TABLE.raise_with(0, Payload::new(2)).unwrap();
        let first = TABLE.dispatcher().unwrap().try_wait(SignalSet::all()).unwrap();
        let second = TABLE.dispatcher().unwrap().try_wait(SignalSet::all()).unwrap();
        assert_eq!([first, second].map(|d| d.payload.unwrap().value), [1, 2]);
    }

    #[test]
    fn higher_priority_is_first_and_equals_take_turns() {
        let table = <Table<64, 0>>::new();
        let (handler, seen) = recorder();
        for line in [3, 9, 33, 63] {
            table.set_handler(line, Some(handler)).unwrap();
        }
        assert_eq!(table.set_priority(33, 7), Ok(0));
        assert_eq!(table.set_priority(33, 200), Ok(7));
        let mut dispatcher = table.dispatcher().unwrap();
        for _ in 0..2 {
            for line in [3, 9, 33, 63] {
                table.raise(line).unwrap();
            }
            assert_eq!(dispatcher.dispatch_one().unwrap().line, 33);
            assert_eq!(dispatcher.dispatch(), 3);
        }
        // Line 33 has the highest priority. Lines 63, 3 and 9 take turns, starting after the last
        // one delivered.
        assert_eq!(lines_of(seen), [33, 63, 3, 9, 33, 63, 3, 9]);
    }

    #[test]
    fn line_that_raises_itself_starves_no_equal() {
        static TABLE: Table<3, 0> = Table::new();
        static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
        static NOISY: Handler = Handler::new(&|delivery: &Raised| {
            SEEN.lock().unwrap().push(delivery.line);
            TABLE.raise(delivery.line).unwrap();
        });
        for line in 0..3 {
            TABLE.set_handler(line, Some(&NOISY)).unwrap();
            TABLE.raise(line).unwrap();
        }
        assert_eq!(TABLE.dispatcher().unwrap().dispatch(), 3);
        assert_eq!(*SEEN.lock().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn raise_in_a_handler_runs_by_its_priority() {
        static TABLE: Table<3, 0> = Table::new();
        static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
        static HANDLER: Handler = Handler::new(&|delivery: &Raised| {
            SEEN.lock().unwrap().push(delivery.line);
            if delivery.line == 0 {
                TABLE.raise(2).unwrap();
            }
        });
        for line in 0..3 {
            TABLE.set_handler(line, Some(&HANDLER)).unwrap();
        }
        TABLE.set_priority(2, 1).unwrap();
        TABLE.raise(0).unwrap();
        TABLE.raise(1).unwrap();
        TABLE.dispatcher().unwrap().dispatch();
        assert_eq!(*SEEN.lock().unwrap(), [0, 2, 1]);
    }

    #[test]
    fn one_dispatch_delivers_a_full_table() {
        let table = <Table<2, 4>>::new();
        let (handler, seen) = recorder();
        for line in 0..2 {
            table.set_handler(line, Some(handler)).unwrap();
            table.raise(line).unwrap();
            (0..4).for_each(|value| table.raise_with(line, Payload::new(value)).unwrap());
        }
        assert_eq!(table.dispatcher().unwrap().dispatch(), 10);
        assert!(table.pending().is_empty());
        assert_eq!(values_of(seen).len(), 8);
    }

    #[test]
    fn masked_line_stays_pending_until_unmasked() {
        let table = <Table<64, 1>>::new();
        let (handler, seen) = recorder();
        for line in [5, 50] {
            table.set_handler(line, Some(handler)).unwrap();
        }
        assert_eq!(table.mask(SignalSet::of(&[5, 50])), SignalSet::empty());
        assert_eq!(table.mask(SignalSet::line(5)), SignalSet::of(&[5, 50]));
        table.raise(5).unwrap();
        table.raise_with(50, Payload::new(1)).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        assert_eq!(dispatcher.dispatch(), 0);
        assert_eq!(table.pending(), SignalSet::of(&[5, 50]));
        assert_eq!(table.unmask(SignalSet::line(50)), SignalSet::of(&[5, 50]));
        assert_eq!(dispatcher.dispatch(), 1);
        assert_eq!(table.set_mask(SignalSet::line(63)), SignalSet::line(5));
        assert_eq!(table.masked(), SignalSet::line(63));
        assert_eq!(dispatcher.dispatch(), 1);
        assert_eq!(lines_of(seen), [50, 5]);
    }

    #[test]
    fn line_without_a_handler_keeps_its_raises() {
        let table = <Table<2, 1>>::new();
        let (handler, seen) = recorder();
        table.set_priority(0, 9).unwrap();
        table.set_handler(1, Some(handler)).unwrap();
        table.raise(0).unwrap();
        table.raise(1).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        assert_eq!(dispatcher.dispatch(), 1);
        assert_eq!(table.pending(), SignalSet::line(0));
        table.raise(0).unwrap();
        assert!(table.set_handler(0, Some(handler)).unwrap().is_none());
        assert_eq!(dispatcher.dispatch(), 1);
        assert_eq!(seen.lock().unwrap().last().map(|d| (d.line, d.count)), Some((0, 2)));
    }

    #[test]
    fn set_handler_returns_the_previous_handler() {
        let table = <Table<1, 0>>::new();
        let (first, heard_first) = recorder();
        let (second, heard_second) = recorder();
        table.set_handler(0, Some(first)).unwrap();
        table.raise(0).unwrap();
        let before = table.set_handler(0, Some(second)).unwrap().unwrap();
        assert!(ptr::eq(before, first));
        table.dispatcher().unwrap().dispatch();
        assert_eq!((lines_of(heard_first).len(), lines_of(heard_second).len()), (0, 1));
        assert!(ptr::eq(table.set_handler(0, None).unwrap().unwrap(), second));
    }

    #[test]
    fn handlers_run_where_nobody_sleeps() {
        let table = Table::<2, 0, Nobody>::new();
        let (handler, seen) = recorder();
        table.set_handler(1, Some(handler)).unwrap();
        table.raise(1).unwrap();
        assert_eq!(table.dispatcher().unwrap().dispatch(), 1);
        assert_eq!(lines_of(seen), [1]);
    }

    #[test]
    fn panicking_handler_loses_only_its_own_delivery() {
        let table = <Table<2, 0>>::new();
        let (handler, seen) = recorder();
        static PANICS: Handler = Handler::new(&|_: &Raised| panic!("on purpose"));
        table.set_handler(0, Some(&PANICS)).unwrap();
        table.set_handler(1, Some(handler)).unwrap();
        table.raise(0).unwrap();
        table.raise(1).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        let caught = std::panic::AssertUnwindSafe(|| dispatcher.dispatch());
        assert!(std::panic::catch_unwind(caught).is_err());
        assert_eq!(dispatcher.dispatch(), 1);
        assert_eq!(lines_of(seen), [1]);
    }
}

mod waiting {
    use super::*;

    #[test]
    fn wait_takes_a_line_without_running_its_handler() {
        let table = <Table<4, 1>>::new();
        let (handler, seen) = recorder();
        table.set_handler(2, Some(handler)).unwrap();
        table.mask(SignalSet::line(2));
        table.raise(1).unwrap();
        table.raise_with(2, Payload::new(5)).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        assert_eq!(dispatcher.wait(SignalSet::of(&[2, 3])).unwrap().payload, Some(Payload::new(5)));
        assert!(seen.lock().unwrap().is_empty());
        assert_eq!(table.pending(), SignalSet::line(1));
    }

    #[test]
    fn deadline_ends_the_wait_and_loses_nothing() {
        static NOW: AtomicU64 = AtomicU64::new(0);
        struct Ticks;
        impl Clock for Ticks {
            fn now() -> u64 {
                NOW.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            }
        }
        let table = Table::<4, 0, SpinClock<Ticks>>::new();
        let mut dispatcher = table.dispatcher().unwrap();
        table.raise(1).unwrap();
        assert_eq!(dispatcher.wait_deadline(SignalSet::line(2), Some(10)), Err(Error::TimedOut));
        // The line has no handler, so there is nothing to run.
        assert_eq!(dispatcher.pause_deadline(Some(20)), Err(Error::TimedOut));
        // A deadline in the past makes this a plain check.
        assert_eq!(dispatcher.wait_deadline(SignalSet::line(1), Some(0)).map(|d| d.line), Ok(1));
        let (handler, _) = recorder();
        table.set_handler(3, Some(handler)).unwrap();
        table.raise(3).unwrap();
        assert_eq!(dispatcher.pause_deadline(Some(0)), Ok(1));
    }

    #[test]
    fn end_comes_after_pending_raises_and_only_once() {
        let table = Table::<2, 1>::new();
        assert!(!table.end_dispatcher(), "there is none");
        let (handler, seen) = recorder();
        table.set_handler(0, Some(handler)).unwrap();
        let mut dispatcher = table.dispatcher().unwrap();
        table.raise(0).unwrap();
        table.raise(1).unwrap();
        assert!(table.end_dispatcher());
        assert!(!table.end_dispatcher(), "it was ended before");
        assert!(table.dispatcher().is_none(), "it is still there");
        assert_eq!(dispatcher.pause(), Ok(1));
        assert_eq!(lines_of(seen), [0]);
        assert_eq!(dispatcher.pause(), Err(Error::Closed));
        assert_eq!(dispatcher.wait(SignalSet::all()).map(|raised| raised.line), Ok(1));
        assert_eq!(dispatcher.wait(SignalSet::all()), Err(Error::Closed));
        assert_eq!(dispatcher.wait_deadline(SignalSet::all(), None), Err(Error::Closed));
        drop(dispatcher);
        table.raise(0).unwrap();
        assert_eq!(table.dispatcher().unwrap().pause_deadline(None), Ok(1));
    }

    #[test]
    fn end_dispatcher_wakes_a_waiting_task() {
        let table = Table::<1, 0, Async>::new();
        let mut dispatcher = table.dispatcher().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut pause = std::pin::pin!(dispatcher.pause_async());
        assert!(pause.as_mut().poll(&mut cx).is_pending());
        assert!(table.end_dispatcher());
        assert_eq!(pause.as_mut().poll(&mut cx), Poll::Ready(Err(Error::Closed)));
    }

    #[test]
    fn raise_unmask_and_set_handler_wake_a_task() {
        struct Count(AtomicU64);
        impl Wake for Count {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let count = std::sync::Arc::new(Count(AtomicU64::new(0)));
        let waker = Waker::from(count.clone());
        let woken = || count.0.swap(0, std::sync::atomic::Ordering::Relaxed);
        let mut cx = Context::from_waker(&waker);

        let table = Table::<4, 0, Async<Spin>>::new();
        let (handler, _) = recorder();
        let mut dispatcher = table.dispatcher().unwrap();
        assert!(dispatcher.poll_wait(&mut cx, SignalSet::line(1)).is_pending());
        table.raise(1).unwrap();
        assert_eq!(woken(), 1);
        assert!(dispatcher.poll_wait(&mut cx, SignalSet::line(1)).is_ready());

        table.mask(SignalSet::line(2));
        table.raise(2).unwrap();
        assert!(dispatcher.poll_pause(&mut cx).is_pending());
        table.unmask(SignalSet::line(2));
        assert_eq!(woken(), 1);
        assert!(dispatcher.poll_pause(&mut cx).is_pending());
        table.set_handler(2, Some(handler)).unwrap();
        assert_eq!(woken(), 1);
        assert_eq!(dispatcher.poll_pause(&mut cx), Poll::Ready(Ok(1)));
    }
}

#[test]
fn concurrent_raisers_keep_order_and_lose_nothing() {
    const RAISERS: usize = 3;
    const EACH: usize = scaled(4_000);
    static TABLE: Table<2, 8> = Table::new();
    std::thread::scope(|s| {
        for raiser in 0..RAISERS {
            s.spawn(move || {
                for value in 0..EACH {
                    TABLE.raise(0).unwrap();
                    let payload = Payload { sender: raiser as u32, ..Payload::new(value) };
                    while TABLE.raise_with(1, payload).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut dispatcher = TABLE.dispatcher().unwrap();
        let (mut counted, mut next) = (0, [0; RAISERS]);
        while counted < (RAISERS * EACH) as u64 || next != [EACH; RAISERS] {
            match dispatcher.wait(SignalSet::all()).unwrap() {
                Raised { line: 0, count, payload: None } => counted += count,
                Raised { line: 1, count: 1, payload: Some(payload) } => {
                    let expected = &mut next[payload.sender as usize];
                    assert_eq!(payload.value, *expected);
                    *expected += 1;
                }
                other => panic!("not raised: {other:?}"),
            }
        }
        assert_eq!(counted, (RAISERS * EACH) as u64);
        assert_eq!(dispatcher.try_wait(SignalSet::all()), None);
    });
}
