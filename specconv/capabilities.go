package specconv

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// The capabilities by number, capabilities(7). Every kernel since 5.9 has all of
// them.
var capabilityNames = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
	"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
}

const capSysAdmin = 1 << unix.CAP_SYS_ADMIN

func capabilityOf(name string) (bit uint64, ok bool) {
	for i, n := range capabilityNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

func capabilityList(set uint64) string {
	var names []string
	for i, n := range capabilityNames {
		if set&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// capabilityMask resolves a set; unknown collects what the kernel doesn't have.
func capabilityMask(list []string) (set uint64, unknown []string) {
	for _, name := range list {
		bit, ok := capabilityOf(name)
		if !ok {
			unknown = append(unknown, name)
		}
		set |= bit
	}
	return set, unknown
}

// droppedCapabilities are those of a config that can't be granted, set by set.
type droppedCapabilities struct {
	name    string
	unknown []string
	dropped uint64
	why     string
}

// compileCapabilities resolves the five sets, less what the kernel would refuse:
// more than the runtime itself has, a set beyond the one that limits it. All of
// it is a matter of a warning, config.md "Linux Process".
func compileCapabilities(caps *specs.LinuxCapabilities, available uint64) (plan.Capabilities, []droppedCapabilities) {
	if caps == nil {
		return plan.Capabilities{}, nil
	}
	var lost []droppedCapabilities
	resolve := func(name string, list []string, limit uint64, why string) uint64 {
		set, unknown := capabilityMask(list)
		if d := set &^ limit; d != 0 || len(unknown) > 0 {
			lost = append(lost, droppedCapabilities{name: name, unknown: unknown, dropped: d, why: why})
		}
		return set & limit
	}
	const nested = "the runtime doesn't have them"
	var out plan.Capabilities
	out.Bounding = resolve("bounding", caps.Bounding, available, nested)
	out.Permitted = resolve("permitted", caps.Permitted, available, nested)
	out.Effective = resolve("effective", caps.Effective, out.Permitted, "they aren't permitted")
	out.Inheritable = resolve("inheritable", caps.Inheritable, out.Bounding, "they aren't in the bounding set")
	out.Ambient = resolve("ambient", caps.Ambient, out.Permitted&out.Inheritable, "they aren't both permitted and inheritable")
	return out, lost
}

// availableCapabilities are those of the process after it has entered its
// namespaces: all of them in a user namespace.
func availableCapabilities(n namespaceSet, host *Host) uint64 {
	if n.has(unix.CLONE_NEWUSER) {
		return ^uint64(0)
	}
	return host.Permitted
}

func (c *checker) capabilities(at string, caps *specs.LinuxCapabilities) {
	_, lost := compileCapabilities(caps, availableCapabilities(c.ns, c.host))
	for _, l := range lost {
		if len(l.unknown) > 0 {
			c.warnf(at+"/"+l.name, "ignoring unknown capabilities: %s", strings.Join(l.unknown, ", "))
		}
		if l.dropped != 0 {
			c.warnf(at+"/"+l.name, "cannot grant %s: %s", capabilityList(l.dropped), l.why)
		}
	}
}
