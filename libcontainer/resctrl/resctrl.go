// Package resctrl assigns a container to a class of service of Intel RDT or AMD QoS,
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

// FS is a resctrl file system, given by its mount point.
type FS string

// Host is the resctrl file system of the host.
const Host FS = "/sys/fs/resctrl"

// Reserve returns the groups that a container will be in, and creates nothing. It
// returns nil if r is nil; all methods accept that and do nothing. The error matches
// EEXIST if groups with the container's name exist: they aren't the container's, and
// its delete would remove them.
func (root FS) Reserve(r *specs.LinuxIntelRdt, id string) (*state.Rdt, error) {
	s := groups(r, id)
	switch {
	case s == nil:
		return nil, nil
	case s.Own && root.Has(s.Group):
		return nil, place.Errorf(place.At("/linux/intelRdt"), "the group %s exists already: %w", root.Path(s.Group), unix.EEXIST)
	case s.Monitor != "" && root.Has(s.Group, s.Monitor):
		return nil, place.Errorf(place.At("/linux/intelRdt/enableMonitoring"), "the group %s exists already: %w", root.Path(s.Group, s.Monitor), unix.EEXIST)
	}
	return s, nil
}

// groups returns the groups for a config.
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
	created := false
	switch {
	case !s.Own && root.Has(s.Group):
		if err := root.compare(s.Group, first); err != nil {
			return err
		}
	case !s.Own && len(first)+len(last) == 0:
		return place.Errorf(place.At("/linux/intelRdt/closID"), "there is no group %s, and no schemata to create it with: %w", group, unix.ENOENT)
	default:
		if err := os.Mkdir(group, 0o755); err != nil {
			return root.explain(place.At("/linux/intelRdt/closID"), err)
		}
		created = true
	}
	// These are two writes, because the kernel rejects two lines for one resource in one
	// write.
	for _, lines := range [][]string{first, last} {
		if err := root.write(root.Path(s.Group, "schemata"), lines); err != nil {
			err = root.explain(place.At("/linux/intelRdt"), err)
			if created {
				// The schemata are incomplete. An existing group, which others share, stays.
				_ = os.Remove(group)
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

// Update writes schemata to the container's group.
func (root FS) Update(s *state.Rdt, r *specs.LinuxIntelRdt) error {
	first, _ := schemata(r)
	if err := root.write(root.Path(s.Group, "schemata"), first); err != nil {
		return root.explain(place.At("/linux/intelRdt"), err)
	}
	return nil
}

// Schemata returns the schemata of the container's group.
func (root FS) Schemata(s *state.Rdt) (string, error) {
	content, err := os.ReadFile(root.Path(s.Group, "schemata"))
	return string(content), place.Wrap(place.At("/linux/intelRdt"), err)
}

// Restore writes schemata that Schemata has returned.
func (root FS) Restore(s *state.Rdt, schemata string) error {
	err := root.write(root.Path(s.Group, "schemata"), strings.Split(strings.TrimSpace(schemata), "\n"))
	if err != nil {
		err = root.explain(place.At("/linux/intelRdt"), err)
	}
	return err
}

// Join moves a process with a single thread into the groups.
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
	// The monitoring group comes second, because it accepts only tasks that are in its
	// class of service.
	if err := root.write(root.Path(s.Group, s.Monitor, "tasks"), line); err != nil {
		return root.explain(place.At("/linux/intelRdt/enableMonitoring"), err)
	}
	return nil
}

// Remove removes the groups that Prepare has created. It is no error if they don't
// exist.
func (root FS) Remove(s *state.Rdt) error {
	for _, path := range root.Own(s) {
		if err := unix.Rmdir(path); err != nil && err != unix.ENOENT {
			return fmt.Errorf("remove resctrl group %s: %w", path, err)
		}
	}
	return nil
}

// Own returns the paths of the groups that only this container has, in the order in which
// they are removed. They may not exist.
func (root FS) Own(s *state.Rdt) []string {
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
	return paths
}

// Path returns the path of a file or group in the file system.
func (root FS) Path(names ...string) string {
	return filepath.Join(append([]string{string(root)}, names...)...)
}

// Has reports whether a file or group exists.
func (root FS) Has(names ...string) bool {
	_, err := os.Lstat(root.Path(names...))
	return err == nil
}

// write appends lines to a file with one write(2). O_CREAT has no effect in a resctrl
// file system, where the kernel creates the files of a group; tests need it.
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

// explain adds the kernel's explanation of the last error, if there is one.
func (root FS) explain(at place.Place, err error) error {
	status, _ := os.ReadFile(root.Path("info", "last_cmd_status"))
	if text := strings.TrimSpace(string(status)); text != "" && text != "ok" {
		return place.Errorf(at, "%w (%s)", err, text)
	}
	return place.Wrap(at, err)
}

// schemata returns the lines for the file schemata in two parts: those to write first,
// with the cache before the bandwidth, and those to write after them.
func schemata(r *specs.LinuxIntelRdt) (first, last []string) {
	for line := range strings.Lines(r.L3CacheSchema) {
		// Before memBwSchema existed, configs had lines for the bandwidth here.
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "MB:") {
			first = append(first, line)
		}
	}
	if line := strings.TrimSpace(r.MemBwSchema); line != "" {
		first = append(first, line)
	}
	return first, r.Schemata
}

// compare returns an error if the schemata of an existing group differ from those that
// the config requires.
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

// parseSchema parses a line such as "L3:0=7f0;1=1f". The kernel pads with spaces and,
// in masks, with zeros.
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
