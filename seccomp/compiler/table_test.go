package compiler

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyscalls(t *testing.T) {
	if Available() != nil {
		t.Skip("this build has no libseccomp")
	}
	for _, c := range []struct {
		name  string
		token uint32
		want  []Syscall
	}{
		{"x86-64", 0xc000003e, []Syscall{{0, "read"}, {59, "execve"}, {435, "clone3"}}},
		{"x86", 0x40000003, []Syscall{{3, "read"}, {102, "socketcall"}}},
		{"x32", 0x4000003e, []Syscall{{0x40000000, "read"}, {0x40000208, "execve"}}},
		{"ARM", 0x40000028, []Syscall{{0xf0005, "set_tls"}}},
		{"MIPS N64", 0xc0000008, []Syscall{{5000, "read"}}},
	} {
		calls, err := Syscalls(t.Context(), c.token)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, want := range c.want {
			if !slices.Contains(calls, want) {
				t.Errorf("%s: %d system calls without %v", c.name, len(calls), want)
			}
		}
		if len(calls) < 300 || !slices.IsSortedFunc(calls, func(a, b Syscall) int { return int(a.Number) - int(b.Number) }) {
			t.Errorf("%s: %d system calls, or they aren't sorted", c.name, len(calls))
		}
	}
	var f *Failure
	if _, err := Syscalls(t.Context(), 43); !errors.As(err, &f) || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Syscalls of no architecture = %v", err)
	}
}

func TestTableAnswer(t *testing.T) {
	if token, ok := decodeTable(encodeTable(7)); token != 7 || !ok {
		t.Errorf("decodeTable = %d, %v", token, ok)
	}
	if _, ok := decodeTable(example().Encode()); ok {
		t.Error("a request to compile is read as one for a table")
	}
	want := []Syscall{{0, "read"}, {0x40000208, "execve"}}
	answer := appendSyscalls(nil, want)
	got, err := readSyscalls(answer)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("readSyscalls: %v (-written +read)\n%s", err, diff)
	}
	for _, damaged := range [][]byte{answer[:3], answer[:4], answer[:len(answer)-1], {0, 0, 0, 0, 0}} {
		if calls, err := readSyscalls(damaged); err == nil {
			t.Errorf("%q is read as %v", damaged, calls)
		}
	}
}
