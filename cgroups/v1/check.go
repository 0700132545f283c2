package v1

import (
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Check returns the error that Set has for r on any host.
func Check(r *specs.LinuxResources) error {
	_, err := compile(r)
	return err
}

// Refuses is the error that Set has for r before it writes anything.
func (*Manager) Refuses(r *specs.LinuxResources) error { return Check(r) }

// CheckHost returns the error that Create and Set would have for r in new cgroups
// of these hierarchies, as far as that can be known without making them. What
// Check refuses is fine here.
func CheckHost(list []Hierarchy, r *specs.LinuxResources) error {
	writes, err := compile(r)
	if err != nil {
		return nil
	}
	m := New(list)
	if err := m.check(r); err != nil {
		return err
	}
	for i := range writes {
		w := &writes[i]
		if w.Tolerate == cgroupfs.Missing {
			continue
		}
		if sample := m.sample(w.Controller); sample != nil && !hasFile(sample, w) {
			return &cgroupfs.MissingError{
				Field: w.Field, Controller: w.Controller, File: w.File, Dir: sample.Path(), Hint: hint(sample, w),
			}
		}
	}
	return nil
}

func hasFile(d *cgroupfs.Dir, w *cgroupfs.Write) bool {
	for f := w; f != nil; f = f.Else {
		if unix.Access(filepath.Join(d.Path(), f.File), unix.F_OK) == nil {
			return true
		}
	}
	return false
}

// sample is a cgroup with the controller's files: any but the root, which lacks
// some of them; nil if there is none.
func (m *Manager) sample(controller string) *cgroupfs.Dir {
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		if !slices.Contains(h.Controllers, controller) {
			continue
		}
		top := cgroupfs.At(h.Mount)
		names, _ := top.Children()
		top.Close()
		for _, name := range names {
			return cgroupfs.At(filepath.Join(h.Mount, name))
		}
	}
	return nil
}
