package seccomp

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/runnel/runnel/seccomp/compiler"
)

// Features returns what this build of runnel understands in linux.seccomp, each
// list sorted (runtime-spec features-linux.md). A build that can't compile filters
// reports that seccomp isn't enabled, and no lists. SupportedFlags asks the running
// kernel about the flags that not every kernel since 5.10 has.
func Features() *features.Seccomp {
	enabled := compiler.Available() == nil
	f := &features.Seccomp{Enabled: &enabled}
	if !enabled {
		return f
	}
	f.Actions, f.Operators, f.KnownFlags = actionNames(), operatorNames(), flagNames()
	minor := libseccompMinor()
	for _, a := range archs {
		if a.since <= minor {
			f.Archs = append(f.Archs, string(a.name))
		}
	}
	for _, fl := range flags {
		if fl.kernel == "" || kernelHas(fl.value) {
			f.SupportedFlags = append(f.SupportedFlags, string(fl.name))
		}
	}
	return f
}

// LibseccompVersion returns the version of the libseccomp that compiles profiles,
// such as "2.5.4"; "" in a build without it.
func LibseccompVersion() string { return compiler.Version() }

// libseccompMinor returns the x of libseccomp 2.x; 0 if it is unknown.
func libseccompMinor() int {
	_, rest, _ := strings.Cut(LibseccompVersion(), ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(minor)
	return n
}
