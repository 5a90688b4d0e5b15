//! Advice: which mechanism suits which need, according to the measurements.

use super::exchange::Measured;
use super::mechanism::{From, Mechanism, Place};
use super::plot;
use super::row::Row;
use serde::Serialize;

/// A need and the mechanism that suits it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    pub need: String,
    pub mechanism: &'static str,
    /// The measurement behind it.
    pub because: String,
}

/// The sizes that people ask about: small messages and large data.
const SMALL: usize = 64;
const LARGE: usize = 64 << 10;

/// Selects the mechanisms that may be advised.
type Wanted = fn(&Mechanism) -> bool;

/// Advice for each need that something was measured for.
pub fn advise(rows: &[Row]) -> Vec<Advice> {
    let mut all = Vec::new();
    let two = Place::TwoProcessors;
    // The row with the smallest value among the wanted mechanisms.
    let best = |size, place, wanted: Wanted, value: fn(&Measured) -> Option<f64>| {
        rows.iter()
            .filter(|row| row.size == size && row.place == place && wanted(row.mechanism))
            .filter_map(|row| Some((row, value(&row.found)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let mut advise = |need: &str, (row, because): (&Row, String)| {
        let need = format!("{need}, {}", plot::bytes(row.size as f64));
        all.push(Advice { need, mechanism: row.mechanism.name, because });
    };
    let latencies: [(&str, usize, Place, Wanted); 4] = [
        ("Shortest answer, a processor to spare", SMALL, two, |it| it.name != IN_PLACE),
        ("Shortest answer, without keeping a processor busy", SMALL, two, |it| it.sleeps),
        ("The same where both share one processor", SMALL, Place::OneProcessor, |it| it.sleeps),
        ("Large data that can be made where it is sent", LARGE, two, |it| it.name == IN_PLACE),
    ];
    for (need, size, place, wanted) in latencies {
        if let Some((row, p50)) = best(size, place, wanted, |found| found.p50) {
            advise(need, (row, format!("a round trip takes {}", plot::time(p50))));
        }
    }
    let rates: [(&str, usize, Wanted); 3] = [
        ("Most messages a second", SMALL, |it| it.name != IN_PLACE),
        ("Most bytes a second, copied", LARGE, |it| it.name != IN_PLACE),
        ("Most bytes a second through the kernel", LARGE, |it| it.from == From::Kernel),
    ];
    for (need, size, wanted) in rates {
        if let Some((row, rate)) = best(size, two, wanted, |found| found.rate.map(|rate| -rate)) {
            let (rate, bytes) = (plot::rate(-rate), plot::throughput(-rate * size as f64));
            advise(need, (row, format!("{rate}, {bytes}")));
        }
    }
    let has = |name: &'static str| {
        rows.iter().any(|row| row.mechanism.name == name && row.found.p50.is_some())
    };
    for (need, mechanism, because) in [
        ("Programs that share only a path", "fifo", "any program can open a file, the shell too"),
        (
            "A peer that is not trusted",
            "unix-seqpacket",
            "the kernel keeps messages whole and tells who sends",
        ),
        ("A peer on another machine, now or later", "tcp", "the same code, wherever it is"),
    ] {
        if has(mechanism) {
            all.push(Advice { need: need.to_string(), mechanism, because: because.to_string() });
        }
    }
    all
}

const IN_PLACE: &str = "ring-in-place";
