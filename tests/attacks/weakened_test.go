package attacks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The tests of the handler's class fail with a runtime that has such a handler. No runtime
// of Debian's has.
func TestWeakened(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may attack the host")
	}
	for _, needed := range []string{"bats", "jq"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skip(err)
		}
	}
	weakened, err := filepath.Abs("weakened")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../../runnel"); err != nil {
		if out, err := exec.Command("make", "-C", "../..", "runnel", "helpers").CombinedOutput(); err != nil {
			t.Fatalf("make: %v\n%s", err, out)
		}
	}
	cmd := exec.Command("./run", "19")
	cmd.Env = append(os.Environ(), "RUNTIME="+weakened)
	out, err := cmd.CombinedOutput()
	if failed := regexp.MustCompile(`(?m)^not ok \d`).FindAll(out, -1); err == nil || len(failed) != 2 {
		t.Errorf("of the tests of class 19, %d notice the attack, want 2:\n%s", len(failed), out)
	}
}
