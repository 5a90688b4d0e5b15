//! Links over real streams of every kind: ends that go away, peers that start again, and a program
//! that polls by itself.

mod support;

use ringway::CoreError;
use ringway::channel::State;
use ringway::fd::{Interest, WaitSet};
use ringway::fifo::Fifo;
use ringway::link::{
    Config, Down, Event, Line, Link, Phase, PortEvent, ReliableLink, ResetReason, SerialLink,
};
use ringway::pipe::pipe;
use ringway::serial;
use ringway::socket::{TcpListener, TcpStream, UnixStream};
use std::thread;
use std::time::Instant;
use support::{long, soon};

const MAX: usize = 300;

type Whole = ReliableLink<MAX, 4, 2, 3>;
type Noisy = SerialLink<MAX, 4, 2, 3>;

/// These times are so long that a late peer, as on a loaded machine, is not considered gone.
fn config(generation: u32) -> Config {
    Config { gone: 0, retransmit: 500, ..Config::new(generation) }
}

fn over_sockets() -> (Whole, Whole) {
    let (near, far) = UnixStream::pair().unwrap();
    (Whole::over(near, config(1)), Whole::over(far, config(2)))
}

fn over_tcp() -> (Whole, Whole) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_address().unwrap()).unwrap();
    (Whole::over(near, config(1)), Whole::over(listener.accept().unwrap(), config(2)))
}

fn over_pipes() -> (Whole, Whole) {
    let ((near_in, far_out), (far_in, near_out)) = (pipe().unwrap(), pipe().unwrap());
    (Whole::over((near_in, near_out), config(1)), Whole::over((far_in, far_out), config(2)))
}

fn over_fifos() -> (Whole, Whole) {
    let place = tempfile::tempdir().unwrap();
    let [there, back] =
        ["there", "back"].map(|name| Fifo::create(place.path().join(name), 0o600).unwrap());
    thread::scope(|s| {
        // Both sides open in the same order, so that each open finds its other end.
        let far = s.spawn(|| (there.open_reader().unwrap(), back.open_writer().unwrap()));
        let (near_out, near_in) = (there.open_writer().unwrap(), back.open_reader().unwrap());
        let (far_in, far_out) = far.join().unwrap();
        (Whole::over((near_in, near_out), config(1)), Whole::over((far_in, far_out), config(2)))
    })
}

fn over_a_terminal() -> (Noisy, Noisy) {
    let (near, far) = serial::pair().unwrap();
    (Noisy::over(near, config(1)), Noisy::over(far, config(2)))
}

/// The serial discipline needs no terminal.
fn serial_over_sockets() -> (Noisy, Noisy) {
    let (near, far) = UnixStream::pair().unwrap();
    (Noisy::over(near, config(1)), Noisy::over(far, config(2)))
}

fn message(n: usize) -> Vec<u8> {
    (0..n * 7 % (MAX + 1)).map(|at| (at * 31 + n) as u8).collect()
}

/// Sends `count` messages, receives as many, and half-closes in between.
fn half_of_an_exchange<L: Line>(link: &mut Link<L, 2, 3, MAX>, count: usize, first: bool) {
    link.connect_deadline(0, Some(long())).unwrap();
    let send = |link: &mut Link<L, 2, 3, MAX>| {
        for n in 0..count {
            link.send_deadline(0, &message(n), Some(long())).unwrap();
        }
        link.shut_send(0).unwrap();
    };
    if first {
        send(link);
    }
    let mut out = [0; MAX];
    for n in 0..count {
        let len = link.recv_deadline(0, &mut out, Some(long())).unwrap();
        assert_eq!(&out[..len], message(n), "message {n}");
    }
    let end = link.recv_deadline(0, &mut out, Some(long())).unwrap_err();
    assert!(end.is(CoreError::EndOfFile), "{end}");
    if !first {
        // The peer has closed its direction, and ours is still open.
        send(link);
    }
}

fn everything_arrives_each_way<L: Line + Send>(
    (mut near, mut far): (Link<L, 2, 3, MAX>, Link<L, 2, 3, MAX>),
) {
    thread::scope(|s| {
        s.spawn(|| {
            half_of_an_exchange(&mut far, 1_000, false);
            let mut last = None;
            while !matches!(last, Some(Event::Down(_))) {
                last = Some(far.next_event_deadline(Some(long())).unwrap());
            }
            assert_eq!(last, Some(Event::Down(Down::PeerClosed)));
        });
        half_of_an_exchange(&mut near, 1_000, true);
        assert_eq!(near.peer().unwrap().id.generation, 2);
        near.close_deadline(Some(long())).unwrap();
        assert_eq!(near.phase(), Phase::Down);
    });
}

/// The peer is dropped without a goodbye. What it had sent and ended before still arrives.
fn a_peer_that_goes_away_is_noticed<L: Line + Send>(
    (mut near, mut far): (Link<L, 2, 3, MAX>, Link<L, 2, 3, MAX>),
) {
    thread::scope(|s| {
        s.spawn(move || {
            far.connect_deadline(0, Some(long())).unwrap();
            far.connect_deadline(1, Some(long())).unwrap();
            far.send_deadline(0, b"last words", Some(long())).unwrap();
            far.shut_send(0).unwrap();
            // This tells the link that they arrived.
            assert_eq!(far.recv_deadline(1, &mut [0; MAX], Some(long())).unwrap(), 0);
        });
        near.connect_deadline(0, Some(long())).unwrap();
        near.connect_deadline(1, Some(long())).unwrap();
        let readable = Event::Port(0, PortEvent::PeerShutSend);
        while near.next_event_deadline(Some(long())).unwrap() != readable {}
        near.send_deadline(1, b"", Some(long())).unwrap();
        let torn = near.recv_deadline(1, &mut [0; MAX], Some(long())).unwrap_err();
        assert!(torn.is(CoreError::Reset), "{torn}");
        let mut out = [0; MAX];
        let len = near.recv_deadline(0, &mut out, Some(long())).unwrap();
        assert_eq!(&out[..len], b"last words");
        for _ in 0..2 {
            let end = near.recv_deadline(0, &mut out, Some(long())).unwrap_err();
            assert!(end.is(CoreError::EndOfFile), "{end}");
            let torn = near.send_deadline(0, b"late", Some(long())).unwrap_err();
            assert!(torn.is(CoreError::Reset), "{torn}");
            assert!(near.try_send(0, b"late").unwrap_err().is(CoreError::Reset));
        }
        assert_eq!(near.poll_event(), Some(Event::Down(Down::LineEnded)));
        assert!(near.open().unwrap_err().is(CoreError::EndOfFile));
        let late = near.connect_deadline(0, Some(long())).unwrap_err();
        assert!(late.is(CoreError::NotConnected), "{late}");
    });
}

/// A port that nobody reads does not stop the other one, and returns that it is full.
fn a_slow_port_stops_no_other<L: Line + Send>(
    (mut near, mut far): (Link<L, 2, 3, MAX>, Link<L, 2, 3, MAX>),
) {
    thread::scope(|s| {
        s.spawn(|| {
            far.connect_deadline(1, Some(long())).unwrap();
            far.connect_deadline(0, Some(long())).unwrap();
            for n in 0..200 {
                let mut out = [0; MAX];
                let len = far.recv_deadline(0, &mut out, Some(long())).unwrap();
                assert_eq!(&out[..len], message(n));
            }
            // Now send on the other port.
            for _ in 0..4 {
                far.recv_deadline(1, &mut [0; MAX], Some(long())).unwrap();
            }
            far.close_deadline(Some(long())).unwrap();
        });
        near.connect_deadline(1, Some(long())).unwrap();
        near.connect_deadline(0, Some(long())).unwrap();
        // The peer has room for as many messages as these.
        for _ in 0..3 {
            near.send_deadline(1, b"unread", Some(long())).unwrap();
        }
        let full = near.send_deadline(1, b"too many", Some(soon())).unwrap_err();
        assert!(full.is(CoreError::TimedOut), "{full}");
        assert!(near.try_send(1, b"too many").unwrap_err().is(CoreError::WouldBlock));
        for n in 0..200 {
            near.send_deadline(0, &message(n), Some(long())).unwrap();
        }
        near.send_deadline(1, b"at last", Some(long())).unwrap();
        let mut told = near.next_event_deadline(Some(long())).unwrap();
        while !matches!(told, Event::Down(_)) {
            told = near.next_event_deadline(Some(long())).unwrap();
        }
        assert_eq!(told, Event::Down(Down::PeerClosed));
    });
}

/// One thread does everything, and waits for both ends in its own call.
fn one_thread_can_poll_both_ends<L: Line>(
    (mut near, mut far): (Link<L, 2, 3, MAX>, Link<L, 2, 3, MAX>),
) {
    near.try_connect(0).unwrap();
    let (mut sent, mut received) = (0, 0);
    let limit = long();
    while received < 300 {
        near.turn().unwrap();
        far.turn().unwrap();
        while let Some(event) = far.poll_event() {
            if event == Event::Port(0, PortEvent::Waiting) {
                far.try_connect(0).unwrap();
            }
        }
        while near.port_state(0) == State::STREAM && near.try_send(0, &message(sent)).is_ok() {
            sent += 1;
        }
        let mut out = [0; MAX];
        while let Ok(len) = far.try_recv(0, &mut out) {
            assert_eq!(&out[..len], message(received));
            received += 1;
        }
        let mut until = limit;
        let mut set = WaitSet::new();
        let fds = [&near, &far].map(|link| (link.input(), link.output()));
        for ((input, output), link) in fds.iter().zip([&near as &dyn Blocked, &far]) {
            set.add(input, Interest::Read);
            if link.is_blocked() {
                set.add(output, Interest::Write);
            }
            until = link.timeout().map_or(until, |at| until.min(at));
        }
        // A timeout is as good as a byte, so the result does not matter.
        let _ = set.wait_deadline(Some(until));
        assert!(Instant::now() < limit, "{sent} sent, {received} received");
    }
}

trait Blocked {
    fn is_blocked(&self) -> bool;
    fn timeout(&self) -> Option<Instant>;
}

impl<L: Line> Blocked for Link<L, 2, 3, MAX> {
    fn is_blocked(&self) -> bool {
        Link::is_blocked(self)
    }

    fn timeout(&self) -> Option<Instant> {
        Link::timeout(self)
    }
}

macro_rules! over_every_stream {
    ($($case:ident)+) => {
        over_every_stream!(@ pipes over_pipes: $($case)+);
        over_every_stream!(@ fifos over_fifos: $($case)+);
        over_every_stream!(@ unix_stream over_sockets: $($case)+);
        over_every_stream!(@ tcp over_tcp: $($case)+);
        over_every_stream!(@ terminal over_a_terminal: $($case)+);
        over_every_stream!(@ serial_on_unix_stream serial_over_sockets: $($case)+);
    };
    (@ $stream:ident $ends:ident: $($case:ident)+) => {
        mod $stream {
            $(#[test]
            fn $case() {
                super::$case(super::$ends());
            })+
        }
    };
}

over_every_stream! {
    everything_arrives_each_way
    a_peer_that_goes_away_is_noticed
    a_slow_port_stops_no_other
    one_thread_can_poll_both_ends
}

// What is not the same for every stream
// -------------------------------------------------------------------------------------------------

#[test]
fn a_restarted_peer_on_the_same_line_is_recognised() {
    let (near, far) = serial::pair().unwrap();
    let mut near = Noisy::over(near, config(1));
    for generation in 2..5 {
        let theirs = ringway::fd::duplicate(&far).unwrap();
        thread::scope(|s| {
            // Each time the peer leaves without a goodbye, and the line stays.
            s.spawn(move || {
                let mut link = Noisy::over(theirs, config(generation));
                link.connect_deadline(0, Some(long())).unwrap();
                link.send_deadline(0, &generation.to_le_bytes(), Some(long())).unwrap();
                link.recv_deadline(0, &mut [0; MAX], Some(long())).unwrap();
            });
            let mut out = [0; MAX];
            // The session before ends with the greeting of the next peer.
            while near.port_state(0) == State::STREAM {
                near.next_event_deadline(Some(long())).unwrap();
            }
            near.connect_deadline(0, Some(long())).unwrap();
            assert_eq!(near.peer().unwrap().id.generation, generation);
            let len = near.recv_deadline(0, &mut out, Some(long())).unwrap();
            assert_eq!(&out[..len], generation.to_le_bytes());
            near.send_deadline(0, b"go", Some(long())).unwrap();
        });
    }
}

#[test]
fn a_link_goes_on_over_another_stream() {
    let mut near: Option<Whole> = None;
    for round in 0..3_u8 {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let near = match &mut near {
            Some(near) => {
                near.set_stream(ours);
                near
            }
            none => none.insert(Whole::over(ours, config(1))),
        };
        thread::scope(|s| {
            s.spawn(move || {
                let mut far = Whole::over(theirs, config(2));
                far.connect_deadline(0, Some(long())).unwrap();
                far.send_deadline(0, &[round], Some(long())).unwrap();
                far.close_deadline(Some(long())).unwrap();
            });
            near.connect_deadline(0, Some(long())).unwrap();
            let mut out = [9; 1];
            near.recv_deadline(0, &mut out, Some(long())).unwrap();
            assert_eq!(out, [round]);
            while near.phase() != Phase::Down {
                near.next_event_deadline(Some(long())).unwrap();
            }
        });
    }
}

#[test]
fn a_reset_has_a_reason_and_a_silent_peer_is_gone() {
    let (near, far) = UnixStream::pair().unwrap();
    let patience = Config { keepalive: 50, gone: 1_500, ..Config::new(1) };
    let mut near = Whole::over(near, patience);
    let mut far = Whole::over(far, config(2));
    thread::scope(|s| {
        s.spawn(|| {
            far.connect_deadline(1, Some(long())).unwrap();
            far.recv_deadline(1, &mut [0; MAX], Some(long())).unwrap();
            far.reset_port(1, 77).unwrap();
            // From here on nobody drives the link.
        });
        near.connect_deadline(1, Some(long())).unwrap();
        near.send_deadline(1, b"nonsense", Some(long())).unwrap();
        let reset = Event::Port(1, PortEvent::Reset(ResetReason::Peer(77)));
        while near.next_event_deadline(Some(long())).unwrap() != reset {}
    });
    let gone = Event::Down(Down::PeerGone);
    while near.next_event_deadline(Some(long())).unwrap() != gone {}
    assert_eq!(near.phase(), Phase::Connecting);
    // Someone drives it again, so there is a new session.
    thread::scope(|s| {
        s.spawn(|| far.connect_deadline(0, Some(long())).unwrap());
        near.connect_deadline(0, Some(long())).unwrap();
    });
}

#[test]
fn a_port_that_the_peer_does_not_have_is_refused() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut near = Whole::over(near, config(1));
    let mut far: ReliableLink<MAX> = ReliableLink::over(far, config(2));
    thread::scope(|s| {
        s.spawn(|| far.connect_deadline(0, Some(long())).unwrap());
        near.connect_deadline(0, Some(long())).unwrap();
        assert!(near.connect_deadline(1, Some(long())).unwrap_err().is(CoreError::NotFound));
        assert!(near.connect_deadline(2, Some(long())).unwrap_err().is(CoreError::NotFound));
    });
}

/// Sends as much as the port holds, which is more than one turn reads.
#[test]
fn messages_before_the_end_survive_a_failed_send() {
    // A link of this size passes through the stack while it is made.
    let roomy = thread::Builder::new().stack_size(64 << 20);
    roomy.spawn(a_send_that_fails_loses_nothing_that_had_come).unwrap().join().unwrap();
}

fn a_send_that_fails_loses_nothing_that_had_come() {
    const LARGE: usize = 100_000;
    type Large = ReliableLink<LARGE, 4, 1, 8>;
    for by_stream in [false, true] {
        let ((near_in, far_out), (far_in, near_out)) = (pipe().unwrap(), pipe().unwrap());
        rustix::pipe::fcntl_setpipe_size(&far_out, 1 << 20).unwrap();
        let mut near = Large::over((near_in, near_out), Config { gone: 0, ..Config::new(1) });
        let mut far = Large::over((far_in, far_out), Config { gone: 0, ..Config::new(2) });
        thread::scope(|s| {
            s.spawn(|| near.connect_deadline(0, Some(long())).unwrap());
            far.connect_deadline(0, Some(long())).unwrap();
        });
        for number in 0..8 {
            far.send_deadline(0, &vec![number; LARGE], Some(long())).unwrap();
        }
        drop(far);
        if by_stream {
            // The program has heard of another stream, and knows that this one is of no use any
            // more.
            let (other, _) = UnixStream::pair().unwrap();
            near.set_stream(other);
        } else {
            // Waits until the link notices, by failing to write.
            while near.send_deadline(0, b"into nothing", Some(soon())).is_ok() {}
        }
        let mut out = vec![0; LARGE];
        for number in 0..8 {
            assert_eq!(near.recv_deadline(0, &mut out, Some(long())).unwrap(), LARGE);
            assert_eq!(out, [number; LARGE]);
        }
        let torn = near.recv_deadline(0, &mut out, Some(long())).unwrap_err();
        assert!(torn.is(CoreError::Reset), "{torn}");
    }
}

#[test]
fn a_used_port_connects_again_in_the_next_session() {
    let (near_end, far_end) = UnixStream::pair().unwrap();
    let mut near: ReliableLink<MAX> = ReliableLink::over(near_end, Config::new(1));
    let mut far: ReliableLink<MAX> = ReliableLink::over(far_end, Config::new(2));
    thread::scope(|s| {
        s.spawn(|| near.connect_deadline(0, Some(long())).unwrap());
        far.connect_deadline(0, Some(long())).unwrap();
        far.send_deadline(0, b"never received", Some(long())).unwrap();
    });
    drop(far);
    while near.phase() != Phase::Down {
        near.wait(Some(long())).unwrap();
        near.turn().unwrap();
    }
    let late = near.connect_deadline(0, Some(long())).unwrap_err();
    assert!(late.is(CoreError::NotConnected), "{late}");
    let (near_end, far_end) = UnixStream::pair().unwrap();
    near.set_stream(near_end);
    let mut far: ReliableLink<MAX> = ReliableLink::over(far_end, Config::new(3));
    thread::scope(|s| {
        s.spawn(|| near.connect_deadline(0, Some(long())).unwrap());
        far.connect_deadline(0, Some(long())).unwrap();
    });
    far.send_deadline(0, b"new", Some(long())).unwrap();
    let mut out = [0; MAX];
    let len = near.recv_deadline(0, &mut out, Some(long())).unwrap();
    assert_eq!(&out[..len], b"new");
}

#[test]
fn try_send_finds_room_that_the_peer_made() {
    let (mut near, mut far) = over_sockets();
    thread::scope(|s| {
        s.spawn(|| far.connect(0).unwrap());
        near.connect(0).unwrap();
    });
    let mut sent = 0;
    while near.try_send(0, b"x").is_ok() {
        sent += 1;
    }
    assert!(near.try_send(0, b"x").unwrap_err().is(CoreError::WouldBlock));
    for _ in 0..sent {
        far.recv(0, &mut [0; MAX]).unwrap();
    }
    near.try_send(0, b"x").unwrap();
}
