//! The text of source files, and their code without comments.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// The path, from the folder that was searched.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    /// The same lines, without comments, the content of string literals, and test modules.
    pub code: String,
}

impl Source {
    /// Whether it is compiled for tests alone.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.iter().any(|part| part == "tests")
    }
}

/// Every Rust file in a folder and below it, in order of its path.
pub fn sources(folder: &Path) -> Vec<Source> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder of the repository can be listed") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(root, &path, found);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let path = path.strip_prefix(root).expect("it lies below it").to_owned();
                let code = without_tests(&code(&text));
                found.push(Source { path, text, code });
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The code of a source file: comments and the content of string literals are blanked, lines stay
/// where they are.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if next == '"' {
            string_length(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    code
}

/// The length of the string literal that `text` begins with, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Blanks the modules that are compiled for tests alone; as rustfmt writes them, each ends at a
/// brace in the first column.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut skips = false;
    for line in code.lines() {
        skips |= line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        if !skips {
            kept += line;
        }
        kept.push('\n');
        // A module, or one line: `mod tests;`.
        skips &= !(line == "}" || line.ends_with(';') && !line.starts_with(' '));
    }
    kept
}
