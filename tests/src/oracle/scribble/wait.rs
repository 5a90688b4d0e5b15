//! A way of sleeping by which the scribbler gets a turn in the middle of an operation, and which
//! counts how often an operation sleeps.

use super::driver::Driver;
use ringway_core::region::SharedWait;
use ringway_core::sync::AtomicU32;
use ringway_core::untrusted::Sleeper;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// What this thread runs.
    static RUNNING: RefCell<Option<Rc<Driver>>> = const { RefCell::new(None) };
}

/// Makes `driver` get its turns, until the returned value is dropped.
pub(super) fn running(driver: &Rc<Driver>) -> impl Drop + use<> {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            RUNNING.with(|it| it.replace(None));
        }
    }
    RUNNING.with(|it| it.replace(Some(driver.clone())));
    Stop
}

fn driver() -> Option<Rc<Driver>> {
    RUNNING.with(|it| it.borrow().clone())
}

/// The scribbler's turn, if there is one.
fn turn() {
    if let Some(driver) = driver() {
        driver.turn();
    }
}

/// More sleeps than any operation has within its deadline.
const MOST: u32 = 10_000;

/// One sleep: until the deadline, which is a number of sleeps.
fn sleep(deadline: Option<u32>) -> Result<(), TimedOut> {
    let driver = driver();
    let slept = driver.as_ref().map_or(0, |driver| driver.slept());
    assert!(slept < MOST, "an operation sleeps again and again");
    turn();
    match (deadline, driver) {
        (Some(limit), _) if slept > limit => return Err(TimedOut),
        (Some(_), _) => {}
        (None, Some(driver)) => driver.release_lock(),
        (None, None) => panic!("every operation here has a deadline"),
    }
    Ok(())
}

/// The `W` of the structures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounded;

impl Wake for Bounded {
    type Word = BellWord;

    const INIT: Self = Bounded;

    fn wake(&self, _: &AtomicU32, _: u32) {
        turn();
    }

    fn spin_limit(&self) -> u32 {
        turn();
        1
    }
}

impl Wait for Bounded {
    type Deadline = u32;

    fn wait(&self, _: &AtomicU32, _: u32, deadline: Option<u32>) -> Result<(), TimedOut> {
        sleep(deadline)
    }
}

// SAFETY: it has no bytes, and nobody sleeps.
unsafe impl SharedWait for Bounded {}

impl Sleeper for Bounded {
    type Deadline = u32;

    fn sleep(&self, _: &AtomicU32, _: u32, deadline: Option<u32>) -> Result<(), TimedOut> {
        sleep(deadline)
    }

    fn wake(&self, _: &AtomicU32) {
        turn();
    }

    fn peer_is_gone(&self) -> bool {
        false
    }
}
