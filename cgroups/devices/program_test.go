package devices

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/golden"
)

// TestGolden compiles testdata/*.json, each a linux.resources.devices, for
// v2 and for v1, and compares with the .txt beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var list []specs.LinuxDeviceCgroup
			if err := json.Unmarshal(text, &list); err != nil {
				t.Fatal(err)
			}
			got := render(list, strings.Contains(file, "default"))
			golden.Check(t, strings.TrimSuffix(filepath.Base(file), ".json")+".txt", got)
		})
	}
}

func render(list []specs.LinuxDeviceCgroup, defaults bool) string {
	var b strings.Builder
	b.WriteString("v2:\n")
	program, err := Program(list, defaults)
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	for i, instruction := range program {
		fmt.Fprintf(&b, "%3d: %v\n", i, instruction)
	}
	b.WriteString("v1:\n")
	writes, err := Literal(list, defaults)
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	for _, w := range writes {
		fmt.Fprintf(&b, "%s %s\n", w.File, w.Value)
	}
	return b.String()
}

// execute runs a program on a request as the kernel would.
func execute(program []Instruction, kind, a, major, minor uint32) bool {
	var r [11]uint32
	for pc := 0; ; pc++ {
		i := program[pc]
		switch i.Op {
		case opLoad:
			r[i.Dst] = []uint32{a<<16 | kind, major, minor}[i.Off/4]
		case opMove:
			r[i.Dst] = uint32(i.Imm)
		case opCopy:
			r[i.Dst] = r[i.Src]
		case opAnd:
			r[i.Dst] &= uint32(i.Imm)
		case opShift:
			r[i.Dst] >>= i.Imm
		case opGoto:
			pc += int(i.Off)
		case opUnset:
			if r[i.Dst]&uint32(i.Imm) != 0 {
				pc += int(i.Off)
			}
		case opNot:
			if r[i.Dst] != uint32(i.Imm) {
				pc += int(i.Off)
			}
		case opExit:
			return r[rResult] != 0
		}
	}
}

// decide implements the meaning of the rules directly: the last rule that covers a bit
// decides it.
func decide(list []specs.LinuxDeviceCgroup, kind, a, major, minor uint32) bool {
	for bit := uint32(1); bit <= 4; bit <<= 1 {
		if a&bit == 0 {
			continue
		}
		allowed := false
		for _, d := range list {
			letter := map[uint32]string{1: "m", 2: "r", 4: "w"}[bit]
			name := map[uint32]string{1: "b", 2: "c"}[kind]
			if (d.Type == "a" || d.Type == name) && strings.Contains(d.Access, letter) &&
				(d.Major == nil || *d.Major == int64(major)) && (d.Minor == nil || *d.Minor == int64(minor)) {
				allowed = d.Allow
			}
		}
		if !allowed {
			return false
		}
	}
	return true
}

// TestProgramMeaning compares random programs with decide for all requests.
func TestProgramMeaning(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() *int64 {
		if n := random.Int64N(4); n < 3 {
			return &n
		}
		return nil
	}
	for range 2000 {
		list := make([]specs.LinuxDeviceCgroup, random.IntN(6))
		for i := range list {
			list[i] = specs.LinuxDeviceCgroup{
				Allow: random.IntN(2) == 0, Type: []string{"a", "b", "c"}[random.IntN(3)],
				Major: number(), Minor: number(),
				Access: []string{"r", "w", "m", "rw", "rm", "wm", "rwm"}[random.IntN(7)],
			}
		}
		program, err := Program(list, false)
		if err != nil {
			t.Fatal(err)
		}
		for request := range uint32(2 * 8 * 3 * 3) {
			kind, a, major, minor := request%2+1, request/2%8, request/16%3, request/48
			if a == 0 {
				continue
			}
			got, want := execute(program, kind, a, major, minor), decide(list, kind, a, major, minor)
			if got != want {
				text, _ := json.Marshal(list)
				t.Fatalf("%s: type %d access %d device %d:%d = %v, want %v\n%v", text, kind, a, major, minor, got, want, program)
			}
		}
	}
}

func TestTransition(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	null := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: n(1), Minor: n(3), Access: "rwm"}
	disk := specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: n(8), Access: "r"}
	all := specs.LinuxDeviceCgroup{Allow: true}
	tests := []struct {
		name, now string
		list      []specs.LinuxDeviceCgroup
		want      []string
	}{
		{"nothing to do", "c 1:3 rwm\nb 8:* r\n", []specs.LinuxDeviceCgroup{null, disk}, nil},
		{"add and take away", "c 1:3 rw\nb 9:* rwm", []specs.LinuxDeviceCgroup{null, disk}, []string{"devices.allow c 1:3 m", "devices.allow b 8:* r", "devices.deny b 9:* rwm"}},
		{"narrow", "b 8:* rw", []specs.LinuxDeviceCgroup{disk}, []string{"devices.deny b 8:* w"}},
		{"from allowing all", "a *:* rwm", []specs.LinuxDeviceCgroup{null}, []string{"devices.deny a", "devices.allow c 1:3 rwm"}},
		{"to allowing all", "c 1:3 rwm", []specs.LinuxDeviceCgroup{all}, []string{"devices.allow a"}},
		{"deny all", "c 1:3 rwm", nil, []string{"devices.deny c 1:3 rwm"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			writes, err := Transition(test.now, test.list, false)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range writes {
				got = append(got, w.File+" "+w.Value)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Transition() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDifference(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	fuse := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: n(10), Minor: n(229), Access: "rw"}
	disk := specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: n(8), Access: "r"}
	all := specs.LinuxDeviceCgroup{Allow: true}
	deny := func(d specs.LinuxDeviceCgroup) specs.LinuxDeviceCgroup {
		d.Allow = false
		return d
	}
	type list = []specs.LinuxDeviceCgroup
	for _, test := range []struct {
		name     string
		from, to list
		want     []string
	}{
		{"add", list{disk}, list{disk, fuse}, []string{"devices.allow c 10:229 rw"}},
		{"take away", list{disk, fuse}, list{disk, fuse, deny(fuse)}, []string{"devices.deny c 10:229 rw"}},
		{"the same", list{disk, fuse}, list{fuse, disk}, nil},
		{"an exception from everything", list{all}, list{all, deny(fuse)}, []string{"devices.deny c 10:229 rw"}},
		{"and its end", list{all, deny(fuse)}, list{all}, []string{"devices.allow c 10:229 rw"}},
	} {
		writes, err := Difference(test.from, test.to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range writes {
			got = append(got, w.File+" "+w.Value)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: Difference() (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestEncode(t *testing.T) {
	if nativeIsBig() {
		t.Skip("the bytes are those of a little-endian machine")
	}
	got := encode([]Instruction{{Op: opNot, Dst: rMajor, Imm: 0x01020304, Off: 5}, {Op: opLoad, Dst: rKind, Src: rContext, Off: 4}})
	want := []byte{0x56, 4, 5, 0, 4, 3, 2, 1, 0x61, 0x12, 4, 0, 0, 0, 0, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("encode() (-want +got):\n%s", diff)
	}
}
