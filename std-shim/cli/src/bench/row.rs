//! The result of one mechanism at one size.

use super::exchange::Measured;
use super::mechanism::{Mechanism, Place};
use super::plot;
use serde::Serialize;

/// One mechanism at one size, in one place.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub mechanism: &'static Mechanism,
    /// The size of a message, in bytes.
    pub size: usize,
    pub place: Place,
    /// The medians over the starts.
    #[serde(flatten)]
    pub found: Measured,
    /// Why there is no result; `null` if there is one.
    pub error: Option<String>,
}

impl Row {
    /// A row without a result yet.
    pub fn new(mechanism: &'static Mechanism, size: usize, place: Place) -> Self {
        Row { mechanism, size, place, found: Measured::default(), error: None }
    }

    /// Enters the medians of the starts' results.
    pub fn fill(&mut self, found: Vec<Measured>) {
        let over =
            |value: fn(&Measured) -> Option<f64>| median(found.iter().filter_map(value).collect());
        let rate = over(|it| it.rate);
        let moved = rate.filter(|_| self.mechanism.moves_bytes);
        self.found = Measured {
            p50: over(|it| it.p50),
            p90: over(|it| it.p90),
            p99: over(|it| it.p99),
            p999: over(|it| it.p999),
            rate,
            bytes_per_second: moved.map(|rate| rate * self.size as f64),
        };
    }
}

impl Row {
    /// The mechanism's name and place; then, as text, the size, the percentiles and the rates.
    pub fn texts(&self) -> (String, [String; 7]) {
        let place = if self.place == Place::OneProcessor { ", one processor" } else { "" };
        let text = |value: Option<f64>, tell: fn(f64) -> String| value.map_or("–".into(), tell);
        let Measured { p50, p90, p99, p999, rate, bytes_per_second } = self.found;
        let [p50, p90, p99, p999] = [p50, p90, p99, p999].map(|time| text(time, plot::time));
        let rates = (text(rate, plot::rate), text(bytes_per_second, plot::throughput));
        let size = plot::bytes(self.size as f64);
        let name = format!("{}{place}", self.mechanism.name);
        (name, [size, p50, p90, p99, p999, rates.0, rates.1])
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
