// Package builds builds the module in the ways that make doesn't: without libseccomp,
// with cgo, and for other architectures.
package builds

import (
	"os/exec"
	"strings"
	"testing"
)

// run runs the go command at the root of the module, with the environment added to
// an empty GOFLAGS.
func run(t *testing.T, env string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(append(cmd.Environ(), "GOFLAGS="), strings.Fields(env)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s go %s: %v\n%s", env, strings.Join(args, " "), err, out)
	}
}

// TestSeccomp runs the tests of package seccomp with and without libseccomp.
func TestSeccomp(t *testing.T) {
	const packages = "./seccomp/..."
	t.Run("unavailable", func(t *testing.T) { run(t, "CGO_ENABLED=0", "test", packages) })
	t.Run("no_libseccomp", func(t *testing.T) {
		run(t, "CGO_ENABLED=1", "build", "-tags=no_libseccomp", packages)
	})
	t.Run("cgo", func(t *testing.T) {
		if err := exec.Command("pkg-config", "--exists", "libseccomp").Run(); err != nil {
			t.Skipf("needs the headers of libseccomp: %v", err)
		}
		run(t, "CGO_ENABLED=1", "test", packages)
	})
}

func TestArchitectures(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		t.Run(arch, func(t *testing.T) { run(t, "CGO_ENABLED=0 GOARCH="+arch, "build", "./...") })
	}
}
