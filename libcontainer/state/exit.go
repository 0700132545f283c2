package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
)

// exitName is the file with the Exit of the container's init. It is written by the command
// that learns of the end, if one does.
const exitName = "exit.json"

// Exit records how the container's init has ended.
type Exit struct {
	// Status is the status of wait(2).
	Status unix.WaitStatus
	// OOMKills is the number of the container's processes that the kernel has killed
	// because of a lack of memory; -1 if it isn't known.
	OOMKills int
	// Finished is the time at which the command has noticed the end.
	Finished time.Time
}

// SaveExit writes the record, unless there is one. The error matches fs.ErrNotExist if the
// directory has been removed.
func (e *Dir) SaveExit(x *Exit) error {
	w := &jsontext.Writer{}
	w.Begin('{')
	w.Uint("status", uint64(x.Status))
	w.Int("oomKills", x.OOMKills)
	w.String("finished", x.Finished.Format(time.RFC3339Nano))
	w.End('}')
	// The name appears with the whole content: link(2) doesn't replace a record.
	name := temporaries + "exit." + strconv.Itoa(os.Getpid()) + "." + strconv.FormatUint(saves.Add(1), 10)
	err := e.writeFile(name, 0, w.Text)
	if err == nil {
		err = unix.Linkat(e.fd, name, e.fd, exitName, 0)
		_ = unix.Unlinkat(e.fd, name, 0)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("state file %s/%s: %w", e.Path(), exitName, err)
	}
	return nil
}

// LoadExit returns the record, nil if there is none.
func (e *Dir) LoadExit() (*Exit, error) {
	content, err := e.ReadFile(exitName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state file %s/%s: %w", e.Path(), exitName, err)
	}
	x := &Exit{OOMKills: -1}
	var status uint64
	var finished string
	err = jsontext.DecodeObject(exitName, content, func(key string, v jsontext.Value) bool {
		switch key {
		case "status":
			v.Uint(&status)
		case "oomKills":
			v.Int(&x.OOMKills)
		case "finished":
			v.String(&finished)
		default:
			return false
		}
		return true
	})
	if err == nil {
		x.Finished, err = time.Parse(time.RFC3339Nano, finished)
	}
	if err != nil {
		return nil, fmt.Errorf("exit record of %s in %s: %w", e.id, e.root, err)
	}
	x.Status = unix.WaitStatus(status)
	return x, nil
}
