package seccomp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestProfileOf(t *testing.T) {
	needsCompiler(t)
	calls := []Recorded{
		{specs.ArchX86_64, 83}, {specs.ArchX86_64, 0}, {specs.ArchX86, 3}, {specs.ArchX32, x32Bit | 59}, {specs.ArchX86_64, 1000}, {"", 7},
	}
	calls[3].Number = x32Bit | 520 // execve
	native := nativeArch()
	p, added, unnamed, err := ProfileOf(t.Context(), calls, nil)
	want := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
		Syscalls: []specs.LinuxSyscall{{Names: []string{"execve", "mkdir", "read"}, Action: specs.ActAllow}},
	}
	if native != specs.ArchX86_64 {
		want.Architectures = append([]specs.Arch{native}, want.Architectures...)
	}
	if diff := cmp.Diff(want, p); diff != "" || err != nil || len(added) != 3 {
		t.Errorf("ProfileOf: %v, %v\n%s", added, err, diff)
	}
	if diff := cmp.Diff([]Recorded{{specs.ArchX86_64, 1000}, {"", 7}}, unnamed); diff != "" {
		t.Errorf("unnamed: %s", diff)
	}
}

func TestRecorded(t *testing.T) {
	for n, want := range map[Notification]Recorded{
		{Number: 0, AuditArch: tokenX8664}:          {specs.ArchX86_64, 0},
		{Number: x32Bit | 1, AuditArch: tokenX8664}: {specs.ArchX32, x32Bit | 1},
		{Number: 3, AuditArch: 0x40000003}:          {specs.ArchX86, 3},
		{Number: 3, AuditArch: 1}:                   {"", 3},
	} {
		if got := n.Recorded(); got != want {
			t.Errorf("%+v: %v, want %v", n, got, want)
		}
	}
}

// TestRecordingProfile compiles the profile: every call is notified.
func TestRecordingProfile(t *testing.T) {
	p := RecordingProfile()
	p.ListenerPath = "/run/agent"
	f := compileNative(t, p)
	if !f.Notify {
		t.Error("the filter has no listener")
	}
	arch, _ := findArch(nativeArch())
	for _, number := range []uint32{0, 59, 500} {
		if got := simulate(t, f.BPF, call{number: number, arch: arch.token}); got != 0x7fc00000 {
			t.Errorf("call %d: %#x", number, got)
		}
	}
}
