package seccomp

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/seccomp/compiler"
)

func TestCompileErrors(t *testing.T) {
	needsCompiler(t)
	allow := func(change func(*specs.LinuxSeccomp)) *specs.LinuxSeccomp {
		p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
		change(p)
		return p
	}
	for _, c := range []struct {
		profile *specs.LinuxSeccomp
		want    string
	}{
		{&specs.LinuxSeccomp{}, "linux.seccomp.defaultAction: required, but not set"},
		{allow(func(p *specs.LinuxSeccomp) { p.Flags = []specs.LinuxSeccompFlag{"X"} }), `linux.seccomp.flags[0]: unknown flag "X"`},
		{
			allow(func(p *specs.LinuxSeccomp) { p.Architectures = []specs.Arch{specs.ArchX86, specs.ArchS390X} }),
			"compile the seccomp profile: linux.seccomp.architectures[1]: SCMP_ARCH_S390X has another byte order than this machine",
		},
	} {
		_, _, err := Compile(t.Context(), c.profile, "")
		if err == nil || err.Error() != c.want {
			t.Errorf("Compile = %v, want %q", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Compile(ctx, small(1), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Compile with a context that has ended = %v", err)
	}
}

// TestExplain has failures that no profile causes.
func TestExplain(t *testing.T) {
	profile := &specs.LinuxSeccomp{Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchLOONGARCH64}}
	l := &lowered{request: compiler.Request{
		Archs: []compiler.Arch{{Token: tokenX8664}, {Token: 0xc0000102}},
		Rules: []compiler.Rule{{Name: "read"}, {Name: "dup"}},
	}, entries: []int{0, 3}}
	for _, c := range []struct {
		failure compiler.Failure
		want    string
	}{
		{compiler.Failure{Stage: compiler.StageArch, Index: 1, Err: unix.EINVAL}, "linux.seccomp.architectures[1]: libseccomp " + LibseccompVersion() + " doesn't know SCMP_ARCH_LOONGARCH64"},
		{compiler.Failure{Stage: compiler.StageArch, Index: 0, Err: unix.ENOMEM}, "linux.seccomp.architectures[0]: add SCMP_ARCH_X86_64: cannot allocate memory"},
		{compiler.Failure{Stage: compiler.StageRule, Index: 1, Err: unix.EFAULT}, "linux.seccomp.syscalls[3]: add the rule for dup: bad address"},
		{compiler.Failure{Stage: compiler.StageInit, Err: unix.EINVAL}, "linux.seccomp.defaultAction: create a filter: invalid argument"},
		{compiler.Failure{Stage: compiler.StageExport, Err: unix.ENOMEM}, "generate the BPF program: cannot allocate memory"},
		{compiler.Failure{Stage: compiler.StageRule, Index: 9, Err: unix.EFAULT}, "compiler stage 4, record 9: bad address"},
	} {
		if got := explain(&c.failure, profile, l).Error(); got != c.want {
			t.Errorf("explain(%+v) = %q, want %q", c.failure, got, c.want)
		}
	}
}

func TestFeaturesSorted(t *testing.T) {
	needsCompiler(t)
	f := Features()
	for name, list := range map[string][]string{
		"actions": f.Actions, "operators": f.Operators, "archs": f.Archs, "knownFlags": f.KnownFlags, "supportedFlags": f.SupportedFlags,
	} {
		if len(list) == 0 || !slices.IsSorted(list) {
			t.Errorf("%s = %q, want a sorted list", name, list)
		}
	}
	if len(f.Actions) != 9 || len(f.Operators) != 7 || len(f.KnownFlags) != 4 {
		t.Errorf("%d actions, %d operators, %d flags; want those of the specification: 9, 7, 4", len(f.Actions), len(f.Operators), len(f.KnownFlags))
	}
	if !slices.Contains(f.Archs, string(specs.ArchX86_64)) {
		t.Errorf("archs = %q lack x86-64", f.Archs)
	}
}

// TestArchsAreLibseccomps compiles for every architecture that Features lists, and
// for the others: the list must be that of libseccomp.
func TestArchsAreLibseccomps(t *testing.T) {
	needsCompiler(t)
	listed := Features().Archs
	for _, a := range archs {
		r := &compiler.Request{DefaultAction: actAllow, Archs: []compiler.Arch{{Token: a.token, Limit: a.limit}}}
		_, err := compiler.Compile(t.Context(), r)
		known := err == nil || errors.Is(err, unix.EDOM) // EDOM: another byte order
		if want := slices.Contains(listed, string(a.name)); known != want {
			t.Errorf("%s: libseccomp knows it = %v (%v), listed = %v", a.name, known, err, want)
		}
	}
}

// TestUnavailable: a build without libseccomp refuses a profile by its place.
func TestUnavailable(t *testing.T) {
	if compiler.Available() == nil {
		t.Skip("this build has libseccomp")
	}
	const want = "linux.seccomp: this build of runnel has no seccomp support: " +
		"build it with make, or with cgo and the headers of libseccomp"
	_, _, err := Compile(t.Context(), small(1), "")
	if !errors.Is(err, ErrUnavailable) || err.Error() != want {
		t.Errorf("Compile = %v, want %q", err, want)
	}
	if problems, _ := Check(small(1)); len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("Check = %v, want %q", problems, want)
	}
	if f := Features(); *f.Enabled || f.Actions != nil || LibseccompVersion() != "" {
		t.Errorf("Features = %+v with libseccomp %q, want nothing", f, LibseccompVersion())
	}
}
