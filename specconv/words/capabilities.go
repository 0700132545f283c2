package words

import "strings"

// CapabilityNames are the capabilities by number, capabilities(7). Every kernel since
// 5.9 has all of them.
var CapabilityNames = [...]string{
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

// Capability returns the bit of a capability.
func Capability(name string) (bit uint64, ok bool) {
	for i, n := range CapabilityNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// CapabilityList returns the names of the capabilities in a set, for people.
func CapabilityList(set uint64) string {
	var names []string
	for i, n := range CapabilityNames {
		if set&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// CapabilityMask returns the set of the capabilities in a list. unknown are those that
// no kernel has.
func CapabilityMask(list []string) (set uint64, unknown []string) {
	for _, name := range list {
		bit, ok := Capability(name)
		if !ok {
			unknown = append(unknown, name)
		}
		set |= bit
	}
	return set, unknown
}
