package libcontainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// DebugOptions are the options of Debug.
type DebugOptions struct {
	// ExecOptions are those of Exec, except for Process, Namespaces and Cgroups. Without
	// Args in Override the program is a shell.
	ExecOptions
	// Tools is a directory with programs, or a static program such as busybox; "" is the
	// host's busybox.
	Tools string
	// Trace adds CAP_SYS_PTRACE, which strace(1) and debuggers require for other processes.
	Trace bool
}

// Debug runs a process in a container as Exec does, with programs of the host beside those of
// the container, in /.tools and in PATH. It has a mount namespace of its own, which is a copy
// of the container's: files of the container are at their places, and nothing is changed in
// the container but what the process itself does.
func (c *Container) Debug(ctx context.Context, o DebugOptions) (*Process, error) {
	tools, err := findTools(ctx, o.Tools)
	if err != nil {
		return nil, fault.Wrap("tools", fault.InvalidArgument, err)
	}
	o.Process, o.Namespaces, o.Cgroups = nil, nil, nil
	if len(o.Override.Args) == 0 {
		o.Override.Args = []string{"sh"}
	}
	if o.Trace {
		o.Override.Caps = append(slices.Clip(o.Override.Caps), "CAP_SYS_PTRACE")
	}
	return c.exec(ctx, o.ExecOptions, tools)
}

// addTools puts the tools before the directories in which the process looks for programs.
func (x *execution) addTools() error {
	facts, err := host.Probe(x.spec, x.state.Rootfs)
	if err != nil {
		return err
	}
	if !config.NamespacesOf(x.spec, facts).Has(unix.CLONE_NEWNS) {
		return fault.Wrap("tools", fault.ConfigInvalid, fmt.Errorf("%s has no mount namespace of its own: its files are on the host, in %s", x.dir.ID(), x.state.Rootfs))
	}
	if err := checkWritable(x.tools.Path, x.spec, x.wanted); err != nil {
		return fault.Wrap("tools", fault.InvalidArgument, err)
	}
	dirs := []string{plan.ToolsDir}
	if x.tools.Program == "" {
		for _, dir := range [...]string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
			if pathExists(x.tools.Path + dir) {
				dirs = append(dirs, plan.ToolsDir+dir)
			}
		}
	}
	own := words.DefaultPath
	for _, entry := range x.wanted.Env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			own = value
		}
	}
	x.wanted.Env = append(slices.Clip(x.wanted.Env), "PATH="+strings.Join(append(dirs, own), ":"))
	return nil
}

// checkWritable returns an error for tools that the container could change. In its user
// namespace a root with CAP_SYS_ADMIN can enter the mount namespace of the tools, and make
// their mount writable: then the permissions of the files are what protects them. Without a
// user namespace, that capability is one over the host anyway.
func checkWritable(tools string, spec *specs.Spec, p *specs.Process) error {
	if !words.HasNamespace(spec, specs.UserNamespace) || !mayMount(spec.Process) && !mayMount(p) {
		return nil
	}
	return filepath.WalkDir(tools, func(name string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(name, &st)
		}
		if err != nil {
			return fmt.Errorf("tools: %s: %w", name, err)
		}
		isLink := st.Mode&unix.S_IFMT == unix.S_IFLNK
		isWritable := st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && isMapped(spec.Linux.GIDMappings, st.Gid) || isMapped(spec.Linux.UIDMappings, st.Uid)
		if isWritable && !isLink {
			return fmt.Errorf("tools: the container has CAP_SYS_ADMIN, and its root could change %s (owner %d:%d, mode %03o): give tools that only users outside of its user namespace may write, such as root",
				name, st.Uid, st.Gid, st.Mode&0o777)
		}
		return nil
	})
}

// mayMount reports whether a process may get CAP_SYS_ADMIN.
func mayMount(p *specs.Process) bool {
	return p != nil && p.Capabilities != nil && slices.Contains(slices.Concat(p.Capabilities.Bounding, p.Capabilities.Permitted), "CAP_SYS_ADMIN")
}

// isMapped reports whether a user namespace has an id of the host. Of one that the container
// has joined, without maps in its config, it is assumed to have all but root.
func isMapped(maps []specs.LinuxIDMapping, id uint32) bool {
	if len(maps) == 0 {
		return id != 0
	}
	return slices.ContainsFunc(maps, func(m specs.LinuxIDMapping) bool { return id >= m.HostID && id-m.HostID < m.Size })
}

// usualBusybox are the places where a host has busybox.
var usualBusybox = [...]string{"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox", "/bin/busybox.static", "/usr/bin/busybox-static"}

// findTools returns the tools at a path; "" is the host's busybox. The error says what to give.
func findTools(ctx context.Context, path string) (*specconv.Tools, error) {
	if path == "" {
		i := slices.IndexFunc(usualBusybox[:], pathExists)
		if i < 0 {
			return nil, errors.New("this host has no busybox: give --tools a directory with static programs, or a static program (Debian's package busybox-static has one)")
		}
		path = usualBusybox[i]
	}
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, fmt.Errorf("tools: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tools: %w", err)
	}
	if st.IsDir() {
		return &specconv.Tools{Path: path}, nil
	}
	if err := checkStatic(path); err != nil {
		return nil, err
	}
	tools := &specconv.Tools{Path: path, Program: filepath.Base(path)}
	if strings.HasPrefix(tools.Program, "busybox") {
		tools.Links, err = applets(ctx, path)
	}
	return tools, err
}

// checkStatic returns an error unless the file is a program that needs no other file.
func checkStatic(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("tools: %w", err)
	}
	defer file.Close()
	head := make([]byte, 4096)
	n, _ := file.Read(head)
	elf, ok := program.ParseELF(head[:n])
	switch {
	case !ok || !bytes.HasPrefix(head, []byte("\x7fELF")):
		return fmt.Errorf("tools: %s is neither a directory nor a program", path)
	case elf.Loader != "":
		return fmt.Errorf("tools: %s is linked dynamically, and the container may not have %s: give --tools a static program (Debian's package busybox-static has one), or a directory with such", path, elf.Loader)
	}
	return nil
}

// mostApplets bounds the links to a busybox.
const mostApplets = 1000

// applets returns the names that a busybox of the host has programs for.
func applets(ctx context.Context, busybox string) ([]string, error) {
	out, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("tools: %s --list: %w", busybox, err)
	}
	var names []string
	for _, name := range strings.Fields(string(out)) {
		if !strings.Contains(name, "/") && name != filepath.Base(busybox) && len(names) < mostApplets {
			names = append(names, name)
		}
	}
	return names, nil
}
