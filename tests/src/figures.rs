//! The figures that the repository is held to: how much is public, how long it is, and which files
//! need each other in a cycle. They are counted from the text of the sources: see
//! [`Figures::count`].

mod layers;
mod source;

pub use layers::circles;
pub use source::{Source, code, sources};

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// The text of a page, or of another file, by its path from the root.
pub fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of this ending in a folder of the repository, in order.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == ending)).collect();
    found.sort();
    found
}

/// The figures of one crate.
#[derive(Debug)]
pub struct Figures {
    /// Where the sources lie, from the root.
    pub folder: &'static str,
    /// The number of lines of any kind.
    pub lines: usize,
    /// The number of `pub` functions, without those of public traits.
    pub functions: usize,
    /// Public types that are errors.
    pub errors: BTreeSet<String>,
    /// The cycles between top-level modules, each as the modules' names.
    pub module_circles: Vec<Vec<String>>,
    /// The cycles between files.
    pub file_circles: Vec<Vec<String>>,
}

/// The crates whose figures are printed.
pub const CRATES: [&str; 3] = ["core/src", "std-shim/src", "std-shim/cli/src"];

impl Figures {
    /// Counts what lies in this folder.
    pub fn count(folder: &'static str) -> Self {
        let all: Vec<_> = sources(&root().join(folder));
        let product = || all.iter().filter(|source| !source.is_test());
        Figures {
            folder,
            lines: all.iter().map(|source| source.text.lines().count()).sum(),
            functions: product().map(|source| public_functions(&source.code)).sum(),
            errors: product().flat_map(|source| error_types(&source.code)).collect(),
            module_circles: circles(product(), top),
            file_circles: circles(product(), |path| path.display().to_string()),
        }
    }
}

/// The top-level module that a file belongs to: `ring` for `ring.rs` and for `ring/queue.rs`.
fn top(path: &Path) -> String {
    let first: PathBuf = path.iter().take(1).collect();
    first.with_extension("").display().to_string()
}

/// How many functions are `pub`.
pub fn public_functions(code: &str) -> usize {
    let is_public = |line: &&str| {
        let mut words =
            line.trim_start().strip_prefix("pub ").into_iter().flat_map(str::split_whitespace);
        words.find(|word| !["const", "unsafe", "async", "extern"].contains(word)) == Some("fn")
    };
    code.lines().filter(is_public).count()
}

/// The types for which there is an `impl Error`.
fn error_types(code: &str) -> BTreeSet<String> {
    let of = |line: &str| {
        let (head, tail) = line.trim_start().split_once(" for ")?;
        let is_error = head.starts_with("impl") && head.ends_with("error::Error");
        let name = tail.split(|c: char| !c.is_alphanumeric() && c != ':').next()?;
        is_error.then(|| name.to_owned())
    };
    code.lines().filter_map(of).collect()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.folder)?;
        writeln!(f, "  lines             {:>6}", self.lines)?;
        writeln!(f, "  public functions  {:>6}", self.functions)?;
        let errors: Vec<_> = self.errors.iter().map(String::as_str).collect();
        writeln!(f, "  error types       {:>6}  {}", errors.len(), errors.join(", "))?;
        for (what, circles) in
            [("module circles", &self.module_circles), ("file circles", &self.file_circles)]
        {
            writeln!(f, "  {what:<16}  {:>6}", circles.len())?;
            for circle in circles {
                writeln!(f, "    {}", circle.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into(), code: code(text) }
    }

    #[test]
    fn public_functions_and_error_types_are_counted() {
        let text =
            "pub fn a() {}\n    pub const unsafe fn b() {}\npub(crate) fn c() {}\n// pub fn d()\n";
        assert_eq!(public_functions(&code(text)), 2);
        let text = "impl<T> core::error::Error for Full<T> {}\nimpl fmt::Display for Full<T> {}\n";
        assert_eq!(error_types(&code(text)), BTreeSet::from(["Full".to_owned()]));
    }

    #[test]
    fn a_circle_is_found_through_what_a_module_hands_on() {
        let all = [
            source("lib.rs", "mod a;\npub use a::Above;\nmod b;\n"),
            source("a.rs", "mod one;\npub use one::Above;\n"),
            source("a/one.rs", "use crate::b::{self, inner::Low};\n"),
            source("b.rs", "pub mod inner;\n"),
            source("b/inner.rs", "fn f(_: crate::Above) {}\n"),
        ];
        assert_eq!(circles(all.iter(), top), [["a", "b"]]);
        let files = circles(all.iter(), |path| path.display().to_string());
        assert_eq!(files, [["a/one.rs", "b/inner.rs"]]);
        assert!(circles(all[..4].iter(), top).is_empty());
    }
}
