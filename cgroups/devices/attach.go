package devices

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// programName identifies our programs among those that systemd or a user attached
// to the same cgroup.
const programName = "runnel_devices"

// Attach loads a program and attaches it to the cgroup of a descriptor. It
// replaces a program that Attach attached before in one step (BPF_F_REPLACE), so
// that there is never a moment without one. Programs of others stay, and the
// kernel runs them all. isNew says that the cgroup was just created and has no
// program.
func Attach(cgroup int, program []Instruction, isNew bool) error {
	at := limits.Field("devices")
	fd, err := load(program)
	if err != nil {
		return place.Errorf(at, "load the device program: %w", err)
	}
	// The attachment holds the program.
	defer unix.Close(fd)
	var old int
	if !isNew {
		if old, err = attachedByUs(cgroup); err != nil {
			return place.Errorf(at, "look for the device program in force: %w", err)
		}
	}
	attr := attachAttr{
		target: uint32(cgroup), program: uint32(fd),
		kind: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	if old > 0 {
		defer unix.Close(old)
		attr.flags |= unix.BPF_F_REPLACE
		attr.replace = uint32(old)
	}
	if err := attach(&attr); err != nil {
		return place.Errorf(at, "attach the device program: %w", err)
	}
	return nil
}

// load loads the program. Kernels before 5.11 charge programs to RLIMIT_MEMLOCK
// and fail with EPERM if it is exceeded. The limit is raised for that moment
// only, because the container would inherit it.
func load(program []Instruction) (int, error) {
	fd, err := loadProgram(encode(program), programName)
	if !errors.Is(err, unix.EPERM) {
		return fd, err
	}
	var before unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before) != nil {
		return -1, err
	}
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if before == unlimited || unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited) != nil {
		return -1, err
	}
	fd, err = loadProgram(encode(program), programName)
	if err2 := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before); err2 != nil && err == nil {
		unix.Close(fd)
		return -1, fmt.Errorf("restore RLIMIT_MEMLOCK: %w", err2)
	}
	return fd, err
}

// attachedByUs returns a descriptor of the attached program that has our name, 0 if
// there is none.
func attachedByUs(cgroup int) (int, error) {
	ids, err := attached(cgroup)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		fd, err := programByID(id)
		if err == unix.ENOENT {
			continue // detached meanwhile
		}
		if err != nil {
			return 0, err
		}
		name, err := nameOf(fd)
		if err == nil && name == programName {
			return fd, nil
		}
		unix.Close(fd)
		if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// Attached returns how many device programs are attached to the cgroup of a descriptor,
// whoever has attached them.
func Attached(cgroup int) (int, error) {
	ids, err := attached(cgroup)
	if err != nil {
		return 0, fmt.Errorf("look for device programs: %w", err)
	}
	return len(ids), nil
}
