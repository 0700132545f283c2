package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/netdev"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// RestoreOptions are the options of Restore. NoPivot, NoNewKeyring, ExtraFiles and
// ListenFDs have no meaning for a container that has been running already.
type RestoreOptions struct {
	RunOptions
	CRIUOptions
	// Images is the directory with the checkpoint. Work receives the log; "" is Images.
	Images, Work string
	// LSMProfile, TYPE:NAME, and LSMMountContext replace those of the checkpoint; "" keeps
	// them.
	LSMProfile, LSMMountContext string
	// TrustImages accepts images that other users could have written.
	TrustImages bool
}

// Restore creates a container from a bundle whose processes are those of a checkpoint. They
// run when it returns. The rootfs and the sources of bind mounts must have the content that
// they had. The caller closes the result. After an error nothing of the container is left.
// Errors are those of Create, and a *criu.Failure.
func (r *Runtime) Restore(ctx context.Context, o RestoreOptions) (*Process, error) {
	if err := o.becomeSubreaper(); err != nil {
		return nil, err
	}
	c, err := r.reserve(o.CreateOptions)
	if err != nil {
		return nil, err
	}
	restored := &restoration{creation: c, options: o}
	if err := restored.run(ctx); err != nil {
		return nil, restored.fail(err)
	}
	c.dir.Unlock()
	p := c.process()
	p.reapAll = o.Subreaper
	restored.notify(p)
	c.tellListeners("restore", c.pid)
	return p, nil
}

// restoration is the launch of a container whose processes criu creates.
type restoration struct {
	*creation
	options RestoreOptions
	criu    *criu.Process // nil until it runs, and once it has ended
	// removePivotDir is set for a root that is read-only: see makePivotDir.
	removePivotDir func()
}

func (r *restoration) run(ctx context.Context) error {
	if err := checkCheckpointable(r.spec); err != nil {
		return fault.Wrap("restore", fault.NotSupported, err)
	}
	program, err := criu.Find()
	if err != nil {
		return fault.Wrap("restore", fault.NotSupported, err)
	}
	files, err := r.openImages()
	if err != nil {
		return fault.Wrap("restore", fault.InvalidArgument, err)
	}
	defer closeFiles(files)
	r.plan = &plan.Plan{}
	if err := r.record(); err != nil {
		return err
	}
	if err := r.provideNotifyDir(); err != nil {
		return err
	}
	if err := r.openStreams(map[string]int{}); err != nil {
		return err
	}
	if err := r.createGroups(); err != nil {
		return err
	}
	r.state.Restoring = true
	if err := r.dir.Save(r.state); err != nil {
		return err
	}
	if err := r.restore(ctx, program, files); err != nil {
		return explainCRIU("restore", err)
	}
	if err := r.streams.receive(); err != nil {
		return err
	}
	if err := r.runPoststart(ctx, specs.StateRunning); err != nil {
		return err
	}
	return announce(r.options.PidfdSocket, "standard", r.options.PidFile, r.pid, r.pidfd)
}

// provideNotifyDir makes the directory for a socket of sd_notify(3) that the checkpoint may
// have mounted, also if there is no service manager now.
func (r *restoration) provideNotifyDir() error {
	if r.state.Notify {
		return nil
	}
	r.state.Notify = true
	return sdnotify.MakeDir(r.dir)
}

// notify tells the service manager that the container is ready: its process has said so
// before it was checkpointed. With Attached, p forwards its further messages.
func (r *restoration) notify(p *Process) {
	notifier := r.openNotifier(r.options.NotifySocket)
	if notifier == nil {
		return
	}
	if err := notifier.Ready(p.pid); err != nil {
		r.runtime.warn(err.Error())
	}
	if r.options.Attached {
		p.relay(notifier)
		return
	}
	notifier.Close()
}

// openImages opens the directories of the checkpoint, and checks who could have written it.
func (r *restoration) openImages() (criu.Files, error) {
	configFile, err := criu.ConfigFile(r.spec.Annotations)
	if err != nil {
		return criu.Files{}, err
	}
	files, err := openFiles(r.options.Images, r.options.Work, 0)
	if err != nil {
		return files, err
	}
	files.Config = configFile
	if !r.options.TrustImages {
		if err := criu.CheckImages(r.options.Images, files.Images); err != nil {
			closeFiles(files)
			return files, fmt.Errorf("images %w: whoever writes them decides what the restored processes do, with the privileges of root "+
				"(--trust-images restores them nevertheless)", err)
		}
	}
	return files, nil
}

// restore has criu make the processes.
func (r *restoration) restore(ctx context.Context, program string, files criu.Files) error {
	request := criu.Restore{
		Options: r.options.CRIUOptions, Files: files, Root: r.state.Rootfs,
		LSMProfile: r.options.LSMProfile, LSMMountContext: r.options.LSMMountContext,
	}
	request.EmptyNetwork = request.EmptyNetwork || isFilledByOthers(r.spec)
	namespaces, err := joinNamespaces(r.spec, &request)
	defer func() {
		for _, fd := range namespaces {
			unix.Close(fd)
		}
	}()
	if err != nil {
		return fault.Wrap("restore", fault.NamespaceFailed, err)
	}
	if err := r.inheritStreams(&request); err != nil {
		return err
	}
	if err := makeMountPoints(r.bundle); err != nil {
		return fault.Wrap("mount", fault.MountFailed, err)
	}
	if r.spec.Root.Readonly {
		r.removePivotDir = makePivotDir(r.state.Rootfs)
		defer r.removePivotDir()
	}
	outside, err := procfs.Mounts(nil)
	if err != nil {
		return err
	}
	request.External = r.externalSources(r.spec, outside)
	if err := onThread(func() error { return r.startCRIU(program, &request) }); err != nil {
		return err
	}
	defer closeFiles(request.Files)
	if request.CgroupRoots, err = r.enterGroups(); err != nil {
		return err
	}
	if err := setIOPriority(r.criu.Pid(), r.spec.Process); err != nil {
		return fault.Wrap("restore", fault.ProcessFailed, place.Wrap(place.At("/process/ioPriority"), err))
	}
	pid, err := r.criu.Restore(ctx, request, func(n criu.Notification) error { return r.answer(ctx, n) })
	if err != nil {
		return err
	}
	r.criu.Close()
	r.criu = nil
	if pid != r.pid {
		return fmt.Errorf("criu has restored process %d, and announced %d", pid, r.pid)
	}
	r.state.Restoring = false
	return r.dir.Save(r.state)
}

// setIOPriority gives a process the I/O priority of config.json. What it makes inherits that; it
// isn't in a checkpoint.
func setIOPriority(pid int, p *specs.Process) error {
	if p == nil || p.IOPriority == nil {
		return nil
	}
	const whoProcess = 1 // IOPRIO_WHO_PROCESS
	value, _ := words.IOPriority(p.IOPriority)
	_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(pid), uintptr(value))
	if errno != 0 {
		return fmt.Errorf("set the I/O priority of criu: %w", errno)
	}
	return nil
}

// makePivotDir makes the directory /tmp in a rootfs that has none, and returns a function that
// removes it; a second call does nothing. criu puts the old root there before it leaves it. In
// a read-only root it can't make a directory of its own.
func makePivotDir(rootfs string) (remove func()) {
	root, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	const name = "tmp"
	made := unix.Mkdirat(root, name, 0o755) == nil
	return sync.OnceFunc(func() {
		if made {
			_ = unix.Unlinkat(root, name, unix.AT_REMOVEDIR)
		}
		unix.Close(root)
	})
}

// inheritStreams names the streams that replace those of the checkpoint.
func (r *restoration) inheritStreams(request *criu.Restore) error {
	keys, err := criu.ReadDescriptors(request.Images)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if key != "" && !isInherited(request.Inherit, key) {
			request.Inherit = append(request.Inherit, criu.Inherited{Key: key, FD: r.streams.fds[i]})
		}
	}
	return nil
}

func isInherited(list []criu.Inherited, key string) bool {
	for _, in := range list {
		if in.Key == key {
			return true
		}
	}
	return false
}

// onThread calls f on a thread that ends with it, so that f may change the thread's mount
// namespace.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // A goroutine that ends while it is locked ends its thread.
		if unix.Gettid() != unix.Getpid() {
			done <- f()
			return
		}
		// But not the main thread, whose namespaces are those of /proc/self.
		done <- onThread(f)
		runtime.UnlockOSThread()
	}()
	return <-done
}

// startCRIU starts criu in a mount namespace of its own in which the rootfs is a mount
// point: criu requires that. Nothing is mounted on the host, and nothing remains if this
// process is killed.
//
// The directories of the request are opened once more, in that mount namespace, because criu
// mounts something below the work directory. The caller closes them.
func (r *restoration) startCRIU(program string, request *criu.Restore) (err error) {
	if err := newKeyring(); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount namespace for criu: %w", err)
	}
	// Nothing is propagated to the host. What was propagated from it to the container can be
	// again: criu looks for the peer groups of the checkpoint's mounts at their sources.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mount namespace for criu: %w", err)
	}
	if err := unix.Mount(request.Root, request.Root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s for criu: %w", request.Root, err)
	}
	if request.Files, err = reopenFiles(request.Files, r.options); err != nil {
		return err
	}
	if r.criu, err = criu.StartRestore(program, *request); err != nil {
		closeFiles(request.Files)
	}
	return err
}

// newKeyring gives the thread, and with it the processes that criu makes, a session keyring of
// its own, as create does: they would possess the keys of this process otherwise. A kernel
// without keyrings and an exhausted quota are no errors.
func newKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	switch err {
	case nil, unix.ENOSYS, unix.EDQUOT, unix.EPERM, unix.EACCES:
		return nil
	}
	return fmt.Errorf("session keyring: %w", err)
}

// reopenFiles opens the directories of a checkpoint in the thread's mount namespace. They must
// still be those that were checked.
func reopenFiles(checked criu.Files, o RestoreOptions) (criu.Files, error) {
	again, err := openFiles(o.Images, o.Work, 0)
	if err != nil {
		return again, err
	}
	again.Config = checked.Config
	var before, now unix.Stat_t
	if err = unix.Fstat(checked.Images, &before); err == nil {
		err = unix.Fstat(again.Images, &now)
	}
	if err == nil && (before.Dev != now.Dev || before.Ino != now.Ino) {
		err = errors.New("another directory is there now")
	}
	if err != nil {
		closeFiles(again)
		return criu.Files{Images: -1, Work: -1}, fmt.Errorf("images %s: %w", o.Images, err)
	}
	return again, nil
}

// enterGroups moves criu into the container's groups, which the processes inherit that it
// makes. It returns the cgroups that replace those of the checkpoint.
func (r *restoration) enterGroups() (map[string]string, error) {
	if err := resctrl.Host.Join(r.state.IntelRdt, r.criu.Pid()); err != nil {
		return nil, explain.Cgroup("intel-rdt", err)
	}
	if r.cgroup == nil {
		return nil, nil
	}
	if err := r.enterCgroup(); err != nil {
		return nil, explain.Cgroup("cgroup", err)
	}
	memberships, err := procfs.ReadCgroups(r.criu.Pid())
	if err != nil {
		return nil, err
	}
	roots := map[string]string{}
	for _, m := range memberships {
		for _, controller := range m.Controllers {
			roots[controller] = m.Path
		}
	}
	return roots, nil
}

// enterCgroup moves criu into the cgroup, which systemd creates for that.
func (r *restoration) enterCgroup() error {
	if r.joinsCgroup() {
		return r.joinCgroup(r.criu.Pid())
	}
	return r.cgroup.Join(r.criu.Pid())
}

// answer acts on a notification, for which criu waits.
func (r *restoration) answer(ctx context.Context, n criu.Notification) error {
	r.runtime.debugf("restore %s: criu: %s, pid %d", r.dir.ID(), n.Point, n.Pid)
	if n.FD >= 0 {
		defer unix.Close(n.FD)
	}
	switch n.Point {
	case criu.SetupNamespaces:
		if err := r.known(n.Pid); err != nil {
			return err
		}
		if err := completeNetwork(n.Pid, r.spec); err != nil {
			return fault.Wrap("network", fault.NetworkFailed, err)
		}
		var err error
		if r.devices, err = netdev.Move(n.Pid, r.spec.Linux.NetDevices); err != nil {
			return fault.Wrap("network-device", fault.NetworkFailed, err)
		}
		return r.runFirstHooks(ctx, ociState(r.state, specs.StateCreating))
	case criu.PostRestore:
		if err := r.known(n.Pid); err != nil {
			return err
		}
		if r.spec.Root.Readonly {
			r.removePivotDir()
			if err := makeRootReadonly(n.Pid); err != nil {
				return fault.Wrap("root", fault.MountFailed, place.Wrap(place.At("/root/readonly"), err))
			}
		}
		return r.limit()
	case criu.OrphanPtsMaster:
		if n.FD < 0 {
			return errors.New("criu has sent no terminal")
		}
		return r.streams.send(n.FD)
	}
	return nil
}

// known records the pid of the container's init.
func (r *restoration) known(pid int) error {
	if pid == r.pid {
		return nil
	}
	if err := r.identify(pid); err != nil {
		return err
	}
	return r.dir.Save(r.state)
}

// makeRootReadonly makes the root of a container read-only. criu needs it to be writable
// until all is mounted, whatever it was before. The container's processes are stopped.
func makeRootReadonly(pid int) error {
	namespace, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/mnt")
	if err != nil {
		return err
	}
	defer namespace.Close()
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace: %w", err)
		}
		return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	})
}

// limit sets the limits of the config, which would otherwise limit criu. The processes
// haven't continued yet.
func (r *restoration) limit() error {
	if r.cgroup == nil {
		return nil
	}
	if err := r.setLimits(); err != nil {
		return explain.Cgroup("cgroup", err)
	}
	return explain.Cgroup("cgroup", r.runtime.cgroups().SetDevices(r.cgroup, r.spec))
}

// fail removes everything that was created, and returns the error of the restore, which has
// failed with err.
func (r *restoration) fail(err error) error {
	if r.criu != nil {
		r.criu.Kill()
		if r.state != nil && r.state.Restoring {
			r.warnAbout(r.killAll(unix.SIGKILL))
		}
		r.criu.Close()
	}
	return r.undo(err)
}
