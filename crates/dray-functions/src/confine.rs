//! What the worker process takes from itself before anything of a function runs in it: its limits, the files
//! (landlock), and all system calls but those that computing needs (seccomp). None of it can be taken back.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// How long it may compute in all, in seconds: what ends it where nobody else does.
const MAX_COMPUTING_SECONDS: u64 = 12 * 3600;

/// How many files it may have open: its streams, and modules of Python while they are loaded.
const MAX_OPEN_FILES: u64 = 32;

/// Limits memory, files and computing. `written_bytes`: how far it may write into files it was handed.
pub(crate) fn set_limits(memory_bytes: u64, written_bytes: u64) -> Result<(), String> {
    let limits = [
        (Resource::Nofile, MAX_OPEN_FILES),
        (Resource::Fsize, written_bytes),
        (Resource::Core, 0),
        (Resource::Nproc, 0),
        (Resource::Cpu, MAX_COMPUTING_SECONDS),
        (Resource::Data, memory_bytes),
        (Resource::As, memory_bytes),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|cause| format!("its limits cannot be set: {cause}"))?;
    }
    Ok(())
}

/// Files and folders that stay open to it, for reading only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OpenPaths {
    /// May be read; folders with all they have.
    pub(crate) readable: Vec<PathBuf>,
    /// May be read and started.
    pub(crate) executable: Vec<PathBuf>,
    /// May be read and written: devices.
    pub(crate) writable: Vec<PathBuf>,
}

/// Closes the file system but for these paths; where the kernel can, also ports, signals to other processes
/// and their abstract sockets.
pub(crate) fn close_files(open: &OpenPaths) -> Result<(), String> {
    let refused = |cause: landlock::RulesetError| format!("landlock does not work: {cause}");
    // The newest version that is known; older kernels have less of it.
    let newest = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(&open.readable, read)))
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(&open.executable, AccessFs::ReadFile | AccessFs::Execute))
        })
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(&open.writable, AccessFs::ReadFile | AccessFs::WriteFile))
        })
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(refused)?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("the kernel has no landlock".to_owned());
    }
    Ok(())
}

/// What every worker needs: its streams, memory, the clock and randomness.
const COMPUTING: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What Python needs besides: to start, and to read its library. Which files it can open is up to landlock.
const LIBRARY: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_membarrier,
];

/// The same by the names that only this architecture has.
#[cfg(target_arch = "x86_64")]
const LIBRARY_HERE: &[i64] = &[
    libc::SYS_arch_prctl,
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const LIBRARY_HERE: &[i64] = &[];

/// What it may do to open files: copy their numbers, and ask and say what becomes of them at a start.
const FILE_COMMANDS: &[i32] =
    &[libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL];

/// Refuses all other system calls: they fail as if forbidden. `with_library`: Python needs more.
pub(crate) fn close_system_calls(with_library: bool) -> Result<(), String> {
    let failed = |cause: &dyn std::fmt::Display| format!("seccomp does not work: {cause}");
    let forbidden = u32::try_from(libc::EPERM).unwrap_or(1);
    let mut rules: Vec<(i64, Vec<SeccompRule>)> = COMPUTING.iter().map(|call| (*call, Vec::new())).collect();
    if with_library {
        rules.extend(LIBRARY.iter().chain(LIBRARY_HERE).map(|call| (*call, Vec::new())));
        let only = |argument, length, value| {
            SeccompCondition::new(argument, length, SeccompCmpOp::Eq, value)
                .and_then(|condition| SeccompRule::new(vec![condition]))
                .map_err(|cause| failed(&cause))
        };
        // Limits may be asked for and not set: the third argument is none.
        rules.push((libc::SYS_prlimit64, vec![only(2, SeccompCmpArgLen::Qword, 0)?]));
        // Not all that can be done to a file: one that is ready could be made to send signals to others.
        let harmless: Result<Vec<SeccompRule>, String> = FILE_COMMANDS
            .iter()
            .map(|command| only(1, SeccompCmpArgLen::Dword, u64::try_from(*command).unwrap_or(u64::MAX)))
            .collect();
        rules.push((libc::SYS_fcntl, harmless?));
    }
    let architecture =
        std::env::consts::ARCH.try_into().map_err(|cause: seccompiler::BackendError| failed(&cause))?;
    let filter = SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::Errno(forbidden),
        SeccompAction::Allow,
        architecture,
    )
    .map_err(|cause| failed(&cause))?;
    let program = BpfProgram::try_from(filter).map_err(|cause| failed(&cause))?;
    seccompiler::apply_filter(&program).map_err(|cause| failed(&cause))
}
