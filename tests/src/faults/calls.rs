//! The system calls that can be made to fail, and how each fails by its man page.

use std::fmt;

/// A system call, by its place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call(usize);

/// One way in which a call fails.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    pub errno: i32,
    /// The error is temporary: the kernel does not return it for ever, and a caller may try again.
    pub passes: bool,
}

impl Call {
    pub fn of_number(number: libc::c_long) -> Option<Call> {
        CALLS.iter().position(|call| call.number == number).map(Call)
    }

    pub fn numbers() -> impl Iterator<Item = libc::c_long> {
        CALLS.iter().map(|call| call.number)
    }

    pub fn name(self) -> &'static str {
        CALLS[self.0].name
    }

    pub fn errors(self) -> impl Iterator<Item = Failing> {
        let Entry { lasting, passing, .. } = &CALLS[self.0];
        let lasting = lasting.iter().map(|&errno| Failing { errno, passes: false });
        lasting.chain(passing.iter().map(|&errno| Failing { errno, passes: true }))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Entry {
    name: &'static str,
    number: libc::c_long,
    lasting: &'static [i32],
    passing: &'static [i32],
}

macro_rules! calls {
    ($($name:ident $number:ident [$($lasting:ident)*] [$($passing:ident)*];)*) => {
        &[$(Entry {
            name: stringify!($name),
            number: libc::$number,
            lasting: &[$(libc::$lasting),*],
            passing: &[$(libc::$passing),*],
        }),*]
    };
}

// Left out are: calls that only end or forget something (close, munmap), which the kernel does even
// when it reports an error; calls for the memory of the process itself (brk, mmap without a file,
// mprotect); EINTR of connect, after which the real kernel goes on connecting but this one does
// not; ENOENT of stat, which is an answer and no failure; and calls that cannot fail.
#[rustfmt::skip]
static CALLS: &[Entry] = calls! {
    openat SYS_openat [EACCES EMFILE ENFILE ENOENT ENOMEM ENOSPC EPERM ELOOP ENXIO] [EINTR];
    read SYS_read [EIO] [EINTR EAGAIN];
    readv SYS_readv [EIO] [EINTR EAGAIN];
    pread64 SYS_pread64 [EIO] [EINTR];
    write SYS_write [EPIPE EIO ENOSPC EDQUOT EFBIG] [EINTR EAGAIN];
    writev SYS_writev [EPIPE EIO ENOSPC EDQUOT] [EINTR EAGAIN];
    pipe2 SYS_pipe2 [EMFILE ENFILE] [];
    ppoll SYS_ppoll [ENOMEM] [EINTR];
    fcntl SYS_fcntl [EMFILE ENOLCK EPERM EBUSY] [EINTR];
    fstat SYS_fstat [EIO ENOMEM] [];
    newfstatat SYS_newfstatat [EACCES ENOMEM] [];
    statx SYS_statx [EACCES ENOMEM] [];
    ftruncate SYS_ftruncate [EFBIG EPERM EIO] [EINTR];
    fallocate SYS_fallocate [ENOSPC EDQUOT EFBIG EOPNOTSUPP EIO] [EINTR];
    memfd_create SYS_memfd_create [EMFILE ENFILE ENOMEM] [];
    mmap SYS_mmap [EACCES ENOMEM EAGAIN ENODEV EPERM] [];
    getrandom SYS_getrandom [ENOSYS EPERM] [EINTR];
    linkat SYS_linkat [EEXIST EACCES ENOSPC EDQUOT ENOENT EPERM] [];
    unlinkat SYS_unlinkat [EACCES EPERM EBUSY EROFS] [];
    renameat2 SYS_renameat2 [EACCES EINVAL EEXIST ENOSPC] [];
    mknodat SYS_mknodat [EACCES EEXIST ENOSPC EDQUOT EROFS] [];
    mkdirat SYS_mkdirat [EACCES ENOSPC EROFS] [];
    fchmod SYS_fchmod [EPERM EROFS] [];
    fchmodat SYS_fchmodat [EPERM EROFS] [];
    readlinkat SYS_readlinkat [EACCES ENOENT] [];
    getdents64 SYS_getdents64 [ENOENT] [];
    flock SYS_flock [ENOLCK] [EINTR EWOULDBLOCK];
    socket SYS_socket [EMFILE ENFILE ENOBUFS EACCES EAFNOSUPPORT] [];
    socketpair SYS_socketpair [EMFILE ENFILE ENOMEM] [];
    bind SYS_bind [EADDRINUSE EACCES EROFS ENOMEM] [];
    listen SYS_listen [EADDRINUSE EOPNOTSUPP] [];
    connect SYS_connect [ECONNREFUSED EACCES ETIMEDOUT EADDRNOTAVAIL ENETUNREACH] [EAGAIN];
    accept4 SYS_accept4 [EMFILE ENFILE ENOBUFS EPERM] [EINTR EAGAIN ECONNABORTED];
    sendto SYS_sendto [ENOBUFS ECONNRESET EPIPE ENOMEM EMSGSIZE] [EINTR EAGAIN];
    sendmsg SYS_sendmsg [ENOBUFS ECONNRESET EPIPE ENOMEM EMSGSIZE ETOOMANYREFS] [EINTR EAGAIN];
    recvfrom SYS_recvfrom [ECONNRESET ENOMEM ENOTCONN] [EINTR EAGAIN];
    recvmsg SYS_recvmsg [ECONNRESET ENOMEM EMFILE] [EINTR EAGAIN];
    shutdown SYS_shutdown [ENOTCONN ENOBUFS] [];
    getsockopt SYS_getsockopt [ENOPROTOOPT ENOBUFS] [];
    setsockopt SYS_setsockopt [ENOPROTOOPT EPERM ENOMEM] [];
    getsockname SYS_getsockname [ENOBUFS] [];
    getpeername SYS_getpeername [ENOBUFS ENOTCONN] [];
    ioctl SYS_ioctl [EIO ENOTTY EPERM] [];
    eventfd2 SYS_eventfd2 [EMFILE ENFILE ENOMEM] [];
    signalfd4 SYS_signalfd4 [EMFILE ENFILE ENOMEM] [];
    timer_create SYS_timer_create [EAGAIN ENOMEM] [];
    timer_settime SYS_timer_settime [EINVAL] [];
    rt_sigaction SYS_rt_sigaction [EINVAL] [];
    rt_sigtimedwait SYS_rt_sigtimedwait [] [EINTR EAGAIN];
    kill SYS_kill [EPERM ESRCH] [];
    rt_sigqueueinfo SYS_rt_sigqueueinfo [EAGAIN EPERM ESRCH] [];
    pidfd_send_signal SYS_pidfd_send_signal [EPERM EAGAIN] [];
    pidfd_open SYS_pidfd_open [EMFILE ENFILE ENODEV ENOMEM] [];
    waitid SYS_waitid [ECHILD] [EINTR];
    wait4 SYS_wait4 [ECHILD] [EINTR];
    clone SYS_clone [EAGAIN ENOMEM EPERM] [];
    clone3 SYS_clone3 [EAGAIN ENOMEM EPERM] [];
    execve SYS_execve [E2BIG EACCES ENOENT EAGAIN ENOMEM] [];
    close_range SYS_close_range [EMFILE ENOMEM] [];
    splice SYS_splice [EINVAL ENOMEM EIO] [EINTR EAGAIN];
    tee SYS_tee [EINVAL ENOMEM] [EINTR EAGAIN];
    sendfile SYS_sendfile [EINVAL ENOMEM EIO EOVERFLOW] [EINTR EAGAIN];
    copy_file_range SYS_copy_file_range [EXDEV EIO ENOSPC EINVAL] [EINTR];
    futex SYS_futex [] [EINTR EAGAIN];
    clock_nanosleep SYS_clock_nanosleep [] [EINTR];
};

/// The name of an errno, as in C.
pub fn errno_name(errno: i32) -> String {
    macro_rules! names {
        ($($name:ident)*) => {
            match errno {
                $(libc::$name => stringify!($name).to_owned(),)*
                other => format!("errno {other}"),
            }
        };
    }
    names! {
        E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EBUSY ECHILD ECONNABORTED ECONNREFUSED
        ECONNRESET EDQUOT EEXIST EFBIG EINTR EINVAL EIO ELOOP EMFILE EMSGSIZE ENETUNREACH ENFILE ENOBUFS ENODEV
        ENOENT ENOLCK ENOMEM ENOPROTOOPT ENOSPC ENOTCONN ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EROFS
        ESRCH ETIMEDOUT ETOOMANYREFS EXDEV
    }
}
