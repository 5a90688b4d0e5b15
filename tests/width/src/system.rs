//! The system calls, and the functions that the compiler takes for granted.

use core::arch::global_asm;
use core::ptr::NonNull;

const EXIT_GROUP: usize = 252;
const WRITE: usize = 4;
const MMAP2: usize = 192;
pub const FUTEX: usize = 240;

global_asm!(
    ".globl _start",
    "_start:",
    "mov eax, esp",
    "and esp, -16",
    "sub esp, 12",
    "push eax",
    "call begin",
    ".globl system_call",
    "system_call:",
    "push ebp",
    "push edi",
    "push esi",
    "push ebx",
    "mov eax, [esp + 20]",
    "mov ebx, [esp + 24]",
    "mov ecx, [esp + 28]",
    "mov edx, [esp + 32]",
    "mov esi, [esp + 36]",
    "mov edi, [esp + 40]",
    "mov ebp, [esp + 44]",
    "int 0x80",
    "pop ebx",
    "pop esi",
    "pop edi",
    "pop ebp",
    "ret",
);

unsafe extern "C" {
    /// Makes a system call with this number and these arguments. Returns its result; an error is a
    /// negative number.
    pub fn system_call(
        n: usize,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> isize;
}

/// Ends the process.
pub fn exit(status: usize) -> ! {
    loop {
        // SAFETY: no pointer is passed.
        unsafe { system_call(EXIT_GROUP, status, 0, 0, 0, 0, 0) };
    }
}

/// Maps the file that is descriptor 0, for reading and writing, shared.
pub fn map(length: usize) -> Option<(NonNull<u8>, usize)> {
    const READ_WRITE: usize = 3;
    const SHARED: usize = 1;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let at = unsafe { system_call(MMAP2, 0, length, READ_WRITE, SHARED, 0, 0) };
    // Errors are the last 4095 numbers; addresses may look negative too.
    if (-4095..=0).contains(&at) {
        return None;
    }
    NonNull::new(at as usize as *mut u8).map(|at| (at, length))
}

/// Prints on descriptor 2 in which line it went wrong.
pub fn complain(text: &str, line: u32) {
    let mut out = [b'\n'; 48];
    let mut digits = [0; 10];
    let (mut rest, mut count) = (line, 0);
    for place in &mut digits {
        *place = b'0' + (rest % 10) as u8;
        (rest, count) = (rest / 10, count + 1);
        if rest == 0 {
            break;
        }
    }
    let bytes = text.bytes().chain(digits.iter().take(count).rev().copied());
    let length = text.len() + count + 1;
    out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    // SAFETY: this number of bytes is there.
    unsafe { system_call(WRITE, 2, out.as_ptr() as usize, length.min(out.len()), 0, 0, 0) };
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for n in 0..count {
        // SAFETY: the caller keeps C's conditions.
        unsafe { *to.wrapping_add(n) = *from.wrapping_add(n) };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.cast_const() <= from {
        // SAFETY: the caller keeps C's conditions. The copy goes forwards, which is right for an
        // overlap from behind.
        return unsafe { memcpy(to, from, count) };
    }
    for n in (0..count).rev() {
        // SAFETY: the caller keeps C's conditions.
        unsafe { *to.wrapping_add(n) = *from.wrapping_add(n) };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for n in 0..count {
        // SAFETY: the caller keeps C's conditions.
        unsafe { *to.wrapping_add(n) = byte as u8 };
    }
    to
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for n in 0..count {
        // SAFETY: the caller keeps C's conditions.
        let (a, b) = unsafe { (*one.wrapping_add(n), *other.wrapping_add(n)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: the caller keeps C's conditions.
    unsafe { memcmp(one, other, count) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller keeps C's conditions.
    while unsafe { *text.wrapping_add(length) } != 0 {
        length += 1;
    }
    length
}
