//! Faults from the operating system: every system call of every mechanism fails, in each way that
//! its man page lists.
//!
//! A scene is a short use of one mechanism that checks its own results. It runs in a process of its
//! own under a seccomp filter, so this process answers each of its system calls. A first run finds
//! out which calls it makes. Then the scene runs once for each errno of each call, with the first
//! such call failing, and once with every such call failing. Whatever fails, the scene must end: it
//! succeeds with right results, or it returns an error. These are failures: a panic, a signal, a
//! wrong result, a hang, and a descriptor, a process or a file that the scene leaves behind.
//!
//! Source: [seccomp_unotify(2)](https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html).

mod calls;
pub(crate) mod scenes;
mod supervise;

use calls::Call;
use scenes::Scene;
use std::process::ExitCode;
use std::time::Instant;
use supervise::{Fault, Report, When};

/// The program: sweeps over the scenes whose names contain one of the arguments, or over all. With
/// `--full` it fails each call in turn, not only the first.
pub fn main() -> ExitCode {
    ringway::process::main(scenes::ENTRIES);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let full = arguments.iter().any(|argument| argument == "--full");
    let mut chosen: Vec<Scene> = scenes::all();
    chosen.retain(|scene| words.is_empty() || words.iter().any(|word| scene.name.contains(*word)));
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|scene| println!("{}: test", scene.name));
        return ExitCode::SUCCESS;
    }
    // The children that a scene's process leaves become children of this process, which ends them.
    // SAFETY: the operation takes a number and no pointer.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let began = Instant::now();
    println!("mechanism        | calls | kinds | faults | in spite of it | told | failures");
    println!("-----------------|-------|-------|--------|----------------|------|---------");
    let mut total = Row::default();
    for scene in &chosen {
        let row = sweep(scene, full);
        row.print(scene.name);
        row.failures.iter().take(20).for_each(|failure| println!("    {failure}"));
        total.add(row);
    }
    total.print("all");
    println!("\nfaults: {} failed, {} s", total.failures.len(), began.elapsed().as_secs());
    if words.is_empty() {
        println!(
            "evidence: faults: {} mechanisms: {} system calls, {} faults, {} told as errors, {} failures",
            chosen.len(),
            total.calls,
            total.faults,
            total.told,
            total.failures.len()
        );
    }
    // A sweep in which nothing fails proves nothing.
    let swept = total.faults > 0;
    if total.failures.is_empty() && swept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Row {
    calls: usize,
    kinds: usize,
    faults: usize,
    succeeded: usize,
    told: usize,
    failures: Vec<String>,
}

impl Row {
    fn print(&self, name: &str) {
        println!(
            "{name:16} | {:5} | {:5} | {:6} | {:14} | {:4} | {:8}",
            self.calls,
            self.kinds,
            self.faults,
            self.succeeded,
            self.told,
            self.failures.len()
        );
    }

    fn add(&mut self, row: Row) {
        self.calls += row.calls;
        self.kinds += row.kinds;
        self.faults += row.faults;
        self.succeeded += row.succeeded;
        self.told += row.told;
        self.failures.extend(row.failures);
    }

    fn judge(&mut self, scene: &Scene, fault: Option<Fault>, report: &Report) {
        match report.verdict(scene, fault) {
            Ok(true) => self.succeeded += 1,
            Ok(false) => self.told += 1,
            Err(failure) => self.failures.push(match fault {
                Some(fault) => format!("{fault}: {failure}"),
                None => format!("without a fault: {failure}"),
            }),
        }
    }
}

/// Runs one scene with each fault of each of its calls.
fn sweep(scene: &Scene, full: bool) -> Row {
    let mut row = Row::default();
    let plain = supervise::run(scene, None);
    row.judge(scene, None, &plain);
    if plain.verdict(scene, None) != Ok(true) {
        let told = format!("without a fault it fails: {}", plain.said.trim());
        row.failures.push(told);
        return row;
    }
    row.succeeded = 0;
    for (call, &count) in &plain.calls {
        row.calls += count;
        row.kinds += 1;
        for fault in faults(*call, count, full) {
            let report = supervise::run(scene, Some(fault));
            // With another order of threads, a scene may make one call less.
            if report.injected > 0 {
                row.faults += 1;
                row.judge(scene, Some(fault), &report);
            }
        }
    }
    row
}

/// The ways in which a call fails that a scene makes `count` times.
fn faults(call: Call, count: usize, full: bool) -> Vec<Fault> {
    let mut all = Vec::new();
    for error in call.errors() {
        let singles = if full { count.min(20) } else { 1 };
        all.extend((1..=singles).map(|n| Fault { call, errno: error.errno, when: When::Nth(n) }));
        if !error.passes {
            all.push(Fault { call, errno: error.errno, when: When::Every });
        }
    }
    all
}
