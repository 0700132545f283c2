package systemd

import (
	"strings"
	"testing"

	"github.com/moby/sys/user"

	"github.com/runnel/runnel/internal/procfs"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct {
		path string
		user bool
		want Name
		at   string
	}{
		{"", false, Name{"system.slice", "runnel-id.scope"}, "/system.slice/runnel-id.scope"},
		{"", true, Name{"user.slice", "runnel-id.scope"}, "/user.slice/runnel-id.scope"},
		{"system.slice:docker:abc", false, Name{"system.slice", "docker-abc.scope"}, "/system.slice/docker-abc.scope"},
		{":p:n", true, Name{"user.slice", "p-n.scope"}, "/user.slice/p-n.scope"},
		{":p:n", false, Name{"system.slice", "p-n.scope"}, "/system.slice/p-n.scope"},
		{"a-b-c.slice::n", false, Name{"a-b-c.slice", "n.scope"}, "/a.slice/a-b.slice/a-b-c.slice/n.scope"},
		{"-.slice:p:n", false, Name{"-.slice", "p-n.scope"}, "/p-n.scope"},
		{"x.slice:p:a-b.slice", false, Name{"a.slice", "a-b.slice"}, "/a.slice/a-b.slice"},
		{"x.slice:p:a.slice", false, Name{"-.slice", "a.slice"}, "/a.slice"},
	} {
		got, err := ParseName(c.path, "id", c.user)
		if err != nil || got != c.want || got.Path() != c.at {
			t.Errorf("ParseName(%q, user %v) = %v at %q, %v, want %v at %q", c.path, c.user, got, got.Path(), err, c.want, c.at)
		}
	}
}

func TestParseNameErrors(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b":                                  `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b" instead`,
		"a.slice:b":                             "expected cgroupsPath",
		"a.slice:b:c:d":                         "expected cgroupsPath",
		"a:b:c":                                 "must end in .slice",
		"a--b.slice:p:n":                        "one is empty",
		"-a.slice:p:n":                          "one is empty",
		"a-.slice:p:n":                          "one is empty",
		".slice:p:n":                            "has no name",
		"a/../b.slice:p:n":                      `'/' can't be part`,
		"a.slice:p:../n":                        `'/' can't be part`,
		"a.slice:p:n+m":                         `'+' can't be part`,
		"a.slice:p:n\x00":                       `can't be part`,
		"a.slice::":                             "has no name",
		"a.slice:p:" + strings.Repeat("n", 250): "longer than 255 bytes",
	} {
		if _, err := ParseName(path, "id", false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseName(%q) = %v, want %q", path, err, want)
		}
	}
}

func TestSystemRoot(t *testing.T) {
	for text, want := range map[string]string{
		"0::/init.scope\n":                                   "",
		"0::/docker/abc/init.scope\n":                        "/docker/abc",
		"5:pids:/\n1:name=systemd:/x/init.scope\n0::/y\n":    "/x",
		"12:cpu:/a/init.scope\n1:name=systemd:/init.scope\n": "",
		"": "",
	} {
		if got := systemRoot(procfs.ParseCgroups(text)); got != want {
			t.Errorf("systemRoot(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		uidMap   string
		id, want int
	}{
		{"         0       1000          1\n         1     100000      65536\n", 0, 1000},
		{"         0       1000          1\n         1     100000      65536\n", 1, 100000},
		{"         0       1000          1\n         1     100000      65536\n", 70000, 70000},
		{"         0          0 4294967295\n", 7, 7},
	} {
		uidMap, err := user.ParseIDMap(strings.NewReader(c.uidMap))
		if err != nil {
			t.Fatal(err)
		}
		if got := outside(uidMap, c.id); got != c.want {
			t.Errorf("outside(%q, %d) = %d, want %d", c.uidMap, c.id, got, c.want)
		}
	}
}
