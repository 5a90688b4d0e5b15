//! One vocabulary of inter-process communication, on Linux.
//!
//! Each module maps one concept of [`ringway_core`] onto an object of the system, with the same
//! names, states and errors: pipes, FIFOs, sockets, signals, shared memory, processes. Every
//! operation that may block has a form with a deadline, and an error says what was tried, on what,
//! and what to do.
//!
//! ```
//! use ringway::pipe::pipe;
//!
//! let (reader, writer) = pipe()?;
//! std::thread::spawn(move || writer.write_all(b"down the pipe")); // and closes it
//! assert_eq!(std::io::read_to_string(reader).unwrap(), "down the pipe");
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # I need …
//!
//! | I need … | use |
//! |---|---|
//! | jobs for several workers, none lost when one dies | [`shm::Queue`] |
//! | values, bytes or messages from one process to one other | [`shm::Ring`], [`shm::ByteRing`], [`shm::MessageRing`] |
//! | every message to every reader, and a writer that never waits | [`shm::Broadcast`] |
//! | the newest value only | [`shm::Latest`] |
//! | a lock that survives its holder, a semaphore, a barrier | [`shm::Mutex`] and its family |
//! | a capacity that is known when the program runs | [`shm::Layout::queue`], [`shm::Region::queue`] |
//! | processes that run a function | [`process::spawn`] |
//! | request and answer, of any size, with open files | [`connection`] |
//! | a pipe to another program | [`pipe`](mod@pipe) |
//! | a stream under a path | [`fifo`] |
//! | a service on a Unix socket, TCP, UDP | [`socket`] |
//! | signals, handled where everything is allowed | [`signal`] |
//! | one wait for several sources | [`fd::WaitSet`], [`wait::wait_any`] |
//! | the same in `async` code | the futures of each part (`pop_async`); for descriptors `task` (features `tokio`, `async-io`) |
//! | a Python program at the other end (feature `python`) | `python` |
//! | messages over a serial line that loses bytes | [`link`], [`serial`] |
//!
//! `std-shim/examples` has a program for each of them.
//!
//! # The map
//!
//! | concept | object | system calls | manual |
//! |---|---|---|---|
//! | any end: waiting, deadlines, inheritance ([`fd`]) | file descriptor | `poll`, `read`, `write`, `preadv2`, `pwritev2`, `fcntl` | [poll(2)], [readv(2)], [fcntl(2)] |
//! | moving bytes between two ends ([`fd::Copier`]) | two file descriptors | `splice`, `sendfile` | [splice(2)], [sendfile(2)] |
//! | pipe ([`pipe`]) | anonymous pipe | `pipe2`, `splice`, `tee`, `fcntl(F_SETPIPE_SZ)` | [pipe(2)], [pipe(7)] |
//! | FIFO ([`fifo`]) | named pipe | `mkfifoat`, `openat`, `unlinkat` | [mkfifo(3)], [fifo(7)] |
//! | signal ([`signal`]) | signals, through a table of the core | `sigaction`, `sigprocmask`, `kill`, `sigqueue`, `signalfd`, `timer_create` | [signal(7)] |
//! | stream between processes ([`socket::UnixStream`], [`socket::UnixListener`]) | Unix stream socket | `socket`, `socketpair`, `bind`, `listen`, `accept4`, `connect`, `shutdown` | [unix(7)] |
//! | messages between processes ([`socket::UnixSeqpacket`], [`socket::UnixDatagram`]) | Unix seqpacket and datagram sockets | `send`, `sendto`, `recvmsg`, `recvfrom` | [unix(7)] |
//! | an end given away ([`socket::Received`]) | descriptor in a message (`SCM_RIGHTS`) | `sendmsg`, `recvmsg` | [unix(7)], [cmsg(3)] |
//! | who the peer is ([`socket::Credentials`]) | `SO_PEERCRED`, `SO_PEERPIDFD` | `getsockopt` | [unix(7)] |
//! | stream to anywhere ([`socket::TcpStream`], [`socket::TcpListener`]) | TCP | as the Unix stream, `poll`, `getsockopt(SO_ERROR)` | [tcp(7)] |
//! | datagrams to anywhere ([`socket::UdpSocket`]) | UDP | `send`, `sendto`, `recvfrom` | [udp(7)] |
//! | memory that processes share ([`shm`]) | memfd, file in `/dev/shm` | `memfd_create`, `openat`, `linkat`, `fallocate`, `mmap`, `fcntl(F_OFD_SETLK)` | [shm_overview(7)] |
//! | the same, seen from outside ([`shm::survey`]) | the file, and who holds locks on it | `pread`, `fcntl(F_OFD_GETLK)` | [fcntl(2)] |
//! | lock ([`lock`]) | words of memory, through the core | `futex` | [futex(2)] |
//! | messages over any of the streams ([`link`]) | pipe pair, FIFO pair, socket, serial port | `read`, `write`, `poll` | |
//! | serial port ([`serial`]) | terminal in raw mode, pseudo terminal | `open`, `tcsetattr`, `posix_openpt` | [termios(3)], [pty(7)] |
//! | process ([`process`]) | a copy of this program, held by a pidfd | `clone`, `execve`, `pidfd_send_signal`, `waitid`, `fcntl(F_SETSIG)` | [clone(2)], [pidfd_open(2)], [waitid(2)] |
//! | messages of any size between processes ([`connection`]) | Unix stream socket | `socketpair`, `sendmsg`, `recvmsg` | [unix(7)] |
//! | waiting for many things ([`fd::wait_any`], [`fd::WaitSet`]) | descriptors | `poll` | [poll(2)] |
//! | waiting on a word ([`wait`]) | futex | `futex` | [futex(2)] |
//!
//! # Systems
//!
//! Linux 5.11 or later, with glibc or musl. The tests run on x86-64, and in part on s390x; i686,
//! AArch64, ARMv7, RISC-V and musl are type-checked (`docs/systems.md` in the repository).
//!
//! Android of 64 bits is type-checked, and never run. It has no `/dev/shm`, so no regions with
//! names: [`shm::Region::create`] and its family return an error that says so. Use
//! [`shm::Region::anonymous`], and hand the descriptor over. In Android of 32 bits, the C library's
//! signal sets have no room for the real-time signals: this crate does not compile there, nor on
//! any other system. [`ringway_core`] does.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `arbitrary` | `Arbitrary` for [`Signal`](signal::Signal), [`UnixAddress`](socket::UnixAddress), and what the core has |
//! | `python` | `python`: CPython's `multiprocessing` at the other end |
//! | `pickle` | `python::pickle`: plain Python objects as messages, and `python` |
//! | `tokio`, `async-io` | `task`: ends of the system as tasks use them, under tokio and under any executor |
//! | `derive` | the derives of `ringway::zerocopy`, for [items](shm::Item) of your own |
//!
//! [poll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html
//! [readv(2)]: https://man7.org/linux/man-pages/man2/readv.2.html
//! [fcntl(2)]: https://man7.org/linux/man-pages/man2/fcntl.2.html
//! [splice(2)]: https://man7.org/linux/man-pages/man2/splice.2.html
//! [sendfile(2)]: https://man7.org/linux/man-pages/man2/sendfile.2.html
//! [pipe(2)]: https://man7.org/linux/man-pages/man2/pipe.2.html
//! [pipe(7)]: https://man7.org/linux/man-pages/man7/pipe.7.html
//! [mkfifo(3)]: https://man7.org/linux/man-pages/man3/mkfifo.3.html
//! [fifo(7)]: https://man7.org/linux/man-pages/man7/fifo.7.html
//! [signal(7)]: https://man7.org/linux/man-pages/man7/signal.7.html
//! [unix(7)]: https://man7.org/linux/man-pages/man7/unix.7.html
//! [cmsg(3)]: https://man7.org/linux/man-pages/man3/cmsg.3.html
//! [tcp(7)]: https://man7.org/linux/man-pages/man7/tcp.7.html
//! [udp(7)]: https://man7.org/linux/man-pages/man7/udp.7.html
//! [shm_overview(7)]: https://man7.org/linux/man-pages/man7/shm_overview.7.html
//! [termios(3)]: https://man7.org/linux/man-pages/man3/termios.3.html
//! [pty(7)]: https://man7.org/linux/man-pages/man7/pty.7.html
//! [clone(2)]: https://man7.org/linux/man-pages/man2/clone.2.html
//! [pidfd_open(2)]: https://man7.org/linux/man-pages/man2/pidfd_open.2.html
//! [waitid(2)]: https://man7.org/linux/man-pages/man2/waitid.2.html
//! [futex(2)]: https://man7.org/linux/man-pages/man2/futex.2.html
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(target_os = "linux", all(target_os = "android", target_pointer_width = "64"))))]
compile_error!(
    "ringway needs Linux, or Android of 64 bits. For another system, and for none, use the crate \
     ringway-core: it has the mechanisms, without system calls."
);

pub mod connection;
mod error;
pub mod fd;
pub mod fifo;
mod heap;
pub mod link;
pub mod lock;
mod named;
pub mod pipe;
pub mod process;
#[cfg(feature = "python")]
pub mod python;
pub mod serial;
pub mod shm;
pub mod signal;
pub mod socket;
mod sys;
#[cfg(any(feature = "async-io", feature = "tokio"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "async-io", feature = "tokio"))))]
pub mod task;
mod unshared;
pub mod wait;

pub use error::{Cause, Error, Result};
pub use heap::{boxed, boxed_view};
/// An error that the core's mechanisms report; [`Cause::Core`] carries one.
pub use ringway_core::Error as CoreError;
pub use ringway_core::{channel, participant, plain, ring};
/// An error number of the system; [`Cause::Os`] carries one.
pub use rustix::io::Errno;
/// The crate whose traits your own [`shm::Item`]s derive, so that they are [`plain`].
///
/// The feature `derive` brings the derives; [`shm`](shm#types-of-your-own) has an example.
pub use zerocopy;
