//! Locks between the cores, which wait for them, and the interrupts, which do not.

use crate::{Part, TICKS, add, total};
use ringway_core::lock::{Condition, Event, Mutex, OwnerDied, RwLock, Semaphore};
use ringway_core::plain::Plain;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::Spin;
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How often each core takes each lock.
const ROUNDS: u32 = 2_000;
/// How often each core takes its turn.
const TURNS: u32 = 200;

/// A value under a lock: two numbers that are equal whenever nobody changes it.
#[derive(Clone, Copy)]
pub struct Pair {
    pub left: u32,
    pub right: u32,
}

// SAFETY: two numbers of one size, and nothing else.
unsafe impl Plain for Pair {}

impl Pair {
    const ZERO: Pair = Pair { left: 0, right: 0 };

    fn count(&mut self) {
        self.left = self.left.wrapping_add(1);
        self.right = self.right.wrapping_add(1);
    }

    fn is_even(&self) -> bool {
        self.left == self.right
    }
}

static PAIR: Mutex<Pair, Spin> = Mutex::new(Pair::ZERO);
static SHARED: RwLock<Pair, 4, Spin> = RwLock::new(Pair::ZERO);
static PERMITS: Semaphore<0, Spin> = Semaphore::new();
static BEGIN: Event<Spin> = Event::new();
static TURN: Mutex<u32, Spin> = Mutex::new(0);
static TURNED: Condition<Spin> = Condition::new();

/// How often the interrupt of each core found the mutex free. Only this interrupt writes it.
static FREE: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// How often each core, and as 2 and 3 its interrupt, saw a pair that was not even.
static UNEVEN: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

fn work(hart: usize) {
    let uneven = &UNEVEN[hart & 1];
    if hart == 0 {
        BEGIN.set();
    } else {
        BEGIN.wait();
    }
    for round in 0..ROUNDS {
        let mut pair = PAIR.lock().unwrap_or_else(OwnerDied::into_inner);
        add(uneven, u32::from(!pair.is_even()));
        pair.count();
        drop(pair);
        if round % 4 == 0 {
            SHARED.write().unwrap_or_else(OwnerDied::into_inner).count();
        } else {
            let pair = SHARED.read().unwrap_or_else(OwnerDied::into_inner);
            add(uneven, u32::from(!pair.is_even()));
        }
        if hart == 0 {
            let _ = PERMITS.release(1);
        } else {
            PERMITS.acquire();
        }
    }
    if hart == 1 {
        // Those of both interrupts.
        for _ in 0..2 * TICKS {
            PERMITS.acquire();
        }
    }
    takes_turns(hart as u32 & 1);
}

/// The cores count up in turn.
fn takes_turns(hart: u32) {
    for _ in 0..TURNS {
        let turn = TURN.lock().unwrap_or_else(OwnerDied::into_inner);
        let waited = TURNED.wait_while(turn, |turn| *turn % 2 != hart);
        let mut turn = waited.unwrap_or_else(OwnerDied::into_inner);
        *turn = turn.wrapping_add(1);
        drop(turn);
        TURNED.notify_all();
    }
}

fn tick(hart: usize) -> bool {
    let uneven = &UNEVEN[2 + (hart & 1)];
    if let Ok(mut pair) = PAIR.try_lock() {
        add(uneven, u32::from(!pair.is_even()));
        pair.count();
        add(&FREE[hart & 1], 1);
    }
    if let Ok(pair) = SHARED.try_read() {
        add(uneven, u32::from(!pair.is_even()));
    }
    PERMITS.release(1).is_ok()
}

fn check() -> bool {
    let pair = PAIR.lock().map_or(Pair::ZERO, |pair| *pair);
    let shared = SHARED.read().map_or(Pair::ZERO, |pair| *pair);
    let turn = TURN.lock().map_or(0, |turn| *turn);
    let (uneven, by_cores) = (total(&UNEVEN), pair.left.wrapping_sub(total(&FREE)));
    report("the mutex, times held by the cores", by_cores);
    report("the rwlock, times written", shared.left);
    report("turns taken", turn);
    report("permits left", PERMITS.permits());
    report("uneven pairs", uneven);
    let (by_cores, free) = (by_cores == 2 * ROUNDS, total(&FREE) > 0);
    let written = shared.is_even() && shared.left == 2 * ROUNDS.div_ceil(4);
    let turns = turn == 2 * TURNS && PERMITS.permits() == 0;
    by_cores && free && written && turns && pair.is_even() && uneven == 0
}

/// A participant that dies while it holds the mutex and reads what the lock protects.
pub fn hold(dying: ringway_core::participant::Participant) {
    let mutex = PAIR.handle(dying);
    if let Ok(mut pair) = mutex.lock() {
        pair.left = 77;
        core::mem::forget(pair);
    }
    core::mem::forget(SHARED.handle(dying).read());
}

/// Puts right what it held.
///
/// # Safety
/// Nobody acts for `dead` any more.
pub unsafe fn recover(dead: ringway_core::participant::Participant) -> bool {
    let held = PAIR.try_lock().is_err() && SHARED.try_write().is_err();
    // SAFETY: as the caller promises.
    let recovered = unsafe { PAIR.recover(dead) & SHARED.recover(dead) };
    report("locks recovered", u32::from(held && recovered));
    let told = PAIR.lock();
    report("their holder died", u32::from(told.is_err()));
    let repaired = told.unwrap_or_else(|died| died.repair(|pair| pair.right = pair.left));
    held && recovered && repaired.is_even() && SHARED.try_write().is_ok()
}
