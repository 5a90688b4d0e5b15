//! Puts the target's memory map where the linker looks for it.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let target = env::var("TARGET").unwrap();
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let map = format!("memory/{target}.x");
    fs::copy(&map, out.join("memory.x")).unwrap_or_else(|error| panic!("{map}: {error}"));
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed={map}");
    if env::var_os("CARGO_FEATURE_FRAMEWORKS").is_some() {
        println!("cargo::rustc-link-arg-examples=-Tdefmt.x");
    }
}
