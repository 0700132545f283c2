package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/specconv/words"
)

// Namespace is a namespace of the container's init.
type Namespace struct {
	// Type is as in config.json.
	Type string `json:"type"`
	// Inode identifies it as long as it exists.
	Inode uint64 `json:"inode"`
	// Runtime reports whether the calling process is in it.
	Runtime bool `json:"runtime"`
	// Containers are the other containers of the state root whose init is in it.
	Containers []string `json:"containers"`
}

// Namespaces returns the namespaces of a process. The user may not be permitted to know
// those of another user's process: then there are none.
func Namespaces(t *procfs.Task) ([]Namespace, error) {
	var list []Namespace
	for _, kind := range words.NamespaceTypes {
		inode, err := t.Namespace(kind.File)
		switch {
		case errors.Is(err, fs.ErrNotExist) && kind.Optional:
			continue // the kernel has none
		case errors.Is(err, fs.ErrPermission):
			return nil, nil
		case err != nil:
			return nil, err
		}
		own, err := ownNamespace(kind.File)
		if err != nil {
			return nil, err
		}
		list = append(list, Namespace{Type: string(kind.Name), Inode: inode, Runtime: inode == own, Containers: []string{}})
	}
	return list, nil
}

// ownNamespace returns the inode number of a namespace of the calling process.
func ownNamespace(file string) (uint64, error) {
	path := "/proc/self/ns/" + file
	text, err := os.Readlink(path)
	if err != nil {
		return 0, err
	}
	_, number, _ := strings.Cut(text, ":[")
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: not a namespace: %q", path, text)
	}
	return inode, nil
}

// namespaceAt returns the inode number of the namespace at a path of config.json.
func namespaceAt(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}
