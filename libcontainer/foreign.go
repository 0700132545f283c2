package libcontainer

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter"
)

// startOutside starts the child outside of the container's cgroup, into which systemd
// then moves it. It is for an ordinary user who may not move processes from the
// caller's cgroup to the container's: the kernel requires write access to cgroup.procs
// of the closest cgroup above both (cgroup-v2.rst, "Delegation Containment"), which
// nobody has above the cgroup of a login session. The user's systemd has it.
func (x *execution) startOutside(ctx context.Context, o nsenter.Options, denied error) (err error) {
	l := x.state.Cgroup
	if l.Mode != cgroups.V2 {
		return denied
	}
	own, err := ownCgroup()
	if err != nil || unix.Access(commonAncestor(own, l.Paths[""])+"/cgroup.procs", unix.W_OK) == nil {
		return denied
	}
	if l.Unit == nil || !l.Unit.User || len(x.options.Cgroups) > 0 {
		return fmt.Errorf("move a process from cgroup %s to %s: %w (this user may do that only within what is delegated: call the runtime by \"systemd-run --user --scope\", or create the container with --systemd-cgroup)",
			own, l.Paths[""], denied)
	}
	x.attach = true
	if err := x.compile(ctx); err != nil {
		return err
	}
	return x.startChild(o, nil)
}

// ownCgroup returns the directory of this process's cgroup on cgroup v2.
func ownCgroup() (string, error) {
	own, err := procfs.OwnCgroups()
	if err != nil {
		return "", fmt.Errorf("own cgroup: %w", err)
	}
	path, ok := own.Path("")
	if !ok {
		return "", fmt.Errorf("own cgroup: /proc/self/cgroup has no line of cgroup v2")
	}
	return strings.TrimSuffix("/sys/fs/cgroup"+path, "/"), nil
}

// commonAncestor returns the deepest directory that contains both a and b, or is one of
// them.
func commonAncestor(a, b string) string {
	for !strings.HasPrefix(b+"/", a+"/") {
		a = a[:strings.LastIndexByte(a, '/')]
	}
	return a
}
