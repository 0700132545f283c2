// Package libcontainer manages containers as the OCI runtime specification defines
// them: it creates, starts, pauses, updates, signals and deletes them, and runs further
// processes in them. The command runnel is a thin layer on it.
//
// # Life cycle
//
// A [Runtime] is a directory of containers together with the settings for new ones.
// [Runtime.Create] reads a bundle, creates the container's namespaces, cgroup and
// mounts, and returns when the container's process waits to be started.
// [Container.Start] lets that process execute the program of config.json. [Runtime.Run]
// does both. [Container.Exec] runs a further process in a container, [Container.Kill]
// sends a signal to its processes, and [Runtime.Delete] removes everything that was
// created:
//
//	creating → created → running ⇄ paused → stopped → (deleted)
//	           Create    Start     Pause    Kill, or  Delete
//	                               Resume   its exit
//
// The status of a container is never stored. [Container.Status] derives it from the
// kernel, so any number of programs can manage a container, one after the other or at
// the same time. They share nothing but the state directory, [Runtime].Root.
// [Runtime.Open] and [Runtime.List] find containers that other programs have created.
//
// # Processes
//
// Create, Run and Exec return a [Process]: a child of the calling process, with methods
// Wait, Signal and Resize. If their context is done before they return, they undo what
// they have begun; afterwards the context has no effect on the process. The options
// hold the child's standard streams, its terminal and further descriptors.
//
// Wait for every Process, as for any child. A process of Exec that has ended and that
// nobody has waited for keeps its container's init from ending, pid_namespaces(7), and
// so keeps Delete waiting.
//
// This package changes nothing of the calling process as a whole, unless
// [RunOptions].Subreaper asks for it. The child is executed from memory: the container
// can reach neither the caller's executable file nor any of its descriptors that isn't
// in the options. Hooks that run in the runtime's namespaces inherit what any child of
// the caller inherits.
//
// # Observation
//
// [Container.Inspect] describes a container as the kernel has it, and where that differs
// from its config. [Runtime.NewSampler] measures what containers use, and
// [Container.NewProcessSampler] what their processes do; both compute rates between two
// samples.
//
// # Errors
//
// Errors name the place in config.json and, where one is known, a remedy. The sentinel
// errors, such as [ErrNotExist], are for use with errors.Is. Package
// [github.com/runnel/runnel/libcontainer/fault] returns an error's class, the step that
// failed, and a JSON pointer to the setting that asked for the step. When Create or Run
// returns an error, nothing of the container is left.
//
// # Privileges
//
// Root on the host can use everything. An ordinary user needs a config with a user
// namespace, see [Example], and [Runtime].Rootless. Linux 5.10 or later is required;
// other systems are not supported.
//
// # Seccomp
//
// Seccomp profiles require libseccomp. A program that is built with cgo links it. One
// that is built without cgo rejects profiles, unless it embeds the compiler as runnel's
// own binary does (contrib/design/seccomp.md).
//
// [Runtime.SeccompFilter] says what a profile does with a system call,
// [Runtime.RecordSeccomp] runs a container and returns the profile that it needs, and
// [RunOptions].SeccompLog names what is refused.
//
// # Stability
//
// Until version 1.0 the API of this package may change in a minor version; the change
// log lists such changes. The same holds for the packages fault and sdnotify below it.
// All other packages may change at any time. Later versions of the same major version
// can read state directories of earlier ones.
package libcontainer
