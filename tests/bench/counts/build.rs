//! Tells the program which compiler built it: instruction counts depend on that.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("run the compiler");
    println!(
        "cargo::rustc-env=RINGWAY_COUNTS_COMPILER={}",
        String::from_utf8_lossy(&output.stdout).trim()
    );
    println!("cargo::rerun-if-changed=build.rs");
}
