// Package libcontainer is the life of a container, in the sense of the OCI runtime
// specification: create, start, run, exec, kill, pause, update, delete and what is
// between. The command runnel is a thin layer on it.
//
// # Life cycle
//
// A [Runtime] is a directory of containers and the settings for new ones. [Runtime.Create]
// reads a bundle, creates the container's namespaces, cgroup and mounts, and returns when
// its process waits. [Container.Start] lets the process run the program of config.json.
// [Runtime.Run] does both. [Container.Exec] runs a further process in a container,
// [Container.Kill] signals its processes, and [Runtime.Delete] removes what was created:
//
//	creating → created → running ⇄ paused → stopped → (deleted)
//	           Create    Start     Pause    Kill,      Delete
//	                               Resume   or its end
//
// The status is never stored. [Container.Status] derives it from the kernel, so a container
// may be handled by any number of processes, one after the other or at the same time; only
// the state directory, [Runtime].Root, is common to them. [Runtime.Open] and [Runtime.List]
// find containers that other processes have created.
//
// # Processes
//
// Create, Run and Exec return a [Process]: a child of the calling process, with Wait, Signal
// and Resize. A context that is done before they return undoes what they have begun; it
// doesn't end a process that runs. The child's standard streams, terminal and further
// descriptors are values in the options. Wait for each of them, as for any child: a process
// of Exec that has ended and isn't waited for keeps the end of its container's init from
// completing, pid_namespaces(7), and so Delete.
//
// Nothing is done to the calling process as a whole unless an option asks for it:
// [RunOptions].Subreaper. The child is executed from memory; neither the caller's binary nor
// any of its descriptors that aren't in the options reach the container. Hooks of the
// runtime's namespaces inherit what any child of the caller does.
//
// # Errors
//
// Errors name the place in config.json and what to do. The sentinels, such as [ErrNotExist],
// are for errors.Is; package [github.com/runnel/runnel/libcontainer/fault] has the class of
// an error, the step that failed, and a JSON pointer to what asked for it. After an error of
// Create or Run nothing of the container is left.
//
// # Privileges
//
// Root on the host can do everything. An ordinary user needs a config with a user namespace,
// see [Example], and [Runtime].Rootless. Only Linux is supported, from kernel 5.10 on.
//
// # Seccomp
//
// Profiles need libseccomp. A program that is built with cgo links it; one that is built
// without cgo refuses profiles, unless it is built like runnel's own binary, with the
// compiler embedded (contrib/design/seccomp.md).
//
// # Stability
//
// Until version 1.0 the API of this package may change in a minor version, and the change
// log says so. The packages below libcontainer that its types mention, fault and sdnotify,
// are covered by the same promise; all others are internal in spirit and may change at any
// time. State directories are read by later versions of the same major version.
package libcontainer
