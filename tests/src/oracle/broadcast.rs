//! The broadcast and the newest value against lists of everything that was sent.

use super::Choices;
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::{Broadcast, Reader, RecvError, Writer};
use ringway_core::ring::latest::{self, Latest, Version};

/// A message whose size is not a whole number of words.
type Message = [u8; 7];

fn message(number: u64) -> Message {
    std::array::from_fn(|byte| (number as u8).wrapping_mul(31).wrapping_add(byte as u8))
}

/// The writer's number; after its death another writer with the same number comes.
fn participant() -> Participant {
    Participant::new(7).expect("it is a small number")
}

/// A sequence of operations on a [`Broadcast`].
pub fn broadcast(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(5) {
        Some(0) => broadcast_of::<1>(choices),
        Some(1) => broadcast_of::<2>(choices),
        Some(2) => broadcast_of::<3>(choices),
        Some(3) => broadcast_of::<4>(choices),
        Some(4) => broadcast_of::<7>(choices),
        _ => {}
    }
}

fn broadcast_of<const N: usize>(mut choices: Choices<'_>) {
    let broadcast: Broadcast<Message, N> = Broadcast::new();
    let mut run =
        Run { broadcast: &broadcast, writer: None, closed: false, sent: 0, readers: Vec::new() };
    while run.step(&mut choices).is_some() {
        run.agrees();
    }
}

struct Run<'a, const N: usize> {
    broadcast: &'a Broadcast<Message, N>,
    writer: Option<Writer<&'a Broadcast<Message, N>>>,
    /// Whether the last writer closed its half or died, and nobody took it since.
    closed: bool,
    /// The number of the last message; messages are numbered from 1.
    sent: u64,
    /// The readers, and which message each gets next.
    readers: Vec<(Reader<&'a Broadcast<Message, N>>, u64)>,
}

impl<const N: usize> Run<'_, N> {
    fn agrees(&mut self) {
        for (reader, next) in &mut self.readers {
            assert_eq!(reader.behind(), self.sent + 1 - *next);
            assert_eq!(reader.writer_is_gone(), self.closed);
        }
        if let Some(writer) = &self.writer {
            assert_eq!(writer.sent(), self.sent);
        }
    }

    fn oldest(&self) -> u64 {
        (self.sent + 1).saturating_sub(N as u64).max(1)
    }

    /// One operation; `None` when the decisions are used up.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.below(12)? {
            0..=3 => {
                if let Some(writer) = &mut self.writer {
                    self.sent += 1;
                    writer.send(message(self.sent));
                }
            }
            4..=7 => {
                if !self.readers.is_empty() {
                    let at = choices.below(self.readers.len())?;
                    self.receive(at, choices.flip()?);
                }
            }
            8 if self.readers.len() < 4 => {
                self.readers.push((self.broadcast.reader(), self.sent + 1))
            }
            8 => _ = self.readers.swap_remove(choices.below(4)?),
            9 => {
                let oldest = self.oldest();
                self.readers.truncate(3);
                self.readers.push((Reader::from_oldest(self.broadcast), oldest));
            }
            10 => {
                self.readers.truncate(3);
                if let Some((reader, next)) = self.readers.first() {
                    let twin = (reader.clone(), *next);
                    self.readers.push(twin);
                }
            }
            _ => self.change_writer(choices.below(3)?),
        }
        Some(())
    }

    fn receive(&mut self, at: usize, into: bool) {
        let (oldest, sent) = (self.oldest(), self.sent);
        let (reader, next) = &mut self.readers[at];
        let expected = if *next > sent {
            Ok(None)
        } else if *next < oldest {
            Err(RecvError::Lagged(oldest - *next))
        } else {
            Ok(Some(message(*next)))
        };
        match &expected {
            Ok(message) => *next += u64::from(message.is_some()),
            Err(RecvError::Lagged(missed)) => *next += missed,
            Err(_) => unreachable!("it is looked at without waiting"),
        }
        if into {
            let mut out = [0; 7];
            let got = reader.try_recv_into(&mut out);
            assert_eq!(got.map(|there| there.then_some(out)), expected);
        } else {
            assert_eq!(reader.try_recv(), expected);
        }
    }

    /// The writer goes, by a death, a close or a drop; or another writer comes.
    fn change_writer(&mut self, how: usize) {
        self.closed = how < 2 && self.writer.is_some();
        match self.writer.take() {
            Some(writer) if how == 0 => {
                std::mem::forget(writer);
                assert!(self.broadcast.writer().is_none(), "the dead one's half is held");
                // SAFETY: the writer will not be used again.
                assert_eq!(unsafe { self.broadcast.recover(participant()) }, 1);
            }
            Some(writer) if how == 1 => writer.close(),
            Some(_) => {}
            None => {
                self.writer = self.broadcast.writer_as(participant());
                assert!(self.writer.is_some(), "nobody has the half");
            }
        }
        // SAFETY: `LOCAL` holds nothing, and takes no step meanwhile.
        assert_eq!(unsafe { self.broadcast.recover(Participant::LOCAL) }, 0);
    }
}

/// A sequence of operations on a [`Latest`].
pub fn latest(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let latest: Latest<Message> = Latest::new();
    let mut writer: Option<latest::Writer<&Latest<Message>>> = latest.writer_as(participant());
    let mut versions = vec![Version::NONE];
    let mut closed = false;
    while let Some(operation) = choices.below(5) {
        match (operation, &mut writer) {
            (0 | 1, Some(writer)) => {
                writer.store(message(versions.len() as u64));
                versions.push(writer.version());
            }
            (2, Some(_)) => {
                std::mem::forget(writer.take());
                // SAFETY: the writer will not be used again.
                assert_eq!(unsafe { latest.recover(participant()) }, 1);
                closed = true;
            }
            (3, Some(_)) => writer = None,
            (4, Some(_)) => {
                writer.take().expect("it is there").close();
                closed = true;
            }
            (_, None) => {
                writer = latest.writer_as(participant());
                closed = false;
            }
            _ => unreachable!("there are five operations"),
        }
        let stored = versions.len() - 1;
        assert_eq!(latest.version(), versions[stored]);
        assert_eq!(latest.version().number(), stored as u64);
        let expected = (stored > 0).then(|| (message(stored as u64), versions[stored]));
        assert_eq!(latest.load(), expected);
        let Some(seen) = choices.below(versions.len().min(200)) else { break };
        let newer = expected.filter(|_| seen < stored);
        assert_eq!(latest.load_newer(versions[seen]), newer);
        assert_eq!(latest.writer_is_gone(), closed);
    }
}
