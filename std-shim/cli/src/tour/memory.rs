//! Pipe, FIFO and socket in memory, between two threads: the same states and errors, without a kernel.

use super::row::{Mechanism, Outcome, PIECE, Row, pour, told};
use crate::digest::{Intake, Receipt};
use crate::failure::{Failure, Result};
use crate::task;
use ringway::wait::PrivateFutex;
use ringway_core::channel::socket::{Network, Shutdown};
use ringway_core::channel::{Error, fifo, pipe};

static PIPE: pipe::Pipe<PIECE, PrivateFutex> = one_way();

/// A pipe in memory.
pub struct Pipe;

impl Mechanism for Pipe {
    fn name(&self) -> &'static str {
        "memory-pipe"
    }

    fn title(&self) -> &'static str {
        "pipe in memory between two threads"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (mut reader, mut writer) = PIPE.open().map_err(told)?;
        let far = task::start(move || take_in(|out| reader.read(out)))?;
        row.doing("writing into the pipe");
        pour(input, PIECE, |piece| writer.write_all(piece).map_err(told))?;
        drop(writer);
        row.doing("waiting for the reader's report");
        let receipt = far.join().map_err(|_| Failure::new("the reader panicked"))??;
        Ok(Outcome { what: "no kernel object, to end of file".to_string(), receipt })
    }
}

static NAMES: fifo::Registry<1, PIECE, PrivateFutex> = fifo::Registry::new();

/// A FIFO in memory: the two threads share its name only.
pub struct Fifo;

impl Mechanism for Fifo {
    fn name(&self) -> &'static str {
        "memory-fifo"
    }

    fn title(&self) -> &'static str {
        "FIFO in memory between two threads that share only its name"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        const NAME: &[u8] = b"meet";
        let input = row.input()?;
        NAMES.create(NAME).map_err(told)?;
        let far = task::start(|| {
            let mut reader = NAMES.open_reader(NAME).map_err(told)?;
            take_in(|out| reader.read(out))
        })?;
        row.doing("opening the FIFO for writing");
        let mut writer = NAMES.open_writer(NAME).map_err(told)?;
        row.doing("writing into the FIFO");
        pour(input, PIECE, |piece| writer.write_all(piece).map_err(told))?;
        drop(writer);
        row.doing("waiting for the reader's report");
        let receipt = far.join().map_err(|_| Failure::new("the reader panicked"))??;
        NAMES.remove(NAME).map_err(told)?;
        Ok(Outcome { what: "the two opens met at the name".to_string(), receipt })
    }
}

const fn one_way() -> pipe::Pipe<PIECE, PrivateFutex> {
    pipe::Pipe::new()
}

static NETWORK: Network<1, 1, PIECE, PrivateFutex> = Network::new();

/// A stream socket in memory: the digest comes back on the same connection, half of which is closed by then.
pub struct Socket;

impl Mechanism for Socket {
    fn name(&self) -> &'static str {
        "memory-socket"
    }

    fn title(&self) -> &'static str {
        "stream socket in memory between two threads"
    }

    fn between(&self) -> &'static str {
        "two threads"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        const PORT: u16 = 7;
        let input = row.input()?;
        let listener = NETWORK.streams().listen(PORT, 1).map_err(told)?;
        let far = task::start(move || -> Result<Receipt> {
            let mut stream = listener.accept().map_err(told)?;
            let receipt = take_in(|out| stream.read(out))?;
            // The sender has closed its half: ours is still open.
            stream.write_all(receipt.sha256.as_bytes()).map_err(told)?;
            Ok(receipt)
        })?;
        row.doing("connecting");
        let mut stream = NETWORK.streams().connect(PORT).map_err(told)?;
        row.doing("writing into the socket");
        pour(input, PIECE, |piece| stream.write_all(piece).map_err(told))?;
        stream.shutdown(Shutdown::Write);
        row.doing("waiting for the digest to come back");
        let mut answer = Vec::new();
        let mut part = [0; 64];
        loop {
            match stream.read(&mut part).map_err(told)? {
                0 => break,
                n => answer.extend_from_slice(&part[..n]),
            }
        }
        let receipt = far.join().map_err(|_| Failure::new("the listener panicked"))??;
        if answer != receipt.sha256.as_bytes() {
            return Err(Failure::new("the answer that came back is not the digest"));
        }
        Ok(Outcome { what: format!("by port {PORT}; half-close, answer"), receipt })
    }
}

/// Reads until the end of file.
fn take_in(
    mut read: impl FnMut(&mut [u8]) -> std::result::Result<usize, Error>,
) -> Result<Receipt> {
    let mut intake = Intake::new();
    loop {
        match read(intake.spare()).map_err(told)? {
            0 => return Ok(intake.finish()),
            n => intake.filled(n),
        }
    }
}
