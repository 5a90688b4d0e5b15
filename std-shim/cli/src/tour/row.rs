//! One row of the tour: a mechanism, its two sides, and what they report.

use super::peer::Peer;
use crate::digest::Receipt;
use crate::failure::{Doing, Failure, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, Read, Take, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// One row of the tour. This side sends the input; the far end, a process or a thread, takes it in.
pub trait Mechanism: Sync {
    /// The name for `--only`.
    fn name(&self) -> &'static str;

    /// What it is, in the field's words.
    fn title(&self) -> &'static str;

    /// Who sends to whom.
    fn between(&self) -> &'static str;

    /// How much of the input is sent at most, where the whole would take too long.
    fn limit(&self) -> Option<u64> {
        None
    }

    /// Sends the input and returns what the far end made of it. Runs in a process of its own.
    fn run(&self, row: &Row) -> Result<Outcome>;

    /// The far end, for a mechanism that starts processes: `args` are what [`Row::start_peer`] was given.
    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let _ = far;
        Err(Failure::new(format!(
            "'{}' has no part for a process of its own: {args:?}",
            self.name()
        )))
    }
}

/// What a row came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// What happened, in a few words.
    pub what: String,
    /// What arrived, by the far end's own account.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// What a process of the tour tells the one that started it: one line of JSON each on its standard output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// What it is about to do, so that a hang has a name.
    Doing(String),
    /// It can be reached now: under this address.
    Ready(String),
    /// It sent everything, and has nothing to receive.
    Sent(u64),
    /// It is done.
    Done(Outcome),
    /// It gave up, and why.
    Failed(String),
}

/// What a row has at hand on its own side. The working directory is the row's own: what it makes there is removed
/// with it.
#[derive(Debug)]
pub struct Row {
    /// Which mechanism it is.
    pub name: &'static str,
    /// Where the input lies.
    pub input: PathBuf,
    /// How much of it is sent at most.
    pub limit: Option<u64>,
    /// The image of a firmware, where one was named.
    pub firmware: Option<PathBuf>,
}

impl Row {
    /// The input, opened; ends at the row's limit.
    pub fn input(&self) -> Result<Take<File>> {
        open(&self.input, self.limit)
    }

    /// Says what is about to happen, so that a hang has a name.
    pub fn doing(&self, what: &str) {
        say(&Says::Doing(what.to_string()));
    }

    /// Starts the far end as a process of its own. `label` is what errors call it.
    pub fn start_peer(&self, label: &'static str, args: &[&str]) -> Result<Peer> {
        Peer::start(self.name, label, args, Stdio::piped())
    }

    /// The same, with `stdin` as its standard input.
    pub fn start_peer_on(
        &self,
        label: &'static str,
        args: &[&str],
        stdin: impl Into<Stdio>,
    ) -> Result<Peer> {
        Peer::start(self.name, label, args, stdin.into())
    }
}

/// What the far end has at hand when it is a process of its own.
#[derive(Debug)]
pub struct FarEnd;

impl FarEnd {
    /// Says that this process can be reached, under `address`.
    pub fn ready(&self, address: &str) {
        say(&Says::Ready(address.to_string()));
    }

    /// Reports what arrived.
    pub fn done(&self, what: impl Into<String>, receipt: Receipt) {
        say(&Says::Done(Outcome { what: what.into(), receipt }));
    }

    /// The one argument that the row gave.
    pub fn argument<'a>(&self, args: &'a [String]) -> Result<&'a str> {
        args.first().map(String::as_str).ok_or_else(|| Failure::new("an argument is missing"))
    }

    /// Reports that everything was sent.
    pub fn sent(&self, bytes: u64) {
        say(&Says::Sent(bytes));
    }
}

/// A file of which at most `limit` bytes are read.
pub fn open(path: &Path, limit: Option<u64>) -> Result<Take<File>> {
    let file = File::open(path).doing(format_args!("open the input {}", path.display()))?;
    Ok(file.take(limit.unwrap_or(u64::MAX)))
}

/// Sends everything that `input` has, a piece at a time, and returns how much it was.
pub fn pour(
    mut input: impl Read,
    piece: usize,
    mut send: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut buffer = vec![0; piece];
    let mut sent = 0;
    loop {
        let n = match input.read(&mut buffer) {
            Ok(0) => return Ok(sent),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).doing("read the input"),
        };
        send(&buffer[..n])?;
        sent += n as u64;
    }
}

/// Sends everything that `input` has as messages of many sizes up to `largest`, so that a bound that gets lost is noticed;
/// returns how many.
pub fn pour_messages(
    mut input: impl Read,
    largest: usize,
    mut send: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut messages = 0;
    for size in (1..=largest).rev().step_by(997).cycle() {
        let n = pour((&mut input).take(size as u64), size, |message| {
            messages += 1;
            send(message)
        })?;
        if n == 0 {
            break;
        }
    }
    Ok(messages)
}

/// The outcome of a far end that told how many messages arrived, which must be all.
pub fn counted(mut outcome: Outcome, messages: u64) -> Result<Outcome> {
    if outcome.what != messages.to_string() {
        let got = outcome.what;
        return Err(Failure::new(format!("{got} messages arrived of {messages}")));
    }
    outcome.what = format!("{messages} messages, each kept whole");
    Ok(outcome)
}

/// An error in its own words.
pub fn told(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// How much is handed to a byte stream at once: what a pipe holds.
pub const PIECE: usize = 64 << 10;

/// One line to the process that started this one. Should it be gone, there is nobody left to tell.
pub fn say(says: &Says) {
    let mut out = io::stdout().lock();
    if let Ok(line) = serde_json::to_string(says) {
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// The next thing that a process of the tour tells; `None` when it ended.
pub fn hear(from: &mut impl BufRead) -> Option<Says> {
    let mut line = String::new();
    match from.read_line(&mut line) {
        Ok(n) if n > 0 => Some(
            serde_json::from_str(&line)
                .unwrap_or_else(|_| Says::Failed(format!("said what nobody understands: {line}"))),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let receipt = Receipt { bytes: 3, seconds: 0.5, sha256: "ab".to_string() };
        let outcome = Outcome { what: "went\nwell".to_string(), receipt };
        let line = serde_json::to_string(&Says::Done(outcome)).unwrap() + "\n";
        let mut from = line.as_bytes();
        let Some(Says::Done(heard)) = hear(&mut from) else { panic!("{line}") };
        assert_eq!((heard.what.as_str(), heard.receipt.bytes), ("went\nwell", 3));
        assert!(hear(&mut from).is_none());
    }

    #[test]
    fn everything_is_poured_up_to_the_limit() {
        let mut seen = Vec::new();
        let input = (&b"0123456789"[..]).take(7);
        let sent = pour(input, 3, |piece| {
            seen.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!(sent.unwrap(), 7);
        assert_eq!(seen, b"0123456");
    }
}
