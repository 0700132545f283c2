// Package fault defines the errors of the runtime: the sentinel errors, and Fault,
// which adds machine-readable details to an error's text.
package fault

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

// Sentinel errors, for use with errors.Is. Their texts are matched by containerd's shim
// ("does not exist", "container not running") and others.
var (
	ErrNotExist   = errors.New("container does not exist")
	ErrExist      = errors.New("container with given ID already exists")
	ErrInvalidID  = errors.New("invalid container ID format")
	ErrNotRunning = errors.New("container not running")
	ErrNotPaused  = errors.New("container not paused")
)

// ErrNotExecuted is matched by the error of a process that has found its program but couldn't
// execute it, execve(2).
var ErrNotExecuted = errors.New("the program can't be executed")

// Code is the class of an error, for a program to switch on. The list is in
// contrib/design/errors.md and runnel(8); codes are added, not changed.
type Code string

// The codes.
const (
	InvalidArgument      Code = "invalid_argument"       // a command-line argument is invalid, or a file that it names
	BundleInvalid        Code = "bundle_invalid"         // the bundle, its config.json or its rootfs doesn't exist or can't be read
	ConfigInvalid        Code = "config_invalid"         // config.json violates the specification, or requires what this host doesn't provide
	ContainerExists      Code = "container_exists"       // another container has the id
	ContainerNotFound    Code = "container_not_found"    // no container has the id
	NotRunning           Code = "not_running"            // the container's process has ended
	WrongState           Code = "wrong_state"            // the container's status doesn't permit the operation
	ProgramNotFound      Code = "program_not_found"      // the program, or its interpreter, isn't in the container
	ProgramNotExecutable Code = "program_not_executable" // the program exists, but may not or can't be executed
	MountFailed          Code = "mount_failed"           // mounting the container's file systems, creating its directories and device nodes
	NamespaceFailed      Code = "namespace_failed"       // creating or joining namespaces, and their id maps
	CgroupFailed         Code = "cgroup_failed"          // cgroups, their limits, Intel RDT
	NetworkFailed        Code = "network_failed"         // network devices
	ProcessFailed        Code = "process_failed"         // any other step of setting up the process
	HookFailed           Code = "hook_failed"            // a hook has failed, or couldn't be executed
	CheckpointFailed     Code = "checkpoint_failed"      // criu couldn't checkpoint or restore the container
	OutOfMemory          Code = "out_of_memory"          // the kernel has killed the process while it was set up
	Permission           Code = "permission"             // EPERM or EACCES, of an operation without a code of its own
	NotSupported         Code = "not_supported"          // ENOSYS or EOPNOTSUPP, of an operation without a code of its own
	Internal             Code = "internal"               // none of these
)

// Fault is an error with details for a program. Its text is that of Err.
type Fault struct {
	Err  error
	Code Code
	// Step is the op of the plan or the phase that failed, such as "mount" or "hook";
	// "" if unknown.
	Step string
	// Field is the JSON pointer (RFC 6901) to the setting in config.json that asked for
	// the step; "" if there is none.
	Field string
	// Hint is the part of the text that explains the errno; "" if there is none.
	Hint string
}

// Error returns the text of Err.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap returns Err.
func (f *Fault) Unwrap() error { return f.Err }

// Wrap returns err as a Fault with a step, a code, and as Field the place in
// config.json that err carries. It returns nil if err is nil, and err itself if there
// is a Fault in it already.
func Wrap(step string, code Code, err error) error {
	if err == nil {
		return nil
	}
	if known := Of(err); known != nil {
		return err
	}
	return &Fault{Err: err, Code: code, Step: step, Field: place.Of(err).Pointer}
}

// Of returns the Fault in err; nil if there is none.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// AddHint sets the hint and appends it to the text. It clears the hint if text is "".
func (f *Fault) AddHint(text string) {
	if f.Hint = text; text != "" {
		f.Err = fmt.Errorf("%w (%s)", f.Err, text)
	}
}

// Details are what is known about an error. Errno is the name of the errno, such as
// "ENOENT". Fields that are unknown are "".
type Details struct {
	Code                     Code
	Step, Field, Errno, Hint string
}

// DetailsOf returns what is known about an error, which needn't have a Fault in it.
func DetailsOf(err error) Details {
	d := Details{Code: classify(err)}
	var errno unix.Errno
	if errors.As(err, &errno) {
		d.Errno = unix.ErrnoName(errno)
	}
	if f := Of(err); f != nil {
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

// classify returns the code of an error that has no Fault in it.
func classify(err error) Code {
	for _, known := range [...]struct {
		err  error
		code Code
	}{
		{ErrNotExist, ContainerNotFound},
		{ErrExist, ContainerExists},
		{ErrInvalidID, InvalidArgument},
		{ErrNotRunning, NotRunning},
		{ErrNotPaused, WrongState},
		{fs.ErrPermission, Permission},
		{errors.ErrUnsupported, NotSupported},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	var s State
	if errors.As(err, &s) {
		return WrongState
	}
	return Internal
}

// ErrDeleted is the error of a create whose container was deleted before it was complete.
const ErrDeleted = State("the container was deleted while it was created")

// State is the error of an operation that the container's status doesn't permit. Its
// texts are runc's.
type State string

// Error returns the text.
func (e State) Error() string { return string(e) }
