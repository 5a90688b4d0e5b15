//! Ends of the operating system, as tasks use them: pipes, FIFOs, sockets, listeners, connections,
//! serial ports, signals, children.
//!
//! `Tokio` (feature `tokio`) and `Smol` (feature `async-io`) take any end of this crate that has a
//! descriptor, and have its `try_` forms called when the runtime says that they may succeed. The
//! two have the same functions. Bytes also go through the runtime's own traits, `AsyncRead` and
//! `AsyncWrite`.
//!
//! | end | call in [`read_with`] | call in [`write_with`] |
//! |---|---|---|
//! | [`pipe::Reader`](crate::pipe::Reader), [`pipe::Writer`](crate::pipe::Writer), FIFOs | `try_read` | `try_write` |
//! | [`UnixStream`](crate::socket::UnixStream), [`TcpStream`](crate::socket::TcpStream) | `try_read` | `try_write` |
//! | seqpacket and datagram sockets | `try_recv`, `try_recv_from` | `try_send`, `try_send_to` |
//! | listeners | `try_accept` | – |
//! | [`Connection`](crate::connection::Connection) | `try_recv` | `try_send` |
//! | [`serial::Port`](crate::serial::Port) | [`fd::try_read`](crate::fd::try_read) | [`fd::try_write`](crate::fd::try_write) |
//! | [`SignalFd`](crate::signal::SignalFd), [`Dispatcher`](crate::signal::Dispatcher) | `try_wait` | – |
//! | [`Child`](crate::process::Child) | `try_join` | – |
//!
//! Parts of regions need none of this: their futures (`queue.pop_async()`) run in any executor. See
//! `docs/async.md`.
//!
//! # Giving up
//!
//! A future of this module that is dropped has either not called the closure, or been told
//! [`WouldBlock`](crate::CoreError::WouldBlock) each time. So nothing was received or sent in it,
//! except what the end itself keeps: a [`Connection`](crate::connection::Connection) keeps the
//! beginning of a message for its next call.
//!
//! # Nothing to do
//!
//! `Smol` calls the closure at once, and then whenever the end is ready. `Tokio` calls it when the
//! end is ready. So reading into an empty buffer, or writing nothing, awaits that under tokio.
//!
//! # Names
//!
//! Connecting may have to ask a name server, and opening a FIFO waits in the system: no descriptor
//! tells when they are done. Call them in a thread (`spawn_blocking`).
//!
//! [`read_with`]: https://docs.rs/async-io/latest/async_io/struct.Async.html#method.read_with
//! [`write_with`]: https://docs.rs/async-io/latest/async_io/struct.Async.html#method.write_with

mod answer;
#[cfg(feature = "async-io")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "async-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "async-io")))]
pub use smol::Smol;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use tokio::Tokio;
