//! Instruction counts of the hot paths, as callgrind sees them, compared with those in
//! `tests/bench/golden`.
//!
//! ```text
//! ringway-counts            counts, and compares; exits with 1 if a count differs
//! ringway-counts --bless    counts, and writes the golden files
//! ringway-counts paths      what is run under callgrind
//! ```
//!
//! A count is the number of instructions in the program itself, for one operation on average. It
//! leaves out the C library's `memcpy`, because the processor decides which one is used. Counts
//! depend on the compiler. So the golden files name theirs, and counts of another compiler are
//! shown but not judged.

mod callgrind;
mod paths;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// What the golden files were made with, if they are to be compared.
fn made_with() -> String {
    format!("{} for {}", env!("RINGWAY_COUNTS_COMPILER"), env::consts::ARCH)
}

fn main() -> ExitCode {
    let bless = match env::args().nth(1).as_deref() {
        None => false,
        Some("--bless") => true,
        Some("paths") => {
            paths::run();
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("ringway-counts: '{other}'? Give nothing, --bless or paths");
            return ExitCode::from(2);
        }
    };
    let counts = match callgrind::count() {
        Ok(counts) => counts,
        Err(why) => {
            eprintln!("ringway-counts: {why}");
            return ExitCode::FAILURE;
        }
    };
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../golden"));
    let mut differ = 0;
    let mut of_other_compiler = 0;
    for (group, text) in render(&counts) {
        let path = folder.join(format!("{group}.txt"));
        if bless {
            if let Err(error) = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, text)) {
                eprintln!("ringway-counts: cannot write {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
            println!("golden/{group}.txt: written");
        } else {
            match compare(&group, &path, &text) {
                Verdict::Equal => {}
                Verdict::OtherCompiler => of_other_compiler += 1,
                Verdict::Differs => differ += 1,
            }
        }
    }
    if differ > 0 {
        println!("{differ} files differ; if that is meant: tests/bench/run --counts --bless");
        return ExitCode::FAILURE;
    }
    if of_other_compiler > 0 {
        println!(
            "evidence: counts: hot paths: {of_other_compiler} files NOT compared, they are of another compiler"
        );
    } else {
        println!("evidence: counts: hot paths: {} instruction counts as in the golden files", counts.len());
    }
    ExitCode::SUCCESS
}

/// The golden file of each group, as it would be now.
fn render(counts: &[(String, u64)]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for (name, instructions) in counts {
        let Some((group, path)) = name.split_once("::") else { continue };
        if files.last().is_none_or(|(last, _)| last != group) {
            let header = format!("# instructions for one operation; {}\n", made_with());
            files.push((group.to_string(), header));
        }
        let Some((_, text)) = files.last_mut() else { continue };
        let each = *instructions as f64 / paths::OPERATIONS as f64;
        let _ = writeln!(text, "{:24} {each:8.1}", path.replace('_', " "));
    }
    files
}

/// What became of the comparison with a golden file.
enum Verdict {
    Equal,
    /// It was made with another compiler, so its counts say nothing.
    OtherCompiler,
    Differs,
}

/// Compares the counts with those of a golden file, and shows what differs.
fn compare(group: &str, path: &Path, now: &str) -> Verdict {
    let golden = fs::read_to_string(path).unwrap_or_default();
    if golden == now {
        println!("golden/{group}.txt: as counted");
        return Verdict::Equal;
    }
    let (then, here) = (golden.lines().next().unwrap_or_default(), now.lines().next());
    let other_compiler = !then.is_empty() && Some(then) != here;
    if other_compiler {
        println!("golden/{group}.txt is of another compiler, so that it is not compared: {then}");
    } else {
        println!("golden/{group}.txt differs:");
    }
    for line in golden.lines().filter(|line| !now.lines().any(|other| other == *line)) {
        println!("  - {line}");
    }
    for line in now.lines().filter(|line| !golden.lines().any(|other| other == *line)) {
        println!("  + {line}");
    }
    if other_compiler { Verdict::OtherCompiler } else { Verdict::Differs }
}
