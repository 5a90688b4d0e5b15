//! `ringway bench`: which mechanism suits this machine, for a person.
//!
//! ```text
//!   bench                     bench-start                     bench-peer
//!   all mechanisms in    ──▶  sends, and takes the time  ──▶  receives, checks, answers
//!   turn, several times
//! ```
//!
//! All three are this executable, each time in a fresh process, because the result of a start
//! depends on where its memory happens to lie. `tests/bench` in the repository compares Ringway
//! with other libraries.

mod advice;
mod exchange;
mod mechanism;
mod page;
mod plot;
mod report;
mod row;

use crate::cleanup;
use crate::failure::{Doing, Failure, Result, output_must_be_open};
use crate::part::{self, Heard, Part};
use crate::terminal;
use clap::Args;
use exchange::Measured;
use mechanism::{MECHANISMS, Mechanism, PeerTask, Place, StartTask};
use report::Report;
use ringway::process::{self, Entry, EntryArgs, Options};
use ringway_ways::Offer;
use row::Row;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub const HELP: &str = "\
Two processes send each other numbered messages of several sizes, through \
Ringway's rings in shared memory and through what the kernel offers. The table \
shows the percentiles of the round trip, and the messages and bytes per second \
one way. At the end it says what suits which need. Mechanisms that leave the \
messages in place show no bytes, because they touch one word of each. Close \
other programs first, or you measure them as well.

Examples:
  ringway bench                    half a minute, a table
  ringway bench --quick            a few seconds, fewer sizes
  ringway bench --html bench.html  a page with plots
  ringway bench --json bench.json  the same as JSON";

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Fewer sizes and starts: some seconds
    #[arg(long)]
    quick: bool,
    /// Only these mechanisms, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = names())]
    only: Vec<String>,
    /// Also write the result as JSON; '-' for the standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write a page with plots, which needs no other file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The processes of this program that the bench starts.
pub const ENTRIES: [Entry; 2] =
    [Entry::new("bench-start", run_start), Entry::new("bench-peer", run_peer)];

const SIZES: &[usize] = &[8, 64, 1 << 10, 4 << 10, 64 << 10, 1 << 20];

/// The sizes of a quick run.
const QUICK_SIZES: &[usize] = &[64, 4 << 10, 64 << 10];

/// The size at which one processor is compared with two.
const ONE_PROCESSOR_SIZE: usize = 64;

/// How long one start may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn names() -> clap::builder::PossibleValuesParser {
    MECHANISMS.iter().map(|mechanism| mechanism.name).collect::<Vec<_>>().into()
}

/// Measures, and shows the result.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    output_must_be_open()?;
    cleanup::on_signals()?;
    let began = Instant::now();
    let (sizes, starts) = if args.quick { (QUICK_SIZES, 2) } else { (SIZES, 5) };
    let processors = exchange::processors().len();
    let mut rows: Vec<Row> = Vec::new();
    for mechanism in MECHANISMS.iter().filter(|it| is_chosen(it, &args.only)) {
        for &size in sizes.iter().filter(|&&size| size <= mechanism.max) {
            rows.push(Row::new(mechanism, size, Place::TwoProcessors));
        }
        if mechanism.sleeps {
            rows.push(Row::new(
                mechanism,
                ONE_PROCESSOR_SIZE.min(mechanism.max),
                Place::OneProcessor,
            ));
        }
    }
    if processors < 2 {
        // On a single processor, a polling side waits for the end of its time slice, which measures
        // the scheduler.
        rows.retain(|row| row.place == Place::OneProcessor);
    }
    // No steady tick: a waking thread of ours would be measured, too.
    let template = " {bar:30} {pos}/{len} {prefix:.bold} {wide_msg} {eta} left";
    let progress = terminal::bar((rows.len() * starts) as u64, template);
    let directory = cleanup::Name::directory("ringway-bench-")?;
    let mut found: Vec<Vec<Measured>> = rows.iter().map(|_| Vec::new()).collect();
    // Take turns, so that the machine's other work affects all rows alike.
    for _ in 0..starts {
        for (row, found) in rows.iter_mut().zip(&mut found) {
            progress.set_prefix(row.mechanism.name);
            progress.set_message(plot::bytes(row.size as f64));
            if row.error.is_none() {
                match start(row, directory.path()) {
                    Ok(measured) => found.push(measured),
                    Err(failure) => row.error = Some(failure.to_string()),
                }
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    directory.remove()?;
    for (row, found) in rows.iter_mut().zip(found) {
        row.fill(found);
    }
    let report = Report::new(rows, processors, starts, began.elapsed().as_secs_f64());
    show(args, &report)?;
    let failed: Vec<String> = report
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row.mechanism.name, row.error.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(format!("{} starts failed: {}", failed.len(), failed.join("; "))))
}

fn is_chosen(mechanism: &Mechanism, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|name| name == mechanism.name)
}

/// Shows the table, and writes the requested files.
fn show(args: &BenchArgs, report: &Report) -> Result<()> {
    let json_only = args.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if json_only {
        terminal::print_json(report)?;
    } else {
        terminal::print(&report.table(terminal::width(), terminal::colour()))?;
    }
    if let Some(path) = args.json.as_ref().filter(|_| !json_only) {
        fs::write(path, terminal::json(report)?).doing(format_args!("write {}", path.display()))?;
    }
    if let Some(path) = &args.html {
        fs::write(path, page::render(report)).doing(format_args!("write {}", path.display()))?;
    }
    Ok(())
}

/// Runs one start in a fresh process, with its own folder in `directory`.
fn start(row: &Row, directory: &Path) -> Result<Measured> {
    let folder = tempfile::tempdir_in(directory).doing("make a folder for a start")?;
    let (name, directory) = (row.mechanism.name.to_string(), folder.path().to_owned());
    let task = StartTask { name, size: row.size, place: row.place, directory };
    let start = Part::start(Options::new(), &ENTRIES[0], "", &task, Vec::new())?;
    match start.hear_until(Some(Instant::now() + PATIENCE))? {
        Heard::Said(measured) => Ok(measured),
        Heard::Nothing => {
            Err(Failure::new(format!("no end within {} seconds", PATIENCE.as_secs())))
        }
        Heard::Ended(exit) => Err(Failure::new(format!("it ended without a word: {exit}"))),
    }
}

/// The side that measures and reports.
fn run_start(given: EntryArgs) -> process::EntryResult {
    part::run(given, |report, task: StartTask, _| {
        report.say(&mechanism::find(&task.name)?.lead(&task, &ENTRIES[1])?);
        Ok(())
    })
}

/// The side that answers until the other is gone.
fn run_peer(given: EntryArgs) -> process::EntryResult {
    part::run(given, |_, task: PeerTask, descriptors| {
        let offer = Offer { name: task.offer.clone(), descriptors, end: None };
        mechanism::find(&task.name)?.follow(&task, offer)
    })
}
