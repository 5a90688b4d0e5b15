//! Commands as ends: none outlives the program, and none takes a failure for an end.

use super::support::*;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

/// A script that starts a crowd of processes and writes their numbers to a file.
///
/// Nobody waits for some of them. None holds a stream of the test.
fn crowd(place: &Place, as_source: bool) -> String {
    let closed = if as_source { "2>/dev/null" } else { ">/dev/null 2>&1" };
    let pids = place.path("pids");
    let pids = pids.display();
    format!(
        "exec {closed}; sleep 100 & echo $! >>'{pids}'; (sleep 100 & echo $! >>'{pids}'); \
         sh -c 'echo $$ >>\"{pids}\"; sleep 100; :' & echo $$ >>'{pids}'; wait; :"
    )
}

/// The numbers of a crowd's processes, once all four are there.
fn members(place: &Place) -> Vec<u32> {
    let read = || {
        let text = fs::read_to_string(place.path("pids")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()
    };
    wait_for("the crowd", || read().len() == 4);
    read()
}

/// Whether a process runs; a zombie does not.
fn runs(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn assert_ended(members: &[u32]) {
    let left: Vec<_> = members.iter().filter(|&&member| runs(member)).collect();
    for member in members {
        let _ = kill_process(Pid::from_raw(*member as i32).unwrap(), Signal::KILL);
    }
    assert!(left.is_empty(), "{left:?} of {members:?} outlived the program");
}

#[test]
fn stopped_program_ends_its_commands_descendants() {
    for as_source in [true, false] {
        let place = Place::new();
        let command = format!("exec:{}", crowd(&place, as_source));
        let mut running = Running::start(match as_source {
            true => cat(&command, "stdio"),
            false => cat("exec:exec sleep 100 2>/dev/null", &command),
        });
        let members = members(&place);
        kill_process(Pid::from_child(running.child()), Signal::TERM).unwrap();
        let output = running.end();
        let told = stderr(&output);
        assert_ended(&members);
        assert!(told.contains("stopped by SIGTERM; nothing is left behind"), "{told}");
    }
}

#[test]
fn failed_program_ends_its_commands_descendants() {
    let place = Place::new();
    let mut running = Running::start(cat(&format!("exec:{}", crowd(&place, true)), "stdio"));
    let members = members(&place);
    // The reader goes away.
    drop(running.child().stdout.take());
    let output = running.end();
    assert_ended(&members);
    assert_failed(&output, "broken pipe");
}

#[test]
fn adopted_processes_leave_no_zombies() {
    let place = Place::new();
    let ready = place.path("ready");
    let script = "for i in 1 2 3 4 5 6 7 8; do (true &); done";
    let command = format!("exec:{script}; touch '{}'; exec sleep 100 2>/dev/null", ready.display());
    let mut running = Running::start(cat(&command, "stdio"));
    wait_for("the script", || ready.exists());
    let program = running.child().id();
    let children = format!("/proc/{program}/task/{program}/children");
    wait_for("the end of what it left", || {
        let children = fs::read_to_string(&children).unwrap();
        children.split_whitespace().count() == 1
    });
    kill_process(Pid::from_child(running.child()), Signal::TERM).unwrap();
    running.end();
}

#[test]
fn command_sees_no_end_of_file_when_its_source_fails() {
    let place = Place::new();
    let committed = place.path("committed");
    let started = place.path("started");
    let commit = format!(
        "exec:touch '{}'; cat >/dev/null && touch '{}'",
        started.display(),
        committed.display()
    );
    assert_failed(&cat("exec:echo some; exit 3", &commit).output().unwrap(), "exit status 3");
    assert!(!committed.exists(), "it committed half of the input");

    // The same with a connection that breaks off. If cat did the two steps in the wrong order,
    // chance would decide the outcome; so try it often.
    for _ in 0..20 {
        // The previous command may have been killed before it began.
        let _ = fs::remove_file(&started);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = format!("tcp:{}", server.local_addr().unwrap());
        let running = Running::start(cat(&from, &commit));
        let (mut server, _) = server.accept().unwrap();
        server.write_all(b"some").unwrap();
        wait_for("the command", || started.exists());
        set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        drop(server);
        assert_failed(&running.end(), "tcp:");
        assert!(!committed.exists(), "it committed half of the input");
    }
}

#[test]
fn command_sees_no_end_of_file_when_cat_is_stopped() {
    let place = Place::new();
    for _ in 0..20 {
        let committed = place.path("committed");
        let started = place.path("started");
        let script = format!(
            "touch '{}'; cat >/dev/null && touch '{}'",
            started.display(),
            committed.display()
        );
        let mut running = Running::start(cat(
            "exec:echo some; exec sleep 100 2>/dev/null",
            &format!("exec:{script}"),
        ));
        wait_for("the command", || started.exists());
        kill_process(Pid::from_child(running.child()), Signal::TERM).unwrap();
        running.end();
        assert!(!committed.exists(), "it committed half of the input");
        fs::remove_file(started).unwrap();
    }
}

#[test]
fn command_is_waited_for_under_ignored_sigchld() {
    let mut command = cat("exec:echo some", "stdio");
    command = with_signals("--ignore-signal=CHLD", &command);
    let output = command.output().unwrap();
    assert_succeeded(&output);
    assert_eq!(output.stdout, b"some\n");
}
