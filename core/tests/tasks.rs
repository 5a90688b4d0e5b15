//! Tasks that await the same thing: up to `TASKS` of them sleep until it happens, then all wake.
#![cfg(not(loom))]

use ringway_core::Error;
use ringway_core::lock::{Condition, Mutex, ReentrantMutex, RwLock, Semaphore, ThreadId};
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::queue::{Handle, Queue};
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{Async, BellWord, Doorbell, Register, Spin, TimedOut, Wait, WakerSet};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A task: whether it was woken since its last poll, and how often it was woken in all.
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

/// The work of a task: a function to poll.
type Work<'a, R> = Box<dyn FnMut(&mut Context<'_>) -> Poll<R> + 'a>;

/// Runs tasks until none of them is woken any more.
struct Executor<'a, R> {
    tasks: Vec<(Arc<Task>, Option<Work<'a, R>>)>,
    answers: Vec<R>,
    polls: usize,
}

impl<'a, R> Executor<'a, R> {
    /// An executor that polls all works once at the start.
    fn new(works: impl IntoIterator<Item = Work<'a, R>>) -> Self {
        let woken = || Arc::new(Task { is_woken: 1.into(), wakes: 0.into() });
        let tasks = works.into_iter().map(|work| (woken(), Some(work))).collect();
        Executor { tasks, answers: Vec::new(), polls: 0 }
    }

    /// Polls the woken tasks until none is left; returns the number of polls.
    ///
    /// Returns `None` when the tasks wake each other without end.
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

fn check_queue_consumers_sleep_until_a_value<const TASKS: usize>() {
    let queue = Queue::<u32, 8, Async<Spin, TASKS>>::new();
    let works = (0..TASKS).map(|_| Box::new(|cx: &mut Context<'_>| queue.poll_pop(cx)) as Work<_>);
    let mut executor = Executor::new(works);
    assert_eq!(executor.run(), Some(TASKS), "each is polled once, and sleeps");
    for value in 0..TASKS as u32 {
        queue.try_push(value).unwrap();
        let asleep = TASKS - value as usize;
        // The push wakes all of them. One takes the value and frees its slot, for which nobody
        // waits here.
        assert_eq!(executor.run(), Some(asleep));
        assert_eq!(executor.answers.pop(), Some(Ok(value)));
    }
}

#[test]
fn queue_consumers_sleep_until_a_value_comes() {
    check_queue_consumers_sleep_until_a_value::<1>();
    check_queue_consumers_sleep_until_a_value::<2>();
    check_queue_consumers_sleep_until_a_value::<5>();
}

#[test]
fn queue_producers_sleep_until_there_is_room() {
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

/// Awaits both ends, by value and in place.
#[test]
fn queue_awaits_room_and_values() {
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
fn broadcast_wakes_all_sleeping_readers() {
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
fn latest_wakes_tasks_that_await_a_newer_value() {
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
fn task_that_polls_again_takes_no_second_cell() {
    let set = WakerSet::<2>::new();
    let tasks = [(); 2].map(|()| Arc::new(Task::default()));
    for _ in 0..5 {
        tasks.iter().for_each(|task| set.register(&task.clone().into()));
    }
    set.wake();
    set.wake();
    assert!(tasks.iter().all(|task| task.wakes.load(Ordering::Relaxed) == 1), "once each");
}

/// The rule for more tasks than cells: no task is forgotten, and uninvolved tasks stay asleep.
#[test]
fn one_task_too_many_replaces_and_wakes_another() {
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

/// All tasks are woken even if one waker panics.
#[test]
fn panicking_waker_leaves_nobody_asleep() {
    struct PanickingWaker;
    impl Wake for PanickingWaker {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let set = WakerSet::<3>::new();
    let tasks = [(); 2].map(|()| Arc::new(Task::default()));
    set.register(&tasks[0].clone().into());
    set.register(&Arc::new(PanickingWaker).into());
    set.register(&tasks[1].clone().into());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| set.wake())).unwrap_err();
    assert!(tasks.iter().all(|task| task.wakes.load(Ordering::Relaxed) == 1));
}

/// A thread that looks again seven times before it sleeps, and must not sleep here.
struct Eager;

static ENOUGH: AtomicU64 = AtomicU64::new(0);

impl ringway_core::wait::Wake for Eager {
    type Word = BellWord;

    const INIT: Self = Eager;

    fn wake(&self, _: &AtomicU32, _: u32) {}

    fn spin_limit(&self) -> u32 {
        7
    }

    fn record_spin(&self, were_enough: bool) {
        ENOUGH.store(if were_enough { 1 } else { 2 }, Ordering::Relaxed);
    }
}

impl Wait for Eager {
    type Deadline = ();

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<()>) -> Result<(), TimedOut> {
        Err(TimedOut)
    }
}

#[test]
fn threads_beside_tasks_look_as_often_as_they_say() {
    let bell = Doorbell::<Async<Eager>>::new();
    let mut looks = 0;
    let mut after = |end: u32| {
        looks = 0;
        let answer = bell.wait_until(None, || {
            looks += 1;
            (looks == end).then_some(looks)
        });
        (answer, ENOUGH.swap(0, Ordering::Relaxed))
    };
    assert_eq!(after(1), (Ok(1), 0));
    assert_eq!(after(8), (Ok(8), 1));
    assert_eq!(after(9), (Ok(9), 2));
}

/// Wakes one sleeper as a futex does, which may be the task that has just given up.
struct OneOfMany;

static WAKES: AtomicU64 = AtomicU64::new(0);

impl ringway_core::wait::Wake for OneOfMany {
    type Word = BellWord;

    const INIT: Self = OneOfMany;

    fn wake(&self, _: &AtomicU32, _: u32) {
        WAKES.fetch_add(1, Ordering::Relaxed);
    }
}

impl Register for OneOfMany {
    fn register(&self, _: &AtomicU32, _: u32, _: &Waker) {}
}

/// The number of the thread that calls, as the test says.
static CALLER: AtomicU64 = AtomicU64::new(1);

struct ByNumber;

// SAFETY: one thread uses it, and says who it is.
unsafe impl ThreadId for ByNumber {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::new(CALLER.load(Ordering::Relaxed) as u32).unwrap()
    }
}

/// Polls the future until it waits, drops it, and returns how often another waiter was woken by
/// that.
fn wakes_when_given_up(future: impl Future) -> u64 {
    let mut future = Box::pin(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let before = WAKES.load(Ordering::Relaxed);
    drop(future);
    WAKES.load(Ordering::Relaxed) - before
}

#[test]
fn a_task_that_gives_up_passes_its_wake_up_on() {
    let mutex = Mutex::<_, OneOfMany>::new(());
    let reentrant = ReentrantMutex::<_, ByNumber, OneOfMany>::new(());
    let rwlock = RwLock::<_, 2, OneOfMany>::new(());
    let semaphore = Semaphore::<0, OneOfMany>::new();
    let changed = Condition::<OneOfMany>::new();
    {
        let guard = mutex.try_lock().unwrap();
        assert_eq!(wakes_when_given_up(mutex.lock_async()), 1);
        // One for the condition, and one for the mutex.
        assert_eq!(wakes_when_given_up(changed.wait_async(guard)), 2);
    }
    {
        let _held = rwlock.try_write().unwrap();
        assert_eq!(wakes_when_given_up(rwlock.write_async()), 1);
    }
    {
        let _held = reentrant.try_lock().unwrap();
        CALLER.store(2, Ordering::Relaxed);
        assert_eq!(wakes_when_given_up(reentrant.lock_async()), 1);
        CALLER.store(1, Ordering::Relaxed);
    }
    assert_eq!(wakes_when_given_up(semaphore.acquire_async()), 1);
    // One that never waited owes nothing.
    let before = WAKES.load(Ordering::Relaxed);
    drop(semaphore.acquire_async());
    assert_eq!(WAKES.load(Ordering::Relaxed), before);
}
