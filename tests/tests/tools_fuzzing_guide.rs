//! The project of `docs/fuzzing.md` is made as the page says, word for word. Its checks pass on
//! stable Rust, its targets run under libFuzzer, and both notice the fault that the page suggests.
//!
//! Where the page calls cargo-fuzz, this passes to cargo what cargo-fuzz passes, as `fuzz/run`
//! does: so no nightly toolchain is needed. Without a C++ compiler, this fails.

use ringway_tests::figures::{page, root};
use ringway_tests::page::{Block, blocks, file, forget_flags, write_file};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project, as the reader has it.
struct Project {
    /// Where the paths on the page begin.
    place: PathBuf,
    /// Where the commands run.
    folder: PathBuf,
    /// The targets that the page runs.
    targets: Vec<String>,
    /// How often the page tests the project.
    tested: usize,
}

impl Project {
    fn begin(place: &Path) -> Project {
        symlink(root(), place.join("ringway")).expect("a link can be made");
        let [place, folder] = [place.to_owned(), place.to_owned()];
        Project { place, folder, targets: Vec::new(), tested: 0 }
    }

    fn write(&self, path: &str, content: &str) {
        write_file(&self.place, path, content);
    }

    /// cargo in this project, with what other projects have built already.
    fn cargo(&self, folder: &str, built: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        forget_flags(&mut cargo).env("CARGO_TARGET_DIR", root().join(built));
        cargo.current_dir(self.folder.join(folder));
        cargo
    }

    fn test(&self) -> Output {
        self.cargo("", "target").args(["test", "--quiet"]).output().expect("cargo runs")
    }

    /// Builds and runs a target on this many inputs at most.
    fn fuzz(&self, target: &str, runs: u32) -> Output {
        const FLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
            -Ccodegen-units=1 -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares";
        let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
        let version = String::from_utf8(rustc.stdout).expect("UTF-8");
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
        let mut cargo = self.cargo("fuzz", "fuzz/target");
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS);
        cargo.args(["run", "--quiet", "--release", "--target", host, "--bin", target, "--"]);
        let output = cargo.arg(format!("-runs={runs}")).arg("-timeout=60").output();
        output.expect("cargo runs")
    }

    /// Does what a line of a block for the shell says.
    fn run(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["cargo", "new", "--lib", name] => {
                let new = self.cargo("", "target").args(["new", "--lib", name]).output();
                assert!(new.expect("cargo runs").status.success(), "{line}");
            }
            ["cd", name] => self.folder.push(name),
            ["cargo", "test"] => {
                succeeded(line, &self.test());
                self.tested += 1;
            }
            ["cargo", "+nightly", "fuzz", "run", target, "--", "-max_total_time=60"] => {
                const RUNS: u32 = 20_000;
                succeeded(line, &self.fuzz(target, RUNS));
                println!("evidence: fuzz: the guide's {target}: {RUNS} executions, 0 failures");
                self.targets.push(target.to_owned());
            }
            _ => panic!("the page says {line:?}, which this test does not know"),
        }
    }
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

#[track_caller]
fn succeeded(line: &str, output: &Output) {
    assert!(output.status.success(), "{line}: {}", text(output));
}

#[test]
fn the_project_of_the_page_is_fuzzed() {
    let page = page("docs/fuzzing.md");
    let place = tempfile::tempdir().expect("a folder can be made");
    let mut project = Project::begin(place.path());
    for Block { title, language, content } in blocks(&page) {
        match file(title) {
            Some(path) => project.write(path, content),
            None => {
                assert_eq!(language, "sh", "a block that is neither a file nor for the shell");
                content.lines().for_each(|line| project.run(line));
            }
        }
    }
    assert_eq!(
        (project.tested, &project.targets[..]),
        (1, &["store", "hostile"].map(String::from)[..])
    );

    // The fault that the page suggests.
    let condition = "if value.len() <= MAX_VALUE";
    assert!(page.contains(&format!("`{condition}`")), "the page says which");
    let code = fs::read_to_string(project.place.join("shop/src/lib.rs")).expect("a file");
    assert_eq!(code.matches(condition).count(), 1);
    project.write("shop/src/lib.rs", &code.replace(condition, ""));
    let output = project.test();
    assert!(!output.status.success(), "the tests do not notice it");
    for name in ["the_store_answers_as_a_map", "a_hostile_peer_stops_nobody"] {
        assert!(text(&output).contains(name), "{name} does not notice it: {}", text(&output));
    }
    for target in &project.targets {
        let output = project.fuzz(target, 2_000_000);
        assert!(!output.status.success(), "{target} does not notice it");
        assert!(text(&output).contains("panicked at"), "another fault: {}", text(&output));
    }
}
