//! Parts of regions, awaited: on both sides, given up at any moment, by many tasks, and with peers
//! that are killed. The executors of others are in `tests/tests/runtimes.rs`.

mod support;

use ringway::CoreError;
use ringway::ring::latest::Version;
use ringway::shm::{self, DETECTION_BOUND, Layout, Region, RobustFutex};
use ringway::wait::{Register, Wake as _};
use ringway_core::sync::AtomicU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use support::region::{NAME, Name, player};
use support::{done, role};

type Jobs = shm::Queue<u64, 2>;
type Numbers = shm::Ring<u64, 2>;
type Bytes = shm::ByteRing<16>;
type Messages = shm::MessageRing<64>;
type News = shm::Broadcast<u64, 4>;
type Newest = shm::Latest<u64>;
type Total = shm::Mutex<u64>;
type Table = shm::RwLock<u64, 4>;
type Permits = shm::Semaphore<0>;
type Places = shm::BoundedSemaphore<1>;
type Changed = shm::Condition;
type Started = shm::Event;
type Meeting = shm::Barrier<2>;

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

fn layout() -> Layout {
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Numbers>("numbers").unwrap();
    let layout = layout.part::<Bytes>("bytes").unwrap().part::<Messages>("messages").unwrap();
    let layout = layout.part::<News>("news").unwrap().part::<Newest>("newest").unwrap();
    let layout = layout.part::<Total>("total").unwrap().part::<Table>("table").unwrap();
    let layout = layout.part::<Permits>("permits").unwrap().part::<Places>("places").unwrap();
    let layout = layout.part::<Changed>("changed").unwrap().part::<Started>("started").unwrap();
    layout.part::<Meeting>("meeting").unwrap()
}

const COUNT: u64 = 2000;

/// One side of everything that has two, as a process or a thread of its own.
fn one_side(region: &Region) {
    let jobs = region.part::<Jobs>("jobs").unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut numbers = numbers.producer().unwrap();
    let bytes = region.part::<Bytes>("bytes").unwrap();
    let mut bytes = bytes.producer().unwrap();
    let messages = region.part::<Messages>("messages").unwrap();
    let mut messages = messages.sender().unwrap();
    let newest = region.part::<Newest>("newest").unwrap();
    let news = region.part::<News>("news").unwrap();
    let mut news = news.writer().unwrap();
    let total = region.part::<Total>("total").unwrap();
    let table = region.part::<Table>("table").unwrap();
    let permits = region.part::<Permits>("permits").unwrap();
    let places = region.part::<Places>("places").unwrap();
    let changed = region.part::<Changed>("changed").unwrap();
    let started = region.part::<Started>("started").unwrap();
    let meeting = region.part::<Meeting>("meeting").unwrap();
    block_on(async {
        started.set();
        for number in 0..COUNT {
            jobs.push_async(number).await.unwrap();
            numbers.push_async(number).await.unwrap();
            bytes.write_all_async(&number.to_le_bytes()).await.unwrap();
            messages.send_async(&number.to_le_bytes()).await.unwrap();
            *total.lock_async().await.unwrap() += 1;
            *table.write_async().await.unwrap() += 1;
            permits.release(1).unwrap();
            drop(places.acquire_async().await);
        }
        let mut writer = newest.writer().unwrap();
        writer.store(7);
        news.send(9);
        *total.lock_async().await.unwrap() += 1;
        changed.notify_all();
        meeting.wait_async().await.unwrap();
    });
}

fn other_side(region: &Region) {
    let jobs = region.part::<Jobs>("jobs").unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut numbers = numbers.consumer().unwrap();
    let bytes = region.part::<Bytes>("bytes").unwrap();
    let mut bytes = bytes.consumer().unwrap();
    let messages = region.part::<Messages>("messages").unwrap();
    let mut messages = messages.receiver().unwrap();
    let newest = region.part::<Newest>("newest").unwrap();
    let news = region.part::<News>("news").unwrap();
    let mut news = news.reader();
    let total = region.part::<Total>("total").unwrap();
    let table = region.part::<Table>("table").unwrap();
    let permits = region.part::<Permits>("permits").unwrap();
    let places = region.part::<Places>("places").unwrap();
    let changed = region.part::<Changed>("changed").unwrap();
    let started = region.part::<Started>("started").unwrap();
    let meeting = region.part::<Meeting>("meeting").unwrap();
    block_on(async {
        started.wait_async().await;
        for number in 0..COUNT {
            assert_eq!(jobs.pop_async().await, Ok(number));
            assert_eq!(numbers.pop_async().await, Ok(number));
            let mut out = [0; 8];
            bytes.read_exact_async(&mut out).await.unwrap();
            assert_eq!(u64::from_le_bytes(out), number);
            let mut out = [0; 64];
            let received = messages.recv_async(&mut out).await.unwrap();
            assert_eq!(out[..received], number.to_le_bytes());
            *total.lock_async().await.unwrap() += 1;
            drop(table.read_async().await.unwrap());
            permits.acquire_async().await;
            drop(places.acquire_async().await);
        }
        let guard = total.lock_async().await.unwrap();
        let guard = changed.wait_while_async(guard, |total| *total <= 2 * COUNT).await.unwrap();
        assert_eq!(*guard, 2 * COUNT + 1);
        drop(guard);
        let (value, _) = newest.newer_async(Version::NONE).await.unwrap();
        assert_eq!(value, 7);
        assert_eq!(news.recv_async().await, Ok(9));
        assert_eq!(*table.read_async().await.unwrap(), COUNT);
        meeting.wait_async().await.unwrap();
    });
}

#[test]
fn every_part_is_awaited_between_processes() {
    if role().is_some() {
        one_side(&Region::open(&std::env::var(NAME).unwrap()).unwrap());
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut player = player("every_part_is_awaited_between_processes", "one side", &name);
    other_side(&region);
    assert_eq!(player.0.wait().unwrap().code(), Some(42));
}

#[test]
fn every_part_is_awaited_between_threads() {
    let region = Region::anonymous(&layout()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| one_side(&region));
        other_side(&region);
    });
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls a future `polls` times, with pauses in which it may be woken, and drops it. Its answer, if
/// it had one.
fn give_up<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Some(answer);
        }
        thread::sleep(Duration::from_micros(50));
    }
    None
}

#[test]
fn futures_given_up_lose_no_message() {
    let region = Region::anonymous(&layout()).unwrap();
    const COUNT: u64 = 300;
    thread::scope(|scope| {
        scope.spawn(|| {
            let jobs = region.part::<Jobs>("jobs").unwrap();
            let numbers = region.part::<Numbers>("numbers").unwrap();
            let mut numbers = numbers.producer().unwrap();
            for number in 0..COUNT {
                // A value that was given up is tried again: it was not sent.
                let polls = number as usize % 4;
                if give_up(jobs.push_async(number), polls).is_none() {
                    jobs.push(number).unwrap();
                }
                if give_up(numbers.push_async(number), polls).is_none() {
                    numbers.push(number).unwrap();
                }
            }
        });
        let jobs = region.part::<Jobs>("jobs").unwrap();
        let numbers = region.part::<Numbers>("numbers").unwrap();
        let mut numbers = numbers.consumer().unwrap();
        for number in 0..COUNT {
            let polls = number as usize % 5;
            let job = give_up(jobs.pop_async(), polls).unwrap_or_else(|| jobs.pop());
            assert_eq!(job, Ok(number));
            let found = give_up(numbers.pop_async(), polls).unwrap_or_else(|| numbers.pop());
            assert_eq!(found, Ok(number));
        }
    });
}

/// The same for what goes by copies: nothing comes twice, and nothing in pieces.
#[test]
fn futures_given_up_lose_no_copy() {
    let region = Region::anonymous(&layout()).unwrap();
    const COUNT: u64 = 300;
    thread::scope(|scope| {
        scope.spawn(|| {
            let bytes = region.part::<Bytes>("bytes").unwrap();
            let mut bytes = bytes.producer().unwrap();
            let messages = region.part::<Messages>("messages").unwrap();
            let mut messages = messages.sender().unwrap();
            for number in 0..COUNT {
                let (polls, all) = (number as usize % 4, number.to_le_bytes());
                // A write says how much it took, unless it was given up: then it took nothing.
                let written = give_up(bytes.write_async(&all), polls).unwrap_or(Ok(0)).unwrap();
                bytes.write_all(&all[written..]).unwrap();
                if give_up(messages.send_async(&all), polls).is_none() {
                    messages.send(&all).unwrap();
                }
            }
        });
        let bytes = region.part::<Bytes>("bytes").unwrap();
        let mut bytes = bytes.consumer().unwrap();
        let messages = region.part::<Messages>("messages").unwrap();
        let mut messages = messages.receiver().unwrap();
        for number in 0..COUNT {
            let (polls, mut all) = (number as usize % 5, [0; 8]);
            let read = give_up(bytes.read_async(&mut all), polls).unwrap_or(Ok(0)).unwrap();
            bytes.read_exact(&mut all[read..]).unwrap();
            assert_eq!(u64::from_le_bytes(all), number);
            let mut all = [0; 64];
            let received = give_up(messages.recv_async(&mut all), polls);
            assert_eq!(received.unwrap_or_else(|| messages.recv(&mut all)), Ok(8));
            assert_eq!(all[..8], number.to_le_bytes());
        }
    });
    let news = region.part::<News>("news").unwrap();
    let (mut writer, mut reader) = (news.writer().unwrap(), news.reader());
    let newest = region.part::<Newest>("newest").unwrap();
    let mut cell = newest.writer().unwrap();
    let mut seen = Version::NONE;
    for number in 0..20 {
        assert!(give_up(reader.recv_async(), number as usize % 4).is_none());
        assert!(give_up(newest.newer_async(seen), number as usize % 4).is_none());
        writer.send(number);
        cell.store(number);
        assert_eq!(block_on(reader.recv_async()), Ok(number));
        let (value, version) = block_on(newest.newer_async(seen)).unwrap();
        assert_eq!(value, number);
        seen = version;
    }
}

/// After each number of polls, what a future waited for can be had by another.
#[test]
fn futures_given_up_hold_nothing() {
    let region = Region::anonymous(&layout()).unwrap();
    let total = region.part::<Total>("total").unwrap();
    let table = region.part::<Table>("table").unwrap();
    let permits = region.part::<Permits>("permits").unwrap();
    let places = region.part::<Places>("places").unwrap();
    let changed = region.part::<Changed>("changed").unwrap();
    let started = region.part::<Started>("started").unwrap();
    let meeting = region.part::<Meeting>("meeting").unwrap();
    for polls in 0..5 {
        let held = (total.lock().unwrap(), table.write().unwrap(), places.acquire());
        assert!(give_up(total.lock_async(), polls).is_none());
        assert!(give_up(table.write_async(), polls).is_none());
        assert!(give_up(table.read_async(), polls).is_none());
        assert!(give_up(places.acquire_async(), polls).is_none());
        drop(held);
        assert!(total.try_lock().is_ok() && places.try_acquire().is_ok());
        let reads = table.read().unwrap();
        assert!(give_up(table.write_async(), polls).is_none());
        // A writer that waited holds up no reader.
        let reads_too = block_on(table.read_async()).unwrap();
        drop((reads, reads_too));
        assert!(table.try_write().is_ok());

        assert!(give_up(permits.acquire_async(), polls).is_none());
        permits.release(1).unwrap();
        assert_eq!(permits.try_acquire(), Ok(()));

        assert!(give_up(started.wait_async(), polls).is_none());
        started.set();
        assert_eq!(give_up(started.wait_async(), 1), Some(()));
        started.clear();

        // A notification that comes for both goes to the one that still waits.
        let gone = Box::pin(changed.wait_async(total.lock().unwrap()));
        assert!(give_up(gone, polls).is_none());
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                drop(changed.wait_while(total.lock().unwrap(), |total| *total == 0).unwrap());
            });
            *total.lock().unwrap() = 1;
            changed.notify(1);
            waits.join().unwrap();
        });
        *total.lock().unwrap() = 0;

        // As with a party that leaves, unless it never came.
        assert!(give_up(meeting.wait_async(), polls).is_none());
        assert_eq!(meeting.is_broken(), polls > 0);
        meeting.reset();
    }
}

/// A wake-up of a lock is for one waiter. If that one has given up, another gets it: here a thread,
/// which would otherwise sleep on for the bound in which it checks for deaths.
#[test]
fn futures_given_up_lose_no_permit() {
    let region = Region::anonymous(&layout()).unwrap();
    let permits = region.part::<Permits>("permits").unwrap();
    let total = region.part::<Total>("total").unwrap();
    for _ in 0..200 {
        let held = total.lock().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut gone = Box::pin(permits.acquire_async());
        assert!(gone.as_mut().poll(&mut context).is_pending());
        let mut gone_too = Box::pin(total.lock_async());
        assert!(gone_too.as_mut().poll(&mut context).is_pending());
        thread::scope(|scope| {
            scope.spawn(|| permits.acquire());
            scope.spawn(|| drop(total.lock().unwrap()));
            permits.release(1).unwrap();
            drop(held);
            drop((gone, gone_too));
        });
        assert_eq!(permits.permits(), 0);
        assert!(total.try_lock().is_ok());
    }
}

/// The same of the mutex that a thread can take again: the holder is a thread, not a task.
#[cfg(target_has_atomic = "64")]
#[test]
fn reentrant_futures_given_up_hold_nothing() {
    type Again = shm::ReentrantMutex;
    let region = Region::anonymous(&Layout::new(2).part::<Again>("again").unwrap()).unwrap();
    let again = region.part::<Again>("again").unwrap();
    let is_free = || thread::scope(|scope| scope.spawn(|| again.try_lock().is_ok()).join());
    for polls in 0..5 {
        let (held, given_up) = (thread_barrier(), thread_barrier());
        thread::scope(|scope| {
            scope.spawn(|| {
                let _guard = again.lock().unwrap();
                held.wait();
                given_up.wait();
            });
            held.wait();
            assert!(give_up(again.lock_async(), polls).is_none());
            // A wake-up that the future got is for the thread that still waits.
            let mut gone = Box::pin(again.lock_async());
            assert!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            scope.spawn(|| drop(again.lock().unwrap()));
            given_up.wait();
            drop(gone);
        });
        assert!(is_free().unwrap());
        // One that ended holds it, as often as it was taken.
        let first = block_on(again.lock_async()).unwrap();
        let second = block_on(again.lock_async()).unwrap();
        drop(first);
        assert!(!is_free().unwrap());
        drop(second);
        assert!(is_free().unwrap());
    }
}

/// Where two threads meet.
#[cfg(target_has_atomic = "64")]
fn thread_barrier() -> std::sync::Barrier {
    std::sync::Barrier::new(2)
}

/// Waits until the task was woken this often; longer than any wake-up takes, it is lost.
fn until_woken(task: &Count, times: usize) {
    let patience = Instant::now() + Duration::from_secs(20);
    while task.0.load(Ordering::Relaxed) < times {
        assert!(Instant::now() < patience, "a wake-up was lost");
        thread::yield_now();
    }
}

#[test]
fn a_task_that_comes_late_is_woken_at_once() {
    let word = AtomicU32::new(1);
    let (early, late) = (Arc::new(Count::default()), Arc::new(Count::default()));
    RobustFutex.register(&word, 1, &early.clone().into());
    // It has seen the word before the change that the other has seen already.
    RobustFutex.register(&word, 0, &late.clone().into());
    until_woken(&late, 1);
    word.store(2, Ordering::Relaxed);
    RobustFutex.wake(&word, 1);
    until_woken(&early, 1);
}

#[test]
fn many_tasks_share_a_queue() {
    let region = Region::anonymous(&layout()).unwrap();
    const TASKS: u64 = 16;
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..TASKS {
            scope.spawn(|| {
                let jobs = region.part::<Jobs>("jobs").unwrap();
                block_on(async {
                    while jobs.pop_async().await.is_ok() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                });
            });
        }
        let jobs = region.part::<Jobs>("jobs").unwrap();
        block_on(async {
            for number in 0..1000 {
                jobs.push_async(number).await.unwrap();
            }
        });
        jobs.close();
    });
    assert_eq!(taken.into_inner(), 1000);
}

#[test]
fn a_killed_holder_and_producer_are_told() {
    if role().is_some() {
        let region = Region::open(&std::env::var(NAME).unwrap()).unwrap();
        let total = region.part::<Total>("total").unwrap();
        let numbers = region.part::<Numbers>("numbers").unwrap();
        let mut numbers = numbers.producer().unwrap();
        let _held = total.lock().unwrap();
        numbers.push(1).unwrap();
        loop {
            thread::park();
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut player = player("a_killed_holder_and_producer_are_told", "dies", &name);
    let total = region.part::<Total>("total").unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut numbers = numbers.consumer().unwrap();
    assert_eq!(block_on(numbers.pop_async()), Ok(1));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(DETECTION_BOUND);
            player.kill_now();
        });
        let died = block_on(total.lock_async()).unwrap_err();
        drop(died.into_inner());
        assert_eq!(block_on(numbers.pop_async()), Err(CoreError::EndOfFile));
    });
}

/// Threads of this process that serve tasks.
fn helpers() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |thread: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default()
    };
    threads.map(name).filter(|name| name == "ringway-tasks\n").count()
}

/// How many words a helper has: one, where the system cannot wait for several.
fn words_of_a_helper() -> usize {
    let no_words = std::ptr::null::<u8>();
    // SAFETY: a list without words, which the kernel refuses, is not read.
    unsafe { libc::syscall(libc::SYS_futex_waitv, no_words, 0, 0, no_words, 0) };
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EINVAL) => 127,
        _ => 1,
    }
}

#[test]
fn a_thousand_parts_have_eight_helpers() {
    // In a process of its own, which has no other tasks.
    if role().is_none() {
        support::run("a_thousand_parts_have_eight_helpers", "alone");
        return;
    }
    const REGIONS: usize = 4;
    const PARTS: usize = 1000;
    let names: Vec<_> = (0..PARTS / REGIONS).map(|part| format!("jobs-{part}")).collect();
    let layout =
        names.iter().fold(Layout::new(2), |layout, name| layout.part::<Jobs>(name).unwrap());
    let regions: Vec<_> = (0..REGIONS).map(|_| Region::anonymous(&layout).unwrap()).collect();
    let parts = |region: &Region| -> Vec<_> {
        names.iter().map(|name| region.part::<Jobs>(name).unwrap()).collect()
    };
    let parts: Vec<_> = regions.iter().flat_map(parts).collect();
    let tasks: Vec<_> = (0..PARTS).map(|_| Arc::new(Count::default())).collect();
    let mut futures: Vec<_> = parts.iter().map(|jobs| Box::pin(jobs.pop_async())).collect();
    for (future, task) in futures.iter_mut().zip(&tasks) {
        let waker = task.clone().into();
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    // A thread has its name once it runs.
    let expected = PARTS.div_ceil(words_of_a_helper());
    let deadline = Instant::now() + Duration::from_secs(60);
    while helpers() < expected && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(helpers(), expected);
    for (number, (jobs, mut future)) in parts.iter().zip(futures).enumerate().rev() {
        jobs.push(number as u64).unwrap();
        while tasks[number].0.load(Ordering::Relaxed) == 0 {
            thread::sleep(Duration::from_micros(10));
        }
        let waker = tasks[number].clone().into();
        let answer = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(answer, Poll::Ready(Ok(number as u64)));
    }
    drop((parts, regions));
    // Without words they end.
    while helpers() > 0 {
        thread::sleep(Duration::from_millis(50));
    }
    done();
}

/// A copy by `fork(2)` has none of the helpers, and makes its own.
#[test]
fn a_forked_copy_awaits_anew() {
    if role().is_none() {
        support::run("a_forked_copy_awaits_anew", "alone");
        return;
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = region.part::<Jobs>("jobs").unwrap();
    // There is a helper, and a task that sleeps.
    assert!(give_up(jobs.pop_async(), 2).is_none());
    // SAFETY: the child uses nothing of what other threads may have locked: they are helpers, and
    // it makes its own.
    match unsafe { libc::fork() } {
        0 => {
            let region = Region::open(&name.0).unwrap();
            let jobs = region.part::<Jobs>("jobs").unwrap();
            for number in 0..100 {
                assert_eq!(block_on(jobs.pop_async()), Ok(number));
            }
            done();
        }
        child => {
            block_on(async {
                for number in 0..100 {
                    jobs.push_async(number).await.unwrap();
                }
            });
            let mut status = 0;
            // SAFETY: a child of this process, and a place for its status.
            unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!(libc::WEXITSTATUS(status), 42);
        }
    }
    // `done` runs no destructors.
    drop((jobs, region, name));
    done();
}

/// The memory of words may go while a helper has them: nobody reads it then.
#[test]
fn regions_go_while_helpers_know_their_words() {
    for _ in 0..50 {
        let region = Region::anonymous(&layout()).unwrap();
        let jobs = region.part::<Jobs>("jobs").unwrap();
        assert!(give_up(jobs.pop_async(), 2).is_none());
        let permits = region.part::<Permits>("permits").unwrap();
        assert!(give_up(permits.acquire_async(), 1).is_none());
    }
}

/// Outside a region nobody says that the memory goes. The kernel is asked instead.
#[test]
fn words_outside_regions_are_awaited() {
    use ringway::participant::Participant;
    use ringway::ring::queue::Queue;
    use ringway::shm::RobustFutex;
    for round in 0..20 {
        let queue = Box::new(Queue::<u64, 2, RobustFutex>::new());
        let jobs = queue.handle(Participant::LOCAL);
        assert!(give_up(jobs.pop_async(), 2).is_none());
        thread::scope(|scope| {
            scope.spawn(|| {
                block_on(async { (jobs.push_async(round).await, jobs.push_async(1).await) })
            });
            assert_eq!(block_on(jobs.pop_async()), Ok(round));
        });
    }
}

#[test]
fn a_mutex_that_many_await_counts_right() {
    let region = Region::anonymous(&layout()).unwrap();
    let total = region.part::<Total>("total").unwrap();
    thread::scope(|scope| {
        for task in 0..4 {
            let total = total.clone();
            scope.spawn(move || {
                for _ in 0..500 {
                    if task == 0 {
                        *total.lock().unwrap() += 1;
                    } else {
                        *block_on(total.lock_async()).unwrap() += 1;
                    }
                }
            });
        }
    });
    assert_eq!(*block_on(total.lock_async()).unwrap(), 2000);
}
