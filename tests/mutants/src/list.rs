//! The mutants that cargo-mutants finds.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Answer;

/// A place between two characters.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Point {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Span {
    pub start: Point,
    pub end: Point,
}

/// One change of one place, which the tests ought to notice.
#[derive(Clone, Debug, Deserialize)]
pub struct Mutant {
    pub file: String,
    /// What it does, with its place.
    pub name: String,
    pub genre: Genre,
    /// The function that it is in; a constant has none.
    pub function: Option<serde::de::IgnoredAny>,
    pub replacement: String,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArmGuard,
    MatchArm,
    StructField,
}

impl Mutant {
    /// What it does, without line and column: this stays when code elsewhere in the file changes.
    pub fn key(&self) -> String {
        let rest = self.name.strip_prefix(&self.file).unwrap_or(&self.name);
        let rest = rest.splitn(4, ':').nth(3).unwrap_or(rest).trim();
        format!("{}: {rest}", self.file)
    }
}

/// All mutants of the core in the tree at `root`.
pub fn mutants(root: &Path) -> Answer<Vec<Mutant>> {
    let output = Command::new("cargo")
        .args(["mutants", "--list", "--json", "--package", "ringway-core", "--dir"])
        .arg(root)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{said}\nneeded: cargo install --locked cargo-mutants").into());
    }
    let mut mutants: Vec<Mutant> = serde_json::from_slice(&output.stdout)?;
    // Helpers of unit tests are not the core.
    mutants
        .retain(|mutant| !mutant.file.ends_with("/tests.rs") && !mutant.name.contains("tests::"));
    Ok(mutants)
}
