//! The repository's own rules: which dependencies are allowed, which Rust is needed, where atomics
//! may enter, how much is public, and which words to use.

use ringway_tests::figures::{self, Figures, Source, code, files, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

/// What `ringway-core` may depend on by default, on any target.
const CORE_BUDGET: &[&str] = &["bitflags", "critical-section", "heapless"];

/// What `ringway` may depend on by default besides that.
const SHIM_BUDGET: &[&str] =
    &["ringway-core", "rustix", "libc", "signal-hook-registry", "zerocopy"];

/// The dependencies of the crates in the shim's budget.
const SHIM_INDIRECT: &[&str] = &["bitflags", "errno", "linux-raw-sys"];

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

/// The default, normal dependencies of a package, by name and version as in `cargo tree`, without
/// the package itself.
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

/// Every Rust source file of the workspace, and the workspaces beside it.
fn sources() -> Vec<Source> {
    let found = figures::sources(root());
    assert!(found.len() > 10, "the repository's sources are not where they were: {found:?}");
    found
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
fn default_dependencies_build_with_the_minimum_rust() {
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
                // A dependency that declares nothing is covered by `tests/run msrv`, which builds
                // it.
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
fn no_source_uses_let_chains() {
    for Source { path, text, .. } in sources() {
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
fn the_core_takes_atomics_and_cells_from_sync_alone() {
    for Source { path, text, .. } in sources() {
        if !path.starts_with("core/src")
            || path.starts_with("core/src/sync")
            || path.ends_with("core/src/sync.rs")
            // Unit tests run on the host.
            || path.ends_with("tests.rs")
            // The memory under the cells of `sync`, and its twin for loom.
            || path.ends_with("storage.rs")
            || path.ends_with("storage_loom.rs")
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
fn the_core_has_no_async_fn() {
    for Source { path, text, .. } in sources() {
        let code = code(&text);
        if path.starts_with("core/src") {
            let found =
                ["async fn", "async {", "async move"].iter().find(|word| code.contains(*word));
            assert_eq!(found, None, "{}; take core::future::poll_fn", path.display());
        }
    }
}

/// The paths in a Markdown file: words in backquotes that begin with a file or folder of the root.
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
fn every_path_that_the_pages_name_exists() {
    let mut count = 0;
    let front = ["README.md", "CONTRIBUTING.md"].map(|page| root().join(page));
    for page in front.into_iter().chain(files("docs", "md")) {
        let text = fs::read_to_string(&page).expect("a page is UTF-8");
        for path in paths_named(&text) {
            assert!(
                root().join(&path).exists(),
                "{} names {path}, which does not exist",
                page.display()
            );
            count += 1;
        }
    }
    assert!(count >= 80, "the pages name hardly a path: {count}");
}

/// The budget of public functions of each crate.
const BUDGETS: [(&str, usize); 2] = [("core/src", 690), ("std-shim/src", 404)];

/// How many public error types core and shim may have together.
const ERROR_TYPES: usize = 10;

#[test]
fn public_functions_and_cycles_stay_within_budget() {
    let mut errors = BTreeSet::new();
    for (folder, functions) in BUDGETS {
        let found = Figures::count(folder);
        assert!(found.functions <= functions, "more than {functions} public functions:\n{found}");
        assert!(found.module_circles.is_empty(), "modules in a circle:\n{found}");
        assert!(found.file_circles.is_empty(), "files in a circle:\n{found}");
        errors.extend(found.errors.into_iter().map(|name| format!("{folder}: {name}")));
    }
    assert!(errors.len() <= ERROR_TYPES, "more than {ERROR_TYPES} error types: {errors:?}");
    for folder in ["std-shim/cli/src", "std-shim/ways/src"] {
        let found = Figures::count(folder);
        assert!(found.file_circles.is_empty(), "files in a circle:\n{found}");
    }
}

/// Names that the vocabulary replaces, each with its replacement for everything public. Each stands
/// for its `try_`, `poll_`, `_deadline` and `_async` forms too.
const NAMES: &[(&str, &str)] = &[
    ("receive", "recv"),
    ("shut_receive", "shut_recv"),
    ("receive_buffer", "recv_buffer"),
    ("set_receive_buffer", "set_recv_buffer"),
    ("Seat", "Handle"),
    ("make", "create"),
    ("create_new", "create"),
    ("existing", "open"),
    ("made_here", "is_creator"),
    ("with_bell", "new"),
    ("with_bells", "new"),
    ("with_wait", "new"),
    ("with_fifos", "new"),
    ("with_pipes", "new"),
    ("with_places", "new"),
    ("Bell", "Wait"),
    ("SharedBell", "SharedWait"),
    ("Polled", "Nobody"),
    ("Unlocked", "RawValue"),
    ("Keep", "Delivery"),
    ("Given", "EntryArgs"),
    ("Outcome", "EntryResult"),
    ("Reason", "ProcessError"),
    ("Sleep", "RobustFutex"),
    ("Watch", "ReadyFd"),
    ("BOUND", "DETECTION_BOUND"),
    ("Kept", "Cached"),
    ("IS_KEPT", "ENABLED"),
    ("Lost", "Contended"),
    ("step_aside", "backoff"),
    ("glance", "positions"),
    ("ready_soon", "ready_batched"),
    ("sleeps", "needs_wake"),
    ("looks", "spin_limit"),
    ("learn", "record_spin"),
    ("alarm", "wake_all"),
    ("Patience", "Timeout"),
    ("hush", "suppress_sigpipe"),
    ("scribbled", "corrupted"),
    ("nonsense", "invalid"),
    ("Missed", "Lagged"),
    ("is_sound", "is_valid"),
    ("seat", "handle"),
    ("Untyped", "the view without `N`"),
];

#[test]
fn public_names_follow_the_vocabulary() {
    let is_ours = |source: &Source| {
        ["core/src", "std-shim/src"].iter().any(|folder| source.path.starts_with(folder))
    };
    for Source { path, code, .. } in sources().into_iter().filter(is_ours) {
        for (line, content) in code.lines().enumerate() {
            let name = public_name(content).unwrap_or_default();
            let stem = name.trim_start_matches("try_").trim_start_matches("poll_");
            let stem = stem.trim_end_matches("_deadline").trim_end_matches("_async");
            if let Some((_, better)) = NAMES.iter().find(|(word, _)| [name, stem].contains(word)) {
                panic!("{}:{}: {name}: say `{better}`", path.display(), line + 1);
            }
        }
    }
}

/// The name of the item that this line makes public.
fn public_name(line: &str) -> Option<&str> {
    const BEFORE: [&str; 11] = [
        "const", "unsafe", "async", "static", "fn", "struct", "enum", "trait", "type", "mod",
        "union",
    ];
    let mut words = line.trim_start().strip_prefix("pub ")?.split_whitespace();
    let word = words.find(|word| !BEFORE.contains(word))?;
    word.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn public_names_are_found() {
    assert_eq!(public_name("    pub const unsafe fn try_pop(&self) -> T {"), Some("try_pop"));
    assert_eq!(public_name("pub struct Ring<T> {"), Some("Ring"));
    assert_eq!(public_name("    pub is_alive: bool,"), Some("is_alive"));
    assert_eq!(public_name("    pub(super) fn inner()"), None);
}

/// The type of the parameter `deadline` of each public function in this code whose name ends in
/// `_deadline`; `None` if the function has no such parameter.
fn deadlines(code: &str) -> Vec<(&str, Option<&str>)> {
    let functions = code.split("pub fn ").skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        // A macro that adds the parameters has none here.
        let head = rest[name.len()..].split(['{', ';']).next()?;
        let has_parameters = head.starts_with(['(', '<']);
        let kind = head.split_once("deadline: ").map(|(_, kind)| {
            let mut depth = 0_i32;
            let end = kind.find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                depth <= 0 && (c == ',' || c == ')' || c == '\n')
            });
            end.map_or(kind, |end| &kind[..end])
        });
        (name.ends_with("_deadline") && has_parameters).then_some((name, kind))
    });
    functions.collect()
}

#[test]
fn deadlines_have_one_type_in_each_crate() {
    let mut seen = 0;
    for Source { path, code, .. } in sources() {
        let is_right: fn(&str) -> bool = if path.starts_with("core/src") {
            |kind| kind.starts_with("Option<") && kind.ends_with("::Deadline>")
        } else if path.starts_with("std-shim/src") {
            |kind| kind == "Option<Instant>"
        } else {
            continue;
        };
        for (name, kind) in deadlines(&code) {
            assert!(kind.is_some_and(is_right), "{}: {name} takes {kind:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} functions with a deadline were found");
}

#[test]
fn deadline_types_are_found() {
    let code = "pub fn a_deadline(&self, deadline: Option<W::Deadline>) -> T { pub fn b(deadline: u8) {}
        pub fn c_deadline(\n        &self,\n        deadline: Option<<R::Wake as Wait>::Deadline>,\n    ) {}
        pub fn d_deadline(&self, until: Instant) { let deadline: u8 = 1; }";
    let found = [
        ("a_deadline", Some("Option<W::Deadline>")),
        ("c_deadline", Some("Option<<R::Wake as Wait>::Deadline>")),
        ("d_deadline", None),
    ];
    assert_eq!(deadlines(code), found);
}

/// Words that comments and pages must not use, each with the number of places that still do. Lower
/// a number when there are fewer.
const WORDS: &[(&str, usize)] = &[
    ("scribbled", 0),
    ("nonsense", 0),
    ("allegation", 0),
    ("seat", 0),
    ("seats", 0),
    ("glance", 0),
    ("step aside", 0),
    ("steps aside", 0),
    ("stepped aside", 0),
    ("by the caller's word", 0),
    ("how many they were", 0),
    ("layout that cannot be", 0),
    ("whomever", 0),
    ("whoever", 16),
    ("so many", 7),
];

/// How often a word, or several words in a row, occur in a text by themselves.
fn count_of(words: &str, text: &str) -> usize {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(words)
        .filter(|&(at, _)| {
            let (before, after) = (&text[..at], &text[at + words.len()..]);
            !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
        })
        .count()
}

#[test]
fn replaced_words_do_not_come_back() {
    let mut texts: Vec<(String, String)> = sources()
        .into_iter()
        .filter(|source| !source.path.ends_with("rules.rs"))
        .map(|Source { path, text, .. }| {
            let comments = text.lines().filter_map(|line| line.split_once("//"));
            let comments = comments.map(|(_, comment)| comment);
            (path.display().to_string(), comments.collect::<Vec<_>>().join("\n").to_lowercase())
        })
        .collect();
    for path in ["", "docs"].iter().flat_map(|folder| files(folder, "md")) {
        // The change log tells of the past in the words of its time.
        if !path.ends_with("CHANGELOG.md") {
            let text = fs::read_to_string(&path).expect("a page is UTF-8");
            texts.push((path.display().to_string(), text.to_lowercase()));
        }
    }
    for &(word, most) in WORDS {
        let found: Vec<(&str, usize)> = texts
            .iter()
            .map(|(path, text)| (path.as_str(), count_of(word, text)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let count: usize = found.iter().map(|(_, count)| count).sum();
        assert!(count <= most, "'{word}' stands {count} times, and may {most} times: {found:?}");
    }
}

#[test]
fn words_are_counted_by_themselves() {
    assert_eq!(count_of("seat", "a seat, seats, my_seat and the seat"), 2);
    assert_eq!(count_of("so many", "so many; also many; so manys"), 1);
}

/// The numbers of the comment lines that are wider than 100 characters and could be broken: they
/// are no code, no table or drawing, and no link.
fn wide_comments(text: &str) -> Vec<usize> {
    const DRAWN: [char; 6] =
        ['\u{2502}', '\u{2500}', '\u{25b6}', '\u{2518}', '\u{2514}', '\u{2534}'];
    let mut in_block = false;
    let wide = text.lines().enumerate().filter_map(|(number, line)| {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            in_block = false;
            return None;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        in_block ^= comment.starts_with("```");
        let is_bound = in_block
            || comment.starts_with('|')
            || comment.contains("  ")
            || comment.contains(DRAWN)
            || comment.contains("]: http")
            || !comment.contains(' ');
        (line.chars().count() > 100 && !is_bound).then_some(number + 1)
    });
    wide.collect()
}

#[test]
fn comments_are_no_wider_than_the_code() {
    for Source { path, text, .. } in sources() {
        let wide = wide_comments(&text);
        assert!(wide.is_empty(), "{}: wider than 100 characters: {wide:?}", path.display());
    }
}

#[test]
fn wide_comments_are_found() {
    let words = "word ".repeat(25);
    assert_eq!(wide_comments(&format!("/// short\n    // {words}\nlet x = 1; // {words}")), [2]);
    assert_eq!(wide_comments(&format!("/// ```\n/// {words}\n/// ```\n/// {words}")), [4]);
    assert_eq!(wide_comments(&format!("/// | {words} |\n//! [x]: http://{words}")), [0; 0]);
}

/// The public functions that return a future, and whose documentation does not say what dropping it
/// means.
fn silent_futures(text: &str) -> Vec<String> {
    let (mut silent, mut docs) = (Vec::new(), String::new());
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("///") {
            docs += &line.to_lowercase();
        } else if line.starts_with("pub fn ") || line.starts_with("pub async fn ") {
            let mut head = line.to_owned();
            while !head.contains(['{', ';']) {
                let Some(more) = lines.next() else { break };
                head += more;
            }
            let is_future = head.contains("async fn") || head.contains("-> impl Future");
            let says = ["cancel", "dropped", "dropping"].iter().any(|word| docs.contains(word));
            if is_future && !says {
                silent.push(line.to_owned());
            }
            docs.clear();
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    silent
}

#[test]
fn each_future_says_what_dropping_it_means() {
    for Source { path, text, .. } in sources() {
        if path.components().any(|part| part.as_os_str() == "src") && !path.starts_with("tests") {
            let silent = silent_futures(&text);
            assert!(silent.is_empty(), "{}: {silent:?}", path.display());
        }
    }
}

#[test]
fn futures_that_say_nothing_are_found() {
    let said = "/// Dropped, it took nothing.\npub async fn a() {}\npub fn b() {}\n";
    assert_eq!(silent_futures(said), [""; 0]);
    let silent = "/// Waits.\npub fn c(\n) -> impl Future<Output = ()> {\n";
    assert_eq!(silent_futures(&(said.to_owned() + silent)), ["pub fn c("]);
}

/// How long the name of a test may be, in characters.
const TEST_NAME: usize = 50;

/// The names of the test functions in a source file.
fn test_names(text: &str) -> Vec<&str> {
    let mut is_test = false;
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start();
        // In a macro, `$(` may stand before the attribute.
        is_test |= line.trim_start_matches("$(").starts_with("#[test]");
        let (before, name) = line.split_once("fn ")?;
        let is_head = before.split(' ').all(|word| ["", "pub", "async", "unsafe"].contains(&word));
        let is_named = is_head && std::mem::take(&mut is_test);
        is_named.then(|| name.split(['(', '<']).next().unwrap_or_default())
    });
    names.collect()
}

#[test]
fn test_names_are_short() {
    let all = sources();
    let names = all.iter().flat_map(|source| {
        test_names(&source.text).into_iter().map(|name| (source.path.display(), name))
    });
    let (long, short): (Vec<_>, Vec<_>) =
        names.partition(|(_, name)| name.chars().count() > TEST_NAME);
    assert!(short.len() > 500, "hardly a test was found: {short:?}");
    assert!(long.is_empty(), "longer than {TEST_NAME} characters: {long:#?}");
}

#[test]
fn test_names_are_found() {
    let code = "#[test]\nfn a_b() {\n    fn inner() {}\n}\nfn other() {}\n    #[test]\n
        // A comment.\n    #[cfg(unix)]\n    fn c() {}\n$(#[test]\nfn $name() {})+";
    assert_eq!(test_names(code), ["a_b", "c", "$name"]);
}
