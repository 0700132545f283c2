package seccomp

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Lower validates the profile and turns it into numbers (runtime-spec
// config-linux.md, "Seccomp"). It touches no system. native is the architecture
// of the container's process, which is always part of the filter.
//
// Names of syscalls aren't checked: which exist depends on libseccomp, and a
// profile may name syscalls of newer kernels. Errors and warnings begin with the
// place in config.json.
func Lower(profile *specs.LinuxSeccomp, native specs.Arch) (*Request, []string, error) {
	r := &Request{}
	fallback, err := lowerDefault(profile, r)
	if err != nil {
		return nil, nil, err
	}
	if r.Archs, err = lowerArchs(profile.Architectures, native); err != nil {
		return nil, nil, err
	}
	var warnings []string
	count := 0
	for i := range profile.Syscalls {
		count += len(profile.Syscalls[i].Names)
	}
	r.Rules = make([]Rule, 0, count)
	for i := range profile.Syscalls {
		if warnings, err = lowerEntry(r, &profile.Syscalls[i], i, warnings); err != nil {
			return nil, nil, fmt.Errorf("linux.seccomp.syscalls[%d]%w", i, err)
		}
	}
	if err := checkListener(profile); err != nil {
		return nil, nil, err
	}
	r.Stub = fallback.denies && r.DefaultAction != actErrno|enosys
	return r, warnings, nil
}

func lowerDefault(profile *specs.LinuxSeccomp, r *Request) (action, error) {
	if profile.DefaultAction == "" {
		return action{}, fmt.Errorf("linux.seccomp.defaultAction: required, but not set")
	}
	fallback, ok := findAction(profile.DefaultAction)
	if !ok {
		return action{}, fmt.Errorf("linux.seccomp.defaultAction: unknown action %q", profile.DefaultAction)
	}
	var err error
	if r.DefaultAction, err = fallback.with(profile.DefaultErrnoRet); err != nil {
		return action{}, fmt.Errorf("linux.seccomp.defaultErrnoRet: %w", err)
	}
	return fallback, nil
}

func lowerArchs(list []specs.Arch, native specs.Arch) ([]Arch, error) {
	a, ok := findArch(native)
	if !ok {
		return nil, fmt.Errorf("seccomp filters are not supported on architecture %q", native)
	}
	out := make([]Arch, 1, len(list)+1)
	out[0] = Arch{a.token, a.limit}
next:
	for i, name := range list {
		a, ok := findArch(name)
		if !ok {
			return nil, fmt.Errorf("linux.seccomp.architectures[%d]: unknown architecture %q", i, name)
		}
		for _, have := range out {
			if have.Token == a.token {
				continue next
			}
		}
		out = append(out, Arch{a.token, a.limit})
	}
	return out, nil
}

// lowerEntry appends the rules of one entry of linux.seccomp.syscalls. Its errors
// begin within the entry (".args[0].op: …").
func lowerEntry(r *Request, entry *specs.LinuxSyscall, index int, warnings []string) ([]string, error) {
	act, ok := findAction(entry.Action)
	switch {
	case entry.Action == "":
		return nil, fmt.Errorf(".action: required, but not set")
	case !ok:
		return nil, fmt.Errorf(".action: unknown action %q", entry.Action)
	case len(entry.Names) == 0:
		return nil, fmt.Errorf(".names: needs at least one syscall")
	}
	value, err := act.with(entry.ErrnoRet)
	if err != nil {
		return nil, fmt.Errorf(".errnoRet: %w", err)
	}
	if err := checkNames(entry.Names); err != nil {
		return nil, err
	}
	first := len(r.Args)
	split, err := lowerArgs(r, entry.Args)
	if err != nil {
		return nil, err
	}
	if split {
		warnings = append(warnings, fmt.Sprintf("linux.seccomp.syscalls[%d].args: an argument is compared "+
			"more than once; one match of the %d is enough for the rule", index, len(entry.Args)))
	}
	known := value == r.DefaultAction
	for _, name := range entry.Names {
		rule := Rule{Name: name, Action: value, Known: known, FirstArg: first, ArgCount: len(entry.Args), Entry: index}
		if !split {
			r.Rules = append(r.Rules, rule)
			continue
		}
		for i := range entry.Args {
			rule.FirstArg, rule.ArgCount = first+i, 1
			r.Rules = append(r.Rules, rule)
		}
	}
	return warnings, nil
}

// checkNames refuses names that can't be handed to libseccomp.
func checkNames(names []string) error {
	for i, name := range names {
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			return fmt.Errorf(".names[%d]: %q is not a name of a syscall", i, name)
		}
	}
	return nil
}

// lowerArgs appends the arguments of one entry. split says that one argument is
// compared twice: libseccomp has no AND of two comparisons of one argument, and
// then, as in runc, each comparison becomes a rule of its own (OR).
func lowerArgs(r *Request, args []specs.LinuxSeccompArg) (split bool, err error) {
	var seen [6]bool
	for i, a := range args {
		op, ok := findOperator(a.Op)
		switch {
		case a.Index >= uint(len(seen)):
			return false, fmt.Errorf(".args[%d].index: %d is not an argument of a syscall (0 to 5)", i, a.Index)
		case a.Op == "":
			return false, fmt.Errorf(".args[%d].op: required, but not set", i)
		case !ok:
			return false, fmt.Errorf(".args[%d].op: unknown operator %q", i, a.Op)
		}
		split = split || seen[a.Index]
		seen[a.Index] = true
		r.Args = append(r.Args, Arg{Index: uint32(a.Index), Op: op.value, A: a.Value, B: a.ValueTwo})
	}
	return split, nil
}

// checkListener holds the rules about who receives notifications.
func checkListener(profile *specs.LinuxSeccomp) error {
	if profile.ListenerPath != "" {
		return nil
	}
	if profile.ListenerMetadata != "" {
		return fmt.Errorf("linux.seccomp.listenerMetadata: must not be set without listenerPath")
	}
	if usesNotify(profile) {
		return fmt.Errorf("linux.seccomp.listenerPath: SCMP_ACT_NOTIFY is used, but nobody is named to be notified")
	}
	return nil
}

func usesNotify(profile *specs.LinuxSeccomp) bool {
	if profile.DefaultAction == specs.ActNotify {
		return true
	}
	for i := range profile.Syscalls {
		if profile.Syscalls[i].Action == specs.ActNotify {
			return true
		}
	}
	return false
}

// with returns the action's number with the errno in it; without one EPERM.
func (a action) with(errno *uint) (uint32, error) {
	switch {
	case a.maxErrno == 0 && errno != nil:
		return 0, fmt.Errorf("%s takes no errno", a.name)
	case a.maxErrno == 0:
		return a.value, nil
	case errno == nil:
		return a.value | eperm, nil
	case *errno > a.maxErrno:
		return 0, fmt.Errorf("%d is not an errno for %s (0 to %d)", *errno, a.name, a.maxErrno)
	}
	return a.value | uint32(*errno), nil
}
