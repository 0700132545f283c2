package compiler

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func example() *Request {
	return &Request{
		DefaultAction: 0x00050001,
		Archs:         []Arch{{0xc000003e, 0x40000000}, {0x40000003, 0x40000000}},
		Rules: []Rule{
			{Name: "read", Action: 0x7fff0000},
			{Name: "personality", Action: 0x7fff0000, FirstArg: 0, ArgCount: 2},
			{Name: "chmod", Known: true},
			{Name: "write", Action: 0x80000000, FirstArg: 2, ArgCount: 1},
		},
		Args: []Arg{{0, 4, 8, 0}, {5, 7, 1 << 40, 3}, {1, 1, 1, 0}},
	}
}

func TestEncodeDecode(t *testing.T) {
	for _, want := range []*Request{example(), {Archs: []Arch{{1, 2}}, Rules: []Rule{}, Args: []Arg{}}} {
		got, err := decode(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decode: (-encoded +decoded)\n%s", diff)
		}
	}
}

// TestOptimization: a long list of rules becomes a tree.
func TestOptimization(t *testing.T) {
	for rules, want := range map[int]uint32{0: 1, binaryTreeFrom: 1, binaryTreeFrom + 1: 2} {
		r := &Request{Rules: make([]Rule, rules)}
		if got := r.optimization(); got != want {
			t.Errorf("%d rules: optimization = %d, want %d", rules, got, want)
		}
	}
}

// damagedRequests returns every shortened request and some wrong ones.
func damagedRequests() map[string][]byte {
	r := &Request{
		DefaultAction: 0x00050001,
		Archs:         []Arch{{0xc000003e, 0x40000000}},
		Rules:         []Rule{{Name: "read", Action: 0x7fff0000, ArgCount: 1}},
		Args:          []Arg{{Op: 4, A: 1}},
	}
	whole := r.Encode()
	damaged := map[string][]byte{"longer": append(r.Encode(), 0)}
	for n := range whole {
		damaged[fmt.Sprintf("%d of %d bytes", n, len(whole))] = whole[:n]
	}
	change := func(name string, at int, value byte) {
		b := r.Encode()
		b[at] = value
		damaged[name] = b
	}
	rule := wireHeaderSize + wireArgSize + wireArchSize
	change("magic", 0, 0xff)
	change("version", 4, 0xff)
	change("another optimization", 12, 2)
	change("no architectures", 16, 0)
	change("very many rules", 23, 0xff)
	change("name beyond the table", rule+4, 200)
	change("name far beyond the table", rule+7, 0xff)
	change("name shorter than in the table", rule+4, 3)
	change("first argument beyond the table", rule+8, 1)
	change("first argument far beyond the table", rule+11, 0xff)
	change("too many arguments", rule+12, 7)
	change("name with a NUL", len(whole)-2, 0)
	change("name without an end", len(whole)-1, 'x')
	return damaged
}

func TestDecodeRefusesDamage(t *testing.T) {
	for name, request := range damagedRequests() {
		if _, err := decode(request); !errors.Is(err, errDamaged) {
			t.Errorf("%s: decode = %v, want %v", name, err, errDamaged)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example().Encode())
	for _, request := range damagedRequests() {
		f.Add(request)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decode(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Errorf("decoded to %+v, which encodes to something else", r)
		}
	})
}

func TestProgramAnswer(t *testing.T) {
	want := &Program{Highest: []int32{-1, 450}, Unknown: []int32{7, 0}, BPF: make([]byte, 3*instructionSize)}
	b := encodeProgram(want)
	got, err := readProgram(b, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("readProgram: (-written +read)\n%s", diff)
	}
	for _, n := range []int{0, 8, 9, len(b) - 1} {
		if _, err := readProgram(b[:n], 2); err == nil {
			t.Errorf("an answer of %d bytes is accepted", n)
		}
	}
}

func TestFailureAnswer(t *testing.T) {
	for _, c := range []struct {
		failure Failure
		want    string
	}{
		{Failure{StageArch, 3, syscall.EDOM}, "compiler stage 3, record 3: " + syscall.EDOM.Error()},
		{Failure{StageRule, 1 << 16, errors.New("two checks")}, "compiler stage 4, record 65536: two checks"},
	} {
		var b bytes.Buffer
		if err := writeFailure(&b, &c.failure); err != nil {
			t.Fatal(err)
		}
		got, ok := readFailure(b.Bytes())
		if !ok || got.Error() != c.want {
			t.Errorf("readFailure = %v, %v, want %q", got, ok, c.want)
		}
	}
	for _, text := range []string{"", "panic: runtime error: index out of range"} {
		if f, ok := readFailure([]byte(text)); ok {
			t.Errorf("%q is read as %v", text, f)
		}
	}
}
