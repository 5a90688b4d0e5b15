//! Programs that take sizes from their command lines share a region with programs that have them as
//! constants.

use ringway::shm::{self, Array, Layout, Queue, RawArray, Region};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The geometry of the queues, which this process has as constants.
const CAPACITY: usize = 37;
const SIZE: usize = 24;
type Jobs = Queue<[u8; SIZE], CAPACITY>;

/// Several times more than the queue holds.
const COUNT: u64 = 1000;

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// A name for a region; dropping this removes the region.
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

/// The example program, which ends with the test.
struct Program(Child);

impl Program {
    /// Starts `std-shim/examples/jobs.rs`, with these numbers on its command line.
    fn start(name: &str, capacity: usize, size: usize) -> Self {
        Self::of(env!("CARGO_BIN_EXE_jobs"), name, &[capacity, size])
    }

    /// Starts `std-shim/examples/table.rs`, likewise.
    fn table(name: &str, length: usize) -> Self {
        Self::of(env!("CARGO_BIN_EXE_table"), name, &[length])
    }

    fn of(program: &str, name: &str, numbers: &[usize]) -> Self {
        let mut command = Command::new(program);
        command.arg(name).args(numbers.iter().map(usize::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Program(command.spawn().expect("the example can be started"))
    }

    /// The first line that the program prints, once it has its queue.
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

/// Has the program do all jobs, through queues that this process opens with constants.
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
fn run_time_sizes_open_a_queue_of_constant_sizes() {
    let name = Name::new("constants");
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Jobs>("done").unwrap();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    exchange(&region, &mut Program::start(&name.0, CAPACITY, SIZE));
}

#[test]
fn constant_sizes_open_a_queue_of_run_time_sizes() {
    let name = Name::new("numbers");
    let mut program = Program::start(&name.0, CAPACITY, SIZE);
    exchange(&opened(&name), &mut program);
}

/// The region, once the program has created it.
fn opened(name: &Name) -> Region {
    let end = soon();
    loop {
        match Region::open(&name.0) {
            Ok(region) => return region,
            Err(error) => assert!(Instant::now() < end.unwrap(), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The length of the arrays, which this process has as a constant.
const LENGTH: usize = 101;
type Table = Array<u64, LENGTH>;
type Noted = RawArray<u32, LENGTH>;

/// Checks that each value is one more than `before`, since the program adds 1 to it.
fn is_one_more_than(region: &Region, before: impl Fn(u64) -> u64) {
    let (table, noted) =
        (region.part::<Table>("table").unwrap(), region.part::<Noted>("noted").unwrap());
    let values = table.lock().unwrap();
    for (n, (value, note)) in values.iter().zip(noted.iter()).enumerate() {
        assert_eq!((*value, note.load()), (before(n as u64) + 1, *value as u32));
    }
}

#[test]
fn a_run_time_size_opens_arrays_of_constant_size() {
    let name = Name::new("table");
    let layout = Layout::new(8).part::<Table>("table").unwrap().part::<Noted>("noted").unwrap();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let mut n = 0..;
    region.part::<Table>("table").unwrap().lock().unwrap().fill_with(|| n.next().unwrap());
    let sum = LENGTH * (LENGTH + 1) / 2;
    let mut program = Program::table(&name.0, LENGTH);
    assert_eq!(program.first_line(), format!("{LENGTH} of {LENGTH}: {sum}\n"));
    is_one_more_than(&region, |n| n);

    let mut other = Program::table(&name.0, LENGTH + 1);
    assert_eq!(other.first_line(), "", "it has no table of that length");
    let mut told = String::new();
    BufReader::new(other.0.stderr.take().expect("it is piped")).read_line(&mut told).unwrap();
    assert!(told.contains("table"), "{told}");
    let wrong = region.array::<u128>("table").unwrap_err().to_string();
    assert!(wrong.contains("bytes"), "{wrong}");
    assert!(region.array::<f64>("table").is_err() && region.raw_array::<f32>("noted").is_err());
}

#[test]
fn a_constant_size_opens_arrays_of_run_time_size() {
    let name = Name::new("lengths");
    let mut program = Program::table(&name.0, LENGTH);
    let region = opened(&name);
    assert_eq!(program.first_line(), format!("{LENGTH} of {LENGTH}: {LENGTH}\n"));
    is_one_more_than(&region, |_| 0);
    assert!(
        region.array::<u64>("table").unwrap().try_lock().is_ok_and(|table| table.len() == LENGTH)
    );
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
