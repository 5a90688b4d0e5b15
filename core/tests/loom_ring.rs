//! Models of the ring of values: no value is lost, doubled, reordered or touched by both sides at
//! once, and nobody sleeps for ever.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::{PushError, Ring, RingView};
use ringway_core::wait::Async;
use std::pin::pin;
use support::sync::Arc;
use support::thread;
use support::{DyingFutex, ModelFutex, Place, Task, model};

/// A value that loom watches: its receiver must see what its sender wrote into it.
type Value = Box<u32>;

fn waiting<T, const N: usize>() -> Arc<Ring<T, N, ModelFutex>> {
    Arc::new(Ring::new())
}

fn awaiting<const N: usize>() -> Arc<Ring<Value, N, Async<ModelFutex>>> {
    Arc::new(Ring::new())
}

/// Pops until there is a value.
macro_rules! pop {
    ($consumer:expr) => {
        loop {
            match $consumer.try_pop() {
                Some(value) => break value,
                None => thread::yield_now(),
            }
        }
    };
}

/// Pushes until there is room.
macro_rules! push {
    ($producer:expr, $value:expr) => {{
        let mut value = $value;
        while let Err(full) = $producer.try_push(value) {
            value = full.0;
            thread::yield_now();
        }
    }};
}

mod polled {
    use super::*;

    /// The third thread looks without a half. It must not pair a head with a tail older than the
    /// one it followed, nor a tail with a head older than the one that made room for it.
    #[test]
    fn a_ring_never_empty_is_never_seen_empty() {
        model(Some(3), || {
            let ring = Arc::new(<Ring<Value, 2>>::new());
            push!(ring.producer().unwrap(), Box::new(1));
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    for value in 2..4 {
                        let _ = producer.try_push(Box::new(value));
                    }
                })
            };
            let third = {
                let ring = ring.clone();
                thread::spawn(move || assert!(!ring.is_empty()))
            };
            let mut consumer = ring.consumer().unwrap();
            if consumer.len() == 2 {
                assert!(consumer.try_pop().is_some());
            }
            producer.join().unwrap();
            third.join().unwrap();
        });
    }

    fn passes_in_order<const N: usize>(count: u32) {
        model(Some(3), move || {
            let ring = Arc::new(<Ring<Value, N>>::new());
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    (1..=count).for_each(|value| push!(producer, Box::new(value)));
                })
            };
            let mut consumer = ring.consumer().unwrap();
            (1..=count).for_each(|value| assert_eq!(*pop!(consumer), value));
            assert_eq!(consumer.try_pop(), None);
            producer.join().unwrap();
        });
    }

    #[test]
    fn capacity_one_is_full_or_empty_at_every_step() {
        passes_in_order::<1>(3);
    }

    #[test]
    fn capacity_two_wraps_around() {
        passes_in_order::<2>(5);
    }

    #[test]
    fn capacity_three_wraps_around_without_a_mask() {
        passes_in_order::<3>(4);
    }

    #[test]
    fn chunks_pass_across_the_end_of_the_ring() {
        model(Some(3), || {
            let ring = Arc::new(<Ring<Value, 3>>::new());
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    for pair in [[1, 2], [3, 4]] {
                        loop {
                            if let Ok(mut chunk) = producer.try_reserve(2) {
                                chunk.fill(pair.map(Box::new));
                                assert_eq!(chunk.commit(), 2);
                                break;
                            }
                            thread::yield_now();
                        }
                    }
                })
            };
            let mut consumer = ring.consumer().unwrap();
            for pair in [[1, 2], [3, 4]] {
                loop {
                    if let Ok(chunk) = consumer.try_peek(2) {
                        let (first, second) = chunk.as_slices();
                        assert!(first.iter().chain(second).map(|value| **value).eq(pair));
                        chunk.release(2);
                        break;
                    }
                    thread::yield_now();
                }
            }
            producer.join().unwrap();
        });
    }

    #[test]
    fn an_aborted_chunk_is_never_seen() {
        model(Some(3), || {
            let ring = Arc::new(<Ring<Value, 2>>::new());
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    let mut chunk = producer.try_reserve(2).unwrap();
                    chunk.push(Box::new(7)).unwrap();
                    drop(chunk);
                    push!(producer, Box::new(1));
                })
            };
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(*pop!(consumer), 1);
            producer.join().unwrap();
        });
    }

    #[test]
    fn slices_pass_whole_or_in_part() {
        model(Some(3), || {
            let ring = Arc::new(<Ring<u32, 2>>::new());
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    let mut left: &[u32] = &[1, 2, 3];
                    while !left.is_empty() {
                        left = &left[producer.try_push_slice(left)..];
                        thread::yield_now();
                    }
                })
            };
            let mut consumer = ring.consumer().unwrap();
            let (mut out, mut done) = ([0; 3], 0);
            while done < 3 {
                done += consumer.try_pop_slice(&mut out[done..]);
                thread::yield_now();
            }
            assert_eq!(out, [1, 2, 3]);
            producer.join().unwrap();
        });
    }

    #[test]
    fn the_producers_half_moves_between_threads() {
        model(Some(2), || {
            let ring = Arc::new(<Ring<Value, 2>>::new());
            let threads = [10, 20].map(|value| {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = loop {
                        match ring.producer() {
                            Some(half) => break half,
                            None => thread::yield_now(),
                        }
                    };
                    push!(producer, Box::new(value));
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let mut consumer = ring.consumer().unwrap();
            let sum = *consumer.try_pop().unwrap() + *consumer.try_pop().unwrap();
            assert_eq!(sum, 30, "neither wrote over the other's slot");
        });
    }

    #[test]
    fn the_consumers_half_moves_between_threads() {
        model(Some(2), || {
            let ring = Arc::new(<Ring<Value, 2>>::new());
            let mut producer = ring.producer().unwrap();
            push!(producer, Box::new(10));
            push!(producer, Box::new(20));
            let threads = [(); 2].map(|()| {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut consumer = loop {
                        match ring.consumer() {
                            Some(half) => break half,
                            None => thread::yield_now(),
                        }
                    };
                    *consumer.try_pop().unwrap()
                })
            });
            let sum: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert_eq!(sum, 30, "each value once");
        });
    }

    #[test]
    fn values_pushed_before_a_close_are_there() {
        model(None, || {
            let ring = Place::new(<Ring<Value, 1>>::new());
            // Taken before the thread begins. If the thread itself looked at the word, loom would
            // no longer see that the close comes before the consumer's look.
            let mut producer = ring.get().producer().unwrap();
            let producer = thread::spawn(move || {
                producer.try_push(Box::new(1)).unwrap();
                producer.close();
            });
            let mut consumer = ring.get().consumer().unwrap();
            if consumer.ring().producer_is_gone() {
                assert_eq!(*consumer.try_pop().unwrap(), 1);
            }
            producer.join().unwrap();
        });
    }

    #[test]
    fn values_left_are_dropped_with_the_ring() {
        model(Some(3), || {
            let left = Arc::new(());
            let ring = Arc::new(<Ring<Arc<()>, 2>>::new());
            let producer = {
                let (ring, value) = (ring.clone(), left.clone());
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    let _ = producer.try_push(value.clone());
                    let _ = producer.try_push(value);
                })
            };
            drop(ring.consumer().unwrap().try_pop());
            producer.join().unwrap();
            drop(ring);
            assert_eq!(Arc::strong_count(&left), 1);
        });
    }
}

mod waited_on {
    use super::*;

    #[test]
    fn push_and_close_wake_a_sleeping_pop() {
        model(Some(3), || {
            let ring = waiting::<Value, 1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    producer.push(Box::new(1)).unwrap();
                    producer.close();
                })
            };
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(consumer.pop(), Ok(Box::new(1)));
            assert_eq!(consumer.pop(), Err(Error::EndOfFile));
            producer.join().unwrap();
        });
    }

    /// Both sides use a view and wait for a place in memory. The other side's publication or close
    /// wakes them.
    #[test]
    fn each_side_wakes_a_reserve_or_peek_of_a_view() {
        model(Some(3), || {
            let ring = waiting::<u32, 1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let view: &RingView<u32, ModelFutex> = &*ring;
                    let mut producer = view.producer().unwrap();
                    for value in 1..3 {
                        let mut chunk = producer.reserve(1).unwrap();
                        chunk.push(value).unwrap();
                        chunk.commit();
                    }
                    producer.close();
                })
            };
            let view: &RingView<u32, ModelFutex> = &*ring;
            let mut consumer = view.consumer().unwrap();
            for value in 1..3 {
                let chunk = consumer.peek(1).unwrap();
                assert_eq!(chunk.as_slices().0, [value]);
                chunk.release(1);
            }
            assert_eq!(consumer.peek(1).err(), Some(Error::EndOfFile));
            producer.join().unwrap();
        });
    }

    #[test]
    fn pop_wakes_a_sleeping_push() {
        model(Some(3), || {
            let ring = waiting::<Value, 1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    producer.push(Box::new(1)).unwrap();
                    producer.push(Box::new(2)).unwrap();
                })
            };
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(consumer.pop(), Ok(Box::new(1)));
            assert_eq!(consumer.pop(), Ok(Box::new(2)));
            producer.join().unwrap();
        });
    }

    #[test]
    fn close_wakes_a_sleeping_push() {
        model(Some(3), || {
            let ring = waiting::<Value, 1>();
            let mut producer = ring.producer().unwrap();
            producer.push(Box::new(1)).unwrap();
            let thread = {
                let ring = ring.clone();
                thread::spawn(move || {
                    // The first half is given back, which does not end the stream. The next is
                    // closed.
                    drop(ring.consumer());
                    ring.consumer().unwrap().close();
                })
            };
            assert_eq!(producer.push(Box::new(2)), Err(PushError::Closed(Box::new(2))));
            thread.join().unwrap();
        });
    }

    #[test]
    fn clear_wakes_a_sleeping_push() {
        model(Some(3), || {
            let ring = waiting::<Value, 1>();
            let mut consumer = ring.consumer().unwrap();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    producer.push(Box::new(1)).unwrap();
                    producer.push(Box::new(2)).unwrap();
                })
            };
            while consumer.is_empty() {
                thread::yield_now();
            }
            consumer.clear();
            assert_eq!(consumer.pop(), Ok(Box::new(2)));
            producer.join().unwrap();
        });
    }

    /// Each value has a producer of its own, as from an interrupt handler.
    #[test]
    fn a_sleeping_pop_outlasts_each_producer() {
        model(Some(3), || {
            let ring = waiting::<Value, 1>();
            let producers = {
                let ring = ring.clone();
                thread::spawn(move || {
                    for value in [1, 2] {
                        ring.producer().unwrap().push(Box::new(value)).unwrap();
                    }
                })
            };
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(consumer.pop(), Ok(Box::new(1)));
            assert_eq!(consumer.pop(), Ok(Box::new(2)));
            producers.join().unwrap();
        });
    }

    #[test]
    fn both_halves_are_dropped_at_once() {
        model(None, || {
            let ring = waiting::<Value, 1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    let pushed = producer.push(Box::new(1)).is_ok();
                    drop(producer);
                    pushed
                })
            };
            drop(ring.consumer());
            let pushed = producer.join().unwrap();
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(
                consumer.try_pop().is_some(),
                pushed,
                "what was pushed is there for the next"
            );
        });
    }

    #[test]
    fn a_task_awaits_values_and_the_end() {
        model(Some(2), || {
            let ring = awaiting::<1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    producer.push(Box::new(1)).unwrap();
                    producer.close();
                })
            };
            let mut consumer = ring.consumer().unwrap();
            let task = Task::new();
            assert_eq!(task.block_on(|cx| consumer.poll_pop(cx)), Ok(Box::new(1)));
            assert_eq!(task.block_on(|cx| consumer.poll_pop(cx)), Err(Error::EndOfFile));
            producer.join().unwrap();
        });
    }

    #[test]
    fn a_task_awaits_room() {
        model(Some(2), || {
            let ring = awaiting::<1>();
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut producer = ring.producer().unwrap();
                    let task = Task::new();
                    for value in [1, 2] {
                        let mut pushed = pin!(producer.push_async(Box::new(value)));
                        task.block_on(|cx| pushed.as_mut().poll(cx)).unwrap();
                    }
                })
            };
            let mut consumer = ring.consumer().unwrap();
            assert_eq!(consumer.pop(), Ok(Box::new(1)));
            assert_eq!(consumer.pop(), Ok(Box::new(2)));
            producer.join().unwrap();
        });
    }
}

mod recovery {
    use super::*;

    const DEAD: Participant = Participant::new(3).unwrap();

    /// Recovery is only for values that own nothing.
    type Plain = u32;

    #[test]
    fn a_producer_continues_where_a_dead_one_stopped() {
        model(None, || {
            let ring = Arc::new(<Ring<Plain, 2>>::new());
            let push_as = |participant, value| {
                let ring = ring.clone();
                thread::spawn(move || {
                    let Some(mut producer) = ring.producer_as(participant) else { return 0 };
                    producer.try_push(value).unwrap();
                    core::mem::forget(producer);
                    1
                })
            };
            let dying = push_as(DEAD, 1);
            // Not joined with the dying thread: the recovery alone makes its values visible.
            let next = push_as(Participant::LOCAL, 2);
            let mut pushed = dying.join().unwrap();
            // SAFETY: participant 3 has taken its last step.
            unsafe { ring.recover(DEAD) };
            pushed += next.join().unwrap();
            let mut consumer = ring.consumer().unwrap();
            let got: Vec<Plain> = core::iter::from_fn(|| consumer.try_pop()).collect();
            assert_eq!(got.len(), pushed, "{got:?}");
        });
    }

    #[test]
    fn recovery_wakes_a_sleeper_that_reads_the_rest() {
        model(Some(2), || {
            let ring = waiting::<Plain, 1>();
            let mut producer = ring.producer_as(DEAD).unwrap();
            let consumer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut consumer = ring.consumer().unwrap();
                    assert_eq!(consumer.pop(), Ok(1));
                    assert_eq!(consumer.pop(), Err(Error::EndOfFile));
                })
            };
            producer.try_push(1).unwrap();
            core::mem::forget(producer);
            // Two recoveries at once close the half once.
            let other = {
                let ring = ring.clone();
                // SAFETY: participant 3 has taken its last step.
                thread::spawn(move || unsafe { ring.recover(DEAD) })
            };
            // SAFETY: participant 3 has taken its last step.
            let recovered = unsafe { ring.recover(DEAD) };
            assert_eq!(recovered + other.join().unwrap(), 1);
            consumer.join().unwrap();
        });
    }

    /// The dead participant had cleared the doorbell's bit, so that a plain ring would wake nobody.
    #[test]
    fn recovery_makes_up_for_a_lost_wake_up() {
        model(Some(2), || {
            let ring = Arc::new(Ring::<u32, 1, DyingFutex>::new());
            let mut producer = ring.producer_as(DEAD).unwrap();
            let consumer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let mut consumer = ring.consumer().unwrap();
                    assert_eq!(consumer.pop(), Ok(1));
                    assert_eq!(consumer.pop(), Err(Error::EndOfFile));
                })
            };
            DyingFutex::set_dies(true);
            producer.try_push(1).unwrap();
            DyingFutex::set_dies(false);
            core::mem::forget(producer);
            // SAFETY: participant 3 has taken its last step.
            assert_eq!(unsafe { ring.recover(DEAD) }, 1);
            consumer.join().unwrap();
        });
    }
}
