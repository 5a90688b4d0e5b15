//! What was found of one mechanism at one size.

use super::exchange::Measured;
use super::mechanism::{From, Mechanism, Place};
use serde::Serialize;

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
