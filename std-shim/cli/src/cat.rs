//! `ringway cat SRC DST`: everything that SRC gives, until it ends, into DST.

mod address;
mod ends;

use crate::cleanup;
use crate::failure::{Failure, Result};
use address::Address;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use ends::{Doorway, End};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use ringway::channel;
use ringway::fd::{Copier, Interest, WaitSet};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Shown below the arguments of `ringway cat`.
pub const HELP: &str = "\
Addresses:
  stdio or -             the standard input (as SRC), the standard output (as DST)
  file:PATH              a file; as DST it is made, or emptied first
  fifo:PATH              a named pipe; made if it is not there, and then removed
  unix:PATH              connect to a Unix stream socket
  unix-listen:PATH       bind one, and accept one connection
  abstract:NAME          the same, by a name in Linux's abstract namespace
  abstract-listen:NAME
  tcp:HOST:PORT          connect to a port; as in tcp:localhost:7000, tcp:[::1]:7000
  tcp-listen:HOST:PORT   bind one, and accept one connection; port 0 means a free
                         one, which is told
  serial:PATH[,SPEED]    a serial port in raw mode, at 115200 bits per second or SPEED
  exec:COMMAND           a command for sh; as SRC it is read, as DST written to

SRC is read and DST is written; nothing flows back. When SRC ends, a socket is half-closed so that its \
reader sees the end of file, and a command is waited for. The kernel moves the bytes by itself where it can \
(splice, sendfile). A bar shows the progress where the standard error is a terminal.

Examples:
  ringway cat tcp-listen:0.0.0.0:7000 file:copy     receive a file ...
  ringway cat file:photo.raw tcp:192.0.2.7:7000     ... and send it; socat and nc -N
                                                    can be on either side
  ringway cat fifo:/tmp/f exec:'wc -c'              count what others write to a FIFO
  ringway cat exec:'tar c src' unix:/run/backup     a command's output to a socket
  dmesg | ringway cat - abstract:log                a pipeline's end in a socket
  ringway cat serial:/dev/ttyUSB0,9600 file:log     what a board says, until it is pulled out

Exit status: 0 everything was moved, and each command ended with 0; 1 not so, and the standard error says why; \
2 an argument was not understood.";

/// What `ringway cat` can be told.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// Where the bytes come from
    #[arg(value_name = "SRC", value_parser = address())]
    source: Address,
    /// Where they go
    #[arg(value_name = "DST", value_parser = address())]
    destination: Address,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

fn address() -> impl TypedValueParser<Value = Address> {
    OsStringValueParser::new().try_map(Address::from_argument)
}

/// Moves everything.
pub fn run(args: &CatArgs) -> Result<ExitCode> {
    cleanup::on_signals()?;
    // Both can be reached before either is waited for: who connects to one may need the other first.
    let (entrance, exit) = (Doorway::open(&args.source)?, Doorway::open(&args.destination)?);
    let shown = io::stderr().is_terminal()
        && !args.quiet
        && !(args.destination == Address::Stdio && io::stdout().is_terminal());
    let source = waiting(shown, &args.source, || End::source(&args.source, entrance))?;
    let destination =
        waiting(shown, &args.destination, || End::destination(&args.destination, exit, &source))?;

    let began = Instant::now();
    let progress = if shown { progress(source.size()) } else { ProgressBar::hidden() };
    let moved = copy(&source, &destination, &progress);
    progress.finish_and_clear();
    if let Err(failure) = moved {
        source.abandon();
        destination.abandon();
        return Err(failure);
    }
    // The destination first, whose reader waits for the end of file; both, whatever the first comes to. A source that
    // failed is why the destination got too little.
    let destination = destination.finish();
    source.finish().and(destination)?;
    if shown {
        let (bytes, seconds) = (progress.position(), began.elapsed().as_secs_f64());
        let rate = (bytes as f64 / seconds.max(1e-9)) as u64;
        // Should the standard error be closed, there is nobody to tell.
        let _ = writeln!(
            io::stderr(),
            "{} in {seconds:.1} s, {}/s: {} → {}",
            HumanBytes(bytes),
            HumanBytes(rate),
            args.source,
            args.destination
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies until the source ends.
fn copy(source: &End, destination: &End, progress: &ProgressBar) -> Result<()> {
    let mut copier = Copier::new();
    let mut both = WaitSet::new();
    let from = both.add(source, Interest::Read);
    let to = both.add(destination, Interest::HangUp);
    loop {
        // A destination that goes away ends the wait for a source that has nothing to say.
        both.wait()?;
        let is_ready = |place| both.ready().any(|(ready, _)| ready == place);
        if is_ready(to) && !is_ready(from) {
            return Err(gone(destination, progress.position()));
        }
        match copier.step(source.as_fd(), destination.as_fd()) {
            Ok(0) => return Ok(()),
            Ok(n) => progress.inc(n as u64),
            Err(_) if source.has_hung_up() => return Ok(()),
            Err(error) if error.is(channel::Error::BrokenPipe) || destination.has_hung_up() => {
                return Err(gone(destination, progress.position()));
            }
            Err(error) => {
                return Err(Failure::new(format!("{source} to {destination}: {error}")));
            }
        }
    }
}

fn gone(destination: &End, bytes: u64) -> Failure {
    Failure::new(format!(
        "{destination}: broken pipe: its reader went away after {bytes} bytes, before the end; \
         start it again, and then this"
    ))
}

/// Opens an end, and says on a terminal what it waits for if that takes time.
fn waiting(shown: bool, address: &Address, open: impl FnOnce() -> Result<End>) -> Result<End> {
    if !shown {
        return open();
    }
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(" {spinner} {msg}, {elapsed}") {
        spinner.set_style(style);
    }
    spinner.set_message(format!("waiting for the other end of {address}"));
    spinner.enable_steady_tick(TICK);
    let opened = open();
    spinner.finish_and_clear();
    opened
}

/// How often the terminal is brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// A bar where the length is known, a count where it is not.
fn progress(size: Option<u64>) -> ProgressBar {
    const KNOWN: &str = " {bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left";
    const UNKNOWN: &str = " {spinner} {bytes} in {elapsed}, {bytes_per_sec}";
    let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(if size.is_some() { KNOWN } else { UNKNOWN }) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
