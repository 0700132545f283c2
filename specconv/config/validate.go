package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// checker collects all problems of a config.
type checker struct {
	spec     *specs.Spec
	host     *host.Host
	ns       Namespaces
	problems []Problem
}

func (c *checker) errorf(at place.Place, format string, args ...any) *Problem {
	return c.add(Error, at, fmt.Sprintf(format, args...))
}

func (c *checker) warnf(at place.Place, format string, args ...any) *Problem {
	return c.add(Warning, at, fmt.Sprintf(format, args...))
}

// add returns the problem, so that a hint can be added to it at once.
func (c *checker) add(s Severity, at place.Place, text string) *Problem {
	c.problems = append(c.problems, Problem{Place: at, Severity: s, Text: text})
	return &c.problems[len(c.problems)-1]
}

// Validate finds all problems of a config on a host, in the order of the config.
func Validate(spec *specs.Spec, host *host.Host) []Problem {
	if spec.Linux == nil {
		// An absent object is an empty one.
		copied := *spec
		copied.Linux = &specs.Linux{}
		spec = &copied
	}
	c := &checker{spec: spec, host: host, ns: NamespacesOf(spec, host)}
	c.version()
	switch {
	case spec.Root == nil:
		c.errorf(place.At("/root"), "root property must not be empty")
	case spec.Root.Path == "":
		c.errorf(place.At("/root/path"), "root path must not be empty")
	}
	if spec.Process != nil {
		c.process(place.At("/process"), spec.Process)
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
	if _, ok := words.Propagation(spec.Linux.RootfsPropagation); !ok {
		c.errorf(place.At("/linux/rootfsPropagation"), "rootfsPropagation=%s is not supported", spec.Linux.RootfsPropagation).Hint = spelling.Hint(spec.Linux.RootfsPropagation, words.Propagations())
	}
	if spec.Linux.MountLabel != "" && !host.SELinux {
		c.errorf(place.At("/linux/mountLabel"), "selinux label is specified in config, but selinux is disabled or not supported").Hint = selinuxHint
	}
	c.landlock()
	if _, ok := spec.Annotations[""]; ok {
		c.errorf(place.At("/annotations"), "the key of an annotation must not be empty")
	}
	return c.problems
}

// ValidateProcess finds all problems of a process that joins a container, whose config is
// spec.
func ValidateProcess(p *specs.Process, spec *specs.Spec, host *host.Host) []Problem {
	if p == nil {
		return []Problem{{Place: place.At("/process"), Text: "process property must not be empty"}}
	}
	c := &checker{spec: spec, host: host, ns: NamespacesOf(spec, host)}
	c.process(place.At("/process"), p)
	return c.problems
}

// ValidateMounts finds all problems of mounts that are added to a container, whose config is
// spec.
func ValidateMounts(mounts []specs.Mount, spec *specs.Spec, host *host.Host) []Problem {
	with := *spec
	with.Mounts = mounts
	c := &checker{spec: &with, host: host, ns: NamespacesOf(spec, host)}
	c.mounts()
	for i := range mounts {
		c.addedMount(CompileMount(i, mounts[i]))
	}
	return c.problems
}

func (c *checker) version() {
	v := c.spec.Version
	if v == "" {
		c.errorf(place.At("/ociVersion"), "ociVersion must not be empty").Hint = "the current version is " + specs.Version
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
		c.errorf(place.At("/ociVersion"), "invalid version %q", v).Hint = "the current version is " + specs.Version
	case numbers[0] > specs.VersionMajor:
		c.errorf(place.At("/ociVersion"), "version %s of the specification is not supported", v).Hint = "supported are versions up to " + specs.Version
	case numbers[0] == specs.VersionMajor && numbers[1] > specs.VersionMinor:
		c.warnf(place.At("/ociVersion"), "version %s is newer than %s: what is new in it is ignored", v, specs.Version)
	}
}
