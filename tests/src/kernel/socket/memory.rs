//! The sockets in memory.

use super::{Answer, Form, How, LISTENERS, Side};
use ringway::wait::PrivateFutex;
use ringway_core::channel::socket::{self, Listener, Network, Shutdown, Sockets};
use std::collections::BTreeMap;
use std::time::Instant;

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
    ($End:ty, $network:expr, $send:ident $send_deadline:ident $sent:expr, $receive:ident $receive_deadline:ident) => {
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
                let connected = match form {
                    Form::Try => Self::network().try_connect(port(at))?,
                    Form::Past => {
                        Self::network().connect_deadline(port(at), Some(Instant::now()))?
                    }
                };
                self.ends.insert(end, connected);
                Ok(())
            }

            fn accept(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let listener = &self.listeners[&at];
                let accepted = match form {
                    Form::Try => listener.try_accept()?,
                    Form::Past => listener.accept_deadline(Some(Instant::now()))?,
                };
                self.ends.insert(end, accepted);
                Ok(())
            }

            fn send(&mut self, end: usize, bytes: &[u8], form: Form) -> Answer<usize> {
                let sent = match form {
                    Form::Try => self.end(end).$send(bytes),
                    Form::Past => self.end(end).$send_deadline(bytes, Some(Instant::now())),
                };
                sent.map(|sent| $sent(sent, bytes))
            }

            fn receive(&mut self, end: usize, out: &mut [u8], form: Form) -> Answer<usize> {
                match form {
                    Form::Try => self.end(end).$receive(out),
                    Form::Past => self.end(end).$receive_deadline(out, Some(Instant::now())),
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

side!(Stream, STREAMS.streams(), try_write write_deadline |count, _: &[u8]| count, try_read read_deadline);
side!(Packet, PACKETS.packets(), try_send send_deadline |(), bytes: &[u8]| bytes.len(), try_recv recv_deadline);
