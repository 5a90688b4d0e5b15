//! The mutex that its holder can take again.

use super::super::alone::Only;
use super::{
    Choices, LATE, PEOPLE, Task, Waits, assert_one_is_woken, die, panic_with, person, taken,
};
use ringway_core::Error;
use ringway_core::lock::{Handle, ReentrantGuard, ReentrantMutex, Robust, TryLockResult};
use std::cell::Cell;

type Lock = ReentrantMutex<Cell<u32>, Only, Waits>;
type Guard<'a> = ReentrantGuard<'a, Cell<u32>, Waits>;

#[derive(Default)]
struct Hands<'a> {
    guards: Vec<Guard<'a>>,
    task: Option<Task<'a, TryLockResult<Guard<'a>>>>,
}

struct World<'a> {
    mutex: &'a Lock,
    handles: &'a [Handle<'a, Lock>],
    hands: [Hands<'a>; PEOPLE],
    died: bool,
    value: u32,
}

pub(super) fn run(choices: &mut Choices<'_>) {
    let mutex = Lock::new(Cell::new(0));
    let handles: Vec<_> = (0..PEOPLE).map(|index| mutex.handle(person(index))).collect();
    let hands = Default::default();
    let mut world = World { mutex: &mutex, handles: &handles, hands, died: false, value: 0 };
    while world.step(choices).is_some() {
        world.check();
    }
}

impl<'a> World<'a> {
    fn holder(&self) -> Option<usize> {
        self.hands.iter().position(|hands| !hands.guards.is_empty())
    }

    fn is_free_for(&self, who: usize) -> bool {
        self.holder().is_none_or(|holder| holder == who)
    }

    fn hold(&mut self, who: usize, guard: Guard<'a>) {
        assert!(self.is_free_for(who), "two hold the mutex");
        assert_eq!(guard.get(), self.value);
        self.value += 1;
        guard.set(self.value);
        self.hands[who].guards.push(guard);
    }

    fn poll(&mut self, who: usize) {
        let is_free = self.is_free_for(who);
        let Some(mut task) = self.hands[who].task.take() else { return };
        match task.poll() {
            Some(answer) => {
                let guard = taken(answer, self.died, Error::WouldBlock).expect("it has waited");
                self.hold(who, guard);
            }
            None => {
                assert!(!is_free, "a free mutex is not taken");
                self.hands[who].task = Some(task);
            }
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(14)?;
        let who = choices.below(PEOPLE)?;
        let handle = &self.handles[who];
        let is_free = self.is_free_for(who);
        match what {
            0..=2 => match taken(handle.try_lock(), self.died, Error::WouldBlock) {
                Some(guard) => self.hold(who, guard),
                None => assert!(!is_free),
            },
            3 => match taken(handle.lock_deadline(LATE), self.died, Error::TimedOut) {
                Some(guard) => self.hold(who, guard),
                None => assert!(!is_free),
            },
            // It waits for nobody if it holds the mutex itself.
            4 if is_free => {
                let guard = taken(handle.lock(), self.died, Error::WouldBlock);
                self.hold(who, guard.expect("it is free"));
            }
            5..=7 => drop(self.hands[who].guards.pop()),
            8 => {
                if let Some(guard) = self.hands[who].guards.last_mut() {
                    guard.make_consistent();
                    self.died = false;
                }
            }
            9 => {
                if let Some(guard) = self.hands[who].guards.pop() {
                    panic_with(guard);
                    self.died = true;
                }
            }
            10 if self.hands[who].task.is_none() => {
                self.hands[who].task = Some(Task::new(handle.lock_async()));
                self.poll(who);
            }
            10 | 11 => self.poll(who),
            12 => self.hands[who].task = None,
            13 => {
                let Hands { guards, task } = std::mem::take(&mut self.hands[who]);
                let held = guards.into_iter().map(std::mem::forget).count() > 0;
                die(task);
                // SAFETY: all that it held was forgotten, and the number is used again only after
                // this. A number owns nothing.
                assert_eq!(unsafe { self.mutex.recover(person(who)) }, held);
                self.died |= held;
            }
            _ => {}
        }
        Some(())
    }

    fn check(&self) {
        let holder = self.holder();
        assert_eq!(self.mutex.holder(), holder.map(person));
        if holder.is_none() {
            assert_one_is_woken(self.hands.iter().filter_map(|hands| hands.task.as_ref()));
        }
    }
}
