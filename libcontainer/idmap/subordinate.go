package idmap

import (
	"os"
	"slices"
	"strconv"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/nsenter/plan"
)

// The tables of subordinate ids, subuid(5) and subgid(5).
const (
	SubUIDs = "/etc/subuid"
	SubGIDs = "/etc/subgid"
)

// Subordinate returns the host ids that a table grants to a user, who is listed there
// by name or by number. It returns none if the table can't be read.
func Subordinate(table string, uid int) []plan.IDRange {
	names := []string{strconv.Itoa(uid)}
	if u, err := user.LookupUid(uid); err == nil {
		names = append(names, u.Name)
	} else if name := os.Getenv("USER"); name != "" {
		names = append(names, name)
	}
	list, err := user.ParseSubIDFileFilter(table, func(s user.SubID) bool {
		return slices.Contains(names, s.Name) && s.SubID > 0 && s.Count > 0
	})
	if err != nil {
		return nil
	}
	ranges := make([]plan.IDRange, len(list))
	for i, s := range list {
		ranges[i] = plan.IDRange{Host: uint32(s.SubID), Size: uint32(s.Count)}
	}
	return ranges
}

// Inside returns the ids that exist in a user namespace, read from its id map, such as
// /proc/self/uid_map.
func Inside(file string) ([]plan.IDRange, error) {
	list, err := user.ParseIDMapFile(file)
	if err != nil {
		return nil, err
	}
	ranges := make([]plan.IDRange, len(list))
	for i, m := range list {
		ranges[i] = plan.IDRange{Host: uint32(m.ID), Size: uint32(m.Count)}
	}
	return ranges, nil
}

// IsWithin reports whether the ranges contain all host ids of a mapping.
func IsWithin(m specs.LinuxIDMapping, ranges []plan.IDRange) bool {
	_, foreign := firstForeign(plan.IDRange{Host: m.HostID, Size: m.Size}, ranges)
	return !foreign
}

// firstForeign returns the first host id of m that isn't in any of the ranges; ok is
// false if there is none.
func firstForeign(m plan.IDRange, ranges []plan.IDRange) (id uint64, ok bool) {
	next, end := uint64(m.Host), uint64(m.Host)+uint64(m.Size)
	for next < end {
		i := slices.IndexFunc(ranges, func(r plan.IDRange) bool {
			return next >= uint64(r.Host) && next < uint64(r.Host)+uint64(r.Size)
		})
		if i < 0 {
			return next, true
		}
		next = uint64(ranges[i].Host) + uint64(ranges[i].Size)
	}
	return 0, false
}
