//! `ringway shm` on real regions: of this process, of one that was killed, and of none.

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

/// A name of this test's own. Dropping it removes the region of this name, if there is one.
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

/// The message about a name that nothing has.
const NOTHING: &str = "nothing has this name";

const NAME: &str = "RINGWAY_TEST_REGION";

/// The child's side of the test that it is told to run.
///
/// It attaches, takes the log's producer, and stays.
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
    let test = "stat_shows_parts_fill_and_participants";
    command.args([test, "--exact", "--nocapture"]).env(NAME, &name.0);
    let mut child = Killed(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    // The test harness prints something before it on the same line.
    assert!(lines.any(|line| line.unwrap().ends_with("attached")));
    child
}

fn shm(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    // Wide enough for regions of others whose names are longer.
    command.arg("shm").args(args).env("COLUMNS", "400").stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    shm(args).output().unwrap()
}

/// The standard output of a command, which must succeed.
fn printed(args: &[&str]) -> String {
    let output = output(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a command's standard error; the command must fail.
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

/// The region of this name among those that `ls` lists.
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
fn stat_shows_parts_fill_and_participants() {
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

    // None of these commands changed anything; now `reap` does.
    assert_eq!(region.reap(), 1);
    let after = listed(&name.0).unwrap();
    assert_eq!((&after["dead"], &after["parts"][1]["holders"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(after["parts"][1]["closed"], true);
}

#[test]
fn ls_skips_foreign_files_and_shows_corrupt_regions() {
    let (good, bad, foreign, cut) =
        (Name::new("good"), Name::new("bad"), Name::new("foreign"), Name::new("cut"));
    let region = Region::create(&good.0, 0o600, &layout()).unwrap();
    let whole = fs::read(good.path()).unwrap();
    // Corrupt everything in the header and the directory but the magic.
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

    // Corrupt only the directory, then only the words of a part.
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
fn unreadable_region_is_reported_as_such() {
    let name = Name::new("secret");
    let _region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut command = shm(&["ls", "--json"]);
    // Copy the program to where the unprivileged user may reach it: its own folder may be closed.
    let copy = tempfile::tempdir().unwrap();
    if rustix::process::getuid().is_root() {
        let program = copy.path().join("ringway");
        // Copy it in another process. If this process had it open for writing while another test
        // forked, it could not be executed.
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
fn unnamed_region_is_found_by_an_open_descriptor() {
    let region = Region::anonymous(&layout()).unwrap();
    // A descriptor that the other tests of this process do not reach, so that it is free after we
    // close it.
    let number = rustix::io::fcntl_dupfd_cloexec(&region, 900).unwrap();
    let name = format!("memfd:{}/{}", std::process::id(), number.as_raw_fd());
    let stat = json(&["stat", "--json", &name]);
    assert_eq!(stat["region"]["participants"][0]["process"], std::process::id());
    // The list has it once, under its first descriptor.
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
fn rm_needs_force_for_a_region_in_use() {
    let name = Name::new("rm");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // As POSIX says: one slash in front, and no other.
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

    // A region that only a killed process knew.
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let child = attached_child(&name);
    std::mem::forget(fs::File::open(name.path()).unwrap());
    // The last one to detach removes the name. This link stays behind, with the dead participants.
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
fn rm_removes_corrupt_regions_but_no_foreign_files() {
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
fn corrupt_region_is_in_use_while_a_process_has_it() {
    let name = Name::new("alive");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let file = fs::File::options().write(true).open(name.path()).unwrap();
    file.write_all_at(&[0xa5; 512], 8).unwrap();
    let told = refused(&["rm", &name.0]);
    assert!(told.contains("is in use: somebody is attached"), "{told}");
    printed(&["rm", "--force", &name.0]);
    assert!(!name.path().exists());
    // Do not detach: nothing useful is left of the region.
    std::mem::forget(region);
}

#[test]
fn ls_shows_names_without_control_characters() {
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
fn top_once_shows_the_rate_of_one_interval() {
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
    // The columns: REGION ATTACHED PART KIND FILLED ROOM FOR … FULL … PUSHED/S
    assert_eq!(line[1..4], ["1", "jobs", "queue"], "{text}");
    let rate: f64 = line.last().unwrap().parse().unwrap();
    assert!(rate > 0.0, "{text}");
    assert!(words(&text, "log").ends_with(&["%".to_string(), "–".to_string()]), "{text}");
}

#[test]
fn top_prints_a_block_per_interval_until_interrupted() {
    let name = Name::new("blocks");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // An interrupt ends it, as in a terminal; it ignores a hang-up, as under nohup.
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
            // A region that goes away may come back.
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

/// Runs a shell command on a terminal (by `script(1)`); returns all that the terminal got.
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
fn top_draws_in_place_and_restores_the_terminal() {
    let name = Name::new("screen");
    let _region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // Stop it, continue it, then interrupt it, as from the keyboard.
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
fn help_says_where_unnamed_regions_are() {
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
fn rm_failure_is_reported_with_its_status() {
    let name = Name::new("stays");
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    // Fail as in a folder where only a file's owner may remove it, and somebody else owns it.
    let refused = Fault::new(libc::SYS_unlinkat, libc::EPERM);
    for arguments in [&["rm", "--force", &name.0][..], &["rm", &name.0]] {
        let mut command = shm(arguments);
        // SAFETY: the closure runs in the child after `fork`. It makes two system calls and
        // allocates; the C library has put its allocator's locks in order for that.
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

/// The standard output of a command, which must succeed within a minute.
fn printed_in_time(args: &[&str]) -> String {
    let mut child = Killed(shm(args).stdout(Stdio::piped()).spawn().unwrap());
    let end = Instant::now() + Duration::from_secs(60);
    // The output fits into the pipe.
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
fn corrupt_queues_hang_no_command_and_hide_no_region() {
    let good = Name::new("good");
    let whole = Region::create(&good.0, 0o600, &layout()).unwrap();
    let jobs = survey::named(&good.0).unwrap().parts.swap_remove(0);
    let size = jobs.description.size as usize;
    let bad: Vec<_> = (0..12_u64)
        .map(|seed| {
            let name = Name::new("bad");
            let region = Region::create(&name.0, 0o600, &layout()).unwrap();
            let mut state = seed;
            // One region is all ones, the others are noise.
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
