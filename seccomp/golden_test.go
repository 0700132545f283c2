package seccomp

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/golden"
)

// TestGoldenFilters compiles the profiles of testdata/profiles and compares the
// filters with the goldens next to them. Another version of libseccomp than that of
// a golden may order the instructions differently; the filter must then decide every
// call in the same way.
func TestGoldenFilters(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the goldens are filters of x86-64: libseccomp puts the native architecture into each")
	}
	profiles, err := filepath.Glob("testdata/profiles/*.json")
	if err != nil || len(profiles) == 0 {
		t.Fatalf("no profiles: %v", err)
	}
	for _, file := range profiles {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			filter := compileNative(t, readProfile(t, file))
			text := fmt.Sprintf("libseccomp %s, flags %#x, notify %v\n", LibseccompVersion(), filter.Flags, filter.Notify) +
				disassemble(t, filter.BPF)
			name := "profiles/" + strings.TrimSuffix(filepath.Base(file), ".json") + ".bpf"
			compareWithGolden(t, golden.Read(t, name, text), text, filter.BPF)
		})
	}
}

func readProfile(t *testing.T, file string) *specs.LinuxSeccomp {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	profile := &specs.LinuxSeccomp{}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(profile); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return profile
}

func compareWithGolden(t *testing.T, content, text string, program []byte) {
	t.Helper()
	wantHeader, want, _ := strings.Cut(content, "\n")
	header, got, _ := strings.Cut(text, "\n")
	wantVersion, wantRest, _ := strings.Cut(wantHeader, ",")
	version, rest, _ := strings.Cut(header, ",")
	if rest != wantRest {
		t.Errorf("filter has%s, want%s", rest, wantRest)
	}
	if version == wantVersion {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("filter (-want +got)\n%s", diff)
		}
		return
	}
	for _, difference := range differences(t, assemble(t, want), program) {
		t.Error(difference)
	}
}

// differences runs both programs on every call that one of them could distinguish
// from another, and returns up to ten about which they disagree.
func differences(t *testing.T, want, got []byte) (found []string) {
	t.Helper()
	check := func(c call) {
		if w, g := simulate(t, want, c), simulate(t, got, c); w != g && len(found) < 10 {
			found = append(found, fmt.Sprintf("call %d of architecture %#x with %#x: %#x, want %#x", c.number, c.arch, c.args, g, w))
		}
	}
	archs, numbers, values := constants(append(slices.Clone(want), got...))
	for _, arch := range archs {
		for _, number := range numbers {
			c := call{number: number, arch: arch}
			check(c)
			for i := range c.args {
				for _, value := range values {
					other := c
					other.args[i] = value
					check(other)
				}
			}
		}
	}
	return found
}

// constants returns what a program compares with, each with its neighbours:
// architectures, system calls, and values of arguments.
func constants(program []byte) (archs, numbers []uint32, values []uint64) {
	values = []uint64{0, math.MaxUint64}
	for pc, words := range loadedWords(program) {
		in := program[pc*instructionSize:]
		code, k := binary.NativeEndian.Uint16(in), binary.NativeEndian.Uint32(in[4:])
		if code != bpfJumpEqual && code != bpfJumpGreater && code != bpfJumpAtLeast {
			continue
		}
		switch words {
		case 1 << (offsetArch / 4):
			archs = append(archs, k, k+1)
		case 1 << (offsetNumber / 4):
			numbers = append(numbers, k-1, k, k+1)
		default:
			for _, v := range []uint64{uint64(k), uint64(k) << 32} {
				values = append(values, v-1, v, v+1)
			}
		}
	}
	slices.Sort(archs)
	slices.Sort(numbers)
	slices.Sort(values)
	return slices.Compact(archs), slices.Compact(numbers), slices.Compact(values)
}

// loadedWords returns, for each instruction, which words of struct seccomp_data the
// accumulator may contain there, one bit for each. All jumps go forward.
func loadedWords(program []byte) []uint16 {
	n := len(program) / instructionSize
	words := make([]uint16, n)
	for pc := range n {
		in := program[pc*instructionSize:]
		code, k := binary.NativeEndian.Uint16(in), binary.NativeEndian.Uint32(in[4:])
		after, next := words[pc], []int{pc + 1}
		switch code {
		case bpfLoad:
			after = 1 << (k / 4)
		case bpfReturn:
			next = nil
		case bpfJump:
			next = []int{pc + 1 + int(k)}
		case bpfJumpEqual, bpfJumpGreater, bpfJumpAtLeast:
			next = []int{pc + 1 + int(in[2]), pc + 1 + int(in[3])}
		}
		for _, to := range next {
			if to < n {
				words[to] |= after
			}
		}
	}
	return words
}

// mnemonics are the instructions that the prologue and libseccomp use.
var mnemonics = map[uint16]string{
	bpfLoad: "ld", bpfAnd: "and", bpfJump: "ja", bpfJumpEqual: "jeq", bpfJumpGreater: "jgt", bpfJumpAtLeast: "jge", bpfReturn: "ret",
}

// disassemble writes a program as text: an instruction a line, the jumps if true
// and if false by the number of instructions that they skip.
func disassemble(t *testing.T, program []byte) string {
	t.Helper()
	var b strings.Builder
	for pc := range len(program) / instructionSize {
		in := program[pc*instructionSize:]
		code, k := binary.NativeEndian.Uint16(in), binary.NativeEndian.Uint32(in[4:])
		name, ok := mnemonics[code]
		if !ok {
			t.Fatalf("instruction %d: unknown code %#x", pc, code)
		}
		fmt.Fprintf(&b, "%s %#x", name, k)
		if strings.HasPrefix(name, "j") && name != "ja" {
			fmt.Fprintf(&b, " %d %d", in[2], in[3])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// assemble is the reverse of disassemble.
func assemble(t *testing.T, text string) []byte {
	t.Helper()
	var program []byte
	for line := range strings.Lines(text) {
		var name string
		var k uint32
		var ifTrue, ifFalse uint8
		if n, err := fmt.Sscan(line, &name, &k, &ifTrue, &ifFalse); n != 2 && n != 4 {
			t.Fatalf("%q: %v", line, err)
		}
		for code, mnemonic := range mnemonics {
			if mnemonic == name {
				program = instruction(program, code, ifTrue, ifFalse, k)
			}
		}
	}
	return program
}

// TestDifferences changes one constant of a filter.
func TestDifferences(t *testing.T) {
	content, err := os.ReadFile("testdata/profiles/arguments.bpf")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(content), "\n")
	if got := disassemble(t, assemble(t, text)); got != text {
		t.Errorf("assembled and disassembled (-want +got)\n%s", cmp.Diff(text, got))
	}
	if found := differences(t, assemble(t, text), assemble(t, text)); len(found) > 0 {
		t.Errorf("a filter differs from itself: %q", found)
	}
	changed := strings.Replace(text, " 0x541c ", " 0x541d ", 1)
	if found := differences(t, assemble(t, text), assemble(t, changed)); len(found) == 0 || changed == text {
		t.Error("a changed filter doesn't differ")
	}
}
