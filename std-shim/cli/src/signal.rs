//! `ringway signal watch` and `ringway signal send`.

use crate::cleanup;
use crate::failure::{Doing, Failure, Result, complain, output_must_be_open};
use crate::system;
use clap::{Args, Subcommand};
use ringway::Cause;
use ringway::signal::{self, Origin, Pid, Received, Signal, SignalSet};
use rustix::io::Errno;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

pub const HELP: &str = "\
A signal is named like TERM, SIGTERM, 15 or RTMIN+1.

Examples:
  ringway signal watch USR1 RTMIN+1            print these as they arrive
  ringway signal send USR1 4711                send one to process 4711 ...
  ringway signal send --value 42 RTMIN+1 4711  ... and one with a value

Exit status: 0 done; 1 failed, and the standard error says why; 2 the arguments \
were not understood.";

const WATCH_HELP: &str = "\
Each signal is one line on standard output: its name, who sent it, and the value \
that came with it. The watched signals have no other effect. INT (Ctrl-C), TERM \
and HUP end the watch as they end any program, unless they are watched, or were \
ignored when it started, as under nohup.

The kernel coalesces signals up to 31: if several are sent at once, one may \
arrive. It queues those from RTMIN on, so that each arrives.

Examples:
  ringway signal watch USR1 USR2
  ringway signal watch --count 1 HUP  wait for one, then go on with the script
  ringway signal watch WINCH          see the window change its size

Exit status: 0 --count signals came; 1 failed, and the standard error says why. \
A signal that ends the watch is its exit status.";

const SEND_HELP: &str = "\
Examples:
  ringway signal send TERM 4711
  ringway signal send --value 42 RTMIN+1 4711
  ringway signal send --value -1 USR1 $(pidof receiver)";

#[derive(Debug, Args)]
pub struct SignalArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the signals that arrive: which, from whom, with which value
    #[command(after_help = WATCH_HELP)]
    Watch {
        /// End after this many
        #[arg(short, long, value_name = "N")]
        count: Option<u64>,
        /// The signals to watch
        #[arg(value_name = "SIG", required = true)]
        signals: Vec<Signal>,
    },
    /// Send a signal to a process, and a value with it if one is given
    #[command(after_help = SEND_HELP)]
    Send {
        /// A value to send along; C programs read its lower 32 bits
        #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
        value: Option<i64>,
        /// The signal to send
        #[arg(value_name = "SIG")]
        signal: Signal,
        /// The process that gets it
        #[arg(value_name = "PID", value_parser = pid)]
        process: Pid,
    },
}

fn pid(text: &str) -> std::result::Result<Pid, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.and_then(Pid::from_raw).ok_or("give the number of a process, as ps shows it")
}

pub fn run(args: &SignalArgs) -> Result<ExitCode> {
    match &args.command {
        Command::Watch { count, signals } => watch(*count, signals.iter().copied().collect())?,
        Command::Send { value, signal, process } => send(*value, *signal, *process)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn watch(count: Option<u64>, watched: SignalSet) -> Result<()> {
    output_must_be_open()?;
    // An ignored signal stays ignored: `nohup` and a shell's background job want that.
    let enders = cleanup::endings() - watched;
    // Block them and do not catch them: they then queue in the kernel, whose queue is longer, until
    // they are printed.
    let _blocked = signal::block(watched | enders)?;
    let me = rustix::process::getpid();
    let names: Vec<_> = signal::signals(watched).map(|signal| signal.to_string()).collect();
    // For a person; if the standard error is closed, nobody reads it.
    let _ = writeln!(io::stderr(), "watching {} in process {me}", names.join(", "));
    let mut seen = 0;
    while count != Some(seen) {
        let received = signal::wait(watched | enders)?;
        if enders.contains(received.signal.into()) {
            if let Some(count) = count {
                let stopped = format!("stopped by {}: ", received.signal);
                complain(&format!("{stopped}{seen} of {count} signals came"));
            }
            system::die_by(received.signal);
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", describe(&received)).and_then(|()| out.flush()).doing("print")?;
        seen += 1;
    }
    Ok(())
}

/// A line such as `SIGUSR1 from process 4711 of user 1000, value 42`.
fn describe(received: &Received) -> String {
    let mut line = received.signal.to_string();
    let origin = match received.origin() {
        Some(Origin::Timer) => " from a timer",
        Some(Origin::Kernel) => " from the kernel",
        Some(Origin::MessageQueue) => " from a message queue",
        _ => "",
    };
    line += origin;
    // Writing to a string does not fail.
    if let Some(sender) = received.sender() {
        let about = if origin.is_empty() { "from" } else { "about" };
        let _ = write!(line, " {about} process {sender}");
    }
    if let Some(user) = received.user() {
        let _ = write!(line, " of user {user}");
    }
    if let (Some(value), Some(int)) = (received.value(), received.int()) {
        let _ = write!(line, ", value {int}");
        // It is larger than an `int`, or bits that the sender left undefined.
        if value != int as usize && value != int as u32 as usize {
            let _ = write!(line, " ({value:#x})");
        }
    }
    line
}

fn send(value: Option<i64>, signal: Signal, process: Pid) -> Result<()> {
    let sent = match value {
        // Send the bits as they are; on 32 bits, the lower ones.
        Some(value) => signal::queue(process, signal, value as usize),
        None => signal::send(process, signal),
    };
    sent.map_err(|error| match error.cause() {
        Cause::Os(Errno::SRCH) => Failure::new(format!(
            "cannot send {signal} to process {process}: there is none of this number; ps shows them"
        )),
        Cause::Os(Errno::PERM) => Failure::new(format!(
            "cannot send {signal} to process {process}: it belongs to another user; run as that one"
        )),
        _ => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_are_positive_numbers() {
        assert_eq!(pid("7"), Ok(Pid::from_raw(7).unwrap()));
        for text in ["0", "-1", "", "x", "99999999999"] {
            assert!(pid(text).is_err(), "{text}");
        }
    }
}
