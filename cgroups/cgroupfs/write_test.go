package cgroupfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// folder creates a directory with files in place of control files.
func folder(t *testing.T, files ...string) *Dir {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return At(dir)
}

func TestApply(t *testing.T) {
	d := folder(t, "there", "other")
	dir := func(controller string) *Dir {
		if controller == "none" {
			return nil
		}
		return d
	}
	tests := []struct {
		name    string
		w       Write
		file    string // expected to have the value
		wantErr string
	}{
		{"a file", Write{Controller: "c", File: "there", Value: "1"}, "there", ""},
		{"the alternative", Write{Controller: "c", File: "missing", Value: "2", Else: &Write{File: "other", Value: "3"}}, "other", ""},
		{"nothing to do", Write{Controller: "c", File: "missing", Tolerate: Missing}, "", ""},
		{"no controller, nothing to do", Write{Controller: "none", File: "there", Tolerate: Missing}, "", ""},
		{"no file", Write{Controller: "c", File: "missing", Place: place.At("/f")}, "", "f: no file missing in cgroup " + d.Path()},
		{"no controller", Write{Controller: "none", File: "there", Place: place.At("/f")}, "", "f: cgroup controller none is not available"},
		{"a path", Write{Controller: "c", File: "../there", Place: place.At("/f"), Value: "v"}, "", `f: write "v" to ` + d.Path() + "/../there: invalid argument"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Apply([]Write{test.w}, dir)
			if test.wantErr != "" {
				if err == nil || err.Error() != test.wantErr {
					t.Errorf("Apply() = %v, want %s", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.file == "" {
				return
			}
			want := test.w.Value
			if test.w.Else != nil {
				want = test.w.Else.Value
			}
			if got, err := d.ReadFile(test.file); err != nil || got != want {
				t.Errorf("%s is %q, %v, want %q", test.file, got, err, want)
			}
		})
	}
}

func TestGroupLen(t *testing.T) {
	tests := []struct {
		groups []string
		want   int
	}{
		{[]string{"", ""}, 1}, {[]string{"a", "a", "b"}, 2}, {[]string{"a"}, 1}, {[]string{"a", "", "a"}, 1},
	}
	for _, test := range tests {
		writes := make([]Write, len(test.groups))
		for i, g := range test.groups {
			writes[i].Group = g
		}
		if got := groupLen(writes); got != test.want {
			t.Errorf("groupLen(%q) = %d, want %d", test.groups, got, test.want)
		}
	}
}

func TestDenied(t *testing.T) {
	for err, want := range map[error]bool{unix.EROFS: true, unix.EACCES: true, unix.EPERM: true, unix.EBUSY: false} {
		if got := errors.Is(Denied(err), fs.ErrPermission); got != want {
			t.Errorf("Denied(%v) is a refused permission: %v, want %v", err, got, want)
		}
		if !errors.Is(Denied(err), err) {
			t.Errorf("Denied(%v) hides the errno", err)
		}
	}
	if Denied(nil) != nil {
		t.Error("Denied(nil) is an error")
	}
}

func TestMkdirStaysBelowTheMount(t *testing.T) {
	d := folder(t)
	missing := d.Path() + "/unmounted"
	if created, err := At(missing + "/a").Mkdir(missing); !errors.Is(err, unix.ENOENT) || len(created) > 0 {
		t.Errorf("Mkdir() without the mount = %v, %v", created, err)
	}
	created, err := At(d.Path() + "/a/b/c").Mkdir(d.Path())
	if err != nil || len(created) != 3 || created[0] != d.Path()+"/a" {
		t.Errorf("Mkdir() = %v, %v", created, err)
	}
	if created, err := At(d.Path() + "/a/b/c").Mkdir(d.Path()); err != nil || len(created) != 0 {
		t.Errorf("second Mkdir() = %v, %v", created, err)
	}
	RemoveAll(created)
	if _, err := os.Stat(d.Path() + "/a"); !os.IsNotExist(err) {
		t.Errorf("after RemoveAll() Stat() = %v", err)
	}
}

func TestOpenFollowsNoLink(t *testing.T) {
	d := folder(t, "file")
	if err := os.Symlink("file", d.Path()+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, open := range []bool{false, true} {
		if open {
			if _, err := d.FD(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.ReadFile("link"); !errors.Is(err, unix.ELOOP) {
			t.Errorf("ReadFile() through a link = %v, want ELOOP", err)
		}
		if _, err := d.ReadFile("file"); err != nil {
			t.Error(err)
		}
	}
	d.Close()
}

func TestParsePids(t *testing.T) {
	got := parsePids("30\n0\n4\n4\n")
	if len(got) != 2 || got[0] != 4 || got[1] != 30 {
		t.Errorf("parsePids() = %v", got)
	}
}
