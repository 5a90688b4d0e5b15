//! Runs a scene in a process of its own, after the system was made as it shall be.

use super::conditions::Arrangement;
use crate::faults::scenes::{DONE, Scene, TOLD, perform, region_name};
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How a scene ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Works,
    /// With this error.
    Told(String),
    /// With a panic, a signal, a wrong result, or not at all.
    Failed(String),
}

/// The longest that a scene may take.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(scene: &Scene, arrange: &Arrangement) -> End {
    let folder = tempfile::Builder::new().prefix("ringway-systems-").tempdir().expect("a folder");
    let mut said = tempfile::tempfile().expect("a file");
    // SAFETY: this process has one thread.
    let pid = match unsafe { libc::fork() } {
        0 => perform(said.as_raw_fd(), || {
            arrange().unwrap_or_else(|error| panic!("{error}"));
            (scene.run)(folder.path())
        }),
        pid => pid,
    };
    assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
    let status = wait(pid);
    // SAFETY: no pointer is passed. The group is the one that the child made; it may be empty.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
    // Where the scene could not remove its region, there is one.
    for name in [region_name(pid), region_name(1)] {
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(name));
    }
    let mut text = String::new();
    said.rewind().and_then(|()| said.read_to_string(&mut text)).expect("what it said");
    let last = text.lines().last().unwrap_or_default();
    match status {
        None => End::Failed(format!("it hung: {last}")),
        Some(status) if libc::WIFSIGNALED(status) => {
            End::Failed(format!("ended by signal {}: {last}", libc::WTERMSIG(status)))
        }
        Some(status) => match libc::WEXITSTATUS(status) {
            DONE => End::Works,
            TOLD => End::Told(without_names(last, pid, folder.path())),
            code => End::Failed(format!("exit status {code}: {text}")),
        },
    }
}

/// Waits for the end of a child; `None` when it takes too long, after which it was killed.
fn wait(pid: libc::pid_t) -> Option<i32> {
    let late = Instant::now() + LIMIT;
    let mut status = 0;
    loop {
        // SAFETY: a child of this process, and a place for its status.
        if unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == pid {
            return Some(status);
        }
        if Instant::now() > late {
            // SAFETY: the call takes numbers, and the child was not waited for yet.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            // SAFETY: a child of this process, and a place for its status.
            unsafe { libc::waitpid(pid, &mut status, 0) };
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The text without what differs from run to run.
fn without_names(text: &str, pid: libc::pid_t, folder: &Path) -> String {
    let text = text.replace(&region_name(pid), "NAME").replace(&region_name(1), "NAME");
    let text = text.replace(&folder.display().to_string(), "FOLDER");
    let mut words: Vec<&str> = text.split(' ').collect();
    for at in 1..words.len() {
        let number = words[at].trim_end_matches(':');
        if ["process", "descriptor"].contains(&words[at - 1]) && number.parse::<u32>().is_ok() {
            words[at] = if words[at].ends_with(':') { "N:" } else { "N" };
        }
    }
    words.join(" ")
}
