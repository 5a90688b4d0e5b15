//! Real processes: this test program again, with one test to run and a role in it.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const ROLE: &str = "RINGWAY_TEST_ROLE";
const ARGUMENT: &str = "RINGWAY_TEST_ARGUMENT";

/// The role of this process, if it is a child.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// What the parent told the child.
pub fn argument() -> String {
    std::env::var(ARGUMENT).unwrap()
}

/// A process that ends with the test.
pub struct Process(Child);

/// Runs `test` (its path in this program, `"streams::name"`) as a process of its own.
pub fn start(test: &str, role: &str, argument: &str) -> Process {
    start_with(test, role, argument, Stdio::null())
}

/// [`start`] with a descriptor for its standard input.
pub fn start_with_input(test: &str, role: &str, input: OwnedFd) -> Process {
    start_with(test, role, "", Stdio::from(input))
}

fn start_with(test: &str, role: &str, argument: &str, input: Stdio) -> Process {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(ARGUMENT, argument)
        .stdin(input)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Process(child)
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// `SIGKILL`, and takes note of the end.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end, which has to come.
    pub fn wait(&mut self) -> ExitStatus {
        let late = crate::eventually();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(std::time::Instant::now() < late, "the child does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a child does when its part is played: it must not run on as a test.
pub fn done() -> ! {
    std::process::exit(0)
}

/// What this process has open, each as `NUMBER -> WHAT`.
pub fn open_descriptors() -> Vec<String> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        let what = std::fs::read_link(&path).unwrap();
        // All but the listing itself.
        if !what.ends_with("fd") {
            open.push(format!("{} -> {}", path.display(), what.display()));
        }
    }
    open.sort();
    open
}

/// This process may open so many descriptors and no more.
pub fn limit_descriptors(most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the limit is a valid structure that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
