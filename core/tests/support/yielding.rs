//! A way of waiting for tests with threads: lets the other threads run, then looks again.

use ringway_core::sync::AtomicU32;
use ringway_core::wait::{TimedOut, Wait, Wake};

/// [`Spin`](ringway_core::wait::Spin) for a machine with fewer processors than threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Yielding;

impl Wake for Yielding {
    type Word = ();

    const INIT: Self = Yielding;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Yielding {
    type Deadline = core::convert::Infallible;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<Self::Deadline>) -> Result<(), TimedOut> {
        std::thread::yield_now();
        Ok(())
    }
}
