//go:build cgo && !embed_libseccomp && !no_libseccomp

package compiler

import (
	"bytes"
	"debug/elf"
	"errors"
	"testing"

	libseccomp "github.com/seccomp/libseccomp-golang"
)

// TestServe compares the answer of the program with that of Compile.
func TestServe(t *testing.T) {
	want, err := Compile(t.Context(), example())
	if err != nil {
		t.Fatal(err)
	}
	var program, failure bytes.Buffer
	if status := Serve(bytes.NewReader(example().Encode()), &program, &failure); status != 0 || failure.Len() > 0 {
		t.Fatalf("Serve = %d, %q", status, failure.Bytes())
	}
	got, err := readProgram(program.Bytes(), len(want.Highest))
	if err != nil || !bytes.Equal(got.BPF, want.BPF) || got.Highest[0] != 135 || got.Highest[1] != 136 {
		t.Errorf("Serve wrote %+v, %v, want %+v", got, err, want)
	}
}

func TestServeRefusesDamage(t *testing.T) {
	for name, request := range damagedRequests() {
		var program, failure bytes.Buffer
		status := Serve(bytes.NewReader(request), &program, &failure)
		f, ok := readFailure(failure.Bytes())
		if status != exitFailure || !ok || f.Stage != StageRequest || program.Len() > 0 {
			t.Errorf("%s: Serve = %d, %v, want a failure of the request", name, status, f)
		}
	}
}

// TestFailures has numbers that libseccomp doesn't know.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Request)
		stage  Stage
		index  int
	}{
		"default action": {func(r *Request) { r.DefaultAction = 0x12340000 }, StageInit, 0},
		"default errno":  {func(r *Request) { r.DefaultAction = 0x00050fff }, StageInit, 0},
		"architecture":   {func(r *Request) { r.Archs[1].Token = 42 }, StageArch, 1},
		"byte order":     {func(r *Request) { r.Archs[1].Token = 0x80000016 }, StageArch, 1},
		"action":         {func(r *Request) { r.Rules[3].Action = 0x12340000 }, StageRule, 3},
		"operator":       {func(r *Request) { r.Args[1].Op = 8 }, StageRule, 1},
		"argument":       {func(r *Request) { r.Args[1].Index = 6 }, StageRule, 1},
		"same argument":  {func(r *Request) { r.Args[1].Index = 0 }, StageRule, 1},
	} {
		r := example()
		c.change(r)
		_, err := Compile(t.Context(), r)
		var f *Failure
		if !errors.As(err, &f) || f.Stage != c.stage || f.Index != c.index {
			t.Errorf("%s: Compile = %v, want a failure of stage %d, record %d", name, err, c.stage, c.index)
		}
	}
}

// TestAPILevel: that of the process is as before.
func TestAPILevel(t *testing.T) {
	before, err := libseccomp.GetAPI()
	if err != nil {
		t.Skip(err)
	}
	if err := libseccomp.SetAPI(2); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = libseccomp.SetAPI(before) }()
	r := example()
	r.DefaultAction = 0x7ffc0000 // LOG, which level 3 brought
	if _, err := Compile(t.Context(), r); err != nil {
		t.Error(err)
	}
	if after, err := libseccomp.GetAPI(); err != nil || after != 2 {
		t.Errorf("API level after Compile = %d, %v, want 2", after, err)
	}
}

// TestNumbers derives the numbers of architectures as the kernel does (linux/audit.h).
func TestNumbers(t *testing.T) {
	const (
		bits64       = 0x80000000
		littleEndian = 0x40000000
		n32          = 0x20000000
	)
	for name, token := range map[string]uint32{
		"x86":         uint32(elf.EM_386) | littleEndian,
		"x86_64":      uint32(elf.EM_X86_64) | bits64 | littleEndian,
		"arm":         uint32(elf.EM_ARM) | littleEndian,
		"aarch64":     uint32(elf.EM_AARCH64) | bits64 | littleEndian,
		"loongarch64": uint32(elf.EM_LOONGARCH) | bits64 | littleEndian,
		"m68k":        uint32(elf.EM_68K),
		"mips":        uint32(elf.EM_MIPS),
		"mips64":      uint32(elf.EM_MIPS) | bits64,
		"mips64n32":   uint32(elf.EM_MIPS) | bits64 | n32,
		"mipsel":      uint32(elf.EM_MIPS) | littleEndian,
		"mipsel64":    uint32(elf.EM_MIPS) | bits64 | littleEndian,
		"mipsel64n32": uint32(elf.EM_MIPS) | bits64 | littleEndian | n32,
		"parisc":      uint32(elf.EM_PARISC),
		"parisc64":    uint32(elf.EM_PARISC) | bits64,
		"ppc":         uint32(elf.EM_PPC),
		"ppc64":       uint32(elf.EM_PPC64) | bits64,
		"ppc64le":     uint32(elf.EM_PPC64) | bits64 | littleEndian,
		"riscv64":     uint32(elf.EM_RISCV) | bits64 | littleEndian,
		"s390":        uint32(elf.EM_S390),
		"s390x":       uint32(elf.EM_S390) | bits64,
		"sh":          uint32(elf.EM_SH) | littleEndian,
		"sheb":        uint32(elf.EM_SH),
	} {
		want, err := libseccomp.GetArchFromString(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, ok := archOf(token); !ok || got != want {
			t.Errorf("archOf(%#x) = %v, %v, want %v", token, got, ok, want)
		}
	}
}
