package profile

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// when returns a condition on the first argument.
func when(op specs.LinuxSeccompOperator, value, valueTwo uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Op: op, Value: value, ValueTwo: valueTwo}
}

// namespaceFlags are the flags of clone(2) that create namespaces. CLONE_NEWTIME isn't
// among them, because clone(2) doesn't have it.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// withFlag returns a condition for one of the flags of clone(2), whatever the others are.
func withFlag(flag uint64) specs.LinuxSeccompArg { return when(specs.OpMaskedEqual, flag, flag) }

// Groups are all groups of the profile: what is allowed first.
var Groups = []Group{
	{
		Title: "Files", Reason: "The mount namespace, permissions and capabilities decide what a process can reach.", Allowed: true,
		Names: []string{
			"access", "arm_fadvise64_64", "arm_sync_file_range", "cachestat", "chdir", "chmod", "chown", "chown32", "chroot",
			"close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
			"fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl",
			"fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64",
			"fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents",
			"getdents64", "getxattr", "ioctl", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
			"_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat", "mknod", "mknodat",
			"name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2",
			"pwrite64", "pwritev", "pwritev2", "read", "readahead", "readdir", "readlink", "readlinkat", "readv", "removexattr",
			"rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64", "setxattr", "splice", "stat", "stat64",
			"statfs", "statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate",
			"truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "vmsplice",
			"write", "writev",
		},
	},
	{
		Title: "Waiting for files", Reason: "They tell of descriptors that the process has, and of files that it can read.", Allowed: true,
		Names: []string{
			"epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
			"epoll_wait_old", "eventfd", "eventfd2", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
			"_newselect", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select",
		},
	},
	{
		Title: "Asynchronous I/O", Reason: "The old interface, which databases use; io_uring is refused below.", Allowed: true,
		Names: []string{
			"io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit",
		},
	},
	{
		Title: "Memory", Reason: "They concern the memory of the process itself.", Allowed: true,
		Names: []string{
			"brk", "get_mempolicy", "madvise", "mbind", "membarrier", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2",
			"mlockall", "mmap", "mmap2", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc",
			"pkey_free", "pkey_mprotect", "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node",
		},
	},
	{
		Title: "Processes and threads", Reason: "The PID namespace and the user decide which processes they reach.", Allowed: true,
		Names: []string{
			"arch_prctl", "cacheflush", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_time64",
			"futex_waitv", "getcpu", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrlimit", "get_robust_list",
			"getrusage", "getsid", "get_thread_area", "gettid", "get_tls", "ioprio_get", "ioprio_set", "nice", "pidfd_open",
			"pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "riscv_flush_icache", "rseq",
			"sched_getaffinity", "sched_getattr", "sched_getparam", "sched_get_priority_max", "sched_get_priority_min",
			"sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity",
			"sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "setpgid", "setpriority", "setrlimit",
			"set_robust_list", "setsid", "set_thread_area", "set_tid_address", "set_tls", "sysinfo", "times", "ugetrlimit",
			"uname", "vfork", "wait4", "waitid", "waitpid",
		},
	},
	{
		Title: "New processes", Allowed: true,
		Reason: "Without the flags that create namespaces: a user namespace gives a process all capabilities in it, and with them " +
			"a way to much of the kernel that others can't reach.",
		Names:   []string{"clone"},
		allowed: []specs.LinuxSeccompArg{when(specs.OpMaskedEqual, namespaceFlags, 0)},
		refused: []specs.LinuxSeccompArg{
			withFlag(unix.CLONE_NEWNS), withFlag(unix.CLONE_NEWCGROUP), withFlag(unix.CLONE_NEWUTS), withFlag(unix.CLONE_NEWIPC),
			withFlag(unix.CLONE_NEWUSER), withFlag(unix.CLONE_NEWPID), withFlag(unix.CLONE_NEWNET),
		},
	},
	{
		Title: "Debugging", Reason: "The kernel checks the same permissions for all of them, and processes of other containers can't be seen.", Allowed: true,
		Names: []string{"pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace"},
	},
	{
		Title: "Execution domains", Reason: "Linux, 32-bit Linux, and both with the version 2.6: others are hardly tested, and fail with ENOSYS.", Allowed: true,
		Names: []string{"personality"},
		allowed: []specs.LinuxSeccompArg{
			when(specs.OpEqualTo, 0x0, 0), when(specs.OpEqualTo, 0x8, 0), when(specs.OpEqualTo, 0x20000, 0),
			when(specs.OpEqualTo, 0x20008, 0), when(specs.OpEqualTo, 0xffffffff, 0),
		},
	},
	{
		Title: "Signals", Reason: "The PID namespace and the user decide which processes they reach.", Allowed: true,
		Names: []string{
			"alarm", "kill", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
			"rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sgetmask", "sigaction",
			"sigaltstack", "signal", "signalfd", "signalfd4", "sigpending", "sigprocmask", "sigreturn", "sigsuspend",
			"ssetmask", "tgkill", "tkill",
		},
	},
	{
		Title: "Time", Reason: "adjtimex and clock_adjtime read the state of the clock; to change it needs a capability.", Allowed: true,
		Names: []string{
			"adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
			"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep",
			"setitimer", "time", "timer_create", "timer_delete", "timerfd_create", "timerfd_gettime", "timerfd_gettime64",
			"timerfd_settime", "timerfd_settime64", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
			"timer_settime64",
		},
	},
	{
		Title: "Users and capabilities", Reason: "A process can only give up rights by them, or use those that it has been given.", Allowed: true,
		Names: []string{
			"capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32",
			"getresgid", "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "setfsgid", "setfsgid32", "setfsuid",
			"setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid",
			"setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
		},
	},
	{
		Title: "Sandboxes", Reason: "A process may confine itself further.", Allowed: true,
		Names: []string{"landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp"},
	},
	{
		Title: "Random numbers", Reason: "Everybody needs them.", Allowed: true,
		Names: []string{"getrandom"},
	},
	{
		Title: "IPC of System V and POSIX", Reason: "The IPC namespace is the container's own.", Allowed: true,
		Names: []string{
			"ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
			"mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
			"semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
		},
	},
	{
		Title: "Sockets", Reason: "The network namespace decides what they reach.", Allowed: true,
		Names: []string{
			"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
			"recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
			"socketcall", "socketpair",
		},
	},
	{
		Title: "New sockets", Allowed: true,
		Reason: "Not of AF_ALG, the kernel's cryptography, which a program doesn't need and which has had many bugs, nor of AF_VSOCK, " +
			"which reaches the host of a virtual machine past the network namespace.",
		Names: []string{"socket"},
		allowed: []specs.LinuxSeccompArg{
			when(specs.OpLessThan, unix.AF_ALG, 0), when(specs.OpEqualTo, unix.AF_NFC, 0), when(specs.OpGreaterThan, unix.AF_VSOCK, 0),
		},
		refused: []specs.LinuxSeccompArg{when(specs.OpEqualTo, unix.AF_ALG, 0), when(specs.OpEqualTo, unix.AF_VSOCK, 0)},
	},

	{
		Title: "Namespaces and mounts", Reason: "They lead to parts of the kernel that are meant for an administrator, with a user namespace without any privilege.",
		Names: []string{
			"fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root", "setns",
			"umount", "umount2", "unshare",
		},
	},
	{
		Title: "Files by handle", Reason: "A handle opens any file of a file system, also outside of the container's root.",
		Names: []string{"open_by_handle_at"},
	},
	{
		Title: "Kernel code and its observation", Reason: "They run code in the kernel, or see what happens in it.",
		Names: []string{
			"bpf", "create_module", "delete_module", "finit_module", "get_kernel_syms", "init_module", "kexec_file_load",
			"kexec_load", "lookup_dcookie", "perf_event_open", "query_module", "syslog",
		},
	},
	{
		Title: "io_uring", Reason: "What is done by it isn't seen by this filter, and it has had many bugs.",
		Names: []string{"io_uring_enter", "io_uring_register", "io_uring_setup"},
	},
	{
		Title: "Page faults in user space", Reason: "They let a process stop the kernel in the middle of a copy, which makes races exploitable.",
		Names: []string{"userfaultfd"},
	},
	{
		Title: "Keys", Reason: "Keyrings of users aren't separated by a namespace of the container.",
		Names: []string{"add_key", "keyctl", "request_key"},
	},
	{
		Title: "The whole host", Reason: "What they change or count isn't the container's own.",
		Names: []string{
			"acct", "clock_settime", "clock_settime64", "fanotify_init", "fanotify_mark", "nfsservctl", "quotactl",
			"quotactl_fd", "reboot", "setdomainname", "sethostname", "settimeofday", "stime", "swapoff", "swapon", "vhangup",
		},
	},
	{
		Title: "Memory of other processes", Reason: "They move it between nodes, give it back or compare it: for managers, who are outside.",
		Names: []string{"kcmp", "migrate_pages", "move_pages", "process_madvise", "process_mrelease"},
	},
	{
		Title: "Hardware", Reason: "They are for drivers in user space, DOS programs and old emulators.",
		Names: []string{
			"ioperm", "iopl", "modify_ldt", "pciconfig_iobase", "pciconfig_read", "pciconfig_write", "vm86", "vm86old",
		},
	},
	{
		Title: "Obsolete", Reason: "Nothing uses them any more; most of them fail in today's kernels anyway.",
		Names: []string{
			"afs_syscall", "bdflush", "break", "ftime", "getpmsg", "gtty", "idle", "lock", "mpx", "oldfstat", "oldlstat",
			"oldolduname", "oldstat", "olduname", "prof", "profil", "putpmsg", "security", "stty", "_sysctl", "sysfs", "tuxcall",
			"ulimit", "uselib", "ustat", "vserver",
		},
	},
}
