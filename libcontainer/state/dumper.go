package state

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
)

// dumperName is the file that says which process checkpoints the container, as long as it
// does. A container doesn't end before that process, its tracer, lets go of it: ptrace(2).
const dumperName = "dumper.json"

// SaveDumper writes that a process, a child of this one, checkpoints the container.
func (e *Dir) SaveDumper(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd of pid %d: %w", pid, err)
	}
	defer unix.Close(fd)
	inode, err := pidfd.Inode(fd)
	if err != nil {
		return err
	}
	stat, err := procfs.ReadStat(pid)
	if err != nil {
		return err
	}
	w := &jsontext.Writer{}
	w.Begin('{')
	w.Int("pid", pid)
	w.Uint("startTime", stat.StartTime)
	w.Uint("pidfdInode", inode)
	w.End('}')
	if err := e.writeFile(dumperName, unix.O_TRUNC, w.Text); err != nil {
		return fmt.Errorf("state file %s/%s: %w", e.Path(), dumperName, err)
	}
	return nil
}

// RemoveDumper removes what SaveDumper has written.
func (e *Dir) RemoveDumper() { _ = unix.Unlinkat(e.fd, dumperName, 0) }

// OpenDumper returns a pidfd of the process that checkpoints the container, which the caller
// closes. The error is fault.ErrNotRunning if there is none.
func (e *Dir) OpenDumper() (int, error) {
	content, err := e.ReadFile(dumperName)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, fault.ErrNotRunning
	}
	if err != nil {
		return -1, fmt.Errorf("state file %s/%s: %w", e.Path(), dumperName, err)
	}
	var pid int
	var startTime, inode uint64
	// One that a kill has left incomplete names no process.
	_ = jsontext.DecodeObject(dumperName, content, func(key string, v jsontext.Value) bool {
		switch key {
		case "pid":
			v.Int(&pid)
		case "startTime":
			v.Uint(&startTime)
		case "pidfdInode":
			v.Uint(&inode)
		default:
			return false
		}
		return true
	})
	return openProcess(pid, startTime, inode)
}
