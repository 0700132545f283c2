package libcontainer

import "github.com/runnel/runnel/libcontainer/fault"

// Sentinel errors, for use with errors.Is.
var (
	// ErrNotExist is returned if no container has the id.
	ErrNotExist = fault.ErrNotExist
	// ErrExist is returned by Create and Run if a container with the id exists.
	ErrExist = fault.ErrExist
	// ErrInvalidID is returned if the id is empty or has a character other than a-z,
	// A-Z, 0-9, "_", "+", "-" and ".", and for ".", ".." and ".seccomp".
	ErrInvalidID = fault.ErrInvalidID
	// ErrNotRunning is returned if the operation requires a process that runs, or for
	// Pause a container that is created or running, and there is none.
	ErrNotRunning = fault.ErrNotRunning
	// ErrNotPaused is returned by Resume if the container isn't paused.
	ErrNotPaused = fault.ErrNotPaused
	// ErrNotExecuted is returned by Container.Start, Run and Exec if the program exists, but
	// execve(2) has failed.
	ErrNotExecuted = fault.ErrNotExecuted
)
