//! Serial ports: the raw mode, restoring the settings, and files that are no ports.

mod support;

use ringway::CoreError;
use ringway::serial::{self, Port};
use ringway::{Cause, fd};
use std::process::{Command, Stdio};
use support::{Killed, child, long, role};

/// The mode of a terminal, as `stty` prints it.
fn mode(port: &Port) -> String {
    let terminal = Stdio::from(fd::duplicate(port).unwrap());
    let output = Command::new("stty").arg("-a").stdin(terminal).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_byte_passes_unchanged_both_ways() {
    let (near, far) = serial::pair().unwrap();
    let every: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    for (from, to) in [(&near, &far), (&far, &near)] {
        fd::write_all(from, &mut &every[..], None).unwrap();
        let mut got = vec![0; every.len()];
        fd::read_exact(to, &mut &mut got[..], None).unwrap();
        assert_eq!(got, every);
        // The terminal does not echo either.
        assert!(fd::try_read(from, &mut got).unwrap_err().is(CoreError::WouldBlock));
    }
}

#[test]
fn dropping_a_port_restores_its_settings() {
    let (near, far) = serial::pair().unwrap();
    let path = serial::path(&far).unwrap();
    // The pair is raw. This gives it the mode that a shell has.
    let mut shell = Command::new("stty");
    shell.args(["sane", "38400"]).stdin(fd::duplicate(&far).unwrap());
    assert!(shell.status().unwrap().success());
    let before = mode(&far);
    assert!(before.contains(" icanon") && before.contains(" echo "), "{before}");
    let port = Port::open(&path, 230_400).unwrap();
    assert_eq!(port.speed().unwrap(), 230_400);
    let raw = mode(&far);
    for off in ["-icanon", "-echo ", "-isig", "-opost", "-ixon", "-crtscts", "cs8", "clocal"] {
        assert!(raw.contains(off), "{off}: {raw}");
    }
    drop(port);
    assert_eq!(mode(&far), before);
    drop(near);
}

#[test]
fn a_child_does_not_inherit_a_port() {
    let (_near, far) = serial::pair().unwrap();
    let port = Port::open(serial::path(&far).unwrap(), 9_600).unwrap();
    assert!(fd::close_on_exec(&port).unwrap() && fd::nonblocking(&port).unwrap());
}

#[test]
fn an_odd_speed_is_set_exactly() {
    let (_near, far) = serial::pair().unwrap();
    far.set_speed(123_456).unwrap();
    assert_eq!(far.speed().unwrap(), 123_456);
}

#[test]
fn a_file_that_is_no_terminal_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Port::open(file.path(), 9_600).unwrap_err();
    assert!(matches!(error.cause(), Cause::WrongFile { found: "a regular file", .. }), "{error}");
    assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
    assert!(Port::open("/dev/null", 9_600).is_err());
    assert!(Port::open("/nonexistent", 9_600).unwrap_err().is(CoreError::NotFound));
}

#[test]
fn a_side_that_closes_hangs_up() {
    let (near, far) = serial::pair().unwrap();
    drop(near);
    assert_eq!(fd::read(&far, &mut [0; 8]).unwrap(), 0);
    let (near, far) = serial::pair().unwrap();
    drop(far);
    let gone = fd::read(&near, &mut [0; 8]).unwrap_err();
    assert!(matches!(gone.cause(), Cause::Os(_)), "{gone}");
}

#[test]
fn a_refused_open_changes_nothing() {
    let (near, far) = serial::pair().unwrap();
    let path = serial::path(&far).unwrap();
    let port = Port::open(&path, 115_200).unwrap();
    fd::write_all(&near, &mut &b"unread"[..], None).unwrap();
    let before = mode(&far);
    let refusals =
        [Port::open(&path, 9_600).unwrap_err(), Port::open_shared(&path, 9_600).unwrap_err()];
    for error in refusals {
        assert!(error.is(CoreError::AddressInUse), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    // Another process cannot have it either.
    let held = Command::new("flock").arg("-n").arg(&path).arg("true").status().unwrap();
    assert_eq!(held.code(), Some(1));
    assert_eq!(mode(&far), before);
    let mut got = [0; 6];
    fd::read_exact(&port, &mut &mut got[..], None).unwrap();
    assert_eq!(&got, b"unread");
    // The refused open did not reset the line when it ended either, and the next open succeeds.
    assert_eq!(mode(&far), before);
    drop(port);
    let next = Port::open(&path, 9_600).unwrap();
    assert_eq!(next.speed().unwrap(), 9_600);
}

#[test]
fn the_last_of_a_shared_port_restores_its_settings() {
    let (near, far) = serial::pair().unwrap();
    let path = serial::path(&far).unwrap();
    let first = Port::open_shared(&path, 115_200).unwrap();
    fd::write_all(&near, &mut &b"kept"[..], None).unwrap();
    let second = Port::open_shared(&path, 115_200).unwrap();
    assert!(Port::open(&path, 9_600).unwrap_err().is(CoreError::AddressInUse));
    let raw = mode(&far);
    drop(first);
    assert_eq!(mode(&far), raw, "the second one has it still");
    let mut got = [0; 4];
    fd::read_exact(&second, &mut &mut got[..], None).unwrap();
    assert_eq!(&got, b"kept");
    drop(second);
    Port::open(&path, 9_600).unwrap();
}

#[test]
fn killing_a_program_frees_its_port() {
    const NAME: &str = "killing_a_program_frees_its_port";
    if let Some(path) = role() {
        let port = Port::open(path, 9_600).unwrap();
        fd::write_all(&port, &mut &b"ready"[..], None).unwrap();
        loop {
            std::thread::park();
        }
    }
    let (near, far) = serial::pair().unwrap();
    let path = serial::path(&far).unwrap();
    let mut other = Killed(child(NAME, path.to_str().unwrap()).spawn().unwrap());
    fd::read_exact(&near, &mut &mut [0; 5][..], Some(long())).unwrap();
    let refused = Port::open(&path, 9_600).unwrap_err();
    assert!(refused.is(CoreError::AddressInUse), "{refused}");
    other.kill_now();
    Port::open(&path, 9_600).unwrap();
}
