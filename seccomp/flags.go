package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const seccompSetModeFilter = 1

// lowerFlags turns linux.seccomp.flags into the flags of seccomp(2). A list that is
// absent means SPEC_ALLOW, as in runc: without it the kernels before 5.16 switch on
// the mitigation of speculative store bypass for everything that has a filter,
// which is slow. An empty list means none.
//
// notify says that the filter will have a listener. Two flags depend on it, and
// the kernel's answer to a wrong pair is a bare EINVAL: WAIT_KILLABLE_RECV is
// about listeners only, and TSYNC beside a listener needs TSYNC_ESRCH.
func lowerFlags(list []specs.LinuxSeccompFlag, notify bool) (value uint64, warnings []string, err error) {
	if list == nil {
		return flagSpecAllow, nil, nil
	}
	for i, name := range list {
		f, ok := findFlag(name)
		if !ok {
			return 0, nil, fmt.Errorf("linux.seccomp.flags[%d]: unknown flag %q", i, name)
		}
		if f.value == flagWaitKillableRecv && !notify {
			warnings = append(warnings, fmt.Sprintf(
				"linux.seccomp.flags[%d]: %s has no effect in a profile without SCMP_ACT_NOTIFY", i, name))
			continue
		}
		value |= f.value
	}
	if notify && value&flagTSYNC != 0 {
		value |= flagTSYNCESRCH
	}
	return value, warnings, nil
}

// checkFlags returns an error that names the flag and the kernel it needs if the
// running kernel lacks one of the flags.
func checkFlags(value uint64) error {
	for _, f := range flags {
		if value&f.value != 0 && f.kernel != "" && !kernelHas(f.value) {
			return fmt.Errorf("linux.seccomp.flags: %s needs Linux %s or newer", f.name, f.kernel)
		}
	}
	return nil
}

// kernelHas asks the kernel for one flag. With no program to load, a flag that
// it knows ends in EFAULT and one that it doesn't in EINVAL.
func kernelHas(value uint64) bool {
	if value == flagWaitKillableRecv {
		value |= flagNewListener
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(value), 0)
	return errno == unix.EFAULT
}
