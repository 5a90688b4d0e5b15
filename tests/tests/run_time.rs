//! Programs whose numbers come from their command lines, beside programs that have them as constants, in one region.

use ringway::shm::{self, Layout, Queue, Region};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The geometry that this process has as constants.
const CAPACITY: usize = 37;
const SIZE: usize = 24;
type Jobs = Queue<[u8; SIZE], CAPACITY>;

/// More than the queue holds, several times.
const COUNT: u64 = 1000;

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// A name for a region, which goes with this.
struct Name(String);

impl Name {
    fn new(what: &str) -> Self {
        Name(format!("ringway-test-run-time-{what}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = shm::unlink(&self.0);
    }
}

/// The example, which does not outlive the test.
struct Program(Child);

impl Program {
    /// `std-shim/examples/jobs.rs`, with these numbers on its command line.
    fn start(name: &str, capacity: usize, size: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobs"));
        command.args([name, &capacity.to_string(), &size.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Program(command.spawn().expect("the example can be started"))
    }

    /// The first line that it prints, once it has its queue.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        let out = self.0.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it prints text");
        line
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn job(n: u64) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes
}

/// Has the program do all jobs, through queues that this process has as constants.
fn exchange(region: &Region, program: &mut Program) {
    let (jobs, done) = (region.part::<Jobs>("jobs").unwrap(), region.part::<Jobs>("done").unwrap());
    assert_eq!(program.first_line(), format!("{CAPACITY} places of {SIZE} bytes\n"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..COUNT).for_each(|n| jobs.push_deadline(job(n), soon()).unwrap());
            jobs.close();
        });
        for n in 0..COUNT {
            let mut answer = done.pop_deadline(soon()).unwrap();
            answer.reverse();
            assert_eq!(answer, job(n), "one worker does them in order");
        }
    });
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn a_program_with_numbers_finds_the_queue_of_one_with_constants() {
    let name = Name::new("constants");
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Jobs>("done").unwrap();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    exchange(&region, &mut Program::start(&name.0, CAPACITY, SIZE));
}

#[test]
fn a_program_with_constants_finds_the_queue_of_one_with_numbers() {
    let name = Name::new("numbers");
    let mut program = Program::start(&name.0, CAPACITY, SIZE);
    let end = soon();
    let region = loop {
        match Region::open(&name.0) {
            Ok(region) => break region,
            Err(error) => assert!(Instant::now() < end.unwrap(), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    exchange(&region, &mut program);
}

#[test]
fn other_numbers_are_told_and_nothing_is_touched() {
    let name = Name::new("others");
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Jobs>("done").unwrap();
    let _region = Region::create(&name.0, 0o600, &layout).unwrap();
    for (capacity, size) in [(CAPACITY + 1, SIZE), (CAPACITY, 32)] {
        let mut program = Program::start(&name.0, capacity, size);
        assert_eq!(program.first_line(), "", "it has no queue");
        let mut told = String::new();
        let errors = program.0.stderr.take().expect("it is piped");
        BufReader::new(errors).read_line(&mut told).unwrap();
        assert!(told.contains("jobs"), "{capacity} of {size}: {told}");
        assert!(!program.0.wait().unwrap().success());
    }
}
