//! What the program prints about itself, and about arguments that it does not understand.

use std::process::{Command, Output};

fn ringway(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringway")).args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn help_shows_commands_and_hides_internal_ones() {
    let output = ringway(&["--help"]);
    assert!(output.status.success());
    let help = out(&output);
    for expected in ["tour", "cat", "signal", "shm", "completions", "Examples:", "Exit status:"] {
        assert!(help.contains(expected), "{expected} is missing:\n{help}");
    }
    assert!(!help.contains("tour-peer") && !help.contains("tour-row"), "{help}");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["tour", "cat", "signal", "bench", "shm", "completions"] {
        let output = ringway(&[command, "--help"]);
        assert!(output.status.success());
        assert!(out(&output).contains("Examples:"), "{command}: {}", out(&output));
    }
}

/// A line of a paragraph ends only where the next word would not have fitted.
#[test]
fn help_paragraphs_fill_their_lines() {
    let commands = ["", "tour", "cat", "signal", "signal watch", "signal send", "bench", "shm"];
    let more = ["shm ls", "shm stat", "shm rm", "shm top", "completions"];
    for command in commands.iter().chain(&more) {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = out(&ringway(&arguments));
        let lines: Vec<&str> = help.lines().collect();
        for pair in lines.windows(2) {
            let [line, next] = pair else { continue };
            let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
            if is_prose(line) && is_prose(next) {
                let word = next.split(' ').next().unwrap_or_default();
                let together = line.chars().count() + 1 + word.chars().count();
                assert!(together > 80, "{command}: '{line}' has room for '{word}'");
            }
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn version_is_the_packages() {
    let output = ringway(&["--version"]);
    assert_eq!(out(&output), format!("ringway {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn missing_command_shows_the_help_with_status_2() {
    let output = ringway(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: ringway"));
}

#[test]
fn usage_error_says_what_to_do_in_one_line() {
    for (args, expected) in [
        (&["tuor"][..], "tour"),
        (&["tour", "--only", "rong"], "ring"),
        (&["tour", "--deadline", "soon"], "a number of seconds"),
        (&["tour", "--inptu", "x"], "--input"),
        (&["cat", "stdio"], "<DST>"),
        (&["cat", "ftp:x", "stdio"], "exec:COMMAND"),
        (&["cat", "/etc/hosts", "stdio"], "file:/etc/hosts"),
        (&["cat", "stdio", "tcp:localhost"], "tcp:HOST:PORT"),
        (&["signal", "watch"], "<SIG>"),
        (&["signal", "watch", "NOSUCH"], "RTMIN+1"),
        (&["signal", "send", "TERM", "0"], "ps"),
        (&["signal", "send", "TERM"], "<PID>"),
        (&["shm", "stat"], "<NAME>"),
        (&["shm", "top", "--interval", "0"], "a number of seconds"),
        (&["completions", "cmd"], "bash"),
    ] {
        let output = ringway(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("ringway: "), "{told}");
        assert!(told.contains(expected), "{args:?}: {told}");
    }
}

#[test]
fn unwritable_output_is_a_failure() {
    for arguments in [
        "--help",
        "--version",
        "cat --help",
        "completions bash",
        "shm ls",
        "tour --only ring",
        "bench --quick --only ring",
        "signal watch --count 1 USR1",
    ] {
        for (to, expected) in [("&-", "the standard output is closed"), ("/dev/full", "no space")] {
            // A watch prints only when a signal comes.
            if to == "/dev/full" && arguments.starts_with("signal") {
                continue;
            }
            let script = format!("\"$0\" {arguments} >{to}");
            let program = env!("CARGO_BIN_EXE_ringway");
            let output = Command::new("sh").args(["-c", &script, program]).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{script}: {output:?}");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.lines().count() == 1 && told.contains(expected), "{script}: {told}");
        }
    }
    // A command that prints nothing needs no output.
    let script = "\"$0\" signal send CONT $$ >&-";
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_ringway")]).output();
    assert!(output.unwrap().status.success());
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ringway(&["completions", shell]);
        assert!(output.status.success());
        let script = out(&output);
        assert!(script.contains("tour") && script.contains("cat"), "{shell}");
    }
}

#[test]
fn bash_completions_are_a_valid_bash_script() {
    let script = out(&ringway(&["completions", "bash"]));
    let check = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
