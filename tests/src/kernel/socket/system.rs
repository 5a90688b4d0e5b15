//! The kernel's Unix sockets, by abstract names.

use super::super::answer;
use super::{Answer, Form, How, Side};
use ringway::socket::{Connected, Listener, Options, Seqpacket, Socket, Stream, Unix, UnixAddress};
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(super) type Streams = System<Stream>;
pub(super) type Packets = System<Seqpacket>;

pub(super) struct System<T: Connected> {
    /// The part of the names that is unique to this sequence.
    number: usize,
    listeners: BTreeMap<usize, Listener<Unix, T>>,
    ends: BTreeMap<usize, Socket<Unix, T>>,
}

impl<T: Connected> Default for System<T> {
    fn default() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        System { number, listeners: BTreeMap::new(), ends: BTreeMap::new() }
    }
}

impl<T: Connected> System<T> {
    fn address(&self, at: usize) -> UnixAddress {
        let process = std::process::id();
        UnixAddress::abstract_name(format!("ringway-kernel-oracle-{process}-{}-{at}", self.number))
    }
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
    ($Type:ty, $send:ident $send_deadline:ident $sent:expr, $receive:ident $receive_deadline:ident) => {
        impl Side for System<$Type> {
            fn listen(&mut self, at: usize, backlog: usize) -> Answer<()> {
                // Linux keeps one connection more than it is told.
                let options = Options::new().backlog(backlog as u32 - 1);
                let listener =
                    answer(Listener::<Unix, $Type>::bind_with(self.address(at), &options))?;
                self.listeners.insert(at, listener);
                Ok(())
            }

            fn close_listener(&mut self, at: usize) {
                self.listeners.remove(&at);
            }

            fn connect(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let to = self.address(at);
                let socket = answer(match form {
                    Form::Try => Socket::<Unix, $Type>::try_connect(to),
                    Form::Past => Socket::<Unix, $Type>::connect_deadline(to, Some(Instant::now())),
                })?;
                self.ends.insert(end, socket);
                Ok(())
            }

            fn accept(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let listener = &self.listeners[&at];
                let socket = answer(match form {
                    Form::Try => listener.try_accept(),
                    Form::Past => listener.accept_deadline(Some(Instant::now())),
                })?;
                self.ends.insert(end, socket);
                Ok(())
            }

            fn send(&mut self, end: usize, bytes: &[u8], form: Form) -> Answer<usize> {
                let socket = &self.ends[&end];
                let sent = answer(match form {
                    Form::Try => socket.$send(bytes),
                    Form::Past => socket.$send_deadline(bytes, Some(Instant::now())),
                });
                sent.map(|sent| $sent(sent, bytes))
            }

            fn receive(&mut self, end: usize, out: &mut [u8], form: Form) -> Answer<usize> {
                let socket = &self.ends[&end];
                answer(match form {
                    Form::Try => socket.$receive(out),
                    Form::Past => socket.$receive_deadline(out, Some(Instant::now())),
                })
            }

            fn shutdown(&mut self, end: usize, how: How) -> Answer<()> {
                answer(self.ends[&end].shutdown(direction(how)))
            }

            fn close(&mut self, end: usize) {
                self.ends.remove(&end);
            }
        }
    };
}

side!(Stream, try_write write_deadline |count, _: &[u8]| count, try_read read_deadline);
side!(Seqpacket, try_send send_deadline |(), bytes: &[u8]| bytes.len(), try_recv recv_deadline);
