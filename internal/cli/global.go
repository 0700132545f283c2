package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
)

const defaultRoot = "/run/runnel"

func globalFlags() []flag {
	return []flag{
		{name: "debug", usage: "log what is done, too"},
		{name: "log", kind: text, value: "FILE", usage: "append the log to FILE instead of writing it to stderr"},
		{name: "log-format", kind: text, value: "FORMAT", preset: "text", usage: "text or json"},
		{name: "root", kind: text, value: "DIR", usage: "keep the state of containers in DIR (default: " + defaultRoot + ", a user's in $XDG_RUNTIME_DIR/runnel)"},
		{name: "systemd-cgroup", usage: "let systemd make cgroups; cgroupsPath is slice:prefix:name then"},
		{name: "rootless", kind: text, value: "WHETHER", preset: "auto", usage: "go on where a user can't make cgroups: true, false or auto"},
		{name: "criu", kind: text, value: "PATH", hidden: true, usage: "accepted and ignored"},
		{name: "version", short: "v", usage: "print the version"},
	}
}

// runtime makes the Runtime that the global flags describe, but for Rootless.
func (s *session) runtime() (*libcontainer.Runtime, error) {
	root, err := s.root()
	if err != nil {
		return nil, misuse(err)
	}
	r := &libcontainer.Runtime{
		Root: root, SystemdCgroup: s.global.on("systemd-cgroup"),
		Warn: func(message string) { s.log.Write(logging.Warning, message) },
	}
	// On stderr it would come between the lines of a container that runs in the
	// foreground.
	if s.log.IsFile() || s.global.on("debug") {
		r.Info = func(message string) { s.log.Write(logging.Info, message) }
	}
	if s.global.on("debug") {
		r.Debug = func(message string) { s.log.Write(logging.Debug, message) }
	}
	return r, nil
}

// root is --root, made absolute, or where this user's containers are.
func (s *session) root() (string, error) {
	given, isGiven := s.global.last("root")
	if !isGiven {
		return ownRoot(), nil
	}
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

// ownRoot is the root without --root: of an ordinary user, or of root in a user
// namespace that a user has made, it is in the user's own directory.
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
	return filepath.Join(dir, "runnel")
}

// sessionDir is where pam_systemd(8) makes $XDG_RUNTIME_DIR, for what su or cron
// calls without it; "" if it isn't there or not the user's.
func sessionDir(uid int) string {
	dir := "/run/user/" + strconv.Itoa(uid)
	var st unix.Stat_t
	if unix.Lstat(dir, &st) != nil || int(st.Uid) != uid || st.Mode != unix.S_IFDIR|0o700 {
		return ""
	}
	return dir
}

// makeUserRoot sets the sticky bit, which keeps cleaners of old files away from
// the directory (XDG base directory specification).
func makeUserRoot(root string) error {
	err := os.MkdirAll(root, 0o700)
	if err == nil {
		err = os.Chmod(root, 0o700|os.ModeSticky)
	}
	if err != nil {
		return fmt.Errorf("state root below $XDG_RUNTIME_DIR: %w", err)
	}
	return nil
}

// isRootless reads --rootless: whether this is the runtime of an ordinary user.
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

// isNested tells whether the runtime's user namespace isn't the first one: its
// map isn't that of all ids to themselves.
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

// isNestedMap reads a uid_map, user_namespaces(7).
func isNestedMap(content string) bool {
	return strings.Join(strings.Fields(content), " ") != "0 0 4294967295"
}
