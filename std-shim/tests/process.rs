//! Processes: starting, joining, killing and outliving them.
//!
//! A child begins in the `main` of this program, which the standard harness would occupy, and
//! `fork` needs a single thread. So this program has its own harness, and each test is a process.

#[allow(dead_code)] // Its `main`.
#[path = "../examples/pool.rs"]
mod pool;
mod support;

use ringway::connection;
use ringway::fd::{self, Interest};
use ringway::pipe::{self, pipe};
use ringway::process::{
    self, Child, Entry, EntryArgs, EntryResult, Exit, Fork, Options, Pid, ProcessError,
};
use ringway::signal::{self, Signal};
use ringway::{Cause, CoreError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::fault::{self, Fault, calls};
use support::{Pester, interrupts, long, soon};

tests! {
    a_child_gets_its_argument_and_descriptors_only
    an_argument_of_a_mebibyte_arrives
    an_argument_above_the_file_size_limit_is_an_error
    as_many_descriptors_as_allowed_arrive_in_order
    an_entry_that_is_not_registered_is_refused
    each_way_to_end_has_its_exit_value
    a_join_waits_no_longer_than_its_deadline
    #[cfg(feature = "async-io")]
    a_join_given_up_can_be_awaited_again
    a_terminated_child_ends
    several_threads_join_one_child
    dropping_a_child_ends_it
    a_detached_child_goes_on_and_leaves_no_zombie
    a_hundred_children_leave_no_trace
    threads_spawn_at_once
    a_child_outlives_the_thread_that_started_it
    a_child_ends_with_its_parent
    a_stopped_child_ends_with_its_parent
    a_child_ends_with_its_parent_despite_a_copy
    a_child_may_outlive_its_parent
    a_child_that_starts_after_its_parent_died_ends
    a_grandchild_is_told_of_its_parent
    a_child_that_others_waited_for_is_reported
    signals_interrupt_nothing
    a_program_whose_file_was_deleted_still_spawns
    the_environment_stays_as_it_is
    no_signal_is_blocked_in_a_child
    only_a_parent_starts_a_child
    a_childs_argument_without_a_socket_is_ordinary
    a_privileged_program_runs_no_entry
    a_program_that_changed_its_user_starts_children
    a_limit_of_processes_is_an_error
    a_descriptor_limit_is_an_error_without_a_trace
    a_system_error_is_reported_without_a_trace
    closed_standard_streams_do_no_harm
    standard_streams_can_be_swapped
    a_second_main_takes_no_descriptors
    a_fork_makes_a_copy_that_can_be_joined
    a_fork_is_refused_with_threads
    a_fork_ends_with_its_parent
    a_fork_does_not_touch_its_siblings
    a_fork_is_another_participant
    a_fork_without_a_free_place_is_refused
    one_wait_covers_processes_and_connections
    the_example_repeats_a_killed_workers_job
}

const ENTRIES: &[Entry] = &[
    DESCRIBE,
    ECHO,
    EXIT,
    SLEEP,
    FAMILY,
    WATCH,
    ENVIRONMENT,
    pool::WORKER,
    AGAIN,
    MASK,
    STREAMS,
    TWIN,
    Entry::new("twin", |_| Ok(())),
];
const DESCRIBE: Entry = Entry::new("describe", describe);
const ECHO: Entry = Entry::new("echo", echo);
const EXIT: Entry = Entry::new("exit", exit);
const SLEEP: Entry = Entry::new("sleep", sleep);
const FAMILY: Entry = Entry::new("family", family);
const WATCH: Entry = Entry::new("watch", watch);
const ENVIRONMENT: Entry = Entry::new("environment", environment);
const AGAIN: Entry = Entry::new("again", again);
const MASK: Entry = Entry::new("mask", mask);
const STREAMS: Entry = Entry::new("streams", streams);
const TWIN: Entry = Entry::new("twin", |_| Ok(()));

fn main() -> ExitCode {
    process::main(ENTRIES);
    if support::role().as_deref() == Some(ORDINARY) {
        support::done();
    }
    support::alone::main(TESTS)
}

/// The role of a process that reports that `process::main` returned.
const ORDINARY: &str = "ordinary";

/// This program, with arguments as a child might have them.
fn called_with(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    support::play(&mut command, ORDINARY).args(arguments);
    command
}

/// The descriptors of this process and what they refer to, without the one that lists them.
fn descriptors() -> BTreeMap<i32, String> {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            // The listing's own descriptor may be closed by now.
            let what = std::fs::read_link(&path).ok()?;
            let number = path.file_name()?.to_str()?.parse().ok()?;
            Some((number, what.to_str()?.to_owned()))
        })
        .filter(|(_, what)| !what.ends_with("/fd"))
        .collect()
}

fn out(given: &mut EntryArgs) -> File {
    File::from(given.descriptors.remove(0))
}

/// Writes a line in one piece, even if other processes write too.
fn say(out: &mut File, what: impl std::fmt::Display) -> std::io::Result<()> {
    out.write_all(format!("{what}\n").as_bytes())
}

/// Writes what it was given to its first descriptor.
fn describe(mut given: EntryArgs) -> EntryResult {
    let mut out = out(&mut given);
    for (number, what) in descriptors() {
        say(&mut out, format_args!("{number} {what}"))?;
    }
    Ok(())
}

/// Writes its argument, and what it can read from its other descriptors, to its first descriptor.
fn echo(mut given: EntryArgs) -> EntryResult {
    let mut out = out(&mut given);
    out.write_all(&given.argument)?;
    for descriptor in given.descriptors {
        std::io::copy(&mut File::from(descriptor), &mut out)?;
    }
    Ok(())
}

fn exit(given: EntryArgs) -> EntryResult {
    match std::str::from_utf8(&given.argument)? {
        "return" => Ok(()),
        "fail" => Err("as I was told".into()),
        "panic" => panic!("as I was told"),
        "abort" => std::process::abort(),
        code => std::process::exit(code.parse()?),
    }
}

/// Keeps what it was given until it is killed.
fn sleep(_given: EntryArgs) -> EntryResult {
    loop {
        std::thread::park();
    }
}

/// Starts a child that gets its first descriptor, writes the child's pid there, and sleeps.
fn family(given: EntryArgs) -> EntryResult {
    let how = std::str::from_utf8(&given.argument)?.to_owned();
    let mut out = File::from(given.descriptors.into_iter().next().ok_or("no descriptor")?);
    let copy = OwnedFd::from(out.try_clone()?);
    let child = match &*how {
        "fork" => {
            // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
            // right there.
            match unsafe { process::fork() }? {
                Fork::Parent(child) => child,
                Fork::Child => loop {
                    std::thread::park();
                },
            }
        }
        "outlive" => {
            let child = Options::new().end_with_parent(false).spawn(&SLEEP, b"", vec![copy])?;
            say(&mut out, child.pid())?;
            child.detach();
            return Ok(());
        }
        "stopped" => {
            let child = process::spawn(&SLEEP, b"", vec![copy])?;
            wait_until_it_executes(&child, "sleep")?;
            child.send_signal(Signal::STOP)?;
            child
        }
        "copied" => {
            let child = process::spawn(&SLEEP, b"", vec![copy])?;
            // SAFETY: the copy, as a library might make one, only closes a file and waits until it
            // is killed.
            if unsafe { libc::fork() } == 0 {
                drop(out);
                loop {
                    std::thread::park();
                }
            }
            child
        }
        _ => process::spawn(&WATCH, b"", vec![copy])?,
    };
    say(&mut out, child.pid())?;
    drop(out);
    child.join()?;
    Ok(())
}

/// Waits until a child executes its program, for this entry. `spawn` ends later, but in an emulator
/// whose `vfork` is a `fork`.
fn wait_until_it_executes(child: &Child, entry: &str) -> std::io::Result<()> {
    let end = long();
    let path = format!("/proc/{}/cmdline", child.pid());
    while !std::fs::read(&path)?.ends_with(format!("{entry}\0").as_bytes()) {
        assert!(Instant::now() < end, "the child does not execute its program");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Writes whether its parent is alive, and sleeps.
fn watch(given: EntryArgs) -> EntryResult {
    let mut out = File::from(given.descriptors.into_iter().next().ok_or("no descriptor")?);
    let parent = process::parent().ok_or("no parent")?;
    say(&mut out, parent.is_alive())?;
    fd::wait(&parent, Interest::Read)?;
    // The kernel's signal may come later than the wait's end: wait for it.
    loop {
        std::thread::park();
    }
}

fn environment(mut given: EntryArgs) -> EntryResult {
    let mut out = out(&mut given);
    let mut all: Vec<_> = std::env::vars_os().collect();
    all.sort();
    write!(out, "{all:?}")?;
    Ok(())
}

/// Writes whether no signal is blocked.
fn mask(mut given: EntryArgs) -> EntryResult {
    Ok(say(&mut out(&mut given), signal::mask().is_empty())?)
}

/// Calls `main` again.
fn again(mut given: EntryArgs) -> EntryResult {
    process::main(ENTRIES);
    Ok(say(&mut out(&mut given), "again")?)
}

fn wait_for_end(reader: impl AsFd) {
    let mut rest = [0; 64];
    while fd::read_deadline(&reader, &mut rest, Some(long())).expect("the end comes") > 0 {}
}

fn lines(reader: &pipe::Reader) -> impl Iterator<Item = String> + '_ {
    BufReader::with_capacity(1, reader).lines().map(Result::unwrap)
}

/// The children of this process, zombies among them.
fn children() -> usize {
    let me = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/self/task/{me}/children")).unwrap();
    list.split_whitespace().count()
}

fn a_child_gets_its_argument_and_descriptors_only() {
    // A descriptor without close-on-exec, as other code may leave it.
    let leak = File::open("/dev/zero").unwrap();
    fd::set_close_on_exec(&leak, false).unwrap();
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&DESCRIBE, b"", vec![writer.into()]).unwrap();
    let text = std::io::read_to_string(reader).unwrap();
    assert!(child.join().unwrap().success());
    let mut found: BTreeMap<i32, &str> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(number, what)| (number.parse().unwrap(), what))
        .collect();
    let ours = descriptors();
    assert_eq!(found.remove(&0), Some("/dev/null"));
    assert_eq!(found.remove(&1), Some(&*ours[&1]));
    assert_eq!(found.remove(&2), Some(&*ours[&2]));
    let rest: Vec<_> = found.into_values().collect();
    // The descriptor that it was given, the death pipe's reader, and its parent's pidfd.
    assert_eq!(rest.len(), 3, "{text}");
    assert_eq!(rest.iter().filter(|what| what.starts_with("pipe:")).count(), 2, "{text}");
    assert_eq!(rest.iter().filter(|what| what.contains("pidfd")).count(), 1, "{text}");
    drop(leak);
}

fn an_argument_of_a_mebibyte_arrives() {
    let argument: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let (mut reader, writer) = pipe().unwrap();
    let child = process::spawn(&ECHO, &argument, vec![writer.into()]).unwrap();
    let mut back = Vec::new();
    reader.read_to_end(&mut back).unwrap();
    assert!(back == argument, "{} bytes came back", back.len());
    assert!(child.join().unwrap().success());
}

fn an_argument_above_the_file_size_limit_is_an_error() {
    let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
    // SAFETY: `setrlimit` only reads `limit`, which outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    let error = process::spawn(&SLEEP, &[7; 4097], vec![]).unwrap_err();
    assert!(error.is(CoreError::Exhausted) && error.to_string().contains("ulimit"), "{error}");
}

fn as_many_descriptors_as_allowed_arrive_in_order() {
    let (reader, writer) = pipe().unwrap();
    let mut given = vec![OwnedFd::from(writer)];
    let mut expected = String::new();
    for number in 1..process::MAX_DESCRIPTORS {
        let (reader, writer) = pipe().unwrap();
        let word = format!("{number} ");
        writer.write_all(word.as_bytes()).unwrap();
        expected += &word;
        given.push(reader.into());
    }
    let one_more: Vec<_> =
        given.iter().chain(given.first()).map(|fd| fd.try_clone().unwrap()).collect();
    let error = process::spawn(&ECHO, b"", one_more).unwrap_err();
    assert_eq!(error.cause(), Cause::Os(rustix::io::Errno::INVAL));
    let child = process::spawn(&ECHO, b"", given).unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), expected);
    assert!(child.join().unwrap().success());
}

fn an_entry_that_is_not_registered_is_refused() {
    const UNKNOWN: Entry = Entry::new("unknown", |_| Ok(()));
    let error = process::spawn(&UNKNOWN, b"", vec![]).unwrap_err();
    assert_eq!(error.cause(), Cause::Process(ProcessError::NotRegistered));
    assert!(error.to_string().contains("unknown: no such entry"), "{error}");
    let error = process::spawn(&TWIN, b"", vec![]).unwrap_err();
    assert_eq!(error.cause(), Cause::Process(ProcessError::Ambiguous));
    // The first call counts.
    process::main(&[UNKNOWN]);
    assert!(process::spawn(&UNKNOWN, b"", vec![]).is_err());
}

fn each_way_to_end_has_its_exit_value() {
    let ends: [(&str, Exit); 6] = [
        ("return", Exit::Code(0)),
        ("fail", Exit::Code(1)),
        ("panic", Exit::Code(101)),
        ("42", Exit::Code(42)),
        ("255", Exit::Code(255)),
        ("abort", Exit::Signal(Signal::ABRT)),
    ];
    for (how, expected) in ends {
        let (reader, writer) = pipe().unwrap();
        let child = Options::new().stderr(writer).spawn(&EXIT, how.as_bytes(), vec![]).unwrap();
        let said = std::io::read_to_string(reader).unwrap();
        assert_eq!(child.join().unwrap(), expected, "{how}");
        match how {
            "fail" => assert_eq!(said, "exit: as I was told\n"),
            "panic" => assert!(said.contains("as I was told"), "{said}"),
            _ => assert_eq!(said, ""),
        }
    }
    let last = Signal::real_time(20).unwrap();
    for signal in [Signal::TERM, Signal::KILL, Signal::USR2, last] {
        let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
        child.send_signal(signal).unwrap();
        assert_eq!(child.join().unwrap(), Exit::Signal(signal));
    }
}

fn a_join_waits_no_longer_than_its_deadline() {
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    let deadline = soon();
    assert!(child.join_deadline(Some(deadline)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= deadline);
    assert!(child.join_deadline(Some(Instant::now())).unwrap_err().is(CoreError::TimedOut));
    assert!(child.try_join().unwrap_err().is(CoreError::WouldBlock));
    assert!(child.is_alive());
    assert!(fd::try_wait(&child, Interest::Read).is_err());
    child.kill().unwrap();
    assert_eq!(child.join_deadline(Some(long())).unwrap(), Exit::Signal(Signal::KILL));
    assert_eq!(child.try_join().unwrap(), Exit::Signal(Signal::KILL));
    assert_eq!(child.join_deadline(Some(Instant::now())).unwrap(), Exit::Signal(Signal::KILL));
    assert!(!child.is_alive());
}

#[cfg(feature = "async-io")]
fn a_join_given_up_can_be_awaited_again() {
    use std::task::{Context, Waker};
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    let child = ringway::task::Smol::new(child).unwrap();
    for polls in 0..5 {
        let mut join = std::pin::pin!(child.read_with(Child::try_join));
        for _ in 0..polls {
            let mut context = Context::from_waker(Waker::noop());
            assert!(join.as_mut().poll(&mut context).is_pending());
        }
    }
    child.get_ref().kill().unwrap();
    for _ in 0..2 {
        let exit = async_io::block_on(child.read_with(Child::try_join));
        assert_eq!(exit.unwrap(), Exit::Signal(Signal::KILL));
    }
}

fn a_terminated_child_ends() {
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    child.terminate().unwrap();
    fd::wait_deadline(&child, Interest::Read, Some(long())).unwrap();
    // The child has ended, and was not waited for yet: the kill does nothing, and hits no other
    // process.
    child.kill().unwrap();
    assert_eq!(child.join().unwrap(), Exit::Signal(Signal::TERM));
    child.terminate().unwrap();
    child.kill().unwrap();
}

fn several_threads_join_one_child() {
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert_eq!(child.join().unwrap(), Exit::Signal(Signal::KILL)));
        }
        s.spawn(|| child.kill().unwrap());
    });
}

fn dropping_a_child_ends_it() {
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&SLEEP, b"", vec![writer.into()]).unwrap();
    assert_eq!(children(), 1);
    drop(child);
    assert_eq!(children(), 0);
    wait_for_end(&reader);
}

fn a_detached_child_goes_on_and_leaves_no_zombie() {
    let (reader, writer) = pipe().unwrap();
    let (their_reader, ours) = pipe().unwrap();
    process::spawn(&ECHO, b"hello ", vec![writer.into(), their_reader.into()]).unwrap().detach();
    ours.write_all(b"again").unwrap();
    drop(ours);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "hello again");
    let end = long();
    loop {
        let child = process::spawn(&EXIT, b"0", vec![]).unwrap();
        assert!(child.join().unwrap().success());
        if children() == 0 {
            break;
        }
        assert!(Instant::now() < end, "a zombie is left");
    }
}

fn a_hundred_children_leave_no_trace() {
    let once = || {
        let child = process::spawn(&EXIT, b"0", vec![]).unwrap();
        assert!(child.join().unwrap().success());
    };
    once(); // This process keeps the pipe that ties its children to it.
    let before = descriptors();
    for _ in 0..100 {
        once();
    }
    assert_eq!(descriptors(), before);
    assert_eq!(children(), 0);
}

fn threads_spawn_at_once() {
    std::thread::scope(|s| {
        for thread in 0..4 {
            s.spawn(move || {
                for round in 0..10 {
                    let (reader, writer) = pipe().unwrap();
                    let argument = format!("{thread} {round}");
                    let descriptors = vec![writer.into()];
                    let child = process::spawn(&ECHO, argument.as_bytes(), descriptors).unwrap();
                    // The read ends only if no child of another thread has a copy of the writer.
                    assert_eq!(std::io::read_to_string(reader).unwrap(), argument);
                    assert!(child.join().unwrap().success());
                }
            });
        }
    });
    assert_eq!(children(), 0);
}

fn a_child_outlives_the_thread_that_started_it() {
    let child = std::thread::spawn(|| process::spawn(&SLEEP, b"", vec![]).unwrap());
    let child = child.join().unwrap();
    assert!(child.join_deadline(Some(soon())).unwrap_err().is(CoreError::TimedOut));
    child.kill().unwrap();
    assert_eq!(child.join().unwrap(), Exit::Signal(Signal::KILL));
}

/// Starts a child that has a child. Returns both, and a reader whose stream ends with both.
fn start_family(how: &str) -> (Child, Pid, pipe::Reader) {
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&FAMILY, how.as_bytes(), vec![writer.into()]).unwrap();
    let number = |line: String| line.parse().ok().and_then(Pid::from_raw);
    let grandchild = lines(&reader).find_map(number).expect("its number");
    (child, grandchild, reader)
}

fn a_child_ends_with_its_parent() {
    let (child, _, reader) = start_family("spawn");
    child.kill().unwrap();
    wait_for_end(&reader);
    assert_eq!(child.join().unwrap(), Exit::Signal(Signal::KILL));
}

fn a_stopped_child_ends_with_its_parent() {
    let (child, _, reader) = start_family("stopped");
    child.kill().unwrap();
    wait_for_end(&reader);
}

fn a_child_ends_with_its_parent_despite_a_copy() {
    let (child, _, reader) = start_family("copied");
    child.kill().unwrap();
    wait_for_end(&reader);
}

fn a_child_may_outlive_its_parent() {
    let (child, grandchild, reader) = start_family("outlive");
    assert!(child.join().unwrap().success());
    assert!(
        fd::read_deadline(&reader, &mut [0], Some(soon())).unwrap_err().is(CoreError::TimedOut)
    );
    signal::send(grandchild, Signal::KILL).unwrap();
    wait_for_end(&reader);
}

/// The parent may end before its child has come to `process::main`.
fn a_child_that_starts_after_its_parent_died_ends() {
    for _ in 0..20 {
        let (reader, writer) = pipe().unwrap();
        // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
        // right there.
        match unsafe { process::fork() }.unwrap() {
            Fork::Child => {
                drop(reader);
                let child = process::spawn(&SLEEP, b"", vec![writer.into()]).unwrap();
                child.detach();
                std::process::exit(0);
            }
            Fork::Parent(child) => {
                drop(writer);
                assert!(child.join().unwrap().success());
                wait_for_end(&reader);
            }
        }
    }
}

fn a_grandchild_is_told_of_its_parent() {
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&FAMILY, b"spawn", vec![writer.into()]).unwrap();
    let mut lines = lines(&reader);
    let said = [lines.next().unwrap(), lines.next().unwrap()];
    assert!(said.contains(&"true".to_owned()), "{said:?}");
    drop(child);
}

fn a_child_that_others_waited_for_is_reported() {
    let child = process::spawn(&EXIT, b"3", vec![]).unwrap();
    // SAFETY: a null pointer is a valid argument for no status. This waits for any child, and there
    // is one.
    let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
    assert_eq!(pid, child.pid().as_raw_pid());
    for _ in 0..2 {
        assert_eq!(child.join().unwrap_err().cause(), Cause::Process(ProcessError::Reaped));
    }
    assert!(!child.is_alive());
    child.kill().unwrap();
}

fn signals_interrupt_nothing() {
    extern "C" fn nothing(_: i32) {}
    interrupts(libc::SIGUSR1, nothing);
    let _pester = Pester::this_thread(libc::SIGUSR1);
    let argument = vec![7; 300_000];
    let end = Instant::now() + Duration::from_millis(300);
    let mut rounds = 0;
    while rounds < 3 || Instant::now() < end {
        let (mut reader, writer) = pipe().unwrap();
        let child = process::spawn(&ECHO, &argument, vec![writer.into()]).unwrap();
        let mut back = Vec::new();
        reader.read_to_end(&mut back).unwrap();
        assert!(back == argument);
        assert!(child.join_deadline(Some(long())).unwrap().success());
        rounds += 1;
    }
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    let deadline = soon();
    assert!(child.join_deadline(Some(deadline)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= deadline);
}

fn a_program_whose_file_was_deleted_still_spawns() {
    if support::role().is_some() {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        let child = process::spawn(&EXIT, b"9", vec![]).unwrap();
        assert_eq!(child.join().unwrap().code(), Some(9));
        support::done();
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &file).unwrap();
    let (their_reader, go_on) = pipe().unwrap();
    let mut program = std::process::Command::new(&file);
    program.args(["run", "a_program_whose_file_was_deleted_still_spawns"]);
    let program = support::play(&mut program, "spawn").stdin(their_reader).spawn().unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "another one").unwrap();
    drop(go_on);
    support::assert_done(&program.wait_with_output().unwrap());
}

fn the_environment_stays_as_it_is() {
    let mut ours: Vec<_> = std::env::vars_os().collect();
    ours.sort();
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&ENVIRONMENT, b"", vec![writer.into()]).unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), format!("{ours:?}"));
    assert!(child.join().unwrap().success());
}

fn no_signal_is_blocked_in_a_child() {
    let _guard = signal::block(Signal::TERM | Signal::USR1).unwrap();
    let before = signal::mask();
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&MASK, b"", vec![writer.into()]).unwrap();
    assert_eq!(signal::mask(), before);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "true\n");
    assert!(child.join().unwrap().success());
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    child.terminate().unwrap();
    assert_eq!(child.join().unwrap(), Exit::Signal(Signal::TERM));
}

/// A pair of sockets; in the second waits a parent's message, with a pidfd of this process.
fn call_by_hand() -> (ringway::socket::UnixSeqpacket, ringway::socket::UnixSeqpacket) {
    let (ours, theirs) = ringway::socket::UnixSeqpacket::pair().unwrap();
    let this = rustix::process::pidfd_open(
        rustix::process::getpid(),
        rustix::process::PidfdFlags::empty(),
    );
    let this = this.unwrap();
    let [a, b, c, d] = (-1i32).to_ne_bytes();
    ours.send_descriptors(&[0x52, 0, a, b, c, d], &[this.as_fd()], None).unwrap();
    (ours, theirs)
}

fn only_a_parent_starts_a_child() {
    let begin = |entry: &str, message: &dyn Fn() -> ringway::socket::UnixSeqpacket| {
        let theirs = message();
        let mut command = called_with(&[]);
        let number = fd::inherit(&theirs, &mut command).unwrap();
        command.args(["--ringway-process", &number.to_string(), entry]);
        let outcome = command.output().unwrap();
        (outcome.status.code(), String::from_utf8_lossy(&outcome.stderr).into_owned())
    };
    let refused = |(code, said): (Option<i32>, String)| {
        assert_eq!(code, Some(125), "{said}");
        assert!(said.starts_with("cannot "), "{said}");
    };
    // A process of the same user can start a child by hand.
    let (code, said) = begin("describe", &|| call_by_hand().1);
    assert_eq!(code, Some(101), "the entry ran, and was given nothing: {said}");
    // The socket has no message of a parent, or there is no such entry.
    let pair = || ringway::socket::UnixSeqpacket::pair().unwrap();
    refused(begin("sleep", &|| {
        let (ours, theirs) = pair();
        ours.send(b"not that").unwrap();
        theirs
    }));
    refused(begin("sleep", &|| pair().1));
    refused(begin("nothing of that name", &|| call_by_hand().1));
    // Only root can make a socket as another user.
    if rustix::process::geteuid().is_root() {
        let (code, said) = begin("describe", &|| {
            become_effectively(NOBODY);
            let call = call_by_hand().1;
            become_effectively(0);
            call
        });
        refused((code, said.clone()));
        assert!(said.contains("another user"), "{said}");
    }
}

/// The user `nobody`, which by convention has no rights and no processes.
const NOBODY: u32 = 65534;

fn become_effectively(user: u32) {
    // SAFETY: the call takes numbers alone, and accesses no memory.
    let result = unsafe { libc::seteuid(user) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

fn a_childs_argument_without_a_socket_is_ordinary() {
    let ordinary: [&[&str]; 7] = [
        &["--ringway-process"],
        &["--ringway-process", "3"],
        &["--ringway-process", "3", "sleep"],
        &["--ringway-process", "1", "sleep"],
        &["--ringway-process", "-1", "sleep"],
        &["--ringway-process", "one", "sleep"],
        &["--ringway-process", "3", "nothing of that name"],
    ];
    for arguments in ordinary {
        support::assert_done(&called_with(arguments).output().unwrap());
    }
    // A descriptor that is open, and is no such socket, stays untouched.
    let (reader, writer) = pipe().unwrap();
    let mut command = called_with(&[]);
    let number = fd::inherit(&writer, &mut command).unwrap();
    command.args(["--ringway-process", &number.to_string(), "sleep"]);
    support::assert_done(&command.output().unwrap());
    drop(reader);
}

fn a_privileged_program_runs_no_entry() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    let this = std::env::current_exe().unwrap();
    // A folder beside this program, where a file may have such rights.
    let folder = tempfile::tempdir_in(this.parent().unwrap()).unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let copy = folder.path().join("copy");
    std::fs::copy(&this, &copy).unwrap();
    let root = rustix::process::geteuid().is_root();
    // An ordinary user cannot use another user, but perhaps has another group.
    let own = rustix::process::getegid();
    let group = rustix::process::getgroups().unwrap().into_iter().find(|group| *group != own);
    let mode = if root { 0o4755 } else { 0o2755 };
    if let Some(group) = group.filter(|_| !root) {
        chown(&copy, None, Some(group.as_raw())).unwrap();
    }
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(mode)).unwrap();

    let (_ours, theirs) = call_by_hand();
    let mut command = std::process::Command::new(&copy);
    let number = fd::inherit(&theirs, &mut command).unwrap();
    command.args(["--ringway-process", &number.to_string(), "describe"]);
    if root {
        command.uid(NOBODY);
    }
    let outcome = command.output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stderr);
    if root || group.is_some() {
        assert_eq!(outcome.status.code(), Some(125), "{said}");
        assert!(said.contains("more rights than its user"), "{said}");
    } else {
        assert_eq!(outcome.status.code(), Some(101), "it has no more rights: {said}");
    }

    if root {
        become_effectively(NOBODY);
        let error = process::spawn(&EXIT, b"0", vec![]).unwrap_err();
        assert_eq!(error.cause(), Cause::Process(ProcessError::TwoUsers), "{error}");
        become_effectively(0);
        assert!(process::spawn(&EXIT, b"0", vec![]).unwrap().join().unwrap().success());
    }
}

fn a_program_that_changed_its_user_starts_children() {
    let first = process::spawn(&SLEEP, b"", vec![]).unwrap();
    if rustix::process::geteuid().is_root() {
        // SAFETY: the call takes numbers alone, and accesses no memory.
        let result = unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    } else {
        // Closes the pipes to this user, as another user would find them. `fchmod` may fail for
        // inherited pipes, which may belong to another user.
        let pipes = descriptors().into_iter().filter(|(_, what)| what.starts_with("pipe:"));
        // SAFETY: `fchmod` takes two numbers, and fails for a descriptor that is not open.
        let closed = pipes.filter(|(number, _)| unsafe { libc::fchmod(*number, 0) } == 0);
        assert!(closed.count() > 0, "{:?}", descriptors());
    }
    let second = process::spawn(&EXIT, b"7", vec![]).unwrap();
    assert_eq!(second.join().unwrap(), Exit::Code(7));
    // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive right
    // there.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => std::process::exit(8),
        Fork::Parent(child) => assert_eq!(child.join().unwrap(), Exit::Code(8)),
    }
    assert!(first.is_alive(), "it is tied to this process by the pipe of before");
    // This process may not kill the child, which belongs to the user of before. The child ends with
    // this process, which ends with the test.
    first.detach();
}

fn a_limit_of_processes_is_an_error() {
    for calls in [calls::FORK, &[libc::SYS_execve]] {
        // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
        // right there.
        match unsafe { process::fork() }.unwrap() {
            Fork::Child => {
                fault::inject(&fault::each(calls, libc::EAGAIN));
                let error = process::spawn(&EXIT, b"0", vec![]).unwrap_err();
                assert!(error.is(CoreError::Exhausted), "{error}");
                if calls == calls::FORK {
                    // SAFETY: this process has nothing in shared memory, so that the copy has no
                    // exclusive right there.
                    let error = unsafe { process::fork() }.unwrap_err();
                    assert!(error.is(CoreError::Exhausted), "{error}");
                }
                support::done();
            }
            Fork::Parent(child) => assert_eq!(child.join().unwrap(), Exit::Code(42), "{calls:?}"),
        }
    }
}

fn a_descriptor_limit_is_an_error_without_a_trace() {
    let (reader, writer) = pipe().unwrap();
    // The first child makes the pipe that ties children to this process.
    assert!(process::spawn(&EXIT, b"0", vec![]).unwrap().join().unwrap().success());
    let before = descriptors();
    let free: Vec<_> = (0..).filter(|number| !before.contains_key(number)).take(20).collect();
    let (mut failures, mut successes) = (0, 0);
    for (room, first) in free.into_iter().enumerate() {
        // Below this limit, `room` numbers are free.
        let limit = libc::rlimit { rlim_cur: first as libc::rlim_t, rlim_max: 4096 };
        // SAFETY: `setrlimit` only reads `limit`, which outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        match process::spawn(&EXIT, b"0", vec![]) {
            Ok(child) => {
                successes += 1;
                // The child itself may have failed for lack of descriptors.
                child.join().unwrap();
            }
            Err(error) => {
                failures += 1;
                assert!(error.is(CoreError::Exhausted), "{error}");
            }
        }
        let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
        // SAFETY: `setrlimit` only reads `limit`, which outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        assert_eq!(descriptors(), before, "with room for {room}");
        assert_eq!(children(), 0);
    }
    assert!(failures > 3 && successes > 3, "{failures} {successes}");
    drop((reader, writer));
}

fn a_system_error_is_reported_without_a_trace() {
    // On x86 of 32 bits, rustix calls `socketcall`, whose first argument says what it does.
    #[cfg(target_arch = "x86")]
    let socketpair = Fault::new(libc::SYS_socketcall, libc::EACCES).when(0, 8);
    #[cfg(not(target_arch = "x86"))]
    let socketpair = Fault::new(libc::SYS_socketpair, libc::EACCES);
    let faults = [
        Fault::new(libc::SYS_execve, libc::ENOEXEC),
        Fault::new(libc::SYS_close_range, libc::EFAULT),
        Fault::new(libc::SYS_memfd_create, libc::ENOSYS),
        Fault::new(libc::SYS_pidfd_open, libc::ENOSYS),
        socketpair,
    ];
    assert!(process::spawn(&EXIT, b"0", vec![]).unwrap().join().unwrap().success());
    for fault in faults {
        // An injected fault stays, so that each is tried in a process of its own.
        // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
        // right there.
        match unsafe { process::fork() }.unwrap() {
            Fork::Child => {
                // The first child makes the pipe that ties children to this process.
                drop(process::spawn(&SLEEP, b"", vec![]));
                let before = descriptors();
                fault::inject(&[fault]);
                let error = process::spawn(&EXIT, b"0", vec![]).unwrap_err();
                let expected = rustix::io::Errno::from_raw_os_error(fault.errno);
                assert_eq!(error.cause(), Cause::Os(expected), "{error}");
                assert_eq!(descriptors(), before);
                assert_eq!(children(), 0);
                support::done();
            }
            Fork::Parent(child) => assert_eq!(child.join().unwrap(), Exit::Code(42), "{fault:?}"),
        }
    }
}

fn closed_standard_streams_do_no_harm() {
    for number in 0..3 {
        // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
        // right there.
        match unsafe { process::fork() }.unwrap() {
            Fork::Child => {
                // SAFETY: this process will not use any handle of this standard stream again.
                assert_eq!(unsafe { libc::close(number) }, 0);
                let (reader, writer) = ringway::socket::UnixStream::pair().unwrap();
                let log = tempfile::tempfile().unwrap();
                let child = Options::new()
                    .stdout(log.try_clone().unwrap())
                    .stderr(log)
                    .spawn(&ECHO, b"hello", vec![writer.into()])
                    .unwrap();
                assert_eq!(std::io::read_to_string(reader).unwrap(), "hello");
                assert!(child.join().unwrap().success());
                support::done();
            }
            Fork::Parent(child) => assert_eq!(child.join().unwrap(), Exit::Code(42), "{number}"),
        }
    }
}

/// Copies its standard input to its standard output, and writes a line to standard error.
fn streams(_given: EntryArgs) -> EntryResult {
    std::io::copy(&mut std::io::stdin(), &mut std::io::stdout())?;
    eprintln!("and an error");
    Ok(())
}

fn standard_streams_can_be_swapped() {
    // Tries each order of three files under the numbers 0, 1 and 2.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let file = || tempfile::tempfile().unwrap();
        let (mut input, mut output, mut errors) = (file(), file(), file());
        input.write_all(b"from the input").unwrap();
        input.rewind().unwrap();
        // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive
        // right there.
        match unsafe { process::fork() }.unwrap() {
            Fork::Child => {
                let mut places: [Option<OwnedFd>; 3] = [const { None }; 3];
                let mut files = [Some(&input), Some(&output), Some(&errors)];
                for (number, which) in order.into_iter().enumerate() {
                    let from = files[which].take().unwrap();
                    // The files are close-on-exec, as after a program has closed its standard
                    // streams and opened these files.
                    // SAFETY: nothing in this process uses its standard streams any more.
                    let to =
                        unsafe { libc::dup3(from.as_raw_fd(), number as i32, libc::O_CLOEXEC) };
                    assert_eq!(to, number as i32);
                    // SAFETY: `dup3` has just made this descriptor, and nothing else owns it.
                    places[which] = Some(unsafe { OwnedFd::from_raw_fd(to) });
                }
                let [input, output, errors] = places.map(Option::unwrap);
                let options = Options::new().stdin(input).stdout(output).stderr(errors);
                let child = options.spawn(&STREAMS, b"", vec![]).unwrap();
                assert!(child.join().unwrap().success());
                support::done();
            }
            Fork::Parent(child) => assert_eq!(child.join().unwrap(), Exit::Code(42), "{order:?}"),
        }
        let contents = |file: &mut File| {
            file.rewind().unwrap();
            std::io::read_to_string(file).unwrap()
        };
        assert_eq!(contents(&mut output), "from the input", "{order:?}");
        assert_eq!(contents(&mut errors), "and an error\n", "{order:?}");
    }
}

fn a_second_main_takes_no_descriptors() {
    let (reader, writer) = pipe().unwrap();
    let child = process::spawn(&AGAIN, b"", vec![writer.into()]).unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), "again\n");
    assert!(child.join().unwrap().success());
}

fn a_fork_makes_a_copy_that_can_be_joined() {
    let (reader, writer) = pipe().unwrap();
    let secret = [1, 2, 3];
    // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive right
    // there.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => {
            let parent = process::parent().unwrap();
            assert!(parent.is_alive());
            // The copy may start children of its own.
            let child = process::spawn(&EXIT, b"9", vec![]).unwrap();
            assert_eq!(child.join().unwrap().code(), Some(9));
            writer.write_all(&secret).unwrap();
            std::process::exit(5);
        }
        Fork::Parent(child) => {
            drop(writer);
            let mut said = Vec::new();
            (&reader).read_to_end(&mut said).unwrap();
            assert_eq!(said, secret);
            assert_eq!(child.join().unwrap().code(), Some(5));
        }
    }
    assert!(process::parent().is_none());
}

fn a_fork_is_refused_with_threads() {
    let (reader, writer) = pipe().unwrap();
    let thread = std::thread::spawn(move || (&reader).read_to_end(&mut Vec::new()).unwrap());
    // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive right
    // there.
    let error = unsafe { process::fork() }.unwrap_err();
    assert_eq!(error.cause(), Cause::Process(ProcessError::Threads(2)));
    assert!(error.to_string().contains("2 threads"), "{error}");
    drop(writer);
    thread.join().unwrap();
    // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive right
    // there.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => std::process::exit(0),
        Fork::Parent(child) => assert!(child.join().unwrap().success()),
    }
}

fn a_fork_ends_with_its_parent() {
    let (child, _, reader) = start_family("fork");
    child.kill().unwrap();
    wait_for_end(&reader);
}

fn a_fork_does_not_touch_its_siblings() {
    let sibling = process::spawn(&SLEEP, b"", vec![]).unwrap();
    // SAFETY: this process has nothing in shared memory, so that the copy has no exclusive right
    // there.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => {
            assert!(sibling.is_alive());
            drop(sibling);
            std::process::exit(0);
        }
        Fork::Parent(child) => assert!(child.join().unwrap().success()),
    }
    assert!(sibling.is_alive());
}

fn one_wait_covers_processes_and_connections() {
    let child = process::spawn(&SLEEP, b"", vec![]).unwrap();
    let (ours, theirs) = connection::pair().unwrap();
    let (socket, peer) = ringway::socket::UnixSeqpacket::pair().unwrap();
    let (reader, writer) = pipe().unwrap();
    let all: [&dyn AsFd; 4] = [&child, &ours, &socket, &reader];
    let now = Some(Instant::now());
    assert!(fd::wait_any(&all, now).unwrap_err().is(CoreError::TimedOut));
    let deadline = soon();
    assert!(fd::wait_any(&all, Some(deadline)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= deadline);
    peer.send(b"x").unwrap();
    assert_eq!(fd::wait_any(&all, None).unwrap(), [2]);
    theirs.send(b"x").unwrap();
    assert_eq!(fd::wait_any(&all, None).unwrap(), [1, 2]);
    child.kill().unwrap();
    fd::wait(&child, Interest::Read).unwrap();
    drop(writer);
    assert_eq!(fd::wait_any(&all, None).unwrap(), [0, 1, 2, 3]);
}

fn the_example_repeats_a_killed_workers_job() {
    let (answers, replaced) = pool::map(3, &[10, 7_000, 100, 1_000, 2, 0]).unwrap();
    assert_eq!(answers, [4, 900, 25, 168, 0, 0]);
    assert_eq!(replaced, 1);
    assert_eq!(children(), 0);
}

fn a_fork_is_another_participant() {
    use ringway::lock::{LockError, OwnerDied};
    use ringway::shm::{Layout, Mutex, Region};
    type Total = Mutex<u64>;

    let layout = Layout::new(2).part::<Total>("total").unwrap();
    let region = Region::anonymous(&layout).unwrap();
    let total = region.part::<Total>("total").unwrap();
    let (reader, writer) = pipe().unwrap();
    // SAFETY: this process holds no half, guard or grant of the region, so that the copy has no
    // exclusive right.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => {
            drop(reader);
            assert_eq!(region.participant().number(), 2);
            let mut held = total.lock().unwrap();
            *held = 5;
            assert_eq!(writer.write(b"x"), Ok(1));
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Fork::Parent(child) => {
            drop(writer);
            assert_eq!(reader.read(&mut [0; 1]), Ok(1));
            assert_eq!(region.participant().number(), 1);
            assert_eq!(region.participants().len(), 2);
            child.kill().unwrap();
            child.join().unwrap();
            let held = total.lock_deadline(Some(soon())).unwrap_err();
            let LockError::OwnerDied(OwnerDied(held)) = held else { panic!("{held}") };
            assert_eq!(*held, 5);
            assert_eq!(region.participants().len(), 1);
        }
    }
    // SAFETY: this process holds no half, guard or grant of the region, so that the copy has no
    // exclusive right.
    match unsafe { process::fork() }.unwrap() {
        Fork::Child => {
            *total.lock().unwrap_or_else(OwnerDied::into_inner) += 1;
            drop((total, region));
            std::process::exit(0);
        }
        Fork::Parent(child) => assert!(child.join().unwrap().success()),
    }
    assert_eq!(region.participants().len(), 1, "it detached as itself alone");
    assert_eq!(*total.lock().unwrap_or_else(OwnerDied::into_inner), 6);
}

fn a_fork_without_a_free_place_is_refused() {
    use ringway::shm::{Layout, Mutex, Region};
    let layout = Layout::new(1).part::<Mutex>("lock").unwrap();
    let region = Region::anonymous(&layout).unwrap();
    // SAFETY: this process holds no half, guard or grant of the region, so that the copy has no
    // exclusive right.
    let error = unsafe { process::fork() }.unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    assert_eq!(region.participants().len(), 1);
}
