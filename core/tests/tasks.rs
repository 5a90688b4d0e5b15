//! Tasks that await the same thing: as many as the bell has places for sleep until something
//! happens, and are then all woken.
#![cfg(not(loom))]

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::queue::{Handle, Queue};
use ringway_core::wait::{Async, Spin, WakerSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A task: whether it was woken since it was polled last, and how often it was in all.
#[derive(Default)]
struct Task {
    is_woken: AtomicU64,
    wakes: AtomicU64,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(1, Ordering::Relaxed);
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A work to be polled.
type Work<'a, R> = Box<dyn FnMut(&mut Context<'_>) -> Poll<R> + 'a>;

/// Runs tasks until none of them is woken.
struct Executor<'a, R> {
    tasks: Vec<(Arc<Task>, Option<Work<'a, R>>)>,
    answers: Vec<R>,
    polls: usize,
}

impl<'a, R> Executor<'a, R> {
    /// All are polled at the beginning.
    fn new(works: impl IntoIterator<Item = Work<'a, R>>) -> Self {
        let woken = || Arc::new(Task { is_woken: 1.into(), wakes: 0.into() });
        let tasks = works.into_iter().map(|work| (woken(), Some(work))).collect();
        Executor { tasks, answers: Vec::new(), polls: 0 }
    }

    /// Polls those that were woken, until none is, and says how many polls that took; `None` when
    /// there is no end.
    fn run(&mut self) -> Option<usize> {
        self.polls = 0;
        loop {
            let polls = self.polls;
            for (task, work) in &mut self.tasks {
                let Some(poll) =
                    work.as_mut().filter(|_| task.is_woken.swap(0, Ordering::Relaxed) == 1)
                else {
                    continue;
                };
                self.polls += 1;
                let waker = Waker::from(task.clone());
                if let Poll::Ready(answer) = poll(&mut Context::from_waker(&waker)) {
                    self.answers.push(answer);
                    *work = None;
                }
            }
            if polls == self.polls {
                return Some(polls);
            }
            if polls > 1000 {
                return None;
            }
        }
    }
}

fn consumers_of_a_queue_sleep_until_there_is_a_value<const TASKS: usize>() {
    let queue = Queue::<u32, 8, Async<Spin, TASKS>>::new();
    let works = (0..TASKS).map(|_| Box::new(|cx: &mut Context<'_>| queue.poll_pop(cx)) as Work<_>);
    let mut executor = Executor::new(works);
    assert_eq!(executor.run(), Some(TASKS), "each is polled once, and sleeps");
    for value in 0..TASKS as u32 {
        queue.try_push(value).unwrap();
        let asleep = TASKS - value as usize;
        // All are woken by the push; one takes the value, whose slot comes free: nobody waits for
        // that here.
        assert_eq!(executor.run(), Some(asleep));
        assert_eq!(executor.answers.pop(), Some(Ok(value)));
    }
}

#[test]
fn consumers_of_a_queue_sleep_until_there_is_one() {
    consumers_of_a_queue_sleep_until_there_is_a_value::<1>();
    consumers_of_a_queue_sleep_until_there_is_a_value::<2>();
    consumers_of_a_queue_sleep_until_there_is_a_value::<5>();
}

#[test]
fn producers_of_a_queue_sleep_until_there_is_room() {
    let queue = Queue::<u32, 1, Async<Spin, 3>>::new();
    queue.try_push(9).unwrap();
    let works = (0..3).map(|value| {
        let mut value = Some(value);
        let queue = &queue;
        Box::new(move |cx: &mut Context<'_>| queue.poll_push(cx, &mut value)) as Work<_>
    });
    let mut executor = Executor::new(works);
    assert_eq!(executor.run(), Some(3), "each is polled once, and sleeps");
    for asleep in (1..=3).rev() {
        assert!(queue.try_pop().is_some());
        assert_eq!(executor.run(), Some(asleep), "all are woken, and one has room");
    }
    assert_eq!(executor.answers, [Ok(()); 3]);
}

/// Both ends, by value and in place.
#[test]
fn a_queue_is_awaited_for_room_and_for_values() {
    async fn produce(me: &Handle<'_, u32, Async<Spin>>) -> Result<u32, Error> {
        me.push_async(1).await.map_err(|_| Error::BrokenPipe)?;
        me.reserve_async().await?.write(2).map_err(|_| Error::BrokenPipe)?;
        me.push_async(3).await.map_err(|_| Error::BrokenPipe)?;
        me.close();
        Ok(0)
    }
    async fn consume(me: &Handle<'_, u32, Async<Spin>>) -> Result<u32, Error> {
        let first = me.pop_async().await?;
        let claim = me.claim_async().await?;
        let second = *claim;
        claim.complete();
        let sum = first + second + me.pop_async().await?;
        assert_eq!(me.claim_async().await.err(), Some(Error::EndOfFile));
        assert_eq!(me.reserve_async().await.err(), Some(Error::BrokenPipe));
        Ok(sum)
    }
    let queue = Queue::<u32, 1, Async<Spin>>::new();
    let me = queue.handle(Participant::LOCAL);
    let (mut consumer, mut producer) = (Box::pin(consume(&me)), Box::pin(produce(&me)));
    let mut executor = Executor::new([
        Box::new(|cx: &mut Context<'_>| consumer.as_mut().poll(cx)) as Work<_>,
        Box::new(|cx: &mut Context<'_>| producer.as_mut().poll(cx)),
    ]);
    let polls = executor.run().unwrap();
    assert!((4..=12).contains(&polls), "each sleeps in between: {polls}");
    executor.answers.sort_by_key(|answer| answer.unwrap_or(99));
    assert_eq!(executor.answers, [Ok(0), Ok(6)]);
}

#[test]
fn readers_of_a_broadcast_sleep_until_there_is_a_message_and_all_get_it() {
    let mut broadcast = Broadcast::<u32, 4, Async<Spin, 3>>::new();
    let (mut writer, reader) = broadcast.split();
    let works = (0..3).map(|_| {
        let mut reader = reader.clone();
        Box::new(move |cx: &mut Context<'_>| pin!(reader.recv_async()).poll(cx)) as Work<_>
    });
    let mut executor = Executor::new(works);
    assert_eq!(executor.run(), Some(3), "each is polled once, and sleeps");
    writer.send(7);
    assert_eq!(executor.run(), Some(3));
    assert_eq!(executor.answers, [Ok(7_u32); 3]);
}

#[test]
fn those_who_await_a_newer_value_sleep_until_there_is_one() {
    let latest = Latest::<u32, Async<Spin, 3>>::new();
    let works = (0..3).map(|_| {
        Box::new(|cx: &mut Context<'_>| pin!(latest.newer_async(Version::NONE)).poll(cx)) as Work<_>
    });
    let mut executor = Executor::new(works);
    assert_eq!(executor.run(), Some(3), "each is polled once, and sleeps");
    latest.writer().unwrap().store(7);
    assert_eq!(executor.run(), Some(3));
    assert!(executor.answers.iter().all(|answer| matches!(answer, Ok((7_u32, _)))));
    assert_eq!(executor.answers.len(), 3);
}

#[test]
fn a_task_that_comes_again_takes_no_second_place() {
    let set = WakerSet::<2>::new();
    let tasks = [(); 2].map(|()| Arc::new(Task::default()));
    for _ in 0..5 {
        tasks.iter().for_each(|task| set.register(&task.clone().into()));
    }
    set.wake();
    set.wake();
    assert!(tasks.iter().all(|task| task.wakes.load(Ordering::Relaxed) == 1), "once each");
}

/// The rule for more tasks than places: nobody is forgotten, and the tasks that are not concerned
/// sleep.
#[test]
fn a_task_too_many_takes_the_place_of_one_that_is_told() {
    let set = WakerSet::<2>::new();
    let tasks = [(); 3].map(|()| Arc::new(Task::default()));
    let wakes = || [0, 1, 2].map(|at| tasks[at].wakes.load(Ordering::Relaxed));
    tasks.iter().for_each(|task| set.register(&task.clone().into()));
    assert_eq!(wakes(), [1, 0, 0], "one is displaced, and told");
    set.register(&tasks[0].clone().into());
    assert_eq!(wakes(), [1, 0, 1], "it takes its place back");
    set.wake();
    assert_eq!(wakes(), [2, 1, 1], "those that are in it");
}

/// All are woken also when one panics.
#[test]
fn a_waker_that_panics_leaves_nobody_asleep() {
    struct Explosive;
    impl Wake for Explosive {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let set = WakerSet::<3>::new();
    let tasks = [(); 2].map(|()| Arc::new(Task::default()));
    set.register(&tasks[0].clone().into());
    set.register(&Arc::new(Explosive).into());
    set.register(&tasks[1].clone().into());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| set.wake())).unwrap_err();
    assert!(tasks.iter().all(|task| task.wakes.load(Ordering::Relaxed) == 1));
}
