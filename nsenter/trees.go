package nsenter

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter/plan"
)

// AnswerTree answers the message m, a Tree, for the step that has sent it. A step that
// fails has a Failure, as if the child had carried it out alone.
//
// The tree is cloned in the mount namespace of the child, with the privileges of this
// process. There it shows what the steps before have mounted, and a mount namespace of a
// user namespace keeps its flags and the mounts below it locked (mount_namespaces(7)),
// which they wouldn't be in a clone from ours.
func (c *Child) AnswerTree(p *plan.Plan, step plan.Op, m Message) (*Failure, error) {
	if c.mounts == nil {
		mounts, err := enterMounts(m.FD, m.Root)
		if err != nil {
			return nil, err
		}
		c.mounts = mounts
	}
	tree, part, err := c.tree(p, step, m.Pid)
	var errno unix.Errno
	switch {
	case part != PartNone && errors.As(err, &errno):
		return &Failure{Step: m.Step, Part: part, Errno: errno}, nil
	case err != nil:
		return nil, err
	}
	defer unix.Close(tree)
	return nil, c.pass(tree)
}

func (c *Child) tree(p *plan.Plan, step plan.Op, pid int) (tree int, part Part, err error) {
	switch o := step.(type) {
	case plan.Root:
		c.mounts.do(func() { tree, part, err = attachRoot(o.Path) })
		return tree, part, err
	case plan.Bind:
		return c.mappedTree(p, plan.CloneTree{Source: o.Source, IDMap: o.IDMap, Recursive: o.Recursive}, pid)
	case plan.CloneTree:
		return c.mappedTree(p, o, pid)
	}
	return -1, PartNone, fmt.Errorf("the child asks for a tree in step %s", step.Kind())
}

// mappedTree clones the tree of a bind mount, which is idmapped if the step says so.
func (c *Child) mappedTree(p *plan.Plan, o plan.CloneTree, pid int) (tree int, part Part, err error) {
	c.mounts.do(func() { tree, err = cloneTree(unix.AT_FDCWD, o.Source, o.Recursive) })
	if err != nil {
		return -1, PartSource, err
	}
	if err = mapTree(tree, p, o.IDMap, pid); err != nil {
		unix.Close(tree)
		return -1, PartIDMap, err
	}
	return tree, PartNone, nil
}

func cloneTree(dir int, path string, recursive bool) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.OpenTree(dir, path, flags)
}

// ClonePrivate returns a clone of the mount of a file, to be attached in a mount namespace that
// isn't trusted. It is cloned in a copy of the mount namespace in which nothing propagates: a
// clone of a shared mount belongs to its peer group, so that what others mount on the clone
// would be mounted on the file, too (mount_namespaces(7)).
func ClonePrivate(path string) (tree int, err error) {
	cloned := make(chan struct{})
	onLostThread(func() {
		defer close(cloned)
		tree = -1
		if err = unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return
		}
		if err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err == nil {
			tree, err = cloneTree(unix.AT_FDCWD, path, false)
		}
	})
	<-cloned
	return tree, err
}

// attachRoot attaches a clone of the directory path over it, as op_root does.
func attachRoot(path string) (tree int, part Part, err error) {
	at, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, PartTarget, err
	}
	defer unix.Close(at)
	if tree, err = cloneTree(at, "", true); err != nil {
		return -1, PartSource, err
	}
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		unix.Close(tree)
		return -1, PartAttach, err
	}
	return tree, PartNone, nil
}

// mapTree applies one of the plan's IDMaps, unless name is "", to a tree that isn't
// attached yet.
func mapTree(tree int, p *plan.Plan, name string, pid int) error {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(p.IDMaps, func(m plan.IDMap) bool { return m.Name == name })
	if i < 0 {
		return fmt.Errorf("plan: no idmap %q", name)
	}
	m := &p.IDMaps[i]
	ns, err := mappedNamespace(m, pid)
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	flags := uint(unix.AT_EMPTY_PATH)
	if m.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(tree, "", flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns)})
}

// mappedNamespace returns a user namespace with the mappings of m.
func mappedNamespace(m *plan.IDMap, pid int) (ns int, err error) {
	if len(m.UIDs)+len(m.GIDs) == 0 {
		return procfs.OpenNamespace(pid, "user")
	}
	return newUserNamespace(m)
}

// mountThread is a thread in the mount namespace of another process.
type mountThread struct{ calls chan func() }

// enterMounts starts a thread in a mount namespace, with a root directory in it.
func enterMounts(ns, root int) (*mountThread, error) {
	t := &mountThread{calls: make(chan func())}
	entered := make(chan error)
	onLostThread(func() { t.run(ns, root, entered) })
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("enter the mount namespace of the child: %w", err)
	}
	return t, nil
}

// onLostThread starts f on a thread that ends with it, because f never unlocks it. It is not
// the main thread, whose mount namespace is the one that /proc/self shows to all others:
// while a goroutine holds that, the next one runs on another thread.
func onLostThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		onLostThread(func() {
			defer close(done)
			f()
		})
		<-done
	}()
}

// run is the thread.
func (t *mountThread) run(ns, root int, entered chan<- error) {
	err := unix.Unshare(unix.CLONE_FS) // setns(2) requires it
	if err == nil {
		err = unix.Setns(ns, unix.CLONE_NEWNS)
	}
	if err == nil {
		err = unix.Fchdir(root)
	}
	if err == nil {
		err = unix.Chroot(".")
	}
	entered <- err
	if err != nil {
		return
	}
	for call := range t.calls {
		call()
	}
}

// do calls f on the thread.
func (t *mountThread) do(f func()) {
	done := make(chan struct{})
	t.calls <- func() {
		f()
		close(done)
	}
	<-done
}

func (t *mountThread) close() { close(t.calls) }
