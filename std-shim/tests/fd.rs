//! Descriptors under signals, deadlines, broken pipes, children and faults.

mod support;

use ringway::CoreError;
use ringway::channel::Event;
use ringway::fd::{self, Copier, Interest, WaitSet};
use ringway::pipe::{self, Reader, Writer};
use std::io::{Read, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::fault::{Fault, inject};
use support::{Pester, assert_done, child, done, interrupts, long, role, run, soon};

// SIGPIPE
// -------------------------------------------------------------------------------------------------

fn die_of_broken_pipes() {
    // SAFETY: the default action is valid for every signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn dies_of_broken_pipes() -> bool {
    // SAFETY: a `sigaction` of all zeroes is valid.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: null asks for the current action alone, and `now` is a local variable, which the call
    // fills.
    unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut now) };
    now.sa_sigaction == libc::SIG_DFL
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: a `sigset_t` has only integers, so all zeroes is valid.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a local variable of that type.
    unsafe { libc::sigemptyset(&mut set) };
    set
}

fn sigpipe_is_pending() -> bool {
    let mut set = empty_set();
    // SAFETY: `set` is a local variable, which the call fills.
    unsafe { libc::sigpending(&mut set) };
    // SAFETY: `set` is an initialised set, and `SIGPIPE` is a signal.
    unsafe { libc::sigismember(&set, libc::SIGPIPE) == 1 }
}

fn sigpipe_is_blocked() -> bool {
    let mut set = empty_set();
    // SAFETY: null sets no mask, and `set` is a local variable, which the call fills.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set) };
    // SAFETY: `set` is an initialised set, and `SIGPIPE` is a signal.
    unsafe { libc::sigismember(&set, libc::SIGPIPE) == 1 }
}

/// Sends in every way to an end that nobody reads.
fn meet_broken_pipes() {
    #[track_caller]
    fn broken<T: std::fmt::Debug>(result: ringway::Result<T>) {
        let error = result.unwrap_err();
        assert!(error.is(CoreError::BrokenPipe), "{error}");
    }
    let (reader, writer) = pipe::pipe().unwrap();
    reader.close();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 100_000]).unwrap();
    file.rewind().unwrap();
    let (full, more) = pipe::pipe().unwrap();
    more.write_all(b"something").unwrap();

    broken(fd::write(&writer, b"x"));
    broken(fd::try_write(&writer, b"x"));
    broken(fd::write_deadline(&writer, b"x", Some(soon())));
    broken(fd::write_all(&writer, &mut &b"x"[..], None));
    broken(fd::write_all(&writer, &mut &b"x"[..], Some(soon())));
    broken(writer.write(b"x"));
    broken(writer.try_write(b"x"));
    broken(writer.write_deadline(b"x", Some(soon())));
    broken(writer.write_all(&[7; 100_000]));
    broken(fd::write_all(&writer, &mut &b"x"[..], Some(soon())));
    broken(writer.try_write_all(b"x"));
    broken(full.splice_to(&writer, 10, None));
    broken(full.splice_to(&writer, 10, Some(soon())));
    broken(full.tee_to(&writer, 10, None));
    broken(Copier::zero_copy().step(&file, &writer));
    broken(Copier::new().step(&file, &writer));
    broken(Copier::new().step(&full, &writer));
    let kind = Write::write(&mut &writer, b"x").unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::BrokenPipe);
    assert!(!writer.state().can_send());

    let (socket, peer) = UnixStream::pair().unwrap();
    drop(peer);
    file.rewind().unwrap();
    broken(Copier::zero_copy().step(&file, &socket));
    broken(Copier::new().step(&file, &socket));
    broken(Copier::new().step(&full, &socket));
    broken(fd::write(&socket, b"x"));
    broken(fd::try_write(&socket, b"x"));
}

#[test]
fn a_broken_pipe_is_an_error_where_sigpipe_would_kill() {
    const NAME: &str = "a_broken_pipe_is_an_error_where_sigpipe_would_kill";
    let everything_as_it_was = || {
        assert!(dies_of_broken_pipes() && !sigpipe_is_pending() && !sigpipe_is_blocked());
        done()
    };
    match role().as_deref() {
        Some("unprotected") => {
            die_of_broken_pipes();
            let (reader, writer) = pipe::pipe().unwrap();
            drop(reader);
            // SAFETY: the pointer and the length are those of a literal of one byte.
            unsafe { libc::write(writer.as_raw_fd(), b"x".as_ptr().cast(), 1) };
            done()
        }
        Some("default") => {
            die_of_broken_pipes();
            meet_broken_pipes();
            everything_as_it_was()
        }
        Some(errno) if errno.starts_with("without flags ") => {
            let errno = errno.rsplit(' ').next().unwrap().parse().unwrap();
            inject(&[Fault::new(libc::SYS_pwritev2, errno), Fault::new(libc::SYS_preadv2, errno)]);
            die_of_broken_pipes();
            meet_broken_pipes();
            everything_as_it_was()
        }
        Some("ignored") => {
            // Rust's runtime leaves the signal ignored.
            meet_broken_pipes();
            assert!(!dies_of_broken_pipes() && !sigpipe_is_pending());
            done()
        }
        _ => {
            // Without the protection, the signal does end the process.
            let died = child(NAME, "unprotected").output().unwrap();
            assert_eq!(died.status.signal(), Some(libc::SIGPIPE));
            run(NAME, "default");
            run(NAME, "ignored");
            for errno in [libc::EOPNOTSUPP, libc::EINVAL, libc::ENOSYS] {
                run(NAME, &format!("without flags {errno}"));
            }
        }
    }
}

#[test]
fn somebody_elses_pending_sigpipe_stays_pending() {
    const NAME: &str = "somebody_elses_pending_sigpipe_stays_pending";
    if role().is_none() {
        return run(NAME, "child");
    }
    inject(&[Fault::new(libc::SYS_pwritev2, libc::EOPNOTSUPP)]);
    die_of_broken_pipes();
    let mut set = empty_set();
    // SAFETY: `set` is an initialised set in a local variable, and `SIGPIPE` is a signal.
    unsafe { libc::sigaddset(&mut set, libc::SIGPIPE) };
    // SAFETY: `set` is an initialised set, and null asks for no old mask.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
    meet_broken_pipes();
    assert!(sigpipe_is_blocked() && !sigpipe_is_pending(), "blocked by the program: and kept so");
    // SAFETY: this thread, which gets the signal, has blocked it.
    unsafe { libc::raise(libc::SIGPIPE) };
    assert!(sigpipe_is_pending());
    meet_broken_pipes();
    assert!(sigpipe_is_blocked() && sigpipe_is_pending());
    done()
}

// EINTR
// -------------------------------------------------------------------------------------------------

static INTERRUPTED: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    // Relaxed: a count. The handler runs in the thread that reads it.
    INTERRUPTED.fetch_add(1, Ordering::Relaxed);
}

/// Calls `action` while signals without `SA_RESTART` come to this thread. It fails if none came
/// meanwhile.
fn interrupted<T>(action: impl FnOnce() -> T) -> T {
    interrupts(libc::SIGUSR1, count);
    // Relaxed: the handler runs in this thread.
    let before = INTERRUPTED.load(Ordering::Relaxed);
    let pester = Pester::this_thread(libc::SIGUSR1);
    let result = action();
    drop(pester);
    assert!(INTERRUPTED.load(Ordering::Relaxed) > before, "no signal came");
    result
}

#[test]
fn a_signal_ends_no_operation() {
    const NAME: &str = "a_signal_ends_no_operation";
    if role().is_none() {
        return run(NAME, "child");
    }
    let pause = Duration::from_millis(40);
    let later = |what: Box<dyn FnOnce() + Send>| {
        std::thread::spawn(move || {
            std::thread::sleep(pause);
            what();
        })
    };

    // Without the retry, a signal does interrupt a read.
    let (reader, writer) = pipe::pipe().unwrap();
    let bare = interrupted(|| {
        let mut byte = 0_u8;
        // SAFETY: `byte` is a local variable of one byte.
        let n = unsafe { libc::read(reader.as_raw_fd(), (&raw mut byte).cast(), 1) };
        (n, std::io::Error::last_os_error().raw_os_error())
    });
    assert_eq!(bare, (-1, Some(libc::EINTR)));

    let mut buf = [0; 8];
    let other = writer.try_clone().unwrap();
    let thread = later(Box::new(move || other.write_all(b"one").unwrap()));
    assert_eq!(interrupted(|| reader.read(&mut buf)).unwrap(), 3);
    thread.join().unwrap();

    let other = writer.try_clone().unwrap();
    let thread = later(Box::new(move || other.write_all(b"one").unwrap()));
    assert_eq!(interrupted(|| reader.read_deadline(&mut buf, Some(long()))).unwrap(), 3);
    thread.join().unwrap();

    let end = Instant::now() + pause;
    assert!(
        interrupted(|| reader.read_deadline(&mut buf, Some(end)))
            .unwrap_err()
            .is(CoreError::TimedOut)
    );
    assert!(Instant::now() >= end);
    let end = Instant::now() + pause;
    let late = interrupted(|| fd::wait_deadline(&reader, Interest::Read, Some(end))).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= end);

    // This write waits for room in the middle. A signal may make it short, and `write_all` goes on.
    let size = writer.size().unwrap();
    let all: Vec<u8> = (0..size * 4).map(|i| (i % 251) as u8).collect();
    let thread = std::thread::spawn(move || {
        let mut got = vec![0; size * 4];
        for part in got.chunks_mut(size / 4) {
            std::thread::sleep(Duration::from_millis(5));
            (&reader).read_exact(part).unwrap();
        }
        got
    });
    interrupted(|| writer.write_all(&all)).unwrap();
    assert!(thread.join().unwrap() == all);
    done()
}

// Deadlines and modes
// -------------------------------------------------------------------------------------------------

#[test]
fn a_deadline_is_never_early_a_past_one_never_waits() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut buf = [0; 8];
    for millis in [0, 1, 7, 20] {
        let end = Instant::now() + Duration::from_millis(millis);
        assert!(
            fd::read_deadline(&reader, &mut buf, Some(end)).unwrap_err().is(CoreError::TimedOut)
        );
        assert!(Instant::now() >= end);
    }
    fd::write(&writer, b"here").unwrap();
    let past = Instant::now();
    assert_eq!(fd::read_deadline(&reader, &mut buf, Some(past)).unwrap(), 4);
    assert!(fd::wait_deadline(&writer, Interest::Write, Some(past)).unwrap().writable());
}

#[test]
fn a_deadline_too_far_for_the_system_is_no_deadline() {
    let (reader, writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        fd::write(&writer, b"x").unwrap();
    });
    let never =
        (0..63).rev().find_map(|bits| Instant::now().checked_add(Duration::from_secs(1 << bits)));
    assert_eq!(fd::read_deadline(&reader, &mut [0; 8], Some(never.unwrap())).unwrap(), 1);
    thread.join().unwrap();
}

#[test]
fn a_deadline_holds_for_a_write_larger_than_the_room() {
    let (_reader, writer) = std::io::pipe().unwrap();
    let all = vec![7; 10 << 20];
    let mut left = &all[..];
    let end = soon();
    assert!(fd::write_all(&writer, &mut left, Some(end)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= end);
    assert_eq!(all.len() - left.len(), 65536, "what went in is known");
    assert!(!fd::nonblocking(&writer).unwrap(), "the mode that others share is as it was");
}

#[test]
fn a_plain_read_waits_in_the_non_blocking_mode() {
    let (reader, writer) = std::io::pipe().unwrap();
    fd::set_nonblocking(&reader, true).unwrap();
    fd::set_nonblocking(&writer, true).unwrap();
    let thread = std::thread::spawn(move || {
        let all = vec![7; 1 << 20];
        fd::write_all(&writer, &mut &all[..], None).unwrap();
    });
    let mut all = vec![0; 1 << 20];
    fd::read_exact(&reader, &mut &mut all[..], None).unwrap();
    assert_eq!(fd::read(&reader, &mut [0; 1]).unwrap(), 0);
    thread.join().unwrap();
    assert!(all.iter().all(|byte| *byte == 7));
}

#[test]
fn every_form_reads_and_writes_a_regular_file() {
    let mut file = tempfile::tempfile().unwrap();
    fd::write(&file, b"one ").unwrap();
    fd::try_write(&file, b"two ").unwrap();
    fd::write_deadline(&file, b"three", Some(soon())).unwrap();
    file.rewind().unwrap();
    let mut buf = [0; 4];
    assert_eq!(fd::read(&file, &mut buf).unwrap(), 4);
    assert_eq!(fd::try_read(&file, &mut buf).unwrap(), 4);
    assert_eq!(fd::read_deadline(&file, &mut buf, Some(Instant::now())).unwrap(), 4);
    assert_eq!(fd::read_deadline(&file, &mut buf, Some(Instant::now())).unwrap(), 1);
    assert_eq!(fd::try_read(&file, &mut buf).unwrap(), 0);
}

#[test]
fn a_write_to_a_reader_is_refused() {
    let (reader, writer) = std::io::pipe().unwrap();
    assert!(fd::write(&reader, b"x").unwrap_err().is(CoreError::WrongDirection));
    assert!(fd::read(&writer, &mut [0; 1]).unwrap_err().is(CoreError::WrongDirection));
}

// Waiting for many
// -------------------------------------------------------------------------------------------------

#[test]
fn a_set_returns_which_are_ready_and_for_what() {
    let pipes: Vec<_> = (0..50).map(|_| std::io::pipe().unwrap()).collect();
    let (lonely, gone) = std::io::pipe().unwrap();
    drop(gone);
    let (gone, unheard) = std::io::pipe().unwrap();
    drop(gone);
    // A child of another test has a copy between fork and exec, which closes a moment later.
    fd::wait_deadline(&lonely, Interest::HangUp, Some(long())).unwrap();
    fd::wait_deadline(&unheard, Interest::HangUp, Some(long())).unwrap();

    let mut set = WaitSet::new();
    assert!(set.is_empty());
    for (place, (reader, _)) in pipes.iter().enumerate() {
        assert_eq!(set.add(reader, Interest::Read), place);
    }
    assert_eq!(set.try_wait().unwrap(), 0);
    assert!(set.wait_deadline(Some(soon())).unwrap_err().is(CoreError::TimedOut));
    assert_eq!(set.ready().count(), 0);

    fd::write(&pipes[17].1, b"x").unwrap();
    fd::write(&pipes[31].1, b"x").unwrap();
    assert_eq!(set.wait().unwrap(), 2);
    assert_eq!(set.ready().map(|(place, _)| place).collect::<Vec<_>>(), [17, 31]);
    assert!(set.ready().all(|(_, ready)| ready.readable() && ready.event().is_none()));

    set.set_interest(17, Interest::HangUp);
    let hung_up = set.add(&lonely, Interest::Read);
    let failed = set.add(&unheard, Interest::HangUp);
    assert_eq!(set.wait_deadline(Some(long())).unwrap(), 3);
    let ready: Vec<_> = set.ready().collect();
    assert_eq!(ready.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [31, hung_up, failed]);
    assert_eq!(ready[1].1.event(), Some(Event::PeerClose));
    assert_eq!(ready[2].1.event(), Some(Event::PeerShutRecv));
}

#[test]
fn remaining_bytes_come_before_the_hang_up() {
    let (reader, writer) = std::io::pipe().unwrap();
    fd::write(&writer, b"last words").unwrap();
    drop(writer);
    fd::wait_deadline(&reader, Interest::HangUp, Some(long())).unwrap();
    let ready = fd::wait(&reader, Interest::Read).unwrap();
    assert!(ready.readable() && ready.hung_up());
    assert_eq!(ready.event(), None, "the end of file is not reached yet");
}

#[test]
fn a_descriptor_that_is_not_open_is_closed() {
    // SAFETY: the number is no open descriptor, and nothing owns it. The test only asks the system
    // about it, which needs no open descriptor.
    let nothing = unsafe { BorrowedFd::borrow_raw(1_000_000) };
    assert!(fd::wait(nothing, Interest::Read).unwrap_err().is(CoreError::Closed));
    assert!(fd::try_wait(nothing, Interest::Read).unwrap_err().is(CoreError::Closed));
    let mut set = WaitSet::new();
    set.add(&nothing, Interest::Read);
    assert!(set.wait().unwrap_err().is(CoreError::Closed));
}

#[test]
fn an_empty_set_sleeps_until_the_deadline() {
    let end = soon();
    assert!(WaitSet::new().wait_deadline(Some(end)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= end);
}

// Children
// -------------------------------------------------------------------------------------------------

#[test]
fn a_child_has_only_the_descriptors_handed_to_it() {
    let kept = pipe::pipe().unwrap();
    let (reader, writer) = pipe::pipe().unwrap();
    let copy = fd::duplicate(&kept.1).unwrap();

    let list = |command: &mut Command| {
        let output = command.args(["-l", "/proc/self/fd"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // The form that `/proc` writes: `pipe:[inode]`.
    let of =
        |fd: i32| std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap().display().to_string();
    let (ours, theirs) = (of(kept.0.as_raw_fd()), of(writer.as_raw_fd()));

    let listing = list(&mut Command::new("ls"));
    assert!(!listing.contains(&ours) && !listing.contains(&theirs), "{listing}");

    let mut ls = Command::new("ls");
    let number = fd::inherit(&writer, &mut ls).unwrap();
    // Every child of this command has the descriptor, the second as well as the first.
    for _ in 0..2 {
        let listing = list(&mut ls);
        assert!(listing.contains(&format!("{number} -> {theirs}")), "{listing}");
        assert!(!listing.contains(&ours), "{listing}");
    }
    assert!(fd::close_on_exec(&writer).unwrap() && fd::close_on_exec(&copy).unwrap());

    // The command keeps a writer open. After it is dropped, the end of file comes.
    drop(writer);
    assert!(reader.try_read(&mut [0; 1]).unwrap_err().is(CoreError::WouldBlock));
    drop(ls);
    assert_eq!(reader.read_deadline(&mut [0; 1], Some(long())).unwrap(), 0);
}

#[test]
fn two_descriptors_reach_a_child_side_by_side() {
    let (from_child, to_us) = pipe::pipe().unwrap();
    let (from_us, to_child) = pipe::pipe().unwrap();
    let mut sh = Command::new("sh");
    let read = fd::inherit(&from_us, &mut sh).unwrap();
    let write = fd::inherit(&to_us, &mut sh).unwrap();
    let mut child = sh
        .args(["-c", &format!("cat < /dev/fd/{read} > /dev/fd/{write}")])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    drop((sh, from_us, to_us));
    to_child.write_all(b"there and back").unwrap();
    to_child.close();
    assert_eq!(std::io::read_to_string(&from_child).unwrap(), "there and back");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_descriptor_limit_is_exhausted() {
    const NAME: &str = "the_descriptor_limit_is_exhausted";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (reader, _writer) = pipe::pipe().unwrap();
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is an initialised local variable.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    assert!(pipe::pipe().unwrap_err().is(CoreError::Exhausted));
    assert!(reader.try_clone().unwrap_err().cause() != ringway::Cause::Core(CoreError::WouldBlock));
    done()
}

#[test]
fn a_full_file_system_and_a_quota_have_own_words() {
    const NAME: &str = "a_full_file_system_and_a_quota_have_own_words";
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    if role().is_some() {
        inject(&[Fault::new(libc::SYS_write, libc::EDQUOT).when(2, 3)]);
        let error = fd::write(&full, b"xxx").unwrap_err();
        assert!(error.is(CoreError::Exhausted) && error.to_string().contains("quota"), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::QuotaExceeded);
        done()
    }
    let error = fd::write(&full, b"x").unwrap_err();
    assert!(error.is(CoreError::Exhausted) && !error.is(CoreError::WouldBlock));
    assert!(error.to_string().contains("the file system is full"), "{error}");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::StorageFull);
    run(NAME, "quota");
}

#[test]
fn a_set_above_the_descriptor_limit_is_exhausted() {
    const NAME: &str = "a_set_above_the_descriptor_limit_is_exhausted";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (reader, writer) = pipe::pipe().unwrap();
    writer.write_all(b"x").unwrap();
    let limit = libc::rlimit { rlim_cur: 30, rlim_max: 30 };
    // SAFETY: `limit` is an initialised local variable.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    let mut set = WaitSet::new();
    for _ in 0..30 {
        set.add(&reader, Interest::Read);
    }
    assert_eq!(set.wait().unwrap(), 30);
    set.add(&reader, Interest::Read);
    for error in [
        set.wait().unwrap_err(),
        set.try_wait().unwrap_err(),
        set.wait_deadline(Some(long())).unwrap_err(),
        fd::wait_any(&[&reader as &dyn std::os::fd::AsFd; 31], None).unwrap_err(),
    ] {
        assert!(error.is(CoreError::Exhausted), "{error}");
        assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
    }
    done()
}

// Copying
// -------------------------------------------------------------------------------------------------

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 253) as u8).collect()
}

fn file_with(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Copies `from` to `to`, and compares the bytes that arrive at the other end, `drain`.
fn copies(
    from: impl Into<OwnedFd>,
    to: impl Into<OwnedFd>,
    drain: impl Read + Send + 'static,
    expected: &[u8],
) -> Copier {
    copies_by(Copier::new(), from, to, drain, expected)
}

fn copies_by(
    mut copier: Copier,
    from: impl Into<OwnedFd>,
    to: impl Into<OwnedFd>,
    mut drain: impl Read + Send + 'static,
    expected: &[u8],
) -> Copier {
    let (from, to) = (from.into(), to.into());
    let thread = std::thread::spawn(move || {
        let mut got = Vec::new();
        drain.read_to_end(&mut got).unwrap();
        got
    });
    assert_eq!(copier.run(&from, &to).unwrap(), expected.len() as u64);
    drop(to);
    assert!(thread.join().unwrap() == expected);
    copier
}

/// Makes a reader that gives `bytes` and then the end of file.
fn source(bytes: &[u8]) -> Reader {
    let (reader, writer) = pipe::pipe().unwrap();
    let bytes = bytes.to_vec();
    std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    reader
}

#[test]
fn a_copier_moves_inside_the_kernel_where_it_can() {
    let bytes = pattern(3_000_001);
    let pipe = || std::io::pipe().unwrap();

    let (drain, to) = pipe();
    assert!(!copies(source(&bytes), to, drain, &bytes).buffered());
    let (drain, to) = UnixStream::pair().unwrap();
    assert!(!copies(source(&bytes), to, drain, &bytes).buffered());

    for from in [OwnedFd::from(source(&bytes)), file_with(&bytes).into()] {
        let mut target = tempfile::tempfile().unwrap();
        let mut copier = Copier::new();
        copier.run(from, &target).unwrap();
        target.rewind().unwrap();
        let mut got = Vec::new();
        target.read_to_end(&mut got).unwrap();
        assert!(got == bytes && !copier.buffered());
    }

    // Between two sockets, the copier needs the buffer.
    let (from, mut feed) = UnixStream::pair().unwrap();
    let all = bytes.clone();
    let feeder = std::thread::spawn(move || feed.write_all(&all).unwrap());
    let (drain, to) = UnixStream::pair().unwrap();
    assert!(copies(from, to, drain, &bytes).buffered());
    feeder.join().unwrap();
}

/// Checks what a slow reader gets of a file that was overwritten after all of it had been moved.
fn read_after_a_change(mut copier: Copier, reader: impl Into<OwnedFd>, to: impl Into<OwnedFd>) {
    let before = pattern(40_000);
    let mut file = file_with(&before);
    let to = to.into();
    let moved = copier.run(&file, &to).unwrap();
    drop(to);
    file.rewind().unwrap();
    file.write_all(&vec![b'!'; before.len()]).unwrap();
    let mut got = Vec::new();
    std::fs::File::from(reader.into()).read_to_end(&mut got).unwrap();
    assert_eq!(moved, 40_000);
    assert!(got == before, "what was written later has arrived");
}

#[test]
fn bytes_written_after_the_copy_do_not_arrive() {
    let (reader, to) = std::io::pipe().unwrap();
    read_after_a_change(Copier::new(), reader, to);
    let (reader, to) = UnixStream::pair().unwrap();
    read_after_a_change(Copier::new(), reader, to);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    read_after_a_change(Copier::new(), listener.accept().unwrap().0, to);
}

#[test]
fn a_zero_copy_copier_passes_on_a_files_pages() {
    let bytes = pattern(3_000_001);
    for make in [
        || std::io::pipe().map(|(a, b)| (OwnedFd::from(a), OwnedFd::from(b))),
        || UnixStream::pair().map(|(a, b)| (OwnedFd::from(a), OwnedFd::from(b))),
    ] {
        let (drain, to) = make().unwrap();
        let (copier, drain) = (Copier::zero_copy(), std::fs::File::from(drain));
        assert!(!copies_by(copier, file_with(&bytes), to, drain, &bytes).buffered());
    }
}

#[test]
fn a_copier_reads_kernel_files_without_a_size() {
    let expected = std::fs::read("/proc/self/limits").unwrap();
    let (drain, to) = std::io::pipe().unwrap();
    copies(std::fs::File::open("/proc/self/limits").unwrap(), to, drain, &expected);
}

#[test]
fn a_copier_appends() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log");
    std::fs::write(&path, b"first, ").unwrap();
    let log = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    assert_eq!(Copier::new().run(source(b"second"), &log).unwrap(), 6);
    assert_eq!(std::fs::read(&path).unwrap(), b"first, second");
}

#[test]
fn a_copier_waits_for_non_blocking_descriptors() {
    let bytes = pattern(1_000_000);
    let (drain, to) = std::io::pipe().unwrap();
    let from = source(&bytes);
    fd::set_nonblocking(&from, true).unwrap();
    fd::set_nonblocking(&to, true).unwrap();
    copies(OwnedFd::from(from), to, drain, &bytes);
}

#[test]
fn a_copier_with_a_buffer_loses_nothing_on_an_error() {
    const NAME: &str = "a_copier_with_a_buffer_loses_nothing_on_an_error";
    if role().is_none() {
        for errno in [libc::EINVAL, libc::ENOSYS] {
            run(NAME, &errno.to_string());
        }
        return;
    }
    let errno = role().unwrap().parse().unwrap();
    inject(&[Fault::new(libc::SYS_splice, errno), Fault::new(libc::SYS_sendfile, errno)]);
    let bytes = pattern(1_000_000);
    let (drain, to) = std::io::pipe().unwrap();
    assert!(copies(file_with(&bytes), to, drain, &bytes).buffered());

    // Short writes.
    let (drain, to) = std::io::pipe().unwrap();
    fd::set_nonblocking(&to, true).unwrap();
    copies(file_with(&bytes), to, drain, &bytes);

    let from = file_with(b"precious");
    let (gone, nowhere) = pipe::pipe().unwrap();
    drop(gone);
    let mut copier = Copier::new();
    assert!(copier.step(&from, &nowhere).unwrap_err().is(CoreError::BrokenPipe));
    let (drain, to) = std::io::pipe().unwrap();
    assert_eq!(copier.run(&from, &to).unwrap(), 8);
    drop(to);
    assert_eq!(std::io::read_to_string(drain).unwrap(), "precious");
    done()
}

#[test]
fn a_copier_carries_bytes_between_two_children() {
    let mut from = Command::new("seq").arg("100000").stdout(Stdio::piped()).spawn().unwrap();
    let mut to = Command::new("tail")
        .args(["-n", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let reader = Reader::try_from(OwnedFd::from(from.stdout.take().unwrap())).unwrap();
    let writer = Writer::try_from(OwnedFd::from(to.stdin.take().unwrap())).unwrap();
    let mut copier = Copier::new();
    assert_eq!(copier.run(&reader, &writer).unwrap(), 588_895);
    assert!(!copier.buffered());
    writer.close();
    let output = to.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"100000\n");
    assert!(from.wait().unwrap().success());
}

#[test]
fn a_child_that_did_nothing_is_noticed() {
    let quits = Command::new("true").output().unwrap();
    assert!(std::panic::catch_unwind(|| assert_done(&quits)).is_err());
}

#[test]
fn every_type_lends_and_gives_its_descriptor() {
    use ringway::{connection, pipe, process, serial, shm, signal, socket};
    use std::os::fd::{AsFd, AsRawFd};
    fn both<T: AsFd + AsRawFd>() {}
    both::<pipe::Reader>();
    both::<pipe::Writer>();
    both::<socket::UnixStream>();
    both::<socket::TcpListener>();
    both::<connection::Connection>();
    both::<serial::Port>();
    both::<process::Child>();
    both::<process::Parent>();
    both::<signal::SignalFd>();
    both::<signal::Dispatcher>();
    both::<shm::Region>();
    both::<shm::ReadyFd>();
    let (reader, _writer) = pipe::pipe().unwrap();
    assert_eq!(reader.as_fd().as_raw_fd(), reader.as_raw_fd());
}
