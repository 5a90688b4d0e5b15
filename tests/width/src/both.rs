//! What the two widths share: the region, and the operations on it. It is compiled into the 32-bit
//! program and into the 64-bit test (`tests/tests/tools_width.rs`).

use crate::futex;
use core::convert::Infallible;
use core::num::NonZeroU32;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, OwnerDied, ReentrantMutex,
    RwLock, Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::plain::Plain;
use ringway_core::region::{Error, Item, Layout, SharedWait, TypeName, View};
use ringway_core::ring::Ring;
use ringway_core::ring::broadcast::{Broadcast, Reader};
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::Latest;
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};

/// Sleeping on a futex, for a moment at most.
#[derive(Debug, Clone, Copy)]
pub struct Across;

impl Wake for Across {
    type Word = BellWord;

    const INIT: Self = Across;

    fn wake(&self, word: &AtomicU32, _: u32) {
        futex::wake(word);
    }
}

impl Wait for Across {
    type Deadline = Infallible;

    fn wait(&self, word: &AtomicU32, expected: u32, _: Option<Infallible>) -> Result<(), TimedOut> {
        futex::wait(word, expected);
        Ok(())
    }
}

// SAFETY: the type has no bytes, and the futex is not private to a process.
unsafe impl SharedWait for Across {}

/// Each participant here has one thread.
pub enum One {}

// SAFETY: each participant here has one thread, so one number is enough.
unsafe impl ThreadId for One {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

/// The message that goes from side to side.
pub type Message = [u32; 4];
pub type Sleeper = Across;
pub type Values = Ring<Message, 5, Sleeper>;
pub type Bytes = ByteRing<100, Sleeper>;
pub type Jobs = Queue<Message, 6, Sleeper>;
/// One on which nobody sleeps.
pub type Samples = Ring<u8, 7>;
pub type Notes = MessageRing<64, Sleeper>;
/// What the two widths align differently.
pub type Wide = [u64; 3];

/// A type of these two programs, known to both by the name that it states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Reading {
    pub time: u64,
    pub level: [i32; 2],
}

// SAFETY: the type consists of numbers alone, without padding.
unsafe impl Plain for Reading {}

impl Item for Reading {
    const NAME: TypeName = TypeName::new("org.ringway.test.Reading/1");
}

/// One that says less than 32 bits would align, and more than either width would by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Lane(pub [u64; 4]);

// SAFETY: the type consists of numbers alone, without padding.
unsafe impl Plain for Lane {}

impl Item for Lane {
    const NAME: TypeName = <[u64; 4]>::NAME;
}

pub type Readings = Ring<Reading, 4>;
pub type Lanes = Broadcast<Lane, 2>;
pub type News = Broadcast<Wide, 3, Sleeper>;
pub type Newest = Latest<Wide, Sleeper>;
pub type Total = Mutex<Wide, Across>;
pub type Again = ReentrantMutex<Wide, One, Across>;
pub type Shared = RwLock<Wide, 3, Across>;
pub type Count = Semaphore<5, Across>;
pub type Places = BoundedSemaphore<3, Across>;
pub type Changed = Condition<Across>;
pub type Happened = Event<Across>;
pub type Meeting = Barrier<3, Across>;

// The layout is the same for every width; these numbers check that for each width.
const _: () = {
    assert!(size_of::<Values>() == 128 + 128 + 5 * 16 + 48 && align_of::<Values>() == 128);
    assert!(size_of::<Bytes>() == 128 + 128 + 128 + 128 && align_of::<Bytes>() == 128);
    assert!(size_of::<Jobs>() == 3 * 128 + 6 * (8 + 8 + 8 + 16) + 16 && align_of::<Jobs>() == 128);
    assert!(size_of::<Samples>() == 128 + 128 + 128 && align_of::<Samples>() == 128);
    assert!(size_of::<Notes>() == 128 + 128 + 128 + 128 && align_of::<Notes>() == 128);
    assert!(size_of::<News>() == 128 + 3 * (8 + 24) + 32 && align_of::<News>() == 128);
    assert!(size_of::<Newest>() == 128 + 4 * (8 + 24) && align_of::<Newest>() == 128);
    assert!(size_of::<Total>() == 8 + 24 && align_of::<Total>() == 8);
    assert!(size_of::<Again>() == 8 + 8 + 8 + 24 && align_of::<Again>() == 8);
    assert!(size_of::<Shared>() == 8 + 4 + 3 * 4 + 24 && align_of::<Shared>() == 8);
    assert!(size_of::<Count>() == 4 && align_of::<Count>() == 4);
    assert!(size_of::<Places>() == 4 + 3 * 4 && align_of::<Places>() == 4);
    assert!(size_of::<Changed>() == 8 && align_of::<Changed>() == 4);
    assert!(size_of::<Happened>() == 8 && align_of::<Happened>() == 4);
    assert!(size_of::<Meeting>() == 4 + 4 + 3 * 4 && align_of::<Meeting>() == 4);
};

/// The message with which the other side's `echo` ends.
pub const LAST: u32 = u32::MAX;

pub fn layout() -> Result<Layout<32>, Error> {
    Layout::new(9)
        .part::<Values>("values")?
        .part::<Bytes>("bytes")?
        .part::<Jobs>("jobs")?
        .part::<Samples>("samples")?
        .part::<Notes>("notes")?
        .part::<News>("news")?
        .part::<Newest>("newest")?
        .part::<Total>("total")?
        .part::<Again>("again")?
        .part::<Shared>("shared")?
        .part::<Count>("count")?
        .part::<Places>("places")?
        .part::<Changed>("changed")?
        .part::<Happened>("happened")?
        .part::<Meeting>("meeting")?
        .part::<Jobs>("there")?
        .part::<Jobs>("back")?
        .part::<Readings>("readings")?
        .part::<Lanes>("lanes")
}

/// How far a check got, as a line of this file.
pub type Checked = Result<(), u32>;

macro_rules! ensure {
    ($so:expr) => {
        if !$so {
            return Err(line!());
        }
    };
}

macro_rules! some {
    ($found:expr) => {
        match $found {
            Some(found) => found,
            None => return Err(line!()),
        }
    };
}

/// Leaves something in every part: positions that wrapped, values, and what a participant holds.
pub fn make(view: &View) -> Checked {
    let me = some!(Participant::new(3));
    let values = some!(view.part::<Values>("values").ok());
    let mut producer = some!(values.producer_as(me));
    let mut consumer = some!(values.consumer_as(me));
    for n in 0..8 {
        ensure!(producer.try_push([n, !n, n, 7]).is_ok());
        ensure!(n >= 5 || consumer.try_pop() == Some([n, !n, n, 7]));
    }
    // A participant that is gone keeps the producer's half.
    core::mem::forget(producer);
    drop(consumer);

    let bytes = some!(view.part::<Bytes>("bytes").ok());
    let mut producer = some!(bytes.producer_as(me));
    let mut consumer = some!(bytes.consumer_as(me));
    ensure!(producer.try_write_all(&[1; 80]).is_ok());
    ensure!(consumer.try_read(&mut [0; 80]) == 80);
    // Behind a gap before the memory's end.
    let mut grant = some!(producer.try_reserve(30).ok());
    grant.iter_mut().for_each(|byte| *byte = 9);
    grant.commit(30);

    let jobs = some!(view.part::<Jobs>("jobs").ok());
    let handle = jobs.handle(me);
    for n in 0..9 {
        ensure!(handle.try_push([n, n, n, !n]).is_ok());
        ensure!(n >= 5 || handle.try_pop() == Some([n, n, n, !n]));
    }
    core::mem::forget(handle.try_claim());
    core::mem::forget(handle.try_reserve());

    let samples = some!(view.part::<Samples>("samples").ok());
    ensure!(some!(samples.producer_as(me)).try_push_slice(&[5, 6, 7]) == 3);

    let readings = some!(view.part::<Readings>("readings").ok());
    let reading = Reading { time: 1 << 40, level: [-5, 5] };
    ensure!(some!(readings.producer_as(me)).try_push(reading).is_ok());
    let lanes = some!(view.part::<Lanes>("lanes").ok());
    some!(lanes.writer_as(me)).send(Lane([1, 2, 3, 4]));
    // As large, and with the same name: but it lies elsewhere.
    ensure!(view.part::<Broadcast<[u64; 4], 2>>("lanes").is_err());
    make_messages(view, me)?;
    make_locks(view, me)
}

/// Checks what the other width's [`make`] left, recovers what it held, and takes everything out.
pub fn check(view: &View) -> Checked {
    let (me, other) = (some!(Participant::new(4)), some!(Participant::new(3)));
    let values = some!(view.part::<Values>("values").ok());
    ensure!(values.producer_as(me).is_none());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { values.recover(other) } == 1);
    ensure!(values.producer_as(me).is_some());
    let mut consumer = some!(values.consumer_as(me));
    for n in 5..8 {
        ensure!(consumer.try_pop() == Some([n, !n, n, 7]));
    }
    ensure!(consumer.is_empty());

    let bytes = some!(view.part::<Bytes>("bytes").ok());
    let mut consumer = some!(bytes.consumer_as(me));
    ensure!(*some!(consumer.try_peek(1).ok()) == [9; 30]);

    let jobs = some!(view.part::<Jobs>("jobs").ok());
    let handle = jobs.handle(me);
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { handle.recover(other) } == 2);
    for n in [6, 7, 8, 5] {
        ensure!(handle.try_pop() == Some([n, n, n, !n]));
    }
    ensure!(handle.try_pop().is_none());

    let samples = some!(view.part::<Samples>("samples").ok());
    let mut out = [0; 7];
    ensure!(some!(samples.consumer_as(me)).try_pop_slice(&mut out) == 3);
    ensure!(out[..3] == [5, 6, 7]);

    let readings = some!(view.part::<Readings>("readings").ok());
    let reading = Reading { time: 1 << 40, level: [-5, 5] };
    ensure!(some!(readings.consumer_as(me)).try_pop() == Some(reading));
    ensure!(view.part::<Ring<[u64; 2], 4>>("readings").is_err());
    let lanes = some!(view.part::<Lanes>("lanes").ok());
    ensure!(Reader::from_oldest(lanes).try_recv() == Ok(Some(Lane([1, 2, 3, 4]))));
    check_messages(view, me, other)?;
    check_locks(view, me, other)
}

/// A number whose halves differ.
const fn wide(n: u64) -> Wide {
    [n, n << 40 | 1, !n]
}

fn make_messages(view: &View, me: Participant) -> Checked {
    let notes = some!(view.part::<Notes>("notes").ok());
    let mut sender = some!(notes.sender_as(me));
    ensure!(sender.try_send(b"of any length").is_ok());
    ensure!(sender.try_send(b"").is_ok());
    let mut news = some!(some!(view.part::<News>("news").ok()).writer_as(me));
    (1..=5).for_each(|n| news.send(wide(n)));
    let mut newest = some!(some!(view.part::<Newest>("newest").ok()).writer_as(me));
    (1..=6).for_each(|n| newest.store(wide(n)));
    core::mem::forget((sender, news, newest));
    Ok(())
}

fn check_messages(view: &View, me: Participant, other: Participant) -> Checked {
    let notes = some!(view.part::<Notes>("notes").ok());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { notes.recover(other) } == 1);
    let mut receiver = some!(notes.receiver_as(me));
    let mut out = [0; 32];
    ensure!(receiver.try_recv(&mut out) == Ok(13) && out[..13] == *b"of any length");
    ensure!(receiver.try_recv(&mut out) == Ok(0));
    let news = some!(view.part::<News>("news").ok());
    let mut reader = Reader::from_oldest(news);
    for n in 3..=5 {
        ensure!(reader.try_recv() == Ok(Some(wide(n))));
    }
    ensure!(news.writer_as(me).is_none());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { news.recover(other) } == 1);
    some!(news.writer_as(me)).send(wide(6));
    ensure!(reader.try_recv() == Ok(Some(wide(6))));
    let newest = some!(view.part::<Newest>("newest").ok());
    ensure!(some!(newest.load()).0 == wide(6));
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { newest.recover(other) } == 1);
    Ok(())
}

fn make_locks(view: &View, me: Participant) -> Checked {
    let total = some!(view.part::<Total>("total").ok());
    let handle = total.handle(me);
    let mut guard = some!(handle.lock().ok());
    *guard = wide(7);
    core::mem::forget(guard);
    let again = some!(view.part::<Again>("again").ok());
    core::mem::forget((again.handle(me).lock(), again.handle(me).lock()));
    let shared = some!(view.part::<Shared>("shared").ok());
    *some!(shared.handle(me).write().ok()) = wide(8);
    core::mem::forget(shared.handle(me).read());
    let count = some!(view.part::<Count>("count").ok());
    ensure!(count.try_acquire().is_ok() && count.try_acquire().is_ok());
    let places = some!(view.part::<Places>("places").ok());
    some!(places.handle(me).try_acquire().ok()).keep();
    core::mem::forget(places.handle(me).try_acquire());
    some!(view.part::<Changed>("changed").ok()).notify_all();
    some!(view.part::<Happened>("happened").ok()).set();
    let meeting = some!(view.part::<Meeting>("meeting").ok());
    meeting.reset();
    meeting.abort();
    Ok(())
}

fn check_locks(view: &View, me: Participant, other: Participant) -> Checked {
    let total = some!(view.part::<Total>("total").ok());
    ensure!(total.holder() == Some(other) && total.handle(me).try_lock().is_err());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { total.recover(other) });
    match total.handle(me).try_lock() {
        Err(LockError::OwnerDied(OwnerDied(guard))) => ensure!(*guard == wide(7)),
        _ => return Err(line!()),
    }
    let again = some!(view.part::<Again>("again").ok());
    ensure!(again.holder() == Some(other) && again.handle(me).try_lock().is_err());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { again.recover(other) });
    ensure!(matches!(again.handle(me).try_lock(), Err(LockError::OwnerDied(_))));
    let shared = some!(view.part::<Shared>("shared").ok());
    ensure!(shared.readers() == 1 && shared.handle(me).try_write().is_err());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { shared.recover(other) });
    ensure!(*some!(shared.handle(me).try_write().ok()) == wide(8));
    let count = some!(view.part::<Count>("count").ok());
    ensure!(count.permits() == 3);
    let places = some!(view.part::<Places>("places").ok());
    // SAFETY: the participant that made it takes no further step: nobody acts for it any more.
    ensure!(unsafe { places.recover(other) } == 2);
    let mine = places.handle(me);
    let all = [(); 3].map(|()| mine.try_acquire());
    ensure!(all.iter().all(Result::is_ok));
    ensure!(some!(view.part::<Happened>("happened").ok()).is_set());
    let meeting = some!(view.part::<Meeting>("meeting").ok());
    ensure!(meeting.is_broken());
    meeting.reset();
    ensure!(!meeting.is_broken());
    Ok(())
}
