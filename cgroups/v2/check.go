package v2

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Check returns the error that Set has for r on any host.
func Check(r *specs.LinuxResources) error {
	_, err := compile(r, current{memoryMax: "max"})
	return err
}

// CheckHost returns the error that Create and Set would have for r in a new cgroup
// at path, as far as that can be known without making it. What Check refuses is
// fine here.
func CheckHost(mount, path string, r *specs.LinuxResources) error {
	writes, err := compile(r, current{memoryMax: "max"})
	if err != nil {
		return nil
	}
	levels := existing(mount, filepath.Dir(path))
	for _, w := range writes {
		if w.Controller == "" || w.Tolerate == cgroupfs.Missing {
			continue
		}
		if reason := unavailable(levels, w.Controller); reason != "" {
			return fmt.Errorf("%s: %s", w.Field, reason)
		}
		if err := checkFile(levels, &w); err != nil {
			return err
		}
	}
	return nil
}

// existing lists the cgroups from the mount's root down to path that are there.
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

// unavailable says why the children of the last level can't have a controller, ""
// if they can: each level must have it, and give it on or be allowed to.
func unavailable(levels []*cgroupfs.Dir, controller string) string {
	for i, level := range levels {
		available, err := readFields(level, "cgroup.controllers")
		if err != nil {
			return ""
		}
		// What a level above has to be told first, this one will have.
		if !slices.Contains(available, controller) && i == 0 {
			return notAvailable(controller, level, available)
		}
		enabled, err := readFields(level, "cgroup.subtree_control")
		if err != nil || slices.Contains(enabled, controller) {
			continue
		}
		file := filepath.Join(level.Path(), "cgroup.subtree_control")
		if err := unix.Faccessat(unix.AT_FDCWD, file, unix.W_OK, unix.AT_EACCESS); err != nil {
			return fmt.Sprintf("cgroup controller %s is not enabled below %s, and this user can't do that (%v): "+
				"systemd gives it to a user with Delegate=%s in user@.service", controller, level.Path(), err, controller)
		}
	}
	return ""
}

// checkFile looks for a control file in a cgroup that has the controller: any but
// the root, which lacks most of them. Without such a cgroup nothing is known.
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
	e := &cgroupfs.MissingError{Field: w.Field, Controller: w.Controller, File: w.File, Dir: sample.Path()}
	e.Hint = (&Manager{dir: sample}).hint(e)
	return e
}

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
