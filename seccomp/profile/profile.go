// Package profile has a seccomp profile for containers that nothing special is known of.
package profile

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Group is a set of system calls that a profile treats alike, for one reason.
type Group struct {
	// Title names what the system calls are for, and Reason says why they are allowed or
	// refused.
	Title, Reason string
	Allowed       bool
	Names         []string
	// allowed are conditions of which one has to be met for the calls to be allowed, and
	// refused those of which each refuses them. Without conditions Allowed decides.
	allowed, refused []specs.LinuxSeccompArg
}

// Default returns the profile for an architecture, as in GOARCH, and the 32-bit one that
// its kernels support, too. System calls in Groups are allowed or fail with EPERM. All
// others fail with ENOSYS: those that are newer than the profile, after which a C library
// tries the older call, and clone3(2), whose flags are in memory, where a filter can't
// look. It returns nil for an architecture that it doesn't know.
func Default(goarch string) *specs.LinuxSeccomp {
	archs := architectures[goarch]
	if archs == nil {
		return nil
	}
	unknown, refused := uint(unix.ENOSYS), uint(unix.EPERM)
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: &unknown, Architectures: slices.Clone(archs),
	}
	add := func(g *Group, allowed bool, args ...specs.LinuxSeccompArg) {
		s := specs.LinuxSyscall{Names: slices.Clone(g.Names), Action: specs.ActAllow, Args: args}
		if !allowed {
			s.Action, s.ErrnoRet = specs.ActErrno, &refused
		}
		p.Syscalls = append(p.Syscalls, s)
	}
	for i := range Groups {
		g := &Groups[i]
		if len(g.allowed) == 0 {
			add(g, g.Allowed)
		}
		for _, condition := range g.allowed {
			add(g, true, condition)
		}
		for _, condition := range g.refused {
			add(g, false, condition)
		}
	}
	return p
}

// architectures has the names of an architecture's system call tables in a profile. That
// of x32 isn't among those of amd64: nothing uses it.
var architectures = map[string][]specs.Arch{
	"amd64":   {specs.ArchX86_64, specs.ArchX86},
	"arm64":   {specs.ArchAARCH64, specs.ArchARM},
	"riscv64": {"SCMP_ARCH_RISCV64"},
}
