//! `ringway bench`: which mechanism suits this machine, for a person.
//!
//! ```text
//!   bench                     bench-start MECHANISM SIZE      bench-peer MECHANISM SIZE
//!   all mechanisms in    ──▶  sends, and takes the time  ──▶  receives, checks, answers
//!   turn, several times
//! ```
//!
//! All three are this executable, each time in a fresh process: what a start finds depends on where its memory happens to
//! lie. How Ringway compares with other libraries is shown by `tests/bench` in the repository.

mod advice;
mod exchange;
mod kernel;
mod mechanism;
mod page;
mod plot;
mod report;
mod shared;

use crate::cleanup;
use crate::failure::{Doing, Failure, Result};
use crate::system;
use crate::terminal;
use crate::tour::{end_with_parent, this_program};
use clap::Args;
use exchange::Measured;
use indicatif::{ProgressBar, ProgressStyle};
use mechanism::{MECHANISMS, Mechanism, Place};
use report::{Report, Row};
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Shown behind the help.
pub const HELP: &str = "\
Two processes send each other numbered messages of several sizes: through Ringway's rings in \
shared memory, and through what the kernel offers. Shown are the round trip's percentiles, and \
messages and bytes a second one way; at the end, what suits which need. Where messages stay in \
place, no bytes are shown: only a word of each is touched. Close other programs first, or the \
figures are theirs as well.

Examples:
  ringway bench                                   half a minute, a table
  ringway bench --quick                           a few seconds, fewer sizes
  ringway bench --html bench.html                 a page with plots, to look at or to keep
  ringway bench --json bench.json                 for a program to read";

/// What is measured, and where the result goes.
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

/// One start of one mechanism, in a process of its own; started by the bench.
#[derive(Debug, Args)]
pub struct StartArgs {
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    one_processor: bool,
    name: String,
    size: usize,
}

/// The other side of a start, in a process of its own.
#[derive(Debug, Args)]
pub struct PeerArgs {
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    processor: usize,
    name: String,
    size: usize,
}

/// In bytes.
const SIZES: &[usize] = &[8, 64, 1 << 10, 4 << 10, 64 << 10, 1 << 20];

/// In a quick run.
const QUICK_SIZES: &[usize] = &[64, 4 << 10, 64 << 10];

/// The size at which one processor is compared with two.
const ONE_PROCESSOR_SIZE: usize = 64;

/// How long one start may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn names() -> clap::builder::PossibleValuesParser {
    MECHANISMS.iter().map(|mechanism| mechanism.name).collect::<Vec<_>>().into()
}

/// Measures, and shows what was found.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    system::output_must_be_open()?;
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
        // Whoever polls on the only processor waits for the end of its turn, which measures the scheduler.
        rows.retain(|row| row.place == Place::OneProcessor);
    }
    let progress = progress((rows.len() * starts) as u64);
    let mut found: Vec<Vec<Measured>> = rows.iter().map(|_| Vec::new()).collect();
    // In turn, so that what else the machine does meets all alike.
    for _ in 0..starts {
        for (row, found) in rows.iter_mut().zip(&mut found) {
            progress.set_prefix(row.name);
            progress.set_message(plot::bytes(row.size as f64));
            if row.error.is_none() {
                match start(row) {
                    Ok(measured) => found.push(measured),
                    Err(failure) => row.error = Some(failure.to_string()),
                }
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    for (row, found) in rows.iter_mut().zip(found) {
        row.fill(found);
    }
    let report = Report::new(rows, processors, starts, began.elapsed().as_secs_f64());
    show(args, &report)?;
    let failed: Vec<String> = report
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row.name, row.error.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(format!("{} starts failed: {}", failed.len(), failed.join("; "))))
}

fn is_chosen(mechanism: &Mechanism, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|name| name == mechanism.name)
}

/// The table, and the files that were asked for.
fn show(args: &BenchArgs, report: &Report) -> Result<()> {
    let mut out = io::stdout().lock();
    let json_only = args.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if json_only {
        report.write_json(&mut out)
    } else {
        report.write_table(&mut out, terminal::width(), terminal::colour())
    }
    .and_then(|()| out.flush())
    .doing("print the result")?;
    if let Some(path) = args.json.as_ref().filter(|_| !json_only) {
        let mut text = Vec::new();
        report
            .write_json(&mut text)
            .and_then(|()| fs::write(path, text))
            .doing(format_args!("write {}", path.display()))?;
    }
    if let Some(path) = &args.html {
        fs::write(path, page::render(report)).doing(format_args!("write {}", path.display()))?;
    }
    Ok(())
}

/// One start, in a fresh process.
fn start(row: &Row) -> Result<Measured> {
    let mut command = this_program();
    command.args(["bench-start", "--parent", &std::process::id().to_string()]);
    command.args(row.place.flag());
    command.arg(row.name).arg(row.size.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing("start a process of the bench")?;
    if !ended_within(&mut child, PATIENCE)? {
        return Err(Failure::new(format!("no end within {} seconds", PATIENCE.as_secs())));
    }
    let said = |from: Option<&mut dyn Read>| {
        let mut text = String::new();
        from.map(|from| from.read_to_string(&mut text));
        text
    };
    let answer = said(child.stdout.as_mut().map(|out| out as _));
    serde_json::from_str(&answer).map_err(|_| {
        let complaint = said(child.stderr.as_mut().map(|err| err as _));
        let complaint = complaint.trim().trim_start_matches("ringway: ");
        Failure::new(if complaint.is_empty() { "it ended without a word" } else { complaint })
    })
}

/// Waits for the child; kills it when it takes too long.
fn ended_within(child: &mut Child, patience: Duration) -> Result<bool> {
    let end = Instant::now() + patience;
    loop {
        if child.try_wait().doing("wait for a process of the bench")?.is_some() {
            return Ok(true);
        }
        if Instant::now() > end {
            child.kill().doing("end a process of the bench")?;
            child.wait().doing("wait for a process of the bench")?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A line that says where the bench is, on a terminal only.
fn progress(starts: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(starts);
    let template = " {bar:30} {pos}/{len} {prefix:.bold} {wide_msg} {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    // No steady tick: a thread of ours that wakes would be measured too.
    bar
}

/// Runs the side that takes the time, and prints what it found.
pub fn run_start(args: &StartArgs) -> Result<ExitCode> {
    end_with_parent(args.parent)?;
    let place = Place::of(args.one_processor);
    let measured = mechanism::find(&args.name)?.lead(args.size, place)?;
    serde_json::to_writer(io::stdout(), &measured)
        .map_err(io::Error::from)
        .doing("say what was found")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the side that answers, until the other is gone.
pub fn run_peer(args: &PeerArgs) -> Result<ExitCode> {
    end_with_parent(args.parent)?;
    mechanism::find(&args.name)?.follow(args.size, args.processor)?;
    Ok(ExitCode::SUCCESS)
}
