//! The halves of the core, which sleep on futexes and learn of the peer's death by the socket.

use super::peer::Peer;

/// The half that sends bytes; see [`ringway_core::untrusted::Writer`].
pub type Writer = ringway_core::untrusted::Writer<'static, Peer>;
/// The half that receives bytes; see [`ringway_core::untrusted::Reader`].
pub type Reader = ringway_core::untrusted::Reader<'static, Peer>;
/// The half that sends messages; see [`ringway_core::untrusted::Sender`].
pub type Sender = ringway_core::untrusted::Sender<'static, Peer>;
/// The half that receives messages; see [`ringway_core::untrusted::Receiver`].
pub type Receiver = ringway_core::untrusted::Receiver<'static, Peer>;
/// The half that pushes values; see [`ringway_core::untrusted::Producer`].
pub type Producer<T> = ringway_core::untrusted::Producer<'static, T, Peer>;
/// The half that pops values; see [`ringway_core::untrusted::Consumer`].
pub type Consumer<T> = ringway_core::untrusted::Consumer<'static, T, Peer>;
/// The side that publishes values; see [`ringway_core::untrusted::Publisher`].
pub type Publisher<T> = ringway_core::untrusted::Publisher<'static, T, Peer>;
/// The side that receives them; see [`ringway_core::untrusted::Subscriber`].
pub type Subscriber<T> = ringway_core::untrusted::Subscriber<'static, T, Peer>;
