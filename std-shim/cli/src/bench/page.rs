//! The bench's result as one page that needs no other file.

use super::mechanism::{From, Place};
use super::plot::{self, Bar, Line, Style, escape};
use super::report::Report;
use super::row::Row;
use std::fmt::Write;

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #8884; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.ours td:first-child { font-weight: 600; }
figure { margin: 1rem 0; overflow-x: auto; }
svg { max-width: 100%; height: auto; border-radius: 4px; }";

pub fn render(report: &Report) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>ringway bench</title>\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>ringway bench</h1>\n<p>{}</p>\n",
        escape(&report.summary())
    );
    page.push_str(
        "<h2>What suits which need</h2>\n<table>\n<tr><th>need<th>mechanism<th>because\n",
    );
    for advice in &report.advice {
        let _ = writeln!(
            page,
            "<tr><td>{}<td><strong>{}</strong><td>{}",
            escape(&advice.need),
            escape(advice.mechanism),
            escape(&advice.because)
        );
    }
    page.push_str("</table>\n");
    for svg in plots(report) {
        let _ = writeln!(page, "<figure>\n{svg}</figure>");
    }
    page.push_str(
        "<h2>All of it</h2>\n<table>\n<tr><th>mechanism<th class=n>size<th class=n>round trip\
         <th class=n>90 %<th class=n>99 %<th class=n>99.9 %<th class=n>messages<th class=n>bytes\n",
    );
    for row in &report.rows {
        let (name, [size, p50, rest @ ..]) = row.texts();
        let ours = if row.mechanism.from == From::Ringway { " class=ours" } else { "" };
        let title = escape(row.mechanism.title);
        let median = row.error.as_deref().map_or(p50, escape);
        let _ = write!(page, "<tr{ours}><td title=\"{title}\">{}", escape(&name));
        for cell in [size, median].iter().chain(&rest) {
            let _ = write!(page, "<td class=n>{cell}");
        }
        page.push('\n');
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}

/// The style of a mechanism. The same mechanism by plain calls has its colour, with dashes.
fn style(row: &Row) -> Style {
    const BY_NAME: &[(&str, &str)] = &[
        ("ring", "#d9480f"),
        ("ring-in-place", "#f08c00"),
        ("ring-sleeping", "#c92a2a"),
        ("pipe", "#1971c2"),
        ("fifo", "#0c8599"),
        ("unix-stream", "#2b8a3e"),
        ("unix-seqpacket", "#9c36b5"),
        ("unix-datagram", "#5f3dc4"),
        ("tcp", "#846358"),
        ("udp", "#e64980"),
        ("signal", "#343a40"),
    ];
    let name = row.mechanism.name.strip_prefix("raw-").unwrap_or(row.mechanism.name);
    let colour = BY_NAME.iter().find(|(other, _)| *other == name);
    Style {
        colour: colour.map_or("#748ca3", |(_, colour)| colour),
        dashes: if row.mechanism.from == From::Raw { "5 3" } else { "" },
        is_ours: row.mechanism.from == From::Ringway,
    }
}

/// Bars of small messages' round trips, and lines of both measures over the sizes.
fn plots(report: &Report) -> Vec<String> {
    let on_two = || report.rows.iter().filter(|row| row.place == Place::TwoProcessors);
    let mut plots = Vec::new();
    for place in [Place::TwoProcessors, Place::OneProcessor] {
        let rows = report.rows.iter().filter(|row| row.place == place && row.size <= 64);
        let mut bars: Vec<Bar> = Vec::new();
        for row in rows {
            let (Some(value), Some(max)) = (row.found.p50, row.found.p99) else { continue };
            // Keep the larger one of the small sizes.
            bars.retain(|bar| bar.name != row.mechanism.name);
            bars.push(Bar {
                name: row.mechanism.name.into(),
                value,
                min: value,
                max,
                style: style(row),
            });
        }
        bars.sort_by(|a, b| a.value.total_cmp(&b.value));
        let title = match place {
            Place::TwoProcessors => {
                "Round trip of small messages, two processors: median; line to the 99 % value"
            }
            Place::OneProcessor => {
                "Round trip of small messages, one processor: median; line to the 99 % value"
            }
        };
        if !bars.is_empty() {
            plots.push(plot::bars(title, &bars, plot::time));
        }
    }
    let mut over_sizes = |title: &str, value: fn(&Row) -> Option<f64>, tell: fn(f64) -> String| {
        let mut lines: Vec<Line> = Vec::new();
        for row in on_two() {
            let Some(value) = value(row) else { continue };
            let point = (row.size as f64, value);
            match lines.iter_mut().find(|line| line.name == row.mechanism.name) {
                Some(line) => line.points.push(point),
                None => lines.push(Line {
                    name: row.mechanism.name.into(),
                    points: vec![point],
                    style: style(row),
                }),
            }
        }
        lines.retain(|line| line.points.len() > 1);
        if !lines.is_empty() {
            plots.push(plot::lines(title, &lines, tell));
        }
    };
    over_sizes("Round trip by size, median", |row| row.found.p50, plot::time);
    over_sizes("One way by size", |row| row.found.bytes_per_second, plot::throughput);
    plots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::mechanism::MECHANISMS;

    #[test]
    fn no_two_mechanisms_look_the_same() {
        let look = |mechanism| {
            let style = style(&Row::new(mechanism, 8, Place::TwoProcessors));
            (style.colour, style.dashes)
        };
        let mut looks: Vec<_> = MECHANISMS.iter().map(look).collect();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), MECHANISMS.len());
    }
}
