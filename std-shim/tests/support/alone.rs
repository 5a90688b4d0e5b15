//! A harness for tests that need a process of their own, and the main thread of it.

use std::process::{Command, ExitCode};

/// The tests, by name.
#[macro_export]
macro_rules! tests {
    ($($name:ident)*) => { const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name),)*]; };
}

/// What `main` does: runs one test if this is the process for it, else each in a process of its own whose name contains
/// one of the words of the command line that do not begin with a dash, or all.
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

fn passes(name: &str) -> bool {
    let this = std::env::current_exe().expect("the path of this program");
    let outcome = Command::new(this).args(["run", name]).output().expect("to run itself");
    let passed = outcome.status.success();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        println!("{}", outcome.status);
        println!("{}", String::from_utf8_lossy(&outcome.stdout));
        println!("{}", String::from_utf8_lossy(&outcome.stderr));
    }
    passed
}
