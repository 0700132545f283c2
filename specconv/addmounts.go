package specconv

import (
	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// MountsInput is what the plans of AddMounts and RemoveMount depend on. Spec is the
// container's, which has a mount namespace of its own.
type MountsInput struct {
	Spec *specs.Spec
	Host *host.Host
	// Bundle is the directory of relative sources of bind mounts.
	Bundle string
}

func (in *MountsInput) builder() *builder {
	return &builder{
		in: Input{Bundle: in.Bundle}, spec: in.Spec, host: in.Host,
		ns: config.NamespacesOf(in.Spec, in.Host), plan: &plan.Plan{},
	}
}

// AddMounts plans a process that mounts more in a container that exists. list are entries
// in which config.ValidateMounts has found no error. The process ends with the last step.
//
// The container is hostile: it is entered last, when the sources have been opened. They are
// cloned from a copy of the runtime's mounts, as for Create: its propagation keeps what is
// mounted in the container later from the host, and in a user namespace it locks the flags
// of the host's mounts.
func AddMounts(in MountsInput, list []specs.Mount) *plan.Plan {
	b := in.builder()
	b.becomeContainerRoot()
	b.addOwn(plan.Unshare{Flags: unix.CLONE_NEWNS})
	b.add(place.At("/linux/rootfsPropagation"), plan.Propagation{Path: "/", Flags: b.rootPropagation()})
	b.cloneTrees(list)
	b.enterMounts()
	for i := range list {
		b.mount(config.CompileMount(i, list[i]))
	}
	b.plan.Steps = append(b.plan.Steps, b.readonly...)
	return b.plan
}

// RemoveMount plans a process that unmounts something in a container that exists. It ends
// with the last step.
func RemoveMount(in MountsInput, o plan.Unmount) *plan.Plan {
	b := in.builder()
	b.becomeContainerRoot()
	b.enterMounts()
	b.addOwn(o)
	return b.plan
}

// becomeContainerRoot plans to join the container's user namespace, if it has one: what is
// made in the container belongs to its root.
func (b *builder) becomeContainerRoot() {
	b.addOwn(plan.SetUndumpable{})
	// The container's own /proc can't be trusted.
	b.addOwn(plan.Proc{})
	if !b.ns.Has(unix.CLONE_NEWUSER) {
		return
	}
	b.joinUser()
}

func (b *builder) enterMounts() {
	b.provide(MountsFile)
	b.add(place.At("/linux/namespaces"), plan.Join{File: MountsFile, Type: unix.CLONE_NEWNS})
}

// cloneTrees plans to clone the trees of bind mounts.
func (b *builder) cloneTrees(list []specs.Mount) {
	for i := range list {
		m := config.CompileMount(i, list[i])
		if !m.Bind {
			continue
		}
		op := b.bindOp(m)
		b.add(m.Place(), plan.CloneTree{
			Source: op.Source, Target: op.Target, ByParent: op.ByParent, IDMap: op.IDMap, Recursive: op.Recursive,
		})
	}
	b.cloned = true
}
