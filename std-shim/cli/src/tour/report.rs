//! The tour's result: as JSON for a program, as a table for a person.

use super::row::{Mechanism, Outcome};
use crate::digest::Receipt;
use crate::table::{self, Aligned, bold, coloured};
use crate::terminal;
use comfy_table::{Attribute, Cell, Color};
use serde::Serialize;

/// The result of a tour.
///
/// The JSON form is stable: fields are added, never renamed or removed, while `format` stays the
/// same.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub format: &'static str,
    pub version: &'static str,
    pub input: Input,
    pub rows: Vec<ReportRow>,
    pub verified: usize,
    pub failed: usize,
    pub seconds: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Input {
    pub path: String,
    pub bytes: u64,
    /// The SHA-256, computed before the tour.
    pub sha256: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ReportRow {
    #[serde(flatten)]
    pub mechanism: &'static Mechanism,
    /// Whether what arrived is what was sent.
    pub verified: bool,
    /// What happened, in a few words; `null` if the row did not come to an end.
    pub what: Option<String>,
    /// Why the row failed; `null` if it did not.
    pub error: Option<String>,
    pub bytes: u64,
    /// Seconds that the far end took to receive the bytes, without the hashing.
    pub seconds: f64,
    /// `bytes` over `seconds`; `null` if nothing was sent.
    pub bytes_per_second: Option<f64>,
    /// The SHA-256 that the far end computed; `null` if the row did not come to an end.
    pub sha256: Option<String>,
}

impl ReportRow {
    /// A row without a result yet, hence not verified.
    pub fn of(mechanism: &'static Mechanism) -> Self {
        let (verified, bytes, seconds, what, error) = (false, 0, 0.0, None, None);
        let (bytes_per_second, sha256) = (None, None);
        ReportRow { mechanism, verified, what, error, bytes, seconds, bytes_per_second, sha256 }
    }

    /// Enters what arrived, and checks its length and SHA-256.
    pub fn fill(&mut self, outcome: Outcome, expected: &(u64, String)) {
        let Receipt { bytes, seconds, sha256 } = outcome.receipt;
        let (all, right) = expected;
        self.error = if bytes != *all {
            Some(format!("{bytes} bytes arrived of {all}; did the input change meanwhile?"))
        } else if sha256 != *right {
            Some(format!(
                "the SHA-256 at the far end is {sha256:.16}…, not {right:.16}…; \
                 did the input change meanwhile?"
            ))
        } else {
            None
        };
        self.verified = self.error.is_none();
        self.what = Some(outcome.what);
        self.bytes = bytes;
        self.seconds = seconds;
        self.bytes_per_second =
            Some(bytes as f64 / seconds).filter(|rate| rate.is_finite() && bytes > 0);
        self.sha256 = Some(sha256);
    }
}

impl Report {
    pub fn new(input: Input, rows: Vec<ReportRow>, seconds: f64) -> Self {
        let verified = rows.iter().filter(|row| row.verified).count();
        Report {
            format: "ringway-tour/1",
            version: env!("CARGO_PKG_VERSION"),
            failed: rows.len() - verified,
            verified,
            input,
            rows,
            seconds,
        }
    }

    /// The table for people, at most `width` columns wide.
    pub fn table(&self, width: u16, colour: bool) -> String {
        // A narrow terminal can do without the column of who sends to whom.
        let narrow = width < 90;
        let mut header = vec!["MECHANISM", "BETWEEN", "WHAT HAPPENED", "BYTES", "RATE", "VERDICT"];
        if narrow {
            header.remove(1);
        }
        let mut table = table::table(&header, colour);
        for row in &self.rows {
            let rate = row
                .bytes_per_second
                .map_or("–".to_string(), |rate| format!("{}/s", terminal::bytes(rate)));
            let text = Cell::new(row.error.as_deref().or(row.what.as_deref()).unwrap_or_default());
            let verdict = match row.verified {
                true => coloured("✔ verified", Color::Green),
                false => coloured("✘ failed", Color::Red).add_attribute(Attribute::Bold),
            };
            let mut cells = vec![
                bold(row.mechanism.name),
                Cell::new(row.mechanism.between),
                if row.verified { text } else { text.fg(Color::Red) },
                terminal::bytes(row.bytes as f64).right(),
                rate.right(),
                verdict,
            ];
            if narrow {
                cells.remove(1);
            }
            table.add_row(cells);
        }
        let lines = table::write(&mut table, width, &[if narrow { 1 } else { 2 }]);
        let Input { path, bytes, sha256 } = &self.input;
        let bytes = terminal::bytes(*bytes as f64);
        let (version, verified, all) = (self.version, self.verified, self.rows.len());
        format!(
            " ringway {version} sends {path}: {bytes}, SHA-256 {sha256:.16}…\n\n{lines}\n \
             {verified} of {all} verified in {:.1} s.\n \
             Each far end computed the SHA-256 itself; rates leave that time out.\n",
            self.seconds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: u64, sha256: &str) -> ReportRow {
        let receipt = Receipt { bytes, seconds: 0.5, sha256: sha256.to_string() };
        let mut row = ReportRow::of(&crate::tour::MECHANISMS[0]);
        row.fill(Outcome { what: String::new(), receipt }, &(3, "abc".to_string()));
        row
    }

    #[test]
    fn row_is_verified_by_length_and_digest() {
        let right = judged(3, "abc");
        assert!(right.verified && right.error.is_none());
        assert_eq!(right.bytes_per_second, Some(6.0));
        for (wrong, told) in
            [(judged(2, "abc"), "2 bytes arrived of 3"), (judged(3, "abd"), "SHA-256")]
        {
            assert!(!wrong.verified && wrong.error.unwrap().contains(told));
        }
    }
}
