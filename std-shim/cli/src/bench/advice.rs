//! What suits which need, by what was measured here.

use super::mechanism::{From, Place};
use super::plot;
use super::row::Row;
use serde::Serialize;

/// A need, and what suits it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// What somebody wants.
    pub need: String,
    /// The mechanism's name.
    pub mechanism: &'static str,
    /// Why: what was measured.
    pub because: String,
}

/// The sizes that people ask about: small messages, pages, and large data.
const SMALL: usize = 64;
const LARGE: usize = 64 << 10;

/// Advice for each need for which something was measured.
pub fn advise(rows: &[Row]) -> Vec<Advice> {
    let mut all = Vec::new();
    let quickest = |size: usize, place: Place, wanted: fn(&Row) -> bool| {
        rows.iter()
            .filter(|row| row.size == size && row.place == place && wanted(row))
            .filter_map(|row| Some((row, row.p50?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let mut latency = |need: &str, size: usize, place: Place, wanted: fn(&Row) -> bool| {
        if let Some((row, p50)) = quickest(size, place, wanted) {
            let need = format!("{need}, {}", plot::bytes(size as f64));
            let because = format!("a round trip takes {}", plot::time(p50));
            all.push(Advice { need, mechanism: row.name, because });
        }
    };
    let two = Place::TwoProcessors;
    latency("Shortest answer, a processor to spare", SMALL, two, |row| row.name != IN_PLACE);
    latency("Shortest answer, without keeping a processor busy", SMALL, two, |row| row.sleeps);
    latency("The same where both share one processor", SMALL, Place::OneProcessor, |row| {
        row.sleeps
    });
    latency("Large data that can be made where it is sent", LARGE, two, |row| row.name == IN_PLACE);
    let fastest = |size: usize, wanted: fn(&Row) -> bool| {
        rows.iter()
            .filter(|row| row.size == size && row.place == two && wanted(row))
            .filter_map(|row| Some((row, row.rate?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let mut rate = |need: &str, size: usize, wanted: fn(&Row) -> bool| {
        if let Some((row, rate)) = fastest(size, wanted) {
            let need = format!("{need}, {}", plot::bytes(size as f64));
            let bytes = plot::throughput(rate * size as f64);
            all.push(Advice {
                need,
                mechanism: row.name,
                because: format!("{}, {bytes}", plot::rate(rate)),
            });
        }
    };
    rate("Most messages a second", SMALL, |row| row.name != IN_PLACE);
    rate("Most bytes a second, copied", LARGE, |row| row.name != IN_PLACE);
    rate("Most bytes a second through the kernel", LARGE, |row| row.from == From::Kernel);
    let has = |name: &'static str| rows.iter().any(|row| row.name == name && row.p50.is_some());
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
