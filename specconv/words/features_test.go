package words

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestFeatures(t *testing.T) {
	k := Features()
	if !slices.IsSorted(k.Namespaces) || len(k.Namespaces) != 8 {
		t.Errorf("namespaces = %q", k.Namespaces)
	}
	if got := len(k.Capabilities); got != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d capabilities, want %d", got, unix.CAP_LAST_CAP+1)
	}
	for i, name := range k.Capabilities {
		if bit, ok := Capability(name); !ok || bit != 1<<i {
			t.Errorf("Capability(%s) = %#x, want %#x", name, bit, uint64(1)<<i)
		}
	}
	want := []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
	if diff := cmp.Diff(want, k.Hooks); diff != "" {
		t.Errorf("hooks differ (-want +got):\n%s", diff)
	}
}
