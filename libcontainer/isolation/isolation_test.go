package isolation

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/config"
)

// TestExamine changes one thing of an ordinary config, and expects what is reported of it.
func TestExamine(t *testing.T) {
	one := int64(1)
	for name, c := range map[string]struct {
		change func(*specs.Spec)
		// want is the beginning of a line: level, aspect, pointer and text.
		want string
	}{
		"nothing changed":     {func(*specs.Spec) {}, "medium user /linux/namespaces the process is root of the host"},
		"pid":                 {without(specs.PIDNamespace), "medium pid /linux/namespaces shares the host's pid namespace"},
		"pid, ptrace":         {all(without(specs.PIDNamespace), capability("CAP_SYS_PTRACE")), "high pid /linux/namespaces shares"},
		"pid of pid 1":        {joins(specs.PIDNamespace, "/proc/1/ns/pid"), "medium pid /linux/namespaces/0/path shares the host's pid namespace"},
		"pid of a pod":        {joins(specs.PIDNamespace, "/proc/77/ns/pid"), "low pid /linux/namespaces/0/path joins the pid namespace /proc/77/ns/pid"},
		"network":             {without(specs.NetworkNamespace), "medium network /linux/namespaces shares"},
		"ipc":                 {without(specs.IPCNamespace), "medium ipc /linux/namespaces shares"},
		"uts":                 {without(specs.UTSNamespace), "low uts /linux/namespaces shares"},
		"mount":               {without(specs.MountNamespace), "high mount /linux/namespaces shares"},
		"user":                {userNamespace(100000), "isolated user /linux/namespaces root of the container is an ordinary user"},
		"user, but root":      {userNamespace(0), "medium user /linux/uidMappings/0 uid 0 of the container is root of the host"},
		"an ordinary user":    {ordinaryUser, "low user /linux/namespaces the process is user 1000 of the host"},
		"SYS_ADMIN":           {capability("CAP_SYS_ADMIN"), "high capabilities /process/capabilities CAP_SYS_ADMIN"},
		"SYS_ADMIN of a user": {all(capability("CAP_SYS_ADMIN"), userNamespace(100000)), "low capabilities /process/capabilities CAP_SYS_ADMIN"},
		"NET_ADMIN":           {capability("CAP_NET_ADMIN"), "low capabilities /process/capabilities CAP_NET_ADMIN"},
		"NET_ADMIN, network":  {all(capability("CAP_NET_ADMIN"), without(specs.NetworkNamespace)), "high capabilities /process/capabilities CAP_NET_ADMIN"},
		"privileges":          {func(s *specs.Spec) { s.Process.NoNewPrivileges = false }, "low privileges /process/noNewPrivileges"},
		"seccomp":             {seccomp(specs.ActErrno), "isolated seccomp /linux/seccomp"},
		"seccomp, permissive": {seccomp(specs.ActAllow), "low seccomp /linux/seccomp/defaultAction"},
		"AppArmor":            {func(s *specs.Spec) { s.Process.ApparmorProfile = "web" }, "isolated lsm /process/apparmorProfile"},
		"Landlock": {func(s *specs.Spec) {
			s.Annotations = map[string]string{"org.runnel.landlock.write": "/tmp"}
		}, "isolated lsm /annotations rules of Landlock for files"},
		"AppArmor, off":        {func(s *specs.Spec) { s.Process.ApparmorProfile = "unconfined" }, "low lsm /process/apparmorProfile"},
		"docker.sock":          {bind("/var/run/docker.sock", "ro"), "high mounts /mounts/0/source /var/run/docker.sock of the host"},
		"docker.sock, of user": {all(bind("/run/docker.sock"), userNamespace(100000)), "medium mounts /mounts/0/source /run/docker.sock"},
		"/run":                 {bind("/run/", "ro"), "high mounts /mounts/0/source /run of the host"},
		"/":                    {bind("/"), "high mounts /mounts/0/source / of the host, writable"},
		"/, read-only":         {bind("/", "ro"), "medium mounts /mounts/0/source / of the host, read-only"},
		"/etc/cron.d":          {bind("/etc/cron.d"), "high mounts /mounts/0/source /etc/cron.d of the host, writable"},
		"a volume":             {bind("/srv/data"), "isolated mounts /mounts no sockets"},
		"a shared volume":      {bind("/srv/data", "rshared"), "medium mounts /mounts/0/options /srv/data of the host with shared"},
		"shared root":          {func(s *specs.Spec) { s.Linux.RootfsPropagation = "rshared" }, "medium mounts /linux/rootfsPropagation"},
		"sysfs":                {mount("sysfs", "/sys2"), "high mounts /mounts/0/options /sys2 is a writable sysfs"},
		"sysfs, read-only":     {mount("sysfs", "/sys2", "ro"), "isolated mounts /mounts no sockets"},
		"sysfs, later ro":      {all(mount("none", "/sys2", "remount", "ro"), mount("sysfs", "/sys2")), "isolated mounts /mounts no sockets"},
		"cgroups":              {mount("cgroup", "/cg"), "low mounts /mounts/0/options /cg are writable cgroups"},
		"cgroups, SYS_ADMIN":   {all(mount("cgroup", "/cg"), capability("CAP_SYS_ADMIN")), "high mounts /mounts/0/options /cg are writable cgroups"},
		"debugfs":              {mount("debugfs", "/debug"), "high mounts /mounts/0/type /debug is a writable debugfs"},
		"proc":                 {func(s *specs.Spec) { s.Linux.ReadonlyPaths = nil }, "high mounts /linux/readonlyPaths /proc/sys is writable"},
		"proc, above":          {func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/proc/"} }, "isolated mounts /linux/readonlyPaths"},
		"kcore":                {func(s *specs.Spec) { s.Linux.MaskedPaths = nil }, "low mounts /linux/maskedPaths /proc/kcore is visible"},
		"a disk":               {device("b", 8, 0), "high devices /linux/devices/0 /dev/x is a block device"},
		"memory":               {device("c", 1, 1), "high devices /linux/devices/0 /dev/x is the machine's memory"},
		"a harmless device":    {device("c", 10, 200), "isolated devices /linux/resources/devices"},
		"all devices":          {devices(specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}), "medium devices /linux/resources/devices/1 all devices"},
		"all devices, MKNOD":   {all(devices(specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}), capability("CAP_MKNOD")), "high devices /linux/resources/devices/1"},
		"all nodes":            {devices(specs.LinuxDeviceCgroup{Allow: true, Type: "b", Access: "m"}), "isolated devices /linux/resources/devices"},
		"one device":           {devices(specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: &one, Access: "rw"}), "isolated devices /linux/resources/devices"},
		"limits":               {func(s *specs.Spec) { s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &one} }, "isolated resources /linux/resources/pids"},
		"no limits":            {func(s *specs.Spec) { s.Linux.Resources = nil }, "low resources /linux/resources/memory"},
	} {
		spec := config.Example(false, 0, 0, true)
		c.change(spec)
		var lines []string
		for _, f := range Examine(spec) {
			lines = append(lines, strings.Join([]string{f.Level.String(), f.Aspect, f.Place.Pointer, f.Text}, " "))
			if (f.Level == Isolated) != (f.Consequence == "") {
				t.Errorf("%s: the consequence of %q is %q", name, f.Text, f.Consequence)
			}
		}
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, c.want) }) {
			t.Errorf("%s: nothing begins with %q:\n%s", name, c.want, strings.Join(lines, "\n"))
		}
	}
}

// TestExamineNothing has a config with nothing in it.
func TestExamineNothing(t *testing.T) {
	if got := Examine(&specs.Spec{}); len(got) == 0 || got[0].Level != High {
		t.Errorf("Examine of an empty config = %v", got)
	}
}

func all(changes ...func(*specs.Spec)) func(*specs.Spec) {
	return func(s *specs.Spec) {
		for _, change := range changes {
			change(s)
		}
	}
}

func without(name specs.LinuxNamespaceType) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == name })
	}
}

func joins(name specs.LinuxNamespaceType, path string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		for i := range s.Linux.Namespaces {
			if s.Linux.Namespaces[i].Type == name {
				s.Linux.Namespaces[i].Path = path
			}
		}
	}
}

func userNamespace(hostID uint32) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: hostID, Size: 65536}}
	}
}

func ordinaryUser(s *specs.Spec) {
	s.Process.User.UID, s.Process.Capabilities = 1000, nil
}

func capability(name string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, name) }
}

func seccomp(action specs.LinuxSeccompAction) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: action} }
}

func bind(source string, options ...string) func(*specs.Spec) {
	return mountOf(specs.Mount{Destination: "/x", Type: "bind", Source: source, Options: append(options, "rbind")})
}

func mount(kind, target string, options ...string) func(*specs.Spec) {
	return mountOf(specs.Mount{Destination: target, Type: kind, Source: kind, Options: options})
}

// mountOf puts a mount before the others.
func mountOf(m specs.Mount) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Mounts = slices.Insert(s.Mounts, 0, m) }
}

func device(kind string, major, minor int64) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/dev/x", Type: kind, Major: major, Minor: minor})
	}
}

func devices(rule specs.LinuxDeviceCgroup) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.Resources.Devices = append(s.Linux.Resources.Devices, rule) }
}
