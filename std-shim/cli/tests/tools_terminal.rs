//! What a person sees on a terminal, for which `script(1)` stands in.

use std::process::{Command, Stdio};

/// What a shell command shows on a terminal of `columns` columns.
fn on_terminal(columns: u16, command: &str) -> String {
    let script = format!(
        "stty cols {columns} rows 40; ringway() {{ '{}' \"$@\"; }}; {command}",
        env!("CARGO_BIN_EXE_ringway")
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &script, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The text without the sequences that move the cursor or change the colour.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            text.push(character);
        } else if characters.next() == Some('[') {
            characters.by_ref().find(|character| character.is_ascii_alphabetic());
        }
    }
    text
}

#[test]
fn table_is_coloured_and_fits_the_terminal() {
    for columns in [70, 80, 100, 200] {
        let shown = on_terminal(columns, "ringway tour --input Cargo.toml --only ring,fifo,udp");
        assert!(shown.contains("\x1b["), "no colour: {shown}");
        let text = plain(&shown);
        assert!(text.contains("3 of 3 verified"), "{text}");
        for line in text.lines().filter(|line| !line.contains('\r')) {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
    }
}

#[test]
fn no_color_turns_colour_off() {
    let shown =
        on_terminal(80, "NO_COLOR=1 ringway tour --input Cargo.toml --only ring 2>/dev/null");
    assert!(shown.contains("1 of 1 verified") && !shown.contains('\x1b'), "{shown}");
}

#[test]
fn tour_shows_its_progress_on_a_terminal() {
    let shown = on_terminal(80, "ringway tour --only fifo,tcp >/dev/null");
    assert!(shown.contains("fifo") && shown.contains("0/2"), "{shown}");
}

#[test]
fn cat_shows_progress_and_a_summary_on_a_terminal() {
    let script = "head -c 3M /dev/zero | ringway cat stdio exec:'cat >/dev/null'";
    let shown = on_terminal(80, script);
    assert!(shown.contains("3.00 MiB in "), "{shown}");
    // Show nothing when told to be quiet, or when the moved bytes go to the terminal themselves.
    assert_eq!(on_terminal(80, "echo hi | ringway cat -q stdio exec:cat"), "hi\r\n");
    assert_eq!(on_terminal(80, "echo hi | ringway cat stdio stdio"), "hi\r\n");
}
