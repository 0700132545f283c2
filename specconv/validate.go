package specconv

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// Severity says what a Problem means for the container.
type Severity uint8

// An Error prevents the container from being created; after a Warning, it will
// not be quite what the config asks for.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problem is one finding about a config.
type Problem struct {
	// Pointer is the JSON pointer (RFC 6901) to what is wrong, Place the same in
	// words: "mounts[3] /data".
	Pointer, Place string
	Severity       Severity
	// Text is a sentence without the place, Hint what to do, if that isn't clear.
	Text, Hint string
	// Line and Column are where in the document that is, counted from 1, columns
	// in characters; 0 from all but an Examination.
	Line, Column int
}

func (p Problem) String() string { return p.Place + ": " + p.Text }

// checker collects all problems of a config.
type checker struct {
	spec     *specs.Spec
	host     *Host
	ns       namespaceSet
	place    string // overrides the place made from the pointer
	problems []Problem
}

func (c *checker) errorf(pointer, format string, args ...any) *Problem {
	return c.add(Error, pointer, fmt.Sprintf(format, args...))
}

func (c *checker) warnf(pointer, format string, args ...any) *Problem {
	return c.add(Warning, pointer, fmt.Sprintf(format, args...))
}

// add gives the problem for a hint to be added at once.
func (c *checker) add(s Severity, pointer, text string) *Problem {
	p := Problem{Pointer: pointer, Place: c.place, Severity: s, Text: text}
	if p.Place == "" {
		p.Place = dotted(pointer)
	}
	c.problems = append(c.problems, p)
	return &c.problems[len(c.problems)-1]
}

// dotted writes a JSON pointer as one would in a program.
func dotted(pointer string) string { return place.At(pointer).String() }

// Validate finds all problems of a config on a host, in the order of the config.
func Validate(spec *specs.Spec, host *Host) []Problem {
	if spec.Linux == nil {
		// An absent object is an empty one.
		copied := *spec
		copied.Linux = &specs.Linux{}
		spec = &copied
	}
	c := &checker{spec: spec, host: host, ns: namespacesOf(spec, host)}
	c.version()
	switch {
	case spec.Root == nil:
		c.errorf("/root", "root property must not be empty")
	case spec.Root.Path == "":
		c.errorf("/root/path", "root path must not be empty")
	}
	if spec.Process != nil {
		c.process("/process", spec.Process)
	}
	c.namespaces()
	c.mounts()
	c.hooks()
	c.devices()
	c.protectedPaths()
	c.sysctls()
	c.personality()
	c.memoryPolicy()
	c.netDevices()
	c.intelRdt()
	c.blockWeights()
	if _, ok := propagationFlags(spec.Linux.RootfsPropagation); !ok {
		c.errorf("/linux/rootfsPropagation", "rootfsPropagation=%s is not supported", spec.Linux.RootfsPropagation)
	}
	if spec.Linux.MountLabel != "" && !host.SELinux {
		c.errorf("/linux/mountLabel", "selinux label is specified in config, but selinux is disabled or not supported").Hint = selinuxHint
	}
	if _, ok := spec.Annotations[""]; ok {
		c.errorf("/annotations", "an annotation has an empty key")
	}
	return c.problems
}

// ValidateProcess finds all problems of a process that is to join a container.
func ValidateProcess(p *specs.Process, spec *specs.Spec, host *Host) []Problem {
	if p == nil {
		return []Problem{{Pointer: "", Place: "process", Text: "process property must not be empty"}}
	}
	c := &checker{spec: spec, host: host, ns: namespacesOf(spec, host)}
	c.process("/process", p)
	return c.problems
}

// ConfigError is a config with errors in it. Its text names all of them.
type ConfigError struct {
	// First is the first of the problems.
	First Problem
	text  string
}

func (e *ConfigError) Error() string { return e.text }

// FirstError makes one error, a ConfigError, of the errors among the problems, nil
// of none.
func FirstError(problems []Problem) error {
	var e ConfigError
	var more []string
	for _, p := range problems {
		switch {
		case p.Severity != Error:
		case e.text == "":
			e.First, e.text = p, p.String()
			if p.Hint != "" {
				e.text += " (" + p.Hint + ")"
			}
		default:
			more = append(more, p.String())
		}
	}
	if e.text == "" {
		return nil
	}
	if len(more) > 0 {
		e.text = fmt.Sprintf("%s (and %d more: %s)", e.text, len(more), strings.Join(more, "; "))
	}
	return &e
}

func (c *checker) version() {
	v := c.spec.Version
	if v == "" {
		c.errorf("/ociVersion", "ociVersion must not be empty").Hint = "the current version is " + specs.Version
		return
	}
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	var numbers [3]uint64
	ok := len(parts) == 3
	for i := 0; ok && i < 3; i++ {
		var err error
		numbers[i], err = strconv.ParseUint(parts[i], 10, 32)
		ok = err == nil
	}
	switch {
	case !ok:
		c.errorf("/ociVersion", "%q is no version", v).Hint = "the current version is " + specs.Version
	case numbers[0] > specs.VersionMajor:
		c.errorf("/ociVersion", "version %s of the specification is not supported", v).Hint = "supported are versions up to " + specs.Version
	case numbers[0] == specs.VersionMajor && numbers[1] > specs.VersionMinor:
		c.warnf("/ociVersion", "version %s is newer than %s: what is new in it is ignored", v, specs.Version)
	}
}

// netDevices are moved by the parent; here is only what the config decides.
func (c *checker) netDevices() {
	devices := c.spec.Linux.NetDevices
	if len(devices) == 0 {
		return
	}
	switch {
	case !c.ns.has(unix.CLONE_NEWNET):
		c.errorf("/linux/netDevices", "unable to move network devices without a NET namespace")
	case c.host.EUID != 0:
		c.errorf("/linux/netDevices", "network devices are not supported for rootless containers")
	}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		at, d := "/linux/netDevices/"+place.Escape(name), devices[name]
		if !isDeviceName(name) {
			c.errorf(at, "invalid network device name %q", name)
		}
		if d.Name != "" && !isDeviceName(d.Name) {
			c.errorf(at+"/name", "invalid network device name %q", d.Name)
		}
	}
}

// isDeviceName is the kernel's dev_valid_name.
func isDeviceName(name string) bool {
	return name != "" && len(name) < unix.IFNAMSIZ && name != "." && name != ".." &&
		!strings.ContainsAny(name, "/: \t\n\v\f\r")
}

func (c *checker) intelRdt() {
	r := c.spec.Linux.IntelRdt
	if r == nil {
		return
	}
	if !c.host.IntelRDT {
		c.errorf("/linux/intelRdt", "intelRdt is specified in config, but Intel RDT is not enabled")
	}
	if id := r.ClosID; id == "." || id == ".." || id != "/" && strings.Contains(id, "/") {
		c.errorf("/linux/intelRdt/closID", "invalid intelRdt.ClosID %q", id)
	}
	c.schemata(r)
}

// blockWeights: the other limits are checked where they are compiled, by cgroups;
// an entry without a weight compiles to nothing there.
func (c *checker) blockWeights() {
	r := c.spec.Linux.Resources
	if r == nil || r.BlockIO == nil {
		return
	}
	for i := range r.BlockIO.WeightDevice {
		if d := &r.BlockIO.WeightDevice[i]; d.Weight == nil && d.LeafWeight == nil {
			c.errorf("/linux/resources/blockIO/weightDevice/"+strconv.Itoa(i), "neither weight nor leafWeight is given")
		}
	}
}

// schemata are lines of a file: a newline within one would smuggle in another.
func (c *checker) schemata(r *specs.LinuxIntelRdt) {
	const at = "/linux/intelRdt/"
	// Several lines there are frowned upon, and were common once.
	for line := range strings.Lines(r.L3CacheSchema) {
		if strings.HasPrefix(line, "MB:") {
			c.warnf(at+"l3CacheSchema", "the line %q is ignored", strings.TrimSpace(line)).Hint = "it belongs into memBwSchema"
		} else if !strings.HasPrefix(line, "L3:") {
			c.warnf(at+"l3CacheSchema", "%q doesn't start with L3:", strings.TrimSpace(line))
		}
	}
	if s := r.MemBwSchema; s != "" && (!strings.HasPrefix(s, "MB:") || strings.Contains(s, "\n")) {
		c.errorf(at+"memBwSchema", "%q is not one line that starts with MB:", s)
	}
	for i, s := range r.Schemata {
		if strings.Contains(s, "\n") {
			c.errorf(at+"schemata/"+strconv.Itoa(i), "%q is more than one line", s)
		}
	}
}
