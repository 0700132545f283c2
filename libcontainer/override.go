package libcontainer

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// ProcessOverride describes how Exec changes the process of config.json. Zero values
// change nothing, except for Args, which is required, and TTY.
type ProcessOverride struct {
	// Args are the program and its arguments; they replace process.args.
	Args []string
	// Cwd replaces process.cwd.
	Cwd string
	// Env is appended to process.env, each in the form "NAME=value".
	Env []string
	// TTY replaces process.terminal, also if it is false.
	TTY bool
	// User replaces the uid and the gid of process.user. Its other fields are ignored.
	User *specs.User
	// AdditionalGids are appended to process.user.additionalGids.
	AdditionalGids []uint32
	// NoNewPrivileges replaces process.noNewPrivileges.
	NoNewPrivileges *bool
	// Caps are added to the bounding, effective and permitted sets, and to the ambient
	// set if they are inheritable. They have names such as "CAP_KILL".
	Caps []string
	// SelinuxLabel and ApparmorProfile replace those of the process.
	SelinuxLabel    string
	ApparmorProfile string
}

// apply returns a copy of base, changed as o says. base may be nil.
func (o *ProcessOverride) apply(base *specs.Process) (*specs.Process, error) {
	if base == nil {
		base = &specs.Process{Cwd: "/"}
	}
	p := *base
	p.Args = o.Args
	if len(p.Args) == 0 {
		return nil, errors.New("exec args cannot be empty")
	}
	p.Terminal = o.TTY
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	p.Env = append(append([]string{}, p.Env...), o.Env...)
	if o.User != nil {
		p.User.UID, p.User.GID = o.User.UID, o.User.GID
	}
	p.User.AdditionalGids = append(append([]uint32{}, p.User.AdditionalGids...), o.AdditionalGids...)
	if o.NoNewPrivileges != nil {
		p.NoNewPrivileges = *o.NoNewPrivileges
	}
	if o.SelinuxLabel != "" {
		p.SelinuxLabel = o.SelinuxLabel
	}
	if o.ApparmorProfile != "" {
		p.ApparmorProfile = o.ApparmorProfile
	}
	p.Capabilities = addCapabilities(p.Capabilities, o.Caps)
	return &p, nil
}

// addCapabilities returns base with caps added to the bounding, effective and permitted
// sets, and to the ambient set if they are inheritable. It never adds to the
// inheritable set: a program with file capabilities would gain by it (CVE-2022-29162).
func addCapabilities(base *specs.LinuxCapabilities, caps []string) *specs.LinuxCapabilities {
	if len(caps) == 0 {
		return base
	}
	var c specs.LinuxCapabilities
	if base != nil {
		c = *base
	}
	c.Bounding = append(append([]string{}, c.Bounding...), caps...)
	c.Effective = append(append([]string{}, c.Effective...), caps...)
	c.Permitted = append(append([]string{}, c.Permitted...), caps...)
	ambient := append([]string{}, c.Ambient...)
	for _, add := range caps {
		for _, inheritable := range c.Inheritable {
			if add == inheritable {
				ambient = append(ambient, add)
			}
		}
	}
	c.Ambient = ambient
	return &c
}
