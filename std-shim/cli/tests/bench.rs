//! `ringway bench`: it measures, checks and reports. No test looks at how fast anything was.

use serde_json::Value;
use std::process::{Command, Output, Stdio};

fn bench(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.arg("bench").args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    let output = bench(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Some mechanisms of each kind, so that the tests are quick.
const SOME: &str = "ring-sleeping,pipe,unix-seqpacket,signal";

#[test]
fn every_mechanism_is_measured_in_a_row() {
    let report: Value = serde_json::from_slice(&run(&["--quick", "--json", "-"]).stdout).unwrap();
    assert_eq!(report["format"], "ringway-bench/1");
    let rows = report["rows"].as_array().unwrap();
    let processors = report["processors"].as_u64().unwrap();
    for name in [
        "ring-sleeping",
        "pipe",
        "fifo",
        "unix-stream",
        "unix-seqpacket",
        "unix-datagram",
        "tcp",
        "udp",
        "signal",
        "raw-pipe",
        "raw-unix-stream",
        "raw-tcp",
    ] {
        assert!(rows.iter().any(|row| row["name"] == name), "{name} has no row");
    }
    for name in ["ring", "ring-in-place"] {
        // Polling needs a processor for each side.
        assert_eq!(rows.iter().any(|row| row["name"] == name), processors > 1, "{name}");
    }
    for row in rows {
        assert!(row["error"].is_null(), "{row}");
        let value = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("no {key}: {row}"));
        assert!(value("p50") > 0.0 && value("p50") <= value("p99"), "{row}");
        assert!(value("p99") <= value("p999"), "{row}");
        let loses = ["udp", "signal"].iter().any(|name| row["name"] == *name);
        assert_eq!(row["rate"].is_null(), loses, "{row}");
    }
    assert!(report["advice"].as_array().is_some_and(|advice| !advice.is_empty()));
}

#[test]
fn table_shows_chosen_mechanisms_and_advice() {
    let text = out(&run(&["--quick", "--only", SOME]));
    for expected in
        ["ring-sleeping", "pipe", "signal, one processor", "4 KiB", "WHAT SUITS", "BECAUSE"]
    {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    assert!(!text.contains("fifo") && !text.contains("tcp"), "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal:\n{text}");
}

#[test]
fn json_and_page_are_written_beside_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("bench.json");
    let page = folder.path().join("bench.html");
    let output = run(&[
        "--quick",
        "--only",
        SOME,
        "--json",
        json.to_str().unwrap(),
        "--html",
        page.to_str().unwrap(),
    ]);
    assert!(out(&output).contains("MECHANISM"));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert!(
        report["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["name"] == "pipe"))
    );
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<svg") && page.contains("unix-seqpacket"));
    for outside in ["<script", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "the page needs {outside}");
    }
}

#[test]
fn one_processor_leaves_out_polled_mechanisms() {
    // `taskset` is part of util-linux, which every system has.
    let output = Command::new("taskset")
        .args(["-c", "0", env!("CARGO_BIN_EXE_ringway")])
        .args(["bench", "--quick", "--only", "ring,pipe", "--json", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(report["processors"], 1);
    assert!(
        rows.iter().all(|row| row["name"] == "pipe" && row["place"] == "one-processor"),
        "{report}"
    );
    assert_eq!(rows.len(), 1);
}

#[test]
fn unwritable_file_is_reported_in_one_line() {
    let output =
        bench(&["--quick", "--only", "pipe", "--html", "/nonexistent/page.html"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("/nonexistent/page.html"), "{told}");
}

#[test]
fn unknown_mechanism_error_lists_the_known_ones() {
    let output = bench(&["--only", "pigeon"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("pigeon") && told.contains("unix-stream"), "{told}");
}
