package v1

import (
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// Check returns every problem for which Set refuses r on any host.
func Check(r *specs.LinuxResources) place.Errors {
	_, problems := compile(r)
	return problems
}

// Controllers returns the controllers that the limits in r need.
func Controllers(r *specs.LinuxResources) []string {
	writes, _ := compile(r)
	return cgroupfs.Controllers(writes)
}

// Validate returns the error for which Set refuses r before it writes anything.
func (*Manager) Validate(r *specs.LinuxResources) error { return Check(r).First() }

// CheckHost returns every problem that Create and Set would have with r in new
// cgroups of these hierarchies, as far as it can be known without creating them.
// The problems that Check returns are left out.
func CheckHost(list []Hierarchy, r *specs.LinuxResources) place.Errors {
	writes, _ := compile(r)
	m := New(list)
	if err := m.checkMounted(); err != nil {
		var problems place.Errors
		problems.Add(limits.Field(), err)
		return problems
	}
	problems := m.unavailable(writes)
	for i := range writes {
		w := &writes[i]
		if w.Tolerate == cgroupfs.Missing || problems.Has(w.Place) {
			continue
		}
		if sample := m.sample(w.Controller); sample != nil && !hasFile(sample, w) {
			problems.Add(w.Place, &cgroupfs.MissingError{
				Controller: w.Controller, File: w.File, Dir: sample.Path(), Hint: hint(sample, w),
			})
		}
	}
	return problems
}

func hasFile(d *cgroupfs.Dir, w *cgroupfs.Write) bool {
	for f := w; f != nil; f = f.Else {
		if unix.Access(filepath.Join(d.Path(), f.File), unix.F_OK) == nil {
			return true
		}
	}
	return false
}

// sample returns a cgroup that has the controller's files: any but the root,
// which lacks some of them. It is nil if there is none.
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
