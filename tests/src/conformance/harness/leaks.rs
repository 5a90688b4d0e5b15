//! What a test must not leave behind: descriptors, threads, children, files.

use rustix::io::Errno;
use rustix::process::WaitOptions;
use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::path::Path;
use std::time::{Duration, Instant};

/// The open descriptors of this process, each with what it refers to.
fn descriptors() -> BTreeMap<String, String> {
    let folder = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let mut found = BTreeMap::new();
    for entry in folder {
        let path = entry.expect("an entry can be read").path();
        let number = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let what = std::fs::read_link(&path).unwrap_or_default().display().to_string();
        // This descriptor lists the folder.
        if !what.ends_with("/fd") {
            found.insert(number, what);
        }
    }
    found
}

/// What this process had before a test: descriptors, and threads.
pub struct Before {
    descriptors: BTreeMap<String, String>,
    threads: usize,
}

impl Before {
    /// What it has now.
    pub fn now() -> Self {
        Before { descriptors: descriptors(), threads: threads() }
    }

    /// What it has that it did not have before: descriptors, threads, children.
    pub fn remaining(&self) -> Vec<String> {
        // Threads come first: a thread that ends may have a descriptor open for a moment, while its
        // memory is freed.
        let mut left = Vec::from_iter(self.more_threads());
        let open = descriptors().into_iter();
        let open = open.filter(|(number, what)| self.descriptors.get(number) != Some(what));
        left.extend(open.map(|(number, what)| format!("descriptor {number} ({what})")));
        match rustix::process::wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => {}
            Ok(None) => left.push("a child that runs".into()),
            Ok(Some((pid, status))) => left.push(format!("child {pid:?}, ended with {status:?}")),
            Err(errno) => left.push(format!("perhaps children: {errno}")),
        }
        left
    }

    /// The threads that are new. A thread that was joined may still be in the kernel's list for a
    /// moment.
    fn more_threads(&self) -> Option<String> {
        let patience = Instant::now() + Duration::from_secs(6);
        loop {
            let threads = threads();
            if threads <= self.threads {
                return None;
            }
            if Instant::now() > patience {
                return Some(format!("{} threads", threads - self.threads));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The number of threads, without the helpers that wake tasks: these end by themselves, a second
/// after the last task, which is too long to wait for here.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted").flatten();
    let name = |task: &DirEntry| std::fs::read_to_string(task.path().join("comm"));
    tasks.filter(|task| name(task).is_ok_and(|name| name != "ringway-tasks\n")).count()
}

/// The files in a folder that was empty before.
pub fn files(place: &Path) -> Vec<String> {
    match std::fs::read_dir(place) {
        Err(error) => vec![format!("no folder {}: {error}", place.display())],
        Ok(entries) => entries
            .map(|entry| match entry {
                Ok(entry) => format!("file {}", entry.path().display()),
                Err(error) => format!("a file that cannot be listed: {error}"),
            })
            .collect(),
    }
}
