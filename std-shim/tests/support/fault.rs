//! Faults on demand: chosen system calls of this process fail with a chosen errno, from now on and
//! for good. So it is for a child that plays a role.

use std::io;

/// One system call that shall fail: its number, and perhaps what one of its arguments must be.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: libc::c_long,
    /// The place of an argument (0 for the first), and what its lower half must be.
    pub argument: Option<(u32, Bits)>,
    pub errno: i32,
}

/// The lower half of an argument.
#[derive(Debug, Clone, Copy)]
pub enum Bits {
    /// With this value.
    Are(u32),
    /// With this bit.
    Have(u32),
    /// Without this bit.
    Lack(u32),
}

impl Fault {
    pub const fn new(call: libc::c_long, errno: i32) -> Self {
        Fault { call, argument: None, errno }
    }

    pub const fn when(self, place: u32, value: i32) -> Self {
        self.with(place, Bits::Are(value as u32))
    }

    pub const fn with(mut self, place: u32, bits: Bits) -> Self {
        self.argument = Some((place, bits));
        self
    }
}

/// A fault for each of these calls.
pub fn each(calls: &[libc::c_long], errno: i32) -> Vec<Fault> {
    calls.iter().map(|call| Fault::new(*call, errno)).collect()
}

/// What has more than one call: the newer processors lack the older one. `OPEN` is what opens a
/// file beside `openat`.
#[cfg(not(any(target_arch = "aarch64", target_arch = "riscv64")))]
pub mod calls {
    pub const CHMOD: &[libc::c_long] = &[libc::SYS_fchmodat, libc::SYS_chmod];
    pub const FORK: &[libc::c_long] = &[libc::SYS_clone, libc::SYS_fork];
    pub const OPEN: &[libc::c_long] = &[libc::SYS_open];
}
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
pub mod calls {
    pub const CHMOD: &[libc::c_long] = &[libc::SYS_fchmodat];
    pub const FORK: &[libc::c_long] = &[libc::SYS_clone];
    pub const OPEN: &[libc::c_long] = &[];
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
    // Goes on with the next instruction if the test holds, or skips so many.
    let test = |test: u32, k: u32, skip: u8| libc::sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: 0,
        jf: skip,
        k,
    };
    let unless_equal = |k: u32, skip: u8| test(libc::BPF_JEQ, k, skip);
    let unless_set = |k: u32, skip: u8| test(libc::BPF_JSET, k, skip);
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let argument = |place: u32| statement(load, ARGUMENTS + 8 * place + half);
    let answer = libc::BPF_RET | libc::BPF_K;
    let allow = statement(answer, libc::SECCOMP_RET_ALLOW);

    let mut program = Vec::new();
    for fault in faults {
        let fails = libc::SECCOMP_RET_ERRNO | fault.errno as u32;
        let tests = match fault.argument {
            None => vec![],
            Some((place, Bits::Are(value))) => vec![argument(place), unless_equal(value, 1)],
            Some((place, Bits::Have(bit))) => vec![argument(place), unless_set(bit, 1)],
            Some((place, Bits::Lack(bit))) => vec![argument(place), unless_set(bit, 1), allow],
        };
        program.push(statement(load, NUMBER));
        program.push(unless_equal(fault.call as u32, tests.len() as u8 + 1));
        program.extend(tests);
        program.push(statement(answer, fails));
    }
    program.push(allow);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };

    // SAFETY: this flag has no pointer arguments; the unused ones are zero, as it wants them.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    // SAFETY: the filter points to `len` instructions that live through the call, which copies
    // them.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
