package state

import "testing"

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "A-b_c+d.9": true, "..a": true, "": false, ".": false, "..": false,
		"a/b": false, "a b": false, "é": false, "a\x00": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("validID(%q) = %v, want %v", id, got, want)
		}
	}
}
