//! The ringway program: every mechanism of IPC at work, and a pipe fitting for the shell.

mod bench;
mod cat;
mod cleanup;
mod descendants;
mod digest;
mod failure;
mod part;
mod shm;
mod signal;
mod system;
mod table;
mod task;
mod terminal;
mod tour;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use failure::{Doing, Result, complain, one_line};
use std::io::{self, Write};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  ringway tour                                     see every mechanism work
  ringway tour --only udp,tcp --json               two of them, as JSON
  ringway cat tcp-listen:127.0.0.1:7000 file:copy  receive a file ...
  ringway cat file:photo tcp:127.0.0.1:7000        ... and send it
  ringway cat --help                               all that cat can connect
  ringway signal watch USR1                        see who sends this signal
  ringway bench --html bench.html                  measure, and plot it
  ringway shm top                                  watch shared memory, live

Exit status: 0 done; 1 failed, and the standard error says why; 2 the arguments \
were not understood.";

/// See pipes, FIFOs, sockets, signals and shared memory work, and use them
/// from the shell
#[derive(Debug, Parser)]
#[command(name = "ringway", version, after_help = EXAMPLES, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Move real bytes through every mechanism and verify them at the far end
    #[command(after_help = tour::HELP)]
    Tour(tour::TourArgs),
    /// Move bytes from one place to another: files, pipes, sockets, commands
    #[command(after_help = cat::HELP)]
    Cat(cat::CatArgs),
    /// Send signals, and see which arrive
    #[command(after_help = signal::HELP)]
    Signal(signal::SignalArgs),
    /// Measure which mechanism suits this machine
    #[command(after_help = bench::HELP)]
    Bench(bench::BenchArgs),
    /// Look at regions of shared memory: what is in them, and who is attached
    #[command(after_help = shm::HELP)]
    Shm(shm::ShmArgs),
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const COMPLETIONS: &str = "\
Examples:
  ringway completions bash > ~/.local/share/bash-completion/completions/ringway
  ringway completions zsh > ~/.zfunc/_ringway
  ringway completions fish > ~/.config/fish/completions/ringway.fish";

fn main() -> ExitCode {
    system::keep_exit_statuses();
    system::refuse_closed_output();
    // In a process that the tour or the bench started, this call does not return.
    ringway::process::main(&[tour::ENTRIES, bench::ENTRIES].concat());
    let result = Cli::try_parse().map(|cli| match cli.command {
        Command::Tour(args) => tour::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Signal(args) => signal::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Shm(args) => shm::run(&args),
        Command::Completions { shell } => completions(shell),
    });
    let result = match result {
        Ok(result) => result,
        Err(error) => return not_understood(&error),
    };
    // If a signal is ending the program right now, the watcher reports that itself. What it ended
    // is no failure.
    cleanup::settle();
    result.unwrap_or_else(|failure| {
        complain(&failure.to_string());
        ExitCode::FAILURE
    })
}

/// The first argument, with bytes that are not text replaced.
fn first_argument() -> String {
    std::env::args_os().nth(1).unwrap_or_default().to_string_lossy().into_owned()
}

/// Prints help and version as they are, and a mistake in one line.
fn not_understood(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match error.print().and_then(|()| io::stdout().flush()).doing("print the help") {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => {
                    complain(&failure.to_string());
                    ExitCode::FAILURE
                }
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let text = error.to_string();
            // After the reason and perhaps a tip, clap repeats the usage and says where the help
            // is.
            let reason = text.split("Usage:").next().unwrap_or(&text);
            let reason = reason.split("For more information").next().unwrap_or(reason);
            let reason = one_line(reason.trim_start_matches("error:")).replace(" tip: ", "; ");
            let asked = first_argument();
            let command = Cli::command().find_subcommand(&asked).map_or("", |_| &asked).to_string();
            complain(&format!("{reason}; see 'ringway {command} --help'").replace("  ", " "));
            ExitCode::from(2)
        }
    }
}

fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ringway", &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).doing("print the completions")?;
    Ok(ExitCode::SUCCESS)
}
