//! Starts every entrant in turn, A B C A B C, each time in a fresh process, and collects the
//! results.

use crate::Arguments;
use crate::catalogue;
use crate::limits;
use crate::report::{EntrantResult, ExperimentResult, Machine, Report, Start};
use crate::sides::{Cpus, allowed, go_first};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// How many starts each entrant has, and the number of seconds after which no new round begins.
const STARTS: (usize, u64) = (15, 1080);

/// The same for a quick run.
const QUICK_STARTS: (usize, u64) = (3, 90);

/// How long one start may take, in seconds, before it is given up.
const PATIENCE: u32 = 20;

/// One start of one entrant: measures, and prints the results as a line of JSON.
pub fn start(experiment: &str, entrant: &str) -> ExitCode {
    // SAFETY: a plain request: the default action of the signal ends this process, and a child ends
    // with it.
    unsafe { libc::alarm(PATIENCE) };
    let experiments = catalogue::experiments();
    let Some(experiment) = experiments.into_iter().find(|it| it.id == experiment) else {
        eprintln!("no experiment {experiment}; see: ringway-bench list");
        return ExitCode::from(2);
    };
    let Some(entrant) = experiment.entrants.iter().find(|it| it.name == entrant) else {
        eprintln!("no entrant {entrant} in {}; see: ringway-bench list", experiment.id);
        return ExitCode::from(2);
    };
    // If there are more threads than processors, they take turns as the scheduler decides.
    let first = !experiment.id.starts_with("many-2") && go_first();
    let around = |probe: fn() -> f64| {
        let before = probe();
        let found = (entrant.run)();
        (found, Some([before, probe()]))
    };
    let (found, line, pace) = if experiment.two_processors {
        let (found, line) = around(limits::distance);
        (found, line, None)
    } else {
        let (found, pace) = around(limits::pace);
        (found, None, pace)
    };
    println!("{}", serde_json::to_string(&Start::new(found, line, pace, first)).expect("numbers"));
    ExitCode::SUCCESS
}

/// The whole run.
pub fn run(arguments: &Arguments) -> ExitCode {
    let (starts, seconds) = if arguments.quick { QUICK_STARTS } else { STARTS };
    let (starts, seconds) = arguments.starts.map_or((starts, seconds), |starts| (starts, u64::MAX));
    let mut experiments = catalogue::experiments();
    for name in &arguments.only {
        if !experiments.iter().any(|it| it.id == name) {
            eprintln!("no experiment {name}; see: ringway-bench list");
            return ExitCode::from(2);
        }
    }
    if !arguments.only.is_empty() {
        experiments.retain(|it| arguments.only.iter().any(|name| name == it.id));
    }
    let cpus = nearest();
    let machine = Machine::here(cpus);
    let begun = Instant::now();
    let mut found: Vec<Vec<EntrantResult>> =
        experiments.iter().map(|it| it.entrants.iter().map(EntrantResult::new).collect()).collect();
    // Every experiment is in every round, so what the machine does to its guests meanwhile affects
    // all.
    let mut rounds = 0;
    while rounds < starts && (rounds == 0 || begun.elapsed().as_secs() < seconds) {
        rounds += 1;
        for (experiment, entrants) in experiments.iter().zip(&mut found) {
            for entrant in entrants.iter_mut().filter(|it| it.failure.is_none()) {
                show(&format!("round {rounds} of {starts}: {}: {}", experiment.id, entrant.name));
                match one(experiment.id, &entrant.name, cpus) {
                    Ok(start) => entrant.starts.push(start),
                    Err(why) => entrant.failure = Some(why),
                }
            }
        }
    }
    show("");
    let results = experiments.iter().zip(found);
    let results = results.map(|(it, entrants)| ExperimentResult::new(it, entrants)).collect();
    let mut report = Report::new(machine, rounds, results);
    report.seconds = begun.elapsed().as_secs_f64();
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/report")));
    print!("{}", report.text());
    match report.write(&out) {
        Ok(()) => {
            println!("results.json, table.txt and plots are in {}", out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write to {}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}

/// The processors to pin to: the first allowed one, and the one nearest to it that is not on the
/// same core.
fn nearest() -> Cpus {
    let allowed = allowed();
    let first = allowed[0];
    let path = format!("/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list");
    let siblings = std::fs::read_to_string(path).unwrap_or_default();
    let same_core: Vec<usize> =
        siblings.trim().split([',', '-']).filter_map(|cpu| cpu.parse().ok()).collect();
    let others = allowed.iter().copied().filter(|cpu| !same_core.contains(cpu)).take(16);
    let exe = std::env::current_exe().expect("this program");
    let measured = others.map(|other| {
        let output = Command::new(&exe)
            .args(["start", "trip-u64", "bare cache line", "--cpus", &format!("{first},{other}")])
            .output();
        let start: Option<Start> =
            output.ok().and_then(|it| serde_json::from_slice(&it.stdout).ok());
        (other, start.and_then(|it| it.found.get("p50").copied()).unwrap_or(f64::MAX))
    });
    let nearest = measured.min_by(|a, b| a.1.total_cmp(&b.1));
    Cpus(first, nearest.map_or(first, |(other, _)| other))
}

/// A fresh process for one start.
fn one(experiment: &str, entrant: &str, cpus: Cpus) -> Result<Start, String> {
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(exe)
        .args(["start", experiment, entrant, "--cpus", &format!("{},{}", cpus.0, cpus.1)])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(format!("{}: {told}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// Says what is being done, where somebody looks.
fn show(what: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[2K{what}");
        let _ = out.flush();
    }
}
