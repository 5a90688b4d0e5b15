//! The way back: answers from the far end of the destination go to the source, if it can take them.

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

/// The way back, which runs in its own thread.
///
/// The two directions must not wait for each other: a far end that sends while it receives would
/// stop both.
#[derive(Debug)]
pub struct Back {
    worker: JoinHandle<Outcome>,
    /// Dropping it stops a worker that reads from a serial line, which has no end.
    stop: PipeWriter,
    /// Hangs up when the worker fails.
    failed: PipeReader,
    has_end: bool,
}

/// What happened to the answers.
#[derive(Debug)]
enum Outcome {
    /// There are no more; this number of bytes was thrown away.
    Ended { lost: u64 },
    /// The worker could not read them.
    Unreadable(ringway::Error),
    /// The worker could not write them to their sink.
    Undeliverable(ringway::Error),
}

impl Back {
    /// Starts the way back, if the destination can answer.
    pub fn start(source: &End, destination: &End) -> Result<Option<Self>> {
        if !destination.is_socket() && !destination.is_serial() {
            return Ok(None);
        }
        let to = Sink::of(source)?;
        // Leave unwanted input of a serial port to the system, which throws it away.
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
                // Leak it, so that the other direction sees no hang-up and goes on.
                std::mem::forget(fails);
            } else {
                // In this order: the other direction finds the reason when it fails.
                drop(fails);
                if has_end {
                    // The other direction may be waiting for a far end that waits for us.
                    let _ = rustix::net::shutdown(&from, Shutdown::Both);
                }
            }
            outcome
        })?;
        Ok(Some(Back { worker, stop, failed, has_end }))
    }

    /// A descriptor that hangs up when the way back has failed.
    pub fn failed(&self) -> impl AsFd {
        &self.failed
    }

    /// Waits for the last answer; returns a message if some were lost.
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

    /// After a failure, returns the reason if answers could not be written to their sink.
    pub fn reason(self, source: &Address, destination: &End) -> Option<Failure> {
        // A worker that still runs did not fail; it ends with the program.
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
    /// The source, if it goes both ways.
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
        // An answer that becomes input again would never end.
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
            // A serial line ends by a hang-up; a read reports only that something is wrong.
            Err(_) if is_serial && hung_up(from) => break,
            Err(error) => return Outcome::Unreadable(error),
        };
        let written = match &to {
            Sink::Nothing => Ok(()),
            Sink::Output(sink) | Sink::Source(sink) => fd::write_all(sink, &mut answer, None),
        };
        match (written, &to) {
            (Err(error), Sink::Output(_)) => return Outcome::Undeliverable(error),
            // The source's far end has sent everything, and reads no more.
            (Err(_), _) => to = Sink::Nothing,
            (Ok(()), _) => {}
        }
        if matches!(to, Sink::Nothing) {
            lost += answer.len() as u64;
        }
    }
    if let Sink::Source(to) = &to {
        // Works for a socket only; its far end may be gone already.
        let _ = rustix::net::shutdown(to, Shutdown::Write);
    }
    Outcome::Ended { lost }
}
