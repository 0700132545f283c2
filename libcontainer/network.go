package libcontainer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/specconv/words"
)

// A network namespace that others fill, by hooks or linux.netDevices, isn't part of a
// checkpoint except for itself: it is filled anew at each restore. That is what Docker does.

// isFilledByOthers reports whether the network namespace of a container has what others put
// into it when it is created.
func isFilledByOthers(spec *specs.Spec) bool {
	if !words.CreatesNamespace(spec, specs.NetworkNamespace) {
		return false
	}
	hooks := spec.Hooks
	//nolint:staticcheck // prestart is deprecated, and required
	return len(spec.Linux.NetDevices) > 0 || hooks != nil && len(hooks.Prestart)+len(hooks.CreateRuntime) > 0
}

// completeNetwork does for the network namespace of the process pid, if it was created for it,
// what create does and criu doesn't: the loopback device, and sysctls.
func completeNetwork(pid int, spec *specs.Spec) error {
	if !words.CreatesNamespace(spec, specs.NetworkNamespace) {
		return nil
	}
	return onThread(func() error {
		fd, err := procfs.OpenNamespace(pid, "net")
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		// The files below /proc/sys/net are those of the namespace of who opens them.
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("join the network namespace: %w", err)
		}
		if err := bringUpLoopback(); err != nil {
			return fmt.Errorf("bring up the loopback device: %w", err)
		}
		for _, key := range slices.Sorted(maps.Keys(spec.Linux.Sysctl)) {
			path := words.SysctlPath(key)
			if !isLeftByCRIU(path) {
				continue
			}
			if err := writeSysctl(path, spec.Linux.Sysctl[key]); err != nil {
				return place.Wrap(place.At("/linux/sysctl").Key(key), err)
			}
		}
		return nil
	})
}

// bringUpLoopback brings up the loopback device of the thread's network namespace,
// netdevice(7).
func bringUpLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// isLeftByCRIU reports whether criu leaves out a sysctl of a network namespace, given as its
// path below /proc/sys. It restores those of devices.
func isLeftByCRIU(path string) bool {
	return strings.HasPrefix(path, "net/") && !strings.HasPrefix(path, "net/ipv4/conf/") &&
		!strings.HasPrefix(path, "net/ipv6/conf/") && path != "net/unix/max_dgram_qlen"
}

func writeSysctl(path, value string) error {
	fd, err := unix.Open("/proc/sys/"+path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /proc/sys/%s: %w", path, err)
	}
	defer unix.Close(fd)
	if err := rawio.WriteAll(fd, []byte(value)); err != nil {
		return fmt.Errorf("write %q to /proc/sys/%s: %w", value, path, err)
	}
	return nil
}
