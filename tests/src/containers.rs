//! What the shim does where its system lacks something: no `/proc`, no `/dev/shm` or a small one,
//! and system calls that a filter refuses, as a container's does.
//!
//! Each scene of [`faults`](crate::faults) runs in a process of its own, in namespaces and under a
//! filter that make the system so. Nothing is imitated. It must end well, or with an error that
//! names what is missing. A panic, a signal, a hang, a wrong result and an error that does not name
//! it are failures. The table in `docs/systems.md` says which it is, and must be the one that this
//! run finds.

mod conditions;
#[allow(dead_code)] // This crate uses a part of it.
#[path = "../../std-shim/tests/support/fault.rs"]
mod fault;
mod run;

use crate::faults::scenes::{self, Scene};
use conditions::Condition;
use run::End;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// The program: tries every condition, or those whose names contain one of the arguments. With
/// `--table` it prints the table alone.
pub fn main() -> ExitCode {
    ringway::process::main(scenes::ENTRIES);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut chosen = conditions::all();
    chosen.retain(|it| words.is_empty() || words.iter().any(|word| it.name.contains(*word)));
    if has("--list") {
        chosen.iter().for_each(|condition| println!("{}: test", condition.name));
        return ExitCode::SUCCESS;
    }
    let (mut works, mut table) = ("everything works all the same\n".to_owned(), String::new());
    let (mut failures, mut runs) = (Vec::new(), 0);
    for condition in &chosen {
        let rows = try_scenes(condition, &mut failures);
        runs += rows.runs;
        match rows.told.is_empty() {
            true => works += &format!("    {}\n", condition.name),
            false => table += &rows.text(condition),
        }
        if !has("--table") {
            println!("{}: {} runs", condition.name, rows.runs);
        }
    }
    table += &works;
    if has("--table") {
        print!("{table}");
    } else if words.is_empty() && !crate::figures::page("docs/systems.md").contains(&table) {
        let what = "docs/systems.md has another table; tests/tables docs/systems.md writes this";
        failures.push(format!("{what}:\n{table}"));
    }
    failures.iter().for_each(|failure| eprintln!("FAILED: {failure}"));
    if !has("--table") {
        let (count, failed) = (chosen.len(), failures.len());
        println!("evidence: systems: {count} conditions, {runs} scenes run, {failed} failures");
    }
    if failures.is_empty() && runs > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the scenes did under one condition.
#[derive(Default)]
struct Rows {
    runs: usize,
    /// By their error, the scenes that ended with it.
    told: BTreeMap<String, Vec<&'static str>>,
}

impl Rows {
    /// The lines of the table: what is missing, and which scenes end with which error.
    fn text(&self, condition: &Condition) -> String {
        let mut text = format!("{}\n", condition.name);
        for (error, scenes) in &self.told {
            text += &format!("    {}:\n        {error}\n", scenes.join(", "));
        }
        text
    }
}

fn try_scenes(condition: &Condition, failures: &mut Vec<String>) -> Rows {
    let mut rows = Rows::default();
    for scene in scenes::all().into_iter().chain([LARGE_REGION]) {
        let mut ends = Vec::new();
        for arrangement in &condition.arrangements {
            rows.runs += 1;
            ends.push(run::run(&scene, arrangement));
        }
        let name = format!("{}: {}", condition.name, scene.name);
        // Whichever errno a filter answers with, the outcome is the same.
        if ends.windows(2).any(|pair| pair[0] != pair[1]) {
            failures.push(format!("{name}: it depends on the errno: {ends:?}"));
        }
        match ends.swap_remove(0) {
            End::Works => {}
            End::Told(error) if error.contains(condition.word) => {
                rows.told.entry(error).or_default().push(scene.name);
            }
            End::Told(error) => failures
                .push(format!("{name}: the error does not name \"{}\": {error}", condition.word)),
            End::Failed(how) => failures.push(format!("{name}: {how}")),
        }
    }
    rows
}

/// A region that is larger than a small `/dev/shm`.
const LARGE_REGION: Scene = Scene::new("large named region", |_| {
    use ringway::shm::{Layout, Queue, Region};
    // Of 96 MiB, and more than the 64 MiB that a container has by default.
    let layout = Layout::new(2).part::<Queue<[u64; 1024], 12_288>>("jobs")?;
    let name = scenes::region_name(rustix::process::getpid().as_raw_pid());
    let created = Region::create(&name, 0o600, &layout);
    if created.as_ref().is_err_and(|error| error.is(ringway::CoreError::Exhausted)) {
        // Nothing is left of it: there is room for a small one of this name.
        let small = Layout::new(2).part::<Queue<u64, 8>>("jobs")?;
        let small = Region::create(&name, 0o600, &small);
        scenes::check(small.is_ok(), "a region that was not made takes room");
    }
    let region = created?;
    // Where there was no room, this would be a SIGBUS.
    let jobs = region.part::<Queue<[u64; 1024], 12_288>>("jobs")?;
    for _ in 0..12_288 {
        scenes::check(jobs.try_push([7; 1024]).is_ok(), "it is full too soon");
    }
    Ok(())
});
