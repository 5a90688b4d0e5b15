//! The repository's own rules: what may be depended on, which Rust is needed, where atomics may enter.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `ringway-core` may depend on by default, on any target.
const CORE_BUDGET: &[&str] = &["bitflags", "critical-section", "heapless"];

/// What `ringway` may depend on by default besides that.
const SHIM_BUDGET: &[&str] =
    &["ringway-core", "rustix", "libc", "signal-hook-registry", "zerocopy"];

/// What the crates of the shim's budget bring along.
const SHIM_INDIRECT: &[&str] = &["bitflags", "errno", "linux-raw-sys"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {complaint}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// The names and versions in `cargo tree` of a package's default, normal dependencies, without itself.
fn dependencies(package: &str, target: &str) -> BTreeMap<String, String> {
    let tree = cargo(&[
        "tree", "--locked", "-p", package, "-e", "normal", "--target", target, "--prefix", "none",
        "-f", "{p}",
    ]);
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .filter(|(name, _)| name != package)
        .collect()
}

/// Every Rust source file of the workspace, and the two workspaces beside it.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a folder of the repository can be listed") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let path = path.strip_prefix(root()).expect("it lies below the root").to_owned();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    assert!(found.len() > 10, "the repository's sources are not where they were: {found:?}");
    found
}

/// The code of a source file: comments and the content of string literals are blanked, lines stay where they are.
fn code(text: &str) -> String {
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

/// Whether the condition after `if ` or `while ` (as formatted by rustfmt) is a let-chain.
fn is_let_chain(condition: &str) -> bool {
    let mut depth = 0_i32;
    let mut has_let = false;
    let mut has_and = false;
    let mut words = String::new();
    for c in condition.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' | ';' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 && c.is_whitespace() => {
                has_let |= words == "let";
                has_and |= words == "&&";
                words.clear();
                continue;
            }
            _ => {}
        }
        words.push(c);
    }
    has_let && has_and
}

#[test]
fn the_core_depends_on_its_budget_alone() {
    for target in ["x86_64-unknown-linux-gnu", "thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"]
    {
        let found = dependencies("ringway-core", target);
        let beyond: Vec<_> =
            found.keys().filter(|name| !CORE_BUDGET.contains(&name.as_str())).collect();
        assert!(beyond.is_empty(), "ringway-core depends on {beyond:?} for {target}");
    }
}

#[test]
fn a_hosted_core_never_uses_critical_sections() {
    let found = dependencies("ringway-core", "x86_64-unknown-linux-gnu");
    assert!(!found.contains_key("critical-section"), "a hosted critical section may be a mutex");
}

#[test]
fn the_shim_depends_on_its_budget_alone() {
    let found = dependencies("ringway", "x86_64-unknown-linux-gnu");
    let allowed: BTreeSet<_> =
        SHIM_BUDGET.iter().chain(SHIM_INDIRECT).chain(CORE_BUDGET).copied().collect();
    let beyond: Vec<_> = found.keys().filter(|name| !allowed.contains(name.as_str())).collect();
    assert!(beyond.is_empty(), "ringway depends on {beyond:?}");
}

#[test]
fn every_default_dependency_builds_with_the_minimum_rust() {
    fn number(version: &str) -> (u32, u32) {
        let mut parts = version.split('.').map(|part| part.parse().expect("a version is numbers"));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"]))
            .expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let mut declared = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().expect("a package has a name");
        let version = package["version"].as_str().expect("a package has a version");
        declared.insert(
            (name.to_owned(), format!("v{version}")),
            package["rust-version"].as_str().or(package["rust_version"].as_str()),
        );
    }
    let ours = |name: &str| {
        let version = declared.iter().find(|((package, _), _)| package == name);
        version.and_then(|(_, rust)| *rust).expect("our crates declare their minimum Rust")
    };
    let minimum = number(ours("ringway-core"));
    for package in ["ringway-core", "ringway", "ringway-cli"] {
        assert_eq!(number(ours(package)), minimum, "{package} declares another minimum");
        for target in ["x86_64-unknown-linux-gnu", "thumbv6m-none-eabi"] {
            for key in dependencies(package, target) {
                let rust =
                    declared.get(&key).unwrap_or_else(|| panic!("cargo metadata has no {key:?}"));
                // One that declares nothing is covered by `tests/run msrv`, which builds it.
                let needs = rust.map_or((0, 0), number);
                assert!(
                    needs <= minimum,
                    "{package} depends on {key:?}, which needs Rust {needs:?}"
                );
            }
        }
    }
}

#[test]
fn no_source_uses_let_chains_which_are_newer_than_the_minimum_rust() {
    for (path, text) in sources() {
        let code = code(&text);
        for keyword in ["if ", "while "] {
            for (at, _) in code.match_indices(keyword) {
                let line = code[..at].lines().count();
                assert!(
                    !is_let_chain(&code[at + keyword.len()..]),
                    "{}:{line}: a let-chain",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn let_chains_are_recognised() {
    assert!(is_let_chain("let Some(x) = y && x > 1 {"));
    assert!(is_let_chain("a\n    && let Some(x) = y\n{"));
    assert!(!is_let_chain("let Some(x) = y.filter(|x| a && b) {\n if let && "));
    assert!(!is_let_chain("a && b { let x = 1; }"));
}

#[test]
fn atomics_and_cells_enter_the_core_through_sync_alone() {
    for (path, text) in sources() {
        if !path.starts_with("core/src")
            || path.starts_with("core/src/sync")
            || path.ends_with("core/src/sync.rs")
            // Unit tests run on the host.
            || path.ends_with("tests.rs")
        {
            continue;
        }
        for (line, content) in code(&text).lines().enumerate() {
            for banned in ["sync::atomic", "UnsafeCell", "core::cell", "std::sync", "std::cell"] {
                assert!(
                    !content.contains(banned),
                    "{}:{}: {banned}; take it from crate::sync",
                    path.display(),
                    line + 1
                );
            }
        }
    }
}

#[test]
fn the_core_has_no_async_fn_which_carries_a_panic_for_a_poll_after_its_end() {
    for (path, text) in sources() {
        let code = code(&text);
        if path.starts_with("core/src") {
            let found =
                ["async fn", "async {", "async move"].iter().find(|word| code.contains(*word));
            assert_eq!(found, None, "{}; take core::future::poll_fn", path.display());
        }
    }
}

/// Paths in a Markdown file: what stands in backquotes and begins with a folder or file of the root.
fn paths_named(markdown: &str) -> BTreeSet<String> {
    let entries: BTreeSet<String> = fs::read_dir(root())
        .expect("the root can be listed")
        .map(|entry| {
            entry.expect("an entry can be read").file_name().to_string_lossy().into_owned()
        })
        .filter(|name| name != "target")
        .collect();
    let mut in_block = false;
    let mut found = BTreeSet::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let spans: Vec<&str> = if in_block {
            line.split_whitespace().collect()
        } else {
            line.split(['`', '(', ')']).collect()
        };
        for span in spans.iter().flat_map(|span| span.split_whitespace()) {
            let first = span.split('/').next().unwrap_or_default();
            let is_path = span.contains('/') || span.contains('.');
            if is_path && entries.contains(first) && !span.contains(['*', '<', '…', ':']) {
                found.insert(span.trim_end_matches([',', ';', '.']).to_owned());
            }
        }
    }
    found
}

#[test]
fn every_path_that_the_front_pages_name_exists() {
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text =
            fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        let paths = paths_named(&text);
        assert!(paths.len() >= 5, "{page} names hardly a path: {paths:?}");
        for path in paths {
            assert!(root().join(&path).exists(), "{page} names {path}, which does not exist");
        }
    }
}
