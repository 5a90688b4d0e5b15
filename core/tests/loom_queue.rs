//! Models of the queue: nothing is lost or doubled, each slot has one holder at a time, and nobody
//! waits for anybody.
//!
//! The `try_` forms here never yield. Were one to wait for another thread, loom would let it turn
//! in its loop until the bound on branches ends the model: passing means lock-free, within the
//! bounds.
#![cfg(loom)]

mod support;

use ringway_core::participant::Participant;
use ringway_core::ring::{PushError, queue::Queue};
use support::sync::Arc;
use support::sync::atomic::{AtomicU32, Ordering};
use support::thread;
use support::{DyingFutex, LoomFutex, model};

type Value = Box<u32>;

/// Pops until there is a value: the only waiting here, and it is the test's own.
fn pop<const N: usize>(queue: &Queue<Value, N>) -> u32 {
    loop {
        match queue.try_pop() {
            Some(value) => return *value,
            None => thread::yield_now(),
        }
    }
}

fn push<const N: usize>(queue: &Queue<Value, N>, value: u32) {
    let mut value = Box::new(value);
    while let Err(error) = queue.try_push(value) {
        value = error.into_value();
        thread::yield_now();
    }
}

#[test]
fn one_producer_one_consumer_wrap_around() {
    model(Some(2), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || (1..=3).for_each(|value| push(&queue, value)))
        };
        (1..=3).for_each(|value| assert_eq!(pop(&queue), value));
        assert!(queue.try_pop().is_none());
        producer.join().unwrap();
    });
}

#[test]
fn two_producers_commit_at_once() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        let producers = [1, 2].map(|value| {
            let queue = queue.clone();
            thread::spawn(move || assert!(queue.try_push(Box::new(value)).is_ok()))
        });
        producers.into_iter().for_each(|thread| thread.join().unwrap());
        let mut got = [*queue.try_pop().unwrap(), *queue.try_pop().unwrap()];
        got.sort();
        assert_eq!(got, [1, 2]);
        assert!(queue.try_pop().is_none());
    });
}

#[test]
fn two_producers_compete_for_the_last_slot() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let producers = [1, 2].map(|value| {
            let queue = queue.clone();
            thread::spawn(move || queue.try_push(Box::new(value)).is_ok())
        });
        let pushed = producers.map(|thread| thread.join().unwrap());
        assert_eq!(pushed.iter().filter(|pushed| **pushed).count(), 1);
        let winner = if pushed[0] { 1 } else { 2 };
        assert_eq!(*queue.try_pop().unwrap(), winner);
    });
}

#[test]
fn two_consumers_claim_at_once() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        push(&queue, 1);
        push(&queue, 2);
        let consumers = [(); 2].map(|()| {
            let queue = queue.clone();
            thread::spawn(move || *queue.try_pop().expect("there is one for each"))
        });
        let mut got = consumers.map(|thread| thread.join().unwrap());
        got.sort();
        assert_eq!(got, [1, 2]);
        assert!(queue.try_pop().is_none());
    });
}

#[test]
fn two_consumers_and_a_producer_share_one_slot() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        push(&queue, 1);
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_push(Box::new(2)).is_ok())
        };
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_pop())
        };
        let popped = [queue.try_pop(), consumer.join().unwrap()];
        let pushed = producer.join().unwrap();
        let mut got: Vec<u32> =
            popped.into_iter().chain([queue.try_pop()]).flatten().map(|value| *value).collect();
        got.sort();
        assert_eq!(got, if pushed { &[1, 2][..] } else { &[1] });
    });
}

/// A producer looks where its message comes, and pauses; meanwhile a message comes there, in the
/// slot that it takes next, and is popped. Whoever was about to claim that message must not claim
/// the producer's, which is not sent yet.
#[test]
fn a_slot_that_comes_back_is_not_taken_for_what_it_was() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_push(Box::new(2)).is_ok())
        };
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_pop())
        };
        let first = queue.try_push(Box::new(1)).is_ok();
        let popped = queue.try_pop();
        let second = producer.join().unwrap();
        let popped = [popped, consumer.join().unwrap(), queue.try_pop()];
        let mut got: Vec<u32> = popped.into_iter().flatten().map(|value| *value).collect();
        got.sort();
        let sent = [(first, 1), (second, 2)].into_iter().filter(|(sent, _)| *sent);
        assert!(sent.map(|(_, value)| value).eq(got));
    });
}

#[test]
fn a_claim_that_is_given_back_races_with_a_push() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        push(&queue, 1);
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || push(&queue, 2))
        };
        drop(queue.try_claim().expect("it was pushed before"));
        producer.join().unwrap();
        let mut got = [*queue.try_pop().unwrap(), *queue.try_pop().unwrap()];
        got.sort();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn an_abandoned_loan_is_never_seen_and_its_slot_comes_back() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                if let Ok(mut loan) = queue.try_reserve() {
                    let _ = loan.as_uninit();
                }
            })
        };
        push(&queue, 1);
        assert_eq!(pop(&queue), 1);
        other.join().unwrap();
        assert!(queue.try_pop().is_none());
    });
}

#[test]
fn two_recover_the_dead_while_a_third_works() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(2), || {
        // Recovery is of what owns nothing.
        let queue = Arc::new(<Queue<u32, 3>>::new());
        let push = |value| {
            while queue.try_push(value).is_err() {
                thread::yield_now();
            }
        };
        // One message in its hands, and one slot that it was filling.
        push(1);
        core::mem::forget(queue.handle(DEAD).try_claim().unwrap());
        core::mem::forget(queue.handle(DEAD).try_reserve().unwrap());
        let recoverer = |number| {
            let queue = queue.clone();
            thread::spawn(move || {
                let me = queue.handle(Participant::new(number).unwrap());
                // SAFETY: nobody acts for the dead one.
                unsafe { me.recover(DEAD) }
            })
        };
        let recoverers = [recoverer(1), recoverer(2)];
        push(2);
        let held: usize = recoverers.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(held, 2, "each slot by one of them");
        let mut got = [queue.try_pop().unwrap(), queue.try_pop().unwrap()];
        got.sort();
        assert_eq!(got, [1, 2]);
        assert!(queue.try_pop().is_none());
        (0..3).for_each(|value| assert!(queue.try_push(value).is_ok()));
    });
}

#[test]
fn a_push_and_a_pop_that_sleep_are_woken() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<Value, 1, LoomFutex>::new());
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || (1..=2).for_each(|value| queue.push(Box::new(value)).unwrap()))
        };
        assert_eq!(*queue.pop().unwrap(), 1);
        assert_eq!(*queue.pop().unwrap(), 2);
        producer.join().unwrap();
    });
}

#[test]
fn a_push_that_races_with_the_close_is_popped_before_the_end_or_refused() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || match queue.try_push(Box::new(1)) {
                Ok(()) => true,
                Err(PushError::Closed(value)) => {
                    assert_eq!(*value, 1);
                    false
                }
                Err(error) => panic!("there is room: {error:?}"),
            })
        };
        queue.close();
        let mut got = 0;
        while !queue.has_ended() {
            got += queue.try_pop().map_or(0, |value| *value);
            thread::yield_now();
        }
        assert_eq!(got == 1, producer.join().unwrap());
        assert!(queue.try_pop().is_none(), "nothing comes after the end");
    });
}

#[test]
fn a_claim_given_back_to_a_closed_queue_comes_before_the_end() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        push(&queue, 1);
        let claim = queue.try_claim().unwrap();
        queue.close();
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_pop().map(|value| *value))
        };
        drop(claim);
        let pusher = queue.try_push(Box::new(2));
        assert!(pusher.is_err(), "closed");
        let popped = [other.join().unwrap(), queue.try_pop().map(|value| *value)];
        assert!(popped == [Some(1), None] || popped == [None, Some(1)]);
        assert!(queue.has_ended());
    });
}

#[test]
fn what_was_done_with_a_message_is_seen_by_who_finds_all_done() {
    model(None, || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let result = Arc::new(support::cell::UnsafeCell::new(0));
        push(&queue, 5);
        let worker = {
            let (queue, result) = (queue.clone(), result.clone());
            thread::spawn(move || {
                let claim = queue.try_claim().expect("it was pushed before");
                // SAFETY: loom checks it.
                result.with_mut(|result| unsafe { *result = **claim });
                claim.complete();
            })
        };
        let waiter = thread::spawn(move || {
            if queue.unfinished() == 0 {
                // SAFETY: loom checks it.
                result.with(|result| assert_eq!(unsafe { *result }, 5));
            }
        });
        worker.join().unwrap();
        waiter.join().unwrap();
    });
}

/// One pushes before it pops, so that there is always one for another.
#[test]
fn a_queue_that_always_holds_something_is_never_seen_empty() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        push(&queue, 1);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert!(queue.try_push(Box::new(2)).is_ok());
                assert!(queue.try_pop().is_some());
            })
        };
        let third = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert!(!queue.is_empty());
                assert!(queue.try_pop().is_some());
            })
        };
        other.join().unwrap();
        third.join().unwrap();
    });
}

/// The same where what tells that a message was claimed is that its slot is used for another.
#[test]
fn a_queue_whose_slot_is_used_again_is_never_seen_empty() {
    model(Some(2), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        push(&queue, 1);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert!(queue.try_push(Box::new(2)).is_ok());
                assert!(queue.try_pop().is_some());
                assert!(queue.try_push(Box::new(3)).is_ok());
            })
        };
        let third = {
            let queue = queue.clone();
            thread::spawn(move || assert!(!queue.is_empty()))
        };
        other.join().unwrap();
        third.join().unwrap();
    });
}

/// What it pushed lies behind what it may not have looked at: it comes upon that, or upon its own.
#[test]
fn who_pushed_behind_another_finds_something() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        let other = {
            let queue = queue.clone();
            thread::spawn(move || assert!(queue.try_push(Box::new(1)).is_ok()))
        };
        let third = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert!(queue.try_push(Box::new(2)).is_ok());
                assert!(queue.try_pop().is_some());
            })
        };
        other.join().unwrap();
        third.join().unwrap();
    });
}

/// The same where it passed over places that were filled meanwhile: a producer that began a lap ago
/// noted just now where it had been, and the entry there tells of a place behind all of them.
#[test]
fn who_pushed_behind_places_that_it_passed_over_finds_something() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 3>>::new());
        for value in 1..=3 {
            push(&queue, value);
            assert_eq!(pop(&queue), value);
        }
        queue.note_second_place();
        let other = {
            let queue = queue.clone();
            thread::spawn(move || (4..=5).for_each(|value| push(&queue, value)))
        };
        let third = {
            let queue = queue.clone();
            thread::spawn(move || {
                if queue.try_push(Box::new(6)).is_ok() {
                    assert!(queue.try_pop().is_some());
                }
            })
        };
        other.join().unwrap();
        third.join().unwrap();
    });
}

/// A job that leads to others, in a slot that is looked at before its own. While one of them is not
/// done, nobody is told that all are; each role is the spawned one, and the main one.
fn jobs_that_lead_to_others(links: u32, scanner_is_main: bool) {
    model(Some(3), move || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        let done = Arc::new(AtomicU32::new(0));
        // A message goes into the slot of its position's number: the third, which is the first job,
        // into slot 1, and what it leads to into slot 0.
        for _ in 0..2 {
            push(&queue, 0);
            assert_eq!(pop(&queue), 0);
        }
        push(&queue, links);
        let worker = {
            let (queue, done) = (queue.clone(), done.clone());
            move || {
                for left in (0..=links).rev() {
                    let job = queue.try_claim().expect("there is one that is not done");
                    assert_eq!(**job, left);
                    if left == 0 {
                        done.store(1, Ordering::Relaxed);
                    } else {
                        assert!(queue.try_push(Box::new(left - 1)).is_ok());
                    }
                    job.complete();
                }
            }
        };
        let scanner = move || {
            if queue.unfinished() == 0 {
                assert_eq!(done.load(Ordering::Relaxed), 1);
            }
        };
        if scanner_is_main {
            let worker = thread::spawn(worker);
            scanner();
            worker.join().unwrap();
        } else {
            let scanner = thread::spawn(scanner);
            worker();
            scanner.join().unwrap();
        }
    });
}

#[test]
fn a_job_that_leads_to_another_is_not_done_before_that() {
    jobs_that_lead_to_others(1, false);
    jobs_that_lead_to_others(1, true);
}

#[test]
fn a_job_that_leads_to_another_and_another_is_not_done_before_them() {
    jobs_that_lead_to_others(2, false);
}

/// One registers and tells the other, which leaves: never is there a moment without a producer
/// before the second has left, and what it pushed is seen.
#[test]
fn a_producer_that_hands_over_leaves_no_end_behind() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<u32, 1>>::new());
        let has_left = Arc::new(AtomicU32::new(0));
        // The second comes into the first word, the first is in the second.
        let place = queue.producer().unwrap();
        let dead = queue.handle(Participant::new(2).unwrap());
        let first = dead.producer().unwrap();
        drop(place);
        core::mem::forget(first);
        let others = {
            let (queue, has_left) = (queue.clone(), has_left.clone());
            thread::spawn(move || {
                let mine = queue.handle(Participant::new(3).unwrap());
                let second = mine.producer().unwrap();
                // SAFETY: nobody acts for the first any more.
                unsafe { queue.handle(Participant::LOCAL).recover(Participant::new(2).unwrap()) };
                assert!(second.try_push(1).is_ok());
                has_left.store(1, Ordering::Relaxed);
                drop(second);
            })
        };
        let consumer = {
            let (queue, has_left) = (queue.clone(), has_left.clone());
            thread::spawn(move || {
                if queue.producers_are_gone() {
                    assert_eq!(has_left.load(Ordering::Relaxed), 1);
                    assert!(queue.try_pop().is_some());
                }
            })
        };
        others.join().unwrap();
        consumer.join().unwrap();
    });
}

#[test]
fn a_consumer_that_sleeps_is_told_of_the_last_producers_end() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<u32, 1, LoomFutex>::new());
        const DEAD: Participant = Participant::new(9).unwrap();
        core::mem::forget(queue.handle(DEAD).producer().unwrap());
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop().is_err())
        };
        // SAFETY: nobody acts for it any more.
        unsafe { queue.handle(Participant::new(1).unwrap()).recover(DEAD) };
        assert!(consumer.join().unwrap());
    });
}

/// What is known of the attempts comes along with the message.
#[test]
fn attempts_are_seen_by_whoever_claims_next() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        push(&queue, 1);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || drop(queue.try_claim()))
        };
        let attempts = queue.try_claim().map(|claim| {
            let attempts = claim.attempts();
            claim.complete();
            attempts
        });
        other.join().unwrap();
        match attempts {
            Some(attempts) => assert!(attempts <= 2 && queue.is_empty()),
            None => assert_eq!(queue.try_claim().expect("it came back").attempts(), 2),
        }
    });
}

#[test]
fn one_that_sleeps_is_woken_by_the_close() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<Value, 1, LoomFutex>::new());
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop().is_err())
        };
        queue.close();
        assert!(consumer.join().unwrap());
    });
}

/// The dead one had cleared the doorbell's bit, so that a ring alone would wake nobody.
#[test]
fn who_sleeps_is_woken_though_the_dead_one_took_the_wake_up_along() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(2), || {
        let queue = Arc::new(Queue::<u32, 2, DyingFutex>::new());
        let sleeper = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop().unwrap())
        };
        DyingFutex::set_dies(true);
        queue.handle(DEAD).try_push(1).unwrap();
        DyingFutex::set_dies(false);
        // SAFETY: nobody acts for the dead one.
        unsafe { queue.handle(Participant::LOCAL).recover(DEAD) };
        assert_eq!(sleeper.join().unwrap(), 1);
    });
}
