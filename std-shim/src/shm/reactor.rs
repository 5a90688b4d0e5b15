//! Tasks that sleep on words of shared memory.
//!
//! A task cannot sleep on a futex itself: it must leave its thread to others. So threads of this
//! module, the *helpers*, sleep on behalf of all tasks of the process. One helper sleeps on up to
//! [`MOST`] words at a time, by `futex_waitv(2)`, and wakes the tasks of those that change. It also
//! checks for dead participants, as every sleeper in a region does.
//!
//! A word stays in a helper's list for a while after its tasks were woken: a task that comes back
//! to it, as most do, then needs no system call to be heard.
//!
//! To the others that sleep on a word, a helper is one sleeper among them, and the wake-up of a
//! lock is for one. So a helper that was woken passes the wake-up on where it has no task for it.
//!
//! A helper is started when there is a word for it, and ends when it has had none for a second.
//! Where the system lacks `futex_waitv(2)` (Linux before 5.16), a helper has one word.

use super::registry;
use super::vigil::DETECTION_BOUND;
use crate::sys::lock;
use crate::wait::{has_waitv, wait_for_one_of, wait_of};
use ringway_core::sync::AtomicU32;
use rustix::io::Errno;
use rustix::thread::futex;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::{self, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

/// The most words that one helper sleeps on. The kernel takes 128, and one is the helper's own.
const MOST: usize = 127;

/// How long a helper without words waits for the next.
const LINGER: Duration = Duration::from_secs(1);

/// How often a word without tasks may wake its helper before it leaves the list.
const MOST_IN_VAIN: u8 = 4;

/// The helpers of one process. A forked copy of the process has none of the threads, and makes its
/// own.
#[derive(Debug)]
struct Reactor {
    process: u32,
    helpers: Mutex<Vec<Arc<Helper>>>,
}

/// The reactor of this process, or of the one that it was forked from; null before there is one. It
/// is never freed: the process it was made in may still use it, and a copy may have been forked
/// while somebody held its lock.
static REACTOR: AtomicPtr<Reactor> = AtomicPtr::new(ptr::null_mut());

fn this_process() -> Option<&'static Reactor> {
    // SYNC POINT with the exchange in `Reactor::get`, acquire: the reactor is seen as it was made.
    let at = NonNull::new(REACTOR.load(Ordering::Acquire))?;
    // SAFETY: it was leaked by `Reactor::get`, so that it lives for ever.
    let reactor = unsafe { at.as_ref() };
    (reactor.process == std::process::id()).then_some(reactor)
}

impl Reactor {
    /// The reactor of this process.
    fn get() -> &'static Reactor {
        loop {
            // Relaxed: only the exchange below depends on the value.
            let before = REACTOR.load(Ordering::Relaxed);
            if let Some(reactor) = this_process() {
                return reactor;
            }
            let new = Reactor { process: std::process::id(), helpers: Mutex::new(Vec::new()) };
            let new = Box::into_raw(Box::new(new));
            // SYNC POINT with the load in `this_process`, release: a thread that sees the pointer
            // sees the reactor. Relaxed when it fails: the loop loads the pointer again.
            if REACTOR.compare_exchange(before, new, Ordering::Release, Ordering::Relaxed).is_err()
            {
                // SAFETY: it was made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}

/// Sees to it that there is a helper.
///
/// # Errors
/// When there is none, and the system starts no thread.
pub(super) fn start() -> io::Result<()> {
    let reactor = Reactor::get();
    let mut helpers = lock(&reactor.helpers);
    if helpers.is_empty() {
        helpers.push(Helper::start(reactor)?);
    }
    Ok(())
}

/// Has the task of `waker` woken: at once if the word is not `expected`, else when the word changes
/// and somebody wakes its sleepers.
pub(super) fn register(word: &AtomicU32, expected: u32, waker: &Waker) {
    sleep_on(word, expected, waker);
    // Other tasks may have brought the word with a newer value, which the helper then waits to
    // change. Relaxed: no partner. The task checks its condition again, and that check acquires.
    if word.load(Ordering::Relaxed) != expected {
        waker.wake_by_ref();
    }
}

/// Gives the word to a helper.
fn sleep_on(word: &AtomicU32, expected: u32, waker: &Waker) {
    let address = ptr::from_ref(word).expose_provenance();
    // Cloned first, and dropped last if it is not needed: a waker is foreign code, and does not run
    // while the locks are held.
    let mut mine = Some(waker.clone());
    let reactor = Reactor::get();
    let is_known = |helper: &Arc<Helper>| helper.sleeps_on(address, expected, &mut mine);
    if lock(&reactor.helpers).iter().any(is_known) {
        return;
    }
    // Without the locks: the last user of a region may go meanwhile, which takes them.
    let in_region = registry::at(address).is_some();
    let word = Word { expected, in_region, in_vain: 0, wakers: Vec::new() };
    {
        // Another task may bring the same word now. Then it is in two lists, and does no harm.
        let mut helpers = lock(&reactor.helpers);
        if helpers.iter().any(|helper| helper.take(address, &word, &mut mine)) {
            return;
        }
        if let Ok(helper) = Helper::start(reactor) {
            helper.take(address, &word, &mut mine);
            helpers.push(helper);
        }
    }
    // There is no thread to be had. So the task checks again and again, which is slow, and right.
    if let Some(mine) = mine.take() {
        mine.wake();
    }
}

/// Forgets the words in a mapping that is about to go. No task waits for them: its future would
/// keep the mapping.
pub(super) fn forget(mapping: Range<usize>) {
    let Some(reactor) = this_process() else { return };
    // Dropped after the locks are released: wakers are foreign code.
    let mut wakers = Vec::new();
    for helper in lock(&reactor.helpers).iter() {
        let mut words = lock(&helper.words);
        let mut gone = Vec::new();
        while let Some((&address, _)) = words.range(mapping.clone()).next() {
            wakers.extend(words.remove(&address).map(|word| word.wakers));
            gone.push(address);
        }
        drop(words);
        helper.leave(&gone);
    }
}

/// Wakes the tasks of this process that sleep on a word, and forgets their wakers: one of them gave
/// up, and nobody knows whose waker it left. The others check again.
pub(super) fn give_up(word: &AtomicU32) {
    let Some(reactor) = this_process() else { return };
    let address = ptr::from_ref(word).addr();
    let mut due = Vec::new();
    for helper in lock(&reactor.helpers).iter() {
        if let Some(word) = lock(&helper.words).get_mut(&address) {
            due.append(&mut word.wakers);
        }
    }
    wake_each(&mut due);
}

/// A waker that panics harms its own task alone.
fn wake_each(due: &mut Vec<Waker>) {
    for waker in due.drain(..) {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// Wakes sleepers of the word at an address.
fn wake_at(address: usize, n: u32) {
    let word = ptr::with_exposed_provenance::<atomic::AtomicU32>(address);
    // SAFETY: the kernel checks the address, and does not write there. If the memory is gone or is
    // another's, somebody wakes for no reason, at most.
    unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, n.min(i32::MAX as u32)) };
}

/// A word that tasks sleep on, in this process.
#[derive(Debug, Clone)]
struct Word {
    /// What the word was when the first of these tasks came, or when a helper last checked it.
    expected: u32,
    /// Whether it lies in a region, whose mapping calls `forget` before it goes.
    in_region: bool,
    /// How often it changed while no task of this process slept on it.
    in_vain: u8,
    wakers: Vec<Waker>,
}

/// What has become of a word.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Same,
    /// It changed, and may be another value now.
    Changed(u32),
    /// There is no memory at its address.
    Gone,
}

impl Word {
    /// Adds a task to those that sleep on the word.
    fn add(&mut self, expected: u32, waker: &mut Option<Waker>) {
        if self.wakers.is_empty() {
            // The helper sleeps on the word already, or is about to. If it has another value in
            // mind, it wakes up at once and finds this one.
            (self.expected, self.in_vain) = (expected, 0);
        }
        // Other tasks may have come when the word was another. They stay with that, and if it has
        // changed since, all are woken.
        let is_known = |waker: &Waker| self.wakers.iter().any(|known| known.will_wake(waker));
        if waker.as_ref().is_some_and(|waker| !is_known(waker)) {
            self.wakers.extend(waker.take());
        }
        // A waker that is known is not needed again. Its owner drops it.
    }

    fn look(&self, address: usize) -> Found {
        if self.in_region {
            let word = ptr::with_exposed_provenance::<AtomicU32>(address);
            // SAFETY: a caller gave a reference to the word, which lies in a region. The mapping
            // calls `forget` before it goes, which waits for the lock that the caller has. Its
            // provenance was exposed by `take`.
            let word = unsafe { &*word };
            // Relaxed: no partner. The task checks its condition again, and that check acquires.
            return match word.load(Ordering::Relaxed) {
                now if now == self.expected => Found::Same,
                now => Found::Changed(now),
            };
        }
        // Elsewhere the memory may be gone: the kernel can tell.
        match wait_for_one_of(&[wait_of(address, self.expected)], Duration::ZERO) {
            Err(Errno::TIMEDOUT) => Found::Same,
            Err(Errno::FAULT) => Found::Gone,
            // Which value it has is not known. A task that comes says what it expects.
            _ => Found::Changed(self.expected),
        }
    }
}

/// A thread that sleeps on words, and what it sleeps on.
#[derive(Debug)]
struct Helper {
    words: Mutex<BTreeMap<usize, Word>>,
    /// The word by which the helper is called: it counts the new words.
    calls: atomic::AtomicU32,
}

impl Helper {
    /// Starts a helper. The caller has the lock of the reactor's list, and puts it there.
    fn start(reactor: &'static Reactor) -> io::Result<Arc<Helper>> {
        let helper = Arc::new(Helper {
            words: Mutex::new(BTreeMap::new()),
            calls: atomic::AtomicU32::new(0),
        });
        let theirs = helper.clone();
        let thread = thread::Builder::new().name("ringway-tasks".to_owned());
        thread.spawn(move || theirs.run(reactor))?;
        Ok(helper)
    }

    /// Adds a task to those that sleep on a word, if this helper has that word; whether it has.
    fn sleeps_on(&self, address: usize, expected: u32, waker: &mut Option<Waker>) -> bool {
        let mut words = lock(&self.words);
        let Some(word) = words.get_mut(&address) else { return false };
        word.add(expected, waker);
        true
    }

    /// Takes a new word with its first task, if there is room; whether there was.
    fn take(&self, address: usize, word: &Word, waker: &mut Option<Waker>) -> bool {
        let mut words = lock(&self.words);
        // Another task may have brought it since this one asked.
        if let Some(known) = words.get_mut(&address) {
            known.add(word.expected, waker);
            return true;
        }
        if words.len() == MOST {
            let mut gone = Vec::new();
            words.retain(|&address, word| {
                let stays = !word.wakers.is_empty();
                gone.extend((!stays).then_some(address));
                stays
            });
            self.leave(&gone);
        }
        if words.len() >= if has_waitv() { MOST } else { 1 } {
            return false;
        }
        let mut word = word.clone();
        word.wakers.extend(waker.take());
        words.insert(address, word);
        drop(words);
        // Relaxed: the lock orders the map. The helper reads the count before it takes the lock, so
        // that a helper that has missed the word finds another count, and does not sleep.
        self.calls.fetch_add(1, Ordering::Relaxed);
        // It fails only for a bad address.
        let _ = futex::wake(&self.calls, futex::Flags::empty(), 1);
        true
    }

    /// Ends the helper's sleep on words that left its list while it sleeps, so that it takes no
    /// wake-up of theirs. If it has taken one, another sleeper gets it now.
    fn leave(&self, gone: &[usize]) {
        if gone.is_empty() {
            return;
        }
        // Relaxed: as in `take`. A helper that has listed one of the words, and does not sleep yet,
        // finds another count.
        self.calls.fetch_add(1, Ordering::Relaxed);
        gone.iter().for_each(|&address| wake_at(address, u32::MAX));
    }

    fn run(self: Arc<Self>, reactor: &'static Reactor) {
        let (mut list, mut due) = (Vec::with_capacity(MOST + 1), Vec::new());
        let (mut was_woken, mut idle) = (false, Vec::new());
        let (mut checked, mut idle_since) = (Instant::now(), None);
        loop {
            // Relaxed: see `take`.
            let calls = self.calls.load(Ordering::Relaxed);
            list.clear();
            list.push(wait_of(ptr::from_ref(&self.calls).addr(), calls));
            idle.clear();
            self.check(&mut list, &mut due, &mut idle);
            wake_each(&mut due);
            // The kernel names one word that was woken, and there may be more. A task that was
            // woken and gives up passes the wake-up on itself.
            if was_woken {
                idle.iter().for_each(|&address| wake_at(address, 1));
            }
            let has_words = list.len() > 1;
            let now = Instant::now();
            if has_words {
                idle_since = None;
                if now.duration_since(checked) >= DETECTION_BOUND {
                    checked = now;
                    was_woken = false;
                    self.watch();
                    continue;
                }
            } else if now.duration_since(*idle_since.get_or_insert(now)) >= LINGER
                && self.ends(reactor)
            {
                return;
            }
            was_woken = self.sleep(&list, if has_words { DETECTION_BOUND } else { LINGER });
        }
    }

    /// Finds the tasks that are due, lists what to sleep on, and the words that have no tasks.
    fn check(&self, list: &mut Vec<futex::Wait>, due: &mut Vec<Waker>, idle: &mut Vec<usize>) {
        lock(&self.words).retain(|&address, word| {
            idle.extend(word.wakers.is_empty().then_some(address));
            match word.look(address) {
                Found::Same => (),
                Found::Changed(now) => {
                    word.in_vain = if word.wakers.is_empty() { word.in_vain + 1 } else { 0 };
                    word.expected = now;
                    due.append(&mut word.wakers);
                }
                Found::Gone => {
                    due.append(&mut word.wakers);
                    return false;
                }
            }
            // Outside a region a word that has no tasks cannot be watched: its value is not known.
            let stays = !word.wakers.is_empty() || word.in_region && word.in_vain < MOST_IN_VAIN;
            if stays {
                list.push(wait_of(address, word.expected));
            }
            stays
        });
    }

    /// Checks for dead participants, where tasks sleep. Lets go of words that nobody has come back
    /// to.
    fn watch(&self) {
        let mut addresses = Vec::new();
        lock(&self.words).retain(|&address, word| {
            word.in_vain = word.in_vain.saturating_add(u8::from(word.wakers.is_empty()));
            if word.in_region && !word.wakers.is_empty() {
                addresses.push(address);
            }
            !word.wakers.is_empty() || word.in_vain < MOST_IN_VAIN
        });
        // Without the lock: a recovery may take long, and the last user of a region may go
        // meanwhile, which takes it.
        let mut region: Option<Arc<dyn registry::AttachedRegion>> = None;
        for address in addresses {
            // In the order of the addresses, all words of a region follow each other.
            if !region.as_ref().is_some_and(|region| region.contains(address)) {
                region = registry::at(address);
                region.iter().for_each(|region| region.reap_if_due(false));
            }
        }
    }

    /// Whether the thread ends: there is still no word for it.
    fn ends(&self, reactor: &Reactor) -> bool {
        // Words come under this lock.
        let mut helpers = lock(&reactor.helpers);
        let ends = lock(&self.words).is_empty();
        if ends {
            helpers.retain(|one| !ptr::eq(&**one, self));
        }
        ends
    }

    /// Sleeps; whether a wake-up of one of the words ended it. What changed, the next check finds.
    fn sleep(&self, list: &[futex::Wait], most: Duration) -> bool {
        // Where a thread can sleep on one word only, a new word comes with a new thread.
        let first = if has_waitv() { 0 } else { list.len() - 1 };
        // The first word of the list is the helper's own.
        wait_for_one_of(&list[first..], most).is_ok_and(|woken| first + woken > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::{self, Layout, Region, RobustFutex};
    use ringway_core::wait::{Register, Wake};

    /// In which a thread falls asleep. The helper, which came first, stays asleep for five of them.
    const PAUSE: Duration = Duration::from_millis(20);

    /// A thread sleeps on the word behind the helper, and then comes a wake-up for one sleeper,
    /// for which the helper has no task. Whether the thread got it.
    fn a_thread_gets_it(word: &AtomicU32, expected: u32) -> bool {
        thread::sleep(PAUSE);
        thread::scope(|scope| {
            let address = ptr::from_ref(word).addr();
            let sleeper = scope.spawn(move || {
                // Much longer than all of this test. If it comes late, the word has changed.
                let woken = wait_for_one_of(&[wait_of(address, expected)], LINGER * 20);
                woken != Err(Errno::TIMEDOUT)
            });
            thread::sleep(PAUSE);
            word.store(expected + 1, Ordering::Relaxed);
            RobustFutex.wake(word, 1);
            sleeper.join().unwrap()
        })
    }

    /// A word of a region that this test alone uses, with a task that sleeps on it.
    fn with_a_task(test: impl FnOnce(&AtomicU32)) {
        // One at a time: what happens to other words would have the helper sleep anew, behind the
        // thread.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = lock(&ALONE);
        let region = Region::anonymous(&Layout::new(1).part::<shm::Mutex<u32>>("lock").unwrap());
        let region = region.unwrap();
        let part = region.part::<shm::Mutex<u32>>("lock").unwrap();
        // SAFETY: a mutex begins with its word, which is an atomic.
        let word = unsafe { &*ptr::from_ref(part.structure()).cast::<AtomicU32>() };
        RobustFutex.register(word, 0, Waker::noop());
        thread::sleep(PAUSE);
        test(word);
    }

    #[test]
    fn a_wake_up_that_no_task_needs_is_passed_on() {
        with_a_task(|word| {
            // The task is woken and does not come back. The helper keeps the word for a while.
            word.store(1, Ordering::Relaxed);
            RobustFutex.wake(word, 1);
            assert!(a_thread_gets_it(word, 1));
        });
    }

    #[test]
    fn a_task_that_gave_up_gets_no_wake_up() {
        with_a_task(|word| {
            RobustFutex.pass_on(word);
            assert!(a_thread_gets_it(word, 0));
        });
    }

    #[test]
    fn a_helper_takes_no_wake_up_of_a_forgotten_word() {
        with_a_task(|word| {
            let address = ptr::from_ref(word).addr();
            forget(address..address + 1);
            assert!(a_thread_gets_it(word, 0));
        });
    }
}

#[cfg(test)]
mod at_once {
    use super::*;
    use std::task::Wake;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    /// Both have found that no helper has the word.
    #[test]
    fn tasks_that_bring_one_word_at_once_both_stay() {
        let helper =
            Helper { words: Mutex::new(BTreeMap::new()), calls: atomic::AtomicU32::new(0) };
        let word = Word { expected: 7, in_region: true, in_vain: 0, wakers: Vec::new() };
        for _ in 0..2 {
            assert!(helper.take(4096, &word, &mut Some(Arc::new(Nothing).into())));
        }
        assert_eq!(lock(&helper.words)[&4096].wakers.len(), 2);
    }
}
