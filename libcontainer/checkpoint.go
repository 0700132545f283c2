package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/specconv/words"
)

// CRIUOptions are what a checkpoint and its restore have in common.
type CRIUOptions = criu.Options

// CheckpointOptions are the options of Checkpoint.
type CheckpointOptions struct {
	CRIUOptions
	// Images is the directory that receives the checkpoint; it is created. Work receives
	// the log; "" is Images.
	Images, Work string
	// Parent is the directory of an earlier checkpoint, of which only what has changed is
	// kept, relative to Images; "" is none.
	Parent string
	// PreDump makes a first copy of the memory for later checkpoints to build on, and
	// nothing else. LeaveRunning keeps the container after a complete checkpoint.
	PreDump, LeaveRunning bool
	// SkipInFlight leaves out TCP connections that aren't established yet, and LinkRemap
	// gives deleted files that are in use a temporary name.
	SkipInFlight, LinkRemap bool
	// PageServer receives the memory; nil is Images.
	PageServer *criu.PageServer
	// StatusFD is a descriptor to which a zero byte is written when pages can be fetched,
	// with LazyPages; nil for none.
	StatusFD *int
}

// Checkpoint writes the state of a container's processes to a directory, and removes the
// container, as Delete does, unless LeaveRunning or PreDump is set. The container must be
// running or paused, and have a mount namespace of its own. After an error the container
// continues as it was before.
//
// The error is a fault.State if the container's status doesn't permit it, and a
// *criu.Failure, which says what to do if that is known, if criu couldn't do it.
func (c *Container) Checkpoint(ctx context.Context, o CheckpointOptions) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if o.LazyPages && o.PageServer == nil {
		return fault.Wrap("checkpoint", fault.NotSupported, errors.New("nobody can fetch the memory of --lazy-pages without the address at which it is: "+
			"add --page-server ADDRESS:PORT"))
	}
	if status != Running && status != Paused {
		return fault.State(fmt.Sprintf("Container cannot be checkpointed in %s state", status))
	}
	spec, err := c.config()
	if err != nil {
		return err
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	if err := checkCheckpointable(spec); err != nil {
		return fault.Wrap("checkpoint", fault.NotSupported, err)
	}
	if err := c.dump(ctx, spec, o); err != nil {
		return explainCRIU("checkpoint", errors.Join(err, c.thawUnless(status == Paused)))
	}
	c.tellListeners("checkpoint", 0)
	if o.PreDump || o.LeaveRunning {
		return nil
	}
	return c.Delete(true)
}

// explainCRIU returns the error of a step in which criu has failed, with its hint.
func explainCRIU(step string, err error) error {
	err = fault.Wrap(step, fault.CheckpointFailed, err)
	var failure *criu.Failure
	if f := fault.Of(err); f != nil && errors.As(err, &failure) {
		f.Hint = failure.Hint
	}
	return err
}

// thawUnless thaws the container that a failed checkpoint has frozen.
func (c *Container) thawUnless(wasPaused bool) error {
	m := c.manager()
	if wasPaused || m == nil {
		return nil
	}
	if frozen, err := m.Frozen(); err != nil || !frozen {
		return nil
	}
	return explain.Cgroup("cgroup", m.Thaw())
}

// dump has criu write the images, and writes what is needed beside them.
func (c *Container) dump(ctx context.Context, spec *specs.Spec, o CheckpointOptions) error {
	process, err := c.state.OpenProcess() // its pid can't be reused meanwhile
	if err != nil {
		return err
	}
	defer unix.Close(process)
	program, err := criu.Find()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o700)
	if words.CreatesNamespace(spec, specs.UserNamespace) {
		// The container's root opens the images that belong to a restored process, and is
		// nobody here. Their names are known; their content isn't readable.
		mode = 0o711
	}
	files, err := openFiles(o.Images, o.Work, mode)
	if err != nil {
		return err
	}
	defer closeFiles(files)
	if err := criu.CheckDir(o.Images, files.Images); err != nil {
		return fmt.Errorf("images %w: choose a directory of your own", err)
	}
	if files.Config, err = criu.ConfigFile(spec.Annotations); err != nil {
		return err
	}
	d, err := c.planDump(spec, o)
	if err != nil {
		return err
	}
	d.Files = files
	p, err := criu.Start(program)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := c.dir.SaveDumper(p.Pid()); err != nil {
		return err
	}
	defer c.dir.RemoveDumper()
	c.warnOfOthers()
	c.runtime.debugf("checkpoint %s: %s writes to %s, external: %q", c.dir.ID(), program, o.Images, d.External)
	return p.Dump(ctx, d, func(n criu.Notification) error {
		c.runtime.debugf("checkpoint %s: criu: %s", c.dir.ID(), n.Point)
		if n.Point == criu.PostDump && !o.PreDump {
			// From here on the checkpoint can be restored, with LazyPages before this ends.
			return criu.WriteDescriptors(files.Images, c.state.Streams)
		}
		return nil
	})
}

// killDumper kills the process that checkpoints a container that runs, if there is one: the
// container couldn't end before. One that waits for somebody who fetches the memory doesn't
// end by itself.
func (c *Container) killDumper() {
	process, err := c.dir.OpenDumper()
	if err != nil {
		return
	}
	defer unix.Close(process)
	if !c.isAlive() {
		return // The checkpoint is complete.
	}
	_ = unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0)
	c.runtime.debugf("%s: the process that checkpoints it is killed", c.dir.ID())
}

// warnOfOthers warns of the container's processes that aren't descendants of its init, as
// those of exec: criu writes one tree of processes, and the others end with the container.
func (c *Container) warnOfOthers() {
	pids, err := c.Pids()
	if err != nil {
		return
	}
	known := map[int]procfs.Stat{}
	for _, pid := range pids {
		if s, err := procfs.ReadStat(pid); err == nil {
			known[pid] = s
		}
	}
	var others []string
	for _, pid := range pids {
		if s, ok := known[pid]; ok && !c.descends(pid, known) {
			others = append(others, fmt.Sprintf("%d %q", pid, s.Name))
		}
	}
	if len(others) > 0 {
		c.runtime.warn(fmt.Sprintf("%d process(es) of %s aren't part of the checkpoint: criu writes only the descendants of the container's init, "+
			"and not what exec has started: %s", len(others), c.dir.ID(), strings.Join(others, ", ")))
	}
}

// descends reports whether pid is the container's init, or one of its descendants.
func (c *Container) descends(pid int, known map[int]procfs.Stat) bool {
	for range known { // no path from child to parent is longer
		if pid == c.state.Pid {
			return true
		}
		s, ok := known[pid]
		if !ok {
			return false
		}
		pid = s.Parent
	}
	return false
}

// planDump returns the request to criu.
func (c *Container) planDump(spec *specs.Spec, o CheckpointOptions) (criu.Dump, error) {
	d := criu.Dump{
		Options: o.CRIUOptions, Pid: c.state.Pid, Parent: o.Parent, Pre: o.PreDump, LeaveRunning: o.LeaveRunning,
		SkipInFlight: o.SkipInFlight, LinkRemap: o.LinkRemap, PageServer: o.PageServer, StatusFD: o.StatusFD,
		FreezeCgroup: c.freezerOf(),
	}
	d.EmptyNetwork = d.EmptyNetwork || isFilledByOthers(spec)
	for _, key := range c.state.Streams {
		if criu.IsExternal(key) && !slices.Contains(d.External, key) {
			d.External = append(d.External, key)
		}
	}
	inside, err := procfs.MountsOf(c.state.Pid)
	if err != nil {
		return d, err
	}
	outside, err := procfs.Mounts(nil)
	if err != nil {
		return d, err
	}
	mounts, err := c.externalMounts(spec, inside, outside)
	if err != nil {
		return d, err
	}
	namespaces, err := c.namedNamespaces(spec)
	d.External = slices.Concat(d.External, mounts, namespaces)
	return d, err
}

// openFiles opens the directories of a checkpoint. That of the images is created with a mode,
// unless that is 0.
func openFiles(images, work string, mode fs.FileMode) (f criu.Files, err error) {
	if f.Images, err = criu.OpenDir(images, mode); err != nil {
		return f, fmt.Errorf("images: %w", err)
	}
	if work == "" {
		work = images
	}
	// A restore's log goes into a directory that may not exist yet, too.
	if f.Work, err = criu.OpenDir(work, 0o700); err != nil {
		unix.Close(f.Images)
		return f, fmt.Errorf("work directory: %w", err)
	}
	if err := criu.CheckDir(work, f.Work); err != nil && work != images {
		closeFiles(f)
		return f, fmt.Errorf("work directory %w: choose a directory of your own", err)
	}
	return f, nil
}

func closeFiles(f criu.Files) {
	unix.Close(f.Images)
	unix.Close(f.Work)
}
