package libcontainer

import "github.com/runnel/runnel/libcontainer/fault"

// Sentinel errors, for use with errors.Is.
var (
	ErrNotExist   = fault.ErrNotExist
	ErrExist      = fault.ErrExist
	ErrInvalidID  = fault.ErrInvalidID
	ErrNotRunning = fault.ErrNotRunning
	ErrNotPaused  = fault.ErrNotPaused
)
