//! The table of verdicts, and the list of mutants that no test notices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Answer;

/// A row of the table.
#[derive(Default)]
struct Row {
    killed: usize,
    timeout: usize,
    survived: usize,
    unreached: usize,
    explained: usize,
    untried: usize,
}

/// The lines of all files of reasons in this folder.
pub fn explanations(folder: &Path) -> Answer<String> {
    let mut all = String::new();
    for file in fs::read_dir(folder.join("explained")).into_iter().flatten().flatten() {
        all += &fs::read_to_string(file.path())?;
    }
    Ok(all)
}

/// Reasons by the part of a mutant's name that they are for: lines `PART => REASON`. A part that
/// ends in `$` is the end of a name: the names of mutants in constants go on in functions.
pub fn reasons(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" => "))
        .map(|(part, reason)| (part.trim(), reason.trim()))
        .collect()
}

/// Whether a reason for `part` explains the mutant of this key.
pub fn is_about(part: &str, key: &str) -> bool {
    match part.strip_suffix('$') {
        Some(end) => key.ends_with(end),
        None => key.contains(part),
    }
}

/// The folder or file directly below `core/src`.
fn module(key: &str) -> &str {
    let file = key.split(':').next().unwrap_or(key);
    let below = file.strip_prefix("core/src/").unwrap_or(file);
    below.split(['/', '.']).next().unwrap_or(below)
}

/// Verdicts by the names of mutants, each with the mutant's key.
type Verdicts = BTreeMap<String, (String, String)>;

/// The verdict of each mutant in the log.
fn verdicts(log: &Path) -> Verdicts {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut found = Verdicts::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        if let [verdict, key, name, ..] = *cells {
            found.insert(name.to_owned(), (verdict.to_owned(), key.to_owned()));
        }
    }
    found
}

/// The mutants in the log that have one of these verdicts.
pub fn with(log: &Path, wanted: &[&str]) -> BTreeSet<String> {
    let found =
        verdicts(log).into_iter().filter(|(_, (verdict, _))| wanted.contains(&verdict.as_str()));
    found.map(|(name, _)| name).collect()
}

/// Takes out of the log what is judged anew, and what is no mutant any more.
pub fn forget(log: &Path, stays: impl Fn(&str) -> bool) -> std::io::Result<()> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let kept = text.lines().filter(|line| line.split('\t').nth(2).is_some_and(&stays));
    let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
    fs::write(log, kept)
}

/// No run of the tests can try it: it needs a build of its own.
fn has_no_choice(verdict: &str) -> bool {
    matches!(verdict, "constant" | "unwoven")
}

/// How much a verdict says: what one configuration notices or reaches, another does not hide.
fn weight(verdict: &str) -> usize {
    let order = ["unreached", "constant", "unwoven", "error", "survived", "timeout", "killed"];
    order.iter().position(|known| *known == verdict).map_or(0, |at| at + 1)
}

/// The verdicts of several configurations as one.
fn merged(logs: &[PathBuf]) -> Verdicts {
    let mut all = Verdicts::new();
    for (name, found) in logs.iter().flat_map(|log| verdicts(log)) {
        let known = all.entry(name).or_default();
        if weight(&found.0) >= weight(&known.0) {
            *known = found;
        }
    }
    all
}

/// Reads the verdicts of all configurations, and those of mutants in `alone`, in a build of their
/// own. Writes `score.txt` and `survivors.txt` into `folder`, where `explained` is.
pub fn write(logs: &[PathBuf], alone: &[PathBuf], folder: &Path) -> Answer<()> {
    let explained = explanations(folder)?;
    let explained = reasons(&explained);
    let mut all = merged(logs);
    for (name, alone) in merged(alone) {
        if let Some(verdict) = all.get_mut(&name).filter(|verdict| has_no_choice(&verdict.0)) {
            *verdict = alone;
        }
    }
    let mut rows = BTreeMap::<&str, Row>::new();
    let mut sum = Row::default();
    let mut left = Vec::new();
    for (verdict, key) in all.values() {
        if matches!(verdict.as_str(), "refused" | "elsewhere") {
            continue;
        }
        // A mutant that needs a reason may still make a test slow, on a busy machine too slow.
        let reason = explained.iter().find(|(part, _)| is_about(part, key));
        for row in [rows.entry(module(key)).or_default(), &mut sum] {
            match (verdict.as_str(), reason) {
                ("killed", _) => row.killed += 1,
                ("timeout", None) => row.timeout += 1,
                (_, Some(_)) => row.explained += 1,
                ("survived", _) => row.survived += 1,
                ("unreached", _) => row.unreached += 1,
                _ => row.untried += 1,
            }
        }
        if !matches!(verdict.as_str(), "killed" | "timeout") && reason.is_none() {
            left.push(format!("{verdict}: {key}"));
        }
    }
    left.sort();
    let mut score = format!(
        "{:12} {:>7} {:>8} {:>9} {:>9} {:>10} {:>8}\n",
        "core/src", "killed", "too long", "explained", "survived", "unreached", "untried"
    );
    for (name, row) in &rows {
        let _ = writeln!(
            score,
            "{name:12} {:>7} {:>8} {:>9} {:>9} {:>10} {:>8}",
            row.killed, row.timeout, row.explained, row.survived, row.unreached, row.untried
        );
    }
    let noticed = sum.killed + sum.timeout;
    let count = noticed + sum.explained + sum.survived + sum.unreached + sum.untried;
    let _ = writeln!(
        score,
        "evidence: mutants: core: {noticed} of {count} noticed, {} explained, {} survived, \
         {} reached by no test, {} in constants and not tried",
        sum.explained, sum.survived, sum.unreached, sum.untried
    );
    let open = left.join("\n") + "\n";
    fs::write(folder.join("survivors.txt"), open)?;
    fs::write(folder.join("score.txt"), &score)?;
    print!("{score}");
    Ok(())
}
