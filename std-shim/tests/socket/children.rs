//! Child processes: this test program again, with one test to run and a role in it.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const ROLE: &str = "RINGWAY_TEST_ROLE";
const ARGUMENT: &str = "RINGWAY_TEST_ARGUMENT";

/// The role of this process, if it is a child.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The argument that the parent gave the child.
pub fn argument() -> String {
    std::env::var(ARGUMENT).unwrap()
}

/// A child process that ends with the test.
pub struct Process(Child);

/// Runs `test` as a process of its own. Its path in this program is like `"streams::name"`.
pub fn start(test: &str, role: &str, argument: &str) -> Process {
    start_with(test, role, argument, Stdio::null())
}

/// Does what [`start`] does, with a descriptor for the standard input.
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

    /// Sends `SIGKILL`, and waits for the end.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for the end, and fails if it does not come in time.
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

/// Ends a child that has done its part, because it must not run on as a test.
pub fn done() -> ! {
    std::process::exit(0)
}

/// The descriptors that this process has open, each as `NUMBER -> WHAT`.
pub fn open_descriptors() -> Vec<String> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        let what = std::fs::read_link(&path).unwrap();
        // Leaves out the listing itself.
        if !what.ends_with("fd") {
            open.push(format!("{} -> {}", path.display(), what.display()));
        }
    }
    open.sort();
    open
}

/// Limits how many descriptors this process may open.
pub fn limit_descriptors(most: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is an initialised local variable that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
