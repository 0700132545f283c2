package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// Allows reports whether the filter lets a process of the native architecture make
// a call with these first arguments; the others are 0.
func (f *Filter) Allows(number uintptr, args ...uint64) bool {
	arch, ok := findArch(nativeArch())
	if !ok {
		return false
	}
	c := call{number: uint32(number), arch: arch.token, isKnown: allKnown}
	copy(c.args[:], args)
	results, err := c.results(f.BPF)
	return err == nil && len(results) == 1 && results[0].allows()
}

// allows reports whether the call is carried out.
func (r result) allows() bool { return r.action == actAllow || r.action == actLog }

// CheckProgram returns an error for a filter that refuses execve(2) whatever its arguments
// are: no program can be started with it.
func (f *Filter) CheckProgram() error {
	arch, ok := findArch(nativeArch())
	if !ok {
		return nil
	}
	c := call{number: unix.SYS_EXECVE, arch: arch.token}
	results, err := c.results(f.BPF)
	if err != nil {
		return nil
	}
	for _, r := range results {
		denies := func(a action) bool { return a.denies && a.value == r.action&actionMask }
		if !slices.ContainsFunc(actions[:], denies) {
			return nil
		}
	}
	return place.Errorf(place.At("/linux/seccomp"), "the profile refuses execve, by which the program is started")
}
