// Package seccomp turns linux.seccomp of a config.json into a BPF program for
// seccomp(2). It validates the profile, caches compiled programs, and hands the
// listener of SCMP_ACT_NOTIFY to its agent. It never loads a filter: that is a step
// of the plan.
//
// A profile is lowered to numbers (lower, pure), which are also the key of the
// cache. On a miss package compiler compiles them with libseccomp, and a short
// program is put in front of the result (prologue.go).
//
// The position of the filter among the steps of the container's process, and the
// system calls that this process still needs after it, are the planner's.
package seccomp

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp/compiler"
)

// ErrUnavailable is the error of a build that can't compile filters; package
// compiler describes the ways to build.
var ErrUnavailable = compiler.ErrUnavailable

// Filter is a compiled profile: the arguments of seccomp(2).
type Filter struct {
	// BPF is an array of struct sock_filter.
	BPF []byte
	// Flags are SECCOMP_FILTER_FLAG_*, except for NEW_LISTENER: see Notify.
	Flags uint64
	// Notify reports whether the filter has a listener, for which the caller adds
	// SECCOMP_FILTER_FLAG_NEW_LISTENER.
	Notify bool
}

// programRevision changes when the same request and the same libseccomp make
// another program: with prologue.go, and with the calls of libseccomp in package
// compiler.
const programRevision = 1

// Compile returns the filter of a profile, from the cache in cacheDir or compiled.
//
// cacheDir is created with mode 0700 if its parent exists; "" means no cache. A
// cache that can't be used is a warning. Errors about the profile and warnings have
// their place in config.json; ErrUnavailable is among them.
func Compile(ctx context.Context, profile *specs.LinuxSeccomp, cacheDir string) (*Filter, place.Errors, error) {
	l, problems, warnings := examine(profile)
	if err := problems.First(); err != nil {
		return nil, nil, err
	}
	if err := checkFlags(l.flags); err != nil {
		return nil, nil, err
	}
	filter := &Filter{Flags: l.flags, Notify: l.notify}
	key := keyOf(compiler.Identity(), l)
	store, err := openCache(cacheDir)
	if err != nil {
		warnings.Addf(place.Place{}, "seccomp programs are not cached: %w", err)
	}
	defer store.close()
	if filter.BPF = store.load(key); filter.BPF != nil {
		return filter, warnings, nil
	}
	if filter.BPF, err = build(ctx, profile, l); err != nil {
		return nil, nil, err
	}
	if err := store.save(key, filter.BPF); err != nil {
		warnings.Addf(place.Place{}, "seccomp program is not cached: %w", err)
	}
	return filter, warnings, nil
}

// build compiles without the cache.
func build(ctx context.Context, profile *specs.LinuxSeccomp, l *lowered) ([]byte, error) {
	program, err := compiler.Compile(ctx, &l.request)
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", explain(err, profile, l))
	}
	return withPrologue(l, program)
}

// explain replaces a failure of the compiler by a sentence, with the place in
// config.json.
func explain(err error, profile *specs.LinuxSeccomp, l *lowered) error {
	var f *compiler.Failure
	if !errors.As(err, &f) {
		return err
	}
	switch {
	case f.Stage == compiler.StageArch && f.Index < len(l.request.Archs):
		at, name := archPlace(profile, l.request.Archs[f.Index].Token)
		switch {
		case errors.Is(f.Err, unix.EDOM):
			return place.Errorf(at, "%s has another byte order than this machine", name)
		case errors.Is(f.Err, unix.EINVAL):
			return place.Errorf(at, "libseccomp %s doesn't know %s", LibseccompVersion(), name)
		}
		return place.Errorf(at, "add %s: %w", name, f.Err)
	case f.Stage == compiler.StageRule && f.Index < len(l.request.Rules):
		return place.Errorf(property("syscalls").Index(l.entries[f.Index]), "add the rule for %s: %w", l.request.Rules[f.Index].Name, f.Err)
	case f.Stage == compiler.StageInit:
		return place.Errorf(property("defaultAction"), "create a filter: %w", f.Err)
	case f.Stage == compiler.StageExport:
		return fmt.Errorf("generate the BPF program: %w", f.Err)
	}
	return err
}

// archPlace returns the place and the name of an architecture in the profile; the
// native one needn't be there.
func archPlace(profile *specs.LinuxSeccomp, token uint32) (at place.Place, name specs.Arch) {
	for i, name := range profile.Architectures {
		if a, ok := findArch(name); ok && a.token == token {
			return property("architectures").Index(i), name
		}
	}
	return place.At("/linux/seccomp"), nativeArch()
}

// keyOf returns everything that decides the program: the request, the compiler with
// its libseccomp, and the prologue.
func keyOf(compilerIdentity string, l *lowered) cacheKey {
	prologue := byte(0)
	if l.prologue {
		prologue = 1
	}
	return cacheKey(compilerIdentity + string([]byte{0, programRevision, prologue}) + string(l.request.Encode()))
}

// nativeArch returns the architecture that runnel was built for; "" if libseccomp
// has none for it.
func nativeArch() specs.Arch {
	switch runtime.GOARCH {
	case "386":
		return specs.ArchX86
	case "amd64":
		return specs.ArchX86_64
	case "arm":
		return specs.ArchARM
	case "arm64":
		return specs.ArchAARCH64
	case "loong64":
		return specs.ArchLOONGARCH64
	case "mips":
		return specs.ArchMIPS
	case "mipsle":
		return specs.ArchMIPSEL
	case "mips64":
		return specs.ArchMIPS64
	case "mips64le":
		return specs.ArchMIPSEL64
	case "ppc64":
		return specs.ArchPPC64
	case "ppc64le":
		return specs.ArchPPC64LE
	case "riscv64":
		return specs.ArchRISCV64
	case "s390x":
		return specs.ArchS390X
	}
	return ""
}
