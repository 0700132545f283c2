package explain

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

func failure(p *plan.Plan, i int, part nsenter.Part, errno unix.Errno, text string) *nsenter.Failure {
	return &nsenter.Failure{
		Step: nsenter.Position{Kind: p.Steps[i].Op.Kind(), Index: i, Total: len(p.Steps)}, Part: part, Errno: errno, Text: text,
	}
}

func TestExplainStep(t *testing.T) {
	p := &plan.Plan{}
	p.Add(place.At("/mounts/0").Named("/data"), plan.Mount{FSType: "tmpfs", Target: "/data", Attr: plan.Attr{Set: unix.MOUNT_ATTR_NOEXEC}})
	p.Add(place.At("/mounts/1").Named("/merged"), plan.Mount{FSType: "overlay", Target: "/merged", Params: []string{"lowerdir=" + strings.Repeat("a:", 500) + "b"}})
	p.Add(place.At("/process/args/0"), plan.ResolveExec{Name: "/data/x"})
	p.Add(place.At("/process/args"), plan.Exec{Args: []string{"/data/x"}})
	p.Add(place.At("/linux/namespaces"), plan.Unshare{})
	p.Add(place.Place{}, plan.Loopback{})
	p.Add(place.At("/hooks/startContainer/2"), plan.Hook{Path: "/h"})
	p.Add(place.At("/process/user"), plan.Identity{UID: 7})
	s := Setup{Plan: p, Rootfs: t.TempDir(), Linux: &specs.Linux{}}
	for _, c := range []struct {
		f    *nsenter.Failure
		want fault.Details
		text string
	}{
		{
			failure(p, 0, nsenter.PartOpenType, unix.ENODEV, ""),
			fault.Details{Code: fault.MountFailed, Step: "mount", Field: "/mounts/0", Errno: "ENODEV", Hint: typeHint(unix.ENODEV)}, "mounts[0] /data: mount tmpfs on /data: no such device",
		},
		{
			failure(p, 1, nsenter.PartCreate, unix.EINVAL, "kernel's words"),
			fault.Details{Code: fault.MountFailed, Step: "mount", Field: "/mounts/1", Errno: "EINVAL", Hint: "it has 501 layers in lowerdir, and overlay takes 500"}, "(kernel's words; it has 501 layers",
		},
		{
			failure(p, 2, nsenter.PartNoexec, unix.EACCES, "/data/x"),
			fault.Details{Code: fault.ProgramNotExecutable, Step: "resolve-exec", Field: "/process/args/0", Errno: "EACCES", Hint: "the mount /data is noexec"}, "permission denied (the mount /data is noexec)",
		},
		{
			failure(p, 2, nsenter.PartNoexec, unix.EACCES, "/elsewhere/x"),
			fault.Details{Code: fault.ProgramNotExecutable, Step: "resolve-exec", Field: "/process/args/0", Errno: "EACCES", Hint: "it is on a mount that is noexec"}, "permission denied (it is on",
		},
		{
			failure(p, 2, nsenter.PartSearch, unix.ENOENT, ""),
			fault.Details{Code: fault.ProgramNotFound, Step: "resolve-exec", Field: "/process/args/0", Errno: "ENOENT", Hint: ""}, "executable file not found in $PATH",
		},
		{
			failure(p, 3, nsenter.PartExec, unix.E2BIG, "/data/x"),
			fault.Details{Code: fault.ProcessFailed, Step: "exec", Field: "/process/args", Errno: "E2BIG", Hint: "the arguments and the environment are too long"}, "argument list too long",
		},
		{
			failure(p, 4, nsenter.PartNone, unix.ENOSPC, ""),
			fault.Details{Code: fault.NamespaceFailed, Step: "unshare", Field: "/linux/namespaces", Errno: "ENOSPC", Hint: NamespaceHint(unix.ENOSPC)}, "no space left",
		},
		{failure(p, 5, nsenter.PartNone, unix.ENODEV, ""), fault.Details{Code: fault.NetworkFailed, Step: "loopback", Field: "", Errno: "ENODEV", Hint: ""}, ""},
		{
			&nsenter.Failure{
				Step: nsenter.Position{Kind: plan.KindHook, Index: 6, Total: 8},
				Part: nsenter.PartStatus, Status: 3 << 8, Text: "its \x1b[2J words",
			},
			fault.Details{Code: fault.HookFailed, Step: "hook", Field: "/hooks/startContainer/2", Errno: "", Hint: ""},
			"error running startContainer hook #2: hooks.startContainer[2] /h: exit status 3, output: its ?[2J words",
		},
		{
			failure(p, 6, nsenter.PartExec, unix.ENOENT, ""),
			fault.Details{Code: fault.HookFailed, Step: "hook", Field: "/hooks/startContainer/2", Errno: "ENOENT", Hint: ""}, "/h: no such file or directory",
		},
		{
			failure(p, 7, nsenter.PartUID, unix.EINVAL, ""),
			fault.Details{Code: fault.ProcessFailed, Step: "identity", Field: "/process/user", Errno: "EINVAL", Hint: "it isn't mapped into the user namespace"}, "set uid 7",
		},
	} {
		err := s.Step(c.f)
		if got := fault.DetailsOf(err); got != c.want {
			t.Errorf("details of %v: %+v, want %+v", err, got, c.want)
		}
		if !strings.Contains(err.Error(), c.text) {
			t.Errorf("explain(%+v) = %v, want %q in it", c.f, err, c.text)
		}
	}
}

// A file that belongs to an unmapped id is found in the rootfs, and behind a bind
// mount.
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
	p.Add(place.At("/mounts/0").Named("/mnt"), plan.Bind{Source: source, Target: "/mnt"})
	p.Add(place.Place{}, plan.Pivot{})
	s := Setup{Plan: p, Rootfs: root, Linux: &specs.Linux{UIDMappings: []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}}}
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
	s.Linux = &specs.Linux{}
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
