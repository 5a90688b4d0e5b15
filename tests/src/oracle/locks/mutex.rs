//! The mutex, and the condition that goes with it.

use super::{
    Choices, LATE, PEOPLE, Task, Waits, after_wait, assert_one_is_woken, panic_with, person, taken,
};
use ringway_core::Error;
use ringway_core::lock::{Condition, Handle, LockResult, Mutex, MutexGuard, OwnerDied, Robust};

type Guard<'a> = MutexGuard<'a, u32, Waits>;

/// What a participant does.
#[derive(Default)]
enum Hands<'a> {
    #[default]
    Empty,
    Holds(Guard<'a>),
    /// It waits for the mutex.
    Locks(Task<'a, LockResult<Guard<'a>>>),
    Waits(Waiting<'a>),
}

/// A wait for a notification.
struct Waiting<'a> {
    task: Task<'a, LockResult<Guard<'a>>>,
    notified: bool,
    /// The value that it waits to see changed, if it waits for that.
    value: Option<u32>,
}

struct World<'a> {
    mutex: &'a Mutex<u32, Waits>,
    condition: &'a Condition<Waits>,
    handles: &'a [Handle<'a, Mutex<u32, Waits>>],
    hands: [Hands<'a>; PEOPLE],
    /// Whether the next holder must learn of a death.
    died: bool,
    value: u32,
    /// How many died while they waited for a notification. They stay counted.
    dead_waiters: u32,
}

pub(super) fn run(choices: &mut Choices<'_>) {
    let mutex = Mutex::new(0);
    let condition = Condition::new();
    let handles: Vec<_> = (0..PEOPLE).map(|index| mutex.handle(person(index))).collect();
    let mut world = World {
        mutex: &mutex,
        condition: &condition,
        handles: &handles,
        hands: Default::default(),
        died: false,
        value: 0,
        dead_waiters: 0,
    };
    while world.step(choices).is_some() {
        world.check();
    }
}

impl<'a> World<'a> {
    fn holder(&self) -> Option<usize> {
        self.hands.iter().position(|hands| matches!(hands, Hands::Holds(_)))
    }

    fn waiters(&self) -> u32 {
        let waits = |hands: &&Hands<'_>| matches!(hands, Hands::Waits(_));
        self.hands.iter().filter(waits).count() as u32 + self.dead_waiters
    }

    /// Takes the guard of `who`, which nobody else may have.
    fn hold(&mut self, who: usize, mut guard: Guard<'a>) {
        assert_eq!(self.holder(), None, "two hold the mutex");
        assert_eq!(*guard, self.value);
        self.value += 1;
        *guard = self.value;
        self.hands[who] = Hands::Holds(guard);
    }

    /// Polls the lock for `who`, who waits; nobody holds it if that succeeds.
    fn poll(&mut self, who: usize) {
        let is_free = self.holder().is_none();
        match std::mem::take(&mut self.hands[who]) {
            Hands::Locks(mut task) => match task.poll() {
                Some(answer) => self.hold(who, after_wait(answer, self.died)),
                None => {
                    assert!(!is_free, "a free mutex is not taken");
                    self.hands[who] = Hands::Locks(task);
                }
            },
            Hands::Waits(mut waiting) => match waiting.task.poll() {
                Some(answer) => {
                    assert!(self.died || waiting.value != Some(self.value), "nothing changed");
                    self.hold(who, after_wait(answer, self.died));
                }
                None => {
                    if is_free && waiting.notified {
                        // It looked, and waits for the next notification.
                        let unchanged = !self.died && waiting.value == Some(self.value);
                        assert!(unchanged, "a notification is missed");
                        waiting.notified = false;
                    }
                    self.hands[who] = Hands::Waits(waiting);
                }
            },
            other => self.hands[who] = other,
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(16)?;
        let who = choices.below(PEOPLE)?;
        let handle = &self.handles[who];
        let is_free = self.holder().is_none();
        match (what, std::mem::take(&mut self.hands[who])) {
            (0 | 1, Hands::Empty) => match taken(handle.try_lock(), self.died, Error::WouldBlock) {
                Some(guard) => self.hold(who, guard),
                None => assert!(!is_free),
            },
            (2, Hands::Empty) => {
                match taken(handle.lock_deadline(LATE), self.died, Error::TimedOut) {
                    Some(guard) => self.hold(who, guard),
                    None => assert!(!is_free),
                }
            }
            (3..=5, Hands::Empty) => {
                self.hands[who] = Hands::Locks(Task::new(handle.lock_async()));
                self.poll(who);
            }
            (0..=3, Hands::Holds(guard)) => drop(guard),
            (4, Hands::Holds(mut guard)) => {
                guard.make_consistent();
                self.died = false;
                self.hands[who] = Hands::Holds(guard);
            }
            (5, Hands::Holds(guard)) => {
                panic_with(guard);
                self.died = true;
            }
            (6..=8, Hands::Holds(guard)) => {
                // Each holder changes the value.
                let value = choices.flip()?.then_some(self.value);
                let task = match value {
                    None => Task::new(self.condition.wait_async(guard)),
                    Some(value) => {
                        let unchanged = move |now: &mut u32| *now == value;
                        Task::new(self.condition.wait_while_async(guard, unchanged))
                    }
                };
                self.hands[who] = Hands::Waits(Waiting { task, notified: false, value });
                self.poll(who);
            }
            (9, Hands::Holds(guard)) => {
                let guard = match self.condition.wait_deadline(guard, LATE) {
                    Ok((guard, waited)) => {
                        assert_eq!(waited, Err(Error::TimedOut));
                        assert!(!self.died);
                        guard
                    }
                    Err(OwnerDied(guard)) => {
                        assert!(self.died);
                        guard
                    }
                };
                self.hold(who, guard);
            }
            (0..=8, hands) => {
                self.hands[who] = hands;
                self.poll(who);
            }
            (10, hands @ (Hands::Locks(_) | Hands::Waits(_))) => drop(hands),
            (11 | 12, hands) => {
                self.hands[who] = hands;
                let most = choices.below(4)? as u32;
                let waiters = self.waiters();
                let woken = match most {
                    3 => self.condition.notify_all(),
                    most => self.condition.notify(most),
                };
                assert_eq!(woken, if most == 3 { waiters } else { waiters.min(most) });
                for hands in &mut self.hands {
                    if let Hands::Waits(waiting) = hands {
                        // It may return without a notification, so that one for another will do.
                        waiting.notified |= most > 0;
                    }
                }
            }
            (13, hands) => {
                let held = matches!(hands, Hands::Holds(_));
                self.dead_waiters += u32::from(matches!(hands, Hands::Waits(_)));
                match hands {
                    Hands::Locks(task) | Hands::Waits(Waiting { task, .. }) => task.die(),
                    hands => std::mem::forget(hands),
                }
                // SAFETY: all that it held was forgotten, and the number is used again only after
                // this.
                assert_eq!(unsafe { self.mutex.recover(person(who)) }, held);
                self.died |= held;
            }
            (_, hands) => self.hands[who] = hands,
        }
        Some(())
    }

    fn check(&self) {
        let holder = self.holder();
        assert_eq!(self.mutex.holder(), holder.map(person));
        if holder.is_none() {
            assert_one_is_woken(self.hands.iter().filter_map(|hands| match hands {
                Hands::Locks(task) => Some(task),
                Hands::Waits(waiting) if waiting.notified => Some(&waiting.task),
                _ => None,
            }));
        }
    }
}
