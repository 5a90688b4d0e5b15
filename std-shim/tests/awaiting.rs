//! Parts of regions, awaited.

use ringway::shm::{self, Layout, Region};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_queue_is_awaited_on_both_sides() {
    type Jobs = shm::Queue<u64, 2>;
    let region = Region::anonymous(&Layout::new(2).part::<Jobs>("jobs").unwrap()).unwrap();
    const COUNT: u64 = 20_000;
    thread::scope(|scope| {
        scope.spawn(|| {
            let jobs = region.part::<Jobs>("jobs").unwrap();
            block_on(async {
                for job in 0..COUNT {
                    jobs.push_async(job).await.unwrap();
                }
            });
        });
        let jobs = region.part::<Jobs>("jobs").unwrap();
        block_on(async {
            for job in 0..COUNT {
                assert_eq!(jobs.pop_async().await, Ok(job));
            }
        });
    });
}

#[test]
fn a_mutex_is_awaited_by_many() {
    type Total = shm::Mutex<u64>;
    let region = Region::anonymous(&Layout::new(2).part::<Total>("total").unwrap()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let total = region.part::<Total>("total").unwrap();
                block_on(async {
                    for _ in 0..1000 {
                        let mut total = total.lock_async().await.unwrap();
                        *total += 1;
                        thread::sleep(Duration::from_micros(1));
                    }
                });
            });
        }
    });
    let total = region.part::<Total>("total").unwrap();
    assert_eq!(*block_on(total.lock_async()).unwrap(), 4000);
}
