//! Pipes: anonymous ones, to a child and to a thread, and a named one between two processes that share only its path.

use super::row::{FarEnd, Mechanism, Outcome, PIECE, Row, pour};
use crate::digest::Intake;
use crate::failure::{Doing, Failure, Result};
use crate::task;
use ringway::fd;
use ringway::fifo::Fifo;
use ringway::pipe::{self, pipe};
use std::io;

/// An anonymous pipe from a parent to its child.
pub struct Pipe;

impl Mechanism for Pipe {
    fn name(&self) -> &'static str {
        "pipe"
    }

    fn title(&self) -> &'static str {
        "anonymous pipe between a parent and its child"
    }

    fn between(&self) -> &'static str {
        "parent → child"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (reader, writer) = pipe()?;
        row.doing("starting the child");
        let mut child = row.start_peer_on("the child", &[], reader)?;
        row.doing("writing into the pipe");
        let sent = pour(input, PIECE, |piece| Ok(writer.write_all(piece)?));
        child.blame(sent)?;
        drop(writer);
        row.doing("waiting for the child's report");
        let outcome = child.outcome()?;
        child.finish()?;
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, _args: &[String]) -> Result<()> {
        let reader = pipe::Reader::try_from(fd::duplicate(io::stdin())?)?;
        let receipt = Intake::new().read_all(reader).doing("read from the pipe")?;
        far.done("the child's stdin, to end of file", receipt);
        Ok(())
    }
}

/// An anonymous pipe between two threads of one process.
pub struct PipeThreads;

impl Mechanism for PipeThreads {
    fn name(&self) -> &'static str {
        "pipe-threads"
    }

    fn title(&self) -> &'static str {
        "anonymous pipe between two threads"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (reader, writer) = pipe()?;
        let far = task::start(move || Intake::new().read_all(reader))?;
        row.doing("writing into the pipe");
        pour(input, PIECE, |piece| Ok(writer.write_all(piece)?))?;
        let size = writer.size()?;
        drop(writer);
        row.doing("waiting for the reader's report");
        let read = far.join().map_err(|_| Failure::new("the reader panicked"))?;
        Ok(Outcome {
            what: format!("{} KiB in the kernel, to the end", size >> 10),
            receipt: read.doing("read from the pipe")?,
        })
    }
}

/// A named pipe between two processes that know nothing of each other but a path.
pub struct NamedPipe;

impl Mechanism for NamedPipe {
    fn name(&self) -> &'static str {
        "fifo"
    }

    fn title(&self) -> &'static str {
        "named pipe between two processes that share only its path"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let path = "meet";
        let _fifo = Fifo::create(path, 0o600)?;
        row.doing("starting the two processes");
        let mut reader = row.start_peer("the reader", &["read", path])?;
        let mut writer =
            row.start_peer_on("the writer", &["write", path], row.input()?.into_inner())?;
        row.doing("waiting for the writer's report");
        let sent = writer.sent()?;
        row.doing("waiting for the reader's report");
        let outcome = reader.outcome()?;
        if outcome.receipt.bytes != sent {
            let got = outcome.receipt.bytes;
            return Err(Failure::new(format!(
                "the reader got {got} bytes, the writer sent {sent}"
            )));
        }
        writer.finish()?;
        reader.finish()?;
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        match args {
            [role, path] if role == "read" => {
                let reader = Fifo::open(path)?.open_reader()?;
                let receipt = Intake::new().read_all(reader).doing("read from the named pipe")?;
                far.done("the two opens met at the path", receipt);
                Ok(())
            }
            [role, path] if role == "write" => {
                let writer = Fifo::open(path)?.open_writer()?;
                far.sent(pour(io::stdin(), PIECE, |piece| Ok(writer.write_all(piece)?))?);
                Ok(())
            }
            _ => Err(Failure::new("neither a reader nor a writer")),
        }
    }
}
