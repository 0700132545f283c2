package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
)

// imageProgram reads and unpacks images. It is a program of its own because what it is
// linked from would double the time that each command takes to start.
const imageProgram = "runnel-image"

const rootfsName = "rootfs"

// specFromImage makes a bundle from an image. Everything is made in a temporary directory of
// the bundle first, and nothing is left if it fails.
func (s *session) specFromImage(c *cli.Context, configPath string) (err error) {
	program, err := findImageProgram()
	if err != nil {
		return err
	}
	args, err := imageArguments(c)
	if err != nil {
		return misuse(err)
	}
	if _, err := os.Lstat(configPath); err == nil {
		return fileExists(c)
	}
	// A signal ends the program, and then what it has made is removed.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	b := newBundle{dir: cmp.Or(c.String("bundle"), ".")}
	if err := b.begin(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	image, err := s.runImageProgram(ctx, program, append(args, b.temporary(rootfsName)))
	if err != nil {
		return err
	}
	config := libcontainer.Example(isRootlessImage(c))
	s.applyImage(config, image)
	s.debugf("spec: image %s, program %q", c.String("from-image"), config.Process.Args)
	if err := b.install(); err != nil {
		return err
	}
	if err := s.writeSpec(c, config, configPath); err != nil {
		return err
	}
	b.complete = true
	return nil
}

// isRootlessImage reports whether a bundle is for an ordinary user, who couldn't run any
// other, nor unpack it.
func isRootlessImage(c *cli.Context) bool { return c.Bool("rootless") || os.Geteuid() != 0 }

// findImageProgram finds the program beside this one, or in $PATH.
func findImageProgram() (string, error) {
	place := "beside " + programName
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), imageProgram)
		if unix.Access(beside, unix.X_OK) == nil {
			return beside, nil
		}
		place = "in " + filepath.Dir(self)
	}
	found, err := exec.LookPath(imageProgram)
	if err != nil {
		return "", fmt.Errorf("--from-image needs the program %s, which is neither %s nor in $PATH", imageProgram, place)
	}
	return found, nil
}

// imageArguments returns the arguments of the program, without the directory.
func imageArguments(c *cli.Context) ([]string, error) {
	var args []string
	if platform := c.String("platform"); platform != "" {
		args = append(args, "--platform", platform)
	}
	if text := c.String("max-size"); text != "" {
		size, err := parseSize(text)
		if err == nil && size <= 0 {
			err = errSize
		}
		if err != nil {
			return nil, fmt.Errorf("--max-size %s: %w", text, err)
		}
		args = append(args, "--max-bytes", strconv.FormatInt(size, 10))
	}
	if c.Bool("allow-devices") {
		args = append(args, "--devices")
	}
	if isRootlessImage(c) {
		args = append(args, "--squash")
	}
	return append(args, "--", c.String("from-image")), nil
}

// runImageProgram runs the program and returns what the image says about the process.
func (s *session) runImageProgram(ctx context.Context, program string, args []string) (*specs.Spec, error) {
	// The program ends with the thread that has started it, and so with this process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hideInherited()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	s.debugf("spec: %s", cmd)
	err := cmd.Run()
	var problems []string
	for line := range strings.Lines(stderr.String()) {
		line = strings.TrimSpace(line)
		if warning, ok := strings.CutPrefix(line, "warning: "); ok {
			s.log.Write(logging.Warning, warning)
		} else if line != "" {
			problems = append(problems, line)
		}
	}
	if ctx.Err() != nil {
		return nil, errors.New("interrupted by a signal")
	}
	if err != nil && len(problems) > 0 {
		err = errors.New(strings.Join(problems, "; "))
	}
	if err != nil {
		return nil, err
	}
	image := new(specs.Spec)
	if err := json.Unmarshal(stdout.Bytes(), image); err != nil || image.Process == nil {
		return nil, fmt.Errorf("%s: its output isn't a config: %w", program, errors.Join(err))
	}
	return image, nil
}

// applyImage puts what an image says into the example.
func (s *session) applyImage(config, image *specs.Spec) {
	p := config.Process
	if len(image.Process.Args) > 0 {
		p.Args = image.Process.Args
	} else {
		s.log.Write(logging.Warning, "the image names no program: process.args is "+strings.Join(p.Args, " "))
	}
	p.Cwd = image.Process.Cwd
	p.User = image.Process.User
	if config.Linux.UIDMappings != nil && (p.User.UID != 0 || p.User.GID != 0 || len(p.User.AdditionalGids) > 0) {
		s.log.Write(logging.Warning, fmt.Sprintf("the user %d:%d of the image isn't mapped for an ordinary user: process.user is root", p.User.UID, p.User.GID))
		p.User = specs.User{}
	}
	example := p.Env
	p.Env = image.Process.Env
	for _, variable := range example {
		name, _, _ := strings.Cut(variable, "=")
		if !hasVariable(p.Env, name) {
			p.Env = append(p.Env, variable)
		}
	}
	config.Root.Readonly = false // programs of images write
	if len(image.Annotations) > 0 {
		config.Annotations = maps.Clone(image.Annotations)
	}
}

func hasVariable(env []string, name string) bool {
	for _, variable := range env {
		if strings.HasPrefix(variable, name+"=") {
			return true
		}
	}
	return false
}

// newBundle is a bundle that is being made.
type newBundle struct {
	dir                 string
	work                string // the temporary directory in it
	created             bool   // dir didn't exist
	installed, complete bool
}

// begin makes the bundle's directory, unless it exists, and a temporary one in it. Others may
// not enter it: with an image's set-user-ID programs they could become root.
func (b *newBundle) begin() error {
	err := os.Mkdir(b.dir, 0o700)
	switch {
	case err == nil:
		b.created = true
	case !errors.Is(err, fs.ErrExist):
		return misuse(fmt.Errorf("bundle %s: %w", b.dir, errors.Unwrap(err)))
	default:
		var st unix.Stat_t
		if err := unix.Stat(b.dir, &st); err != nil {
			return misuse(fmt.Errorf("bundle %s: %w", b.dir, err))
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return misuse(fmt.Errorf("bundle %s: %w", b.dir, unix.ENOTDIR))
		}
		if st.Mode&0o077 != 0 || int(st.Uid) != os.Geteuid() {
			return misuse(fmt.Errorf("bundle %s: other users can enter it, and could run set-user-ID programs of the image (mode %03o, owner %d): name a directory that doesn't exist, or one of your own with mode 700",
				b.dir, st.Mode&0o7777, st.Uid))
		}
		if _, err := os.Lstat(filepath.Join(b.dir, rootfsName)); err == nil {
			return misuse(fmt.Errorf("%s exists: remove it first", filepath.Join(b.dir, rootfsName)))
		}
	}
	b.work, err = os.MkdirTemp(b.dir, ".image-")
	if err != nil && b.created {
		err = errors.Join(err, os.Remove(b.dir))
	}
	return err
}

func (b *newBundle) temporary(name string) string { return filepath.Join(b.work, name) }

// install gives the rootfs its name.
func (b *newBundle) install() error {
	err := os.Rename(b.temporary(rootfsName), filepath.Join(b.dir, rootfsName))
	b.installed = err == nil
	return err
}

// end removes the temporary directory, and all else unless the bundle is complete.
func (b *newBundle) end() error {
	err := removeTree(b.work)
	if b.complete {
		return err
	}
	if b.installed {
		err = errors.Join(err, removeTree(filepath.Join(b.dir, rootfsName)))
	}
	if b.created {
		err = errors.Join(err, os.Remove(b.dir))
	}
	return err
}

// removeTree removes a directory with all below it, also where an image has taken away its
// owner's permissions.
func removeTree(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = root.Chmod(name, 0o700)
		}
		return err
	})
	return os.RemoveAll(dir)
}
