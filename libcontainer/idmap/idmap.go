// Package idmap writes the id maps and the time offsets of new namespaces,
// user_namespaces(7) and time_namespaces(7), and reads which ids a user may map.
package idmap

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// The places in config.json to which errors refer.
var (
	uidMappings = place.Place{Pointer: "/linux/uidMappings"}
	gidMappings = place.Place{Pointer: "/linux/gidMappings"}
	timeOffsets = place.Place{Pointer: "/linux/timeOffsets"}
)

// Write writes the id maps of the user namespace that the process pid has created. For
// an ordinary user who maps more than the own ids, newuidmap(1) and newgidmap(1) write
// them. Errors carry their place in config.json.
func Write(pid int, linux *specs.Linux) error {
	uids, gids := Ranges(linux.UIDMappings), Ranges(linux.GIDMappings)
	switch {
	case os.Geteuid() == 0:
		if err := nsenter.WriteMaps(pid, uids, gids); err != nil {
			return &place.Error{Place: uidMappings, Also: []place.Place{gidMappings}, Err: err}
		}
		return nil
	case MapsSelf(linux, os.Geteuid(), os.Getegid()):
		// The kernel requires this of a user without privileges.
		if err := procfs.WriteFile(pid, "setgroups", []byte("deny")); err != nil {
			return fmt.Errorf("deny setgroups: %w", err)
		}
		return nsenter.WriteMaps(pid, uids, gids)
	}
	if err := runMapper("newuidmap", SubUIDs, pid, uids); err != nil {
		return place.Wrap(uidMappings, err)
	}
	return place.Wrap(gidMappings, runMapper("newgidmap", SubGIDs, pid, gids))
}

// WriteTimeOffsets writes the clock offsets of the time namespace that the process pid
// has created. There must be no process in the namespace yet.
func WriteTimeOffsets(pid int, offsets map[string]specs.LinuxTimeOffset) error {
	var lines []byte
	for _, clock := range []string{"monotonic", "boottime"} {
		if o, ok := offsets[clock]; ok {
			lines = fmt.Appendf(lines, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	return place.Wrap(timeOffsets, procfs.WriteFile(pid, "timens_offsets", lines))
}

// MapsSelf reports whether the config maps only the user's own uid and gid, which
// requires no privileges.
func MapsSelf(linux *specs.Linux, uid, gid int) bool {
	return isSelf(linux.UIDMappings, uid) && isSelf(linux.GIDMappings, gid)
}

// isSelf reports whether the mappings map id and nothing else.
func isSelf(mappings []specs.LinuxIDMapping, id int) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && int(mappings[0].HostID) == id
}

// runMapper runs newuidmap(1) or newgidmap(1), which writes the map if the table grants
// the ids to the user.
func runMapper(program, table string, pid int, ranges []plan.IDRange) error {
	args := []string{strconv.Itoa(pid)}
	for _, m := range ranges {
		args = append(args, fmt.Sprint(m.Container), fmt.Sprint(m.Host), fmt.Sprint(m.Size))
	}
	output, err := exec.Command(program, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("an ordinary user needs %s (package uidmap) to map ids other than the user's own: %w", program, err)
	}
	words := strings.TrimPrefix(strings.Join(strings.Fields(string(output)), " "), program+": ")
	owned := append(Subordinate(table, os.Getuid()), own(table))
	for i, m := range ranges {
		if id, ok := firstForeign(m, owned); ok {
			p := uidMappings
			if table == SubGIDs {
				p = gidMappings
			}
			return place.Errorf(p.Index(i), "id %d isn't one of this user's in %s: %s: %s", id, table, program, words)
		}
	}
	return fmt.Errorf("%s: %w: %s (it gains privileges by its setuid bit or a file capability, which no_new_privs and mounts with nosuid take away)",
		program, err, words)
}

// own returns the user's own id, for the table of uids or of gids.
func own(table string) plan.IDRange {
	id := os.Getuid()
	if table == SubGIDs {
		id = os.Getgid()
	}
	return plan.IDRange{Host: uint32(id), Size: 1}
}

// Ranges converts mappings of a config to those of a plan.
func Ranges(mappings []specs.LinuxIDMapping) []plan.IDRange {
	ranges := make([]plan.IDRange, len(mappings))
	for i, m := range mappings {
		ranges[i] = plan.IDRange{Container: m.ContainerID, Host: m.HostID, Size: m.Size}
	}
	return ranges
}
