// Package preflight finds the problems of a bundle before anything is created: in
// config.json, in the rootfs, and of this host with it. The rules are those of create.
package preflight

import (
	"fmt"
	"path/filepath"

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
)

// check looks for problems of a bundle by the rules that create has: specconv's,
// the cgroups', seccomp's. What create finds out only while it acts is looked at
// here without acting.
type check struct {
	*config.Examination
	policy cgrouppolicy.Policy
	dir    string
	rootfs string         // "" if there is none
	image  *program.Image // nil without a rootfs
	// onHost: this host is to run the container, and host has the facts of it.
	// Otherwise host is one that can do everything.
	onHost bool
	host   *host.Host
}

// Check finds all problems of a bundle and changes nothing: in config.json, in the
// rootfs, and, with onHost, of this host with it. "" is the working directory. The
// error is that of a bundle that can't be read.
//
// What Create refuses about the bundle is an Error here; a Warning is what it
// accepts and may not be meant, or what can't be known before.
func Check(path string, policy cgrouppolicy.Policy, onHost bool) ([]config.Problem, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	content, err := bundle.ReadConfig(dir)
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

func (c *check) errorf(at place.Place, format string, args ...any) {
	c.found(config.Error, at, "", format, args...)
}

// found adds a problem.
func (c *check) found(s config.Severity, at place.Place, hint, format string, args ...any) {
	c.Add(config.Problem{Place: at, Severity: s, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *check) findRootfs() {
	if !bundle.NamesRootfs(c.Spec) {
		return // Validate says so
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

// config is what can be said without looking anywhere else.
func (c *check) config() {
	c.Validate(c.host)
	if c.Spec.Process == nil {
		c.found(config.Warning, place.At("/process"), "", "there is none: the container can be created, but not started")
	}
	c.terminal()
	linux := c.Spec.Linux
	if linux.Seccomp != nil {
		errs, warnings := seccomp.Check(linux.Seccomp)
		c.addAll(config.Error, errs)
		c.addAll(config.Warning, warnings)
	}
	c.AddError(config.Error, place.At("/annotations"), cgroups.CheckPath(linux.CgroupsPath, c.policy.Systemd, c.Spec.Annotations))
	c.resources()
}

// resources: which limits are wrong depends on the version of cgroups.
func (c *check) resources() {
	r := c.Spec.Linux.Resources
	if c.onHost {
		mode := cgroups.HostMode()
		c.addAll(config.Error, cgroups.Check(mode, r))
		if c.policy.Systemd {
			c.addAll(config.Error, cgroups.CheckUnit(mode, r))
		}
		for _, field := range cgroups.Ignored(mode, r) {
			c.found(config.Warning, field, "", "has no meaning on this host and is ignored")
		}
		return
	}
	refused, doubtful := cgroups.CheckAny(r)
	c.addAll(config.Error, refused)
	c.addAll(config.Warning, doubtful)
}

// addAll adds problems at their places.
func (c *check) addAll(s config.Severity, problems place.Errors) {
	for _, e := range problems {
		c.found(s, e.Place, "", "%v", e.Err)
	}
}

// terminal: without a devpts there is no terminal to have.
func (c *check) terminal() {
	if c.Spec.Process == nil || !c.Spec.Process.Terminal || config.BindsDev(c.Spec) {
		return
	}
	for _, m := range config.Mounts(c.Spec) {
		if m.Target == "/dev/pts" {
			return
		}
	}
	c.found(config.Error, place.At("/process/terminal"), explain.NoDevptsHint, "%s: %v", explain.NoDevpts, unix.ENOENT)
}
