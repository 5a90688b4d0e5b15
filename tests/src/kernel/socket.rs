//! Sockets: they listen, connect, accept, come in pairs and leave in any order, and their
//! connections carry bytes or messages.
//!
//! One difference is by design: the kernel says that a Unix socket can be written while less than a
//! quarter of its memory is taken. So a socket that is not ready may take more all the same. One
//! that is ready does.

mod memory;
mod system;

use super::{Answer, Form, Log, Stamped, fill};
use crate::oracle::Choices;
use ringway::CoreError;
use std::collections::{BTreeMap, VecDeque};

/// How many listeners there may be. One more address never has a listener.
const LISTENERS: usize = 2;

/// How many connections there may be.
const CONNECTIONS: usize = 5;

/// How much may certainly be under way in one direction. In the kernel each piece takes more than
/// its bytes.
const UNDER_WAY: usize = 24_000;
const PIECES: usize = 40;

/// Which direction ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Read,
    Write,
    Both,
}

/// Listeners by their address, and ends by their number.
trait Side {
    fn listen(&mut self, at: usize, backlog: usize) -> Answer<()>;
    fn close_listener(&mut self, at: usize);
    fn connect(&mut self, at: usize, end: usize, form: Form) -> Answer<()>;
    fn accept(&mut self, at: usize, end: usize, form: Form) -> Answer<()>;
    /// Makes two ends that are connected to each other.
    fn pair(&mut self, ends: [usize; 2]) -> Answer<()>;
    /// Whether a connection waits to be accepted, if the side can tell.
    fn can_accept(&mut self, at: usize) -> Option<bool>;
    /// Whether a receive would not wait, and a send, if the side can tell.
    fn ready(&mut self, end: usize) -> Option<[bool; 2]>;
    /// Sends all by a deadline. Also returns how many bytes were sent.
    fn send_all(&mut self, end: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>);
    fn send(&mut self, end: usize, bytes: &[u8], form: Form) -> Answer<usize>;
    fn receive(&mut self, end: usize, out: &mut [u8], form: Form) -> Answer<usize>;
    fn shutdown(&mut self, end: usize, how: How) -> Answer<()>;
    fn close(&mut self, end: usize);
}

/// A sequence of operations on streams in memory and on the kernel's Unix streams.
pub fn streams(bytes: &[u8]) {
    run(Choices::new(bytes), memory::Streams::default(), system::Streams::default(), false);
}

/// A sequence of operations on messages in memory and on the kernel's `SOCK_SEQPACKET`.
pub fn packets(bytes: &[u8]) {
    run(Choices::new(bytes), memory::Packets::default(), system::Packets::default(), true);
}

fn run(choices: Choices<'_>, memory: impl Side, kernel: impl Side, messages: bool) {
    let mut sequence = Sequence {
        memory,
        kernel,
        choices,
        messages,
        log: Log::default(),
        stamped: Stamped(0),
        listeners: BTreeMap::new(),
        ends: BTreeMap::new(),
        count: 0,
    };
    while sequence.step().is_some() {}
}

/// The two networks, and the part of their common state that decides which operations make sense
/// and which answers count as one.
struct Sequence<'a, M, K> {
    memory: M,
    kernel: K,
    choices: Choices<'a>,
    /// Whether the sockets carry messages.
    messages: bool,
    log: Log,
    stamped: Stamped,
    /// By address: how many connections may wait to be accepted, and the ends that do.
    listeners: BTreeMap<usize, (usize, VecDeque<usize>)>,
    ends: BTreeMap<usize, End>,
    count: usize,
}

/// The state of one end, as far as the comparison needs it.
#[derive(Debug, Default)]
struct End {
    /// The other end, from its acceptance until it closes.
    peer: Option<usize>,
    /// The sizes of the pieces under way to this end.
    incoming: VecDeque<usize>,
    /// What was sent before there was a peer.
    early: VecDeque<usize>,
    /// Whether the other end closed with something unread.
    torn: bool,
    /// Whether this end was told that the connection was torn down. Then there is nothing left to
    /// shut down.
    reset: bool,
    /// Whether this end has ended its receiving. After that, a reset leaves open whether the unread
    /// bytes count as dropped.
    deaf: bool,
    /// Whether the other end can no longer be sent to, or this end has ended its sending. After
    /// that, not all systems agree on the answer to an empty write.
    finished: bool,
}

impl<M: Side, K: Side> Sequence<'_, M, K> {
    /// One operation; `None` when the decisions are used up.
    fn step(&mut self) -> Option<()> {
        match self.choices.below(26)? {
            0 | 1 => self.listen(),
            2 if self.choices.below(3)? == 0 => self.close_listener(),
            3..=5 => self.connect(),
            6..=8 => self.accept(),
            9..=14 => self.send(),
            15..=19 => self.receive(),
            20 => self.shutdown(),
            21 | 22 => self.close(),
            23 if self.choices.below(4)? == 0 => self.fill(),
            24 if self.choices.flip()? => self.pair(),
            _ => Some(()),
        }
    }

    #[track_caller]
    fn both<T: std::fmt::Debug + PartialEq>(
        &mut self,
        memory: impl FnOnce(&mut M) -> T,
        kernel: impl FnOnce(&mut K) -> T,
    ) -> T {
        let (memory, kernel) = (memory(&mut self.memory), kernel(&mut self.kernel));
        self.log.agree(memory, kernel)
    }

    fn form(&mut self) -> Option<Form> {
        Form::draw(&mut self.choices)
    }

    /// One of the ends, if there is one.
    fn pick(&mut self) -> Option<Option<usize>> {
        let choice = self.choices.below(usize::from(u8::MAX))?;
        Some(self.ends.keys().nth(choice % self.ends.len().max(1)).copied())
    }

    fn end(&mut self, end: usize) -> &mut End {
        self.ends.get_mut(&end).expect("it is open")
    }

    fn new_end(&mut self, peer: Option<usize>) -> usize {
        self.count += 1;
        self.ends.insert(self.count, End { peer, ..End::default() });
        self.count
    }

    fn listen(&mut self) -> Option<()> {
        let (at, backlog) = (self.choices.below(LISTENERS)?, 1 + self.choices.below(3)?);
        self.log.add(format_args!("listen at {at} with a backlog of {backlog}"));
        if self.both(|m| m.listen(at, backlog), |k| k.listen(at, backlog)).is_ok() {
            self.listeners.insert(at, (backlog, VecDeque::new()));
        }
        Some(())
    }

    fn close_listener(&mut self) -> Option<()> {
        let at = self.choices.below(LISTENERS)?;
        if let Some((_, waiting)) = self.listeners.remove(&at) {
            self.log.add(format_args!("close the listener at {at}"));
            self.both(|m| m.close_listener(at), |k| k.close_listener(at));
            for end in waiting {
                if let Some(end) = self.ends.get_mut(&end) {
                    end.finished = true;
                }
            }
        }
        Some(())
    }

    fn connect(&mut self) -> Option<()> {
        let (at, form) = (self.choices.below(LISTENERS + 1)?, self.form()?);
        // Each connection takes a place until both its ends are closed.
        if self.connections() >= CONNECTIONS {
            return Some(());
        }
        let end = self.count + 1;
        self.log.add(format_args!("connect to {at}, as end {end} ({form:?})"));
        if self.both(|m| m.connect(at, end, form), |k| k.connect(at, end, form)).is_ok() {
            self.new_end(None);
            let (backlog, waiting) = self.listeners.get_mut(&at).expect("somebody listens");
            waiting.push_back(end);
            assert!(waiting.len() <= *backlog, "more wait than may");
        }
        Some(())
    }

    fn pair(&mut self) -> Option<()> {
        if self.connections() >= CONNECTIONS {
            return Some(());
        }
        let ends = [self.count + 1, self.count + 2];
        self.log.add(format_args!("make the pair of ends {ends:?}"));
        assert_eq!(self.both(|m| m.pair(ends), |k| k.pair(ends)), Ok(()));
        self.new_end(Some(ends[1]));
        self.new_end(Some(ends[0]));
        Some(())
    }

    /// The most connections that have an end which is open or waits to be accepted.
    fn connections(&self) -> usize {
        let closed_and_waiting: usize = self
            .listeners
            .values()
            .map(|(_, waiting)| waiting.iter().filter(|end| !self.ends.contains_key(end)).count())
            .sum();
        self.ends.len() + closed_and_waiting
    }

    fn accept(&mut self) -> Option<()> {
        let (at, form) = (self.choices.below(LISTENERS)?, self.form()?);
        if !self.listeners.contains_key(&at) {
            return Some(());
        }
        let end = self.count + 1;
        self.log.add(format_args!("accept at {at}, as end {end} ({form:?})"));
        let promised = [self.memory.can_accept(at), self.kernel.can_accept(at)];
        let accepted = self.both(|m| m.accept(at, end, form), |k| k.accept(at, end, form));
        for promised in promised.into_iter().flatten() {
            assert_eq!(promised, accepted.is_ok(), "whether one waits: promised, and found");
        }
        if accepted.is_ok() {
            let (_, waiting) = self.listeners.get_mut(&at).expect("it listens");
            let caller = waiting.pop_front().expect("one waited");
            let open = self.ends.contains_key(&caller);
            self.new_end(open.then_some(caller));
            if open {
                let early = std::mem::take(&mut self.end(caller).early);
                self.end(caller).peer = Some(end);
                self.end(end).incoming = early;
            } else {
                // What it sent before it closed still arrives; its sizes are no longer known.
                self.end(end).finished = true;
            }
        }
        Some(())
    }

    fn send(&mut self) -> Option<()> {
        let (end, form) = (self.pick()?, self.form()?);
        let size = self.choices.below(256)? * [1, 1, 7, 23][self.choices.below(4)?];
        let Some(end) = end else { return Some(()) };
        let peer = self.end(end).peer;
        let way = match peer {
            Some(peer) => &mut self.end(peer).incoming,
            None => &mut self.end(end).early,
        };
        let room = way.iter().sum::<usize>() + size <= UNDER_WAY && way.len() < PIECES;
        if !room || (size == 0 && !self.messages) {
            return Some(());
        }
        let bytes = self.stamped.next(size);
        self.log.add(format_args!("send {size} bytes from end {end} ({form:?})"));
        let promised = [self.memory.ready(end), self.kernel.ready(end)];
        let memory = self.memory.send(end, &bytes, form);
        let kernel = self.kernel.send(end, &bytes, form);
        for (promised, sent) in promised.into_iter().zip([memory, kernel]) {
            let broken = promised.is_some_and(|[_, send]| send) && would_wait(sent);
            assert!(!broken, "it was ready, and a send would have waited");
        }
        let sent = self.agree(end, memory, kernel, Err(CoreError::BrokenPipe));
        if let Ok(count) = sent {
            assert_eq!(count, size, "there was room");
            match peer {
                Some(peer) => self.end(peer).incoming.push_back(size),
                None => self.end(end).early.push_back(size),
            }
        }
        Some(())
    }

    fn receive(&mut self) -> Option<()> {
        let (end, form) = (self.pick()?, self.form()?);
        let size = match self.messages {
            // Large enough for any.
            true => 256 * 23,
            false => self.choices.below(256)? * [1, 1, 7, 23][self.choices.below(4)?],
        };
        let Some(end) = end else { return Some(()) };
        if self.end(end).deaf && (self.end(end).torn || self.end(end).reset) {
            return Some(());
        }
        self.log.add(format_args!("receive {size} bytes at end {end} ({form:?})"));
        let (mut one, mut other) = (vec![0; size], vec![0; size]);
        let promised = [self.memory.ready(end), self.kernel.ready(end)];
        let memory = self.memory.receive(end, &mut one, form);
        let kernel = self.kernel.receive(end, &mut other, form);
        assert!(one == other, "the bytes differ");
        for (promised, received) in promised.into_iter().zip([memory, kernel]) {
            if let Some([receive, _]) = promised.filter(|_| size > 0) {
                assert_eq!(receive, !would_wait(received), "ready: promised, and found");
            }
        }
        let over = if self.messages { Err(CoreError::EndOfFile) } else { Ok(0) };
        let read = self.agree(end, memory, kernel, over);
        if let Ok(count) = read {
            let messages = self.messages;
            self.end(end).take(count, messages);
        }
        Some(())
    }

    /// Both answers to `end`. The kernel's report of a connection that was torn down counts as
    /// `over`.
    #[track_caller]
    fn agree(
        &mut self,
        end: usize,
        memory: Answer<usize>,
        kernel: Answer<usize>,
        over: Answer<usize>,
    ) -> Answer<usize> {
        let reset = kernel == Err(CoreError::Reset);
        self.end(end).reset |= reset;
        // If the listener left, both sides report it on a receive; on a send, either answer is
        // right.
        let sending = over == Err(CoreError::BrokenPipe);
        let told_otherwise = reset && (self.end(end).torn || sending && self.end(end).finished);
        self.log.agree(memory, if told_otherwise { over } else { kernel })
    }

    fn shutdown(&mut self) -> Option<()> {
        let (end, how) = (self.pick()?, self.choices.below(3)?);
        let how = [How::Read, How::Write, How::Both][how];
        let Some(end) = end.filter(|end| !self.ends[end].reset) else { return Some(()) };
        self.log.add(format_args!("shut end {end} down: {how:?}"));
        let memory = self.memory.shutdown(end, how);
        let kernel = self.kernel.shutdown(end, how);
        self.end(end).deaf |= how != How::Write;
        // Only the kernel's side may report something, and only a connection that was torn down.
        assert_eq!(memory, Ok(()));
        let torn = self.end(end).torn || self.end(end).finished;
        assert!(kernel.is_ok() || (torn && kernel == Err(CoreError::Reset)), "{kernel:?}");
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        if let Some(end) = self.pick()? {
            self.log.add(format_args!("close end {end}"));
            self.both(|m| m.close(end), |k| k.close(end));
            let closed = self.ends.remove(&end).expect("it was open");
            if let Some(peer) = closed.peer {
                let unread = !closed.incoming.is_empty();
                let peer = self.end(peer);
                peer.torn |= unread;
                (peer.peer, peer.finished) = (None, true);
            }
        }
        Some(())
    }

    /// Fills one direction of both until they refuse, each as much as it holds, and drains both.
    fn fill(&mut self) -> Option<()> {
        let (end, size) = (self.pick()?, 600 + 10 * self.choices.below(256)?);
        let Some(end) = end else { return Some(()) };
        let Some(peer) = self.end(end).peer else { return Some(()) };
        if self.end(peer).deaf {
            return Some(());
        }
        let form = self.form()?;
        let before: Vec<_> = self.end(peer).incoming.drain(..).collect();
        self.log.add(format_args!(
            "fill with {size} bytes each from end {end} to {peer} ({form:?}), and drain"
        ));
        let way = Way { from: end, to: peer, size, form, messages: self.messages };
        let memory = way.fill_and_drain(&mut self.memory, &before);
        let kernel = way.fill_and_drain(&mut self.kernel, &before);
        let _ = self.log.agree(memory, kernel);
        Some(())
    }
}

impl End {
    /// Notes that this number of the bytes under way was received, or one message.
    fn take(&mut self, mut count: usize, message: bool) {
        if message {
            self.incoming.pop_front();
            return;
        }
        while count > 0 {
            // The sizes of an end that closed before it was accepted are not known.
            let Some(first) = self.incoming.front_mut() else { return };
            let now = count.min(*first);
            (*first, count) = (*first - now, count - now);
            if *first == 0 {
                self.incoming.pop_front();
            }
        }
    }
}

/// Whether an operation that has this answer would have waited.
fn would_wait(answer: Answer<usize>) -> bool {
    matches!(answer, Err(CoreError::WouldBlock | CoreError::TimedOut))
}

/// A direction that is filled with pieces of this size.
struct Way {
    from: usize,
    to: usize,
    size: usize,
    form: Form,
    messages: bool,
}

impl Way {
    /// The answers of the full end and of the empty one; or the first answer, if it does not say
    /// "full".
    fn fill_and_drain(&self, side: &mut impl Side, before: &[usize]) -> (CoreError, Answer<()>) {
        let Way { from, to, size, form, messages } = *self;
        let (sent, full) = fill(size, |bytes| {
            if form != Form::Try {
                // What was sent before the deadline is told.
                let (count, sent) = side.send_all(from, bytes, form);
                if sent.is_ok() {
                    assert_eq!(count, size);
                }
                return (count, sent);
            }
            let sent = side.send(from, bytes, form);
            if let Ok(count) = sent {
                assert!(count > 0 && count <= size && (!messages || count == size));
            }
            (sent.unwrap_or(0), sent.map(drop))
        });
        let is_full = would_wait(Err(full));
        if let Some([_, send]) = side.ready(from).filter(|_| is_full) {
            assert!(!send, "it is full, and ready to take more");
        }
        let old: usize = before.iter().sum();
        let mut out = vec![0; old + sent.len() + 1];
        let (mut read, mut ends) = (0, 0);
        let empty = loop {
            match side.receive(to, &mut out[read..], Form::Try) {
                // This is an empty message, or the end of a stream. An end that shut its receiving
                // down gets the end at once.
                Ok(0) if messages && ends < before.len() => ends += 1,
                Ok(0) => break Ok(()),
                Ok(count) => read += count,
                Err(error) => break Err(error),
            }
        };
        if read > 0 || empty == Err(CoreError::WouldBlock) {
            assert!(out[old..read] == sent, "other bytes came than were taken");
        }
        if let Some([_, send]) = side.ready(from).filter(|_| is_full) {
            assert!(send, "it is empty, and not ready to take more");
        }
        (full, empty)
    }
}
