//! `ringway cat SRC DST`: moves everything from SRC, until it ends, to DST.

mod address;
mod back;
mod ends;
mod identity;
mod python;

use crate::cleanup;
use crate::failure::{Failure, Result, complain};
use crate::terminal;
use address::Address;
use back::Back;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use ends::{Doorway, End, Side, Stage};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use ringway::CoreError;
use ringway::fd::{Copier, Interest, WaitSet};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub const HELP: &str = "\
Addresses:
  stdio or -             standard input (as SRC), standard output (as DST)
  file:PATH              a file; as DST it is created or emptied first
  fifo:PATH              a named pipe; if it is not there, it is created, and
                         removed at the end
  unix:PATH              connect to a Unix stream socket
  unix-listen:PATH       bind one, and accept one connection
  abstract:NAME          the same, by a name in Linux's abstract namespace
  abstract-listen:NAME
  tcp:HOST:PORT          connect to a port: tcp:localhost:7000, tcp:[::1]:7000
  tcp-listen:HOST:PORT   bind one, and accept one connection; port 0 means a
                         free port, which is printed
  serial:PATH[,SPEED]    a serial port in raw mode, at SPEED bits per second
                         (115200 without it)
  py:WHERE[,OPTION]...   connect to Python's multiprocessing.connection
  py-listen:WHERE[,...]  listen for it, and accept one connection
  exec:COMMAND           a command for sh: its output as SRC, its input as DST

For Python, WHERE is a path, @NAME or tcp:HOST:PORT. The key is in the variable \
RINGWAY_AUTHKEY, or where an option says: key=FILE (without the end of its last \
line), key-env=VARIABLE, no-key. The option md5 lets Python 3.9 to 3.11 in. Each \
message of Python is written as its bytes (recv_bytes and send_bytes, no \
objects), and each piece of bytes that is read becomes one message.

cat reads SRC and writes DST. If DST is a socket or a serial port, its answers \
go to SRC: to standard output if SRC is -, to the far end if SRC is a socket or \
a serial port. Other answers are discarded, and cat says so at the end.

When SRC ends and DST is a socket, cat shuts down its sending half, so that the \
far end reads an end of file. It then waits until the far end has everything \
and closes too. cat waits for a command to exit; the exit status of a command as \
SRC says whether its output was complete.

When something fails, or a signal stops cat, it kills the commands before their \
input ends, with all their children in the same session. The far end of a TCP \
connection sees a reset. The readers of a file, a pipe, a FIFO or a Unix socket \
only see an end: the exit status of cat says that it came too early.

A file is copied as it is when cat reads it. Where the kernel can, it moves the \
bytes of pipes and sockets itself (splice, sendfile). A bar shows the progress \
if standard error is a terminal.

Examples:
  ringway cat tcp-listen:0.0.0.0:7000 file:copy    receive a file ...
  ringway cat file:photo.raw tcp:192.0.2.7:7000    ... and send it; socat or
                                                   nc -N can be on either side
  ringway cat fifo:/tmp/f exec:'wc -c'             count what others write
  ringway cat exec:'tar c src' unix:/run/backup    a command into a socket
  dmesg | ringway cat - abstract:log               a pipeline into a socket
  ringway cat - tcp:localhost:7                    talk to a server
  ringway cat tcp-listen:0.0.0.0:80 unix:/run/web  pass a connection on
  ringway cat serial:/dev/ttyUSB0,9600 file:log    record what a board says
  ringway cat - py:/run/app.sock,key=secret        lines as messages to Python

Exit status: 0 every byte has arrived, and each command exited with 0; 1 \
something failed, and the standard error says what; 2 the arguments were not \
understood. Stopped by INT, TERM or HUP, cat cleans up and dies of that signal.";

#[derive(Debug, Args)]
pub struct CatArgs {
    /// Where the bytes come from
    #[arg(value_name = "SRC", value_parser = address())]
    source: Address,
    /// Where they go
    #[arg(value_name = "DST", value_parser = address())]
    destination: Address,
    /// Pass on the pages of a source file instead of copies, where the kernel can. A slow reader
    /// may then see what is written into the file afterwards, even after cat has ended
    #[arg(long)]
    zero_copy: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

fn address() -> impl TypedValueParser<Value = Address> {
    OsStringValueParser::new().try_map(Address::from_argument)
}

pub fn run(args: &CatArgs) -> Result<ExitCode> {
    cleanup::on_signals()?;
    let connected = connect(args);
    let result = connected.and_then(|(source, destination)| move_all(args, source, destination));
    if result.is_err() {
        end_commands();
    }
    result.map(|()| ExitCode::SUCCESS)
}

fn connect(args: &CatArgs) -> Result<(End, End)> {
    let shown = is_shown(args);
    let mut entrance = Doorway::new(&args.source, Side::Source);
    let mut exit = Doorway::new(&args.destination, Side::Destination);
    for stage in [Stage::Files, Stage::Names, Stage::Connections] {
        entrance.open(stage)?;
        exit.open(stage)?;
        exit.must_not_feed(&entrance)?;
    }
    let source = waiting(shown, &args.source, || entrance.enter())?;
    let destination = waiting(shown, &args.destination, || exit.enter())?;
    Ok((source, destination))
}

/// Whether a person sees the standard error, with no moved bytes in the middle of it.
fn is_shown(args: &CatArgs) -> bool {
    // Bytes go to the standard output if it is DST, or if it gets DST's answers.
    let prints = args.destination == Address::Stdio
        || args.source == Address::Stdio && args.destination.goes_both_ways();
    io::stderr().is_terminal() && !args.quiet && !(prints && io::stdout().is_terminal())
}

fn move_all(args: &CatArgs, mut source: End, destination: End) -> Result<()> {
    let shown = is_shown(args);
    let began = Instant::now();
    let progress = if shown { progress(source.size()) } else { ProgressBar::hidden() };
    let moved = transfer(args, &mut source, &destination, &progress);
    progress.finish_and_clear();
    let lost = match moved {
        Ok(lost) => lost,
        Err(failure) => {
            // End the commands before their pipes are closed here: a command must not take that for
            // the end of its input.
            end_commands();
            return Err(failure);
        }
    };
    // Close the destination first: its reader waits for the end of file.
    let closed = destination.close();
    source.close().and(closed)?;
    if let Some(lost) = lost {
        complain(&lost);
    }
    if shown {
        let (bytes, seconds) = (progress.position(), began.elapsed().as_secs_f64());
        let rate = (bytes as f64 / seconds.max(1e-9)) as u64;
        // If the standard error is closed, nobody reads this.
        let _ = writeln!(
            io::stderr(),
            "{} in {seconds:.1} s, {}/s: {} → {}",
            HumanBytes(bytes),
            HumanBytes(rate),
            args.source,
            args.destination
        );
    }
    Ok(())
}

/// Moves everything in both directions; returns a message if answers were lost.
///
/// Returns once the source has ended well and the far end of the destination has everything.
fn transfer(
    args: &CatArgs,
    source: &mut End,
    destination: &End,
    progress: &ProgressBar,
) -> Result<Option<String>> {
    let copier = if args.zero_copy { Copier::zero_copy() } else { Copier::new() };
    let Some(back) = Back::start(source, destination)? else {
        copy(copier, source, destination, None, progress)?;
        // Check this before the destination's reader learns that this was all.
        source.must_have_succeeded()?;
        destination.must_have_arrived()?;
        return Ok(None);
    };
    let moved = copy(copier, source, destination, Some(&back), progress)
        .and_then(|()| source.must_have_succeeded())
        .and_then(|()| destination.shut());
    if let Err(failure) = moved {
        return Err(back.reason(&args.source, destination).unwrap_or(failure));
    }
    // A serial line's answers are carried until everything is sent.
    let sent = if destination.is_socket() { Ok(()) } else { destination.must_have_arrived() };
    let lost = back.finish(&args.source, destination)?;
    sent.and_then(|()| destination.must_have_arrived()).map(|()| lost)
}

/// Ends the commands after a failure, which the caller reports.
fn end_commands() {
    let _ = cleanup::end_commands().map_err(|failure| complain(&failure.to_string()));
}

/// Copies until the source ends.
fn copy(
    mut copier: Copier,
    source: &End,
    destination: &End,
    back: Option<&Back>,
    progress: &ProgressBar,
) -> Result<()> {
    let mut all = WaitSet::new();
    let from = all.add(source, Interest::Read);
    let to = all.add(destination, Interest::HangUp);
    let failed = back.map(Back::failed);
    let failed = failed.as_ref().map(|failed| all.add(failed, Interest::HangUp));
    loop {
        // A destination that goes away ends the wait for a silent source.
        all.wait()?;
        let is_ready = |place| all.ready().any(|(ready, _)| ready == place);
        if failed.is_some_and(is_ready) || is_ready(to) && !is_ready(from) {
            return Err(gone(destination, progress.position()));
        }
        match copier.step(source.as_fd(), destination.as_fd()) {
            Ok(0) => return Ok(()),
            Ok(n) => progress.inc(n as u64),
            Err(_) if source.has_hung_up() => return Ok(()),
            Err(error) if error.is(CoreError::BrokenPipe) || destination.has_hung_up() => {
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

/// Opens an end; shows on a terminal what it waits for.
fn waiting(shown: bool, address: &Address, open: impl FnOnce() -> Result<End>) -> Result<End> {
    if !shown {
        return open();
    }
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(" {spinner} {msg}, {elapsed}") {
        spinner.set_style(style);
    }
    spinner.set_message(format!("waiting for the other end of {address}"));
    terminal::tick(&spinner, TICK);
    let opened = open();
    spinner.finish_and_clear();
    opened
}

/// How often the progress on the terminal is updated.
const TICK: Duration = Duration::from_millis(200);

/// A bar where the length is known, a count elsewhere.
fn progress(size: Option<u64>) -> ProgressBar {
    const KNOWN: &str = " {bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left";
    const UNKNOWN: &str = " {spinner} {bytes} in {elapsed}, {bytes_per_sec}";
    let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(if size.is_some() { KNOWN } else { UNKNOWN }) {
        bar.set_style(style);
    }
    terminal::tick(&bar, TICK);
    bar
}
