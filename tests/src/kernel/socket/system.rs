//! The kernel's Unix sockets, by abstract names.

use super::super::answer;
use super::{Answer, Form, How, Side};
use ringway::fd::{self, Interest};
use ringway::socket::{Connected, Listener, Options, Seqpacket, Socket, Stream, Unix, UnixAddress};
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    (
        $Type:ty, $send_all:expr, $send:ident $send_deadline:ident $sent:expr,
        $receive:ident $receive_deadline:ident
    ) => {
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
                let socket = match form.deadline() {
                    None => answer(Socket::<Unix, $Type>::try_connect(to)),
                    Some(late) => form.late(
                        late,
                        answer(Socket::<Unix, $Type>::connect_deadline(to, Some(late))),
                    ),
                }?;
                self.ends.insert(end, socket);
                Ok(())
            }

            fn accept(&mut self, at: usize, end: usize, form: Form) -> Answer<()> {
                let listener = &self.listeners[&at];
                let socket = match form.deadline() {
                    None => answer(listener.try_accept()),
                    Some(late) => form.late(late, answer(listener.accept_deadline(Some(late)))),
                }?;
                self.ends.insert(end, socket);
                Ok(())
            }

            fn pair(&mut self, ends: [usize; 2]) -> Answer<()> {
                let (one, other) = answer(Socket::<Unix, $Type>::pair())?;
                self.ends.insert(ends[0], one);
                self.ends.insert(ends[1], other);
                Ok(())
            }

            fn can_accept(&mut self, at: usize) -> Option<bool> {
                Some(fd::try_wait(&self.listeners[&at], Interest::Read).is_ok())
            }

            fn ready(&mut self, end: usize) -> Option<[bool; 2]> {
                let ready = fd::try_wait(&self.ends[&end], Interest::ReadWrite);
                Some(ready.map_or([false; 2], |it| {
                    let over = it.failed() || it.hung_up();
                    [it.readable() || over, it.writable() || over]
                }))
            }

            fn send_all(&mut self, end: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>) {
                let (mut left, deadline) = (bytes, form.end());
                let sent = answer($send_all(&self.ends[&end], &mut left, Some(deadline)));
                (bytes.len() - left.len(), form.late(deadline, sent))
            }

            fn send(&mut self, end: usize, bytes: &[u8], form: Form) -> Answer<usize> {
                let socket = &self.ends[&end];
                let sent = match form.deadline() {
                    None => answer(socket.$send(bytes)),
                    Some(late) => form.late(late, answer(socket.$send_deadline(bytes, Some(late)))),
                };
                sent.map(|sent| $sent(sent, bytes))
            }

            fn receive(&mut self, end: usize, out: &mut [u8], form: Form) -> Answer<usize> {
                let socket = &self.ends[&end];
                match form.deadline() {
                    None => answer(socket.$receive(out)),
                    Some(late) => {
                        form.late(late, answer(socket.$receive_deadline(out, Some(late))))
                    }
                }
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

side!(
    Stream, fd::write_all,
    try_write write_deadline |count, _: &[u8]| count, try_read read_deadline
);
side!(
    Seqpacket,
    |socket: &Socket<Unix, Seqpacket>, left: &mut &[u8], deadline| {
        socket.send_deadline(left, deadline).map(|()| *left = &[])
    },
    try_send send_deadline |(), bytes: &[u8]| bytes.len(), try_recv recv_deadline
);
