package v2

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/place"
)

// Check returns every problem for which Set refuses r on any host.
func Check(r *specs.LinuxResources) place.Errors {
	_, problems := compile(r, current{memoryMax: "max"})
	return problems
}

// CheckHost returns every problem that Create and Set would have with r in a new
// cgroup at path, as far as it can be known without creating it. The problems
// that Check returns are left out.
func CheckHost(mount, path string, r *specs.LinuxResources) place.Errors {
	writes, _ := compile(r, current{memoryMax: "max"})
	levels := existing(mount, filepath.Dir(path))
	var problems place.Errors
	for i := range writes {
		w := &writes[i]
		if w.Controller == "" || w.Tolerate == cgroupfs.Missing || problems.Has(w.Place) {
			continue
		}
		if reason := unavailable(levels, w.Controller); reason != "" {
			problems.Addf(w.Place, "%s", reason)
			continue
		}
		problems.Add(w.Place, checkFile(levels, w))
	}
	return problems
}

// existing returns the cgroups from the mount's root down to path that exist.
func existing(mount, path string) []*cgroupfs.Dir {
	list := []*cgroupfs.Dir{cgroupfs.At(mount)}
	rest := strings.TrimPrefix(path, mount)
	for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		next := filepath.Join(list[len(list)-1].Path(), part)
		if part == "" || unix.Access(next, unix.F_OK) != nil {
			break
		}
		list = append(list, cgroupfs.At(next))
	}
	return list
}

// unavailable returns why the children of the last level can't have a
// controller, "" if they can: each level must have it, and enable it for its
// children or let this user do so.
func unavailable(levels []*cgroupfs.Dir, controller string) string {
	for i, level := range levels {
		available, err := readFields(level, "cgroup.controllers")
		if err != nil {
			return ""
		}
		// A level below gets the controller when the level above enables it.
		if !slices.Contains(available, controller) && i == 0 {
			return notAvailable(controller, level, available)
		}
		enabled, err := readFields(level, "cgroup.subtree_control")
		if err != nil || slices.Contains(enabled, controller) {
			continue
		}
		file := filepath.Join(level.Path(), "cgroup.subtree_control")
		if err := unix.Faccessat(unix.AT_FDCWD, file, unix.W_OK, unix.AT_EACCESS); err != nil {
			return fmt.Sprintf("cgroup controller %s is not enabled below %s, and this user can't enable it (%v): "+
				"systemd delegates it to a user with Delegate=%s in user@.service", controller, level.Path(), err, controller)
		}
	}
	return ""
}

// checkFile looks for a control file in a cgroup that has the controller: any but
// the root, which lacks most of them. If there is no such cgroup nothing is known
// and nothing is refused.
func checkFile(levels []*cgroupfs.Dir, w *cgroupfs.Write) error {
	sample := sampleOf(levels, w.Controller)
	for f := w; f != nil && sample != nil; f = f.Else {
		if unix.Access(filepath.Join(sample.Path(), f.File), unix.F_OK) == nil {
			return nil
		}
	}
	if sample == nil {
		return nil
	}
	e := &cgroupfs.MissingError{Controller: w.Controller, File: w.File, Dir: sample.Path()}
	e.Hint = (&Manager{dir: sample}).hint(e)
	return e
}

// sampleOf returns a cgroup that has the controller, nil if none is found.
func sampleOf(levels []*cgroupfs.Dir, controller string) *cgroupfs.Dir {
	candidates := slices.Clone(levels[1:])
	for _, level := range levels {
		names, _ := level.Children()
		level.Close()
		for _, name := range names {
			candidates = append(candidates, cgroupfs.At(filepath.Join(level.Path(), name)))
		}
	}
	for _, d := range candidates {
		if have, err := readFields(d, "cgroup.controllers"); err == nil && slices.Contains(have, controller) {
			return d
		}
	}
	return nil
}
