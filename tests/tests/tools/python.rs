//! Python at the other end. Its socket module passes descriptors with a message, both ways. It also
//! reads the directory of a region, as `ringway_core::region` describes it.

use super::shell::Place;
use ringway::socket::{UnixListener, UnixStream};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

fn accept(listener: &UnixListener) -> UnixStream {
    listener
        .accept_deadline(Some(Instant::now() + Duration::from_secs(60)))
        .expect("Python connects")
}

#[test]
fn ringway_reads_from_a_descriptor_that_python_sent() {
    let place = Place::new();
    std::fs::write(place.path("opened"), "by Python").unwrap();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
opened = open(\"opened\")
socket.send_fds(peer, [b\"take these\"], [opened.fileno(), 0])
'",
    );
    let peer = accept(&listener);
    let mut text = [0; 16];
    let received = peer.recv_descriptors(&mut text, 4, None).unwrap();
    assert_eq!((received.size, received.descriptors.len()), (10, 2));
    assert_eq!(&text[..10], b"take these");
    let mut content = String::new();
    let first = received.descriptors.into_iter().next().unwrap();
    File::from(first).read_to_string(&mut content).unwrap();
    assert_eq!(content, "by Python");
    python.end();
}

#[test]
fn python_writes_to_a_descriptor_that_ringway_sent() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import os, socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
text, descriptors, flags, address = socket.recv_fds(peer, 100, 4)
assert text == b\"write there\", text
assert len(descriptors) == 1, descriptors
os.write(descriptors[0], b\"by Python\")
'",
    );
    let peer = accept(&listener);
    let (reader, writer) = ringway::pipe::pipe().unwrap();
    peer.send_descriptors(b"write there", &[writer.as_fd()], None).unwrap();
    drop(writer);
    let mut text = String::new();
    (&reader).read_to_string(&mut text).unwrap();
    assert_eq!(text, "by Python");
    python.end();
}

#[test]
fn a_conversation_with_python_half_closes_both_ways() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
stream = peer.makefile(\"rwb\")
question = stream.read()
stream.write(question[::-1])
stream.flush()
peer.shutdown(socket.SHUT_WR)
assert stream.read() == b\"\"
'",
    );
    let mut peer = accept(&listener);
    peer.write_all(b"stressed").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "desserts");
    drop(peer);
    python.end();
}

/// What a program in another language needs to find a part and to recognise it.
#[test]
fn python_finds_region_parts_by_name_and_type() {
    use ringway::shm::{Item, Latest, Layout, Region, Ring, TypeName};
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Sample {
        time: u64,
        level: [f32; 2],
    }
    // SAFETY: the type consists of numbers alone, without padding.
    unsafe impl ringway_core::plain::Plain for Sample {}
    impl Item for Sample {
        const NAME: TypeName = TypeName::new("com.example.Sample/1");
    }

    let place = Place::new();
    let name = format!("ringway-test-python-{}", std::process::id());
    let layout = Layout::new(4)
        .part::<AtomicU64>("count")
        .and_then(|layout| layout.part::<Ring<Sample, 100>>("samples"))
        .and_then(|layout| layout.part::<Latest<[[u16; 3]; 12]>>("table"))
        .unwrap();
    let region = Region::create(&name, 0o600, &layout).unwrap();
    let count = region.part::<AtomicU64>("count").unwrap();
    count.store(1 << 40, Ordering::Relaxed);
    let script = r#"
import mmap, struct, sys
with open("/dev/shm/" + sys.argv[1], "r+b") as file:
    memory = mmap.mmap(file.fileno(), 0)
assert memory[:8] == b"RINGWAY\0"
version, ready, length, parts, places = struct.unpack_from("=5I", memory, 8)
assert (version, ready, length, places) == (int(sys.argv[2]), 1, len(memory), 4), version

def identity(name):
    number = 0x811c9dc5
    for byte in name.encode():
        number = (number ^ byte) * 0x01000193 % 2**32
    return number or 1

found = {}
for at in range(64, 64 + 64 * parts, 64):
    name, offset, *rest = struct.unpack_from("=32s8I", memory, at)
    found[name.split(b"\0")[0].decode()] = offset, rest

offset, (kind, size, item_size, align, capacity, item_type, reserved) = found["count"]
assert (kind, size, item_size, align, capacity) == (15, 8, 8, 8, 1), found
assert item_type == identity("u64") and reserved == 0
assert struct.unpack_from("=Q", memory, offset) == (1 << 40,)
struct.pack_into("=Q", memory, offset, 7)

_, (kind, _, item_size, align, capacity, item_type, _) = found["samples"]
assert (kind, item_size, align, capacity) == (1 | 1 << 16, 16, 8, 100), found
assert item_type == identity("com.example.Sample/1")

_, (kind, _, item_size, align, _, item_type, _) = found["table"]
assert (kind, item_size, align) == (6 | 1 << 16, 72, 8), found
assert item_type == identity("[[u16; 3]; 12]")
"#;
    std::fs::write(place.path("look.py"), script).unwrap();
    let version = ringway_core::region::VERSION;
    place.start(&format!("exec python3 look.py {name} {version}")).end();
    assert_eq!(count.load(Ordering::Relaxed), 7);
}
