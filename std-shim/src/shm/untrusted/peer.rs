//! How an end sleeps, and learns that the peer is dead.

use super::super::DETECTION_BOUND;
use super::super::mapping::Mapping;
use crate::fd::{Interest, try_wait};
use crate::socket::UnixStream;
use crate::wait::{time_left, wait_for, wake};
use ringway_core::sync::AtomicU32;
use ringway_core::untrusted::Sleeper;
use ringway_core::wait::TimedOut;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::thread::futex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The peer of a channel, as a half sees it: its memory, and whether it lives.
pub struct Peer(pub(super) Arc<Shared>);

/// What the halves of a channel keep.
pub(super) struct Shared {
    /// The memory of this side, and of the peer.
    pub(super) memory: [Mapping; 2],
    /// It hangs up when the peer dies.
    pub(super) socket: UnixStream,
    pub(super) is_gone: AtomicBool,
}

impl Shared {
    /// Looks whether the peer is dead.
    pub(super) fn look(&self) -> bool {
        // Whatever the peer sends over the socket means nothing.
        let has_ended = match try_wait(&self.socket, Interest::Read) {
            Ok(ready) => ready.hung_up() || ready.failed(),
            // The system has no memory for `poll(2)`, perhaps for long: a read tells the end, too.
            Err(_) => {
                let read = recv(&self.socket, &mut [0; 256], RecvFlags::DONTWAIT);
                matches!(read, Ok((0, _)) | Err(Errno::CONNRESET))
            }
        };
        if has_ended {
            // Release: partner is the acquire in `peer_is_gone`. The kernel ordered what the peer
            // wrote before the end that it reports.
            self.is_gone.store(true, Ordering::Release);
        }
        self.is_gone.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("is_gone", &self.0.is_gone).finish_non_exhaustive()
    }
}

impl Sleeper for Peer {
    type Deadline = Instant;

    fn sleep(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<(), TimedOut> {
        let has_passed = || deadline.is_some_and(|deadline| deadline <= Instant::now());
        // A peer that changes the word all the time keeps nobody from a deadline.
        if has_passed() {
            return Err(TimedOut);
        }
        let bound = Instant::now() + DETECTION_BOUND;
        let until = deadline.map_or(bound, |deadline| deadline.min(bound));
        if wait_for(word, futex::Flags::empty(), expected, Some(&time_left(until))).is_err() {
            self.0.look();
            if has_passed() {
                return Err(TimedOut);
            }
        }
        Ok(())
    }

    fn wake(&self, word: &AtomicU32) {
        wake(word, futex::Flags::empty(), u32::MAX);
    }

    fn peer_is_gone(&self) -> bool {
        // Acquire: partner is the release in `look`.
        self.0.is_gone.load(Ordering::Acquire)
    }
}
