//! The methods of a link that use its ports, and the handling of records for them.

use super::super::State;
use super::super::frame;
use super::line::Line;
use super::port::{PortSlot, Ports, Violation, due, has_body, news};
use super::{LinkInner, Phase};
use crate::Error;
use crate::buffer::{Buffer, recv_into};

impl<L: Line, P: Ports> LinkInner<L, P> {
    // Not inlined, because every method calls it.
    #[inline(never)]
    fn slot(&mut self, port: u8) -> Option<&mut PortSlot<P::Messages>> {
        self.ports.as_mut_slice().get_mut(port as usize)
    }

    /// Returns the state of a port; `Closed` for a port that the link does not have.
    ///
    /// ```
    /// use ringway_core::channel::{State, link::{Config, SerialLink}};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.port_state(0), State::New);
    /// ```
    pub fn port_state(&self, port: u8) -> State {
        self.ports.as_slice().get(port as usize).map_or(State::Closed, |slot| slot.port.state)
    }

    /// Opens a port: it is `Connecting` until the peer opens it too, then `Connected`.
    ///
    /// A program may open ports before the link is up. A port stays `Connecting` across sessions.
    /// If the port's session ended, opening it drops the messages that were not taken. Poll for
    /// bytes to transmit afterwards.
    ///
    /// # Errors
    /// `NotFound`: the link, or the peer, has no port of this number. `AlreadyConnected`: close the
    /// port first. `WouldBlock`: the peer has not ended the port's last use;
    /// [`PortEvent::Free`](super::PortEvent::Free) says when it has.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::{State, link::{Config, SerialLink}};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// link.open_port(0).unwrap();
    /// assert_eq!(link.port_state(0), State::Connecting);
    /// assert_eq!(link.open_port(0), Err(Error::AlreadyConnected));
    /// assert_eq!(link.open_port(77), Err(Error::NotFound));
    /// ```
    pub fn open_port(&mut self, port: u8) -> Result<(), Error> {
        let absent = self.phase == Phase::Up && port >= self.peer.ports;
        let slot = self.slot(port).ok_or(Error::NotFound)?;
        if absent {
            return Err(Error::NotFound);
        }
        slot.port.open()?;
        slot.inbox.clear();
        Ok(())
    }

    /// Sends a message on a port: copies it for [`poll_transmit`](Self::poll_transmit) to transmit.
    ///
    /// As long as the session lasts, the messages of a port arrive once each and in order.
    ///
    /// # Errors
    /// `NotFound`: the link has no port of this number. `WouldBlock`: the peer has no room on this
    /// port, or the line has no room; [`PortEvent::Writable`](super::PortEvent::Writable) says when
    /// to try again. `MessageTooLarge`: the message is longer than this side's or the peer's
    /// largest message. `Reset`: the port was torn down, or the session ended. `BrokenPipe`,
    /// `NotConnected`, `Closed`: the port's [state](Self::port_state) says so.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.try_send(0, b"hi"), Err(Error::NotConnected));
    /// ```
    pub fn try_send(&mut self, port: u8, message: &[u8]) -> Result<(), Error> {
        let max = self.ports.max().min(self.peer.max as usize);
        self.pump();
        let slot =
            &mut self.ports.as_mut_slice().get_mut(port as usize).ok_or(Error::NotFound)?.port;
        slot.may_send()?;
        if message.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        // The port's `OPEN` goes first if it is still due.
        if slot.credit == 0
            || slot.due & due::OPEN != 0
            || !self.line.push(frame::DATA, port, message)
        {
            slot.blocked = true;
            return Err(Error::WouldBlock);
        }
        slot.credit = slot.credit.wrapping_sub(1);
        Ok(())
    }

    /// Returns the oldest message of a port in place; [`release`](Self::release) makes room for
    /// another.
    ///
    /// # Errors
    /// `NotFound`: the link has no port of this number. `WouldBlock`: no message is there.
    /// `EndOfFile`: the peer sends no more. `Reset`: the port was torn down; or the session ended,
    /// and every message that had arrived completely was taken. `NotConnected`, `Closed`: the
    /// port's state says so.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.peek(0), Err(Error::NotConnected));
    /// ```
    pub fn peek(&self, port: u8) -> Result<&[u8], Error> {
        let slot = self.ports.as_slice().get(port as usize).ok_or(Error::NotFound)?;
        match slot.inbox.front() {
            Some(message) => Ok(message),
            None => Err(slot.port.why_none()),
        }
    }

    /// Drops the oldest message and lets the peer send another.
    ///
    /// Does nothing if there is no message. Poll for bytes to transmit afterwards.
    ///
    /// ```
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// SerialLink::<256>::new(Config::new(1)).release(0);
    /// ```
    pub fn release(&mut self, port: u8) {
        let Some(PortSlot { port, inbox }) = self.slot(port) else { return };
        if !inbox.pop() {
            return;
        }
        port.note_taken(inbox.is_empty());
    }

    /// Moves the oldest message into `out` and returns its length, in bytes.
    ///
    /// Poll for bytes to transmit afterwards.
    ///
    /// # Errors
    /// Those of [`peek`](Self::peek), and `BufferTooSmall` when `out` is too small; the message
    /// stays.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.try_recv(0, &mut [0; 16]), Err(Error::NotConnected));
    /// ```
    pub fn try_recv(&mut self, port: u8, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        let received = recv_into(out, |out| {
            let message = self.peek(port)?;
            let needed = message.len();
            super::line::copy(out, message)
                .then_some(needed)
                .ok_or(Error::BufferTooSmall { needed })
        });
        if received.is_ok() {
            self.release(port);
        }
        received
    }

    /// Ends sending on this port.
    ///
    /// Messages sent before still arrive, and this side can still receive. Poll for bytes to
    /// transmit afterwards.
    ///
    /// # Errors
    /// `NotConnected`, `Closed`: the port's state says so. `NotFound`: the link has no port of this
    /// number.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.shut_send(0), Err(Error::NotConnected));
    /// ```
    #[doc(alias = "shutdown")]
    pub fn shut_send(&mut self, port: u8) -> Result<(), Error> {
        self.slot(port).ok_or(Error::NotFound)?.port.shut_send()
    }

    /// Ends receiving on this port.
    ///
    /// Messages that were not taken are dropped. The peer's sends fail with `BrokenPipe` once it
    /// knows. Poll for bytes to transmit afterwards.
    ///
    /// # Errors
    /// `NotConnected`, `Closed`: the port's state says so. `NotFound`: the link has no port of this
    /// number.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.shut_recv(0), Err(Error::NotConnected));
    /// ```
    #[doc(alias = "shutdown")]
    pub fn shut_recv(&mut self, port: u8) -> Result<(), Error> {
        let PortSlot { port, inbox } = self.slot(port).ok_or(Error::NotFound)?;
        port.shut_recv()?;
        inbox.clear();
        Ok(())
    }

    /// Ends both directions of a port.
    ///
    /// Messages sent before still arrive. Messages that came and were not taken are dropped. A port
    /// that the peer has not opened yet is withdrawn. Poll for bytes to transmit afterwards.
    ///
    /// ```
    /// use ringway_core::channel::{State, link::{Config, SerialLink}};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// link.open_port(0).unwrap();
    /// link.close_port(0);
    /// assert_eq!(link.port_state(0), State::Closed);
    /// link.open_port(0).expect("the peer heard nothing of it, so that it is free at once");
    /// ```
    pub fn close_port(&mut self, port: u8) {
        if let Some(PortSlot { port, inbox }) = self.slot(port) {
            port.close();
            inbox.clear();
        }
    }

    /// Tears a port down and tells the peer why; also refuses a port that the peer opened.
    ///
    /// The peer loses messages that it has not taken yet. If this side had already ended its
    /// sending, the reason does not reach the peer: the peer only learns that this side reads no
    /// more. Poll for bytes to transmit afterwards.
    ///
    /// ```
    /// use ringway_core::channel::{State, link::{Config, SerialLink}};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// link.open_port(0).unwrap();
    /// link.reset_port(0, 3);
    /// assert_eq!(link.port_state(0), State::Closed);
    /// ```
    pub fn reset_port(&mut self, port: u8, reason: u8) {
        if let Some(PortSlot { port, inbox }) = self.slot(port) {
            port.tear_down(reason);
            inbox.clear();
        }
    }

    /// Moves due records of the ports into the line while it has room; returns whether all fitted.
    pub(super) fn pump(&mut self) -> bool {
        if !self.is_in_session() {
            return false;
        }
        let credits = self.ports.credits();
        // How many owed credits are worth a record: half of what a port holds. A lower threshold
        // costs more records; a higher one makes the peer wait longer.
        let threshold = credits.div_ceil(2);
        for (number, slot) in (0_u32..).zip(self.ports.as_mut_slice()) {
            let port = &mut slot.port;
            while let Some((kind, byte)) = port.next_record(credits, threshold) {
                let body = &[byte];
                let body = if has_body(kind) { &body[..] } else { &[] };
                if !self.line.push(kind, number as u8, body) {
                    return false;
                }
                port.record_sent(kind);
            }
        }
        true
    }

    /// Handles a numbered record that came; fails if the peer broke the protocol.
    pub(super) fn handle_record(&mut self, kind: u8) -> Result<(), Violation> {
        let body = self.line.body();
        let byte = match body {
            [byte] => Ok(*byte),
            _ => Err(Violation),
        };
        let PortSlot { port, inbox } =
            self.ports.as_mut_slice().get_mut(self.line.port() as usize).ok_or(Violation)?;
        match kind {
            frame::DATA => {
                if !port.peer_may_send() {
                    return Err(Violation);
                }
                // If this side reads no more, a message may still have been under way; drop it.
                if port.state.can_recv() {
                    if !inbox.push(body) {
                        return Err(Violation);
                    }
                    port.news |= news::READABLE;
                }
                Ok(())
            }
            frame::OPEN => port.peer_opens(byte?),
            frame::CREDIT => {
                port.peer_credits(byte?);
                Ok(())
            }
            frame::SHUT if body.is_empty() => port.peer_shuts(inbox.is_empty()),
            frame::STOP if body.is_empty() => {
                port.peer_stops();
                Ok(())
            }
            frame::RESET => {
                if port.peer_resets(byte?)? {
                    inbox.clear();
                }
                Ok(())
            }
            _ => Err(Violation),
        }
    }
}
