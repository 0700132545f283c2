package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
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
		return nil, fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	return &location, nil
}

// canDoWithoutCgroup: an unprivileged user often can't make a cgroup. Without
// limits that is no loss.
func (r *Runtime) canDoWithoutCgroup(spec *specs.Spec, err error) bool {
	if !r.Rootless || !(errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrNotExist)) {
		return false
	}
	return spec.Linux.Resources == nil && spec.Linux.CgroupsPath == ""
}

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
	if makesNamespace(spec, specs.UserNamespace) {
		if err := writeIDMaps(pid, spec.Linux); err != nil {
			return err
		}
	}
	if len(spec.Linux.TimeOffsets) > 0 {
		return writeTimeOffsets(pid, spec.Linux.TimeOffsets)
	}
	return nil
}

func makesNamespace(spec *specs.Spec, kind specs.LinuxNamespaceType) bool {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == kind {
			return ns.Path == ""
		}
	}
	return false
}

func writeIDMaps(pid int, linux *specs.Linux) error {
	uids, gids := idRanges(linux.UIDMappings), idRanges(linux.GIDMappings)
	if os.Geteuid() == 0 {
		if err := nsenter.WriteMaps(pid, uids, gids); err != nil {
			return fmt.Errorf("linux.uidMappings, linux.gidMappings: %w", err)
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
	if err := runMapper("newuidmap", "linux.uidMappings", "/etc/subuid", pid, uids); err != nil {
		return err
	}
	return runMapper("newgidmap", "linux.gidMappings", "/etc/subgid", pid, gids)
}

func isSelf(ranges []plan.IDRange, id int) bool {
	return len(ranges) == 1 && ranges[0].Size == 1 && int(ranges[0].Host) == id
}

func runMapper(program, field, table string, pid int, ranges []plan.IDRange) error {
	args := []string{strconv.Itoa(pid)}
	for _, m := range ranges {
		args = append(args, fmt.Sprint(m.Container), fmt.Sprint(m.Host), fmt.Sprint(m.Size))
	}
	output, err := exec.Command(program, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s: an ordinary user needs %s (package uidmap) to map other ids: %w", field, program, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w: %s (are the ids yours in %s?)", field, program, err, output, table)
	}
	return nil
}

func idRanges(mappings []specs.LinuxIDMapping) []plan.IDRange {
	ranges := make([]plan.IDRange, len(mappings))
	for i, m := range mappings {
		ranges[i] = plan.IDRange{Container: m.ContainerID, Host: m.HostID, Size: m.Size}
	}
	return ranges
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
		return fmt.Errorf("linux.timeOffsets: %w", err)
	}
	return nil
}
