//! Two tasks and a queue between them. The core has no executor of its own and works with any; this
//! example brings one of twenty lines.
//!
//! ```text
//! cargo run -p ringway-core --example tasks
//! ```

#![allow(clippy::disallowed_types, reason = "a program of your own uses the atomics of `core`")]

use ringway_core::participant::Participant;
use ringway_core::ring::queue::Queue;
use ringway_core::wait::Async;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

static NUMBERS: Queue<u32, 4, Async> = Queue::new();

async fn count() {
    let numbers = NUMBERS.handle(Participant::LOCAL);
    for number in 1..=100 {
        numbers.push_async(number).await.expect("the queue is open"); // waits for room
    }
    NUMBERS.close();
}

async fn add() -> u32 {
    let numbers = NUMBERS.handle(Participant::LOCAL);
    let mut sum = 0;
    while let Ok(number) = numbers.pop_async().await {
        sum += number;
    }
    sum
}

/// Notes that a task can go on.
struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

fn main() {
    let ready = [(); 2].map(|()| Arc::new(Ready(AtomicBool::new(true))));
    let (mut count, mut add) = (pin!(count()), pin!(add()));
    let (mut counted, mut sum) = (false, None);
    while sum.is_none() {
        let is_ready = |task: usize| ready[task].0.swap(false, Ordering::Acquire);
        if is_ready(0) && !counted {
            let waker = ready[0].clone().into();
            counted = count.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
        if is_ready(1) {
            let waker = ready[1].clone().into();
            if let Poll::Ready(answer) = add.as_mut().poll(&mut Context::from_waker(&waker)) {
                sum = Some(answer);
            }
        }
    }
    println!("the sum of all numbers is {}", sum.unwrap_or_default());
    assert_eq!(sum, Some(5050));
}
