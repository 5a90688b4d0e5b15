//! One test, in the process that was started for it.

use super::{Test, What, all, leaks};
use crate::conformance::Scene;
use rustix::process::{Resource, Rlimit, Signal};
use std::path::Path;
use std::process::ExitCode;

/// The argument that asks for one test. The test's name and an empty folder follow.
pub const FLAG: &str = "--one";

/// The limit of descriptors: enough for a case, and few enough that a case which loses them in a
/// loop fails.
const DESCRIPTORS: u64 = 64;

pub fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let (name, place) =
        (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let Some(test) = all().find(|test| test.name == name && test.not_promised().is_none()) else {
        eprintln!("error: there is no test \"{name}\"; --list shows them");
        return ExitCode::from(2);
    };
    prepare();
    run(&test, Path::new(&place))
}

/// Makes this process end with its parent, adopt what its children leave behind, and have few
/// descriptors.
fn prepare() {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .expect("prctl(2) knows it");
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me)).expect("prctl(2) knows it");
    let limit = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    rustix::process::setrlimit(Resource::Nofile, limit).expect("a limit may be lowered");
    let limit = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, limit).expect("a limit may be lowered");
}

fn run(test: &Test, place: &Path) -> ExitCode {
    if let What::Case(transport, _) = test.what {
        transport.start();
    }
    let before = leaks::Before::now();
    // A panic ends the process with its message and status 101. What it leaves behind does not
    // matter then.
    match test.what {
        What::Case(transport, case) => {
            (case.run)(&Scene { transport, promises: transport.promises, place });
        }
        What::Fault(fault) => (fault.run)(place),
    }
    let mut left = before.remaining();
    left.extend(leaks::files(place));
    if left.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("left behind: {}", left.join(", "));
    ExitCode::FAILURE
}
