//! The tour's row of a firmware, as a user with QEMU runs it.
//!
//! A missing QEMU or toolchain fails the test.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Builds an image of `tests/firmware` as the tour's help says.
fn image(target: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/firmware");
    let mut build = Command::new("../bare");
    build.args([target, "build", "--locked", "--release", "--bin", "uart_link"]);
    build.args(["--message-format", "json-render-diagnostics"]).current_dir(folder);
    for inherited in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"] {
        build.env_remove(inherited);
    }
    let output = build.output().expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo tells where the image is")
}

fn tour(image: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.args(["tour", "--json", "--deadline", "200", "--firmware"]).arg(image);
    command
}

/// The only row of the report.
fn row(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(1), "{report:#}");
    report["rows"][0].clone()
}

fn is_verified_by(target: &str, processor: &str) {
    let place = tempfile::tempdir().unwrap();
    let input = place.path().join("input");
    let bytes: Vec<u8> =
        (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    fs::write(&input, bytes).unwrap();
    let output = tour(&image(target)).arg("--input").arg(input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let row = row(&output);
    assert_eq!(row["name"], "firmware-serial");
    assert_eq!(row["verified"], true, "{row:#}");
    assert_eq!(row["bytes"], 20_000);
    assert!(row["what"].as_str().unwrap().contains(processor), "{row:#}");
}

#[test]
fn cortex_m0_firmware_echoes_the_input() {
    is_verified_by("thumbv6m-none-eabi", "Cortex-M0");
}

#[test]
fn risc_v_firmware_echoes_the_input() {
    is_verified_by("riscv32imc-unknown-none-elf", "RISC-V");
}

#[test]
fn missing_image_or_qemu_error_says_how_to_get_it() {
    let place = tempfile::tempdir().unwrap();
    let error = |output: &Output| row(output)["error"].as_str().unwrap_or_default().to_owned();

    let missing = tour(&place.path().join("none")).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(error(&missing).contains("--bin uart_link"), "{}", error(&missing));

    let other = place.path().join("other");
    fs::write(&other, "not an image, but long enough to be one").unwrap();
    let other = tour(&other).output().unwrap();
    assert!(error(&other).contains("no image for a 32-bit"), "{}", error(&other));

    let image = image("thumbv6m-none-eabi");
    let no_emulator = tour(&image).env("PATH", place.path()).output().unwrap();
    assert!(error(&no_emulator).contains("Debian's package qemu-system-arm"), "{no_emulator:?}");
}
