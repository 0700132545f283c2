package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/words"
)

// Device is a device of the host that an update gives to a container.
type Device struct {
	// Source is the path of the node on the host, and Path that in the container.
	Source, Path string
	// Access is what the container may do with it: r, w and m (make nodes of it).
	Access string
}

// ParseDevice parses PATH[:PATH][:ACCESS]: the path on the host, the path in the container
// if it is another one, and the access if it isn't rwm.
func ParseDevice(text string) (Device, error) {
	parts := strings.Split(text, ":")
	d := Device{Source: parts[0], Path: parts[0], Access: "rwm"}
	rest := parts[1:]
	if len(rest) > 0 && strings.HasPrefix(rest[0], "/") {
		d.Path, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		d.Access, rest = rest[0], rest[1:]
	}
	switch {
	case len(rest) > 0 || d.Access == "" || strings.Trim(d.Access, "rwm") != "":
		return d, fmt.Errorf("device %q: must be PATH[:PATH][:ACCESS], with an access of the letters r, w and m", text)
	case !path.IsAbs(d.Source) || !path.IsAbs(d.Path):
		return d, fmt.Errorf("device %q: a path must be absolute", text)
	}
	d.Source, d.Path = path.Clean(d.Source), path.Clean(d.Path)
	return d, nil
}

// deviceUpdate is what an update does to devices: the rules, and the nodes.
type deviceUpdate struct {
	// base are the rules of config.json or of the last update that had some. Those that the
	// changes stand for come after them, so that they decide.
	base, newBase       []string
	changes, newChanges []state.DeviceChange
	nodes               []plan.Device
	undo                []plan.Device // removes the nodes that the container hasn't had
	spec                *specs.Spec
}

// prepareDevices decides what an update does to devices. It leaves p.devices nil if it does
// nothing.
func (p *preparedUpdate) prepareDevices() (err error) {
	var rules []specs.LinuxDeviceCgroup
	if p.Resources != nil {
		rules = p.Resources.Devices
	}
	if len(rules)+len(p.AddDevices)+len(p.RemoveDevices) == 0 {
		return nil
	}
	d := &deviceUpdate{changes: p.state.DeviceChanges, newChanges: slices.Clone(p.state.DeviceChanges)}
	if d.spec, err = p.config(); err != nil {
		return err
	}
	if d.base = p.state.Devices; d.base == nil {
		d.base = ruleTexts(cgrouppolicy.DeviceRules(d.spec))
	}
	if d.newBase = d.base; len(rules) > 0 {
		d.newBase = ruleTexts(rules)
	}
	for _, target := range p.RemoveDevices {
		if err := d.remove(path.Clean(target)); err != nil {
			return err
		}
	}
	for _, device := range p.AddDevices {
		if err := d.add(device); err != nil {
			return err
		}
	}
	if slices.Equal(d.newBase, d.base) && slices.Equal(d.newChanges, d.changes) && len(d.nodes) == 0 {
		return nil
	}
	p.devices = d
	return nil
}

// add adds a device of the host.
func (d *deviceUpdate) add(device Device) error {
	var st unix.Stat_t
	if err := unix.Stat(device.Source, &st); err != nil {
		return fmt.Errorf("device %s: %w", device.Source, err)
	}
	kind := map[uint32]string{unix.S_IFCHR: "c", unix.S_IFBLK: "b"}[st.Mode&unix.S_IFMT]
	if kind == "" {
		return fmt.Errorf("device %s: it is neither a character device nor a block device", device.Source)
	}
	change := state.DeviceChange{
		Path: device.Path, Kind: kind, Major: int(unix.Major(st.Rdev)), Minor: int(unix.Minor(st.Rdev)), Access: device.Access,
	}
	if i := slices.IndexFunc(d.newChanges, func(c state.DeviceChange) bool {
		return c.Path == device.Path && !isSameDevice(c, change) && c.Access != ""
	}); i >= 0 {
		return fmt.Errorf("device %s: the container has another device there: %s", device.Path, numbers(d.newChanges[i]))
	}
	if _, has := d.find(device.Path); !has {
		d.undo = append(d.undo, removedNode(change))
	}
	d.newChanges = slices.DeleteFunc(d.newChanges, func(c state.DeviceChange) bool {
		return isSameDevice(c, change) && (c.Access == "" || c.Path == change.Path)
	})
	d.newChanges = append(d.newChanges, change)
	d.nodes = append(d.nodes, plan.Device{
		Path: device.Path, Source: device.Source, Tree: "node " + strconv.Itoa(len(d.nodes)),
		Mode: st.Mode & (unix.S_IFMT | 0o777), Major: unix.Major(st.Rdev), Minor: unix.Minor(st.Rdev), UID: st.Uid, GID: st.Gid,
	})
	return nil
}

// remove removes the device that an update or config.json has put at a path. What the
// container has there doesn't count.
func (d *deviceUpdate) remove(target string) error {
	change, ok := d.find(target)
	if !ok {
		return fmt.Errorf("device %s: neither config.json nor an update has given the container a device at this path", target)
	}
	if change.Access = ""; isDefault(change) {
		return fmt.Errorf("device %s: every container has it", target)
	}
	d.newChanges = slices.DeleteFunc(d.newChanges, func(c state.DeviceChange) bool {
		return isSameDevice(c, change) && (c.Access == "" || c.Path == target)
	})
	if slices.ContainsFunc(d.newChanges, func(c state.DeviceChange) bool { return isSameDevice(c, change) }) {
		// The container has it at another path, too.
	} else if slices.ContainsFunc(parseRules(d.newBase), func(r specs.LinuxDeviceCgroup) bool { return r.Allow && matches(r, change) }) {
		d.newChanges = append(d.newChanges, change)
	}
	d.nodes = append(d.nodes, removedNode(change))
	return nil
}

// removedNode returns the operation that removes the node of a device.
func removedNode(c state.DeviceChange) plan.Device {
	format, _ := words.DeviceType(c.Kind)
	return plan.Device{Path: c.Path, Mode: format, Major: uint32(c.Major), Minor: uint32(c.Minor), Remove: true}
}

// find returns the device at a path.
func (d *deviceUpdate) find(target string) (state.DeviceChange, bool) {
	for _, c := range d.newChanges {
		if c.Path == target && c.Access != "" {
			return c, true
		}
	}
	if d.spec.Linux != nil {
		for _, c := range d.spec.Linux.Devices {
			if path.Clean(c.Path) == target && c.Type != "p" {
				kind := strings.Replace(c.Type, "u", "c", 1)
				return state.DeviceChange{Path: target, Kind: kind, Major: int(c.Major), Minor: int(c.Minor)}, true
			}
		}
	}
	for _, c := range words.DefaultDevices {
		if c.Path == target {
			return state.DeviceChange{Path: target, Kind: "c", Major: int(c.Major), Minor: int(c.Minor)}, true
		}
	}
	return state.DeviceChange{}, false
}

// isDefault reports whether the device can't be taken away.
func isDefault(c state.DeviceChange) bool {
	return c.Kind == "c" && slices.ContainsFunc(words.DefaultDevices[:], func(d words.DefaultDevice) bool {
		return int(d.Major) == c.Major && int(d.Minor) == c.Minor
	})
}

func isSameDevice(a, b state.DeviceChange) bool {
	return a.Kind == b.Kind && a.Major == b.Major && a.Minor == b.Minor
}

func numbers(c state.DeviceChange) string { return fmt.Sprintf("%s %d:%d", c.Kind, c.Major, c.Minor) }

// matches reports whether a rule is about a device, among others perhaps.
func matches(r specs.LinuxDeviceCgroup, c state.DeviceChange) bool {
	is := func(n *int64, number int) bool { return n == nil || *n == -1 || *n == int64(number) }
	return (r.Type == "" || r.Type == "a" || r.Type == c.Kind || r.Type == "u" && c.Kind == "c") && is(r.Major, c.Major) && is(r.Minor, c.Minor)
}

// rulesOf returns the rules that base and changes amount to.
func rulesOf(base []string, changes []state.DeviceChange) []specs.LinuxDeviceCgroup {
	rules := parseRules(base)
	for _, c := range changes {
		major, minor := int64(c.Major), int64(c.Minor)
		rules = append(rules, specs.LinuxDeviceCgroup{
			Allow: c.Access != "", Type: c.Kind, Major: &major, Minor: &minor, Access: cmp.Or(c.Access, "rwm"),
		})
	}
	return rules
}

// before and after return the rules in force before the update and after it.
func (d *deviceUpdate) before() []specs.LinuxDeviceCgroup { return rulesOf(d.base, d.changes) }
func (d *deviceUpdate) after() []specs.LinuxDeviceCgroup  { return rulesOf(d.newBase, d.newChanges) }

// changed returns what the update does to devices; target is what holds the rules.
func (d *deviceUpdate) changed(target string) []Change {
	const field = "/linux/resources/devices"
	var list []Change
	before, after := ruleTexts(d.before()), ruleTexts(d.after())
	if !slices.Equal(before, after) {
		list = append(list, Change{ChangedDevices, target, field, strings.Join(before, "; "), strings.Join(after, "; ")})
	}
	for _, n := range d.nodes {
		node := fmt.Sprintf("%s %d:%d mode %04o", map[bool]string{true: "b", false: "c"}[n.Mode&unix.S_IFMT == unix.S_IFBLK], n.Major, n.Minor, n.Mode&0o7777)
		change := Change{Kind: ChangedNode, Target: n.Path, Field: "/linux/devices", New: node}
		if n.Remove {
			change.Old, change.New = strings.TrimSuffix(node, " mode 0000"), ""
		}
		list = append(list, change)
	}
	return list
}

// updateDevices sets the rules, and then creates and removes nodes. Rules that are in force
// already aren't set: clients such as containerd send all of linux.resources with every
// update, and others may have allowed the container further devices since then, as NVIDIA's
// do with GPUs.
//
// If that fails, the rules are as before, and the container has none of the new nodes. A node
// that was removed already isn't made again.
func (p *preparedUpdate) updateDevices() error {
	d := p.devices
	if d == nil {
		return nil
	}
	before, after := d.before(), d.after()
	hasRules := !slices.Equal(ruleTexts(before), ruleTexts(after))
	set := func(from, to []specs.LinuxDeviceCgroup) error {
		if !hasRules {
			return nil
		}
		if slices.Equal(d.base, d.newBase) {
			return p.manager.ChangeDevices(from, to)
		}
		return p.manager.SetDevices(to, true)
	}
	next := *p.state
	if !slices.Equal(d.base, d.newBase) {
		next.Devices = d.newBase
	}
	next.DeviceChanges = d.newChanges
	saving, err := p.dir.PrepareSave(&next)
	if err != nil {
		return err
	}
	if err := set(before, after); err != nil {
		saving.Discard()
		return err
	}
	p.runtime.debugf("update %s: device rules are %q", p.dir.ID(), ruleTexts(after))
	if err := p.makeNodes(d.spec, d.nodes); err != nil {
		saving.Discard()
		return errors.Join(err, p.makeNodes(d.spec, d.undo), set(after, before))
	}
	if err := saving.Commit(); err != nil {
		return errors.Join(err, p.makeNodes(d.spec, d.undo), set(after, before))
	}
	*p.state = next
	return nil
}

// makeNodes creates and removes device nodes in the container.
func (p *preparedUpdate) makeNodes(spec *specs.Spec, nodes []plan.Device) error {
	if len(nodes) == 0 {
		return nil
	}
	provided := map[string]int{}
	defer func() {
		for _, fd := range provided {
			unix.Close(fd)
		}
	}()
	init, err := p.state.OpenProcess()
	if err != nil {
		return err
	}
	provided[specconv.ProcessFile] = init
	for _, n := range nodes {
		if n.Remove {
			continue
		}
		// The child finds the host's node no more once it is in the container.
		tree, err := nsenter.ClonePrivate(n.Source)
		if err != nil {
			return fmt.Errorf("device %s: %w", n.Source, err)
		}
		provided[n.Tree] = tree
	}
	return p.carryOut(context.Background(), spec, specconv.Nodes(spec, p.state.Rootfs, nodes), provided, "unable to change devices")
}
