//! One operation, killed and suspended at each of its steps.

use super::place::{Note, Place};
use super::trace::{Child, Step, Stepped};
use super::{CHILD, Check, EARLIER, Found, Operation, Structure, WITNESS, watch};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// A survivor that takes longer than this hangs. It is far more than the detection bound, because
/// the machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many steps all kills of one operation may take together before points are left out. A step
/// takes some 20 microseconds in a virtual machine. The table is not meant for an unoptimised
/// build, whose paths are ten times as long.
const BUDGET: usize = if cfg!(debug_assertions) { 8_000 } else { 40_000 };

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The structure.
    pub structure: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// How many instructions the operation takes.
    pub instructions: usize,
    /// At how many of its steps the child was killed.
    pub kills: usize,
    /// At how many of its steps it was suspended.
    pub suspensions: usize,
    /// One in this many steps was tried, besides those that changed something: 1 means every step.
    pub stride: usize,
    /// The longest time that a witness waited after the recovery of the dead child.
    pub longest: Duration,
    /// What went wrong, and where.
    pub failures: Vec<String>,
    /// Whether something must have gone wrong.
    pub control: bool,
}

/// An operation of some structure, to be run.
pub struct Entry {
    /// The structure.
    pub structure: &'static str,
    /// The operation.
    pub operation: &'static str,
    run: Box<dyn Fn(bool) -> Row>,
}

impl Entry {
    /// Runs the operation; at every step if `full`.
    pub fn run(&self, full: bool) -> Row {
        (self.run)(full)
    }
}

/// A structure's operations.
pub fn entries<S: Structure>(operations: Vec<Operation<S>>) -> impl Iterator<Item = Entry> {
    operations.into_iter().map(|operation| Entry {
        structure: S::NAME,
        operation: operation.name,
        run: Box::new(move |full| Stage::new(&operation).run(full)),
    })
}

/// The steps of an operation that nobody stops.
struct Path {
    /// How many there are.
    steps: usize,
    /// How many of them were instructions. The others are moments at which the child falls asleep.
    instructions: usize,
    /// The steps that changed the shared memory, or that may have told the system something.
    changes: Vec<usize>,
}

/// One child on its way.
struct Attempt {
    child: Stepped,
    witness: Option<Child>,
    /// What others took out.
    seen: Vec<u64>,
    /// How often it was woken.
    wakes: u64,
}

/// The place where one operation is tried again and again.
struct Stage<'o, S> {
    operation: &'o Operation<S>,
    place: Place<S>,
    notes: Place<[Note; 2]>,
    longest: Duration,
}

impl<'o, S: Structure> Stage<'o, S> {
    fn new(operation: &'o Operation<S>) -> Self {
        let (place, notes) = (Place::new(S::fresh()), Place::new(Default::default()));
        Stage { operation, place, notes, longest: Duration::ZERO }
    }

    fn run(mut self, full: bool) -> Row {
        let mut row = Row {
            structure: S::NAME,
            operation: self.operation.name,
            instructions: 0,
            kills: 0,
            suspensions: 0,
            stride: 1,
            longest: Duration::ZERO,
            failures: Vec::new(),
            control: self.operation.control,
        };
        let path = match self.attempt("the whole of it", 0, Self::whole) {
            Ok(path) => path,
            Err(failure) => {
                row.failures.push(failure);
                return row;
            }
        };
        row.instructions = path.instructions;
        if !full {
            // A kill is in the middle of the path, on average.
            row.stride = (path.steps * path.steps / 2).div_ceil(BUDGET).max(1);
        }
        let points: Vec<usize> = (0..=path.steps)
            .filter(|k| {
                let near = |change: &usize| *change == *k || *change == *k + 1;
                k % row.stride == 0 || *k == path.steps || path.changes.iter().any(near)
            })
            .collect();

        let mut reached = 0;
        for &k in &points {
            row.kills += 1;
            let stage = match self.attempt("killed", k, |stage| stage.killed(k)) {
                Ok(stage) => stage,
                Err(failure) => {
                    row.failures.push(failure);
                    continue;
                }
            };
            // Where others act at the same time, the steps of two runs differ.
            if self.is_alone() && stage < reached {
                row.failures.push(format!("killed at step {k}: what had happened before has not"));
            }
            reached = reached.max(stage);
            if self.operation.meanwhile.is_some() {
                row.suspensions += 1;
                match self.attempt("suspended", k, |stage| stage.suspended(k)) {
                    Ok(Some(seen)) if seen != stage => row.failures.push(format!(
                        "at step {k}: others saw stage {seen} while it was suspended, and {stage} after its death"
                    )),
                    Ok(_) => {}
                    Err(failure) => row.failures.push(failure),
                }
            }
        }
        row.longest = self.longest;
        row
    }

    /// Whether only the child acts while it is stepped.
    fn is_alone(&self) -> bool {
        self.operation.wake.is_none() && self.operation.witness.is_none()
    }

    /// Tries something, with a clock that ends the program if it hangs. A panic counts as a
    /// failure.
    fn attempt<R>(
        &mut self,
        how: &str,
        k: usize,
        run: impl FnOnce(&mut Self) -> Check<R>,
    ) -> Check<R> {
        let what = format!("{}, {}: {how} at step {k}", S::NAME, self.operation.name);
        let _watch = watch::Watch::new(&what, PATIENCE * 2);
        std::panic::catch_unwind(AssertUnwindSafe(|| run(self)))
            .unwrap_or_else(|_| Err("a panic".into()))
            .map_err(|failure| format!("{how} at step {k}: {failure}"))
    }

    /// Makes a fresh structure, brings the child to the beginning of its operation, and starts the
    /// process that waits meanwhile.
    fn begin(&mut self) -> Attempt {
        self.place.set(S::fresh());
        self.notes.set(Default::default());
        let operation = self.operation;
        let (structure, [note, noted]) = (&*self.place, &*self.notes);
        (operation.prepare)(structure);
        let child = Stepped::start(|| (operation.operate)(structure, note));
        let witness = operation.witness.as_ref().map(|witness| {
            let witness = Child::start(|| (witness.wait)(structure, noted));
            while !super::is_asleep(witness.pid()) {
                std::thread::yield_now();
            }
            witness
        });
        Attempt { child, witness, seen: Vec::new(), wakes: 0 }
    }

    /// Lets the child take steps until it has taken `limit` or its operation has returned. Calls
    /// `each` after every step.
    fn steps(&self, attempt: &mut Attempt, limit: usize, mut each: impl FnMut(Step)) -> Check {
        let mut last = Step::Instruction;
        for _ in 0..limit {
            if self.notes[0].has_ended() {
                break;
            }
            if last == Step::Asleep {
                self.wake(&mut attempt.wakes, &mut attempt.seen)?;
            }
            last = attempt.child.step();
            each(last);
        }
        Ok(())
    }

    /// The structure's memory at this moment, while the child is stopped.
    fn bytes(&self, into: &mut Vec<u8>) {
        let (from, length) = self.place.memory();
        into.resize(length, 0);
        // SAFETY: `memory` guarantees that this number of bytes is mapped there. Every process that
        // could write to them is stopped or asleep.
        unsafe { into.as_mut_ptr().copy_from_nonoverlapping(from, length) };
    }

    fn wake(&self, wakes: &mut u64, seen: &mut Vec<u64>) -> Check {
        let wake = self.operation.wake.ok_or("it sleeps, and nothing is there to wake it")?;
        wake(&self.place, *wakes, seen);
        *wakes += 1;
        Ok(())
    }

    /// Runs the operation from its beginning to its end, step by step.
    fn whole(&mut self) -> Check<Path> {
        let mut attempt = self.begin();
        let mut path = Path { steps: 0, instructions: 0, changes: Vec::new() };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.bytes(&mut before);
        self.steps(&mut attempt, usize::MAX, |step| {
            path.steps += 1;
            path.instructions += usize::from(step != Step::Asleep);
            self.bytes(&mut after);
            if before != after || step == Step::SystemCall {
                path.changes.push(path.steps);
                std::mem::swap(&mut before, &mut after);
            }
        })?;
        self.finish(attempt)?;
        Ok(path)
    }

    fn killed(&mut self, k: usize) -> Check<u32> {
        let mut attempt = self.begin();
        self.steps(&mut attempt, k, |_| ())?;
        let Attempt { child, witness, seen, wakes } = attempt;
        child.kill();
        self.judge(witness, seen, wakes)
    }

    fn suspended(&mut self, k: usize) -> Check<Option<u32>> {
        let mut attempt = self.begin();
        self.steps(&mut attempt, k, |_| ())?;
        attempt.child.suspend();
        if let Some(meanwhile) = self.operation.meanwhile {
            meanwhile(&self.place, &mut attempt.seen)?;
        }
        let stage = self.operation.committed.map(|stage| stage(&attempt.seen));
        self.finish(attempt)?;
        Ok(stage)
    }

    /// Lets the child go on by itself.
    fn finish(&mut self, attempt: Attempt) -> Check<u32> {
        let Attempt { child, witness, mut seen, mut wakes } = attempt;
        child.finish(|| self.wake(&mut wakes, &mut seen))?;
        self.judge(witness, seen, wakes)
    }

    /// Recovers the dead child, lets the survivors finish, and judges what they found.
    fn judge(&mut self, witness: Option<Child>, mut seen: Vec<u64>, wakes: u64) -> Check<u32> {
        let structure = &*self.place;
        let held = structure.is_held_by(CHILD);
        // SAFETY: the child was reaped, so it takes no further step.
        unsafe { structure.recover(CHILD) };
        // SAFETY: only `prepare` acts for this participant, and it has returned.
        unsafe { structure.recover(EARLIER) };
        if let (Some(mut witness), Some(how)) = (witness, &self.operation.witness) {
            (how.relieve)(structure, &mut seen);
            let began = Instant::now();
            loop {
                match witness.ended() {
                    Some(Ok(())) => break,
                    Some(Err(status)) => {
                        return Err(format!("the witness ended with status {status}"));
                    }
                    None if began.elapsed() > PATIENCE => return Err("the witness hangs".into()),
                    None => std::thread::sleep(Duration::from_micros(50)),
                }
            }
            self.longest = self.longest.max(began.elapsed());
            // SAFETY: the witness was reaped, so it takes no further step.
            unsafe { structure.recover(WITNESS) };
        }
        structure.aftermath(&mut seen)?;
        let [note, noted] = &*self.notes;
        let (got, witness) = (note.all(), noted.all());
        let ended = note.has_ended();
        let found = Found { seen: &seen, got: &got, witness: &witness, wakes, held, ended };
        (self.operation.law)(&found).map_err(|failure| format!("{failure}: {found:?}"))
    }
}
