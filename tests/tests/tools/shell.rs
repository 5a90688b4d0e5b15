//! Running scripts, and the program that they test.

use ringway_tests::conformance::load::Sequence;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// The longest wait. Nothing that works takes this long, and nothing that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The size of what is exchanged.
const LENGTH: usize = 64 << 20;

/// The folder of the program. The first call builds the program, into the target folder of this
/// test and with its profile.
fn program_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let this = std::env::current_exe().expect("a test knows its file");
        // …/target/debug/deps/this
        let profile = this.ancestors().nth(2).expect("a test lies in the target folder");
        let target = profile.parent().expect("a profile lies in the target folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "ringway-cli", "--target-dir"]);
        cargo.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the program cannot be built");
        profile.to_owned()
    })
}

/// A folder for one test, in which scripts run, and an address of the loopback network that no
/// other test has.
pub struct Place {
    folder: tempfile::TempDir,
    pub host: String,
}

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let process = std::process::id().to_le_bytes();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Place {
            folder: tempfile::tempdir().expect("a folder can be made"),
            host: format!("127.{}.{}.{count}", process[0] | 1, process[1]),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the file `input`: 64 MiB.
    pub fn make_input(&self) {
        let sequence = Sequence::new();
        let mut file = File::create(self.path("input")).expect("the folder is empty");
        let mut piece = vec![0; 1 << 20];
        for at in (0..LENGTH).step_by(piece.len()) {
            sequence.fill(at, &mut piece);
            file.write_all(&piece).expect("there is room for 64 MiB");
        }
    }

    /// Whether the file `copy` is the same as `input`.
    #[track_caller]
    pub fn assert_copied(&self) {
        let [input, copy] = ["input", "copy"].map(|name| {
            let mut file = File::open(self.path(name)).expect("the file is there");
            let mut digest = Sha256::new();
            let length = io::copy(&mut file, &mut digest).expect("the file can be read");
            (length, digest.finalize())
        });
        assert_eq!(input.0, LENGTH as u64);
        assert_eq!(copy.0, input.0, "the size of the copy");
        assert_eq!(copy.1, input.1, "the SHA-256 of the copy");
    }

    /// Starts a script of bash, in which `ringway` is the program.
    pub fn start(&self, script: &str) -> Running {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(program_folder().to_owned()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).expect("the target folder has no colon");
        let mut command = Command::new("bash");
        command.args(["-c", &format!("set -o pipefail; {script}")]).env("PATH", path);
        // What it runs ends with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        // All scripts of a place have one.
        let err = File::options().create(true).append(true).open(self.path("stderr"));
        let err = err.expect("a file can be made");
        command.stdout(Stdio::piped()).stderr(err);
        Running {
            child: Some(command.spawn().expect("there is a bash")),
            script: script.to_owned(),
        }
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            let said = fs::read_to_string(self.path("stderr")).unwrap_or_default();
            assert!(Instant::now() < end, "never {what}; the standard error says: {said}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A script that does not outlive the test.
pub struct Running {
    child: Option<Child>,
    script: String,
}

impl Running {
    /// Waits for the end of the script, which must succeed.
    #[track_caller]
    pub fn end(self) -> String {
        let (script, output) = (self.script.clone(), self.output());
        assert!(output.status.success(), "{script}: {}", output.status);
        String::from_utf8(output.stdout).expect("what it prints is UTF-8")
    }

    /// Waits for the end of the script, and returns it.
    #[track_caller]
    pub fn output(mut self) -> Output {
        let mut child = self.child.take().expect("it is waited for once");
        let watch = rustix::process::pidfd_open(
            rustix::process::Pid::from_child(&child),
            rustix::process::PidfdFlags::empty(),
        )
        .expect("it is our child");
        let ready = ringway::fd::Interest::Read;
        if ringway::fd::wait_deadline(&watch, ready, Some(Instant::now() + PATIENCE)).is_err() {
            end_group(&mut child);
            panic!("it hangs: {}", self.script);
        }
        child.wait_with_output().expect("it is our child")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end_group(&mut child);
        }
    }
}

fn end_group(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = child.wait();
}
