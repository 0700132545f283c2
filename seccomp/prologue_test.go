package seccomp

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/seccomp/compiler"
)

const (
	returnENOSYS = actErrno | 38
	fallThrough  = 0x00007fff // a return value that no other instruction has
)

func TestPrologue(t *testing.T) {
	const (
		auditX86   = 0x40000003
		auditARM64 = 0xc00000b7
	)
	x8664, x32 := compiler.Arch{Token: tokenX8664, Limit: numberLimit}, compiler.Arch{Token: tokenX32, Limit: x32Own}
	x86, arm := compiler.Arch{Token: auditX86, Limit: numberLimit}, compiler.Arch{Token: tokenARM, Limit: armPrivate}
	arm64 := compiler.Arch{Token: auditARM64, Limit: numberLimit}
	for _, c := range []struct {
		name    string
		archs   []compiler.Arch
		highest []int32
		number  uint32
		arch    uint32
		want    uint32
	}{
		{"the highest named", []compiler.Arch{x8664}, []int32{100}, 100, tokenX8664, fallThrough},
		{"one above", []compiler.Arch{x8664}, []int32{100}, 101, tokenX8664, returnENOSYS},
		{"last ordinary number", []compiler.Arch{x8664}, []int32{100}, 0x3fffffff, tokenX8664, returnENOSYS},
		{"x32 in a filter without it", []compiler.Arch{x8664}, []int32{100}, x32Bit | 300, tokenX8664, fallThrough},
		{"call skipped by a tracer", []compiler.Arch{x8664}, []int32{100}, 0xffffffff, tokenX8664, fallThrough},
		{"another architecture", []compiler.Arch{x8664}, []int32{100}, 101, auditX86, fallThrough},
		{"nothing named", []compiler.Arch{x8664}, []int32{-1}, 101, tokenX8664, fallThrough},
		{"number 0 named", []compiler.Arch{x8664}, []int32{0}, 1, tokenX8664, returnENOSYS},

		{"second architecture, known", []compiler.Arch{x8664, x86}, []int32{100, 200}, 150, auditX86, fallThrough},
		{"second architecture, new", []compiler.Arch{x8664, x86}, []int32{100, 200}, 201, auditX86, returnENOSYS},
		{"first of two, new", []compiler.Arch{x8664, x86}, []int32{100, 200}, 150, tokenX8664, returnENOSYS},
		{"second after one without a prologue", []compiler.Arch{x8664, x86}, []int32{-1, 200}, 201, auditX86, returnENOSYS},

		{"x32, known", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 90, tokenX8664, fallThrough},
		{"x32, new", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 91, tokenX8664, returnENOSYS},
		{"x32, last common", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 511, tokenX8664, returnENOSYS},
		{"x32, its own", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 512, tokenX8664, fallThrough},
		{"x32, its last own", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 547, tokenX8664, fallThrough},
		{"x32, above its own", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, x32Bit | 548, tokenX8664, returnENOSYS},
		{"x86-64 beside x32, known", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, 95, tokenX8664, fallThrough},
		{"x86-64 beside x32, new", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, 101, tokenX8664, returnENOSYS},
		{"x86 beside x32, new", []compiler.Arch{x8664, x32, x86}, []int32{100, x32Bit | 90, 7}, 8, auditX86, returnENOSYS},
		{"minus one beside x32", []compiler.Arch{x8664, x32}, []int32{100, x32Bit | 90}, 0xffffffff, tokenX8664, fallThrough},

		{"ARM, the highest named", []compiler.Arch{arm64, arm}, []int32{291, 400}, 400, tokenARM, fallThrough},
		{"ARM, new", []compiler.Arch{arm64, arm}, []int32{291, 400}, 401, tokenARM, returnENOSYS},
		{"ARM, private (set_tls)", []compiler.Arch{arm64, arm}, []int32{291, 400}, 0xf0005, tokenARM, fallThrough},
		{"ARM, above the private ones", []compiler.Arch{arm64, arm}, []int32{291, 400}, 0xf0100, tokenARM, returnENOSYS},
		{"AArch64, new", []compiler.Arch{arm64, arm}, []int32{291, 400}, 292, auditARM64, returnENOSYS},
	} {
		program := instruction(prologue(c.archs, c.highest), bpfReturn, 0, 0, fallThrough)
		if got := simulate(t, program, call{number: c.number, arch: c.arch}); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

// TestProgramOnOtherArchitectures compiles for architectures that this machine
// isn't, and looks at prologue and libseccomp's part together.
func TestProgramOnOtherArchitectures(t *testing.T) {
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read", "execve", "openat2", "set_tls", "no_such_call"}, Action: specs.ActAllow},
			{Names: []string{"statx"}, Action: specs.ActErrno},
		},
	}
	program := compileFor(t, profile, specs.ArchX86_64)
	const auditX86, auditARM64 = 0x40000003, 0xc00000b7
	for _, c := range []struct {
		name         string
		number, arch uint32
		want         uint32
	}{
		{"x86-64 read", 0, tokenX8664, actAllow},
		{"x86-64 write", 1, tokenX8664, actErrno | 1},
		{"x86-64 statx", 332, tokenX8664, actErrno | 1},
		{"x86-64 openat2", 437, tokenX8664, actAllow},
		{"x86-64 pidfd_getfd, one above openat2", 438, tokenX8664, returnENOSYS},
		{"x86 read", 3, auditX86, actAllow},
		{"x86 exit", 1, auditX86, actErrno | 1},
		{"x86 pidfd_getfd", 438, auditX86, returnENOSYS},
		{"x32 execve", x32Bit | 520, tokenX8664, actAllow},
		{"x32 ioctl", x32Bit | 514, tokenX8664, actErrno | 1},
		{"x32 pidfd_getfd", x32Bit | 438, tokenX8664, returnENOSYS},
		{"AArch64 read", 63, auditARM64, actAllow},
		{"AArch64 pidfd_getfd", 438, auditARM64, returnENOSYS},
		{"ARM set_tls", 0xf0005, tokenARM, actAllow},
		{"ARM cacheflush", 0xf0002, tokenARM, actErrno | 1},
		{"ARM pidfd_getfd", 438, tokenARM, returnENOSYS},
		{"an architecture that isn't named", 0, 0x80000016, actKillThread},
	} {
		if got := simulate(t, program, call{number: c.number, arch: c.arch}); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
	native := compileFor(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: profile.Syscalls}, specs.ArchX86_64)
	if got := simulate(t, native, call{number: x32Bit, arch: tokenX8664}); got != actKillThread {
		t.Errorf("x32 read in a filter without x32: %#x, want KILL", got)
	}
}

// compileFor compiles for a given native architecture, without the cache.
func compileFor(t *testing.T, profile *specs.LinuxSeccomp, native specs.Arch) []byte {
	t.Helper()
	needsCompiler(t)
	l, problems, _ := lower(profile, native)
	if len(problems) > 0 {
		t.Fatal(problems.First())
	}
	program, err := build(t.Context(), profile, l)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestTooLong(t *testing.T) {
	_, err := withPrologue(&lowered{}, &compiler.Program{BPF: make([]byte, (maxInstructions+1)*instructionSize)})
	const want = "linux.seccomp: the profile compiles to 4097 BPF instructions; the kernel takes 4096"
	if err == nil || err.Error() != want {
		t.Errorf("withPrologue = %v, want %q", err, want)
	}
}
