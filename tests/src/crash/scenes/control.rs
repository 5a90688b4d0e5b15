//! Structures as they are often written, which break the laws that the test asserts. The test must
//! find that they do, which shows that it would find it of the others too.

use super::{message, number};
use crate::crash::run::{self, Entry};
use crate::crash::{Check, Found, Operation, Structure};
use ringway_core::participant::Participant;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const N: usize = 4;

/// A stack under a lock that does not record its holder.
#[derive(Default)]
struct Locked {
    lock: AtomicU32,
    stack: Early,
}

/// A stack that raises its count before the element is there.
#[derive(Default)]
struct Early {
    count: AtomicU32,
    slots: [[AtomicU64; 4]; N],
}

impl Early {
    #[inline(never)]
    fn push(&self, sent: u64) {
        let at = self.count.fetch_add(1, Ordering::SeqCst) as usize;
        for (place, word) in self.slots[at % N].iter().zip(message(sent)) {
            place.store(word, Ordering::SeqCst);
        }
    }

    fn drain(&self, seen: &mut Vec<u64>) -> Check {
        for at in 0..self.count.swap(0, Ordering::SeqCst) as usize {
            seen.push(number(
                self.slots[at % N].each_ref().map(|word| word.load(Ordering::SeqCst)),
            )?);
        }
        Ok(())
    }
}

impl Locked {
    fn with<R>(&self, tries: usize, act: impl FnOnce(&Early) -> R) -> Check<R> {
        let took = |_| self.lock.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        (0..tries).find(|n| took(*n)).ok_or("the lock does not come back")?;
        let answer = act(&self.stack);
        self.lock.store(0, Ordering::SeqCst);
        Ok(answer)
    }
}

impl Structure for Early {
    const NAME: &'static str = "(control)";

    fn fresh() -> Self {
        Early::default()
    }

    unsafe fn recover(&self, _: Participant) {}

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        self.drain(seen)
    }
}

impl Structure for Locked {
    const NAME: &'static str = "(control)";

    fn fresh() -> Self {
        Locked::default()
    }

    // Nobody can tell whether this one held the lock.
    unsafe fn recover(&self, _: Participant) {}

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        self.with(100, |stack| stack.drain(seen))?
    }
}

fn sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([], false) => Ok(0),
        ([2], _) => Ok(1),
        _ => Err("2 at most once, and once after the return".into()),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    let early = Operation::new(
        "published before it is written",
        |_| (),
        |stack: &Early, note| {
            note.begin();
            stack.push(2);
            note.end();
        },
        sent,
    );
    let locked = Operation::new(
        "a lock without an owner's name",
        |_| (),
        |stack: &Locked, note| {
            note.begin();
            let _ = stack.with(1, |stack| stack.push(2));
            note.end();
        },
        sent,
    )
    .meanwhile(|stack, seen| stack.with(100, |stack| stack.drain(seen))?);
    run::entries(vec![early.control()]).chain(run::entries(vec![locked.control()]))
}
