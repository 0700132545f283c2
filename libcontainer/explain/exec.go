package explain

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

func describeResolveExec(o plan.ResolveExec, f *nsenter.Failure) (what, hint string) {
	if f.Part != nsenter.PartSearch && (f.Errno == unix.ENOENT || f.Errno == unix.ENOTDIR) {
		return fmt.Sprintf("exec: %q: stat %s", o.Name, o.Name), ""
	}
	return fmt.Sprintf("exec: %q", o.Name), ProgramHint(f.Errno)
}

// LookupHint returns a hint about a program that isn't there: where it was looked for, or
// what its name should have been. dirs are the directories of PATH, nil for a path, which
// may be relative to cwd.
func LookupHint(name string, dirs []string, cwd string) string {
	switch {
	case strings.ContainsAny(name, " \t\n"):
		return "args[0] is the program alone: each argument is an element of its own"
	case dirs != nil:
		return "PATH is " + strings.Join(dirs, ":")
	case !path.IsAbs(name) && path.IsAbs(cwd):
		return "it is relative to the working directory, " + cwd
	}
	return ""
}

// ProgramHint returns what an errno of looking up a program means; "" if it needs no
// explanation.
func ProgramHint(errno unix.Errno) string {
	switch errno {
	case unix.EISDIR:
		// For a directory execve(2) returns EACCES; podman turns these words into
		// exit status 126.
		return "permission denied: it must be a regular file"
	case unix.EACCES:
		return "it must be a regular file with execute permission for the user of the process"
	case unix.ELOOP:
		return "its symbolic links lead in a circle"
	}
	return ""
}

func describeExec(o plan.Exec, f *nsenter.Failure) (what, hint string) {
	name := ""
	if len(o.Args) > 0 {
		name = o.Args[0]
	}
	switch f.Errno {
	case unix.ENOENT:
		hint = "the file is there, but the interpreter that it names isn't: the loader of a dynamically linked program, or the #! line of a script"
	case unix.ENOEXEC:
		hint = "it is for another architecture, or a script without a #! line"
	case unix.EACCES:
		hint = "its interpreter isn't executable, or an LSM denies it"
	case unix.E2BIG:
		hint = "the arguments and the environment are too long"
	case unix.ETXTBSY:
		hint = "somebody has it open for writing"
	case unix.EAGAIN:
		hint = "the user has more processes than RLIMIT_NPROC allows"
	}
	return fmt.Sprintf("exec: %q", name), hint
}
