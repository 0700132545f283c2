// Package cgrouppolicy decides about a container's cgroup: its path, whether an
// ordinary user's container can run without one, and who owns it. Package cgroups
// carries the decisions out.
package cgrouppolicy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
)

// Policy holds the settings of the runtime for cgroups.
type Policy struct {
	// Systemd selects the systemd driver, package cgroups/systemd.
	Systemd bool
	// None means that containers have no cgroup.
	None bool
	// Rootless permits a container without a cgroup if the user may not create one, as
	// long as config.json sets no limit.
	Rootless bool
	// Debug receives a message about each setting that isn't applied; nil discards it.
	Debug func(string)
}

// Locate returns the location of the container's cgroup; nil if the container will have
// none.
func (p Policy) Locate(spec *specs.Spec, id string) (*cgroups.Location, error) {
	if p.None {
		return nil, RefuseLimits(spec)
	}
	if p.Systemd {
		location, err := cgroups.LocateUnit(spec.Linux.CgroupsPath, id, p.Rootless, spec.Annotations)
		if err != nil {
			return nil, fmt.Errorf("systemd cgroup: %w", err)
		}
		return &location, nil
	}
	location, err := cgroups.Locate(spec.Linux.CgroupsPath, id)
	if err != nil {
		if p.Dispensable(spec, err) {
			return nil, nil
		}
		return nil, p.Explain(spec, place.Wrap(place.At("/linux/cgroupsPath"), err))
	}
	if p.Rootless {
		return p.permitted(spec, &location), nil
	}
	return &location, nil
}

// RefuseLimits returns an error if a container without a cgroup has limits.
func RefuseLimits(spec *specs.Spec) error {
	limits := limited(spec.Linux.Resources)
	if len(limits) == 0 {
		return nil
	}
	return &place.Error{Place: limits[0], Also: limits[1:], Err: errors.New("a limit needs a cgroup, and the cgroup manager is disabled")}
}

// Unenforced returns the place of the device rules that a container without a cgroup has in
// vain.
func (p Policy) Unenforced(spec *specs.Spec) (at place.Place, ok bool) {
	return place.At("/linux/resources/devices"), p.None && spec.Linux.Resources != nil && len(spec.Linux.Resources.Devices) > 0
}

// WithoutRules says what it means that device rules aren't enforced.
const WithoutRules = "has no effect without a cgroup: a container with CAP_MKNOD can open every device of the host"

// permitted returns the part of an ordinary user's location in which the user may create
// cgroups, nil if there is none. A hierarchy that a limit needs isn't left out, and with a
// cgroupsPath only the cgroup2 hierarchy beside v1 is: then Create fails, and tells why.
// What is left out may be the cgroup of somebody else's container with this id.
func (p Policy) permitted(spec *specs.Spec, l *cgroups.Location) *cgroups.Location {
	needed := cgroups.Controllers(spec.Linux.Resources)
	for _, key := range slices.Sorted(maps.Keys(l.Paths)) {
		err := cgroups.CheckWritable(*l, key)
		switch {
		case err == nil || slices.Contains(needed, key):
		case l.Mode == cgroups.V2 && p.Dispensable(spec, err),
			l.Mode != cgroups.V2 && isRefused(err) && (spec.Linux.CgroupsPath == "" || key == cgroups.Unified):
			p.debug("no cgroup of its own: " + err.Error())
			delete(l.Paths, key)
			delete(l.Mounts, key)
		}
	}
	if len(l.Paths) == 0 {
		return nil
	}
	return l
}

func (p Policy) debug(text string) {
	if p.Debug != nil {
		p.Debug(text)
	}
}

// Dispensable reports whether the container can run without a cgroup after creating it
// has failed with err. An ordinary user often can't create one, and without limits
// nothing is lost. Device rules don't count as limits: a user can't create a device
// node that couldn't be opened outside.
func (p Policy) Dispensable(spec *specs.Spec, err error) bool {
	return p.Rootless && isRefused(err) && spec.Linux.CgroupsPath == "" && len(limited(spec.Linux.Resources)) == 0
}

// isRefused reports whether err means that this user can't create cgroups there.
func isRefused(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, cgroups.ErrNoHierarchy)
}

// limited returns the places of the limits that are set in linux.resources, except for
// device rules.
func limited(r *specs.LinuxResources) []place.Place {
	if r == nil {
		return nil
	}
	var limits []place.Place
	add := func(name string, is bool) {
		if is {
			limits = append(limits, place.At("/linux/resources").Key(name))
		}
	}
	add("memory", r.Memory != nil && *r.Memory != specs.LinuxMemory{})
	add("cpu", r.CPU != nil && *r.CPU != specs.LinuxCPU{})
	add("pids", r.Pids != nil && *r.Pids != specs.LinuxPids{})
	add("blockIO", r.BlockIO != nil && limitsIO(r.BlockIO))
	add("hugepageLimits", len(r.HugepageLimits) > 0)
	add("network", r.Network != nil && (r.Network.ClassID != nil || len(r.Network.Priorities) > 0))
	add("rdma", len(r.Rdma) > 0)
	add("unified", len(r.Unified) > 0)
	return limits
}

func limitsIO(io *specs.LinuxBlockIO) bool {
	return io.Weight != nil || io.LeafWeight != nil || len(io.WeightDevice)+len(io.ThrottleReadBpsDevice)+
		len(io.ThrottleWriteBpsDevice)+len(io.ThrottleReadIOPSDevice)+len(io.ThrottleWriteIOPSDevice) > 0
}

// Explain adds to an error about an ordinary user's cgroup which settings require the
// cgroup, and how to get one that may have limits.
func (p Policy) Explain(spec *specs.Spec, err error) error {
	if !p.Rootless || err == nil {
		return err
	}
	limits := limited(spec.Linux.Resources)
	switch {
	case errors.Is(err, cgroups.ErrController):
		return fmt.Errorf("%w (have the controller delegated to users: \"systemctl edit user@.service\", with [Service] Delegate=cpu cpuset io memory pids, and log in again)", err)
	case errors.Is(err, fs.ErrPermission) && len(limits) == 0 && spec.Linux.CgroupsPath != "":
		at := place.At("/linux/cgroupsPath").Named(strconv.Quote(spec.Linux.CgroupsPath))
		return place.Errorf(at, "%w (this user may make cgroups only where they are delegated: leave cgroupsPath out, or %s)", err, DelegationHint)
	case errors.Is(err, fs.ErrPermission) && len(limits) > 0:
		return &place.Error{Place: limits[0], Also: limits[1:], Err: fmt.Errorf(
			"%w (a limit needs a cgroup that is delegated to this user: leave it out, or %s)", err, DelegationHint)}
	}
	return err
}

// DelegationHint says how an ordinary user gets cgroups that may have limits.
const DelegationHint = `use --systemd-cgroup, or run in "systemd-run --user --scope -p Delegate=yes"`

// DeviceRules returns the device rules of a config. Without any, all devices are denied
// except for those that every container has, as in runc.
func DeviceRules(spec *specs.Spec) []specs.LinuxDeviceCgroup {
	if spec.Linux != nil && spec.Linux.Resources != nil && len(spec.Linux.Resources.Devices) > 0 {
		return spec.Linux.Resources.Devices
	}
	return []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
}

// SetDevices sets the device rules of a config. For an ordinary user it does nothing if
// the kernel refuses them.
func (p Policy) SetDevices(m cgroups.Manager, spec *specs.Spec) error {
	err := m.SetDevices(DeviceRules(spec), true)
	if p.Rootless && (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOENT)) {
		// Only the host's root may load the program, or write to cgroup v1's list.
		p.debug(fmt.Sprintf("no device rules: %v", err))
		return nil
	}
	return err
}
