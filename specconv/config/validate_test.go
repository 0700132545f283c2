package config

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
	"github.com/runnel/runnel/specconv/words"
)

type validateCase struct {
	name   string
	host   func(h *host.Host)
	change func(s *specs.Spec)
	want   []string // "pointer | severity | place: text"
}

func joined(t specs.LinuxNamespaceType) specs.LinuxNamespace {
	return specs.LinuxNamespace{Type: t, Path: "/run/ns"}
}

func rootless(h *host.Host) { h.EUID, h.EGID = 1000, 1000 }

func namespace(list ...specs.LinuxNamespace) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.Namespaces = append(s.Linux.Namespaces, list...) }
}

func mount(m specs.Mount) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Mounts = []specs.Mount{m} }
}

// landlock sets annotations of Landlock, names and values in turn.
func landlock(pairs ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Annotations = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			s.Annotations[words.LandlockPrefix+pairs[i]] = pairs[i+1]
		}
	}
}

func landlockABI(version int) func(*host.Host) {
	return func(h *host.Host) { h.Landlock = version }
}

func sysctl(key string, types ...specs.LinuxNamespaceType) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Sysctl = map[string]string{key: "1"}
		s.Linux.Namespaces = append(s.Linux.Namespaces, configtest.Created(types...)...)
	}
}

func process(change func(p *specs.Process)) func(*specs.Spec) {
	return func(s *specs.Spec) { change(s.Process) }
}

func schedule(s specs.Scheduler) func(*specs.Spec) {
	return process(func(p *specs.Process) { p.Scheduler = &s })
}

func memory(m specs.LinuxMemoryPolicy) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.MemoryPolicy = &m }
}

var (
	resetOnFork = []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}

	someIDs = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}}

	rootCases = []validateCase{
		{name: "valid"},
		{name: "linux absent", change: func(s *specs.Spec) { s.Linux = nil },
			want: []string{"/linux/namespaces | warning | linux.namespaces: without a mount namespace of its own the container's mounts are the host's, and chroot(2) is what confines it"}},
		{name: "no mount namespace and masked paths", change: func(s *specs.Spec) { s.Linux.Namespaces = nil; s.Linux.MaskedPaths = []string{"/x"} },
			want: []string{"/linux/namespaces | error | linux.namespaces: unable to restrict sys entries without a private MNT namespace"}},
		{name: "a user but no mount namespace", change: func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}}
			s.Linux.UIDMappings, s.Linux.GIDMappings = someIDs, someIDs
		}, want: []string{"/linux/namespaces | error | linux.namespaces: containers without a mount namespace of their own are not supported in a user namespace"}},
		{name: "version absent", change: func(s *specs.Spec) { s.Version = "" },
			want: []string{"/ociVersion | error | ociVersion: ociVersion must not be empty"}},
		{name: "version no version", change: func(s *specs.Spec) { s.Version = "1.x" },
			want: []string{`/ociVersion | error | ociVersion: invalid version "1.x"`}},
		{name: "version too new", change: func(s *specs.Spec) { s.Version = "2.0.0" },
			want: []string{"/ociVersion | error | ociVersion: version 2.0.0 of the specification is not supported"}},
		{name: "version newer", change: func(s *specs.Spec) { s.Version = "1.99.0-dev+x" },
			want: []string{"/ociVersion | warning | ociVersion: version 1.99.0-dev+x is newer than " + specs.Version + ": what is new in it is ignored"}},
		{name: "root absent", change: func(s *specs.Spec) { s.Root = nil },
			want: []string{"/root | error | root: root property must not be empty"}},
		{name: "root path absent", change: func(s *specs.Spec) { s.Root.Path = "" },
			want: []string{"/root/path | error | root.path: root path must not be empty"}},
		{name: "mounts at the same place", change: func(s *specs.Spec) {
			s.Mounts = []specs.Mount{
				{Destination: "/a", Type: "tmpfs"}, {Destination: "a/", Type: "tmpfs"}, {Destination: "/a", Type: "tmpfs", Options: []string{"remount", "ro"}},
			}
		}, want: []string{
			"/mounts/1/destination | warning | mounts[1] a/: mount destination a/ is not absolute",
			"/mounts/1/destination | warning | mounts[1] a/: hides mounts[0], which has the same destination",
		}},
		{name: "hostname", change: func(s *specs.Spec) { s.Hostname = "h" },
			want: []string{"/hostname | error | hostname: unable to set hostname without a private UTS namespace"}},
		{name: "hostname in its own namespace", change: func(s *specs.Spec) { s.Hostname = "h"; namespace(joined(specs.UTSNamespace))(s) }},
		{name: "hostname in the host's namespace by path", host: func(h *host.Host) { h.Own = unix.CLONE_NEWUTS },
			change: func(s *specs.Spec) { s.Hostname = "h"; namespace(joined(specs.UTSNamespace))(s) },
			want:   []string{"/hostname | error | hostname: unable to set hostname without a private UTS namespace"}},
		{name: "domainname", change: func(s *specs.Spec) { s.Domainname = strings.Repeat("d", 65) },
			want: []string{
				"/domainname | error | domainname: unable to set domainname without a private UTS namespace",
				"/domainname | error | domainname: 65 bytes exceed the kernel's limit of 64",
			}},
		{name: "Landlock", change: landlock("write", "/tmp,-/x", "connect-tcp", "", "scope", "signal,abstract-unix-socket"), host: landlockABI(6)},
		{name: "Landlock with mistakes", change: landlock("write", "tmp", "bind-tcp", "-1", "scope", "sig", "best-effort", "x", "y", ""), host: landlockABI(6), want: []string{
			`/annotations/org.runnel.landlock.best-effort | error | annotations["org.runnel.landlock.best-effort"]: "x" is neither true nor false`,
			`/annotations/org.runnel.landlock.bind-tcp | error | annotations["org.runnel.landlock.bind-tcp"]: "-1" is not a TCP port (0 to 65535)`,
			`/annotations/org.runnel.landlock.scope | error | annotations["org.runnel.landlock.scope"]: unknown scope "sig"`,
			`/annotations/org.runnel.landlock.write | error | annotations["org.runnel.landlock.write"]: "tmp" is not an absolute path`,
			`/annotations/org.runnel.landlock.y | error | annotations["org.runnel.landlock.y"]: unknown annotation of Landlock: it would restrict nothing`,
		}},
		{name: "Landlock alone", change: landlock("best-effort", "true"), host: landlockABI(6), want: []string{
			`/annotations/org.runnel.landlock.best-effort | error | annotations["org.runnel.landlock.best-effort"]: the annotations of Landlock restrict nothing`}},
		{name: "no Landlock", change: landlock("read", "/"), want: []string{
			`/annotations/org.runnel.landlock.read | error | annotations["org.runnel.landlock.read"]: this kernel has no Landlock, and can't restrict files (ABI 3)`}},
		{name: "old Landlock", change: landlock("read", "/", "scope", "signal", "bind-tcp", "1"), host: landlockABI(3), want: []string{
			`/annotations/org.runnel.landlock.read | error | annotations["org.runnel.landlock.read"]: Landlock of this kernel has ABI 3, and can't restrict TCP ports (ABI 4), scopes (ABI 6)`}},
		{name: "as much of Landlock as there is", change: landlock("scope", "signal", "best-effort", "true"), host: landlockABI(5), want: []string{
			`/annotations/org.runnel.landlock.scope | warning | annotations["org.runnel.landlock.scope"]: Landlock of this kernel has ABI 5, and can't restrict scopes (ABI 6): they are not restricted`}},
		{name: "annotation", change: func(s *specs.Spec) { s.Annotations = map[string]string{"": "x"} },
			want: []string{"/annotations | error | annotations: the key of an annotation must not be empty"}},
		{name: "propagation", change: func(s *specs.Spec) { s.Linux.RootfsPropagation = "ro" },
			want: []string{"/linux/rootfsPropagation | error | linux.rootfsPropagation: rootfsPropagation=ro is not supported"}},
		{name: "hooks", change: func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{
				Poststart: []specs.Hook{{Path: "/x", Timeout: configtest.Pointer(1 << 40)}},
				Poststop:  []specs.Hook{{Path: "x", Timeout: configtest.Pointer(0)}},
			}
		}, want: []string{
			"/hooks/poststart/0/timeout | error | hooks.poststart[0].timeout: timeout of 1099511627776 seconds is longer than 2147483647",
			`/hooks/poststop/0/path | error | hooks.poststop[0].path: hook path "x" is not absolute`,
			"/hooks/poststop/0/timeout | error | hooks.poststop[0].timeout: timeout 0 is not greater than zero",
		}},
		{name: "paths", change: func(s *specs.Spec) {
			s.Linux.ReadonlyPaths, s.Linux.MaskedPaths = []string{"/a", "b"}, []string{"/.."}
		}, want: []string{
			`/linux/readonlyPaths/1 | error | linux.readonlyPaths[1]: path "b" is not absolute`,
			`/linux/maskedPaths/0 | error | linux.maskedPaths[0]: path "/.." is the container's root itself`,
		}},
		{name: "mount label", host: func(h *host.Host) { h.SELinux = false }, change: func(s *specs.Spec) { s.Linux.MountLabel = "a:b" },
			want: []string{"/linux/mountLabel | error | linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported"}},
		{name: "network devices", change: func(s *specs.Spec) {
			s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"eth/0": {Name: "a b"}}
		}, want: []string{
			"/linux/netDevices | error | linux.netDevices: unable to move network devices without a NET namespace",
			`/linux/netDevices/eth~10 | error | linux.netDevices["eth/0"]: invalid network device name "eth/0"`,
			`/linux/netDevices/eth~10/name | error | linux.netDevices["eth/0"].name: invalid network device name "a b"`,
		}},
		{name: "rdt", change: func(s *specs.Spec) { s.Linux.IntelRdt = &specs.LinuxIntelRdt{ClosID: "a/b"} }, want: []string{
			"/linux/intelRdt | error | linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled",
			`/linux/intelRdt/closID | error | linux.intelRdt.closID: invalid intelRdt.ClosID "a/b"`,
		}},
		{name: "rdt schemata", host: func(h *host.Host) { h.IntelRDT = true }, change: func(s *specs.Spec) {
			s.Linux.IntelRdt = &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f\nMB:0=1\nL3CODE:0=1", MemBwSchema: "L3:0=1", Schemata: []string{"L2:0=1", "a\nb"}}
		}, want: []string{
			`/linux/intelRdt/l3CacheSchema | warning | linux.intelRdt.l3CacheSchema: the line "MB:0=1" is ignored`,
			`/linux/intelRdt/l3CacheSchema | warning | linux.intelRdt.l3CacheSchema: "L3CODE:0=1" doesn't start with L3:`,
			`/linux/intelRdt/memBwSchema | error | linux.intelRdt.memBwSchema: "L3:0=1" is not one line that starts with MB:`,
			`/linux/intelRdt/schemata/1 | error | linux.intelRdt.schemata[1]: "a\nb" is more than one line`,
		}},
		{name: "block device without a weight", change: func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{{Weight: configtest.Pointer(uint16(10))}, {}}}}
		}, want: []string{
			`/linux/resources/blockIO/weightDevice/1 | error | linux.resources.blockIO.weightDevice[1]: neither weight nor leafWeight is given`,
		}},
		{name: "rdt default group", host: func(h *host.Host) { h.IntelRDT = true }, change: func(s *specs.Spec) { s.Linux.IntelRdt = &specs.LinuxIntelRdt{ClosID: "/"} }},
		{name: "personality", change: func(s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: "BSD", Flags: []specs.LinuxPersonalityFlag{"X"}}
		}, want: []string{
			`/linux/personality/domain | error | linux.personality.domain: invalid personality domain: "BSD"`,
			`/linux/personality/flags | error | linux.personality.flags: unsupported personality flags: ["X"]`,
		}},
		{name: "devices", change: func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "x", Type: "z"}, {Path: "/x", Type: "c", Major: -1}, {Path: "/p", Type: "p", Major: -1}}
		}, want: []string{
			`/linux/devices/0/path | error | linux.devices[0] x: device path "x" is not absolute`,
			`/linux/devices/0/type | error | linux.devices[0] x: unknown device type "z"`,
			`/linux/devices/1 | error | linux.devices[1] /x: invalid device number -1:0`,
		}},
	}

	namespaceCases = []validateCase{
		{name: "unknown", change: namespace(specs.LinuxNamespace{Type: "net"}),
			want: []string{`/linux/namespaces/2/type | error | linux.namespaces[2].type: unknown namespace type "net"`}},
		{name: "duplicate", change: namespace(joined(specs.PIDNamespace)),
			want: []string{`/linux/namespaces/2 | error | linux.namespaces[2]: malformed spec file: duplicated ns "pid"`}},
		{name: "relative", change: namespace(specs.LinuxNamespace{Type: specs.IPCNamespace, Path: "ns"}),
			want: []string{`/linux/namespaces/2/path | error | linux.namespaces[2].path: namespace path "ns" is not absolute`}},
		{name: "missing", host: func(h *host.Host) { h.Missing = unix.CLONE_NEWTIME }, change: namespace(configtest.Created(specs.TimeNamespace)...),
			want: []string{`/linux/namespaces/2 | error | linux.namespaces[2]: time namespaces aren't enabled in the kernel`}},
		{name: "user without mappings", change: namespace(configtest.Created(specs.UserNamespace)...),
			want: []string{"/linux/namespaces | error | linux.namespaces: user namespaces enabled, but no namespace path to join nor mappings to apply specified"}},
		{name: "joined user without mappings", change: namespace(joined(specs.UserNamespace))},
		{name: "mappings without user", change: func(s *specs.Spec) { s.Linux.UIDMappings = someIDs },
			want: []string{"/linux/namespaces | error | linux.namespaces: user namespace mappings specified, but user namespace isn't enabled in the config"}},
		{name: "rootless without user", host: rootless,
			want: []string{"/linux/namespaces | error | linux.namespaces: rootless container requires user namespaces"}},
		{name: "rootless without uids", host: rootless, change: namespace(configtest.Created(specs.UserNamespace)...),
			want: []string{"/linux/uidMappings | error | linux.uidMappings: rootless containers requires at least one UID mapping"}},
		{name: "rootless without gids", host: rootless, change: func(s *specs.Spec) {
			namespace(configtest.Created(specs.UserNamespace)...)(s)
			s.Linux.UIDMappings = someIDs
		}, want: []string{"/linux/gidMappings | error | linux.gidMappings: rootless containers requires at least one GID mapping"}},
		{name: "rootless groups", host: rootless, change: func(s *specs.Spec) {
			namespace(configtest.Created(specs.UserNamespace)...)(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = someIDs, someIDs
			s.Process.User.AdditionalGids = []uint32{0}
		}, want: []string{"/process/user/additionalGids | error | process.user.additionalGids: cannot set any additional groups in a rootless container"}},
		{name: "mappings", change: func(s *specs.Spec) {
			namespace(configtest.Created(specs.UserNamespace)...)(s)
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 5, Size: 10}, {ContainerID: 9, HostID: 50, Size: 1}, {ContainerID: 20, HostID: 1<<32 - 2, Size: 2}}
			s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 7}}
		}, want: []string{
			"/process/user/gid | error | process.user.gid: gid 0 is not mapped in linux.gidMappings",
			"/linux/uidMappings/1 | error | linux.uidMappings[1]: overlaps with mapping 0",
			"/linux/uidMappings/2 | error | linux.uidMappings[2]: maps ids beyond the last one, 4294967294",
			"/linux/gidMappings/0 | error | linux.gidMappings[0]: the size of a mapping must not be 0",
		}},
		{name: "offsets without time", change: func(s *specs.Spec) {
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"realtime": {Nanosecs: 1e9}}
		}, want: []string{
			"/linux/timeOffsets | error | linux.timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config",
			`/linux/timeOffsets/realtime | error | linux.timeOffsets.realtime: unknown clock "realtime"`,
			"/linux/timeOffsets/realtime/nanosecs | error | linux.timeOffsets.realtime.nanosecs: 1000000000 nanoseconds are a second or more",
		}},
		{name: "offsets for a joined time", change: func(s *specs.Spec) {
			namespace(joined(specs.TimeNamespace))(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {}}
		}, want: []string{
			"/linux/timeOffsets | error | linux.timeOffsets: time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
		}},
	}

	mountCases = []validateCase{
		{name: "empty", change: mount(specs.Mount{Type: "tmpfs"}),
			want: []string{"/mounts/0/destination | error | mounts[0].destination: mount destination is empty"}},
		{name: "root", change: mount(specs.Mount{Destination: "/a/..", Type: "tmpfs"}),
			want: []string{"/mounts/0/destination | error | mounts[0] /a/..: mount destination /a/.. is the container's root itself"}},
		{name: "relative", change: mount(specs.Mount{Destination: "tmp", Type: "tmpfs"}),
			want: []string{"/mounts/0/destination | warning | mounts[0] tmp: mount destination tmp is not absolute"}},
		{name: "over proc", change: mount(specs.Mount{Destination: "/x/../proc", Type: "tmpfs"}),
			want: []string{`/mounts/0/destination | error | mounts[0] /x/../proc: "/proc" cannot be mounted because it is not of type proc`}},
		{name: "inside proc", change: mount(specs.Mount{Destination: "/proc/self/attr", Type: "none", Source: "/x", Options: []string{"bind"}}),
			want: []string{`/mounts/0/destination | error | mounts[0] /proc/self/attr: "/proc/self/attr" cannot be mounted because it is inside /proc`}},
		{name: "allowed inside proc", change: mount(specs.Mount{Destination: "/proc/uptime", Source: "/x", Options: []string{"bind"}})},
		{name: "no type", change: mount(specs.Mount{Destination: "/x"}),
			want: []string{"/mounts/0/type | error | mounts[0] /x: mount without a file system type"}},
		{name: "bind source", change: mount(specs.Mount{Destination: "/x", Options: []string{"rbind"}}),
			want: []string{"/mounts/0/source | error | mounts[0] /x: bind mount without a source"}},
		{name: "bind data", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"rbind", "size=1", "subvol=1", "sync"}}),
			want: []string{
				`/mounts/0/options | warning | mounts[0] /x: option "size=1" has no effect on a bind mount`,
				`/mounts/0/options | error | mounts[0] /x: unknown option "subvol=1": bind mounts cannot have any filesystem-specific options applied`,
				`/mounts/0/options | warning | mounts[0] /x: option "sync" has no effect on a bind mount`,
			}},
		{name: "bind misspelled", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"rbind", "readonly", "nosiud"}}),
			want: []string{
				`/mounts/0/options | error | mounts[0] /x: unknown option "readonly": bind mounts cannot have any filesystem-specific options applied`,
				`/mounts/0/options | error | mounts[0] /x: unknown option "nosiud": bind mounts cannot have any filesystem-specific options applied`,
			}},
		{name: "options of crun", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"bind", "copy-symlink", "idmap=uids=0-1-10;gids=0-1-10"}}),
			want: []string{
				`/mounts/0/options | error | mounts[0] /x: option "copy-symlink" is not supported`,
				`/mounts/0/options | error | mounts[0] /x: option "idmap=uids=0-1-10;gids=0-1-10" is not supported`,
			}},
		{name: "options of crun for a file system", change: mount(specs.Mount{Destination: "/x", Type: "tmpfs", Options: []string{"rsync"}}),
			want: []string{`/mounts/0/options | error | mounts[0] /x: option "rsync" is not supported`}},
		{name: "bind and remount", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"bind", "remount", "ro"}}),
			want: []string{`/mounts/0/options | error | mounts[0] /x: a bind mount cannot be a remount`}},
		{name: "remount data", change: mount(specs.Mount{Destination: "/x", Options: []string{"remount", "ro", "size=1", "sync"}}),
			want: []string{`/mounts/0/options | error | mounts[0] /x: remounting with "sync,size=1" is not supported`}},
		{name: "cgroup data", change: mount(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Options: []string{"nsdelegate", "memory_recursiveprot", "cpu"}}),
			want: []string{`/mounts/0/options | warning | mounts[0] /sys/fs/cgroup: option "cpu" has no effect on a cgroup mount here`}},
		{name: "cgroup data in a namespace", change: func(s *specs.Spec) {
			namespace(configtest.Created(specs.CgroupNamespace)...)(s)
			mount(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Options: []string{"nsdelegate", "new"}})(s)
		}},
		{name: "copy-up", change: mount(specs.Mount{Destination: "/x", Type: "ext4", Options: []string{"tmpcopyup", "iversion"}}),
			want: []string{
				"/mounts/0/options | error | mounts[0] /x: tmpcopyup is for mounts of type tmpfs only",
				`/mounts/0/options | warning | mounts[0] /x: option "iversion" has no effect: the file system decides`,
			}},
		{name: "contradiction", change: mount(specs.Mount{Destination: "/x", Type: "tmpfs", Options: []string{"ro", "rrw"}}),
			want: []string{"/mounts/0/options | error | mounts[0] /x: options contradict each other"}},
		{name: "old kernel", host: func(h *host.Host) { h.Kernel = host.Kernel{Major: 5, Minor: 10} },
			change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"rbind", "rro", "idmap", "nosymfollow"}, UIDMappings: someIDs, GIDMappings: someIDs}),
			want: []string{
				"/mounts/0/options | error | mounts[0] /x: recursive mount options need Linux 5.12",
				"/mounts/0/options | error | mounts[0] /x: id-mapped mounts need Linux 5.12",
			}},
		{name: "idmap of tmpfs", change: mount(specs.Mount{Destination: "/x", Type: "tmpfs", UIDMappings: someIDs, GIDMappings: someIDs}),
			want: []string{"/mounts/0 | error | mounts[0] /x: id-mapped mounts are only supported for bind-mounts"}},
		{name: "idmap of half", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"bind"}, UIDMappings: someIDs}),
			want: []string{"/mounts/0 | error | mounts[0] /x: id-mapped mounts must have both uid and gid mappings specified"}},
		{name: "idmap of nothing", change: mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"bind", "idmap"}}),
			want: []string{"/mounts/0/options | error | mounts[0] /x: id-mapped mount without mappings"}},
		{name: "idmap rootless", host: rootless, change: func(s *specs.Spec) {
			configtest.Mapped(s)
			mount(specs.Mount{Destination: "/x", Source: "/y", Options: []string{"bind", "idmap"}})(s)
		}, want: []string{"/mounts/0 | error | mounts[0] /x: id-mapped mounts are not supported for rootless containers"}},
		{name: "unmapped owner", change: func(s *specs.Spec) {
			namespace(configtest.Created(specs.UserNamespace)...)(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = someIDs, someIDs
			mount(specs.Mount{Destination: "/x", Type: "devpts", Options: []string{"uid=0", "gid=5"}})(s)
		}, want: []string{"/mounts/0/options | error | mounts[0] /x: cannot specify gid=5 mount option for rootless container: gid 5 is not mapped"}},
	}

	sysctlCases = []validateCase{
		{name: "ipc", change: sysctl("kernel.msgmax"),
			want: []string{`/linux/sysctl/kernel.msgmax | error | linux.sysctl["kernel.msgmax"]: sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace`}},
		{name: "own ipc", change: sysctl("fs.mqueue.msg_max", specs.IPCNamespace)},
		{name: "net", change: sysctl("net.ipv4.ip_forward"),
			want: []string{`/linux/sysctl/net.ipv4.ip_forward | error | linux.sysctl["net.ipv4.ip_forward"]: sysctl "net.ipv4.ip_forward" not allowed in host network namespace`}},
		{name: "own net", change: sysctl("net/ipv4/ip_forward", specs.NetworkNamespace)},
		{name: "host net by path", host: func(h *host.Host) { h.Own = unix.CLONE_NEWNET }, change: func(s *specs.Spec) {
			namespace(joined(specs.NetworkNamespace))(s)
			sysctl("net.x")(s)
		}, want: []string{`/linux/sysctl/net.x | error | linux.sysctl["net.x"]: sysctl "net.x" not allowed in host network namespace`}},
		{name: "hostname", change: sysctl("kernel.hostname", specs.UTSNamespace),
			want: []string{`/linux/sysctl/kernel.hostname | error | linux.sysctl["kernel.hostname"]: sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field`}},
		{name: "domainname", change: sysctl("kernel.domainname", specs.UTSNamespace)},
		{name: "the same domainname", change: func(s *specs.Spec) { sysctl("kernel.domainname", specs.UTSNamespace)(s); s.Domainname = "1" }},
		{name: "another domainname", change: func(s *specs.Spec) { sysctl("kernel.domainname", specs.UTSNamespace)(s); s.Domainname = "2" }, want: []string{
			`/linux/sysctl/kernel.domainname | error | linux.sysctl["kernel.domainname"]: sysctl "kernel.domainname" is not allowed as it conflicts with the OCI "domainname" field`,
		}},
		{name: "ucounts", change: sysctl("user.max_net_namespaces"),
			want: []string{`/linux/sysctl/user.max_net_namespaces | error | linux.sysctl["user.max_net_namespaces"]: setting ucounts without a user namespace not allowed: user.max_net_namespaces`}},
		{name: "host", change: sysctl("vm/swappiness"),
			want: []string{`/linux/sysctl/vm~1swappiness | error | linux.sysctl["vm/swappiness"]: sysctl "vm/swappiness" is not in a separate kernel namespace`}},
		{name: "up and out", change: sysctl("net/../kernel/core_pattern", specs.NetworkNamespace),
			want: []string{`/linux/sysctl/net~1..~1kernel~1core_pattern | error | linux.sysctl["net/../kernel/core_pattern"]: invalid sysctl name "net/../kernel/core_pattern"`}},
	}

	processCases = []validateCase{
		{name: "empty", change: func(s *specs.Spec) { s.Process = &specs.Process{} }, want: []string{
			"/process/args | error | process.args: args must not be empty",
			"/process/cwd | error | process.cwd: Cwd property must not be empty",
		}},
		{name: "absent", change: func(s *specs.Spec) { s.Process = nil }},
		{name: "paths", change: process(func(p *specs.Process) { p.Args, p.Cwd = []string{""}, "x" }), want: []string{
			"/process/args/0 | error | process.args[0]: executable path is empty",
			"/process/cwd | error | process.cwd: Cwd must be an absolute path",
		}},
		{name: "env", change: process(func(p *specs.Process) { p.Env = []string{"A=", "B", "=C"} }), want: []string{
			"/process/env/1 | error | process.env[1]: invalid environment variable: missing '='",
			"/process/env/2 | error | process.env[2]: invalid environment variable: name cannot be empty",
		}},
		{name: "numbers", change: process(func(p *specs.Process) {
			p.Terminal, p.ConsoleSize = true, &specs.Box{Height: 1 << 16, Width: 1}
			p.OOMScoreAdj, p.User.Umask = configtest.Pointer(1001), configtest.Pointer(uint32(0o1000))
		}), want: []string{
			"/process/consoleSize | error | process.consoleSize: invalid terminal size 1x65536",
			"/process/oomScoreAdj | error | process.oomScoreAdj: 1001 is not in the range -1000 to 1000",
			"/process/user/umask | error | process.user.umask: umask 01000 is beyond 0777",
		}},
		{name: "what is for Windows", change: process(func(p *specs.Process) { p.CommandLine, p.User.Username = "sh", "bob" }), want: []string{
			"/process/commandLine | warning | process.commandLine: is for another platform and is ignored",
			"/process/user/username | warning | process.user.username: is for another platform and is ignored",
		}},
		{name: "default devices as they are", change: func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: configtest.Pointer(fs.FileMode(0o600))},
				{Path: "/dev/tty", Type: "u", Major: 5},
				{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 2},
				{Path: "/dev//tty", Type: "c", Major: 5},
				{Path: "/x", Type: "p"},
				{Path: "/x", Type: "p", Major: 7},
			}
		}},
		{name: "other devices in the place of given ones", change: func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/null", Type: "c", Major: 1, Minor: 5},
				{Path: "/dev/../dev/zero", Type: "b", Major: 1, Minor: 5},
				{Path: "/dev/tty", Type: "p"},
				{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 3},
				{Path: "/dev/x", Type: "c", Major: 5},
				{Path: "/dev/x", Type: "c", Major: 6},
			}
		}, want: []string{
			"/linux/devices/0 | error | linux.devices[0] /dev/null: /dev/null is the character device 1:3 in every container",
			"/linux/devices/1 | error | linux.devices[1] /dev/../dev/zero: /dev/zero is the character device 1:5 in every container",
			"/linux/devices/2 | error | linux.devices[2] /dev/tty: /dev/tty is the character device 5:0 in every container",
			"/linux/devices/3 | error | linux.devices[3] /dev/ptmx: /dev/ptmx is the character device 5:2 in every container",
			"/linux/devices/5 | error | linux.devices[5] /dev/x: linux.devices[4] is another device at the same path",
		}},
		{name: "ids that mean unchanged", change: func(s *specs.Spec) {
			s.Process.User = specs.User{UID: 1<<32 - 1, GID: 1<<32 - 1, AdditionalGids: []uint32{1, 1<<32 - 1}}
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/x", Type: "p", UID: configtest.Pointer(uint32(1<<32 - 1)), GID: configtest.Pointer(uint32(1<<32 - 1))}}
		}, want: []string{
			"/process/user/uid | error | process.user.uid: 4294967295 is not a uid: to the kernel it means no change",
			"/process/user/gid | error | process.user.gid: 4294967295 is not a gid: to the kernel it means no change",
			"/process/user/additionalGids/1 | error | process.user.additionalGids[1]: 4294967295 is not a gid: to the kernel it means no change",
			"/linux/devices/0/uid | error | linux.devices[0] /x: 4294967295 is not a uid: to the kernel it means no change",
			"/linux/devices/0/gid | error | linux.devices[0] /x: 4294967295 is not a gid: to the kernel it means no change",
		}},
		{name: "rlimits", change: process(func(p *specs.Process) {
			p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 2, Hard: 1}, {Type: "RLIMIT_NPROC"}, {Type: "RLIMIT_X"}}
		}), want: []string{
			"/process/rlimits/0 | error | process.rlimits[0]: RLIMIT_NPROC: the soft limit 2 is above the hard limit 1",
			"/process/rlimits/1/type | error | process.rlimits[1].type: duplicate rlimit type RLIMIT_NPROC",
			"/process/rlimits/2/type | error | process.rlimits[2].type: invalid rlimit type: RLIMIT_X",
		}},
		{name: "labels", host: func(h *host.Host) { h.AppArmor, h.SELinux = false, false },
			change: process(func(p *specs.Process) { p.ApparmorProfile, p.SelinuxLabel = "a", "b" }), want: []string{
				"/process/apparmorProfile | error | process.apparmorProfile: apparmor profile is specified in config, but apparmor is disabled or not supported",
				"/process/selinuxLabel | error | process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported",
			}},
		{name: "capabilities", host: func(h *host.Host) { h.Permitted &^= 1 << unix.CAP_SYS_ADMIN }, change: process(func(p *specs.Process) {
			p.Capabilities = &specs.LinuxCapabilities{
				Bounding: []string{"CAP_SYS_ADMIN", "CAP_KILL", "KILL"}, Permitted: []string{"CAP_KILL"},
				Effective: []string{"CAP_CHOWN"}, Inheritable: []string{"CAP_FOWNER"}, Ambient: []string{"CAP_KILL"},
			}
		}), want: []string{
			"/process/capabilities/bounding | warning | process.capabilities.bounding: ignoring unknown capabilities: KILL",
			"/process/capabilities/bounding | warning | process.capabilities.bounding: cannot grant CAP_SYS_ADMIN: the runtime doesn't have it",
			"/process/capabilities/effective | warning | process.capabilities.effective: cannot grant CAP_CHOWN: it isn't in the permitted set",
			"/process/capabilities/inheritable | warning | process.capabilities.inheritable: cannot grant CAP_FOWNER: it isn't in the bounding set",
			"/process/capabilities/ambient | warning | process.capabilities.ambient: cannot grant CAP_KILL: it isn't in both the permitted and the inheritable set",
		}},
		{name: "scheduler absent policy", change: schedule(specs.Scheduler{}),
			want: []string{"/process/scheduler/policy | error | process.scheduler.policy: scheduler policy is required"}},
		{name: "scheduler unknown policy", change: schedule(specs.Scheduler{Policy: "X"}),
			want: []string{"/process/scheduler/policy | error | process.scheduler.policy: invalid scheduler policy: X"}},
		{name: "scheduler other", change: schedule(specs.Scheduler{Policy: specs.SchedOther, Nice: 20, Priority: 1, Period: 1, Flags: []specs.LinuxSchedulerFlag{"F"}}),
			want: []string{
				"/process/scheduler/nice | error | process.scheduler.nice: invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER",
				"/process/scheduler/priority | error | process.scheduler.priority: scheduler.priority can only be specified for SchedFIFO or SchedRR policy",
				"/process/scheduler | error | process.scheduler: scheduler runtime/deadline/period can only be specified for SchedDeadline policy",
				"/process/scheduler/flags/0 | error | process.scheduler.flags[0]: invalid scheduler flag: F",
			}},
		{name: "scheduler fifo", change: schedule(specs.Scheduler{Policy: specs.SchedFIFO, Nice: 1}), want: []string{
			"/process/scheduler/nice | warning | process.scheduler.nice: the nice value 1 is ignored with scheduler.policy SCHED_FIFO",
			"/process/scheduler/priority | error | process.scheduler.priority: invalid scheduler.priority: 0",
		}},
		{name: "scheduler ISO", change: schedule(specs.Scheduler{Policy: specs.SchedISO}), want: []string{
			"/process/scheduler/policy | error | process.scheduler.policy: Linux doesn't have SCHED_ISO: its number is only reserved",
		}},
		{name: "scheduler deadline", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1024, Deadline: 1024, Flags: resetOnFork})},
		{name: "scheduler deadline without deadline", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1024, Flags: resetOnFork}), want: []string{
			"/process/scheduler/deadline | error | process.scheduler.deadline: SCHED_DEADLINE requires a deadline",
		}},
		{name: "scheduler deadline without runtime", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Deadline: 2000, Flags: resetOnFork}), want: []string{
			"/process/scheduler/runtime | error | process.scheduler.runtime: SCHED_DEADLINE requires a runtime of 1024 nanoseconds or more",
		}},
		{name: "scheduler deadline before runtime", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 3000, Deadline: 2000, Flags: resetOnFork}), want: []string{
			"/process/scheduler/runtime | error | process.scheduler.runtime: the runtime 3000 is longer than the deadline 2000",
		}},
		{name: "scheduler deadline after period", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 2000, Deadline: 4000, Period: 3000, Flags: resetOnFork}), want: []string{
			"/process/scheduler/period | error | process.scheduler.period: the period 3000 is shorter than the deadline 4000",
		}},
		{name: "scheduler deadline too far", change: schedule(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 2000, Deadline: 4000, Period: 1 << 63}), want: []string{
			"/process/scheduler | error | process.scheduler: a deadline or a period of 2^63 nanoseconds or more is not possible",
			"/process/scheduler/flags | warning | process.scheduler.flags: a process with SCHED_DEADLINE can't fork",
		}},
		{name: "io priority", change: process(func(p *specs.Process) { p.IOPriority = &specs.LinuxIOPriority{Class: "X", Priority: 8} }), want: []string{
			"/process/ioPriority/priority | error | process.ioPriority.priority: invalid ioPriority.Priority: 8",
			`/process/ioPriority/class | error | process.ioPriority.class: invalid ioPriority.Class: "X"`,
		}},
		{name: "affinity", change: process(func(p *specs.Process) { p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "3-1", Final: "x"} }), want: []string{
			`/process/execCPUAffinity/initial | error | process.execCPUAffinity.initial: invalid CPU list: range "3-1" goes backwards`,
			`/process/execCPUAffinity/final | error | process.execCPUAffinity.final: invalid CPU list: "x" is neither a number nor a range`,
		}},
		{name: "memory policy unknown", change: memory(specs.LinuxMemoryPolicy{Mode: "X", Flags: []specs.MemoryPolicyFlagType{"F"}}), want: []string{
			`/linux/memoryPolicy/mode | error | linux.memoryPolicy.mode: invalid memory policy mode: "X"`,
			`/linux/memoryPolicy/flags/0 | error | linux.memoryPolicy.flags[0]: invalid memory policy flag: "F"`,
		}},
		{name: "memory policy nodes", change: memory(specs.LinuxMemoryPolicy{Mode: specs.MpolLocal, Nodes: "0,4-5"}),
			want: []string{"/linux/memoryPolicy/nodes | error | linux.memoryPolicy.nodes: memory policy mode requires 0 nodes but got 3"}},
		{name: "memory policy no nodes", change: memory(specs.LinuxMemoryPolicy{Mode: specs.MpolBind}),
			want: []string{"/linux/memoryPolicy/nodes | error | linux.memoryPolicy.nodes: memory policy mode requires at least one node but got 0"}},
		{name: "memory policy list", change: memory(specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "99999"}),
			want: []string{"/linux/memoryPolicy/nodes | error | linux.memoryPolicy.nodes: invalid memory policy nodes: 99999 is out of range"}},
		{name: "memory policy old kernel", host: func(h *host.Host) { h.Kernel = host.Kernel{Major: 6, Minor: 8} }, change: memory(specs.LinuxMemoryPolicy{Mode: specs.MpolWeightedInterleave, Nodes: "0"}),
			want: []string{"/linux/memoryPolicy/mode | error | linux.memoryPolicy.mode: MPOL_WEIGHTED_INTERLEAVE needs Linux 6.9"}},
	}
)

func TestValidate(t *testing.T) {
	for group, cases := range map[string][]validateCase{
		"root": rootCases, "namespaces": namespaceCases, "mounts": mountCases, "sysctl": sysctlCases, "process": processCases,
	} {
		for _, tt := range cases {
			t.Run(group+"/"+tt.name, func(t *testing.T) {
				spec, host := configtest.Bare(), configtest.Root(mode.V2)
				if tt.host != nil {
					tt.host(host)
				}
				if tt.change != nil {
					tt.change(spec)
				}
				var got []string
				for _, p := range Validate(spec, host) {
					got = append(got, p.Place.Pointer+" | "+p.Severity.String()+" | "+p.String())
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("problems differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestFirstError(t *testing.T) {
	warning := Problem{Place: place.At("/w"), Text: "beware", Severity: Warning}
	one := Problem{Place: place.At("/a"), Text: "is bad", Hint: "do better"}
	two := Problem{Place: place.At("/b"), Text: "is worse", Hint: "never mind"}
	tests := []struct {
		problems []Problem
		want     string
	}{
		{[]Problem{warning}, "<nil>"},
		{[]Problem{warning, one}, "a: is bad (do better)"},
		{[]Problem{one, warning, two}, "a: is bad (do better) (and 1 more: b: is worse)"},
	}
	for _, tt := range tests {
		got := "<nil>"
		if err := FirstError(tt.problems); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("FirstError(%v) = %s, want %s", tt.problems, got, tt.want)
		}
	}
}
