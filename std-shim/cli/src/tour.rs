//! `ringway tour`: every mechanism moves real bytes, and the far end proves what arrived.
//!
//! ```text
//!   tour                    tour-row NAME                 tour-peer NAME
//!   one for all       ──▶   a process for each row,  ──▶  the far end, where the row is
//!   deadline, verdict       in a group of its own         between processes
//! ```
//!
//! All three are this executable. The tour reads the input once to know its SHA-256; each row's process sends it;
//! the far end takes it in and reports its own SHA-256 in one line of JSON, which travels up. A row that crashes or
//! hangs is a failed row: its group is killed and waited for.

mod firmware;
mod group;
mod links;
mod locked;
mod memory;
mod messages;
mod peer;
mod piece;
mod pipes;
mod process;
mod reliable;
mod report;
mod rings;
mod row;
mod shared;
mod signals;
mod streams;
mod table;
mod workers;

pub use group::end_group;
pub use peer::this_program;
pub use process::RECEIVER;

use crate::cleanup;
use crate::complain;
use crate::digest;
use crate::failure::{Doing, Failure, Result};
use crate::system;
use crate::terminal;
use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};
use report::{Input, Report, ReportRow};
use row::{FarEnd, Mechanism, Outcome, Row, Says, open, say};
use rustix::process::{
    Pid, Signal, getpid, getppid, set_child_subreaper, set_parent_process_death_signal,
};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The rows, in the order of the table.
const MECHANISMS: &[&dyn Mechanism] = &[
    &pipes::Pipe,
    &pipes::PipeThreads,
    &pipes::NamedPipe,
    &streams::UnixStreams,
    &messages::Seqpacket,
    &messages::UnixDatagrams,
    &streams::Tcp,
    &messages::Udp,
    &links::Reliable,
    &links::Serial,
    &signals::Plain,
    &signals::Queued,
    &process::Spawned,
    &shared::NamedBytes,
    &shared::AnonymousMessages,
    &workers::Fed,
    &workers::Killed,
    &shared::Broadcast,
    &shared::Latest,
    &locked::Counted,
    &locked::HandedOver,
    &rings::Ring,
    &rings::ByteRing,
    &memory::Pipe,
    &memory::Fifo,
    &memory::Socket,
    &table::SignalTable,
    &firmware::Serial,
];

/// Shown below the options of `ringway tour`.
pub const HELP: &str = "\
Each row starts what it needs (processes of this program, or threads), sends the input through one \
mechanism, and has the far end compute the SHA-256 of what arrives. A row is verified when that is the \
input's. Datagrams are acknowledged, and sent again when they get lost; signals, the serial line, shm-broadcast \
and shm-latest carry only the beginning of the input. Nothing is left behind, neither processes, files nor shared \
memory, also after Ctrl-C.

Examples:
  ringway tour                          the whole tour, with this program as the input
  ringway tour --input /etc/services    another input; it may be empty, or larger than memory
  ringway tour --only fifo,tcp          two rows
  ringway tour --firmware IMAGE         a firmware in QEMU at the far end; IMAGE is what
                                        '../bare riscv32imc-unknown-none-elf build --release
                                        --bin uart_link' makes in tests/firmware
  ringway tour --json | jq '.rows[] | select(.verified | not)'

JSON, which only grows while its format is \"ringway-tour/1\":
  { format, version, input: { path, bytes, sha256 },
    rows: [ { name, title, between, verified, what, error, bytes, seconds, bytes_per_second, sha256 } ],
    verified, failed, seconds }

Exit status: 0 all verified; 1 a row failed, and the standard error says which and why.";

/// What `ringway tour` can be told.
#[derive(Debug, Args)]
pub struct TourArgs {
    /// The file to send; without it, this program's own executable file
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Only these rows, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = names())]
    only: Vec<String>,
    /// Show what a firmware in QEMU exchanges with this program: an image of tests/firmware
    #[arg(long, value_name = "IMAGE")]
    firmware: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Stop a row after so long; without it, 15 seconds and one more for each 8 MiB
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
}

/// One row, in a process of its own; started by the tour.
#[derive(Debug, Args)]
pub struct RowArgs {
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    input: PathBuf,
    #[arg(long)]
    limit: Option<u64>,
    #[arg(long)]
    firmware: Option<PathBuf>,
    name: String,
}

/// The far end of a row, in a process of its own; started by the row.
#[derive(Debug, Args)]
pub struct PeerArgs {
    #[arg(long)]
    parent: i32,
    name: String,
    args: Vec<String>,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(MECHANISMS.iter().map(|mechanism| mechanism.name()))
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|&seconds: &f64| seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds above zero, as in 30 or 0.5".to_string())
}

/// Takes the whole tour.
pub fn run(args: &TourArgs) -> Result<ExitCode> {
    system::output_must_be_open()?;
    let began = Instant::now();
    let (shown, input) = match &args.input {
        // Absolute, because each row has a working directory of its own.
        Some(path) => {
            (path.display().to_string(), absolute(path).doing("find the working directory")?)
        }
        // Opened through the kernel's name for it, which stays right when the file is replaced meanwhile.
        None => (executable(), PathBuf::from("/proc/self/exe")),
    };
    let kind = fs::metadata(&input).doing(format_args!("read the input {shown}"))?;
    if !kind.is_file() {
        return Err(Failure::new(format!(
            "the input {shown} is not a regular file, and each row reads it anew: copy it to a file first"
        )));
    }
    let sum =
        |limit| digest::sum(open(&input, limit)?).doing(format_args!("read the input {shown}"));
    let chosen: Vec<_> = MECHANISMS
        .iter()
        .filter(|mechanism| match args.only.is_empty() {
            // With an image the rows that are about it, without one all others.
            true => args.firmware.is_some() == (mechanism.name() == firmware::NAME),
            false => args.only.iter().any(|name| name == mechanism.name()),
        })
        .collect();
    // Absolute, as the input's.
    let image = args.firmware.as_ref().map(absolute).transpose();
    let image = image.doing("find the working directory")?;
    let progress = progress(chosen.len() as u64);
    progress.set_prefix("the input's SHA-256");
    let (bytes, sha256) = sum(None)?;

    // The far ends of a row that had to be killed are waited for as if they were our children.
    set_child_subreaper(Some(getpid()))
        .map_err(io::Error::from)
        .doing("become the tour's subreaper")?;
    cleanup::on_signals()?;
    let directory = cleanup::Directory::make("ringway-tour-")?;
    let mut rows = Vec::new();
    for mechanism in chosen {
        progress.set_prefix(mechanism.name());
        progress.set_message("");
        let mut row = ReportRow::of(mechanism.name(), mechanism.title(), mechanism.between());
        let expected = match mechanism.limit() {
            Some(limit) if limit < bytes => sum(Some(limit)),
            _ => Ok((bytes, sha256.clone())),
        };
        let outcome = expected.and_then(|expected| {
            let deadline = args.deadline.unwrap_or_else(|| default_deadline(expected.0));
            let doing = |doing: &str| progress.set_message(doing.to_string());
            let files = (&*input, image.as_deref());
            let outcome = run_in(directory.path(), *mechanism, files, deadline, doing)?;
            row.fill(outcome, &expected);
            Ok(())
        });
        row.error = row.error.or(outcome.err().map(|failure| failure.to_string()));
        rows.push(row);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let removed = directory.remove();

    let report =
        Report::new(Input { path: shown, bytes, sha256 }, rows, began.elapsed().as_secs_f64());
    let mut out = io::stdout().lock();
    if args.json {
        report.write_json(&mut out)
    } else {
        report.write_table(&mut out, terminal::width(), terminal::colour())
    }
    .and_then(|()| out.flush())
    .doing("print the result")?;
    if report.failed == 0 {
        return removed.map(|()| ExitCode::SUCCESS);
    }
    if let Err(failure) = removed {
        complain(&failure.to_string());
    }
    let failed: Vec<_> = report
        .rows
        .iter()
        .filter_map(|row| row.error.as_ref().map(|error| format!("{}: {error}", row.name)))
        .collect();
    Err(Failure::new(format!(
        "{} of {} rows failed: {}",
        report.failed,
        report.rows.len(),
        failed.join("; ")
    )))
}

/// Runs one row in a directory of its own.
fn run_in(
    directory: &Path,
    mechanism: &dyn Mechanism,
    files: (&Path, Option<&Path>),
    deadline: Duration,
    doing: impl FnMut(&str),
) -> Result<Outcome> {
    let directory = directory.join(mechanism.name());
    fs::create_dir(&directory).doing("make a directory for the row")?;
    let limit = mechanism.limit();
    let outcome = group::run_row(mechanism.name(), files, &directory, limit, deadline, doing);
    let _ = fs::remove_dir_all(&directory);
    outcome
}

fn default_deadline(bytes: u64) -> Duration {
    Duration::from_secs(15 + (bytes >> 23))
}

fn executable() -> String {
    std::env::current_exe()
        .map_or("its own executable".to_string(), |path| path.display().to_string())
}

/// A line that says where the tour is, on a terminal only.
fn progress(rows: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows);
    if let Ok(style) =
        ProgressStyle::with_template(" {spinner} {pos}/{len} {prefix:.bold} {wide_msg}")
    {
        bar.set_style(style);
    }
    terminal::tick(&bar, Duration::from_millis(100));
    bar
}

/// Runs one row's own side and tells the tour how it went.
pub fn run_row(args: RowArgs) -> Result<ExitCode> {
    end_with_parent(args.parent)?;
    let RowArgs { input, limit, firmware, name, .. } = args;
    Ok(tell(find(&name).and_then(|mechanism| {
        let row = Row { name: mechanism.name(), input, limit, firmware };
        mechanism.run(&row).map(|outcome| say(&Says::Done(outcome)))
    })))
}

/// Runs a row's far end and tells the row how it went.
pub fn run_peer(args: &PeerArgs) -> Result<ExitCode> {
    end_with_parent(args.parent)?;
    Ok(tell(find(&args.name).and_then(|mechanism| mechanism.peer(&FarEnd, &args.args))))
}

fn tell(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&Says::Failed(failure.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn find(name: &str) -> Result<&'static dyn Mechanism> {
    MECHANISMS
        .iter()
        .find(|mechanism| mechanism.name() == name)
        .copied()
        .ok_or_else(|| Failure::new(format!("there is no row '{name}'; see ringway tour --help")))
}

/// Has the kernel end this process when the one that started it ends, however that comes about.
pub fn end_with_parent(parent: i32) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(io::Error::from)
        .doing("tie this process to the one that started it")?;
    // It may have ended before the line above.
    if getppid() != Pid::from_raw(parent) {
        return Err(Failure::new(
            "whoever started this process is gone; use 'ringway tour' or 'ringway bench'",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_rows_are_unique() {
        let mut names: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.name()).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn a_deadline_is_a_time_above_zero() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "nan", "inf", "1e40", "soon", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
