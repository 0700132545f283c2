package preflight

import (
	"errors"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/idmap"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/specconv"
)

// inRootfs is what the rootfs says: the working directory, the program, and the
// hooks that run in it.
func (c *check) inRootfs() {
	for _, m := range specconv.Mounts(c.Spec) {
		if !m.IsRemount {
			c.image.Cover(m.Target)
		}
	}
	if p := c.Spec.Process; p != nil && path.IsAbs(p.Cwd) {
		c.workingDirectory(p)
		if len(p.Args) > 0 && p.Args[0] != "" {
			c.executable(p)
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
		severity, hint = specconv.Warning, strings.TrimPrefix(hint+"; unless a hook puts it there", "; ")
	}
	c.found(severity, pointer, hint, format, args...)
}

// workingDirectory: one that isn't there is made.
func (c *check) workingDirectory(p *specs.Process) {
	f, err := c.image.Find(p.Cwd)
	if err == nil && f.Kind() != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		c.errorf("/process/cwd", "make directory %s: %v", path.Clean(p.Cwd), err)
	}
}

const programPointer = "/process/args/0"

// program looks for args[0] as op_find of the child does: execvp(3).
func (c *check) executable(p *specs.Process) {
	name := p.Args[0]
	dirs := specconv.SearchPath(p)
	if dirs == nil {
		f, err := c.image.Find(absolute(p.Cwd, name))
		switch {
		case errors.Is(err, program.ErrCovered):
		case err != nil:
			c.missing(programPointer, "", "exec: %q: stat %s: %v", name, name, err)
		case f.Kind() == unix.S_IFDIR:
			c.errorf(programPointer, "exec: %q: %v", name, unix.EISDIR)
		case !f.IsExecutable():
			c.found(specconv.Error, programPointer, explain.ProgramHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
		default:
			c.foundProgram(p, f)
		}
		return
	}
	denied := false
	for _, dir := range dirs {
		f, err := c.image.Find(path.Join(absolute(p.Cwd, dir), name))
		switch {
		case errors.Is(err, program.ErrCovered):
			return // it may be there
		case err != nil || f.Kind() == unix.S_IFDIR:
		case !f.IsExecutable():
			denied = true
		default:
			c.foundProgram(p, f)
			return
		}
	}
	if denied {
		c.found(specconv.Error, programPointer, explain.ProgramHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
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

func (c *check) foundProgram(p *specs.Process, f *program.File) {
	if !mayExecute(p, c.Spec.Linux, &f.Stat) {
		c.found(specconv.Warning, programPointer, "", "%s has mode %#o and belongs to %d:%d: the user of the process, %d:%d, may not execute it",
			f.Path, f.Stat.Mode&0o7777, f.Stat.Uid, f.Stat.Gid, p.User.UID, p.User.GID)
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
	uid, isOwner := idmap.ToContainer(linux.UIDMappings, st.Uid)
	gid, isGroup := idmap.ToContainer(linux.GIDMappings, st.Gid)
	switch {
	case isOwner && uid == p.User.UID:
		return st.Mode&0o100 != 0
	case isGroup && (gid == p.User.GID || slices.Contains(p.User.AdditionalGids, gid)):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}

// maxInterpreters is how many scripts may interpret each other, execve(2).
const maxInterpreters = 4

// contents checks what execve(2) will make of a file.
func (c *check) contents(pointer, cwd string, f *program.File, depth int) {
	head := c.image.Head(f)
	switch {
	case head == nil:
	case strings.HasPrefix(string(head), "#!"):
		c.script(pointer, cwd, f, string(head[2:]), depth)
	case strings.HasPrefix(string(head), "\x7fELF"):
		c.elf(pointer, f, head)
	default:
		c.foreign(pointer, f, head, program.NotAProgram)
	}
}

func (c *check) script(pointer, cwd string, f *program.File, line string, depth int) {
	interpreter, hasReturn := program.ScriptInterpreter(line)
	if interpreter == "" {
		c.errorf(pointer, "exec %s: %s", f.Path, program.NoInterpreter)
		return
	}
	found, err := c.image.Find(absolute(cwd, interpreter))
	switch {
	case errors.Is(err, program.ErrCovered) || depth > maxInterpreters:
	case err != nil && hasReturn:
		c.errorf(pointer, "exec %s: %s", f.Path, program.ReturnInLine)
	case err != nil:
		c.missing(pointer, "", "exec %s: %s", f.Path, program.MissingInterpreter(interpreter))
	case !found.IsExecutable():
		c.found(specconv.Error, pointer, explain.ProgramHint(unix.EACCES), "exec %s: its interpreter %s: %v", f.Path, interpreter, unix.EACCES)
	default:
		c.contents(pointer, cwd, found, depth+1)
	}
}

func (c *check) elf(pointer string, f *program.File, head []byte) {
	header, ok := program.ParseELF(head)
	if !ok {
		c.errorf(pointer, "exec %s: it is cut off", f.Path)
		return
	}
	if !header.RunsOn(runtime.GOARCH) {
		c.foreign(pointer, f, head, program.ForeignMachine(header.Machine))
		return
	}
	if header.Loader == "" {
		return
	}
	if _, err := c.image.Find(absolute("/", header.Loader)); err != nil && !errors.Is(err, program.ErrCovered) {
		c.missing(pointer, "", "exec %s: %s", f.Path, program.MissingLoader(header.Loader))
	}
}

// foreign is a file that only an interpreter of the host can run, binfmt_misc. On
// another host there may be one.
func (c *check) foreign(pointer string, f *program.File, head []byte, what string) {
	severity, hint := specconv.Error, ""
	switch handler := program.FindHandler(f.Path, head); {
	case handler != "":
		severity, hint = specconv.Warning, "the host runs it by "+handler+", binfmt_misc"
	case !c.onHost:
		severity = specconv.Warning
	}
	c.found(severity, pointer, hint, "exec %s: %s", f.Path, what)
}

// containerHook is a hook that runs in the rootfs.
func (c *check) containerHook(pointer, name string) {
	f, err := c.image.Find(name)
	switch {
	case errors.Is(err, program.ErrCovered):
	case err != nil:
		c.missing(pointer, "", "hook %s: %v", name, err)
	case !f.IsExecutable():
		c.errorf(pointer, "hook %s: %v", name, unix.EACCES)
	default:
		c.contents(pointer, "/", f, 0)
	}
}
