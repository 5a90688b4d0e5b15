//! The life of a link: greeting, liveness, the end. See the [diagram](super).

use super::super::frame::{self, FIRST_NUMBERED, Hello, HelloError, Identity};
use super::line::Line;
use super::{Down, Link, NEVER, Phase, left};

/// What is to be said without a number, as soon as the line is free.
pub(super) mod owe {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const BYE_ACK: u8 = 2;
    pub(crate) const PONG: u8 = 4;
    pub(crate) const PING: u8 = 8;
    pub(crate) const BYE: u8 = 16;
}

/// How often a side that closes says so to a peer that does not answer.
const BYES: u8 = 8;

impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// It is so late by now, unless it was later before.
    #[inline(never)]
    pub(super) fn time_is(&mut self, now: u64) {
        let passed = u32::try_from(now.saturating_sub(self.now)).unwrap_or(u32::MAX);
        self.now = self.now.max(now);
        for ticks in [&mut self.repeat_in, &mut self.ping_in, &mut self.gone_in] {
            *ticks = left(*ticks, passed);
        }
        self.line.elapse(passed);
    }

    /// Begins to greet, under an identity that no frame on the line bears.
    pub(super) fn connect(&mut self) {
        self.local.attempt = self.local.attempt.checked_add(1).unwrap_or(1);
        self.peer.id = Identity::NOBODY;
        self.phase = Phase::Connecting;
        self.greet();
    }

    fn greet(&mut self) {
        self.owes = owe::HELLO;
        self.repeat_in = self.config.hello;
    }

    fn come_up(&mut self) {
        self.phase = Phase::Up;
        self.line.begin(self.local, self.peer.id);
        self.has_heard = false;
        self.byes = 0;
        self.repeat_in = NEVER;
        self.owes &= owe::HELLO;
        self.hear();
        self.came_up = true;
        for (number, port) in (0_u32..).zip(self.ports.iter_mut()) {
            if number >= self.peer.ports as u32 && port.said != 0 {
                port.refuse();
            }
        }
    }

    /// The session ends. A side that was closing stays down, and its user learns whether the peer had got everything.
    pub(super) fn go_down(&mut self, why: Down) {
        for (port, inbox) in self.ports.iter_mut().zip(self.inboxes.iter_mut()) {
            if !port.link_down(!inbox.is_empty()) {
                inbox.clear();
            }
        }
        let closing = self.phase == Phase::Closing;
        let why = if closing && self.byes > 0 { Down::Closed } else { why };
        self.went_down = Some(why);
        self.came_up = false;
        match why {
            _ if closing => self.stay_down(),
            Down::PeerGone | Down::PeerRestarted => self.connect(),
            Down::Violation if L::RESYNCHRONISES => self.connect(),
            _ => self.stay_down(),
        }
    }

    /// Whether there is a session.
    pub(super) fn is_in_session(&self) -> bool {
        matches!(self.phase, Phase::Up | Phase::Closing)
    }

    fn stay_down(&mut self) {
        self.phase = Phase::Down;
        self.owes = 0;
        self.repeat_in = NEVER;
    }

    /// The peer is alive: what follows from silence counts from now. Means nothing outside a session.
    fn hear(&mut self) {
        self.ping_in = self.config.keepalive;
        self.gone_in = self.config.gone;
    }

    /// A record came, its body is in the line.
    pub(super) fn handle_frame(&mut self, kind: u8, port: u8) {
        if kind == frame::HELLO {
            return self.handle_hello();
        }
        if !self.is_in_session() {
            // What we said last in a session was lost.
            if self.phase == Phase::Down && self.has_heard {
                match kind {
                    frame::BYE => self.owes = owe::BYE_ACK,
                    frame::PING | FIRST_NUMBERED.. => self.owes = owe::BYE,
                    _ => {}
                }
            }
            return;
        }
        self.has_heard = true;
        self.hear();
        match kind {
            frame::ACK | frame::PONG => {}
            frame::PING => self.owes |= owe::PONG,
            frame::BYE => {
                self.go_down(Down::PeerClosed);
                self.owes = owe::BYE_ACK;
            }
            frame::BYE_ACK if self.byes > 0 => self.go_down(Down::Closed),
            FIRST_NUMBERED.. => {
                if self.handle_record(kind, port).is_err() {
                    self.go_down(Down::Violation);
                }
            }
            _ => self.go_down(Down::Violation),
        }
    }

    fn handle_hello(&mut self) {
        if self.phase == Phase::Down {
            return;
        }
        let hello = match Hello::parse(self.line.body()) {
            Ok(hello) => hello,
            Err(HelloError::Version(version)) => {
                return self.go_down(Down::Incompatible(version));
            }
            Err(HelloError::NotHello) => return self.go_down(Down::Violation),
        };
        if self.phase != Phase::Connecting {
            // A peer that spoke in this session was up, and would not greet again as one that is not.
            let same = hello.id == self.peer.id && (hello.up || !self.has_heard);
            if same {
                if !hello.up {
                    self.owes |= owe::HELLO;
                }
                return;
            }
            self.go_down(Down::PeerRestarted);
            if self.phase == Phase::Down {
                return;
            }
        }
        self.peer = hello;
        if hello.heard == self.local {
            self.come_up();
        }
        // A peer that is up with us needs no answer; any other does.
        if !hello.up || self.phase != Phase::Up {
            self.owes |= owe::HELLO;
        }
    }

    /// Begins the next frame; whether there is one.
    pub(super) fn start_frame(&mut self) -> bool {
        if self.owes & owe::HELLO != 0 {
            self.owes &= !owe::HELLO;
            let hello = Hello {
                up: self.is_in_session(),
                ports: PORTS as u8,
                credits: CREDITS as u8,
                max: MAX as u32,
                id: self.local,
                heard: self.peer.id,
            };
            self.line.start_control(frame::HELLO, &hello.emit());
            return true;
        }
        for (bit, kind) in [
            (owe::BYE_ACK, frame::BYE_ACK),
            (owe::PONG, frame::PONG),
            (owe::PING, frame::PING),
            (owe::BYE, frame::BYE),
        ] {
            if self.owes & bit != 0 {
                self.owes &= !bit;
                self.line.start_control(kind, &[]);
                return true;
            }
        }
        if !self.is_in_session() {
            return false;
        }
        let nothing_due = self.pump();
        if self.line.start_numbered() {
            return true;
        }
        if self.phase == Phase::Closing && self.byes == 0 && nothing_due && self.line.is_drained() {
            self.say_bye();
            self.owes &= !owe::BYE;
            self.line.start_control(frame::BYE, &[]);
            return true;
        }
        false
    }

    fn say_bye(&mut self) {
        self.byes = self.byes.saturating_add(1);
        self.owes |= owe::BYE;
        self.repeat_in = self.config.hello;
    }

    /// How long until there is something to do though nothing comes.
    pub(super) fn next_timeout(&self) -> u32 {
        if !self.is_in_session() {
            return self.repeat_in;
        }
        self.repeat_in.min(self.ping_in).min(self.gone_in).min(self.line.timeout())
    }

    pub(super) fn time_passed(&mut self) {
        if self.repeat_in == 0 {
            match self.phase {
                Phase::Connecting => {
                    self.owes |= owe::HELLO;
                    self.repeat_in = self.config.hello;
                }
                Phase::Closing if self.byes >= BYES => return self.go_down(Down::Closed),
                Phase::Closing => self.say_bye(),
                _ => self.repeat_in = NEVER,
            }
        }
        if !self.is_in_session() {
            return;
        }
        if self.gone_in == 0 {
            return self.go_down(Down::PeerGone);
        }
        if self.ping_in == 0 {
            self.owes |= owe::PING;
            self.ping_in = self.config.keepalive;
        }
        self.line.handle_timeout();
    }
}
