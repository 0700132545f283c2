package seccomp

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCheckProgram(t *testing.T) {
	needsCompiler(t)
	rule := func(action specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"execve"}, Action: action, Args: args}},
		}
	}
	for _, c := range []struct {
		name    string
		profile *specs.LinuxSeccomp
		refuses bool
	}{
		{"allowed", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, false},
		{"ERRNO", rule(specs.ActErrno), true},
		{"KILL_PROCESS", rule(specs.ActKillProcess), true},
		{"TRAP", rule(specs.ActTrap), true},
		{"LOG", rule(specs.ActLog), false},
		{"TRACE", rule(specs.ActTrace), false},
		{"NOTIFY", rule(specs.ActNotify), false},
		{"the default", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read"}, Action: specs.ActAllow},
		}}, true},
		{"for some arguments", rule(specs.ActErrno, specs.LinuxSeccompArg{Index: 1, Value: 1, Op: specs.OpEqualTo}), false},
	} {
		if c.name == "NOTIFY" {
			c.profile.ListenerPath = "/run/agent"
		}
		f, _, err := Compile(t.Context(), c.profile, "")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		err = f.CheckProgram()
		if refuses := err != nil && strings.Contains(err.Error(), "refuses execve"); refuses != c.refuses {
			t.Errorf("%s: CheckProgram() = %v, want an error: %t", c.name, err, c.refuses)
		}
	}
}
