//! The standard output, and what the terminal can show: its width, and whether it has colour.

use crate::failure::{Doing, Result};
use crate::task;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

/// The width of a line where no terminal says it, in columns.
const WIDTH: u16 = 100;

/// The width for the standard output's lines: the terminal's, or `COLUMNS`, or 100.
pub fn width() -> u16 {
    let terminal = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten();
    terminal
        .map(|size| size.ws_col)
        .filter(|&columns| columns > 0)
        .or_else(|| std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()))
        .unwrap_or(WIDTH)
}

/// Whether to use colour: the standard output is a terminal, and `NO_COLOR` is not set.
pub fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

/// The number of lines on the screen, at least 2.
pub fn height() -> u16 {
    tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_row).max(2)
}

/// Updates a bar at intervals until it is finished.
///
/// If the system refuses the thread for this, the bar moves only when its count changes.
pub fn tick(bar: &ProgressBar, every: Duration) {
    if bar.is_hidden() {
        return;
    }
    let bar = bar.downgrade();
    let _ = task::start(move || {
        while let Some(bar) = bar.upgrade().filter(|bar| !bar.is_finished()) {
            bar.tick();
            drop(bar);
            thread::sleep(every);
        }
    });
}

/// A line that shows the progress of a command, on a terminal only.
pub fn bar(steps: u64, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("print")
}

/// Prints the JSON form.
pub fn print_json(what: &impl Serialize) -> Result<()> {
    print(&json(what)?)
}

/// The JSON form.
pub fn json(what: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(what).map_err(io::Error::from).doing("write JSON")?;
    Ok(text + "\n")
}

/// A number of bytes with three digits, or four just before the unit changes.
pub fn bytes(count: f64) -> String {
    let mut value = count;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        // Above, it would be printed as 1024.
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    let digits = match value {
        _ if unit == "B" => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (count, told) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1.00 KiB"),
            (10_235.0, "10.0 KiB"),
            (1_048_500.0, "1.00 MiB"),
            (33_565_952.0, "32.0 MiB"),
            (2.5e9, "2.33 GiB"),
            (1e18, "909495 TiB"),
        ] {
            assert_eq!(bytes(count), told);
        }
    }
}
