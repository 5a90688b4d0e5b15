//! A connection whose peer writes any bytes, with any descriptors, in pieces that are cut anywhere,
//! and one whose peer reads what it sends.

use super::super::Choices;
use super::Pipes;
use ringway::connection::Connection;
use ringway::socket::UnixStream;
use ringway::{Cause, CoreError, Errno};
use std::collections::VecDeque;
use std::time::Instant;

/// Runs the sequence that these bytes decide.
pub fn connection(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let pair = UnixStream::pair().expect("a pair can be made");
    match choices.flip() {
        Some(true) => Receiver::new(pair, &mut choices).map_or((), |it| it.run(&mut choices)),
        Some(false) => Sender::new(pair).run(&mut choices),
        None => {}
    }
}

/// The pipes that descriptors lead to.
const PIPES: usize = 2;

/// A connection that receives, and its peer, which is none.
struct Receiver {
    pipes: Pipes,
    connection: Connection,
    max: usize,
    /// `None` once it was closed.
    peer: Option<UnixStream>,
    /// The bytes that were written and belong to no message that was received, each with the
    /// descriptors that went with it.
    bytes: VecDeque<(u8, Vec<usize>)>,
    /// Whether the message that comes next was begun by a form with descriptors. `None` if it was
    /// not begun.
    with: Option<bool>,
    /// How many bytes were ever written.
    written: usize,
}

/// What a receiving call must answer.
#[derive(Debug, PartialEq)]
enum Answer {
    Message(Vec<u8>),
    Error(CoreError),
}

impl Receiver {
    fn new(pair: (UnixStream, UnixStream), choices: &mut Choices<'_>) -> Option<Receiver> {
        let (ours, theirs) = pair;
        let max = [0, 3, 40, 300, 5000, u32::MAX as usize][choices.below(6)?];
        Some(Receiver {
            pipes: Pipes::new(PIPES),
            connection: Connection::from(ours).with_max_message(max),
            max,
            peer: Some(theirs),
            bytes: VecDeque::new(),
            with: None,
            written: 0,
        })
    }

    fn run(mut self, choices: &mut Choices<'_>) {
        while self.step(choices).is_some() {}
        let Receiver { pipes, connection, peer, .. } = self;
        drop((connection, peer));
        pipes.end();
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.below(8)? {
            0 | 1 => {
                // A frame as it should be, or the beginning of one.
                let length = choices.below(256)? * [1, 1, 20][choices.below(3)?];
                let mut frame = (length as u32).to_le_bytes().to_vec();
                frame.extend((0..length).map(|at| at as u8));
                frame.truncate(frame.len() - [0, 0, 1, 7][choices.below(4)?].min(frame.len()));
                self.write(&frame, choices)?;
            }
            2 => {
                // A length alone, perhaps a large one.
                let length = (choices.below(256)? as u32) << choices.below(32)?;
                self.write(&length.to_le_bytes(), choices)?;
            }
            3 => {
                let count = choices.below(12)?;
                let piece: Vec<u8> =
                    (0..count).map_while(|_| choices.below(256)).map(|byte| byte as u8).collect();
                self.write(&piece, choices)?;
            }
            4 if choices.below(8)? == 0 => self.peer = None,
            4..=6 => self.receive(choices)?,
            _ => self.receive_descriptors(choices)?,
        }
        Some(())
    }

    /// Writes these bytes in one piece or two, with descriptors or without.
    fn write(&mut self, bytes: &[u8], choices: &mut Choices<'_>) -> Option<()> {
        let cut = choices.below(256)?.min(bytes.len());
        for piece in [&bytes[..cut], &bytes[cut..]] {
            let count = [0, 0, 0, 1, 2, 3][choices.below(6)?];
            let Some(peer) = self.peer.as_ref().filter(|_| !piece.is_empty()) else { continue };
            let which: Vec<usize> = (0..count).map(|number| number % PIPES).collect();
            let descriptors: Vec<_> = which.iter().map(|&which| self.pipes.writer(which)).collect();
            let Ok(sent) = peer.send_descriptors(piece, &descriptors, Some(Instant::now())) else {
                continue; // no room
            };
            self.written += sent;
            let mut which = Some(which);
            let each = piece[..sent].iter().map(|byte| (*byte, which.take().unwrap_or_default()));
            self.bytes.extend(each);
        }
        Some(())
    }

    /// What a call with room for `fits` bytes must answer.
    fn expected(&self, fits: Option<usize>) -> Answer {
        let missing =
            |end| Answer::Error(if self.peer.is_some() { CoreError::WouldBlock } else { end });
        if self.bytes.is_empty() {
            return missing(CoreError::EndOfFile);
        }
        let all: Vec<u8> = self.bytes.iter().map(|(byte, _)| *byte).collect();
        let Some((length, rest)) = all.split_first_chunk() else {
            return missing(CoreError::Reset);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > self.max {
            return Answer::Error(CoreError::MessageTooLarge { max: self.max });
        }
        if fits.is_some_and(|fits| fits < length) {
            return Answer::Error(CoreError::BufferTooSmall { needed: length });
        }
        match rest.get(..length) {
            Some(message) => Answer::Message(message.to_vec()),
            None => missing(CoreError::Reset),
        }
    }

    /// Notes how the message was begun, if this call may have begun it.
    fn begin(&mut self, with: bool) {
        if !self.bytes.is_empty() {
            self.with.get_or_insert(with);
        }
    }

    /// Takes a message out of the bytes.
    fn take(&mut self, length: usize) {
        self.bytes.drain(..4 + length);
        self.with = None;
    }

    fn receive(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let size = choices.below(256)?;
        // A buffer of a fixed size, or one that grows.
        let (answer, found) = if size < 128 {
            let mut buf = vec![0; size * 3];
            let expected = self.expected(Some(buf.len()));
            let found = self.connection.try_recv(&mut buf[..]);
            (expected, found.map(|length| buf[..length].to_vec()))
        } else {
            let mut message = Vec::new();
            let expected = self.expected(None);
            let found = self.connection.try_recv(&mut message);
            let most = (64 << 10) + 2 * self.written;
            assert!(
                message.capacity() <= most,
                "{} bytes for {}",
                message.capacity(),
                self.written
            );
            assert!(found.is_ok() || message.is_empty());
            (expected, found.map(|length| message[..length].to_vec()))
        };
        self.begin(false);
        self.check(&answer, found);
        Some(())
    }

    fn check(&mut self, answer: &Answer, found: ringway::Result<Vec<u8>>) {
        match found {
            Ok(message) => {
                let length = message.len();
                assert_eq!(*answer, Answer::Message(message));
                self.take(length);
            }
            Err(error) => match answer {
                Answer::Error(expected) => assert!(error.is(*expected), "{error}, not {expected}"),
                Answer::Message(_) => panic!("{error}, though a message is there"),
            },
        }
    }

    fn receive_descriptors(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let room = choices.below(4)?;
        let answer = match self.expected(None) {
            Answer::Error(CoreError::WouldBlock) => Answer::Error(CoreError::TimedOut),
            other => other,
        };
        let (least, most) = self.descriptors();
        let mut message = Vec::new();
        let came = self.connection.recv_descriptors(&mut message, room, Some(Instant::now()));
        self.begin(true);
        match came {
            Err(error) if error.is(CoreError::Exhausted) => {
                assert!(most > room, "room for {room} was enough for {most}");
            }
            Ok(came) => {
                let count = self.pipes.numbers(&came).len();
                assert!((least..=most.min(room)).contains(&count), "{least} to {most}: {count}");
                self.check(&answer, Ok(message));
            }
            Err(error) => self.check(&answer, Err(error)),
        }
        Some(())
    }

    /// How many descriptors come with the next message, at least and at most: those of its first
    /// byte, and perhaps those of the other bytes of its length.
    fn descriptors(&self) -> (usize, usize) {
        if self.with == Some(false) {
            return (0, 0);
        }
        let counts = self.bytes.iter().take(4).map(|(_, which)| which.len());
        (counts.clone().next().unwrap_or(0), counts.sum())
    }
}

/// A connection that sends, and its peer, which reads the bytes.
struct Sender {
    connection: Connection,
    peer: Option<UnixStream>,
    /// The bytes of the messages that were sent, from the first that was not read yet.
    sent: VecDeque<u8>,
    /// The last message that did not go at once, and how many of the bytes of its frame were read.
    half: Option<(Vec<u8>, usize)>,
}

fn frame(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_le_bytes()[..], message].concat()
}

impl Sender {
    fn new((ours, theirs): (UnixStream, UnixStream)) -> Sender {
        ours.set_send_buffer(4096).expect("a socket has a buffer");
        let connection = Connection::from(ours).with_max_message(40_000);
        Sender { connection, peer: Some(theirs), sent: VecDeque::new(), half: None }
    }

    fn run(mut self, choices: &mut Choices<'_>) {
        while self.step(choices).is_some() {}
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.below(8)? {
            0..=3 => {
                let kind = choices.below(256)?;
                let length = kind * [1, 10, 100, 200][choices.below(4)?];
                self.send(vec![kind as u8; length]);
            }
            // The message that is half sent, again.
            4 => {
                if let Some((message, _)) = &self.half {
                    self.send(message.clone());
                }
            }
            5 | 6 => {
                let most = choices.below(256)? * [1, 100][choices.below(2)?];
                self.read(most);
            }
            _ => {
                if choices.below(16)? == 0 {
                    self.peer = None;
                }
            }
        }
        Some(())
    }

    fn send(&mut self, message: Vec<u8>) {
        let is_half = self.half.as_ref().is_some_and(|(half, _)| *half == message);
        match self.connection.try_send(&message) {
            Ok(()) => {
                assert!(self.peer.is_some(), "nobody could get it");
                // What was read of the half already is not under way any more. Another message
                // went only if nothing of the half did.
                let read = self.half.take().map_or(0, |(_, read)| read);
                assert!(read == 0 || is_half, "two messages mixed");
                self.sent.extend(&frame(&message)[read..]);
            }
            Err(error) if error.is(CoreError::WouldBlock) => {
                assert!(self.peer.is_some(), "the peer is gone");
                let read = self.half.take().map_or(0, |(_, read)| read);
                assert!(read == 0 || is_half, "two messages mixed");
                self.half = Some((message, read));
            }
            Err(error) if error.cause() == Cause::Os(Errno::BUSY) => {
                assert!(self.half.is_some() && !is_half, "{error}");
            }
            Err(error) if error.is(CoreError::MessageTooLarge { max: 40_000 }) => {
                assert!(message.len() > 40_000, "{error}");
            }
            Err(error) => {
                let gone = error.is(CoreError::BrokenPipe) || error.is(CoreError::Reset);
                assert!(self.peer.is_none() && gone, "{error}");
            }
        }
    }

    /// The peer reads: what was sent, and then perhaps a part of the message that is half sent.
    fn read(&mut self, most: usize) {
        let Some(peer) = &self.peer else { return };
        let mut buf = vec![0; most];
        let Ok(count) = peer.try_read(&mut buf) else { return };
        assert!(count > 0 || most == 0, "the connection is still there");
        let whole = count.min(self.sent.len());
        let sent: Vec<u8> = self.sent.drain(..whole).collect();
        assert_eq!(buf[..whole], sent);
        let rest = &buf[whole..count];
        if let [_, ..] = rest {
            let (message, read) = self.half.as_mut().expect("more came than was sent");
            let expected = &frame(message)[*read..];
            assert_eq!(Some(rest), expected.get(..rest.len()), "more came than was sent");
            *read += rest.len();
        }
    }
}
