package cgroups

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/systemd"
	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/cgroups/v2"
	"github.com/runnel/runnel/internal/place"
)

// Check returns every problem for which Set and SetDevices refuse resources on
// any host of this mode. They fail with the first of these problems. r may be
// nil.
func Check(mode Mode, r *specs.LinuxResources) place.Errors {
	if r == nil {
		return nil
	}
	problems := v1.Check
	if mode == V2 {
		problems = v2.Check
	}
	return append(problems(r), devices.Check(r.Devices)...)
}

// CheckRules returns the error with which SetDevices refuses rules that Check accepts: cgroup
// v1 can't express all lists.
func CheckRules(mode Mode, rules []specs.LinuxDeviceCgroup) error {
	if mode == V2 {
		return nil
	}
	_, err := devices.Literal(rules, true)
	return err
}

// CheckAny is Check for a host that isn't known. refused are the problems on all
// hosts, doubtful those on hosts with one version of cgroups only.
func CheckAny(r *specs.LinuxResources) (refused, doubtful place.Errors) {
	if r == nil {
		return nil, nil
	}
	onV1, onV2 := v1.Check(r), v2.Check(r)
	for _, e := range onV1 {
		if !onV2.Has(e.Place) {
			doubtful.Addf(e.Place, "%w (on hosts with cgroup v1)", e.Err)
		}
	}
	for _, e := range onV2 {
		if covers(onV1, e.Place) {
			refused = append(refused, e)
		} else {
			doubtful.Addf(e.Place, "%w (on hosts with cgroup v2)", e.Err)
		}
	}
	return append(refused, devices.Check(r.Devices)...), doubtful
}

// IgnoredAny is Ignored for a host that isn't known: a problem for each field that some
// hosts, or all, have nothing for. r may be nil.
func IgnoredAny(r *specs.LinuxResources) (problems place.Errors) {
	onV1, onV2 := Ignored(V1, r), Ignored(V2, r)
	for _, at := range onV1 {
		if slices.Contains(onV2, at) {
			problems.Addf(at, "is ignored: the kernel has removed this limit")
		} else {
			problems.Addf(at, "is ignored (on hosts with cgroup v1)")
		}
	}
	for _, at := range onV2 {
		if !slices.Contains(onV1, at) {
			problems.Addf(at, "is ignored (on hosts with cgroup v2)")
		}
	}
	return problems
}

// covers reports whether a problem is at a place or above it: v1 refuses
// linux.resources.unified as a whole.
func covers(problems place.Errors, at place.Place) bool {
	return slices.ContainsFunc(problems, func(e *place.Error) bool {
		return strings.HasPrefix(at.Pointer+"/", e.Place.Pointer+"/")
	})
}

// CheckHost returns every problem that Create and Set would have with r at a
// location because this host lacks controllers, control files or values. It
// changes nothing. The problems that Check returns are left out. r may be nil.
func CheckHost(l Location, r *specs.LinuxResources) place.Errors {
	switch {
	case r == nil:
		return nil
	case l.Mode == V2:
		return v2.CheckHost(l.Mounts[""], l.Paths[""], r)
	}
	return v1.CheckHost(l.hierarchies(), r)
}

// CheckPath returns the error with which Locate refuses a cgroupsPath on any host.
// With isUnit it is the error of LocateUnit for the path and the annotations.
func CheckPath(cgroupsPath string, isUnit bool, annotations map[string]string) error {
	const someID = "ID"
	if !isUnit {
		_, err := innerPath(cgroupsPath, someID)
		return err
	}
	if _, err := systemd.ParseName(cgroupsPath, someID, false); err != nil {
		return place.Wrap(cgroupsPathField(), err)
	}
	_, err := systemd.Annotations(annotations)
	return err
}

// UnitAnnotation begins the annotations that set a property of the container's unit.
const UnitAnnotation = systemd.AnnotationPrefix

// CheckUnit returns every problem with expressing r as properties of a systemd
// unit. r may be nil.
func CheckUnit(mode Mode, r *specs.LinuxResources) place.Errors {
	_, problems := systemd.Resources(r, mode == V2, limits.Present{})
	return problems
}

// CheckWritable returns the error of a user who may not create the cgroup that a location
// has for a key, or may not use the one that is there.
func CheckWritable(l Location, key string) error {
	return cgroupfs.CheckWritable(l.Mounts[key], l.Paths[key])
}

// Controllers returns the controllers of cgroup v1 that the limits in r need. r may be
// nil.
func Controllers(r *specs.LinuxResources) []string {
	if r == nil {
		return nil
	}
	return v1.Controllers(r)
}

// CheckCreate returns the error of creating the cgroups at a location, without
// creating them: this user may not, or they exist and are in use. With the systemd driver it is the error
// of connecting to systemd.
func CheckCreate(l Location) error {
	if l.Driver == Systemd {
		return systemd.CheckRunning(l.Unit.User)
	}
	for _, key := range limits.SortedKeys(l.Paths) {
		if err := cgroupfs.CheckCreate(l.Mounts[key], l.Paths[key]); err != nil {
			return err
		}
	}
	return nil
}
