package seccomp

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// Features returns what this build of runnel understands in linux.seccomp, each
// list sorted (runtime-spec features-linux.md). SupportedFlags asks the running
// kernel about the flags that not every kernel from 5.10 on has.
func Features() *features.Seccomp {
	enabled := true
	f := &features.Seccomp{Enabled: &enabled}
	for _, a := range actions {
		f.Actions = append(f.Actions, string(a.name))
	}
	for _, o := range operators {
		f.Operators = append(f.Operators, string(o.name))
	}
	minor := libseccompMinor()
	for _, a := range archs {
		if a.since <= minor {
			f.Archs = append(f.Archs, string(a.name))
		}
	}
	for _, fl := range flags {
		f.KnownFlags = append(f.KnownFlags, string(fl.name))
		if fl.kernel == "" || kernelHas(fl.value) {
			f.SupportedFlags = append(f.SupportedFlags, string(fl.name))
		}
	}
	return f
}

// LibseccompVersion is the version of the libseccomp that compiles profiles, such
// as "2.5.4".
func LibseccompVersion() string {
	version, _, _ := strings.Cut(compilerID, " ")
	return strings.TrimSpace(version)
}

// libseccompMinor is the x of libseccomp 2.x, 0 if that can't be told.
func libseccompMinor() int {
	_, rest, _ := strings.Cut(LibseccompVersion(), ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(minor)
	return n
}
