//! One end in C: a program that does what it is told through two sockets, one for each half.
//!
//! It is `std-shim/c/tests/end.c`, and the variable [`PROGRAM`] says where it was built:
//! `std-shim/c/tests/linux` does so. Without it there are no such transports.

use ringway::{CoreError, fd};
use ringway_ways::{Accept, End, Failure, Form, Offer, Reader, Result, Way, Writer};
use std::io::{self, PipeWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Instant;

/// The variable that says where the program is.
pub const PROGRAM: &str = "RINGWAY_C_END";

/// A way whose other end is in C.
pub struct InC {
    /// The way, whose first end is in Rust.
    pub way: &'static dyn Way,
    /// What the program calls it.
    pub kind: &'static str,
    /// Whether the end in C is the first of a pair: in most cases, that one sends.
    pub first: bool,
}

impl Way for InC {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        self.way.host(place)
    }

    fn join(&self, offer: Offer) -> Result<End> {
        start(self.kind, &offer)
    }

    fn pair(&self, place: &Path) -> Result<(End, End)> {
        let (offer, accept) = self.host(place)?;
        let (ours, theirs) = (accept()?, self.join(offer)?);
        Ok(if self.first { (theirs, ours) } else { (ours, theirs) })
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::new(format!("the end in C: {error}"))
}

/// Starts the program, with what was offered.
fn start(kind: &str, offer: &Offer) -> Result<End> {
    let program = std::env::var_os(PROGRAM).ok_or_else(|| Failure::new(PROGRAM))?;
    let (life, writer) = io::pipe().map_err(failed)?;
    let (rx, their_rx) = UnixStream::pair().map_err(failed)?;
    let (tx, their_tx) = UnixStream::pair().map_err(failed)?;
    let mut command = Command::new(program);
    command.arg(kind);
    for number in [
        fd::inherit(&life, &mut command)?,
        fd::inherit(&their_rx, &mut command)?,
        fd::inherit(&their_tx, &mut command)?,
    ] {
        command.arg(number.to_string());
    }
    for descriptor in &offer.descriptors {
        let number = fd::inherit(descriptor, &mut command)?;
        command.arg(number.to_string());
    }
    let child = command.spawn().map_err(failed)?;
    drop((command, life, their_rx, their_tx));
    let program = Arc::new(Program { child, _life: writer });
    let bytes = matches!(kind, "bytes" | "stream");
    let mut reads = Half { control: rx, is_writer: false, bytes, program: program.clone() };
    let writes = Half { control: tx, is_writer: true, bytes, program };
    reads.answer(&mut [])?;
    Ok(End::new(reads, writes))
}

/// The program. It ends at once when the writer of its pipe is gone.
struct Program {
    child: Child,
    _life: PipeWriter,
}

impl Drop for Program {
    fn drop(&mut self) {
        let ended = self.child.wait().expect("a child can be waited for");
        if !std::thread::panicking() {
            assert!(ended.success(), "the end in C: {ended}");
        }
    }
}

const READ: u32 = 1;
const WRITE: u32 = 2;
const SHUT: u32 = 3;
const CLOSE: u32 = 4;

/// A half of the end. Dropping it closes it.
struct Half {
    control: UnixStream,
    is_writer: bool,
    /// Whether it is of bytes, whose end is a count of 0.
    bytes: bool,
    // Dropped after `drop` has closed the half: the last half waits for the program.
    #[allow(dead_code)]
    program: Arc<Program>,
}

impl Half {
    fn ask(&mut self, what: u32, form: Form, size: usize) -> Result<()> {
        let (form, wait) = match form {
            _ if what == SHUT || what == CLOSE => (u32::from(self.is_writer), 0),
            Form::Plain => (0, 0),
            Form::Try => (1, 0),
            Form::Until(end) => (2, end.saturating_duration_since(Instant::now()).as_nanos()),
        };
        let mut asked = Vec::with_capacity(24);
        asked.extend(what.to_ne_bytes());
        asked.extend(form.to_ne_bytes());
        asked.extend((wait as u64).to_ne_bytes());
        asked.extend((size as u64).to_ne_bytes());
        self.control.write_all(&asked).map_err(failed)
    }

    /// The answer: how many bytes were read, which lie in `into`, or were written.
    fn answer(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut said = [0; 16];
        self.control.read_exact(&mut said).map_err(failed)?;
        let (code, size) = said.split_at(8);
        let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
        let size = u64::from_ne_bytes(size.try_into().expect("it has 8 bytes")) as usize;
        match code {
            0 if self.is_writer => Ok(size),
            0 => {
                self.control.read_exact(&mut into[..size]).map_err(failed)?;
                Ok(size)
            }
            1 => Err(CoreError::WouldBlock.into()),
            2 => Err(CoreError::TimedOut.into()),
            3 => Err(CoreError::BrokenPipe.into()),
            4 if self.bytes => Ok(0),
            4 => Err(CoreError::EndOfFile.into()),
            7 => Err(CoreError::Reset.into()),
            15 => Err(CoreError::MessageTooLarge { max: 0 }.into()),
            16 => Err(CoreError::BufferTooSmall { needed: size }.into()),
            other => Err(Failure::new(format!("the end in C: error {other}"))),
        }
    }

    fn shut(&mut self) -> Result<()> {
        self.ask(SHUT, Form::Plain, 0)?;
        self.answer(&mut []).map(drop)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let closed = self.ask(CLOSE, Form::Plain, 0).and_then(|()| self.answer(&mut []));
        if !std::thread::panicking() {
            closed.expect("the program closes it");
        }
    }
}

/// The half that reads, of bytes or of messages.
impl Reader for Half {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        self.ask(READ, form, into.len())?;
        self.answer(into)
    }

    fn shut(&mut self) -> Result<()> {
        Half::shut(self)
    }
}

impl Writer for Half {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        self.ask(WRITE, form, piece.len())?;
        self.control.write_all(piece).map_err(failed)?;
        self.answer(&mut [])
    }

    fn shut(&mut self) -> Result<()> {
        Half::shut(self)
    }
}
