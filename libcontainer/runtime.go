package libcontainer

import (
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/libcontainer/preflight"
	"github.com/runnel/runnel/libcontainer/trace"
	"github.com/runnel/runnel/specconv/config"
)

// Runtime is a directory of containers and the settings for new ones. Its fields must
// not change after the first call of a method. Methods may be called by several
// goroutines.
type Runtime struct {
	// Root is the directory with the state of the containers, an absolute path. Create
	// and Run create it if it doesn't exist.
	Root string
	// SystemdCgroup selects the systemd cgroup driver.
	SystemdCgroup bool
	// NoCgroup creates no cgroup for new containers: their processes remain in that of the
	// caller. Limits are then refused, device rules aren't enforced, with a warning, and a
	// container can't be paused. SystemdCgroup has no meaning then.
	NoCgroup bool
	// Rootless ignores errors when an unprivileged user may not create a cgroup, as
	// long as config.json sets no limit and no cgroupsPath. With SystemdCgroup it
	// selects the user's systemd manager, which requires cgroup v2.
	Rootless bool
	// Trace records what methods do and how long it takes; nil records nothing.
	Trace *trace.Trace
	// Warn, Info and Debug receive log messages, one call for each; nil discards them.
	// Info receives the output of hooks. They are called by the goroutine that calls a
	// method.
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

// debugf formats only if somebody reads it.
func (r *Runtime) debugf(format string, args ...any) {
	if r.Debug != nil {
		r.Debug(fmt.Sprintf(format, args...))
	}
}

func (r *Runtime) hooks() hook.Runner {
	return hook.Runner{Info: r.Info, Debug: r.Debug, Trace: r.Trace}
}

func (r *Runtime) cgroups() cgrouppolicy.Policy {
	return cgrouppolicy.Policy{Systemd: r.SystemdCgroup, None: r.NoCgroup, Rootless: r.Rootless, Debug: r.Debug}
}

// Check returns all problems of the bundle in a directory, in config.json and in the
// rootfs, and creates nothing. With onHost it also checks whether this host provides
// what the bundle requires. bundle and file are the Bundle and the Config of CreateOptions.
//
// A problem with severity Error is one for which Create fails. A Warning is about
// something that Create accepts but that is probably a mistake, or that can't be
// checked in advance. The error is a *fault.Fault, for a bundle that can't be read.
func (r *Runtime) Check(bundle, file string, onHost bool) ([]config.Problem, error) {
	problems, err := preflight.Check(bundle, file, r.cgroups(), onHost)
	if err == nil {
		r.debugf("check: bundle %q, on this host: %t, %d problems", bundle, onHost, len(problems))
	}
	return problems, err
}

// CreateOptions are the options of Create and Run.
type CreateOptions struct {
	// ID is the id of the new container: see ErrInvalidID.
	ID string
	// Bundle is the directory with config.json; "" is the working directory.
	Bundle string
	// Config is the file that is read instead of the config.json of the bundle; "" is none.
	Config string
	// Stdio are the standard streams of the container's process.
	Stdio Stdio
	// PidfdSocket is the path of a listening unix stream socket that receives a pidfd
	// of the container's init, with SCM_RIGHTS and the text "standard"; "" is none.
	PidfdSocket string
	// PidFile is the path of a file that receives the pid of the container's init in
	// the pid namespace of this process; "" is none. It is written last, so its
	// presence means that the container has been created.
	PidFile string
	// NoPivot uses MS_MOVE and chroot(2) instead of pivot_root(2). This is for a host
	// whose root is an initramfs.
	NoPivot bool
	// NoNewKeyring lets the container use the session keyring of this process instead
	// of a new one.
	NoNewKeyring bool
	// ExtraFiles are inherited by the container's process, from descriptor 3 on. They
	// remain the caller's. The first ListenFDs of them are passed as a service manager
	// passes sockets, sd_listen_fds(3), with ListenNames as the value of
	// LISTEN_FDNAMES.
	ExtraFiles  []*os.File
	ListenFDs   int
	ListenNames string
	// NotifySocket is the address of a service manager's socket, in the form of the
	// environment variable NOTIFY_SOCKET of sd_notify(3). It is informed when the
	// container's process is ready. "" is none.
	NotifySocket string
	// supervisor is nil unless this process is to be the container's seccomp agent.
	supervisor *supervisor
}

// RunOptions are the options of Run.
type RunOptions struct {
	CreateOptions
	// Attached makes Run return as soon as the program runs. Messages of the process to
	// NotifySocket are then forwarded until the process has ended; Process.Wait waits
	// for that. Without Attached and with a NotifySocket, Run returns when the process
	// has reported that it is ready, or has ended.
	Attached bool
	// Subreaper makes the calling process the parent of the container's orphans,
	// PR_SET_CHILD_SUBREAPER, and makes Process.Wait reap every child of the calling
	// process. Use it only in a program that has no other children.
	Subreaper bool
	// SeccompLog is called for system calls that the profile refuses with an errno, once for
	// each name and command; by several goroutines, until the Process is closed. It requires
	// Attached, and a profile without an agent: this process answers these calls in place of
	// the kernel. Later, they fail with ENOSYS. nil is no log.
	SeccompLog func(SeccompRefusal)
}

// ExecOptions are the options of Exec.
type ExecOptions struct {
	// Process is the process to run. If it is nil, the process of the container's
	// config.json is used, with Override applied.
	Process *specs.Process
	// Override is ignored if Process is set.
	Override ProcessOverride
	// Namespaces are those of the container that the process joins; nil is all of them.
	// Without the mount namespace the program is one of the host. Its process has the root,
	// the working directory, the environment and the capabilities of the caller, changed
	// by Override, and of the container nothing but these namespaces and the cgroup. A
	// choice that would give the container power over the host is an error.
	Namespaces []specs.LinuxNamespaceType
	// Stdio are the standard streams of the process.
	Stdio Stdio
	// PidfdSocket and PidFile are as in CreateOptions, for the new process. The text is
	// "setns".
	PidfdSocket, PidFile string
	// IgnorePaused permits Exec in a paused container. The process runs when the
	// container is resumed.
	IgnorePaused bool
	// ExtraFiles are inherited by the process, from descriptor 3 on. They remain the
	// caller's.
	ExtraFiles []*os.File
	// Cgroups are the sub-cgroups of the container's cgroup to run in, each in the form
	// "[controller[,…]:]path". Without any the process runs in the container's cgroup.
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
