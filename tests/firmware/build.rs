//! Puts the target's memory map where the linker looks for it.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let target = env::var("TARGET").unwrap();
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let mut parts = vec![format!("memory/{target}.x")];
    if env::var_os("CARGO_FEATURE_TWO_CORES").is_some() {
        parts.push("memory/two-cores.x".into());
    }
    let mut map = String::new();
    for part in parts {
        map += &fs::read_to_string(&part).unwrap_or_else(|error| panic!("{part}: {error}"));
        println!("cargo::rerun-if-changed={part}");
    }
    fs::write(out.join("memory.x"), map).unwrap();
    println!("cargo::rustc-link-search={}", out.display());
    if env::var_os("CARGO_FEATURE_FRAMEWORKS").is_some() {
        println!("cargo::rustc-link-arg-examples=-Tdefmt.x");
    }
}
