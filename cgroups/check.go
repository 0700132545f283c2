package cgroups

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/systemd"
	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/cgroups/v2"
)

// Check lists all that Set and SetDevices refuse about resources on any host of
// this mode, where Create and Set stop at the first. Each error begins with the
// field of config.json. r may be nil.
func Check(mode Mode, r *specs.LinuxResources) []error {
	var found []error
	for _, p := range parts(r) {
		found = p.append(found, checkPart(mode, p.resources))
	}
	if r != nil {
		found = append(found, devices.Check(r.Devices)...)
	}
	return found
}

func checkPart(mode Mode, r *specs.LinuxResources) error {
	if mode == V2 {
		return v2.Check(r)
	}
	return v1.Check(r)
}

// CheckAny is Check for hosts that aren't known: refused is what all of them
// refuse, doubtful what is refused by those of one version of cgroups.
func CheckAny(r *specs.LinuxResources) (refused, doubtful []error) {
	for _, p := range parts(r) {
		onV1, onV2 := checkPart(V1, p.resources), checkPart(V2, p.resources)
		switch {
		case onV1 != nil && onV2 != nil:
			refused = p.append(refused, onV2)
		case onV1 != nil:
			doubtful = p.append(doubtful, fmt.Errorf("%w (on hosts with cgroup v1)", onV1))
		case onV2 != nil:
			doubtful = p.append(doubtful, fmt.Errorf("%w (on hosts with cgroup v2)", onV2))
		}
	}
	if r != nil {
		refused = append(refused, devices.Check(r.Devices)...)
	}
	return refused, doubtful
}

// CheckHost lists what keeps the cgroups at a location from being made, or r from
// being set there: controllers, control files, values that this host doesn't have.
// Nothing is changed. What Check finds is left out.
func CheckHost(l Location, r *specs.LinuxResources) []error {
	var found []error
	for _, p := range parts(r) {
		var err error
		if l.Mode == V2 {
			err = v2.CheckHost(l.Mounts[""], l.Paths[""], p.resources)
		} else {
			err = v1.CheckHost(l.hierarchies(), p.resources)
		}
		found = p.append(found, err)
	}
	return found
}

// CheckPath returns the error that Locate has for a cgroupsPath on any host, or,
// with isUnit, LocateUnit for that and the annotations.
func CheckPath(cgroupsPath string, isUnit bool, annotations map[string]string) error {
	const someID = "ID"
	if !isUnit {
		_, err := innerPath(cgroupsPath, someID)
		return err
	}
	if _, err := systemd.ParseName(cgroupsPath, someID, false); err != nil {
		return fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	_, err := systemd.Annotations(annotations)
	return err
}

// CheckUnit returns the error of saying to systemd what r asks for.
func CheckUnit(mode Mode, r *specs.LinuxResources) error {
	_, err := systemd.Resources(r, mode == V2, limits.Present{})
	return err
}

// part is a piece of the resources that can be wrong by itself. An element of a list
// is the only one in resources: list is the list's name, and index its own.
type part struct {
	resources *specs.LinuxResources
	list      string
	index     int
}

// append adds an error about the part, with the part's own index.
func (p part) append(found []error, err error) []error {
	if err == nil {
		return found
	}
	if rest, ok := strings.CutPrefix(err.Error(), limits.Field(p.list+"[0]")); ok && p.list != "" {
		err = fmt.Errorf("%s[%d]%s", limits.Field(p.list), p.index, rest)
	}
	return append(found, err)
}

func parts(r *specs.LinuxResources) []part {
	if r == nil {
		return nil
	}
	var list []part
	add := func(r specs.LinuxResources) { list = append(list, part{resources: &r}) }
	addElement := func(name string, index int, r specs.LinuxResources) { list = append(list, part{&r, name, index}) }
	if c := r.CPU; c != nil {
		rest := *c
		rest.Idle, rest.Cpus, rest.Mems = nil, "", ""
		add(specs.LinuxResources{CPU: &rest})
		add(specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: c.Idle}})
		add(specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: c.Cpus}})
		add(specs.LinuxResources{CPU: &specs.LinuxCPU{Mems: c.Mems}})
	}
	if m := r.Memory; m != nil {
		rest := *m
		rest.Swappiness, rest.KernelTCP, rest.DisableOOMKiller = nil, nil, nil
		add(specs.LinuxResources{Memory: &rest})
		add(specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: m.Swappiness}})
		add(specs.LinuxResources{Memory: &specs.LinuxMemory{KernelTCP: m.KernelTCP, DisableOOMKiller: m.DisableOOMKiller}})
	}
	if b := r.BlockIO; b != nil {
		rest := *b
		rest.WeightDevice = nil
		add(specs.LinuxResources{BlockIO: &rest})
		for i := range b.WeightDevice {
			addElement("blockIO.weightDevice", i,
				specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{WeightDevice: b.WeightDevice[i : i+1]}})
		}
	}
	for i := range r.HugepageLimits {
		addElement("hugepageLimits", i, specs.LinuxResources{HugepageLimits: r.HugepageLimits[i : i+1]})
	}
	for _, name := range limits.SortedKeys(r.Rdma) {
		add(specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{name: r.Rdma[name]}})
	}
	for _, name := range limits.SortedKeys(r.Unified) {
		add(specs.LinuxResources{Unified: map[string]string{name: r.Unified[name]}})
	}
	if r.Pids != nil {
		add(specs.LinuxResources{Pids: r.Pids})
	}
	if r.Network != nil {
		add(specs.LinuxResources{Network: r.Network})
	}
	return list
}

// CheckPlace returns the error of making the cgroups at a location: this user may
// not, or they are there and in use. With the systemd driver it is that there is
// no systemd.
func CheckPlace(l Location) error {
	if l.Driver == Systemd {
		return systemd.CheckRunning(l.Unit.User)
	}
	for _, key := range limits.SortedKeys(l.Paths) {
		if err := cgroupfs.CheckPlace(l.Mounts[key], l.Paths[key]); err != nil {
			return err
		}
	}
	return nil
}
