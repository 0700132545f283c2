package specconv

import (
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// Tools are programs of the host for a process in a container. The container must have a
// mount namespace of its own.
type Tools struct {
	// Path is a directory, or a program.
	Path string
	// Program is the name of the program, and Links are more names of it.
	Program string
	Links   []string
}

// joinWithTools plans to clone the tools and to join the container. An ordinary user may
// clone them only in a user namespace.
func (b *builder) joinWithTools(tools *Tools) {
	flags := b.ns.Created | b.ns.Joined
	b.addOwn(plan.SetUndumpable{})
	b.addOwn(plan.Proc{})
	if b.host.EUID != 0 && b.ns.Has(unix.CLONE_NEWUSER) {
		b.joinUser()
		flags &^= unix.CLONE_NEWUSER
	}
	b.addOwn(plan.Unshare{Flags: unix.CLONE_NEWNS})
	b.addOwn(plan.Propagation{Path: "/", Flags: unix.MS_SLAVE | unix.MS_REC})
	b.addOwn(plan.CloneTree{Source: tools.Path, Target: plan.ToolsDir, Recursive: true})
	b.joinContainer(flags)
}

// joinUser plans to join the container's user namespace as its root.
func (b *builder) joinUser() {
	b.provide(UserFile)
	b.add(place.At("/linux/namespaces"), plan.Join{File: UserFile, Type: unix.CLONE_NEWUSER})
	if isRootMapped(b.spec.Linux) {
		b.addOwn(plan.BecomeRoot{KeepGroups: b.keepsGroups()})
	}
}

// toolbox plans to give the process a mount namespace of its own, in which the tools are
// beside the container's files. What is mounted in it can't be seen outside.
func (b *builder) toolbox(tools *Tools) {
	b.addOwn(plan.Unshare{Flags: unix.CLONE_NEWNS})
	b.addOwn(plan.Propagation{Path: "/", Flags: unix.MS_PRIVATE | unix.MS_REC})
	b.addOwn(plan.Toolbox{Program: tools.Program, Links: tools.Links})
	b.addOwn(plan.Pivot{})
}
