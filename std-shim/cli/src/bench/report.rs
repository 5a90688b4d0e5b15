//! The bench's result: as JSON for a program, as a table for a person.

use super::advice::{Advice, advise};
use super::mechanism::From;
use super::row::Row;
use crate::table::{Aligned, bold, table, write};
use comfy_table::{Cell, Color};
use serde::Serialize;
use std::fs;

/// The result of a bench.
///
/// The JSON form is stable: fields are added, never renamed or removed, while `format` stays the
/// same.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub format: &'static str,
    pub version: &'static str,
    /// The machine's name for its processor.
    pub processor: String,
    pub processors: usize,
    /// The number of starts; each value is the median over them.
    pub starts: usize,
    pub rows: Vec<Row>,
    pub advice: Vec<Advice>,
    pub seconds: f64,
}

impl Report {
    pub fn new(rows: Vec<Row>, processors: usize, starts: usize, seconds: f64) -> Self {
        Report {
            format: "ringway-bench/1",
            version: env!("CARGO_PKG_VERSION"),
            processor: processor(),
            processors,
            starts,
            advice: advise(&rows),
            rows,
            seconds,
        }
    }

    /// One line that says what was measured where.
    pub fn summary(&self) -> String {
        let s = if self.processors == 1 { "" } else { "s" };
        format!(
            "ringway {} on {}, {} processor{s}; medians of {} starts, {:.0} s in all",
            self.version, self.processor, self.processors, self.starts, self.seconds
        )
    }

    /// The tables for people, at most `width` columns wide.
    pub fn table(&self, width: u16, colour: bool) -> String {
        let titles = ["MECHANISM", "SIZE", "ROUND TRIP", "99 %", "99.9 %", "MESSAGES", "BYTES"];
        let mut rows = table(&titles, colour);
        for row in &self.rows {
            let (name, [size, p50, _, p99, p999, rate, bytes]) = row.texts();
            let is_ours = row.mechanism.from == From::Ringway;
            let mut cells =
                vec![if is_ours { bold(&name) } else { Cell::new(&name) }, size.right()];
            cells.push(match row.error {
                Some(_) => "failed".right().fg(Color::Red),
                None => p50.right(),
            });
            cells.extend([p99, p999, rate, bytes].map(|it| it.right()));
            rows.add_row(cells);
        }
        let mut text = format!(" {}\n\n{}", self.summary(), write(&mut rows, width, &[0]));
        if !self.advice.is_empty() {
            let mut advice = table(&["WHAT SUITS", "MECHANISM", "BECAUSE"], colour);
            for Advice { need, mechanism, because } in &self.advice {
                advice.add_row([Cell::new(need), bold(mechanism), Cell::new(because)]);
            }
            text += &format!("\n{}", write(&mut advice, width, &[0, 2]));
        }
        text
    }
}

/// The machine's name for its processor.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches([' ', '\t', ':']).trim().to_string());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::exchange::Measured;
    use crate::bench::mechanism::{MECHANISMS, Place};

    fn measured(p50: f64, rate: f64) -> Measured {
        Measured {
            p50: Some(p50),
            p90: Some(p50),
            p99: Some(2.0 * p50),
            p999: Some(3.0 * p50),
            rate: Some(rate),
            bytes_per_second: None,
        }
    }

    fn row(name: &str, size: usize, p50: f64, rate: f64) -> Row {
        let mechanism = MECHANISMS.iter().find(|it| it.name == name).unwrap();
        let mut row = Row::new(mechanism, size, Place::TwoProcessors);
        row.fill(vec![measured(p50, rate), measured(3.0 * p50, rate), measured(p50 / 2.0, rate)]);
        row
    }

    #[test]
    fn row_has_the_medians_of_its_starts() {
        let row = row("ring", 64, 100.0, 1e6);
        assert_eq!(
            (row.found.p50, row.found.p99, row.found.rate),
            (Some(100.0), Some(200.0), Some(1e6))
        );
        assert_eq!(row.found.bytes_per_second, Some(64e6));
    }

    #[test]
    fn untouched_bytes_are_not_counted() {
        let row = row("ring-in-place", 64, 100.0, 1e6);
        assert_eq!((row.found.rate, row.found.bytes_per_second), (Some(1e6), None));
    }

    #[test]
    fn advice_follows_the_measurements_and_says_why() {
        let rows = vec![
            row("ring", 64, 100.0, 1e8),
            row("pipe", 64, 9000.0, 1e6),
            row("unix-stream", 64, 8000.0, 2e6),
        ];
        let report = Report::new(rows, 2, 3, 1.0);
        let find = |need: &str| report.advice.iter().find(|it| it.need.starts_with(need)).unwrap();
        assert_eq!(find("Shortest answer, a processor").mechanism, "ring");
        assert_eq!(find("Shortest answer, without").mechanism, "unix-stream");
        assert!(find("Shortest answer, without").because.contains("8.00 µs"));
        assert_eq!(find("Most messages").mechanism, "ring");
        let text = report.table(100, false);
        assert!(text.contains("100 ns") && text.contains("WHAT SUITS"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colour was asked for");
    }
}
