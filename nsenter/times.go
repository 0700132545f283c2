package nsenter

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/memfd"
)

// Times is memory in which a child writes when it has begun and when each step has ended. It
// is a file of the plan, Plan.Trace.
type Times struct {
	fd, size int
}

// spareSteps are steps by which a plan may grow before its child is started again.
const spareSteps = 8

// NewTimes returns the memory for a plan of so many steps. The caller closes it.
func NewTimes(steps int) (*Times, error) {
	t := &Times{size: 8 * (steps + 1 + spareSteps)}
	var err error
	if t.fd, err = memfd.Create("times"); err != nil {
		return nil, err
	}
	err = unix.Ftruncate(t.fd, int64(t.size))
	if err == nil {
		// A child that could make it shorter would end others that write to it.
		_, err = unix.FcntlInt(uintptr(t.fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	}
	if err != nil {
		unix.Close(t.fd)
		return nil, fmt.Errorf("memory for the times of steps: %w", err)
	}
	return t, nil
}

// FD returns the descriptor, which stays that of Times.
func (t *Times) FD() int { return t.fd }

// Read returns the times in nanoseconds since 1970: first the one at which the child has
// begun, then those at which the steps have ended, up to the first that hasn't. They never
// decrease.
func (t *Times) Read() []int64 {
	content := make([]byte, t.size)
	n, err := unix.Pread(t.fd, content, 0)
	if err != nil {
		return nil
	}
	var times []int64
	for at := 0; at+8 <= n; at += 8 {
		v := int64(binary.LittleEndian.Uint64(content[at:]))
		if v <= 0 || len(times) > 0 && v < times[len(times)-1] {
			break
		}
		times = append(times, v)
	}
	return times
}

// Close frees the memory once the child has no use for it, either.
func (t *Times) Close() { unix.Close(t.fd) }
