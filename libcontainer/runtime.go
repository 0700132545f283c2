package libcontainer

import (
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/libcontainer/preflight"
	"github.com/runnel/runnel/specconv/config"
)

// Runtime is where containers live and how new ones are created. Its methods may be
// called from several goroutines.
type Runtime struct {
	// Root is the state root, an absolute path. It is created when it is needed.
	Root string
	// SystemdCgroup selects the systemd cgroup driver.
	SystemdCgroup bool
	// Rootless tolerates what an unprivileged user can't do with cgroups, as long as
	// no limit is asked for.
	Rootless bool
	// Warn, Info and Debug get one sentence each for the log; nil discards it. Info is
	// for what hooks print.
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

func (r *Runtime) hooks() hook.Runner { return hook.Runner{Info: r.Info} }

func (r *Runtime) cgroups() cgrouppolicy.Policy {
	return cgrouppolicy.Policy{Systemd: r.SystemdCgroup, Rootless: r.Rootless, Debug: r.Debug}
}

// Check finds all problems of a bundle and changes nothing: in config.json, in the
// rootfs, and, with onHost, of this host with it. "" is the working directory. The
// error is that of a bundle that can't be read.
//
// What Create refuses about the bundle is an Error here; a Warning is what it accepts
// and may not be meant, or what can't be known before.
func (r *Runtime) Check(bundle string, onHost bool) ([]config.Problem, error) {
	return preflight.Check(bundle, r.cgroups(), onHost)
}

// CreateOptions are the options of Create and Run.
type CreateOptions struct {
	ID     string
	Bundle string // a directory; "" is the working directory
	Stdio  Stdio
	// PidfdSocket is the path of a listening unix socket that gets a pidfd of the
	// container's init.
	PidfdSocket string
	// PidFile gets the pid of the container's init in this process's pid namespace. It
	// is written last: its presence means that the container is created.
	PidFile string
	// NoPivot uses MS_MOVE and chroot(2) instead of pivot_root(2), for a root that is
	// an initramfs.
	NoPivot bool
	// NoNewKeyring keeps the session keyring of this process.
	NoNewKeyring bool
	// ExtraFiles are inherited by the container's process, from descriptor 3 on. The
	// first ListenFDs of them are announced as those of a service manager,
	// sd_listen_fds(3), with the names ListenNames (LISTEN_FDNAMES).
	ExtraFiles  []*os.File
	ListenFDs   int
	ListenNames string
	// NotifySocket is the socket of the service manager that hears when the
	// container's process is ready, in the form of NOTIFY_SOCKET, sd_notify(3).
	NotifySocket string
}

// RunOptions are the options of Run.
type RunOptions struct {
	CreateOptions
	// Attached: Run returns when the process runs, and what it says to NotifySocket is
	// passed on until it ends, in Process.Wait. Otherwise Run returns when the process
	// says that it is ready, if there is a NotifySocket.
	Attached bool
	// Subreaper makes this process the parent of the container's orphans,
	// PR_SET_CHILD_SUBREAPER, and has Process.Wait collect every child of this process.
	// It is for a process that does nothing else.
	Subreaper bool
}

// ExecOptions are the options of Exec.
type ExecOptions struct {
	// Process is what to run; nil is the config's process with Override applied.
	Process  *specs.Process
	Override ProcessOverride
	Stdio    Stdio
	// PidfdSocket and PidFile are as in CreateOptions.
	PidfdSocket, PidFile string
	// IgnorePaused accepts a paused container: the process waits for Resume.
	IgnorePaused bool
	// ExtraFiles are inherited by the process, from descriptor 3 on.
	ExtraFiles []*os.File
	// Cgroups are sub-cgroups of the container's to run in, "[controller[,…]:]path".
	Cgroups []string
}

// checkFiles returns an error unless all files that a process is to inherit are open: a
// closed one would be missing there, and the next have the wrong numbers.
func checkFiles(stdio *Stdio, extra []*os.File, listen int) error {
	if listen < 0 || listen > len(extra) {
		return fault.Wrap("streams", fault.InvalidArgument, fmt.Errorf("ListenFDs is %d, and there are %d ExtraFiles", listen, len(extra)))
	}
	for i, file := range append([]*os.File{stdio.In, stdio.Out, stdio.Err}, extra...) {
		if file == nil && i < 3 {
			continue
		}
		if file == nil || file.Fd() == ^uintptr(0) {
			return fault.Wrap("streams", fault.InvalidArgument, fmt.Errorf("file for descriptor %d of the process: %w", i, os.ErrClosed))
		}
	}
	return nil
}

func descriptors(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, file := range files {
		fds[i] = int(file.Fd())
	}
	return fds
}
