package seccomp

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp/compiler"
)

// lowered is a profile as numbers.
type lowered struct {
	request compiler.Request
	// entries has, for each rule of the request, its index in
	// linux.seccomp.syscalls.
	entries []int
	// prologue asks for ENOSYS instead of the default action where a system call is
	// newer than all that the profile names.
	prologue bool
	// flags and notify are those of Filter.
	flags  uint64
	notify bool
}

// lowering is a lowered profile with what is wrong with it.
type lowering struct {
	profile            *specs.LinuxSeccomp
	out                lowered
	problems, warnings place.Errors
}

// lower validates the profile and turns it into numbers (runtime-spec
// config-linux.md, "Seccomp"). It reports all problems; lowered is nil if there are
// any. It doesn't touch the system. native is the architecture of the container's
// process, which is always part of the filter.
//
// Names of system calls aren't checked: which exist depends on libseccomp, and a
// profile may name those of newer kernels.
func lower(profile *specs.LinuxSeccomp, native specs.Arch) (l *lowered, problems, warnings place.Errors) {
	w := &lowering{profile: profile}
	w.out.notify = usesNotify(profile)
	fallback := w.defaultAction()
	w.architectures(native)
	w.syscalls()
	w.listener()
	w.flags()
	if len(w.problems) > 0 {
		return nil, w.problems, w.warnings
	}
	w.out.prologue = fallback.denies && w.out.request.DefaultAction != actErrno|enosys
	return &w.out, nil, w.warnings
}

// property returns the place of a property of linux.seccomp.
func property(name string) place.Place { return place.At("/linux/seccomp").Key(name) }

func (w *lowering) defaultAction() action {
	name := w.profile.DefaultAction
	fallback, ok := findAction(name)
	switch {
	case name == "":
		w.problems.Addf(property("defaultAction"), "required, but not set")
	case !ok:
		w.problems.Add(property("defaultAction"), unknown("action", name, actionNames()))
	default:
		var err error
		w.out.request.DefaultAction, err = fallback.with(w.profile.DefaultErrnoRet)
		w.problems.Add(property("defaultErrnoRet"), err)
	}
	return fallback
}

func (w *lowering) architectures(native specs.Arch) {
	a, ok := findArch(native)
	if !ok {
		w.problems.Addf(place.Place{}, "seccomp filters are not supported on architecture %q", native)
	}
	out := make([]compiler.Arch, 1, len(w.profile.Architectures)+1)
	out[0] = compiler.Arch{Token: a.token, Limit: a.limit}
next:
	for i, name := range w.profile.Architectures {
		a, ok := findArch(name)
		if !ok {
			w.problems.Add(property("architectures").Index(i), unknown("architecture", name, archNames()))
			continue
		}
		for _, have := range out {
			if have.Token == a.token {
				continue next
			}
		}
		out = append(out, compiler.Arch{Token: a.token, Limit: a.limit})
	}
	w.out.request.Archs = out
}

func (w *lowering) syscalls() {
	count := 0
	for i := range w.profile.Syscalls {
		count += len(w.profile.Syscalls[i].Names)
	}
	w.out.request.Rules = make([]compiler.Rule, 0, count)
	w.out.entries = make([]int, 0, count)
	for i := range w.profile.Syscalls {
		w.entry(i, &w.profile.Syscalls[i])
	}
}

// entry appends the rules of one entry of linux.seccomp.syscalls.
func (w *lowering) entry(index int, entry *specs.LinuxSyscall) {
	at := func(name string) place.Place { return property("syscalls").Index(index).Key(name) }
	var value uint32
	switch action, ok := findAction(entry.Action); {
	case entry.Action == "":
		w.problems.Addf(at("action"), "required, but not set")
	case !ok:
		w.problems.Add(at("action"), unknown("action", entry.Action, actionNames()))
	default:
		var err error
		if value, err = action.with(entry.ErrnoRet); err != nil {
			w.problems.Add(at("errnoRet"), err)
		}
	}
	if len(entry.Names) == 0 {
		w.problems.Addf(at("names"), "needs at least one syscall")
	}
	for i, name := range entry.Names {
		// Such a name can't be passed to libseccomp.
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			w.problems.Addf(at("names").Index(i), "%q is not a name of a syscall", name)
		}
	}
	r := &w.out.request
	first := len(r.Args)
	split := w.arguments(entry.Args, at)
	for _, name := range entry.Names {
		rule := compiler.Rule{Name: name, Action: value, FirstArg: first, ArgCount: len(entry.Args)}
		if value == r.DefaultAction {
			rule.Action, rule.Known = 0, true
		}
		w.rules(index, rule, split)
	}
}

// rules appends a rule, or one for each of its arguments.
func (w *lowering) rules(index int, rule compiler.Rule, split bool) {
	r := &w.out.request
	if !split {
		r.Rules = append(r.Rules, rule)
		w.out.entries = append(w.out.entries, index)
		return
	}
	first, count := rule.FirstArg, rule.ArgCount
	for i := range count {
		rule.FirstArg, rule.ArgCount = first+i, 1
		r.Rules = append(r.Rules, rule)
		w.out.entries = append(w.out.entries, index)
	}
}

// arguments appends the arguments of one entry, whose properties are at. split
// reports whether an argument is compared more than once: libseccomp has no AND of
// two comparisons of one argument, and each comparison then becomes a rule of its
// own (OR), as in runc.
func (w *lowering) arguments(args []specs.LinuxSeccompArg, at func(string) place.Place) (split bool) {
	var seen [6]bool
	for i, a := range args {
		if a.Index < uint(len(seen)) {
			split = split || seen[a.Index]
			seen[a.Index] = true
		} else {
			w.problems.Addf(at("args").Index(i).Key("index"), "%d is not an argument of a syscall (0 to 5)", a.Index)
		}
		op, ok := findOperator(a.Op)
		if a.Op == "" {
			w.problems.Addf(at("args").Index(i).Key("op"), "required, but not set")
		} else if !ok {
			w.problems.Add(at("args").Index(i).Key("op"), unknown("operator", a.Op, operatorNames()))
		}
		w.out.request.Args = append(w.out.request.Args, compiler.Arg{Index: uint32(a.Index), Op: op.value, A: a.Value, B: a.ValueTwo})
	}
	if split {
		w.warnings.Addf(at("args"), "an argument is compared more than once; one match of the %d is enough for the rule", len(args))
	}
	return split
}

// listener validates who receives notifications.
func (w *lowering) listener() {
	if w.profile.ListenerPath != "" {
		return
	}
	if w.profile.ListenerMetadata != "" {
		w.problems.Addf(property("listenerMetadata"), "must not be set without listenerPath")
	}
	if w.out.notify {
		w.problems.Addf(property("listenerPath"), "SCMP_ACT_NOTIFY is used, but nobody is named to be notified")
	}
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
