//! Python's `multiprocessing` as a peer.

use crate::measure::Found;
use std::process::Command;

/// Runs `python/peers.py`; without Python the entrant is left out, and the report says so.
pub fn peer(measure: &str, kind: &str, size: usize) -> Found {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peers.py");
    let output = Command::new("python3")
        .args([script, measure, kind, &size.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("python3 does not run: {error}"));
    let told = String::from_utf8_lossy(&output.stdout);
    let value: f64 = told.trim().parse().unwrap_or_else(|_| {
        panic!("python3: {}", String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("?"))
    });
    match measure {
        "trip" => vec![("mean", value), ("p50", value)],
        _ => vec![("rate", value), ("bytes", value * size as f64)],
    }
}
