//! How the program reports that it cannot do what was asked: one line, with what to do about it.

use crate::system;
use std::fmt;
use std::io::{self, Write};

/// Why the program gives up: printed as `ringway: …` on the standard error, with exit status 1.
#[derive(Debug)]
pub struct Failure(String);

/// The result of the program's modules.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with this reason: one line, without a full stop.
    pub fn new(reason: impl Into<String>) -> Self {
        Failure(one_line(&reason.into()))
    }
}

/// Adds to an error what was being done.
pub trait Doing<T> {
    /// `doing` is a verb with its object: `"open the input 'a.txt'"`.
    fn doing(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::new(format!("cannot {doing}: {}", explain(&error))))
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::new(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prints one line on the standard error. If that is closed, nobody reads it.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "ringway: {line}");
}

/// Fails if the standard output was closed; for commands that run long before they print.
pub fn output_must_be_open() -> Result<()> {
    match system::is_output_closed() {
        true => Err(Failure::new("the standard output is closed: redirect it")),
        false => Ok(()),
    }
}

/// The system's words and, where known, what to do.
fn explain(error: &io::Error) -> String {
    let known = match error.kind() {
        io::ErrorKind::NotFound => "there is nothing of this name: check the spelling",
        io::ErrorKind::PermissionDenied => {
            "permission denied: run as a user who may, or change its mode"
        }
        io::ErrorKind::IsADirectory => "it is a directory: name a file",
        io::ErrorKind::BrokenPipe if system::is_output_closed() => {
            "the standard output is closed: redirect it"
        }
        io::ErrorKind::BrokenPipe => "broken pipe: the reader went away before the end",
        io::ErrorKind::StorageFull => "no space left: free some, or write elsewhere",
        _ => {
            // Drop the number that the standard library appends.
            let text = error.to_string();
            return text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        }
    };
    known.to_string()
}

/// Folds white space, so that a message of several lines becomes one.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_file_error_says_what_to_do_in_one_line() {
        let error = std::fs::File::open("/nonexistent/file").doing("open '/nonexistent/file'");
        assert_eq!(
            error.unwrap_err().to_string(),
            "cannot open '/nonexistent/file': there is nothing of this name: check the spelling"
        );
    }

    #[test]
    fn multi_line_reason_becomes_one_line() {
        assert_eq!(Failure::new("a\n  b\n").to_string(), "a b");
    }
}
