package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv"
)

// check looks for problems of a bundle by the rules that create has: specconv's,
// the cgroups', seccomp's. What create finds out only while it acts is looked at
// here without acting.
type check struct {
	*specconv.Examination
	runtime *Runtime
	dir     string
	rootfs  string // "" if there is none
	image   *image // nil without a rootfs
	// onHost: this host is to run the container, and host has the facts of it.
	// Otherwise host is one that can do everything.
	onHost bool
	host   *specconv.Host
}

// Check finds all problems of a bundle and changes nothing: in config.json, in the
// rootfs, and, with onHost, of this host with it. "" is the working directory. The
// error is that of a bundle that can't be read.
//
// What Create refuses about the bundle is an Error here; a Warning is what it
// accepts and may not be meant, or what can't be known before.
func (r *Runtime) Check(bundlePath string, onHost bool) ([]specconv.Problem, error) {
	dir, err := filepath.Abs(bundlePath)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", bundlePath, err)
	}
	content, err := readConfig(dir)
	if err != nil {
		return nil, during("bundle", CodeBundleInvalid, err)
	}
	c := &check{Examination: specconv.Examine(content), runtime: r, dir: dir, onHost: onHost, host: specconv.AnyHost()}
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
		defer c.image.close()
		c.inRootfs()
	}
	if onHost {
		c.hostProblems()
	}
	return c.Problems(), nil
}

func (c *check) errorf(pointer, format string, args ...any) {
	c.found(specconv.Error, pointer, "", format, args...)
}

// found adds a problem with the place that create names it by.
func (c *check) found(s specconv.Severity, pointer, hint, format string, args ...any) {
	c.AddAt(s, pointer, fmt.Sprintf(format, args...), hint)
}

func (c *check) findRootfs() {
	if !namesRootfs(c.Spec) {
		return // Validate says so
	}
	rootfs, err := findRootfs(c.dir, c.Spec)
	if err != nil {
		c.AddError(specconv.Error, "/root/path", err)
		return
	}
	c.rootfs = rootfs
	image, err := openImage(rootfs)
	if err != nil {
		c.errorf("/root/path", "rootfs %s: %v", rootfs, err)
		return
	}
	c.image = image
}

func (c *check) probe() {
	rootfs := c.rootfs
	if rootfs == "" {
		rootfs = c.dir
	}
	host, err := specconv.Probe(c.Spec, rootfs)
	if err != nil {
		c.AddError(specconv.Error, "", err)
		return
	}
	c.host = host
}

// config is what can be said without looking anywhere else.
func (c *check) config() {
	c.Validate(c.host)
	if c.Spec.Process == nil {
		c.found(specconv.Warning, "/process", "", "there is none: the container can be created, but not started")
	}
	c.terminal()
	linux := c.Spec.Linux
	if linux.Seccomp != nil {
		errs, warnings := seccomp.Check(linux.Seccomp)
		for _, err := range errs {
			c.AddError(specconv.Error, "/linux/seccomp", err)
		}
		for _, w := range warnings {
			c.AddError(specconv.Warning, "/linux/seccomp", errors.New(w))
		}
	}
	c.AddError(specconv.Error, "/annotations", cgroups.CheckPath(linux.CgroupsPath, c.runtime.SystemdCgroup, c.Spec.Annotations))
	c.resources()
}

// resources: which limits are wrong depends on the version of cgroups.
func (c *check) resources() {
	r := c.Spec.Linux.Resources
	if c.onHost {
		mode := cgroups.HostMode()
		c.addAll(specconv.Error, cgroups.Check(mode, r))
		if c.runtime.SystemdCgroup {
			c.addAll(specconv.Error, cgroups.CheckUnit(mode, r))
		}
		for _, field := range cgroups.Ignored(mode, r) {
			c.found(specconv.Warning, field.Pointer, "", "has no meaning on this host and is ignored")
		}
		return
	}
	refused, doubtful := cgroups.CheckAny(r)
	c.addAll(specconv.Error, refused)
	c.addAll(specconv.Warning, doubtful)
}

// addAll adds problems at their places.
func (c *check) addAll(s specconv.Severity, problems place.Errors) {
	for _, e := range problems {
		c.Add(specconv.Problem{Pointer: e.Place.Pointer, Place: e.Place.String(), Severity: s, Text: e.Err.Error()})
	}
}

// terminal: without a devpts there is no terminal to have.
func (c *check) terminal() {
	if c.Spec.Process == nil || !c.Spec.Process.Terminal || specconv.BindsDev(c.Spec) {
		return
	}
	for _, m := range specconv.Mounts(c.Spec) {
		if m.Target == "/dev/pts" {
			return
		}
	}
	what, hint := describeConsole(&nsenter.Failure{Part: nsenter.PartOpen})
	c.found(specconv.Error, "/process/terminal", hint, "%s: %v", what, unix.ENOENT)
}
