//! Death and suspension at every instruction, and at random.
//!
//! A child does one operation on one structure in shared memory. The parent steps it with
//! `ptrace(2)`, one machine instruction at a time, and kills it after step `k`, for every `k` from
//! none to all. Then the parent recovers what the child held, and the survivors check the
//! structure: every message that was committed is there exactly once, no other message is there,
//! and every slot and lock is free again. In a second run the parent suspends the child after step
//! `k` with `SIGSTOP`. The others must finish without it. When the child goes on, its operation
//! must end as if nothing had happened.
//!
//! ```text
//! cargo test --release -p ringway-tests --test crash                    the table
//! cargo test --release -p ringway-tests --test crash -- --full          without sampling, and a minute of chaos
//! cargo test --release -p ringway-tests --test crash -- queue           the rows whose name contains the word
//! cargo test --release -p ringway-tests --test crash -- --list          what there is
//! ```
//!
//! # What is asserted
//!
//! Each operation states its law in its file ([`scenes`]): what others may find, given what the
//! child is known to have received. The test also asserts, over the steps of one operation:
//!
//! - **The effect comes in one step.** As `k` grows, what is found after a death at `k` changes
//!   from "nothing happened" to "it has happened", and never back.
//! - **The structure decides what is committed.** What others see of a child suspended at step `k`
//!   is what is delivered after its death at step `k`.
//!
//! # What "sampled" means
//!
//! Where an operation is long, not every step is tried. All steps are tried that changed the shared
//! memory or were system calls, and the steps just before them. A death anywhere between two of
//! them leaves the same memory behind, so the survivors cannot tell those deaths apart. An
//! unoptimised build leaves out more.
//!
//! # To add a structure
//!
//! Implement [`Structure`] in a file of [`scenes`], list its [`Operation`]s, and add it to
//! [`scenes::all`].

pub mod chaos;
pub mod place;
pub mod run;
pub mod scenes;
pub mod table;
pub mod trace;
pub mod watch;

use place::Note;
use ringway_core::participant::Participant;

/// The participant that is killed or suspended.
pub const CHILD: Participant = participant(1);
/// The participant that survives: the parent.
pub const SURVIVOR: Participant = participant(2);
/// A participant that waits in the structure while the child acts.
pub const WITNESS: Participant = participant(3);
/// A participant that died before, and that nobody has recovered yet.
pub const EARLIER: Participant = participant(4);

const fn participant(number: u16) -> Participant {
    match Participant::new(number) {
        Some(participant) => participant,
        None => Participant::LOCAL,
    }
}

/// What was found, or a message about what is wrong with it.
pub type Check<T = ()> = Result<T, String>;

/// A structure that processes share.
pub trait Structure: Sync + Sized + 'static {
    /// The name in the table.
    const NAME: &'static str;

    /// Makes a fresh structure.
    fn fresh() -> Self;

    /// The part of its memory that other processes can see. Nobody writes to it at this moment.
    fn memory(&self) -> (*const u8, usize) {
        (std::ptr::from_ref(self).cast(), size_of::<Self>())
    }

    /// Whether the structure records that `who` holds something, so that its death needs a
    /// recovery.
    fn is_held_by(&self, who: Participant) -> bool {
        let _ = who;
        false
    }

    /// Recovers what `dead` left.
    ///
    /// # Safety
    /// `dead` takes no further step.
    unsafe fn recover(&self, dead: Participant);

    /// Takes out what is there, into `seen`, and checks that the structure is as good as new:
    /// everything that it can hold can be put in and taken out again.
    ///
    /// # Errors
    /// What is wrong.
    fn aftermath(&self, seen: &mut Vec<u64>) -> Check;
}

/// One operation of a structure, as the child does it, and the law for what becomes of it.
pub struct Operation<S> {
    /// The name in the table.
    pub name: &'static str,
    /// Brings a fresh structure into the state in which the operation begins. The parent does this.
    pub prepare: fn(&S),
    /// The child does this. It is stepped between [`Note::begin`] and [`Note::end`].
    pub operate: fn(&S, &Note),
    /// Judges what the others found. Returns how far the operation had come, as a number that grows
    /// with its steps.
    pub law: fn(&Found) -> Check<u32>,
    /// What others do while the child is suspended, and must be able to do without waiting. They
    /// add what they receive to the list. `None` where the structure does not promise that.
    pub meanwhile: Option<fn(&S, &mut Vec<u64>) -> Check>,
    /// Whether the law can tell, from what the others saw of the suspended child, how far the
    /// operation had come.
    pub committed: Option<fn(&[u64]) -> u32>,
    /// For an operation that sleeps: wakes it for the time of this number, from 0. What it takes
    /// out goes into the list.
    pub wake: Option<fn(&S, u64, &mut Vec<u64>)>,
    /// A process that waits in the structure meanwhile.
    pub witness: Option<Witness<S>>,
    /// Whether this structure is broken on purpose, so that failures must be found.
    pub control: bool,
}

/// A process that waits in the structure while the child acts, and must stop waiting then. It
/// begins when the child is at [`Note::begin`]; the child goes on once this process sleeps.
pub struct Witness<S> {
    /// What it does. It notes what it receives.
    pub wait: fn(&S, &Note),
    /// The parent does this after the child's recovery: it does what the witness waits for, in case
    /// the child did not get to it.
    pub relieve: fn(&S, &mut Vec<u64>),
}

/// What was found after the child's death, or after a suspended child had gone on to its end.
#[derive(Debug)]
pub struct Found<'a> {
    /// What the others took out, in order.
    pub seen: &'a [u64],
    /// What the operation is known to have given to the child.
    pub got: &'a [u64],
    /// What the witness was given.
    pub witness: &'a [u64],
    /// How often the operation was woken.
    pub wakes: u64,
    /// Whether the structure recorded the child as a holder, see [`Structure::is_held_by`].
    pub held: bool,
    /// Whether the operation had returned.
    pub ended: bool,
}

impl Found<'_> {
    /// How often `message` arrived, at any process.
    pub fn times(&self, message: u64) -> usize {
        let all = self.seen.iter().chain(self.got).chain(self.witness);
        all.filter(|seen| **seen == message).count()
    }
}

impl<S> Operation<S> {
    /// An operation whose law allows any result, from its beginning to its end.
    pub const fn new(
        name: &'static str,
        prepare: fn(&S),
        operate: fn(&S, &Note),
        law: fn(&Found) -> Check<u32>,
    ) -> Self {
        Operation {
            name,
            prepare,
            operate,
            law,
            meanwhile: None,
            committed: None,
            wake: None,
            witness: None,
            control: false,
        }
    }

    /// Others do this while the child is suspended.
    pub const fn meanwhile(mut self, others: fn(&S, &mut Vec<u64>) -> Check) -> Self {
        self.meanwhile = Some(others);
        self
    }

    /// What the others saw says how far the operation had come.
    pub const fn committed(mut self, stage: fn(&[u64]) -> u32) -> Self {
        self.committed = Some(stage);
        self
    }

    /// The operation sleeps until this is done.
    pub const fn wake(mut self, wake: fn(&S, u64, &mut Vec<u64>)) -> Self {
        self.wake = Some(wake);
        self
    }

    /// A process waits in the structure meanwhile.
    pub const fn witness(mut self, wait: fn(&S, &Note), relieve: fn(&S, &mut Vec<u64>)) -> Self {
        self.witness = Some(Witness { wait, relieve });
        self
    }

    /// The test must find failures in it.
    pub const fn control(mut self) -> Self {
        self.control = true;
        self
    }
}

/// Whether the process sleeps in a system call.
fn is_asleep(pid: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything.
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}
