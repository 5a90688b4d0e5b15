//! The standard output, and what the terminal can show: how wide, and whether in colour.

use crate::failure::{Doing, Result};
use crate::task;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

/// How wide a line may be where no terminal says.
const WIDTH: u16 = 100;

/// How wide the standard output's lines may be: as the terminal says, or `COLUMNS`, or 100.
pub fn width() -> u16 {
    let terminal = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten();
    terminal
        .map(|size| size.ws_col)
        .filter(|&columns| columns > 0)
        .or_else(|| std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()))
        .unwrap_or(WIDTH)
}

/// Whether the standard output is shown in colour: on a terminal, and unless `NO_COLOR` is set.
pub fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

/// How many lines fit on the screen, where the standard output is a terminal that says so.
pub fn height() -> u16 {
    tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_row).max(2)
}

/// Brings a bar up to date every so often, until it is finished. Where the system refuses the
/// thread for it, the bar moves with what it counts, and that is all.
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

/// A line that says how far a command is, on a terminal only.
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

/// Prints the form for programs.
pub fn print_json(what: &impl Serialize) -> Result<()> {
    print(&json(what)?)
}

/// The form for programs.
pub fn json(what: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(what).map_err(io::Error::from).doing("write JSON")?;
    Ok(text + "\n")
}

/// A number of bytes in three digits, or four before the unit changes.
pub fn bytes(count: f64) -> String {
    let mut value = count;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        // Where 1023.5 would be told as 1024.
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
    fn sizes_are_told_in_three_digits() {
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
