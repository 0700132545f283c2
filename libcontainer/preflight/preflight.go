// Package preflight finds the problems of a bundle before anything is created: in
// config.json, in the rootfs, and in what the bundle requires of this host. It applies
// the rules of create.
package preflight

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// check looks for problems of a bundle with the functions that create uses: those of
// specconv, the cgroup managers and seccomp. For errors that create finds only while it
// acts, there are functions here that don't act.
type check struct {
	*config.Examination
	policy cgrouppolicy.Policy
	dir    string
	rootfs string         // "" if there is none
	image  *program.Image // nil if there is no rootfs
	// onHost means that this host will run the container; host then has its facts.
	// Otherwise host is a host that supports everything.
	onHost bool
	host   *host.Host
}

// Check returns all problems of the bundle in a directory, in config.json and in the
// rootfs, and creates nothing. With onHost it also checks whether this host provides
// what the bundle requires. path and file are those of bundle.Open. The error is a
// *fault.Fault, for a bundle that can't be read.
//
// A problem with severity Error is one for which create fails. A Warning is about
// something that create accepts but that is probably a mistake, or that can't be
// checked in advance.
func Check(path, file string, policy cgrouppolicy.Policy, onHost bool) ([]config.Problem, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	content, err := bundle.ReadConfig(dir, file)
	if err != nil {
		return nil, err
	}
	c := &check{Examination: config.Examine(content), policy: policy, dir: dir, onHost: onHost, host: host.Any()}
	if c.Spec == nil {
		return c.Problems(), nil
	}
	if c.Spec.Linux == nil {
		c.Spec.Linux = &specs.Linux{} // absent is empty
	}
	c.findRootfs()
	if onHost {
		c.probe()
	}
	c.config()
	if c.image != nil {
		defer c.image.Close()
		c.inRootfs()
	}
	if onHost {
		c.hostProblems()
	}
	return c.Problems(), nil
}

// errorf adds an error.
func (c *check) errorf(at place.Place, format string, args ...any) {
	c.report(config.Error, at, "", format, args...)
}

// report adds a problem.
func (c *check) report(s config.Severity, at place.Place, hint, format string, args ...any) {
	c.Add(config.Problem{Place: at, Severity: s, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// findRootfs sets rootfs and image.
func (c *check) findRootfs() {
	if !bundle.NamesRootfs(c.Spec) {
		return // Validate reports it
	}
	rootfs, err := bundle.FindRootfs(c.dir, c.Spec)
	if err != nil {
		c.AddError(config.Error, place.At("/root/path"), err)
		return
	}
	c.rootfs = rootfs
	image, err := program.OpenImage(rootfs)
	if err != nil {
		c.errorf(place.At("/root/path"), "rootfs %s: %v", rootfs, err)
		return
	}
	c.image = image
}

// probe sets host to the facts of this host.
func (c *check) probe() {
	rootfs := c.rootfs
	if rootfs == "" {
		rootfs = c.dir
	}
	host, err := host.Probe(c.Spec, rootfs)
	if err != nil {
		c.AddError(config.Error, place.Place{}, err)
		return
	}
	c.host = host
}

// config finds the problems that need no look at the rootfs or the host.
func (c *check) config() {
	c.Validate(c.host)
	if c.Spec.Process == nil {
		c.report(config.Warning, place.At("/process"), "", "is missing: the container can be created, but not started")
	}
	c.terminal()
	linux := c.Spec.Linux
	if linux.Seccomp != nil {
		errs, warnings := seccomp.Check(linux.Seccomp)
		c.addAll(config.Error, errs)
		c.addAll(config.Warning, warnings)
		c.addAll(config.Warning, seccomp.Unknown(linux.Seccomp))
	}
	c.annotations()
	if c.policy.None {
		c.withoutCgroup()
		return
	}
	c.cgroupsPath()
	c.AddError(config.Error, place.At("/annotations"), cgroups.CheckPath(linux.CgroupsPath, c.policy.Systemd, c.Spec.Annotations))
	c.resources()
}

// withoutCgroup reports what a container without a cgroup can't have.
func (c *check) withoutCgroup() {
	c.AddError(config.Error, place.At("/linux/resources"), cgrouppolicy.RefuseLimits(c.Spec))
	if at, ok := c.policy.Unenforced(c.Spec); ok {
		c.report(config.Warning, at, "", cgrouppolicy.WithoutRules)
	}
}

// cgroupsPath warns of a path in the form of the other driver: it would be the name of
// one cgroup.
func (c *check) cgroupsPath() {
	name := c.Spec.Linux.CgroupsPath
	if !c.policy.Systemd && strings.Count(name, ":") == 2 && !strings.Contains(name, "/") {
		c.report(config.Warning, place.At("/linux/cgroupsPath"), "--systemd-cgroup was probably left out",
			"%q is SLICE:PREFIX:NAME of systemd, but is used as the name of a cgroup", name)
	}
}

// foreignAnnotations are the prefixes of annotations that only another runtime, or the
// systemd driver, acts on.
var foreignAnnotations = [...]struct{ prefix, of string }{
	{"run.oci.", "crun"},
	{"io.katacontainers.", "Kata Containers"},
	{"dev.gvisor.", "gVisor"},
}

// annotations warns of annotations that are ignored.
func (c *check) annotations() {
	for _, key := range slices.Sorted(maps.Keys(c.Spec.Annotations)) {
		at := place.At("/annotations").Key(key)
		if strings.HasPrefix(key, cgroups.UnitAnnotation) && !c.policy.Systemd {
			c.report(config.Warning, at, "", "is ignored without --systemd-cgroup")
		}
		for _, f := range foreignAnnotations {
			if strings.HasPrefix(key, f.prefix) && key != words.KeepGroupsAnnotation {
				c.report(config.Warning, at, "", "is for %s and is ignored", f.of)
			}
		}
	}
}

// resources checks the limits, which depend on the version of cgroups.
func (c *check) resources() {
	r := c.Spec.Linux.Resources
	c.leastMemory(r)
	if c.onHost {
		mode := cgroups.HostMode()
		c.addAll(config.Error, cgroups.Check(mode, r))
		if c.policy.Systemd {
			c.addAll(config.Error, cgroups.CheckUnit(mode, r))
		}
		for _, field := range cgroups.Ignored(mode, r) {
			c.report(config.Warning, field, "", "has no meaning on this host and is ignored")
		}
		return
	}
	refused, doubtful := cgroups.CheckAny(r)
	c.addAll(config.Error, refused)
	c.addAll(config.Warning, doubtful)
	c.addAll(config.Warning, cgroups.IgnoredAny(r))
}

// The least memory, in bytes, in which a container can be created, and in which more
// than the smallest of programs can run. The first depends on the kernel, but is above
// this on all.
const (
	leastToCreate = 64 << 10
	leastToRun    = 1 << 20
)

// leastMemory checks for limits that were probably meant in another unit.
func (c *check) leastMemory(r *specs.LinuxResources) {
	if r == nil || r.Memory == nil || r.Memory.Limit == nil || *r.Memory.Limit <= 0 {
		return
	}
	const hint = "it is in bytes"
	at, limit := place.At("/linux/resources/memory/limit"), *r.Memory.Limit
	switch {
	case limit <= leastToCreate:
		c.report(config.Error, at, hint, "%d is too low to create a container", limit)
	case limit < leastToRun:
		c.report(config.Warning, at, hint, "%d is too low for most programs", limit)
	}
}

// addAll adds problems at their places.
func (c *check) addAll(s config.Severity, problems place.Errors) {
	for _, e := range problems {
		c.report(s, e.Place, "", "%v", e.Err)
	}
}

// terminal checks that a container with a terminal has a devpts.
func (c *check) terminal() {
	if c.Spec.Process == nil || !c.Spec.Process.Terminal || config.BindsDev(c.Spec) {
		return
	}
	for _, m := range config.Mounts(c.Spec) {
		if m.Target == "/dev/pts" {
			return
		}
	}
	c.report(config.Error, place.At("/process/terminal"), explain.NoDevptsHint, "%s: %v", explain.NoDevpts, unix.ENOENT)
}
