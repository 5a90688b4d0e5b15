//! What the far end of the destination answers: to the source, if that can take it.

use super::address::Address;
use super::ends::{End, hung_up, same};
use super::identity::Identity;
use crate::failure::{Doing, Failure, Result};
use crate::{system, task};
use ringway::fd::{self, Interest, WaitSet};
use rustix::net::Shutdown;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

/// The way back, at work in a thread: the two directions must not wait for each other, or a far end
/// that sends while it receives would stop both.
#[derive(Debug)]
pub struct Back {
    worker: JoinHandle<Outcome>,
    /// Dropped to stop a worker that reads from a line which has no end.
    stop: PipeWriter,
    /// Hung up when the worker failed.
    failed: PipeReader,
    has_end: bool,
}

/// What became of the answers.
#[derive(Debug)]
enum Outcome {
    /// There are no more; this number of bytes was thrown away.
    Ended { lost: u64 },
    /// They could not be read.
    Unreadable(ringway::Error),
    /// They could not be written where they were to go.
    Undeliverable(ringway::Error),
}

impl Back {
    /// Begins, if the destination can answer.
    pub fn start(source: &End, destination: &End) -> Result<Option<Self>> {
        if !destination.is_socket() && !destination.is_serial() {
            return Ok(None);
        }
        let to = Sink::of(source)?;
        // What a serial port receives and nobody wants is the system's to throw away, as ever.
        if destination.is_serial() && matches!(to, Sink::Nothing) {
            return Ok(None);
        }
        let pipe = || io::pipe().doing("make a pipe");
        let ((stopped, stop), (failed, fails)) = (pipe()?, pipe()?);
        let from = fd::duplicate(destination)?;
        let has_end = destination.is_socket();
        let worker = task::start(move || {
            let outcome = carry(&from, !has_end, to, &stopped);
            if let Outcome::Ended { .. } = outcome {
                // The other direction does not learn of this, and goes on.
                std::mem::forget(fails);
            } else {
                // In this order: when the other direction fails, it finds the reason.
                drop(fails);
                if has_end {
                    // It may be waiting for a far end that waits for us.
                    let _ = rustix::net::shutdown(&from, Shutdown::Both);
                }
            }
            outcome
        })?;
        Ok(Some(Back { worker, stop, failed, has_end }))
    }

    /// What hangs up when this has failed.
    pub fn failed(&self) -> impl AsFd {
        &self.failed
    }

    /// Waits for the last answer, and says if some were lost.
    pub fn finish(self, source: &Address, destination: &End) -> Result<Option<String>> {
        let Back { worker, stop, has_end, .. } = self;
        if !has_end {
            drop(stop);
        }
        match worker.join() {
            Ok(Outcome::Ended { lost: 0 }) => Ok(None),
            Ok(Outcome::Ended { lost }) => Ok(Some(format!(
                "{destination} answered: {lost} bytes, which {source} did not take, \
                 are thrown away; with - as SRC they are printed"
            ))),
            Ok(Outcome::Unreadable(error)) => Err(destination.incomplete(error)),
            Ok(Outcome::Undeliverable(error)) => Err(undeliverable(source, destination, &error)),
            Err(_) => Err(Failure::new("the way back panicked")),
        }
    }

    /// After a failure: the reason, if it was that answers could not be written where they were to
    /// go.
    pub fn reason(self, source: &Address, destination: &End) -> Option<Failure> {
        // A worker that is at work did not fail, and is left to end with the program.
        if !hung_up(&self.failed) {
            return None;
        }
        match self.worker.join() {
            Ok(Outcome::Undeliverable(error)) => Some(undeliverable(source, destination, &error)),
            _ => None,
        }
    }
}

fn undeliverable(source: &Address, destination: &End, error: &ringway::Error) -> Failure {
    let to = if *source == Address::Stdio { "the standard output" } else { "SRC" };
    Failure::new(format!("what {destination} answered does not reach {to}: {error}"))
}

#[derive(Debug)]
enum Sink {
    Nothing,
    Output(OwnedFd),
    /// The source, where that goes both ways.
    Source(OwnedFd),
}

impl Sink {
    fn of(source: &End) -> Result<Self> {
        if source.is_socket() || source.is_serial() {
            return Ok(Sink::Source(fd::duplicate(source)?));
        }
        let output = io::stdout();
        if *source.address() != Address::Stdio || system::was_closed(output.as_fd()) {
            return Ok(Sink::Nothing);
        }
        // An answer that becomes a question would have no end.
        let identity = Identity::of(source);
        if identity.is_some() && identity == Identity::of(&output) {
            return Err(same(&Address::Stdio, &Address::Stdio));
        }
        Ok(Sink::Output(fd::duplicate(output)?))
    }
}

/// Carries answers until there are no more, or until it is stopped.
fn carry(from: &OwnedFd, is_serial: bool, mut to: Sink, stopped: &PipeReader) -> Outcome {
    let mut buffer = vec![0; 64 << 10];
    let mut lost = 0;
    let mut either = WaitSet::new();
    let stop = either.add(stopped, Interest::HangUp);
    either.add(from, Interest::Read);
    loop {
        match either.wait() {
            Err(error) => return Outcome::Unreadable(error),
            Ok(_) if either.ready().any(|(place, _)| place == stop) => break,
            Ok(_) => {}
        }
        let mut answer = match fd::read(from, &mut buffer) {
            Ok(0) => break,
            Ok(n) => buffer.get(..n).unwrap_or_default(),
            // A line's end is a hang-up, and a read says only that something is wrong.
            Err(_) if is_serial && hung_up(from) => break,
            Err(error) => return Outcome::Unreadable(error),
        };
        let written = match &to {
            Sink::Nothing => Ok(()),
            Sink::Output(sink) | Sink::Source(sink) => fd::write_all(sink, &mut answer, None),
        };
        match (written, &to) {
            (Err(error), Sink::Output(_)) => return Outcome::Undeliverable(error),
            // The source's far end has said what it wanted to say, and listens no more.
            (Err(_), _) => to = Sink::Nothing,
            (Ok(()), _) => {}
        }
        if matches!(to, Sink::Nothing) {
            lost += answer.len() as u64;
        }
    }
    if let Sink::Source(to) = &to {
        // Of a socket. Its far end may be gone already.
        let _ = rustix::net::shutdown(to, Shutdown::Write);
    }
    Outcome::Ended { lost }
}
