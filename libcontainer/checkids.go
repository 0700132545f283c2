package libcontainer

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// ids: which maps this user may write, user_namespaces(7).
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
			c.mapsOfRoot(at, m.mappings, procfs.ReadText(m.own))
		case c.mapsOnlySelf():
		default:
			c.mapsOfUser(at, m.program, m.table, m.mappings, m.id)
		}
	}
}

// mapsOnlySelf: that needs no help.
func (c *check) mapsOnlySelf() bool {
	linux := c.Spec.Linux
	return isSelf(idRanges(linux.UIDMappings), int(c.host.EUID)) && isSelf(idRanges(linux.GIDMappings), int(c.host.EGID))
}

// mapsOfRoot: only ids that exist in the runtime's own user namespace.
func (c *check) mapsOfRoot(at place.Place, mappings []specs.LinuxIDMapping, own string) {
	if own == "" {
		return
	}
	for i, m := range mappings {
		if !isWithin(m, insideOf(own)) {
			c.found(config.Error, at.Index(i), "", "the runtime's user namespace doesn't have all host ids from %d to %d", m.HostID, lastID(m))
		}
	}
}

func lastID(m specs.LinuxIDMapping) uint64 { return uint64(m.HostID) + uint64(m.Size) - 1 }

// mapsOfUser: those that newuidmap(1) writes for a user.
func (c *check) mapsOfUser(at place.Place, program, table string, mappings []specs.LinuxIDMapping, own uint32) {
	if _, err := exec.LookPath(program); err != nil {
		c.found(config.Error, at, "package uidmap", "an ordinary user needs %s to map other ids, and it isn't there", program)
		return
	}
	if namesFromElsewhere(procfs.ReadText("/etc/nsswitch.conf")) {
		return
	}
	ranges := subordinates(procfs.ReadText(table), userName(procfs.ReadText("/etc/passwd"), c.host.EUID), c.host.EUID)
	ranges = append(ranges, plan.IDRange{Host: own, Size: 1})
	for i, m := range mappings {
		if m.Size > 0 && !isWithin(m, ranges) {
			c.found(config.Error, at.Index(i), "usermod(8) adds some: --add-subuids, --add-subgids",
				"the host ids from %d to %d aren't all this user's in %s", m.HostID, lastID(m), table)
		}
	}
}

// insideOf reads a uid_map for the ids that exist in its namespace.
func insideOf(text string) []plan.IDRange {
	var list []plan.IDRange
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(fields[0], 10, 32)
		size, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err1 == nil && err2 == nil {
			list = append(list, plan.IDRange{Host: uint32(first), Size: uint32(size)})
		}
	}
	return list
}

// isWithin tells whether all of a mapping's host ids are in some of the ranges.
func isWithin(m specs.LinuxIDMapping, ranges []plan.IDRange) bool {
	next, end := uint64(m.HostID), uint64(m.HostID)+uint64(m.Size)
	for next < end {
		i := slices.IndexFunc(ranges, func(r plan.IDRange) bool {
			return next >= uint64(r.Host) && next < uint64(r.Host)+uint64(r.Size)
		})
		if i < 0 {
			return false
		}
		next = uint64(ranges[i].Host) + uint64(ranges[i].Size)
	}
	return true
}

// subordinates reads subuid(5): lines of owner, first id, count. The owner is a
// name or a number.
func subordinates(text, name string, uid uint32) []plan.IDRange {
	var list []plan.IDRange
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || fields[0] == "" || fields[0] != name && fields[0] != strconv.Itoa(int(uid)) {
			continue
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 32)
		count, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err1 == nil && err2 == nil {
			list = append(list, plan.IDRange{Host: uint32(first), Size: uint32(count)})
		}
	}
	return list
}

// namesFromElsewhere: subordinate ids may come from a service, nsswitch.conf(5).
func namesFromElsewhere(nsswitch string) bool {
	for line := range strings.Lines(nsswitch) {
		if sources, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:"); ok {
			return strings.TrimSpace(sources) != "files"
		}
	}
	return false
}

// userName is the name of a user in the text of passwd(5), or $USER.
func userName(passwd string, uid uint32) string {
	for line := range strings.Lines(passwd) {
		fields := strings.Split(line, ":")
		if len(fields) > 2 && fields[2] == strconv.Itoa(int(uid)) {
			return fields[0]
		}
	}
	return os.Getenv("USER")
}
