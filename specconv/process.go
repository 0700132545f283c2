package specconv

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

const (
	defaultUmask = 0o022
	// searchPath is where a program is looked for without PATH.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

func (b *builder) oomScore() {
	if b.process != nil && b.process.OOMScoreAdj != nil {
		b.add("process.oomScoreAdj", plan.OOMScoreAdj{Value: *b.process.OOMScoreAdj})
	}
}

// keyring gives the process its own session keyring, so that it doesn't share
// the keys of whoever called the runtime.
func (b *builder) keyring(skip bool) {
	if skip {
		return
	}
	if b.process != nil && b.process.SelinuxLabel != "" {
		b.add("process.selinuxLabel", plan.Label{Path: "attr/keycreate", Value: b.process.SelinuxLabel})
	}
	b.add("", plan.Keyring{})
}

func (b *builder) console(op plan.Console) {
	if b.process == nil || !b.process.Terminal {
		return
	}
	op.File = consoleFile
	if s := b.process.ConsoleSize; s != nil {
		op.Rows, op.Cols = uint16(s.Height), uint16(s.Width)
	}
	b.given(consoleFile)
	b.add("process.terminal", op)
}

// labels plans the security context that takes effect with the next execve.
func (b *builder) labels() {
	if b.process == nil {
		return
	}
	if name := b.process.ApparmorProfile; name != "" {
		b.add("process.apparmorProfile", plan.Label{Path: "attr/apparmor/exec", Fallback: "attr/exec", Value: "exec " + name})
	}
	if label := b.process.SelinuxLabel; label != "" {
		b.add("process.selinuxLabel", plan.Label{Path: "attr/exec", Value: label})
	}
}

// writesProc tells whether a step after the namespaces writes to procfs.
func (b *builder) writesProc() bool {
	if b.process != nil && (b.process.ApparmorProfile != "" || b.process.SelinuxLabel != "") {
		return true
	}
	return b.spec.Linux != nil && len(b.spec.Linux.Sysctl) > 0
}

func (b *builder) umask() {
	mask := uint32(defaultUmask)
	if b.process != nil && b.process.User.Umask != nil {
		mask = *b.process.User.Umask
	}
	b.add("", plan.Umask{Mask: mask})
}

// settle plans everything between being inside of the root and having found the
// program: after it, only `start` is missing.
func (b *builder) settle() {
	p := b.process
	b.add("", plan.Stdio{UID: p.User.UID})
	b.scheduling()
	if b.looksUpHome {
		b.add("", plan.Home{UID: p.User.UID})
	}
	cwd := path.Clean(p.Cwd)
	b.add("process.cwd", plan.Chdir{Path: cwd, Early: true})
	b.resourceLimits()
	b.add("process.user", plan.Identity{
		UID: p.User.UID, GID: p.User.GID, Groups: p.User.AdditionalGids,
		SetGroups: !b.deniesGroups(),
	})
	b.add("process.cwd", plan.Chdir{Path: cwd})
	if p.NoNewPrivileges {
		b.add("process.noNewPrivileges", plan.NoNewPrivileges{})
	}
	caps := b.capabilities()
	if b.seccomp != nil && !p.NoNewPrivileges {
		// Without no_new_privs, only CAP_SYS_ADMIN may load a filter. It is never
		// inheritable or ambient by this, so that it ends with the next execve(2):
		// to drop it by hand, the filter would have to allow capset(2).
		caps.Keep = capSysAdmin &^ caps.Effective
	}
	b.add("process.capabilities", caps)
	b.add("process.args[0]", plan.ResolveExec{Name: p.Args[0], Path: b.searchPath()})
}

func (b *builder) capabilities() plan.Capabilities {
	caps, _ := compileCapabilities(b.process.Capabilities, availableCapabilities(b.ns, b.host))
	return caps
}

func (b *builder) filter() {
	if b.seccomp == nil {
		return
	}
	b.add("linux.seccomp", plan.Seccomp{Filter: b.seccomp.Filter, Flags: b.seccomp.Flags, Notify: b.seccomp.Notify})
}

func (b *builder) execute() {
	env := b.env
	if b.looksUpHome {
		env = append(env[:len(env):len(env)], "HOME=")
	}
	b.add("process.args", plan.Exec{Args: b.process.Args, Env: env})
}

// deniesGroups: a user namespace whose gid map an unprivileged process wrote has
// no setgroups(2). One that is joined may be such a namespace; without groups to
// set, those that BecomeRoot has dropped are as good.
func (b *builder) deniesGroups() bool {
	return groupsDenied(b.spec, b.host) ||
		b.host.EUID != 0 && b.ns.joined&unix.CLONE_NEWUSER != 0 && len(b.process.User.AdditionalGids) == 0
}

func groupsDenied(spec *specs.Spec, host *Host) bool {
	return host.SetgroupsDenied || DeniesSetgroups(spec, host)
}

// setEnvironment resolves the environment: of several entries with one name the
// last counts. HOME is left to the child where it isn't set.
func (b *builder) setEnvironment(more []string) {
	if b.process == nil {
		return
	}
	b.env = lastOfEach(slices.Concat(b.process.Env, more))
	_, hasHome := lookup(b.env, "HOME")
	b.looksUpHome = !hasHome
}

func lastOfEach(env []string) []string {
	seen := make(map[string]struct{}, len(env))
	out := make([]string, 0, len(env)+1)
	for i := len(env) - 1; i >= 0; i-- {
		name, _, _ := strings.Cut(env[i], "=")
		if _, ok := seen[name]; ok {
			continue
		}
		seen[name] = struct{}{}
		out = append(out, env[i])
	}
	slices.Reverse(out)
	return out
}

func lookup(env []string, name string) (value string, ok bool) {
	for _, e := range env {
		if n, v, _ := strings.Cut(e, "="); n == name {
			return v, true
		}
	}
	return "", false
}

// searchPath gives the directories for the program, none where its name is a
// path.
func (b *builder) searchPath() []string { return searchPathFor(b.process.Args[0], b.env) }

func searchPathFor(program string, env []string) []string {
	if strings.Contains(program, "/") {
		return nil
	}
	list, ok := lookup(env, "PATH")
	if !ok {
		list = searchPath
	}
	return strings.Split(list, ":")
}

// SearchPath gives the directories in which the container's process looks for its
// program, args[0]; none where that is a path. An empty one is the working
// directory.
func SearchPath(p *specs.Process) []string { return searchPathFor(p.Args[0], lastOfEach(p.Env)) }

func (c *checker) process(at string, p *specs.Process) {
	switch {
	case len(p.Args) == 0:
		c.errorf(at+"/args", "args must not be empty")
	case p.Args[0] == "":
		c.errorf(at+"/args/0", "executable path is empty")
	}
	switch {
	case p.Cwd == "":
		c.errorf(at+"/cwd", "Cwd property must not be empty")
	case !path.IsAbs(p.Cwd):
		c.errorf(at+"/cwd", "Cwd must be an absolute path")
	}
	for i, e := range p.Env {
		switch name, _, ok := strings.Cut(e, "="); {
		case !ok:
			c.errorf(at+"/env/"+strconv.Itoa(i), "invalid environment variable: missing '='").Hint = strconv.Quote(e) + " has no value"
		case name == "":
			c.errorf(at+"/env/"+strconv.Itoa(i), "invalid environment variable: name cannot be empty")
		}
	}
	if s := p.ConsoleSize; p.Terminal && s != nil && (s.Height > 1<<16-1 || s.Width > 1<<16-1) {
		c.errorf(at+"/consoleSize", "no terminal has the size %dx%d", s.Width, s.Height)
	}
	if v := p.OOMScoreAdj; v != nil && (*v < -1000 || *v > 1000) {
		c.errorf(at+"/oomScoreAdj", "%d is not in the range -1000 to 1000", *v)
	}
	c.user(at+"/user", &p.User)
	if p.Capabilities != nil {
		c.capabilities(at+"/capabilities", p.Capabilities)
	}
	c.resourceLimits(at+"/rlimits", p.Rlimits)
	c.processLabels(at, p)
	c.scheduler(at+"/scheduler", p.Scheduler)
	c.ioPriority(at+"/ioPriority", p.IOPriority)
	c.affinity(at+"/execCPUAffinity", p.ExecCPUAffinity)
}

func (c *checker) affinity(at string, a *specs.CPUAffinity) {
	if a == nil {
		return
	}
	if _, err := ParseList(a.Initial); err != nil {
		c.errorf(at+"/initial", "invalid CPU list: %v", err)
	}
	if _, err := ParseList(a.Final); err != nil {
		c.errorf(at+"/final", "invalid CPU list: %v", err)
	}
}

const (
	apparmorHint = "/sys/kernel/security/lsm lists what the kernel has been booted with"
	selinuxHint  = "selinuxfs must be mounted on /sys/fs/selinux, and a policy loaded"
)

func (c *checker) processLabels(at string, p *specs.Process) {
	if p.ApparmorProfile != "" && !c.host.AppArmor {
		c.errorf(at+"/apparmorProfile", "apparmor profile is specified in config, but apparmor is disabled or not supported").Hint = apparmorHint
	}
	if p.SelinuxLabel != "" && !c.host.SELinux {
		c.errorf(at+"/selinuxLabel", "selinux label is specified in config, but selinux is disabled or not supported").Hint = selinuxHint
	}
}

func (c *checker) user(at string, u *specs.User) {
	if u.Umask != nil && *u.Umask > 0o777 {
		c.errorf(at+"/umask", "umask %#o is beyond 0777", *u.Umask)
	}
	if len(u.AdditionalGids) > 0 && groupsDenied(c.spec, c.host) {
		c.errorf(at+"/additionalGids", "cannot set any additional groups in a rootless container").Hint = "map more than your own group, with newgidmap"
	}
	if !hasNamespace(c.spec, specs.UserNamespace) {
		return
	}
	linux := c.spec.Linux
	if len(linux.UIDMappings) > 0 && !isMapped(linux.UIDMappings, u.UID) {
		c.errorf(at+"/uid", "uid %d is not mapped in linux.uidMappings", u.UID)
	}
	if len(linux.GIDMappings) > 0 && !isMapped(linux.GIDMappings, u.GID) {
		c.errorf(at+"/gid", "gid %d is not mapped in linux.gidMappings", u.GID)
	}
	for i, gid := range u.AdditionalGids {
		if len(linux.GIDMappings) > 0 && !isMapped(linux.GIDMappings, gid) {
			c.errorf(at+"/additionalGids/"+strconv.Itoa(i), "gid %d is not mapped in linux.gidMappings", gid)
		}
	}
}
