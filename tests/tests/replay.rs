//! The inputs that the fuzzer kept, run on stable Rust: the corpus of each target, and each case
//! that was found and mended.

use ringway_tests::figures::root;
use ringway_tests::oracle::TARGETS;
use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// The names in a folder, in order; none if there is no such folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name is UTF-8");
    entries.map(|entry| name(entry.expect("an entry can be read"))).collect()
}

/// The folder of a kind of inputs: `corpus` or `regressions`.
fn inputs(kind: &str) -> PathBuf {
    root().join("fuzz").join(kind)
}

/// Runs every target on its inputs of this kind. Fails with the names of those that failed.
fn replay(kind: &str) {
    let mut failed = Vec::new();
    let mut count = 0;
    for (target, body) in TARGETS {
        let folder = inputs(kind).join(target);
        for name in names(&folder) {
            let input = fs::read(folder.join(&name)).expect("an input can be read");
            if catch_unwind(|| body(&input)).is_err() {
                failed.push(format!("fuzz/{kind}/{target}/{name}"));
            }
            count += 1;
        }
    }
    println!("evidence: replay: {kind}: {count} inputs, {} failures", failed.len());
    assert!(failed.is_empty(), "these inputs fail: {failed:#?}");
}

#[test]
fn the_corpora_pass() {
    replay("corpus");
}

#[test]
fn the_cases_that_were_found_pass() {
    replay("regressions");
}

#[test]
fn each_target_has_a_file_a_name_and_a_corpus() {
    let files = names(&inputs("fuzz_targets"));
    let files: BTreeSet<&str> = files.iter().map(|file| file.trim_end_matches(".rs")).collect();
    let targets: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, targets, "fuzz/fuzz_targets and `oracle::TARGETS` differ");
    for kind in ["corpus", "regressions"] {
        for name in names(&inputs(kind)) {
            assert!(targets.contains(name.as_str()), "fuzz/{kind}/{name} belongs to no target");
        }
    }
    for target in targets {
        let count = names(&inputs("corpus").join(target)).len();
        assert!(
            count > 0,
            "{target} has no corpus: fuzz/run 60 {target}; fuzz/run --merge {target}"
        );
    }
}
