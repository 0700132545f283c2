package plan

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/internal/place"
)

func TestEncodeLaysOutWhatOpsReferTo(t *testing.T) {
	p := &Plan{PreserveFDs: 2, Files: []File{{Name: "a"}, {Name: "b"}}}
	p.Add(place.Place{}, Bind{Target: "/t", Recursive: true, Replace: true, Attr: Attr{Set: 5}})
	p.Add(place.Place{}, Exec{Args: []string{"x", ""}, Env: nil})
	p.Add(place.Place{}, Join{File: "b"})
	b, err := p.Encode(7, 5)
	if err != nil {
		t.Fatal(err)
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	for name, got := range map[string][2]uint64{
		"magic": {u64(0), magic}, "total": {u64(8), uint64(len(b))}, "ops": {uint64(u32(16)), 3},
		"first file": {uint64(u32(20)), 7}, "files": {uint64(u32(24)), 2}, "preserved": {uint64(u32(28)), 2},
		"socket": {uint64(u32(32)), 5}, "last byte": {uint64(b[len(b)-1]), 0},
		"flags of bind": {uint64(binary.LittleEndian.Uint16(b[headerSize+2:])), 6},
		"file of join":  {uint64(u32(headerSize + 2*opSize + 4)), 1},
		"set of bind":   {u64(headerSize + 24), 5},
		"file of exec":  {uint64(u32(headerSize + opSize + 4)), 0xffffffff},
	} {
		if got[0] != got[1] {
			t.Errorf("%s = %d, want %d", name, got[0], got[1])
		}
	}
	target := int(u32(headerSize + 12))
	if !strings.HasPrefix(string(b[target:]), "/t\x00") {
		t.Errorf("target of bind is %q", b[target:target+3])
	}
	args := int(u32(headerSize + opSize + 8))
	if args%8 != 0 || u64(args+16) != 0 {
		t.Errorf("args at %d: not aligned, or not terminated", args)
	}
	if first := int(u64(args)); string(b[first:first+2]) != "x\x00" {
		t.Errorf("args[0] is %q", b[first:first+2])
	}
}

// The buffer grows, and so moves, while a vector's strings are added.
func TestEncodeLaysOutALongVector(t *testing.T) {
	args := []string{"x", strings.Repeat("a", 5000), strings.Repeat("b", 70000), "last"}
	p := &Plan{}
	p.Add(place.Place{}, Exec{Args: args})
	b, err := p.Encode(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	at := int(binary.LittleEndian.Uint32(b[headerSize+8:]))
	for i, arg := range args {
		offset := int(binary.LittleEndian.Uint64(b[at+8*i:]))
		if offset == 0 || string(b[offset:offset+len(arg)+1]) != arg+"\x00" {
			t.Errorf("args[%d] isn't at its offset %d", i, offset)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		op   Op
		want string
	}{
		{Exec{Args: []string{"a\x00b"}}, `process.args: "a\x00b" has a NUL byte in it`},
		{WaitStart{File: "start"}, `process.args: no file "start" in the plan`},
	} {
		p := &Plan{}
		p.Add(place.At("/process/args"), c.op)
		if _, err := p.Encode(4, 3); err == nil || err.Error() != c.want {
			t.Errorf("Encode(%v) = %v, want %s", c.op, err, c.want)
		}
	}
}

// Every kind has a name, an op with it, and an op that can be printed.
func TestKindsAreComplete(t *testing.T) {
	ops := Ops()
	if len(ops) != int(kindEnd)-1 {
		t.Fatalf("%d ops, %d kinds", len(ops), kindEnd-1)
	}
	p := &Plan{}
	for i, op := range ops {
		if op.Kind() != Kind(i+1) {
			t.Errorf("op %d is of kind %d", i+1, op.Kind())
		}
		if name := op.Kind().String(); name == "" || name == "?" {
			t.Errorf("kind %d has no name", op.Kind())
		}
		p.Add(place.At("/here"), op)
	}
	var out strings.Builder
	if err := p.Print(&out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "# here\n"); got != len(ops) {
		t.Errorf("Print wrote %d lines of %d", got, len(ops))
	}
}

func TestDot(t *testing.T) {
	p := &Plan{CloneFlags: 0x20000}
	p.Add(place.Place{}, Checkpoint{Point: CheckpointMaps})
	p.Add(place.At("/mounts/0").Named("/x"), Mount{FSType: "tmpfs", Target: "/a\"]\n\x1b\\n"})
	p.Add(place.At("/process/args"), Exec{Args: []string{"x"}, Env: []string{"SECRET=1"}})
	var out strings.Builder
	if err := p.Dot(&out); err != nil {
		t.Fatal(err)
	}
	const want = `digraph plan {
	rankdir=TB;
	node [shape=box, fontname="sans-serif", fontsize=10];
	edge [fontname="sans-serif", fontsize=9];
	subgraph cluster_child {
		label="child";
		c0 [label="0  checkpoint"];
		c1 [label="1  mount tmpfs /a\"]??\\n\nmounts[0] /x"];
		c0 -> c1;
		c2 [label="2  exec\nprocess.args"];
		c1 -> c2;
	}
	p0 -> c0 [style=dashed, constraint=false, label="clone, execve"];
	c0 -> p1 [style=dashed, constraint=false, label="Maps"];
	p1 -> c1 [style=dashed, constraint=false, label="Go"];
	c2 -> p2 [style=dashed, constraint=false, label="end of file"];
	subgraph cluster_parent {
		label="parent";
		node [style=rounded];
		p0 [label="start the child in new namespaces: mount"];
		p1 [label="write id maps and time offsets, join the cgroup"];
		p0 -> p1;
		p2 [label="the program runs: poststart hooks"];
		p1 -> p2;
	}
}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("Dot() (-want +got):\n%s", diff)
	}
}

func TestPrintNamesBits(t *testing.T) {
	p := &Plan{CloneFlags: 0x20020000}
	p.Add(place.At("/mounts/0").Named("/x"), Mount{FSType: "tmpfs", Target: "/x", Attr: Attr{Set: 3}, Propagation: 1<<14 | 1<<19})
	var out strings.Builder
	if err := p.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := "clone  mount|pid\n   0  mount            type=\"tmpfs\" target=\"/x\" set=ro|nosuid propagation=rec|slave  # mounts[0] /x\n"
	if out.String() != want {
		t.Errorf("Print = %q, want %q", out.String(), want)
	}
}
