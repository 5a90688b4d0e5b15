//! FIFOs between programs that share only a path: with the shell's tools at the other end, with
//! every kind of open, and names.

mod support;

use ringway::CoreError;
use ringway::channel::{Direction, State};
use ringway::fd::{self, Interest};
use ringway::fifo::Fifo;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::fault::{self, Fault, calls, inject};
use support::{
    Killed, Pester, assert_done, child, done, interrupts, long, role, run, soon, wait_until_asleep,
};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("fifo");
    (place, path)
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Makes a shell whose `$0` is the FIFO.
fn sh(script: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(path);
    command
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

// With the shell at the other end
// -------------------------------------------------------------------------------------------------

#[test]
fn cat_reads_our_bytes_and_writes_them_back() {
    let (_place, path) = place();
    mkfifo(&path);
    let fifo = Fifo::open(&path).unwrap();
    assert!(!fifo.is_creator());

    let cat = sh("cat < \"$0\"", &path).stdout(Stdio::piped()).spawn().unwrap();
    let writer = fifo.open_writer().unwrap();
    let all = "to the shell ".repeat(20_000);
    // This is more than the pipes hold, so a thread must read what comes back.
    let output = std::thread::spawn(move || cat.wait_with_output().unwrap());
    writer.write_all(all.as_bytes()).unwrap();
    writer.close();
    let output = output.join().unwrap();
    assert!(output.status.success() && output.stdout == all.as_bytes());

    let mut cat = sh("cat > \"$0\"", &path).stdin(Stdio::piped()).spawn().unwrap();
    let reader = fifo.open_reader().unwrap();
    drop(cat.stdin.take());
    assert_eq!(std::io::read_to_string(&reader).unwrap(), "");
    assert!(cat.wait().unwrap().success());

    drop(fifo);
    assert!(path.exists(), "the shell made it, so that it stays");
}

#[test]
fn two_programs_open_a_path_in_either_order() {
    const NAME: &str = "two_programs_open_a_path_in_either_order";
    if let Some(path) = role() {
        let fifo = Fifo::open_or_create(&path, 0o600).unwrap();
        fifo.open_writer_deadline(Some(long())).unwrap().write_all(b"met").unwrap();
        done()
    }
    for _ in 0..10 {
        let (_place, path) = place();
        let mut command = child(NAME, path.to_str().unwrap());
        let peer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let fifo = Fifo::open_or_create(&path, 0o600).unwrap();
        let reader = fifo.open_reader_deadline(Some(long())).unwrap();
        assert_eq!(std::io::read_to_string(&reader).unwrap(), "met");
        assert_done(&peer.wait_with_output().unwrap());
    }
}

#[test]
fn killing_a_writer_gives_the_end_of_file() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    // With `exec`, the killed process is the one that writes.
    let mut writer = Killed(sh("exec cat /dev/zero > \"$0\"", &path).spawn().unwrap());
    let reader = fifo.open_reader_deadline(Some(long())).unwrap();
    let mut buf = vec![1; 10_000];
    assert!(reader.read_deadline(&mut buf, Some(long())).unwrap() > 0);
    writer.kill_now();
    while reader.read_deadline(&mut buf, Some(long())).unwrap() > 0 {}
    assert!(!reader.state().can_recv());
}

#[test]
fn killing_a_reader_breaks_the_pipe() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let mut reader = Killed(sh("exec sleep 1000 < \"$0\"", &path).spawn().unwrap());
    let writer = fifo.open_writer_deadline(Some(long())).unwrap();
    assert!(fd::write_all(&writer, &mut &[7; 1 << 20][..], Some(soon())).is_err());
    let thread = std::thread::spawn(move || writer.write_all(&[7; 1 << 20]).unwrap_err());
    reader.kill_now();
    assert!(thread.join().unwrap().is(CoreError::BrokenPipe));
}

// Opening
// -------------------------------------------------------------------------------------------------

#[test]
fn opening_a_writer_without_a_reader_fails() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let error = fifo.try_open_writer().unwrap_err();
    assert!(error.is(CoreError::NoReader));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot open for writing the FIFO {}: no reader yet: wait for one, or use the form of open that waits",
            path.display()
        )
    );
    let end = soon();
    let late = fifo.open_writer_deadline(Some(end)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && late.to_string().contains(path.to_str().unwrap()));
    assert!(Instant::now() >= end);
}

#[test]
fn a_waiting_open_returns_when_the_other_end_opens() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let cat = sh("exec cat \"$0\"", &path).stdout(Stdio::piped()).spawn().unwrap();
    wait_until_asleep(cat.id());
    fifo.open_writer().unwrap().write_all(b"1").unwrap();
    assert_eq!(cat.wait_with_output().unwrap().stdout, b"1");

    let mut echo = sh("echo 2 > \"$0\"", &path).spawn().unwrap();
    wait_until_asleep(echo.id());
    assert_eq!(std::io::read_to_string(fifo.open_reader().unwrap()).unwrap(), "2\n");
    assert!(echo.wait().unwrap().success());
}

#[test]
fn an_open_with_a_deadline_notices_a_silent_peer() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let reader = std::thread::scope(|s| {
        let reader = s.spawn(|| fifo.open_reader_deadline(Some(long())).unwrap());
        let _silent = fifo.open_writer_deadline(Some(long())).unwrap();
        reader.join().unwrap()
    });
    assert_eq!(reader.state(), State::READER);
    assert_eq!(reader.read_deadline(&mut [0; 8], Some(long())).unwrap(), 0);

    let writer = std::thread::scope(|s| {
        let writer = s.spawn(|| fifo.open_writer_deadline(Some(long())).unwrap());
        let _reader = fifo.open_reader().unwrap();
        writer.join().unwrap()
    });
    assert_eq!(writer.state(), State::WRITER);
}

#[test]
fn a_writer_that_came_and_left_is_noticed() {
    for message in ["", "a word"] {
        // Another FIFO each time: a child that another test starts just now has a copy of the last
        // reader until it executes its program, and the writer would meet that one.
        let (_place, path) = place();
        let fifo = Fifo::create(&path, 0o600).unwrap();
        std::thread::scope(|s| {
            let reader = s.spawn(|| fifo.open_reader_deadline(Some(long())).unwrap());
            let writer = fifo.open_writer_deadline(Some(long())).unwrap();
            writer.write_all(message.as_bytes()).unwrap();
            writer.close();
            assert_eq!(std::io::read_to_string(reader.join().unwrap()).unwrap(), message);
        });
    }
}

static INTERRUPTED: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    // Relaxed: a count. The handler runs in the thread that reads it.
    INTERRUPTED.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_signal_ends_no_open() {
    const NAME: &str = "a_signal_ends_no_open";
    if role().is_none() {
        return run(NAME, "child");
    }
    interrupts(libc::SIGUSR1, count);
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let open_later = |writer: bool| {
        let path = path.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(40));
            let fifo = Fifo::open(&path).unwrap();
            // This end stays open until the other side has its own.
            if writer {
                drop(fifo.open_writer().unwrap());
            } else {
                drop(fifo.open_reader().unwrap());
            }
        })
    };
    for deadline in [false, true] {
        for writer in [true, false] {
            // Relaxed: the handler runs in this thread.
            let before = INTERRUPTED.load(Ordering::Relaxed);
            let other = open_later(writer);
            let pester = Pester::this_thread(libc::SIGUSR1);
            match (writer, deadline) {
                (true, false) => drop(fifo.open_reader().unwrap()),
                (true, true) => drop(fifo.open_reader_deadline(Some(long())).unwrap()),
                (false, false) => drop(fifo.open_writer().unwrap()),
                (false, true) => drop(fifo.open_writer_deadline(Some(long())).unwrap()),
            }
            drop(pester);
            other.join().unwrap();
            // Relaxed: the handler runs in this thread.
            assert!(INTERRUPTED.load(Ordering::Relaxed) > before);
        }
    }
    // Drop it before `done`, which runs no destructors.
    drop(fifo);
    drop(_place);
    done()
}

// A life with peers that come and go
// -------------------------------------------------------------------------------------------------

#[test]
fn a_reader_outlives_its_writers() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let reader = fifo.try_open_reader().unwrap();
    let mut buf = [0; 8];
    assert_eq!(reader.state(), State::Connecting);
    assert_eq!(reader.look().unwrap(), State::Connecting);
    assert_eq!(
        reader.read(&mut buf).unwrap(),
        0,
        "no writer: the end of file, as the system has it"
    );
    assert_eq!(reader.try_read(&mut buf).unwrap(), 0);
    assert_eq!(reader.state(), State::Connecting, "and still none has come");

    let ended = State::Connected { send: Direction::Absent, recv: Direction::Ended };
    for round in 0..3 {
        let writer = fifo.try_open_writer().unwrap();
        assert_eq!(reader.look().unwrap(), State::READER);
        assert!(reader.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock));
        writer.write_all(&[round; 3]).unwrap();
        assert_eq!(reader.read(&mut buf).unwrap(), 3);
        writer.close();
        assert_eq!(reader.read_deadline(&mut buf, Some(long())).unwrap(), 0);
        assert_eq!(reader.state(), ended);
    }
    // Without a call to `look` in between, the bytes show that a writer came.
    fifo.try_open_writer().unwrap().write_all(b"x").unwrap();
    assert_eq!(reader.read(&mut buf).unwrap(), 1);
    assert_eq!(reader.state(), State::READER);
}

#[test]
fn a_writer_outlives_its_readers() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let first = fifo.try_open_reader().unwrap();
    let writer = fifo.open_writer().unwrap();
    first.close();
    fd::wait_deadline(&writer, Interest::HangUp, Some(long())).unwrap();
    assert!(writer.write(b"x").unwrap_err().is(CoreError::BrokenPipe));
    assert!(writer.try_write(b"x").unwrap_err().is(CoreError::BrokenPipe));
    assert!(writer.write_deadline(b"x", Some(long())).unwrap_err().is(CoreError::BrokenPipe));
    assert!(!writer.state().can_send());
    let second = fifo.try_open_reader().unwrap();
    assert_eq!(writer.look().unwrap(), State::WRITER);
    writer.write_all(b"again").unwrap();
    assert_eq!(second.try_read(&mut [0; 8]).unwrap(), 5);
}

#[test]
fn a_process_with_both_ends_sees_no_end() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let (reader, writer) = fifo.open_both().unwrap();
    assert!(sh("echo hello > \"$0\"", &path).status().unwrap().success());
    let mut buf = [0; 16];
    assert_eq!(reader.read(&mut buf).unwrap(), 6);
    assert!(reader.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock));
    assert!(reader.read_deadline(&mut buf, Some(soon())).unwrap_err().is(CoreError::TimedOut));
    writer.close();
    assert!(
        reader.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock),
        "the reader is a writer too"
    );
    assert_eq!(reader.state(), State::READER);
}

#[test]
fn no_form_changes_the_shared_mode() {
    const NAME: &str = "no_form_changes_the_shared_mode";
    let (place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let reader = fifo.try_open_reader().unwrap();
    let writer = fifo.try_open_writer().unwrap();
    if role().is_some() {
        // The FIFO cannot be opened once more: from here on, every open without a directory's
        // descriptor fails.
        inject(&[Fault::new(libc::SYS_openat, libc::EACCES).when(0, libc::AT_FDCWD)]);
        inject(&fault::each(calls::OPEN, libc::EACCES));
    }
    assert!(reader.try_read(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));
    assert!(reader.read_deadline(&mut [0; 8], Some(soon())).unwrap_err().is(CoreError::TimedOut));
    let size = writer.size().unwrap();
    let all = vec![7; size * 2];
    let mut left = &all[..];
    assert!(fd::write_all(&writer, &mut left, Some(soon())).unwrap_err().is(CoreError::TimedOut));
    assert_eq!(left.len(), size);
    assert!(writer.try_write(b"x").unwrap_err().is(CoreError::WouldBlock));
    assert!(!fd::nonblocking(&reader).unwrap() && !fd::nonblocking(&writer).unwrap());
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut got = 0;
            while got < size * 2 {
                got += reader.read(&mut vec![0; 1 << 16]).unwrap();
            }
        });
        writer.write_all(left).unwrap();
    });
    if role().is_none() {
        return run(NAME, "without proc");
    }
    drop(fifo);
    fs::remove_dir(place.keep()).unwrap();
    done()
}

// Names
// -------------------------------------------------------------------------------------------------

#[test]
fn the_mode_is_exact_under_any_umask() {
    const NAME: &str = "the_mode_is_exact_under_any_umask";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (place, path) = place();
    for umask in [0o000, 0o022, 0o077, 0o777] {
        // SAFETY: `umask` has no conditions. No other test needs the umask, because this process is
        // a child with one test.
        unsafe { libc::umask(umask) };
        for wanted in [0o600, 0o622, 0o666, 0o777, 0o000] {
            let fifo = Fifo::create(&path, wanted).unwrap();
            assert_eq!(mode(&path), wanted, "umask {umask:o}");
            drop(fifo);
            assert!(!path.exists());
        }
    }
    assert!(Fifo::create(&path, 0o10_000).is_err());
    drop(place);
    done()
}

#[test]
fn only_the_creator_removes_the_name() {
    let (_place, path) = place();
    let made = Fifo::open_or_create(&path, 0o600).unwrap();
    let found = Fifo::open_or_create(&path, 0o600).unwrap();
    drop(found);
    assert!(path.exists());
    drop(made);
    assert!(!path.exists());
    Fifo::create(&path, 0o600).unwrap().keep();
    assert!(path.exists());
}

fn names(place: &TempDir) -> Vec<String> {
    let names = place.path().read_dir().unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Lets another process make the FIFO, and kills that process before or after it opens the FIFO.
fn leave_dead(test: &str, path: &Path) {
    let mut maker = child(test, path.to_str().unwrap());
    let mut maker = Killed(maker.stdout(Stdio::piped()).spawn().unwrap());
    let mut said = String::new();
    let mut out = std::io::BufReader::new(maker.0.stdout.take().unwrap());
    while !said.ends_with("made\n") {
        assert_ne!(std::io::BufRead::read_line(&mut out, &mut said).unwrap(), 0);
    }
    // As long as the process lives, the name is its own.
    assert!(Fifo::create(path, 0o600).unwrap_err().is(CoreError::AddressInUse));
    assert!(!Fifo::open_or_create(path, 0o600).unwrap().is_creator());
    maker.kill_now();
    assert!(path.exists());
}

#[test]
fn the_fifo_of_a_dead_process_is_taken_over() {
    const NAME: &str = "the_fifo_of_a_dead_process_is_taken_over";
    if let Some(path) = role() {
        let fifo = Fifo::open_or_create(&path, 0o640).unwrap();
        assert!(fifo.is_creator());
        let _ends = fifo.open_both().unwrap();
        println!("made");
        loop {
            std::thread::park();
        }
    }
    let (place, path) = place();
    type Make = fn(&Path) -> ringway::Result<Fifo>;
    let makes: [Make; 2] =
        [|path| Fifo::create(path, 0o600), |path| Fifo::open_or_create(path, 0o600)];
    for make in makes {
        leave_dead(NAME, &path);
        // This client waits for the next server.
        let mut client = Killed(sh("echo hello > \"$0\"", &path).spawn().unwrap());
        wait_until_asleep(client.0.id());
        let fifo = make(&path).unwrap();
        assert!(fifo.is_creator());
        assert_eq!(mode(&path), 0o600);
        let reader = fifo.open_reader_deadline(Some(long())).unwrap();
        assert_eq!(std::io::read_to_string(&reader).unwrap(), "hello\n");
        assert!(client.0.wait().unwrap().success());
        assert!(Fifo::create(&path, 0o600).unwrap_err().is(CoreError::AddressInUse));
        drop(fifo);
        assert!(names(&place).is_empty(), "{:?}", names(&place));
    }
    // If several processes find it, one of them takes it.
    leave_dead(NAME, &path);
    let barrier = std::sync::Barrier::new(4);
    let won: Vec<_> = std::thread::scope(|s| {
        let starters: Vec<_> = (0..4)
            .map(|_| {
                s.spawn(|| {
                    barrier.wait();
                    Fifo::create(&path, 0o600)
                })
            })
            .collect();
        starters.into_iter().filter_map(|starter| starter.join().unwrap().ok()).collect()
    });
    assert_eq!(won.len(), 1);
    drop(won);
    assert!(names(&place).is_empty());
}

#[test]
fn no_other_fifo_is_taken_over() {
    const NAME: &str = "the_fifo_of_a_dead_process_is_taken_over";
    let (place, path) = place();
    let in_use = || {
        let inode = path.symlink_metadata().unwrap().ino();
        let error = Fifo::create(&path, 0o600).unwrap_err();
        assert!(error.is(CoreError::AddressInUse), "{error}");
        assert_eq!(path.symlink_metadata().unwrap().ino(), inode);
        assert_eq!(names(&place), ["fifo"]);
        fs::remove_file(&path).unwrap();
    };
    // These FIFOs were made to stay, by another program or by this one.
    mkfifo(&path);
    in_use();
    Fifo::create(&path, 0o600).unwrap().keep();
    in_use();
    // The name leads to another file by now.
    leave_dead(NAME, &path);
    fs::rename(&path, place.path().join("elsewhere")).unwrap();
    mkfifo(&path);
    fs::remove_file(place.path().join("elsewhere")).unwrap();
    in_use();
    leave_dead(NAME, &path);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    in_use();
    // A file with the mark's name that is no mark stays, and hinders nothing.
    let mark = place.path().join(".fifo.ringway");
    for make in [|mark: &Path| fs::create_dir(mark).unwrap(), mkfifo] {
        make(&mark);
        let fifo = Fifo::create(&path, 0o600).unwrap();
        assert!(Fifo::create(&path, 0o600).is_err());
        drop(fifo);
        assert_eq!(names(&place), [".fifo.ringway"]);
        let _ = fs::remove_dir(&mark).or_else(|_| fs::remove_file(&mark));
    }
    fs::write(&mark, "not two numbers").unwrap();
    mkfifo(&path);
    in_use();
}

#[test]
fn somebody_elses_file_is_not_removed() {
    let (place, path) = place();

    let fifo = Fifo::create(&path, 0o600).unwrap();
    fs::remove_file(&path).unwrap();
    mkfifo(&path);
    let theirs = path.metadata().unwrap().ino();
    drop(fifo);
    assert_eq!(path.metadata().unwrap().ino(), theirs, "another FIFO of the same name");
    fs::remove_file(&path).unwrap();

    let fifo = Fifo::create(&path, 0o600).unwrap();
    fs::rename(&path, place.path().join("moved")).unwrap();
    fs::write(&path, "precious").unwrap();
    fifo.remove().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();

    // A symbolic link to our FIFO is not our FIFO.
    let fifo = Fifo::create(&path, 0o600).unwrap();
    fs::rename(&path, place.path().join("target")).unwrap();
    symlink("target", &path).unwrap();
    drop(fifo);
    assert!(path.is_symlink());
}

#[test]
fn a_removed_fifos_inode_is_not_reused_while_held() {
    // File systems give a freed inode number to the next file. So by the number alone, that file
    // would look like ours.
    let (_place, path) = place();
    for _ in 0..20 {
        let fifo = Fifo::create(&path, 0o600).unwrap();
        let ours = path.metadata().unwrap().ino();
        fs::remove_file(&path).unwrap();
        mkfifo(&path);
        assert_ne!(path.metadata().unwrap().ino(), ours);
        drop(fifo);
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_name_survives_moves_of_directory_and_process() {
    const NAME: &str = "a_name_survives_moves_of_directory_and_process";
    if role().is_none() {
        return run(NAME, "child");
    }
    let place = tempfile::tempdir().unwrap();
    std::env::set_current_dir(place.path()).unwrap();
    fs::create_dir("old").unwrap();
    let here = Fifo::create("here", 0o600).unwrap();
    let there = Fifo::create("old/there", 0o600).unwrap();
    fs::rename("old", "new").unwrap();
    std::env::set_current_dir("/").unwrap();
    let (reader, writer) = there.open_both().unwrap();
    writer.write_all(b"x").unwrap();
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    drop((here, there));
    assert!(!place.path().join("here").exists());
    assert!(!place.path().join("new/there").exists());
    drop(place);
    done()
}

#[test]
fn a_forked_child_does_not_remove_the_name() {
    const NAME: &str = "a_forked_child_does_not_remove_the_name";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    // SAFETY: the child drops one value, which closes descriptors and frees memory that this thread
    // allocated, and ends. The only other thread of this process is the harness, which waits for
    // this test and holds no lock.
    match unsafe { libc::fork() } {
        0 => {
            assert!(!fifo.is_creator());
            std::mem::drop(fifo);
            // SAFETY: `_exit` ends the process and runs no destructors or handlers.
            unsafe { libc::_exit(0) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: `pid` is a child of this process, and `status` is a local variable.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
            assert_eq!(status, 0);
        }
    }
    assert!(path.exists());
    drop(fifo);
    assert!(!path.exists());
    drop(place);
    done()
}

#[test]
fn a_file_of_another_kind_is_named_in_the_error() {
    let (place, path) = place();
    let message = |error: ringway::Error| error.to_string();
    let missing = Fifo::open(&path).unwrap_err();
    assert!(missing.is(CoreError::NotFound));
    assert_eq!(
        message(missing),
        format!("cannot use the FIFO {}: nothing has this name: make it first", path.display())
    );

    fs::write(&path, "text").unwrap();
    for error in [Fifo::open(&path).unwrap_err(), Fifo::open_or_create(&path, 0o600).unwrap_err()] {
        assert_eq!(
            message(error),
            format!(
                "cannot use the FIFO {}: it is a regular file, not a FIFO: use another one",
                path.display()
            )
        );
    }
    assert!(Fifo::create(&path, 0o600).unwrap_err().is(CoreError::AddressInUse));
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");

    for (path, what) in [
        (place.path().to_owned(), "a directory"),
        (PathBuf::from("/"), "a directory"),
        (place.path().join(".."), "a directory"),
        (PathBuf::from("/dev/null"), "a character device"),
    ] {
        assert!(message(Fifo::open(path).unwrap_err()).contains(what));
    }
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
    assert!(message(Fifo::open(place.path().join("socket")).unwrap_err()).contains("a socket"));

    let dangling = place.path().join("dangling");
    symlink("nowhere", &dangling).unwrap();
    assert!(
        message(Fifo::open_or_create(&dangling, 0o600).unwrap_err()).contains("a symbolic link")
    );

    assert!(Fifo::open("").unwrap_err().is(CoreError::BadName));
    assert!(Fifo::create("a\0b", 0o600).unwrap_err().is(CoreError::BadName));
    let long_name = place.path().join("x".repeat(300));
    assert!(Fifo::create(long_name, 0o600).unwrap_err().is(CoreError::BadName));
    let nowhere = place.path().join("missing/fifo");
    assert!(Fifo::create(nowhere, 0o600).unwrap_err().is(CoreError::NotFound));
}

#[test]
fn a_name_that_leads_elsewhere_by_now_is_not_opened() {
    let (_place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(fifo.try_open_reader().unwrap_err().is(CoreError::NotFound));
    fs::write(&path, "text").unwrap();
    for error in [
        fifo.open_reader().unwrap_err(),
        fifo.try_open_writer().unwrap_err(),
        fifo.open_both().unwrap_err(),
        fifo.open_writer_deadline(Some(long())).unwrap_err(),
    ] {
        assert!(error.to_string().contains("it is a regular file"), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
}

#[test]
fn a_link_to_a_fifo_is_followed() {
    let (place, path) = place();
    let fifo = Fifo::create(&path, 0o600).unwrap();
    let link = place.path().join("link");
    symlink(&path, &link).unwrap();
    let reader = Fifo::open(&link).unwrap().try_open_reader().unwrap();
    fifo.try_open_writer().unwrap().write_all(b"x").unwrap();
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn a_mode_that_cannot_be_set_leaves_no_file() {
    const NAME: &str = "a_mode_that_cannot_be_set_leaves_no_file";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (place, path) = place();
    // SAFETY: `umask` has no conditions.
    unsafe { libc::umask(0o077) };
    inject(&fault::each(calls::CHMOD, libc::EROFS));
    let error = Fifo::create(&path, 0o666).unwrap_err();
    assert!(error.to_string().contains("make the FIFO"), "{error}");
    assert!(!path.exists());
    drop(place);
    done()
}

#[test]
fn a_path_from_a_directory_follows_it_when_it_moves() {
    let (place, _) = place();
    let (before, after) = (place.path().join("before"), place.path().join("after"));
    std::fs::create_dir(&before).unwrap();
    let dir = std::fs::File::open(&before).unwrap();
    std::fs::rename(&before, &after).unwrap();

    let fifo = Fifo::create_at(&dir, "news", 0o600).unwrap();
    assert!(after.join("news").exists());
    assert!(Fifo::create_at(&dir, "news", 0o600).unwrap_err().is(CoreError::AddressInUse));
    let found = Fifo::open_at(&dir, "news").unwrap();
    let reader = found.try_open_reader().unwrap();
    fifo.try_open_writer().unwrap().write_all(b"hello").unwrap();
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 5);
    assert!(Fifo::open_at(&dir, "other").unwrap_err().is(CoreError::NotFound));

    // The directory does not matter for an absolute path.
    let absolute = place.path().join("absolute");
    let other = Fifo::create_at(&dir, &absolute, 0o600).unwrap();
    assert!(absolute.exists());
    drop((fifo, other));
    assert!(!absolute.exists());
    assert_eq!(after.read_dir().unwrap().count(), 0, "what was made here went");
}
