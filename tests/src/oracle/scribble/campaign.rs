//! Many sequences from seeds: between operations, and while another thread scribbles.

use super::super::seeded_bytes;
use super::{SUBJECTS, Source, Subject, Tally, Twice};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The bytes of one sequence: enough for some dozen operations. After more than that, a structure
/// is mostly in ruins.
const BYTES: usize = 500;

/// Runs sequences over `subject` until they made `steps` operations: half of them with a scribbler
/// in the same thread, half of them with one in another thread.
///
/// Returns what was done, and a sentence for each failure.
pub fn campaign(subject: &Subject, steps: u64, seed: u64) -> (Tally, Vec<String>) {
    let twice = Twice::new();
    let (mut tally, mut failures, mut seed) = (Tally::default(), vec![], seed);
    for (end, is_raced) in [(steps / 2, false), (steps, true)] {
        let race = is_raced.then(|| twice.race(seed));
        while tally.steps < end && failures.len() < 10 {
            let bytes = seeded_bytes(seed, BYTES);
            let again = || {
                let raced = if is_raced { ", raced" } else { "" };
                format!("{}, seed {seed}{raced}", subject.name)
            };
            let source = Source::Twice(twice.clone());
            match catch_unwind(AssertUnwindSafe(|| subject.run(&bytes, source, again))) {
                Ok(done) => tally += done,
                Err(panic) => {
                    let said = panic.downcast_ref::<String>().map(String::as_str);
                    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                    failures.push(format!("{}: {}", again(), said.unwrap_or_default()));
                }
            }
            seed += 1;
        }
        drop(race);
    }
    (tally, failures)
}

/// Campaigns over every structure in every mode, of `steps` operations in all; prints a line for
/// each. Returns the number of failures.
pub fn campaigns(steps: u64, seed: u64, only: &str) -> usize {
    let chosen: Vec<_> = SUBJECTS.iter().filter(|it| it.name.contains(only)).collect();
    let mut failed = 0;
    for subject in &chosen {
        let (tally, failures) = campaign(subject, steps.div_ceil(chosen.len() as u64), seed);
        failures.iter().for_each(|failure| println!("FAILED: {failure}"));
        let (name, steps) = (subject.name, tally.steps);
        println!("evidence: scribble: {name}: {steps} steps, {} failures", failures.len());
        failed += failures.len();
    }
    failed
}
