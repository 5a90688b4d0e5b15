//! Ringway beside its peers, the raw system calls and the limits of the machine, in one run. See
//! `tests/bench/run`.

mod catalogue;
mod ends;
#[cfg(feature = "heavy")]
mod heavy;
mod kernel;
mod limits;
mod locks;
mod many;
mod measure;
mod memory;
mod message;
mod ours;
#[path = "../../../std-shim/cli/src/bench/plot.rs"]
mod plot;
mod python;
mod report;
mod rings;
mod runner;
mod sides;

use sides::Cpus;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: ringway-bench [--quick] [--starts N] [--only EXPERIMENT,…] [--out DIR]
       ringway-bench list
       ringway-bench start EXPERIMENT ENTRANT [--cpus A,B]";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Arguments {
    words: Vec<String>,
    quick: bool,
    starts: Option<usize>,
    only: Vec<String>,
    out: Option<PathBuf>,
    cpus: Option<Cpus>,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let mut arguments = Arguments::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--quick" => arguments.quick = true,
                "--starts" => arguments.starts = Some(given.next()?.parse().ok()?),
                "--only" => arguments.only = given.next()?.split(',').map(String::from).collect(),
                "--out" => arguments.out = Some(given.next()?.into()),
                "--cpus" => {
                    let pair = given.next()?;
                    let (first, second) = pair.split_once(',')?;
                    arguments.cpus = Some(Cpus(first.parse().ok()?, second.parse().ok()?));
                }
                _ if argument.starts_with('-') => return None,
                _ => arguments.words.push(argument),
            }
        }
        Some(arguments)
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(cpus) = arguments.cpus {
        cpus.choose();
    }
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    match words[..] {
        [] => runner::run(&arguments),
        ["list"] => {
            for experiment in catalogue::experiments() {
                println!("{:20} {}", experiment.id, experiment.title);
                for entrant in experiment.entrants {
                    println!("    {}", entrant.name);
                }
            }
            ExitCode::SUCCESS
        }
        ["start", experiment, entrant] => runner::start(experiment, entrant),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
