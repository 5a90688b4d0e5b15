//! What the two widths have in common: the region, and what is done with it. Compiled into the 32-bit program, and into the
//! 64-bit test (`tests/tests/tools_width.rs`).

use crate::futex;
use core::convert::Infallible;
use ringway_core::participant::Participant;
use ringway_core::region::{Layout, LayoutError, SharedWait, View};
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{Doorbell, TimedOut, Wait};

/// Sleeping on a futex, for a moment at most.
#[derive(Debug, Clone, Copy)]
pub struct Across;

impl Wait for Across {
    type Deadline = Infallible;

    fn wait(&self, word: &AtomicU32, expected: u32, _: Option<Infallible>) -> Result<(), TimedOut> {
        futex::wait(word, expected);
        Ok(())
    }

    fn wake(&self, word: &AtomicU32, _: u32) {
        futex::wake(word);
    }
}

// SAFETY: no bytes; the futex is not private to a process.
unsafe impl SharedWait for Across {}

/// What goes from side to side.
pub type Message = [u32; 4];
pub type Bell = Doorbell<Across>;
pub type Values = Ring<Message, 5, Bell>;
pub type Bytes = ByteRing<100, Bell>;
pub type Jobs = Queue<Message, 6, Bell>;
/// One on which nobody sleeps.
pub type Samples = Ring<u8, 7>;

// The layout is the same for every width, which these numbers say for each of them.
const _: () = {
    assert!(size_of::<Values>() == 128 + 128 + 5 * 16 + 48 && align_of::<Values>() == 128);
    assert!(size_of::<Bytes>() == 128 + 128 + 128 && align_of::<Bytes>() == 128);
    assert!(size_of::<Jobs>() == 128 + 128 + 6 * (8 + 8 + 16) + 64 && align_of::<Jobs>() == 128);
    assert!(size_of::<Samples>() == 128 + 128 + 128 && align_of::<Samples>() == 128);
};

/// With this the other side's `echo` ends.
pub const LAST: u32 = u32::MAX;

pub fn layout() -> Result<Layout<8>, LayoutError> {
    Layout::new(9)
        .part::<Values>("values")?
        .part::<Bytes>("bytes")?
        .part::<Jobs>("jobs")?
        .part::<Samples>("samples")?
        .part::<Jobs>("there")?
        .part::<Jobs>("back")
}

/// How far it got, as a line of this file.
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

/// Leaves something in every part: positions that went around, values, and what is held.
pub fn make(view: &View) -> Checked {
    let me = some!(Participant::new(3));
    let values = some!(view.part::<Values>("values").ok());
    let mut producer = some!(values.producer_as(me));
    let mut consumer = some!(values.consumer_as(me));
    for n in 0..8 {
        ensure!(producer.try_push([n, !n, n, 7]).is_ok());
        ensure!(n >= 5 || consumer.try_pop() == Some([n, !n, n, 7]));
    }
    // The producer's half stays with one that is gone.
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
    let seat = jobs.seat(me);
    for n in 0..9 {
        ensure!(seat.try_push([n, n, n, !n]).is_ok());
        ensure!(n >= 5 || seat.try_pop() == Some([n, n, n, !n]));
    }
    core::mem::forget(seat.try_claim());
    core::mem::forget(seat.try_reserve());

    let samples = some!(view.part::<Samples>("samples").ok());
    ensure!(some!(samples.producer_as(me)).try_push_slice(&[5, 6, 7]) == 3);
    Ok(())
}

/// Finds what the other width's [`make`] left, puts right what it held, and takes everything out.
pub fn check(view: &View) -> Checked {
    let (me, other) = (some!(Participant::new(4)), some!(Participant::new(3)));
    let values = some!(view.part::<Values>("values").ok());
    ensure!(values.producer_as(me).is_none());
    // SAFETY: whoever made it is gone.
    ensure!(unsafe { values.recover(other) } == 1);
    ensure!(values.producer_as(me).is_some());
    let mut consumer = some!(values.consumer_as(me));
    for n in 5..8 {
        ensure!(consumer.try_pop() == Some([n, !n, n, 7]));
    }
    ensure!(consumer.is_empty());

    let bytes = some!(view.part::<Bytes>("bytes").ok());
    let mut consumer = some!(bytes.consumer_as(me));
    ensure!(*some!(consumer.try_peek()) == [9; 30]);

    let jobs = some!(view.part::<Jobs>("jobs").ok());
    let seat = jobs.seat(me);
    // SAFETY: whoever made it is gone.
    ensure!(unsafe { seat.recover(other) } == 2);
    for n in [6, 7, 8, 5] {
        ensure!(seat.try_pop() == Some([n, n, n, !n]));
    }
    ensure!(seat.try_pop().is_none());

    let samples = some!(view.part::<Samples>("samples").ok());
    let mut out = [0; 7];
    ensure!(some!(samples.consumer_as(me)).try_pop_slice(&mut out) == 3);
    ensure!(out[..3] == [5, 6, 7]);
    Ok(())
}
