package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
)

func execOptionsOf(t *testing.T, args ...string) (libcontainer.ExecOptions, error) {
	t.Helper()
	return new(session).execOptions(parse(t, append([]string{"exec"}, args...)...))
}

func TestExecOptions(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		line string
		want libcontainer.ExecOptions
	}{
		{"c ls -l --tty", libcontainer.ExecOptions{Override: libcontainer.ProcessOverride{Args: []string{"ls", "-l", "--tty"}}}},
		{
			"-t -e A=b,c --env D= --cwd /w -u 1:2 -g 3 --additional-gids 4 --cap CAP_KILL -c CAP_CHOWN --process-label l --apparmor p --no-new-privs c sh",
			libcontainer.ExecOptions{Override: libcontainer.ProcessOverride{
				Args: []string{"sh"}, Cwd: "/w", Env: []string{"A=b,c", "D="}, TTY: true, User: &specs.User{UID: 1, GID: 2},
				AdditionalGids: []uint32{3, 4}, NoNewPrivileges: &yes, Caps: []string{"CAP_KILL", "CAP_CHOWN"},
				SelinuxLabel: "l", ApparmorProfile: "p",
			}},
		},
		{
			"--no-new-privs=false c sh",
			libcontainer.ExecOptions{Override: libcontainer.ProcessOverride{Args: []string{"sh"}, NoNewPrivileges: &no}},
		},
		{
			"-d --pid-file p --console-socket s --pidfd-socket f --preserve-fds 2 --ignore-paused --cgroup cpu,memory:a --cgroup b c sh",
			libcontainer.ExecOptions{
				PidFile: "p", PidfdSocket: "f", IgnorePaused: true,
				Cgroups: []string{"cpu,memory:a", "b"}, Override: libcontainer.ProcessOverride{Args: []string{"sh"}},
			},
		},
	} {
		got, err := execOptionsOf(t, strings.Fields(c.line)...)
		if err != nil {
			t.Errorf("exec %s: %v", c.line, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("exec %s: %s", c.line, diff)
		}
	}
}

func TestExecOptionErrors(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"c", "exec args cannot be empty"},
		{"-u -1 c x", "parsing -1 as int for uid failed: invalid syntax"},
		{"-g users c x", "parsing users as int for additional gid failed: invalid syntax"},
		{"--preserve-fds=-2 c x", "invalid value -2 for --preserve-fds: not a number of descriptors"},
		{"-p /no/such/file c", "--process: open /no/such/file: no such file or directory"},
	} {
		if _, err := execOptionsOf(t, strings.Fields(c.line)...); err == nil || err.Error() != c.want {
			t.Errorf("exec %s: error %v, want %s", c.line, err, c.want)
		}
	}
}

func TestExecProcessFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "process.json")
	for _, c := range []struct{ content, err string }{
		{`{"args":["a"],"cwd":"/","user":{"uid":5,"gid":6}}`, ""},
		{"{\"args\":[\"a\"],\n \"cwd\":5}", path + ":2:8: "},
		{"{\"args\":\"a\"}", path + ":1:9: "},
		{"{} {}", path + ":1:4: "},
		{"[]", path + ":1:1: "},
		{" null\n", path + ": process property must not be empty"},
		{"", path + ":1:1: "},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := execOptionsOf(t, "-p", path, "-u", "ignored", "c")
		switch {
		case c.err == "":
			want := &specs.Process{Args: []string{"a"}, Cwd: "/", User: specs.User{UID: 5, GID: 6}}
			if diff := cmp.Diff(want, got.Process); diff != "" || err != nil {
				t.Errorf("process %s: %v %s", c.content, err, diff)
			}
		case err == nil || !strings.HasPrefix(err.Error(), c.err):
			t.Errorf("process %s: error %v, want %s…", c.content, err, c.err)
		}
	}
}
