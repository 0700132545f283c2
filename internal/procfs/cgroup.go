package procfs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Membership is the cgroup of a process in one hierarchy, a line of
// /proc/PID/cgroup (cgroups(7)).
type Membership struct {
	// Controllers are the controllers of the hierarchy; "name=NAME" for a named one.
	// For the cgroup2 hierarchy they are a single "".
	Controllers []string
	// Path is the path of the cgroup in its hierarchy, as the cgroup namespace of the
	// reader shows it. It begins with "/".
	Path string
}

// Memberships are the cgroups of one process.
type Memberships []Membership

// ReadCgroups reads /proc/PID/cgroup. The error matches fs.ErrNotExist if there is no
// such process.
func ReadCgroups(pid int) (Memberships, error) {
	return readCgroups(strconv.Itoa(pid))
}

// OwnCgroups returns the cgroups of the calling process.
func OwnCgroups() (Memberships, error) { return readCgroups("self") }

func readCgroups(process string) (Memberships, error) {
	text, err := os.ReadFile("/proc/" + process + "/cgroup")
	if err != nil {
		return nil, fmt.Errorf("read the cgroups of process %s: %w", process, err)
	}
	return ParseCgroups(string(text)), nil
}

// ParseCgroups parses the contents of /proc/PID/cgroup. Lines in another format
// are skipped.
func ParseCgroups(text string) Memberships {
	var list Memberships
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 {
			list = append(list, Membership{strings.Split(fields[1], ","), fields[2]})
		}
	}
	return list
}

// Path returns the cgroup in the hierarchy of a controller, "" for the cgroup2
// hierarchy. ok is false if there is no such hierarchy.
func (l Memberships) Path(controller string) (path string, ok bool) {
	i := slices.IndexFunc(l, func(m Membership) bool { return slices.Contains(m.Controllers, controller) })
	if i < 0 {
		return "", false
	}
	return l[i].Path, true
}
