package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/specconv/words"
)

// initialUserNS is the inode of the initial user namespace (PROC_USER_INIT_INO).
const initialUserNS = 0xEFFFFFFD

// Probe asks the host for the facts that the plan of this config depends on, and for
// no others, since every command pays for it. rootfs is absolute.
func Probe(spec *specs.Spec, rootfs string) (*Host, error) {
	h := &Host{
		EUID:  uint32(unix.Geteuid()),
		EGID:  uint32(unix.Getegid()),
		Kcore: unix.Access("/proc/kcore", unix.F_OK) == nil,
	}
	h.Kernel = RunningKernel()
	h.Permitted = permittedCapabilities()
	h.probeUserNS()
	h.probeSecurity(spec)
	if words.UsesLandlock(spec.Annotations) {
		h.Landlock = LandlockABI()
	}
	if mountsCgroups(spec) {
		h.Cgroups = mode.Host()
	}
	if spec.Linux == nil {
		return h, nil
	}
	if spec.Linux.IntelRdt != nil {
		h.IntelRDT = isFileSystem("/sys/fs/resctrl", unix.RDTGROUP_SUPER_MAGIC)
	}
	h.probeNamespaces(spec.Linux.Namespaces)
	if spec.Process != nil {
		h.probeLimits(spec.Process.Rlimits, words.HasNamespace(spec, specs.UserNamespace))
	}
	if p, ok := words.Propagation(spec.Linux.RootfsPropagation); ok && p&unix.MS_SHARED != 0 {
		var err error
		if h.RootMount, err = mountPointOf(rootfs); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// RunningKernel returns the version of the kernel; the zero value if it is unknown.
func RunningKernel() Kernel {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return Kernel{}
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), ".")
	minor, _, _ := strings.Cut(rest, ".")
	minor = strings.TrimRightFunc(minor, func(r rune) bool { return r < '0' || r > '9' })
	var k Kernel
	k.Major, _ = strconv.Atoi(major)
	k.Minor, _ = strconv.Atoi(minor)
	return k
}

func permittedCapabilities() uint64 {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return 0
	}
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32
}

func (h *Host) probeUserNS() {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/user", &st) != nil || st.Ino == initialUserNS {
		return
	}
	h.InUserNS = true
	text, _ := os.ReadFile("/proc/self/setgroups")
	h.SetgroupsDenied = bytes.HasPrefix(text, []byte("deny"))
}

func (h *Host) probeSecurity(spec *specs.Spec) {
	p := spec.Process
	if p != nil && p.ApparmorProfile != "" {
		text, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
		h.AppArmor = len(text) > 0 && text[0] == 'Y'
	}
	if p != nil && p.SelinuxLabel != "" || spec.Linux != nil && spec.Linux.MountLabel != "" {
		h.SELinux = isFileSystem("/sys/fs/selinux", unix.SELINUX_MAGIC) && hasPolicy()
	}
}

// LandlockABI returns the version of Landlock's ABI; 0 if the kernel has no Landlock, or if it
// isn't among the security modules that were chosen at boot.
func LandlockABI() int {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// hasPolicy reports whether SELinux has loaded a policy: before, all contexts are
// "kernel".
func hasPolicy() bool {
	text, err := os.ReadFile("/proc/self/attr/current")
	return err == nil && strings.TrimRight(string(text), "\n\x00") != "kernel"
}

func (h *Host) probeNamespaces(list []specs.LinuxNamespace) {
	for i := range list {
		t, ok := words.Namespace(list[i].Type)
		if !ok {
			continue
		}
		if list[i].Path == "" && t.Optional && unix.Access("/proc/self/ns/"+t.File, unix.F_OK) != nil {
			h.Missing |= t.Flag
		}
		if list[i].Path != "" && isOwnNamespace(list[i].Path, t.File) {
			h.Own |= t.Flag
		}
	}
}

func isOwnNamespace(path, file string) bool {
	var own, other unix.Stat_t
	return unix.Stat(path, &other) == nil && unix.Stat("/proc/self/ns/"+file, &own) == nil &&
		own.Dev == other.Dev && own.Ino == other.Ino
}

func (h *Host) probeLimits(list []specs.POSIXRlimit, all bool) {
	for i := range list {
		resource, ok := words.Rlimit(list[i].Type)
		if !ok || !all && resource != unix.RLIMIT_NPROC {
			continue
		}
		if h.HardLimits == nil {
			h.HardLimits = make(map[int]uint64, len(list))
		}
		var limit unix.Rlimit
		if unix.Prlimit(0, resource, nil, &limit) == nil {
			h.HardLimits[resource] = limit.Max
		}
	}
}

func mountsCgroups(spec *specs.Spec) bool {
	for i := range spec.Mounts {
		if t := spec.Mounts[i].Type; t == "cgroup" || t == "cgroup2" {
			return true
		}
	}
	return false
}

func isFileSystem(path string, magic int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && int64(st.Type) == magic
}

// mountPointOf returns the mount point that path is on, proc_pid_mountinfo(5).
func mountPointOf(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	mounts, err := procfs.Mounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return "", err
	}
	return longestMount(mounts), nil
}

// longestMount returns the longest of the mount points above a path, which is the
// one that the path is on.
func longestMount(mounts []*mountinfo.Info) string {
	longest := "/"
	for _, m := range mounts {
		if len(m.Mountpoint) > len(longest) {
			longest = m.Mountpoint
		}
	}
	return longest
}
