//! Signals: handlers and wakers that panic.

use super::*;
use ringway_core::signal::{Handler, Payload, Raised, SignalSet, Table};

#[test]
fn panicking_handler_loses_only_its_own_delivery() {
    static BAD: Handler = Handler::new(&|_: &Raised| panic!("a handler"));
    static GOOD_RUNS: AtomicU64 = AtomicU64::new(0);
    static GOOD: Handler = Handler::new(&|_: &Raised| {
        GOOD_RUNS.fetch_add(1, Ordering::SeqCst);
    });
    let table = Table::<4, 2, Async<Spin>>::new();
    table.set_handler(0, Some(&BAD)).unwrap();
    table.set_handler(1, Some(&GOOD)).unwrap();
    table.set_priority(0, 1).unwrap();
    let mut dispatcher = table.dispatcher().unwrap();
    table.raise(0).unwrap();
    table.raise_with(0, Payload::new(5)).unwrap();
    table.raise_with(0, Payload::new(6)).unwrap();
    table.raise(1).unwrap();
    // Each dispatch panics: first for the count, then for each payload.
    (0..3).for_each(|_| panics(|| dispatcher.dispatch()));
    assert_eq!((dispatcher.dispatch(), GOOD_RUNS.load(Ordering::SeqCst)), (1, 1));
    assert!(table.pending().is_empty());
    // A panic that drops the dispatcher does no other harm.
    table.raise(0).unwrap();
    panics(move || dispatcher.dispatch());
    let mut dispatcher = table.dispatcher().expect("it was given back");
    let woken = Arc::new(Woken::default());
    leave(&woken.clone().into(), |cx| dispatcher.poll_pause(cx));
    table.raise(1).unwrap();
    assert!(woken.is_woken());
    assert_eq!(dispatcher.dispatch(), 1);
}

#[test]
fn raise_counts_when_the_dispatcher_waker_panics() {
    let table = Table::<4, 2, Async<Spin>>::new();
    let mut dispatcher = table.dispatcher().unwrap();
    let all = SignalSet::all();
    for _ in 0..5 {
        leave(&panicking_waker(), |cx| dispatcher.poll_wait(cx, all));
        panics(|| table.raise(2));
        table.raise(2).unwrap();
        assert_eq!(dispatcher.try_wait(all).map(|delivery| delivery.count), Some(2));
        leave(&panicking_waker(), |cx| dispatcher.poll_wait(cx, all));
        panics(|| table.raise_with(3, Payload::new(7)));
        let delivery = dispatcher.try_wait(all).unwrap();
        assert_eq!((delivery.line, delivery.payload), (3, Some(Payload::new(7))));
        leave(&panicking_waker(), |cx| dispatcher.poll_wait(cx, all));
        table.mask(SignalSet::line(1));
        panics(|| table.unmask(SignalSet::line(1)));
        assert!(table.masked().is_empty());
        assert_eq!(dispatcher.try_wait(all), None);
    }
}
