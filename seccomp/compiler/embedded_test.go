//go:build embed_libseccomp

package compiler

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEmbeddedIdentity compares the identity with the program.
func TestEmbeddedIdentity(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte(embeddedProgram), 0o700); err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command(program, "-v").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s %x", strings.TrimSpace(string(version)), sha256.Sum256([]byte(embeddedProgram)))
	if got := strings.TrimSpace(embeddedIdentity); got != want {
		t.Errorf("identity = %q, want %q", got, want)
	}
	if got := Version(); got+"\n" != string(version) {
		t.Errorf("Version() = %q, want %q", got, version)
	}
}

// TestProgram: the failures of the program arrive as they are in it.
func TestProgram(t *testing.T) {
	for name, request := range damagedRequests() {
		_, err := run(t.Context(), request)
		var f *Failure
		if !errors.As(err, &f) || f.Stage != StageRequest || f.Err.Error() != errDamaged.Error() {
			t.Errorf("%s: %v, want a failure of the request", name, err)
		}
	}
	r := example()
	r.Archs[1].Token = 0x80000016
	_, err := Compile(t.Context(), r)
	var f *Failure
	if !errors.As(err, &f) || f.Stage != StageArch || f.Index != 1 || !errors.Is(err, syscall.EDOM) {
		t.Errorf("Compile for s390x = %v, want EDOM", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compile(ctx, example()); !errors.Is(err, context.Canceled) {
		t.Errorf("Compile with a context that has ended = %v", err)
	}
}
