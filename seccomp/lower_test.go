package seccomp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp/compiler"
)

func errno(n uint) *uint { return &n }

func TestLower(t *testing.T) {
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX32, specs.ArchX32},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read", "write"}, Action: specs.ActAllow},
			{Names: []string{"mkdir"}, Action: specs.ActErrno, ErrnoRet: errno(13)},
			{Names: []string{"chmod"}, Action: specs.ActErrno},
			{Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
				{Index: 0, Value: 8, Op: specs.OpEqualTo},
				{Index: 2, Value: 0xf0, ValueTwo: 0x30, Op: specs.OpMaskedEqual},
			}},
			{Names: []string{"socket"}, Action: specs.ActTrace, Args: []specs.LinuxSeccompArg{
				{Index: 1, Value: 1, Op: specs.OpGreaterThan},
				{Index: 1, Value: 5, Op: specs.OpLessThan},
			}},
		},
	}
	want := &lowered{
		request: compiler.Request{
			DefaultAction: 0x00050001,
			Archs:         []compiler.Arch{{Token: 0xc000003e, Limit: 0x40000000}, {Token: 0x4000003e, Limit: 0x40000200}},
			Rules: []compiler.Rule{
				{Name: "read", Action: 0x7fff0000},
				{Name: "write", Action: 0x7fff0000},
				{Name: "mkdir", Action: 0x0005000d},
				{Name: "chmod", Known: true},
				{Name: "personality", Action: 0x7fff0000, ArgCount: 2},
				{Name: "socket", Action: 0x7ff00001, FirstArg: 2, ArgCount: 1},
				{Name: "socket", Action: 0x7ff00001, FirstArg: 3, ArgCount: 1},
			},
			Args: []compiler.Arg{
				{Index: 0, Op: 4, A: 8},
				{Index: 2, Op: 7, A: 0xf0, B: 0x30},
				{Index: 1, Op: 6, A: 1},
				{Index: 1, Op: 2, A: 5},
			},
		},
		entries:  []int{0, 0, 1, 2, 3, 4, 4},
		prologue: true,
		flags:    flagSpecAllow,
	}
	got, problems, warnings := lower(profile, specs.ArchX86_64)
	if len(problems) > 0 {
		t.Fatal(problems.First())
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(lowered{})); diff != "" {
		t.Errorf("lower: (-want +got)\n%s", diff)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Error(), "linux.seccomp.syscalls[4].args: an argument is compared more than once") {
		t.Errorf("warnings = %v, want one about syscalls[4]", warnings)
	}
}

func TestLowerActions(t *testing.T) {
	for _, c := range []struct {
		action   specs.LinuxSeccompAction
		errno    *uint
		value    uint32
		prologue bool
	}{
		{specs.ActAllow, nil, 0x7fff0000, false},
		{specs.ActErrno, nil, 0x00050001, true},
		{specs.ActErrno, errno(0), 0x00050000, true},
		{specs.ActErrno, errno(38), 0x00050026, false},
		{specs.ActErrno, errno(4094), 0x00050ffe, true},
		{specs.ActKill, nil, 0, true},
		{specs.ActKillProcess, nil, 0x80000000, true},
		{specs.ActKillThread, nil, 0, true},
		{specs.ActLog, nil, 0x7ffc0000, false},
		{specs.ActTrace, nil, 0x7ff00001, false},
		{specs.ActTrace, errno(0xffff), 0x7ff0ffff, false},
		{specs.ActTrap, nil, 0x00030000, true},
	} {
		profile := &specs.LinuxSeccomp{DefaultAction: c.action, DefaultErrnoRet: c.errno}
		l, problems, _ := lower(profile, specs.ArchX86_64)
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.action, problems.First())
			continue
		}
		if l.request.DefaultAction != c.value || l.prologue != c.prologue {
			t.Errorf("%s: default = %#x, prologue = %v, want %#x, %v", c.action, l.request.DefaultAction, l.prologue, c.value, c.prologue)
		}
	}
}

func TestLowerRefuses(t *testing.T) {
	one := func(s specs.LinuxSyscall) specs.LinuxSeccomp {
		first := specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActAllow}
		return specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{first, s}}
	}
	arg := func(a specs.LinuxSeccompArg) specs.LinuxSeccomp {
		return one(specs.LinuxSyscall{Names: []string{"dup"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{a}})
	}
	for _, c := range []struct {
		profile specs.LinuxSeccomp
		native  specs.Arch
		want    string
	}{
		{specs.LinuxSeccomp{}, specs.ArchX86_64, "linux.seccomp.defaultAction: required, but not set"},
		{specs.LinuxSeccomp{DefaultAction: "ALLOW"}, specs.ArchX86_64, `linux.seccomp.defaultAction: unknown action "ALLOW"`},
		{specs.LinuxSeccomp{DefaultAction: specs.ActNotify}, specs.ArchX86_64, "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY is used"},
		{specs.LinuxSeccomp{DefaultAction: specs.ActAllow, DefaultErrnoRet: errno(1)}, specs.ArchX86_64, "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes no errno"},
		{specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: errno(4095)}, specs.ArchX86_64, "linux.seccomp.defaultErrnoRet: 4095 is not an errno for SCMP_ACT_ERRNO (0 to 4094)"},
		{specs.LinuxSeccomp{DefaultAction: specs.ActTrace, DefaultErrnoRet: errno(1 << 16)}, specs.ArchX86_64, "linux.seccomp.defaultErrnoRet: 65536 is not an errno"},
		{specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86, "amd64"}}, specs.ArchX86_64, `linux.seccomp.architectures[1]: unknown architecture "amd64"`},
		{specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, "", `not supported on architecture ""`},
		{specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerMetadata: "x"}, specs.ArchX86_64, "linux.seccomp.listenerMetadata: must not be set without listenerPath"},
		{one(specs.LinuxSyscall{Names: []string{"dup"}}), specs.ArchX86_64, "linux.seccomp.syscalls[1].action: required"},
		{one(specs.LinuxSyscall{Names: []string{"dup"}, Action: "SCMP_ACT_X"}), specs.ArchX86_64, `linux.seccomp.syscalls[1].action: unknown action "SCMP_ACT_X"`},
		{one(specs.LinuxSyscall{Action: specs.ActAllow}), specs.ArchX86_64, "linux.seccomp.syscalls[1].names: needs at least one"},
		{one(specs.LinuxSyscall{Names: []string{"dup", ""}, Action: specs.ActAllow}), specs.ArchX86_64, `linux.seccomp.syscalls[1].names[1]: "" is not a name`},
		{one(specs.LinuxSyscall{Names: []string{"a\x00b"}, Action: specs.ActAllow}), specs.ArchX86_64, `linux.seccomp.syscalls[1].names[0]: "a\x00b" is not a name`},
		{one(specs.LinuxSyscall{Names: []string{"dup"}, Action: specs.ActKill, ErrnoRet: errno(1)}), specs.ArchX86_64, "linux.seccomp.syscalls[1].errnoRet: SCMP_ACT_KILL takes no errno"},
		{one(specs.LinuxSyscall{Names: []string{"dup"}, Action: specs.ActNotify}), specs.ArchX86_64, "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY is used"},
		{arg(specs.LinuxSeccompArg{Index: 6, Op: specs.OpEqualTo}), specs.ArchX86_64, "linux.seccomp.syscalls[1].args[0].index: 6 is not an argument"},
		{arg(specs.LinuxSeccompArg{}), specs.ArchX86_64, "linux.seccomp.syscalls[1].args[0].op: required"},
		{arg(specs.LinuxSeccompArg{Op: "=="}), specs.ArchX86_64, `linux.seccomp.syscalls[1].args[0].op: unknown operator "=="`},
	} {
		l, problems, _ := lower(&c.profile, c.native)
		if l != nil || len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
			t.Errorf("lower = %v, want %q", problems, c.want)
		}
	}
}

// TestLowerReportsAll has more than one problem in each part of a profile.
func TestLowerReportsAll(t *testing.T) {
	profile := &specs.LinuxSeccomp{
		DefaultAction:    specs.ActAllow,
		DefaultErrnoRet:  errno(1),
		Architectures:    []specs.Arch{"SCMP_ARCH_NO", specs.ArchX86, "SCMP_ARCH_NEITHER"},
		Flags:            []specs.LinuxSeccompFlag{"NO", specs.LinuxSeccompFlagWaitKillableRecv, "NEITHER"},
		ListenerMetadata: "x",
		Syscalls: []specs.LinuxSyscall{
			{Action: "SCMP_ACT_NO", ErrnoRet: errno(1)},
			{Names: []string{"read", "", "a\x00b"}, Action: specs.ActKill, ErrnoRet: errno(1), Args: []specs.LinuxSeccompArg{
				{Index: 0, Op: "SCMP_CMP_NO"},
				{Index: 1, Op: specs.OpEqualTo},
				{Index: 7},
				{Index: 1, Op: specs.OpNotEqual},
			}},
		},
	}
	_, problems, warnings := lower(profile, specs.ArchX86_64)
	want := []string{
		"/linux/seccomp/defaultErrnoRet",
		"/linux/seccomp/architectures/0",
		"/linux/seccomp/architectures/2",
		"/linux/seccomp/syscalls/0/action",
		"/linux/seccomp/syscalls/0/names",
		"/linux/seccomp/syscalls/1/errnoRet",
		"/linux/seccomp/syscalls/1/names/1",
		"/linux/seccomp/syscalls/1/names/2",
		"/linux/seccomp/syscalls/1/args/0/op",
		"/linux/seccomp/syscalls/1/args/2/index",
		"/linux/seccomp/syscalls/1/args/2/op",
		"/linux/seccomp/listenerMetadata",
		"/linux/seccomp/flags/0",
		"/linux/seccomp/flags/2",
	}
	if diff := cmp.Diff(want, pointers(problems)); diff != "" {
		t.Errorf("problems: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/linux/seccomp/syscalls/1/args", "/linux/seccomp/flags/1"}, pointers(warnings)); diff != "" {
		t.Errorf("warnings: (-want +got)\n%s", diff)
	}
}

func pointers(list place.Errors) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.Place.Pointer)
	}
	return out
}

func TestLowerFlags(t *testing.T) {
	const wait = specs.LinuxSeccompFlagWaitKillableRecv
	for _, c := range []struct {
		list     []specs.LinuxSeccompFlag
		notify   bool
		want     uint64
		warnings int
	}{
		{nil, false, 4, 0},
		{nil, true, 4, 0},
		{[]specs.LinuxSeccompFlag{}, false, 0, 0},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow}, false, 7, 0},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"}, true, 1 | 16, 0},
		{[]specs.LinuxSeccompFlag{wait}, true, 32, 0},
		{[]specs.LinuxSeccompFlag{wait, specs.LinuxSeccompFlagLog}, false, 2, 1},
	} {
		profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: c.list}
		if c.notify {
			profile.ListenerPath = "/agent"
			profile.Syscalls = []specs.LinuxSyscall{{Names: []string{"mknod"}, Action: specs.ActNotify}}
		}
		l, problems, warnings := lower(profile, specs.ArchX86_64)
		if len(problems) > 0 || l.flags != c.want || l.notify != c.notify || len(warnings) != c.warnings {
			t.Errorf("flags %q, listener %v: %+v, %v, %v, want %#x and %d warnings", c.list, c.notify, l, problems, warnings, c.want, c.warnings)
		}
	}
	_, problems, _ := lower(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"LOG"}}, specs.ArchX86_64)
	if len(problems) != 1 || problems[0].Error() != `linux.seccomp.flags[0]: unknown flag "LOG" (did you mean "SECCOMP_FILTER_FLAG_LOG"?)` {
		t.Errorf("lower with the flag LOG = %v", problems)
	}
}

// TestCheckBoundsRules: a profile that no kernel takes is refused before it is compiled.
func TestCheckBoundsRules(t *testing.T) {
	needsCompiler(t)
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for i := range 20000 {
		profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
			Names: []string{"ioctl"}, Action: specs.ActErrno,
			Args: []specs.LinuxSeccompArg{{Index: 1, Value: uint64(i), Op: specs.OpEqualTo}},
		})
	}
	const want = "linux.seccomp.syscalls: 20000 rules are more than the 4096 BPF instructions that the kernel takes for all of them"
	problems, _ := Check(profile)
	if err := problems.First(); err == nil || err.Error() != want {
		t.Errorf("20000 rules: %v, want %q", err, want)
	}
	profile.Syscalls = profile.Syscalls[:4096]
	if problems, _ := Check(profile); problems.First() != nil {
		t.Errorf("4096 rules: %v", problems.First())
	}
}
