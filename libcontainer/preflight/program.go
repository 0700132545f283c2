package preflight

import (
	"errors"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/config"
)

// inRootfs checks what is in the rootfs: the working directory, the program, and the
// programs of hooks that run in the container.
func (c *check) inRootfs() {
	for _, m := range config.Mounts(c.Spec) {
		if !m.Remount {
			c.image.Cover(m.Target)
		}
	}
	if p := c.Spec.Process; p != nil {
		if path.IsAbs(p.Cwd) {
			c.workingDirectory(p)
		}
		if len(p.Args) > 0 && p.Args[0] != "" {
			c.executable(p)
		}
	}
	c.landlockPaths()
	if hooks := c.Spec.Hooks; hooks != nil {
		for i, h := range hooks.StartContainer {
			if path.IsAbs(h.Path) {
				c.containerHook(place.At("/hooks/startContainer").Index(i).Key("path"), h.Path)
			}
		}
	}
}

// landlockPaths checks that the paths of Landlock's rules are there.
func (c *check) landlockPaths() {
	l := config.LandlockOf(c.Spec.Annotations)
	if l == nil || c.fillsRootfs() {
		return
	}
	var made []string // directories that create makes
	for _, m := range config.Mounts(c.Spec) {
		made = append(made, m.Target+"/")
	}
	if p := c.Spec.Process; p != nil {
		made = append(made, path.Clean(p.Cwd)+"/")
	}
	for _, p := range l.Paths {
		leadsTo := func(dir string) bool { return strings.HasPrefix(dir, p.Path+"/") }
		if p.IsOptional || !path.IsAbs(p.Path) || slices.ContainsFunc(made, leadsTo) {
			continue
		}
		if _, err := c.image.Find(p.Path); errors.Is(err, unix.ENOENT) {
			c.report(config.Error, p.Place, explain.LandlockHint(p.Path), "allow %s by Landlock: %v", p.Path, unix.ENOENT)
		}
	}
}

// fillsRootfs reports whether hooks run that may add files to the rootfs before the
// program is looked up.
func (c *check) fillsRootfs() bool {
	h := c.Spec.Hooks
	//nolint:staticcheck // prestart is deprecated, and required
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0
}

// missing adds a problem about a file that isn't in the rootfs.
func (c *check) missing(at place.Place, hint, format string, args ...any) {
	severity := config.Error
	if c.fillsRootfs() {
		severity, hint = config.Warning, strings.TrimPrefix(hint+"; unless a hook puts it there", "; ")
	}
	c.report(severity, at, hint, format, args...)
}

// workingDirectory checks process.cwd. One that doesn't exist will be created.
func (c *check) workingDirectory(p *specs.Process) {
	f, err := c.image.Find(p.Cwd)
	if err == nil && f.Kind() != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		c.errorf(place.At("/process/cwd"), "make directory %s: %v", path.Clean(p.Cwd), err)
	}
}

// programPlace is the place of the program in config.json.
var programPlace = place.At("/process/args/0")

// executable looks up args[0] as op_resolve_exec of the child does, execvp(3).
func (c *check) executable(p *specs.Process) {
	name := p.Args[0]
	dirs := specconv.SearchPath(p)
	if dirs == nil {
		file := absolute(p.Cwd, name)
		if !path.IsAbs(file) {
			return // the working directory is an error itself
		}
		f, err := c.image.Find(file)
		switch {
		case errors.Is(err, program.ErrCovered):
			c.coveredProgram(name, file)
		case err != nil:
			c.missing(programPlace, explain.LookupHint(name, nil, p.Cwd), "exec: %q: stat %s: %v", name, name, err)
		case f.Kind() == unix.S_IFDIR:
			c.errorf(programPlace, "exec: %q: %v", name, unix.EISDIR)
		case !f.IsExecutable():
			c.report(config.Error, programPlace, explain.ProgramHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
		default:
			c.foundProgram(p, f)
		}
		return
	}
	denied := false
	for _, dir := range dirs {
		file := path.Join(absolute(p.Cwd, dir), name)
		if !path.IsAbs(file) {
			return
		}
		f, err := c.image.Find(file)
		switch {
		case errors.Is(err, program.ErrCovered):
			c.coveredProgram(name, file)
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
		c.report(config.Error, programPlace, explain.ProgramHint(unix.EACCES), "exec: %q: %v", name, unix.EACCES)
		return
	}
	c.missing(programPlace, explain.LookupHint(name, dirs, p.Cwd), "exec: %q: executable file not found in $PATH", name)
}

// absolute returns name as an absolute path; a relative one is relative to cwd.
func absolute(cwd, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(cwd, name)
}

// foundProgram checks the file that is the program.
func (c *check) foundProgram(p *specs.Process, f *program.File) {
	if c.noexecRootfs() {
		c.report(config.Error, programPlace, explain.SomeNoexec, "exec: %q: %v", p.Args[0], unix.EACCES)
		return
	}
	if !mayExecute(p, c.Spec.Linux, &f.Stat) {
		c.report(config.Warning, programPlace, "", "%s has mode %#o and belongs to %d:%d: the user of the process, %d:%d, may not execute it",
			f.Path, f.Stat.Mode&0o7777, f.Stat.Uid, f.Stat.Gid, p.User.UID, p.User.GID)
	}
	c.contents(programPlace, p.Cwd, f, 0)
}

// mayExecute reports whether the mode of a file permits the process to execute it.
// Access control lists may differ, acl(5).
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

// toContainer returns the id in the container for an id of the host; ok is false if it
// isn't mapped.
func toContainer(mappings []specs.LinuxIDMapping, id uint32) (inside uint32, ok bool) {
	if len(mappings) == 0 {
		return id, true
	}
	return config.ContainerID(mappings, id)
}

// maxInterpreters is the number of scripts that may be interpreters of each other,
// execve(2).
const maxInterpreters = 4

// contents checks whether execve(2) will accept a file's contents.
func (c *check) contents(at place.Place, cwd string, f *program.File, depth int) {
	head := c.image.Head(f)
	switch {
	case head == nil:
	case strings.HasPrefix(string(head), "#!"):
		c.script(at, cwd, f, string(head[2:]), depth)
	case strings.HasPrefix(string(head), "\x7fELF"):
		c.elf(at, f, head)
	default:
		c.foreign(at, f, head, program.NotAProgram)
	}
}

// script checks a script, whose first line after "#!" is line.
func (c *check) script(at place.Place, cwd string, f *program.File, line string, depth int) {
	interpreter, hasReturn := program.ScriptInterpreter(line)
	if interpreter == "" {
		c.errorf(at, "exec %s: %s", f.Path, program.NoInterpreter)
		return
	}
	found, err := c.image.Find(absolute(cwd, interpreter))
	switch {
	case errors.Is(err, program.ErrCovered) || depth > maxInterpreters:
	case err != nil && hasReturn:
		c.errorf(at, "exec %s: %s", f.Path, program.ReturnInLine)
	case err != nil:
		c.missing(at, "", "exec %s: %s", f.Path, program.MissingInterpreter(interpreter))
	case !found.IsExecutable():
		c.report(config.Error, at, explain.ProgramHint(unix.EACCES), "exec %s: its interpreter %s: %v", f.Path, interpreter, unix.EACCES)
	default:
		c.contents(at, cwd, found, depth+1)
	}
}

// elf checks an ELF file.
func (c *check) elf(at place.Place, f *program.File, head []byte) {
	header, ok := program.ParseELF(head)
	if !ok {
		c.errorf(at, "exec %s: it is cut off", f.Path)
		return
	}
	if !header.RunsOn(runtime.GOARCH) {
		c.foreign(at, f, head, program.ForeignMachine(header.Machine))
		return
	}
	if header.Loader == "" {
		return
	}
	if _, err := c.image.Find(absolute("/", header.Loader)); err != nil && !errors.Is(err, program.ErrCovered) {
		c.missing(at, "", "exec %s: %s", f.Path, program.MissingLoader(header.Loader))
	}
}

// foreign adds a problem about a file that only an interpreter of the host can run,
// binfmt_misc. Another host may have one.
func (c *check) foreign(at place.Place, f *program.File, head []byte, what string) {
	severity, hint := config.Error, ""
	switch handler := program.FindHandler(f.Path, head); {
	case handler != "":
		severity, hint = config.Warning, "the host runs it by "+handler+", binfmt_misc"
	case !c.onHost:
		severity = config.Warning
	}
	c.report(severity, at, hint, "exec %s: %s", f.Path, what)
}

// containerHook checks the program of a hook that runs in the container.
func (c *check) containerHook(at place.Place, name string) {
	f, err := c.image.Find(name)
	switch {
	case errors.Is(err, program.ErrCovered):
	case err != nil:
		c.missing(at, "", "hook %s: %v", name, err)
	case !f.IsExecutable():
		c.errorf(at, "hook %s: %v", name, unix.EACCES)
	default:
		c.contents(at, "/", f, 0)
	}
}
