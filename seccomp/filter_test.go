package seccomp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/seccomp/profile"
)

// prober is a process that loads a filter and makes one syscall.
type prober struct{ path string }

func buildProber(t *testing.T) prober {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the prober's entries to the kernel are those of x86-64")
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc")
	}
	p := prober{filepath.Join(t.TempDir(), "prober")}
	out, err := exec.Command(gcc, "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", p.path, "testdata/prober.c").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return p
}

// probe returns the raw result of the syscall, or the signal that ended it.
func (p prober) probe(t *testing.T, f *Filter, abi string, number int, args ...uint64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(file, f.BPF, 0o600); err != nil {
		t.Fatal(err)
	}
	argv := []string{file, fmt.Sprintf("%#x", f.Flags), abi, strconv.Itoa(number)}
	for _, a := range args {
		argv = append(argv, fmt.Sprintf("%#x", a))
	}
	cmd := exec.Command(p.path, argv...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return unix.SignalName(status.Signal())
		}
	}
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	return string(out)
}

func compileNative(t *testing.T, profile *specs.LinuxSeccomp) *Filter {
	t.Helper()
	needsCompiler(t)
	f, _, err := Compile(t.Context(), profile, "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFilterInTheKernel loads filters and makes syscalls under them.
func TestFilterInTheKernel(t *testing.T) {
	p := buildProber(t)
	const getppid, getpid, getpgid, personality, umask = unix.SYS_GETPPID, unix.SYS_GETPID, unix.SYS_GETPGID, unix.SYS_PERSONALITY, unix.SYS_UMASK
	const umask32, getpid32 = 60, 20
	allowing := func(more ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		needed := specs.LinuxSyscall{Names: []string{"write", "exit_group"}, Action: specs.ActAllow}
		return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: append([]specs.LinuxSyscall{needed}, more...)}
	}
	denying := func(more ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: more}
	}
	rule := func(act specs.LinuxSeccompAction, errno *uint, name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{name}, Action: act, ErrnoRet: errno, Args: args}
	}
	is := func(index uint, op specs.LinuxSeccompOperator, values ...uint64) specs.LinuxSeccompArg {
		a := specs.LinuxSeccompArg{Index: index, Value: values[0], Op: op}
		if len(values) > 1 {
			a.ValueTwo = values[1]
		}
		return a
	}
	withArchs := func(p *specs.LinuxSeccomp, archs ...specs.Arch) *specs.LinuxSeccomp {
		p.Architectures = archs
		return p
	}
	withDefault := func(p *specs.LinuxSeccomp, act specs.LinuxSeccompAction, errno *uint) *specs.LinuxSeccomp {
		p.DefaultAction, p.DefaultErrnoRet = act, errno
		return p
	}
	onPersonality := func(args ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
		return denying(rule(specs.ActErrno, errno(42), "personality", args...))
	}
	const query, high = 0xffffffff, 1 << 40
	result0 := "0" // personality's answer: PER_LINUX, from before the call
	for _, c := range []struct {
		name    string
		profile *specs.LinuxSeccomp
		abi     string
		number  int
		args    []uint64
		want    string
	}{
		{"default errno", allowing(rule(specs.ActAllow, nil, "statx")), "64", getpid, nil, "-1"},
		{"default errno, chosen", withDefault(allowing(rule(specs.ActAllow, nil, "statx")), specs.ActErrno, errno(13)), "64", getpid, nil, "-13"},
		{"rule's errno", denying(rule(specs.ActErrno, errno(95), "getppid")), "64", getppid, nil, "-95"},
		{"rule's default errno is EPERM", denying(rule(specs.ActErrno, nil, "getppid")), "64", getppid, nil, "-1"},
		{"allowed", allowing(rule(specs.ActAllow, nil, "umask")), "64", umask, []uint64{0o22}, "18"},
		{"the same rule twice", allowing(rule(specs.ActAllow, nil, "umask"), rule(specs.ActAllow, nil, "umask")), "64", umask, []uint64{0o22}, "18"},
		{"unknown name", allowing(rule(specs.ActAllow, nil, "no_such_call"), rule(specs.ActAllow, nil, "umask")), "64", umask, []uint64{0o22}, "18"},
		{"log is let through", withDefault(denying(), specs.ActLog, nil), "64", getpgid, []uint64{1 << 30}, "-3"},
		{"kill", denying(rule(specs.ActKill, nil, "getppid")), "64", getppid, nil, "SIGSYS"},
		{"kill thread", denying(rule(specs.ActKillThread, nil, "getppid")), "64", getppid, nil, "SIGSYS"},
		{"kill process", denying(rule(specs.ActKillProcess, nil, "getppid")), "64", getppid, nil, "SIGSYS"},
		{"default kill process", withDefault(allowing(rule(specs.ActAllow, nil, "statx")), specs.ActKillProcess, nil), "64", getpid, nil, "SIGSYS"},
		{"trap", denying(rule(specs.ActTrap, nil, "getppid")), "64", getppid, nil, "SIGSYS"},
		{"trace without a tracer", denying(rule(specs.ActTrace, nil, "getppid")), "64", getppid, nil, "-38"},
		{"notify without a listener", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/x", Syscalls: []specs.LinuxSyscall{rule(specs.ActNotify, nil, "getppid")}}, "64", getppid, nil, "-38"},

		{"EQ", onPersonality(is(0, specs.OpEqualTo, query)), "64", personality, []uint64{query}, "-42"},
		{"EQ, another value", onPersonality(is(0, specs.OpEqualTo, 7)), "64", personality, []uint64{query}, result0},
		{"EQ compares 64 bits", onPersonality(is(0, specs.OpEqualTo, query)), "64", personality, []uint64{high | query}, result0},
		{"NE", onPersonality(is(0, specs.OpNotEqual, 7)), "64", personality, []uint64{query}, "-42"},
		{"NE, same value", onPersonality(is(0, specs.OpNotEqual, query)), "64", personality, []uint64{query}, result0},
		{"LT", onPersonality(is(0, specs.OpLessThan, query+1)), "64", personality, []uint64{query}, "-42"},
		{"LT, equal", onPersonality(is(0, specs.OpLessThan, query)), "64", personality, []uint64{query}, result0},
		{"LE, equal", onPersonality(is(0, specs.OpLessEqual, query)), "64", personality, []uint64{query}, "-42"},
		{"LE, greater", onPersonality(is(0, specs.OpLessEqual, query-1)), "64", personality, []uint64{query}, result0},
		{"GT", onPersonality(is(0, specs.OpGreaterThan, query-1)), "64", personality, []uint64{query}, "-42"},
		{"GT, equal", onPersonality(is(0, specs.OpGreaterThan, query)), "64", personality, []uint64{query}, result0},
		{"GE, equal", onPersonality(is(0, specs.OpGreaterEqual, query)), "64", personality, []uint64{query}, "-42"},
		{"GE, less", onPersonality(is(0, specs.OpGreaterEqual, query+1)), "64", personality, []uint64{query}, result0},
		{"MASKED_EQ", onPersonality(is(0, specs.OpMaskedEqual, 0xf0, 0xf0)), "64", personality, []uint64{query}, "-42"},
		{"MASKED_EQ, another", onPersonality(is(0, specs.OpMaskedEqual, 0xf0, 0x30)), "64", personality, []uint64{query}, result0},
		{"MASKED_EQ, masked bits only", onPersonality(is(0, specs.OpMaskedEqual, high, 0)), "64", personality, []uint64{query}, "-42"},
		{"two arguments, both match", onPersonality(is(0, specs.OpEqualTo, query), is(5, specs.OpEqualTo, 6)), "64", personality, []uint64{query, 0, 0, 0, 0, 6}, "-42"},
		{"two arguments, one matches", onPersonality(is(0, specs.OpEqualTo, query), is(5, specs.OpEqualTo, 6)), "64", personality, []uint64{query}, result0},
		{"one argument twice is OR", onPersonality(is(0, specs.OpEqualTo, 7), is(0, specs.OpEqualTo, query)), "64", personality, []uint64{query}, "-42"},

		{"x86 entry, not named", denying(), "32", getpid32, nil, "SIGSYS"},
		{"x86 entry, allowed", withArchs(allowing(rule(specs.ActAllow, nil, "umask")), specs.ArchX86), "32", umask32, []uint64{0o22}, "18"},
		{"x86 entry, denied by its own number", withArchs(denying(rule(specs.ActErrno, errno(7), "umask")), specs.ArchX86), "32", umask32, []uint64{0o22}, "-7"},
		{"x86 entry, x86-64's number of getpid is its mkdir", withArchs(denying(rule(specs.ActErrno, errno(7), "getpid")), specs.ArchX86), "32", getpid, nil, "-14"},
		{"x32, not named", denying(), "64", x32Bit | getpid, nil, "SIGSYS"},
		{"x32, denied", withArchs(denying(rule(specs.ActErrno, errno(7), "getpid")), specs.ArchX32), "64", x32Bit | getpid, nil, "-7"},

		{"ENOSYS: newer than the profile", allowing(rule(specs.ActAllow, nil, "statx")), "64", unix.SYS_OPENAT2, nil, "-38"},
		{"ENOSYS: unknown to the kernel", allowing(rule(specs.ActAllow, nil, "statx")), "64", 4242, nil, "-38"},
		{"ENOSYS: default kill", withDefault(allowing(rule(specs.ActAllow, nil, "statx")), specs.ActKillProcess, nil), "64", unix.SYS_OPENAT2, nil, "-38"},
		{"ENOSYS: known through a rule equal to the default", allowing(rule(specs.ActErrno, nil, "openat2")), "64", unix.SYS_OPENAT2, nil, "-1"},
		{"ENOSYS: minus one is left to libseccomp", allowing(rule(specs.ActAllow, nil, "statx")), "64", -1, nil, "-1"},
		{"ENOSYS: x86", withArchs(allowing(rule(specs.ActAllow, nil, "statx")), specs.ArchX86), "32", 4242, nil, "-38"},
		{"ENOSYS: x86, known", withArchs(allowing(rule(specs.ActAllow, nil, "statx")), specs.ArchX86), "32", getpid32, nil, "-1"},
		{"ENOSYS: x32 unnamed stays killed", allowing(rule(specs.ActAllow, nil, "statx")), "64", x32Bit | 450, nil, "SIGSYS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := compileNative(t, c.profile)
			if got := p.probe(t, f, c.abi, c.number, c.args...); got != c.want {
				t.Errorf("syscall %d = %s, want %s", c.number, got, c.want)
			}
		})
	}
}

// TestFlagsInTheKernel loads a filter with each flag that Features calls supported.
func TestFlagsInTheKernel(t *testing.T) {
	p := buildProber(t)
	for _, name := range Features().SupportedFlags {
		profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlag(name)}}
		if name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" {
			profile.ListenerPath = "/agent"
			profile.Syscalls = []specs.LinuxSyscall{{Names: []string{"mknod"}, Action: specs.ActNotify}}
		}
		f := compileNative(t, profile)
		if f.Notify {
			f.Flags |= flagNewListener
		}
		if got := p.probe(t, f, "-", 0); got != "0" {
			t.Errorf("%s: %s, want 0", name, got)
		}
	}
	both := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: "/agent", Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"},
		Syscalls: []specs.LinuxSyscall{{Names: []string{"mknod"}, Action: specs.ActNotify}},
	}
	f := compileNative(t, both)
	f.Flags |= flagNewListener
	if got := p.probe(t, f, "-", 0); got != "0" {
		t.Errorf("TSYNC with a listener: %s, want 0", got)
	}
}

// TestLargeProfile builds an allow list of the size of the ones that clients send:
// every syscall below 440 by its number's name, but for a few.
func TestLargeProfile(t *testing.T) {
	p := buildProber(t)
	profile := largeProfile(t)
	if n := len(profile.Syscalls[0].Names); n < 330 {
		t.Fatalf("the list has %d names", n)
	}
	f := compileNative(t, profile)
	if n := len(f.BPF) / instructionSize; n > 2000 {
		t.Errorf("%d instructions", n)
	}
	for _, c := range []struct {
		number int
		args   []uint64
		want   string
	}{
		{unix.SYS_UMASK, []uint64{0o22}, "18"},
		{unix.SYS_PERSONALITY, []uint64{0xffffffff}, "0"},
		{unix.SYS_PERSONALITY, []uint64{0x20000}, "-1"},
		{unix.SYS_MOUNT, nil, "-1"},
		{unix.SYS_REBOOT, nil, "-1"},
		{unix.SYS_CLONE3, nil, "-38"},
		{4242, nil, "-38"},
	} {
		if got := p.probe(t, f, "64", c.number, c.args...); got != c.want {
			t.Errorf("syscall %d%v = %s, want %s", c.number, c.args, got, c.want)
		}
	}
}

// TestDefaultProfile loads the profile of the spec command.
func TestDefaultProfile(t *testing.T) {
	p := buildProber(t)
	f := compileNative(t, profile.Default(runtime.GOARCH))
	const (
		refused, unknown = "-1", "-38"
		umask32, mount32 = 60, 21
	)
	for _, c := range []struct {
		mode   string
		number int
		args   []uint64
		want   string
	}{
		{"64", unix.SYS_UMASK, []uint64{0o22}, "18"},
		{"64", unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWUSER}, refused},
		{"64", unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, refused},
		{"64", unix.SYS_CLONE, []uint64{unix.CLONE_NEWNS | unix.CLONE_NEWPID | uint64(unix.SIGCHLD)}, refused},
		{"64", unix.SYS_CLONE3, nil, unknown},
		{"64", unix.SYS_MOUNT, nil, refused},
		{"64", unix.SYS_SETNS, nil, refused},
		{"64", unix.SYS_OPEN_BY_HANDLE_AT, nil, refused},
		{"64", unix.SYS_BPF, nil, refused},
		{"64", unix.SYS_KEYCTL, nil, refused},
		{"64", unix.SYS_IO_URING_SETUP, nil, refused},
		{"64", unix.SYS_USERFAULTFD, nil, refused},
		{"64", unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET}, refused},
		{"64", unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM}, refused},
		{"64", unix.SYS_SOCKET, []uint64{unix.AF_MAX, unix.SOCK_STREAM}, "-97"}, // the kernel's EAFNOSUPPORT
		{"64", unix.SYS_PERSONALITY, []uint64{0xffffffff}, "0"},
		{"64", unix.SYS_PERSONALITY, []uint64{0x40000}, unknown},
		{"64", 4242, nil, unknown},
		{"32", umask32, []uint64{0o22}, "18"},
		{"32", mount32, nil, refused},
	} {
		if got := p.probe(t, f, c.mode, c.number, c.args...); got != c.want {
			t.Errorf("%s: syscall %d%v = %s, want %s", c.mode, c.number, c.args, got, c.want)
		}
	}
}

// largeProfile reads the names from the kernel's header.
func largeProfile(tb testing.TB) *specs.LinuxSeccomp {
	tb.Helper()
	header, err := os.ReadFile("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
	if err != nil {
		tb.Skipf("needs the kernel's list of syscalls: %v", err)
	}
	denied := map[string]bool{"mount": true, "umount2": true, "reboot": true, "personality": true, "clone": true, "clone3": true, "ptrace": true, "bpf": true}
	var names []string
	for line := range strings.Lines(string(header)) {
		f := strings.Fields(line)
		if len(f) != 3 || !strings.HasPrefix(f[1], "__NR_") {
			continue
		}
		if name := strings.TrimPrefix(f[1], "__NR_"); !denied[name] {
			names = append(names, name)
		}
	}
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
		Syscalls: []specs.LinuxSyscall{
			{Names: names, Action: specs.ActAllow},
			{Names: []string{"clone"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 0, Value: 0x7e020000, Op: specs.OpMaskedEqual}}},
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: errno(38)},
		},
	}
	for _, value := range []uint64{0, 8, 0x20000 | 8, 0xffffffff} {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{"personality"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: value, Op: specs.OpEqualTo}}})
	}
	return p
}
