package nsenter

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/runnel/runnel/nsenter/plan"
)

// The child's C and the parent's Go describe the same bytes. These tests read
// the C side's header, so that a change on one side alone fails.

func wireHeader(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("child/wire.h")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWireHasTheKindsOfThePlan(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^\tX\(([A-Z_]+), "([-svd]{5})", op_([a-z_]+)\)`).FindAllStringSubmatch(wireHeader(t), -1)
	shapes := plan.Shapes()
	if len(lines) != len(shapes) {
		t.Fatalf("wire.h has %d ops, the plan %d", len(lines), len(shapes))
	}
	for i, line := range lines {
		kind := plan.Kind(i + 1)
		name := strings.ToLower(strings.ReplaceAll(line[1], "_", "-"))
		if kind.String() != name {
			t.Errorf("kind %d is %s in the plan, %s in wire.h", kind, kind, name)
		}
		if line[2] != shapes[i] {
			t.Errorf("%s: slots %s in the plan, %s in wire.h", kind, shapes[i], line[2])
		}
	}
}

func TestWireHasTheFlagsOfThePlan(t *testing.T) {
	header := wireHeader(t)
	for _, f := range plan.Flags() {
		want := "#define " + f.Name + " " + strconv.FormatUint(1<<f.Bit, 10) + "U\n"
		if !strings.Contains(header, want) {
			t.Errorf("wire.h has no %q", want)
		}
	}
}

func TestWireHasTheMessages(t *testing.T) {
	header := wireHeader(t)
	for name, kind := range map[string]MessageKind{
		"MAPS": Maps, "NAMESPACES": Namespaces, "LISTENER": Listener, "CREATED": Created,
		"FAILED": Failed, "GO": goOn, "STARTING": Starting, "OUTPUT": Output,
	} {
		want := "MSG_" + name + " = " + strconv.Itoa(int(kind)) + ","
		if !strings.Contains(header, want) {
			t.Errorf("wire.h has no %q", want)
		}
	}
}

func TestWireHasTheParts(t *testing.T) {
	_, list, found := strings.Cut(wireHeader(t), "enum part {")
	if !found {
		t.Fatal("wire.h has no enum part")
	}
	list, _, _ = strings.Cut(list, "}")
	names := regexp.MustCompile(`PART_[A-Z_]+`).FindAllString(list, -1)
	if got, want := len(names)-1, int(PartNoexec); got != want {
		t.Errorf("wire.h has %d parts, the last of message.go is number %d", got, want)
	}
	for name, part := range map[string]Part{
		"PART_TARGET": PartTarget, "PART_LOCKED": PartLocked, "PART_STATUS": PartStatus,
		"PART_TIMEOUT": PartTimeout, "PART_SEARCH": PartSearch, "PART_OUTSIDE": PartOutside, "PART_NOT_PROC": PartNotProc,
		"PART_NOEXEC": PartNoexec,
	} {
		if names[part] != name {
			t.Errorf("part %d is %s in wire.h, want %s", part, names[part], name)
		}
	}
}
