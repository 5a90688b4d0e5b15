//! The bench's result: as JSON for a program, as a table for a person.

use super::advice::{Advice, advise};
use super::exchange::Measured;
use super::mechanism::{From, Mechanism, Place};
use super::plot;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, TableComponent, presets,
};
use serde::Serialize;
use std::fs;
use std::io::{self, Write};

/// All that a bench found out. The JSON form is stable: fields are added, never renamed or removed, while `format` stays
/// the same.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `ringway-bench/1`.
    pub format: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// What the machine calls its processor.
    pub processor: String,
    /// How many processors the program may use.
    pub processors: usize,
    /// How many starts each value is the median of.
    pub starts: usize,
    /// One for each mechanism, size and place.
    pub rows: Vec<Row>,
    /// What suits which need.
    pub advice: Vec<Advice>,
    /// How long the whole bench took.
    pub seconds: f64,
}

/// One mechanism at one size. Times are in nanoseconds, medians over the starts.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The name for `--only`.
    pub name: &'static str,
    /// What it is, in the field's words.
    pub title: &'static str,
    /// Who it is from.
    pub from: From,
    /// Whether who waits sleeps.
    pub sleeps: bool,
    /// Of a message, in bytes.
    pub size: usize,
    /// Where the two sides ran.
    pub place: Place,
    /// The median round trip; `null` when nothing was found.
    pub p50: Option<f64>,
    /// Nine of ten are shorter.
    pub p90: Option<f64>,
    /// 99 of 100 are shorter.
    pub p99: Option<f64>,
    /// 999 of 1000 are shorter.
    pub p999: Option<f64>,
    /// Messages a second, one way; `null` too for what loses messages.
    pub rate: Option<f64>,
    /// Bytes a second, one way; `null` too where no byte but the number is touched.
    pub bytes_per_second: Option<f64>,
    /// Why nothing was found; `null` when something was.
    pub error: Option<String>,
    #[serde(skip)]
    moves_bytes: bool,
}

impl Row {
    /// A row of which nothing is known yet.
    pub fn new(mechanism: &Mechanism, size: usize, place: Place) -> Self {
        let Mechanism { name, title, from, sleeps, moves_bytes, .. } = *mechanism;
        Row {
            name,
            title,
            from,
            sleeps,
            size,
            place,
            p50: None,
            p90: None,
            p99: None,
            p999: None,
            rate: None,
            bytes_per_second: None,
            error: None,
            moves_bytes,
        }
    }

    /// Enters the medians of what the starts found.
    pub fn fill(&mut self, found: Vec<Measured>) {
        let over =
            |value: fn(&Measured) -> Option<f64>| median(found.iter().filter_map(value).collect());
        self.p50 = over(|it| Some(it.p50));
        self.p90 = over(|it| Some(it.p90));
        self.p99 = over(|it| Some(it.p99));
        self.p999 = over(|it| Some(it.p999));
        self.rate = over(|it| it.rate);
        let moved = self.rate.filter(|_| self.moves_bytes);
        self.bytes_per_second = moved.map(|rate| rate * self.size as f64);
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl Report {
    /// Sums up.
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

    /// Writes the stable form for programs.
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        writeln!(out)
    }

    /// Writes the table for people, at most `width` columns wide.
    pub fn write_table(&self, mut out: impl Write, width: u16, colour: bool) -> io::Result<()> {
        writeln!(out, " {}\n", self.summary())?;
        let mut table = plain_table(width, colour);
        table.set_header([
            "MECHANISM",
            "SIZE",
            "ROUND TRIP",
            "99 %",
            "99.9 %",
            "MESSAGES",
            "BYTES",
        ]);
        for row in &self.rows {
            let mut name = Cell::new(match row.place {
                Place::TwoProcessors => row.name.to_string(),
                Place::OneProcessor => format!("{}, one processor", row.name),
            });
            if row.from == From::Ringway {
                name = name.add_attribute(Attribute::Bold);
            }
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let told =
                |value: Option<f64>, tell: fn(f64) -> String| right(value.map_or("–".into(), tell));
            let median = match row.error {
                Some(_) => right("failed".into()).fg(Color::Red),
                None => told(row.p50, plot::time),
            };
            table.add_row([
                name,
                right(plot::bytes(row.size as f64)),
                median,
                told(row.p99, plot::time),
                told(row.p999, plot::time),
                told(row.rate, plot::rate),
                told(row.bytes_per_second, plot::throughput),
            ]);
        }
        print_table(&mut out, &table)?;
        if self.advice.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let mut table = plain_table(width, colour);
        table.set_header(["WHAT SUITS", "MECHANISM", "BECAUSE"]);
        for advice in &self.advice {
            let mechanism = Cell::new(advice.mechanism).add_attribute(Attribute::Bold);
            table.add_row([Cell::new(&advice.need), mechanism, Cell::new(&advice.because)]);
        }
        print_table(&mut out, &table)
    }
}

fn plain_table(width: u16, colour: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

fn print_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What the machine calls its processor.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches([' ', '\t', ':']).trim().to_string());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::mechanism::MECHANISMS;

    fn measured(p50: f64, rate: f64) -> Measured {
        Measured { p50, p90: p50, p99: 2.0 * p50, p999: 3.0 * p50, rate: Some(rate) }
    }

    fn row(name: &str, size: usize, p50: f64, rate: f64) -> Row {
        let mechanism = MECHANISMS.iter().find(|it| it.name == name).unwrap();
        let mut row = Row::new(mechanism, size, Place::TwoProcessors);
        row.fill(vec![measured(p50, rate), measured(3.0 * p50, rate), measured(p50 / 2.0, rate)]);
        row
    }

    #[test]
    fn a_row_has_the_medians_of_its_starts() {
        let row = row("ring", 64, 100.0, 1e6);
        assert_eq!((row.p50, row.p99, row.rate), (Some(100.0), Some(200.0), Some(1e6)));
        assert_eq!(row.bytes_per_second, Some(64e6));
    }

    #[test]
    fn bytes_that_nobody_touched_are_not_counted() {
        let row = row("ring-in-place", 64, 100.0, 1e6);
        assert_eq!((row.rate, row.bytes_per_second), (Some(1e6), None));
    }

    #[test]
    fn advice_is_by_what_was_measured_and_says_why() {
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
        let mut out = Vec::new();
        report.write_table(&mut out, 100, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("100 ns") && text.contains("WHAT SUITS"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colour was asked for");
    }
}
