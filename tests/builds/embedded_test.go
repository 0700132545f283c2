package builds

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/runnel/runnel/seccomp/compiler"
)

// native is what a filter for an architecture needs to say.
type native struct {
	emulator string // QEMU's user mode emulation
	token    uint32 // libseccomp's number, which is the kernel's
	mkdirat  uint32 // the number of the system call
}

var natives = map[string]native{
	"amd64":   {"qemu-x86_64", 0xc000003e, 258},
	"arm64":   {"qemu-aarch64", 0xc00000b7, 34},
	"riscv64": {"qemu-riscv64", 0xc00000f3, 34},
}

// TestEmbeddedPrograms makes each embedded seccomp compiler that exists in this tree
// compile a filter: make builds that of this architecture, make dist builds all.
func TestEmbeddedPrograms(t *testing.T) {
	programs, err := filepath.Glob("../../seccomp/compiler/embedded/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		arch := strings.TrimSuffix(filepath.Base(program), ".bin")
		t.Run(arch, func(t *testing.T) { testEmbeddedProgram(t, program, arch) })
	}
}

func testEmbeddedProgram(t *testing.T, program, arch string) {
	const (
		allow   = 0x7fff0000
		refused = 0x00050001 // with EPERM

		jumpIfEqual  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
		returnAction = 0x06 // BPF_RET | BPF_K
	)
	n := natives[arch]
	request := compiler.Request{
		DefaultAction: allow,
		Archs:         []compiler.Arch{{Token: n.token, Limit: 1024}},
		Rules:         []compiler.Rule{{Name: "mkdirat", Action: refused}},
	}
	cmd := exec.Command(program)
	if arch != runtime.GOARCH {
		cmd = exec.Command(emulator(t, n.emulator), program)
	}
	cmd.Stdin = bytes.NewReader(request.Encode())
	answer, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	// The answer is the highest number for each architecture, the number of unknown names, and
	// the instructions.
	if len(answer) < 8 || binary.LittleEndian.Uint32(answer) != n.mkdirat {
		t.Fatalf("answer %x, want the number %d in front", answer, n.mkdirat)
	}
	has := func(code uint16, k uint32) bool {
		for b := answer[8:]; len(b) >= 8; b = b[8:] {
			if binary.LittleEndian.Uint16(b) == code && binary.LittleEndian.Uint32(b[4:]) == k {
				return true
			}
		}
		return false
	}
	if !has(jumpIfEqual, n.token) || !has(jumpIfEqual, n.mkdirat) || !has(returnAction, refused) || !has(returnAction, allow) {
		t.Errorf("program %x doesn't refuse mkdirat on %s", answer[8:], arch)
	}
}

// emulator returns the path of QEMU's user mode emulation.
func emulator(t *testing.T, name string) string {
	t.Helper()
	for _, suffix := range []string{"-static", ""} {
		if path, err := exec.LookPath(name + suffix); err == nil {
			return path
		}
	}
	t.Skipf("no %s on this machine", name)
	return ""
}
