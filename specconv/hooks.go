package specconv

import (
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// hooks plans the hooks that run in the container's namespaces.
func (b *builder) hooks(name, state string, inRoot bool, env []string) {
	if b.spec.Hooks == nil {
		return
	}
	list := words.HooksOf(b.spec.Hooks, name)
	if len(list) > 0 {
		b.provide(state)
	}
	for i := range list {
		h := &list[i]
		op := plan.Hook{Path: h.Path, Args: h.Args, Env: h.Env, State: state, InRoot: inRoot}
		if len(op.Args) == 0 {
			op.Args = []string{h.Path}
		}
		if op.Env == nil {
			op.Env = env
		}
		if h.Timeout != nil {
			op.Timeout = uint32(*h.Timeout)
		}
		b.add(place.At("/hooks").Key(name).Index(i), op)
	}
}
