package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// container is a runtime with its state root; its methods run the runtime's commands.
type container struct {
	name, path, version string
	root                string
}

// findRuntimes returns ours first, then the peers that exist.
func findRuntimes(dir string) ([]*container, error) {
	var found []*container
	for _, c := range []struct{ name, variable, fallback string }{
		{"runnel", "RUNNEL", "./runnel"}, {"runc", "RUNC", "runc"}, {"crun", "CRUN", "crun"},
	} {
		wanted, set := os.LookupEnv(c.variable)
		if !set {
			wanted = c.fallback
		}
		path, err := exec.LookPath(wanted)
		if err != nil {
			if c.name == "runnel" {
				return nil, fmt.Errorf("%s: %w", c.variable, err)
			}
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, err
		}
		r := &container{name: c.name, path: path, root: filepath.Join(dir, c.name)}
		if err := os.Mkdir(r.root, 0o700); err != nil {
			return nil, err
		}
		out, err := exec.Command(path, "--version").Output()
		if err != nil {
			return nil, fmt.Errorf("%s --version: %w", path, err)
		}
		r.version, _, _ = strings.Cut(string(out), "\n")
		found = append(found, r)
	}
	return found, nil
}

// commandTimeout ends a command that hangs, such as one that has reached a memory limit.
const commandTimeout = 20 * time.Second

// command runs the runtime and returns how long it took.
func (c *container) command(args ...string) (time.Duration, error) {
	return timed(append([]string{c.path, "--root", c.root}, args...)...)
}

func timed(argv ...string) (time.Duration, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A file, because the container inherits it, and Wait would wait until a pipe is
	// closed.
	complaint, err := os.CreateTemp("", "runnel-bench-stderr-")
	if err != nil {
		return 0, err
	}
	defer complaint.Close()
	defer os.Remove(complaint.Name())
	cmd.Stderr = complaint
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	killer := time.AfterFunc(commandTimeout, func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	err = cmd.Wait()
	took := time.Since(began)
	killer.Stop()
	if err != nil {
		text, _ := os.ReadFile(complaint.Name())
		return took, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(text))
	}
	return took, nil
}

// create creates a container and returns its pid. The process becomes our child.
func (c *container) create(bundle, id string) (pid int, took time.Duration, err error) {
	file := filepath.Join(c.root, id+".pid")
	if took, err = c.command("create", "--bundle", bundle, "--pid-file", file, id); err != nil {
		return 0, took, err
	}
	defer os.Remove(file)
	pid, err = readPid(file)
	return pid, took, err
}

func readPid(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// background creates and starts a container, and reaps it when it ends.
func (c *container) background(bundle, id string) error {
	pid, _, err := c.create(bundle, id)
	if err != nil {
		return err
	}
	go reap(pid)
	_, err = c.command("start", id)
	return err
}

func (c *container) destroy(id string) error {
	_, err := c.command("delete", "--force", id)
	return err
}

// destroyAll removes what a failed measure has left behind. For all runtimes, each
// container has a directory of its name in the state root.
func destroyAll(runtimes []*container) {
	for _, c := range runtimes {
		entries, _ := os.ReadDir(c.root)
		for _, entry := range entries {
			if entry.IsDir() && entry.Name()[0] != '.' {
				_ = c.destroy(entry.Name())
			}
		}
	}
}

// becomeSubreaper makes us the parent of containers whose runtime has exited.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}

// reap waits for the end of one process. ECHILD means that somebody else has reaped it.
func reap(pid int) {
	for {
		_, err := unix.Wait4(pid, nil, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// idOf returns an id that differs from those of the other runtimes' containers.
func (c *container) idOf(name string) string { return c.name + "-" + name }
