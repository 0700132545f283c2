package specconv

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/internal/golden"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
	"github.com/runnel/runnel/specconv/words"
)

var v1Hierarchies = []CgroupHierarchy{
	{Name: "cpu,cpuacct", Options: []string{"cpu", "cpuacct"}, Dir: "/sys/fs/cgroup/cpu,cpuacct/c"},
	{Name: "systemd", Options: []string{"none", "name=systemd"}, Dir: "/sys/fs/cgroup/systemd/c"},
	{Name: "unified", Dir: "/sys/fs/cgroup/unified/c"},
}

type planCase struct {
	name  string
	spec  *specs.Spec
	host  *host.Host
	input Input
}

func planCases() []planCase {
	pod := configtest.WithNamespaces(configtest.Bare(),
		specs.LinuxNamespace{Type: specs.PIDNamespace},
		specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: "/proc/7/ns/net"},
		specs.LinuxNamespace{Type: specs.IPCNamespace, Path: "/proc/7/ns/ipc"},
		specs.LinuxNamespace{Type: specs.UTSNamespace, Path: "/proc/7/ns/uts"},
		specs.LinuxNamespace{Type: specs.MountNamespace})
	pod.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
	own := configtest.Root(mode.V2)
	own.Own = unix.CLONE_NEWNET
	ownPod := configtest.WithNamespaces(configtest.Bare(), pod.Linux.Namespaces...)
	sharedPID := configtest.WithNamespaces(configtest.Bare(),
		specs.LinuxNamespace{Type: specs.PIDNamespace, Path: "/proc/7/ns/pid"}, specs.LinuxNamespace{Type: specs.MountNamespace})
	sharedPID.Mounts = []specs.Mount{{Destination: "/proc", Type: "proc"}}
	sharedPID.Process.User.UID = 1000
	sharedPID.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 7, Hard: 9}}
	newKernel := configtest.Root(mode.V2)
	newKernel.Kernel = host.Kernel{Major: 6, Minor: 18}
	newKernel.HardLimits = map[int]uint64{unix.RLIMIT_NPROC: 8}
	everyNamespace := func() *specs.Spec {
		s := configtest.WithNamespaces(configtest.Bare())
		for _, t := range words.NamespaceTypes {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t.Name, Path: "/run/ns/" + t.File})
		}
		return s
	}
	shared := configtest.Root(mode.V2)
	shared.RootMount = "/mnt"
	landlocked := configtest.Root(mode.V2)
	landlocked.Landlock = words.LandlockPortsABI
	return []planCase{
		{name: "default-v1", spec: config.Example(false, 0, 0, false), host: configtest.Root(mode.V1), input: Input{Cgroups: v1Hierarchies}},
		{name: "default-v2", spec: config.Example(false, 0, 0, true), host: configtest.Root(mode.V2), input: Input{
			InCgroup: true, StartSocket: true, Cgroups: []CgroupHierarchy{{Dir: "/sys/fs/cgroup/c"}},
		}},
		{name: "default-rootless", spec: config.Example(true, 1000, 1000, true), host: configtest.User()},
		{name: "user", spec: configtest.Mapped(userConfig()), host: configtest.Root(mode.V2), input: Input{
			Mounts: []specs.Mount{{Destination: "/run/notify", Source: "/run/runnel/c/notify", Type: "bind", Options: []string{"bind", "ro"}}},
			Env:    []string{"NOTIFY_SOCKET=/run/notify/notify.sock"},
		}},
		{name: "pod", spec: pod, host: configtest.Root(mode.V2)},
		{name: "shared-pid-namespace", spec: sharedPID, host: newKernel, input: Input{Seccomp: allowing, StartSocket: true}},
		{name: "pod-host-network", spec: ownPod, host: own},
		{name: "join-all", spec: everyNamespace(), host: configtest.Root(mode.V2)},
		{name: "join-all-rootless", spec: everyNamespace(), host: configtest.User()},
		{name: "time", spec: timeConfig(), host: configtest.Root(mode.V2)},
		{name: "cgroup-namespace-v1", spec: cgroupConfig(specs.CgroupNamespace), host: configtest.Root(mode.Hybrid), input: Input{Cgroups: v1Hierarchies}},
		{name: "cgroup-shared-v1", spec: configtest.Mapped(cgroupConfig()), host: configtest.Root(mode.V1), input: Input{Cgroups: []CgroupHierarchy{
			{Name: "pids", Options: []string{"pids"}, Dir: "/sys/fs/cgroup/pids/user/c"},
			{Name: "memory", Options: []string{"memory"}, Dir: "/sys/fs/cgroup/memory/user", Shared: true},
		}}},
		{name: "cgroup-host-namespace-v2", spec: cgroupConfig(), host: configtest.Root(mode.V2)},
		{name: "cgroup-host-namespace-v2-user", spec: configtest.Mapped(cgroupConfig()), host: configtest.Root(mode.V2)},
		{name: "mounts", spec: mountsConfig(), host: configtest.Root(mode.V2)},
		{name: "mounts-idmapped", spec: idmappedConfig(), host: configtest.Root(mode.V2)},
		{name: "mounts-labelled", spec: configtest.Changed(config.Example(false, 0, 0, true), func(s *specs.Spec) { s.Linux.MountLabel = "a:b:c:d" }), host: configtest.Root(mode.V2)},
		{name: "devices", spec: devicesConfig(), host: configtest.Root(mode.V2)},
		{name: "devices-user", spec: configtest.Mapped(devicesConfig()), host: configtest.Root(mode.V2)},
		{name: "process", spec: processConfig(), host: configtest.Root(mode.V2), input: Input{
			PreserveFDs: 2, ListenFDs: 1, Seccomp: &Seccomp{Filter: make([]byte, 80), Flags: 4, Notify: true},
		}},
		{name: "filter", spec: configtest.Bare(), host: configtest.Root(mode.V2), input: Input{Seccomp: allowing, StartSocket: true}},
		{name: "landlock", spec: landlockConfig(true), host: landlocked, input: Input{Seccomp: allowing, StartSocket: true}},
		{name: "landlock-privileged", spec: landlockConfig(false), host: landlocked},
		{name: "no-process", spec: configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Process = nil }), host: configtest.Root(mode.V2)},
		{name: "hooks", spec: hooksConfig(), host: configtest.Root(mode.V2)},
		{name: "propagation-shared", spec: configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Linux.RootfsPropagation = "shared" }), host: shared},
		{name: "propagation-unbindable", spec: configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Linux.RootfsPropagation = "unbindable" }), host: configtest.Root(mode.V2)},
		{name: "no-mount-namespace", spec: configtest.Changed(mountsConfig(), func(s *specs.Spec) { s.Linux.Namespaces = nil; s.Hostname, s.Domainname = "", "" }), host: configtest.Root(mode.V2)},
		{name: "no-pivot", spec: configtest.Bare(), host: configtest.Root(mode.V2), input: Input{NoPivot: true, NoNewKeyring: true}},
	}
}

// landlockConfig has annotations of Landlock.
func landlockConfig(noNewPrivileges bool) *specs.Spec {
	return configtest.Changed(configtest.Bare(), func(s *specs.Spec) {
		s.Process.NoNewPrivileges = noNewPrivileges
		s.Annotations = map[string]string{
			words.LandlockPrefix + words.LandlockExecute: "/bin,-/opt", words.LandlockPrefix + words.LandlockRead: "/",
			words.LandlockPrefix + words.LandlockBindTCP: "80,443", words.LandlockPrefix + words.LandlockScope: "signal",
			words.LandlockPrefix + words.LandlockBestEffort: "true",
		}
	})
}

func userConfig() *specs.Spec {
	s := config.Example(false, 0, 0, true)
	s.Process.User = specs.User{UID: 33, GID: 33, AdditionalGids: []uint32{4, 5}}
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: "/data", Source: "data", Options: []string{"rbind", "rw"}},
		specs.Mount{Destination: "/both", Source: "/both", Options: []string{"bind", "shared"}},
		specs.Mount{Destination: "/own", Source: "/own", Options: []string{"rbind", "rprivate"}})
	return s
}

func timeConfig() *specs.Spec {
	s := configtest.Bare()
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 7}}
	return s
}

func cgroupConfig(more ...specs.LinuxNamespaceType) *specs.Spec {
	s := configtest.Bare()
	s.Linux.Namespaces = append(s.Linux.Namespaces, configtest.Created(more...)...)
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", "nsdelegate"}})
	return s
}

func mountsConfig() *specs.Spec {
	s := configtest.Bare()
	s.Mounts = []specs.Mount{
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro", "mode=755"}},
		{Destination: "tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup", "ro", "noatime", "slave"}},
		{Destination: "/disk", Type: "ext4", Source: "/dev/sda1", Options: []string{"ro", "sync", "lazytime", "nolazytime", "data=ordered"}},
		{Destination: "/over", Type: "overlay", Source: "overlay", Options: []string{"ro", "rw", "lowerdir=/a:/b"}},
		{Destination: "/keep", Source: "/src", Options: []string{"rbind", "rslave", "rprivate"}},
		{Destination: "/flags", Source: "/src", Options: []string{"bind", "ro", "noatime", "strictatime", "suid", "nosymfollow"}},
		{Destination: "/rec", Source: "/src", Options: []string{"rbind", "rro", "rnoatime", "rnosuid", "rsuid"}},
		{Destination: "/typed", Type: "rbind", Source: "/src", Options: []string{"rw"}},
		{Destination: "/proc", Source: "/proc", Options: []string{"rbind"}},
		{Destination: "/proc/cpuinfo", Source: "/lxcfs/cpuinfo", Options: []string{"bind"}},
		{Destination: "/flags", Options: []string{"remount", "rw", "private", "unbindable"}},
	}
	return s
}

func idmappedConfig() *specs.Spec {
	s := configtest.Bare()
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 5000, Size: 10}}
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: "/old", Source: "/src", Options: []string{"bind"}, UIDMappings: ids, GIDMappings: ids},
		specs.Mount{Destination: "/rec", Source: "/src", Options: []string{"rbind", "ridmap", "ro", "rprivate"}, UIDMappings: ids, GIDMappings: ids})
	return s
}

func devicesConfig() *specs.Spec {
	s := configtest.Bare()
	s.Mounts = nil
	s.Linux.Devices = []specs.LinuxDevice{
		{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: configtest.Pointer(os.FileMode(0o660)), UID: configtest.Pointer(uint32(1)), GID: configtest.Pointer(uint32(2))},
		{Path: "/dev/null", Type: "u", Major: 1, Minor: 3},
		{Path: "/srv/pipe", Type: "p"},
		{Path: "/disk", Type: "b", Major: 8},
	}
	return s
}

func processConfig() *specs.Spec {
	s := configtest.Bare()
	caps := []string{"CAP_CHOWN", "CAP_NO_SUCH"}
	s.Process = &specs.Process{
		Terminal: true, ConsoleSize: &specs.Box{Height: 25, Width: 80},
		User: specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{9}, Umask: configtest.Pointer(uint32(0o77))},
		Args: []string{"sleep", "1"}, Env: []string{"A=1", "B=2", "A=3", "PATH=/x::/y"}, Cwd: "/home//me",
		Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps, Inheritable: caps, Ambient: caps},
		Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 512}, {Type: "RLIMIT_CORE"}},
		OOMScoreAdj:  configtest.Pointer(-5), ApparmorProfile: "web", SelinuxLabel: "u:r:t:s0",
		Scheduler:  &specs.Scheduler{Policy: specs.SchedFIFO, Priority: 3, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}},
		IOPriority: &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 3},
	}
	s.Root.Readonly = true
	s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0,2-3", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}
	s.Linux.Namespaces = append(s.Linux.Namespaces, configtest.Created(specs.NetworkNamespace, specs.IPCNamespace)...)
	s.Linux.Sysctl = map[string]string{"net.ipv4.conf.eth0/1.forwarding": "1", "kernel/msgmax": "10", "fs.mqueue.msg_max": "5"}
	s.Linux.MaskedPaths = []string{"/proc/kcore"}
	s.Linux.ReadonlyPaths = []string{"/proc/sys/"}
	return s
}

func hooksConfig() *specs.Spec {
	s := configtest.Bare()
	hook := []specs.Hook{{Path: "/bin/hook"}, {Path: "/bin/hook", Args: []string{"hook", "x"}, Env: []string{"E=1"}, Timeout: configtest.Pointer(3)}}
	s.Hooks = &specs.Hooks{CreateRuntime: hook, CreateContainer: hook, StartContainer: hook, Poststart: hook, Poststop: hook}
	return s
}

func checkGolden(t *testing.T, name string, p *plan.Plan) {
	t.Helper()
	encoded, err := p.Encode(5, 4)
	if err != nil {
		t.Errorf("Encode: %v", err)
	}
	// What tests/fuzz begins with.
	if dir := os.Getenv("PLAN_SEEDS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".seed"), encoded, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got bytes.Buffer
	if err := p.Print(&got); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, name+".plan", got.String())
}

func TestCreate(t *testing.T) {
	for _, tt := range planCases() {
		t.Run(tt.name, func(t *testing.T) {
			if err := config.FirstError(config.Validate(tt.spec, tt.host)); err != nil {
				t.Fatalf("Validate: %v", err)
			}
			in := tt.input
			in.Spec, in.Host = tt.spec, tt.host
			in.Bundle, in.Rootfs = "/bundle", "/bundle/rootfs"
			p, err := Create(in)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, tt.name, p)
			checkPlaces(t, tt.spec, p)
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	shared := configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Linux.RootfsPropagation = "rshared" })
	tests := []struct {
		in   Input
		want string
	}{
		{Input{Spec: configtest.Bare(), Rootfs: "rootfs"}, `invalid rootfs: not an absolute path: "rootfs"`},
		{Input{Spec: configtest.Bare(), Rootfs: "/"}, `invalid rootfs: it is the host's root`},
		{Input{Spec: shared, Rootfs: "/r", NoPivot: true}, `linux.rootfsPropagation: shared is not supported with --no-pivot`},
	}
	for _, tt := range tests {
		tt.in.Host = configtest.Root(mode.V2)
		if _, err := Create(tt.in); err == nil || err.Error() != tt.want {
			t.Errorf("Create(rootfs %q) = %v, want %s", tt.in.Rootfs, err, tt.want)
		}
	}
	if _, err := Exec(ExecInput{Spec: configtest.Bare(), Host: configtest.Root(mode.V2)}); err == nil {
		t.Error("Exec without a process returns no error")
	}
}
