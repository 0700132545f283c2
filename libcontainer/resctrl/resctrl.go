// Package resctrl puts a container into a class of service of Intel RDT or AMD QoS,
// config-linux.md "IntelRdt" and Documentation/filesystems/resctrl.rst of the kernel.
package resctrl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/state"
)

// FS is a resctrl file system, by its mount point.
type FS string

// Host is the file system of the host.
const Host FS = "/sys/fs/resctrl"

// Reserve returns the groups that a container will be in; nil without linux.intelRdt,
// with which all methods do nothing. Groups of its name that exist already are an
// error, EEXIST: they aren't the container's, and its delete would remove them.
func (root FS) Reserve(r *specs.LinuxIntelRdt, id string) (*state.Rdt, error) {
	s := groups(r, id)
	switch {
	case s == nil:
		return nil, nil
	case s.Own && root.Has(s.Group):
		return nil, place.Errorf(place.At("/linux/intelRdt"), "the group %s is there already: %w", root.Path(s.Group), unix.EEXIST)
	case s.Monitor != "" && root.Has(s.Group, s.Monitor):
		return nil, place.Errorf(place.At("/linux/intelRdt/enableMonitoring"), "the group %s is there already: %w", root.Path(s.Group, s.Monitor), unix.EEXIST)
	}
	return s, nil
}

func groups(r *specs.LinuxIntelRdt, id string) *state.Rdt {
	if r == nil {
		return nil
	}
	s := &state.Rdt{Group: r.ClosID}
	switch r.ClosID {
	case "":
		s.Group, s.Own = id, true
	case "/":
		s.Group = ""
	}
	if r.EnableMonitoring {
		s.Monitor = filepath.Join("mon_groups", id)
	}
	return s
}

// Prepare creates the container's groups and writes their schemata.
func (root FS) Prepare(s *state.Rdt, r *specs.LinuxIntelRdt) error {
	if s == nil {
		return nil
	}
	first, last := schemata(r)
	group := root.Path(s.Group)
	made := false
	switch {
	case !s.Own && root.Has(s.Group):
		if err := root.compare(s.Group, first); err != nil {
			return err
		}
	case !s.Own && len(first)+len(last) == 0:
		return place.Errorf(place.At("/linux/intelRdt/closID"), "there is no group %s, and no schemata to make it with: %w", group, unix.ENOENT)
	default:
		if err := os.Mkdir(group, 0o755); err != nil {
			return root.explain(place.At("/linux/intelRdt/closID"), err)
		}
		made = true
	}
	// Two writes: the kernel takes no two lines for one resource at once.
	for _, lines := range [][]string{first, last} {
		if err := root.write(root.Path(s.Group, "schemata"), lines); err != nil {
			err = root.explain(place.At("/linux/intelRdt"), err)
			if made {
				_ = os.Remove(group) // a group that others share stays, but not one that is half made
			}
			return err
		}
	}
	if s.Monitor == "" {
		return nil
	}
	if err := os.Mkdir(root.Path(s.Group, s.Monitor), 0o755); err != nil {
		return root.explain(place.At("/linux/intelRdt/enableMonitoring"), err)
	}
	return nil
}

// Update writes schemata to an existing group.
func (root FS) Update(s *state.Rdt, r *specs.LinuxIntelRdt) error {
	first, _ := schemata(r)
	if err := root.write(root.Path(s.Group, "schemata"), first); err != nil {
		return root.explain(place.At("/linux/intelRdt"), err)
	}
	return nil
}

// Join puts a process with a single thread in the groups.
func (root FS) Join(s *state.Rdt, pid int) error {
	if s == nil {
		return nil
	}
	line := []string{strconv.Itoa(pid)}
	if err := root.write(root.Path(s.Group, "tasks"), line); err != nil {
		return root.explain(place.At("/linux/intelRdt"), err)
	}
	if s.Monitor == "" {
		return nil
	}
	// One group may watch only what is in its class of service: it comes second.
	if err := root.write(root.Path(s.Group, s.Monitor, "tasks"), line); err != nil {
		return root.explain(place.At("/linux/intelRdt/enableMonitoring"), err)
	}
	return nil
}

// Remove takes away what prepare has made. What is gone already is fine.
func (root FS) Remove(s *state.Rdt) error {
	if s == nil {
		return nil
	}
	var paths []string
	if s.Monitor != "" {
		paths = append(paths, root.Path(s.Group, s.Monitor))
	}
	if s.Own {
		paths = append(paths, root.Path(s.Group))
	}
	for _, path := range paths {
		if err := unix.Rmdir(path); err != nil && err != unix.ENOENT {
			return fmt.Errorf("remove resctrl group %s: %w", path, err)
		}
	}
	return nil
}

// Path returns the path of a file or group.
func (root FS) Path(names ...string) string {
	return filepath.Join(append([]string{string(root)}, names...)...)
}

// Has reports whether there is a file or group.
func (root FS) Has(names ...string) bool {
	_, err := os.Lstat(root.Path(names...))
	return err == nil
}

// write writes lines with one call. O_CREAT has no meaning in FS, where a
// group comes with its files; it is for a tree that stands in for it.
func (root FS) write(path string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, file.Close())
}

// explain adds the kernel's own words about the last call, if it has some.
func (root FS) explain(at place.Place, err error) error {
	status, _ := os.ReadFile(root.Path("info", "last_cmd_status"))
	if text := strings.TrimSpace(string(status)); text != "" && text != "ok" {
		return place.Errorf(at, "%w (%s)", err, text)
	}
	return place.Wrap(at, err)
}

// schemata are the lines for the file schemata: those to write first, the cache
// before the bandwidth, and those to write after them.
func schemata(r *specs.LinuxIntelRdt) (first, last []string) {
	for line := range strings.Lines(r.L3CacheSchema) {
		// What others had there before memBwSchema existed.
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "MB:") {
			first = append(first, line)
		}
	}
	if line := strings.TrimSpace(r.MemBwSchema); line != "" {
		first = append(first, line)
	}
	return first, r.Schemata
}

// compare holds the schemata of a group that somebody else has made to what the
// config wants of it.
func (root FS) compare(group string, want []string) error {
	if len(want) == 0 {
		return nil
	}
	path := root.Path(group, "schemata")
	content, err := os.ReadFile(path)
	if err != nil {
		return place.Wrap(place.At("/linux/intelRdt/closID"), err)
	}
	have := map[string]map[string]string{}
	for line := range strings.Lines(string(content)) {
		resource, values := parseSchema(line)
		have[resource] = values
	}
	for _, line := range want {
		resource, values := parseSchema(line)
		for domain, value := range values {
			if had, ok := have[resource][domain]; !ok || had != value {
				return place.Errorf(place.At("/linux/intelRdt/closID"), "%q doesn't match the schemata of the existing group %s", line, filepath.Dir(path))
			}
		}
	}
	return nil
}

// parseSchema reads "L3:0=7f0;1=1f". The kernel pads with blanks and, where the
// value is a mask, with zeros.
func parseSchema(line string) (resource string, values map[string]string) {
	resource, list, _ := strings.Cut(line, ":")
	values = map[string]string{}
	for part := range strings.SplitSeq(list, ";") {
		domain, value, _ := strings.Cut(part, "=")
		value = strings.TrimLeft(strings.ToLower(strings.TrimSpace(value)), "0")
		values[strings.TrimSpace(domain)] = value
	}
	return strings.TrimSpace(resource), values
}
