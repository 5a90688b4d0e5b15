//! Two processes on one region, each in C or in Rust, and kills on either side.
//!
//! `peers drive C-PEER` runs every scene, in which each side is one of the two; `peers ROLE KIND
//! REGION` plays a role, as `tests/peer.c` does, which says what each is.

mod languages;
mod roles;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What is sent from one to the other.
const CHANNELS: [&str; 6] = ["ring", "bytes", "messages", "queue", "news", "latest"];
/// What both work under.
const LOCKS: [&str; 6] = ["mutex", "rwlock", "reentrant", "semaphore", "bounded", "barrier"];
/// What a process can hold when it is killed.
const HELD: [&str; 11] = [
    "ring",
    "bytes",
    "messages",
    "queue",
    "news",
    "latest",
    "mutex",
    "rwlock",
    "reentrant",
    "bounded",
    "barrier",
];

/// How long a role may take.
const LIMIT: Duration = Duration::from_secs(100);

struct Driver {
    /// The programs, each with its language.
    sides: [(&'static str, String); 2],
}

/// A region, which its maker keeps.
struct Made {
    maker: Child,
    name: String,
}

impl Drop for Made {
    fn drop(&mut self) {
        drop(self.maker.stdin.take());
        let ended = self.maker.wait().expect("the maker can be waited for");
        assert!(ended.success(), "the maker: {ended}");
    }
}

impl Driver {
    fn start(&self, side: usize, role: &str, kind: &str, region: &str) -> Child {
        let mut command = Command::new(&self.sides[side].1);
        command.args([role, kind, region]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Starts a role that says when it has done its part, and waits for that.
    fn start_ready(&self, side: usize, role: &str, kind: &str, region: &str) -> Child {
        let mut child = self.start(side, role, kind, region);
        let mut line = String::new();
        let said = child.stdout.take().expect("its output is a pipe");
        BufReader::new(said).read_line(&mut line).expect("it can be read");
        assert_eq!(line, "ready\n", "{role} {kind} in {}", self.sides[side].0);
        child
    }

    fn make(&self, side: usize) -> Made {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringway-c-peers-{}-{number}", std::process::id());
        let maker = self.start_ready(side, "make", "all", &name);
        Made { maker, name }
    }

    /// Waits for the end of a role, which must be a good one.
    fn ends(&self, mut child: Child, what: &str) {
        let late = Instant::now() + LIMIT;
        let ended = loop {
            match child.try_wait().expect("a child can be waited for") {
                Some(ended) => break ended,
                None if Instant::now() > late => {
                    let _ = child.kill();
                    panic!("{what}: it hangs");
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        assert!(ended.success(), "{what}: {ended}");
    }

    fn drive(&self) {
        let (mut scenes, mut kills) = (0, 0);
        for maker in 0..2 {
            for (here, there) in [(0, 1), (1, 0)] {
                for kind in CHANNELS.into_iter().chain(["event"]) {
                    let made = self.make(maker);
                    let sender = self.start(here, "send", kind, &made.name);
                    let receiver = self.start(there, "recv", kind, &made.name);
                    self.ends(sender, &format!("{kind}: send in {}", self.sides[here].0));
                    self.ends(receiver, &format!("{kind}: recv in {}", self.sides[there].0));
                    scenes += 1;
                }
                for kind in HELD {
                    let made = self.make(maker);
                    let mut holder = self.start_ready(here, "hold", kind, &made.name);
                    if kind == "barrier" {
                        // It says so just before it waits.
                        std::thread::sleep(Duration::from_millis(500));
                    }
                    holder.kill().expect("a child can be killed");
                    holder.wait().expect("a child can be waited for");
                    let what = format!("{kind}: after a kill in {}", self.sides[here].0);
                    self.ends(self.start(there, "after", kind, &made.name), &what);
                    scenes += 1;
                    kills += 1;
                }
            }
            for kind in LOCKS {
                let made = self.make(maker);
                let both = [0, 1].map(|side| self.start(side, "work", kind, &made.name));
                for child in both {
                    self.ends(child, &format!("{kind}: work"));
                }
                assert_eq!(roles::counted(&made.name), 2 * roles::ROUNDS, "{kind}");
                scenes += 1;
            }
        }
        println!(
            "evidence: c: a process in C and one in Rust on a region: {scenes} scenes, \
             {kills} kills, 0 failures"
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["drive", peer] => {
            let own = std::env::current_exe().expect("a program knows its path");
            let own = own.to_str().expect("the path is a text").to_owned();
            Driver { sides: [("C", (*peer).to_owned()), ("Rust", own)] }.drive();
        }
        ["languages", worker, python, script] => languages::drive(worker, python, script),
        ["worker", region, hold] => {
            let hold = hold.parse().expect("it is the number of a job");
            languages::work(region, hold).expect("nothing fails");
        }
        [role, kind, region] => roles::play(role, kind, region),
        _ => panic!("usage: peers drive C-PEER, peers ROLE KIND REGION, or see `languages`"),
    }
}
