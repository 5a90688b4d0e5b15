//! Explores two serial links and the line between them exhaustively, breadth first over hashed
//! states.
//!
//! The steps are: a side transmits a frame, the line delivers, loses, damages, cuts or duplicates
//! it, a timer fires, a reader reads, a side restarts. The explorer tries them in every order.
//!
//! The links see time pass only when the explorer fires a timer. Then it tells the link that its
//! next timer is due. In every state that can be reached:
//!
//! - what a port delivered is a prefix of what the other end sent, once each and in order;
//! - neither end reports that the other broke the protocol, so neither overran the other's inbox;
//!   and neither reports a restart that did not happen;
//! - if the line works from then on, the links can deliver everything and close both ends.
// Not for Miri: link_session, link_frame and link_hostile reach the unsafe code below a link.
#![cfg(not(any(loom, miri)))]

use ringway_core::channel::link::{Config, Down, Event, Phase, SerialLink};
use ringway_core::channel::{Direction, State};
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};

const MAX: usize = 24;
/// The time that the explorer passes to the links; only a timer step passes a later one.
const NOW: u64 = 0;

/// The bounds of an exploration.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// How many messages each side sends on each port.
    messages: [u8; 2],
    /// How many frames fit on the line in each direction.
    line: usize,
    /// The most faults in one history. A timer that fires while frames are under way counts as a
    /// fault. While none is under way, timers fire without limit.
    faults: u8,
    /// The most restarts of either side in one history.
    restarts: u8,
    /// Whether reading is a separate step, which may come late, or happens at once.
    slow_readers: bool,
    keepalive: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    generation: u8,
    life: u8,
    place: u8,
}

/// The program at one end of one port.
///
/// It sends its messages, then ends its sending. It receives up to the end of file, then closes.
#[derive(Debug, Clone, Copy, Hash)]
struct User {
    life: u8,
    sent: u8,
    /// How many messages were received in this life of the port.
    taken: u8,
    /// The last message received in any life.
    last: Option<Name>,
    done: bool,
}

type Links<const WINDOW: usize, const PORTS: usize, const CREDITS: usize> =
    SerialLink<MAX, WINDOW, PORTS, CREDITS>;

#[derive(Clone, Hash)]
struct World<const W: usize, const P: usize, const C: usize> {
    links: [Links<W, P, C>; 2],
    generations: [u8; 2],
    users: [[User; P]; 2],
    wires: [VecDeque<Vec<u8>>; 2],
    faults: u8,
    restarts: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Transmit,
    Deliver,
    /// A timer fires when nothing is on the line and nothing is to be sent.
    Timer,
    Read(u8),
    /// A timer fires before an answer had a chance to come.
    EarlyTimer,
    Lose,
    /// A bit within the frame flips.
    Flip,
    /// The zero at the frame's end changes.
    Merge,
    /// The second half of the frame is lost.
    Cut,
    Duplicate,
    Restart,
}

impl Step {
    fn is_fault(self) -> bool {
        use Step::{Cut, Duplicate, EarlyTimer, Flip, Lose, Merge};
        matches!(self, EarlyTimer | Lose | Flip | Merge | Cut | Duplicate)
    }
}

fn is_shut(direction: Direction) -> bool {
    matches!(direction, Direction::Shut | Direction::Ended)
}

impl<const W: usize, const P: usize, const C: usize> World<W, P, C> {
    fn link(plan: Plan, generation: u8) -> Links<W, P, C> {
        let config = Config {
            retransmit: 1,
            hello: 1,
            keepalive: plan.keepalive,
            gone: 0,
            ..Config::new(generation.into())
        };
        let mut link = Links::new(config);
        link.open(NOW).unwrap();
        link
    }

    fn new(plan: Plan) -> Self {
        let user = User { life: 0, sent: 0, taken: 0, last: None, done: false };
        let mut world = World {
            links: [Self::link(plan, 1), Self::link(plan, 101)],
            generations: [1, 101],
            users: [[user; P]; 2],
            wires: [VecDeque::new(), VecDeque::new()],
            faults: plan.faults,
            restarts: plan.restarts,
        };
        world.run_users(plan);
        world
    }

    /// Returns whether everything was delivered and both ends are closed.
    ///
    /// A closing side gives up when the peer does not answer. Then only a keepalive tells the peer.
    fn is_goal(&self, plan: Plan) -> bool {
        let [first, second] = self.links.each_ref().map(|link| link.phase() == Phase::Down);
        // The second side may restart while the first one has everything and is closing.
        let needed = if self.generations[1] > 101 { 1 } else { 2 };
        let done = self.users.iter().take(needed).flatten().all(|user| user.done);
        let second = second || needed == 1;
        done && first && (second || plan.keepalive == 0)
    }

    fn summary(&self) -> String {
        let end = |side: usize| {
            let link = &self.links[side];
            let ports: Vec<_> = (0..P as u8).map(|port| link.port_state(port)).collect();
            let users = &self.users[side];
            format!("{:?} {ports:?} {users:?} {:?}", link.phase(), self.wires[side])
        };
        format!("{}\n    {}", end(0), end(1))
    }

    /// Puts one frame on the line, with the zero that ends it.
    fn transmit(&mut self, side: usize) -> bool {
        let mut frame = Vec::new();
        let mut byte = [0];
        while self.links[side].poll_transmit(NOW, &mut byte) == 1 {
            frame.push(byte[0]);
            if byte[0] == 0 && frame.len() > 1 {
                break;
            }
        }
        let some = !frame.is_empty();
        if some {
            self.wires[side].push_back(frame);
        }
        some
    }

    /// Returns whether nothing is on the line and neither side has anything to send.
    fn is_idle(&self) -> bool {
        self.wires.iter().all(|wire| wire.is_empty())
            && (0..2).all(|side| self.links[side].clone().poll_transmit(NOW, &mut [0]) == 0)
    }

    fn read(&mut self, plan: Plan, side: usize, port: usize) -> bool {
        let mut out = [0; MAX];
        let Ok(len) = self.links[side].try_recv(port as u8, &mut out) else { return false };
        let [to, generation, life, place] = out[..len] else { panic!("not a message: {out:?}") };
        let name = Name { generation, life, place };
        assert_eq!(to as usize, port, "a message of another port");
        let user = &mut self.users[side][port];
        match user.last {
            Some(last) if (last.generation, last.life) == (generation, life) => {
                assert_eq!(place, last.place + 1, "lost, doubled or out of order");
            }
            last => {
                assert!(last.is_none_or(|last| last < name), "{name:?} behind {last:?}");
                assert_eq!(place, 0, "a life that does not begin at its beginning");
            }
        }
        assert!(place < plan.messages[1 - side]);
        user.last = Some(name);
        user.taken += 1;
        true
    }

    /// Does everything that the programs do at once.
    fn run_users(&mut self, plan: Plan) {
        for side in 0..2 {
            while let Some(event) = self.links[side].poll_event() {
                match event {
                    Event::Down(why @ (Down::Violation | Down::Incompatible(_))) => {
                        panic!("two honest ends: {why:?}")
                    }
                    Event::Down(Down::PeerRestarted) => {
                        assert!(plan.restarts > 0, "no side restarted");
                        self.users[side].iter_mut().for_each(|user| user.done = false);
                        let _ = self.links[side].open(NOW);
                    }
                    _ => {}
                }
            }
            for port in 0..P {
                if !plan.slow_readers {
                    while self.read(plan, side, port) {}
                }
                let generation = self.generations[side];
                let (user, link) = (&mut self.users[side][port], &mut self.links[side]);
                let number = port as u8;
                let state = link.port_state(number);
                let is_free = matches!(state, State::New | State::Reset | State::Closed);
                if is_free && !user.done && link.open_port(number).is_ok() {
                    user.life += 1;
                    user.sent = 0;
                    user.taken = 0;
                }
                while user.sent < plan.messages[side]
                    && link.try_send(number, &[number, generation, user.life, user.sent]).is_ok()
                {
                    user.sent += 1;
                }
                if user.sent == plan.messages[side] && state.can_send() {
                    link.shut_send(number).unwrap();
                }
                if let State::Connected { send, recv } = link.port_state(number) {
                    if is_shut(send) && is_shut(recv) && !user.done {
                        let all = plan.messages[1 - side];
                        assert_eq!(user.taken, all, "end of file before the last message");
                        self.links[side].close_port(number);
                        self.users[side][port].done = true;
                    }
                }
            }
            let done = self.users[side].iter().all(|user| user.done);
            if side == 0 && done && self.links[0].phase() == Phase::Up {
                self.links[0].close(NOW);
            }
        }
    }

    /// Returns the world after a step of one side, or of the line that leads away from it.
    ///
    /// `None`: the step is not possible.
    fn after(&self, plan: Plan, side: usize, step: Step) -> Option<Self> {
        let faults = self.faults.checked_sub(u8::from(step.is_fault()))?;
        let front = || self.wires[side].front().cloned();
        let mut world = self.clone();
        world.faults = faults;
        match step {
            Step::Transmit => {
                if self.wires[side].len() >= plan.line || !world.transmit(side) {
                    return None;
                }
            }
            Step::Timer | Step::EarlyTimer => {
                let due = self.links[side].poll_timeout()?;
                if self.is_idle() != (step == Step::Timer) {
                    return None;
                }
                world.links[side].handle_timeout(due);
            }
            Step::Read(port) => {
                if !plan.slow_readers || !world.read(plan, side, port.into()) {
                    return None;
                }
            }
            Step::Restart => {
                world.restarts = world.restarts.checked_sub(1)?;
                // After that, a side that restarts has no peer to connect to.
                if matches!(self.links[0].phase(), Phase::Closing | Phase::Down) {
                    return None;
                }
                world.generations[side] += 1;
                world.links[side] = Self::link(plan, world.generations[side]);
                world.users[side].iter_mut().for_each(|user| {
                    user.life = 0;
                    user.done = false;
                });
            }
            Step::Deliver | Step::Lose | Step::Flip | Step::Merge | Step::Cut | Step::Duplicate => {
                let mut frame = front()?;
                if step != Step::Duplicate {
                    world.wires[side].pop_front();
                }
                let middle = frame.len() / 2;
                match step {
                    Step::Lose => frame.clear(),
                    Step::Flip => frame[middle] ^= 1 << 6,
                    Step::Merge => *frame.last_mut()? = 0x10,
                    Step::Cut => frame.truncate(middle),
                    _ => {}
                }
                world.links[1 - side].handle_bytes(NOW, &frame);
            }
        }
        world.run_users(plan);
        Some(world)
    }
}

/// A hash of 128 bits, so that two different states almost never have the same one.
#[derive(Clone, Copy)]
struct Fingerprint(u64, u64);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 56);
            self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            self.0 ^= self.0 >> 29;
            self.1 = (self.1.rotate_left(23) ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            self.1 ^= self.1 >> 32;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn fingerprint(state: &impl Hash) -> (u64, u64) {
    let mut hasher = Fingerprint(1, 2);
    state.hash(&mut hasher);
    (hasher.0, hasher.1)
}

/// Explores every state that the plan allows; returns how many there are.
fn explore<const W: usize, const P: usize, const C: usize>(plan: Plan) -> usize {
    let first = World::<W, P, C>::new(plan);
    let mut known = HashMap::from([(fingerprint(&first), 0_u32)]);
    // The step that led to each state, to show the history of a stuck one.
    let mut origins: Vec<(u32, usize, Step)> = vec![(0, 0, Step::Transmit)];
    let mut goals = Vec::new();
    // The steps without faults and restarts, backwards.
    let mut backwards: Vec<(u32, u32)> = Vec::new();
    let mut queue = VecDeque::from([(0_u32, first)]);
    let mut steps = vec![Step::Transmit, Step::Deliver, Step::Timer];
    steps.extend((0..P as u8).map(Step::Read));
    let benign = steps.len();
    steps.extend([
        Step::EarlyTimer,
        Step::Lose,
        Step::Flip,
        Step::Merge,
        Step::Cut,
        Step::Duplicate,
        Step::Restart,
    ]);
    while let Some((at, world)) = queue.pop_front() {
        if world.is_goal(plan) {
            goals.push(at);
        }
        for side in 0..2 {
            for (nth, step) in steps.iter().enumerate() {
                let Some(next) = world.after(plan, side, *step) else { continue };
                let count = known.len() as u32;
                let number = *known.entry(fingerprint(&next)).or_insert(count);
                if nth < benign {
                    backwards.push((number, at));
                }
                if number == count {
                    origins.push((at, side, *step));
                    queue.push_back((number, next));
                }
            }
        }
    }
    assert!(!goals.is_empty(), "the goal is never reached");

    // The states from which a goal can be reached without another fault.
    backwards.sort_unstable();
    let mut good = vec![false; known.len()];
    let mut open = goals;
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut good[at as usize], true) {
            continue;
        }
        let from = backwards.partition_point(|edge| edge.0 < at);
        let edges = backwards[from..].iter().take_while(|edge| edge.0 == at);
        open.extend(edges.map(|edge| edge.1).filter(|from| !good[*from as usize]));
    }
    if let Some(stuck) = good.iter().position(|good| !good) {
        let mut story = Vec::new();
        let mut at = stuck as u32;
        while at != 0 {
            let (from, side, step) = origins[at as usize];
            story.push((side, step));
            at = from;
        }
        story.reverse();
        let mut world = World::<W, P, C>::new(plan);
        for (side, step) in &story {
            world = world.after(plan, *side, *step).expect("it was possible before");
            println!("{side} {step:?}: {}", world.summary());
        }
        panic!("stuck though the line works, after {story:?}");
    }
    println!("{} states, {} steps without a fault, {plan:?}", known.len(), backwards.len());
    known.len()
}

const PLAN: Plan =
    Plan { messages: [2, 1], line: 2, faults: 1, restarts: 0, slow_readers: false, keepalive: 0 };

#[test]
fn line_faults_lose_double_and_stop_nothing() {
    explore::<2, 1, 1>(PLAN);
    explore::<2, 1, 1>(Plan { messages: [1, 0], ..PLAN });
}

#[test]
fn slow_readers_are_not_overrun_and_stop_nothing() {
    explore::<2, 1, 2>(Plan { messages: [3, 0], slow_readers: true, line: 1, ..PLAN });
}

#[test]
fn two_ports_do_not_disturb_each_other() {
    explore::<2, 2, 1>(Plan { messages: [1, 0], slow_readers: true, line: 1, faults: 0, ..PLAN });
}

#[test]
fn restart_at_any_moment_is_recognised() {
    explore::<2, 1, 1>(Plan { messages: [1, 0], restarts: 1, line: 1, faults: 0, ..PLAN });
}

#[test]
fn keepalive_notices_a_close_that_was_not_heard() {
    explore::<1, 1, 1>(Plan { messages: [0, 0], line: 1, keepalive: 1, ..PLAN });
}

/// Explores larger plans, in release builds only.
///
/// The command is `cargo test --release -p ringway-core --test link_explore`.
///
/// It takes about a minute and 4 GiB in a release build.
#[test]
#[cfg(not(debug_assertions))]
fn larger_plans_with_more_faults() {
    explore::<2, 1, 1>(Plan { faults: 2, ..PLAN });
    explore::<1, 1, 1>(Plan { faults: 2, ..PLAN });
    explore::<2, 1, 2>(Plan { messages: [3, 0], slow_readers: true, ..PLAN });
    explore::<2, 2, 1>(Plan { messages: [1, 1], slow_readers: true, line: 1, ..PLAN });
    explore::<2, 1, 1>(Plan { messages: [1, 1], restarts: 1, line: 1, ..PLAN });
    explore::<1, 1, 1>(Plan { messages: [1, 0], line: 1, keepalive: 1, faults: 2, ..PLAN });
}
