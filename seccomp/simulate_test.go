package seccomp

import "testing"

// simulate runs a program on a call, for the architectures that this machine
// can't enter.
func simulate(t *testing.T, program []byte, c call) uint32 {
	t.Helper()
	action, ok := c.actionOf(program, dataSize)
	if !ok {
		t.Fatal("the program has no end, or an unknown instruction")
	}
	return action
}
