//! Tests of the suite itself: it notices faults made on purpose.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A fault, and what the report must say.
pub struct Fault {
    pub name: &'static str,
    pub run: fn(&Path),
    pub says: &'static str,
}

/// How long a fault may take. This is less than for a case, since one fault hangs.
pub const LIMIT: Duration = Duration::from_secs(9);

pub static FAULTS: &[Fault] = &[
    Fault { name: "suite::notices_a_hang", run: hang, says: "it hung" },
    Fault { name: "suite::notices_a_panic", run: |_| panic!("on purpose"), says: "on purpose" },
    Fault { name: "suite::notices_a_crash", run: |_| std::process::abort(), says: "signal 6" },
    Fault { name: "suite::notices_a_lost_descriptor", run: descriptor, says: "descriptor" },
    Fault { name: "suite::notices_a_lost_thread", run: thread, says: "1 threads" },
    Fault { name: "suite::notices_a_lost_child", run: child, says: "a child that runs" },
    Fault { name: "suite::notices_a_lost_grandchild", run: grandchild, says: "a child that runs" },
    Fault { name: "suite::notices_a_lost_file", run: file, says: "file " },
    Fault { name: "suite::notices_too_many_descriptors", run: descriptors, says: "code: 24" },
];

fn hang(_: &Path) {
    loop {
        std::thread::park();
    }
}

fn descriptor(_: &Path) {
    std::mem::forget(ringway::pipe::pipe().expect("a pipe can be made"));
}

fn thread(_: &Path) {
    std::thread::spawn(|| hang(Path::new("")));
}

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("1000");
    command
}

fn child(_: &Path) {
    #[allow(clippy::zombie_processes)] // the fault itself: the suite has to end it
    sleeper().spawn().expect("there is a program sleep");
}

/// Its parent is gone when the test ends.
fn grandchild(_: &Path) {
    let status = Command::new("sh").args(["-c", "sleep 1000 & exit 0"]).status();
    assert!(status.expect("there is a shell").success());
}

fn file(place: &Path) {
    std::fs::write(place.join("forgotten"), "").expect("the folder is there");
}

fn descriptors(_: &Path) {
    let files: std::io::Result<Vec<_>> =
        (0..1_000).map(|_| std::fs::File::open("/dev/null")).collect();
    files.map(drop).expect("there are few descriptors");
}
