//! Stream sockets, by path and by port: the digest comes back on the same connection, half of which is closed by then.

use super::row::{FarEnd, Mechanism, Outcome, PIECE, Row, pour};
use crate::digest::Intake;
use crate::failure::{Doing, Failure, Result};
use ringway::socket::{
    Family, Listener, Socket, Stream, TcpListener, TcpStream, UnixListener, UnixStream,
};
use std::io::Read;
use std::net::Shutdown;

/// A Unix stream socket.
pub struct UnixStreams;

impl Mechanism for UnixStreams {
    fn name(&self) -> &'static str {
        "unix-stream"
    }

    fn title(&self) -> &'static str {
        "Unix stream socket between two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        send(row, "socket", |address| Ok(UnixStream::connect(address)?))
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let path = far.argument(args)?;
        let listener = UnixListener::bind(path)?;
        receive(far, &listener, path, "by path")
    }
}

/// TCP on loopback.
pub struct Tcp;

impl Mechanism for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn title(&self) -> &'static str {
        "TCP on loopback, by port"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        send(row, "127.0.0.1:0", |address| Ok(TcpStream::connect(address)?))
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let listener = TcpListener::bind(far.argument(args)?)?;
        let address = listener.local_address()?;
        let how = format!("by port {}", address.port());
        receive(far, &listener, &address.to_string(), &how)
    }
}

fn send<F: Family>(
    row: &Row,
    bind: &str,
    connect: impl FnOnce(&str) -> Result<Socket<F, Stream>>,
) -> Result<Outcome> {
    let input = row.input()?;
    row.doing("starting the listener");
    let mut listener = row.start_peer("the listener", &[bind])?;
    let address = listener.ready()?;
    row.doing("connecting");
    let mut stream = connect(&address)?;
    row.doing("writing into the socket");
    let sent = pour(input, PIECE, |piece| Ok(stream.write_all(piece)?));
    listener.blame(sent)?;
    stream.shutdown(Shutdown::Write)?;
    row.doing("waiting for the digest to come back");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).doing("read the answer from the socket");
    listener.blame(read)?;
    let outcome = listener.outcome()?;
    if answer != outcome.receipt.sha256 {
        return Err(Failure::new(format!("the answer that came back is '{answer:.80}'")));
    }
    listener.finish()?;
    Ok(outcome)
}

fn receive<F: Family>(
    far: &FarEnd,
    listener: &Listener<F, Stream>,
    address: &str,
    how: &str,
) -> Result<()> {
    far.ready(address);
    let stream = listener.accept()?;
    let receipt = Intake::new().read_all(&stream).doing("read from the socket")?;
    // The sender has closed its half: ours is still open.
    stream.write_all(receipt.sha256.as_bytes())?;
    far.done(format!("{how}; half-close, answer"), receipt);
    Ok(())
}
