//! A watchdog: an operation that takes ten seconds of its thread's time has no end, and the
//! program is aborted with what to do to see it again.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The time that an operation may take, of its thread's time.
const MOST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Watched {
    steps: AtomicU64,
    what: Mutex<String>,
}

thread_local! {
    static WATCHED: OnceCell<Arc<Watched>> = const { OnceCell::new() };
}

/// The time that a thread has run.
fn time_of(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a place for the answer. A clock of a thread that has ended is an error.
    let answer = unsafe { libc::clock_gettime(clock, &mut time) };
    (answer == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn begin() -> Arc<Watched> {
    let mut clock = 0;
    // SAFETY: a thread always names itself.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: `this` is this thread, and `clock` is a place for the answer.
    let answer = unsafe { libc::pthread_getcpuclockid(this, &mut clock) };
    assert_eq!(answer, 0, "this thread has a clock");
    let watched = Arc::new(Watched::default());
    let seen = Arc::downgrade(&watched);
    std::thread::spawn(move || {
        let (mut steps, mut since) = (0, Duration::ZERO);
        while let (Some(watched), Some(now)) = (seen.upgrade(), time_of(clock)) {
            // Relaxed: a counter.
            let counted = watched.steps.load(Ordering::Relaxed);
            if counted != steps {
                (steps, since) = (counted, now);
            } else if now.saturating_sub(since) > MOST {
                let what = watched.what.lock().unwrap();
                eprintln!("{what}: operation {counted} has no end");
                std::process::abort();
            }
            drop(watched);
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    watched
}

/// Says what this thread does next.
pub(super) fn says(what: impl FnOnce() -> String) {
    WATCHED.with(|it| *it.get_or_init(begin).what.lock().unwrap() = what());
}

/// Says that another operation begins.
pub(super) fn step() {
    WATCHED.with(|it| {
        let steps = &it.get_or_init(begin).steps;
        // Relaxed: a counter, which this thread alone writes.
        steps.store(steps.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    });
}
