//! Models of the queue: no value is lost or doubled, each slot has one holder at a time, and no
//! side waits for another.
//!
//! The `try_` forms here never yield. If one waited for another thread, loom would let it turn in
//! its loop until the bound on branches ends the model. So a model that passes shows that they are
//! lock-free, within the bounds. With `--cfg no_cas` each operation is one critical section, and a
//! model shows that nothing between two sections is lost.
#![cfg(loom)]

mod support;

use ringway_core::participant::Participant;
use ringway_core::ring::{PushError, queue::Queue};
use support::sync::Arc;
use support::sync::atomic::{AtomicU32, Ordering};
use support::thread;
use support::{DyingFutex, ModelFutex, model};

type Value = Box<u32>;

/// Pops until there is a value. The test waits here; the queue does not.
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

/// Without compare-and-swap, values of this size are moved between two critical sections.
#[test]
fn large_values_wrap_around() {
    model(Some(2), || {
        let queue = Arc::new(<Queue<[u64; 8], 1>>::new());
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || {
                for value in 1..=2 {
                    while queue.try_push([value; 8]).is_err() {
                        thread::yield_now();
                    }
                }
            })
        };
        for value in 1..=2 {
            let popped = loop {
                match queue.try_pop() {
                    Some(popped) => break popped,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(popped, [value; 8]);
        }
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

/// A producer finds the position for its message, and pauses. Meanwhile another message takes that
/// position, in the slot that the producer takes next, and is popped. A consumer that was about to
/// claim that message must not claim the producer's, which is not sent yet.
#[test]
fn a_reused_slot_is_not_claimed_as_its_old_message() {
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
fn a_claim_given_back_during_a_push_loses_nothing() {
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
fn a_dropped_loan_sends_nothing_and_frees_its_slot() {
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
fn two_recover_the_dead_while_a_third_pushes() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(2), || {
        // Only values that own nothing can be recovered.
        let queue = Arc::new(<Queue<u32, 3>>::new());
        let push = |value| {
            while queue.try_push(value).is_err() {
                thread::yield_now();
            }
        };
        // The dead participant holds one message that it claimed, and one slot that it was filling.
        push(1);
        core::mem::forget(queue.handle(DEAD).try_claim().unwrap());
        core::mem::forget(queue.handle(DEAD).try_reserve().unwrap());
        let recoverer = |number| {
            let queue = queue.clone();
            thread::spawn(move || {
                let me = queue.handle(Participant::new(number).unwrap());
                // SAFETY: nobody acts for the dead participant.
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
fn a_sleeping_push_and_a_sleeping_pop_are_woken() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<Value, 1, ModelFutex>::new());
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
fn a_push_during_close_is_popped_or_refused() {
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
fn a_claim_given_back_after_close_precedes_the_end() {
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
fn finding_all_done_shows_what_was_done() {
    model(None, || {
        let queue = Arc::new(<Queue<Value, 1>>::new());
        let result = Arc::new(support::cell::UnsafeCell::new(0));
        push(&queue, 5);
        let worker = {
            let (queue, result) = (queue.clone(), result.clone());
            thread::spawn(move || {
                let claim = queue.try_claim().expect("it was pushed before");
                // SAFETY: only the worker writes the cell; loom checks that no access races with
                // it.
                result.with_mut(|result| unsafe { *result = **claim });
                claim.complete();
            })
        };
        let waiter = thread::spawn(move || {
            if queue.unfinished() == 0 {
                // SAFETY: the worker's write happens before this read; loom checks that.
                result.with(|result| assert_eq!(unsafe { *result }, 5));
            }
        });
        worker.join().unwrap();
        waiter.join().unwrap();
    });
}

/// A thread pushes before it pops, so that there is always a value for the other one.
#[test]
fn a_queue_that_is_never_empty_is_never_seen_empty() {
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

/// The same where a side learns that a message was claimed from the reuse of its slot.
#[test]
fn reuse_of_a_slot_never_shows_an_empty_queue() {
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

/// A thread pushes behind a message that it may not have seen. Its pop finds that one, or its own.
#[test]
fn a_push_behind_another_finds_a_message() {
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

/// The same where the thread passes over entries that were filled meanwhile. A producer that began
/// a lap ago stores its hint only now, and the entry there leads past all of them.
#[cfg(not(no_cas))] // There are no hints there.
#[test]
fn a_push_past_unread_entries_finds_a_message() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<Value, 3>>::new());
        for value in 1..=3 {
            push(&queue, value);
            assert_eq!(pop(&queue), value);
        }
        queue.store_late_tail_hint();
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

/// A job pushes follow-up jobs, into a slot that a scan reads before the job's own. While one of
/// them is not done, no scan finds all done. `scanner_is_main` says which role the main thread has.
fn jobs_that_lead_to_others(links: u32, scanner_is_main: bool) {
    model(Some(3), move || {
        let queue = Arc::new(<Queue<Value, 2>>::new());
        let done = Arc::new(AtomicU32::new(0));
        // A message goes into the slot of its position's index. So the first job, the third
        // message, goes into slot 1, and its follow-up into slot 0.
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
fn unfinished_counts_a_job_and_its_follow_up() {
    jobs_that_lead_to_others(1, false);
    jobs_that_lead_to_others(1, true);
}

#[test]
fn unfinished_counts_a_job_and_two_follow_ups() {
    jobs_that_lead_to_others(2, false);
}

/// A producer registers before the other one leaves. So there is no moment without a producer
/// before the second has left. A side that sees that moment sees what the second pushed.
#[test]
fn a_handover_between_producers_is_not_the_end() {
    model(Some(3), || {
        let queue = Arc::new(<Queue<u32, 1>>::new());
        let has_left = Arc::new(AtomicU32::new(0));
        // The second producer gets the first word, because the first producer is in the second
        // word.
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
                // SAFETY: nobody acts for participant 2 any more.
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
fn the_last_producers_death_wakes_a_consumer() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<u32, 1, ModelFutex>::new());
        const DEAD: Participant = Participant::new(9).unwrap();
        core::mem::forget(queue.handle(DEAD).producer().unwrap());
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop().is_err())
        };
        // SAFETY: nobody acts for the dead participant.
        unsafe { queue.handle(Participant::new(1).unwrap()).recover(DEAD) };
        assert!(consumer.join().unwrap());
    });
}

/// The count of attempts becomes visible together with the message.
#[test]
fn the_next_claim_sees_the_attempts() {
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
fn close_wakes_a_sleeping_consumer() {
    model(Some(2), || {
        let queue = Arc::new(Queue::<Value, 1, ModelFutex>::new());
        let consumer = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop().is_err())
        };
        queue.close();
        assert!(consumer.join().unwrap());
    });
}

/// The dead participant had cleared the doorbell's bit, so that a ring alone would wake nobody.
#[test]
fn recovery_wakes_a_sleeper_whose_waker_died() {
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
        // SAFETY: nobody acts for the dead participant.
        unsafe { queue.handle(Participant::LOCAL).recover(DEAD) };
        assert_eq!(sleeper.join().unwrap(), 1);
    });
}
