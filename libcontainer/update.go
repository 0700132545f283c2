package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
)

// Update changes the limits that are set in resources, and the schemata of Intel RDT
// that are set in rdt. Limits that aren't set there don't change. Device rules are
// replaced as a whole, see updateDevices. Both arguments may be nil. It returns
// ErrNotRunning if the container has stopped.
func (c *Container) Update(resources *specs.LinuxResources, rdt *specs.LinuxIntelRdt) error {
	return c.Apply(Update{Resources: resources, IntelRdt: rdt})
}

// Update is what Container.Apply changes. What isn't set doesn't change.
type Update struct {
	Resources *specs.LinuxResources
	IntelRdt  *specs.LinuxIntelRdt
	// AddDevices and RemoveDevices change the device rules and the nodes in the container.
	// Updates that replace the rules, by Resources, keep these changes. RemoveDevices are
	// paths in the container, and come first.
	AddDevices    []Device
	RemoveDevices []string
}

// Change is one thing that an update changes.
type Change struct {
	Kind ChangeKind `json:"kind"`
	// Target is the path of the file, that of a node in the container.
	Target string `json:"target"`
	// Field is the JSON pointer of the setting in config.json that it belongs to.
	Field string `json:"field"`
	// Old is what was there before, and New what is asked for.
	Old string `json:"old"`
	New string `json:"new"`
}

// ChangeKind is a kind of Change.
type ChangeKind string

// The kinds of changes.
const (
	ChangedFile     ChangeKind = "file"     // a control file of a cgroup
	ChangedDevices  ChangeKind = "devices"  // the device rules, as a whole
	ChangedNode     ChangeKind = "node"     // a device node in the container
	ChangedSchemata ChangeKind = "schemata" // of linux.intelRdt
)

// Apply changes a container that exists: either everything that is set in u, or nothing. It
// looks for what can be known before it begins. If something fails after that, it restores
// what it has replaced, and the error says whether it could. It warns of each value that
// the kernel has accepted, and set differently. It returns ErrNotRunning if the container
// has stopped.
func (c *Container) Apply(u Update) error {
	if len(u.AddDevices)+len(u.RemoveDevices) > 0 {
		// The changes are added to those in the state.
		if err := c.lockState(); err != nil {
			return c.updateError(err)
		}
		defer c.dir.Unlock()
	}
	p, err := c.prepareUpdate(u)
	if err == nil {
		err = c.runtime.timed("change the container", p.apply)
	}
	if err == nil {
		c.tellListeners("update", 0)
	}
	return c.updateError(err)
}

// PreviewUpdate returns what Apply would change, and changes nothing. It finds the problems
// that Apply finds before it begins.
func (c *Container) PreviewUpdate(u Update) ([]Change, error) {
	p, err := c.prepareUpdate(u)
	if err == nil {
		err = p.preview()
	}
	if err != nil {
		return nil, c.updateError(err)
	}
	return p.changes, nil
}

// lockState waits for other commands that change the state, and reads what they have saved.
func (c *Container) lockState() error {
	for end := time.Now().Add(claimTimeout); !c.dir.Lock(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("another command changes the container at the same time")
		}
	}
	if c.dir.IsRemoved() {
		return c.dir.NotExist()
	}
	return c.reload()
}

// updateError names the container, except in ErrNotRunning, which clients match.
func (c *Container) updateError(err error) error {
	if err == nil || errors.Is(err, ErrNotRunning) {
		return err
	}
	return fmt.Errorf("update %s: %w", c.dir.ID(), err)
}

// preparedUpdate is an Update that was checked, and hasn't begun.
type preparedUpdate struct {
	*Container
	Update
	manager cgroups.Manager // nil if nothing of it changes
	devices *deviceUpdate   // nil if no device changes
	changes []Change
}

// prepareUpdate checks an update, and reads what it will replace.
func (c *Container) prepareUpdate(u Update) (*preparedUpdate, error) {
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	if status == Stopped || status == Creating {
		return nil, ErrNotRunning
	}
	p := &preparedUpdate{Container: c, Update: u}
	if err := p.prepareRdt(resctrl.Host); err != nil {
		return nil, explain.Cgroup("intel-rdt", err)
	}
	if err := p.prepareLimits(); err != nil {
		return nil, explain.Cgroup("cgroup", err)
	}
	return p, nil
}

func (p *preparedUpdate) prepareLimits() error {
	if err := p.prepareDevices(); err != nil {
		return err
	}
	if p.Resources == nil && p.devices == nil {
		return nil
	}
	if p.manager = p.Container.manager(); p.manager == nil {
		return errors.New("the container has no cgroup of its own to update")
	}
	if err := cgroups.Check(p.state.Cgroup.Mode, p.Resources).First(); err != nil || p.devices == nil {
		return err
	}
	return cgroups.CheckRules(p.state.Cgroup.Mode, p.devices.after())
}

// preview adds the changes of limits and device rules.
func (p *preparedUpdate) preview() error {
	if p.manager == nil {
		return nil
	}
	if p.Resources != nil {
		list, err := p.manager.Preview(p.Resources)
		if err != nil {
			return explain.Cgroup("cgroup", err)
		}
		for _, change := range list {
			p.changes = append(p.changes, Change{ChangedFile, change.Path, change.Place.Pointer, change.Old, change.New})
		}
	}
	if p.devices != nil {
		p.changes = append(p.changes, p.devices.changed(p.devicesTarget())...)
	}
	return nil
}

// devicesTarget returns what holds the device rules: a file of v1, or a cgroup of v2 with
// a program.
func (p *preparedUpdate) devicesTarget() string {
	l := p.state.Cgroup
	if l.Mode == cgroups.V2 {
		return l.Paths[""]
	}
	return l.Paths["devices"] + "/devices.list"
}

func (p *preparedUpdate) prepareRdt(root resctrl.FS) error {
	if p.IntelRdt == nil {
		return nil
	}
	if !root.Has("schemata") {
		return place.Errorf(place.At("/linux/intelRdt"), "no resctrl file system is mounted at %s: %w", root.Path(), unix.ENOENT)
	}
	group, now, err := p.state.IntelRdt, "", error(nil)
	if group == nil {
		group, err = root.Reserve(p.IntelRdt, p.dir.ID()) // this creates nothing
	} else {
		now, err = root.Schemata(group)
	}
	if err != nil {
		return err
	}
	wanted := strings.TrimSpace(p.IntelRdt.L3CacheSchema + "\n" + p.IntelRdt.MemBwSchema)
	p.changes = append(p.changes, Change{
		ChangedSchemata, root.Path(group.Group, "schemata"), "/linux/intelRdt", strings.TrimSpace(now), wanted,
	})
	return nil
}

// apply carries out the update: the schemata, the limits, and the device rules. What comes
// later undoes what came before it if it fails.
func (p *preparedUpdate) apply() error {
	if p.IntelRdt != nil {
		// Update finds the same problems, but too late.
		if err := p.preview(); err != nil {
			return err
		}
	}
	undoRdt, err := p.updateRdt(resctrl.Host, p.IntelRdt)
	if err != nil {
		return explain.Cgroup("intel-rdt", err)
	}
	if err := p.applyLimits(); err != nil {
		return explain.Cgroup("cgroup", errors.Join(err, undoRdt()))
	}
	return nil
}

func (p *preparedUpdate) applyLimits() error {
	if p.manager == nil {
		return nil
	}
	if p.Resources == nil {
		return p.updateDevices()
	}
	t, err := p.manager.Update(p.Resources)
	if err != nil {
		return err
	}
	p.runtime.debugf("update %s: limits are set in %v", p.dir.ID(), p.state.Cgroup.Paths)
	if err := p.updateDevices(); err != nil {
		return t.Undone(err)
	}
	for _, d := range t.Deviations() {
		p.runtime.warn(fmt.Sprintf("%s: asked for %q, and the kernel has set %s to %q", d.Place, d.New, d.Path, d.Actual))
	}
	return nil
}

// ruleTexts returns device rules in a form that can be stored and compared.
func ruleTexts(rules []specs.LinuxDeviceCgroup) []string {
	number := func(n *int64) string {
		if n == nil || *n == -1 {
			return "*"
		}
		return strconv.FormatInt(*n, 10)
	}
	texts := make([]string, len(rules))
	for i, d := range rules {
		texts[i] = fmt.Sprintf("allow=%t type=%s %s:%s access=%s", d.Allow, d.Type, number(d.Major), number(d.Minor), d.Access)
	}
	return texts
}

// updateRdt writes schemata. For a container that was created without linux.intelRdt it
// first creates a group. undo restores what was there before.
func (c *Container) updateRdt(root resctrl.FS, r *specs.LinuxIntelRdt) (undo func() error, err error) {
	undo = func() error { return nil }
	if r == nil {
		return undo, nil
	}
	c.runtime.debugf("update %s: schemata in %s", c.dir.ID(), root.Path())
	if s := c.state.IntelRdt; s != nil {
		before, err := root.Schemata(s)
		if err == nil {
			err = root.Update(s, r)
		}
		return func() error { return root.Restore(s, before) }, err
	}
	s, err := root.Reserve(r, c.dir.ID())
	if err != nil {
		return undo, err
	}
	// Recorded before it is created, so that a delete finds it.
	c.state.IntelRdt = s
	if err := c.dir.Save(c.state); err != nil {
		return undo, err
	}
	undo = func() error {
		c.state.IntelRdt = nil
		// The kernel moves the processes of a group that is removed into the default one.
		return errors.Join(root.Remove(s), c.dir.Save(c.state))
	}
	err = root.Prepare(s, r)
	if err == nil {
		err = c.joinAll(root, s)
	}
	if err != nil {
		return undo, errors.Join(err, undo())
	}
	return undo, nil
}

// parseRules parses the result of ruleTexts.
func parseRules(texts []string) []specs.LinuxDeviceCgroup {
	number := func(text string) *int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	rules := make([]specs.LinuxDeviceCgroup, len(texts))
	for i, text := range texts {
		for _, part := range strings.Fields(text) {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "allow":
				rules[i].Allow = value == "true"
			case "type":
				rules[i].Type = value
			case "access":
				rules[i].Access = value
			default:
				major, minor, _ := strings.Cut(key, ":")
				rules[i].Major, rules[i].Minor = number(major), number(minor)
			}
		}
	}
	return rules
}

// joinAll moves all threads of the container into its group. A thread that is created
// meanwhile starts in the group of its parent, so this is repeated until no new ones
// are found.
func (c *Container) joinAll(root resctrl.FS, s *state.Rdt) error {
	joined := map[int]bool{}
	for again := true; again; {
		again = false
		pids, err := c.Pids()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			for _, tid := range threads(pid) {
				if joined[tid] {
					continue
				}
				joined[tid], again = true, true
				if err := root.Join(s, tid); err != nil && !errors.Is(err, unix.ESRCH) {
					return err
				}
			}
		}
	}
	return nil
}

// threads returns the thread ids of a process; none if it has ended.
func threads(pid int) []int {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/task")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []int{pid}
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var tids []int
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids
}
