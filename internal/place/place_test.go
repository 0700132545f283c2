package place

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestString(t *testing.T) {
	for _, c := range []struct {
		place Place
		want  string
	}{
		{Place{}, ""},
		{At("/root/path"), "root.path"},
		{At("/mounts").Index(3).Named("/data"), "mounts[3] /data"},
		{At("/linux/netDevices").Key("eth0"), `linux.netDevices["eth0"]`},
		{At("/linux/netDevices").Key("7"), `linux.netDevices["7"]`},
		{At("/mounts").Index(3).Named("/data").Key("options").Index(1), "mounts[3] /data"},
		{At("/linux/resources/unified").Key("misc"), `linux.resources.unified["misc"]`},
		{At("/linux/sysctl").Key("net.x"), `linux.sysctl["net.x"]`},
		{At("/linux/sysctl").Key("net/ipv4/conf/a~b"), `linux.sysctl["net/ipv4/conf/a~b"]`},
		{At("/annotations").Key("a b"), `annotations["a b"]`},
		{At("/annotations").Key(`"`), `annotations["\""]`},
		{At("/annotations").Key(""), `annotations[""]`},
	} {
		if got := c.place.String(); got != c.want {
			t.Errorf("%+v.String() = %q, want %q", c.place, got, c.want)
		}
	}
}

func TestPointer(t *testing.T) {
	p := At("/linux/sysctl").Key("net/ipv4/conf/a~b")
	if want := "/linux/sysctl/net~1ipv4~1conf~1a~0b"; p.Pointer != want {
		t.Errorf("Pointer = %q, want %q", p.Pointer, want)
	}
	p = At("/mounts").Index(3).Named("/data").Key("options").Index(1)
	if want := "/mounts/3/options/1"; p.Pointer != want {
		t.Errorf("Pointer = %q, want %q", p.Pointer, want)
	}
}

func TestError(t *testing.T) {
	inner := Wrap(At("/mounts").Index(0).Named("/x"), fs.ErrNotExist)
	err := fmt.Errorf("create: %w", Wrap(At("/mounts"), inner))
	if want := "create: mounts[0] /x: file does not exist"; err.Error() != want {
		t.Errorf("Error() = %q, want %q", err, want)
	}
	if got, want := Of(err), At("/mounts/0").Named("/x"); got != want {
		t.Errorf("Of = %v, want %v", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	twice := &Error{Place: At("/a").Named("x"), Err: fmt.Errorf("%w (hint)", Errorf(At("/a"), "no"))}
	if want := "a x: no (hint)"; twice.Error() != want {
		t.Errorf("Error() = %q, want %q", twice, want)
	}
	several := &Error{Place: At("/linux/uidMappings"), Also: []Place{At("/linux/gidMappings")}, Err: fs.ErrExist}
	if want := "linux.uidMappings, linux.gidMappings: file already exists"; several.Error() != want {
		t.Errorf("Error() = %q, want %q", several, want)
	}
	if Wrap(At("/mounts"), nil) != nil {
		t.Error("Wrap(nil) isn't nil")
	}
	if got := Of(fs.ErrExist); !got.IsZero() {
		t.Errorf("Of an error without a place = %v", got)
	}
}

func TestErrors(t *testing.T) {
	var l Errors
	if l.First() != nil {
		t.Error("First of none isn't nil")
	}
	l.Add(At("/a"), nil)
	l.Addf(At("/linux/resources/pids/limit"), "%d is too small", 0)
	l.Add(At("/b"), Errorf(At("/c"), "inner"))
	if len(l) != 2 || l[1].Place != At("/c") {
		t.Errorf("collected %v", l)
	}
	if !l.Has(At("/c")) || l.Has(At("/b")) {
		t.Errorf("Has is wrong for %v", l)
	}
	if got, want := l.First().Error(), "linux.resources.pids.limit: 0 is too small"; got != want {
		t.Errorf("First() = %q, want %q", got, want)
	}
}
