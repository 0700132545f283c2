package preflight

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
)

// options hands the options of tmpfs mounts to the kernel, which checks each of them
// before the file system is created, fsconfig(2). It requires CAP_SYS_ADMIN, without
// which nothing is known.
func (c *check) options() {
	for _, m := range config.Mounts(c.Spec) {
		if m.Type != "tmpfs" || m.Bind || m.Remount {
			continue
		}
		what, reason := refusedOption(&m)
		if reason != "" {
			c.report(config.Error, m.Place().Key("options"), reason, "%s", what)
		}
	}
}

// refusedOption returns the error of the first option that the kernel refuses, and the
// kernel's reason; "" if it accepts all.
func refusedOption(m *config.Mount) (what, reason string) {
	fs, err := unix.Fsopen(m.Type, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", ""
	}
	defer unix.Close(fs)
	for _, option := range append(m.Superblock, m.Data...) {
		key, value, isPair := strings.Cut(option, "=")
		if isPair {
			err = unix.FsconfigSetString(fs, key, value)
		} else {
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err == nil {
			continue
		}
		op := plan.Mount{FSType: m.Type, Target: m.Target}
		what, _ = explain.Describe(op, &nsenter.Failure{Part: nsenter.PartParameter})
		return fmt.Sprintf("%s: %v", what, err), kernelReason(fs, option)
	}
	return "", ""
}

// kernelReason returns the first error that the kernel has logged in a file system
// context; option, if it has logged none.
func kernelReason(fs int, option string) string {
	buf := make([]byte, 256)
	n, err := unix.Read(fs, buf)
	if err != nil || n <= 2 {
		return option
	}
	// The letter is the severity: "e tmpfs: Unknown parameter 'x'".
	return strings.TrimSpace(string(buf[2:n]))
}
