package words

import "github.com/opencontainers/runtime-spec/specs-go"

// HookNames are the hooks in the order in which they run, runtime.md "Lifecycle".
var HookNames = [...]string{
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
}

// HooksOf returns the list of hooks of a name.
func HooksOf(hooks *specs.Hooks, name string) []specs.Hook {
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
