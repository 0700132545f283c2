// Package seccomp turns linux.seccomp of a config.json into a BPF program for
// seccomp(2). It owns the validation of the profile, its compilation and the cache
// of compiled programs, and hands the listener of SCMP_ACT_NOTIFY to its agent.
// It never loads a filter: that is a step of the plan.
//
// A profile is lowered to numbers (Lower, pure), and the numbers are what the cache
// is keyed by. On a miss they are compiled by libseccomp in a process of its own
// (compiler/compiler.c, embedded here), and a short program of our own is put
// before the result (stub.go).
//
// Not owned: the filter's place among the steps of the container's process, and
// the syscalls that this process still needs after it.
package seccomp

import (
	"context"
	"fmt"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Filter is what seccomp(2) needs to know.
type Filter struct {
	// BPF is an array of struct sock_filter.
	BPF []byte
	// Flags are SECCOMP_FILTER_FLAG_*, but for NEW_LISTENER: see Notify.
	Flags uint64
	// Notify says that the filter has a listener, for which the caller adds
	// SECCOMP_FILTER_FLAG_NEW_LISTENER.
	Notify bool
}

// programRevision changes when the same request makes another program although the
// compiler is the same one: with stub.go.
const programRevision = 1

// Compile returns the filter of a profile, from the cache in cacheDir or compiled.
//
// cacheDir is created with mode 0700 if its parent is there; "" means no cache.
// A cache that can't be used costs time, never the container: that is a warning.
// Errors about the profile and warnings name the place in config.json.
func Compile(ctx context.Context, profile *specs.LinuxSeccomp, cacheDir string) (*Filter, []string, error) {
	request, warnings, err := Lower(profile, nativeArch())
	if err != nil {
		return nil, nil, err
	}
	filter := &Filter{Notify: usesNotify(profile)}
	flags, more, err := lowerFlags(profile.Flags, filter.Notify)
	if err != nil {
		return nil, nil, err
	}
	if err := checkFlags(flags); err != nil {
		return nil, nil, err
	}
	filter.Flags = flags
	warnings = append(warnings, more...)

	encoded := request.encode()
	key := keyOf(compilerID, request, encoded)
	store, err := openCache(cacheDir)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("seccomp programs are not cached: %v", err))
	}
	defer store.close()
	if filter.BPF = store.load(key); filter.BPF != nil {
		return filter, warnings, nil
	}
	if filter.BPF, err = build(ctx, profile, request, encoded); err != nil {
		return nil, nil, err
	}
	if err := store.save(key, filter.BPF); err != nil {
		warnings = append(warnings, fmt.Sprintf("seccomp program is not cached: %v", err))
	}
	return filter, warnings, nil
}

// build compiles without the cache.
func build(ctx context.Context, profile *specs.LinuxSeccomp, request *Request, encoded []byte) ([]byte, error) {
	output, err := runCompiler(ctx, encoded)
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", explain(err, profile, request))
	}
	highest, compiled, err := splitOutput(output, len(request.Archs))
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", err)
	}
	program, err := withStub(request, highest, compiled)
	if err != nil {
		return nil, fmt.Errorf("linux.seccomp: %w", err)
	}
	return program, nil
}

// keyOf is everything that decides the program: the request, the compiler with
// its libseccomp, and the stub.
func keyOf(compiler string, request *Request, encoded []byte) cacheKey {
	stub := byte(0)
	if request.Stub {
		stub = 1
	}
	return cacheKey(compiler + string([]byte{0, programRevision, stub}) + string(encoded))
}

// nativeArch is the architecture that runnel was built for; "" if libseccomp has
// none for it.
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
