//! Socket files: a dead one is replaced, a live one never, and several starters agree on one.

use crate::children::{self, argument, done, role, start};
use crate::support::fault::{self, Fault, calls, inject};
use crate::{accept, eventually, wait_until_dead};
use ringway::socket::{
    Options, SeqpacketListener, UnixAddress, UnixDatagram, UnixListener, UnixSeqpacket, UnixStream,
};
use ringway::{CoreError, fd};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net as other;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Leaves a socket file without a socket, as a killed process does.
fn leave_dead(path: &Path) {
    drop(other::UnixListener::bind(path).unwrap());
    wait_until_dead(path);
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_dead_file_is_replaced_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    for _ in 0..3 {
        leave_dead(&path);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(names(dir.path()), ["socket"]);
        let _client = UnixStream::connect(&path).unwrap();
        accept(&listener);
        drop(listener);
        assert!(names(dir.path()).is_empty());

        leave_dead(&path);
        drop(SeqpacketListener::bind(&path).unwrap());
        leave_dead(&path);
        drop(UnixDatagram::bind(&path).unwrap());
        assert!(names(dir.path()).is_empty());
    }
}

#[test]
fn a_live_file_is_in_use_and_is_not_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let in_use = || {
        for error in [
            UnixListener::bind(&path).unwrap_err(),
            SeqpacketListener::bind(&path).unwrap_err(),
            UnixDatagram::bind(&path).unwrap_err(),
        ] {
            assert!(error.is(CoreError::AddressInUse), "{error}");
            assert!(error.to_string().contains("socket"), "{error}");
        }
        assert_eq!(names(dir.path()), ["socket"]);
    };
    let stream = UnixListener::bind(&path).unwrap();
    in_use();
    // The probe of the other starter is no connection.
    assert!(stream.try_accept().unwrap_err().is(CoreError::WouldBlock));
    drop(stream);
    let seqpacket = SeqpacketListener::bind(&path).unwrap();
    in_use();
    drop(seqpacket);
    let datagram = UnixDatagram::bind(&path).unwrap();
    in_use();
    assert!(datagram.try_recv(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));
    drop(datagram);

    // This socket is bound and does not listen yet, as between the two calls of another starter.
    let bound = rustix::net::socket_with(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    rustix::net::bind(&bound, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    in_use();
    drop(bound);
    wait_until_dead(&path);
    UnixListener::bind(&path).unwrap();
}

#[test]
fn a_file_of_another_kind_is_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    fs::write(&path, "data").unwrap();
    assert!(UnixListener::bind(&path).unwrap_err().is(CoreError::AddressInUse));
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");

    let dead = dir.path().join("dead");
    leave_dead(&dead);
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&dead, &link).unwrap();
    assert!(UnixListener::bind(&link).unwrap_err().is(CoreError::AddressInUse));
    std::os::unix::fs::symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
    let error = UnixListener::bind(dir.path().join("dangling")).unwrap_err();
    assert!(error.is(CoreError::AddressInUse));
    assert!(UnixListener::bind(dir.path()).unwrap_err().is(CoreError::AddressInUse));
    assert_eq!(names(dir.path()), ["dangling", "dead", "link", "precious"]);

    let error = UnixListener::bind(dir.path().join("missing/socket")).unwrap_err();
    assert!(error.is(CoreError::NotFound), "{error}");
}

#[test]
fn dropping_removes_only_what_was_made_here() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let first = UnixListener::bind(&path).unwrap();
    // Another program takes the name by force.
    fs::remove_file(&path).unwrap();
    let second = other::UnixListener::bind(&path).unwrap();
    drop(first);
    assert_eq!(names(dir.path()), ["socket"]);
    UnixStream::connect(&path).unwrap();
    drop(second);
    wait_until_dead(&path);

    let kept = UnixListener::bind(&path).unwrap();
    let fd = OwnedFd::from(kept);
    drop(UnixListener::try_from(fd).unwrap());
    assert_eq!(names(dir.path()), ["socket"], "who took the descriptor did not make the file");
}

#[test]
fn a_fork_does_not_remove_the_file_of_its_parent() {
    if role().is_some() {
        // The only other thread of this process is the test runner's, which waits.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: the child only makes system calls and frees what it has, and leaves without
        // running any handler.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(listener);
            // SAFETY: `_exit` ends the process and runs no destructors or handlers.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: `pid` is a child of this process, and `status` is a local variable.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0);
        UnixStream::connect(&path).unwrap();
        drop(listener);
        assert!(!path.exists());
        drop(dir);
        done();
    }
    let test = "files::a_fork_does_not_remove_the_file_of_its_parent";
    assert!(start(test, "fork", "").wait().success());
}

#[test]
fn a_killed_listener_is_replaced_and_clients_notice() {
    if role().is_some() {
        let listener = UnixListener::bind(argument()).unwrap();
        let _client = listener.accept().unwrap();
        thread::sleep(Duration::from_secs(60));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let test = "files::a_killed_listener_is_replaced_and_clients_notice";
    let mut child = start(test, "listen", path.to_str().unwrap());
    let late = eventually();
    let client = loop {
        match UnixStream::connect(&path) {
            Ok(client) => break client,
            Err(error) => assert!(std::time::Instant::now() < late, "{error}"),
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert!(UnixListener::bind(&path).unwrap_err().is(CoreError::AddressInUse));
    child.kill();
    // The client gets the end if its connection was accepted, and a reset if it still waited.
    if let Err(error) = client.read_deadline(&mut [0; 8], Some(late)) {
        assert!(error.is(CoreError::Reset), "{error}");
    }
    assert!(UnixStream::connect(&path).unwrap_err().is(CoreError::Refused));
    let _listener = UnixListener::bind(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    assert_eq!(names(dir.path()), ["socket"]);
}

#[test]
fn a_relative_path_is_removed_after_a_chdir() {
    if role().is_some() {
        std::env::set_current_dir(argument()).unwrap();
        let listener = UnixListener::bind("socket").unwrap();
        std::env::set_current_dir("/").unwrap();
        drop(listener);
        done();
    }
    let dir = tempfile::tempdir().unwrap();
    let test = "files::a_relative_path_is_removed_after_a_chdir";
    assert!(start(test, "relative", dir.path().to_str().unwrap()).wait().success());
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_starter_that_died_with_the_lock_frees_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    leave_dead(&path);
    fs::write(dir.path().join(".socket.ringway"), "").unwrap();
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(names(dir.path()), ["socket"]);
}

#[test]
fn one_of_many_threads_replaces_a_dead_file() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..100 {
        let path = dir.path().join(round.to_string());
        leave_dead(&path);
        let start = Barrier::new(4);
        let listeners: Vec<UnixListener> = thread::scope(|scope| {
            let starters: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        UnixListener::bind(&path)
                    })
                })
                .collect();
            starters.into_iter().filter_map(|starter| won(starter.join().unwrap())).collect()
        });
        assert_eq!(listeners.len(), 1, "round {round}");
        UnixStream::connect(&path).unwrap();
        accept(&listeners[0]);
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn starters_never_take_the_name_of_a_live_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listened = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (path, listened) = (&path, &listened);
            scope.spawn(move || {
                for round in 0..500 {
                    let Some(listener) = won(UnixListener::bind(path)) else { continue };
                    // From now on, and until this listener goes, every client of the name reaches
                    // it.
                    for _ in 0..3 {
                        let client = UnixStream::connect(path).unwrap();
                        let server = accept(&listener);
                        let word = [thread, round as u8];
                        server.write_all(&word).unwrap();
                        let mut got = [0; 2];
                        fd::read_exact(&client, &mut &mut got[..], Some(eventually())).unwrap();
                        assert_eq!(got, word);
                        thread::yield_now();
                    }
                    // Relaxed: a count. Partners: the same line in the other threads, and the load
                    // after they end.
                    listened.fetch_add(1, Ordering::Relaxed);
                    if round % 2 == 0 {
                        drop(OwnedFd::from(listener)); // leaves the file
                    }
                }
            });
        }
    });
    assert!(listened.into_inner() > 0);
    let left = names(dir.path());
    assert!(left.is_empty() || left == ["socket"], "{left:?}");
}

fn won(result: ringway::Result<UnixListener>) -> Option<UnixListener> {
    match result {
        Ok(listener) => Some(listener),
        Err(error) => {
            assert!(error.is(CoreError::AddressInUse), "{error}");
            None
        }
    }
}

/// Runs as a starter. For every path that it is told, it tries to listen there and reports the
/// result. When it is told again, it leaves the file as a killed process would, or removes it as a
/// process that ends normally.
fn starter(control: &Path) -> ! {
    let control = UnixSeqpacket::connect(control).unwrap();
    let mut buf = [0; 256];
    while let Ok(size) = control.recv(&mut buf) {
        let path = std::str::from_utf8(&buf[..size]).unwrap().to_owned();
        let listener = won(UnixListener::bind(&path));
        control.send(if listener.is_some() { b"won" } else { b"lost" }).unwrap();
        let size = control.recv(&mut buf).unwrap();
        if let Some(listener) = listener {
            // Whoever connects to the name reaches this process.
            while let Ok(client) = listener.try_accept() {
                client.write_all(&std::process::id().to_le_bytes()).unwrap();
            }
            if &buf[..size] == b"leave" {
                drop(OwnedFd::from(listener));
            }
        }
        control.send(b"done").unwrap();
    }
    done()
}

#[test]
fn one_of_many_racing_processes_listens() {
    const STARTERS: usize = 4;
    const ROUNDS: usize = 400;
    if role().is_some() {
        starter(Path::new(&argument()));
    }
    let dir = tempfile::tempdir().unwrap();
    let control_dir = tempfile::tempdir().unwrap();
    let control = SeqpacketListener::bind(control_dir.path().join("control")).unwrap();
    let UnixAddress::Path(control_path) = control.local_address().unwrap() else { panic!() };
    let test = "files::one_of_many_racing_processes_listens";
    let children: Vec<children::Process> =
        (0..STARTERS).map(|_| start(test, "starter", control_path.to_str().unwrap())).collect();
    let starters: Vec<UnixSeqpacket> = (0..STARTERS).map(|_| accept(&control)).collect();
    let answer = |starter: &UnixSeqpacket| {
        let mut buf = [0; 16];
        let size = starter.recv_deadline(&mut buf, Some(eventually())).unwrap();
        buf[..size].to_vec()
    };

    let path = dir.path().join("socket");
    let mut wins = 0;
    for round in 0..ROUNDS {
        // The winner of the last round left its file or removed it, in turns.
        let name = path.to_str().unwrap().as_bytes();
        starters.iter().for_each(|starter| starter.send(name).unwrap());
        let won: Vec<bool> = starters.iter().map(|starter| answer(starter) == b"won").collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
        assert_eq!(names(dir.path()), ["socket"], "round {round}");
        wins += usize::from(won[0]);

        let client = UnixStream::connect(&path).unwrap();
        let end: &[u8] = if round % 3 == 0 { b"remove" } else { b"leave" };
        starters.iter().for_each(|starter| starter.send(end).unwrap());
        let mut pid = [0; 4];
        fd::read_exact(&client, &mut &mut pid[..], Some(eventually())).unwrap();
        let winner = won.iter().position(|won| *won).unwrap();
        assert_eq!(
            starters[winner].peer_credentials().unwrap().pid.unwrap().as_raw_nonzero().get() as u32,
            u32::from_le_bytes(pid)
        );
        starters.iter().for_each(|starter| assert_eq!(answer(starter), b"done"));
        assert_eq!(path.exists(), end == b"leave", "round {round}");
    }
    // A race that always has the same winner would show little.
    assert!(wins < ROUNDS, "the first starter won every round");
    drop(starters);
    for mut child in children {
        assert!(child.wait().success());
    }
}

#[test]
fn the_mode_is_exact_under_any_umask() {
    use std::os::unix::fs::PermissionsExt;
    if role().is_none() {
        let test = "files::the_mode_is_exact_under_any_umask";
        return assert!(start(test, "masked", "").wait().success());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let mode = || fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
    for umask in [0o000, 0o022, 0o077, 0o777] {
        // SAFETY: `umask` has no conditions. No other test needs the umask, because this process is
        // a child with one test.
        unsafe { libc::umask(umask) };
        for wanted in [0o600, 0o622, 0o666, 0o777, 0o000] {
            let options = Options::new().mode(wanted);
            let listener = UnixListener::bind_with(&path, &options).unwrap();
            assert_eq!(mode(), wanted, "umask {umask:o}");
            drop(listener);
            let receiver = UnixDatagram::bind_with(&path, &options).unwrap();
            assert_eq!(mode(), wanted, "umask {umask:o}");
            drop(receiver);
        }
        // Without a mode the system's rule holds.
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(mode(), 0o777 & !umask);
        drop(listener);
    }
    assert!(UnixListener::bind_with(&path, &Options::new().mode(0o10_000)).is_err());
    // A mode that cannot be set leaves no file behind.
    inject(&fault::each(calls::CHMOD, libc::EROFS));
    UnixListener::bind_with(&path, &Options::new().mode(0o666)).unwrap_err();
    assert!(names(dir.path()).is_empty());
    drop(dir);
    done()
}

/// These errors say that the system, or the file system, knows no `RENAME_NOREPLACE`.
#[test]
fn a_dead_file_is_replaced_without_rename_noreplace() {
    if role().is_none() {
        for errno in ["EINVAL", "ENOSYS"] {
            let test = "files::a_dead_file_is_replaced_without_rename_noreplace";
            assert!(start(test, "old", errno).wait().success());
        }
        return;
    }
    let errno = if argument() == "EINVAL" { libc::EINVAL } else { libc::ENOSYS };
    let care = libc::RENAME_NOREPLACE as i32;
    inject(&[Fault::new(libc::SYS_renameat2, errno).when(4, care)]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    leave_dead(&path);
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(names(dir.path()), ["socket"]);
    let _client = UnixStream::connect(&path).unwrap();
    accept(&listener);
    drop((listener, dir));
    done()
}
