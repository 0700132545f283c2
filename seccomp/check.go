package seccomp

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Check lists all that Compile refuses about a profile on any kernel, where Lower
// stops at the first, and what it warns of. All begin with the place in
// config.json.
func Check(profile *specs.LinuxSeccomp) (found []error, warnings []string) {
	add := func(err error) {
		if err != nil {
			found = append(found, err)
		}
	}
	_, err := lowerDefault(profile, &Request{})
	add(err)
	for i, name := range profile.Architectures {
		if _, ok := findArch(name); !ok {
			add(fmt.Errorf("linux.seccomp.architectures[%d]: unknown architecture %q", i, name))
		}
	}
	for i, name := range profile.Flags {
		if _, ok := findFlag(name); !ok {
			add(fmt.Errorf("linux.seccomp.flags[%d]: unknown flag %q", i, name))
		}
	}
	for i := range profile.Syscalls {
		for _, err := range checkEntry(&profile.Syscalls[i]) {
			add(fmt.Errorf("linux.seccomp.syscalls[%d]%w", i, err))
		}
		if more, err := lowerEntry(&Request{}, &profile.Syscalls[i], i, nil); err == nil {
			warnings = append(warnings, more...)
		}
	}
	add(checkListener(profile))
	if _, more, err := lowerFlags(profile.Flags, usesNotify(profile)); err == nil {
		warnings = append(warnings, more...)
	}
	return found, warnings
}

// checkEntry takes an entry to pieces that are wrong by themselves.
func checkEntry(entry *specs.LinuxSyscall) []error {
	var found []error
	without := *entry
	without.ErrnoRet, without.Args = nil, nil
	if _, err := lowerEntry(&Request{}, &without, 0, nil); err != nil {
		found = append(found, err)
	}
	if act, ok := findAction(entry.Action); ok {
		if _, err := act.with(entry.ErrnoRet); err != nil {
			found = append(found, fmt.Errorf(".errnoRet: %w", err))
		}
	}
	for i := range entry.Args {
		// In its place, for the index in the error; what is before it is fine.
		args := make([]specs.LinuxSeccompArg, i+1)
		for j := range args[:i] {
			args[j].Op = specs.OpEqualTo
		}
		args[i] = entry.Args[i]
		if _, err := lowerArgs(&Request{}, args); err != nil {
			found = append(found, err)
		}
	}
	return found
}

// CheckHost returns the error that Compile has for a profile on this host, by
// compiling it. Nothing is kept. What Check finds is left out.
func CheckHost(profile *specs.LinuxSeccomp) error {
	if found, _ := Check(profile); len(found) > 0 {
		return nil
	}
	if err := checkActions(profile); err != nil {
		return err
	}
	_, _, err := Compile(context.Background(), profile, "")
	return err
}

// checkActions: a kernel treats an action that it doesn't know as KILL_PROCESS,
// seccomp(2).
func checkActions(profile *specs.LinuxSeccomp) error {
	text, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		return nil
	}
	known := strings.Fields(string(text))
	if name := kernelAction(profile.DefaultAction); !slices.Contains(known, name) {
		return fmt.Errorf("linux.seccomp.defaultAction: this kernel has no %s", profile.DefaultAction)
	}
	for i := range profile.Syscalls {
		if name := kernelAction(profile.Syscalls[i].Action); !slices.Contains(known, name) {
			return fmt.Errorf("linux.seccomp.syscalls[%d].action: this kernel has no %s", i, profile.Syscalls[i].Action)
		}
	}
	return nil
}

// kernelAction is an action's name in actions_avail.
func kernelAction(name specs.LinuxSeccompAction) string {
	switch name {
	case specs.ActKill:
		return "kill_thread"
	case specs.ActNotify:
		return "user_notif"
	}
	return strings.ToLower(strings.TrimPrefix(string(name), "SCMP_ACT_"))
}
