package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

// locateCgroup says where the container's cgroup is to be; nil if it can have
// none.
func (r *Runtime) locateCgroup(spec *specs.Spec, id string) (*cgroups.Location, error) {
	if r.SystemdCgroup {
		location, err := cgroups.LocateUnit(spec.Linux.CgroupsPath, id, r.Rootless, spec.Annotations)
		if err != nil {
			return nil, fmt.Errorf("systemd cgroup: %w", err)
		}
		return &location, nil
	}
	location, err := cgroups.Locate(spec.Linux.CgroupsPath, id)
	if err != nil {
		if r.canDoWithoutCgroup(spec, err) {
			return nil, nil
		}
		return nil, r.explainCgroup(spec, place.Wrap(place.At("/linux/cgroupsPath"), err))
	}
	return &location, nil
}

// canDoWithoutCgroup: an unprivileged user often can't make a cgroup. Without
// limits that is no loss. Device rules are none: a user can't make a device that
// couldn't be opened outside.
func (r *Runtime) canDoWithoutCgroup(spec *specs.Spec, err error) bool {
	refused := errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, cgroups.ErrNoHierarchy)
	if !r.Rootless || !refused {
		return false
	}
	return spec.Linux.CgroupsPath == "" && len(limited(spec.Linux.Resources)) == 0
}

// limited returns the properties of linux.resources that limit something, other than
// devices.
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

// explainCgroup adds to an error of an ordinary user's cgroup what asked for one,
// and how the user comes by one that may be limited.
func (r *Runtime) explainCgroup(spec *specs.Spec, err error) error {
	if !r.Rootless || err == nil {
		return err
	}
	asks := limited(spec.Linux.Resources)
	switch {
	case errors.Is(err, cgroups.ErrController):
		return fmt.Errorf("%w (have the controller delegated to users: \"systemctl edit user@.service\", with [Service] Delegate=cpu cpuset io memory pids, and log in again)", err)
	case errors.Is(err, fs.ErrPermission) && len(asks) == 0 && spec.Linux.CgroupsPath != "":
		at := place.At("/linux/cgroupsPath").Named(strconv.Quote(spec.Linux.CgroupsPath))
		return place.Errorf(at, "%w (this user may make cgroups only where they are delegated: leave cgroupsPath out, or %s)", err, delegationHint)
	case errors.Is(err, fs.ErrPermission) && len(asks) > 0:
		return &place.Error{Place: asks[0], Also: asks[1:], Err: fmt.Errorf(
			"%w (a limit needs a cgroup that is delegated to this user: leave it out, or %s)", err, delegationHint)}
	}
	return err
}

const delegationHint = `use --systemd-cgroup, or run in "systemd-run --user --scope -p Delegate=yes"`

// denyAll is where the device rules of every container start, as runc's do.
func denyAll() specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: false, Access: "rwm"}
}

func (r *Runtime) setDevices(m cgroups.Manager, spec *specs.Spec) error {
	rules := resources(spec).Devices
	if len(rules) == 0 {
		rules = []specs.LinuxDeviceCgroup{denyAll()}
	}
	err := m.SetDevices(rules, true)
	if r.Rootless && errors.Is(err, fs.ErrPermission) {
		// Only the host's root may load the program. Without privileges no
		// device can be made that the user couldn't open outside.
		r.debug(fmt.Sprintf("no device rules: %v", err))
		return nil
	}
	return err
}

// writeMaps writes the id maps and the time offsets of the namespaces that pid
// has just made.
func (r *Runtime) writeMaps(spec *specs.Spec, pid int) error {
	if words.CreatesNamespace(spec, specs.UserNamespace) {
		if err := writeIDMaps(pid, spec.Linux); err != nil {
			return err
		}
	}
	if len(spec.Linux.TimeOffsets) > 0 {
		return writeTimeOffsets(pid, spec.Linux.TimeOffsets)
	}
	return nil
}

// writeTimeOffsets follows time_namespaces(7): before any process is in it.
func writeTimeOffsets(pid int, offsets map[string]specs.LinuxTimeOffset) error {
	var lines []byte
	for _, clock := range []string{"monotonic", "boottime"} {
		if o, ok := offsets[clock]; ok {
			lines = fmt.Appendf(lines, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/timens_offsets", pid), lines, 0); err != nil {
		return place.Wrap(place.At("/linux/timeOffsets"), err)
	}
	return nil
}
