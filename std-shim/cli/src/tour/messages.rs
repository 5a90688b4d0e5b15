//! Sockets that carry messages: one that is connected and reliable, and two whose datagrams the tour makes reliable.

use super::reliable::{ACK, Receiver, Sender, datagram};
use super::row::{FarEnd, Mechanism, Outcome, Row, counted, pour, pour_messages};
use crate::digest::{Intake, Receipt};
use crate::failure::{Failure, Result};
use ringway::channel;
use ringway::fd::{Interest, WaitSet};
use ringway::socket::{
    Datagram, Family, SeqpacketListener, Socket, UdpSocket, UnixDatagram, UnixSeqpacket,
};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Instant;

/// A Unix seqpacket socket.
pub struct Seqpacket;

/// How large the largest message of the seqpacket row is.
const MESSAGE: usize = 32 << 10;

impl Mechanism for Seqpacket {
    fn name(&self) -> &'static str {
        "unix-seqpacket"
    }

    fn title(&self) -> &'static str {
        "Unix seqpacket socket between two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        row.doing("starting the listener");
        let mut listener = row.start_peer("the listener", &["socket"])?;
        let address = listener.ready()?;
        row.doing("connecting");
        let socket = UnixSeqpacket::connect(address)?;
        row.doing("sending messages");
        let sent = pour_messages(input, MESSAGE, |message| Ok(socket.send(message)?));
        let messages = listener.blame(sent)?;
        drop(socket);
        row.doing("waiting for the listener's report");
        let outcome = counted(listener.outcome()?, messages)?;
        listener.finish()?;
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let path = far.argument(args)?;
        let listener = SeqpacketListener::bind(path)?;
        far.ready(path);
        let socket = listener.accept()?;
        let mut intake = Intake::new();
        let mut messages = 0u64;
        loop {
            match socket.recv(intake.spare()) {
                Ok(n) => {
                    intake.filled(n);
                    messages += 1;
                }
                Err(error) if error.is(channel::Error::EndOfFile) => break,
                Err(error) => return Err(error.into()),
            }
        }
        far.done(messages.to_string(), intake.finish());
        Ok(())
    }
}

/// Unix datagrams.
pub struct UnixDatagrams;

impl Mechanism for UnixDatagrams {
    fn name(&self) -> &'static str {
        "unix-datagram"
    }

    fn title(&self) -> &'static str {
        "Unix datagram sockets of two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let socket = UnixDatagram::bind("near")?;
        send(row, &socket, &["far", "near"], |far| Ok(socket.connect(far)?))
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let [ours, theirs] = args else { return Err(Failure::new("two paths are wanted")) };
        let socket = UnixDatagram::bind(ours)?;
        socket.connect(theirs)?;
        receive(far, &socket, ours)
    }
}

/// UDP on loopback.
pub struct Udp;

impl Mechanism for Udp {
    fn name(&self) -> &'static str {
        "udp"
    }

    fn title(&self) -> &'static str {
        "UDP on loopback, by port"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let ours = socket.local_address()?.to_string();
        send(row, &socket, &[&ours], |far| Ok(socket.connect(far)?))
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(far.argument(args)?)?;
        let ours = socket.local_address()?.to_string();
        receive(far, &socket, &ours)
    }
}

/// How many bytes of the input a datagram carries. With its header it is no larger than UDP allows.
const PIECE: usize = 16 << 10;

/// How many datagrams are under way at most: what the system's usual buffers hold (208 KiB, with its own overhead),
/// and fewer than the ten that it keeps for a Unix socket. More would be lost and sent again.
const WINDOW: usize = 8;

fn send<F: Family>(
    row: &Row,
    socket: &Socket<F, Datagram>,
    args: &[&str],
    connect: impl FnOnce(&str) -> Result<()>,
) -> Result<Outcome> {
    let input = row.input()?;
    row.doing("starting the far end");
    let mut far = row.start_peer("the far end", args)?;
    connect(&far.ready()?)?;
    row.doing("sending datagrams");
    let mut sender = Sender::new(WINDOW);
    let sent = deliver(socket, input, &mut sender);
    far.blame(sent)?;
    row.doing("waiting for the far end's report");
    let mut outcome = far.outcome()?;
    far.finish()?;
    outcome.what = format!("{} acked datagrams, {} resent", sender.count(), sender.sent_again());
    Ok(outcome)
}

/// Sends everything, and returns when all of it was acknowledged.
fn deliver<F: Family>(
    socket: &Socket<F, Datagram>,
    input: impl Read,
    sender: &mut Sender,
) -> Result<()> {
    pour(input, PIECE, |piece| {
        while !sender.has_room() {
            settle(socket, sender)?;
        }
        launch(socket, sender.data(piece, Instant::now()))
    })?;
    while !sender.has_room() {
        settle(socket, sender)?;
    }
    launch(socket, sender.end(Instant::now()))?;
    while !sender.is_done() {
        settle(socket, sender)?;
    }
    Ok(())
}

/// Sends, or leaves it to the sending again: where there is no room, the datagram is as good as lost.
fn launch<F: Family>(socket: &Socket<F, Datagram>, datagram: &[u8]) -> Result<()> {
    match socket.try_send(datagram) {
        Err(error) if error.is(channel::Error::WouldBlock) => Ok(()),
        other => Ok(other?),
    }
}

/// Waits for an acknowledgement, or until it is time to send again.
fn settle<F: Family>(socket: &Socket<F, Datagram>, sender: &mut Sender) -> Result<()> {
    let mut ack = [0; ACK];
    let look = sender.next_look().unwrap_or_else(Instant::now);
    match socket.recv_deadline(&mut ack, Some(look)) {
        Ok(n) => {
            let again = sender.handle(&ack[..n], Instant::now());
            again.into_iter().try_for_each(|datagram| launch(socket, datagram))
        }
        Err(error) if error.is(channel::Error::TimedOut) => {
            sender.poll_again(Instant::now()).map_or(Ok(()), |again| launch(socket, again))
        }
        Err(error) => Err(error.into()),
    }
}

fn receive<F: Family>(far: &FarEnd, socket: &Socket<F, Datagram>, address: &str) -> Result<()> {
    far.ready(address);
    collect(socket, io::stdin(), |receipt| far.done("", receipt))
}

/// Takes datagrams in until the end; then reports, and acknowledges what is sent again until `release` can be read:
/// the last acknowledgement may have been lost.
fn collect<F: Family>(
    socket: &Socket<F, Datagram>,
    release: impl AsFd,
    report: impl FnOnce(Receipt),
) -> Result<()> {
    let mut arriving = Some((Intake::new(), report));
    let mut receiver = Receiver::new();
    let mut buffer = vec![0; datagram(PIECE)];
    let mut both = WaitSet::new();
    let let_go = both.add(&release, Interest::Read);
    both.add(socket, Interest::Read);
    loop {
        both.wait()?;
        if both.ready().any(|(place, _)| place == let_go) {
            return Ok(());
        }
        let n = socket.recv(&mut buffer)?;
        let ack = receiver.handle(&buffer[..n], |bytes| {
            if let Some((intake, _)) = &mut arriving {
                intake.take(bytes);
            }
        });
        if let Some(ack) = ack {
            launch(socket, &ack)?;
        }
        if receiver.is_done() {
            if let Some((intake, report)) = arriving.take() {
                report(intake.finish());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sum;

    #[test]
    fn what_the_kernel_drops_is_sent_again() {
        let data: Vec<u8> =
            (0..2_000_003u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (near, far) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
        let (near, far) = (near.unwrap(), far.unwrap());
        near.connect(far.local_address().unwrap()).unwrap();
        far.connect(near.local_address().unwrap()).unwrap();
        // Room for hardly more than one datagram: of a window, the kernel drops most.
        far.set_recv_buffer(1).unwrap();
        let (release, held) = ringway::pipe::pipe().unwrap();
        let collector = std::thread::spawn(move || {
            let mut arrived = None;
            collect(&far, release, |receipt| arrived = Some(receipt)).unwrap();
            arrived.unwrap()
        });
        let mut sender = Sender::new(WINDOW);
        deliver(&near, &data[..], &mut sender).unwrap();
        drop(held);
        let receipt = collector.join().unwrap();
        assert_eq!((receipt.bytes, receipt.sha256), sum(&data[..]).unwrap());
        assert!(sender.sent_again() > 0, "nothing was dropped, so that nothing was shown");
    }
}
