//! [`ringway::shm::Region`]: a process that dies while it attaches, detaches or recovers another
//! leaves a place that others find. A process that sleeps in the region finds the dead by itself.

use super::{Message, late, message, number};
use crate::crash::run::{self, Entry};
use crate::crash::trace::Child;
use crate::crash::{Check, Found, Operation, Structure};
use ringway::CoreError;
use ringway::shm::{Layout, Mutex, Part, Queue, Region};
use ringway_core::participant::Participant;
use std::cell::RefCell;
use std::mem::forget;

const SLOTS: usize = 4;
const PLACES: u16 = 6;
type Jobs = Queue<Message, SLOTS>;

thread_local! {
    /// The region. The parent is attached to it; its children inherit it by descriptor.
    static REGION: RefCell<Option<Region>> = const { RefCell::new(None) };
    /// Another attached process, which has claimed message 1 and half sent message 3.
    static OTHER: RefCell<Option<Child>> = const { RefCell::new(None) };
    /// Attachments of the parent that leave no place free.
    static TAKEN: RefCell<Vec<Region>> = const { RefCell::new(Vec::new()) };
}

/// Stands for the region, which has memory of its own.
struct Land;

fn fresh() {
    OTHER.take();
    TAKEN.take();
    REGION.take();
    let layout = Layout::new(PLACES).part::<Jobs>("jobs").expect("it can be laid out");
    let layout = layout.part::<Mutex<u64>>("lock").expect("it can be laid out");
    REGION.set(Some(Region::anonymous(&layout).expect("there is memory")));
}

fn ours() -> Region {
    REGION.with_borrow(|region| region.clone()).expect("there is one")
}

fn attach() -> Region {
    Region::from_fd(ours()).expect("there is a place")
}

fn jobs(region: &Region) -> Part<Jobs> {
    region.part("jobs").expect("it was laid out")
}

fn lock(region: &Region) -> Part<Mutex<u64>> {
    region.part("lock").expect("it was laid out")
}

fn push(numbers: impl IntoIterator<Item = u64>) {
    let jobs = jobs(&ours());
    for number in numbers {
        jobs.try_push(message(number)).expect("there is room");
    }
}

fn drain(seen: &mut Vec<u64>) -> Check {
    let jobs = jobs(&ours());
    while let Some(found) = jobs.try_pop() {
        seen.push(number(found)?);
    }
    Ok(())
}

impl Structure for Land {
    const NAME: &'static str = "Region";

    fn fresh() -> Self {
        fresh();
        Land
    }

    fn memory(&self) -> (*const u8, usize) {
        let region = ours();
        let part = jobs(&region).as_ptr().cast::<u8>();
        // The mapping begins with a page, and the part is in the first.
        (part.wrapping_sub(part.addr() % 4096), region.size())
    }

    unsafe fn recover(&self, _: Participant) {
        // The region finds out by itself who is dead.
        ours().reap();
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        OTHER.take();
        TAKEN.take();
        let region = ours();
        region.reap();
        let who = region.participants();
        if who.len() != 1 {
            return Err(format!("still there: {who:?}"));
        }
        let others: Vec<Region> =
            (1..PLACES).map_while(|_| Region::from_fd(&region).ok()).collect();
        match Region::from_fd(&region) {
            Err(error) if error.is(CoreError::Exhausted) && others.len() == PLACES as usize - 1 => {
            }
            _ => return Err(format!("{} places came free", others.len())),
        }
        drop(others);
        drain(seen)?;
        let jobs = jobs(&region);
        let room = (0..).take_while(|n| jobs.try_push(message(*n)).is_ok()).count();
        if room == SLOTS { Ok(()) } else { Err(format!("{room} slots are free of {SLOTS}")) }
    }
}

/// A process attaches, and holds something.
fn another_holds() {
    push([1, 2]);
    let other = Child::start(|| {
        let jobs = jobs(&attach());
        forget(jobs.try_claim());
        let mut loan = jobs.try_reserve().expect("there is room");
        loan.as_uninit().write(message(3));
        forget(loan);
        loop {
            // SAFETY: no pointer is passed.
            unsafe { libc::pause() };
        }
    });
    let jobs = jobs(&ours());
    while jobs.len() != 1 || !crate::crash::is_asleep(other.pid()) {
        std::thread::yield_now();
    }
    OTHER.set(Some(other));
}

/// No place is free any more: a process that attaches finds that of the dead one.
fn take_the_other_places() {
    let ours = ours();
    TAKEN.set((2..PLACES).map(|_| Region::from_fd(&ours).expect("there is a place")).collect());
}

/// That process dies, and nobody has recovered it yet.
fn the_other_dies() {
    OTHER.with_borrow(|other| {
        let other = other.as_ref().expect("there is one");
        other.signal(libc::SIGKILL);
        let stat = format!("/proc/{}/stat", other.pid());
        // Wait until it is a zombie, which the parent reaps later.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    });
}

/// What others do meanwhile, with the slots that nobody holds.
fn others(_: &Land, seen: &mut Vec<u64>) -> Check {
    drain(seen)?;
    for round in 100..120 {
        push([round]);
        let mut again = Vec::new();
        drain(&mut again)?;
        // As soon as the dead process is recovered, the others may receive what it had.
        again.retain(|number| {
            if *number == 1 {
                seen.push(1);
                false
            } else {
                true
            }
        });
        if again != [round] {
            return Err(format!("pushed {round} and popped {again:?}"));
        }
    }
    Ok(())
}

fn nothing(found: &Found) -> Check<u32> {
    if found.seen.is_empty() { Ok(0) } else { Err("nobody sent anything".into()) }
}

/// The message that the dead process had claimed goes to another. What it had half sent is never
/// seen.
fn put_right(found: &Found) -> Check<u32> {
    match found.seen {
        [1, 2] | [2, 1] => Ok(0),
        _ => Err("1 and 2 once each, and never 3".into()),
    }
}

/// Only a sleeping process can find the death.
struct Watched;

impl Structure for Watched {
    const NAME: &'static str = "Region";

    fn fresh() -> Self {
        fresh();
        Watched
    }

    fn is_held_by(&self, _: Participant) -> bool {
        // The child is the first after the parent to attach.
        lock(&ours()).holder().is_some_and(|who| who.number() == 2)
    }

    unsafe fn recover(&self, _: Participant) {}

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        drop(super::lock::taken(lock(&ours()).try_lock())?);
        Land.aftermath(seen)
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Land>(vec![
        Operation::new(
            "attach",
            |_: &Land| (),
            |_, note| {
                let ours = ours();
                note.begin();
                let region = Region::from_fd(&ours);
                note.end();
                forget(region.expect("there is a place"));
            },
            nothing,
        )
        .meanwhile(others),
        Operation::new(
            "detach",
            |_: &Land| push([1, 2]),
            |_, note| {
                let region = attach();
                forget(jobs(&region).try_claim());
                note.begin();
                drop(region);
                note.end();
            },
            put_right,
        )
        .meanwhile(others),
        Operation::new(
            "attach, to the place of a dead one",
            |_: &Land| {
                another_holds();
                take_the_other_places();
                the_other_dies();
            },
            |_, note| {
                let ours = ours();
                note.begin();
                let region = Region::from_fd(&ours);
                note.end();
                assert_eq!(region.expect("there is a place").participant().number(), 2);
            },
            put_right,
        )
        .meanwhile(others),
        Operation::new(
            "find a dead one, put things right",
            |_: &Land| another_holds(),
            |_, note| {
                let region = attach();
                the_other_dies();
                note.begin();
                let found = region.reap();
                note.end();
                assert!(found <= 1);
            },
            put_right,
        )
        .meanwhile(others),
    ])
    .chain(run::entries::<Watched>(vec![
        Operation::new(
            "claim, release, while one sleeps",
            |_: &Watched| push([1]),
            |_, note| {
                let jobs = jobs(&attach());
                let claim = jobs.try_claim().expect("there is one");
                note.begin();
                note.got(claim[0]);
                claim.complete();
                note.end();
                // The part is not given back: the child dies attached.
                forget(jobs);
            },
            |found| match (found.witness, found.ended) {
                ([1], false) => Ok(0),
                ([9], _) => Ok(1),
                _ => Err("1 to the child, or within the bound to the one that sleeps".into()),
            },
        )
        .witness(
            |_, note| {
                let jobs = jobs(&attach());
                let found = jobs.pop_deadline(late()).expect("in time");
                note.got(number(found).expect("a whole message"));
            },
            |_, _| {
                // Only what was released is not found by the one that sleeps.
                if jobs(&ours()).unfinished() == 0 {
                    push([9]);
                }
            },
        ),
        Operation::new(
            "unlock, while one sleeps",
            |_: &Watched| (),
            |_, note| {
                let lock = lock(&attach());
                let guard = lock.lock();
                note.begin();
                drop(guard);
                note.end();
                forget(lock);
            },
            |found| match (found.held, found.witness) {
                (true, [1]) => Ok(0),
                (false, [0]) => Ok(1),
                _ => Err("to the one that sleeps, who is told of a death if there was one".into()),
            },
        )
        .witness(
            |_, note| {
                let lock = lock(&attach());
                let taken = super::lock::taken(lock.lock_deadline(late()));
                note.got(taken.expect("in time").1.into());
            },
            |_, _| (),
        ),
    ]))
}
