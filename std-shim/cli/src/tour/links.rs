//! Links: messages on a port, over a stream that keeps bytes whole and over a serial line; the digest comes back on the same
//! port, half of which is closed by then.

use super::row::{FarEnd, Mechanism, Outcome, Row, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use ringway::channel;
use ringway::fd;
use ringway::link::{Config, Event, Line, Link, ReliableLink, SerialLink};
use ringway::serial::{self, Port};
use ringway::socket::UnixStream;
use std::io;
use std::os::fd::OwnedFd;

/// The port that is used, of the only one.
const PORT: u8 = 0;

/// A link over a pair of sockets.
pub struct Reliable;

/// Messages as large as an intake takes at once would be, were it not for the stack of a debug build.
const MESSAGE: usize = 16 << 10;

type OverSocket = ReliableLink<MESSAGE, 4, 1, 8>;

impl Mechanism for Reliable {
    fn name(&self) -> &'static str {
        "link"
    }

    fn title(&self) -> &'static str {
        "link over a socket pair between two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let (near, far) = UnixStream::pair()?;
        send(row, OwnedFd::from(far), OverSocket::over(near, config()), MESSAGE)
    }

    fn peer(&self, far: &FarEnd, _args: &[String]) -> Result<()> {
        let stream = UnixStream::try_from(fd::duplicate(io::stdin())?)?;
        receive(far, OverSocket::over(stream, config()), "over a socket pair")
    }
}

/// A link over a serial line: a pseudo terminal.
pub struct Serial;

/// A frame of so many bytes takes 24 ms at 115200 baud.
const FRAME: usize = 256;

/// What the terminal would have if it were a line.
const SPEED: u32 = 3_000_000;

type OverTerminal = SerialLink<FRAME, 8, 1, 8>;

impl Mechanism for Serial {
    fn name(&self) -> &'static str {
        "serial"
    }

    fn title(&self) -> &'static str {
        "link over a serial line, a pseudo terminal, between two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn limit(&self) -> Option<u64> {
        Some(512 << 10)
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let (near, far) = serial::pair()?;
        // The port stays open until the peer has made it its own.
        let theirs = fd::duplicate(&far)?;
        let outcome = send(row, theirs, OverTerminal::over(near, serial_config()), FRAME);
        drop(far);
        outcome
    }

    fn peer(&self, far: &FarEnd, _args: &[String]) -> Result<()> {
        let port = Port::try_from(fd::duplicate(io::stdin())?)?;
        let link = OverTerminal::over(port, serial_config());
        receive(far, link, "COBS, CRC-32, numbers")
    }
}

/// Patience enough for a machine that has much else to do: a peer that ends takes its stream with it.
fn config() -> Config {
    Config { gone: 0, ..Config::new(std::process::id()) }
}

fn serial_config() -> Config {
    Config { gone: 0, retransmit: 500, ..OverTerminal::config(SPEED, std::process::id()) }
}

/// Sends the input to a peer that has `theirs` as its standard input.
fn send<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>(
    row: &Row,
    theirs: OwnedFd,
    mut link: Link<L, PORTS, CREDITS, MAX>,
    message: usize,
) -> Result<Outcome> {
    let input = row.input()?;
    row.doing("starting the receiver");
    let mut receiver = row.start_peer_on("the receiver", &[], theirs)?;
    row.doing("connecting");
    let mut messages = 0u64;
    let exchanged = (|| {
        link.connect(PORT)?;
        row.doing("sending messages");
        pour(input, message, |piece| {
            messages += 1;
            Ok(link.send(PORT, piece)?)
        })?;
        link.shut_send(PORT)?;
        row.doing("waiting for the digest to come back");
        let mut answer = [0; 64];
        let len = link.recv(PORT, &mut answer)?;
        link.close()?;
        Ok(String::from_utf8_lossy(&answer[..len]).into_owned())
    })();
    let answer = receiver.blame(explain(exchanged, &mut link))?;
    let mut outcome = receiver.outcome()?;
    if answer != outcome.receipt.sha256 {
        return Err(Failure::new(format!("the answer that came back is '{answer:.80}'")));
    }
    receiver.finish()?;
    outcome.what = format!("{messages} messages, {}; half-close, answer", outcome.what);
    Ok(outcome)
}

/// Takes in what is sent, and answers with its digest.
fn receive<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>(
    far: &FarEnd,
    mut link: Link<L, PORTS, CREDITS, MAX>,
    how: &str,
) -> Result<()> {
    let received = (|| {
        link.connect(PORT)?;
        let mut intake = Intake::new();
        loop {
            match link.recv(PORT, intake.spare()) {
                Ok(n) => intake.filled(n),
                Err(error) if error.is(channel::Error::EndOfFile) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let receipt = intake.finish();
        // The sender has closed its half: ours is still open.
        link.send(PORT, receipt.sha256.as_bytes())?;
        link.shut_send(PORT)?;
        // It closes the link when it has the answer.
        while !matches!(link.next_event()?, Event::Down(_)) {}
        Ok(receipt)
    })();
    far.done(how, explain(received, &mut link)?);
    Ok(())
}

/// A failure, with what the link has to say of it.
fn explain<T, L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>(
    result: Result<T>,
    link: &mut Link<L, PORTS, CREDITS, MAX>,
) -> Result<T> {
    result.map_err(|failure| match link.poll_event() {
        Some(Event::Down(why)) => Failure::new(format!("{failure} ({why})")),
        _ => failure,
    })
}
