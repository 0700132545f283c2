package seccomp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// describe returns the outcomes of a call as a line.
func describe(t *testing.T, e *Explainer, arch specs.Arch, name string, args ...uint64) string {
	t.Helper()
	c, err := e.Find(t.Context(), arch, name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range args {
		c.Args = append(c.Args, &args[i])
	}
	outcomes, err := e.Explain(c)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, o := range outcomes {
		part := fmt.Sprintf("%s %d %s", strings.TrimPrefix(string(o.Action), "SCMP_ACT_"), o.Errno, o.Cause)
		for _, r := range o.Rules {
			part += fmt.Sprintf(" %d.%d%v", r.Entry, r.Name, r.Conditions)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestExplainer(t *testing.T) {
	needsCompiler(t)
	e, err := NewExplainer(t.Context(), &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: errno(5),
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read", "openat2", "socket"}, Action: specs.ActAllow},
			{Names: []string{"ptrace"}, Action: specs.ActKill},
			{Names: []string{"umask"}, Action: specs.ActErrno, ErrnoRet: errno(5)},
			{Names: []string{"personality"}, Action: specs.ActTrace, ErrnoRet: errno(300), Args: []specs.LinuxSeccompArg{
				{Index: 0, Value: 1, Op: specs.OpEqualTo}, {Index: 0, Value: 2, Op: specs.OpEqualTo},
			}},
			{Names: []string{"mseal2"}, Action: specs.ActAllow},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arch specs.Arch
		name string
		args []uint64
		want string
	}{
		{specs.ArchX86_64, "read", nil, "ALLOW 0 rule 0.0[]"},
		{specs.ArchX86_64, "0", nil, "ALLOW 0 rule 0.0[]"},
		{specs.ArchX86_64, "ptrace", nil, "KILL 0 rule 1.0[]"},
		{specs.ArchX86_64, "umask", nil, "ERRNO 5 rule 2.0[]"},
		{specs.ArchX86_64, "mount", nil, "ERRNO 5 default"},
		{specs.ArchX86_64, "438", nil, "ERRNO 38 newer"},
		{specs.ArchX86_64, "personality", []uint64{2}, "TRACE 300 rule 3.0[args[0] == 0x2]"},
		{specs.ArchX86_64, "personality", []uint64{3}, "ERRNO 5 default"},
		{specs.ArchX86, "openat2", nil, "ALLOW 0 rule 0.1[]"},
		{specs.ArchX86, "socketcall", []uint64{1}, "ALLOW 0 libseccomp"},
		{specs.ArchX86, "socketcall", []uint64{2}, "ERRNO 5 default"},
		{specs.ArchX32, "read", nil, "ALLOW 0 rule 0.0[]"},
		{specs.ArchX32, "0", nil, "ALLOW 0 rule 0.0[]"},
		{specs.ArchAARCH64, "read", nil, "ALLOW 0 rule 0.0[]"},
		{specs.ArchARM, "read", nil, "KILL_THREAD 0 architecture"},
	} {
		if got := describe(t, e, c.arch, c.name, c.args...); got != c.want {
			t.Errorf("%s %s%v: %s, want %s", c.arch, c.name, c.args, got, c.want)
		}
	}
	if got := describe(t, e, specs.ArchX86_64, "personality"); !strings.Contains(got, "ERRNO 5 default") ||
		!strings.Contains(got, "TRACE 300 rule 3.0[args[0] == 0x1] 3.0[args[0] == 0x2]") {
		t.Errorf("personality: %s", got)
	}
	_, err = e.Find(t.Context(), specs.ArchX86_64, "mseal2")
	if !errors.Is(err, ErrUnknownCall) || !strings.Contains(err.Error(), "linux.seccomp.syscalls[4] has no effect") {
		t.Errorf("Find of a name that nothing knows = %v", err)
	}
	if _, err = e.Find(t.Context(), specs.ArchAARCH64, "umask2"); err == nil || !strings.Contains(err.Error(), `did you mean "umask"?`) {
		t.Errorf("Find = %v", err)
	}
}

func TestArchNamed(t *testing.T) {
	for name, want := range map[string]specs.Arch{
		"x86_64": specs.ArchX86_64, "amd64": specs.ArchX86_64, "SCMP_ARCH_X32": specs.ArchX32, "i686": specs.ArchX86,
		"arm64": specs.ArchAARCH64, "riscv64": specs.ArchRISCV64, "": nativeArch(),
	} {
		if got, err := ArchNamed(name); got != want || err != nil {
			t.Errorf("ArchNamed(%q) = %s, %v, want %s", name, got, err, want)
		}
	}
	if _, err := ArchNamed("pdp11"); err == nil {
		t.Error("pdp11 is accepted")
	}
}
