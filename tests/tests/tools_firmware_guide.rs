//! The way from an empty project to firmware, as `docs/firmware.md` shows it, is followed word for
//! word: the files are written, the commands run, and QEMU prints what the page says. A missing
//! QEMU or toolchain is a failure.
//!
//! The page's table of costs is that of the golden file.

use ringway_tests::figures::{page, root};
use ringway_tests::page::{Block, blocks, file, forget_flags, write_file};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The heading of the part of the page that is followed.
const GUIDE: &str = "## From an empty project to a ring between an interrupt and main\n";

const PAGE: &str = "docs/firmware.md";

/// The project, as the reader has it.
struct Project {
    folder: PathBuf,
    /// What the last command printed.
    printed: Option<String>,
}

impl Project {
    fn begin(place: &Path) -> Project {
        symlink(root(), place.join("ringway")).expect("a link can be made");
        Project { folder: place.to_owned(), printed: None }
    }

    /// The target that the project's configuration names.
    fn target(&self) -> String {
        let config = fs::read_to_string(self.folder.join(".cargo/config.toml")).expect("a file");
        let target = config.lines().find_map(|line| line.strip_prefix("target = \""));
        target.and_then(|rest| rest.strip_suffix('"')).expect("it names a target").to_owned()
    }

    /// cargo, with these arguments, for the project's target.
    fn cargo(&self, arguments: &str) -> Output {
        let mut cargo = Command::new(root().join("tests/bare"));
        cargo.arg(self.target()).args(arguments.split(' ')).current_dir(&self.folder);
        // The toolchain is the project's own, too.
        forget_flags(&mut cargo).env_remove("RUSTC").output().expect("bash runs")
    }

    fn write(&self, path: &str, content: &str) {
        write_file(&self.folder, path, content);
    }

    /// Does what a line of a block for the shell says.
    fn run(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            // What is not there, tests/bare builds.
            ["rustup", "target", "add", _] => {}
            ["cargo", "init", name] => {
                let mut init = Command::new(env!("CARGO"));
                let output = init.args(["init", name]).current_dir(&self.folder).output();
                assert!(output.expect("cargo runs").status.success(), "{line}");
                // The same versions in every run.
                let lock = root().join("tests/firmware/Cargo.lock");
                fs::copy(lock, self.folder.join(name).join("Cargo.lock")).expect("a copy");
            }
            ["cd", name] => self.folder.push(name),
            ["cargo", "run", "--release"] => {
                let output = self.cargo("run --release");
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}: {complaint}");
                self.printed = Some(String::from_utf8(output.stdout).expect("UTF-8"));
            }
            _ => panic!("the page says {line:?}, which this test does not know"),
        }
    }
}

#[test]
fn an_empty_project_becomes_what_the_page_says() {
    let page = page(PAGE);
    let (_, guide) = page.split_once(GUIDE).expect("the page has this part");
    let guide = guide.split("\n## ").next().unwrap_or_default();

    let place = tempfile::tempdir().expect("a folder can be made");
    let mut project = Project::begin(place.path());
    let mut ran = Vec::new();
    for Block { title, language, content } in blocks(guide) {
        if let Some(path) = file(title) {
            project.write(path, content);
        } else if language == "sh" {
            content.lines().for_each(|line| project.run(line));
        } else {
            let printed = project.printed.take().expect("output follows a command");
            assert_eq!(printed, content, "on {}", project.target());
            ran.push(project.target());
        }
    }
    assert_eq!(ran, ["thumbv7m-none-eabi", "thumbv6m-none-eabi"]);

    // What the page says of a project that forgets the critical section.
    let manifest = fs::read_to_string(project.folder.join("Cargo.toml")).expect("a file");
    let section = ", features = [\"critical-section-single-core\"]";
    assert!(manifest.contains(section), "the project has it");
    project.write("Cargo.toml", &manifest.replace(section, ""));
    let output = project.cargo("build --release");
    let complaint = String::from_utf8_lossy(&output.stderr);
    let says = "undefined symbol: _critical_section_1_0_acquire";
    assert!(guide.contains(says), "the page says so");
    assert!(complaint.contains(says), "another complaint, or none: {complaint}");
}

#[test]
fn the_costs_on_the_page_are_those_of_the_golden() {
    let page = page(PAGE);
    let (_, after) = page.split_once("<!-- printed by: tests/firmware/costs | ").expect("a table");
    let table = blocks(after).into_iter().next().expect("a block follows").content;
    let output = Command::new(root().join("tests/firmware/costs")).output().expect("python3 runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(table, printed, "run `tests/tables docs/firmware.md`");
    assert!(table.lines().count() > 20, "hardly a structure:\n{table}");
}
