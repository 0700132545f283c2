package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The tables below are what lower compiles from and what the features command
// prints, so that the two agree. They are sorted by name and short enough for a
// linear search; as constants they cost nothing at start.

// action is one SCMP_ACT_*. value is libseccomp's number, to which the errno is
// added in the low 16 bits (seccomp_init(3)).
type action struct {
	name  specs.LinuxSeccompAction
	value uint32
	// maxErrno is the greatest errnoRet; 0 for an action without one. libseccomp
	// refuses MAX_ERRNO, 4095, and more for ERRNO; TRACE is limited by its 16 bits.
	maxErrno uint
	// denies reports whether a program fails when this is the action for system
	// calls that the profile doesn't know, which is why there is an ENOSYS prologue. For
	// TRACE the tracer decides.
	denies bool
}

var actions = [...]action{
	{name: specs.ActAllow, value: actAllow},
	{name: specs.ActErrno, value: actErrno, maxErrno: 4094, denies: true},
	{name: specs.ActKill, value: actKillThread, denies: true},
	{name: specs.ActKillProcess, value: 0x80000000, denies: true},
	{name: specs.ActKillThread, value: actKillThread, denies: true},
	{name: specs.ActLog, value: actLog},
	{name: specs.ActNotify, value: 0x7fc00000},
	{name: specs.ActTrace, value: 0x7ff00000, maxErrno: 0xffff},
	{name: specs.ActTrap, value: 0x00030000, denies: true},
}

const (
	actKillThread = 0x00000000
	actErrno      = 0x00050000
	actAllow      = 0x7fff0000
	actLog        = 0x7ffc0000
)

// operator is one SCMP_CMP_* with libseccomp's number.
type operator struct {
	name  specs.LinuxSeccompOperator
	value uint32
}

var operators = [...]operator{
	{specs.OpEqualTo, 4},
	{specs.OpGreaterEqual, 5},
	{specs.OpGreaterThan, 6},
	{specs.OpLessEqual, 3},
	{specs.OpLessThan, 2},
	{specs.OpMaskedEqual, 7},
	{specs.OpNotEqual, 1},
}

// arch is one SCMP_ARCH_*.
type arch struct {
	name specs.Arch
	// token is libseccomp's number: the kernel's AUDIT_ARCH_*, except for x32, which
	// the kernel reports as x86-64 with x32Bit set in the system call number.
	token uint32
	// limit is the first number that doesn't belong to an ordinary system call: x32
	// has numbers of its own (512 to 547), 32-bit ARM private ones, and neither grow
	// with the kernel.
	limit uint32
	// since is the first libseccomp 2.x that knows the architecture.
	since int
}

const (
	x32Bit       = 0x40000000
	tokenX8664   = 0xc000003e
	tokenX32     = 0x4000003e
	tokenARM     = 0x40000028
	armPrivate   = 0x000f0000
	x32Own       = x32Bit | 512
	x32OwnEnd    = x32Bit | 547
	numberLimit  = x32Bit
	armOwnEnd    = 0x000f00ff
	x32NumberEnd = 0x7fffffff
)

var archs = [...]arch{
	{specs.ArchAARCH64, 0xc00000b7, numberLimit, 0},
	{specs.ArchARM, tokenARM, armPrivate, 0},
	{specs.ArchLOONGARCH64, 0xc0000102, numberLimit, 6},
	{specs.ArchM68K, 0x00000004, numberLimit, 6},
	{specs.ArchMIPS, 0x00000008, numberLimit, 0},
	{specs.ArchMIPS64, 0x80000008, numberLimit, 0},
	{specs.ArchMIPS64N32, 0xa0000008, numberLimit, 0},
	{specs.ArchMIPSEL, 0x40000008, numberLimit, 0},
	{specs.ArchMIPSEL64, 0xc0000008, numberLimit, 0},
	{specs.ArchMIPSEL64N32, 0xe0000008, numberLimit, 0},
	{specs.ArchPARISC, 0x0000000f, numberLimit, 4},
	{specs.ArchPARISC64, 0x8000000f, numberLimit, 4},
	{specs.ArchPPC, 0x00000014, numberLimit, 3},
	{specs.ArchPPC64, 0x80000015, numberLimit, 3},
	{specs.ArchPPC64LE, 0xc0000015, numberLimit, 3},
	{specs.ArchRISCV64, 0xc00000f3, numberLimit, 5},
	{specs.ArchS390, 0x00000016, numberLimit, 3},
	{specs.ArchS390X, 0x80000016, numberLimit, 3},
	{specs.ArchSH, 0x4000002a, numberLimit, 6},
	{specs.ArchSHEB, 0x0000002a, numberLimit, 6},
	{specs.ArchX32, tokenX32, x32Own, 0},
	{specs.ArchX86, 0x40000003, numberLimit, 0},
	{specs.ArchX86_64, tokenX8664, numberLimit, 0},
}

// flag is one flag of seccomp(2) with the kernel that introduced it.
type flag struct {
	name  specs.LinuxSeccompFlag
	value uint64
	// kernel is empty for a flag of Linux 5.10, the oldest one supported.
	kernel string
}

const (
	flagTSYNC            = 1 << 0
	flagLog              = 1 << 1
	flagSpecAllow        = 1 << 2
	flagNewListener      = 1 << 3
	flagTSYNCESRCH       = 1 << 4
	flagWaitKillableRecv = 1 << 5
)

var flags = [...]flag{
	{specs.LinuxSeccompFlagLog, flagLog, ""},
	{specs.LinuxSeccompFlagSpecAllow, flagSpecAllow, ""},
	{"SECCOMP_FILTER_FLAG_TSYNC", flagTSYNC, ""},
	{specs.LinuxSeccompFlagWaitKillableRecv, flagWaitKillableRecv, "5.19"},
}

func findAction(name specs.LinuxSeccompAction) (action, bool) {
	for _, a := range actions {
		if a.name == name {
			return a, true
		}
	}
	return action{}, false
}

func findOperator(name specs.LinuxSeccompOperator) (operator, bool) {
	for _, o := range operators {
		if o.name == name {
			return o, true
		}
	}
	return operator{}, false
}

func findArch(name specs.Arch) (arch, bool) {
	for _, a := range archs {
		if a.name == name {
			return a, true
		}
	}
	return arch{}, false
}

func findFlag(name specs.LinuxSeccompFlag) (flag, bool) {
	for _, f := range flags {
		if f.name == name {
			return f, true
		}
	}
	return flag{}, false
}

// with returns the action's number with the errno in it; EPERM by default.
func (a action) with(errno *uint) (uint32, error) {
	switch {
	case a.maxErrno == 0 && errno != nil:
		return 0, fmt.Errorf("%s takes no errno", a.name)
	case a.maxErrno == 0:
		return a.value, nil
	case errno == nil:
		return a.value | eperm, nil
	case *errno > a.maxErrno:
		return 0, fmt.Errorf("%d is not an errno for %s (0 to %d)", *errno, a.name, a.maxErrno)
	}
	return a.value | uint32(*errno), nil
}
