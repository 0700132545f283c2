package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

const defaultRoot = "/run/runnel"

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Usage: "log what is done as well"},
		&cli.StringFlag{Name: "log", Usage: "log to `FILE` instead of stderr"},
		&cli.StringFlag{Name: "log-format", Value: "text", Usage: "form of the log: text or json"},
		&cli.StringFlag{Name: "root", Usage: "keep the state of containers in `DIR` (default: " + defaultRoot + ", or $XDG_RUNTIME_DIR/runnel without root)"},
		&cli.StringFlag{Name: "criu", Hidden: true, Usage: "accepted and ignored"},
		&cli.BoolFlag{Name: "systemd-cgroup", Usage: "make cgroups through systemd; cgroupsPath is slice:prefix:name"},
		&cli.StringFlag{Name: "rootless", Value: "auto", Usage: "go on where a user can't have cgroups: true, false or auto"},
	}
}

// versionText is what follows "runnel version " in --version; go-runc and
// dockerd parse the lines.
func (s *session) versionText() string {
	commit := s.build.Commit
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Sprintf("%s\ncommit: %s\nspec: %s\ngo: %s\nlibseccomp: %s", s.build.Version, commit, specs.Version,
		runtime.Version(), libcontainer.LibseccompVersion())
}

// isNested tells whether the runtime's user namespace isn't the first one: its
// map isn't that of all ids to themselves.
func isNested() bool {
	content, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	var inside, outside, size uint64
	n, _ := fmt.Sscan(string(content), &inside, &outside, &size)
	return n == 3 && !(inside == 0 && outside == 0 && size == 4294967295)
}

// stateRoot is --root, absolute, or where the state of this user's containers is.
func stateRoot(c *cli.Context) (string, error) {
	if c.IsSet("root") {
		root, err := filepath.Abs(c.String("root"))
		if err != nil {
			return "", err
		}
		if root == "/" {
			return "", errors.New("Option --root argument should not be set to /") //nolint:staticcheck // runc's text
		}
		return root, nil
	}
	if !isUser() {
		return defaultRoot, nil
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return defaultRoot, nil
	}
	root := filepath.Join(dir, "runnel")
	// The sticky bit keeps tmpfiles cleaners away: XDG base directory specification.
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("state root: %w", err)
	}
	if err := os.Chmod(root, 0o700|os.ModeSticky); err != nil {
		return "", fmt.Errorf("state root: %w", err)
	}
	return root, nil
}

// isUser tells whether this is an ordinary user's runtime: not root, or root of
// a user namespace that a user has made.
func isUser() bool {
	if os.Geteuid() != 0 {
		return true
	}
	user := os.Getenv("USER")
	return os.Getenv("XDG_RUNTIME_DIR") != "" && user != "root" && isNested()
}

func isRootless(value string) (bool, error) {
	if value == "auto" || value == "" {
		return os.Geteuid() != 0 || isNested(), nil
	}
	rootless, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("invalid value for --rootless: %q is not true, false or auto", value)
	}
	return rootless, nil
}
