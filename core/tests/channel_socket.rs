//! Sockets in memory keep what `socket(7)` and `unix(7)` promise about connecting and half-closing.

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/woken.rs"]
mod woken;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::channel::socket::{
    Address, Connection, Listener, Network, Packets, Shutdown, Stream,
};
use ringway_core::channel::{Direction, State};
use ringway_core::wait::{Async, Nobody, Spin, SpinClock, Wait};
use scaled::scaled;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use woken::Woken;
use yielding::Yielding;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

fn pair<const N: usize>() -> Connection<N, Yielding> {
    Connection::new()
}

/// Reads everything up to the end of file.
fn read_to_end<const N: usize, W: Wait>(stream: &mut Stream<'_, N, W>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut out = [0; 7];
    loop {
        match stream.read(&mut out).unwrap() {
            0 => return all,
            count => all.extend_from_slice(&out[..count]),
        }
    }
}

mod listening {
    use super::*;

    #[test]
    fn address_is_free_after_its_listener_closes() {
        let net: Network<2, 1, 8> = Network::new();
        let listener = net.streams().listen(b"a", 1).unwrap();
        assert_eq!(listener.state(), State::Listening);
        assert_eq!(net.streams().listen(b"a", 1).err(), Some(Error::AddressInUse));
        assert_eq!(net.packets().try_listen(b"a", 1).err(), Some(Error::AddressInUse));
        let port = net.streams().listen(7, 1).unwrap();
        assert_eq!(net.streams().listen(8, 1).err(), Some(Error::Exhausted));
        drop(listener);
        assert!(net.streams().try_listen(b"a", 1).is_ok());
        drop(port);
        assert!(net.packets().listen(7, 1).is_ok());
    }

    #[test]
    fn empty_and_long_names_are_refused() {
        let net: Network<1, 1, 8> = Network::new();
        assert_eq!(net.streams().listen("", 1).err(), Some(Error::BadName));
        assert_eq!(net.streams().connect(&[b'x'; 33]).err(), Some(Error::BadName));
        assert!(net.streams().listen(&[b'x'; 32], 1).is_ok());
        let name: &[u8] = b"7";
        assert_ne!(Address::from(name), Address::from(7), "a name is not a port");
    }

    #[test]
    fn connect_without_a_listener_is_refused() {
        let net: Network<1, 1, 8> = Network::new();
        assert_eq!(net.streams().connect(7).err(), Some(Error::Refused));
        let listener = net.streams().listen(7, 1).unwrap();
        assert_eq!(net.streams().connect("7").err(), Some(Error::Refused));
        assert_eq!(net.packets().connect(7).err(), Some(Error::Refused), "another kind");
        drop(listener);
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::Refused));
    }

    #[test]
    fn connect_and_write_do_not_wait_for_accept() {
        let net: Network<1, 1, 8> = Network::new();
        let listener = net.streams().listen(7, 1).unwrap();
        assert_eq!(listener.try_accept().err(), Some(Error::WouldBlock));
        let mut caller = net.streams().connect(7).unwrap();
        assert_eq!(caller.try_write(b"early"), Ok(5));
        drop(caller);
        let mut accepted = listener.accept().unwrap();
        assert_eq!(read_to_end(&mut accepted), b"early");
        assert_eq!(accepted.try_write(b"x"), Err(Error::BrokenPipe));
    }

    #[test]
    fn connections_are_accepted_in_arrival_order() {
        let net: Network<2, 4, 8> = Network::new();
        let first = net.streams().listen("first", 4).unwrap();
        let second = net.streams().listen("second", 4).unwrap();
        let callers: Vec<_> = [("first", 1), ("second", 2), ("first", 3), ("first", 4)]
            .into_iter()
            .map(|(address, number)| {
                let mut caller = net.streams().try_connect(address).unwrap();
                caller.try_write(&[number]).unwrap();
                caller
            })
            .collect();
        let number = |mut stream: Stream<'_, 8>| {
            let mut out = [0];
            stream.try_read(&mut out).unwrap();
            out[0]
        };
        assert_eq!(number(first.try_accept().unwrap()), 1);
        assert_eq!(number(first.try_accept().unwrap()), 3);
        assert_eq!(number(second.try_accept().unwrap()), 2);
        assert_eq!(number(first.try_accept().unwrap()), 4);
        assert_eq!(first.try_accept().err(), Some(Error::WouldBlock));
        drop(callers);
    }

    #[test]
    fn connect_would_block_while_the_backlog_is_full() {
        let net: Network<1, 4, 8> = Network::new();
        let listener = net.streams().listen(7, 2).unwrap();
        let one = net.streams().try_connect(7).unwrap();
        let _two = net.streams().try_connect(7).unwrap();
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::WouldBlock));
        drop(one);
        assert_eq!(
            net.streams().try_connect(7).err(),
            Some(Error::WouldBlock),
            "a connection whose caller closed still waits"
        );
        let _one = listener.try_accept().unwrap();
        assert!(net.streams().try_connect(7).is_ok());
    }

    #[test]
    fn backlog_of_zero_counts_as_one() {
        let net: Network<1, 2, 8> = Network::new();
        let _listener = net.streams().listen(7, 0).unwrap();
        let _one = net.streams().try_connect(7).unwrap();
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::WouldBlock));
    }

    #[test]
    fn closing_both_sides_frees_the_connection() {
        let net: Network<1, 1, 8> = Network::new();
        let listener = net.streams().listen(7, 4).unwrap();
        let mut caller = net.streams().try_connect(7).unwrap();
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::Exhausted));
        let mut accepted = listener.try_accept().unwrap();
        caller.try_write(b"unread").unwrap();
        accepted.try_write(b"unread").unwrap();
        drop(caller);
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::Exhausted));
        drop(accepted);
        let mut caller = net.streams().try_connect(7).unwrap();
        let mut accepted = listener.try_accept().unwrap();
        assert_eq!(accepted.try_read(&mut [0; 8]), Err(Error::WouldBlock), "it starts empty");
        assert_eq!(caller.try_read(&mut [0; 8]), Err(Error::WouldBlock));
    }

    #[test]
    fn half_closed_connection_is_not_free() {
        let net: Network<1, 2, 8> = Network::new();
        let listener = net.streams().listen(1, 1).unwrap();
        let mut half = net.streams().connect(1).unwrap();
        drop(listener.accept().unwrap());
        // No end of one of its two pipes is open.
        half.shutdown(Shutdown::Write);
        let mut other = net.streams().connect(1).unwrap();
        let mut accepted = listener.accept().unwrap();
        assert_eq!(other.write(b"a"), Ok(1));
        assert_eq!(accepted.read(&mut [0; 8]), Ok(1));
        assert_eq!(net.streams().connect(1).err(), Some(Error::Exhausted));
    }

    #[test]
    fn listener_close_resets_only_waiting_connections() {
        let net: Network<1, 3, 8> = Network::new();
        let listener = net.streams().listen(7, 3).unwrap();
        let mut accepted_caller = net.streams().try_connect(7).unwrap();
        let mut accepted = listener.try_accept().unwrap();
        let mut waiting = net.streams().try_connect(7).unwrap();
        waiting.try_write(b"lost").unwrap();
        drop(listener);
        assert_eq!(waiting.state(), State::Reset);
        assert_eq!(waiting.try_read(&mut [0; 8]), Err(Error::Reset));
        assert_eq!(waiting.try_write(b"x"), Err(Error::BrokenPipe));
        assert_eq!(accepted.try_write(b"hi"), Ok(2));
        assert_eq!(accepted_caller.try_read(&mut [0; 8]), Ok(2));

        // A new listener at the address does not get the old connections. The place of the
        // connection that was torn down is used again.
        drop(waiting);
        let listener = net.streams().listen(7, 3).unwrap();
        assert_eq!(listener.try_accept().err(), Some(Error::WouldBlock));
        let mut first = net.streams().try_connect(7).unwrap();
        let _second = net.streams().try_connect(7).unwrap();
        assert_eq!(first.state(), State::STREAM);
        assert_eq!(first.try_read(&mut [0; 8]), Err(Error::WouldBlock));
    }

    #[test]
    fn try_forms_work_without_a_waiter() {
        let net = Network::<1, 1, 32, Nobody>::new();
        let listener = net.packets().try_listen(7, 1).unwrap();
        assert_eq!(listener.try_accept().err(), Some(Error::WouldBlock));
        let mut here = net.packets().try_connect(7).unwrap();
        let mut there = listener.try_accept().unwrap();
        assert_eq!(here.try_send(b"hello"), Ok(()));
        assert_eq!(there.try_recv(&mut [0; 8]), Ok(5));
    }

    #[test]
    fn listen_works_for_tasks_and_deadlines() {
        let net = Network::<1, 1, 8, Async<SpinClock<Hundred>>>::new();
        let mut cx = Context::from_waker(Waker::noop());
        let listener = net.streams().listen_deadline(7, 1, Some(99)).unwrap();
        let sockets = net.streams();
        let Poll::Ready(second) = pin!(sockets.listen_async(7, 1)).poll(&mut cx) else {
            panic!("no other context uses the network")
        };
        assert_eq!(second.err(), Some(Error::AddressInUse));
        drop(listener);
        assert!(pin!(sockets.listen_async(7, 1)).poll(&mut cx).is_ready());
        let empty = net.streams().listen_deadline("", 1, None);
        assert_eq!(empty.err(), Some(Error::BadName));
    }

    #[test]
    fn stream_exact_forms_are_all_or_nothing() {
        let mut pair = Connection::<4, Async<Spin>>::new();
        let (mut here, mut there) = pair.split();
        let mut out = [0; 3];
        assert_eq!(here.try_write(b"12345"), Ok(4), "some");
        assert_eq!(there.try_read_exact(&mut out), Ok(()));
        assert_eq!(there.try_read_exact(&mut out), Err(Error::WouldBlock));
        assert_eq!(here.try_write_all(b"6789"), Err(Error::WouldBlock));
        assert_eq!(here.try_write_all(b"67"), Ok(()));
        assert_eq!(there.read_exact(&mut out), Ok(()));
        assert_eq!(&out, b"467");
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut write = pin!(here.write_all_async(b"abcdef"));
            assert!(write.as_mut().poll(&mut cx).is_pending());
            assert_eq!(there.read_exact(&mut out), Ok(()));
            assert_eq!(write.poll(&mut cx), Poll::Ready(Ok(())));
        }
        here.shutdown(Shutdown::Write);
        assert_eq!(here.write_all(b"x"), Err(Error::BrokenPipe));
        let mut missing = [0; 5];
        let read = pin!(there.read_exact_async(&mut missing)).poll(&mut cx);
        assert_eq!(read, Poll::Ready(Err(Error::EndOfFile)));
        there.shutdown(Shutdown::Read);
        assert_eq!(there.try_read(&mut out), Ok(0));
        assert_eq!(there.try_read_exact(&mut out), Err(Error::EndOfFile));
    }

    #[test]
    fn accept_connect_read_and_write_time_out() {
        let net = Network::<1, 1, 8, SpinClock<Hundred>>::new();
        let listener = net.streams().listen(7, 1).unwrap();
        assert_eq!(listener.accept_deadline(Some(99)).err(), Some(Error::TimedOut));
        let _one = net.streams().connect_deadline(7, Some(99)).unwrap();
        assert_eq!(net.streams().connect_deadline(7, Some(99)).err(), Some(Error::TimedOut));
        let mut accepted = listener.accept_deadline(Some(99)).unwrap();
        assert_eq!(accepted.read_deadline(&mut [0; 8], Some(99)), Err(Error::TimedOut));
        assert_eq!(accepted.write_deadline(&[0; 9], Some(99)), Ok(8));
        assert_eq!(accepted.write_deadline(&[0; 9], Some(99)), Err(Error::TimedOut));
    }

    #[test]
    fn several_threads_accept_many_connections() {
        let net = Network::<1, 3, 8, Yielding>::new();
        let listener = net.streams().listen("echo", 2).unwrap();
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for _ in 0..3 * scaled(40) / 2 {
                        let mut served = listener.accept().unwrap();
                        let all = read_to_end(&mut served);
                        assert_eq!(served.write_all(&all), Ok(()));
                    }
                });
            }
            for number in 0..3u8 {
                let net = &net;
                s.spawn(move || {
                    for _ in 0..scaled(40) {
                        let mut stream = loop {
                            match net.streams().connect("echo") {
                                Ok(stream) => break stream,
                                Err(Error::Exhausted) => std::thread::yield_now(),
                                Err(other) => panic!("{other}"),
                            }
                        };
                        assert_eq!(stream.write_all(&[number; 8]), Ok(()));
                        stream.shutdown(Shutdown::Write);
                        assert_eq!(read_to_end(&mut stream), [number; 8]);
                    }
                });
            }
        });
    }
}

mod streams {
    use super::*;

    #[test]
    fn bytes_flow_both_ways_at_once() {
        let mut pair = pair::<11>();
        let (mut here, mut there) = pair.split();
        let sent: Vec<u8> = (0..scaled(5000)).map(|i| (i % 253) as u8).collect();
        std::thread::scope(|s| {
            let echo = s.spawn(move || {
                let mut out = [0; 5];
                loop {
                    match there.read(&mut out).unwrap() {
                        0 => break,
                        count => assert_eq!(there.write_all(&out[..count]), Ok(())),
                    }
                }
            });
            let mut received = Vec::new();
            for chunk in sent.chunks(9) {
                assert_eq!(here.write_all(chunk), Ok(()));
                let mut out = [0; 9];
                let mut count = 0;
                while count < chunk.len() {
                    count += here.read(&mut out[count..]).unwrap();
                }
                received.extend_from_slice(&out[..count]);
            }
            drop(here);
            echo.join().unwrap();
            assert!(received == sent);
        });
    }

    #[test]
    fn write_writes_what_fits_whatever_its_size() {
        let mut pair: Connection<8> = Connection::new();
        let (mut here, mut there) = pair.split();
        assert_eq!(here.try_write(b"12345"), Ok(5));
        assert_eq!(here.try_write(b"6789"), Ok(3));
        assert_eq!(here.try_write(b"9"), Err(Error::WouldBlock));
        assert_eq!(there.try_read(&mut [0; 2]), Ok(2));
        assert_eq!(here.try_write(b""), Ok(0));
    }

    #[test]
    fn shutdown_write_leaves_reading_open() {
        let mut pair: Connection<8> = Connection::new();
        let (mut here, mut there) = pair.split();
        here.try_write(b"last").unwrap();
        here.shutdown(Shutdown::Write);
        here.shutdown(Shutdown::Write);
        assert_eq!(here.try_write(b"x"), Err(Error::BrokenPipe));
        assert_eq!(here.state(), State::Connected { send: Direction::Shut, recv: Direction::Open });
        assert_eq!(there.state(), State::STREAM, "there is something to read");
        assert_eq!(there.try_read(&mut [0; 8]), Ok(4));
        assert_eq!(there.try_read(&mut [0; 8]), Ok(0));
        assert_eq!(
            there.state(),
            State::Connected { send: Direction::Open, recv: Direction::Ended }
        );
        assert_eq!(there.try_write(b"back"), Ok(4));
        assert_eq!(here.try_read(&mut [0; 8]), Ok(4));
    }

    #[test]
    fn shutdown_read_breaks_the_peers_pipe() {
        let mut pair: Connection<8> = Connection::new();
        let (mut here, mut there) = pair.split();
        there.try_write(b"unread").unwrap();
        here.shutdown(Shutdown::Read);
        assert_eq!(here.try_read(&mut [0; 8]), Ok(0));
        assert_eq!(there.try_write(b"x"), Err(Error::BrokenPipe));
        let ended = State::Connected { send: Direction::Ended, recv: Direction::Open };
        assert_eq!(there.state(), ended);
        assert_eq!(here.try_write(b"still"), Ok(5));
        assert_eq!(there.try_read(&mut [0; 8]), Ok(5));
    }

    #[test]
    fn shutdown_of_both_sides_frees_the_connection() {
        let pair: Connection<8> = Connection::new();
        let (mut here, mut there) = pair.pair().unwrap();
        for side in [&mut here, &mut there] {
            side.shutdown(Shutdown::Both);
            assert_eq!(side.try_read(&mut [0; 8]), Ok(0));
            assert_eq!(side.try_write(b"x"), Err(Error::BrokenPipe));
        }
        assert!(pair.pair().is_ok(), "nothing of it is open");
    }

    #[test]
    fn open_pair_is_taken() {
        let pair: Connection<8> = Connection::new();
        let (here, mut there) = pair.pair().unwrap();
        assert_eq!(pair.pair().err(), Some(Error::Taken));
        drop(here);
        assert_eq!(pair.pair_packets().err(), Some(Error::Taken));
        there.shutdown(Shutdown::Write);
        assert_eq!(pair.pair().err(), Some(Error::Taken), "one half is left");
        assert_eq!(there.try_read(&mut [0; 8]), Ok(0), "and was not disturbed");
        drop(there);
        assert!(pair.pair().is_ok());
    }

    #[test]
    fn peer_close_wakes_blocked_write_and_read() {
        let mut pair = pair::<4>();
        let (here, there) = pair.split();
        let (receive, send) = here.into_split();
        std::thread::scope(|s| {
            let reading = s.spawn(move || receive.unwrap().read(&mut [0; 4]));
            let writing = s.spawn(move || {
                let mut send = send.unwrap();
                (send.write_all(&[0; 20]), send.write(b"x"))
            });
            drop(there);
            assert_eq!(reading.join().unwrap(), Ok(0));
            let (first, second) = writing.join().unwrap();
            assert_eq!(first, Err(Error::BrokenPipe));
            assert_eq!(second, Err(Error::BrokenPipe));
        });
    }
}

mod packets {
    use super::*;

    #[test]
    fn each_recv_takes_the_message_of_one_send() {
        let mut pair: Connection<64> = Connection::new();
        let (mut here, mut there) = pair.split_packets();
        let mut out = [0; 64];
        for round in 0..50 {
            for length in [0, 1, 7, 20] {
                here.try_send(&[round; 20][..length]).unwrap();
            }
            for length in [0, 1, 7, 20] {
                assert_eq!(there.try_recv(&mut out), Ok(length));
                assert_eq!(out[..length], [round; 20][..length]);
            }
            assert_eq!(there.try_recv(&mut out), Err(Error::WouldBlock));
        }
    }

    #[test]
    fn message_is_sent_whole_or_not_at_all() {
        let mut pair: Connection<16> = Connection::new();
        let (mut here, mut there) = pair.split_packets();
        assert_eq!(Packets::<16>::MAX, 12);
        assert_eq!(here.try_send(&[1; 13]), Err(Error::MessageTooLarge { max: 12 }));
        assert_eq!(here.send(&[1; 13]), Err(Error::MessageTooLarge { max: 12 }), "also waiting");
        assert_eq!(here.try_send(&[1; 9]), Ok(()));
        assert_eq!(here.try_send(b""), Err(Error::WouldBlock), "3 bytes are no room for a length");
        assert_eq!(there.try_recv(&mut [0; 9]), Ok(9));
        assert_eq!(here.try_send(&[2; 12]), Ok(()));
    }

    #[test]
    fn message_too_large_for_the_buffer_stays() {
        let mut pair: Connection<32> = Connection::new();
        let (mut here, mut there) = pair.split_packets();
        here.try_send(b"first").unwrap();
        here.try_send(b"second").unwrap();
        let mut out = [0; 8];
        for _ in 0..3 {
            let too_small = Err(Error::BufferTooSmall { needed: 5 });
            assert_eq!(there.try_recv(&mut out[..4]), too_small);
            assert_eq!(there.recv(&mut []), too_small);
        }
        assert_eq!(there.try_recv(&mut out), Ok(5));
        assert_eq!(there.try_recv(&mut out), Ok(6));
        assert_eq!(&out[..6], b"second");
    }

    #[test]
    fn end_of_file_differs_from_an_empty_message() {
        let mut pair: Connection<32> = Connection::new();
        let (mut here, mut there) = pair.split_packets();
        here.try_send(b"").unwrap();
        here.shutdown(Shutdown::Write);
        assert_eq!(here.try_send(b""), Err(Error::BrokenPipe));
        assert_eq!(there.try_recv(&mut [0; 4]), Ok(0));
        assert_eq!(there.try_recv(&mut [0; 4]), Err(Error::EndOfFile));
        assert_eq!(there.try_send(b"back"), Ok(()));
        there.shutdown(Shutdown::Read);
        assert_eq!(there.try_recv(&mut [0; 4]), Err(Error::EndOfFile));
        assert_eq!(here.try_recv(&mut [0; 4]), Ok(4));
        drop(there);
        assert_eq!(here.try_recv(&mut [0; 4]), Err(Error::EndOfFile));
        assert_eq!(here.try_send(b"x"), Err(Error::BrokenPipe));
    }

    #[test]
    fn messages_pass_whole_between_threads() {
        let mut pair = pair::<23>();
        let (mut here, mut there) = pair.split_packets();
        std::thread::scope(|s| {
            s.spawn(move || {
                for number in 0..scaled(2000) {
                    here.send(&[number as u8; 19][..number % 20]).unwrap();
                }
            });
            let mut out = [0; 19];
            for number in 0..scaled(2000) {
                assert_eq!(there.recv(&mut out), Ok(number % 20));
                assert!(out[..number % 20].iter().all(|&byte| byte == number as u8));
            }
            assert_eq!(there.recv(&mut out), Err(Error::EndOfFile));
        });
    }

    #[test]
    fn packet_listener_close_resets_waiting_connections() {
        let net: Network<1, 1, 16> = Network::new();
        let listener = net.packets().listen(7, 1).unwrap();
        let mut waiting = net.packets().connect(7).unwrap();
        drop(listener);
        assert_eq!(waiting.try_recv(&mut [0; 4]), Err(Error::Reset));
        assert_eq!(waiting.try_send(b"x"), Err(Error::BrokenPipe));
        assert_eq!(waiting.state(), State::Reset);
    }

    #[test]
    fn timed_out_send_and_recv_change_nothing() {
        let mut pair = Connection::<8, SpinClock<Hundred>>::new();
        let (mut here, mut there) = pair.split_packets();
        assert_eq!(there.recv_deadline(&mut [0; 4], Some(99)), Err(Error::TimedOut));
        assert_eq!(here.send_deadline(b"1234", Some(99)), Ok(()));
        assert_eq!(here.send_deadline(b"", Some(99)), Err(Error::TimedOut));
        assert_eq!(there.recv_deadline(&mut [0; 4], Some(99)), Ok(4));
    }
}

mod tasks {
    use super::*;

    #[test]
    fn are_woken_by_connection_room_and_closed_listener() {
        let net = Network::<1, 4, 8, Async<Spin>>::new();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let since = |before: u64| woken.count() > before;
        let now = || woken.count();

        let listener = net.streams().listen(7, 1).unwrap();
        assert!(listener.poll_accept(&mut cx).is_pending());
        let before = now();
        let _first = net.streams().try_connect(7).unwrap();
        assert!(since(before), "a connection");

        let sockets = net.streams();
        let mut connecting = pin!(sockets.connect_async(7));
        assert!(connecting.as_mut().poll(&mut cx).is_pending());
        let before = now();
        assert!(listener.try_accept().is_ok());
        assert!(since(before), "room");
        let Poll::Ready(Ok(_second)) = connecting.poll(&mut cx) else { panic!("no room") };

        let mut connecting = pin!(sockets.connect_async(7));
        assert!(connecting.as_mut().poll(&mut cx).is_pending());
        let before = now();
        drop(listener);
        assert!(since(before), "the end");
        assert!(matches!(connecting.poll(&mut cx), Poll::Ready(Err(Error::Refused))));
    }

    static NET: Network<2, 1, 8, Async<Spin>> = Network::new();

    type Listening = Listener<'static, 8, Async<Spin>, Stream<'static, 8, Async<Spin>>>;

    /// Closes the listener when it is woken.
    struct Closes(Mutex<Option<Listening>>);

    impl Wake for Closes {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }

    #[test]
    fn waker_in_the_network_may_close_a_listener() {
        let listener = NET.streams().listen(1, 1).unwrap();
        let other = NET.streams().listen(2, 1).unwrap();
        let mut stream = NET.streams().connect(1).unwrap();
        let waker = Waker::from(Arc::new(Closes(Mutex::new(Some(other)))));
        assert!(stream.poll_read(&mut Context::from_waker(&waker), &mut [0; 8]).is_pending());
        drop(listener);
        assert_eq!(stream.try_read(&mut [0; 8]), Err(Error::Reset));
        // Both places are free again.
        let _listeners = [1, 2].map(|port| NET.streams().try_listen(port, 1).unwrap());
    }

    #[test]
    fn read_write_send_and_receive() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut out = [0; 8];

        let mut pair = Connection::<8, Async<Spin>>::new();
        let (mut here, mut there) = pair.split();
        assert!(pin!(here.read_async(&mut out)).poll(&mut cx).is_pending());
        assert_eq!(pin!(there.write_async(b"0123456789")).poll(&mut cx), Poll::Ready(Ok(8)));
        assert!(pin!(there.write_async(b"89")).poll(&mut cx).is_pending());
        assert_eq!(pin!(here.read_async(&mut out)).poll(&mut cx), Poll::Ready(Ok(8)));
        here.shutdown(Shutdown::Both);
        assert_eq!(here.poll_read(&mut cx, &mut out), Poll::Ready(Ok(0)));
        assert_eq!(here.poll_write(&mut cx, b"x"), Poll::Ready(Err(Error::BrokenPipe)));
        assert_eq!(there.poll_write(&mut cx, b"x"), Poll::Ready(Err(Error::BrokenPipe)));

        let mut pair = Connection::<8, Async<Spin>>::new();
        let (mut here, mut there) = pair.split_packets();
        assert!(pin!(here.recv_async(&mut out)).poll(&mut cx).is_pending());
        assert_eq!(pin!(there.send_async(b"1234")).poll(&mut cx), Poll::Ready(Ok(())));
        assert!(pin!(there.send_async(b"")).poll(&mut cx).is_pending());
        assert_eq!(pin!(here.recv_async(&mut out)).poll(&mut cx), Poll::Ready(Ok(4)));
        drop(there);
        assert_eq!(here.poll_recv(&mut cx, &mut out), Poll::Ready(Err(Error::EndOfFile)));
        assert_eq!(here.poll_send(&mut cx, b"x"), Poll::Ready(Err(Error::BrokenPipe)));
    }
}
