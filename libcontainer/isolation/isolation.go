// Package isolation says what a config isolates from the host and what it doesn't, from
// config.json alone. It knows nothing of the image, of the host, and of what a security
// module or a virtual machine around it adds. It has nothing to do with package explain,
// which explains errors.
package isolation

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// Level says how much of the host a setting opens.
type Level int

// The levels.
const (
	// Isolated is for what the config separates from the host.
	Isolated Level = iota
	// Low means that a layer of defence is missing that other layers cover.
	Low
	// Medium means that the container sees or affects something of the host, or that one
	// mistake elsewhere is enough to leave it.
	Medium
	// High means that the container's process can take control of the host.
	High
)

func (l Level) String() string {
	return [...]string{"isolated", "low", "medium", "high"}[l]
}

// Finding is one thing that a config isolates, or doesn't.
type Finding struct {
	Level Level
	// Aspect is what it is about: the type of a namespace, or one of user, capabilities,
	// privileges, seccomp, lsm, mounts, devices, resources.
	Aspect string
	// Place is the setting in config.json, or where it would be.
	Place place.Place
	// Text says what the config does, Consequence what follows; that is empty for what is
	// isolated.
	Text, Consequence string
}

// Examine returns the findings for a valid config, those of the highest level first.
func Examine(spec *specs.Spec) []Finding {
	e := &examination{spec: spec, linux: spec.Linux, process: spec.Process}
	if e.linux == nil {
		e.linux = &specs.Linux{}
	}
	if e.process == nil {
		e.process = &specs.Process{}
	}
	e.ownUsers = e.hasOwn(specs.UserNamespace)
	e.capabilities = capabilitiesOf(e.process.Capabilities)

	e.user()
	e.namespaces()
	e.privileges()
	e.seccomp()
	e.labels()
	e.mounts()
	e.procfs()
	e.devices()
	e.resources()
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return cmp.Compare(b.Level, a.Level) })
	return e.findings
}

// examination is the state of one call of Examine.
type examination struct {
	spec     *specs.Spec
	linux    *specs.Linux
	process  *specs.Process
	findings []Finding
	// ownUsers is set if the container has a user namespace other than the host's.
	ownUsers bool
	// capabilities are all that the process may have or get.
	capabilities uint64
}

func (e *examination) add(l Level, aspect string, at place.Place, consequence, format string, args ...any) {
	e.findings = append(e.findings, Finding{l, aspect, at, fmt.Sprintf(format, args...), consequence})
}

func (e *examination) isolated(aspect string, at place.Place, format string, args ...any) {
	e.add(Isolated, aspect, at, "", format, args...)
}

// canBeRoot reports whether the container's process is the host's root, or can become it.
func (e *examination) canBeRoot() bool {
	return !e.ownUsers && (e.process.User.UID == 0 || e.capabilities != 0 || !e.process.NoNewPrivileges)
}

// forRoot returns the level of something that only the host's root can make use of.
func (e *examination) forRoot() Level {
	if e.canBeRoot() {
		return High
	}
	return Medium
}

func (e *examination) has(capability int) bool { return e.capabilities&(1<<capability) != 0 }

func capabilitiesOf(c *specs.LinuxCapabilities) uint64 {
	if c == nil {
		return 0
	}
	set, _ := words.CapabilityMask(slices.Concat(c.Bounding, c.Effective, c.Permitted, c.Ambient))
	return set
}

// user is about who the container's root is.
func (e *examination) user() {
	at := place.At("/linux/namespaces")
	if !e.ownUsers {
		const consequence = "whoever is root in the container and gets out of it is root of the host"
		switch {
		case e.canBeRoot() && e.process.User.UID == 0:
			e.add(Medium, "user", at, consequence, "the process is root of the host, without a user namespace")
		case e.canBeRoot():
			e.add(Medium, "user", at, consequence, "the process can become root of the host, without a user namespace")
		default:
			e.add(Low, "user", at, "its files on the host are those of the host's user with this id",
				"the process is user %d of the host, without a user namespace", e.process.User.UID)
		}
		return
	}
	for i, m := range e.linux.UIDMappings {
		if m.HostID == 0 && m.Size > 0 {
			e.add(Medium, "user", place.At("/linux/uidMappings").Index(i), "what belongs to the host's root belongs to it",
				"uid %d of the container is root of the host", m.ContainerID)
			return
		}
	}
	e.isolated("user", at, "root of the container is an ordinary user of the host")
}

// privileges is about capabilities and no_new_privs.
func (e *examination) privileges() {
	at := place.At("/process/capabilities")
	before := len(e.findings)
	for _, c := range dangerous {
		if !e.has(c.capability) {
			continue
		}
		level := c.level
		switch {
		case e.ownUsers:
			level = Low
		case c.capability == unix.CAP_SYS_PTRACE && e.hasOwn(specs.PIDNamespace),
			c.capability == unix.CAP_NET_ADMIN && e.hasOwn(specs.NetworkNamespace):
			level = Low
		}
		consequence := c.consequence
		if level < c.level {
			consequence = "it reaches parts of the kernel that are closed to other processes, and their bugs"
		}
		e.add(level, "capabilities", at, consequence, "%s", words.CapabilityList(1<<c.capability))
	}
	if len(e.findings) == before {
		e.isolated("capabilities", at, "none that is as good as root")
	}
	if at := place.At("/process/noNewPrivileges"); e.process.NoNewPrivileges {
		e.isolated("privileges", at, "setuid programs have no effect")
	} else {
		e.add(Low, "privileges", at, "setuid programs of the image give capabilities of the bounding set", "noNewPrivileges isn't set")
	}
}

// dangerous are the capabilities that no container needs to be a container,
// capabilities(7). The level is that without a user namespace.
var dangerous = [...]struct {
	capability  int
	level       Level
	consequence string
}{
	{unix.CAP_SYS_ADMIN, High, "it mounts the host's disks and file systems, and leaves cgroups and namespaces"},
	{unix.CAP_SYS_MODULE, High, "it loads code into the kernel"},
	{unix.CAP_SYS_RAWIO, High, "it reads and writes physical memory and ports"},
	{unix.CAP_SYS_PTRACE, High, "it takes over any process that it sees"},
	{unix.CAP_DAC_READ_SEARCH, High, "it opens any file of a mounted file system by its handle, outside of the container, too"},
	{unix.CAP_SYS_BOOT, High, "it restarts the host, or loads another kernel"},
	{unix.CAP_BPF, High, "it loads programs into the kernel"},
	{unix.CAP_PERFMON, Medium, "it observes the kernel and other processes"},
	{unix.CAP_NET_ADMIN, High, "it reconfigures the host's network and its firewall"},
	{unix.CAP_SYSLOG, Medium, "it reads the kernel's log, with addresses that attacks need"},
	{unix.CAP_SYS_TIME, Medium, "it sets the host's clock"},
	{unix.CAP_MAC_ADMIN, High, "it changes the rules of security modules"},
	{unix.CAP_MAC_OVERRIDE, Medium, "rules of security modules don't bind it"},
	{unix.CAP_AUDIT_CONTROL, Medium, "it turns the host's audit off"},
	{unix.CAP_SYS_NICE, Low, "it takes processors and memory nodes from other processes"},
	{unix.CAP_SYS_RESOURCE, Low, "it exceeds limits of the host"},
}

// seccomp is about the filter of system calls.
func (e *examination) seccomp() {
	at := place.At("/linux/seccomp")
	s := e.linux.Seccomp
	const consequence = "a bug in any system call of the kernel is a way out"
	switch {
	case s == nil && e.canBeRoot():
		e.add(Medium, "seccomp", at, consequence, "no filter of system calls")
	case s == nil:
		e.add(Low, "seccomp", at, consequence, "no filter of system calls")
	case s.DefaultAction == specs.ActAllow || s.DefaultAction == specs.ActLog:
		e.add(Low, "seccomp", at.Key("defaultAction"), "system calls that are new or forgotten are permitted", "the filter permits what it doesn't name")
	default:
		e.isolated("seccomp", at, "a filter permits only what it names")
	}
}

// labels is about AppArmor and SELinux.
func (e *examination) labels() {
	profile, label := e.process.ApparmorProfile, e.process.SelinuxLabel
	switch {
	case label != "":
		e.isolated("lsm", place.At("/process/selinuxLabel"), "SELinux context %s", label)
	case profile == "" && e.hasFileRules():
		e.isolated("lsm", place.At("/annotations"), "rules of Landlock for files")
	case profile == "unconfined":
		e.add(Low, "lsm", place.At("/process/apparmorProfile"), "no security module limits what root may do", "AppArmor is turned off")
	case profile != "":
		e.isolated("lsm", place.At("/process/apparmorProfile"), "AppArmor profile %s", profile)
	default:
		e.add(Low, "lsm", place.At("/process"), "no security module limits what root may do", "no AppArmor profile and no SELinux context")
	}
}

// hasFileRules reports whether Landlock restricts files, on every kernel.
func (e *examination) hasFileRules() bool {
	l := config.LandlockOf(e.spec.Annotations)
	return l != nil && l.Files != 0 && !l.BestEffort
}

// resources is about limits, whose absence lets a container exhaust the host.
func (e *examination) resources() {
	r := e.linux.Resources
	if r == nil {
		r = &specs.LinuxResources{}
	}
	at := place.At("/linux/resources")
	limited := func(n *int64) bool { return n != nil && *n > 0 }
	if r.Memory != nil && limited(r.Memory.Limit) {
		e.isolated("resources", at.Key("memory"), "a limit of memory")
	} else {
		e.add(Low, "resources", at.Key("memory"), "it can use all memory of the host", "no limit of memory")
	}
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit >= 0 {
		e.isolated("resources", at.Key("pids"), "a limit of processes")
	} else {
		e.add(Low, "resources", at.Key("pids"), "it can use all process ids of the host", "no limit of processes")
	}
}
