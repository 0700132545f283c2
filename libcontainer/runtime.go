// Package libcontainer is the life of a container: create, start, exec, kill,
// delete and what is between. It coordinates the packages that know how:
// specconv plans, nsenter runs plans, cgroups limits, seccomp compiles filters.
// It keeps what must outlive a command in the state directory (store.go) and
// derives everything else from the kernel.
package libcontainer

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Errors to decide on, with errors.Is. Their texts are matched by containerd's
// shim ("does not exist", "container not running") and others.
var (
	ErrNotExist   = errors.New("container does not exist")
	ErrExist      = errors.New("container with given ID already exists")
	ErrInvalidID  = errors.New("invalid container ID format")
	ErrNotRunning = errors.New("container not running")
	ErrNotPaused  = errors.New("container not paused")
)

// Runtime is where containers live and how new ones are made.
type Runtime struct {
	// Root is the state root, an absolute path.
	Root string
	// SystemdCgroup asks for the systemd cgroup driver.
	SystemdCgroup bool
	// Rootless tolerates what an unprivileged user can't do with cgroups, as
	// long as no limit is asked for.
	Rootless bool
	// Warn, Info and Debug take one sentence each for the log; nil discards it.
	// Info is for what hooks print.
	Warn, Info, Debug func(string)
}

func (r *Runtime) warn(text string) {
	if r.Warn != nil {
		r.Warn(text)
	}
}

func (r *Runtime) debug(text string) {
	if r.Debug != nil {
		r.Debug(text)
	}
}

// CreateOptions are what create and run have in common.
type CreateOptions struct {
	ID     string
	Bundle string // a directory; "" is the working directory
	// ConsoleSocket and PidfdSocket are listening unix sockets that get the
	// master of the terminal and the pidfd of the container's init.
	ConsoleSocket, PidfdSocket string
	// PidFile gets the pid of the container's init in our pid namespace. It is
	// written last: its presence means that the container is created.
	PidFile string
	// NoPivot uses MS_MOVE and chroot(2), for a root that is a ramfs.
	NoPivot bool
	// NoNewKeyring keeps the session keyring of the caller.
	NoNewKeyring bool
	// PreserveFDs is the number of descriptors from 3 on to pass on.
	PreserveFDs int
}

// RunOptions are those of run.
type RunOptions struct {
	CreateOptions
	Detach, Keep, NoSubreaper bool
}

// ExecOptions are those of exec.
type ExecOptions struct {
	ID string
	// Process is what to run; nil: the config's process with Override applied.
	Process                             *specs.Process
	Override                            ProcessOverride
	ConsoleSocket, PidfdSocket, PidFile string
	Detach, IgnorePaused                bool
	PreserveFDs                         int
	// Cgroups are sub-cgroups of the container's, "[controller[,…]:]path".
	Cgroups []string
}

// ProcessOverride is what exec changes in the config's process. Zero values
// leave it as it is, but for TTY, which always decides.
type ProcessOverride struct {
	Args            []string
	Cwd             string
	Env             []string // appended
	TTY             bool
	User            *specs.User
	AdditionalGids  []uint32 // appended
	NoNewPrivileges *bool
	Caps            []string // added
	SelinuxLabel    string
	ApparmorProfile string
}
