package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// SeccompFilter is the filter of a seccomp profile, with the file that it was read from.
type SeccompFilter struct {
	// File is the path of the file.
	File string
	// Notes say what was assumed when the file was read.
	Notes []string

	profile  *specs.LinuxSeccomp
	document *config.Examination
	// entries has, for each entry of the profile, its index in the file.
	entries []int
	// isAlone is set for a file that is a profile, and not a config.json.
	isAlone   bool
	explainer *seccomp.Explainer
}

// SeccompOutcome is something that a filter may do with a system call, and why.
type SeccompOutcome struct {
	seccomp.Outcome
	Reasons []SeccompReason
}

// SeccompReason is a place in the profile, and what it says about a system call.
type SeccompReason struct {
	// Place is in the file, whose Line and Column are counted from 1.
	Place        place.Place
	Line, Column int
	Text         string
	// Conditions are the comparisons of arguments that have to hold.
	Conditions []seccomp.Condition
}

// SeccompAnswer is what a filter does with a system call. If there are several outcomes, it
// depends on arguments that aren't known.
type SeccompAnswer struct {
	seccomp.Call
	Outcomes []SeccompOutcome
}

// SeccompGroup are system calls with which a filter does the same.
type SeccompGroup = seccomp.Group

// dockersCapabilities are those of a container of Docker to which none were added. Some
// entries of engines' profiles depend on the container's capabilities.
var dockersCapabilities = [...]string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// SeccompFilter reads and compiles the profile of a container, of a bundle, or of a file,
// which is a config.json, a linux.seccomp object, or a profile of Docker or
// containers-common. A target without a slash is an id if there is such a container.
// capabilities, such as CAP_BPF, are assumed in addition to Docker's default ones in a
// profile whose entries depend on that. The error is a *fault.Fault.
func (r *Runtime) SeccompFilter(ctx context.Context, target string, capabilities []string) (*SeccompFilter, error) {
	file, content, err := r.findProfile(target)
	if err != nil {
		return nil, err
	}
	f := &SeccompFilter{File: file}
	if err := f.read(content, capabilities); err != nil {
		return nil, fault.Wrap("seccomp", fault.ConfigInvalid, err)
	}
	if f.explainer, err = seccomp.NewExplainer(ctx, f.profile); err != nil {
		return nil, fault.Wrap("seccomp", fault.ConfigInvalid, err)
	}
	r.debugf("seccomp: profile of %s, %d entries", file, len(f.profile.Syscalls))
	return f, nil
}

// findProfile returns the file that a target stands for, and its content.
func (r *Runtime) findProfile(target string) (file string, content []byte, err error) {
	if !strings.Contains(target, "/") {
		c, err := r.Open(target)
		if err == nil {
			defer c.Close()
			content, err := c.dir.ReadFile(state.ConfigName)
			return filepath.Join(c.dir.Path(), state.ConfigName), content, err
		}
		if !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrInvalidID) {
			return "", nil, err
		}
	}
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fault.Wrap("seccomp", fault.InvalidArgument, fmt.Errorf("%s: no container, bundle or profile has this name", target))
	}
	if err == nil && info.IsDir() {
		content, err = bundle.ReadConfig(target, "")
		return filepath.Join(target, state.ConfigName), content, err
	}
	if err == nil {
		content, err = os.ReadFile(target)
	}
	return target, content, fault.Wrap("seccomp", fault.InvalidArgument, err)
}

// read reads a config.json or a profile.
func (f *SeccompFilter) read(content []byte, capabilities []string) error {
	var isConfig, isProfile bool
	if err := jsontext.DecodeObject(f.File, content, func(key string, _ jsontext.Value) bool {
		isConfig = isConfig || key == "ociVersion" || key == "linux" || key == "process"
		isProfile = isProfile || key == "defaultAction"
		return false
	}); err != nil {
		return err
	}
	switch {
	case isConfig:
		return f.readConfig(content)
	case isProfile:
		return f.readProfile(content, capabilities)
	}
	return fmt.Errorf("%s is neither a config.json nor a seccomp profile: it has no defaultAction", f.File)
}

func (f *SeccompFilter) readConfig(content []byte) error {
	spec, _, err := config.Decode(content)
	if err != nil {
		return err
	}
	if spec.Linux == nil || spec.Linux.Seccomp == nil {
		return fmt.Errorf("%s has no linux.seccomp: every system call is allowed", f.File)
	}
	f.profile, f.document = spec.Linux.Seccomp, config.Examine(content)
	return nil
}

func (f *SeccompFilter) readProfile(content []byte, capabilities []string) (err error) {
	f.isAlone = true
	if f.profile, f.document, err = config.ExamineSeccomp(f.File, content); err != nil {
		return err
	}
	kernel := host.RunningKernel()
	c := seccomp.Circumstances{
		Arch: runtime.GOARCH, Major: kernel.Major, Minor: kernel.Minor,
		Capabilities: append(slices.Clone(dockersCapabilities[:]), capabilities...),
	}
	chosen, entries, isEngines, err := seccomp.ForEngine(content, f.profile, c)
	if isEngines {
		f.profile, f.entries = chosen, entries
		f.Notes = append(f.Notes, fmt.Sprintf("an engine's profile, as it is for a container on %s and Linux %d.%d with %s",
			c.Arch, c.Major, c.Minor, strings.Join(c.Capabilities, " ")))
	}
	return err
}

// Explain returns what the filter does with a system call, a name or a number. args are its
// first arguments; nil stands for any value. arch is the architecture of the process, as
// in the specification or in uname(1), "" for that of this machine.
func (f *SeccompFilter) Explain(ctx context.Context, arch, name string, args []*uint64) (*SeccompAnswer, error) {
	a, err := seccomp.ArchNamed(arch)
	if err != nil {
		return nil, fault.Wrap("seccomp", fault.InvalidArgument, err)
	}
	call, err := f.explainer.Find(ctx, a, name)
	if err != nil {
		return nil, fault.Wrap("seccomp", fault.InvalidArgument, err)
	}
	call.Args = args
	outcomes, err := f.explainer.Explain(call)
	if err != nil {
		return nil, fault.Wrap("seccomp", fault.ConfigInvalid, err)
	}
	answer := &SeccompAnswer{Call: call}
	for _, o := range outcomes {
		answer.Outcomes = append(answer.Outcomes, SeccompOutcome{o, f.reasons(&call, &o)})
	}
	return answer, nil
}

// Summary groups all system calls of an architecture by what the filter does with them.
func (f *SeccompFilter) Summary(ctx context.Context, arch string) ([]SeccompGroup, error) {
	a, err := seccomp.ArchNamed(arch)
	if err != nil {
		return nil, fault.Wrap("seccomp", fault.InvalidArgument, err)
	}
	groups, err := f.explainer.Summary(ctx, a)
	return groups, fault.Wrap("seccomp", fault.ConfigInvalid, err)
}

// reasons describes an outcome of a call.
func (f *SeccompFilter) reasons(call *seccomp.Call, o *seccomp.Outcome) (list []SeccompReason) {
	switch o.Cause {
	case seccomp.ByAge:
		text := fmt.Sprintf("added by the runtime: the call is newer than %s, the newest that the profile names", o.Newest)
		return []SeccompReason{f.reason(place.Place{}, text)}
	case seccomp.ByArchitecture:
		text := fmt.Sprintf("added by libseccomp: the profile isn't for %s", call.Arch)
		return []SeccompReason{f.reason(place.At("/architectures"), text)}
	case seccomp.ByDefault:
		return []SeccompReason{f.reason(place.At("/defaultAction"), "the default: no entry matches")}
	case seccomp.ByTranslation:
		return []SeccompReason{f.reason(place.At("/syscalls"), "libseccomp checks calls that the profile names behind this one")}
	}
	for _, m := range o.Rules {
		entry := m.Entry
		if f.entries != nil {
			entry = f.entries[entry]
		}
		at := place.At("/syscalls").Index(entry)
		r := f.reason(at.Key("names").Index(m.Name), describeConditions(m.Conditions))
		r.Place, r.Conditions = f.inFile(at), m.Conditions
		list = append(list, r)
	}
	return list
}

// reason returns a reason at a place in the profile.
func (f *SeccompFilter) reason(at place.Place, text string) SeccompReason {
	r := SeccompReason{Place: f.inFile(at), Text: text}
	r.Line, r.Column = f.document.Position(r.Place)
	return r
}

// inFile returns a place in the profile as one in the file.
func (f *SeccompFilter) inFile(at place.Place) place.Place {
	if f.isAlone {
		return at
	}
	return place.At("/linux/seccomp" + at.Pointer)
}

// describeConditions says for which arguments an entry holds.
func describeConditions(conditions []seccomp.Condition) string {
	var texts []string
	for _, c := range conditions {
		text := c.String()
		if !c.IsKnown {
			text = "if " + text
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "names the call"
	}
	return "names the call, " + strings.Join(texts, " and ")
}
