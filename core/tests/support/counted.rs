//! How many executions each scenario has, and must have.
//!
//! `tests/executions` writes `executions.txt`. A scenario that has less than half of the recorded
//! number has lost its point. So has a scenario that is not recorded, if its executions differ only
//! in which thread begins.

use std::cell::RefCell;
use std::collections::HashMap;

/// A line for each scenario: the file, the test, the scenario's number in the test, the executions.
const RECORDED: &str = include_str!("executions.txt");

std::thread_local! {
    /// How many scenarios each test has explored so far.
    static EXPLORED: RefCell<HashMap<String, usize>> = RefCell::new(HashMap::new());
}

/// Checks the number of executions of a scenario of this thread's test.
///
/// In the scenario `began` threads began in turn.
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
    // Other builds of the same models have other numbers. `tests/weaken` asks only what the models
    // find.
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
