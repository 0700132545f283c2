package criu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestDiagnose(t *testing.T) {
	for _, c := range []struct{ log, cause, hint string }{
		{"", "", ""},
		{"(00.1) all is well\n(00.2) Warn  (criu/x.c:1): not quite\n", "", ""},
		{
			"(00.137522) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n" +
				"(00.2) Error (criu/sk-inet.c:188): inet: Connected TCP socket, consider using --tcp-established option.\n" +
				"(00.3) Error (criu/cr-dump.c:2098): Dumping FAILED.\n",
			"a process has an open TCP connection: inet: Connected TCP socket, consider using --tcp-established option.",
			"--tcp-established checkpoints it, and is needed for restore, too",
		},
		{
			"(00.1) Error (criu/a.c:1): first\n(00.1) Error (criu/a.c:1): first\n(00.1) Error (criu/a.c:1): second\n" +
				"(00.1) Error (criu/a.c:1): third\n(00.1) Error (criu/a.c:1): fourth\n",
			"first; second; fourth", "",
		},
	} {
		if cause, hint := Diagnose(c.log); cause != c.cause || hint != c.hint {
			t.Errorf("Diagnose(%q) = %q, %q, want %q, %q", c.log, cause, hint, c.cause, c.hint)
		}
	}
}

func TestFailure(t *testing.T) {
	f := &Failure{Operation: "dump", Cause: "x", Hint: "y", Log: "/w/dump.log"}
	if got, want := f.Error(), "criu dump failed: x (y); the log is /w/dump.log"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestDescriptors(t *testing.T) {
	for content, want := range map[string][]string{
		`["pipe:[1]","",""]`:                         {"pipe:[1]", "", ""},
		`["/dev/null","file[1a:2b]","tty[8801:18]"]`: {"", "file[1a:2b]", "tty[8801:18]"},
		`["socket:[7]"]`:                             {"socket:[7]"},
		`null`:                                       nil,
		`["extRootNetNS"]`:                           nil,
		`["pipe:[01]"]`:                              nil,
		`["pipe:[1]x"]`:                              nil,
		`["file[1a:2b]]"]`:                           nil,
		`["a/b"]`:                                    nil,
		`["","","","pipe:[1]"]`:                      nil,
		`{"0":"pipe:[1]"}`:                           nil,
		`["pipe:[1]","pipe:[1]"`:                     nil,
	} {
		got, err := parseDescriptors([]byte(content))
		if want == nil && content != "null" {
			if err == nil {
				t.Errorf("parseDescriptors(%s) = %q, want an error", content, got)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("parseDescriptors(%s) = %q, %v, want %q", content, got, err, want)
		}
	}
}

func TestWriteDescriptors(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenDir(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	if keys, err := ReadDescriptors(dir); keys != nil || err != nil {
		t.Errorf("ReadDescriptors without a file = %q, %v", keys, err)
	}
	if err := WriteDescriptors(dir, nil); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(filepath.Join(path, DescriptorsName)); string(content) != "[]" {
		t.Errorf("no keys are written as %q", content)
	}
	want := []string{"pipe:[1]", "", "file[1:2]"}
	if err := WriteDescriptors(dir, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadDescriptors(dir); err != nil || !cmp.Equal(got, want) {
		t.Errorf("ReadDescriptors = %q, %v, want %q", got, err, want)
	}
	// It is a FIFO, or too large, in the checkpoint of somebody with bad intentions.
	if err := os.Remove(filepath.Join(path, DescriptorsName)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(path, DescriptorsName), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadDescriptors(dir); err == nil {
		t.Error("a FIFO is read")
	}
}

func TestStreamKey(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if key := StreamKey(pipe[0]); !strings.HasPrefix(key, "pipe:[") || !isKey(key) || IsExternal(key) || key != StreamKey(pipe[1]) {
		t.Errorf("StreamKey(pipe) = %q", key)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if key := StreamKey(int(file.Fd())); !strings.HasPrefix(key, "file[") || !isKey(key) || !IsExternal(key) {
		t.Errorf("StreamKey(file) = %q", key)
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if key := StreamKey(int(null.Fd())); key != "" {
		t.Errorf("StreamKey(/dev/null) = %q", key)
	}
}

func TestCheckImages(t *testing.T) {
	check := func(path string) error {
		t.Helper()
		dir, err := OpenDir(path, 0o700)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(dir)
		return CheckImages(path, dir)
	}
	top := t.TempDir()
	one, two := filepath.Join(top, "one"), filepath.Join(top, "two")
	for _, dir := range []string{one, two} {
		if err := check(dir); err != nil {
			t.Errorf("an own directory: %v", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "core-1.img"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../one", filepath.Join(two, "parent")); err != nil {
		t.Fatal(err)
	}
	if err := check(two); err != nil {
		t.Errorf("with a parent: %v", err)
	}
	if err := os.Chmod(filepath.Join(one, "core-1.img"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{one, two} {
		if err := check(path); err == nil || !strings.Contains(err.Error(), "core-1.img: every user may write to it") {
			t.Errorf("%s with an image that all may write to: %v", path, err)
		}
	}
	if err := os.Remove(filepath.Join(one, "core-1.img")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(one, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := check(one); err == nil {
		t.Error("a directory in which all may create files is accepted")
	}
	if err := os.Symlink(".", filepath.Join(top, "parent")); err != nil {
		t.Fatal(err)
	}
	if err := check(top); err == nil {
		t.Error("a directory that is its own parent is accepted")
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", "relative:"+dir)
	if path, err := Find(); err != ErrNotFound {
		t.Errorf("Find() = %q, %v, want %v", path, err, ErrNotFound)
	}
	program := filepath.Join(dir, "criu")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if path, err := Find(); path != program || err != nil {
		t.Errorf("Find() = %q, %v, want %q", path, err, program)
	}
	for _, file := range []string{program, dir} {
		if err := os.Chmod(file, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := Find(); err == nil || !strings.Contains(err.Error(), "every user may write to it") {
			t.Errorf("Find() with a %s that all may write to: %v", file, err)
		}
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVersion(t *testing.T) {
	for v, ok := range map[Version]bool{{2, 9}: false, {3, 16}: false, {3, 17}: true, {4, 0}: true} {
		if err := v.check("/usr/sbin/criu"); (err == nil) != ok {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestParsePageServer(t *testing.T) {
	if p, err := ParsePageServer("[::1]:27"); err != nil || *p != (PageServer{"::1", 27}) {
		t.Errorf("ParsePageServer = %v, %v", p, err)
	}
	for _, text := range []string{"", "a", ":1", "a:", "a:0", "a:65536", "a:b", "a b:1", "a\nport:1"} {
		if p, err := ParsePageServer(text); err == nil {
			t.Errorf("ParsePageServer(%q) = %v, want an error", text, p)
		}
	}
}

func TestDumpRequest(t *testing.T) {
	status := 7
	d := Dump{
		Options: Options{TCPEstablished: true, EmptyNetwork: true, Cgroups: CgroupsStrict},
		Files:   Files{Images: 5, Work: 6, Config: "/etc/criu/x.conf"},
		Pid:     11, Parent: "../a", StatusFD: &status, FreezeCgroup: "/f", External: []string{"mnt[/a]:/b"},
		PageServer: &PageServer{"h", 9},
	}
	r := d.request()
	o := r.GetOpts()
	got := []any{
		r.GetType(), o.GetPid(), o.GetImagesDirFd(), o.GetWorkDirFd(), o.GetLogFile(), o.GetConfigFile(), o.GetTcpEstablished(),
		o.GetEmptyNs(), o.GetManageCgroupsMode(), o.GetParentImg(), o.GetStatusFd(), o.GetFreezeCgroup(), o.GetExternal()[0],
		o.GetPs().GetAddress(), o.GetPs().GetPort(), o.GetTrackMem(), o.GetShellJob(),
	}
	want := []any{
		rpc.CriuReqType_DUMP, int32(11), int32(5), int32(6), "dump.log", "/etc/criu/x.conf", true,
		uint32(unix.CLONE_NEWNET), rpc.CriuCgMode_STRICT, "../a", int32(7), "/f", "mnt[/a]:/b", "h", int32(9), false, false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	d.Pre = true
	if r := d.request(); r.GetType() != rpc.CriuReqType_PRE_DUMP || !r.GetOpts().GetTrackMem() {
		t.Errorf("the request of a pre-dump is %v", r)
	}
}

func TestRestoreRequest(t *testing.T) {
	r := Restore{
		Root: "/r", CgroupRoots: map[string]string{"": "/c"},
		Inherit: []Inherited{{"pipe:[1]", 21}, {"extRootNetNS", 22}}, Join: []Joined{{"ipc", 23}},
	}
	request, fds := r.request(4)
	if want := []int{21, 22, 23}; !cmp.Equal(fds, want) {
		t.Errorf("descriptors %v, want %v", fds, want)
	}
	o := request.GetOpts()
	if len(o.InheritFd) != 2 || o.InheritFd[1].GetKey() != "extRootNetNS" || o.InheritFd[1].GetFd() != 5 ||
		len(o.JoinNs) != 1 || o.JoinNs[0].GetNsFile() != "/proc/self/fd/6" ||
		len(o.CgRoot) != 1 || o.CgRoot[0].Ctrl != nil || o.CgRoot[0].GetPath() != "/c" || !o.GetRstSibling() {
		t.Errorf("the request is %v", request)
	}
}
