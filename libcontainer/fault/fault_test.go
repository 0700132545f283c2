package fault

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

func TestDetailsOf(t *testing.T) {
	config := config.FirstError([]config.Problem{
		{Place: place.At("/process/cwd"), Severity: config.Warning, Text: "strange"},
		{Place: place.At("/ociVersion"), Text: "bad", Hint: "take another"},
		{Place: place.At("/root"), Text: "bad"},
	})
	for _, c := range []struct {
		err  error
		want Details
	}{
		{errors.New("anything"), Details{Code: Internal}},
		{fmt.Errorf("x: %w", unix.EIO), Details{Code: Internal, Errno: "EIO"}},
		{fmt.Errorf("x: %w", unix.EPERM), Details{Code: Permission, Errno: "EPERM"}},
		{fmt.Errorf("x: %w", unix.ENOSYS), Details{Code: NotSupported, Errno: "ENOSYS"}},
		{fmt.Errorf("create: %w", ErrExist), Details{Code: ContainerExists}},
		{ErrNotExist, Details{Code: ContainerNotFound}},
		{ErrInvalidID, Details{Code: InvalidArgument}},
		{fmt.Errorf("kill: %w", ErrNotRunning), Details{Code: NotRunning}},
		{ErrNotPaused, Details{Code: WrongState}},
		{State("cannot start an already running container"), Details{Code: WrongState}},
		{errors.Join(State("it has stopped"), errors.New("more")), Details{Code: WrongState}},
		{
			Wrap("cgroup", CgroupFailed, place.Errorf(place.At("/linux/resources/pids/limit"), "write: %w", unix.EINVAL)),
			Details{Code: CgroupFailed, Step: "cgroup", Field: "/linux/resources/pids/limit", Errno: "EINVAL"},
		},
		{
			// Wrap doesn't change an error that has a Fault already.
			Wrap("state", "", fmt.Errorf("x: %w", Wrap("maps", NamespaceFailed, unix.EINVAL))),
			Details{Code: NamespaceFailed, Step: "maps", Errno: "EINVAL"},
		},
		{Wrap("state", "", unix.EACCES), Details{Code: Permission, Step: "state", Errno: "EACCES"}},
		{
			Wrap("config", ConfigInvalid, config),
			Details{Code: ConfigInvalid, Step: "config", Field: "/ociVersion", Hint: "take another"},
		},
	} {
		if got := DetailsOf(c.err); got != c.want {
			t.Errorf("DetailsOf(%v) = %+v, want %+v", c.err, got, c.want)
		}
	}
	if Wrap("config", ConfigInvalid, nil) != nil {
		t.Error("Wrap(nil) isn't nil")
	}
}

// For each code there is a test that leads to it, in this package or in
// tests/integration.
func TestCodesAreTested(t *testing.T) {
	var tests string
	for _, file := range []string{"fault_test.go", "../explain/explain_test.go", "../../tests/integration/hints.bats", "../../tests/integration/checkpoint.bats"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(content)
	}
	source, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(source)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " Code = ")
		if !ok {
			continue
		}
		code, _, _ := strings.Cut(rest[1:], `"`)
		name = strings.TrimSpace(name)
		if n++; !strings.Contains(tests, "has_details "+code+" ") && !strings.Contains(tests, "Code: "+name) &&
			!strings.Contains(tests, "fault."+name) {
			t.Errorf("no test leads to the code %s", code)
		}
	}
	if n < 10 {
		t.Errorf("found %d codes", n)
	}
}
