//! Signals between the program and a shell (kill and trap), and between it and Python's
//! `sigwaitinfo`.

use super::shell::{Place, Running};
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// A watch that is ready.
fn watch(place: &Place, arguments: &str) -> Running {
    // A shell's background job has interrupts ignored, and so would all that the test starts.
    let defaults = "exec env --default-signal=INT,TERM,HUP";
    let watch = place.start(&format!("{defaults} ringway signal watch {arguments}"));
    place.wait_until("watching", || {
        fs::read_to_string(place.path("stderr")).is_ok_and(|said| said.contains("watching"))
    });
    watch
}

/// A script that has reported that it is ready, by creating a file of this name.
fn ready(place: &Place, script: &str) -> Running {
    let running = place.start(script);
    place.wait_until("ready", || place.path("ready").exists());
    running
}

#[test]
fn kill_from_the_shell_is_printed_with_its_sender() {
    let place = Place::new();
    let watch = watch(&place, "--count 2 USR1 RTMIN+2");
    // A builtin of the shell: the shell is the sender.
    let shell = place.start(&format!("kill -USR1 {0}; kill -RTMIN+2 {0}", watch.pid()));
    let sender = shell.pid();
    shell.end();
    let user = rustix::process::getuid();
    assert_eq!(
        watch.end(),
        format!(
            "SIGUSR1 from process {sender} of user {user}\n\
             SIGRTMIN+2 from process {sender} of user {user}\n"
        )
    );
}

#[test]
fn kill_ends_a_watch_for_something_else() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let place = Place::new();
        let watch = watch(&place, "USR1");
        place.start(&format!("kill -{signal} {}", watch.pid())).end();
        let output = watch.output();
        assert_eq!((output.status.signal(), &output.stdout[..]), (Some(number), &b""[..]));
    }
}

#[test]
fn an_interrupt_ends_the_whole_loop_of_a_shell() {
    let place = Place::new();
    // A terminal sends the signal to the whole group, so this does too. The first shell does not
    // get it, and prints how the second shell ended.
    let shell = place.start(
        "set -m
         env --default-signal=INT bash -c '
             for round in 1 2 3; do
                 echo $round >> rounds
                 ringway cat fifo:meet - 2> told
             done' &
         until [ -p meet ]; do sleep 0.01; done
         echo $! > number && mv number group
         wait $!; echo $?",
    );
    // `group` gets its name when it has its content.
    place.wait_until("in a round", || place.path("group").exists());
    let group = fs::read_to_string(place.path("group")).unwrap();
    place.start(&format!("kill -INT -- -{}", group.trim())).end();
    // 128 and 2: SIGINT ended it.
    assert_eq!(shell.end(), "130\n");
    assert_eq!(fs::read_to_string(place.path("rounds")).unwrap(), "1\n");
    // A shell that is not waiting yet dies at once, maybe before the program has cleaned up.
    place.wait_until("without the FIFO", || !place.path("meet").exists());
}

#[test]
fn a_shell_traps_what_is_sent() {
    let place = Place::new();
    let shell = ready(
        &place,
        "trap 'echo trapped USR2; exit 0' USR2; touch ready; while :; do sleep 0.01; done",
    );
    place.start(&format!("ringway signal send USR2 {}", shell.pid())).end();
    assert_eq!(shell.end(), "trapped USR2\n");
}

#[test]
fn a_shell_that_traps_nothing_ends_of_what_is_sent() {
    let place = Place::new();
    let shell = ready(&place, "touch ready; exec sleep 1000");
    place.start(&format!("ringway signal send SIGTERM {}", shell.pid())).end();
    let status = shell.output().status;
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn values_arrive_in_order_and_none_is_lost() {
    let place = Place::new();
    let watch = watch(&place, "--count 50 RTMIN+1");
    let send = "for n in $(seq 50); do ringway signal send --value $n RTMIN+1";
    place.start(&format!("{send} {}; done", watch.pid())).end();
    let printed = watch.end();
    let values: Vec<_> = printed.lines().filter_map(|line| line.split(", value ").nth(1)).collect();
    assert_eq!(values, (1..=50).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn python_sees_a_queued_signal_and_its_sender() {
    let place = Place::new();
    let python = ready(
        &place,
        "exec python3 -c '
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
open(\"ready\", \"w\")
info = signal.sigwaitinfo([signal.SIGUSR1])
print(info.si_code, info.si_pid)
'",
    );
    let sender = place.start(&format!("exec ringway signal send --value 7 USR1 {}", python.pid()));
    let pid = sender.pid();
    sender.end();
    // SI_QUEUE
    assert_eq!(python.end(), format!("-1 {pid}\n"));
}

#[test]
fn sending_to_a_missing_process_exits_with_status_1() {
    let place = Place::new();
    let gone = place.start("exit 0");
    let pid = gone.pid();
    gone.end();
    let output = place.start(&format!("ringway signal send USR1 {pid}")).output();
    assert_eq!(output.status.code(), Some(1));
    let complaint = fs::read_to_string(place.path("stderr")).unwrap();
    assert!(complaint.contains(&pid.to_string()), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}
