//! How many executions each scenario has, and has to have.
//!
//! `executions.txt` is written by `tests/executions`. A scenario that has less than half of what
//! stands there has lost what it was about; so has one that is not on record, if all that differs
//! is which thread begins.

use std::cell::RefCell;
use std::collections::HashMap;

/// A line a scenario: the file, the test, the how manieth of the test, and the executions.
const RECORDED: &str = include_str!("executions.txt");

std::thread_local! {
    /// How many scenarios this test has explored so far.
    static EXPLORED: RefCell<HashMap<String, usize>> = RefCell::new(HashMap::new());
}

/// Checks the number of executions of a scenario of the test that runs on this thread, in which
/// `began` threads began in turn.
#[track_caller]
pub fn check(file: &str, executions: usize, began: usize) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let which = EXPLORED.with_borrow_mut(|explored| {
        let before = explored.entry(test.clone()).or_default();
        *before += 1;
        *before
    });
    let scenario = format!("{file} {test} {which}");
    println!("executions: {scenario} {executions}");
    // Other builds of the same models have other numbers; and `tests/weaken` is about what else
    // they find.
    let any = cfg!(any(shuttle, uncached, no_cas, no_look));
    if any || std::env::var_os("RINGWAY_EXECUTIONS").is_some() {
        return;
    }
    let recorded = RECORDED
        .lines()
        .find_map(|line| line.strip_prefix(&scenario)?.strip_prefix(' ')?.parse::<usize>().ok());
    let least = recorded.map_or(began + 1, |recorded| recorded.div_ceil(2));
    assert!(
        executions >= least,
        "{scenario}: {executions} executions, and at least {least} were to be expected: do its threads still meet? If that \
         is right, tests/executions records it"
    );
}
