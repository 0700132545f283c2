package seccomp

import (
	"fmt"

	"github.com/runnel/runnel/internal/spelling"
)

// unknown returns the error of a name that isn't among those that are known.
func unknown[T ~string](what string, name T, known []string) error {
	if hint := spelling.Hint(string(name), known); hint != "" {
		return fmt.Errorf("unknown %s %q (%s)", what, name, hint)
	}
	return fmt.Errorf("unknown %s %q", what, name)
}

func actionNames() (names []string) {
	for _, a := range actions {
		names = append(names, string(a.name))
	}
	return names
}

func operatorNames() (names []string) {
	for _, o := range operators {
		names = append(names, string(o.name))
	}
	return names
}

func archNames() (names []string) {
	for _, a := range archs {
		names = append(names, string(a.name))
	}
	return names
}

func flagNames() (names []string) {
	for _, f := range flags {
		names = append(names, string(f.name))
	}
	return names
}
