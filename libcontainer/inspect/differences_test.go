package inspect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// asAsked returns a config, and the facts of a container that is as it says.
func asAsked() (*specs.Spec, *Facts) {
	spec := config.Example(false, 0, 0, true)
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 2}}
	adj := 3
	spec.Process.OOMScoreAdj = &adj
	caps := spec.Process.Capabilities
	f := &Facts{
		Init: &Process{
			NoNewPrivileges: spec.Process.NoNewPrivileges, Seccomp: "disabled", OOMScoreAdj: adj,
			Capabilities: Capabilities{Bounding: caps.Bounding, Effective: caps.Effective, Permitted: caps.Permitted},
		},
		Rlimits: []Rlimit{{"RLIMIT_NOFILE", 1, 2}},
		Host:    host.Any(),
		Sysctls: map[string]Sysctl{HostnameKey: {Value: spec.Hostname}},
		Resolve: func(p string) string { return p },
		Exists:  func(string) bool { return true },
	}
	for _, kind := range []string{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"} {
		isCreated := false
		for _, n := range spec.Linux.Namespaces {
			isCreated = isCreated || string(n.Type) == kind
		}
		f.Namespaces = append(f.Namespaces, Namespace{Type: kind, Inode: 1, Runtime: !isCreated})
	}
	f.Mounts = []Mount{{ID: 1, Path: "/", Options: []string{"ro"}}}
	add := func(path, kind string, options []string) {
		f.Mounts = append(f.Mounts, Mount{ID: len(f.Mounts) + 1, Parent: 1, Path: path, Type: kind, Options: options})
	}
	for _, m := range spec.Mounts {
		add(m.Destination, m.Type, m.Options)
	}
	for _, p := range append(spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths...) {
		add(p, "tmpfs", []string{"ro"})
	}
	return spec, f
}

func found(spec *specs.Spec, f *Facts) []string {
	var list []string
	for _, d := range Compare(spec, f).Differences {
		list = append(list, d.Place.String()+": "+d.Config+" -> "+d.Actual)
	}
	return list
}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*specs.Spec, *Facts)
		want   []string
	}{
		"nothing": {func(*specs.Spec, *Facts) {}, nil},
		"user":    {func(_ *specs.Spec, f *Facts) { f.Init.UID = 5 }, []string{"process.user.uid: 0 -> 5"}},
		"capabilities": {func(_ *specs.Spec, f *Facts) { f.Init.Capabilities.Ambient = []string{"CAP_CHOWN", "CAP_50"} },
			[]string{"process.capabilities.ambient:  -> CAP_CHOWN, CAP_50"}},
		"fewer capabilities": {func(_ *specs.Spec, f *Facts) { f.Init.Capabilities.Effective = nil },
			[]string{"process.capabilities.effective: CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE -> "}},
		"privileges":        {func(_ *specs.Spec, f *Facts) { f.Init.NoNewPrivileges = false }, []string{"process.noNewPrivileges: true -> false"}},
		"filter of its own": {func(_ *specs.Spec, f *Facts) { f.Init.SeccompFilters = 1 }, []string{"linux.seccomp: 0 filters -> 1 filter"}},
		"filter not active": {func(s *specs.Spec, _ *Facts) { s.Linux.Seccomp = &specs.LinuxSeccomp{} }, []string{"linux.seccomp: 1 filter -> 0 filters"}},
		"inherited filter":  {func(_ *specs.Spec, f *Facts) { f.Init.SeccompFilters, f.SeccompFilters = 1, 1 }, nil},
		"AppArmor":          {func(s *specs.Spec, f *Facts) { s.Process.ApparmorProfile, f.Init.Label = "web", "web (enforce)" }, nil},
		"another profile":   {func(s *specs.Spec, _ *Facts) { s.Process.ApparmorProfile = "web" }, []string{"process.apparmorProfile: web -> "}},
		"scheduling":        {func(s *specs.Spec, _ *Facts) { s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedOther} }, nil},
		"another nice": {func(s *specs.Spec, _ *Facts) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedOther, Nice: 2}
		}, []string{"process.scheduler.nice: 2 -> 0"}},
		"rlimit":              {func(_ *specs.Spec, f *Facts) { f.Rlimits[0].Hard = 9 }, []string{"process.rlimits[0] RLIMIT_NOFILE: 2 -> 9"}},
		"not started":         {func(_ *specs.Spec, f *Facts) { f.Init = nil }, nil},
		"namespace":           {func(_ *specs.Spec, f *Facts) { f.Namespaces[1].Runtime = true }, []string{"linux.namespaces[2] ipc: a new namespace -> that of the runtime"}},
		"left a namespace":    {func(_ *specs.Spec, f *Facts) { f.Namespaces[5].Runtime = false }, []string{"linux.namespaces: the time namespace of the runtime -> another one"}},
		"runtime of others":   {func(_ *specs.Spec, f *Facts) { f.Namespaces[5].Runtime, f.Namespaces[6].Runtime = false, false }, nil},
		"hostname":            {func(_ *specs.Spec, f *Facts) { f.Sysctls[HostnameKey] = Sysctl{Value: "x"} }, []string{"hostname: runnel -> x"}},
		"unreadable hostname": {func(_ *specs.Spec, f *Facts) { f.Sysctls[HostnameKey] = Sysctl{Problem: "x"} }, nil},
		"writable root":       {func(_ *specs.Spec, f *Facts) { f.Mounts[0].Options = []string{"rw"} }, []string{"root.readonly: true -> false"}},
		"another type":        {func(_ *specs.Spec, f *Facts) { f.Mounts[1].Type = "tmpfs" }, []string{"mounts[0] /proc: proc -> tmpfs"}},
		"mounted over": {func(_ *specs.Spec, f *Facts) {
			f.Mounts = append(f.Mounts, Mount{ID: 99, Parent: 3, Path: "/dev", Type: "tmpfs", Options: []string{"nosuid", "strictatime"}})
		}, []string{"mounts:  -> tmpfs on /dev"}},
	} {
		spec, f := asAsked()
		c.change(spec, f)
		if diff := cmp.Diff(c.want, found(spec, f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCompareBoundsWhatTheContainerHasMounted(t *testing.T) {
	spec, f := asAsked()
	for i := range 1000 {
		f.Mounts = append(f.Mounts, Mount{ID: 1000 + i, Parent: 1, Path: "/mnt", Type: "tmpfs"})
	}
	list := found(spec, f)
	if len(list) != longestAdded+1 || list[longestAdded] != "mounts:  -> 900 more mounts" {
		t.Errorf("%d differences, the last is %q", len(list), list[len(list)-1])
	}
}

func TestExecuted(t *testing.T) {
	const a, b, c = 1, 2, 4
	for _, test := range []struct {
		before, want          config.Capabilities
		isRoot, noNewPrivileg bool
	}{
		{config.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, config.Capabilities{Bounding: a | b, Permitted: a | b, Effective: a | b}, true, false},
		{config.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, config.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, true, true},
		{config.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, config.Capabilities{Bounding: a | b}, false, false},
		{
			config.Capabilities{Bounding: a, Permitted: a | c, Effective: a, Inheritable: a, Ambient: a},
			config.Capabilities{Bounding: a, Permitted: a, Effective: a, Inheritable: a, Ambient: a}, false, true,
		},
	} {
		if got := executed(test.before, test.isRoot, test.noNewPrivileg); got != test.want {
			t.Errorf("executed(%+v, %t, %t) = %+v, want %+v", test.before, test.isRoot, test.noNewPrivileg, got, test.want)
		}
	}
}

func TestIsSameSysctl(t *testing.T) {
	for _, c := range []struct {
		wanted, actual string
		want           bool
	}{{"0 5", "0\t5", true}, {"0x10", "16", true}, {"1", "2", false}, {"a", "a", true}, {"1 2", "1", false}} {
		if got := isSameSysctl(c.wanted, c.actual); got != c.want {
			t.Errorf("isSameSysctl(%q, %q) = %t", c.wanted, c.actual, got)
		}
	}
}
