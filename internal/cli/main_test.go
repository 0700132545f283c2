package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is the outcome of one run of the command line.
type result struct {
	code           int
	stdout, stderr string
}

func execute(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	s := &session{
		name: "runnel", build: Build{Version: "1.2.3", Commit: "abcdef"},
		stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr,
	}
	return result{s.main(args), stdout.String(), stderr.String()}
}

// The codes and texts of runc.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	root := "--root=" + dir
	inRoot := " in the state root " + dir + "\n"
	for _, c := range []struct {
		line   string
		code   int
		stdout string // its beginning
		stderr string // all of it
	}{
		{"", 0, "NAME:\n   runnel - ", ""},
		{"--help", 0, "NAME:\n   runnel - ", ""},
		{"help", 0, "NAME:\n   runnel - ", ""},
		{"h exec", 0, "NAME:\n   runnel exec - ", ""},
		{"exec --help", 0, "NAME:\n   runnel exec - ", ""},
		{"state ID -h", 0, "NAME:\n   runnel state - ", ""},
		{"delete --force -h", 0, "NAME:\n   runnel delete - ", ""},
		{"--help state", 0, "NAME:\n   runnel - ", ""},
		{"--debug", 0, "NAME:\n   runnel - ", ""},
		{"help bogus", 3, "", "No help topic for 'bogus'\n"},
		{"bogus", 3, "", "No help topic for 'bogus'\n"},
		{"bogus --help", 3, "", "No help topic for 'bogus'\n"},
		{"--bogus state ID", 1, "Incorrect Usage.\n\nNAME:\n   runnel - ", "flag provided but not defined: -bogus\n"},
		{"--root", 1, "Incorrect Usage.\n\nNAME:\n   runnel - ", "flag needs an argument: -root\n"},
		{"list --root", 1, "Incorrect Usage.\n\nNAME:\n   runnel - ", "flag needs an argument: -root\n"},
		{"--debug=perhaps list", 1, "Incorrect Usage.\n\nNAME:\n   runnel - ", "invalid boolean value \"perhaps\" for -debug: parse error\n"},
		{"list --version", 1, "Incorrect Usage.\n\nNAME:\n   runnel list - ", "flag provided but not defined: -version\n"},
		{"create a --bundle", 1, "Incorrect Usage.\n\nNAME:\n   runnel create - ", "flag needs an argument: -bundle\n"},
		{"create a -b", 1, "Incorrect Usage.\n\nNAME:\n   runnel create - ", "flag needs an argument: -b\n"},
		{"create a -x=y", 1, "Incorrect Usage.\n\nNAME:\n   runnel create - ", "flag provided but not defined: -x\n"},
		{"create ---bundle a", 1, "Incorrect Usage.\n\nNAME:\n   runnel create - ", "bad flag syntax: ---bundle\n"},
		{"create --preserve-fds x a", 1, "Incorrect Usage.\n\nNAME:\n   runnel create - ", "invalid value \"x\" for flag -preserve-fds: parse error\n"},
		{"delete --force=perhaps a", 1, "Incorrect Usage.\n\nNAME:\n   runnel delete - ", "invalid boolean value \"perhaps\" for -force: parse error\n"},
		{"exec -tx a x", 1, "Incorrect Usage.\n\nNAME:\n   runnel exec - ", "flag provided but not defined: -tx\n"},
		{"state --bogus ID", 1, "Incorrect Usage.\n\nNAME:\n   runnel state - ", "flag provided but not defined: -bogus\n"},
		{"state", 1, "Incorrect Usage.\n\nNAME:\n   runnel state - ", "runnel: \"state\" requires exactly 1 argument(s)\n"},
		{"state a b", 1, "Incorrect Usage.\n\nNAME:\n   runnel state - ", "runnel: \"state\" requires exactly 1 argument(s)\n"},
		{"list a", 1, "Incorrect Usage.\n\n", "runnel: \"list\" requires exactly 0 argument(s)\n"},
		{"kill", 1, "Incorrect Usage.\n\n", "runnel: \"kill\" requires a minimum of 1 argument(s)\n"},
		{"kill a b c", 1, "Incorrect Usage.\n\n", "runnel: \"kill\" requires a maximum of 2 argument(s)\n"},
		{"exec", 1, "Incorrect Usage.\n\n", "runnel: \"exec\" requires a minimum of 1 argument(s)\n"},
		{"kill a BOGUS", 1, "", "unknown signal \"BOGUS\"\n"},
		{"list -f xml", 1, "", "invalid format option\n"},
		{"ps -f xml a", 1, "", "invalid format option\n"},
		{"--log-format xml list", 1, "", "invalid log-format: xml\n"},
		{"--log-level trace list", 1, "", "invalid log-level: trace: not error, warn, info or debug\n"},
		{"--log-level error --debug=false state absent", 1, "", "container does not exist: absent" + inRoot},
		{"--cgroup-manager none list", 1, "", "invalid value \"none\" for --cgroup-manager: not cgroupfs, systemd or disabled\n"},
		{"--systemd-cgroup --cgroup-manager cgroupfs list", 1, "", "--systemd-cgroup and --cgroup-manager cgroupfs contradict each other\n"},
		{"--systemd-cgroup list --cgroup-manager=disabled", 1, "", "--systemd-cgroup and --cgroup-manager disabled contradict each other\n"},
		{"--systemd-cgroup --cgroup-manager systemd list -q", 0, "", ""},
		{"--cgroup-manager cgroupfs list -q", 0, "", ""},
		{"--rootless perhaps create a", 1, "", "invalid value \"perhaps\" for --rootless: not true, false or auto\n"},
		{"create --preserve-fds -1 a", 1, "", "invalid value -1 for --preserve-fds: not a number of descriptors\n"},
		{"delete --regex a( ", 1, "", "--regex a(: error parsing regexp: missing closing ): `a(`\n"},
		{"state absent", 1, "", "container does not exist: absent" + inRoot},
		{"state help", 1, "", "container does not exist: help" + inRoot},
		{"kill absent -9", 1, "", "unknown signal \"-9\"\n"},
		{"checkpoint --leave-running absent", 1, "", "runnel checkpoint failed: container does not exist: absent" + inRoot},
		{"checkpoint --parent-path /a absent", 1, "", "--parent-path /a: it must be relative to --image-path\n"},
		{"checkpoint --pre-dump --lazy-pages absent", 1, "", "--pre-dump and --lazy-pages can't be used together\n"},
		{"checkpoint --page-server 10.0.0.1 absent", 1, "", "--page-server: invalid page server \"10.0.0.1\": not of the form ADDRESS:PORT\n"},
		{"checkpoint --status-fd 999 absent", 1, "", "--status-fd 999: bad file descriptor\n"},
		{"checkpoint --empty-ns mount absent", 1, "", "--empty-ns mount: only network namespaces can be left empty\n"},
		{"restore --manage-cgroups-mode most a", 1, "", "--manage-cgroups-mode: invalid mode \"most\" of cgroups: not soft, full, strict or ignore\n"},
		{"pause absent", 1, "", "container does not exist: absent" + inRoot},
		{"delete absent", 1, "", "container does not exist: absent" + inRoot},
		{"delete --force absent", 0, "", ""},
		{"delete --force --regex .", 0, "", ""},
		{"exec absent true", 255, "", "exec failed: container does not exist: absent" + inRoot},
		{"exec absent", 255, "", "exec failed: exec args cannot be empty\n"},
		{"exec -u root absent true", 255, "", "exec failed: parsing root as int for uid failed: invalid syntax\n"},
		{"list", 0, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n", ""},
		{"list -q", 0, "", ""},
		{"list -f json", 0, "[]\n", ""},
	} {
		args := strings.Fields(c.line)
		if c.line != "--root" {
			args = append([]string{root}, args...)
		}
		if c.line == "" {
			args = nil
		}
		got := execute(t, "", args...)
		if got.code != c.code || got.stderr != c.stderr || !strings.HasPrefix(got.stdout, c.stdout) || c.stdout == "" && got.stdout != "" {
			t.Errorf("runnel %s: code %d, stdout %.60q, stderr %q\nwant code %d, stdout %q…, stderr %q",
				c.line, got.code, got.stdout, got.stderr, c.code, c.stdout, c.stderr)
		}
	}
}

func TestRoot(t *testing.T) {
	for _, c := range []struct {
		root, stderr string
		code         int
	}{
		{"/", "Option --root argument should not be set to /\n", 1},
		{"/../.", "Option --root argument should not be set to /\n", 1},
		{"", "Option --root argument should not be empty\n", 1},
	} {
		if got := execute(t, "", "--root", c.root, "list"); got.code != c.code || got.stderr != c.stderr {
			t.Errorf("--root %q: code %d, stderr %q", c.root, got.code, got.stderr)
		}
	}
	if got := execute(t, "", "--root", "/", "list", "--root", t.TempDir(), "--quiet"); got != (result{}) {
		t.Errorf("list with a second --root after the command: %+v", got)
	}
	absent := filepath.Join(t.TempDir(), "absent")
	got := execute(t, "", "--root", absent, "list")
	if got.code != 1 || !strings.Contains(got.stderr, absent) || !strings.Contains(got.stderr, "no such file or directory") {
		t.Errorf("list of an absent root: code %d, stderr %q", got.code, got.stderr)
	}
}

// go-runc and dockerd parse these lines.
func TestVersion(t *testing.T) {
	for _, flag := range []string{"--version", "-v"} {
		got := execute(t, "", flag)
		lines := strings.Split(got.stdout, "\n")
		if got.code != 0 || lines[0] != "runnel version 1.2.3" || lines[1] != "commit: abcdef" {
			t.Errorf("%s: code %d, stdout %q", flag, got.code, got.stdout)
		}
		for i, prefix := range []string{"spec: 1.", "go: go1.", "libseccomp: "} {
			if !strings.HasPrefix(lines[i+2], prefix) {
				t.Errorf("%s: line %q, want %s…", flag, lines[i+2], prefix)
			}
		}
	}
}

// containerd's shim shows the last line of level error, podman wants one object
// in the file; both show stderr if they find none.
func TestErrorGoesToLogAndStderr(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.json")
	global := []string{"--root", dir, "--log", path, "--log-format", "json"}
	got := execute(t, "", append(global, "create", "--bundle", filepath.Join(dir, "absent"), "c")...)
	if got.code != 1 || !strings.HasPrefix(got.stderr, "runnel create failed: ") {
		t.Errorf("code %d, stderr %q", got.code, got.stderr)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var line struct{ Level, Msg, Time string }
	if err := json.Unmarshal(content, &line); err != nil {
		t.Fatalf("%q: %v", content, err)
	}
	if line.Level != "error" || line.Msg+"\n" != got.stderr {
		t.Errorf("log has %+v, stderr %q", line, got.stderr)
	}
}

func TestUsageErrorIsLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	execute(t, "", "--log", path, "state")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), ` level=error msg="runnel: \"state\" requires exactly 1 argument(s)"`) {
		t.Errorf("log: %q", content)
	}
}

func TestLogIsCreatedWithoutMessages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	got := execute(t, "", "--root", dir, "--log", path, "list")
	if st, err := os.Stat(path); got.code != 0 || err != nil || st.Size() != 0 {
		t.Errorf("code %d, stat %v, %v", got.code, st, err)
	}
}

func TestSpec(t *testing.T) {
	dir := t.TempDir()
	if got := execute(t, "", "spec", "--bundle", dir); got.code != 0 || got.stdout+got.stderr != "" {
		t.Fatalf("spec: %+v", got)
	}
	content, err := os.ReadFile(filepath.Join(dir, configName))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(content), "{\n\t\"ociVersion\": ") || !strings.HasSuffix(string(content), "}\n") {
		t.Errorf("config.json begins %.40q", content)
	}
	if got := execute(t, "", "spec", "--bundle", dir); got.code != 1 || got.stderr != "File config.json exists. Remove it first\n" {
		t.Errorf("spec again: %+v", got)
	}
}

func TestFeatures(t *testing.T) {
	got := execute(t, "", "features")
	var f struct {
		OCIVersionMin string
		Annotations   map[string]string
	}
	if err := json.Unmarshal([]byte(got.stdout), &f); err != nil {
		t.Fatalf("%v in %q", err, got.stdout)
	}
	if f.OCIVersionMin != "1.0.0" || f.Annotations["com.github.runnel.version"] != "1.2.3" || !strings.HasPrefix(got.stdout, "{\n    \"") {
		t.Errorf("features: %+v", f)
	}
}
