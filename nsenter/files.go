package nsenter

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter/plan"
)

// openedFiles are the plan's files, in its order; owned are those to close.
type openedFiles struct {
	fds   []int
	owned []int
}

func (f *openedFiles) close() {
	for _, fd := range f.owned {
		unix.Close(fd)
	}
}

func openFiles(p *plan.Plan, provided map[string]int) (f openedFiles, err error) {
	for i := range p.Files {
		file := &p.Files[i]
		if file.Source == plan.Provided {
			fd, ok := provided[file.Name]
			if !ok {
				return f, fmt.Errorf("plan: file %q is not provided", file.Name)
			}
			f.fds = append(f.fds, fd)
			continue
		}
		fd, err := OpenNamespace(file)
		if err != nil {
			return f, place.Wrap(file.Origin, err)
		}
		f.fds = append(f.fds, fd)
		f.owned = append(f.owned, fd)
	}
	return f, nil
}

// CheckNamespace reports whether the namespace at path can be opened and is of type
// nsType, CLONE_NEW*. It doesn't join the namespace, so that joining may still fail.
func CheckNamespace(path string, nsType uint64) error {
	fd, err := OpenNamespace(&plan.File{Path: path, NSType: nsType})
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// OpenNamespace opens the namespace that a File of a plan refers to, and checks its type.
// The caller closes it.
func OpenNamespace(file *plan.File) (int, error) {
	fd, err := unix.Open(file.Path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open namespace %s: %w", file.Path, err)
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is not a namespace", file.Path)
	}
	if uint64(kind) != file.NSType {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is a namespace of another type", file.Path)
	}
	return fd, nil
}

// newUserNamespace creates a user namespace with these maps and returns a
// descriptor, which alone keeps it: the child that creates it exits.
func newUserNamespace(m *plan.IDMap) (int, error) {
	p := &plan.Plan{}
	p.Add(place.Place{}, plan.Unshare{Flags: unix.CLONE_NEWUSER})
	p.Add(place.Place{}, plan.Checkpoint{Point: plan.CheckpointMaps})
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	c, err := Start(p, Options{Stdio: [3]int{null, null, null}, Cgroup: -1})
	if err != nil {
		return -1, err
	}
	defer c.Reap()
	msg, err := c.Next()
	if err != nil {
		return -1, err
	}
	if msg.Kind != Maps {
		return -1, fmt.Errorf("new user namespace: %w", msg.Failure.Errno)
	}
	if err := WriteMaps(c.Pid, m.UIDs, m.GIDs); err != nil {
		return -1, err
	}
	fd, err := procfs.OpenNamespace(c.Pid, "user")
	if err != nil {
		return -1, fmt.Errorf("user namespace of pid %d: %w", c.Pid, err)
	}
	return fd, nil
}

// Reap closes the conversation, upon which a child that waits for an answer exits,
// and waits for the process that was cloned.
func (c *Child) Reap() {
	c.Close()
	for {
		_, err := unix.Wait4(c.Pid, nil, 0, nil)
		if err != unix.EINTR {
			break
		}
	}
	if c.PidFD >= 0 {
		unix.Close(c.PidFD)
		c.PidFD = -1
	}
}

// WriteMaps writes the id maps of the user namespace of the process pid.
func WriteMaps(pid int, uids, gids []plan.IDRange) error {
	if err := writeMap(pid, "uid_map", uids); err != nil {
		return err
	}
	return writeMap(pid, "gid_map", gids)
}

// writeMap writes a map with one write(2), as the kernel requires.
func writeMap(pid int, name string, ranges []plan.IDRange) error {
	if err := procfs.WriteFile(pid, name, MapLines(ranges)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// MapLines returns ranges in the format of uid_map, user_namespaces(7).
func MapLines(ranges []plan.IDRange) []byte {
	var b []byte
	for _, r := range ranges {
		b = strconv.AppendUint(b, uint64(r.Container), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(r.Host), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(r.Size), 10)
		b = append(b, '\n')
	}
	return b
}
