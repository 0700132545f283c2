package config

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) sysctls() {
	for _, key := range slices.Sorted(maps.Keys(c.spec.Linux.Sysctl)) {
		at := place.At("/linux/sysctl").Key(key)
		p := words.SysctlPath(key)
		if !isRelativePath(p) {
			c.errorf(at, "invalid sysctl name %q", key)
			continue
		}
		if text := c.sysctlRefusal(key, p); text != "" {
			c.errorf(at, "%s", text)
		}
	}
}

func isRelativePath(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// sysctlRefusal returns why a sysctl would change more than the container's own
// namespaces, or "" if it doesn't.
func (c *checker) sysctlRefusal(key, p string) string {
	switch p {
	case "kernel/domainname":
		if name := c.spec.Domainname; name != "" && name != c.spec.Linux.Sysctl[key] {
			return "sysctl \"" + key + "\" is not allowed as it conflicts with the OCI \"domainname\" field"
		}
		if c.ns.Has(unix.CLONE_NEWUTS) {
			return ""
		}
		return "sysctl \"" + key + "\" is not allowed in the hosts uts namespace"
	case "kernel/hostname":
		return "sysctl \"" + key + "\" is not allowed as it conflicts with the OCI \"hostname\" field"
	}
	first, _, _ := strings.Cut(p, "/")
	switch {
	case isIPCSysctl(p):
		if c.ns.Has(unix.CLONE_NEWIPC) {
			return ""
		}
		return "sysctl \"" + key + "\" is not allowed in the hosts ipc namespace"
	case first == "net":
		if c.ns.Has(unix.CLONE_NEWNET) {
			return ""
		}
		return "sysctl \"" + key + "\" not allowed in host network namespace"
	case first == "user":
		if c.ns.Has(unix.CLONE_NEWUSER) {
			return ""
		}
		return "setting ucounts without a user namespace not allowed: " + key
	}
	return "sysctl \"" + key + "\" is not in a separate kernel namespace"
}

func isIPCSysctl(p string) bool {
	switch p {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall",
		"kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced":
		return true
	}
	return strings.HasPrefix(p, "fs/mqueue/")
}
