//! Pages that a test follows: their blocks of code, the files that these are, and the commands.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A block of code of a page.
#[derive(Debug)]
pub struct Block<'p> {
    /// The last line of text before it.
    pub title: &'p str,
    /// What stands after the opening backquotes.
    pub language: &'p str,
    /// Its lines.
    pub content: &'p str,
}

/// The blocks of code in a part of a page, in order.
pub fn blocks(mut text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    while let Some((before, rest)) = text.split_once("\n```") {
        let (language, rest) = rest.split_once('\n').expect("a block has a first line");
        let (content, rest) = rest.split_once("```\n").expect("a block has an end");
        let title = before.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
        found.push(Block { title, language, content });
        text = rest;
    }
    found
}

/// The file that a title names: it is nothing but a path in backquotes, and a colon.
pub fn file(title: &str) -> Option<&str> {
    title.strip_prefix('`')?.strip_suffix("`:").filter(|path| !path.contains('`'))
}

/// Writes a file that a page shows; its folders are made.
pub fn write_file(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, content).expect("a file can be written");
}

/// Takes from a command what this test inherited: flags and folders are those of the page.
pub fn forget_flags(command: &mut Command) -> &mut Command {
    for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"] {
        command.env_remove(inherited);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_files_are_found() {
        let text = "A title:\n\n```sh\nls\n```\n\n`a/b.c`:\n\n```\nx\n\ny\n```\n";
        let found: Vec<_> =
            blocks(text).iter().map(|it| (it.title, it.language, it.content)).collect();
        assert_eq!(found, [("A title:", "sh", "ls\n"), ("`a/b.c`:", "", "x\n\ny\n")]);
        assert_eq!(file("`a/b.c`:"), Some("a/b.c"));
        assert_eq!(file("`a` and `b`:"), None);
        assert_eq!(file("It prints:"), None);
    }
}
