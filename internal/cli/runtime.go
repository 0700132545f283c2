package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

// runtime returns the Runtime that the global flags describe, without Rootless. It
// is for commands on containers that exist.
func (s *session) runtime() (*libcontainer.Runtime, error) {
	root, err := s.root()
	if err != nil {
		return nil, misuse(err)
	}
	systemd, disabled, err := cgroupManager(s.global.String("cgroup-manager"), s.global.Bool("systemd-cgroup"))
	if err != nil {
		return nil, misuse(err)
	}
	r := &libcontainer.Runtime{
		Root: root, SystemdCgroup: systemd, NoCgroup: disabled,
		Warn: func(message string) { s.log.Write(logging.Warning, message) },
	}
	if s.log.Has(logging.Info) {
		r.Info = func(message string) { s.log.Write(logging.Info, message) }
	}
	if s.log.Has(logging.Debug) {
		r.Debug = func(message string) { s.log.Write(logging.Debug, message) }
	}
	s.traced(r)
	return r, nil
}

// cgroupManager parses --cgroup-manager, beside which --systemd-cgroup may be given.
func cgroupManager(name string, flag bool) (systemd, disabled bool, err error) {
	switch name {
	case "", "systemd":
		return flag || name != "", false, nil
	case "cgroupfs", "disabled":
		if flag {
			return false, false, fmt.Errorf("--systemd-cgroup and --cgroup-manager %s contradict each other", name)
		}
		return false, name == "disabled", nil
	}
	return false, false, fmt.Errorf("invalid value %q for --cgroup-manager: not cgroupfs, systemd or disabled", name)
}

// warn logs warnings about a file.
func (s *session) warn(file string, warnings []config.Problem) {
	for _, p := range warnings {
		s.log.Write(logging.Warning, fmt.Sprintf("%s:%d:%d: %s", file, p.Line, p.Column, p.Sentence()))
	}
}

// planner returns a Runtime with Rootless set, which costs a look at the host.
func (s *session) planner() (*libcontainer.Runtime, error) {
	r, err := s.runtime()
	if err != nil {
		return nil, err
	}
	r.Rootless, err = isRootless(s.global.String("rootless"))
	return r, misuse(err)
}

// creator returns a planner and creates the state root of an ordinary user.
func (s *session) creator() (*libcontainer.Runtime, error) {
	r, err := s.planner()
	if err == nil && r.Root != defaultRoot && !s.global.IsSet("root") {
		err = createUserRoot(r.Root)
	}
	return r, err
}

// onContainer opens the container that the first argument names and calls act.
func (s *session) onContainer(c *cli.Context, act func(*libcontainer.Container) error) error {
	r, err := s.runtime()
	if err != nil {
		return err
	}
	return open(r, c.Args().First(), act)
}

func open(r *libcontainer.Runtime, id string, act func(*libcontainer.Container) error) error {
	container, err := r.Open(id)
	if err != nil {
		return err
	}
	defer container.Close()
	return act(container)
}

// root returns the absolute path of --root or, without it, the directory of this
// user's containers.
func (s *session) root() (string, error) {
	if !s.global.IsSet("root") {
		return ownRoot(), nil
	}
	given := s.global.String("root")
	if given == "" {
		//lint:ignore ST1005 as the one below
		return "", errors.New("Option --root argument should not be empty")
	}
	root, err := filepath.Abs(given)
	if err != nil {
		return "", fmt.Errorf("--root %s: %w", given, err)
	}
	if root == "/" {
		//lint:ignore ST1005 runc's text
		return "", errors.New("Option --root argument should not be set to /")
	}
	return root, nil
}

// ownRoot returns the state root without --root. For an ordinary user, and for root
// in a user namespace that a user has created, it is in the user's own directory.
func ownRoot() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" && os.Geteuid() != 0 {
		dir = sessionDir(os.Geteuid())
	}
	if dir == "" {
		return defaultRoot
	}
	if os.Geteuid() == 0 && (os.Getenv("USER") == "root" || !isNested()) {
		return defaultRoot
	}
	return filepath.Join(dir, programName)
}

// sessionDir returns the directory that pam_systemd(8) creates for
// $XDG_RUNTIME_DIR, for callers such as su and cron, which do not set it. It
// returns "" if the directory does not exist or is not the user's.
func sessionDir(uid int) string {
	dir := "/run/user/" + strconv.Itoa(uid)
	var st unix.Stat_t
	if unix.Lstat(dir, &st) != nil || int(st.Uid) != uid || st.Mode != unix.S_IFDIR|0o700 {
		return ""
	}
	return dir
}

// createUserRoot creates the state root of an ordinary user. The sticky bit keeps
// programs that clean up old files away (XDG base directory specification).
func createUserRoot(root string) error {
	err := os.MkdirAll(root, 0o700)
	if err == nil {
		err = os.Chmod(root, 0o700|os.ModeSticky)
	}
	if err != nil {
		return fmt.Errorf("state root below $XDG_RUNTIME_DIR: %w", err)
	}
	return nil
}

// isRootless parses --rootless and reports whether an ordinary user calls.
func isRootless(value string) (bool, error) {
	if value == "auto" {
		return os.Geteuid() != 0 || isNested(), nil
	}
	rootless, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("invalid value %q for --rootless: not true, false or auto", value)
	}
	return rootless, nil
}

// isNested reports whether the runtime runs in a user namespace other than the
// initial one, whose id map is the identity for all ids.
func isNested() bool {
	fd, err := unix.Open("/proc/self/uid_map", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false // a kernel without user namespaces
	}
	defer unix.Close(fd)
	var buf [128]byte // longer maps differ anyway
	n, err := unix.Read(fd, buf[:])
	return err == nil && isNestedMap(string(buf[:n]))
}

// isNestedMap parses a uid_map, see user_namespaces(7).
func isNestedMap(content string) bool {
	return strings.Join(strings.Fields(content), " ") != "0 0 4294967295"
}
