//! The buffers that a message can be received into.

use crate::Error;
use core::task::Poll;

/// Room for a message to be received.
///
/// It is a slice, an array, or, with the feature `heapless`, a `heapless::Vec`. The vector's length
/// is the message's length afterwards, and 0 when no message came.
///
/// ```
/// use ringway_core::channel::socket::Connection;
/// let mut pair = Connection::<32>::new();
/// let (mut here, mut there) = pair.split_packets();
/// here.try_send(b"into an array").unwrap();
/// let mut out = [0; 16];
/// assert_eq!(there.try_recv(&mut out), Ok(13));
/// # #[cfg(feature = "heapless")] {
/// here.try_send(b"into a vector").unwrap();
/// let mut message = heapless::Vec::<u8, 16>::new();
/// there.try_recv(&mut message).unwrap();
/// assert_eq!(message, b"into a vector");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a message cannot be received into `{Self}`",
    note = "take a `[u8]`, a `[u8; N]`, or a `heapless::Vec<u8, N>` with the feature `heapless`"
)]
pub trait Buffer: sealed::Sealed {}

impl<B: sealed::Sealed + ?Sized> Buffer for B {}

pub(crate) mod sealed {
    pub trait Sealed {
        /// Lends all the room in the buffer.
        fn space(&mut self) -> &mut [u8];

        /// Says that the first `len` bytes of the room are the message.
        fn filled(&mut self, len: usize);
    }

    impl Sealed for [u8] {
        #[inline(always)]
        fn space(&mut self) -> &mut [u8] {
            self
        }

        #[inline(always)]
        fn filled(&mut self, _len: usize) {}
    }

    impl<const N: usize> Sealed for [u8; N] {
        #[inline(always)]
        fn space(&mut self) -> &mut [u8] {
            self
        }

        #[inline(always)]
        fn filled(&mut self, _len: usize) {}
    }

    #[cfg(feature = "heapless")]
    impl<L: heapless::LenType, S: heapless::vec::VecStorage<u8> + ?Sized> Sealed
        for heapless::vec::VecInner<u8, L, S>
    {
        fn space(&mut self) -> &mut [u8] {
            let capacity = self.capacity();
            // This cannot fail: the new length is the capacity.
            let _ = self.resize_default(capacity);
            self
        }

        fn filled(&mut self, len: usize) {
            self.truncate(len);
        }
    }
}

/// Receives a message into `out`. `recv` fills the room and returns the message's length.
#[inline(always)]
pub(crate) fn recv_into<B: Buffer + ?Sized>(
    out: &mut B,
    recv: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
) -> Result<usize, Error> {
    let received = recv(out.space());
    out.filled(received.unwrap_or(0));
    received
}

/// [`recv_into`] for a task.
#[inline(always)]
pub(crate) fn poll_into<B: Buffer + ?Sized>(
    out: &mut B,
    poll: impl FnOnce(&mut [u8]) -> Poll<Result<usize, Error>>,
) -> Poll<Result<usize, Error>> {
    let received = poll(out.space());
    out.filled(match received {
        Poll::Ready(Ok(len)) => len,
        _ => 0,
    });
    received
}
