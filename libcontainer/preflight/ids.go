package preflight

import (
	"os/exec"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/idmap"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// ids checks whether this user may write the id maps, user_namespaces(7).
func (c *check) ids() {
	linux := c.Spec.Linux
	for _, m := range []struct {
		pointer, program, table, own string
		mappings                     []specs.LinuxIDMapping
		id                           uint32
	}{
		{"/linux/uidMappings", "newuidmap", "/etc/subuid", "/proc/self/uid_map", linux.UIDMappings, c.host.EUID},
		{"/linux/gidMappings", "newgidmap", "/etc/subgid", "/proc/self/gid_map", linux.GIDMappings, c.host.EGID},
	} {
		at := place.At(m.pointer)
		switch {
		case len(m.mappings) == 0 || !words.CreatesNamespace(c.Spec, specs.UserNamespace):
		case c.host.EUID == 0:
			c.mapsOfRoot(at, m.mappings, m.own)
		case idmap.MapsSelf(linux, int(c.host.EUID), int(c.host.EGID)):
		default:
			c.mapsOfUser(at, m.program, m.table, m.mappings, m.id)
		}
	}
}

// mapsOfRoot checks maps that root writes: the ids must exist in the runtime's own user
// namespace.
func (c *check) mapsOfRoot(at place.Place, mappings []specs.LinuxIDMapping, own string) {
	inside, err := idmap.Inside(own)
	if err != nil {
		return
	}
	for i, m := range mappings {
		if !idmap.IsWithin(m, inside) {
			c.report(config.Error, at.Index(i), "", "the runtime's user namespace doesn't have all host ids from %d to %d", m.HostID, lastID(m))
		}
	}
}

// lastID returns the last host id of a mapping.
func lastID(m specs.LinuxIDMapping) uint64 { return uint64(m.HostID) + uint64(m.Size) - 1 }

// mapsOfUser checks maps that newuidmap(1) or newgidmap(1) writes for an ordinary user.
func (c *check) mapsOfUser(at place.Place, program, table string, mappings []specs.LinuxIDMapping, own uint32) {
	if _, err := exec.LookPath(program); err != nil {
		c.report(config.Error, at, "package uidmap", "an ordinary user needs %s to map ids other than the user's own, and it isn't installed", program)
		return
	}
	if namesFromElsewhere(procfs.ReadText("/etc/nsswitch.conf")) {
		return
	}
	ranges := idmap.Subordinate(table, int(c.host.EUID))
	ranges = append(ranges, plan.IDRange{Host: own, Size: 1})
	for i, m := range mappings {
		if m.Size > 0 && !idmap.IsWithin(m, ranges) {
			c.report(config.Error, at.Index(i), "usermod(8) adds some: --add-subuids, --add-subgids",
				"the host ids from %d to %d aren't all this user's in %s", m.HostID, lastID(m), table)
		}
	}
}

// namesFromElsewhere reports whether subordinate ids come from another source than
// files, nsswitch.conf(5).
func namesFromElsewhere(nsswitch string) bool {
	for line := range strings.Lines(nsswitch) {
		if sources, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:"); ok {
			return strings.TrimSpace(sources) != "files"
		}
	}
	return false
}
