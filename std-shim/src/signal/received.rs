//! A received signal: which one, how often, from which process, and with which value.

use super::Signal;
use ringway_core::signal::{Payload, Raised};
use rustix::process::Pid;

/// A signal that was received.
///
/// ```
/// use ringway::signal::{self, Origin, Signal};
/// let _quiet = signal::block(Signal::USR1)?;
/// signal::queue(ringway::process::id(), Signal::USR1, -7i32 as usize)?;
/// let received = signal::wait(Signal::USR1)?;
/// assert_eq!((received.signal, received.count), (Signal::USR1, 1));
/// assert_eq!(received.origin(), Some(Origin::Queue));
/// assert_eq!(received.sender(), Some(ringway::process::id()));
/// assert_eq!(received.user(), Some(rustix::process::getuid().as_raw()));
/// assert_eq!((received.value(), received.int()), (Some(-7i32 as usize), Some(-7)));
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Which signal it is.
    pub signal: Signal,
    /// How many signals this stands for: more than 1 if they coalesced.
    pub count: u64,
    /// What the signal carried. `None` if only the count was kept.
    pub payload: Option<Payload>,
}

/// How a signal came about (`si_code`).
///
/// ```
/// use ringway::signal::Origin;
/// assert_eq!(Origin::of_code(0), Origin::Kill);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A process sent it without a value: `kill(2)`, `tgkill(2)` (`SI_USER`, `SI_TKILL`).
    Kill,
    /// A process sent it with a value: `sigqueue(3)` (`SI_QUEUE`).
    Queue,
    /// A timer of this process expired (`SI_TIMER`).
    Timer,
    /// A message queue got a message (`SI_MESGQ`).
    MessageQueue,
    /// The kernel sent it, for a reason that the signal itself tells: a child's end, a key, a
    /// fault.
    Kernel,
    /// Another code, whose meaning the sender defines.
    Other(i32),
}

impl Origin {
    /// The origin for the code of a `siginfo_t`.
    pub const fn of_code(code: i32) -> Self {
        match code {
            libc::SI_USER | libc::SI_TKILL => Origin::Kill,
            libc::SI_QUEUE => Origin::Queue,
            libc::SI_TIMER => Origin::Timer,
            libc::SI_MESGQ => Origin::MessageQueue,
            code if code > 0 => Origin::Kernel,
            code => Origin::Other(code),
        }
    }
}

impl Received {
    /// Reads a delivery of the [`table`](super::table), as a handler gets it.
    ///
    /// `None` for a line that is no signal of this system. The program raised such a line itself.
    ///
    /// ```
    /// use ringway::signal::{Received, Table, SignalSet, Signal};
    /// let table = <Table<64, 0>>::new();
    /// table.raise(Signal::HUP.line())?;
    /// let delivery = table.dispatcher().unwrap().try_wait(SignalSet::all()).unwrap();
    /// assert_eq!(Received::of(&delivery).unwrap().signal, Signal::HUP);
    /// # Ok::<(), ringway::CoreError>(())
    /// ```
    pub fn of(delivery: &Raised) -> Option<Self> {
        let Raised { line, count, payload, .. } = *delivery;
        Some(Received { signal: Signal::of_line(line)?, count, payload })
    }

    /// How the signal came about, if that was kept.
    pub fn origin(&self) -> Option<Origin> {
        self.payload.map(|payload| Origin::of_code(payload.code))
    }

    /// The process that sent the signal, or the child that it reports on.
    ///
    /// `None` if that was not kept, if no process sent it, or if the sender is invisible from here
    /// (in another PID namespace).
    ///
    /// A pid does not prove an identity: the process may have ended, and another may have its
    /// number. Also, where the [origin](Self::origin) is [`Origin::Queue`], the sender itself fills
    /// in this number and the user (`rt_sigqueueinfo(2)`). The kernel does not vouch for them.
    #[doc(alias = "si_pid")]
    pub fn sender(&self) -> Option<Pid> {
        Pid::from_raw(self.payload?.sender.try_into().ok()?)
    }

    /// The real user ID of the sender.
    ///
    /// For a queued signal, the sender itself states it. `None` in the cases of
    /// [`sender`](Self::sender).
    #[doc(alias = "si_uid")]
    pub fn user(&self) -> Option<u32> {
        self.sender().and(self.payload).map(|payload| payload.user)
    }

    /// The value that the sender sent or that belongs to the timer.
    ///
    /// For `SIGCHLD` from the kernel, it is the child's exit status or the signal that ended it.
    #[doc(alias = "si_value")]
    pub fn value(&self) -> Option<usize> {
        let has_value = match self.origin()? {
            Origin::Queue | Origin::Timer | Origin::MessageQueue => true,
            Origin::Kernel => self.signal == Signal::CHLD,
            _ => false,
        };
        self.payload.filter(|_| has_value).map(|payload| payload.value)
    }

    /// [`value`](Self::value) as C's `sival_int`: its lower 32 bits, with their sign.
    ///
    /// A sender that set only the `int` leaves the other bits undefined.
    #[doc(alias = "sival_int")]
    pub fn int(&self) -> Option<i32> {
        // The cast drops the upper bits on purpose.
        self.value().map(|value| value as i32)
    }

    /// Reads the system's `siginfo_t`. A signal handler may call it: it neither allocates nor
    /// locks.
    pub(super) fn from_info(signal: Signal, info: &libc::siginfo_t) -> Self {
        let code = info.si_code;
        // The fields lie in a union of integers and a pointer, of which each read yields some
        // value. `from_parts` uses only those that the code says are there.
        // SAFETY: `info` refers to an initialised `siginfo_t`, and all bits are a valid `pid_t`.
        let pid = unsafe { info.si_pid() };
        // SAFETY: `info` refers to an initialised `siginfo_t`, and all bits are a valid `uid_t`.
        let uid = unsafe { info.si_uid() };
        // SAFETY: `info` refers to an initialised `siginfo_t`, and all bits are a valid `sigval`.
        let value = unsafe { info.si_value() };
        // SAFETY: `info` refers to an initialised `siginfo_t`, and all bits are a valid `int`.
        let status = unsafe { info.si_status() };
        let value = in_order(value.sival_ptr as usize);
        Self::from_parts(signal, code, pid, uid, value, status)
    }

    /// Makes a signal of these fields, and uses only those that its code says are there.
    pub(super) fn from_parts(
        signal: Signal,
        code: i32,
        pid: i32,
        uid: u32,
        value: usize,
        status: i32,
    ) -> Self {
        let child = signal == Signal::CHLD && code > 0;
        let (by_process, value) = match Origin::of_code(code) {
            Origin::Kill => (true, 0),
            Origin::Queue | Origin::MessageQueue => (true, value),
            Origin::Timer => (false, value),
            // The cast keeps the bits: a status is an `int`, which `Received::int` gives back.
            Origin::Kernel if child => (true, status as usize),
            _ => (false, 0),
        };
        let (sender, user) = if by_process { (pid.try_into().unwrap_or(0), uid) } else { (0, 0) };
        let payload = Payload { value, sender, user, code };
        Received { signal, count: 1, payload: Some(payload) }
    }
}

/// Makes a `sigval` whose `int` is the lower 32 bits of the value, on every machine.
pub(super) fn to_sigval(value: usize) -> libc::sigval {
    libc::sigval { sival_ptr: in_order(value) as *mut libc::c_void }
}

/// Converts a `sigval`'s pointer to the value, and back.
///
/// The `int` lies at the address of the union. Only a little-endian machine has the lower bits
/// there.
pub(super) fn in_order(value: usize) -> usize {
    let swap = cfg!(all(target_endian = "big", target_pointer_width = "64"));
    if swap { value.rotate_left(32) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(signal: Signal, code: i32) -> Received {
        Received::from_parts(signal, code, 42, 1000, 7, 3)
    }

    #[test]
    fn only_the_fields_that_the_code_names_count() {
        let killed = received(Signal::TERM, libc::SI_USER);
        assert_eq!((killed.sender(), killed.user()), (Pid::from_raw(42), Some(1000)));
        assert_eq!((killed.value(), killed.origin()), (None, Some(Origin::Kill)));

        let queued = received(Signal::TERM, libc::SI_QUEUE);
        assert_eq!((queued.sender(), queued.value()), (Pid::from_raw(42), Some(7)));

        let timer = received(Signal::ALRM, libc::SI_TIMER);
        assert_eq!((timer.sender(), timer.user(), timer.value()), (None, None, Some(7)));

        let child = received(Signal::CHLD, libc::CLD_EXITED);
        assert_eq!((child.sender(), child.value()), (Pid::from_raw(42), Some(3)));

        let key = received(Signal::INT, 0x80);
        assert_eq!((key.sender(), key.value(), key.origin()), (None, None, Some(Origin::Kernel)));

        let odd = received(Signal::USR1, -60);
        assert_eq!(
            (odd.sender(), odd.value(), odd.origin()),
            (None, None, Some(Origin::Other(-60)))
        );
    }

    #[test]
    fn an_int_keeps_its_sign_through_a_sigval() {
        for int in [0, 1, -1, i32::MIN, i32::MAX] {
            let value = in_order(to_sigval(int as usize).sival_ptr as usize);
            assert_eq!(value as i32, int);
        }
        let negative = Received::from_parts(Signal::USR1, libc::SI_QUEUE, 1, 0, -5i32 as usize, 0);
        assert_eq!(negative.int(), Some(-5));
    }
}
