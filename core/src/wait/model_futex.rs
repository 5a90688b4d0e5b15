//! The way to sleep that the explorers understand.

use super::how::{BellWord, TimedOut, Wait, Wake};
use crate::sync::{AtomicU32, Condvar, Mutex, Ordering, PoisonError};

/// A futex as the explorer models it: a lost wake-up becomes a deadlock, which the explorer
/// reports.
///
/// It is there only with `--cfg loom`. A model uses it as the `W` of the structures, where the
/// program itself sleeps in a futex of the system, or by `wfi`. It compares the word and falls
/// asleep in one step. It is stricter than a real futex, which may wake for no reason: it wakes
/// only when it is told to.
///
/// Its deadline, `()`, is just passing: a wait that has one times out instead of falling asleep.
#[derive(Debug, Default)]
pub struct ModelFutex {
    word: Mutex<()>,
    sleepers: Condvar,
}

impl Wake for ModelFutex {
    type Word = BellWord;

    fn init() -> Self {
        ModelFutex::default()
    }

    fn wake(&self, _word: &AtomicU32, n: u32) {
        // The lock makes compare-and-sleep one step. A poisoned one belongs to a model that failed.
        drop(self.word.lock().unwrap_or_else(PoisonError::into_inner));
        if n == u32::MAX {
            self.sleepers.notify_all();
        } else {
            (0..n).for_each(|_| self.sleepers.notify_one());
        }
    }
}

impl Wait for ModelFutex {
    type Deadline = ();

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        let guard = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: the caller checks its condition after this.
        if word.load(Ordering::Relaxed) == expected {
            if deadline.is_some() {
                return Err(TimedOut);
            }
            drop(self.sleepers.wait(guard).unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}
