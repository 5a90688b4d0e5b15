//! The lock for readers and writers.

use super::{
    Choices, LATE, PEOPLE, Task, Waits, after_wait, assert_one_is_woken, panic_with, person, taken,
};
use ringway_core::Error;
use ringway_core::lock::{Handle, LockResult, ReadGuard, Robust, RwLock, RwLockView, WriteGuard};

const READERS: usize = 2;

type Reads<'a> = ReadGuard<'a, u32, Waits>;
type Writes<'a> = WriteGuard<'a, u32, Waits>;

/// What a participant waits for.
enum Wish<'a> {
    Read(Task<'a, LockResult<Reads<'a>>>),
    /// To write; whether it keeps others out already.
    Write(Task<'a, LockResult<Writes<'a>>>, bool),
}

#[derive(Default)]
struct Hands<'a> {
    reads: Vec<Reads<'a>>,
    write: Option<Writes<'a>>,
    wish: Option<Wish<'a>>,
}

struct World<'a> {
    lock: &'a RwLock<u32, READERS, Waits>,
    handles: &'a [Handle<'a, RwLockView<u32, Waits>>],
    hands: [Hands<'a>; PEOPLE],
    died: bool,
    value: u32,
}

pub(super) fn run(choices: &mut Choices<'_>) {
    let lock = RwLock::new(0);
    let handles: Vec<_> = (0..PEOPLE).map(|index| lock.handle(person(index))).collect();
    let hands = Default::default();
    let mut world = World { lock: &lock, handles: &handles, hands, died: false, value: 0 };
    while world.step(choices).is_some() {
        world.check();
    }
}

impl<'a> World<'a> {
    /// The participant who writes, or keeps others out to write.
    fn writer(&self) -> Option<usize> {
        self.hands.iter().position(|hands| {
            hands.write.is_some() || matches!(hands.wish, Some(Wish::Write(_, true)))
        })
    }

    fn readers(&self) -> usize {
        self.hands.iter().map(|hands| hands.reads.len()).sum()
    }

    fn can_read(&self) -> bool {
        self.writer().is_none() && self.readers() < READERS
    }

    fn read(&mut self, who: usize, guard: Reads<'a>) {
        assert!(self.can_read());
        assert_eq!(*guard, self.value);
        self.hands[who].reads.push(guard);
    }

    fn write(&mut self, who: usize, mut guard: Writes<'a>) {
        assert!(self.writer().is_none_or(|writer| writer == who) && self.readers() == 0);
        assert_eq!(*guard, self.value);
        self.value += 1;
        *guard = self.value;
        self.hands[who].write = Some(guard);
    }

    fn poll(&mut self, who: usize) {
        match self.hands[who].wish.take() {
            Some(Wish::Read(mut task)) => match task.poll() {
                Some(answer) => self.read(who, after_wait(answer, self.died)),
                None => {
                    assert!(!self.can_read(), "a free lock is not taken");
                    self.hands[who].wish = Some(Wish::Read(task));
                }
            },
            Some(Wish::Write(mut task, keeps_out)) => {
                let keeps_out = keeps_out || self.writer().is_none();
                match task.poll() {
                    Some(answer) => {
                        assert!(keeps_out);
                        self.write(who, after_wait(answer, self.died));
                    }
                    None => {
                        assert!(!keeps_out || self.readers() > 0, "a free lock is not taken");
                        self.hands[who].wish = Some(Wish::Write(task, keeps_out));
                    }
                }
            }
            None => {}
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(18)?;
        let who = choices.below(PEOPLE)?;
        let handle = &self.handles[who];
        let (can_read, writer, readers) = (self.can_read(), self.writer(), self.readers());
        match what {
            0 | 1 => match taken(handle.try_read(), self.died, Error::WouldBlock) {
                Some(guard) => self.read(who, guard),
                None => assert!(!can_read),
            },
            2 => match taken(handle.read_deadline(LATE), self.died, Error::TimedOut) {
                Some(guard) => self.read(who, guard),
                None => assert!(!can_read),
            },
            3 | 4 => match taken(handle.try_write(), self.died, Error::WouldBlock) {
                Some(guard) => self.write(who, guard),
                None => assert!(writer.is_some() || readers > 0),
            },
            5 => match taken(handle.write_deadline(LATE), self.died, Error::TimedOut) {
                Some(guard) => self.write(who, guard),
                None => assert!(writer.is_some() || readers > 0),
            },
            6 | 7 => drop(self.hands[who].reads.pop()),
            8 | 9 => self.hands[who].write = None,
            10 => {
                if let Some(guard) = &mut self.hands[who].write {
                    guard.make_consistent();
                    self.died = false;
                }
            }
            11 => {
                if let Some(guard) = self.hands[who].write.take() {
                    panic_with(guard);
                    self.died = true;
                } else if let Some(guard) = self.hands[who].reads.pop() {
                    panic_with(guard);
                }
            }
            12 | 13 if self.hands[who].wish.is_none() => {
                self.hands[who].wish = Some(match choices.flip()? {
                    true => Wish::Read(Task::new(handle.read_async())),
                    false => Wish::Write(Task::new(handle.write_async()), false),
                });
                self.poll(who);
            }
            12..=14 => self.poll(who),
            15 => self.hands[who].wish = None,
            16 => {
                let Hands { reads, write, wish } = std::mem::take(&mut self.hands[who]);
                let waits = matches!(wish, Some(Wish::Write(_, true)));
                // Who only waited to write is taken for a writer: nothing tells the two apart.
                let wrote = write.is_some() || waits;
                let held = wrote || !reads.is_empty();
                match wish {
                    Some(Wish::Read(task)) => task.die(),
                    Some(Wish::Write(task, _)) => task.die(),
                    None => {}
                }
                reads.into_iter().for_each(std::mem::forget);
                std::mem::forget(write);
                // SAFETY: all that it held was forgotten, and the number is used again only after
                // this.
                assert_eq!(unsafe { self.lock.recover(person(who)) }, held);
                self.died |= wrote;
            }
            _ => {}
        }
        Some(())
    }

    fn check(&self) {
        let writer = self.writer();
        assert_eq!(self.lock.writer(), writer.map(person));
        assert_eq!(self.lock.readers(), self.readers());
        let wishes = || self.hands.iter().filter_map(|hands| hands.wish.as_ref());
        if self.can_read() {
            assert_one_is_woken(wishes().filter_map(|wish| match wish {
                Wish::Read(task) => Some(task),
                Wish::Write(..) => None,
            }));
        }
        let writes = |keeps_out| {
            wishes().filter_map(move |wish| match wish {
                Wish::Write(task, keeps) if *keeps == keeps_out => Some(task),
                _ => None,
            })
        };
        if writer.is_none() {
            assert_one_is_woken(writes(false));
        }
        if self.readers() == 0 {
            assert_one_is_woken(writes(true));
        }
    }
}
