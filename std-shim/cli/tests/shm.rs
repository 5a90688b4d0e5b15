//! `ringway shm`, on real regions: of this process, of one that was killed, and of none.

#[allow(dead_code)]
#[path = "../../tests/support/fault.rs"]
mod fault;

use fault::{Fault, inject};
use ringway::shm::{ByteRing, Layout, Queue, Region, Ring, survey};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

type Jobs = Queue<u64, 16>;
type Log = ByteRing<4096>;
type Numbers = Ring<u32, 10>;

/// A name of this test's own; what has it is removed when the test is over, however it ends.
struct Name(String);

impl Name {
    fn new(what: &str) -> Name {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Name(format!("ringway-test-{what}-{}-{count}", std::process::id()))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/dev/shm").join(&self.0)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path());
    }
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is said of a name that nothing has.
const NOTHING: &str = "nothing has this name";

const NAME: &str = "RINGWAY_TEST_REGION";

/// The part of the child, in the test that it is told to run: attaches, takes the log's producer,
/// and stays.
fn stay_attached(name: &str) -> ! {
    let log = Region::open(name).unwrap().part::<Log>("log").unwrap();
    let _producer = log.producer().unwrap();
    println!("attached");
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Another process that is attached to the region and has the log's producer.
fn attached_child(name: &Name) -> Killed {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = "a_region_is_told_with_its_parts_its_fill_and_the_living_and_the_dead";
    command.args([test, "--exact", "--nocapture"]).env(NAME, &name.0);
    let mut child = Killed(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    // The harness says something first, on the same line.
    assert!(lines.any(|line| line.unwrap().ends_with("attached")));
    child
}

fn shm(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.arg("shm").args(args).env("COLUMNS", "120").stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    shm(args).output().unwrap()
}

/// What it prints, when it ends well.
fn printed(args: &[&str]) -> String {
    let output = output(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it complains of, in one line.
fn refused(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("ringway: "), "{told}");
    told
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&printed(args)).unwrap()
}

/// The region of this name, of those that `ls` lists.
fn listed(name: &str) -> Option<Value> {
    let list = json(&["ls", "--json"]);
    assert_eq!(list["format"], "ringway-shm/1");
    list["regions"].as_array().unwrap().iter().find(|region| region["name"] == name).cloned()
}

fn layout() -> Layout {
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Log>("log").unwrap();
    layout.part::<Numbers>("numbers").unwrap()
}

/// The words of the first line that begins with `first`.
fn words(text: &str, first: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(first));
    let line = line.unwrap_or_else(|| panic!("no line of {first}:\n{text}"));
    line.split_whitespace().map(str::to_string).collect()
}

#[test]
fn a_region_is_told_with_its_parts_its_fill_and_the_living_and_the_dead() {
    if let Ok(name) = std::env::var(NAME) {
        stay_attached(&name);
    }
    let name = Name::new("told");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = region.part::<Jobs>("jobs").unwrap();
    (0..5).for_each(|job| jobs.try_push(job).unwrap());
    assert_eq!(jobs.try_pop(), Some(0));
    let _claim = jobs.try_claim().unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut consumer = numbers.consumer().unwrap();
    let mut producer = numbers.producer().unwrap();
    assert_eq!(producer.try_push_slice(&[1; 7]), 7);
    producer.close();
    assert_eq!(consumer.try_pop(), Some(1));
    let child = attached_child(&name);
    let process = child.0.id();

    let before = listed(&name.0).unwrap();
    assert_eq!(before["error"], Value::Null);
    assert_eq!(
        (&before["alive"], &before["dead"], &before["places"]),
        (&2.into(), &0.into(), &8.into())
    );
    assert_eq!(before["size"], region.size());
    let comm = fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
    assert_eq!(before["participants"][1]["program"], comm.trim_end());
    drop(child);

    let stat = json(&["stat", &name.0, "--json"]);
    assert_eq!(stat["format"], "ringway-shm/1");
    let stat = &stat["region"];
    assert_eq!(*stat, listed(&name.0).unwrap(), "both tell the same");
    assert_eq!((&stat["alive"], &stat["dead"]), (&1.into(), &1.into()));
    let number = region.participant().number();
    let alive = &stat["participants"][0];
    assert_eq!(alive["number"], number);
    assert_eq!(alive["process"], std::process::id());
    assert_eq!(alive["generation"], region.generation());
    assert_eq!(alive["alive"], true);
    let dead = &stat["participants"][1];
    assert_eq!((&dead["process"], &dead["alive"]), (&process.into(), &false.into()));
    assert_eq!(dead["program"], Value::Null, "its number may be another's by now");

    let part = |index: usize| &stat["parts"][index];
    let queue = part(0);
    assert_eq!((&queue["name"], &queue["kind"]), (&"jobs".into(), &"queue".into()));
    assert_eq!((&queue["filled"], &queue["unfinished"]), (&3.into(), &4.into()));
    assert_eq!((&queue["pushed"], &queue["closed"]), (&5.into(), &false.into()));
    assert_eq!((&queue["capacity"], &queue["item_size"]), (&16.into(), &8.into()));
    assert_eq!(queue["size"], size_of::<Jobs>());
    let identity = ringway::shm::TypeName::new("u64").identity();
    assert_eq!((&queue["item_align"], &queue["item_type"]), (&8.into(), &identity.into()));
    let log = part(1);
    assert_eq!((&log["kind"], &log["filled"]), (&"byte ring".into(), &0.into()));
    assert_eq!(
        log["holders"][0]["half"], "producer",
        "the dead one's, until somebody puts it right"
    );
    assert_eq!(log["holders"][0]["participant"], dead["number"]);
    let ring = part(2);
    assert_eq!(
        (&ring["filled"], &ring["closed"]),
        (&6.into(), &true.into()),
        "its producer closed"
    );
    assert_eq!(ring["pushed"], Value::Null, "a ring does not count");
    assert_eq!(ring["holders"][0]["participant"], number);

    let table = printed(&["stat", &name.0]);
    assert!(table.contains("3 parts; 2 of 8 places taken"), "{table}");
    assert_eq!(words(&table, "jobs")[1..7], ["queue", "16", "×", "8", "B", "3"], "{table}");
    assert!(table.contains("producer gone, consumer 1"), "{table}");
    assert!(table.contains("alive") && table.contains("consumer of numbers"), "{table}");
    assert!(table.contains("dead") && table.contains("producer of log"), "{table}");
    assert!(!table.contains('\x1b'), "no colour outside a terminal:\n{table}");
    let list = printed(&["ls"]);
    let line = words(&list, &name.0).join(" ");
    assert!(line.ends_with("3 1 of 8 in use; 1 died"), "{line}");

    // Nothing of all this changed anything; now somebody does.
    assert_eq!(region.reap(), 1);
    let after = listed(&name.0).unwrap();
    assert_eq!((&after["dead"], &after["parts"][1]["holders"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(after["parts"][1]["closed"], true);
}

#[test]
fn other_programs_files_are_left_out_and_a_corrupted_region_hides_no_other() {
    let (good, bad, foreign, cut) =
        (Name::new("good"), Name::new("bad"), Name::new("foreign"), Name::new("cut"));
    let region = Region::create(&good.0, 0o600, &layout()).unwrap();
    let whole = fs::read(good.path()).unwrap();
    // Everything of the header and the directory but the magic is invalid.
    let mut corrupted = whole.clone();
    corrupted[16..512].fill(0xa5);
    fs::write(bad.path(), &corrupted).unwrap();
    fs::write(foreign.path(), b"somebody else's").unwrap();
    fs::write(cut.path(), &whole[..whole.len() - 128]).unwrap();

    assert_eq!(listed(&good.0).unwrap()["error"], Value::Null);
    assert!(listed(&foreign.0).is_none());
    let error = |name: &Name| listed(&name.0).unwrap()["error"].as_str().unwrap().to_string();
    assert!(error(&bad).contains("it says that it has"), "{}", error(&bad));
    assert!(error(&cut).contains("make it anew"), "{}", error(&cut));
    let list = printed(&["ls"]);
    assert!(
        list.contains(&good.0) && list.contains(&bad.0) && !list.contains(&foreign.0),
        "{list}"
    );

    // The directory alone, and the words of a part alone.
    corrupted[..64].copy_from_slice(&whole[..64]);
    fs::write(bad.path(), &corrupted).unwrap();
    assert!(error(&bad).contains("its directory was overwritten"), "{}", error(&bad));
    let numbers = survey::named(&good.0).unwrap().parts[2].offset;
    let file = fs::File::options().write(true).open(good.path()).unwrap();
    file.write_all_at(&[0xff; 256], numbers.into()).unwrap();
    let seen = listed(&good.0).unwrap();
    assert_eq!(
        (&seen["parts"][2]["sound"], &seen["parts"][0]["sound"]),
        (&false.into(), &true.into())
    );
    assert!(printed(&["stat", &good.0]).contains("corrupt"));
    assert!(printed(&["ls"]).contains("corrupt: numbers"));
    file.write_all_at(&[0; 256], numbers.into()).unwrap();
    drop(region);

    for name in [&bad, &cut, &foreign] {
        let told = refused(&["stat", &name.0]);
        assert!(told.contains(&format!("cannot look at the region {}: ", name.0)), "{told}");
    }
    assert!(refused(&["stat", "ringway-test-nothing"]).contains(NOTHING));
    assert!(refused(&["stat", "../etc/passwd"]).contains("name"));
}

#[test]
fn a_file_that_may_not_be_read_is_told_as_such() {
    let name = Name::new("secret");
    let _region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut command = shm(&["ls", "--json"]);
    // The program lies where only we may get at it.
    let copy = tempfile::tempdir().unwrap();
    if rustix::process::getuid().is_root() {
        let program = copy.path().join("ringway");
        // By another process: one that has it open to write while another test forks could not
        // execute it.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_ringway")).arg(&program).status();
        assert!(copied.unwrap().success());
        for path in [copy.path(), &program] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        command = Command::new(program);
        command.args(["shm", "ls", "--json"]).uid(65534).gid(65534);
    } else {
        fs::set_permissions(name.path(), Permissions::from_mode(0o000)).unwrap();
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let regions = list["regions"].as_array().unwrap();
    let found = regions.iter().find(|region| region["name"] == name.0.as_str()).unwrap();
    assert!(found["error"].as_str().unwrap().contains("ermission denied"), "{found:#}");
    assert_eq!(found["size"], Value::Null);
}

#[test]
fn a_region_without_a_name_is_found_where_a_process_has_it_open() {
    let region = Region::anonymous(&layout()).unwrap();
    // A number that the other tests of this process do not come to, so that it is nobody's when we
    // have closed it.
    let number = rustix::io::fcntl_dupfd_cloexec(&region, 900).unwrap();
    let name = format!("memfd:{}/{}", std::process::id(), number.as_raw_fd());
    let stat = json(&["stat", "--json", &name]);
    assert_eq!(stat["region"]["participants"][0]["process"], std::process::id());
    // Under the first of its descriptors, and once.
    let same = Region::from_fd(&region).unwrap();
    let list = json(&["ls", "--json"]);
    let regions = list["regions"].as_array().unwrap();
    let ours: Vec<_> = regions
        .iter()
        .filter(|region| {
            let name = region["name"].as_str().unwrap();
            name.starts_with(&format!("memfd:{}/", std::process::id())) && region["alive"] == 2
        })
        .collect();
    assert_eq!(ours.len(), 1, "{list:#}");
    assert!(refused(&["rm", &name]).contains("has no name that could be removed"));
    drop((region, same, number));
    refused(&["stat", &name]);
}

#[test]
fn a_region_in_use_is_removed_only_by_force_and_a_stale_one_as_it_is() {
    let name = Name::new("rm");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // As POSIX has it: one slash in front, and no other.
    assert!(printed(&["stat", &format!("/{}", name.0)]).contains("numbers"));
    assert!(refused(&["rm", &format!("/{}", name.0)]).contains("is in use"));
    assert!(refused(&["rm", "one/two"]).contains("no slash but one in front"));
    let me = std::process::id();
    let told = refused(&["rm", &name.0]);
    assert!(told.contains(&format!("is in use: process {me} is attached")), "{told}");
    assert!(told.contains("--force") && name.path().exists(), "{told}");
    let child = attached_child(&name);
    let told = refused(&["rm", &name.0]);
    assert!(told.contains(&format!("processes {me}, {} are attached", child.0.id())), "{told}");
    let done = printed(&["rm", "--force", &name.0]);
    assert!(done.starts_with(&format!("removed the name {}: processes {me}, ", name.0)), "{done}");
    assert!(!name.path().exists());
    assert_eq!(region.participants().len(), 2, "they go on");
    drop((child, region));

    // One that only a process knew which was killed.
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let child = attached_child(&name);
    std::mem::forget(fs::File::open(name.path()).unwrap());
    // Whoever detaches as the last takes the name along; this one stays behind, with the dead.
    let kept = Name::new("kept");
    fs::hard_link(name.path(), kept.path()).unwrap();
    drop((child, region));
    let line = words(&printed(&["ls"]), &kept.0).join(" ");
    assert!(line.ends_with("0 of 8 stale: nobody is attached"), "{line}");
    let done = printed(&["rm", &kept.0]);
    assert_eq!(done, format!("removed {}: nobody was attached\n", kept.0));
    assert!(!kept.path().exists());
}

#[test]
fn what_is_no_region_is_not_removed_and_a_corrupted_one_is() {
    let (foreign, corrupted) = (Name::new("foreign"), Name::new("corrupted"));
    fs::write(foreign.path(), b"somebody else's").unwrap();
    for force in [&[][..], &["--force"]] {
        let told = refused(&[&["rm", &foreign.0], force].concat());
        assert!(told.contains("it is not a region"), "{told}");
    }
    assert!(foreign.path().exists());
    fs::write(corrupted.path(), [&b"RINGWAY\0"[..], &[0xa5; 4096]].concat()).unwrap();
    printed(&["rm", &corrupted.0]);
    assert!(!corrupted.path().exists());
    assert!(refused(&["rm", &corrupted.0]).contains(NOTHING));
}

#[test]
fn a_corrupted_region_is_in_use_as_long_as_the_kernel_says_so() {
    let name = Name::new("alive");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let file = fs::File::options().write(true).open(name.path()).unwrap();
    file.write_all_at(&[0xa5; 512], 8).unwrap();
    let told = refused(&["rm", &name.0]);
    assert!(told.contains("is in use: somebody is attached"), "{told}");
    printed(&["rm", "--force", &name.0]);
    assert!(!name.path().exists());
    // What is left of it is not worth detaching from.
    std::mem::forget(region);
}

#[test]
fn a_name_that_would_move_the_cursor_is_shown_without() {
    let name = Name(format!("{}\x1b[2J\n", Name::new("esc").0));
    let layout = Layout::new(2).part::<Numbers>("part\x1b[1m").unwrap();
    let _region = Region::create(&name.0, 0o600, &layout).unwrap();
    for args in [&["ls"][..], &["stat", &name.0], &["top", "--once", "--interval", "0.01"]] {
        let text = printed(args);
        assert!(!text.contains('\x1b') && text.contains('\u{fffd}'), "{text}");
    }
    assert!(!refused(&["rm", &name.0]).contains('\x1b'));
    assert!(listed(&name.0).is_some(), "JSON has its own way of saying it");
}

#[test]
fn top_tells_the_rate_of_an_interval_once() {
    let name = Name::new("rate");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = region.part::<Jobs>("jobs").unwrap();
    let top = shm(&["top", "--once", "-i", "0.5", &name.0]).stdout(Stdio::piped()).spawn();
    let mut top = Killed(top.unwrap());
    while top.0.try_wait().unwrap().is_none() {
        jobs.try_push(1).unwrap();
        jobs.try_pop().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let text = std::io::read_to_string(top.0.stdout.take().unwrap()).unwrap();
    let line = words(&text, &name.0);
    // REGION ATTACHED PART KIND FILLED ROOM FOR … FULL … PUSHED/S
    assert_eq!(line[1..4], ["1", "jobs", "queue"], "{text}");
    let rate: f64 = line.last().unwrap().parse().unwrap();
    assert!(rate > 0.0, "{text}");
    assert!(words(&text, "log").ends_with(&["%".to_string(), "–".to_string()]), "{text}");
}

#[test]
fn top_prints_a_block_for_each_interval_until_it_is_interrupted() {
    let name = Name::new("blocks");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // Interrupted it ends, as in a terminal; a hang-up it ignores, as under nohup.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "--ignore-signal=HUP"]);
    command.args([env!("CARGO_BIN_EXE_ringway"), "shm", "top", "--interval", "0.05", &name.0]);
    command.env("COLUMNS", "120").stdin(Stdio::null());
    let top = command.stdout(Stdio::piped()).spawn();
    let mut top = Killed(top.unwrap());
    let lines = BufReader::new(top.0.stdout.take().unwrap()).lines();
    let mut blocks = 0;
    let mut region = Some(region);
    let mut was_told = false;
    let end = Instant::now() + Duration::from_secs(60);
    for line in lines {
        let line = line.unwrap();
        blocks += usize::from(line.contains("REGION"));
        if blocks == 2 {
            let pid = rustix::process::Pid::from_child(&top.0);
            rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        }
        if blocks == 3 {
            // One that goes away may come again.
            region.take();
        }
        if !was_told && line.contains(&name.0) && line.contains("nothing") {
            was_told = true;
            let pid = rustix::process::Pid::from_child(&top.0);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        assert!(
            Instant::now() < end,
            "{blocks} blocks, and it was not told that the region is gone"
        );
    }
    assert!(was_told && blocks > 3, "{blocks}");
    assert!(top.0.wait().unwrap().success());
}

/// Runs a shell command on a terminal, which `script(1)` plays, until it ends; returns all that the
/// terminal was told.
fn on_terminal(command: &str) -> String {
    let command = format!(
        "stty cols 90 rows 12; ringway() {{ '{}' \"$@\"; }}; {command}",
        env!("CARGO_BIN_EXE_ringway")
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    script.env_remove("NO_COLOR").env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
    let output = script.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn on_a_terminal_top_draws_in_place_and_gives_the_screen_back() {
    let name = Name::new("screen");
    let _region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // Stopped and continued, then interrupted, as from the keyboard.
    let script = format!(
        "env --default-signal=INT,TSTP sh -c 'echo $$ >{pid}; exec \"$0\" shm top -i 0.05 {name}' {program} & \
         sleep 0.6; kill -TSTP $(cat {pid}); sleep 0.3; kill -CONT $(cat {pid}); sleep 0.3; \
         kill -INT $(cat {pid}); wait $!; echo status $?",
        pid = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap().display(),
        name = name.0,
        program = env!("CARGO_BIN_EXE_ringway"),
    );
    let shown = on_terminal(&script);
    let count = |text: &str| shown.matches(text).count();
    assert_eq!(count("\x1b[?1049h"), 2, "{shown:?}");
    assert_eq!((count("\x1b[?1049l"), count("\x1b[?25h")), (2, 2), "{shown:?}");
    assert!(count("\x1b[H") > 2, "it was drawn again: {shown:?}");
    let (_, after) = shown.rsplit_once("\x1b[?1049l").unwrap();
    assert!(after.contains("status 0") && !after.contains("jobs"), "{after:?}");
    for line in shown.lines().filter(|line| line.contains(&name.0)) {
        assert!(line.contains("queue"), "{line:?}");
    }
}

#[test]
fn the_help_tells_where_regions_without_a_name_are() {
    for args in [
        &["--help"][..],
        &["ls", "--help"],
        &["stat", "--help"],
        &["rm", "--help"],
        &["top", "--help"],
    ] {
        let help = printed(args);
        assert!(help.contains("Examples:"), "{help}");
    }
    assert!(printed(&["--help"]).contains("memfd:PID/FD"));
}

#[test]
fn a_name_that_cannot_be_removed_is_told_and_the_status_says_so() {
    let name = Name::new("stays");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // As in a folder where only the owner of a file may remove it, and that is somebody else.
    let refused = Fault::new(libc::SYS_unlinkat, libc::EPERM);
    for arguments in [&["rm", "--force", &name.0][..], &["rm", &name.0]] {
        let mut command = shm(arguments);
        // SAFETY: the copy makes two system calls, and allocates, for which the C library has seen
        // to its locks.
        unsafe {
            command.pre_exec(move || {
                inject(&[refused]);
                Ok(())
            })
        };
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{said}");
        let expected = if arguments.len() == 3 { "only user" } else { "is in use" };
        assert!(said.contains(expected), "{said}");
        assert!(name.path().exists());
    }
    drop(region);
}

/// What it prints, when it ends well, and within a minute.
fn printed_in_time(args: &[&str]) -> String {
    let mut child = Killed(shm(args).stdout(Stdio::piped()).spawn().unwrap());
    let end = Instant::now() + Duration::from_secs(60);
    // What it prints fits into the pipe.
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "{args:?} does not end");
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success(), "{args:?}: {status}");
    std::io::read_to_string(child.0.stdout.take().unwrap()).unwrap()
}

#[test]
fn corrupt_queues_keep_no_command_from_ending_and_hide_no_other_region() {
    let good = Name::new("good");
    let whole = Region::create(&good.0, 0o600, &layout()).unwrap();
    let jobs = survey::named(&good.0).unwrap().parts.swap_remove(0);
    let size = jobs.description.size as usize;
    let bad: Vec<_> = (0..12_u64)
        .map(|seed| {
            let name = Name::new("bad");
            let region = Region::create(&name.0, 0o600, &layout()).unwrap();
            let mut state = seed;
            // The first is all ones, the others are noise.
            let word = std::iter::repeat_with(|| match seed {
                0 => u64::MAX,
                _ => {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
                    state.rotate_left(29)
                }
            });
            let bytes: Vec<u8> = word.flat_map(u64::to_ne_bytes).take(size).collect();
            let file = fs::File::options().write(true).open(name.path()).unwrap();
            file.write_all_at(&bytes, jobs.offset.into()).unwrap();
            (name, region)
        })
        .collect();
    let list = printed_in_time(&["ls"]);
    let top = printed_in_time(&["top", "--once", "--interval", "0.01"]);
    assert!(words(&list, &good.0).contains(&"use".to_string()), "{list}");
    assert!(top.contains(&good.0), "{top}");
    for (name, _) in &bad {
        assert!(words(&list, &name.0).contains(&"corrupt:".to_string()), "{list}");
        assert!(top.contains(&name.0), "{top}");
        assert!(printed_in_time(&["stat", &name.0]).contains("corrupt"));
        printed_in_time(&["rm", "--force", &name.0]);
    }
    drop((whole, bad));
}
