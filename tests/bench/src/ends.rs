//! Ringway's ends over the kernel's objects, beside the raw system calls, and its rings whose sides
//! sleep.

use crate::kernel::fresh_name;
use crate::measure::{Found, Passes};
use crate::message::{Message, Rx, Spsc, Tx};
use crate::ours::{Shared, Slots};
use ringway::fifo::Fifo;
use ringway::pipe;
use ringway::signal::{self, Delivery, Signal};
use ringway::socket::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixSeqpacket, UnixStream};
use ringway::wait::Wait;
use ringway_core::ring::{self, Ring};
use std::io::Read;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Instant;

/// The message if an end is lost.
const OPEN: &str = "both ends are open";

/// A pipe of Ringway's.
pub struct Pipe;

/// A FIFO of Ringway's.
pub struct NamedPipe;

macro_rules! stream {
    ($($writer:ty, $reader:ty;)*) => {
        $(
            impl<M: Message> Tx<M> for $writer {
                #[inline]
                fn put(&mut self, message: &M) -> bool {
                    self.write_all(message.as_bytes()).expect(OPEN);
                    true
                }
            }

            impl<M: Message> Rx<M> for $reader {
                #[inline]
                fn get(&mut self, into: &mut M) -> bool {
                    Read::read_exact(self, into.as_bytes_mut()).expect(OPEN);
                    true
                }
            }
        )*
    };
}

stream! {
    pipe::Writer, pipe::Reader;
    UnixStream, UnixStream;
    TcpStream, TcpStream;
}

impl<M: Message> Spsc<M> for Pipe {
    type Tx = pipe::Writer;
    type Rx = pipe::Reader;

    fn open() -> (Self::Tx, Self::Rx) {
        let (reader, writer) = pipe::pipe().expect("a pipe");
        (writer, reader)
    }
}

impl<M: Message> Spsc<M> for NamedPipe {
    type Tx = pipe::Writer;
    type Rx = pipe::Reader;

    fn open() -> (Self::Tx, Self::Rx) {
        let fifo = Fifo::create(std::env::temp_dir().join(fresh_name("fifo")), 0o600);
        let (reader, writer) = fifo.and_then(|fifo| fifo.open_both()).expect("a FIFO");
        (writer, reader)
    }
}

/// A Unix stream of Ringway's.
pub struct Stream;

impl<M: Message> Spsc<M> for Stream {
    type Tx = UnixStream;
    type Rx = UnixStream;

    fn open() -> (Self::Tx, Self::Rx) {
        UnixStream::pair().expect("a pair")
    }
}

/// A TCP stream of Ringway's.
pub struct Tcp;

impl<M: Message> Spsc<M> for Tcp {
    type Tx = TcpStream;
    type Rx = TcpStream;

    fn open() -> (Self::Tx, Self::Rx) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let to = listener.local_address().expect("a port");
        let tx = TcpStream::connect(to).expect("connect");
        let rx = listener.accept().expect("accept");
        tx.set_nodelay(true).expect("no delay");
        (tx, rx)
    }
}

macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident: $socket:ty => $open:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $name;

            impl<M: Message> Tx<M> for $socket {
                #[inline]
                fn put(&mut self, message: &M) -> bool {
                    <$socket>::send(self, message.as_bytes()).expect(OPEN);
                    true
                }
            }

            impl<M: Message> Rx<M> for $socket {
                #[inline]
                fn get(&mut self, into: &mut M) -> bool {
                    let received = <$socket>::recv(self, into.as_bytes_mut()).expect(OPEN);
                    assert_eq!(received, M::SIZE);
                    true
                }
            }

            impl<M: Message> Spsc<M> for $name {
                type Tx = $socket;
                type Rx = $socket;

                fn open() -> (Self::Tx, Self::Rx) {
                    $open
                }
            }
        )*
    };
}

messages! {
    /// A Unix seqpacket socket of Ringway's.
    Seqpacket: UnixSeqpacket => UnixSeqpacket::pair().expect("a pair");
    /// A Unix datagram socket of Ringway's.
    Datagram: UnixDatagram => UnixDatagram::pair().expect("a pair");
    /// A UDP socket of Ringway's.
    Udp: UdpSocket => {
        let rx = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let tx = UdpSocket::bind("127.0.0.1:0").expect("bind");
        tx.connect(rx.local_address().expect("a port")).expect("connect");
        (tx, rx)
    };
}

/// A ring whose sides sleep as `W` says, in memory that processes share.
pub struct Blocking<W>(PhantomData<W>);

/// A side of [`Blocking`].
pub struct Sleeper<T>(T);

impl<M: Message, W: Wait + 'static> Tx<M> for Sleeper<ring::Producer<&'static Ring<M, 1024, W>>> {
    #[inline]
    fn put(&mut self, message: &M) -> bool {
        self.0.push(*message).is_ok()
    }
}

impl<M: Message, W: Wait + 'static> Rx<M> for Sleeper<ring::Consumer<&'static Ring<M, 1024, W>>> {
    #[inline]
    fn get(&mut self, into: &mut M) -> bool {
        self.0.pop().map(|message| *into = message).is_ok()
    }
}

impl<M: Message, W: Wait + 'static> Spsc<M> for Blocking<W> {
    type Tx = Sleeper<ring::Producer<&'static Ring<M, 1024, W>>>;
    type Rx = Sleeper<ring::Consumer<&'static Ring<M, 1024, W>>>;

    fn open() -> (Self::Tx, Self::Rx) {
        let (tx, rx) = Slots::<Shared, 1024, W>::open();
        (Sleeper(tx), Sleeper(rx))
    }
}

/// How many signals a pass raises.
const RAISED: u64 = 1000;

/// Nanoseconds from raising a signal to the end of its handler, which the dispatcher runs.
pub fn dispatched() -> Found {
    static RUN: AtomicU64 = AtomicU64::new(0);
    signal::handle(Signal::USR1, Delivery::Coalesced, |received| {
        RUN.fetch_add(received.count, Ordering::Relaxed);
    })
    .expect("catch");
    let mut dispatcher = signal::dispatcher().expect("the dispatcher");
    dispatcher.dispatch();
    // SAFETY: plain requests that cannot fail.
    let raise = || unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
    raised(&RUN, raise, || assert_eq!(dispatcher.pause(), Ok(1)))
}

/// The same, done by hand: the handler writes a byte into a pipe, and the loop reads it and runs
/// the real handler.
pub fn self_pipe() -> Found {
    static RUN: AtomicU64 = AtomicU64::new(0);
    static WRITER: AtomicI32 = AtomicI32::new(-1);
    extern "C" fn on_signal(signal: i32) {
        let byte = signal as u8;
        // SAFETY: the call writes one byte. The code that the handler interrupts does not use
        // `errno`.
        unsafe { libc::write(WRITER.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    }
    let mut ends = [0; 2];
    // SAFETY: a place for two descriptors.
    assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    WRITER.store(ends[1], Ordering::Relaxed);
    // SAFETY: plain numbers and addresses, for which zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_signal as extern "C" fn(i32) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler makes one call that is allowed in a signal handler.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
    // SAFETY: plain requests that cannot fail.
    let raise = || unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
    raised(&RUN, raise, || {
        let mut byte = 0_u8;
        // SAFETY: a place for one byte.
        assert_eq!(unsafe { libc::read(ends[0], (&raw mut byte).cast(), 1) }, 1);
        if i32::from(byte) == libc::SIGUSR1 {
            RUN.fetch_add(1, Ordering::Relaxed);
        }
    })
}

fn raised(run: &AtomicU64, raise: impl Fn() -> i32, mut dispatch: impl FnMut()) -> Found {
    let mut found = Found::new();
    let passes = Passes::alone(|| {
        let before = run.load(Ordering::Relaxed);
        let begun = Instant::now();
        for _ in 0..RAISED {
            raise();
            dispatch();
        }
        let nanoseconds = begun.elapsed().as_nanos() as f64 / RAISED as f64;
        assert_eq!(run.load(Ordering::Relaxed) - before, RAISED, "a handler did not run");
        nanoseconds
    });
    passes.enter("mean", &mut found);
    found
}
