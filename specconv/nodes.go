package specconv

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// Nodes plans to create or remove device nodes in a container that exists. The child enters
// the mount namespace of the container's init, which ProcessFile refers to, and no pid
// namespace, so that the container's processes can't see it. It keeps the runtime's
// privileges, because mknod(2) requires them, except in a container with a user namespace:
// there, only ids that are mapped can own files, and nodes are mounts of the host's. rootfs
// is where the mounts of a container without a mount namespace are.
func Nodes(spec *specs.Spec, rootfs string, nodes []plan.Device) *plan.Plan {
	p := &plan.Plan{Files: []plan.File{{Name: ProcessFile}}}
	add := func(op plan.Op) { p.Add(place.Place{}, op) }
	add(plan.SetUndumpable{})
	join := plan.JoinProcess{File: ProcessFile, Flags: unix.CLONE_NEWNS}
	if !words.HasNamespace(spec, specs.MountNamespace) {
		join.Flags, join.Root = 0, rootfs
	}
	inUserNS := words.HasNamespace(spec, specs.UserNamespace)
	if inUserNS {
		join.Flags |= unix.CLONE_NEWUSER
	}
	add(join)
	if inUserNS && isRootMapped(spec.Linux) {
		add(plan.BecomeRoot{})
	}
	for _, n := range nodes {
		if n.Tree != "" {
			p.Files = append(p.Files, plan.File{Name: n.Tree})
		}
		n.BindSource = inUserNS && !n.Remove
		add(n)
	}
	return p
}
