//! What the examples of samples share: all that does not depend on the framework.
//!
//! ```text
//!            ┌─ ring of values ───▶ consume (task)
//! interrupt ─┤                        │ the end
//!            └─ table of signals ─────┴▶ dispatch (task)
//! ```
//!
//! A task that is not woken shows: the ring is soon full, and samples are lost; or the end never
//! comes, and the test ends the emulator.

use ringway_core::ring::{Consumer, Producer, Ring};
use ringway_core::signal::{Dispatcher, SignalSet, Table};
use ringway_core::wait::Async;
use ringway_firmware::report;

/// At most 4 samples lie between the interrupt and the task.
type SampleRing = Ring<u32, 4, Async>;

pub static SAMPLES: SampleRing = Ring::new();
pub static SIGNALS: Table<2, 0, Async> = Table::new();

pub type Samples = Consumer<&'static SampleRing>;
pub type Signals = Dispatcher<&'static Table<2, 0, Async>>;

/// The signals: ten more samples were taken, and there will be no more.
const TEN: u32 = 0;
const END: u32 = 1;

/// How many samples there are.
const COUNT: u32 = 200;

/// The interrupt's part.
pub struct Source {
    /// Closed at the end.
    samples: Option<Producer<&'static SampleRing>>,
    taken: u32,
    lost: u32,
}

impl Source {
    pub fn new(samples: Producer<&'static SampleRing>) -> Self {
        Source { samples: Some(samples), taken: 0, lost: 0 }
    }

    /// Takes a sample, or ends the stream.
    pub fn tick(&mut self) {
        let Some(samples) = &mut self.samples else { return };
        if self.taken == COUNT {
            report("samples lost", self.lost);
            if let Some(samples) = self.samples.take() {
                samples.close();
            }
            return;
        }
        if samples.try_push(self.taken).is_err() {
            self.lost += 1;
        }
        self.taken += 1;
        if self.taken % 10 == 0 {
            // It fails only if the table has no such line.
            let _ = SIGNALS.raise(TEN);
        }
    }
}

/// Awaits every sample, until the interrupt ends the stream.
pub async fn consume(mut samples: Samples) {
    let (mut count, mut sum) = (0, 0);
    while let Ok(sample) = samples.pop_async().await {
        (count, sum) = (count + 1, sum + sample);
    }
    report("samples", count);
    report("their sum", sum);
    let _ = SIGNALS.raise(END);
}

/// Awaits every signal, until the end; whether there were as many as there should be.
pub async fn dispatch(mut signals: Signals) -> bool {
    let (mut tens, mut times) = (0, 0);
    while let Ok(raised) = signals.wait_async(SignalSet::all()).await {
        if raised.line == END {
            break;
        }
        (tens, times) = (tens + raised.count as u32, times + 1);
    }
    report("tens", tens);
    report("the task was woken for them, times", times);
    tens == COUNT / 10
}
