//! What the terminal can show: how wide, and whether in colour.

use rustix::termios::tcgetwinsize;
use std::io::{self, IsTerminal};

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
