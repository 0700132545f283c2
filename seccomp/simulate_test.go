package seccomp

import "testing"

// simulate runs a program on a call, for the architectures that this machine
// can't enter.
func simulate(t *testing.T, program []byte, c call) uint32 {
	t.Helper()
	c.isKnown = allKnown
	results, err := c.results(program)
	if err != nil || len(results) != 1 {
		t.Fatalf("results = %v, %v", results, err)
	}
	return results[0].action
}
