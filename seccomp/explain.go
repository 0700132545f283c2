package seccomp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/seccomp/compiler"
)

// Explainer says what the filter of a profile does with system calls. It asks the compiled
// filter, and looks in the profile for the reason.
type Explainer struct {
	profile *specs.LinuxSeccomp
	lowered *lowered
	filter  []byte
	// prologue is the number of instructions in front of libseccomp's.
	prologue int
	highest  []int32
	unknown  []int32
	tables   map[uint32][]compiler.Syscall
}

// NewExplainer compiles a profile. Errors are those of Compile, but for what depends on the
// running kernel.
func NewExplainer(ctx context.Context, profile *specs.LinuxSeccomp) (*Explainer, error) {
	l, problems, _ := examine(profile)
	if err := problems.First(); err != nil {
		return nil, err
	}
	program, err := compiler.Compile(ctx, &l.request)
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", explain(err, profile, l))
	}
	e := &Explainer{
		profile: profile, lowered: l, highest: program.Highest, unknown: program.Unknown,
		tables: map[uint32][]compiler.Syscall{},
	}
	e.prologue = -len(program.BPF) / instructionSize
	if e.filter, err = withPrologue(l, program); err != nil {
		return nil, err
	}
	e.prologue += len(e.filter) / instructionSize
	return e, nil
}

// Call is a system call to explain.
type Call struct {
	Arch specs.Arch
	// Number is that of the architecture. Name is "" if libseccomp knows none for it.
	Number uint32
	Name   string
	// Args are the first arguments; those that are nil, and the rest, may have any value.
	Args []*uint64
}

// Cause is why a filter does what it does.
type Cause string

// The values of Cause.
const (
	// ByRule is an entry of linux.seccomp.syscalls.
	ByRule Cause = "rule"
	// ByDefault is linux.seccomp.defaultAction.
	ByDefault Cause = "default"
	// ByAge is what the runtime adds: ENOSYS for a system call that is newer than all that
	// the profile names.
	ByAge Cause = "newer"
	// ByArchitecture is what libseccomp adds for an architecture that isn't in the profile.
	ByArchitecture Cause = "architecture"
	// ByTranslation is anything else that libseccomp makes of the profile, such as socketcall
	// of 32-bit x86, behind which are the calls that the profile names.
	ByTranslation Cause = "libseccomp"
)

// Outcome is something that the filter may do with a call.
type Outcome struct {
	Action specs.LinuxSeccompAction
	// Errno is what SCMP_ACT_ERRNO returns, and the message of SCMP_ACT_TRACE.
	Errno uint
	Cause Cause
	// Newest is the newest system call that the profile names, ByAge.
	Newest string
	// Rules are the entries of the profile that ask for it, ByRule.
	Rules []Match
}

// isLike reports whether two outcomes differ only in what is about a single call.
func (o Outcome) isLike(other Outcome) bool {
	return o.Action == other.Action && o.Errno == other.Errno && o.Cause == other.Cause
}

// Match is an entry of the profile that names a system call.
type Match struct {
	// Entry is its index in linux.seccomp.syscalls, Name that in its names.
	Entry, Name int
	// Conditions are what it compares; all of them have to hold.
	Conditions []Condition
}

// Condition is a comparison of an argument.
type Condition struct {
	specs.LinuxSeccompArg
	// IsKnown reports whether the argument is known; Holds whether the comparison is true.
	IsKnown, Holds bool
}

// ErrUnknownCall is the error of a system call that libseccomp doesn't know.
var ErrUnknownCall = errors.New("unknown system call")

// Find returns the system call of an architecture that a name or a number stands for.
func (e *Explainer) Find(ctx context.Context, arch specs.Arch, word string) (Call, error) {
	a, _ := findArch(arch)
	table, err := e.table(ctx, a.token)
	if err != nil {
		return Call{}, err
	}
	if n, err := strconv.ParseUint(word, 0, 32); err == nil {
		number := uint32(n)
		if a.token == tokenX32 {
			number |= x32Bit
		}
		c := Call{Arch: arch, Number: number}
		if i := slices.IndexFunc(table, func(s compiler.Syscall) bool { return s.Number == number }); i >= 0 {
			c.Name = table[i].Name
		}
		return c, nil
	}
	if i := slices.IndexFunc(table, func(s compiler.Syscall) bool { return s.Name == word }); i >= 0 {
		return Call{Arch: arch, Number: table[i].Number, Name: word}, nil
	}
	return Call{}, e.unknownCall(arch, word, table)
}

// unknownCall returns the error for a name that isn't in the table of an architecture.
func (e *Explainer) unknownCall(arch specs.Arch, name string, table []compiler.Syscall) error {
	for _, i := range e.unknown {
		if e.lowered.request.Rules[i].Name == name {
			return fmt.Errorf("%w %q: libseccomp %s doesn't know it either, and %s has no effect: give the number",
				ErrUnknownCall, name, LibseccompVersion(), property("syscalls").Index(e.lowered.entries[i]))
		}
	}
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Name
	}
	if hint := spelling.Hint(name, names); hint != "" {
		return fmt.Errorf("%w %q of %s (%s)", ErrUnknownCall, name, arch, hint)
	}
	return fmt.Errorf("%w %q of %s", ErrUnknownCall, name, arch)
}

// table returns the system calls of an architecture.
func (e *Explainer) table(ctx context.Context, token uint32) ([]compiler.Syscall, error) {
	if t, ok := e.tables[token]; ok {
		return t, nil
	}
	t, err := compiler.Syscalls(ctx, token)
	if errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("libseccomp %s doesn't know this architecture", LibseccompVersion())
	}
	if err != nil {
		return nil, fmt.Errorf("list the system calls: %w", err)
	}
	e.tables[token] = t
	return t, nil
}

// Explain returns what the filter does with a call: one outcome, or several if it depends on
// arguments that aren't known.
func (e *Explainer) Explain(c Call) ([]Outcome, error) {
	a, ok := findArch(c.Arch)
	if !ok {
		return nil, unknown("architecture", c.Arch, archNames())
	}
	data := call{number: c.Number, arch: auditArch(a.token)}
	for i, arg := range c.Args {
		if arg != nil && i < len(data.args) {
			data.args[i], data.isKnown[i] = *arg, true
		}
	}
	results, err := data.results(e.filter)
	if err != nil {
		return nil, err
	}
	var outcomes []Outcome
	for _, r := range results {
		o := e.outcome(&c, &data, a.token, r)
		// libseccomp has several instructions that return the same.
		if !slices.ContainsFunc(outcomes, o.isLike) {
			outcomes = append(outcomes, o)
		}
	}
	return outcomes, nil
}

// outcome looks for the reason of a result.
func (e *Explainer) outcome(c *Call, data *call, token uint32, r result) Outcome {
	o := Outcome{Action: actionName(r.action)}
	if a, _ := findAction(o.Action); a.maxErrno > 0 {
		o.Errno = uint(r.action &^ actionMask)
	}
	arch := slices.IndexFunc(e.lowered.request.Archs, func(a compiler.Arch) bool { return a.Token == token })
	switch {
	case r.at < e.prologue:
		o.Cause = ByAge
		if arch >= 0 {
			o.Newest = e.nameOf(token, uint32(e.highest[arch]))
		}
		return o
	case arch < 0:
		o.Cause = ByArchitecture
		return o
	}
	if o.Rules = e.matches(c, data, r.action); len(o.Rules) > 0 {
		o.Cause, o.Action = ByRule, e.profile.Syscalls[o.Rules[0].Entry].Action
		return o
	}
	o.Cause = ByTranslation
	if r.action == e.lowered.request.DefaultAction {
		o.Cause, o.Action = ByDefault, e.profile.DefaultAction
	}
	return o
}

// nameOf returns the name of a system call, or its number. The table has been read.
func (e *Explainer) nameOf(token, number uint32) string {
	for _, s := range e.tables[token] {
		if s.Number == number {
			return s.Name
		}
	}
	return strconv.FormatUint(uint64(number), 10)
}

// matches returns the entries of the profile that ask for this action for a call, as far as
// the known arguments don't speak against them.
func (e *Explainer) matches(c *Call, data *call, action uint32) (found []Match) {
	request := &e.lowered.request
	for i := range request.Rules {
		rule := &request.Rules[i]
		asks := rule.Action
		if rule.Known {
			asks = request.DefaultAction
		}
		if rule.Name != c.Name || asks != action || c.Name == "" {
			continue
		}
		entry := e.lowered.entries[i]
		m := Match{Entry: entry, Name: slices.Index(e.profile.Syscalls[entry].Names, c.Name)}
		isPossible := true
		for _, a := range request.Args[rule.FirstArg : rule.FirstArg+rule.ArgCount] {
			condition := data.condition(a)
			isPossible = isPossible && (condition.Holds || !condition.IsKnown)
			m.Conditions = append(m.Conditions, condition)
		}
		if isPossible {
			found = append(found, m)
		}
	}
	return found
}

// condition applies a comparison to the arguments of a call.
func (c *call) condition(a compiler.Arg) Condition {
	op := operatorName(a.Op)
	k := Condition{LinuxSeccompArg: specs.LinuxSeccompArg{Index: uint(a.Index), Value: a.A, ValueTwo: a.B, Op: op}}
	v := c.args[a.Index]
	k.IsKnown = c.isKnown[a.Index]
	switch op {
	case specs.OpEqualTo:
		k.Holds = v == a.A
	case specs.OpNotEqual:
		k.Holds = v != a.A
	case specs.OpLessThan:
		k.Holds = v < a.A
	case specs.OpLessEqual:
		k.Holds = v <= a.A
	case specs.OpGreaterEqual:
		k.Holds = v >= a.A
	case specs.OpGreaterThan:
		k.Holds = v > a.A
	case specs.OpMaskedEqual:
		k.Holds = v&a.A == a.B
	}
	k.Holds = k.Holds && k.IsKnown
	return k
}

// String returns the comparison in the notation of C.
func (c Condition) String() string {
	switch c.Op {
	case specs.OpMaskedEqual:
		return fmt.Sprintf("args[%d] & %#x == %#x", c.Index, c.Value, c.ValueTwo)
	case specs.OpNotEqual:
		return fmt.Sprintf("args[%d] != %#x", c.Index, c.Value)
	case specs.OpLessThan:
		return fmt.Sprintf("args[%d] < %#x", c.Index, c.Value)
	case specs.OpLessEqual:
		return fmt.Sprintf("args[%d] <= %#x", c.Index, c.Value)
	case specs.OpGreaterEqual:
		return fmt.Sprintf("args[%d] >= %#x", c.Index, c.Value)
	case specs.OpGreaterThan:
		return fmt.Sprintf("args[%d] > %#x", c.Index, c.Value)
	}
	return fmt.Sprintf("args[%d] == %#x", c.Index, c.Value)
}

// Group are system calls with which a filter does the same.
type Group struct {
	// Outcomes are without Rules and Newest. If there are several, it depends on arguments.
	Outcomes []Outcome
	Names    []string
}

// Summary groups all system calls of an architecture that libseccomp knows by what the
// filter does with them, the largest group first.
func (e *Explainer) Summary(ctx context.Context, arch specs.Arch) ([]Group, error) {
	a, ok := findArch(arch)
	if !ok {
		return nil, unknown("architecture", arch, archNames())
	}
	table, err := e.table(ctx, a.token)
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, s := range table {
		outcomes, err := e.Explain(Call{Arch: arch, Number: s.Number, Name: s.Name})
		if err != nil {
			return nil, err
		}
		kinds := kindsOf(outcomes)
		i := slices.IndexFunc(groups, func(g Group) bool {
			return slices.EqualFunc(g.Outcomes, kinds, Outcome.isLike)
		})
		if i < 0 {
			i, groups = len(groups), append(groups, Group{Outcomes: kinds})
		}
		groups[i].Names = append(groups[i].Names, s.Name)
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return len(b.Names) - len(a.Names) })
	return groups, nil
}

// kindsOf returns outcomes without what is about a single call, sorted and none twice. ByRule and
// ByTranslation are the same: the profile asks for both.
func kindsOf(outcomes []Outcome) (kinds []Outcome) {
	for _, o := range outcomes {
		k := Outcome{Action: o.Action, Errno: o.Errno, Cause: o.Cause}
		if k.Cause == ByTranslation {
			k.Cause = ByRule
		}
		if !slices.ContainsFunc(kinds, k.isLike) {
			kinds = append(kinds, k)
		}
	}
	slices.SortFunc(kinds, func(a, b Outcome) int {
		return strings.Compare(fmt.Sprint(a.Action, a.Errno, a.Cause), fmt.Sprint(b.Action, b.Errno, b.Cause))
	})
	return kinds
}

// actionName returns the name of an action's number.
func actionName(value uint32) specs.LinuxSeccompAction {
	for _, a := range actions {
		if a.value == value&actionMask && a.name != specs.ActKill {
			return a.name
		}
	}
	return specs.LinuxSeccompAction(fmt.Sprintf("%#x", value))
}

// operatorName returns the name of an operator's number.
func operatorName(value uint32) specs.LinuxSeccompOperator {
	for _, o := range operators {
		if o.value == value {
			return o.name
		}
	}
	return ""
}

// ArchNamed returns the architecture with a name as in the specification, with or without
// its prefix, or as in uname(1) or Go; "" stands for the one that runnel was built for.
func ArchNamed(name string) (specs.Arch, error) {
	if name == "" {
		return nativeArch(), nil
	}
	short := strings.ToUpper(strings.TrimPrefix(strings.ToUpper(name), "SCMP_ARCH_"))
	switch short {
	case "AMD64", "X86-64":
		short = "X86_64"
	case "386", "I386", "I686":
		short = "X86"
	case "ARM64":
		short = "AARCH64"
	case "LOONG64":
		short = "LOONGARCH64"
	}
	arch := specs.Arch("SCMP_ARCH_" + short)
	if _, ok := findArch(arch); !ok {
		return "", unknown("architecture", name, archNames())
	}
	return arch, nil
}
