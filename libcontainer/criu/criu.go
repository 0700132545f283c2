// Package criu talks to criu(8), which checkpoints and restores processes: it finds the
// program, sends it one request over its RPC socket, and explains its failures from its
// log. It knows the files of a checkpoint that are the runtime's.
//
// It knows nothing of containers: what is external to one, and when it is complete, is
// decided by package libcontainer.
package criu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// defaultPath is searched if PATH isn't set: Podman clears the environment.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// ErrNotFound is the error of Find if criu isn't installed.
var ErrNotFound = errors.New("criu isn't installed: there is no criu in PATH")

// Find returns the path of the program, from PATH. Entries of PATH that aren't absolute
// are ignored. A program that users with less privilege than this process could have
// replaced is an error.
func Find() (string, error) {
	search, ok := os.LookupEnv("PATH")
	if !ok {
		search = defaultPath
	}
	for _, dir := range filepath.SplitList(search) {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, "criu")
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
			continue
		}
		if err := checkOwner(&st); err != nil {
			return "", fmt.Errorf("%s: %w: a program for root must be root's", path, err)
		}
		if err := unix.Stat(dir, &st); err != nil {
			return "", fmt.Errorf("%s: %w", dir, err)
		}
		if err := checkOwner(&st); err != nil {
			return "", fmt.Errorf("%s: %w, and could replace criu", dir, err)
		}
		return path, nil
	}
	return "", ErrNotFound
}

// checkOwner returns an error if other users than root and this one may change a file.
func checkOwner(st *unix.Stat_t) error {
	if st.Uid != 0 && st.Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("it belongs to uid %d", st.Uid)
	}
	if st.Mode&unix.S_IWOTH != 0 {
		return fmt.Errorf("every user may write to it (mode %#o)", st.Mode&0o7777)
	}
	return nil
}

// environment returns the environment of criu: its settings come from its request and from
// the files that criu(8) lists, not from variables.
func environment() []string {
	path, ok := os.LookupEnv("PATH")
	if !ok {
		path = defaultPath
	}
	env := []string{"PATH=" + path}
	if home := os.Getenv("HOME"); home != "" {
		env = append(env, "HOME="+home)
	}
	return env
}

// ConfigFile returns the configuration file for criu, criu(8) "CONFIGURATION FILES": the
// one that an annotation of the container names, or else the first that exists of those of
// this runtime and of runc; "" if there is none. The error is that of the annotation: criu
// itself ignores a file that doesn't exist.
func ConfigFile(annotations map[string]string) (string, error) {
	if path, ok := annotations[ConfigAnnotation]; ok {
		at := place.At("/annotations").Key(ConfigAnnotation)
		if !filepath.IsAbs(path) {
			return "", place.Errorf(at, "%q isn't an absolute path", path)
		}
		if err := unix.Access(path, unix.R_OK); err != nil {
			return "", place.Errorf(at, "criu's configuration file %s: %w", path, err)
		}
		return path, nil
	}
	for _, path := range [...]string{"/etc/criu/runnel.conf", "/etc/criu/runc.conf"} {
		if unix.Access(path, unix.F_OK) == nil {
			return path, nil
		}
	}
	return "", nil
}

// ConfigAnnotation is the annotation with the path of a configuration file.
const ConfigAnnotation = "org.criu.config"

// Version is a version of criu.
type Version struct{ Major, Minor int }

// Least is the oldest version that has what the runtime asks for.
var Least = Version{3, 17}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// check returns an error for a version that is too old.
func (v Version) check(program string) error {
	if v.Major < Least.Major || v.Major == Least.Major && v.Minor < Least.Minor {
		return fmt.Errorf("%s is version %s, and %s or later is needed", program, v, Least)
	}
	return nil
}
