package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
)

func TestExplain(t *testing.T) {
	config := specconv.FirstError([]specconv.Problem{
		{Pointer: "/process/cwd", Place: "process.cwd", Severity: specconv.Warning, Text: "strange"},
		{Pointer: "/ociVersion", Place: "ociVersion", Text: "bad", Hint: "take another"},
		{Pointer: "/root", Place: "root", Text: "bad"},
	})
	for _, c := range []struct {
		err  error
		want Details
	}{
		{errors.New("anything"), Details{Code: CodeInternal}},
		{fmt.Errorf("x: %w", unix.EIO), Details{Code: CodeInternal, Errno: "EIO"}},
		{fmt.Errorf("x: %w", unix.EPERM), Details{Code: CodePermission, Errno: "EPERM"}},
		{fmt.Errorf("x: %w", unix.ENOSYS), Details{Code: CodeNotSupported, Errno: "ENOSYS"}},
		{fmt.Errorf("create: %w", ErrExist), Details{Code: CodeContainerExists}},
		{ErrNotExist, Details{Code: CodeContainerNotFound}},
		{ErrInvalidID, Details{Code: CodeInvalidArgument}},
		{fmt.Errorf("kill: %w", ErrNotRunning), Details{Code: CodeNotRunning}},
		{ErrNotPaused, Details{Code: CodeWrongState}},
		{errAlreadyRunning, Details{Code: CodeWrongState}},
		{errors.Join(errHasStopped, errors.New("more")), Details{Code: CodeWrongState}},
		{
			during("cgroup", CodeCgroupFailed, fmt.Errorf("linux.resources.pids.limit: write: %w", unix.EINVAL)),
			Details{Code: CodeCgroupFailed, Step: "cgroup", Field: "/linux/resources/pids/limit", Errno: "EINVAL"},
		},
		{
			// The phase around one that is known adds nothing.
			during("state", "", fmt.Errorf("x: %w", during("maps", CodeNamespaceFailed, unix.EINVAL))),
			Details{Code: CodeNamespaceFailed, Step: "maps", Errno: "EINVAL"},
		},
		{during("state", "", unix.EACCES), Details{Code: CodePermission, Step: "state", Errno: "EACCES"}},
		{
			during("config", CodeConfigInvalid, config),
			Details{Code: CodeConfigInvalid, Step: "config", Field: "/ociVersion", Hint: "take another"},
		},
	} {
		if got := Explain(c.err); got != c.want {
			t.Errorf("Explain(%v) = %+v, want %+v", c.err, got, c.want)
		}
	}
	if during("config", CodeConfigInvalid, nil) != nil {
		t.Error("during makes an error of none")
	}
}

func failure(p *plan.Plan, i int, part nsenter.Part, errno unix.Errno, text string) *nsenter.Failure {
	return &nsenter.Failure{Step: nsenter.Position{Kind: p.Steps[i].Op.Kind(), Index: i, Total: len(p.Steps)}, Part: part, Errno: errno, Text: text}
}

func TestExplainStep(t *testing.T) {
	p := &plan.Plan{}
	p.Add("mounts[0] /data", plan.Mount{FSType: "tmpfs", Target: "/data", Attr: plan.Attr{Set: unix.MOUNT_ATTR_NOEXEC}})
	p.Add("mounts[1] /merged", plan.Mount{FSType: "overlay", Target: "/merged", Params: []string{"lowerdir=" + strings.Repeat("a:", 500) + "b"}})
	p.Add("process.args[0]", plan.ResolveExec{Name: "/data/x"})
	p.Add("process.args", plan.Exec{Args: []string{"/data/x"}})
	p.Add("linux.namespaces", plan.Unshare{})
	p.Add("", plan.Loopback{})
	p.Add("hooks.startContainer[2]", plan.Hook{Path: "/h"})
	p.Add("process.user", plan.Identity{UID: 7})
	s := setup{plan: p, rootfs: t.TempDir(), linux: &specs.Linux{}}
	for _, c := range []struct {
		f    *nsenter.Failure
		want Details
		text string
	}{
		{
			failure(p, 0, nsenter.PartOpenType, unix.ENODEV, ""),
			Details{CodeMountFailed, "mount", "/mounts/0", "ENODEV", typeHint(unix.ENODEV)}, "mounts[0] /data: mount tmpfs on /data: no such device",
		},
		{
			failure(p, 1, nsenter.PartCreate, unix.EINVAL, "kernel's words"),
			Details{CodeMountFailed, "mount", "/mounts/1", "EINVAL", "it has 501 layers in lowerdir, and overlay takes 500"}, "(kernel's words; it has 501 layers",
		},
		{
			failure(p, 2, nsenter.PartNoexec, unix.EACCES, "/data/x"),
			Details{CodeProgramNotExecutable, "resolve-exec", "/process/args/0", "EACCES", "the mount /data is noexec"}, "permission denied (the mount /data is noexec)",
		},
		{
			failure(p, 2, nsenter.PartNoexec, unix.EACCES, "/elsewhere/x"),
			Details{CodeProgramNotExecutable, "resolve-exec", "/process/args/0", "EACCES", "it is on a mount that is noexec"}, "permission denied (it is on",
		},
		{
			failure(p, 2, nsenter.PartSearch, unix.ENOENT, ""),
			Details{CodeProgramNotFound, "resolve-exec", "/process/args/0", "ENOENT", ""}, "executable file not found in $PATH",
		},
		{
			failure(p, 3, nsenter.PartExec, unix.E2BIG, "/data/x"),
			Details{CodeProcessFailed, "exec", "/process/args", "E2BIG", "the arguments and the environment are too long"}, "argument list too long",
		},
		{
			failure(p, 4, nsenter.PartNone, unix.ENOSPC, ""),
			Details{CodeNamespaceFailed, "unshare", "/linux/namespaces", "ENOSPC", namespaceHint(unix.ENOSPC)}, "no space left",
		},
		{failure(p, 5, nsenter.PartNone, unix.ENODEV, ""), Details{CodeNetworkFailed, "loopback", "", "ENODEV", ""}, ""},
		{
			&nsenter.Failure{Step: nsenter.Position{Kind: plan.KindHook, Index: 6, Total: 8}, Part: nsenter.PartStatus, Status: 3 << 8, Text: "its \x1b[2J words"},
			Details{CodeHookFailed, "hook", "/hooks/startContainer/2", "", ""},
			"error running startContainer hook #2: hooks.startContainer[2] /h: exit status 3, output: its ?[2J words",
		},
		{
			failure(p, 6, nsenter.PartExec, unix.ENOENT, ""),
			Details{CodeHookFailed, "hook", "/hooks/startContainer/2", "ENOENT", ""}, "/h: no such file or directory",
		},
		{
			failure(p, 7, nsenter.PartUID, unix.EINVAL, ""),
			Details{CodeProcessFailed, "identity", "/process/user", "EINVAL", "it isn't mapped into the user namespace"}, "set uid 7",
		},
	} {
		err := s.explain(c.f)
		if got := Explain(err); got != c.want {
			t.Errorf("details of %v: %+v, want %+v", err, got, c.want)
		}
		if !strings.Contains(err.Error(), c.text) {
			t.Errorf("explain(%+v) = %v, want %q in it", c.f, err, c.text)
		}
	}
}

// What belongs to nobody in the user namespace is found in the rootfs, and behind a
// bind mount.
func TestUnmapped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	root, source := t.TempDir(), t.TempDir()
	for _, dir := range []string{root + "/open", root + "/open/closed", root + "/open/closed/in", source + "/sub"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root+"/open/closed", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(root+"/open/closed/in", 5, 5); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, root + "/open"} {
		if err := os.Chown(dir, 100000, 100000); err != nil {
			t.Fatal(err)
		}
	}
	p := &plan.Plan{}
	p.Add("mounts[0] /mnt", plan.Bind{Source: source, Target: "/mnt"})
	p.Add("", plan.Pivot{})
	s := setup{plan: p, rootfs: root, linux: &specs.Linux{UIDMappings: []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}}}
	const end = " belongs to uid 0, which isn't mapped into the user namespace"
	for name, want := range map[string]string{
		"/new":                "",
		"/open/new":           "",
		"/open/closed/new":    root + "/open/closed" + end,
		"/open/closed/in/new": root + "/open/closed" + end,
		"/mnt/sub/new":        source + "/sub" + end,
		"/mnt/new":            source + end,
	} {
		if got := s.unmapped(1, name, unix.EACCES); got != want {
			t.Errorf("unmapped(%s) = %q, want %q", name, got, want)
		}
	}
	if got := s.unmapped(1, "/mnt/new", unix.ENOENT); got != "" {
		t.Errorf("unmapped for ENOENT: %q", got)
	}
	s.linux = &specs.Linux{}
	if got := s.unmapped(1, "/mnt/new", unix.EACCES); got != "" {
		t.Errorf("unmapped without maps: %q", got)
	}
}

func TestCountLayers(t *testing.T) {
	for param, want := range map[string]int{
		"lowerdir=/a": 1, "lowerdir=/a:/b:/c": 3, `lowerdir=/a\:b:/c`: 2, "upperdir=/a:b": 0, "lowerdir+=/a": 1,
	} {
		if got := countLayers([]string{param, "workdir=/w"}); got != want {
			t.Errorf("countLayers(%s) = %d, want %d", param, got, want)
		}
	}
}

// Each code has a case that leads to it: here, or in a container.
func TestCodesAreTested(t *testing.T) {
	var tests string
	for _, file := range []string{"fault_test.go", "../tests/integration/hints.bats"} {
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
		if n++; !strings.Contains(tests, "tells "+code+" ") && !strings.Contains(tests, "Code: "+name) {
			t.Errorf("no test leads to the code %s", code)
		}
	}
	if n < 10 {
		t.Errorf("found %d codes", n)
	}
}
