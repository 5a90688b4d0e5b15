//! Do the tests notice when the core is wrong? See `tests/mutants/run`.
//!
//! cargo-mutants lists the mutants. This builds them all into one library, each asleep until the
//! environment chooses it, finds out which tests reach each, and runs those. So a mutant costs some
//! runs of small tests, not a build.

mod alone;
mod build;
mod list;
mod run;
mod score;
mod weave;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use build::Tree;
use list::Mutant;
use run::{End, Test};

/// What this tool does may fail in many ways, which it only tells.
type Answer<T> = Result<T, Box<dyn Error>>;

/// The core as it is built, with its flags: as usual; as for a processor without compare-and-swap
/// and caches; and as for one without compare-and-swap, but with room for rarely needed words.
const CONFIGURATIONS: [(&str, &str); 3] =
    [("cas", ""), ("no-cas", "--cfg no_cas --cfg uncached"), ("cached", "--cfg no_cas")];

struct Options {
    no_cas: bool,
    cached: bool,
    record: bool,
    open: bool,
    alone: bool,
    files: Vec<String>,
    tests: Vec<String>,
    jobs: usize,
    patience: u32,
}

fn options() -> Answer<Options> {
    let mut options = Options {
        no_cas: false,
        cached: false,
        record: false,
        open: false,
        alone: false,
        files: Vec::new(),
        tests: Vec::new(),
        jobs: 2,
        patience: 1,
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--no-cas" => options.no_cas = true,
            "--cached" => options.cached = true,
            "--record" => options.record = true,
            "--open" => options.open = true,
            "--alone" => options.alone = true,
            "--file" => options.files.push(value()?),
            "--test" => options.tests.push(value()?),
            "--jobs" => options.jobs = value()?.parse().map_err(|_| "--jobs N")?,
            "--patience" => options.patience = value()?.parse().map_err(|_| "--patience N")?,
            _ => {
                return Err(format!("{argument}: not known; tests/mutants/run says what is").into());
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| work(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// The tests that run, as cargo's arguments: all of the core but the models; or the unit tests and
/// those in `only`.
fn programs(root: &Path, only: &[String]) -> Answer<Vec<String>> {
    let mut core = ["-p", "ringway-core", "--all-features", "--lib"].map(str::to_owned).to_vec();
    for entry in fs::read_dir(root.join("core/tests"))?.flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_test = path.extension().is_some() || path.join("main.rs").exists();
        let is_chosen = only.is_empty() || only.iter().any(|only| only == name);
        if is_test && is_chosen && !name.starts_with("loom_") {
            core.extend(["--test".to_owned(), name.to_owned()]);
        }
    }
    Ok(core)
}

fn work(options: &Options) -> Answer<()> {
    let original = env::current_dir()?;
    let places = CONFIGURATIONS.map(|(name, _)| original.join("target/mutants").join(name));
    let logs = places.each_ref().map(|place| place.join("verdicts.txt"));
    let alone = places.each_ref().map(|place| place.join("alone.txt"));
    if options.record {
        return score::write(&logs, &alone, &original.join("tests/mutants"));
    }
    let which = match options {
        Options { no_cas: false, .. } => 0,
        Options { cached: false, .. } => 1,
        _ => 2,
    };
    let place = &places[which];
    fs::create_dir_all(place)?;
    let root = place.join(if options.alone { "alone" } else { "tree" });
    let mutants = list::mutants(&original)?;
    let tests = programs(&original, &options.tests)?;
    let tree = Tree { root: root.clone(), flags: CONFIGURATIONS[which].1.to_owned(), tests };
    let is_chosen = |mutant: &Mutant| {
        options.files.is_empty() || options.files.iter().any(|f| mutant.file.starts_with(f))
    };
    if options.alone {
        Tree::copy(&original, &root, &[])?;
        let wanted = score::with(&logs[which], &["constant", "unwoven"]);
        let known = score::with(&alone[which], &["killed", "timeout", "refused"]);
        let slow = score::with(&alone[which], &["timeout"]);
        // A mutant that no test notices costs a run of all: one with a reason is not open.
        let reasons = score::explanations(&original.join("tests/mutants"))?;
        let reasons = score::reasons(&reasons);
        let wanted = mutants.iter().filter(|mutant| {
            let has_reason = reasons.iter().any(|(part, _)| score::is_about(part, &mutant.key()));
            let is_open = !options.open || !known.contains(&mutant.name) && !has_reason;
            let is_due = options.patience == 1 || slow.contains(&mutant.name);
            is_chosen(mutant) && is_open && is_due && wanted.contains(&mutant.name)
        });
        let judge = alone::Judge { tree, patience: options.patience, broken: BTreeSet::new() };
        return judge_alone(judge, &wanted.collect::<Vec<_>>(), &alone[which]);
    }
    Tree::copy(&original, &root, &mutants)?;
    let (programs, left) = tree.build(&original, &mutants)?;

    let mut tests = Vec::<Test>::new();
    for (file, program) in &programs {
        let folder = root.join("core");
        tests.extend(run::tests(file, program, &folder, mutants.len())?);
    }
    println!("{} tests in {} programs", tests.len(), programs.len());

    // A configuration tries what those before it do not.
    let log = &logs[which];
    let mut passed_on = score::with(&logs[0], &["unreached", "elsewhere"]);
    if which == 2 {
        let open = score::with(&logs[1], &["unreached", "survived"]);
        passed_on.retain(|name| open.contains(name));
    }
    let noticed = score::with(log, &["killed", "timeout"]);
    let slow = score::with(log, &["timeout"]);
    let wanted = |number: usize| {
        let mutant = &mutants[number];
        (which == 0 || passed_on.contains(&mutant.name))
            && !(options.open && noticed.contains(&mutant.name))
            && (options.patience == 1 || slow.contains(&mutant.name))
            && is_chosen(mutant)
    };
    let mut numbers: Vec<usize> = (0..mutants.len()).filter(|&number| wanted(number)).collect();
    // Mixed, so that the first verdicts are a sample of all.
    numbers.sort_by_key(|&number| number * 2_654_435_761 % (1 << 32));
    let compiled = tree.compiled();
    let judged: BTreeSet<&str> = numbers.iter().map(|&n| mutants[n].name.as_str()).collect();
    let known: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    score::forget(log, |name| known.contains(name) && !judged.contains(name))?;
    let log = Mutex::new(fs::File::options().append(true).open(log)?);
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(BTreeMap::<&str, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut by = String::new();
                    let file = &mutants[number].file;
                    let verdict = if !compiled.contains(file) {
                        "elsewhere"
                    } else if left.refused.contains(&number) {
                        "refused"
                    } else if left.unwoven.contains(&number) {
                        "unwoven"
                    } else if !tests.iter().any(|test| test.reaches[number]) {
                        if mutants[number].function.is_none() { "constant" } else { "unreached" }
                    } else {
                        match run::judge(number, &tests, &root.join("core"), options.patience) {
                            Ok(Some((test, end))) => {
                                by = test;
                                if end == End::TooLong { "timeout" } else { "killed" }
                            }
                            Ok(None) => "survived",
                            Err(error) => {
                                by = error.to_string();
                                "error"
                            }
                        }
                    };
                    *counts.lock().expect("no one panics").entry(verdict).or_default() += 1;
                    let mut log = log.lock().expect("no one panics");
                    let name = &mutants[number].name;
                    let line = format!("{verdict}\t{}\t{name}\t{by}\n", mutants[number].key());
                    let _ = log.write_all(line.as_bytes());
                }
            });
        }
    });
    println!("{:?}", counts.into_inner()?);
    Ok(())
}

/// Judges `mutants` in a build each, and writes their verdicts into `log`.
fn judge_alone(mut judge: alone::Judge, mutants: &[&Mutant], log: &Path) -> Answer<()> {
    println!("{} mutants", mutants.len());
    if !mutants.is_empty() {
        judge.find_broken()?;
    }
    for mutant in mutants {
        let (verdict, by) = judge.judge(mutant)?;
        score::forget(log, |name| mutant.name != name)?;
        let mut log = fs::File::options().append(true).open(log)?;
        writeln!(log, "{verdict}\t{}\t{}\t{by}", mutant.key(), mutant.name)?;
    }
    Ok(())
}
