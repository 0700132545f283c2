package seccomp

import (
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

const seccompSetModeFilter = 1

// flags turns linux.seccomp.flags into the flags of seccomp(2). A list that is
// absent means SPEC_ALLOW, as in runc: without it, kernels before 5.16 enable the
// mitigation of speculative store bypass, which is slow, for every process with a
// filter. An empty list means none.
//
// Two flags depend on whether the filter has a listener, and the kernel's answer to
// a wrong pair is a bare EINVAL: WAIT_KILLABLE_RECV is about listeners only, and
// TSYNC with a listener needs TSYNC_ESRCH.
func (w *lowering) flags() {
	if w.profile.Flags == nil {
		w.out.flags = flagSpecAllow
		return
	}
	for i, name := range w.profile.Flags {
		f, ok := findFlag(name)
		switch {
		case !ok:
			w.problems.Add(property("flags").Index(i), unknown("flag", name, flagNames()))
		case f.value == flagWaitKillableRecv && !w.out.notify:
			w.warnings.Addf(property("flags").Index(i), "%s has no effect in a profile without SCMP_ACT_NOTIFY", name)
		default:
			w.out.flags |= f.value
		}
	}
	if w.out.notify && w.out.flags&flagTSYNC != 0 {
		w.out.flags |= flagTSYNCESRCH
	}
}

// checkFlags returns an error that names the flag and the kernel it needs if the
// running kernel lacks one of the flags.
func checkFlags(value uint64) error {
	for _, f := range flags {
		if value&f.value != 0 && f.kernel != "" && !kernelHas(f.value) {
			return place.Errorf(property("flags"), "%s needs Linux %s or newer", f.name, f.kernel)
		}
	}
	return nil
}

// kernelHas reports whether the kernel knows one flag. It has no program to load:
// the error is EFAULT for a flag that the kernel knows and EINVAL for another.
func kernelHas(value uint64) bool {
	if value == flagWaitKillableRecv {
		value |= flagNewListener
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(value), 0)
	return errno == unix.EFAULT
}
