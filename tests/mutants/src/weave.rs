//! Weaves mutants into a source file. Each is asleep until its number is chosen at run time.

use std::collections::HashMap;
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::list::{Genre, Mutant, Point};

/// Where the text of a mutant is in the woven file. The compiler's complaints are found by it.
pub struct Trace {
    pub mutant: usize,
    pub bytes: Range<usize>,
}

/// A woven file.
pub struct Woven {
    pub text: String,
    pub traces: Vec<Trace>,
}

/// A part of the file that the woven one does differently.
struct Region {
    bytes: Range<usize>,
    /// Regions of the same bytes: the larger one is outside.
    rank: u8,
    /// Each mutant, and what stands in the region's place while it is awake.
    forms: Vec<(usize, Form)>,
}

enum Form {
    /// A statement in front: the function returns this.
    Return(String),
    /// An expression in the region's place.
    Instead(String),
    /// A guard that is `true` or `false`.
    Guard(bool),
    /// A guard of an arm that has none: the arm does not match.
    NewGuard,
    /// The same, for an arm with a guard.
    MoreGuard,
}

/// Byte offsets of lines, for places that are told by line and column.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The offset of a place whose line and column count from 1. Columns count characters.
    fn offset(&self, point: Point) -> usize {
        let start = self.starts[point.line - 1];
        let line = &self.text[start..];
        let within = line.char_indices().nth(point.column - 1).map_or(line.len(), |(at, _)| at);
        start + within
    }
}

type Bytes = Range<usize>;
type Binary = (Bytes, Bytes, Bytes);

/// The expressions of a file, by where their operators begin.
#[derive(Default)]
struct Places {
    /// Of an operator: the whole expression, the left operand, the right one.
    binary: HashMap<usize, Binary>,
    /// Of a `!` or `-`: the whole expression, the operand.
    unary: HashMap<usize, (Range<usize>, Range<usize>)>,
    /// Of an arm: its pattern, its guard.
    arms: HashMap<usize, (Range<usize>, Option<Range<usize>>)>,
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let bytes = |span: proc_macro2::Span| span.byte_range();
        self.binary.insert(
            bytes(node.op.span()).start,
            (bytes(node.span()), bytes(node.left.span()), bytes(node.right.span())),
        );
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        let whole = node.span().byte_range();
        self.unary.insert(whole.start, (whole, node.expr.span().byte_range()));
        visit::visit_expr_unary(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        let guard = node.guard.as_ref().map(|(_, guard)| guard.span().byte_range());
        self.arms.insert(node.span().byte_range().start, (node.pat.span().byte_range(), guard));
        visit::visit_arm(self, node);
    }
}

/// Weaves `mutants`, with their numbers, into the file that has this `text`. Also returns those
/// that cannot be woven.
pub fn weave(text: &str, mutants: &[(usize, &Mutant)]) -> (Woven, Vec<usize>) {
    let mut places = Places::default();
    match syn::parse_file(text) {
        Ok(file) => places.visit_file(&file),
        Err(_) => {
            let woven = Woven { text: text.to_owned(), traces: Vec::new() };
            return (woven, mutants.iter().map(|&(number, _)| number).collect());
        }
    }
    let lines = Lines::new(text);
    let mut regions = HashMap::<(usize, usize, u8), Region>::new();
    let mut unwoven = Vec::new();
    for &(number, mutant) in mutants {
        let start = lines.offset(mutant.span.start);
        let end = lines.offset(mutant.span.end);
        let found = match mutant.genre {
            Genre::FnValue => Some((start..start, 0, Form::Return(mutant.replacement.clone()))),
            Genre::BinaryOperator => places.binary.get(&start).map(|(whole, left, right)| {
                let (left, right) = (&text[left.clone()], &text[right.clone()]);
                // In brackets, as `a as u32 < b` would be a generic argument.
                let form = Form::Instead(format!("({left}) {} ({right})", mutant.replacement));
                (whole.clone(), 3, form)
            }),
            Genre::UnaryOperator => places.unary.get(&start).map(|(whole, operand)| {
                (whole.clone(), 3, Form::Instead(text[operand.clone()].to_owned()))
            }),
            Genre::MatchArmGuard => {
                Some((start..end, 2, Form::Guard(mutant.replacement == "true")))
            }
            Genre::MatchArm => places.arms.get(&start).map(|(pattern, guard)| match guard {
                None => (pattern.end..pattern.end, 0, Form::NewGuard),
                Some(guard) => (guard.clone(), 1, Form::MoreGuard),
            }),
            Genre::StructField => None,
        };
        let Some((bytes, rank, form)) = found else {
            unwoven.push(number);
            continue;
        };
        regions
            .entry((bytes.start, bytes.end, rank))
            .or_insert_with(|| Region { bytes, rank, forms: Vec::new() })
            .forms
            .push((number, form));
    }
    let mut regions: Vec<Region> = regions.into_values().collect();
    // The empty ones first, then from the outside to the inside.
    regions.sort_by_key(|region| {
        let Range { start, end } = region.bytes.clone();
        (start, end > start, usize::MAX - end, region.rank)
    });
    let mut woven = Woven { text: String::new(), traces: Vec::new() };
    let mut rest = regions.as_slice();
    render(text, 0..text.len(), &mut rest, &mut woven);
    (woven, unwoven)
}

/// Writes `bytes` of the file with the regions in it, which it takes from `regions`.
fn render(text: &str, bytes: Range<usize>, regions: &mut &[Region], woven: &mut Woven) {
    let mut at = bytes.start;
    while let Some((region, rest)) = regions.split_first() {
        if region.bytes.start > bytes.end || region.bytes.end > bytes.end {
            break;
        }
        *regions = rest;
        woven.text.push_str(&text[at..region.bytes.start]);
        at = region.bytes.end;
        let begin = woven.text.len();
        let awake = |number: usize| format!("crate::mutant::awake({number})");
        let mut close = "";
        for (number, form) in &region.forms {
            let begin = woven.text.len();
            let piece = match form {
                Form::Return(value) => format!("if {} {{ return {value}; }} ", awake(*number)),
                Form::Instead(other) => format!("if {} {{ {other} }} else ", awake(*number)),
                Form::Guard(true) => format!("{} || ", awake(*number)),
                Form::Guard(false) | Form::MoreGuard => format!("!{} && ", awake(*number)),
                Form::NewGuard => format!(" if !{}", awake(*number)),
            };
            let open = match form {
                Form::Instead(_) if close.is_empty() => Some(("(", "})")),
                Form::Guard(_) | Form::MoreGuard => Some(("(", "))")),
                _ => None,
            };
            if let Some((open, with)) = open {
                woven.text.push_str(open);
                if close.is_empty() {
                    close = with;
                }
            }
            woven.text.push_str(&piece);
            woven.traces.push(Trace { mutant: *number, bytes: begin..woven.text.len() });
        }
        match region.forms[0].1 {
            Form::Return(_) | Form::NewGuard => continue,
            Form::Instead(_) => woven.text.push('{'),
            Form::Guard(_) | Form::MoreGuard => woven.text.push('('),
        }
        render(text, region.bytes.clone(), regions, woven);
        woven.text.push_str(close);
        if let Form::Guard(_) | Form::MoreGuard = region.forms[0].1 {
            // One bracket was opened for each form.
            woven.text.push_str(&")".repeat(region.forms.len() - 1));
        }
        let end = woven.text.len();
        // What is wrong with the whole is wrong with any of them: the narrower traces come first.
        for (number, _) in &region.forms {
            woven.traces.push(Trace { mutant: *number, bytes: begin..end });
        }
    }
    woven.text.push_str(&text[at..bytes.end]);
}
