package readme

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/tests/moduleproxy"
)

const (
	// timeout is for one block; one of them builds everything.
	timeout = 8 * time.Minute
	// ordinaryUser is the id of a user that nothing on the host belongs to.
	ordinaryUser = 4242
)

// reader runs the blocks of documents as somebody who pastes them into a terminal. The
// network is replaced: git clones the working tree, the go command gets it from a
// module proxy, skopeo reads an image that the test creates, docker and podman are
// scripts. The files of make install, the state root and everything that a block writes
// are below one temporary directory.
type reader struct {
	dir  string // the temporary directory
	root identity
	dirs map[string]string // the working directory of the blocks with the same dir
	// broken is the dir of a block that has failed.
	broken string
}

// identity is who runs a block, with the environment.
type identity struct {
	id  uint32
	env []string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	paths, err := moduleproxy.Files(tree)
	if err != nil {
		t.Skip(err)
	}
	lock(t)
	// An ordinary user has to get through: t.TempDir would be root's alone.
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{dir: dir, dirs: map[string]string{}}
	t.Cleanup(func() { r.remove(t) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.copyTree(t, paths)
	r.writePrograms(t)
	r.root = identity{env: r.environment(t)}
	return r
}

// lock keeps two runs of the test apart: the ids in README.md are also names of cgroups.
func lock(t *testing.T) {
	t.Helper()
	file, err := os.Open("/run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// remove deletes the containers and the network device that a failed block has left, and
// all files.
func (r *reader) remove(t *testing.T) {
	states, _ := filepath.Glob(filepath.Join(r.dir, "state", "[a-z]*"))
	for _, state := range states {
		_, _ = r.shell(t, "", r.root, "runnel delete --force "+filepath.Base(state)+"\n")
	}
	_ = exec.Command("ip", "link", "delete", "tutorial0").Run()
	// Modules are read-only.
	clean := exec.Command("go", "clean", "-modcache")
	clean.Env = append(os.Environ(), "GOPATH="+filepath.Join(r.dir, "go"), "GOMODCACHE=")
	if out, err := clean.CombinedOutput(); err != nil {
		t.Errorf("go clean: %v\n%s", err, out)
	}
	if err := os.RemoveAll(r.dir); err != nil {
		t.Error(err)
	}
}

// copyTree creates a git repository from the working tree, including uncommitted
// changes.
func (r *reader) copyTree(t *testing.T, paths []string) {
	t.Helper()
	copied := filepath.Join(r.dir, "tree")
	for _, path := range paths {
		info, err := os.Stat(filepath.Join(tree, path))
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(tree, path))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(copied, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "--all"},
		{"-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--no-verify", "--message=tree"},
	} {
		git := exec.Command("git", args...)
		git.Dir = copied
		git.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	config := "[url \"" + copied + "\"]\n\tinsteadOf = https://github.com/runnel/runnel\n"
	r.write(t, "gitconfig", config, 0o644)
}

// writePrograms writes what stands before other programs in PATH.
func (r *reader) writePrograms(t *testing.T) {
	t.Helper()
	// The binary that make install has installed, with a state root of the test's own.
	r.write(t, "bin/runnel", `#!/bin/sh
exec "`+r.binary()+`" --root "${RUNNEL_ROOT:-`+r.dir+`/state}" "$@"
`, 0o755)
	// skopeo copies an image that umoci makes from busybox.
	r.write(t, "bin/skopeo", `#!/bin/sh
set -eu
dir=`+r.dir+`/image
[ "$2" = docker://docker.io/library/alpine:latest ]
mkdir "$dir"
cd "$dir"
umoci init --layout image
umoci new --image image:latest
umoci unpack --image image:latest bundle
mkdir bundle/rootfs/bin
cp "$(command -v busybox)" bundle/rootfs/bin/sh
umoci repack --image image:latest bundle
umoci config --image image:latest --config.cmd /bin/sh
cd "$OLDPWD"
PATH=${PATH#*:}
exec skopeo "$1" "oci:$dir/image:latest" "$3"
`, 0o755)
	engine := `#!/bin/sh
set -eu
case $1 in
create | rm) echo 0123456789ab ;;
export)
	dir=$(mktemp -d)
	mkdir "$dir/bin"
	cp "$(command -v busybox)" "$dir/bin/sh"
	tar -c -C "$dir" .
	rm -r "$dir"
	;;
*) exit 1 ;;
esac
`
	r.write(t, "bin/docker", engine, 0o755)
	r.write(t, "bin/podman", engine, 0o755)
}

// binary is what make install has installed.
func (r *reader) binary() string { return filepath.Join(r.dir, "installed/usr/local/sbin/runnel") }

func (r *reader) write(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// environment is root's: what make has set for this test is gone, and modules come from
// what has been downloaded already.
func (r *reader) environment(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	usual := strings.Fields(string(out))
	proxy, err := moduleproxy.Write(filepath.Join(r.dir, "proxy"), tree, "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "MAKE") || slices.Contains([]string{
			"MFLAGS", "CGO_ENABLED", "CC", "GOARCH", "GOBIN", "PREFIX", "VERSION", "COMMIT", "TAGS", "XDG_RUNTIME_DIR",
		}, name)
	})
	return append(env,
		"PATH="+filepath.Join(r.dir, "bin")+":"+os.Getenv("PATH"), "TERM=xterm", "NO_COLOR=1",
		"DESTDIR="+filepath.Join(r.dir, "installed"), "GIT_CONFIG_GLOBAL="+filepath.Join(r.dir, "gitconfig"),
		"GOPATH="+filepath.Join(r.dir, "go"), "GOMODCACHE=", "GOCACHE="+usual[0], "GOFLAGS=-trimpath", "GOWORK=off",
		"GOPROXY="+proxy+",file://"+usual[1]+"/cache/download,"+usual[2], "GONOSUMDB="+moduleproxy.Module, "GOPRIVATE=", "GONOPROXY=none",
	)
}

// user returns an ordinary user, who has a home and a directory for the state.
func (r *reader) user(t *testing.T) identity {
	t.Helper()
	home := filepath.Join(r.dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, ordinaryUser, ordinaryUser); err != nil {
		t.Fatal(err)
	}
	who := identity{id: ordinaryUser, env: []string{
		"PATH=" + filepath.Join(r.dir, "bin") + ":" + os.Getenv("PATH"), "TERM=xterm",
		"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "RUNNEL_ROOT=" + filepath.Join(home, "runnel"),
	}}
	if out, err := r.shell(t, "user namespaces", who, "unshare --user true\n"); err != nil {
		t.Skipf("ordinary users can't create user namespaces here: %v: %s", err, out)
	}
	return who
}

// withCRIU returns root with a criu that works here in PATH.
func (r *reader) withCRIU(t *testing.T) identity {
	t.Helper()
	var reason strings.Builder
	find := exec.Command(filepath.Join(tree, "tests/criu"))
	find.Stderr = &reason
	dir, err := find.Output()
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(reason.String())
	case err != nil:
		t.Skip(reason.String())
	}
	path := "PATH=" + filepath.Join(r.dir, "bin") + ":" + strings.TrimSpace(string(dir)) + ":" + os.Getenv("PATH")
	return identity{env: append(slices.Clone(r.root.env), path)}
}

// shell runs commands in a terminal of their own, as they would be pasted there, in the
// directory in which the previous commands with the same dir have ended. It returns what
// they have printed. A shell in a container that waits for input is told to exit.
func (r *reader) shell(t *testing.T, dir string, who identity, commands string) (string, error) {
	t.Helper()
	where := r.dirs[dir]
	if where == "" {
		where = filepath.Join(r.dir, "section"+fmt.Sprint(len(r.dirs)))
		if err := errors.Join(os.Mkdir(where, 0o755), os.Chown(where, int(who.id), int(who.id))); err != nil {
			t.Fatal(err)
		}
	}
	r.dirs[dir] = where
	script := "set -eu\n" + commands
	cmd := exec.Command("sh", "-c", "trap 'pwd >&3' EXIT\n"+script)
	cmd.Dir, cmd.Env = where, who.env
	ended, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ended.Close()
	cmd.ExtraFiles = []*os.File{writer}
	out, err := inTerminal(t, cmd, who.id)
	writer.Close()
	if last, _ := io.ReadAll(io.LimitReader(ended, unix.PathMax)); len(last) > 0 {
		r.dirs[dir] = strings.TrimSpace(string(last))
	}
	return out, err
}

// inTerminal runs a command with a new terminal as its controlling one, into which
// "exit" is typed again and again, and returns what it has printed.
func inTerminal(t *testing.T, cmd *exec.Cmd, id uint32) (string, error) {
	t.Helper()
	terminal, slave := openTerminal(t, id)
	defer terminal.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true, Setctty: true, Credential: &syscall.Credential{Uid: id, Gid: id},
	}
	err := cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&out, terminal) }) // until the last process has closed it
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	deadline := time.After(timeout)
	typing := time.NewTicker(200 * time.Millisecond)
	defer typing.Stop()
	for {
		select {
		case err = <-done:
			// A container that is left running keeps the terminal open.
			_ = terminal.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			reading.Wait()
			return strings.ReplaceAll(out.String(), "\r\n", "\n"), err
		case <-typing.C:
			_, _ = terminal.WriteString("exit\n")
		case <-deadline:
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
			deadline = nil
			t.Errorf("no end after %v", timeout)
		}
	}
}

// openTerminal opens a pseudoterminal that doesn't echo what is typed.
func openTerminal(t *testing.T, owner uint32) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx") // non-blocking, so that deadlines work
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/pts/%d", n)
	if err := os.Chown(path, int(owner), -1); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	settings.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, settings); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// checkNothingLeft checks that the blocks delete the containers that they create.
func (r *reader) checkNothingLeft(t *testing.T) {
	t.Helper()
	for _, root := range []string{"state", "home/runnel"} {
		states, err := filepath.Glob(filepath.Join(r.dir, root, "[a-z]*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range states {
			t.Errorf("the container %s is left", filepath.Base(path))
		}
	}
}

func (b block) name() string {
	return fmt.Sprintf("%s, %s, line %d", filepath.Base(b.document), b.section, b.line)
}
