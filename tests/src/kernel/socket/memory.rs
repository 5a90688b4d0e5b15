//! The sockets in memory.

use super::{Answer, Form, How, LISTENERS, Side};
use embedded_io::{ReadReady, WriteReady};
use ringway::CoreError;
use ringway::wait::PrivateFutex;
use ringway_core::channel::socket::{self, Connection, Listener, Network, Shutdown, Sockets};
use std::collections::BTreeMap;

const CAPACITY: usize = 1 << 16;
/// More than the sequences use, so that they never meet a full network.
const PLACES: usize = super::CONNECTIONS + 1;

type Net = Network<LISTENERS, PLACES, CAPACITY, PrivateFutex>;

const fn network() -> Net {
    Network::new()
}

/// One network for all sequences of a kind, so that a place which is not given back is missed.
static STREAMS: Net = network();
static PACKETS: Net = network();

type Pairs = [Connection<CAPACITY, PrivateFutex>; PLACES];

/// The same for pairs.
static STREAM_PAIRS: Pairs = [const { Connection::new() }; PLACES];
static PACKET_PAIRS: Pairs = [const { Connection::new() }; PLACES];

type Stream = socket::Stream<'static, CAPACITY, PrivateFutex>;
type Packet = socket::Packets<'static, CAPACITY, PrivateFutex>;

pub(super) type Streams = Memory<Stream>;
pub(super) type Packets = Memory<Packet>;

pub(super) struct Memory<E> {
    listeners: BTreeMap<usize, Listener<'static, CAPACITY, PrivateFutex, E>>,
    ends: BTreeMap<usize, E>,
}

impl<E> Default for Memory<E> {
    fn default() -> Self {
        Memory { listeners: BTreeMap::new(), ends: BTreeMap::new() }
    }
}

fn port(at: usize) -> u16 {
    at as u16
}

fn direction(how: How) -> Shutdown {
    match how {
        How::Read => Shutdown::Read,
        How::Write => Shutdown::Write,
        How::Both => Shutdown::Both,
    }
}

/// The same for streams and for messages, up to the names of their methods.
macro_rules! side {
    (
        $End:ty, $network:expr, $pairs:ident $pair:ident, $ready:expr, $send_all:expr,
        $send:ident $send_deadline:ident $sent:expr, $receive:ident $receive_deadline:ident
    ) => {
        impl Memory<$End> {
            fn network() -> Sockets<'static, CAPACITY, PrivateFutex, $End> {
                $network
            }

            fn end(&mut self, end: usize) -> &mut $End {
                self.ends.get_mut(&end).expect("it is open")
            }
        }

        impl Side for Memory<$End> {
            fn listen(&mut self, at: usize, backlog: usize) -> Answer<()> {
                let listener = Self::network().listen(port(at), backlog)?;
                self.listeners.insert(at, listener);
                Ok(())
            }

            fn close_listener(&mut self, at: usize) {
                self.listeners.remove(&at);
            }

            fn connect(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let network = Self::network();
                let connected = match form.deadline() {
                    None => network.try_connect(port(at))?,
                    Some(end) => form.late(end, network.connect_deadline(port(at), Some(end)))?,
                };
                self.ends.insert(end, connected);
                Ok(())
            }

            fn accept(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let listener = &self.listeners[&at];
                let accepted = match form.deadline() {
                    None => listener.try_accept()?,
                    Some(end) => form.late(end, listener.accept_deadline(Some(end)))?,
                };
                self.ends.insert(end, accepted);
                Ok(())
            }

            fn pair(&mut self, ends: [usize; 2]) -> Answer<()> {
                let mut pairs = $pairs.iter().filter_map(|pair| pair.$pair().ok());
                let (one, other) = pairs.next().ok_or(CoreError::Exhausted)?;
                self.ends.insert(ends[0], one);
                self.ends.insert(ends[1], other);
                Ok(())
            }

            fn can_accept(&mut self, _at: usize) -> Option<bool> {
                None
            }

            fn ready(&mut self, end: usize) -> Option<[bool; 2]> {
                $ready(self.end(end))
            }

            fn send_all(&mut self, end: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>) {
                let (mut left, deadline) = (bytes, form.end());
                let sent = $send_all(self.end(end), &mut left, Some(deadline));
                (bytes.len() - left.len(), form.late(deadline, sent))
            }

            fn send(&mut self, end: usize, bytes: &[u8], form: Form) -> Answer<usize> {
                let sent = match form.deadline() {
                    None => self.end(end).$send(bytes),
                    Some(late) => form.late(late, self.end(end).$send_deadline(bytes, Some(late))),
                };
                sent.map(|sent| $sent(sent, bytes))
            }

            fn receive(&mut self, end: usize, out: &mut [u8], form: Form) -> Answer<usize> {
                match form.deadline() {
                    None => self.end(end).$receive(out),
                    Some(late) => form.late(late, self.end(end).$receive_deadline(out, Some(late))),
                }
            }

            fn shutdown(&mut self, end: usize, how: How) -> Answer<()> {
                self.end(end).shutdown(direction(how));
                Ok(())
            }

            fn close(&mut self, end: usize) {
                self.ends.remove(&end);
            }
        }
    };
}

side!(
    Stream, STREAMS.streams(), STREAM_PAIRS pair,
    |end: &mut Stream| Some([end.read_ready() == Ok(true), end.write_ready() == Ok(true)]),
    Stream::write_all_deadline,
    try_write write_deadline |count, _: &[u8]| count, try_read read_deadline
);
side!(
    Packet, PACKETS.packets(), PACKET_PAIRS pair_packets,
    // It takes an attempt to find out.
    |_: &mut Packet| None,
    |end: &mut Packet, left: &mut &[u8], deadline| {
        end.send_deadline(left, deadline).map(|()| *left = &[])
    },
    try_send send_deadline |(), bytes: &[u8]| bytes.len(), try_recv recv_deadline
);
