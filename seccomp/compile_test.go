package seccomp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCompileErrors(t *testing.T) {
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

// TestExplain holds the sentences for failures that can't be provoked.
func TestExplain(t *testing.T) {
	profile := &specs.LinuxSeccomp{Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchLOONGARCH64}}
	r := &Request{
		Archs: []Arch{{Token: tokenX8664}, {Token: 0xc0000102}},
		Rules: []Rule{{Name: "read"}, {Name: "dup", Entry: 3}},
	}
	for _, c := range []struct {
		failure compilerFailure
		want    string
	}{
		{compilerFailure{stageArch, 1, 22}, "linux.seccomp.architectures[1]: libseccomp " + LibseccompVersion() + " doesn't know SCMP_ARCH_LOONGARCH64"},
		{compilerFailure{stageArch, 0, 12}, "linux.seccomp.architectures[0]: add SCMP_ARCH_X86_64: cannot allocate memory"},
		{compilerFailure{stageRule, 1, 14}, "linux.seccomp.syscalls[3]: add the rule for dup: bad address"},
		{compilerFailure{stageInit, 0, 22}, "linux.seccomp.defaultAction: make a filter: invalid argument"},
		{compilerFailure{stageExport, 0, 12}, "generate the BPF program: cannot allocate memory"},
		{compilerFailure{stageRule, 9, 14}, "compiler stage 4, record 9: bad address"},
	} {
		if got := explain(c.failure, profile, r).Error(); got != c.want {
			t.Errorf("explain(%+v) = %q, want %q", c.failure, got, c.want)
		}
	}
}

func TestFeaturesSorted(t *testing.T) {
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
// for the others: the list has to be the truth about the embedded libseccomp.
func TestArchsAreLibseccomps(t *testing.T) {
	listed := Features().Archs
	for _, a := range archs {
		r := &Request{DefaultAction: actAllow, Archs: []Arch{{a.token, a.limit}}}
		_, err := runCompiler(t.Context(), r.encode())
		var f compilerFailure
		known := err == nil || errors.As(err, &f) && f.Errno == 33 // EDOM: another byte order
		if want := slices.Contains(listed, string(a.name)); known != want {
			t.Errorf("%s: libseccomp knows it = %v (%v), listed = %v", a.name, known, err, want)
		}
	}
}

// TestCompilerID holds the embedded id against the embedded compiler.
func TestCompilerID(t *testing.T) {
	version, err := exec.Command("./compiler/compiler.bin", "-v").Output()
	if err != nil || len(version) != 12 {
		t.Fatalf("compiler -v: %d bytes, %v", len(version), err)
	}
	number := func(i int) uint32 { return binary.NativeEndian.Uint32(version[4*i:]) }
	want := fmt.Sprintf("%d.%d.%d %x", number(0), number(1), number(2), sha256.Sum256([]byte(compilerBinary)))
	if got := strings.TrimSpace(compilerID); got != want {
		t.Errorf("compiler.id = %q, want %q", got, want)
	}
}
