//! Faults on demand: chosen system calls of this process fail with a chosen errno, from now on and
//! for good. So it is for a child that plays a role.

use std::io;

/// One system call that shall fail: its number, and perhaps the value that one of its arguments
/// must have.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: libc::c_long,
    /// The place of an argument (0 for the first), and the value of its lower half.
    pub argument: Option<(u32, u32)>,
    pub errno: i32,
}

impl Fault {
    pub fn new(call: libc::c_long, errno: i32) -> Self {
        Fault { call, argument: None, errno }
    }

    pub fn when(mut self, place: u32, value: i32) -> Self {
        self.argument = Some((place, value as u32));
        self
    }
}

/// Makes these calls fail in every thread that this one starts, and in this one (`seccomp(2)`, with
/// a filter).
pub fn inject(faults: &[Fault]) {
    // The layout of `struct seccomp_data`: the number of the call, the architecture, the address,
    // then the arguments.
    const NUMBER: u32 = 0;
    const ARGUMENTS: u32 = 16;
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };

    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless_equal = |k: u32, skip: u8| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: skip,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let answer = libc::BPF_RET | libc::BPF_K;

    let mut program = Vec::new();
    for fault in faults {
        let fails = libc::SECCOMP_RET_ERRNO | fault.errno as u32;
        program.push(statement(load, NUMBER));
        match fault.argument {
            None => program.push(unless_equal(fault.call as u32, 1)),
            Some((place, value)) => {
                program.push(unless_equal(fault.call as u32, 3));
                program.push(statement(load, ARGUMENTS + 8 * place + half));
                program.push(unless_equal(value, 1));
            }
        }
        program.push(statement(answer, fails));
    }
    program.push(statement(answer, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };

    // SAFETY: this flag has no pointer arguments; the unused ones are zero, as it wants them.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    // SAFETY: the filter points to `len` instructions that live through the call, which copies
    // them.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
