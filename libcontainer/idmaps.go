package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

var uidMappings, gidMappings = place.At("/linux/uidMappings"), place.At("/linux/gidMappings")

func writeIDMaps(pid int, linux *specs.Linux) error {
	uids, gids := idRanges(linux.UIDMappings), idRanges(linux.GIDMappings)
	if os.Geteuid() == 0 {
		if err := nsenter.WriteMaps(pid, uids, gids); err != nil {
			return &place.Error{Place: uidMappings, Also: []place.Place{gidMappings}, Err: err}
		}
		return nil
	}
	return writeUserMaps(pid, uids, gids)
}

// writeUserMaps maps as an ordinary user: oneself alone without help, and
// setgroups(2) denied for that (user_namespaces(7)); more by newuidmap(1).
func writeUserMaps(pid int, uids, gids []plan.IDRange) error {
	if isSelf(uids, os.Geteuid()) && isSelf(gids, os.Getegid()) {
		path := fmt.Sprintf("/proc/%d/setgroups", pid)
		if err := os.WriteFile(path, []byte("deny"), 0); err != nil {
			return fmt.Errorf("deny setgroups: %w", err)
		}
		return nsenter.WriteMaps(pid, uids, gids)
	}
	if err := runMapper("newuidmap", uidMappings, "/etc/subuid", pid, uids); err != nil {
		return err
	}
	return runMapper("newgidmap", gidMappings, "/etc/subgid", pid, gids)
}

func isSelf(ranges []plan.IDRange, id int) bool {
	return len(ranges) == 1 && ranges[0].Size == 1 && int(ranges[0].Host) == id
}

// runMapper runs newuidmap(1) or newgidmap(1), which may write the map if the ids
// are the user's in the table.
func runMapper(program string, at place.Place, table string, pid int, ranges []plan.IDRange) error {
	args := []string{strconv.Itoa(pid)}
	for _, m := range ranges {
		args = append(args, fmt.Sprint(m.Container), fmt.Sprint(m.Host), fmt.Sprint(m.Size))
	}
	output, err := exec.Command(program, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return place.Errorf(at, "an ordinary user needs %s (package uidmap) to map other ids than the own one: %w", program, err)
	}
	content, _ := os.ReadFile(table) // a user without it has no ids
	if i, id, ok := foreignID(ranges, subordinateIDs(string(content), ownNames())); ok {
		return place.Errorf(at.Index(i), "id %d isn't one of this user's in %s: %s: %s", id, table, program, oneLine(output))
	}
	return place.Errorf(at, "%s: %w: %s (it gains privileges by its setuid bit or a file capability, which no_new_privs and mounts with nosuid take away)",
		program, err, oneLine(output))
}

func oneLine(output []byte) string {
	return strings.Join(strings.Fields(string(output)), " ")
}

// ownNames are what a line for this user may begin with, subuid(5).
func ownNames() []string {
	uid := strconv.Itoa(os.Getuid())
	passwd, _ := os.ReadFile("/etc/passwd") // without it, nobody has a name
	for line := range strings.Lines(string(passwd)) {
		if fields := strings.Split(line, ":"); len(fields) > 2 && fields[2] == uid {
			return []string{fields[0], uid}
		}
	}
	return []string{uid}
}

// idRange is the ids first to end-1.
type idRange struct{ first, end uint64 }

// subordinateIDs reads the ranges of a user from a table, subuid(5), sorted.
func subordinateIDs(table string, names []string) []idRange {
	var list []idRange
	for line := range strings.Lines(table) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || !slices.Contains(names, fields[0]) {
			continue
		}
		first, err := strconv.ParseUint(fields[1], 10, 32)
		count, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err == nil && err2 == nil {
			list = append(list, idRange{first, first + count})
		}
	}
	slices.SortFunc(list, func(a, b idRange) int { return cmp.Compare(a.first, b.first) })
	return list
}

// foreignID finds the first id to be mapped that is in none of the ranges, and
// the index of its map. A map of a single id may be the user's own one.
func foreignID(maps []plan.IDRange, own []idRange) (index int, id uint64, ok bool) {
	for i, m := range maps {
		next, end := uint64(m.Host), uint64(m.Host)+uint64(m.Size)
		for _, r := range own {
			if r.first <= next && next < r.end {
				next = r.end
			}
		}
		if next < end && m.Size > 1 {
			return i, next, true
		}
	}
	return 0, 0, false
}

func idRanges(mappings []specs.LinuxIDMapping) []plan.IDRange {
	ranges := make([]plan.IDRange, len(mappings))
	for i, m := range mappings {
		ranges[i] = plan.IDRange{Container: m.ContainerID, Host: m.HostID, Size: m.Size}
	}
	return ranges
}
