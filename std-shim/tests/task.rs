//! Ends of the system under tokio and under async-io.
#![cfg(all(feature = "tokio", feature = "async-io"))]

use ringway::connection;
use ringway::fifo::Fifo;
use ringway::pipe::pipe;
use ringway::signal::{self, Delivery, Signal, SignalFd};
use ringway::socket::{TcpListener, TcpStream, UnixDatagram, UnixSeqpacket, UnixStream};
use ringway::task::{Smol, Tokio};
use ringway::{CoreError, fd, serial};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn runtimes() -> [Runtime; 2] {
    [one_thread(), Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()]
}

fn on_tokio<F: Future>(work: impl Fn() -> F) {
    runtimes().iter().for_each(|runtime| _ = runtime.block_on(work()));
}

/// More than any buffer of the kernel holds.
const LONG: usize = 3 << 20;

fn bytes() -> Vec<u8> {
    (0..LONG).map(|at| (at / 3) as u8).collect()
}

#[test]
fn streams_carry_bytes_under_tokio() {
    on_tokio(|| async {
        let (reader, writer) = pipe().unwrap();
        let (mut reader, mut writer) = (Tokio::new(reader).unwrap(), Tokio::new(writer).unwrap());
        let mut received = Vec::new();
        let sent = async move { writer.write_all(&bytes()).await.unwrap() };
        let (count, ()) = tokio::join!(reader.read_to_end(&mut received), sent);
        assert_eq!(count.unwrap(), LONG);
        assert!(received == bytes());

        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Tokio::new(ours).unwrap(), Tokio::new(theirs).unwrap());
        // The answer comes after the end of the question, on the same socket.
        let asks = async {
            ours.write_all(&bytes()).await.unwrap();
            ours.shutdown().await.unwrap();
            let mut answer = String::new();
            ours.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, LONG.to_string());
        };
        let answers = async move {
            let mut question = Vec::new();
            theirs.read_to_end(&mut question).await.unwrap();
            theirs.write_all(question.len().to_string().as_bytes()).await.unwrap();
        };
        tokio::join!(asks, answers);

        let (ours, theirs) = serial::pair().unwrap();
        let (mut ours, mut theirs) = (Tokio::new(ours).unwrap(), Tokio::new(theirs).unwrap());
        let mut line = [0; 5];
        let (sent, received) = tokio::join!(ours.write_all(b"hello"), theirs.read_exact(&mut line));
        sent.unwrap();
        received.unwrap();
        assert_eq!(&line, b"hello");
    });
}

#[test]
fn streams_carry_bytes_under_async_io() {
    use futures_io::{AsyncRead, AsyncWrite};
    use std::future::poll_fn;
    use std::pin::Pin;
    let (reader, writer) = pipe().unwrap();
    let writes = std::thread::spawn(move || {
        let mut writer = Smol::new(writer).unwrap();
        async_io::block_on(async {
            let (all, mut sent) = (bytes(), 0);
            while sent < all.len() {
                sent +=
                    poll_fn(|cx| Pin::new(&mut writer).poll_write(cx, &all[sent..])).await.unwrap();
            }
            poll_fn(|cx| Pin::new(&mut writer).poll_close(cx)).await.unwrap();
        });
    });
    let mut reader = Smol::new(reader).unwrap();
    let received = async_io::block_on(async {
        let (mut received, mut buf) = (Vec::new(), [0; 4096]);
        loop {
            match poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut buf)).await.unwrap() {
                0 => return received,
                count => received.extend_from_slice(&buf[..count]),
            }
        }
    });
    writes.join().unwrap();
    assert!(received == bytes());
}

#[test]
fn messages_keep_their_bounds() {
    on_tokio(|| async {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        let (ours, theirs) = (Tokio::new(ours).unwrap(), Tokio::new(theirs).unwrap());
        let sends = async move {
            for size in 1..2000 {
                ours.write_with(|end| end.try_send(&vec![7; size])).await.unwrap();
            }
        };
        let receives = async {
            let mut message = [0; 4096];
            for size in 1..2000 {
                let received = theirs.read_with(|end| end.try_recv(&mut message)).await;
                assert_eq!(received.unwrap(), size);
            }
            let end = theirs.read_with(|end| end.try_recv(&mut message)).await;
            assert!(end.unwrap_err().is(CoreError::EndOfFile));
        };
        tokio::join!(sends, receives);
    });
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    let (ours, theirs) = (Smol::new(ours).unwrap(), Smol::new(theirs).unwrap());
    let sends = std::thread::spawn(move || {
        async_io::block_on(async {
            for size in 1..2000 {
                ours.write_with(|end| end.try_send(&vec![7; size])).await.unwrap();
            }
        });
    });
    async_io::block_on(async {
        let mut message = [0; 4096];
        for size in 1..2000 {
            let received = theirs.read_with(|end| end.try_recv(&mut message)).await;
            assert_eq!(received.unwrap(), size);
        }
    });
    sends.join().unwrap();
}

/// A connection keeps what has come of a message when the future is dropped.
#[test]
fn a_connections_message_survives_futures_given_up() {
    // More than the socket holds at a time.
    const SIZE: usize = 1 << 19;
    on_tokio(|| async {
        let (ours, theirs) = connection::pair().unwrap();
        let (ours, theirs) = (Tokio::new(ours).unwrap(), Tokio::new(theirs).unwrap());
        let sends = async {
            for _ in 0..3 {
                ours.write_with(|end| end.try_send(&bytes()[..SIZE])).await.unwrap();
            }
        };
        let receives = async {
            for _ in 0..3 {
                let mut message = Vec::new();
                loop {
                    let receives = theirs.read_with(|end| end.try_recv(&mut message));
                    match tokio::time::timeout(Duration::from_micros(100), receives).await {
                        Ok(received) => break assert_eq!(received.unwrap(), SIZE),
                        Err(_) => continue,
                    }
                }
                assert!(message == bytes()[..SIZE]);
            }
        };
        tokio::join!(sends, receives);
    });
}

/// Polls a future this often, each time when it was woken, and drops it; its answer, if it had one.
async fn give_up<F: Future>(future: F, mut polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let attempt = poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    // What wakes nobody is given up as well.
    tokio::time::timeout(Duration::from_millis(2), attempt).await.unwrap_or(None)
}

/// Insists on an answer by futures that are given up after ever more polls.
async fn insist<T, F: Future<Output = ringway::Result<T>>>(mut future: impl FnMut() -> F) -> T {
    for round in 0.. {
        if let Some(answer) = give_up(future(), round % 5).await {
            return answer.unwrap();
        }
    }
    unreachable!("it goes on for ever")
}

/// Numbers go from one end to the other, in order, whichever future was given up.
macro_rules! carries {
    ($Watch:ident, $ends:expr, $send:ident, $receive:ident, $count:expr) => {{
        let (receives, sends) = $ends;
        let (receives, sends) = ($Watch::new(receives).unwrap(), $Watch::new(sends).unwrap());
        let sent = async {
            for number in 0..$count as u64 {
                let all = number.to_le_bytes();
                insist(|| sends.write_with(|end| end.$send(&all).map(drop))).await;
            }
        };
        let received = async {
            for number in 0..$count as u64 {
                let mut all = vec![0; 8];
                let got = RefCell::new(&mut all);
                insist(|| receives.read_with(|end| end.$receive(*got.borrow_mut()))).await;
                assert_eq!(all, number.to_le_bytes());
            }
        };
        tokio::join!(sent, received);
    }};
}

/// A serial port, with the forms of other ends.
struct Line(serial::Port);

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Line {
    fn try_read(&self, buf: &mut [u8]) -> ringway::Result<usize> {
        fd::try_read(&self.0, buf)
    }

    fn try_write(&self, bytes: &[u8]) -> ringway::Result<usize> {
        fd::try_write(&self.0, bytes)
    }
}

fn line() -> (Line, Line) {
    let (ours, theirs) = serial::pair().unwrap();
    (Line(ours), Line(theirs))
}

#[test]
fn ends_given_up_lose_nothing() {
    const COUNT: usize = 40;
    on_tokio(|| async {
        macro_rules! each {
            ($Watch:ident) => {
                carries!($Watch, pipe().unwrap(), try_write, try_read, COUNT);
                carries!($Watch, UnixStream::pair().unwrap(), try_write, try_read, COUNT);
                carries!($Watch, UnixSeqpacket::pair().unwrap(), try_send, try_recv, COUNT);
                carries!($Watch, UnixDatagram::pair().unwrap(), try_send, try_recv, COUNT);
                carries!($Watch, connection::pair().unwrap(), try_send, try_recv, COUNT);
                carries!($Watch, line(), try_write, try_read, COUNT);
            };
        }
        each!(Tokio);
        each!(Smol);
        let place = tempfile::tempdir().unwrap();
        let fifo = Fifo::create(place.path().join("fifo"), 0o600).unwrap();
        carries!(Tokio, fifo.open_both().unwrap(), try_write, try_read, COUNT);

        // Who connects is accepted, once.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_address().unwrap();
        let listener = Tokio::new(listener).unwrap();
        assert!(give_up(listener.read_with(|end| end.try_accept()), 3).await.is_none());
        let connects = tokio::task::spawn_blocking(move || TcpStream::connect(address).unwrap());
        insist(|| listener.read_with(|end| end.try_accept())).await;
        assert!(give_up(listener.read_with(|end| end.try_accept()), 3).await.is_none());
        drop(connects.await.unwrap());
    });
}

/// A signal is taken by the future that returns it.
#[test]
fn a_signal_given_up_is_not_taken() {
    let blocked = signal::block(Signal::USR2).unwrap();
    // One thread alone: the signal is for it.
    one_thread().block_on(async {
        let signals = Tokio::new(SignalFd::new(Signal::USR2).unwrap()).unwrap();
        assert!(give_up(signals.read_with(|end| end.try_wait()), 3).await.is_none());
        // SAFETY: the call takes numbers.
        unsafe { libc::raise(libc::SIGUSR2) };
        let received = insist(|| signals.read_with(|end| end.try_wait())).await;
        assert_eq!(received.signal, Signal::USR2);
    });
    drop(blocked);
}

/// The same of the dispatcher: each value is taken once, by the future that returns it.
#[test]
fn a_dispatched_signal_given_up_is_not_taken() {
    let signal = Signal::real_time(3).unwrap();
    signal::catch(signal, Delivery::Queued).unwrap();
    let dispatcher = signal::dispatcher().unwrap();
    one_thread().block_on(async {
        let mut dispatcher = Tokio::new(dispatcher).unwrap();
        for value in 0..40 {
            let polls = value % 5;
            let nothing = dispatcher.read_with_mut(|end| end.try_wait(signal));
            assert!(give_up(nothing, polls).await.is_none());
            signal::queue(ringway::process::id(), signal, value).unwrap();
            let (mut taken, mut round) = (None, 0);
            // With one poll each time, the runtime would never look at its descriptors.
            while taken.is_none() {
                let takes = dispatcher.read_with_mut(|end| end.try_wait(signal));
                taken = give_up(takes, round % 5).await;
                round += 1;
            }
            assert_eq!(taken.unwrap().unwrap().value(), Some(value));
        }
    });
}

#[test]
fn listeners_accept() {
    on_tokio(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_address().unwrap();
        let listener = Tokio::new(listener).unwrap();
        let connects = tokio::task::spawn_blocking(move || {
            let stream = ringway::socket::TcpStream::connect(address).unwrap();
            stream.write_all(b"hello").unwrap();
        });
        let accepted = listener.read_with(|listener| listener.try_accept()).await.unwrap();
        let mut stream = Tokio::new(accepted).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "hello");
        connects.await.unwrap();
    });
}

#[test]
fn a_signal_is_awaited() {
    let blocked = signal::block(Signal::USR1).unwrap();
    let signals = SignalFd::new(Signal::USR1).unwrap();
    one_thread().block_on(async {
        let signals = Tokio::new(signals).unwrap();
        // SAFETY: the call takes numbers.
        unsafe { libc::raise(libc::SIGUSR1) };
        let received = signals.read_with(|signals| signals.try_wait()).await.unwrap();
        assert_eq!(received.signal, Signal::USR1);
    });
    drop(blocked);
}

#[test]
fn many_tasks_share_an_end() {
    on_tokio(|| async {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        let (ours, theirs) = (Tokio::new(ours).unwrap(), Arc::new(Tokio::new(theirs).unwrap()));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let theirs = theirs.clone();
                tokio::spawn(async move {
                    let mut message = [0; 16];
                    theirs.read_with(|end| end.try_recv(&mut message)).await.unwrap()
                })
            })
            .collect();
        for _ in 0..16 {
            ours.write_with(|end| end.try_send(b"job")).await.unwrap();
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), 3);
        }
    });
}

#[test]
fn where_there_is_no_runtime_that_is_said() {
    let (reader, _writer) = pipe().unwrap();
    let error = Tokio::new(reader).unwrap_err();
    assert!(error.is(CoreError::NotFound) && error.to_string().contains("enter"), "{error}");
    let (reader, _writer) = pipe().unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async { Tokio::new(reader).unwrap_err() });
    assert!(error.is(CoreError::NotFound) && error.to_string().contains("enable_io"), "{error}");
    // An end outlives its runtime, and says so.
    let (reader, _writer) = pipe().unwrap();
    let runtime = one_thread();
    let reader = runtime.block_on(async { Tokio::new(reader).unwrap() });
    drop(runtime);
    let error = one_thread().block_on(reader.read_with(|end| end.try_read(&mut [0; 4])));
    assert!(error.unwrap_err().is(CoreError::Closed));
}
