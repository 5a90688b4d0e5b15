//! The page `docs/model-checking.md` is followed in the crate `tests/recorder`: the excerpts are in
//! its files, the commands run, and print what the page says. With a fault, the explorers fail.

use ringway_tests::figures::{page, root};
use ringway_tests::page::{Block, blocks, file, forget_flags};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PAGE: &str = "docs/model-checking.md";

fn recorder() -> PathBuf {
    root().join("tests/recorder")
}

/// Runs a line of a block for the shell in the crate; returns whether it succeeded, and what it
/// printed.
///
/// What is built goes where the other tests have it, and the versions are those of the lock file.
fn run(line: &str) -> (bool, String) {
    let target = root().join("target");
    let target = target.to_str().expect("UTF-8");
    let line = if line.contains("--target-dir target") {
        line.replace("--target-dir target", &format!("--locked --target-dir {target}"))
    } else {
        line.replace("cargo test", &format!("cargo test --locked --target-dir {target}"))
    };
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(recorder());
    // Without colours. The flags, the bounds and the seeds are those of the page.
    forget_flags(&mut bash).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("LOOM_") || text.starts_with("SHUTTLE_") {
            bash.env_remove(&name);
        }
    }
    let output = bash.output().expect("bash runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_page_shows_the_files_of_the_crate() {
    let page = page(PAGE);
    let mut seen = Vec::new();
    for Block { title, language, content } in blocks(&page) {
        if let Some(path) = file(title) {
            let text = fs::read_to_string(root().join(path)).expect("the crate has the file");
            assert!(text.contains(content), "{path} has other lines than the page:\n{content}");
            seen.push(path);
        } else {
            assert!(["sh", "text"].contains(&language), "a block of no file:\n{content}");
        }
    }
    let files = [
        "Cargo.toml",
        ".cargo/config.toml",
        "src/lib.rs",
        "tests/explorer/mod.rs",
        "tests/models.rs",
    ];
    let files = files.map(|path| format!("tests/recorder/{path}"));
    assert_eq!(seen, files);
}

#[test]
fn the_commands_do_what_the_page_says() {
    let page = page(PAGE);
    let (mut ran, mut failed) = (0, 0);
    let mut outputs = Vec::new();
    // What an earlier run left.
    let checkpoint = recorder().join("failing.json");
    let _ = fs::remove_file(&checkpoint);
    for Block { language, content, .. } in blocks(&page) {
        match language {
            "sh" => {
                outputs.clear();
                for line in content.lines().filter(|line| !line.starts_with("rm ")) {
                    let (success, output) = run(line);
                    let has_fault = line.contains("--features");
                    assert_eq!(success, !has_fault, "{line}:\n{output}");
                    (ran, failed) = (ran + 1, failed + usize::from(has_fault));
                    outputs.push(output);
                }
            }
            "text" => {
                // A failure that is looked at takes several commands: the last one tells.
                let is_each = content.starts_with("test ") || content.starts_with("assertion");
                let which = if is_each { 0 } else { outputs.len() - 1 };
                for output in &outputs[which..] {
                    for line in content.lines() {
                        assert!(output.contains(line), "not printed: {line}\n{output}");
                    }
                }
            }
            _ => {}
        }
    }
    fs::remove_file(checkpoint).expect("loom wrote its file");
    println!("evidence: models: code of a user: {ran} runs, {failed} with a fault that was found");
    assert_eq!((ran, failed), (9, 6));
}

#[test]
fn shuttle_sees_no_weak_ordering() {
    let (success, output) = run(
        "RUSTFLAGS=\"--cfg loom --cfg shuttle\" cargo test --release --target-dir target/shuttle \
         --features relaxed-end",
    );
    assert!(success, "the page says that only loom finds this fault:\n{output}");
}
