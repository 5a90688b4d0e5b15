//! The other end in another process, or in another thread where there is no process.

use super::load::{Load, Sequence, is_end};
use super::{Content, End, Promises, Scene, transports};
use ringway::CoreError;
use ringway_ways::Offer;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The argument that says that this process is a peer.
pub const FLAG: &str = "--peer";

/// How often a thread checks whether it was killed.
const GLANCE: Duration = Duration::from_millis(5);

/// What the peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Sends [`load`] and ends.
    Send,
    /// Receives [`load`], checks it, and the end of file where there is one.
    Receive,
    /// Receives [`load`] and sends it.
    Echo,
    /// Sends pieces of this size until it is killed.
    SendForEver(usize),
    /// Receives until it is killed.
    ReceiveForEver,
}

/// The data that is exchanged with a peer.
pub fn load(promises: &Promises) -> Load {
    match promises.content {
        Content::Bytes => Load::random(7, 300, 60_000, promises),
        Content::Messages { .. } => Load::random(7, 1_000, 2_000, promises),
    }
}

impl Job {
    fn to_text(self) -> String {
        match self {
            Job::Send => "send".into(),
            Job::Receive => "receive".into(),
            Job::Echo => "echo".into(),
            Job::SendForEver(size) => size.to_string(),
            Job::ReceiveForEver => "receive-for-ever".into(),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "send" => Job::Send,
            "receive" => Job::Receive,
            "echo" => Job::Echo,
            "receive-for-ever" => Job::ReceiveForEver,
            size => Job::SendForEver(size.parse().ok()?),
        })
    }

    /// Does the job, until `killed`.
    fn run(self, end: End, promises: &Promises, killed: &AtomicBool) {
        let content = promises.content;
        match self {
            Job::Send => load(promises).send(&mut end.into_tx(), content),
            Job::Receive => {
                let mut rx = end.into_rx();
                load(promises).receive(&mut rx, content);
                if promises.end {
                    let answer = rx.read(&mut [0; 8]);
                    assert!(is_end(&answer, content), "after the last byte: {answer:?}");
                }
            }
            Job::Echo => {
                // It sends and receives at the same time: the two directions together hold less
                // than the load.
                let (mut rx, mut tx) = end.split();
                std::thread::scope(|scope| {
                    scope.spawn(|| load(promises).receive(&mut rx, content));
                    load(promises).send(&mut tx, content);
                });
            }
            Job::SendForEver(size) => send_for_ever(end, size, killed),
            Job::ReceiveForEver => receive_for_ever(end, content, killed),
        }
    }
}

fn send_for_ever(end: End, size: usize, killed: &AtomicBool) {
    let mut tx = end.into_tx();
    let sequence = Sequence::new();
    let (mut at, mut piece) = (0, sequence.take(0, size));
    let mut done = 0;
    while !killed.load(Ordering::SeqCst) {
        match tx.write_deadline(&piece[done..], Instant::now() + GLANCE) {
            Ok(count) => done += count,
            Err(CoreError::TimedOut) => continue,
            Err(error) => panic!("the other end left before it killed this one: {error}"),
        }
        if done == size {
            (at, done) = (at + size, 0);
            sequence.fill(at, &mut piece);
        }
    }
}

fn receive_for_ever(end: End, content: Content, killed: &AtomicBool) {
    let mut rx = end.into_rx();
    let sequence = Sequence::new();
    let mut buf = vec![0; 100_000];
    let mut at = 0;
    while !killed.load(Ordering::SeqCst) {
        let answer = rx.read_deadline(&mut buf, Instant::now() + GLANCE);
        match answer {
            Err(CoreError::TimedOut) => {}
            Ok(count) if !is_end(&answer, content) => {
                sequence.check(at, &buf[..count]);
                at += count;
            }
            other => panic!("the other end left before it killed this one: {other:?}"),
        }
    }
}

/// A peer that does its job.
pub struct Peer(How);

enum How {
    Process(Child),
    Thread { killed: Arc<AtomicBool>, thread: JoinHandle<()> },
}

impl Peer {
    /// Starts a peer and returns the end for this side. The peer is a process where the transport
    /// can reach one.
    pub fn start(scene: &Scene<'_>, job: Job) -> (End, Peer) {
        if scene.promises.processes { process(scene, job) } else { thread(scene, job) }
    }

    /// Ends the peer in the middle of its job: a process with `SIGKILL`, a thread by dropping its
    /// end.
    pub fn kill(self) {
        match self.0 {
            How::Process(mut child) => {
                child.kill().expect("it is our child");
                let status = child.wait().expect("it is our child");
                assert_eq!(status.code(), None, "it ended before it was killed: {status}");
                // An end in C is a child of the peer, and ends with it: this process adopts it.
                while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::empty())
                {
                }
            }
            How::Thread { killed, thread } => {
                killed.store(true, Ordering::SeqCst);
                thread.join().expect("it found everything as it should be");
            }
        }
    }

    /// Waits until the peer has done its job, which must have succeeded.
    pub fn finish(self) {
        match self.0 {
            How::Process(mut child) => {
                let status = child.wait().expect("it is our child");
                assert!(status.success(), "the peer failed: {status}");
            }
            How::Thread { thread, .. } => {
                thread.join().expect("it found everything as it should be");
            }
        }
    }
}

fn process(scene: &Scene<'_>, job: Job) -> (End, Peer) {
    let (mut offer, accept) = scene.transport.way.host(scene.place).expect("it can be made");
    let mut command = Command::new(std::env::current_exe().expect("a program knows its file"));
    command.args([FLAG, scene.transport.name, &job.to_text(), &offer.name]);
    for descriptor in &offer.descriptors {
        let number = ringway::fd::inherit(descriptor, &mut command).expect("one more is free");
        command.arg(number.to_string());
    }
    let child = command.spawn().expect("the test program can be started again");
    // From here on only the child has what was handed over.
    offer.descriptors.clear();
    drop(command);
    (accept().expect("the peer comes").into(), Peer(How::Process(child)))
}

fn thread(scene: &Scene<'_>, job: Job) -> (End, Peer) {
    let (ours, theirs) = scene.pair();
    let killed = Arc::new(AtomicBool::new(false));
    let (seen, promises) = (killed.clone(), scene.promises);
    let thread = std::thread::Builder::new()
        .name("peer".into())
        .spawn(move || job.run(theirs, &promises, &seen))
        .expect("a thread can be started");
    (ours, Peer(How::Thread { killed, thread }))
}

/// What the peer's process does.
pub(super) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().unwrap_or_default();
    let (transport, job, name) = (next(), next(), next());
    let transport = transports().find(|known| known.name == transport);
    let (Some(transport), Some(job)) = (transport, Job::from_text(&job)) else {
        eprintln!("error: this is for the tests themselves: {FLAG} TRANSPORT JOB NAME DESCRIPTOR…");
        return ExitCode::from(2);
    };
    let handed_over = |number: String| {
        let number = number.parse().expect("the number of a descriptor");
        // SAFETY: a peer's process learns once which descriptors it inherited, and nothing else in
        // it knows the numbers, so this is their only owner.
        unsafe { OwnedFd::from_raw_fd(number) }
    };
    let descriptors = arguments.map(handed_over).collect();
    transport.start();
    let end = transport.way.join(Offer { name, descriptors, end: None }).expect("it was offered");
    job.run(end.into(), &transport.promises, &AtomicBool::new(false));
    ExitCode::SUCCESS
}
