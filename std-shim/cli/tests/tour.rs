//! The tour, as a person or a script runs it.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Every row of the tour.
const ROWS: [&str; 43] = [
    "pipe",
    "pipe-threads",
    "fifo",
    "unix-stream",
    "unix-seqpacket",
    "unix-datagram",
    "tcp",
    "udp",
    "link",
    "serial",
    "signal",
    "signal-queued",
    "process-pipe",
    "python",
    "shm-bytes",
    "shm-messages",
    "shm-queue",
    "shm-kill",
    "shm-broadcast",
    "shm-latest",
    "shm-lock",
    "shm-locks",
    "ring",
    "byte-ring",
    "memory-pipe",
    "memory-fifo",
    "memory-socket",
    "signal-table",
    "async-queue",
    "async-ring",
    "async-byte-ring",
    "async-messages",
    "async-broadcast",
    "async-latest",
    "async-locks",
    "async-memory",
    "async-pipe",
    "async-fifo",
    "async-stream",
    "async-tcp",
    "async-seqpacket",
    "async-connection",
    "async-signal",
];

fn tour(temporary: &Path) -> Command {
    // A shell's background job ignores interrupts, and so would everything that the test starts.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP", env!("CARGO_BIN_EXE_ringway")]);
    command.arg("tour").env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the tour with this input, and asserts that every row is verified.
fn every_row_is_verified_for(input: &[u8]) {
    let temporary = tempfile::tempdir().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(input).unwrap();
    let output = tour(temporary.path()).arg("--json").arg("--input").arg(file.path()).output();
    let output = output.unwrap();
    let report = json(&output);
    assert!(output.status.success(), "{report:#}\n{}", stderr(&output));
    assert_eq!(report["input"]["bytes"], input.len());
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), ROWS.len());
    for row in rows {
        assert_eq!(row["verified"], true, "{row:#}");
        let name = row["name"].as_str().unwrap();
        let limited = name.starts_with("signal")
            || name.starts_with("async-")
            || ["unix-datagram", "udp", "serial", "shm-broadcast", "shm-latest"].contains(&name);
        let bytes = row["bytes"].as_u64().unwrap() as usize;
        assert!(bytes == input.len() || limited && bytes < input.len() && bytes > 0, "{row:#}");
    }
    assert_nothing_left(temporary.path());
}

/// Asserts that the tour left no file in `temporary`, and no process that was started with it.
fn assert_nothing_left(temporary: &Path) {
    let files: Vec<_> = fs::read_dir(temporary).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.is_empty(), "{files:?}");
    let end = Instant::now() + Duration::from_secs(5);
    while !processes_of(temporary).is_empty() {
        assert!(Instant::now() < end, "{:?}", processes_of(temporary));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes whose environment names the directory: their numbers and command lines.
fn processes_of(temporary: &Path) -> Vec<(i32, String)> {
    let variable = format!("TMPDIR={}\0", temporary.display());
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        if environment.windows(variable.len()).any(|part| part == variable.as_bytes()) {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let number = process.file_name().to_str().and_then(|name| name.parse().ok());
            found.push((number.unwrap(), String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

#[test]
fn every_row_is_verified_in_the_documented_json() {
    let temporary = tempfile::tempdir().unwrap();
    let output = tour(temporary.path()).arg("--json").output().unwrap();
    let report = json(&output);
    assert!(output.status.success(), "{report:#}\n{}", stderr(&output));
    assert_eq!(report["format"], "ringway-tour/1");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["failed"], 0);
    assert_eq!(report["verified"], ROWS.len());
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    let program = fs::metadata(env!("CARGO_BIN_EXE_ringway")).unwrap().len();
    assert_eq!(report["input"]["bytes"], program);
    assert_eq!(report["input"]["path"], env!("CARGO_BIN_EXE_ringway"));
    let sha256 = report["input"]["sha256"].as_str().unwrap();
    assert!(sha256.len() == 64 && sha256.bytes().all(|digit| digit.is_ascii_hexdigit()));

    let rows = report["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ROWS);
    for row in rows {
        assert_eq!(row["verified"], true, "{row:#}");
        assert!(row["error"].is_null(), "{row:#}");
        for text in ["title", "between", "what"] {
            assert!(!row[text].as_str().unwrap().is_empty(), "{row:#}");
        }
        assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row:#}");
        assert!(row["bytes_per_second"].as_f64().unwrap() > 0.0, "{row:#}");
        let whole = row["bytes"].as_u64() == Some(program);
        assert_eq!(row["sha256"] == report["input"]["sha256"], whole, "{row:#}");
    }
    assert_nothing_left(temporary.path());
}

#[test]
fn every_row_verifies_an_empty_input() {
    every_row_is_verified_for(b"");
}

#[test]
fn every_row_verifies_one_byte() {
    every_row_is_verified_for(b"x");
}

#[test]
fn every_row_verifies_an_odd_size() {
    let input: Vec<u8> =
        (0..1_000_003u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    every_row_is_verified_for(&input);
}

#[test]
fn table_shows_every_row_within_the_width() {
    let temporary = tempfile::tempdir().unwrap();
    let output = tour(temporary.path())
        .args(["--input", "Cargo.toml", "--only", "ring,pipe"])
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    for expected in ["MECHANISM", "VERDICT", " pipe ", " ring ", "2 of 2 verified"] {
        assert!(table.contains(expected), "{expected} is missing:\n{table}");
    }
    assert_eq!(table.matches("✔ verified").count(), 2, "{table}");
    assert!(!table.contains('\x1b'), "no colour outside a terminal:\n{table}");
    assert!(!table.contains("udp"), "only what was asked for:\n{table}");
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn changing_input_fails_the_rows_with_a_reason() {
    let temporary = tempfile::tempdir().unwrap();
    // Each process that opens this path gets another file.
    let args = ["--json", "--only", "pipe,ring", "--input", "/proc/self/stat"];
    let output = tour(temporary.path()).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!((&report["failed"], &report["verified"]), (&2.into(), &0.into()));
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["verified"], false);
        assert!(row["error"].as_str().unwrap().contains("did the input change"), "{row:#}");
    }
    let told = stderr(&output);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("ringway: 2 of 2 rows failed: pipe: "), "{told}");
    assert_nothing_left(temporary.path());
}

#[test]
fn row_past_its_deadline_fails_and_is_gone() {
    let temporary = tempfile::tempdir().unwrap();
    let input = tempfile::NamedTempFile::new().unwrap();
    input.as_file().set_len(256 << 20).unwrap();
    let output = tour(temporary.path())
        .args(["--only", "fifo", "--deadline", "0.05", "--input"])
        .arg(input.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("fifo: no end within 50.000ms"), "{told}");
    assert!(told.contains("--deadline"), "{told}");
    assert_nothing_left(temporary.path());
}

#[test]
fn unreadable_input_is_reported_in_one_line() {
    let temporary = tempfile::tempdir().unwrap();
    for (input, reason) in [
        ("/nonexistent", "check the spelling"),
        ("/", "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ] {
        let output = tour(temporary.path()).args(["--input", input]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = stderr(&output);
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("ringway: ") && told.contains(reason), "{told}");
        assert!(output.stdout.is_empty());
    }
    assert_nothing_left(temporary.path());
}

/// Starts a long tour of these rows; returns once the first row is under way.
fn long_tour(temporary: &Path, input: &Path, rows: &str) -> Child {
    long_tour_as(tour(temporary), temporary, input, rows)
}

fn long_tour_as(mut command: Command, temporary: &Path, input: &Path, rows: &str) -> Child {
    let file = fs::File::create(input).unwrap();
    file.set_len(512 << 20).unwrap();
    let mut child = command
        .args(["--only", rows, "--input"])
        .arg(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    // Wait for a process at the far end that has executed the program: it is no longer a copy of
    // the row's process.
    while !processes_of(temporary).iter().any(|(_, line)| line.contains("tour-peer")) {
        assert!(Instant::now() < end, "no row began");
        assert!(child.try_wait().unwrap().is_none(), "the tour ended before it was stopped");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn vanished_input_fails_the_later_rows() {
    let temporary = tempfile::tempdir().unwrap();
    let inputs = tempfile::tempdir().unwrap();
    let input = inputs.path().join("input");
    let child =
        long_tour(temporary.path(), &input, "pipe,fifo,signal,ring,async-queue,async-memory");
    fs::remove_file(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    // The first row already has the input open.
    assert!(told.starts_with("ringway: 5 of 6 rows failed: fifo: "), "{told}");
    assert_eq!(told.matches("cannot open the input").count(), 5, "{told}");
    assert_nothing_left(temporary.path());
}

#[test]
fn interrupted_tour_leaves_no_process_and_no_file() {
    let inputs = tempfile::tempdir().unwrap();
    for with in [Signal::INT, Signal::TERM, Signal::HUP] {
        let temporary = tempfile::tempdir().unwrap();
        let child = long_tour(temporary.path(), &inputs.path().join("input"), "fifo,pipe");
        signal(&child, with);
        let output = child.wait_with_output().unwrap();
        // A shell wants to see the signal: its loop then ends when Ctrl-C ended a command.
        assert_eq!(output.status.signal(), Some(with.as_raw()), "{output:?}");
        assert!(output.stdout.is_empty(), "no result of half a tour");
        assert!(stderr(&output).contains("nothing is left behind"), "{output:?}");
        assert_nothing_left(temporary.path());
    }
}

#[test]
fn interrupted_tour_leaves_no_shared_memory() {
    let inputs = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let child = long_tour(temporary.path(), &inputs.path().join("input"), "shm-bytes");
    let folder = folder_in(temporary.path());
    let region = Path::new("/dev/shm").join(folder.file_name().unwrap());
    assert!(region.exists(), "the row is under way");
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    assert!(!region.exists());
    assert_nothing_left(temporary.path());
}

#[test]
fn tour_survives_a_signal_ignored_at_start() {
    let temporary = tempfile::tempdir().unwrap();
    let input = temporary.path().join("input");
    fs::File::create(&input).unwrap().set_len(64 << 20).unwrap();
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_ringway"));
    command.args(["tour", "--only", "pipe,fifo", "--input"]).arg(&input);
    let places = tempfile::tempdir().unwrap();
    command.env("TMPDIR", places.path()).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while processes_of(places.path()).len() < 3 {
        assert!(Instant::now() < end, "no row began");
    }
    signal(&child, Signal::HUP);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn killed_tour_takes_its_processes_with_it() {
    let temporary = tempfile::tempdir().unwrap();
    let inputs = tempfile::tempdir().unwrap();
    let child = long_tour(temporary.path(), &inputs.path().join("input"), "fifo,pipe");
    signal(&child, Signal::KILL);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    let end = Instant::now() + Duration::from_secs(5);
    while !processes_of(temporary.path()).is_empty() {
        assert!(Instant::now() < end, "{:?}", processes_of(temporary.path()));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn killed_process_fails_only_its_row_with_a_reason() {
    let inputs = tempfile::tempdir().unwrap();
    for (part, reason, how) in [
        ("tour-row", "pipe: its process gave no report while ", ": ended by SIGKILL"),
        ("tour-peer", "pipe: the far end gave no report: ", "ended by SIGKILL"),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let child = long_tour(temporary.path(), &inputs.path().join("input"), "pipe,ring");
        let processes = processes_of(temporary.path());
        let (victim, _) = processes.iter().find(|(_, line)| line.contains(part)).unwrap();
        kill_process(Pid::from_raw(*victim).unwrap(), Signal::KILL).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = stderr(&output);
        assert!(told.starts_with(&format!("ringway: 1 of 2 rows failed: {reason}")), "{told}");
        assert!(told.contains(how), "{told}");
        assert_nothing_left(temporary.path());
    }
}

/// The tour's own folder in `temporary`.
fn folder_in(temporary: &Path) -> PathBuf {
    let mut entries = fs::read_dir(temporary).unwrap();
    entries.next().expect("the tour has made its folder").unwrap().path()
}

#[test]
fn tour_folder_is_private_under_any_umask() {
    let inputs = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let input = inputs.path().join("input");
    let child = long_tour_as(wide_open(temporary.path()), temporary.path(), &input, "pipe");
    let mode = folder_in(temporary.path()).metadata().unwrap().permissions().mode();
    signal(&child, Signal::INT);
    child.wait_with_output().unwrap();
    assert_eq!(mode & 0o777, 0o700);
}

/// A tour whose umask removes no permissions.
fn wide_open(temporary: &Path) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP", "sh", "-c", "umask 0; exec \"$0\" tour \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_ringway")).env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

#[test]
fn interrupt_keeps_what_replaced_the_tour_folder() {
    let inputs = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let child = long_tour(temporary.path(), &inputs.path().join("input"), "pipe");
    let folder = folder_in(temporary.path());
    fs::rename(&folder, inputs.path().join("moved")).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("of another program"), "precious").unwrap();
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    assert_eq!(fs::read_to_string(folder.join("of another program")).unwrap(), "precious");
}

#[test]
fn tour_fails_if_its_folder_cannot_be_removed() {
    let inputs = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let input = inputs.path().join("input");
    let command = without_privileges(tour(temporary.path()));
    let child = long_tour_as(command, temporary.path(), &input, "pipe");
    fs::set_permissions(temporary.path(), Permissions::from_mode(0o500)).unwrap();
    let output = child.wait_with_output().unwrap();
    fs::set_permissions(temporary.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("cannot remove "), "{output:?}");
}

/// The same command, bound by file modes even for root.
fn without_privileges(command: Command) -> Command {
    if !rustix::process::getuid().is_root() {
        return command;
    }
    let mut bound = Command::new("setpriv");
    bound.arg("--bounding-set=-all").arg(command.get_program()).args(command.get_args());
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    bound.envs(set).stdin(Stdio::null());
    bound
}

#[test]
fn refused_thread_is_an_error_and_no_panic() {
    // A stack larger than any address space.
    const TOO_LARGE: (&str, &str) = ("RUST_MIN_STACK", "140000000000000");
    let temporary = tempfile::tempdir().unwrap();
    for arguments in [&["tour", "--only", "ring"][..], &["cat", "-", "-"], &["bench", "--quick"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        command.args(arguments).env(TOO_LARGE.0, TOO_LARGE.1).env("TMPDIR", temporary.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = stderr(&output);
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("ringway: cannot start a thread"), "{told}");
    }
    assert_nothing_left(temporary.path());
}
