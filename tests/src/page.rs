//! Pages that a test follows: their blocks of code, and the files that these are.

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
