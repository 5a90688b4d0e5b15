//! A process begun in a function of this program, and a connection to it.

use super::row::{Mechanism, Outcome, Row, counted, pour_messages, told};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use ringway::connection::{self, Connection};
use ringway::process::{self, Entry, EntryArgs};

/// Where the child begins.
pub const RECEIVER: Entry = Entry::new("tour-receiver", receive);

/// How large the largest message is.
const LARGEST: usize = 200 << 10;

/// A spawned process, and messages to it and from it.
pub struct Spawned;

impl Mechanism for Spawned {
    fn name(&self) -> &'static str {
        "process-pipe"
    }

    fn title(&self) -> &'static str {
        "connection to a process that begins in a function, both ways"
    }

    fn between(&self) -> &'static str {
        "parent ↔ child"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (ours, theirs) = connection::pair()?;
        row.doing("spawning the child");
        let child = process::spawn(&RECEIVER, b"", vec![theirs.into()])?;
        row.doing("sending messages");
        let sent = pour_messages(input, LARGEST, |message| Ok(ours.send(message)?));
        // An empty message is the end: this end stays open for the answer.
        let messages = sent.and_then(|messages| {
            ours.send(b"")?;
            Ok(messages)
        })?;
        row.doing("waiting for the child's answer");
        let mut answer = Vec::new();
        ours.recv(&mut answer)?;
        let exit = child.join()?;
        if !exit.success() {
            return Err(Failure::new(format!("the child ended badly: {exit}")));
        }
        let outcome = serde_json::from_slice(&answer).map_err(told)?;
        counted(outcome, messages)
    }
}

fn receive(mut given: EntryArgs) -> process::EntryResult {
    let connection = given.descriptors.pop().ok_or("the connection is missing")?;
    let connection = Connection::try_from(connection)?;
    let mut intake = Intake::new();
    let mut message = Vec::new();
    let mut messages = 0u64;
    loop {
        connection.recv(&mut message)?;
        if message.is_empty() {
            break;
        }
        intake.take(&message);
        messages += 1;
    }
    let outcome = Outcome { what: messages.to_string(), receipt: intake.finish() };
    Ok(connection.send(&serde_json::to_vec(&outcome)?)?)
}
