package config

import (
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) process(at place.Place, p *specs.Process) {
	switch {
	case len(p.Args) == 0:
		c.errorf(at.Key("args"), "args must not be empty")
	case p.Args[0] == "":
		c.errorf(at.Key("args").Index(0), "executable path is empty")
	}
	switch {
	case p.Cwd == "":
		c.errorf(at.Key("cwd"), "Cwd property must not be empty")
	case !path.IsAbs(p.Cwd):
		c.errorf(at.Key("cwd"), "Cwd must be an absolute path")
	}
	for i, e := range p.Env {
		switch name, _, ok := strings.Cut(e, "="); {
		case !ok:
			c.errorf(at.Key("env").Index(i), "invalid environment variable: missing '='").Hint = strconv.Quote(e) + " has no value"
		case name == "":
			c.errorf(at.Key("env").Index(i), "invalid environment variable: name cannot be empty")
		}
	}
	if s := p.ConsoleSize; p.Terminal && s != nil && (s.Height > 1<<16-1 || s.Width > 1<<16-1) {
		c.errorf(at.Key("consoleSize"), "invalid terminal size %dx%d", s.Width, s.Height)
	}
	if v := p.OOMScoreAdj; v != nil && (*v < -1000 || *v > 1000) {
		c.errorf(at.Key("oomScoreAdj"), "%d is not in the range -1000 to 1000", *v)
	}
	const foreign = "is for another platform and is ignored"
	if p.CommandLine != "" {
		c.warnf(at.Key("commandLine"), foreign)
	}
	if p.User.Username != "" {
		c.warnf(at.Key("user").Key("username"), foreign).Hint = "uid and gid are numbers, 0 by default"
	}
	c.user(at.Key("user"), &p.User)
	if p.Capabilities != nil {
		c.capabilities(at.Key("capabilities"), p.Capabilities)
	}
	c.resourceLimits(at.Key("rlimits"), p.Rlimits)
	c.processLabels(at, p)
	c.scheduler(at.Key("scheduler"), p.Scheduler)
	c.ioPriority(at.Key("ioPriority"), p.IOPriority)
	c.affinity(at.Key("execCPUAffinity"), p.ExecCPUAffinity)
}

func (c *checker) affinity(at place.Place, a *specs.CPUAffinity) {
	if a == nil {
		return
	}
	if _, err := words.ParseList(a.Initial); err != nil {
		c.errorf(at.Key("initial"), "invalid CPU list: %v", err)
	}
	if _, err := words.ParseList(a.Final); err != nil {
		c.errorf(at.Key("final"), "invalid CPU list: %v", err)
	}
}

const (
	apparmorHint = "/sys/kernel/security/lsm lists what the kernel has been booted with"
	selinuxHint  = "selinuxfs must be mounted on /sys/fs/selinux, and a policy loaded"
)

func (c *checker) processLabels(at place.Place, p *specs.Process) {
	if p.ApparmorProfile != "" && !c.host.AppArmor {
		c.errorf(at.Key("apparmorProfile"), "apparmor profile is specified in config, but apparmor is disabled or not supported").Hint = apparmorHint
	}
	if p.SelinuxLabel != "" && !c.host.SELinux {
		c.errorf(at.Key("selinuxLabel"), "selinux label is specified in config, but selinux is disabled or not supported").Hint = selinuxHint
	}
}

func (c *checker) user(at place.Place, u *specs.User) {
	if u.Umask != nil && *u.Umask > 0o777 {
		c.errorf(at.Key("umask"), "umask %#o is beyond 0777", *u.Umask)
	}
	c.id(at.Key("uid"), "uid", u.UID)
	c.id(at.Key("gid"), "gid", u.GID)
	for i, gid := range u.AdditionalGids {
		c.id(at.Key("additionalGids").Index(i), "gid", gid)
	}
	if len(u.AdditionalGids) > 0 && GroupsDenied(c.spec, c.host) {
		c.errorf(at.Key("additionalGids"), "cannot set any additional groups in a rootless container").Hint = "map more than your own group, with newgidmap"
	}
	if !words.HasNamespace(c.spec, specs.UserNamespace) {
		return
	}
	linux := c.spec.Linux
	if len(linux.UIDMappings) > 0 && !isMapped(linux.UIDMappings, u.UID) {
		c.errorf(at.Key("uid"), "uid %d is not mapped in linux.uidMappings", u.UID)
	}
	if len(linux.GIDMappings) > 0 && !isMapped(linux.GIDMappings, u.GID) {
		c.errorf(at.Key("gid"), "gid %d is not mapped in linux.gidMappings", u.GID)
	}
	for i, gid := range u.AdditionalGids {
		if len(linux.GIDMappings) > 0 && !isMapped(linux.GIDMappings, gid) {
			c.errorf(at.Key("additionalGids").Index(i), "gid %d is not mapped in linux.gidMappings", gid)
		}
	}
}

// id reports the id that system calls take for "unchanged": the program would run as
// root, and a device would belong to it.
func (c *checker) id(at place.Place, kind string, id uint32) {
	if id == 1<<32-1 {
		c.errorf(at, "%d is not a %s: to the kernel it means no change", id, kind)
	}
}
