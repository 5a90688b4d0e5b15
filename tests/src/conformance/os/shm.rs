//! Rings in shared memory: the core's own, between two participants of a region that is handed over as a descriptor.

use super::handed_over;
use crate::conformance::closes::{Closes, Half};
use crate::conformance::{
    Address, Answer, Content, End, Host, Promises, Reader, Role, Transport, Writer,
};
use ringway::CoreError;
use ringway::shm::{self, Layout, Region, RobustFutex};
use ringway_core::region::Part;
use ringway_core::ring::{bytes, messages};
use ringway_core::storage::Fixed;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

/// Not a power of two, so that every place of the ring becomes a boundary.
const BYTES: usize = 3_001;
const MESSAGES: usize = 32_001;

type ByteRing = shm::ByteRing<BYTES>;
type MessageRing = shm::MessageRing<MESSAGES>;

/// A byte ring in a region.
pub struct Bytes;

/// A ring of messages in a region.
pub struct Messages;

const PROMISES: Promises = Promises {
    content: Content::Bytes,
    both_at_once: false,
    half_close: false,
    several_writers: false,
    atomic: None,
    end: true,
    torn: false,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: true,
};

const NAME: &str = "ring";

fn region<P: Part>() -> Region {
    let layout = Layout::new(2).part::<P>(NAME).expect("a part");
    Region::anonymous(&layout).expect("there is memory")
}

/// A half of a ring, and the part that it borrows.
struct Held<H: Half, P: Part> {
    // Closed before what it borrows goes.
    half: Closes<H>,
    _part: Box<shm::Part<P>>,
}

fn hold<P: Part, H: Half>(
    region: &Region,
    take: impl FnOnce(&'static shm::Part<P>) -> ringway::Result<H>,
) -> Held<H, P> {
    let part = Box::new(region.part::<P>(NAME).expect("it is there"));
    // SAFETY: the part stays where it is, and as long as the half, which is dropped first.
    let borrowed = unsafe { &*std::ptr::from_ref(&*part) };
    Held { half: Closes::new(take(borrowed).expect("nobody has it")), _part: part }
}

/// Both halves, how to take them for a region, and their transport.
macro_rules! transport {
    ($transport:ty, $name:literal, $ring:ty, $sends:ident, $receives:ident, $promises:expr) => {
        impl Transport for $transport {
            fn name(&self) -> &'static str {
                $name
            }

            fn promises(&self) -> Promises {
                $promises
            }

            fn pair(&self, _place: &Path) -> (End, End) {
                let near = region::<$ring>();
                let far = Region::from_fd(&near).expect("there is a place");
                let sends = hold(&near, shm::Part::<$ring>::$sends);
                let receives = hold(&far, shm::Part::<$ring>::$receives);
                (End::sends(sends), End::receives(receives))
            }

            fn host(&self, role: Role, _place: &Path) -> Host {
                let ours = region::<$ring>();
                let theirs = ours.as_fd().try_clone_to_owned().expect("there is a descriptor");
                let end = match role {
                    Role::Sends => End::receives(hold(&ours, shm::Part::<$ring>::$receives)),
                    Role::Receives => End::sends(hold(&ours, shm::Part::<$ring>::$sends)),
                };
                Host { address: Address::Descriptor(theirs), accept: Box::new(|| end) }
            }

            fn join(&self, role: Role, address: &str) -> End {
                let region = Region::from_fd(handed_over(address)).expect("there is a place");
                match role {
                    Role::Sends => End::sends(hold(&region, shm::Part::<$ring>::$sends)),
                    Role::Receives => End::receives(hold(&region, shm::Part::<$ring>::$receives)),
                }
            }
        }
    };
}

transport!(Bytes, "os::shm_byte_ring", ByteRing, producer, consumer, PROMISES);
transport!(
    Messages,
    "os::shm_message_ring",
    MessageRing,
    sender,
    receiver,
    Promises {
        content: Content::Messages {
            max: MessageRing::MAX_MESSAGE,
            empty: true,
            limit: Some(MessageRing::MAX_MESSAGE + 1),
            copied: true,
        },
        ..PROMISES
    }
);

type Sleeper = RobustFutex;

impl Writer for Held<bytes::Producer<'static, Sleeper, Fixed<BYTES>>, ByteRing> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.half.write(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.half.consumer_is_gone() {
            return Err(CoreError::BrokenPipe);
        }
        Some(self.half.try_write(buf)).filter(|count| *count > 0).ok_or(CoreError::WouldBlock)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        self.half.write_deadline(buf, Some(deadline))
    }
}

impl Reader for Held<bytes::Consumer<'static, Sleeper, Fixed<BYTES>>, ByteRing> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.half.read(buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let count = self.half.try_read(buf);
        if count > 0 || buf.is_empty() {
            return Ok(count);
        }
        if !self.half.producer_is_gone() {
            return Err(CoreError::WouldBlock);
        }
        // Look again: it may have written before it went.
        Ok(self.half.try_read(buf))
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.half.read_deadline(buf, Some(deadline))
    }
}

impl Writer for Held<messages::Sender<'static, Sleeper, Fixed<MESSAGES>>, MessageRing> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.half.send(buf).map(|()| buf.len())
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        if self.half.receiver_is_gone() {
            return Err(CoreError::BrokenPipe);
        }
        self.half.try_send(buf).map(|()| buf.len())
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        self.half.send_deadline(buf, Some(deadline)).map(|()| buf.len())
    }
}

impl Reader for Held<messages::Receiver<'static, Sleeper, Fixed<MESSAGES>>, MessageRing> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.half.recv(buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        match self.half.try_recv(buf) {
            Err(CoreError::WouldBlock) if self.half.sender_is_gone() => {}
            found => return found,
        }
        // Look again: it may have sent before it went.
        self.half.try_recv(buf).map_err(|error| match error {
            CoreError::WouldBlock => CoreError::EndOfFile,
            other => other,
        })
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.half.recv_deadline(buf, Some(deadline))
    }
}
