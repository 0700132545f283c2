//go:build embed_libseccomp

package compiler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/runnel/runnel/internal/memfd"
)

// embeddedProgram and embeddedIdentity are in a file for each architecture. The
// program is a string, which stays in the pages of our own executable until it is
// needed. The identity is the version of libseccomp and the SHA-256 of the
// program, "2.5.4 38b3…", written when the program is built: hashing it here would
// cost every container more than reading its cached filter.

// Available returns nil: the program is embedded.
func Available() error { return nil }

// Version returns the version of libseccomp, such as "2.5.4".
func Version() string {
	version, _, _ := strings.Cut(embeddedIdentity, " ")
	return strings.TrimSpace(version)
}

// Identity returns what, besides a request, decides the compiled program.
func Identity() string { return embeddedIdentity }

// Compile has the embedded program compile the request. An error of libseccomp is
// a *Failure.
func Compile(ctx context.Context, r *Request) (*Program, error) {
	output, err := run(ctx, r.Encode())
	if err != nil {
		return nil, err
	}
	return readProgram(output, len(r.Archs))
}

// Syscalls has the embedded program list the system calls that libseccomp knows of the
// architecture with this token, by number. An error of libseccomp is a *Failure.
func Syscalls(ctx context.Context, token uint32) ([]Syscall, error) {
	output, err := run(ctx, encodeTable(token))
	if err != nil {
		return nil, err
	}
	return readSyscalls(output)
}

// run starts the program with the request on its standard input, and returns its
// output.
func run(ctx context.Context, request []byte) ([]byte, error) {
	program, err := memfd.SealedExecutable("runnel-seccomp", embeddedProgram)
	if err != nil {
		return nil, fmt.Errorf("prepare the compiler: %w", err)
	}
	executable := os.NewFile(uintptr(program), "runnel-seccomp")
	defer executable.Close()
	fd, err := memfd.Sealed("runnel-seccomp-request", string(request))
	if err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	input := os.NewFile(uintptr(fd), "runnel-seccomp-request")
	defer input.Close()

	var output, failure bytes.Buffer
	// The executable is passed as a descriptor, too, because os/exec renumbers
	// descriptors between fork and execve and must not replace it.
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{executable}
	cmd.Args = []string{"runnel-seccomp"}
	// The program ends before collecting its garbage is worth the time. All of
	// libseccomp's memory comes from one thread, so that arenas for the others are
	// mapped in vain (mallopt(3)).
	cmd.Env = []string{"GOGC=off", "MALLOC_ARENA_MAX=1"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &output, &failure
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitFailure {
		if f, ok := readFailure(failure.Bytes()); ok {
			return nil, f
		}
	}
	if err != nil {
		return nil, fmt.Errorf("run the compiler: %w", err)
	}
	return output.Bytes(), nil
}
