package v2

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/procfs"
)

// Group is a cgroup at or below the container's, in which a process can be started.
type Group struct{ dir *cgroupfs.Dir }

// Dir returns a descriptor for CLONE_INTO_CGROUP, which the Group owns.
func (g *Group) Dir() (int, error) { return g.dir.FD() }

// Procs opens the file cgroup.procs of Dir. The caller closes the descriptor.
func (g *Group) Procs() (int, error) { return g.dir.Procs() }

// Tasks returns nothing, because a process is cloned into Dir.
func (*Group) Tasks() ([]int, error) { return nil, nil }

// Join moves a process into the cgroup.
func (g *Group) Join(pid int) error { return join(g.dir, pid) }

// Close closes the descriptor of Dir.
func (g *Group) Close() { g.dir.Close() }

// Sub returns an existing cgroup below the container's. The paths are those of exec
// --cgroup by controller. In the unified hierarchy only the key "", for all
// controllers, is valid.
func (m *Manager) Sub(paths map[string]string) (*Group, error) {
	path, ok := paths[""]
	if !ok || len(paths) != 1 {
		return nil, errors.New("cgroup v2 has one hierarchy: the cgroup must be given without any controller")
	}
	dir, err := m.dir.Sub(path)
	if err != nil {
		return nil, err
	}
	return &Group{dir: dir}, nil
}

// GroupOf returns the cgroup that a process of the container is in. The container
// may have moved its processes to cgroups below its own and enabled controllers
// for them; then the kernel allows no process in its own. Somebody else may have
// moved them anywhere.
func (m *Manager) GroupOf(pid int) (*Group, error) {
	cgroups, err := procfs.ReadCgroups(pid)
	if err != nil {
		return nil, err
	}
	path, _ := cgroups.Path("")
	dir, err := m.dir.Member(m.mount, path)
	if err != nil {
		return nil, err
	}
	return &Group{dir: dir}, nil
}

// Chown delegates the cgroup to a user of the container: it changes the owner of the
// directory, and of the files that the kernel lists as safe to delegate. The files
// with limits stay root's.
func (m *Manager) Chown(uid int) error {
	if err := unix.Fchownat(unix.AT_FDCWD, m.dir.Path(), uid, -1, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("change the owner of cgroup %s to user %d: %w", m.dir.Path(), uid, cgroupfs.Denied(err))
	}
	fd, err := m.dir.FD()
	if err != nil {
		return err
	}
	for _, file := range delegated() {
		err := unix.Fchownat(fd, file, uid, -1, unix.AT_SYMLINK_NOFOLLOW)
		// Which files a cgroup has depends on its controllers.
		if err != nil && err != unix.ENOENT {
			return fmt.Errorf("change the owner of %s/%s to user %d: %w", m.dir.Path(), file, uid, cgroupfs.Denied(err))
		}
	}
	return nil
}

// delegated returns the files to delegate by the kernel's list. Kernels without the
// list have these three (config-linux.md, Cgroup ownership).
func delegated() []string {
	text, err := os.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil {
		return []string{"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
	}
	var files []string
	for _, name := range strings.Fields(string(text)) {
		if cgroupfs.ValidFileName(name) {
			files = append(files, name)
		}
	}
	return files
}
