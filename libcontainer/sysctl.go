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

// restoreSysctls writes the sysctls of the config that criu doesn't restore into the network
// namespace of the process pid.
func restoreSysctls(pid int, spec *specs.Spec) error {
	var left []string
	for _, key := range slices.Sorted(maps.Keys(spec.Linux.Sysctl)) {
		if isLeftByCRIU(words.SysctlPath(key)) {
			left = append(left, key)
		}
	}
	if len(left) == 0 || !words.CreatesNamespace(spec, specs.NetworkNamespace) {
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
		for _, key := range left {
			if err := writeSysctl(words.SysctlPath(key), spec.Linux.Sysctl[key]); err != nil {
				return place.Wrap(place.At("/linux/sysctl").Key(key), err)
			}
		}
		return nil
	})
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
