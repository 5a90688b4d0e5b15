//! Halves of hostile mode: the scribbler writes what the peer writes.

use super::super::untrusted::{Half, Memory, judge};
use super::driver::Driver;
use ringway_core::untrusted::Lane;

/// Operations on the half `which`. Its answers are those that are promised, it writes nothing of
/// the peer's memory, and nothing past its lane in its own.
pub(super) fn half(d: &Driver, which: usize) -> Option<()> {
    let lane = Lane::new(1 << d.below(7)?)?;
    let mine = Memory::new();
    // SAFETY: the peer's memory is larger than any lane here, aligned and zeroed, outlives the
    // half, and is accessed atomically.
    let mut half = unsafe { Half::new(which, &mine, d.memory().at(), lane) }?;
    let mut is_corrupt = false;
    let mut run = || {
        loop {
            let waits = d.next(4)? == 0;
            let size = d.below(80)?;
            let answer = if waits { half.wait(size, d.soon()?) } else { half.step(size) };
            d.saw(answer.is_ok());
            judge(answer, &mut is_corrupt);
        }
    };
    let ended: Option<()> = run();
    half.check_memory(&mine, lane);
    ended
}
