package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Difference is one thing that isn't as config.json says.
type Difference struct {
	Place place.Place
	// Config is what config.json says, Actual what is there; "" is nothing. Of
	// capabilities they are those that only one of both has.
	Config, Actual string
}

// Unknown is something that can't be compared.
type Unknown struct {
	Place  place.Place
	Reason string
}

// Facts are what a config is compared with.
type Facts struct {
	// Init is nil if it hasn't executed its program: it is the runtime's own process then.
	Init            *Process
	Namespaces      []Namespace
	Mounts          []Mount
	MountsTruncated bool
	Rlimits         []Rlimit
	// Host is what the runtime has, NoNewPrivileges and SeccompFilters what the calling
	// process has, and so perhaps gives to the container.
	Host            *host.Host
	NoNewPrivileges bool
	SeccompFilters  int
	// Sysctls are those of the config, as they are now.
	Sysctls map[string]Sysctl
	// RuntimeMounts are the destinations of the mounts that the runtime has added.
	RuntimeMounts []string
	// Resolve resolves the symbolic links of a path in the rootfs.
	Resolve func(string) string
	// Exists reports whether the host has a file of procfs or sysfs.
	Exists func(string) bool
}

// Sysctl is the value of a sysctl, or why it can't be read.
type Sysctl struct{ Value, Problem string }

// The sysctls that hostname and domainname of a config set.
const (
	HostnameKey   = "kernel.hostname"
	DomainnameKey = "kernel.domainname"
)

// Comparison collects what a comparison finds.
type Comparison struct {
	Differences []Difference
	Unknowns    []Unknown
}

// Add adds a difference.
func (c *Comparison) Add(at place.Place, config, actual string) {
	c.Differences = append(c.Differences, Difference{at, config, actual})
}

// AddUnknown adds something that can't be compared.
func (c *Comparison) AddUnknown(at place.Place, reason string) {
	c.Unknowns = append(c.Unknowns, Unknown{at, reason})
}

// addUnequal adds a difference if both aren't equal.
func addUnequal[T comparable](c *Comparison, at place.Place, config, actual T) {
	if config != actual {
		c.Add(at, fmt.Sprint(config), fmt.Sprint(actual))
	}
}

// Compare compares a config with what is there, except for its cgroup. What the runtime
// itself makes of a config is no difference: capabilities that execve(2) adds or removes,
// mounts of masked paths and devices, symbolic links in destinations.
func Compare(spec *specs.Spec, f *Facts) *Comparison {
	c := &comparison{spec: spec, Facts: f}
	if spec.Process != nil {
		if f.Init != nil {
			c.process(spec.Process, f.Init)
		} else {
			c.AddUnknown(place.At("/process"), "the program hasn't been started")
		}
		c.rlimits(spec.Process.Rlimits)
	}
	if spec.Linux != nil {
		c.namespaces(spec.Linux.Namespaces)
		c.sysctls()
	}
	c.mounts()
	return &c.Comparison
}

type comparison struct {
	Comparison
	*Facts
	spec *specs.Spec
}

func (c *comparison) process(p *specs.Process, init *Process) {
	at := place.At("/process")
	if init.UID != overflow || p.User.UID == overflow {
		addUnequal(&c.Comparison, at.Key("user").Key("uid"), p.User.UID, init.UID)
	}
	if init.GID != overflow || p.User.GID == overflow {
		addUnequal(&c.Comparison, at.Key("user").Key("gid"), p.User.GID, init.GID)
	}
	c.capabilities(p, &init.Capabilities)
	if p.NoNewPrivileges || !c.NoNewPrivileges {
		addUnequal(&c.Comparison, at.Key("noNewPrivileges"), p.NoNewPrivileges, init.NoNewPrivileges)
	}
	if p.OOMScoreAdj != nil {
		addUnequal(&c.Comparison, at.Key("oomScoreAdj"), *p.OOMScoreAdj, init.OOMScoreAdj)
	}
	c.filters(init)
	c.labels(p, init.Label)
	c.scheduling(p, init.Scheduling)
}

// filters compares the number of seccomp filters. A process may add filters itself.
func (c *comparison) filters(init *Process) {
	wanted := c.SeccompFilters
	if c.spec.Linux != nil && c.spec.Linux.Seccomp != nil {
		wanted++
	}
	if init.SeccompFilters == wanted || c.SeccompFilters > 0 && init.SeccompFilters >= wanted-c.SeccompFilters {
		return // the runtime that has created it may have had none
	}
	filters := func(n int) string {
		if n == 1 {
			return "1 filter"
		}
		return strconv.Itoa(n) + " filters"
	}
	c.Add(place.At("/linux/seccomp"), filters(wanted), filters(init.SeccompFilters))
}

// labels compares the label of the one security module that init has a label of.
func (c *comparison) labels(p *specs.Process, label string) {
	if p.ApparmorProfile != "" && c.Host.AppArmor {
		profile, _, _ := strings.Cut(label, " (") // "PROFILE (enforce)"
		addUnequal(&c.Comparison, place.At("/process/apparmorProfile"), p.ApparmorProfile, profile)
	}
	if p.SelinuxLabel != "" && c.Host.SELinux {
		addUnequal(&c.Comparison, place.At("/process/selinuxLabel"), p.SelinuxLabel, label)
	}
}

func (c *comparison) scheduling(p *specs.Process, actual *Scheduling) {
	if actual == nil {
		actual = &Scheduling{Policy: string(specs.SchedOther)}
	}
	if s := p.Scheduler; s != nil {
		at := place.At("/process/scheduler")
		addUnequal(&c.Comparison, at.Key("policy"), string(s.Policy), actual.Policy)
		addUnequal(&c.Comparison, at.Key("priority"), s.Priority, int32(actual.Priority))
		if s.Policy == specs.SchedOther || s.Policy == specs.SchedBatch {
			addUnequal(&c.Comparison, at.Key("nice"), s.Nice, int32(actual.Nice))
		}
	}
	isDefault := actual.IOClass == "" && p.IOPriority != nil && p.IOPriority.Class == specs.IOPRIO_CLASS_BE && p.IOPriority.Priority == 4
	if io := p.IOPriority; io != nil && !isDefault {
		at := place.At("/process/ioPriority")
		addUnequal(&c.Comparison, at.Key("class"), string(io.Class), actual.IOClass)
		addUnequal(&c.Comparison, at.Key("priority"), io.Priority, actual.IOPriority)
	}
}

func (c *comparison) capabilities(p *specs.Process, actual *Capabilities) {
	granted := config.GrantCapabilities(p.Capabilities, config.AvailableCapabilities(config.NamespacesOf(c.spec, c.Host), c.Host))
	wanted := executed(granted, p.User.UID == 0, p.NoNewPrivileges)
	for _, set := range []struct {
		name   string
		wanted uint64
		actual []string
	}{
		{"bounding", wanted.Bounding, actual.Bounding}, {"effective", wanted.Effective, actual.Effective},
		{"inheritable", wanted.Inheritable, actual.Inheritable}, {"permitted", wanted.Permitted, actual.Permitted},
		{"ambient", wanted.Ambient, actual.Ambient},
	} {
		has, unknown := words.CapabilityMask(set.actual)
		if has == set.wanted && len(unknown) == 0 {
			continue
		}
		more := words.CapabilityList(has &^ set.wanted)
		if len(unknown) > 0 {
			more = strings.TrimPrefix(more+", "+strings.Join(unknown, ", "), ", ")
		}
		c.Add(place.At("/process/capabilities").Key(set.name), words.CapabilityList(set.wanted&^has), more)
	}
}

// executed returns the capabilities after the execve(2) of a program that has none itself,
// capabilities(7) "Transformation of capabilities during execve()".
func executed(c config.Capabilities, isRoot, noNewPrivileges bool) config.Capabilities {
	before := c.Permitted
	c.Permitted = 0
	if isRoot {
		c.Permitted = c.Inheritable | c.Bounding
		if noNewPrivileges {
			c.Permitted &= before
		}
	}
	c.Permitted |= c.Ambient
	c.Effective = c.Ambient
	if isRoot {
		c.Effective = c.Permitted
	}
	return c
}

func (c *comparison) rlimits(list []specs.POSIXRlimit) {
	for i := range list {
		l := &list[i]
		at := slices.IndexFunc(c.Rlimits, func(r Rlimit) bool { return r.Type == l.Type })
		if at < 0 {
			continue
		}
		where := place.At("/process/rlimits").Index(i).Named(l.Type)
		addUnequal(&c.Comparison, where.Key("soft"), l.Soft, c.Rlimits[at].Soft)
		addUnequal(&c.Comparison, where.Key("hard"), l.Hard, c.Rlimits[at].Hard)
	}
}

func (c *comparison) namespaces(list []specs.LinuxNamespace) {
	if len(c.Namespaces) == 0 {
		c.AddUnknown(place.At("/linux/namespaces"), "this user may not know the namespaces of the process")
		return
	}
	// A runtime in another user namespace has had other namespaces altogether.
	users := c.of(specs.UserNamespace)
	inherits := users == nil || users.Runtime || words.HasNamespace(c.spec, specs.UserNamespace)
	if !inherits {
		c.AddUnknown(place.At("/linux/namespaces"), "another user namespace: the runtime was in it, or the process has left that of the runtime")
	}
	for _, kind := range words.NamespaceTypes {
		actual := c.of(kind.Name)
		if actual == nil {
			continue
		}
		i := slices.IndexFunc(list, func(n specs.LinuxNamespace) bool { return n.Type == kind.Name })
		switch {
		case i < 0 && inherits && !actual.Runtime:
			c.Add(place.At("/linux/namespaces"), "the "+string(kind.Name)+" namespace of the runtime", "another one")
		case i < 0:
		case list[i].Path == "" && actual.Runtime && c.Host.Own&kind.Flag == 0:
			c.Add(config.NamespacePlace(i, kind.Name), "a new namespace", "that of the runtime")
		case list[i].Path != "":
			c.joined(config.NamespacePlace(i, kind.Name).Key("path"), list[i].Path, actual)
		}
	}
}

// of returns the namespace of a type; nil if the kernel has none.
func (c *comparison) of(kind specs.LinuxNamespaceType) *Namespace {
	i := slices.IndexFunc(c.Namespaces, func(n Namespace) bool { return n.Type == string(kind) })
	if i < 0 {
		return nil
	}
	return &c.Namespaces[i]
}

// joined compares a namespace with that which the path in config.json leads to now.
func (c *comparison) joined(at place.Place, path string, actual *Namespace) {
	inode, err := namespaceAt(path)
	if err != nil {
		c.AddUnknown(at, err.Error())
		return
	}
	if inode != actual.Inode {
		c.Add(at, fmt.Sprintf("%s (%d)", path, inode), fmt.Sprintf("another one (%d)", actual.Inode))
	}
}

func (c *comparison) sysctls() {
	for _, key := range slices.Sorted(maps.Keys(c.spec.Linux.Sysctl)) {
		c.sysctl(place.At("/linux/sysctl").Key(key), key, c.spec.Linux.Sysctl[key])
	}
	if name := c.spec.Hostname; name != "" {
		c.sysctl(place.At("/hostname"), HostnameKey, name)
	}
	if name := c.spec.Domainname; name != "" {
		c.sysctl(place.At("/domainname"), DomainnameKey, name)
	}
}

func (c *comparison) sysctl(at place.Place, key, wanted string) {
	actual, ok := c.Sysctls[key]
	switch {
	case !ok:
		c.AddUnknown(at, "it wasn't read")
	case actual.Problem != "":
		c.AddUnknown(at, actual.Problem)
	case !isSameSysctl(wanted, actual.Value):
		c.Add(at, wanted, actual.Value)
	}
}

// isSameSysctl compares two values word by word; numbers may be written differently.
func isSameSysctl(wanted, actual string) bool {
	return slices.EqualFunc(strings.Fields(wanted), strings.Fields(actual), func(a, b string) bool {
		m, err := strconv.ParseInt(a, 0, 64)
		n, err2 := strconv.ParseInt(b, 10, 64)
		return a == b || err == nil && err2 == nil && m == n
	})
}
