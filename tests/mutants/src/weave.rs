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
    /// Regions of the same bytes: the one with the larger rank is inside.
    rank: u8,
    /// The mutants.
    forms: Vec<Form>,
}

/// One mutant of a region: what stands around the region's own text.
struct Form {
    mutant: usize,
    before: String,
    after: &'static str,
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

/// The expressions of a file, by where their operators begin.
#[derive(Default)]
struct Places {
    /// Of an operator: the whole expression, the left operand, the right one.
    binary: HashMap<usize, [Range<usize>; 3]>,
    /// Of a `!` or `-`: the whole expression, the operand.
    unary: HashMap<usize, (Range<usize>, Range<usize>)>,
    /// Of an arm: its pattern, its guard.
    arms: HashMap<usize, (Range<usize>, Option<Range<usize>>)>,
    /// Of a field of a struct with a base (`..base`): its value, the field of the base.
    fields: HashMap<usize, Field>,
}

struct Field {
    value: Range<usize>,
    base: Range<usize>,
    member: Range<usize>,
    /// The value stands alone, as it has the field's name.
    is_short: bool,
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let parts = [node.span(), node.left.span(), node.right.span()];
        self.binary.insert(node.op.span().byte_range().start, parts.map(|part| part.byte_range()));
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

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        if let Some(base) = &node.rest {
            for field in &node.fields {
                let member = field.member.span().byte_range();
                let [value, base] = [&field.expr, base].map(|part| part.span().byte_range());
                let is_short = field.colon_token.is_none();
                self.fields.insert(member.start, Field { value, base, member, is_short });
            }
        }
        visit::visit_expr_struct(self, node);
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
        let awake = format!("crate::mutant::awake({number})");
        let found = match mutant.genre {
            Genre::FnValue => {
                let before = format!("if {awake} {{ return {}; }} ", mutant.replacement);
                Some((start..start, 0, before, ""))
            }
            Genre::BinaryOperator => places.binary.get(&start).map(|[whole, left, right]| {
                let (left, right) = (&text[left.clone()], &text[right.clone()]);
                // In brackets, as `a as u32 < b` would be a generic argument.
                let other = format!("({left}) {} ({right})", mutant.replacement);
                (whole.clone(), 2, format!("(if {awake} {{ {other} }} else {{"), "})")
            }),
            Genre::UnaryOperator => places.unary.get(&start).map(|(whole, operand)| {
                let other = &text[operand.clone()];
                (whole.clone(), 2, format!("(if {awake} {{ {other} }} else {{"), "})")
            }),
            Genre::MatchArmGuard => {
                let is_true = mutant.replacement == "true";
                let before = if is_true { format!("({awake} || (") } else { never(&awake) };
                Some((start..end, 1, before, "))"))
            }
            // The arm does not match.
            Genre::MatchArm => places.arms.get(&start).map(|(pattern, guard)| match guard {
                None => (pattern.end..pattern.end, 0, format!(" if !{awake}"), ""),
                Some(guard) => (guard.clone(), 1, never(&awake), "))"),
            }),
            // The base's value stays.
            Genre::StructField => places.fields.get(&start).map(|field| {
                let (base, member) = (&text[field.base.clone()], &text[field.member.clone()]);
                let name = if field.is_short { format!("{member}: ") } else { String::new() };
                let before = format!("{name}(if {awake} {{ ({base}).{member} }} else {{");
                (field.value.clone(), 2, before, "})")
            }),
        };
        let Some((bytes, rank, before, after)) = found else {
            unwoven.push(number);
            continue;
        };
        regions
            .entry((bytes.start, bytes.end, rank))
            .or_insert_with(|| Region { bytes, rank, forms: Vec::new() })
            .forms
            .push(Form { mutant: number, before, after });
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

/// The text with one mutant in it, awake for ever.
pub fn replace(text: &str, mutant: &Mutant) -> String {
    let lines = Lines::new(text);
    let [start, end] = [mutant.span.start, mutant.span.end].map(|point| lines.offset(point));
    // The comma of a field goes with it.
    let comma = mutant.genre == Genre::StructField && text[end..].starts_with(',');
    format!("{}{}{}", &text[..start], mutant.replacement, &text[end + usize::from(comma)..])
}

/// What stands before a guard that holds no longer while a mutant is awake.
fn never(awake: &str) -> String {
    format!("(!{awake} && (")
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
        for form in &region.forms {
            let begin = woven.text.len();
            woven.text.push_str(&form.before);
            woven.traces.push(Trace { mutant: form.mutant, bytes: begin..woven.text.len() });
        }
        render(text, region.bytes.clone(), regions, woven);
        for form in region.forms.iter().rev() {
            woven.text.push_str(form.after);
        }
        let end = woven.text.len();
        // What is wrong with the whole is wrong with any of them: the narrower traces come first.
        for form in &region.forms {
            woven.traces.push(Trace { mutant: form.mutant, bytes: begin..end });
        }
    }
    woven.text.push_str(&text[at..bytes.end]);
}
