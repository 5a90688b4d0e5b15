//! What a system may lack.

use super::fault::{Bits, Fault, inject};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// A system that lacks something.
pub(super) struct Condition {
    pub(super) name: &'static str,
    /// What every error names.
    pub(super) word: &'static str,
    /// The ways in which it can be so, with the same outcome.
    pub(super) arrangements: Vec<Arrangement>,
}

/// What makes the system so for the process that runs it.
pub(super) type Arrangement = Box<dyn Fn() -> io::Result<()>>;

/// Every condition, in the order of the table.
pub(super) fn all() -> Vec<Condition> {
    let mut all = vec![
        mounts("nothing is missing", "(nothing)", || Ok(())),
        mounts("/proc is not mounted", "/proc", || tmpfs("/proc", "")),
        mounts("/dev has no shm", "/dev/shm", || {
            dev(&["null"])?;
            fs::create_dir("/dev/pts")?;
            mount(
                "devpts",
                "/dev/pts",
                "devpts",
                MountFlags::empty(),
                c"newinstance,ptmxmode=666",
            )?;
            std::os::unix::fs::symlink("pts/ptmx", "/dev/ptmx")
        }),
        mounts("/dev/shm has 64 MiB", "/dev/shm", || tmpfs("/dev/shm", "size=64m")),
        mounts("/dev/shm is read-only", "/dev/shm", || {
            let flags = MountFlags::RDONLY;
            Ok(mount("tmpfs", "/dev/shm", "tmpfs", flags, c"")?)
        }),
        mounts("/dev/shm is no tmpfs, but a ramfs", "/dev/shm", || {
            Ok(mount("ramfs", "/dev/shm", "ramfs", MountFlags::empty(), c"")?)
        }),
        mounts("/dev is empty", "/dev/", || dev(&[])),
        mounts("/dev/shm has no files without a name", "/dev/shm", || {
            Ok(mount("devpts", "/dev/shm", "devpts", MountFlags::empty(), c"newinstance")?)
        }),
        Condition {
            name: "a PID namespace of its own",
            word: "(nothing)",
            arrangements: vec![Box::new(own_processes)],
        },
        filter("Docker's default filter", "(nothing)", DOCKER),
    ];
    let answered =
        ANSWERS.iter().map(|&(name, word, call, errno)| answers(name, word, call, &[errno]));
    all.extend(answered);
    all.extend(CALLS.iter().map(|&(name, word, calls)| filter(name, word, calls)));
    all
}

fn mounts(
    name: &'static str,
    word: &'static str,
    change: impl Fn() -> io::Result<()> + 'static,
) -> Condition {
    let arrangement = Box::new(move || own_mounts().and_then(|()| change()));
    Condition { name, word, arrangements: vec![arrangement] }
}

fn filter(name: &'static str, word: &'static str, calls: &'static [Fault]) -> Condition {
    // A filter answers with the first, and a kernel that is too old with the second; so does a
    // filter that is newer.
    answers(name, word, calls, &[libc::EPERM, libc::ENOSYS])
}

fn answers(
    name: &'static str,
    word: &'static str,
    calls: &'static [Fault],
    errnos: &[i32],
) -> Condition {
    let arrangement = |&errno| {
        let faults: Vec<_> = calls.iter().map(|call| Fault { errno, ..*call }).collect();
        Box::new(move || {
            inject(&faults);
            Ok(())
        }) as Arrangement
    };
    Condition { name, word, arrangements: errnos.iter().map(arrangement).collect() }
}

/// Makes this process number 1 of a namespace of its own, with a `/proc` of its own.
fn own_processes() -> io::Result<()> {
    own_mounts()?;
    unshare(libc::CLONE_NEWPID)?;
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(mount("proc", "/proc", "proc", MountFlags::empty(), c"")?),
        child => {
            let mut status = 0;
            // SAFETY: a child of this process, and a place for its status.
            while unsafe { libc::waitpid(child, &mut status, 0) } == -1 {}
            let code = match libc::WIFSIGNALED(status) {
                true => 128 + libc::WTERMSIG(status),
                false => libc::WEXITSTATUS(status),
            };
            // SAFETY: ends this process, which only waited for the one that runs the scene.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Gives this process mounts of its own.
///
/// It takes the right to make them, or a user namespace in which everybody has it.
fn own_mounts() -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if let Err(error) = unshare(libc::CLONE_NEWNS) {
        unshare(libc::CLONE_NEWNS | libc::CLONE_NEWUSER).map_err(|_| {
            let why = "neither root nor user namespaces are to be had here, and one of them is \
                       needed to hide a part of the system: run the test as root, or allow them";
            io::Error::new(error.kind(), why)
        })?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw()))?;
    }
    Ok(mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?)
}

fn unshare(namespaces: libc::c_int) -> io::Result<()> {
    // SAFETY: the call takes a number. It concerns this process, which has one thread.
    match unsafe { libc::unshare(namespaces) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn tmpfs(at: &str, options: &str) -> io::Result<()> {
    let options = std::ffi::CString::new(options)?;
    Ok(mount("tmpfs", at, "tmpfs", MountFlags::empty(), &*options)?)
}

/// Leaves only these in `/dev`.
fn dev(kept: &[&str]) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let open = |name| rustix::fs::openat(CWD, Path::new("/dev").join(name), flags, Mode::empty());
    let kept = kept.iter().map(|name| Ok((name, open(name)?))).collect::<io::Result<Vec<_>>>()?;
    tmpfs("/dev", "mode=755")?;
    for (name, file) in kept {
        let (from, to) = (format!("/proc/self/fd/{}", file.as_raw_fd()), format!("/dev/{name}"));
        fs::write(&to, "")?;
        mount_bind(from, to)?;
    }
    Ok(())
}

/// Every call of this number. Its errno is given later.
const fn call(number: libc::c_long) -> Fault {
    Fault::new(number, 0)
}

/// Those that have this command as their second argument.
const fn command(number: libc::c_long, command: libc::c_int) -> Fault {
    call(number).when(1, command)
}

/// Those with or without a flag in their second argument.
const fn flags(number: libc::c_long, flags: Bits) -> Fault {
    call(number).with(1, flags)
}

const MEMFD_NOEXEC_SEAL: u32 = 8;

/// Calls that get one errno, each with what its error names.
#[rustfmt::skip]
const ANSWERS: &[(&str, &str, &[Fault], i32)] = &[
    ("vm.memfd_noexec is 2", "(nothing)",
        &[flags(libc::SYS_memfd_create, Bits::Lack(MEMFD_NOEXEC_SEAL))],
        libc::EACCES),
    ("memfd_create knows no MFD_NOEXEC_SEAL", "(nothing)",
        &[flags(libc::SYS_memfd_create, Bits::Have(MEMFD_NOEXEC_SEAL))],
        libc::EINVAL),
    // The C library takes another call only after the second.
    ("clone3 gets EPERM", "thread", &[call(libc::SYS_clone3)], libc::EPERM),
    ("clone3 gets ENOSYS", "(nothing)", &[call(libc::SYS_clone3)], libc::ENOSYS),
    // With EPERM, the kernel says that the user may not have so large a pipe.
    ("fcntl(F_SETPIPE_SZ) gets ENOSYS", "size",
        &[command(libc::SYS_fcntl, libc::F_SETPIPE_SZ)], libc::ENOSYS),
];

/// The calls that a filter may not know yet or an older kernel lacks, each with what its error
/// names.
#[rustfmt::skip]
const CALLS: &[(&str, &str, &[Fault])] = &[
    ("memfd_create is refused", "memfd_create", &[call(libc::SYS_memfd_create)]),
    ("fcntl(F_ADD_SEALS) is refused", "F_ADD_SEALS", &[command(libc::SYS_fcntl, libc::F_ADD_SEALS)]),
    ("fcntl(F_OFD_SETLK) is refused", "F_OFD_SETLK", &[command(libc::SYS_fcntl, libc::F_OFD_SETLK)]),
    ("fcntl(F_OFD_GETLK) is refused", "F_OFD_GETLK", &[command(libc::SYS_fcntl, libc::F_OFD_GETLK)]),
    ("fcntl(F_SETSIG) is refused", "F_SETSIG", &[command(libc::SYS_fcntl, 10)]),
    ("fallocate is refused", "fallocate", &[call(libc::SYS_fallocate)]),
    ("pidfd_open is refused", "pidfd_open", &[call(libc::SYS_pidfd_open)]),
    ("pidfd_send_signal is refused", "pidfd_send_signal", &[call(libc::SYS_pidfd_send_signal)]),
    ("waitid is refused", "waitid", &[call(libc::SYS_waitid)]),
    ("close_range is refused", "close_range", &[call(libc::SYS_close_range)]),
    ("preadv2 and pwritev2 are refused", "(nothing)",
        &[call(libc::SYS_preadv2), call(libc::SYS_pwritev2)]),
    ("statx is refused", "(nothing)", &[call(libc::SYS_statx)]),
    ("renameat2 is refused", "(nothing)", &[call(libc::SYS_renameat2)]),
    ("copy_file_range is refused", "(nothing)", &[call(libc::SYS_copy_file_range)]),
    ("splice is refused", "splice", &[call(libc::SYS_splice)]),
    ("tee is refused", "tee", &[call(libc::SYS_tee)]),
    ("sendfile is refused", "(nothing)", &[call(libc::SYS_sendfile)]),
    ("eventfd2 is refused", "eventfd", &[call(libc::SYS_eventfd2)]),
    ("signalfd4 is refused", "signalfd", &[call(libc::SYS_signalfd4)]),
    ("timer_create is refused", "timer_create", &[call(libc::SYS_timer_create)]),
    ("rt_sigqueueinfo is refused", "sigqueue", &[call(libc::SYS_rt_sigqueueinfo)]),
    ("prctl is refused", "(nothing)", &[call(libc::SYS_prctl)]),
    ("getrandom is refused", "getrandom(2)", &[call(libc::SYS_getrandom)]),
    ("mknodat is refused", "mknod", &[call(libc::SYS_mknodat)]),
];

/// What Docker's and Podman's default profiles refuse to a process without further rights.
///
/// Source: [Seccomp profiles for Docker](https://docs.docker.com/engine/security/seccomp/).
#[rustfmt::skip]
const DOCKER: &[Fault] = &[
    call(libc::SYS_acct), call(libc::SYS_add_key), call(libc::SYS_bpf),
    call(libc::SYS_clock_adjtime), call(libc::SYS_clock_settime), call(libc::SYS_delete_module),
    call(libc::SYS_finit_module), call(libc::SYS_fsconfig), call(libc::SYS_fsmount),
    call(libc::SYS_fsopen), call(libc::SYS_fspick), call(libc::SYS_get_mempolicy),
    call(libc::SYS_init_module), call(libc::SYS_io_uring_enter),
    call(libc::SYS_io_uring_register), call(libc::SYS_io_uring_setup), call(libc::SYS_kcmp),
    call(libc::SYS_kexec_load), call(libc::SYS_keyctl), call(libc::SYS_mbind),
    call(libc::SYS_mount), call(libc::SYS_mount_setattr), call(libc::SYS_move_mount),
    call(libc::SYS_move_pages), call(libc::SYS_name_to_handle_at),
    call(libc::SYS_open_by_handle_at), call(libc::SYS_open_tree),
    call(libc::SYS_perf_event_open), call(libc::SYS_pidfd_getfd), call(libc::SYS_pivot_root),
    call(libc::SYS_process_madvise), call(libc::SYS_process_vm_readv),
    call(libc::SYS_process_vm_writev), call(libc::SYS_ptrace), call(libc::SYS_quotactl),
    call(libc::SYS_reboot), call(libc::SYS_request_key), call(libc::SYS_set_mempolicy),
    call(libc::SYS_setns), call(libc::SYS_settimeofday), call(libc::SYS_swapoff),
    call(libc::SYS_swapon), call(libc::SYS_syslog), call(libc::SYS_umount2),
    call(libc::SYS_unshare), call(libc::SYS_userfaultfd), call(libc::SYS_vmsplice),
];
