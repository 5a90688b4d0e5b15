//! Death and suspension at every instruction, and at random.
//!
//! A child does one operation on one structure in shared memory, stepped with `ptrace(2)` one
//! machine instruction at a time, and is killed after step `k`, for every `k` from none to all.
//! Then what it held is recovered, and the survivors find out what became of the structure: every
//! message that was committed is there exactly once, none that was not, and every slot and lock is
//! free again. In a second run it is suspended after step `k` with `SIGSTOP`, the others must get
//! on without it, and when it goes on, its operation must come to its end as if nothing had been.
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
//! child is known to have got. Over the steps of one operation, further:
//!
//! - **The effect comes in one step.** What is found after a death at `k` moves on from "nothing
//!   happened" to "it has happened" as `k` grows, and never back.
//! - **The structure decides what is committed.** What others see of a suspended child at step `k`
//!   is what is delivered after its death at step `k`.
//!
//! # What "sampled" means
//!
//! Where an operation is long, not every step is tried. Those after which the shared memory is not
//! as it was before are all tried, and so are system calls, and the ones just before them: between
//! two of them a death leaves the same memory behind, so that the survivors cannot tell them apart.
//! An unoptimised build leaves out more.
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

/// The one who is killed or suspended.
pub const CHILD: Participant = participant(1);
/// Whoever is still there: the parent.
pub const SURVIVOR: Participant = participant(2);
/// One that waits in the structure while the child acts.
pub const WITNESS: Participant = participant(3);
/// One that died before, whom nobody has recovered yet.
pub const EARLIER: Participant = participant(4);

const fn participant(number: u16) -> Participant {
    match Participant::new(number) {
        Some(participant) => participant,
        None => Participant::LOCAL,
    }
}

/// What was found, or what is wrong with it.
pub type Check<T = ()> = Result<T, String>;

/// Something that processes share.
pub trait Structure: Sync + Sized + 'static {
    /// What the table calls it.
    const NAME: &'static str;

    /// A fresh one.
    fn fresh() -> Self;

    /// What of it other processes can see: its memory, of which nobody writes to any at this
    /// moment.
    fn memory(&self) -> (*const u8, usize) {
        (std::ptr::from_ref(self).cast(), size_of::<Self>())
    }

    /// Whether `who` is on record as one that holds something, so that its death has to be put
    /// right.
    fn is_held_by(&self, who: Participant) -> bool {
        let _ = who;
        false
    }

    /// Puts right what `dead` left.
    ///
    /// # Safety
    /// `dead` takes no further step.
    unsafe fn recover(&self, dead: Participant);

    /// Takes out what is there, into `seen`, and shows that the structure is as good as new:
    /// everything that it can hold can be put in and taken out again.
    ///
    /// # Errors
    /// What is wrong.
    fn aftermath(&self, seen: &mut Vec<u64>) -> Check;
}

/// One operation of a structure, as the child does it, and the law for what becomes of it.
pub struct Operation<S> {
    /// What the table calls it.
    pub name: &'static str,
    /// Brings a fresh structure to where the operation is to begin. Done by the parent.
    pub prepare: fn(&S),
    /// Done by the child. What stands between [`Note::begin`] and [`Note::end`] is stepped.
    pub operate: fn(&S, &Note),
    /// What the others found: how far the operation had come, as a number that grows with its
    /// steps.
    pub law: fn(&Found) -> Check<u32>,
    /// What others do, and must be able to do without waiting, while the child is suspended: they
    /// take what they are given into the list. `None` where the structure does not promise that.
    pub meanwhile: Option<fn(&S, &mut Vec<u64>) -> Check>,
    /// Whether what the others saw of the suspended child tells how far the operation had come, by
    /// the law.
    pub committed: Option<fn(&[u64]) -> u32>,
    /// For an operation that sleeps: what lets it go on, for the time of this number, from 0. What
    /// it takes out goes into the list.
    pub wake: Option<fn(&S, u64, &mut Vec<u64>)>,
    /// Somebody who waits in the structure meanwhile.
    pub witness: Option<Witness<S>>,
    /// Whether this is a structure that does not hold what it should, so that failures must be
    /// found.
    pub control: bool,
}

/// A process that waits in the structure while the child acts, and must come back from that. It
/// begins when the child is at [`Note::begin`], and the child goes on when it sleeps.
pub struct Witness<S> {
    /// What it does. What it is given it notes.
    pub wait: fn(&S, &Note),
    /// Done by the parent once the child was recovered: what the witness waits for, in case the
    /// child did not come to it.
    pub relieve: fn(&S, &mut Vec<u64>),
}

/// What was found after the child's death, or after it had been suspended and had gone on to its
/// end.
#[derive(Debug)]
pub struct Found<'a> {
    /// What the others took out, in order.
    pub seen: &'a [u64],
    /// What the operation is known to have given the child.
    pub got: &'a [u64],
    /// What the witness was given.
    pub witness: &'a [u64],
    /// How often the operation was woken.
    pub wakes: u64,
    /// Whether the child was on record as a holder, see [`Structure::is_held_by`].
    pub held: bool,
    /// Whether the operation had returned.
    pub ended: bool,
}

impl Found<'_> {
    /// How often `message` arrived, wherever.
    pub fn times(&self, message: u64) -> usize {
        let all = self.seen.iter().chain(self.got).chain(self.witness);
        all.filter(|seen| **seen == message).count()
    }
}

impl<S> Operation<S> {
    /// An operation of which others may find anything, from its beginning to its end.
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

    /// Others get on while the child is suspended, by doing this.
    pub const fn meanwhile(mut self, others: fn(&S, &mut Vec<u64>) -> Check) -> Self {
        self.meanwhile = Some(others);
        self
    }

    /// What they saw says how far the operation had come.
    pub const fn committed(mut self, stage: fn(&[u64]) -> u32) -> Self {
        self.committed = Some(stage);
        self
    }

    /// It sleeps until this is done.
    pub const fn wake(mut self, wake: fn(&S, u64, &mut Vec<u64>)) -> Self {
        self.wake = Some(wake);
        self
    }

    /// Somebody waits in the structure meanwhile.
    pub const fn witness(mut self, wait: fn(&S, &Note), relieve: fn(&S, &mut Vec<u64>)) -> Self {
        self.witness = Some(Witness { wait, relieve });
        self
    }

    /// It must be found to fail.
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
