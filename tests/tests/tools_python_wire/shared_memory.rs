//! `multiprocessing.shared_memory`, and the resource tracker's habit.

use super::support::*;
use ringway::python::shared_memory::Block;
use std::process::Command;

/// Runs a script to its end, with the resource tracker's; returns what it printed.
fn run(python: &Python, script: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(&python.program);
    command.args(["-W", "ignore", "-c", script]).args(arguments);
    // The tracker has the same standard error: its end is the tracker's.
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python 3.{}: {told}", python.minor);
    String::from_utf8(output.stdout).unwrap()
}

const ATTACH: &str = "
import sys
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(sys.argv[1])
assert block.size == int(sys.argv[2]), block.size
assert bytes(block.buf[:8]) == b'from us\\0', bytes(block.buf[:8])
block.buf[-5:] = b'hello'
block.close()
";

const SIZES: [usize; 4] = [13, 4096, 4097, 3 << 20];

fn assert_answered(block: &Block) {
    let mut end = [0; 5];
    block.read(block.size() - 5, &mut end).unwrap();
    assert_eq!(&end, b"hello");
}

#[test]
fn python_attaches_to_a_block_made_here() {
    let _alone = alone();
    for python in pythons() {
        for size in SIZES {
            let block = Block::create(size).unwrap();
            note(block.name());
            block.write(0, b"from us\0").unwrap();
            run(python, ATTACH, &[block.name(), &size.to_string()]);
            assert_answered(&block);
        }
        println!("evidence: python: CPython 3.{}, blocks made here: 4, 0 failures", python.minor);
    }
}

/// The habit that the documentation tells of, and what each way around it does.
#[test]
fn the_tracker_removes_what_it_attached_to() {
    let _alone = alone();
    for python in pythons() {
        let size = 64;
        let attach = |name: &str, script: &str| run(python, script, &[name, &size.to_string()]);
        let mut block = Block::create(size).unwrap();
        note(block.name());
        block.write(0, b"from us\0").unwrap();

        // A name of its own: the block keeps the first one.
        for _ in 0..2 {
            let name = block.add_name().unwrap();
            note(&name);
            attach(&name, ATTACH);
            assert!(!is_there(&name), "3.{} does what it did", python.minor);
            assert!(is_there(block.name()));
            assert_answered(&block);
        }
        // The changed program.
        attach(
            block.name(),
            &format!(
                "{ATTACH}\nfrom multiprocessing import resource_tracker\n\
                 resource_tracker.unregister('/' + block.name, 'shared_memory')"
            ),
        );
        assert!(is_there(block.name()));
        if python.minor >= 13 {
            attach(block.name(), &ATTACH.replace("sys.argv[1])", "sys.argv[1], track=False)"));
            assert!(is_there(block.name()));
        }
        // The habit.
        attach(block.name(), ATTACH);
        assert!(!is_there(block.name()), "3.{} does what it did", python.minor);
        // Who has it mapped keeps it.
        assert_answered(&block);
        println!(
            "evidence: python: CPython 3.{}, its tracker: removes what it attached to; {} ways \
             around it, 0 failures",
            python.minor,
            if python.minor >= 13 { 3 } else { 2 }
        );
    }
}

#[test]
fn a_block_that_python_made_is_attached_to() {
    let _alone = alone();
    let script = "
import sys
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(create=True, size=int(sys.argv[1]))
block.buf[:5] = b'hello'
print(block.name, flush=True)
sys.stdin.readline()
assert bytes(block.buf[:7]) == b'from us'
block.close()
if sys.argv[2] == 'unlink':
    block.unlink()
";
    for python in pythons() {
        for (size, end) in [(13, "unlink"), (4096, "leave"), (3 << 20, "unlink")] {
            let mut child = Command::new(&python.program)
                .args(["-W", "ignore", "-c", script, &size.to_string(), end])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
            let mut name = String::new();
            std::io::BufRead::read_line(&mut out, &mut name).unwrap();
            let name = name.trim();
            note(name);
            assert!(name.starts_with("psm_"), "{name}");
            let block = Block::attach(name).unwrap();
            assert_eq!((block.size(), block.name()), (size, name));
            let mut text = [0; 5];
            block.read(0, &mut text).unwrap();
            assert_eq!(&text, b"hello");
            block.write(0, b"from us").unwrap();
            // Attaching and leaving here removes nothing.
            drop(block);
            assert!(is_there(name));
            let kept = Block::attach(name).unwrap();
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
            // The tracker ends after its program, and removes what that left.
            wait_for("the end of the name", || !is_there(name));
            kept.read(0, &mut text).unwrap();
            assert_eq!(&text, b"from ");
        }
        println!("evidence: python: CPython 3.{}, blocks it made: 3, 0 failures", python.minor);
    }
}
