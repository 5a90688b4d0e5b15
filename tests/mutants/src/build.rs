//! Builds the woven tree, and leaves out the mutants that the compiler refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Answer;
use crate::list::Mutant;
use crate::weave::{Trace, weave};

/// The file that gets the switch.
const ROOT: &str = "core/src/lib.rs";

/// The tree that the mutants are woven into, and how it is built.
pub struct Tree {
    /// Where the copy is.
    pub root: PathBuf,
    /// Flags of the configuration, such as `--cfg no_cas`.
    pub flags: String,
    /// The tests to build: cargo's arguments.
    pub tests: Vec<String>,
}

/// What became of a mutant before any test ran.
#[derive(Default)]
pub struct Left {
    /// The compiler refuses these.
    pub refused: BTreeSet<usize>,
    /// These have no form that sleeps.
    pub unwoven: BTreeSet<usize>,
}

#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    spans: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    file_name: String,
    byte_start: usize,
    is_primary: bool,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Place,
}

impl Tree {
    /// Copies the files that git knows of, but for those that mutants are woven into.
    pub fn copy(from: &Path, to: &Path, mutants: &[Mutant]) -> Answer<()> {
        let woven: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
        let output = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(from)
            .output()?;
        let names = String::from_utf8(output.stdout)?;
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let (source, target) = (from.join(name), to.join(name));
            let Ok(content) = fs::read(&source) else { continue };
            // What is the same stays as old as it is, and is not built again.
            let is_woven = (woven.contains(name) || name == ROOT) && target.exists();
            if is_woven || fs::read(&target).is_ok_and(|old| old == content) {
                continue;
            }
            let folder = target.parent().expect("a file has a folder");
            fs::create_dir_all(folder)?;
            fs::copy(&source, &target)?;
        }
        Ok(())
    }

    /// Builds `tests`. Returns what cargo and the compiler say.
    fn cargo(&self, tests: &[String]) -> Answer<Vec<Line>> {
        let output = Command::new("cargo")
            .args(["test", "--locked", "--no-run", "--message-format=json"])
            .args(tests)
            .current_dir(&self.root)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", format!("--cap-lints allow {}", self.flags))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<Line> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(lines)
    }

    /// Builds `tests` of the tree as it is. `None`: the compiler refuses it.
    pub fn programs(&self, tests: &[String]) -> Answer<Option<Vec<(String, PathBuf)>>> {
        let mut programs = Vec::new();
        for line in self.cargo(tests)? {
            if line.message.is_some_and(|message| message.level == "error") {
                return Ok(None);
            }
            if let (Some(program), Some(target)) = (line.executable, line.target) {
                programs.push((target.name, program));
            }
        }
        Ok(Some(programs))
    }

    /// Weaves all mutants that the compiler takes. Returns the test programs and what is left out.
    pub fn build(
        &self,
        original: &Path,
        mutants: &[Mutant],
    ) -> Answer<(Vec<(String, PathBuf)>, Left)> {
        let mut left = Left::default();
        // What an earlier build refused: a hint that saves builds.
        let hint = self.root.with_extension("refused");
        let known = fs::read_to_string(&hint).unwrap_or_default();
        let known: BTreeSet<&str> = known.lines().collect();
        left.refused.extend(
            mutants
                .iter()
                .enumerate()
                .filter(|(_, m)| known.contains(m.name.as_str()))
                .map(|(n, _)| n),
        );
        loop {
            let traces = self.write(original, mutants, &mut left)?;
            let mut programs = Vec::new();
            let mut refused = BTreeSet::new();
            let mut complaints = Vec::new();
            for line in self.cargo(&self.tests)? {
                if let (Some(program), Some(target)) = (line.executable, line.target) {
                    programs.push((target.name, program));
                }
                let Some(message) = line.message.filter(|message| message.level == "error") else {
                    continue;
                };
                let found = culprits(&message, &traces);
                if found.is_empty() && !message.spans.is_empty() {
                    complaints.push(message.rendered.unwrap_or_default());
                }
                refused.extend(found);
            }
            if refused.is_empty() {
                return match complaints.first() {
                    None => Ok((programs, left)),
                    Some(first) => Err(format!("the woven tree does not build:\n{first}").into()),
                };
            }
            println!("the compiler refuses {} mutants", refused.len());
            left.refused.extend(refused);
            let names: Vec<&str> =
                left.refused.iter().map(|&number| mutants[number].name.as_str()).collect();
            fs::write(&hint, names.join("\n"))?;
        }
    }

    /// The files of the core that this configuration compiles.
    pub fn compiled(&self) -> BTreeSet<String> {
        let folder = self.root.join("target/debug/deps");
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("ringway_core-") && name.ends_with(".d") {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                let words = text.split_whitespace().map(|word| word.trim_end_matches(':'));
                files.extend(
                    words.filter_map(|word| Some(word[word.find("core/src/")?..].to_owned())),
                );
            }
        }
        files
    }

    /// Writes the woven files. Returns where each mutant's text is.
    fn write(
        &self,
        original: &Path,
        mutants: &[Mutant],
        left: &mut Left,
    ) -> Answer<BTreeMap<String, Vec<Trace>>> {
        let mut files = BTreeMap::<&str, Vec<(usize, &Mutant)>>::new();
        for (number, mutant) in mutants.iter().enumerate() {
            let here = files.entry(&mutant.file).or_default();
            if !left.refused.contains(&number) && !left.unwoven.contains(&number) {
                here.push((number, mutant));
            }
        }
        let mut traces = BTreeMap::new();
        for (file, here) in files {
            let text = fs::read_to_string(original.join(file))?;
            let (woven, unwoven) = weave(&text, &here);
            left.unwoven.extend(unwoven);
            put(&self.root.join(file), &woven.text)?;
            traces.insert(file.to_owned(), woven.traces);
        }
        let text = fs::read_to_string(original.join(ROOT))?;
        let lead = "#![allow(internal_features)]\n\
                    #![feature(core_intrinsics, const_eval_select)]\n";
        let text = format!("{lead}{text}{}", include_str!("switch.rs.txt"));
        put(&self.root.join(ROOT), &text)?;
        Ok(traces)
    }
}

/// Writes a file, unless it is the same: it then stays as old as it is, and is not built again.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text)
}

/// The mutants that a complaint of the compiler is about.
fn culprits(message: &Message, traces: &BTreeMap<String, Vec<Trace>>) -> BTreeSet<usize> {
    let mut places: Vec<&Place> = message.spans.iter().collect();
    // The place that the message is about comes first; the others may lie in a mutant that is well.
    places.sort_by_key(|place| !place.is_primary);
    for place in places {
        let mut place = place;
        while let Some(expansion) = &place.expansion {
            place = &expansion.span;
        }
        let Some((_, traces)) = traces.iter().find(|(file, _)| place.file_name.ends_with(*file))
        else {
            continue;
        };
        let around = traces.iter().filter(|trace| trace.bytes.contains(&place.byte_start));
        let narrowest = around.clone().map(|trace| trace.bytes.len()).min();
        let found: BTreeSet<usize> = around
            .filter(|trace| Some(trace.bytes.len()) == narrowest)
            .map(|trace| trace.mutant)
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    BTreeSet::new()
}
