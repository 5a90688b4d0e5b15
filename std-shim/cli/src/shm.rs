//! `ringway shm`: regions of shared memory, seen from outside.

mod describe;
mod list;
mod remove;
mod stat;
mod top;

use crate::failure::Result;
use crate::terminal::{print, print_json};
use clap::{Args, Subcommand};
use describe::described;
use ringway::shm::survey::{self, Found};
use std::process::ExitCode;
use std::time::Duration;

pub const HELP: &str = "\
A region is known by its name in /dev/shm. A region without a name (a memfd) is \
found if a process that this user may inspect has it open; its name here is \
memfd:PID/FD. Looking changes nothing and takes no place in the region.

Examples:
  ringway shm ls         list the regions, and who is attached
  ringway shm stat jobs  show the parts of one, how full they are, who holds what
  ringway shm top        the same live, with rates
  ringway shm rm jobs    remove one that nobody is attached to

Exit status: 0 done; 1 failed, and the standard error says why; 2 the arguments \
were not understood.";

const LS_HELP: &str = "\
Files of other programs in /dev/shm are left out. A region that cannot be read, \
or whose content is invalid, is listed with the reason.

Examples:
  ringway shm ls
  ringway shm ls --json | jq '.regions[] | select(.alive == 0) | .name'

JSON; members are only added while the format is \"ringway-shm/1\":
  { format, regions: [ {
      name, error, size, places, alive, dead,
      parts: [ { name, kind, waits, capacity, item_size, item_align,
                 item_type, offset, size, sound, filled, unfinished,
                 pushed, closed, holders: [ { half, participant } ] } ],
      participants: [ { number, generation, process, program, alive } ]
  } ] }
Sizes and offsets are in bytes. What does not apply is null.";

const STAT_HELP: &str = "\
\"Filled\" is the number of items that wait in a part (bytes, in a ring of bytes). \
\"Held\" is the number of items that are being worked on. If a process dies, the \
others put right what it held within a tenth of a second. If there are no \
others, the next process that attaches does.

Examples:
  ringway shm stat jobs
  ringway shm stat memfd:4711/5
  ringway shm stat --json jobs | jq '.region.parts[] | {name, filled}'

JSON: { format, region }, where region is as in 'ringway shm ls --help'.";

const RM_HELP: &str = "\
rm refuses while a living process is attached. With --force, attached processes \
go on using the region, but nobody else finds it: the next process that asks for \
the name creates another.

Examples:
  ringway shm rm jobs
  ringway shm rm --force jobs
  ringway shm ls --json | jq -r '.regions[] | select(.alive == 0) | .name' |
      xargs -n1 ringway shm rm";

const TOP_HELP: &str = "\
On a terminal, top redraws the screen until Ctrl-C. Elsewhere it prints a block \
for each interval. The rate counts what was pushed into a queue; rings have no \
such count.

Examples:
  ringway shm top
  ringway shm top --interval 0.2 jobs
  ringway shm top --once --interval 5  the rates of five seconds, for a script";

#[derive(Debug, Args)]
pub struct ShmArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the regions
    #[command(after_help = LS_HELP)]
    Ls {
        /// Print JSON instead of the table
        #[arg(long)]
        json: bool,
    },
    /// Show the parts of a region, how full they are, and who is attached
    #[command(after_help = STAT_HELP)]
    Stat {
        /// The region, as ls names it
        #[arg(value_name = "NAME")]
        name: String,
        /// Print JSON instead of the tables
        #[arg(long)]
        json: bool,
    },
    /// Remove the name of a region
    #[command(after_help = RM_HELP)]
    Rm {
        /// The region
        #[arg(value_name = "NAME")]
        name: String,
        /// Remove it even if processes are attached
        #[arg(short, long)]
        force: bool,
    },
    /// Show the parts live: how full they are, and how much is pushed in a second
    #[command(after_help = TOP_HELP)]
    Top {
        /// Only this region
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// How long from one look to the next
        #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
        interval: Duration,
        /// Print one block, and end
        #[arg(long)]
        once: bool,
    },
}

fn interval(text: &str) -> std::result::Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.01..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("a number of seconds from 0.01 on, as in 2 or 0.5")
}

pub fn run(args: &ShmArgs) -> Result<ExitCode> {
    match &args.command {
        Command::Ls { json } => list::run(*json)?,
        Command::Stat { name, json } => stat::run(name, *json)?,
        Command::Rm { name, force } => remove::run(name, *force)?,
        Command::Top { name, interval, once } => top::run(name.as_deref(), *interval, *once)?,
    }
    Ok(ExitCode::SUCCESS)
}

const FORMAT: &str = "ringway-shm/1";

/// Every region; those with a name come first.
fn every_region() -> Result<Vec<Found>> {
    let mut found = survey::all()?;
    found.extend(survey::anonymous());
    Ok(found)
}

/// The region of this name, which must be valid.
fn region(name: &str) -> Result<Found> {
    let survey = survey::named(name)?;
    Ok(Found { name: name.to_string(), survey: Ok(survey) })
}

/// Text from another program, with control characters replaced: they could move the cursor.
fn shown(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_must_be_a_sensible_time() {
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "nan", "inf", "1e9", "soon", ""] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shown_name_cannot_move_the_cursor() {
        assert_eq!(shown("jobs\x1b[2J\n"), "jobs\u{fffd}[2J\u{fffd}");
    }
}
