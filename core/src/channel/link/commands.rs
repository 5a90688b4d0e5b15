//! What the user does with the ports of a link.

use super::super::State;
use super::super::frame;
use super::line::Line;
use super::port::{PortSlot, Violation, due, has_body, news};
use super::{Link, Phase};
use crate::Error;
use crate::buffer::{Buffer, recv_into};

impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// So many credits are worth a record: half of what a port holds, so that they cost little and
    /// come in time.
    const CREDIT_THRESHOLD: u8 = CREDITS.div_ceil(2) as u8;

    // Called from every command.
    #[inline(never)]
    fn slot(&mut self, port: u8) -> Option<&mut PortSlot<CREDITS, MAX>> {
        self.slots.get_mut(port as usize)
    }

    /// The state of a port, as of any endpoint. A port that the link does not have is `Closed`.
    ///
    /// ```
    /// use ringway_core::channel::{State, link::{Config, SerialLink}};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.port_state(0), State::New);
    /// ```
    pub fn port_state(&self, port: u8) -> State {
        self.slots.get(port as usize).map_or(State::Closed, |slot| slot.port.state)
    }

    /// Opens a port: it is `Connecting` until the peer opens it too, and `Connected` then. It may
    /// be asked for before the link is up, and goes on `Connecting` across sessions. Of a port
    /// whose session ended, what came and was not taken is dropped. Poll for bytes to transmit
    /// afterwards.
    ///
    /// # Errors
    /// `NotFound`: the link, or the peer, has no port of this number. `AlreadyConnected`: close it
    /// first. `WouldBlock`: the peer is not done with the port's last life;
    /// [`PortEvent::Free`](super::PortEvent::Free) tells when.
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

    /// Sends a message: it is copied, and goes out when [`poll_transmit`](Self::poll_transmit) is
    /// called. Messages of a port arrive once each and in order, as long as the session lasts.
    ///
    /// # Errors
    /// `WouldBlock`: the peer has no room on this port, or the line has none;
    /// [`PortEvent::Writable`](super::PortEvent::Writable) tells when to try again.
    /// `MessageTooLarge`: for the peer, or for this side. `Reset`: the port was torn down, or the
    /// session ended. Otherwise what the port's [state](Self::port_state) says: `BrokenPipe`,
    /// `NotConnected`, `Closed`.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let mut link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.try_send(0, b"hi"), Err(Error::NotConnected));
    /// ```
    pub fn try_send(&mut self, port: u8, message: &[u8]) -> Result<(), Error> {
        let max = MAX.min(self.peer.max as usize);
        self.pump();
        let slot = &mut self.slots.get_mut(port as usize).ok_or(Error::NotFound)?.port;
        slot.may_send()?;
        if message.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        // What is due goes first: the port's `OPEN`.
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

    /// The oldest message that came, in place; [`release`](Self::release) makes room for another.
    ///
    /// # Errors
    /// `WouldBlock`: none is there. `EndOfFile`: the peer sends no more. `Reset`: the port was torn
    /// down, or the session ended, and everything that had come whole before was taken. Otherwise
    /// what the port's state says: `NotConnected`, `Closed`.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::link::{Config, SerialLink};
    /// let link = SerialLink::<256>::new(Config::new(1));
    /// assert_eq!(link.peek(0), Err(Error::NotConnected));
    /// ```
    pub fn peek(&self, port: u8) -> Result<&[u8], Error> {
        let slot = self.slots.get(port as usize).ok_or(Error::NotFound)?;
        match slot.inbox.front() {
            Some(message) => Ok(message),
            None => Err(slot.port.why_none()),
        }
    }

    /// Forgets the oldest message and lets the peer send another. Nothing happens if there is none.
    /// Poll for bytes to transmit afterwards.
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
        port.taken(inbox.is_empty());
    }

    /// Takes the oldest message out, into `out`; its length. Poll for bytes to transmit afterwards.
    ///
    /// # Errors
    /// As [`peek`](Self::peek), and `BufferTooSmall`: the message stays.
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

    /// Sends no more on this port. What was sent before still arrives; receiving goes on. Poll for
    /// bytes to transmit afterwards, as after the three that follow.
    ///
    /// # Errors
    /// `NotConnected`, `Closed`, `NotFound`.
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

    /// Receives no more on this port; what came and was not taken is dropped, and the peer's sends
    /// fail with `BrokenPipe` once it knows.
    ///
    /// # Errors
    /// `NotConnected`, `Closed`, `NotFound`.
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

    /// Ends both directions: what was sent before still arrives, what came and was not taken is
    /// dropped. A port that the peer has not opened yet is withdrawn.
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

    /// Tears the port down and tells the peer why; the peer loses what it has not taken yet. Also
    /// the way to refuse a port that the peer opened. The reason does not reach a peer to whom this
    /// side had already said that it sends no more: that one learns that nobody reads.
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

    /// Moves what is due on the ports into the line, as far as it has room; whether everything
    /// fitted.
    pub(super) fn pump(&mut self) -> bool {
        if !self.is_in_session() {
            return false;
        }
        for (number, slot) in (0_u32..).zip(self.slots.iter_mut()) {
            let port = &mut slot.port;
            while let Some((kind, byte)) = port.next_record(CREDITS as u8, Self::CREDIT_THRESHOLD) {
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

    /// A numbered record came. `Err`: the peer broke the protocol.
    pub(super) fn handle_record(&mut self, kind: u8, number: u8) -> Result<(), Violation> {
        let body = self.line.body();
        let byte = match body {
            [byte] => Ok(*byte),
            _ => Err(Violation),
        };
        let PortSlot { port, inbox } = self.slots.get_mut(number as usize).ok_or(Violation)?;
        match kind {
            frame::DATA => {
                if !port.peer_may_send() {
                    return Err(Violation);
                }
                // To whoever reads no more a message may still be under way.
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
