//! `ringway cat py:…`, with Python at the far end.

use super::shell::Place;
use super::support::*;
use std::fs;

/// A script of Python that serves one client, or is one: it takes messages until the end, and
/// answers how many came and how many bytes they had.
const PYTHON: &str = r#"
import sys
from multiprocessing.connection import Listener, Client
role, address, key = sys.argv[1:4]
if address.startswith("@"):
    address = "\0" + address[1:]
elif ":" in address:
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
key = key.encode() if key else None
def serve(peer):
    with peer, open("copy", "wb") as copy:
        for word in (b"one\n", b"", b"two\n"):
            peer.send_bytes(word)
        while True:
            try:
                copy.write(peer.recv_bytes())
            except EOFError:
                break
        peer.send_bytes(b"%d bytes\n" % copy.tell())
if role == "listener":
    with Listener(address, authkey=key) as listener:
        open("ready", "w").close()
        serve(listener.accept())
else:
    serve(Client(address, authkey=key))
"#;

#[test]
fn cat_speaks_with_python_both_ways() {
    let _alone = alone();
    for python in pythons() {
        let (program, md5) = (python.program.display(), if python.is_old() { ",md5" } else { "" });
        let mut count = 0;
        for family in FAMILIES {
            let place = Place::new();
            fs::write(place.path("script.py"), PYTHON).unwrap();
            fs::write(place.path("key"), "secret\n").unwrap();
            fs::write(place.path("input"), bytes(300_000)).unwrap();
            let name = format!("@ringway-test-cat-{}-{}", std::process::id(), python.minor);
            let (ours, theirs) = match family {
                Family::Unix => ("socket".to_owned(), "socket".to_owned()),
                Family::Abstract => (name.clone(), name),
                Family::Tcp => (format!("tcp:{}:7000", place.host), format!("{}:7000", place.host)),
            };
            // Python listens; the key comes from a file. Its answers go to the standard output.
            place
                .start(&format!(
                    "{program} script.py listener {theirs} secret & \
                     until [ -e ready ]; do sleep 0.01; done
                     ringway cat - py:{ours},key=key{md5} <input >answers && wait $!"
                ))
                .end();
            assert_eq!(fs::read(place.path("copy")).unwrap(), bytes(300_000));
            let answers = fs::read_to_string(place.path("answers")).unwrap();
            assert_eq!(answers, "one\ntwo\n300000 bytes\n");

            // Python is the client; the key comes from the environment. (Both at once, until the
            // listener is there.)
            place
                .start(&format!(
                    "(export RINGWAY_AUTHKEY=secret; ringway cat - py-listen:{ours}{md5} \
                     <input >answers) & cat=$!
                     until {program} script.py client {theirs} secret 2>errors; do
                         grep -qE 'ConnectionRefused|FileNotFound' errors || exit 9
                         sleep 0.05
                     done
                     wait $cat"
                ))
                .end();
            assert_eq!(fs::read(place.path("copy")).unwrap(), bytes(300_000));
            assert_eq!(fs::read_to_string(place.path("answers")).unwrap(), answers);
            count += 2;
        }
        println!("evidence: python: CPython 3.{}, ringway cat: {count}, 0 failures", python.minor);
    }
}

#[test]
fn cat_says_what_is_wrong_with_the_key() {
    let _alone = alone();
    let place = Place::new();
    let program = pythons().last().unwrap().program.display();
    fs::write(place.path("script.py"), PYTHON).unwrap();
    place
        .start(&format!(
            "unset RINGWAY_AUTHKEY
             ringway cat - py:socket 2>none && exit 9
             grep -q 'there is no key: put it into the variable RINGWAY_AUTHKEY' none || exit 8
             {program} script.py listener socket secret 2>python & \
             until [ -e ready ]; do sleep 0.01; done
             RINGWAY_AUTHKEY=wrong ringway cat - py:socket 2>wrong </dev/null && exit 7
             grep -q 'the peer refuses this key' wrong || exit 6
             wait $! && exit 5
             grep -q AuthenticationError python"
        ))
        .end();
}
