//! Which files name what others define, and where those references form a cycle.

use super::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module, as the names that lead to it; the crate itself has none.
type Module = Vec<String>;

/// The cycles among groups of files: each is the names of groups that all lead to each other.
/// `group` names the group of a file. The root (`lib.rs`, `main.rs`) is in no group: what it
/// re-exports is looked up where it is defined.
pub fn circles<'s>(
    sources: impl Iterator<Item = &'s Source>,
    group: impl Fn(&Path) -> String,
) -> Vec<Vec<String>> {
    let files: BTreeMap<Module, &Source> =
        sources.map(|source| (module(&source.path), source)).collect();
    let named: BTreeMap<&Module, Vec<Named>> =
        files.iter().map(|(module, source)| (module, names(&source.code))).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, source) in files.iter().filter(|(module, _)| !module.is_empty()) {
        let ours = group(&source.path);
        let targets = named[from].iter().filter_map(|one| resolve(&named, from, &one.path, 0));
        let others = targets.filter(|to| !to.is_empty()).map(|to| group(&files[&to].path));
        let others: BTreeSet<_> = others.filter(|other| *other != ours).collect();
        arrows.entry(ours).or_default().extend(others);
    }
    let reach: BTreeMap<_, _> =
        arrows.keys().map(|from| (from, reachable(&arrows, from))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (from, to) in &reach {
        let back = |other: &&String| reach.get(*other).is_some_and(|far| far.contains(*from));
        let circle: BTreeSet<_> = to.iter().filter(back).cloned().collect();
        if to.contains(*from) {
            found.insert(circle.into_iter().collect());
        }
    }
    found.into_iter().collect()
}

/// Everything that an arrow, or several in a row, lead to.
fn reachable(arrows: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(at) = next.pop() {
        for to in arrows.get(&at).into_iter().flatten() {
            if seen.insert(to.clone()) {
                next.push(to.clone());
            }
        }
    }
    seen
}

fn module(path: &Path) -> Module {
    let parts = path.with_extension("");
    let parts = parts.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !["lib", "main", "mod"].contains(&part.as_str())).collect()
}

/// A path in the code, and the name under which an import makes it known.
#[derive(Debug)]
struct Named {
    path: Vec<String>,
    known_as: Option<String>,
}

/// The module in whose file the last name of this path is defined.
fn resolve(
    named: &BTreeMap<&Module, Vec<Named>>,
    from: &Module,
    path: &[String],
    depth: usize,
) -> Option<Module> {
    let mut at = from.clone();
    let mut rest = path;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => _ = at.pop(),
            "self" => {}
            name => {
                let mut inner = at.clone();
                inner.push(name.to_owned());
                if named.contains_key(&inner) {
                    at = inner;
                } else {
                    // This file may only re-export it.
                    let relative = rest.len() == path.len();
                    let known =
                        named.get(&at)?.iter().find(|one| one.known_as.as_deref() == Some(name));
                    return match known {
                        Some(one) if depth < 8 && !relative => {
                            let longer: Vec<_> = one.path.iter().chain(more).cloned().collect();
                            resolve(named, &at, &longer, depth + 1)
                        }
                        _ if relative => None,
                        _ => Some(at),
                    };
                }
            }
        }
        rest = more;
    }
    Some(at)
}

/// The paths of the imports, and those that begin with `crate` or `super` elsewhere.
fn names(code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut elsewhere = String::new();
    let mut rest = code;
    while let Some(at) = next_import(rest) {
        elsewhere += &rest[..at];
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end + 1);
        tree(rest[at..end].trim_start_matches("use ").trim_end_matches(';'), &[], &mut found);
        rest = &rest[end..];
    }
    elsewhere += rest;
    // Where something may be seen is no reference to that module.
    let elsewhere = elsewhere.replace("pub(in crate::", "").replace("pub(in super::", "");
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for path in elsewhere.split(|c| !is_part(c)) {
        if path.starts_with("crate::") || path.starts_with("super::") {
            let path = path.split("::").filter(|part| !part.is_empty());
            found.push(Named { path: path.map(str::to_owned).collect(), known_as: None });
        }
    }
    found
}

/// Where the next import begins.
fn next_import(code: &str) -> Option<usize> {
    let begins =
        |&(at, _): &(usize, &str)| code[..at].chars().next_back().is_none_or(|c| c.is_whitespace());
    code.match_indices("use ").find(begins).map(|(at, _)| at)
}

/// Takes an import apart: `a::{b, c::d as e}`.
fn tree(text: &str, before: &[String], found: &mut Vec<Named>) {
    let text = text.trim();
    if let Some(open) = text.find('{') {
        let mut path = before.to_vec();
        path.extend(
            text[..open].split("::").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned),
        );
        let inner = text[open + 1..].trim_end().trim_end_matches('}');
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    tree(&inner[start..at], &path, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return tree(&inner[start..], &path, found);
    }
    if text.is_empty() {
        return;
    }
    let (text, alias) = text.split_once(" as ").map_or((text, None), |(text, to)| (text, Some(to)));
    let mut path = before.to_vec();
    path.extend(text.split("::").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned));
    if path.last().is_some_and(|last| last == "self" || last == "*") {
        path.pop();
    }
    let known_as = alias.map(|to| to.trim().to_owned()).or_else(|| path.last().cloned());
    found.push(Named { path, known_as });
}
