//! Rows whose two sides are tasks: each awaits room, data, and the other side.

mod descriptors;
mod memory;
mod regions;
mod sides;

use super::row::Sides;
use descriptors::{Connected, Fifos, Pipes, Seqpackets, Signals, Tcp, UnixStreams};
use regions::{Broadcasts, ByteRings, Latests, Locks, MessageRings, Queues, Rings};
use sides::sides;

pub const QUEUE: Sides = sides::<Queues>();
pub const RING: Sides = sides::<Rings>();
pub const BYTE_RING: Sides = sides::<ByteRings>();
pub const MESSAGE_RING: Sides = sides::<MessageRings>();
pub const BROADCAST: Sides = sides::<Broadcasts>();
pub const LATEST: Sides = sides::<Latests>();
pub const LOCKS: Sides = sides::<Locks>();
pub const MEMORY: Sides = Sides::Own { run: memory::between_threads, far: |_, _| Ok(()) };
pub const PIPE: Sides = sides::<Pipes>();
pub const FIFO: Sides = sides::<Fifos>();
pub const STREAM: Sides = sides::<UnixStreams>();
pub const TCP: Sides = sides::<Tcp>();
pub const SEQPACKET: Sides = sides::<Seqpackets>();
pub const CONNECTION: Sides = sides::<Connected>();
pub const SIGNALS: Sides = sides::<Signals>();
