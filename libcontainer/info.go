package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/idmap"
	"github.com/runnel/runnel/libcontainer/preflight"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// HostFact is one thing that containers may need of this host.
type HostFact struct {
	// Area and Name identify it: kernel, user, cgroups, namespaces, security, seccomp, criu.
	Area string `json:"area"`
	Name string `json:"name"`
	// Works reports whether containers of the calling user can have it.
	Works bool `json:"works"`
	// Value is what there is, or what the host says instead.
	Value string `json:"value"`
	// Hint is what to do to have it, or what is affected; it may be empty.
	Hint string `json:"hint"`
}

// HostInfo returns what this host provides for containers of the calling user. It changes
// nothing; it starts criu to ask for its version.
func (r *Runtime) HostInfo() ([]HostFact, error) {
	// A config that asks for everything makes the probe look for everything.
	spec := &specs.Spec{
		Process: &specs.Process{ApparmorProfile: "any", SelinuxLabel: "any"},
		Linux:   &specs.Linux{IntelRdt: &specs.LinuxIntelRdt{}},
	}
	for _, t := range words.NamespaceTypes {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: t.Name})
	}
	h, err := host.Probe(spec, "/")
	if err != nil {
		return nil, err
	}
	i := &hostInfo{runtime: r, host: h}
	i.kernel()
	i.user()
	i.cgroups()
	i.namespaces()
	i.security()
	i.criu()
	return i.facts, nil
}

type hostInfo struct {
	runtime *Runtime
	host    *host.Host
	facts   []HostFact
}

// add adds a fact. The hint is left out if it works.
func (i *hostInfo) add(area, name string, works bool, value, hint string) {
	if works {
		hint = ""
	}
	i.facts = append(i.facts, HostFact{area, name, works, value, hint})
}

// whether is the value of what a host has or hasn't.
func whether(has bool) string {
	if has {
		return "yes"
	}
	return "no"
}

// errorOr returns the text of an error as a value.
func errorOr(err error, value string) string {
	if err != nil {
		return err.Error()
	}
	return value
}

func (i *hostInfo) kernel() {
	var u unix.Utsname
	_ = unix.Uname(&u) // it can't fail
	k := i.host.Kernel
	i.add("kernel", "release", k.AtLeast(5, 10), unix.ByteSliceToString(u.Release[:]), "Linux 5.10 or later is needed")
	i.add("kernel", "machine", true, unix.ByteSliceToString(u.Machine[:]), "")
	for _, f := range [...]struct {
		name         string
		major, minor int
	}{
		{"idmapped mounts", 5, 12},
		{"recursive mount attributes", 5, 12},
		{"cgroup.kill", 5, 14},
		{"exit status of detached containers", 6, 15},
	} {
		has := k.AtLeast(f.major, f.minor)
		i.add("kernel", f.name, has, whether(has), fmt.Sprintf("Linux %d.%d or later is needed", f.major, f.minor))
	}
}

func (i *hostInfo) user() {
	h := i.host
	if h.EUID == 0 && !h.InUserNS {
		const needed = 1 << unix.CAP_SYS_ADMIN
		i.add("user", "root", h.Permitted&needed != 0, "uid 0", "CAP_SYS_ADMIN is missing: run the runtime with the capabilities of root")
		return
	}
	value := fmt.Sprintf("uid %d", h.EUID)
	if h.InUserNS {
		value += ", in a user namespace"
	}
	i.add("user", "rootless", true, value, "")
	if h.EUID == 0 {
		return
	}
	for _, t := range [...]struct{ table, mapper string }{{idmap.SubUIDs, "newuidmap"}, {idmap.SubGIDs, "newgidmap"}} {
		var n uint64
		for _, r := range idmap.Subordinate(t.table, int(h.EUID)) {
			n += uint64(r.Size)
		}
		i.add("user", t.table, n > 0, fmt.Sprintf("%d ids", n), "a container has only one user: usermod --add-subuids and --add-subgids grant more")
		path, err := exec.LookPath(t.mapper)
		i.add("user", t.mapper, err == nil, errorOr(err, path), "a container has only one user: install newuidmap and newgidmap (package uidmap)")
	}
}

func (i *hostInfo) cgroups() {
	mode := cgroups.HostMode()
	rootless := i.runtime.Rootless
	i.add("cgroups", "version", mode == cgroups.V2 || !rootless, mode.String(),
		"users can have limits only on cgroup v2: boot with systemd.unified_cgroup_hierarchy=1")
	own, err := cgroups.Own()
	controllers := slices.Sorted(maps.Keys(own.Paths))
	if mode == cgroups.V2 {
		controllers = strings.Fields(procfs.ReadText(own.Paths[""] + "/cgroup.controllers"))
	}
	const delegate = `"systemctl edit user@.service", with [Service] Delegate=cpu cpuset io memory pids, and log in again`
	i.add("cgroups", "controllers", err == nil && len(controllers) > 0, errorOr(err, strings.Join(controllers, " ")), delegate)
	location, err := cgroups.Locate("", "runnel-info")
	if err == nil {
		err = cgroups.CheckCreate(location)
	}
	hint := ""
	if rootless {
		hint = "containers can't have limits: " + cgrouppolicy.DelegationHint
	}
	i.add("cgroups", "create", err == nil, errorOr(err, "beside the own one"), hint)
	err = cgroups.CheckCreate(cgroups.Location{Driver: cgroups.Systemd, Unit: &cgroups.Unit{User: rootless}})
	if err == nil && rootless && mode != cgroups.V2 {
		err = errors.New("systemd delegates no cgroups to users on cgroup " + mode.String())
	}
	i.add("cgroups", "systemd", err == nil, errorOr(err, "yes"), "--systemd-cgroup needs it")
	i.add("cgroups", "resctrl", i.host.IntelRDT, whether(i.host.IntelRDT), "linux.intelRdt needs it: mount -t resctrl resctrl /sys/fs/resctrl, if the processor has it")
}

func (i *hostInfo) namespaces() {
	for _, t := range words.NamespaceTypes {
		if i.host.Missing&t.Flag != 0 {
			i.add("namespaces", string(t.Name), false, "no", "the kernel is built without it")
			continue
		}
		refusal := preflight.NamespaceRefusal(t.Name, i.host.EUID)
		works := refusal.Text == "" || refusal.Severity != config.Error
		value := "yes"
		if refusal.Text != "" {
			value = strings.TrimPrefix(refusal.Text, "make namespaces: ")
		}
		i.facts = append(i.facts, HostFact{"namespaces", string(t.Name), works, value, refusal.Hint})
	}
}

func (i *hostInfo) security() {
	if list := procfs.ReadText("/sys/kernel/security/lsm"); list != "" {
		i.add("security", "modules", true, strings.ReplaceAll(list, ",", " "), "")
	}
	i.add("security", "AppArmor", i.host.AppArmor, whether(i.host.AppArmor), "process.apparmorProfile needs it")
	i.add("security", "SELinux", i.host.SELinux, whether(i.host.SELinux), "process.selinuxLabel and linux.mountLabel need it, with a policy")
	abi, landlock := host.LandlockABI(), "no"
	if abi > 0 {
		landlock = fmt.Sprintf("ABI %d", abi)
	}
	i.add("security", "Landlock", abi > 0, landlock, "annotations "+words.LandlockPrefix+"* need it: CONFIG_SECURITY_LANDLOCK, and landlock in lsm= at boot")
	version := LibseccompVersion()
	value := "libseccomp " + version
	if version == "" {
		value = "no"
	}
	i.add("seccomp", "profiles", version != "", value, "this build has no libseccomp")
	actions := procfs.ReadText("/proc/sys/kernel/seccomp/actions_avail")
	i.add("seccomp", "actions", actions != "", actions, "the kernel is built without filters")
}

func (i *hostInfo) criu() {
	value, err := criuVersion()
	i.add("criu", "version", err == nil, errorOr(err, value), fmt.Sprintf("checkpoint and restore need criu %s or later", criu.Least))
}

// criuVersion returns the version and the path of criu.
func criuVersion() (string, error) {
	program, err := criu.Find()
	if err != nil {
		return "", err
	}
	p, err := criu.Start(program)
	if err != nil {
		return "", err
	}
	defer p.Close()
	v, err := p.Version()
	if err != nil {
		return "", err
	}
	return v.String() + ", " + program, nil
}
