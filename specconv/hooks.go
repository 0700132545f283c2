package specconv

import (
	"path"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/nsenter/plan"
)

// The names of the hooks in the order in which they run, runtime.md "Lifecycle".
var hookNames = [...]string{
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
}

// The files with the container's state that hooks read.
const (
	stateCreating = "state-creating"
	stateCreated  = "state-created"
)

func hooksOf(hooks *specs.Hooks, name string) []specs.Hook {
	switch name {
	case "prestart":
		//nolint:staticcheck // deprecated, but a MUST of the spec
		return hooks.Prestart
	case "createRuntime":
		return hooks.CreateRuntime
	case "createContainer":
		return hooks.CreateContainer
	case "startContainer":
		return hooks.StartContainer
	case "poststart":
		return hooks.Poststart
	case "poststop":
		return hooks.Poststop
	}
	return nil
}

// hooks plans the hooks that run in the container's namespaces.
func (b *builder) hooks(name, state string, inRoot bool, env []string) {
	if b.spec.Hooks == nil {
		return
	}
	list := hooksOf(b.spec.Hooks, name)
	if len(list) > 0 {
		b.given(state)
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
		b.add("hooks."+name+"["+strconv.Itoa(i)+"]", op)
	}
}

func (c *checker) hooks() {
	if c.spec.Hooks == nil {
		return
	}
	for _, name := range hookNames {
		for i, h := range hooksOf(c.spec.Hooks, name) {
			at := "/hooks/" + name + "/" + strconv.Itoa(i)
			if !path.IsAbs(h.Path) {
				c.errorf(at+"/path", "hook path %q is not absolute", h.Path)
			}
			if h.Timeout != nil && (*h.Timeout <= 0 || *h.Timeout > 1<<31-1) {
				c.errorf(at+"/timeout", "timeout %d is not greater than zero", *h.Timeout)
			}
		}
	}
}
