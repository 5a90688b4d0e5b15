//! The two semaphores: the plain one, which anybody may release, and the bounded one, which knows
//! how many permits each participant holds.

use super::{Choices, LATE, PEOPLE, Task, Waits, assert_one_is_woken, die, person};
use ringway_core::Error;
use ringway_core::lock::{BoundedSemaphore, BoundedSemaphoreView, Handle, Permit, Semaphore};

const START: usize = 2;

type Count = Semaphore<START, Waits>;

pub(super) fn run(choices: &mut Choices<'_>) {
    let semaphore = Count::new();
    let mut permits = START as u32;
    let mut tasks: [Option<Task<'_, ()>>; PEOPLE] = Default::default();
    while step(choices, &semaphore, &mut permits, &mut tasks).is_some() {
        assert_eq!(semaphore.permits(), permits);
        if permits > 0 {
            assert_one_is_woken(tasks.iter().flatten());
        }
    }
}

fn step<'a>(
    choices: &mut Choices<'_>,
    semaphore: &'a Count,
    permits: &mut u32,
    tasks: &mut [Option<Task<'a, ()>>; PEOPLE],
) -> Option<()> {
    let what = choices.below(10)?;
    let who = choices.below(PEOPLE)?;
    let left = permits.checked_sub(1);
    match what {
        0 | 1 => {
            let (taken, error) = match what {
                0 => (semaphore.try_acquire(), Error::WouldBlock),
                _ => (semaphore.acquire_deadline(LATE), Error::TimedOut),
            };
            assert_eq!(taken, left.map(|_| ()).ok_or(error));
            *permits = left.unwrap_or(0);
        }
        2..=5 => {
            let task = &mut tasks[who];
            let waits = task.get_or_insert_with(|| Task::new(semaphore.acquire_async()));
            let is_ready = waits.poll().is_some();
            assert_eq!(is_ready, left.is_some());
            if is_ready {
                *permits = left.unwrap_or(0);
                *task = None;
            }
        }
        6 => tasks[who] = None,
        7 => {
            let more = choices.below(4)? as u32;
            let fits = more <= Count::MAX - *permits;
            assert_eq!(semaphore.release(more), if fits { Ok(()) } else { Err(Error::Overflow) });
            *permits += if fits { more } else { 0 };
        }
        8 => {
            let room = Count::MAX - *permits;
            assert_eq!(semaphore.release(room + 1), Err(Error::Overflow));
            if choices.below(8)? == 0 {
                // Up to the most, and back.
                assert_eq!(semaphore.release(room), Ok(()));
                assert_eq!(semaphore.release(1), Err(Error::Overflow));
                *permits = Count::MAX;
            }
        }
        _ => {
            // What waits holds nothing, so that nothing is to be recovered.
            die(tasks[who].take());
        }
    }
    Some(())
}

const PERMITS: usize = 3;

#[derive(Default)]
struct Hands<'a> {
    permits: Vec<Permit<'a, Waits>>,
    kept: usize,
    task: Option<Task<'a, Permit<'a, Waits>>>,
}

impl Hands<'_> {
    fn held(&self) -> usize {
        self.permits.len() + self.kept
    }
}

pub(super) fn run_bounded(choices: &mut Choices<'_>) {
    let semaphore = BoundedSemaphore::<PERMITS, Waits>::new();
    let handles: Vec<_> = (0..PEOPLE).map(|index| semaphore.handle(person(index))).collect();
    let mut all: [Hands<'_>; PEOPLE] = Default::default();
    while bounded_step(choices, &semaphore, &handles, &mut all).is_some() {
        let held: usize = all.iter().map(Hands::held).sum();
        assert_eq!(semaphore.permits(), PERMITS - held);
        if held < PERMITS {
            assert_one_is_woken(all.iter().filter_map(|hands| hands.task.as_ref()));
        }
    }
}

fn bounded_step<'a>(
    choices: &mut Choices<'_>,
    semaphore: &BoundedSemaphore<PERMITS, Waits>,
    handles: &'a [Handle<'a, BoundedSemaphoreView<Waits>>],
    all: &mut [Hands<'a>; PEOPLE],
) -> Option<()> {
    let what = choices.below(12)?;
    let who = choices.below(PEOPLE)?;
    let is_full = all.iter().map(Hands::held).sum::<usize>() == PERMITS;
    let (hands, handle) = (&mut all[who], &handles[who]);
    match what {
        0..=2 => {
            let (permit, error) = match what {
                0 => (handle.acquire_deadline(LATE), Error::TimedOut),
                _ => (handle.try_acquire(), Error::WouldBlock),
            };
            match permit {
                Ok(permit) => {
                    assert!(!is_full);
                    hands.permits.push(permit);
                }
                Err(why) => assert_eq!((is_full, why), (true, error)),
            }
        }
        3 | 4 => drop(hands.permits.pop()),
        5 => {
            if let Some(permit) = hands.permits.pop() {
                permit.keep();
                hands.kept += 1;
            }
        }
        6 => {
            let expected = if hands.kept > 0 { Ok(()) } else { Err(Error::NotHeld) };
            assert_eq!(handle.release(), expected);
            hands.kept = hands.kept.saturating_sub(1);
        }
        7..=9 => {
            let waits = hands.task.get_or_insert_with(|| Task::new(handle.acquire_async()));
            match waits.poll() {
                Some(permit) => {
                    assert!(!is_full);
                    hands.permits.push(permit);
                    hands.task = None;
                }
                None => assert!(is_full),
            }
        }
        10 => hands.task = None,
        _ => {
            let had = hands.held();
            let Hands { permits, task, .. } = std::mem::take(hands);
            permits.into_iter().for_each(std::mem::forget);
            die(task);
            // SAFETY: all that it held was forgotten, and the number is used again only after this.
            assert_eq!(unsafe { semaphore.recover(person(who)) }, had);
        }
    }
    Some(())
}
