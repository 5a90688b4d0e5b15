//! A harness for tests that need a process of their own, and the main thread of it.

use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The tests, by name; some with the feature that they need.
#[macro_export]
macro_rules! tests {
    ($($(#[$meta:meta])* $name:ident)*) => {
        const TESTS: &[(&str, fn())] = &[$($(#[$meta])* (stringify!($name), $name),)*];
    };
}

/// What `main` does: runs one test if this is the process for it, else each in a process of its own
/// whose name contains one of the words of the command line that do not begin with a dash, or all.
pub fn main(tests: &[(&str, fn())]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [run, name] = &arguments[..] {
        if run == "run" {
            let (_, test) = tests.iter().find(|(known, _)| known == name).expect("a test");
            test();
            return ExitCode::SUCCESS;
        }
    }
    if arguments.iter().any(|word| word == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(*word));
    let failed = tests.iter().filter(|(name, _)| chosen(name) && !passes(name)).count();
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one test in a process group of its own, of which nothing is left afterwards, whatever it
/// left or waits for.
fn passes(name: &str) -> bool {
    let this = std::env::current_exe().expect("the path of this program");
    // Not a pipe, which would not end before every process that has it.
    let mut said = tempfile::tempfile().expect("a temporary file");
    let copy = || said.try_clone().expect("a second handle");
    let mut command = Command::new(this);
    command.args(["run", name]).stdin(Stdio::null()).stdout(copy()).stderr(copy());
    let mut process = command.process_group(0).spawn().expect("to run itself");
    let end = Instant::now() + LIMIT;
    let status = loop {
        match process.try_wait().expect("it is our child") {
            Some(status) => break Some(status),
            None if Instant::now() >= end => break None,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    // SAFETY: sends a signal to a group that the test was made the leader of. There may be nobody
    // in it any more.
    unsafe { libc::kill(-(process.id() as libc::pid_t), libc::SIGKILL) };
    let passed = status.is_some_and(|status| status.success());
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        let _ = process.wait();
        println!("{}", status.map_or("it hung".to_owned(), |status| status.to_string()));
        let mut text = String::new();
        said.rewind().and_then(|()| said.read_to_string(&mut text)).expect("what it said");
        println!("{text}");
    }
    passed
}

/// No test takes as long.
const LIMIT: Duration = Duration::from_secs(120);
