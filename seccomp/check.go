package seccomp

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp/compiler"
)

// Check returns everything that Compile refuses about a profile on any kernel, and
// its warnings.
func Check(profile *specs.LinuxSeccomp) (problems, warnings place.Errors) {
	_, problems, warnings = examine(profile)
	return problems, warnings
}

// Unknown returns a warning for each entry of linux.seccomp.syscalls that names system
// calls which libseccomp doesn't know: nothing is done about them. It returns none for a
// profile that Compile refuses.
func Unknown(profile *specs.LinuxSeccomp) (warnings place.Errors) {
	l, problems, _ := examine(profile)
	if len(problems) > 0 {
		return nil
	}
	program, err := compiler.Compile(context.Background(), &l.request)
	if err != nil {
		return nil
	}
	names := map[int][]string{}
	for _, u := range program.Unknown {
		if i := int(u); i < len(l.entries) {
			entry, name := l.entries[i], l.request.Rules[i].Name
			if !slices.Contains(names[entry], name) {
				names[entry] = append(names[entry], name)
			}
		}
	}
	for i := range profile.Syscalls {
		if len(names[i]) > 0 {
			warnings.Addf(property("syscalls").Index(i).Key("names"), "libseccomp %s doesn't know %s, and ignores the name",
				LibseccompVersion(), strings.Join(names[i], ", "))
		}
	}
	return warnings
}

// examine does the part that Check and Compile have in common.
func examine(profile *specs.LinuxSeccomp) (l *lowered, problems, warnings place.Errors) {
	l, problems, warnings = lower(profile, nativeArch())
	problems.Add(place.At("/linux/seccomp"), compiler.Available())
	if n := compiledRules(l); n > maxInstructions {
		problems.Addf(property("syscalls"), "%d rules are more than the %d BPF instructions that the kernel takes for all of them", n, maxInstructions)
	}
	return l, problems, warnings
}

// compiledRules returns the number of rules that libseccomp is given. It would compile tens
// of thousands of them for minutes, only for the kernel to refuse the result.
func compiledRules(l *lowered) (n int) {
	if l == nil {
		return 0
	}
	for i := range l.request.Rules {
		if !l.request.Rules[i].Known {
			n++
		}
	}
	return n
}

// CheckHost returns what Compile refuses about a profile on this host, by compiling
// it. Nothing is cached. What Check reports isn't repeated.
func CheckHost(profile *specs.LinuxSeccomp) (problems place.Errors) {
	if found, _ := Check(profile); len(found) > 0 {
		return nil
	}
	if problems = checkActions(profile); len(problems) > 0 {
		return problems
	}
	f, _, err := Compile(context.Background(), profile, "")
	if err == nil {
		err = f.CheckProgram()
	}
	problems.Add(place.At("/linux/seccomp"), err)
	return problems
}

// checkActions reports the actions that this kernel doesn't know. It would treat
// them as KILL_PROCESS, seccomp(2).
func checkActions(profile *specs.LinuxSeccomp) (problems place.Errors) {
	text, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		return nil
	}
	known := strings.Fields(string(text))
	check := func(name specs.LinuxSeccompAction, at func() place.Place) {
		if !slices.Contains(known, kernelAction(name)) {
			problems.Addf(at(), "this kernel has no %s", name)
		}
	}
	check(profile.DefaultAction, func() place.Place { return property("defaultAction") })
	for i := range profile.Syscalls {
		check(profile.Syscalls[i].Action, func() place.Place { return property("syscalls").Index(i).Key("action") })
	}
	return problems
}

// kernelAction returns an action's name in actions_avail.
func kernelAction(name specs.LinuxSeccompAction) string {
	switch name {
	case specs.ActKill:
		return "kill_thread"
	case specs.ActNotify:
		return "user_notif"
	}
	return strings.ToLower(strings.TrimPrefix(string(name), "SCMP_ACT_"))
}
