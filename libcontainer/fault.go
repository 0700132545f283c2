package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

// Code is the class of an error, for a program to switch on. The list is in
// contrib/design/errors.md and runnel(8); codes are added, not changed.
type Code string

// The codes.
const (
	CodeInvalidArgument      Code = "invalid_argument"       // the command line makes no sense, or a file that it names
	CodeBundleInvalid        Code = "bundle_invalid"         // the bundle, its config.json or its rootfs isn't there
	CodeConfigInvalid        Code = "config_invalid"         // config.json isn't as the specification has it, or asks for what the host hasn't
	CodeContainerExists      Code = "container_exists"       // another container has the id
	CodeContainerNotFound    Code = "container_not_found"    // no container has the id
	CodeNotRunning           Code = "not_running"            // the container's process has ended
	CodeWrongState           Code = "wrong_state"            // the container's present state doesn't allow it
	CodeProgramNotFound      Code = "program_not_found"      // the program, or what interprets it, isn't in the container
	CodeProgramNotExecutable Code = "program_not_executable" // the program is there, but may not or can't be executed
	CodeMountFailed          Code = "mount_failed"           // the container's file systems, directories and device nodes
	CodeNamespaceFailed      Code = "namespace_failed"       // namespaces, made or joined, and their id maps
	CodeCgroupFailed         Code = "cgroup_failed"          // cgroups, their limits, Intel RDT
	CodeNetworkFailed        Code = "network_failed"         // network devices
	CodeProcessFailed        Code = "process_failed"         // any other step of setting up the process
	CodeHookFailed           Code = "hook_failed"            // a hook has failed, or couldn't be executed
	CodeOutOfMemory          Code = "out_of_memory"          // the kernel has killed the process while it was set up
	CodePermission           Code = "permission"             // EPERM or EACCES, of anything else
	CodeNotSupported         Code = "not_supported"          // ENOSYS or EOPNOTSUPP, of anything else
	CodeInternal             Code = "internal"               // none of these
)

// Fault is an error of which more is known than its sentence. The text is that of
// Err.
type Fault struct {
	Err  error
	Code Code
	// Step is the op of the plan or the phase that failed: "mount", "hook".
	Step string
	// Field is the JSON pointer (RFC 6901) to what in config.json asked for it.
	Field string
	// Hint is what the sentence adds to the errno, by itself.
	Hint string
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// during says in which phase err came up; nil stays nil. What is known already
// stays, too.
func during(step string, code Code, err error) error {
	if err == nil {
		return nil
	}
	var known *Fault
	if errors.As(err, &known) {
		return err
	}
	f := &Fault{Err: err, Code: code, Step: step, Field: place.Of(placedByText(err)).Pointer}
	var errno unix.Errno
	if code == CodeCgroupFailed && errors.As(err, &errno) {
		f.hint(cgroupHint(errno))
	}
	return f
}

// hint adds a hint to the sentence.
func (f *Fault) hint(text string) {
	if f.Hint = text; text != "" {
		f.Err = fmt.Errorf("%w (%s)", f.Err, text)
	}
}

// Details are what is known of an error. Errno is its name, "ENOENT". What isn't
// known is "".
type Details struct {
	Code                     Code
	Step, Field, Errno, Hint string
}

// Explain gives the details of an error of this package.
func Explain(err error) Details {
	d := Details{Code: classify(err)}
	var errno unix.Errno
	if errors.As(err, &errno) {
		d.Errno = unix.ErrnoName(errno)
	}
	var f *Fault
	if errors.As(err, &f) {
		d.Step, d.Field, d.Hint = f.Step, f.Field, f.Hint
		if f.Code != "" {
			d.Code = f.Code
		}
	}
	var c *config.ConfigError
	if errors.As(err, &c) {
		d.Field, d.Hint = c.First.Place.Pointer, c.First.Hint
	}
	return d
}

// classify goes by what the error is, for one that is no Fault.
func classify(err error) Code {
	for _, known := range [...]struct {
		err  error
		code Code
	}{
		{ErrNotExist, CodeContainerNotFound},
		{ErrExist, CodeContainerExists},
		{ErrInvalidID, CodeInvalidArgument},
		{ErrNotRunning, CodeNotRunning},
		{ErrNotPaused, CodeWrongState},
		{fs.ErrPermission, CodePermission},
		{errors.ErrUnsupported, CodeNotSupported},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	var s stateError
	if errors.As(err, &s) {
		return CodeWrongState
	}
	return CodeInternal
}

// stateError is what can't be done in the container's present state, in the words
// of runc.
type stateError string

func (e stateError) Error() string { return string(e) }
