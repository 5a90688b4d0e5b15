//! The sessions of a link: greeting, keepalive and closing. See the [diagram](super).

use super::super::frame::{self, FIRST_NUMBERED, Hello, Identity, VERSION};
use super::line::Line;
use super::{Down, LinkInner, Phase, Ports, Time, Timer};

/// The unnumbered records to send as soon as the line is free: one bit per kind, lowest first.
pub(super) mod owe {
    use super::frame;

    pub(crate) const HELLO: u8 = 1 << frame::HELLO;
    pub(crate) const BYE: u8 = 1 << frame::BYE;
    pub(crate) const BYE_ACK: u8 = 1 << frame::BYE_ACK;
    pub(crate) const PING: u8 = 1 << frame::PING;
    pub(crate) const PONG: u8 = 1 << frame::PONG;
}

/// The timer to send `HELLO` or `BYE` once more.
const REPEAT: usize = 0;
/// The timer to ask whether the peer is there.
const PING: usize = 1;
/// The timer to give the peer up.
const GONE: usize = 2;

/// How often a closing side sends `BYE` to a peer that does not answer.
const BYES: u8 = 8;

impl<L: Line, P: Ports> LinkInner<L, P> {
    /// Advances the clock to `now`, unless it is later already.
    #[inline(never)]
    pub(super) fn advance_clock(&mut self, now: u64) {
        let Some(passed) = now.checked_sub(self.now.0) else { return };
        self.now = Time(now);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        for timer in &mut self.timers {
            timer.elapse(passed);
        }
        self.line.elapse(passed);
    }

    /// Begins to greet, under an identity that no frame on the line belongs to.
    #[inline(never)]
    pub(super) fn connect(&mut self) {
        self.local.attempt = self.local.attempt.checked_add(1).unwrap_or(1);
        self.peer.id = Identity::NOBODY;
        self.phase = Phase::Connecting;
        self.greet();
    }

    fn greet(&mut self) {
        self.owes = owe::HELLO;
        self.timers[REPEAT] = Timer::after(self.config.hello);
    }

    #[inline(never)]
    fn come_up(&mut self) {
        self.phase = Phase::Up;
        self.line.begin();
        self.has_heard = false;
        self.byes = 0;
        self.timers[REPEAT] = Timer::OFF;
        self.owes &= owe::HELLO;
        self.restart_silence_timers();
        self.came_up = true;
        // The ports that the peer does not have.
        for (number, slot) in (0_u32..).zip(self.ports.as_mut_slice()) {
            if number >= self.peer.ports.into() && slot.port.said != 0 {
                slot.port.refuse();
            }
        }
    }

    /// Ends the session and notes why.
    ///
    /// A side that was closing stays down, and its user learns whether the peer received
    /// everything.
    #[inline(never)]
    pub(super) fn go_down(&mut self, why: Down) {
        for slot in self.ports.as_mut_slice() {
            if !slot.port.link_down(!slot.inbox.is_empty()) {
                slot.inbox.clear();
            }
        }
        let closing = self.phase == Phase::Closing;
        let why = if closing && self.byes > 0 { Down::Closed } else { why };
        (self.went_down, self.why) = (true, why);
        self.came_up = false;
        match why {
            _ if closing => self.stay_down(),
            Down::PeerGone | Down::PeerRestarted => self.connect(),
            Down::Violation if self.line.resynchronises() => self.connect(),
            _ => self.stay_down(),
        }
    }

    /// Returns whether there is a session.
    pub(super) fn is_in_session(&self) -> bool {
        matches!(self.phase, Phase::Up | Phase::Closing)
    }

    fn stay_down(&mut self) {
        self.phase = Phase::Down;
        self.owes = 0;
        self.timers[REPEAT] = Timer::OFF;
    }

    /// Notes that the peer is alive: starts the silence timers again.
    ///
    /// The timers mean nothing outside a session.
    fn restart_silence_timers(&mut self) {
        self.timers[PING] = Timer::after(self.config.keepalive);
        self.timers[GONE] = Timer::after(self.config.gone);
    }

    /// Handles a record that came; its port and body are in the line.
    pub(super) fn handle_frame(&mut self, kind: u8) {
        if kind == frame::HELLO {
            return self.handle_hello();
        }
        if !self.is_in_session() {
            // The peer goes on with a session that is over: our last record was lost, so send it
            // again.
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
        self.restart_silence_timers();
        match kind {
            frame::ACK | frame::PONG => {}
            frame::PING => self.owes |= owe::PONG,
            frame::BYE => {
                self.go_down(Down::PeerClosed);
                self.owes = owe::BYE_ACK;
            }
            frame::BYE_ACK if self.byes > 0 => self.go_down(Down::Closed),
            FIRST_NUMBERED.. => {
                if self.handle_record(kind).is_err() {
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
        let known = self.peer.id;
        match self.peer.read(self.line.body()) {
            Some(VERSION) => {}
            Some(version) => return self.go_down(Down::Incompatible(version)),
            None => return self.go_down(Down::Violation),
        }
        if self.phase != Phase::Connecting {
            // A peer that sent a record in this session was up. It would not greet again as a peer
            // that is not up.
            if self.peer.id == known && (self.peer.up || !self.has_heard) {
                if !self.peer.up {
                    self.owes |= owe::HELLO;
                }
                return;
            }
            self.go_down(Down::PeerRestarted);
            if self.phase == Phase::Down {
                return;
            }
            // Connecting again made this side forget it.
            self.peer.read(self.line.body());
        }
        if self.peer.heard == self.local {
            self.come_up();
        }
        // A peer that is up in this session needs no answer. Any other peer does.
        if !self.peer.up || self.phase != Phase::Up {
            self.owes |= owe::HELLO;
        }
    }

    /// Begins the next frame; returns whether there is one.
    pub(super) fn start_frame(&mut self) -> bool {
        if self.owes != 0 {
            let mut kind = frame::HELLO;
            while self.owes & 1_u8.wrapping_shl(kind.into()) == 0 {
                kind = kind.wrapping_add(1);
            }
            self.owes &= self.owes.wrapping_sub(1);
            let hello = Hello {
                up: self.is_in_session(),
                ports: self.ports.as_slice().len() as u8,
                credits: self.ports.credits(),
                max: self.ports.max() as u32,
                id: self.local,
                heard: self.peer.id,
            };
            self.line.start_control(kind, (kind == frame::HELLO).then_some(&hello));
            return true;
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
            self.line.start_control(frame::BYE, None);
            return true;
        }
        false
    }

    fn say_bye(&mut self) {
        self.byes = self.byes.saturating_add(1);
        self.owes |= owe::BYE;
        self.timers[REPEAT] = Timer::after(self.config.hello);
    }

    /// Returns the timer that is due first.
    pub(super) fn next_timer(&self) -> Timer {
        if !self.is_in_session() {
            return self.timers[REPEAT];
        }
        self.timers.iter().copied().fold(self.line.timer(), Timer::max)
    }

    pub(super) fn run_timers(&mut self) {
        if self.timers[REPEAT].is_due() {
            match self.phase {
                Phase::Connecting => {
                    self.owes |= owe::HELLO;
                    self.timers[REPEAT] = Timer::after(self.config.hello);
                }
                Phase::Closing if self.byes >= BYES => return self.go_down(Down::Closed),
                Phase::Closing => self.say_bye(),
                _ => self.timers[REPEAT] = Timer::OFF,
            }
        }
        if !self.is_in_session() {
            return;
        }
        if self.timers[GONE].is_due() {
            return self.go_down(Down::PeerGone);
        }
        if self.timers[PING].is_due() {
            self.owes |= owe::PING;
            self.timers[PING] = Timer::after(self.config.keepalive);
        }
        self.line.handle_timeout();
    }
}
