//! Runs tests with one mutant awake.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// One test of one program.
pub struct Test {
    pub program: PathBuf,
    /// The name that the program has as a test of cargo's.
    pub file: String,
    pub name: String,
    /// How long it takes with all mutants asleep.
    pub usual: Duration,
    /// The mutants that it reaches.
    pub reaches: Vec<bool>,
}

/// How one run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Passed,
    Failed,
    TooLong,
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut nap = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(20));
    }
}

/// Runs these tests of one program, in `folder`, with one variable set.
pub fn run(
    program: &Path,
    names: &[&str],
    folder: &Path,
    variable: (&str, &str),
    limit: Duration,
) -> io::Result<End> {
    // A mutant may allocate without an end. The test and its children are one group.
    let mut child = Command::new("prlimit")
        .args(["--as=8589934592", "--core=0"])
        .arg(program)
        .args(names)
        .args(["--exact", "--test-threads=1"])
        .current_dir(folder)
        .env(variable.0, variable.1)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let status = wait(&mut child, limit)?;
    // Also when it ended: a child of its own may be left.
    let group = format!("-{}", child.id());
    if status.is_none() || status.is_some_and(|status| !status.success()) {
        Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status()?;
        child.wait()?;
    }
    Ok(match status {
        None => End::TooLong,
        Some(status) if status.success() => End::Passed,
        Some(_) => End::Failed,
    })
}

/// Tests that take longer are left out: a mutant that no test notices would run them all.
const LONG: Duration = Duration::from_secs(4);

/// The tests of `program`, each run alone with all mutants asleep. Those that fail so are left out,
/// and told.
pub fn tests(file: &str, program: &Path, folder: &Path, mutants: usize) -> io::Result<Vec<Test>> {
    let output = Command::new(program).args(["--list", "--format", "terse"]).output()?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut tests = Vec::new();
    let record = program.with_extension("reached");
    for name in listed.lines().filter_map(|line| line.strip_suffix(": test")) {
        fs::write(&record, vec![0; 65536])?;
        let started = Instant::now();
        let path = record.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let limit = 10 * LONG;
        let end = run(program, &[name], folder, ("RINGWAY_REACHED", path), limit)?;
        if end != End::Passed {
            println!("left out, fails as it is: {file}::{name}");
            continue;
        }
        let usual = started.elapsed();
        if usual > LONG {
            println!("left out, takes {} s: {file}::{name}", usual.as_secs());
            continue;
        }
        let reaches = fs::read(&record)?[..mutants].iter().map(|&byte| byte != 0).collect();
        let (program, file, name) = (program.to_owned(), file.to_owned(), name.to_owned());
        tests.push(Test { program, file, name, usual, reaches });
    }
    Ok(tests)
}

/// The test that notices mutant `number`, with how it did. `None`: none does. A test may take
/// `patience` times as long as usually.
pub fn judge(
    number: usize,
    tests: &[Test],
    folder: &Path,
    patience: u32,
) -> io::Result<Option<(String, End)>> {
    let mut reach: Vec<&Test> = tests.iter().filter(|test| test.reaches[number]).collect();
    reach.sort_by_key(|test| test.usual);
    // A few quick ones first; then all others, a program at a time.
    let (first, others) = reach.split_at(reach.len().min(4));
    let mut batches: Vec<Vec<&Test>> = first.iter().map(|&test| vec![test]).collect();
    for &test in others {
        let batch = batches.iter_mut().skip(first.len()).find(|batch| {
            batch[0].program == test.program
                && batch.iter().map(|test| test.usual).sum::<Duration>() < Duration::from_secs(1)
        });
        match batch {
            Some(batch) => batch.push(test),
            None => batches.push(vec![test]),
        }
    }
    let awake = number.to_string();
    for batch in batches {
        let usual: Duration = batch.iter().map(|test| test.usual).sum();
        let names: Vec<&str> = batch.iter().map(|test| test.name.as_str()).collect();
        let limit = patience * (Duration::from_secs(5) + 5 * usual);
        let end = run(&batch[0].program, &names, folder, ("RINGWAY_MUTANT", &awake), limit)?;
        if end != End::Passed {
            let name = if names.len() == 1 { names[0] } else { "…" };
            return Ok(Some((format!("{}::{name}", batch[0].file), end)));
        }
    }
    Ok(None)
}
