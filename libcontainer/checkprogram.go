package libcontainer

import (
	"errors"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/specconv"
)

// inRootfs is what the rootfs says: the working directory, the program, and the
// hooks that run in it.
func (c *check) inRootfs() {
	for _, m := range specconv.Mounts(c.Spec) {
		if !m.IsRemount {
			c.image.cover(m.Target)
		}
	}
	if p := c.Spec.Process; p != nil && path.IsAbs(p.Cwd) {
		c.workingDirectory(p)
		if len(p.Args) > 0 && p.Args[0] != "" {
			c.program(p)
		}
	}
	if hooks := c.Spec.Hooks; hooks != nil {
		for i, h := range hooks.StartContainer {
			if path.IsAbs(h.Path) {
				c.containerHook("/hooks/startContainer/"+strconv.Itoa(i)+"/path", h.Path)
			}
		}
	}
}

// fillsRootfs tells whether hooks may put something into the rootfs before the
// program is looked for.
func (c *check) fillsRootfs() bool {
	h := c.Spec.Hooks
	//nolint:staticcheck // prestart is deprecated, and required
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0
}

// missing adds a problem about something that isn't in the rootfs.
func (c *check) missing(pointer, hint, format string, args ...any) {
	severity := specconv.Error
	if c.fillsRootfs() {
		severity, hint = specconv.Warning, joinHints(hint, "unless a hook puts it there")
	}
	c.found(severity, pointer, hint, format, args...)
}

// workingDirectory: one that isn't there is made.
func (c *check) workingDirectory(p *specs.Process) {
	f, err := c.image.find(p.Cwd)
	if err == nil && f.kind() != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		c.errorf("/process/cwd", "make directory %s: %v", path.Clean(p.Cwd), err)
	}
}

const programPointer = "/process/args/0"

// program looks for args[0] as op_resolve_exec of the child does: execvp(3).
func (c *check) program(p *specs.Process) {
	name := p.Args[0]
	dirs := specconv.SearchPath(p)
	if dirs == nil {
		f, err := c.image.find(absolute(p.Cwd, name))
		switch {
		case errors.Is(err, errCovered):
		case err != nil:
			c.missing(programPointer, "", "exec: %q: stat %s: %v", name, name, err)
		case f.kind() == unix.S_IFDIR:
			c.errorf(programPointer, "exec: %q: %v", name, unix.EISDIR)
		case !isExecutable(f):
			c.found(specconv.Error, programPointer, permissionHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
		default:
			c.foundProgram(p, f)
		}
		return
	}
	denied := false
	for _, dir := range dirs {
		f, err := c.image.find(path.Join(absolute(p.Cwd, dir), name))
		switch {
		case errors.Is(err, errCovered):
			return // it may be there
		case err != nil || f.kind() == unix.S_IFDIR:
		case !isExecutable(f):
			denied = true
		default:
			c.foundProgram(p, f)
			return
		}
	}
	if denied {
		c.found(specconv.Error, programPointer, permissionHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
		return
	}
	c.missing(programPointer, "PATH is "+strings.Join(dirs, ":"), "exec: %q: executable file not found in $PATH", name)
}

func absolute(cwd, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(cwd, name)
}

// isExecutable: to somebody. That is what root needs, too.
func isExecutable(f *imageFile) bool {
	return f.kind() == unix.S_IFREG && f.stat.Mode&0o111 != 0
}

func (c *check) foundProgram(p *specs.Process, f *imageFile) {
	if !mayExecute(p, c.Spec.Linux, &f.stat) {
		c.found(specconv.Warning, programPointer, "", "%s has mode %#o and belongs to %d:%d: the user of the process, %d:%d, may not execute it",
			f.path, f.stat.Mode&0o7777, f.stat.Uid, f.stat.Gid, p.User.UID, p.User.GID)
	}
	c.contents(programPointer, p.Cwd, f, 0)
}

// mayExecute follows the bits of the mode alone: access lists may say otherwise,
// acl(5).
func mayExecute(p *specs.Process, linux *specs.Linux, st *unix.Stat_t) bool {
	const override = "CAP_DAC_OVERRIDE"
	if caps := p.Capabilities; caps != nil && slices.Contains(caps.Effective, override) && slices.Contains(caps.Permitted, override) {
		return true
	}
	uid, isOwner := toContainer(linux.UIDMappings, st.Uid)
	gid, isGroup := toContainer(linux.GIDMappings, st.Gid)
	switch {
	case isOwner && uid == p.User.UID:
		return st.Mode&0o100 != 0
	case isGroup && (gid == p.User.GID || slices.Contains(p.User.AdditionalGids, gid)):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}

// toContainer is what a user namespace makes of an id of the host.
func toContainer(mappings []specs.LinuxIDMapping, id uint32) (inside uint32, ok bool) {
	for _, m := range mappings {
		if id >= m.HostID && id-m.HostID < m.Size {
			return m.ContainerID + (id - m.HostID), true
		}
	}
	return id, len(mappings) == 0
}

// maxInterpreters is how many scripts may interpret each other, execve(2).
const maxInterpreters = 4

// contents checks what execve(2) will make of a file.
func (c *check) contents(pointer, cwd string, f *imageFile, depth int) {
	head := c.image.head(f)
	switch {
	case head == nil:
	case strings.HasPrefix(string(head), "#!"):
		c.script(pointer, cwd, f, string(head[2:]), depth)
	case strings.HasPrefix(string(head), "\x7fELF"):
		c.elf(pointer, f, head)
	default:
		c.foreign(pointer, f, head, notAProgram)
	}
}

func (c *check) script(pointer, cwd string, f *imageFile, line string, depth int) {
	interpreter, hasReturn := scriptInterpreter(line)
	if interpreter == "" {
		c.errorf(pointer, "exec %s: %s", f.path, noInterpreter)
		return
	}
	found, err := c.image.find(absolute(cwd, interpreter))
	switch {
	case errors.Is(err, errCovered) || depth > maxInterpreters:
	case err != nil && hasReturn:
		c.errorf(pointer, "exec %s: %s", f.path, returnInLine)
	case err != nil:
		c.missing(pointer, "", "exec %s: %s", f.path, missingInterpreter(interpreter))
	case !isExecutable(found):
		c.found(specconv.Error, pointer, permissionHint(unix.EACCES), "exec %s: its interpreter %s: %v", f.path, interpreter, unix.EACCES)
	default:
		c.contents(pointer, cwd, found, depth+1)
	}
}

func (c *check) elf(pointer string, f *imageFile, head []byte) {
	program, ok := parseELF(head)
	if !ok {
		c.errorf(pointer, "exec %s: it is cut off", f.path)
		return
	}
	if !runsHere(runtime.GOARCH, program) {
		c.foreign(pointer, f, head, foreignMachine(program.machine))
		return
	}
	if program.loader == "" {
		return
	}
	if _, err := c.image.find(absolute("/", program.loader)); err != nil && !errors.Is(err, errCovered) {
		c.missing(pointer, "", "exec %s: %s", f.path, missingLoader(program.loader))
	}
}

// The ELF machines, elf.h, of programs that a kernel of each architecture runs. A
// kernel may be built without those of 32 bits.
func runsHere(arch string, p elfProgram) bool {
	const i386, arm, x8664, aarch64, riscv = 3, 40, 62, 183, 243
	switch arch {
	case "amd64":
		return p.machine == x8664 || p.machine == i386
	case "arm64":
		return !p.big && (p.machine == aarch64 || p.machine == arm)
	case "riscv64":
		return p.machine == riscv
	}
	return true
}

// foreign is a file that only an interpreter of the host can run, binfmt_misc. On
// another host there may be one.
func (c *check) foreign(pointer string, f *imageFile, head []byte, what string) {
	severity, hint := specconv.Error, ""
	switch handler := findHandler(f.path, head); {
	case handler != "":
		severity, hint = specconv.Warning, "the host runs it by "+handler+", binfmt_misc"
	case !c.onHost:
		severity = specconv.Warning
	}
	c.found(severity, pointer, hint, "exec %s: %s", f.path, what)
}

// containerHook is a hook that runs in the rootfs.
func (c *check) containerHook(pointer, name string) {
	f, err := c.image.find(name)
	switch {
	case errors.Is(err, errCovered):
	case err != nil:
		c.missing(pointer, "", "hook %s: %v", name, err)
	case !isExecutable(f):
		c.errorf(pointer, "hook %s: %v", name, unix.EACCES)
	default:
		c.contents(pointer, "/", f, 0)
	}
}
