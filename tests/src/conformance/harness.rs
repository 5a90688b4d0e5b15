//! The test program: it lists the cases, runs each in a process of its own, and reports.
//!
//! The command line is the usual one of a Rust test program, as far as it makes sense here.

mod fault;
mod leaks;
mod one;

use super::transports::bring;
use super::{ALL, CASES, Case, RUNTIMES, Transport, peer, transports};
use fault::{FAULTS, Fault};
use ringway::fd::{self, Interest};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A case that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

const HELP: &str = "\
conformance [OPTIONS] [FILTER…]   runs the tests whose name contains one of the filters; all without one

  --list              prints the names and runs nothing; with them what is not promised, and why
  --exact             a filter is the whole name
  --skip FILTER       leaves out the tests whose name contains this
  --test-threads N    how many at a time
  --nocapture         shows what the tests print as they print it
  -q, --quiet         prints a dot for a test that passed
";

/// One case on one transport, or a fault made on purpose.
struct Test {
    name: String,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Case(&'static Transport, &'static Case),
    Fault(&'static Fault),
}

impl Test {
    fn not_promised(&self) -> Option<&'static str> {
        match self.what {
            What::Case(transport, case) => (case.not_for)(&transport.promises),
            What::Fault(_) => None,
        }
    }

    /// Whether it is in a short run.
    fn is_due(&self) -> bool {
        let What::Case(transport, case) = self.what else { return true };
        let number = CASES.iter().position(|known| std::ptr::eq(known, case)).unwrap_or_default();
        let awaited = transport.awaited.as_ref();
        awaited.is_none_or(|awaited| (number + awaited.turn) % RUNTIMES == 0)
    }
}

fn all() -> impl Iterator<Item = Test> {
    let cases = transports().flat_map(|transport| {
        CASES.iter().map(move |case| Test {
            name: format!("{}::{}", transport.name, case.name),
            what: What::Case(transport, case),
        })
    });
    let faults =
        FAULTS.iter().map(|fault| Test { name: fault.name.to_owned(), what: What::Fault(fault) });
    faults.chain(cases)
}

#[derive(Default)]
struct Options {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    quiet: bool,
    show: bool,
    threads: Option<usize>,
    ignored_alone: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            let (name, mut inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => {
                    (name.to_owned(), Some(value.to_owned()))
                }
                _ => (argument, None),
            };
            let mut value = || {
                inline.take().or_else(|| arguments.next()).ok_or(format!("{name} needs a value"))
            };
            match name.as_str() {
                "--list" => options.list = true,
                "--exact" => options.exact = true,
                "--skip" => options.skip.push(value()?),
                "--test-threads" => {
                    let count = value()?;
                    let count = count.parse().ok().filter(|&count| count > 0);
                    options.threads = Some(count.ok_or("--test-threads needs a number")?);
                }
                "--nocapture" | "--no-capture" => options.show = true,
                "-q" | "--quiet" => options.quiet = true,
                // Nothing here is ever ignored.
                "--include-ignored" => {}
                "--ignored" => options.ignored_alone = true,
                "--color" | "--format" => drop(value()?),
                _ if name.starts_with('-') => return Err(format!("{name} is not known\n\n{HELP}")),
                _ => options.filters.push(name),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        let hits =
            |filter: &String| if self.exact { name == filter } else { name.contains(filter) };
        !self.ignored_alone
            && (self.filters.is_empty() || self.filters.iter().any(hits))
            && !self.skip.iter().any(hits)
    }
}

/// The main function of the test program, which brings transports of its own.
pub fn main(brought: Vec<Transport>) -> ExitCode {
    bring(brought);
    let mut arguments = std::env::args().skip(1).peekable();
    match arguments.peek().map(String::as_str) {
        Some(one::FLAG) => return one::main(arguments.skip(1)),
        Some(peer::FLAG) => return peer::main(arguments.skip(1)),
        Some("-h" | "--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            return ExitCode::from(2);
        }
    };
    let (wanted, others): (Vec<_>, Vec<_>) = all().partition(|test| options.wants(&test.name));
    let (tests, not_promised): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|test| test.not_promised().is_none());
    let is_short = options.filters.is_empty() && !options.list && std::env::var_os(ALL).is_none();
    let (tests, left_out): (Vec<_>, Vec<_>) =
        tests.into_iter().partition(|test| !is_short || test.is_due());
    if !left_out.is_empty() {
        println!(
            "\nunder another runtime, hence not run: {} ({ALL}=all runs them)",
            left_out.len()
        );
    }
    if options.list {
        for test in &tests {
            println!("{}: test", test.name);
        }
        println!("\n{} tests, 0 benchmarks", tests.len());
        report_not_promised(&not_promised);
        return ExitCode::SUCCESS;
    }
    let filtered_out = others.iter().filter(|test| test.not_promised().is_none()).count();
    run(&tests, &not_promised, filtered_out, &options)
}

/// Prints, for each case and reason, the transports that do not have the case.
fn report_not_promised(tests: &[Test]) {
    if tests.is_empty() {
        return;
    }
    println!("\nnot promised, hence not run:");
    let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for test in tests {
        let What::Case(transport, case) = test.what else { continue };
        let reason = test.not_promised().unwrap_or_default();
        match reasons.iter_mut().find(|(name, why, _)| (*name, *why) == (case.name, reason)) {
            Some((.., names)) => names.push(transport.name),
            None => reasons.push((case.name, reason, vec![transport.name])),
        }
    }
    for (case, reason, names) in reasons {
        println!("    {case}: {reason}: {}", names.join(", "));
    }
}

struct Failure {
    name: String,
    what: String,
    output: String,
}

fn run(tests: &[Test], not_promised: &[Test], filtered_out: usize, options: &Options) -> ExitCode {
    println!("\nrunning {} tests", tests.len());
    let started = Instant::now();
    let folder = tempfile::Builder::new().prefix("ringway-conformance-").tempdir();
    let folder = folder.expect("a folder for temporary files can be made");
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let threads = options
        .threads
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let before = leaks::Before::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run_one(test, folder.path(), options.show);
                    report(&test.name, outcome.is_none(), options.quiet);
                    failures.lock().expect("no thread panics with it").extend(outcome);
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics with it");
    let mut left = before.remaining();
    let path = folder.path().to_owned();
    if let Err(error) = folder.close() {
        left.push(format!("the folder {}: {error}", path.display()));
    }
    let ran = tests.len();
    if !left.is_empty() {
        let what = format!("the suite left behind: {}", left.join(", "));
        failures.push(Failure { name: "the suite itself".into(), what, output: String::new() });
    }
    failures.sort_by(|a, b| a.name.cmp(&b.name));
    for Failure { name, what, output } in &failures {
        println!("\n---- {name} ----\n{output}{what}");
    }
    if !failures.is_empty() {
        println!("\nfailures:");
        failures.iter().for_each(|failure| println!("    {}", failure.name));
    }
    if !not_promised.is_empty() {
        let count = not_promised.len();
        println!("\nnot promised, hence not run: {count} (--list says what, and why)");
    }
    if filtered_out == 0 && options.filters.is_empty() {
        println!(
            "\nevidence: conformance: {} cases on {} transports: {ran} ran, {} not promised, {} failures",
            CASES.len(),
            transports().count(),
            not_promised.len(),
            failures.len()
        );
        if failures.is_empty() {
            report_awaited(tests);
        }
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {filtered_out} filtered out; finished in {:.2}s\n",
        if failures.is_empty() { "ok" } else { "FAILED" },
        ran.saturating_sub(failures.len()),
        failures.len(),
        started.elapsed().as_secs_f64(),
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Prints how many cases were awaited under each runtime, in a long run also on each transport.
fn report_awaited(tests: &[Test]) {
    let is_long = std::env::var_os(ALL).is_some();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for test in tests {
        let What::Case(transport, _) = test.what else { continue };
        let Some(awaited) = &transport.awaited else { continue };
        let mut what = awaited.runtime.to_owned();
        if let Some((_, name)) = transport.name.split_once("::").filter(|_| is_long) {
            what += &format!(", {name}");
        }
        match counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what, 1)),
        }
    }
    for (what, count) in counts {
        println!("evidence: conformance: awaited, {what}: {count} cases");
    }
}

fn report(name: &str, passed: bool, quiet: bool) {
    let mut out = std::io::stdout().lock();
    let written = match (quiet, passed) {
        (true, true) => write!(out, "."),
        (true, false) => write!(out, "F"),
        (false, true) => writeln!(out, "test {name} ... ok"),
        (false, false) => writeln!(out, "test {name} ... FAILED"),
    };
    written.and_then(|()| out.flush()).expect("the report can be written");
}

/// Runs one test, and returns how it failed, if it did. A fault made on purpose fails if the suite
/// does not notice it.
fn run_one(test: &Test, folder: &Path, show: bool) -> Option<Failure> {
    let fault = match test.what {
        What::Case(..) => return run_apart(&test.name, folder, LIMIT, show),
        What::Fault(fault) => fault,
    };
    let (what, output) = match run_apart(&test.name, folder, fault::LIMIT, false) {
        None => ("it passed".to_owned(), String::new()),
        Some(noticed) if format!("{}{}", noticed.what, noticed.output).contains(fault.says) => {
            return None;
        }
        Some(noticed) => (noticed.what, noticed.output),
    };
    let what = format!("expected \"{}\", found: {what}", fault.says);
    Some(Failure { name: test.name.clone(), what, output })
}

/// Runs one test in a process of its own, in a process group of its own.
fn run_apart(name: &str, folder: &Path, limit: Duration, show: bool) -> Option<Failure> {
    let place = folder.join(name.replace("::", "."));
    let log = folder.join(name.replace("::", ".") + ".log");
    let failure = |what: String, output: String| {
        let again = format!(
            "{what}\nto run it under a debugger: {} {} {name} EMPTY_FOLDER\n",
            std::env::current_exe().unwrap_or_default().display(),
            one::FLAG
        );
        Some(Failure { name: name.to_owned(), what: again, output })
    };
    let prepared = std::fs::create_dir(&place).and_then(|()| {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(one::FLAG).arg(name).arg(&place).stdin(Stdio::null()).process_group(0);
        if !show {
            let log = File::create(&log)?;
            command.stdout(log.try_clone()?).stderr(log);
        }
        command.spawn()
    });
    let mut child = match prepared {
        Ok(child) => child,
        Err(error) => return failure(format!("it cannot be started: {error}"), String::new()),
    };
    let what = match wait(&mut child, limit) {
        Ok(status) if status.success() => None,
        Ok(status) => Some(match status.signal() {
            Some(signal) => format!("it was ended by signal {signal}"),
            None => format!("it ended with {status}"),
        }),
        Err(threads) => {
            Some(format!("it hung: not done after {} s; its threads:{threads}", limit.as_secs()))
        }
    };
    let output = std::fs::read(&log).unwrap_or_default();
    let output = String::from_utf8_lossy(&output).into_owned();
    // This removes what a failed test left there.
    let _ = std::fs::remove_dir_all(&place);
    let _ = std::fs::remove_file(&log);
    failure(what?, output)
}

/// Waits for the end of the process. If it takes too long, kills it with all its children; `Err`
/// then says where its threads were.
fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let pid = Pid::from_child(child);
    let deadline = Instant::now() + limit;
    let watch = rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("it is our child");
    let late = fd::wait_deadline(&watch, Interest::Read, Some(deadline)).is_err();
    let threads = if late { whereabouts(pid) } else { String::new() };
    // This kills its group, which has also the peers that it started and did not end. The wait
    // comes after it, so the number still belongs to the process.
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    let status = child.wait().expect("it is our child");
    if late { Err(threads) } else { Ok(status) }
}

/// The names of a process's threads, and what each waits for in the kernel.
fn whereabouts(pid: Pid) -> String {
    let mut text = String::new();
    let tasks = format!("/proc/{}/task", pid.as_raw_nonzero());
    for task in std::fs::read_dir(tasks).into_iter().flatten().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let (name, at, call) = (read("comm"), read("wchan"), read("syscall"));
        text += &format!("\n    {}: {} (system call {})", name.trim(), at.trim(), call.trim());
    }
    text
}
