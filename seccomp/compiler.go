package seccomp

import (
	"bytes"
	"context"
	_ "embed" // for the two files below
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// compilerBinary is compiler/compiler.c, static with libseccomp. It is a string so
// that it stays in the pages of our own executable until it is needed.
//
//go:embed compiler/compiler.bin
var compilerBinary string

// compilerID is the version of libseccomp and the SHA-256 of compilerBinary, made
// when that is built: "2.5.4 38b3…". Hashing the binary here would cost every
// container more than reading its cached program.
//
//go:embed compiler/compiler.id
var compilerID string

// compilerFailure is struct wire_failure.
type compilerFailure struct {
	Stage, Index, Errno uint32
}

func (f compilerFailure) Error() string {
	return fmt.Sprintf("compiler stage %d, record %d: %v", f.Stage, f.Index, unix.Errno(f.Errno))
}

// runCompiler hands a request to the compiler and returns its output. An error of
// the compiler's own is a compilerFailure.
func runCompiler(ctx context.Context, request []byte) ([]byte, error) {
	program, err := sealedExecutable("runnel-seccomp", compilerBinary)
	if err != nil {
		return nil, fmt.Errorf("prepare the compiler: %w", err)
	}
	defer program.Close()
	input, err := memoryFile("runnel-seccomp-request", string(request))
	if err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	defer input.Close()

	var output, failure bytes.Buffer
	cmd := exec.CommandContext(ctx, fmt.Sprintf("/proc/self/fd/%d", program.Fd()))
	cmd.Args = []string{"runnel-seccomp"}
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &output, &failure
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		var f compilerFailure
		if _, bad := binary.Decode(failure.Bytes(), binary.NativeEndian, &f); bad == nil {
			return nil, f
		}
	}
	if err != nil {
		return nil, fmt.Errorf("run the compiler: %w", err)
	}
	return output.Bytes(), nil
}

// explain puts the place in config.json and a sentence in the place of a
// compilerFailure.
func explain(err error, profile *specs.LinuxSeccomp, r *Request) error {
	var f compilerFailure
	if !errors.As(err, &f) {
		return err
	}
	errno := unix.Errno(f.Errno)
	switch {
	case f.Stage == stageArch && int(f.Index) < len(r.Archs):
		place, name := archPlace(profile, r.Archs[f.Index].Token)
		switch errno {
		case unix.EDOM:
			return fmt.Errorf("%s: %s has another byte order than this machine", place, name)
		case unix.EINVAL:
			return fmt.Errorf("%s: libseccomp %s doesn't know %s", place, LibseccompVersion(), name)
		}
		return fmt.Errorf("%s: add %s: %w", place, name, errno)
	case f.Stage == stageRule && int(f.Index) < len(r.Rules):
		rule := r.Rules[f.Index]
		return fmt.Errorf("linux.seccomp.syscalls[%d]: add the rule for %s: %w", rule.Entry, rule.Name, errno)
	case f.Stage == stageInit:
		return fmt.Errorf("linux.seccomp.defaultAction: make a filter: %w", errno)
	case f.Stage == stageExport:
		return fmt.Errorf("generate the BPF program: %w", errno)
	}
	return err
}

func archPlace(profile *specs.LinuxSeccomp, token uint32) (place string, name specs.Arch) {
	for i, name := range profile.Architectures {
		if a, ok := findArch(name); ok && a.token == token {
			return fmt.Sprintf("linux.seccomp.architectures[%d]", i), name
		}
	}
	return "linux.seccomp", nativeArch()
}

// splitOutput parts the compiler's output into the highest number of each
// architecture and the program.
func splitOutput(output []byte, archs int) (highest []int32, program []byte, err error) {
	if len(output) <= 4*archs || (len(output)-4*archs)%instructionSize != 0 {
		return nil, nil, fmt.Errorf("the compiler's output of %d bytes is not a program", len(output))
	}
	highest = make([]int32, archs)
	for i := range highest {
		highest[i] = int32(binary.NativeEndian.Uint32(output[4*i:]))
	}
	return highest, output[4*archs:], nil
}

// sealedExecutable returns a file in memory that can be executed and no longer
// be changed.
func sealedExecutable(name, content string) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	// Kernels before 6.3 don't know MFD_EXEC and take the lack of it for yes.
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.WriteString(content); err != nil {
		file.Close()
		return nil, err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		file.Close()
		return nil, fmt.Errorf("seal %s: %w", name, err)
	}
	return file, nil
}

// memoryFile returns a file in memory with the content, positioned at its start.
func memoryFile(name, content string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.WriteString(content); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
