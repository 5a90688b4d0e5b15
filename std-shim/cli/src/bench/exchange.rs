//! The exchange of the two sides, over any way.

use crate::failure::{Doing, Failure, Result};
use ringway_ways::End;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// The result of one start, or the medians of several; times in nanoseconds.
///
/// A missing value is `null` in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The median round trip, then the 90th, 99th and 99.9th percentile.
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    /// Messages per second, one way; nothing if the way loses messages.
    pub rate: Option<f64>,
    /// Bytes per second, one way; nothing also if only the number of a message is touched.
    pub bytes_per_second: Option<f64>,
}

/// A bit in a message's number: answer it with the same message.
const ANSWER: u64 = 1 << 63;

/// About how long each part of a start takes.
const PART: Duration = Duration::from_millis(25);

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return vec![0] };
    (0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor)).collect()
}

/// Pins this process and the ones it starts.
pub fn pin(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set)
        .map_err(io::Error::from)
        .doing(format_args!("pin to processor {processor}"))
}

fn put_number(message: &mut [u8], number: u64) {
    if let Some((first, _)) = message.split_first_chunk_mut() {
        *first = number.to_le_bytes();
    }
}

fn number(message: &[u8]) -> Option<u64> {
    message.first_chunk().copied().map(u64::from_le_bytes)
}

fn expect(message: &[u8], expected: u64) -> Result<()> {
    match number(message) {
        Some(number) if number == expected => Ok(()),
        other => Err(Failure::new(format!("message {expected} was expected, {other:?} came"))),
    }
}

/// The side that answers: reports that it is there, then receives, checks and answers.
///
/// It ends when an operation fails because the other side is gone.
pub fn follow(end: &mut End, size: usize) -> Result<()> {
    let mut message = vec![0; size];
    put_number(&mut message, ANSWER);
    end.send(&message)?;
    for expected in 0.. {
        end.recv_whole(&mut message)?;
        if number(&message).map(|number| number & !ANSWER) != Some(expected) {
            return Err(Failure::new(format!("message {expected} did not come in its turn")));
        }
        if number(&message).is_some_and(|number| number & ANSWER != 0) {
            end.send(&message)?;
        }
    }
    Ok(())
}

/// The side that measures. `one_way` is false for a way that loses messages.
pub fn lead(end: &mut End, size: usize, one_way: bool) -> Result<Measured> {
    let mut message = vec![0; size];
    end.recv_whole(&mut message)?;
    expect(&message, ANSWER)?;
    let mut next = 0;
    let mut trip = || {
        put_number(&mut message, next | ANSWER);
        end.send(&message)?;
        end.recv_whole(&mut message)?;
        expect(&message, next | ANSWER)?;
        next += 1;
        Result::Ok(())
    };
    let began = Instant::now();
    for _ in 0..50 {
        trip()?;
    }
    let each = began.elapsed() / 50;
    let count = (PART.as_nanos() / each.as_nanos().max(1)).clamp(50, 200_000) as usize;
    for _ in 0..count / 4 {
        trip()?;
    }
    let mut times = Vec::with_capacity(count);
    let clock = clock_cost();
    let mut before = Instant::now();
    for _ in 0..count {
        trip()?;
        let now = Instant::now();
        times.push((now - before).saturating_sub(clock));
        before = now;
    }
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share) as usize;
        times.get(index).map(|time| time.as_nanos() as f64)
    };
    let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
    let mut rate = None;
    if one_way {
        let mut pass = |count: u64| {
            let began = Instant::now();
            for n in 0..count {
                // Ask for an answer to the last one, so that all have arrived when the clock is
                // read.
                let answer = if n + 1 == count { ANSWER } else { 0 };
                put_number(&mut message, next | answer);
                end.send(&message)?;
                next += 1;
            }
            end.recv_whole(&mut message)?;
            expect(&message, (next - 1) | ANSWER)?;
            Result::Ok(count as f64 / began.elapsed().as_secs_f64())
        };
        let first = pass(32)?;
        let second = pass((first * PART.as_secs_f64() / 4.0).max(32.0) as u64)?;
        rate = Some(pass((second * PART.as_secs_f64()).max(32.0) as u64)?);
    }
    Ok(Measured { p50, p90, p99, p999, rate, bytes_per_second: None })
}

/// The time that reading the clock adds to a measurement.
fn clock_cost() -> Duration {
    (0..200)
        .map(|_| {
            let before = Instant::now();
            Instant::now() - before
        })
        .min()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringway_ways::Way;
    use ringway_ways::connection::Connected;
    use std::path::Path;

    fn pair() -> (End, End) {
        Connected.pair(Path::new(".")).unwrap()
    }

    #[test]
    fn exchange_gives_ordered_percentiles() {
        let (mut ours, mut theirs) = pair();
        let other = std::thread::spawn(move || follow(&mut theirs, 16));
        let found = lead(&mut ours, 16, true).unwrap();
        assert!(found.p50 <= found.p90 && found.p90 <= found.p99 && found.p99 <= found.p999);
        assert!(found.rate.is_some_and(|rate| rate > 0.0));
        drop(ours);
        assert!(other.join().unwrap().is_err(), "it goes on until the other is gone");
    }

    #[test]
    fn message_out_of_turn_is_an_error() {
        let (mut ours, mut theirs) = pair();
        let mut message = [0; 8];
        put_number(&mut message, 5);
        ours.send(&message).unwrap();
        let told = follow(&mut theirs, 8).unwrap_err().to_string();
        assert!(told.contains("message 0"), "{told}");
    }
}
