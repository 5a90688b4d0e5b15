//! The table of evidence in docs/testing.md, and the tools that its rows come from.

use ringway_tests::figures::{page, root};
use std::collections::BTreeSet;
use std::process::Command;

/// What the table shows in place of figures.
const NONE: &str = "NOT run";

/// The rows of the table, each as its cells.
fn rows() -> Vec<Vec<String>> {
    let page = page("docs/testing.md");
    let (_, rest) =
        page.split_once("<!-- written by: tests/evidence --write -->").expect("a begin");
    let (table, _) = rest.split_once("<!-- end -->").expect("an end");
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().into()).collect();
    rows.map(cells).skip(1).collect()
}

/// The kinds that a table must have, as tests/evidence lists them.
fn required() -> BTreeSet<String> {
    let script = page("tests/evidence");
    let (_, rest) = script.split_once("\nREQUIRED = [").expect("it lists them");
    let (list, _) = rest.split_once(']').expect("the list ends");
    list.split(',')
        .map(|name| name.trim().trim_matches('"'))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a tool of the repository prints figures of this kind, or a file of it records them.
fn is_printed(kind: &str) -> bool {
    Command::new("git")
        .args(["grep", "-qF", &format!("evidence: {kind}: "), "--", "tests", "fuzz", "core/tests"])
        .args(["std-shim", ":!tests/tests/evidence.rs"])
        .current_dir(root())
        .status()
        .expect("git runs")
        .success()
}

#[test]
fn the_table_has_a_row_of_each_kind() {
    let found: BTreeSet<String> = rows().into_iter().map(|row| row[0].clone()).collect();
    let required = required();
    assert!(required.len() >= 10, "hardly a kind is required: {required:?}");
    let missing: Vec<_> = required.difference(&found).collect();
    assert!(missing.is_empty(), "docs/testing.md has no evidence of {missing:?}");
    for row in rows() {
        assert_ne!(row[2], NONE, "docs/testing.md: {}", row[0]);
    }
}

#[test]
fn each_row_is_printed_by_a_tool() {
    let rows = rows();
    assert!(!rows.is_empty(), "docs/testing.md has no table of evidence");
    let steps = Command::new("tests/run").arg("--list").current_dir(root()).output();
    let steps = String::from_utf8(steps.expect("tests/run lists its steps").stdout);
    let steps = steps.expect("the names of steps are text");
    for row in &rows {
        let [kind, what, figures, from, _] = row.as_slice() else { panic!("{row:?}: five cells") };
        // The kind `tests` is made by tests/run itself, from what the test programs say.
        assert!(is_printed(kind), "no tool prints the evidence \"{kind}: {what}: {figures}\"");
        let from = from.trim_matches('`');
        let is_there = match from.strip_prefix("tests/run ") {
            // A step on a line of its own, or among those that are run by hand.
            Some(step) => steps.split_whitespace().any(|one| one == step),
            None => root().join(from).exists(),
        };
        assert!(is_there, "{kind}: {what}: there is no {from}");
    }
}
