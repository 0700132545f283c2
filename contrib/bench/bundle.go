package main

import (
	_ "embed" // for syscalls.txt
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// allowedSyscalls are those of the kernel's headers that need no privileges.
//
//go:embed syscalls.txt
var allowedSyscalls string

// bundle is a busybox rootfs with a config.json that each measure rewrites.
type bundle struct{ dir string }

func newBundle(dir string) (*bundle, error) {
	b := &bundle{filepath.Join(dir, "bundle")}
	bin := filepath.Join(b.dir, "rootfs", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, errors.New("needs busybox (package busybox-static)")
	}
	if err := copyFile(busybox, filepath.Join(bin, "busybox")); err != nil {
		return nil, err
	}
	for _, applet := range []string{"true", "sleep"} {
		if err := os.Symlink("busybox", filepath.Join(bin, applet)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// write writes the default config.json with some changes.
func (b *bundle) write(changes ...func(*specs.Spec)) error {
	config := defaultConfig()
	for _, change := range changes {
		change(config)
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, "config.json"), text, 0o644)
}

// defaultConfig returns the output of `runc spec`, with `true` instead of the shell.
// Its ociVersion is one that old versions of crun accept, too.
func defaultConfig() *specs.Spec {
	caps := []string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	mount := func(destination, kind, source string, options ...string) specs.Mount {
		return specs.Mount{Destination: destination, Type: kind, Source: source, Options: options}
	}
	return &specs.Spec{
		Version:  "1.0.2",
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Hostname: "bench",
		Process: &specs.Process{
			Args:            []string{"true"},
			Env:             []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"},
			Cwd:             "/",
			NoNewPrivileges: true,
			Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
			Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		},
		Mounts: []specs.Mount{
			mount("/proc", "proc", "proc"),
			mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
			mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
			mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
			mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
			mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
			mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
		},
		Linux: &specs.Linux{
			Resources: &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}},
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
}

func sleeping(c *specs.Spec) { c.Process.Args = []string{"sleep", "1000"} }

func memoryLimit(bytes int64) func(*specs.Spec) {
	return func(c *specs.Spec) { c.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &bytes} }
}

// seccompProfile adds an allow list of about the size of Docker's and Podman's. Each
// variant compiles to another program, with the same effort.
func seccompProfile(variant int) func(*specs.Spec) {
	errno := uint(1 + variant%4000)
	return func(c *specs.Spec) {
		profile := &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
			Syscalls: []specs.LinuxSyscall{
				{Names: strings.Fields(allowedSyscalls), Action: specs.ActAllow},
				{Names: []string{"clone"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
					{Index: 0, Value: 0x7e020000, Op: specs.OpMaskedEqual},
				}},
				{Names: []string{"ptrace"}, Action: specs.ActErrno, ErrnoRet: &errno},
			},
		}
		for _, value := range []uint64{0, 8, 0x20000, 0x20008, 0xffffffff} {
			profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
				Names: []string{"personality"}, Action: specs.ActAllow,
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: value, Op: specs.OpEqualTo}},
			})
		}
		if runtime.GOARCH != "amd64" {
			profile.Architectures = nil
		}
		c.Linux.Seccomp = profile
	}
}
