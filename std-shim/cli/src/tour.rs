//! `ringway tour`: every mechanism moves real bytes, and the far end proves what arrived.
//!
//! ```text
//!   tour                    tour-row                      tour-peer
//!   one for all       ──▶   a process for each row,  ──▶  the far end, where the row is
//!   deadline, verdict       with a folder of its own      between processes
//! ```
//!
//! All three are this executable, started through `ringway::process`. The tour reads the input once
//! to compute its SHA-256. Each row's process sends the input. The far end receives it and reports
//! its own SHA-256, which travels up. A row that crashes or hangs has failed: the tour kills it
//! with everything it started, and waits for it.

mod awaited;
mod carry;
mod executor;
mod firmware;
mod group;
mod locked;
mod piece;
mod report;
mod row;
mod shared;
mod workers;

use crate::cleanup;
use crate::digest;
use crate::failure::{Doing, Failure, Result, complain, output_must_be_open};
use crate::part;
use crate::terminal;
use clap::Args;
use clap::builder::PossibleValuesParser;
use report::{Input, Report, ReportRow};
use ringway::process::{self, Entry, EntryArgs};
use ringway::wait::PrivateFutex;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::socket::Network;
use ringway_ways::linked::{Reliable, Serial, SerialLine};
use ringway_ways::socket::{Datagrams, Seqpackets, Tcp, Udp, UnixStreams};
use ringway_ways::{Offer, Pair, connection, memory, pipe, shm, words};
use row::{FarTask, Mechanism, Row, RowTask, Says, Sides, open};
use std::fs;
use std::path::{PathBuf, absolute};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Rows as lines: name and participants; title in the field's words; the text for a success; the
/// most bytes of the input to send; the mechanism.
macro_rules! rows {
    ($(
        $name:expr, $between:literal: $title:literal;
        $how:literal $(up to $limit:expr)?, $sides:expr;
    )*) => {
        &[$(Mechanism {
            name: $name,
            title: $title,
            between: $between,
            how: $how,
            limit: [$(Some($limit),)? None][0],
            sides: $sides,
        }),*]
    };
}

/// The capacity of the structures in memory, in bytes.
const ROOM: usize = 64 << 10;

/// The most bytes of the input that a row of tasks sends.
const AWAITED: u64 = 4 << 20;

static NAMES: Registry<2, ROOM, PrivateFutex> = Registry::new();

static NETWORK: Network<1, 1, ROOM, PrivateFutex> = Network::new();

/// The rows, in the order of the table.
static MECHANISMS: &[Mechanism] = rows! {
    "pipe", "parent → child": "anonymous pipe between a parent and its child";
        "handed over, to end of file", Sides::Processes(&pipe::Pipes);
    "pipe-threads", "two threads": "anonymous pipe between two threads";
        "through the kernel, to end of file", Sides::Threads(&pipe::Pipes);
    "fifo", "two processes": "named pipe between two processes that share only its path";
        "the two opens met at the path", Sides::Processes(&pipe::Fifos);
    "unix-stream", "two processes": "Unix stream socket between two processes";
        "by path; half-close, answer", Sides::Processes(&UnixStreams::PATH);
    "unix-seqpacket", "two processes": "Unix seqpacket socket between two processes";
        "each kept whole", Sides::Processes(&Seqpackets::PATH.of(32 << 10));
    "unix-datagram", "two processes": "Unix datagram sockets of two processes";
        "acknowledged" up to 8 << 20, Sides::Processes(&Serial::<_, 8000>(Datagrams));
    "tcp", "two processes": "TCP on loopback, by port";
        "by port; half-close, answer", Sides::Processes(&Tcp);
    "udp", "two processes": "UDP on loopback, by port";
        "acknowledged" up to 8 << 20, Sides::Processes(&Serial::<_, 8000>(Udp));
    "link", "two processes": "link over a socket between two processes";
        "over a socket; half-close, answer", Sides::Processes(&Reliable(UnixStreams::PATH));
    "serial", "two processes": "link over a serial line, a pseudo terminal, between two processes";
        "COBS, CRC-32, numbers; half-close, answer" up to 512 << 10,
        Sides::Processes(&Serial::<_, 256>(SerialLine));
    "signal", "parent → child": "plain signals between two processes, handled through the signal table";
        "signals that carry a bit, each answered" up to 512, Sides::Processes(words::BITS);
    "signal-queued", "parent → child": "queued signals with payloads between two processes";
        "values of 4 bytes, at most 16 under way" up to 32 << 10,
        Sides::Processes(words::QUEUED);
    "process-pipe", "parent ↔ child": "connection to a process that begins in a function, both ways";
        "each kept whole", Sides::Processes(&connection::Connected);
    "python", "two processes": "connection as Python's multiprocessing has it, between two processes";
        "by path, with a key", Sides::Processes(&connection::Python);
    "shm-bytes", "two processes": "ring of bytes in shared memory between two processes that share only its name";
        "by name, in /dev/shm", Sides::Processes(&shm::NamedBytes::<{ 256 << 10 }>);
    "shm-messages", "parent → child": "ring of messages in shared memory without a name, whose descriptor is handed over";
        "each kept whole", Sides::Processes(&shm::Messages::<{ 4 << 20 }>);
    "shm-queue", "five processes": "queue in shared memory that feeds three workers, and one that collects what they did";
        "", workers::FED;
    "shm-kill", "six processes": "queue in shared memory, one of whose workers is killed with a job in its hands";
        "", workers::KILLED;
    "shm-broadcast", "one → two": "broadcast in shared memory to two processes";
        "" up to 8 << 20, shared::BROADCAST;
    "shm-latest", "two processes": "newest value in shared memory between two processes";
        "" up to 2 << 20, shared::LATEST;
    "shm-lock", "two → one": "value under a lock in shared memory that two processes increment";
        "", locked::COUNTED;
    "shm-locks", "two processes": "semaphore, condition, event and barrier in shared memory around a place for one piece";
        "", locked::HANDED_OVER;
    "ring", "two threads": "single-producer single-consumer ring of values, in memory";
        "64 slots, a piece in each", Sides::Threads(&Pair(memory::rings::<64>));
    "byte-ring", "two threads": "single-producer single-consumer ring of bytes, in memory";
        "around 64 KiB", Sides::Threads(&Pair(memory::byte_rings::<ROOM>));
    "memory-pipe", "two threads": "pipe in memory between two threads";
        "no kernel object, to end of file", Sides::Threads(&Pair(memory::pipes::<ROOM>));
    "memory-fifo", "two threads": "FIFO in memory between two threads that share only its name";
        "the two opens met at the name", Sides::Threads(&memory::Fifos(&NAMES));
    "memory-socket", "two threads": "stream socket in memory between two threads";
        "by port; half-close, answer", Sides::Threads(&memory::Streams(&NETWORK));
    "signal-table", "two threads": "signal table in memory between two threads";
        "payloads of 4 bytes" up to 128 << 10, Sides::Threads(words::TABLES);
    "async-queue", "two tasks": "queue in shared memory, awaited by a task in each of two processes";
        "by `push_async` and `pop_async`" up to AWAITED, awaited::QUEUE;
    "async-ring", "two tasks": "ring of values in shared memory, awaited in two processes";
        "by `push_async` and `pop_async`" up to AWAITED, awaited::RING;
    "async-byte-ring", "two tasks": "ring of bytes in shared memory, awaited in two processes";
        "by `write_all_async` and `read_async`" up to AWAITED, awaited::BYTE_RING;
    "async-messages", "two tasks": "ring of messages in shared memory, awaited in two processes";
        "by `send_async` and `recv_async`" up to AWAITED, awaited::MESSAGE_RING;
    "async-broadcast", "two tasks": "broadcast in shared memory, and a semaphore, awaited in two processes";
        "by `recv_async` and `acquire_async`" up to AWAITED, awaited::BROADCAST;
    "async-latest", "two tasks": "newest value in shared memory, and an event, awaited in two processes";
        "by `newer_async` and `wait_async`" up to AWAITED, awaited::LATEST;
    "async-locks", "two tasks": "mutex, condition, lock for readers and barrier in shared memory, awaited in two processes";
        "by `lock_async`, `read_async`, `wait_async`" up to AWAITED, awaited::LOCKS;
    "async-memory", "two threads": "ring of values in memory, awaited by tasks of two threads";
        "by `push_async` and `pop_async`" up to AWAITED, awaited::MEMORY;
    "async-pipe", "parent → child": "anonymous pipe, awaited in two processes";
        "by `try_write` and `try_read`" up to AWAITED, awaited::PIPE;
    "async-fifo", "two processes": "named pipe, awaited in two processes that share only its path";
        "by `try_write` and `try_read`" up to AWAITED, awaited::FIFO;
    "async-stream", "two processes": "Unix stream socket, accepted and awaited in two processes";
        "by `try_accept`, `try_write`, `try_read`" up to AWAITED, awaited::STREAM;
    "async-tcp", "two processes": "TCP on loopback, accepted and awaited in two processes";
        "by `try_accept`, `try_write`, `try_read`" up to AWAITED, awaited::TCP;
    "async-seqpacket", "parent → child": "Unix seqpacket socket, awaited in two processes";
        "by `try_send` and `try_recv`" up to AWAITED, awaited::SEQPACKET;
    "async-connection", "parent → child": "connection, awaited in two processes";
        "by `try_send` and `try_recv`" up to AWAITED, awaited::CONNECTION;
    "async-signal", "parent → child": "queued signals on a descriptor, and a semaphore, awaited in two processes";
        "3 bytes in a signal, by `try_wait`" up to 4 << 10, awaited::SIGNALS;
    firmware::NAME, "Linux ↔ firmware": "link over the UART of a firmware in QEMU, there and back";
        "" up to 256 << 10, firmware::SERIAL;
};

/// The processes of this program that the tour starts.
pub const ENTRIES: [Entry; 2] =
    [Entry::new("tour-row", run_row), Entry::new("tour-peer", run_far_end)];

pub const HELP: &str = "\
Each row starts the processes or threads that it needs and sends the input \
through one mechanism. The far end computes the SHA-256 of what arrives; the row \
is verified if that equals the input's. Datagrams are acknowledged, and sent \
again if they get lost. Datagrams, signals, the serial line, shm-broadcast, \
shm-latest and the async rows carry only the beginning of the input. In the async \
rows each side is a task, which awaits room, data and the end of the child. The tour leaves no processes, \
files or shared memory behind, even after Ctrl-C.

Examples:
  ringway tour                        the whole tour; this program is the input
  ringway tour --input /etc/services  another input, of any size
  ringway tour --only fifo,tcp        two rows
  ringway tour --firmware IMAGE       a firmware in QEMU at the far end; IMAGE
                                      is what '../bare riscv32imc-unknown-none-elf
                                      build --release --bin uart_link' makes in
                                      tests/firmware
  ringway tour --json | jq '.rows[] | select(.verified | not)'

JSON; members are only added while the format is \"ringway-tour/1\":
  { format, version, input: { path, bytes, sha256 },
    rows: [ { name, title, between, verified, what, error, bytes,
              seconds, bytes_per_second, sha256 } ],
    verified, failed, seconds }

Exit status: 0 all rows are verified; 1 a row failed, and the standard error \
says which and why.";

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
    /// Stop a row after this time [default: 15, and 1 more for each 8 MiB]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(MECHANISMS.iter().map(|mechanism| mechanism.name))
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|&seconds: &f64| seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        // The clock cannot reach every time.
        .filter(|&seconds| Instant::now().checked_add(seconds).is_some())
        .ok_or_else(|| "a number of seconds above zero, as in 30 or 0.5".to_string())
}

pub fn run(args: &TourArgs) -> Result<ExitCode> {
    output_must_be_open()?;
    let began = Instant::now();
    let (shown, input) = match &args.input {
        // Absolute, because each row has its own working directory.
        Some(path) => {
            (path.display().to_string(), absolute(path).doing("find the working directory")?)
        }
        // Opened through the kernel's name for it, which stays right if the file is replaced
        // meanwhile.
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
            // With an image, only the row about it; without one, all others.
            true => args.firmware.is_some() == (mechanism.name == firmware::NAME),
            false => args.only.iter().any(|name| name == mechanism.name),
        })
        .collect();
    // Absolute, because each row has its own working directory.
    let image = args.firmware.as_ref().map(absolute).transpose();
    let image = image.doing("find the working directory")?;
    let template = " {spinner} {pos}/{len} {prefix:.bold} {wide_msg}";
    let progress = terminal::bar(chosen.len() as u64, template);
    terminal::tick(&progress, Duration::from_millis(100));
    progress.set_prefix("the input's SHA-256");
    let (bytes, sha256) = sum(None)?;

    cleanup::on_signals()?;
    let directory = cleanup::Name::directory("ringway-tour-")?;
    let mut rows = Vec::new();
    for mechanism in chosen {
        progress.set_prefix(mechanism.name);
        progress.set_message("");
        let mut row = ReportRow::of(mechanism);
        let expected = match mechanism.limit {
            Some(limit) if limit < bytes => sum(Some(limit)),
            _ => Ok((bytes, sha256.clone())),
        };
        let task = RowTask {
            name: mechanism.name.to_string(),
            directory: directory.path().join(mechanism.name),
            input: input.clone(),
            limit: mechanism.limit,
            firmware: image.clone(),
        };
        cleanup::guard_region(&task.region());
        let outcome = expected.and_then(|expected| {
            let deadline = args.deadline.unwrap_or_else(|| default_deadline(expected.0));
            let doing = |doing: &str| progress.set_message(doing.to_string());
            row.fill(group::run_row(&ENTRIES[0], &task, deadline, doing)?, &expected);
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
    if args.json {
        terminal::print_json(&report)?;
    } else {
        terminal::print(&report.table(terminal::width(), terminal::colour()))?;
    }
    if report.failed == 0 {
        return removed.map(|()| ExitCode::SUCCESS);
    }
    if let Err(failure) = removed {
        complain(&failure.to_string());
    }
    let failed: Vec<_> = report
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row.mechanism.name, row.error.as_ref()?)))
        .collect();
    Err(Failure::new(format!(
        "{} of {} rows failed: {}",
        report.failed,
        report.rows.len(),
        failed.join("; ")
    )))
}

fn default_deadline(bytes: u64) -> Duration {
    Duration::from_secs(15 + (bytes >> 23))
}

fn executable() -> String {
    std::env::current_exe()
        .map_or("its own executable".to_string(), |path| path.display().to_string())
}

fn run_row(given: EntryArgs) -> process::EntryResult {
    part::run(given, |report, task: RowTask, _| {
        std::env::set_current_dir(&task.directory).doing("enter the row's folder")?;
        let mechanism = find(&task.name)?;
        let outcome = mechanism.sides.run(&Row { mechanism, task, report, entry: &ENTRIES[1] })?;
        report.say(&Says::Done(outcome));
        Ok(())
    })
}

fn run_far_end(given: EntryArgs) -> process::EntryResult {
    part::run(given, |report, task: FarTask, descriptors| {
        let offer = Offer { name: task.name, descriptors, end: None };
        find(&task.row)?.sides.far(report, offer)
    })
}

fn find(name: &str) -> Result<&'static Mechanism> {
    MECHANISMS
        .iter()
        .find(|mechanism| mechanism.name == name)
        .ok_or_else(|| Failure::new(format!("there is no row '{name}'; see ringway tour --help")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_names_are_unique() {
        let mut names: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn deadline_is_a_time_above_zero() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "nan", "inf", "1e40", "1e19", "soon", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
