//! The verdicts on the core's memory orderings in `tests/weaken.txt` are those of the source: no
//! ordering is without one. `tests/weaken` writes them, which takes longer.

use ringway_tests::figures::{page, root};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The check, in this repository.
fn check(root: &Path) -> Output {
    Command::new(root.join("tests/weaken")).arg("--check").output().expect("python3 runs")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry can be read");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}

#[test]
fn every_ordering_has_a_verdict() {
    let output = check(root());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let table = String::from_utf8_lossy(&output.stdout);
    let evidence = table.lines().filter(|line| line.starts_with("evidence: orderings: core: "));
    let evidence: Vec<_> = evidence.collect();
    assert_eq!(evidence.len(), 1, "{table}");
    println!("{}", evidence[0]);
}

#[test]
fn a_new_ordering_needs_a_verdict() {
    let place = tempfile::tempdir().expect("a folder can be made");
    copy(&root().join("core/src"), &place.path().join("core/src"));
    fs::create_dir(place.path().join("tests")).expect("a folder can be made");
    for file in ["tests/weaken", "tests/weaken.txt"] {
        fs::copy(root().join(file), place.path().join(file)).expect("a copy");
    }
    assert!(check(place.path()).status.success(), "the copy is as good");

    let source = place.path().join("core/src/wait.rs");
    let text = fs::read_to_string(&source).expect("a file");
    // Lines that move need no verdict. A load that acquires does.
    let new = "\n\nfn look(word: &AtomicU32) -> u32 {\n    word.load(Ordering::Acquire)\n}\n";
    fs::write(&source, format!("\n\n{text}")).expect("a file can be written");
    assert!(check(place.path()).status.success(), "lines moved");
    fs::write(&source, format!("{text}{new}")).expect("a file can be written");
    let output = check(place.path());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "a new ordering passes");
    let says = "has no verdict: core/src/wait.rs | look | load: Acquire → Relaxed";
    assert!(complaint.contains(says), "{complaint}");

    // A verdict on what is no longer there.
    let folder = place.path().join("core/src/lock/event.rs");
    fs::write(&source, text).expect("a file can be written");
    fs::write(folder, "").expect("a file can be written");
    let output = check(place.path());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("no longer in the source: core/src/lock/event.rs"), "{complaint}");
}

#[test]
fn the_table_on_the_page_is_that_of_the_record() {
    let output = Command::new(root().join("tests/weaken")).arg("--table").output();
    let printed = String::from_utf8(output.expect("python3 runs").stdout).expect("UTF-8");
    assert!(page("docs/testing.md").contains(&printed), "run `tests/tables docs/testing.md`");
    assert!(printed.lines().count() > 30, "hardly a file:\n{printed}");
}
