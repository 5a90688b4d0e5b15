//! Locks in memory that real processes share; some of them are killed while they hold a lock.
//!
//! The processes are forked, so this program has one thread and no standard harness. A child runs
//! only its closure, and dies with this process.

use ringway::CoreError;
use ringway::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, OwnerDied, ReentrantMutex,
    RwLock, Semaphore, Thread, ThreadId, TryLockResult,
};
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

macro_rules! tests {
    ($($name:ident)*) => { const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name),)*]; };
}

tests! {
    two_processes_count_exactly
    a_killed_holders_mutex_goes_to_a_sleeper
    a_killed_sleeper_does_not_hold_up_a_mutex
    random_kills_lose_no_report_of_a_death
    a_killed_holders_reentrant_mutex_is_freed
    a_thread_has_another_number_after_a_fork
    a_killed_writer_is_reported_and_replaced
    a_killed_readers_slot_is_freed
    bounded_permits_of_a_killed_holder_come_back
    permits_without_a_recorded_owner_stay_taken
    a_notification_reaches_the_living
    a_conditions_mutex_is_freed_from_a_killed_holder
    an_event_wakes_all_waiters
    a_barrier_is_broken_by_a_death
    three_processes_pass_a_barrier_every_round
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in TESTS {
        if !words.is_empty() && !words.iter().any(|word| name.contains(*word)) {
            continue;
        }
        // Ends a test that hangs, and its children with it.
        // SAFETY: `alarm` takes a number alone, and cannot fail.
        unsafe { libc::alarm(120) };
        let passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A zeroed value in memory that forked processes share.
struct Shared<T> {
    at: *mut T,
}

impl<T> Shared<T> {
    /// # Safety
    /// All-zero bytes are a valid `T`.
    unsafe fn zeroed() -> Shared<T> {
        // SAFETY: a new anonymous mapping, at an address that the kernel chooses: it covers nothing
        // that is in use.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<T>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(at, libc::MAP_FAILED);
        Shared { at: at.cast() }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping lives until the drop and is aligned to a page. It began as zeroes,
        // which are a valid value by the condition of `zeroed`.
        unsafe { &*self.at }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: `zeroed` made this mapping, and nothing borrows from it any more.
        unsafe { libc::munmap(self.at.cast(), size_of::<T>()) };
    }
}

/// A zeroed value that forked processes share.
fn shared<T: Fresh>() -> Shared<T> {
    // SAFETY: `T: Fresh`, so that all-zero bytes are a valid `T`.
    unsafe { Shared::zeroed() }
}

/// # Safety
/// All-zero bytes are a valid value.
unsafe trait Fresh {}

macro_rules! fresh {
    ($($ty:ty)*) => {
        // SAFETY: the core guarantees that zeroes are a fresh lock if its `W` has no size. Zeroes
        // are a valid integer too.
        $(unsafe impl Fresh for $ty {})*
    };
}

type Word = AtomicU32;
type Counter = Mutex<[u32; 2], Futex>;
type Recursive = ReentrantMutex<std::cell::Cell<u32>, Futex>;
type Readers = RwLock<u32, 3, Futex>;

fresh! {
    (Counter, Word)
    (Recursive, Word)
    (Readers, Word)
    (BoundedSemaphore<3, Futex>, Word)
    (Semaphore<2, Futex>, Word)
    (Counter, Condition<Futex>, Word)
    ([Event<Futex>; 2], Word)
    (Barrier<2, Futex>, Word)
    (Barrier<3, Futex>, Word)
}

/// A forked child process.
struct Child(libc::pid_t);

impl Child {
    /// Runs `play` in a child, which then exits: with 0, or with 101 after a panic.
    fn play(play: impl FnOnce()) -> Child {
        // SAFETY: this process has one thread, so that the child may call any function.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid == 0 {
            // SAFETY: the call takes numbers alone, and accesses no memory.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            let status = if catch_unwind(AssertUnwindSafe(play)).is_ok() { 0 } else { 101 };
            // SAFETY: `_exit` ends the child at once, and runs no handlers.
            unsafe { libc::_exit(status) };
        }
        Child(pid)
    }

    /// Waits for the child, and returns its status as `waitpid` reports it.
    fn status(&mut self) -> libc::c_int {
        let mut status = -1;
        // SAFETY: the process is a child that was not waited for yet, and `waitpid` writes to the
        // status variable alone.
        assert_eq!(unsafe { libc::waitpid(self.0, &mut status, 0) }, self.0);
        self.0 = 0;
        status
    }

    fn join(mut self) {
        assert_eq!(self.status(), 0, "the child panicked");
    }

    fn kill(mut self) {
        // SAFETY: the process is a child that was not waited for yet, so that the number is still
        // its own.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        let status = self.status();
        assert!(libc::WIFSIGNALED(status), "it ended before it was killed: {status}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: the process is a child that was not waited for yet, so that the number is
            // still its own.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
            self.status();
        }
    }
}

fn participant(number: u16) -> Participant {
    Participant::new(number).expect("a small number")
}

const DEAD: u16 = 1;

fn in_ms(ms: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(ms))
}

fn soon() -> Option<Instant> {
    in_ms(60_000)
}

/// Reports that this process has come to the agreed point.
fn say(word: &Word) {
    word.fetch_add(1, Ordering::SeqCst);
}

/// Waits until `count` processes have reported.
fn hear(word: &Word, count: u32) {
    let end = Instant::now() + Duration::from_secs(60);
    while word.load(Ordering::SeqCst) < count {
        assert!(Instant::now() < end, "a child did not come to where it was to come");
        pause(1);
    }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

fn for_ever() -> ! {
    loop {
        pause(1_000);
    }
}

/// Returns the lock as its dead holder left it.
fn told<G>(answer: TryLockResult<G>) -> OwnerDied<G> {
    match answer {
        Err(LockError::OwnerDied(died)) => died,
        Err(LockError::NotTaken(error)) => panic!("not handed over: {error}"),
        Ok(_) => panic!("nobody was told"),
    }
}

/// Returns the reason why the lock was not taken.
fn refused<G>(answer: TryLockResult<G>) -> CoreError {
    match answer {
        Err(LockError::NotTaken(error)) => error,
        _ => panic!("somebody holds it"),
    }
}

/// Runs `play` in a child, as participant `DEAD`, and kills the child once `play` has returned.
fn killed(word: &Word, play: impl FnOnce(Participant)) {
    let before = word.load(Ordering::SeqCst);
    let child = Child::play(|| {
        play(participant(DEAD));
        say(word);
        for_ever();
    });
    hear(word, before + 1);
    child.kill();
}

fn two_processes_count_exactly() {
    const EACH: u32 = 100_000;
    let shared = shared::<(Counter, Word)>();
    let add = |me: u16| {
        let handle = shared.0.handle(participant(me));
        for _ in 0..EACH {
            let mut count = handle.lock_deadline(soon()).expect("free soon");
            count[0] += 1;
        }
    };
    let children = [1, 2].map(|me| Child::play(move || add(me)));
    children.into_iter().for_each(Child::join);
    assert_eq!(shared.0.lock().unwrap()[0], 2 * EACH);
}

fn a_killed_holders_mutex_goes_to_a_sleeper() {
    let shared = shared::<(Counter, Word)>();
    let (counter, word) = &*shared;
    killed(word, |me| {
        let handle = counter.handle(me);
        let mut count = handle.lock().unwrap();
        count[0] = 10;
        std::mem::forget(count);
    });
    assert_eq!(counter.holder(), Participant::new(DEAD));
    assert_eq!(refused(counter.lock_deadline(in_ms(20))), CoreError::TimedOut);
    let sleeper = Child::play(|| {
        say(word);
        let handle = counter.handle(participant(2));
        let died = told(handle.lock_deadline(soon()));
        drop(died.repair(|count| {
            assert_eq!(**count, [10, 0]);
            **count = [11, 11];
        }));
    });
    hear(word, 2);
    pause(20);
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { counter.recover(participant(DEAD)) });
    sleeper.join();
    let Ok(count) = counter.lock() else { panic!("it was repaired") };
    assert_eq!(*count, [11, 11]);
}

fn a_killed_sleeper_does_not_hold_up_a_mutex() {
    let shared = shared::<(Counter, Word)>();
    let (counter, word) = &*shared;
    let guard = counter.lock();
    let sleeper = Child::play(|| {
        say(word);
        std::mem::forget(counter.handle(participant(DEAD)).lock());
    });
    let next = Child::play(|| {
        say(word);
        counter.handle(participant(2)).lock_deadline(soon()).expect("woken")[0] += 1;
    });
    hear(word, 2);
    pause(20);
    sleeper.kill();
    drop(guard);
    next.join();
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(!unsafe { counter.recover(participant(DEAD)) }, "it held nothing");
    let Ok(count) = counter.lock() else { panic!("nobody died with it") };
    assert_eq!(*count, [1, 0]);
}

/// Each process adds one to both numbers, one after the other. A process that finds them different,
/// and is not told of a death, has found half a change.
fn random_kills_lose_no_report_of_a_death() {
    let shared = shared::<(Counter, Word)>();
    let (counter, repairs) = &*shared;
    let play = |me: u16| {
        Child::play(move || {
            let handle = counter.handle(participant(me));
            loop {
                // If a process dies between the release and the wake-up, `recover` wakes instead.
                let mut both = handle.lock().unwrap_or_else(|died| {
                    repairs.fetch_add(1, Ordering::Relaxed);
                    died.repair(|both| both[1] = both[0])
                });
                assert_eq!(both[0], both[1], "found a half change and was not told");
                both[0] = both[0].wrapping_add(1);
                std::hint::black_box(&mut *both);
                both[1] = both[1].wrapping_add(1);
            }
        })
    };
    let mut children: Vec<_> = [1, 2, 3].map(|me| (me, Some(play(me)))).into();
    let mut recovered = 0;
    for round in 0..150_u64 {
        std::thread::sleep(Duration::from_micros(200 + round * 7919 % 1500));
        let (me, child) = &mut children[round as usize % 3];
        child.take().expect("each has one").kill();
        // SAFETY: the child has ended and was waited for, so that it takes no further step and its
        // writes are visible.
        recovered += u32::from(unsafe { counter.recover(participant(*me)) });
        *child = Some(play(*me));
    }
    for (me, child) in &mut children {
        child.take().expect("each has one").kill();
        // SAFETY: the child has ended and was waited for, so that it takes no further step and its
        // writes are visible.
        recovered += u32::from(unsafe { counter.recover(participant(*me)) });
    }
    let both = counter.lock().unwrap_or_else(|died| died.repair(|both| both[1] = both[0]));
    assert_eq!(both[0], both[1]);
    assert!(both[0] > 0 && recovered > 0, "{} steps, {recovered} died with it", both[0]);
    assert!(repairs.load(Ordering::Relaxed) <= recovered);
}

fn a_killed_holders_reentrant_mutex_is_freed() {
    let shared = shared::<(Recursive, Word)>();
    let (lock, word) = &*shared;
    killed(word, |me| {
        let handle = lock.handle(me);
        let outer = handle.lock().unwrap();
        outer.set(10);
        std::mem::forget((lock.handle(me).lock().unwrap(), outer));
    });
    assert_eq!(refused(lock.try_lock()), CoreError::WouldBlock);
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { lock.recover(participant(DEAD)) });
    let outer = told(lock.lock()).repair(|value| value.set(0));
    assert!(lock.lock().is_ok(), "the same thread again");
    drop(outer);
    assert_eq!(lock.holder(), None);
}

fn a_thread_has_another_number_after_a_fork() {
    let mine = Thread::thread_id();
    assert_eq!(mine.get(), std::process::id(), "the main thread's is the process's");
    Child::play(|| assert_eq!(Thread::thread_id().get(), std::process::id())).join();
    assert_eq!(Thread::thread_id(), mine);
}

fn a_killed_writer_is_reported_and_replaced() {
    let shared = shared::<(Readers, Word)>();
    let (lock, word) = &*shared;
    killed(word, |me| {
        let handle = lock.handle(me);
        let mut value = handle.write().unwrap();
        *value = 10;
        std::mem::forget(value);
    });
    let reader = Child::play(|| {
        say(word);
        let handle = lock.handle(participant(2));
        let died = told(handle.read_deadline(soon()));
        assert_eq!(*died.into_inner(), 10);
    });
    hear(word, 2);
    pause(20);
    assert_eq!(lock.writer(), Participant::new(DEAD));
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { lock.recover(participant(DEAD)) });
    reader.join();
    drop(told(lock.write_deadline(soon())).repair(|value| **value = 0));
    assert!(lock.read().is_ok());
}

fn a_killed_readers_slot_is_freed() {
    let shared = shared::<(Readers, Word)>();
    let (lock, word) = &*shared;
    killed(word, |me| std::mem::forget([lock.handle(me).read(), lock.handle(me).read()]));
    let writer = Child::play(|| {
        say(word);
        let handle = lock.handle(participant(2));
        *handle.write_deadline(soon()).expect("handed over, and a reader changes nothing") = 5;
    });
    hear(word, 2);
    pause(20);
    assert_eq!(lock.readers(), 2);
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { lock.recover(participant(DEAD)) });
    writer.join();
    assert_eq!(*lock.read().unwrap(), 5);
}

fn bounded_permits_of_a_killed_holder_come_back() {
    let shared = shared::<(BoundedSemaphore<3, Futex>, Word)>();
    let (places, word) = &*shared;
    killed(word, |me| {
        places.handle(me).acquire().keep();
        std::mem::forget(places.handle(me).acquire());
    });
    let mine = places.acquire();
    assert_eq!(places.permits(), 0);
    let sleepers = [2, 3].map(|me| {
        Child::play(move || {
            say(word);
            places.handle(participant(me)).acquire_deadline(soon()).expect("one came back").keep();
        })
    });
    hear(word, 3);
    pause(20);
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert_eq!(unsafe { places.recover(participant(DEAD)) }, 2);
    sleepers.into_iter().for_each(Child::join);
    drop(mine);
    assert_eq!(places.permits(), 1, "what they kept stays theirs until they are recovered");
    for me in [2, 3] {
        // SAFETY: the children have ended and were waited for, so that they take no further step
        // and their writes are visible.
        assert_eq!(unsafe { places.recover(participant(me)) }, 1);
    }
    assert_eq!(places.permits(), 3);
}

fn permits_without_a_recorded_owner_stay_taken() {
    let shared = shared::<(Semaphore<2, Futex>, Word)>();
    let (semaphore, word) = &*shared;
    killed(word, |_| semaphore.acquire());
    assert!(semaphore.try_acquire().is_ok());
    assert_eq!(semaphore.acquire_deadline(in_ms(20)), Err(CoreError::TimedOut));
    let sleepers = [2, 3].map(|_| {
        Child::play(|| {
            say(word);
            semaphore.acquire_deadline(soon()).expect("one for each");
        })
    });
    hear(word, 3);
    pause(20);
    semaphore.release(1).unwrap();
    semaphore.release(1).unwrap();
    sleepers.into_iter().for_each(Child::join);
    assert_eq!(semaphore.permits(), 0);
}

fn a_notification_reaches_the_living() {
    let shared = shared::<(Counter, Condition<Futex>, Word)>();
    let (jobs, more, word) = &*shared;
    let take = |me: u16| {
        Child::play(move || {
            let handle = jobs.handle(participant(me));
            let count = handle.lock().unwrap();
            // Reports while it holds the mutex: a process that hears it and then takes the mutex
            // finds this one waiting.
            say(word);
            let (mut count, waited) =
                more.wait_while_deadline(count, soon(), |count| count[0] == 0).unwrap();
            waited.expect("notified");
            count[0] -= 1;
        })
    };
    let (dies, lives) = (take(DEAD), take(2));
    hear(word, 2);
    drop(jobs.lock());
    pause(20);
    dies.kill();
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    unsafe { jobs.recover(participant(DEAD)) };
    jobs.lock().unwrap()[0] += 1;
    more.notify(1);
    lives.join();
    assert_eq!(jobs.lock().unwrap()[0], 0);
}

fn a_conditions_mutex_is_freed_from_a_killed_holder() {
    let shared = shared::<(Counter, Condition<Futex>, Word)>();
    let (jobs, more, word) = &*shared;
    let waiter = Child::play(|| {
        let handle = jobs.handle(participant(2));
        let count = handle.lock().unwrap();
        say(word);
        assert!(more.wait_while_deadline(count, soon(), |count| count[0] == 0).is_err());
    });
    hear(word, 1);
    killed(word, |me| {
        let handle = jobs.handle(me);
        let mut count = handle.lock().unwrap();
        count[0] = 1;
        more.notify(1);
        std::mem::forget(count);
    });
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { jobs.recover(participant(DEAD)) });
    waiter.join();
}

fn an_event_wakes_all_waiters() {
    let shared = shared::<([Event<Futex>; 2], Word)>();
    let ([start, end], word) = &*shared;
    let waiters = [(); 3].map(|()| {
        Child::play(|| {
            start.wait_deadline(soon()).expect("it was set");
            say(word);
            end.wait_deadline(soon()).expect("it was set");
        })
    });
    pause(20);
    start.set();
    hear(word, 3);
    assert_eq!(end.wait_deadline(in_ms(1)), Err(CoreError::TimedOut));
    Child::play(|| end.set()).join();
    waiters.into_iter().for_each(Child::join);
    assert!(end.is_set());
}

fn a_barrier_is_broken_by_a_death() {
    let shared = shared::<(Barrier<3, Futex>, Word)>();
    let barrier = &shared.0;
    let waits = |me: u16, expected: Result<(), CoreError>| {
        Child::play(move || {
            let met = barrier.handle(participant(me)).wait_deadline(soon()).map(|_| ());
            assert_eq!(met, expected);
        })
    };
    let dies = waits(DEAD, Ok(()));
    let hears = waits(2, Err(CoreError::Broken));
    let end = Instant::now() + Duration::from_secs(60);
    while barrier.waiting() < 2 {
        assert!(Instant::now() < end, "they did not come");
        pause(1);
    }
    pause(20);
    dies.kill();
    // SAFETY: the child has ended and was waited for, so that it takes no further step and its
    // writes are visible.
    assert!(unsafe { barrier.recover(participant(DEAD)) });
    hears.join();
    assert!(barrier.is_broken());
    barrier.reset();
    let others = [2, 3].map(|me| waits(me, Ok(())));
    barrier.wait_deadline(soon()).expect("all came");
    others.into_iter().for_each(Child::join);
}

fn three_processes_pass_a_barrier_every_round() {
    let shared = shared::<(Barrier<3, Futex>, Word)>();
    let (barrier, came) = &*shared;
    let children = [1, 2, 3].map(|me| {
        Child::play(move || {
            let handle = barrier.handle(participant(me));
            for round in 1..=300 {
                say(came);
                handle.wait_deadline(soon()).expect("all come");
                assert!((3 * round..3 * round + 3).contains(&came.load(Ordering::SeqCst)));
                handle.wait_deadline(soon()).expect("all come");
            }
        })
    });
    children.into_iter().for_each(Child::join);
}
