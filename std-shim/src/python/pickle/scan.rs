//! A scanner of pickles, which makes no values: it follows the stack of the pickle machine with
//! sizes alone, and refuses what is not plain, too deep, or too large.
//!
//! `serde-pickle` runs no code, but leaves this open: it takes instances for dicts, recurses as
//! deep as the object is nested, keeps room for 128 items in each tuple that begins at a mark, and
//! does not find what a shared container holds when it meets it again. So the scanner writes a
//! pickle without references, in which a shared object stands as often as it is met, and bounds
//! depth and memory of that. It refuses whatever changes after it was referred to.

use crate::{CoreError, Error, Result};
use std::borrow::Cow;
use std::collections::HashMap;

/// The most containers in each other.
pub const MAX_DEPTH: usize = 100;

/// About how many bytes an object may take in memory: 256 MiB.
pub const MAX_MEMORY: usize = 256 << 20;

/// About how many bytes an item takes besides its own text, in each of its forms.
const ITEM: u64 = 128;

/// What a tuple takes that begins at a mark: `serde-pickle` keeps room for 128 items in it.
const MARKED: u64 = 128 * 64;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    List,
    Dict,
    Set,
    /// What a function may be called with: a tuple of one list.
    ListAlone,
    /// `set` or `frozenset`.
    Maker,
}

/// What is known of an object.
#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    memory: u64,
    depth: usize,
    /// Whether it was put into a container, or referred to by its number. It must not change then,
    /// since its size was counted.
    is_counted: bool,
    has_number: bool,
    /// The first and the last of the tokens that make it: between them are those of what it
    /// contains, and nothing else.
    tokens: (usize, usize),
}

/// A piece of the pickle: an operation and what belongs to it.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    bytes: &'a [u8],
    /// What to write in its place.
    instead: Instead,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Instead {
    /// The piece itself.
    Itself,
    /// Nothing: it numbers an object, or begins a frame.
    Nothing,
    /// The tokens of this node, to which it refers.
    Node(usize),
}

/// A node on the stack, and the first of the tokens that put it there.
type Entry = (usize, usize);

/// The machine.
struct Scanner<'a> {
    rest: &'a [u8],
    tokens: Vec<Token<'a>>,
    nodes: Vec<Node>,
    stack: Vec<Entry>,
    /// The heights of the stack at the marks, and the tokens of the marks.
    marks: Vec<(usize, usize)>,
    numbered: HashMap<u32, usize>,
    /// The memory of all nodes, each counted once.
    memory: u64,
}

fn refused(reason: &'static str) -> Error {
    Error::new("read the pickled object", CoreError::Corrupt).because(reason)
}

const CUT: &str = "the pickle ends too early: see whether it is one";
const INVALID: &str = "Python writes no such pickle of a plain object: see who sent it";
const NOT_PLAIN: &str = "it is an instance, or another object that takes a class or a function: \
                         send None, numbers, str, bytes, and lists, tuples, dicts and sets of these";
const OLD: &str = "it is of protocol 0 or 1: pickle it with protocol 2 or later";
const TOO_DEEP: &str = "more than 100 containers are nested in each other: send less at once";
const TOO_LARGE: &str = "it takes more than 256 MiB of memory: send less at once";
const ITSELF: &str = "an object contains itself, or changes after it was referred to";

/// Checks that a pickle is one plain object within the limits, and returns it without references.
pub(super) fn scan(pickle: &[u8]) -> Result<Cow<'_, [u8]>> {
    let mut scanner = Scanner {
        rest: pickle,
        tokens: Vec::new(),
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        numbered: HashMap::new(),
        memory: 0,
    };
    while scanner.token()? {}
    let one = match scanner.stack[..] {
        [(one, _)] if scanner.marks.is_empty() && scanner.rest.is_empty() => one,
        _ => return Err(refused(INVALID)),
    };
    if scanner.nodes.get(one).is_none_or(|node| node.kind == Kind::Maker) {
        return Err(refused(INVALID));
    }
    if !scanner.tokens.iter().any(|token| matches!(token.instead, Instead::Node(_))) {
        return Ok(Cow::Borrowed(pickle));
    }
    let mut written = Vec::with_capacity(pickle.len());
    scanner.write((0, scanner.tokens.len()), &mut written);
    Ok(Cow::Owned(written))
}

impl<'a> Scanner<'a> {
    /// Reads one operation; returns whether more follow.
    fn token(&mut self) -> Result<bool> {
        let before = self.rest;
        self.tokens.push(Token { bytes: &[], instead: Instead::Itself });
        let goes_on = self.step()?;
        let bytes = before.get(..before.len() - self.rest.len()).unwrap_or_default();
        if let Some(token) = self.tokens.last_mut() {
            token.bytes = bytes;
        }
        Ok(goes_on)
    }

    /// Has the operation that is read replaced in what is written.
    fn replace(&mut self, instead: Instead) {
        if let Some(token) = self.tokens.last_mut() {
            token.instead = instead;
        }
    }

    /// The number of the token that is read.
    fn now(&self) -> usize {
        self.tokens.len() - 1
    }

    /// Writes the tokens from the first to that before the second, without references.
    ///
    /// It calls itself for a node that contains less than the one which refers to it, so at most
    /// `MAX_DEPTH` times. What it writes is in proportion to the memory that was counted.
    fn write(&self, (from, to): (usize, usize), written: &mut Vec<u8>) {
        for token in self.tokens.get(from..to).unwrap_or_default() {
            match token.instead {
                Instead::Itself => written.extend_from_slice(token.bytes),
                Instead::Nothing => {}
                Instead::Node(node) => {
                    if let Some(&Node { tokens: (first, last), .. }) = self.nodes.get(node) {
                        self.write((first, last + 1), written);
                    }
                }
            }
        }
    }

    /// Does what the next byte asks for; returns whether more follow.
    fn step(&mut self) -> Result<bool> {
        match self.byte()? {
            0x80 => match self.byte()? {
                2..=5 => {}
                _ => return Err(refused(OLD)),
            },
            // A frame: its length says nothing that matters.
            0x95 => {
                self.take(8)?;
                self.replace(Instead::Nothing);
            }
            b'.' => return Ok(false),
            b'(' => {
                self.marks.push((self.stack.len(), self.now()));
                if self.marks.len() > MAX_DEPTH {
                    return Err(refused(TOO_DEEP));
                }
            }
            // None, true, false.
            b'N' | 0x88 | 0x89 => self.push(Kind::Plain, 0)?,
            b'K' => self.fixed(1)?,
            b'M' => self.fixed(2)?,
            b'J' => self.fixed(4)?,
            b'G' => self.fixed(8)?,
            // Integers, bytes and text, after their lengths.
            0x8a | b'C' | 0x8c => self.counted::<1>()?,
            0x8b | b'B' | b'X' => self.counted::<4>()?,
            0x8e | 0x8d | 0x96 => self.counted::<8>()?,
            b')' => self.push(Kind::Plain, 0)?,
            count @ 0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(count - 0x84));
                let from = from.filter(|from| *from >= self.floor());
                let from = from.ok_or_else(|| refused(INVALID))?;
                let first = self.stack.get(from).map_or(0, |(_, first)| *first);
                self.gather(from, first, 0)?;
            }
            b't' | 0x91 => {
                let (from, first) = self.unmark()?;
                self.gather(from, first, MARKED)?;
            }
            b']' => self.push(Kind::List, 0)?,
            b'}' => self.push(Kind::Dict, 0)?,
            0x8f => self.push(Kind::Set, 0)?,
            b'a' => self.fill(Kind::List, 1)?,
            b's' => self.fill(Kind::Dict, 2)?,
            b'e' => self.fill_marked(Kind::List)?,
            b'u' => self.fill_marked(Kind::Dict)?,
            0x90 => self.fill_marked(Kind::Set)?,
            b'q' => {
                let number = self.number::<1>()?;
                self.give_number(number)?;
            }
            b'r' => {
                let number = self.number::<4>()?;
                self.give_number(number)?;
            }
            0x94 => self.give_number(self.numbered.len() as u64)?,
            b'h' => {
                let number = self.number::<1>()?;
                self.refer(number)?;
            }
            b'j' => {
                let number = self.number::<4>()?;
                self.refer(number)?;
            }
            b'c' => self.maker()?,
            b'R' => self.make()?,
            // Classes and functions in all their forms.
            0x93 | 0x81 | 0x92 | b'b' | b'i' | b'o' | b'P' | b'Q' | 0x82..=0x84 => {
                return Err(refused(NOT_PLAIN));
            }
            b'I' | b'L' | b'F' | b'S' | b'V' | b'T' | b'U' | b'p' | b'g' | b'l' | b'd' => {
                return Err(refused(OLD));
            }
            _ => return Err(refused(INVALID)),
        }
        Ok(true)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| refused(CUT))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| refused(CUT))?;
        self.rest = rest;
        Ok(*byte)
    }

    /// A number of `BYTES` bytes, the lowest first.
    fn number<const BYTES: usize>(&mut self) -> Result<u64> {
        let bytes = self.take(BYTES)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn fixed(&mut self, bytes: usize) -> Result<()> {
        self.take(bytes)?;
        self.push(Kind::Plain, 0)
    }

    /// Something of as many bytes as a number of `BYTES` bytes says.
    fn counted<const BYTES: usize>(&mut self) -> Result<()> {
        let length = usize::try_from(self.number::<BYTES>()?).map_err(|_| refused(CUT))?;
        self.take(length)?;
        self.push(Kind::Plain, length as u64)
    }

    /// Puts a new object on the stack, which takes this memory besides an item's.
    fn push(&mut self, kind: Kind, memory: u64) -> Result<()> {
        let memory = memory.saturating_add(ITEM);
        self.memory = self.memory.saturating_add(memory);
        if self.memory > MAX_MEMORY as u64 {
            return Err(refused(TOO_LARGE));
        }
        let now = self.now();
        self.stack.push((self.nodes.len(), now));
        self.nodes.push(Node {
            kind,
            memory,
            depth: 1,
            is_counted: false,
            has_number: false,
            tokens: (now, now),
        });
        Ok(())
    }

    /// Has the new object on the stack begin at this token.
    fn begin_at(&mut self, first: usize) {
        if let (Some(entry), Some(node)) = (self.stack.last_mut(), self.nodes.last_mut()) {
            (entry.1, node.tokens.0) = (first, first);
        }
    }

    /// The height of the stack at the last mark.
    fn floor(&self) -> usize {
        self.marks.last().map_or(0, |(height, _)| *height)
    }

    /// Takes the last mark away; returns the height of the stack there, and the mark's token.
    fn unmark(&mut self) -> Result<(usize, usize)> {
        self.marks.pop().ok_or_else(|| refused(INVALID))
    }

    /// Takes the nodes from this height on from the stack.
    fn split(&mut self, from: usize) -> Vec<usize> {
        self.stack.split_off(from).into_iter().map(|(node, _)| node).collect()
    }

    /// Makes an object of those on the stack from this height on. `first` is the first token of all
    /// of it.
    fn gather(&mut self, from: usize, first: usize, memory: u64) -> Result<()> {
        let children = self.split(from);
        let is_list = |child: &usize| self.nodes.get(*child).is_some_and(|n| n.kind == Kind::List);
        let kind = if children.len() == 1 && children.iter().all(is_list) {
            Kind::ListAlone
        } else {
            Kind::Plain
        };
        self.push(kind, memory)?;
        self.begin_at(first);
        self.contain(self.nodes.len() - 1, &children)
    }

    /// Puts the `count` topmost objects into the container below them.
    fn fill(&mut self, kind: Kind, count: usize) -> Result<()> {
        let from = self.stack.len().checked_sub(count).ok_or_else(|| refused(INVALID))?;
        self.fill_from(from, kind)
    }

    /// Puts the objects above the last mark into the container below it.
    fn fill_marked(&mut self, kind: Kind) -> Result<()> {
        let (from, _) = self.unmark()?;
        if kind == Kind::Dict && (self.stack.len() - from) % 2 == 1 {
            return Err(refused(INVALID));
        }
        self.fill_from(from, kind)
    }

    fn fill_from(&mut self, from: usize, kind: Kind) -> Result<()> {
        // No container reaches below a mark that is still there.
        if from <= self.floor() {
            return Err(refused(INVALID));
        }
        let children = self.split(from);
        let (container, _) = *self.stack.last().ok_or_else(|| refused(INVALID))?;
        match self.nodes.get(container) {
            Some(node) if node.kind != kind => Err(refused(INVALID)),
            Some(node) if node.is_counted => Err(refused(ITSELF)),
            _ => self.contain(container, &children),
        }
    }

    fn contain(&mut self, container: usize, children: &[usize]) -> Result<()> {
        let (mut memory, mut depth) = (0_u64, 0);
        for child in children {
            let child = self.nodes.get_mut(*child).filter(|child| child.kind != Kind::Maker);
            let child = child.ok_or_else(|| refused(NOT_PLAIN))?;
            child.is_counted = true;
            memory = memory.saturating_add(child.memory);
            depth = depth.max(child.depth + 1);
        }
        let now = self.now();
        let container = self.nodes.get_mut(container).ok_or_else(|| refused(INVALID))?;
        container.tokens.1 = now;
        container.memory = container.memory.saturating_add(memory);
        container.depth = container.depth.max(depth);
        match container {
            Node { depth, .. } if *depth > MAX_DEPTH => Err(refused(TOO_DEEP)),
            Node { memory, .. } if *memory > MAX_MEMORY as u64 => Err(refused(TOO_LARGE)),
            _ => Ok(()),
        }
    }

    /// The topmost object, which lies above the last mark.
    fn top(&self) -> Result<usize> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().map(|(node, _)| *node).ok_or_else(|| refused(INVALID))
    }

    fn give_number(&mut self, number: u64) -> Result<()> {
        let top = self.top()?;
        self.replace(Instead::Nothing);
        let node = self.nodes.get_mut(top).filter(|node| !node.has_number);
        node.ok_or_else(|| refused(INVALID))?.has_number = true;
        // As many numbers as there are nodes, whose number is bounded.
        match u32::try_from(number).ok().map(|number| self.numbered.insert(number, top)) {
            Some(None) => Ok(()),
            _ => Err(refused(INVALID)),
        }
    }

    fn refer(&mut self, number: u64) -> Result<()> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let node = *self.numbered.get(&number).ok_or_else(|| refused(INVALID))?;
        if let Some(node) = self.nodes.get_mut(node) {
            node.is_counted = true;
        }
        // The reference takes memory of its own until it is in a container.
        self.memory = self.memory.saturating_add(ITEM);
        if self.memory > MAX_MEMORY as u64 {
            return Err(refused(TOO_LARGE));
        }
        self.replace(Instead::Node(node));
        self.stack.push((node, self.now()));
        Ok(())
    }

    /// The name of `set` or `frozenset`, as protocols 2 and 3 make these.
    fn maker(&mut self) -> Result<()> {
        const MAKERS: [&[u8]; 4] = [
            b"builtins\nset\n",
            b"builtins\nfrozenset\n",
            b"__builtin__\nset\n",
            b"__builtin__\nfrozenset\n",
        ];
        let mut known = MAKERS.iter().filter(|name| self.rest.starts_with(name));
        let name = known.next().ok_or_else(|| refused(NOT_PLAIN))?;
        self.take(name.len())?;
        self.push(Kind::Maker, 0)
    }

    /// Calls `set` or `frozenset` with a list.
    fn make(&mut self) -> Result<()> {
        let from = self.stack.len().checked_sub(2).ok_or_else(|| refused(INVALID))?;
        if from < self.floor() {
            return Err(refused(INVALID));
        }
        let first = self.stack.get(from).map_or(0, |(_, first)| *first);
        let called = self.split(from);
        let kind = |at: usize| self.nodes.get(at).map(|node| node.kind);
        match called[..] {
            [maker, list]
                if (kind(maker), kind(list)) == (Some(Kind::Maker), Some(Kind::ListAlone)) =>
            {
                // The result contains what the tuple contains, one container less. It counts as if
                // it contained the tuple.
                self.push(Kind::Plain, 0)?;
                self.begin_at(first);
                self.contain(self.nodes.len() - 1, &[list])
            }
            _ => Err(refused(NOT_PLAIN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_pickle::{DeOptions, Value, value_from_slice};

    #[track_caller]
    fn assert_refused(pickle: &[u8], reason: &str) {
        let error = scan(pickle).unwrap_err();
        assert!(error.is(CoreError::Corrupt) && error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn plain_objects_of_python_pass() {
        // pickle.dumps(([1, 2.5], {'a': None}, {7}, frozenset(), b'x', (1, 2, 3, 4)), protocol)
        let third =
            b"\x80\x03(]q\0(K\x01G@\x04\0\0\0\0\0\0e}q\x01X\x01\0\0\0aq\x02Nscbuiltins\nset\n\
                      q\x03]q\x04K\x07a\x85q\x05Rq\x06cbuiltins\nfrozenset\nq\x07]q\x08\x85q\tRq\n\
                      C\x01xq\x0b(K\x01K\x02K\x03K\x04tq\x0ctq\r.";
        let fourth =
            b"\x80\x04\x95>\0\0\0\0\0\0\0(]\x94(K\x01G@\x04\0\0\0\0\0\0e}\x94\x8c\x01a\x94Ns\
                       \x8f\x94(K\x07\x90(\x91\x94C\x01x\x94(K\x01K\x02K\x03K\x04t\x94t\x94.";
        for pickle in [&third[..], fourth] {
            scan(pickle).unwrap();
            let value = value_from_slice(pickle, DeOptions::new()).unwrap();
            assert!(matches!(value, Value::Tuple(items) if items.len() == 6));
            for cut in 0..pickle.len() {
                assert!(scan(&pickle[..cut]).is_err(), "cut at {cut}");
            }
            assert!(scan(&[pickle, b"N"].concat()).is_err());
        }
    }

    #[test]
    fn what_takes_a_class_or_a_function_is_refused() {
        assert_refused(b"cos\nsystem\n(X\x02\0\0\0lstR.", "a class or a function");
        assert_refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "a class or a function");
        assert_refused(b"\x80\x04cbuiltins\neval\n.", "a class or a function");
        assert_refused(b"\x80\x04cbuiltins\nset\n)R.", "a class or a function");
        assert_refused(b"\x80\x04cbuiltins\nset\n.", "no such pickle");
        assert_refused(b"\x80\x04]cbuiltins\nset\na.", "a class or a function");
        for call in *b"bioPQ\x81\x82\x83\x84\x92\x93" {
            assert_refused(&[b"\x80\x04NN", &[call][..]].concat(), "a class or a function");
        }
        assert_refused(b"I1\n.", "protocol");
        assert_refused(b"\x80\x01N.", "protocol");
    }

    #[test]
    fn an_object_that_contains_itself_is_refused() {
        assert_refused(b"\x80\x04]\x94h\0a.", "contains itself");
        assert_refused(b"\x80\x04]\x94(h\0e.", "contains itself");
        assert_refused(b"\x80\x04]\x94]\x94h\0ah\0.", "no such pickle");
        // Grown after it was counted.
        assert_refused(b"\x80\x04]\x94]\x94h\0a\x86h\0Na.", "contains itself");
    }

    /// `serde-pickle` does not find the second "two" by itself.
    #[test]
    fn shared_objects_are_written_out() {
        // shared = ['two', (1, 2, 3, 4), {7}]; [shared, shared, {'two': shared}], protocols 3 and 4
        let third = b"\x80\x03]q\0(]q\x01(X\x03\0\0\0twoq\x02(K\x01K\x02K\x03K\x04tq\x03\
                      cbuiltins\nset\nq\x04]q\x05K\x07a\x85q\x06Rq\x07eh\x01}q\x08h\x02h\x01se.";
        let fourth =
            b"\x80\x04\x95\0\0\0\0\0\0\0\0]\x94(]\x94(\x8c\x03two\x94(K\x01K\x02K\x03K\x04t\
                       \x94\x8f\x94(K\x07\x90eh\x01}\x94h\x02h\x01se.";
        for pickle in [&third[..], fourth] {
            let value = value_from_slice(&scan(pickle).unwrap(), DeOptions::new()).unwrap();
            let Value::List(items) = value else { panic!("{value:?}") };
            assert!(matches!(&items[0], Value::List(inner) if inner.len() == 3));
            assert_eq!(items[0], items[1]);
            let Value::Dict(dict) = &items[2] else { panic!("{items:?}") };
            assert!(dict.len() == 1 && dict.values().all(|value| *value == items[0]), "{dict:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            [&b"\x80\x04"[..], &vec![b']'; depth], &vec![b'a'; depth - 1], b"."].concat()
        };
        scan(&nested(MAX_DEPTH)).unwrap();
        value_from_slice(&nested(MAX_DEPTH), DeOptions::new()).unwrap();
        assert_refused(&nested(MAX_DEPTH + 1), "nested");
        assert_refused(&nested(1 << 20), "nested");
        assert_refused(&vec![b'('; 1 << 20], "nested");
        let tuples = [&b"\x80\x04N"[..], &vec![0x85; 1 << 20], b"."].concat();
        assert_refused(&tuples, "nested");
    }

    #[test]
    fn memory_is_bounded() {
        // Each list has the one before ten times.
        let mut laughs = b"\x80\x04]\x94".to_vec();
        for number in 0..30_u8 {
            laughs.extend(b"]\x94(");
            for _ in 0..10 {
                laughs.extend([b'h', number]);
            }
            laughs.push(b'e');
        }
        laughs.extend(b"t.");
        assert_refused(&laughs, "memory");
        // Tuples that begin at a mark keep much room.
        let tuples = [&b"\x80\x04]("[..], &b"(t".repeat(1 << 20), b"e."].concat();
        assert_refused(&tuples, "memory");
        let nothing = [&b"\x80\x04]("[..], &[b'N'; 4 << 20], b"e."].concat();
        assert_refused(&nothing, "memory");
        // Lengths that nothing follows.
        for length in
            [&b"B\xff\xff\xff\xff"[..], b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff", b"X\0\0\0\x7f"]
        {
            assert_refused(&[b"\x80\x04", length].concat(), "ends too early");
        }
    }

    #[test]
    fn what_the_pickler_never_writes_is_refused() {
        for bad in [
            &b"\x80\x04NN."[..],      // two objects
            b"\x80\x04.",             // none
            b"\x80\x04(N.",           // a mark left
            b"\x80\x04N2.",           // a copy of the top
            b"\x80\x04N0.",           // an object dropped
            b"\x80\x04Na.",           // nothing to append to
            b"\x80\x04}(Nu.",         // a key without a value
            b"\x80\x04N\x94\x94.",    // two numbers for one object
            b"\x80\x04Nq\0Nq\0\x86.", // one number for two objects
            b"\x80\x04h\0.",          // a number of none
            b"\x80\x04](a.",          // reaching below a mark
            b"\x80\x04N(\x85.",
        ] {
            assert!(scan(bad).is_err(), "{bad:?}");
        }
    }
}
