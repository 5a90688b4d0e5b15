//! A recorder of samples, as an example of code over Ringway's types that the explorers check.
//!
//! One side records, and never waits: it may be an interrupt. The other side sleeps until there is
//! a sample, and learns at the end how many samples were lost.

#![no_std]

use ringway_core::ring::{Consumer, Producer, Ring};
use ringway_core::sync::Ordering;
use ringway_core::sync::atomic::{AtomicBool, AtomicUsize};
use ringway_core::wait::{Doorbell, Wait, Wake};

/// What both sides share. `W` is the way in which the sink sleeps.
pub struct Recorder<W: Wake> {
    samples: Ring<u32, 2>,
    /// Samples that found no room. The source alone writes it.
    lost: AtomicUsize,
    /// No more samples come.
    ended: AtomicBool,
    /// Rings for each sample, and for the end.
    news: Doorbell<W>,
}

impl<W: Wake> Default for Recorder<W> {
    fn default() -> Self {
        Recorder {
            samples: Ring::new(),
            lost: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            news: Doorbell::new(),
        }
    }
}

impl<W: Wake> Recorder<W> {
    /// The side that records; `None` if it is taken.
    pub fn source(&self) -> Option<Source<'_, W>> {
        Some(Source { recorder: self, samples: self.samples.producer()? })
    }

    /// The side that takes the samples; `None` if it is taken.
    pub fn sink(&self) -> Option<Sink<'_, W>> {
        Some(Sink { recorder: self, samples: self.samples.consumer()? })
    }
}

/// The side that records.
pub struct Source<'r, W: Wake> {
    recorder: &'r Recorder<W>,
    samples: Producer<&'r Ring<u32, 2>>,
}

impl<W: Wake> Source<'_, W> {
    /// Records a sample, or counts it as lost. Never waits.
    pub fn record(&mut self, sample: u32) {
        if self.samples.try_push(sample).is_ok() {
            self.recorder.news.ring();
        } else {
            // Relaxed, both: only this side writes the count, and the store to `ended` publishes
            // it.
            let lost = self.recorder.lost.load(Ordering::Relaxed);
            self.recorder.lost.store(lost + 1, Ordering::Relaxed);
        }
    }

    /// Ends the recording.
    pub fn end(self) {
        // Release: partner is the acquire in `next`. The sink sees every sample, and the count.
        let order =
            if cfg!(feature = "relaxed-end") { Ordering::Relaxed } else { Ordering::Release };
        self.recorder.ended.store(true, order);
        self.recorder.news.ring();
    }
}

/// The side that takes the samples.
pub struct Sink<'r, W: Wake> {
    recorder: &'r Recorder<W>,
    samples: Consumer<&'r Ring<u32, 2>>,
}

impl<W: Wait> Sink<'_, W> {
    /// The next sample; sleeps until there is one. `None` at the end.
    pub fn next(&mut self) -> Option<u32> {
        let Sink { recorder, samples } = self;
        let look = || {
            if cfg!(feature = "early-end") {
                // The fault: the last sample may come, and the end, between these two.
                let sample = samples.try_pop();
                let ended = recorder.ended.load(Ordering::Acquire);
                return if sample.is_some() || ended { Some(sample) } else { None };
            }
            // Acquire: partner is the release in `end`. The end is looked at first, so that an
            // empty ring after it stays empty.
            let ended = recorder.ended.load(Ordering::Acquire);
            let sample = samples.try_pop();
            if sample.is_some() || ended { Some(sample) } else { None }
        };
        // Without a deadline the wait ends with an answer.
        recorder.news.wait_until(None, look).unwrap_or(None)
    }

    /// How many samples were lost. Exact after the end.
    pub fn lost(&self) -> usize {
        // Relaxed: the acquire in `next` has seen the end, and with it the count.
        self.recorder.lost.load(Ordering::Relaxed)
    }
}
