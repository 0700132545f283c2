package specconv

import (
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// startHooks plans the startContainer hooks. They may take long, and the process may be
// killed meanwhile: whoever waits for the program then has to know that it wasn't next.
func (b *builder) startHooks() {
	b.hooks("startContainer", CreatedStateFile, plan.Hook{Env: b.fullEnv(), InRoot: true, Home: b.looksUpHome})
	canReport := b.seccomp == nil || b.seccomp.Allows != nil && b.seccomp.Allows(unix.SYS_SENDMSG)
	if h := b.spec.Hooks; canReport && h != nil && len(h.StartContainer) > 0 {
		b.addOwn(plan.Announce{})
	}
}

// hooks plans the hooks that run in the container's namespaces. What a hook doesn't set is
// that of standard.
func (b *builder) hooks(name, state string, standard plan.Hook) {
	if b.spec.Hooks == nil {
		return
	}
	list := words.HooksOf(b.spec.Hooks, name)
	if len(list) > 0 {
		b.provide(state)
	}
	for i := range list {
		h := &list[i]
		op := standard
		op.Path, op.Args, op.State = h.Path, h.Args, state
		if len(op.Args) == 0 {
			op.Args = []string{h.Path}
		}
		if h.Env != nil {
			op.Env, op.Home = h.Env, false
		}
		if h.Timeout != nil {
			op.Timeout = uint32(*h.Timeout)
		}
		b.add(place.At("/hooks").Key(name).Index(i), op)
	}
}
