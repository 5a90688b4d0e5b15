//! The raw system calls, as a C program would make them.

use crate::memory;
use crate::message::{Message, Rx, Spsc, Tx};
use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Ends the start unless a call succeeded.
fn checked(what: &str, answer: isize) -> usize {
    usize::try_from(answer).unwrap_or_else(|_| panic!("{what}: {}", io::Error::last_os_error()))
}

/// A descriptor through which whole messages are written or read. A stream's parts are put
/// together; other kinds keep messages whole by themselves. It stays open until the process ends.
pub struct Fd(RawFd);

impl<M: Message> Tx<M> for Fd {
    #[inline]
    fn put(&mut self, message: &M) -> bool {
        let mut rest = message.as_bytes();
        while !rest.is_empty() {
            // SAFETY: reads what is in the slice.
            let wrote = unsafe { libc::write(self.0, rest.as_ptr().cast(), rest.len()) };
            rest = &rest[checked("write", wrote)..];
        }
        true
    }
}

impl<M: Message> Rx<M> for Fd {
    #[inline]
    fn get(&mut self, into: &mut M) -> bool {
        let mut rest = into.as_bytes_mut();
        while !rest.is_empty() {
            // SAFETY: writes within the slice.
            let read = unsafe { libc::read(self.0, rest.as_mut_ptr().cast(), rest.len()) };
            let read = checked("read", read);
            assert!(read > 0, "end of file");
            rest = &mut rest[read..];
        }
        true
    }
}

/// `pipe2`.
pub struct Pipe;

impl<M: Message> Spsc<M> for Pipe {
    type Tx = Fd;
    type Rx = Fd;

    fn open() -> (Fd, Fd) {
        let mut ends = [0; 2];
        // SAFETY: a place for two descriptors.
        checked("pipe2", unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } as isize);
        (Fd(ends[1]), Fd(ends[0]))
    }
}

/// `mkfifo`.
pub struct Fifo;

/// A path that no other start uses.
pub fn fresh_name(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("ringway-bench-{}-{kind}{next}", std::process::id())
}

impl<M: Message> Spsc<M> for Fifo {
    type Tx = Fd;
    type Rx = Fd;

    fn open() -> (Fd, Fd) {
        let path = std::env::temp_dir().join(fresh_name("fifo"));
        let path = CString::new(path.into_os_string().into_encoded_bytes()).expect("a path");
        let open = |flags| {
            // SAFETY: a string that ends with zero.
            let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
            checked("open", fd as isize) as RawFd
        };
        // SAFETY: a string that ends with zero.
        checked("mkfifo", unsafe { libc::mkfifo(path.as_ptr(), 0o600) } as isize);
        let rx = open(libc::O_RDONLY | libc::O_NONBLOCK);
        let tx = open(libc::O_WRONLY);
        // SAFETY: a string that ends with zero. Both ends are open, so nobody needs the name.
        unsafe { libc::unlink(path.as_ptr()) };
        // SAFETY: our descriptor.
        checked("fcntl", unsafe { libc::fcntl(rx, libc::F_SETFL, 0) } as isize);
        (Fd(tx), Fd(rx))
    }
}

fn socketpair(kind: i32) -> (Fd, Fd) {
    let mut ends = [0; 2];
    // SAFETY: a place for two descriptors.
    let made =
        unsafe { libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr()) };
    checked("socketpair", made as isize);
    (Fd(ends[0]), Fd(ends[1]))
}

macro_rules! unix {
    ($($(#[$meta:meta])* $name:ident: $kind:ident;)*) => {
        $(
            $(#[$meta])*
            pub struct $name;

            impl<M: Message> Spsc<M> for $name {
                type Tx = Fd;
                type Rx = Fd;

                fn open() -> (Fd, Fd) {
                    socketpair(libc::$kind)
                }
            }
        )*
    };
}

unix! {
    /// A Unix stream socket.
    UnixStream: SOCK_STREAM;
    /// A Unix seqpacket socket.
    UnixSeqpacket: SOCK_SEQPACKET;
    /// A Unix datagram socket.
    UnixDatagram: SOCK_DGRAM;
}

/// TCP over the loopback interface, without delay.
pub struct Tcp;

impl<M: Message> Spsc<M> for Tcp {
    type Tx = Fd;
    type Rx = Fd;

    fn open() -> (Fd, Fd) {
        use std::os::fd::IntoRawFd;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
        let tx =
            std::net::TcpStream::connect(listener.local_addr().expect("a port")).expect("connect");
        let (rx, _) = listener.accept().expect("accept");
        tx.set_nodelay(true).expect("no delay");
        (Fd(tx.into_raw_fd()), Fd(rx.into_raw_fd()))
    }
}

/// UDP over the loopback interface. It loses messages for which the receiver has no room, so it is
/// only for round trips.
pub struct Udp;

impl<M: Message> Spsc<M> for Udp {
    type Tx = Fd;
    type Rx = Fd;

    fn open() -> (Fd, Fd) {
        use std::os::fd::IntoRawFd;
        let rx = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
        let tx = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
        tx.connect(rx.local_addr().expect("a port")).expect("connect");
        (Fd(tx.into_raw_fd()), Fd(rx.into_raw_fd()))
    }
}

/// Folds a number into a small positive one. The numbers of messages are small, or the complement
/// of small ones.
fn folded(n: u64) -> u64 {
    (n << 1 ^ ((n as i64) >> 63) as u64) + 1
}

/// Unfolds a number.
fn unfolded(n: u64) -> u64 {
    let n = n - 1;
    n >> 1 ^ (n & 1).wrapping_neg()
}

/// An eventfd, whose count is the message: only for round trips.
pub struct EventFd;

/// An end of [`EventFd`].
pub struct Count(Fd);

impl Tx<u64> for Count {
    fn put(&mut self, message: &u64) -> bool {
        self.0.put(&folded(*message))
    }
}

impl Rx<u64> for Count {
    fn get(&mut self, into: &mut u64) -> bool {
        self.0.get(into);
        *into = unfolded(*into);
        true
    }
}

impl Spsc<u64> for EventFd {
    type Tx = Count;
    type Rx = Count;

    fn open() -> (Count, Count) {
        // SAFETY: makes a new descriptor.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        let fd = checked("eventfd", fd as isize) as RawFd;
        (Count(Fd(fd)), Count(Fd(fd)))
    }
}

/// A POSIX message queue of ten messages. Not above 8 KiB.
pub struct MessageQueue;

/// An end of [`MessageQueue`].
pub struct Mq(libc::mqd_t);

impl<M: Message> Tx<M> for Mq {
    fn put(&mut self, message: &M) -> bool {
        let bytes = message.as_bytes();
        // SAFETY: reads what is in the slice.
        let sent = unsafe { libc::mq_send(self.0, bytes.as_ptr().cast(), bytes.len(), 0) };
        checked("mq_send", sent as isize);
        true
    }
}

impl<M: Message> Rx<M> for Mq {
    fn get(&mut self, into: &mut M) -> bool {
        let bytes = into.as_bytes_mut();
        // SAFETY: writes within the slice.
        let received = unsafe {
            libc::mq_receive(self.0, bytes.as_mut_ptr().cast(), bytes.len(), std::ptr::null_mut())
        };
        assert_eq!(checked("mq_receive", received), M::SIZE);
        true
    }
}

impl<M: Message> Spsc<M> for MessageQueue {
    type Tx = Mq;
    type Rx = Mq;

    fn open() -> (Mq, Mq) {
        let name = CString::new(format!("/{}", fresh_name("mq"))).expect("a name");
        // SAFETY: plain numbers, for which zero is a value.
        let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
        attributes.mq_maxmsg = 10;
        attributes.mq_msgsize = M::SIZE as _;
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        // SAFETY: a string that ends with zero, and the attributes that `O_CREAT` asks for.
        let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &attributes) };
        checked("mq_open", queue as isize);
        // SAFETY: a string that ends with zero. The queue is open, so nobody needs the name.
        unsafe { libc::mq_unlink(name.as_ptr()) };
        (Mq(queue), Mq(queue))
    }
}

/// A queued real-time signal with the message as its value: `sigqueue` and `sigwaitinfo`. Only
/// between processes.
pub struct Signal;

/// An end of [`Signal`]: the receiver says who it is when it first receives.
pub struct Queued {
    receiver: &'static AtomicU32,
}

impl Tx<u64> for Queued {
    fn put(&mut self, message: &u64) -> bool {
        let mut receiver = self.receiver.load(Ordering::Acquire);
        while receiver == 0 {
            std::thread::yield_now();
            receiver = self.receiver.load(Ordering::Acquire);
        }
        let value =
            libc::sigval { sival_ptr: std::ptr::with_exposed_provenance_mut(*message as usize) };
        // SAFETY: a plain request, to a process of ours which waits for this signal.
        let sent = unsafe { libc::sigqueue(receiver as i32, libc::SIGRTMIN() + 3, value) };
        checked("sigqueue", sent as isize);
        true
    }
}

impl Rx<u64> for Queued {
    fn get(&mut self, into: &mut u64) -> bool {
        if self.receiver.load(Ordering::Relaxed) == 0 {
            self.receiver.store(std::process::id(), Ordering::Release);
        }
        // SAFETY: plain numbers and addresses, for which zero is a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: a set, and a place for what is told.
        checked("sigwaitinfo", unsafe { libc::sigwaitinfo(&signal_set(), &mut info) } as isize);
        // SAFETY: a queued signal has a value.
        *into = unsafe { info.si_value() }.sival_ptr as u64;
        true
    }
}

fn signal_set() -> libc::sigset_t {
    // SAFETY: a set of bits, for which zero is a value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours, the number a signal's.
    unsafe { libc::sigaddset(&mut set, libc::SIGRTMIN() + 3) };
    set
}

impl Spsc<u64> for Signal {
    type Tx = Queued;
    type Rx = Queued;

    fn open() -> (Queued, Queued) {
        // SAFETY: a set of one signal, which the child inherits as blocked.
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &signal_set(), std::ptr::null_mut()) };
        let receiver = memory::shared::<AtomicU32>();
        (Queued { receiver }, Queued { receiver })
    }
}

/// A word and a futex, with `FUTEX_WAIT` and `FUTEX_WAKE` for every message: only for round trips.
/// If `BOUNDED`, a waiter wakes after 100 ms at the latest.
pub struct Futex<const BOUNDED: bool>;

/// An end of [`Futex`].
pub struct FutexEnd<const BOUNDED: bool> {
    words: &'static FutexWords,
    last: u32,
}

#[repr(C, align(128))]
struct FutexWords {
    value: AtomicU64,
    count: AtomicU32,
}

fn futex(word: &AtomicU32, operation: i32, value: u32, bounded: bool) {
    let bound = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let bound = if bounded { &raw const bound } else { std::ptr::null() };
    // SAFETY: the word is aligned and lives through the call. The caller's loop checks the word, so
    // the kernel's answer does not matter.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, bound) };
}

impl<const BOUNDED: bool> Tx<u64> for FutexEnd<BOUNDED> {
    #[inline]
    fn put(&mut self, message: &u64) -> bool {
        self.words.value.store(*message, Ordering::Relaxed);
        self.last = self.last.wrapping_add(1);
        self.words.count.store(self.last, Ordering::Release);
        futex(&self.words.count, libc::FUTEX_WAKE, 1, false);
        true
    }
}

impl<const BOUNDED: bool> Rx<u64> for FutexEnd<BOUNDED> {
    #[inline]
    fn get(&mut self, into: &mut u64) -> bool {
        while self.words.count.load(Ordering::Acquire) == self.last {
            futex(&self.words.count, libc::FUTEX_WAIT, self.last, BOUNDED);
        }
        self.last = self.last.wrapping_add(1);
        *into = self.words.value.load(Ordering::Relaxed);
        true
    }
}

impl<const BOUNDED: bool> Spsc<u64> for Futex<BOUNDED> {
    type Tx = FutexEnd<BOUNDED>;
    type Rx = FutexEnd<BOUNDED>;

    fn open() -> (Self::Tx, Self::Rx) {
        let words = memory::shared::<FutexWords>();
        (FutexEnd { words, last: 0 }, FutexEnd { words, last: 0 })
    }
}
