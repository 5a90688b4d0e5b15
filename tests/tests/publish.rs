//! What is published: each crate says what a registry shows of it, and its dependencies come under
//! licences that `deny.toml` allows.

use ringway_tests::figures::root;
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

/// The crates, in the order in which they are published: each after those that it needs.
const PUBLISHED: [&str; 4] = ["ringway-core", "ringway", "ringway-ways", "ringway-cli"];

/// What crates.io takes at most.
const KEYWORDS: usize = 5;

/// The packages of the workspace and all that they depend on, as `cargo metadata` tells of them.
static PACKAGES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--all-features", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {complaint}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
});

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn published_crates_say_what_a_registry_shows() {
    let ours = PACKAGES.iter().filter(|package| package["source"].is_null());
    let mut published: Vec<_> = ours.filter(|package| package["publish"].is_null()).collect();
    let place =
        |package: &&Value| PUBLISHED.iter().position(|name| package["name"].as_str() == Some(name));
    published.sort_by_key(place);
    let names: Vec<_> = published.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, PUBLISHED, "other crates are published than this test knows of");
    for package in &published {
        let name = package["name"].as_str().expect("a package has a name");
        for key in ["description", "license", "readme", "documentation", "rust_version"] {
            assert!(package[key].is_string(), "{name} has no {key}");
        }
        // Until the project has an address, none: docs/releasing.md says who writes it and where.
        assert_eq!(package["repository"], published[0]["repository"], "{name} has another address");
        // The program's pages are those of the library of its name.
        let page = format!("https://docs.rs/{}", name.trim_end_matches("-cli"));
        assert_eq!(package["documentation"], *page, "{name}: its pages are elsewhere");
        let keywords = words(&package["keywords"]);
        assert!((1..=KEYWORDS).contains(&keywords.len()), "{name} has the keywords {keywords:?}");
        for keyword in keywords {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(keyword.len() <= 20 && keyword.chars().all(is_plain), "{name}: {keyword}");
        }
        assert!(!words(&package["categories"]).is_empty(), "{name} has no category");
        let docs = &package["metadata"]["docs"]["rs"];
        let has_library = package["targets"]
            .as_array()
            .expect("a package has targets")
            .iter()
            .any(|target| words(&target["kind"]).contains(&"lib"));
        if has_library {
            assert_eq!(docs["all-features"], true, "{name}: docs.rs builds it without features");
            let arguments = words(&docs["rustdoc-args"]);
            assert_eq!(arguments, ["--cfg", "docsrs"], "{name}: docs.rs marks no features");
        }
    }
}

#[test]
fn crates_need_only_those_published_before_them() {
    for package in PACKAGES.iter() {
        let name = package["name"].as_str().expect("a package has a name");
        let Some(place) = PUBLISHED.iter().position(|published| *published == name) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("a package has dependencies") {
            if dependency["path"].is_string() {
                let needs = dependency["name"].as_str().expect("a dependency has a name");
                assert!(PUBLISHED[..place].contains(&needs), "{name} needs {needs} before it");
                assert_ne!(dependency["req"], "*", "{name} needs any version of {needs}");
            }
        }
    }
}

/// The licences that deny.toml allows.
fn allowed() -> Vec<String> {
    let path = root().join("deny.toml");
    let text = fs::read_to_string(&path).expect("there is deny.toml");
    let line =
        text.lines().find_map(|line| line.strip_prefix("allow = [")).expect("it allows some");
    let names = line.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"'));
    names.map(str::to_owned).collect()
}

/// Whether a licence expression can be met by the allowed licences.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest, allowed);
    assert!(rest.is_empty(), "{expression}: {rest:?} is left over");
    met
}

fn any_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = all_of(rest, allowed);
    while let ["OR", after @ ..] = rest {
        *rest = after;
        met |= all_of(rest, allowed);
    }
    met
}

fn all_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = licence(rest, allowed);
    while let ["AND", after @ ..] = rest {
        *rest = after;
        met &= licence(rest, allowed);
    }
    met
}

fn licence(rest: &mut &[&str], allowed: &[String]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = any_of(rest, allowed);
            let [")", after @ ..] = *rest else { panic!("a parenthesis stays open: {rest:?}") };
            *rest = after;
            met
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.iter().any(|it| *it == format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.iter().any(|it| it == name)
        }
        [] => panic!("a licence is missing"),
    }
}

#[test]
fn dependencies_have_licences_that_are_allowed() {
    let allowed = allowed();
    let mut count = 0;
    for package in PACKAGES.iter() {
        let name = &package["name"];
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name}: no licence"));
        assert!(
            is_met(licence, &allowed),
            "{name} is under {licence}; deny.toml allows {allowed:?}"
        );
        count += 1;
    }
    assert!(count > 50, "hardly a dependency was found: {count}");
}

#[test]
fn dependencies_come_from_the_registry() {
    for package in PACKAGES.iter() {
        let Some(source) = package["source"].as_str() else { continue };
        let is_registry = source == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(is_registry, "{} comes from {source}", package["name"]);
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned(), "Apache-2.0 WITH x".to_owned()];
    let is_met = |expression| is_met(expression, &allowed);
    assert!(is_met("MIT"));
    assert!(is_met("Apache-2.0/MIT"));
    assert!(is_met("GPL-3.0 OR Apache-2.0 WITH x"));
    assert!(is_met("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!is_met("MIT AND GPL-3.0"));
    assert!(!is_met("Apache-2.0"));
    assert!(!is_met("(GPL-3.0 OR Apache-2.0) AND MIT"));
}
