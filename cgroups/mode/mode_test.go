package mode

import "testing"

func TestHost(t *testing.T) {
	switch got := Host(); {
	case got == Unknown:
		t.Error("Host() = unknown")
	case (got == V2) != IsUnified(Root):
		t.Errorf("Host() = %v, but IsUnified(%s) = %v", got, Root, IsUnified(Root))
	}
	if IsUnified("/proc") || IsUnified("/nonexistent") {
		t.Error("IsUnified() of what isn't a cgroup2 file system = true")
	}
}

// TestValues checks the numbers, which state files store.
func TestValues(t *testing.T) {
	for m, want := range map[Mode]string{0: "unknown", 1: "v1", 2: "hybrid", 3: "v2"} {
		if got := m.String(); got != want {
			t.Errorf("Mode(%d).String() = %q, want %q", m, got, want)
		}
	}
}
