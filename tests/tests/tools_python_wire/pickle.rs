//! Objects, with Python's own pickler at the other end.

use super::support::*;
use ringway::CoreError;
use ringway::python::connection::{Auth, Role, UnixConnection};
use ringway::python::pickle::Value;
use std::collections::BTreeMap;

fn peer(python: &Python) -> (Peer, UnixConnection) {
    let auth = Auth::key(b"right").unwrap().allow_md5();
    let mut peer = Peer::start(python, Role::Listener, Family::Unix, "right", &auth);
    peer.once();
    let ours = peer.meet(&auth, long()).unwrap().unix();
    (peer, ours)
}

/// Plain objects, as Python writes them.
const PLAIN: &[&str] = &[
    "None",
    "[True, False, 0, -1, 255, 256, 65536, -2**31, 2**31, 2**63 - 1, -2**63]",
    "[2**63, 2**64, 2**200, -2**200]",
    "[0.0, -1.5, 1e300, float('inf')]",
    "['', 'a', 'z\u{fc}rich', '\u{1f40d}', 'x' * 300, 'y' * 70000]",
    "[b'', b'\\0\\xff', b'x' * 300, b'y' * 70000]",
    "((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), tuple(range(300)))",
    "[[], [[]], list(range(3000))]",
    "{'a': 1, 2: 'b', (3, 4): [5], None: {}}",
    "{str(number): number for number in range(3000)}",
    "[set(), {1, 2}, frozenset(), frozenset({('a', 1)}), {frozenset({7})}]",
    "(lambda shared: [shared, shared, {'again': shared}])([1, 'two'])",
    "(lambda word: {word: [word] * 1000})('the same')",
];

#[test]
fn plain_objects_both_ways_by_every_protocol() {
    let _alone = alone();
    for python in pythons() {
        let (mut peer, ours) = peer(python);
        let mut count = 0;
        for object in PLAIN {
            ours.send(b"!objects").unwrap();
            ours.send(object.as_bytes()).unwrap();
            for protocol in 3..6 {
                let value = ours.recv_value(long());
                let value = value.unwrap_or_else(|error| panic!("{object}, {protocol}: {error}"));
                ours.send_value(&value, long()).unwrap();
                count += 1;
            }
        }
        // Types of this program.
        ours.send(b"!object").unwrap();
        ours.send(b"{'width': 640, 'height': 480}").unwrap();
        let size: BTreeMap<String, u32> = ours.recv_object(long()).unwrap();
        assert_eq!((size["width"], size["height"]), (640, 480));
        ours.send(b"!object").unwrap();
        ours.send(b"'text'").unwrap();
        let error = ours.recv_object::<u32>(long()).unwrap_err();
        assert!(error.is(CoreError::Corrupt) && error.to_string().contains("agree on the type"));
        drop(ours);
        assert_eq!(peer.answer(), "served");
        println!("evidence: python: CPython 3.{}, objects: {count}, 0 failures", python.minor);
    }
}

/// What is not plain, with a word of the error.
const OTHERS: &[(&str, &str)] = &[
    ("__import__('datetime').date(2020, 1, 1)", "a class or a function"),
    ("__import__('os').system", "a class or a function"),
    ("1j", "a class or a function"),
    ("range(3)", "a class or a function"),
    ("type('Evil', (), {'__reduce__': lambda self: (print, ('run',))})()", "a class or a function"),
    ("__import__('collections').OrderedDict(a=1)", "a class or a function"),
    ("Exception('no')", "a class or a function"),
    ("(lambda items: items.append(items) or items)([])", "contains itself"),
    ("(lambda items: items.update(items=items) or items)({})", "contains itself"),
    ("__import__('functools').reduce(lambda inner, _: [inner], range(101))", "nested"),
    ("__import__('functools').reduce(lambda inner, _: [inner] * 10, range(30), 0)", "memory"),
];

#[test]
fn other_objects_are_refused_and_messages_go_on() {
    let _alone = alone();
    for python in pythons() {
        let (_peer, ours) = peer(python);
        for (object, reason) in OTHERS {
            ours.send(b"!object").unwrap();
            ours.send(object.as_bytes()).unwrap();
            let error = ours.recv_value(long()).unwrap_err();
            assert!(error.is(CoreError::Corrupt), "{object}: {error}");
            assert!(error.to_string().contains(reason), "{object}: {error}");
        }
        ours.send(b"!object").unwrap();
        ours.send(b"'still'").unwrap();
        assert_eq!(ours.recv_value(long()).unwrap(), Value::String("still".into()));
        let count = OTHERS.len();
        println!(
            "evidence: python: CPython 3.{}, refused objects: {count}, 0 failures",
            python.minor
        );
    }
}
