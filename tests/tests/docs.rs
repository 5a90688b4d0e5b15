//! The pages: their length, the targets of their links, and that the README links to every example.

use ringway_tests::figures::{files, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that the README may have.
const README_LINES: usize = 200;

/// The most lines that an example may have.
const EXAMPLE_LINES: usize = 96;

/// The fewest examples that there may be.
const EXAMPLES: usize = 12;

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page that a reader may begin with.
fn pages() -> Vec<PathBuf> {
    let mut all = files("docs", "md");
    all.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    all
}

/// Where the links of a page lead, outside of its code.
fn links(markdown: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in markdown.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let target = &line[at + 2..];
            found.extend(target.find(')').map(|end| target[..end].to_owned()));
        }
    }
    found
}

/// The anchors that a page offers: its headings, as they are spelled in links.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    let spelled = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(spelled).collect()
}

#[test]
fn links_lead_to_what_exists() {
    let mut count = 0;
    for page in pages() {
        let markdown = text(&page);
        for link in links(&markdown).iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().expect("a page lies in a folder").join(path),
            };
            assert!(target.exists(), "{} links to {link}, which is not there", page.display());
            if !anchor.is_empty() {
                let there = anchors(&text(&target));
                assert!(there.contains(anchor), "{}: {link}: there is {there:?}", page.display());
            }
            count += 1;
        }
    }
    assert!(count > 20, "hardly a link was found: {count}");
}

#[test]
fn the_readme_is_read_in_ten_minutes() {
    let lines = text(&root().join("README.md")).lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, more than {README_LINES}");
}

#[test]
fn examples_are_short_and_linked_from_the_readme() {
    let readme = text(&root().join("README.md"));
    let linked = links(&readme);
    let examples: Vec<_> = ["core/examples", "std-shim/examples"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect();
    assert!(examples.len() >= EXAMPLES, "only {} examples", examples.len());
    for example in examples {
        let path = example.strip_prefix(root()).expect("it lies in the repository");
        let lines = text(&example).lines().count();
        assert!(lines <= EXAMPLE_LINES, "{} has {lines} lines", path.display());
        let is_linked = linked.iter().any(|link| Path::new(link) == path);
        assert!(is_linked, "README.md does not link to {}", path.display());
    }
}

#[test]
fn links_and_anchors_are_found() {
    assert_eq!(
        links("[a](b.md#c) and `x`\n```\n[no](d)\n```\n[e](https://f)"),
        ["b.md#c", "https://f"]
    );
    assert_eq!(
        anchors("# At most once, at least once\ntext"),
        BTreeSet::from(["at-most-once-at-least-once".into()])
    );
}
