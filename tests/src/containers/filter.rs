//! A seccomp filter that refuses system calls.
//!
//! Source: [seccomp(2)](https://man7.org/linux/man-pages/man2/seccomp.2.html).

use libc::c_long;

/// A system call that is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub(super) number: c_long,
    pub(super) when: When,
}

/// The second arguments for which a call is refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Always,
    /// This one.
    Is(i32),
    /// Those that have this bit.
    Has(u32),
    /// Those that lack this bit.
    Lacks(u32),
}

/// From here on the system refuses these calls to this process and its children, with this errno.
pub(super) fn refuse(calls: &[Refused], errno: i32) -> std::io::Result<()> {
    // The layout of `struct seccomp_data`: the number of the call, the architecture, the address,
    // then the arguments, of 64 bits each.
    const NUMBER: u32 = 0;
    const SECOND_ARGUMENT: u32 = 24 + if cfg!(target_endian = "big") { 4 } else { 0 };
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    // Goes on with the next instruction if the test holds, or skips so many.
    let test = |test: u32, k: u32, jf: u8| libc::sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: 0,
        jf,
        k,
    };
    let equal = |k: u32, jf: u8| test(libc::BPF_JEQ, k, jf);
    let load = |offset: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let answer = |what: u32| statement(libc::BPF_RET | libc::BPF_K, what);
    let refusal = answer(libc::SECCOMP_RET_ERRNO | errno as u32);
    let mut program = Vec::new();
    for call in calls {
        program.push(load(NUMBER));
        let number = call.number as u32;
        let argument = load(SECOND_ARGUMENT);
        match call.when {
            When::Always => program.push(equal(number, 1)),
            When::Is(value) => program.extend([equal(number, 3), argument, equal(value as u32, 1)]),
            When::Has(bit) => {
                program.extend([equal(number, 3), argument, test(libc::BPF_JSET, bit, 1)]);
            }
            When::Lacks(bit) => {
                let allow = answer(libc::SECCOMP_RET_ALLOW);
                let has = test(libc::BPF_JSET, bit, 1);
                program.extend([equal(number, 4), argument, has, allow]);
            }
        }
        program.push(refusal);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: this operation takes numbers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the filter points to `len` instructions that live through the call, which copies
    // them.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
