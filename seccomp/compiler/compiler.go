// Package compiler compiles seccomp filters with libseccomp, through
// libseccomp-golang. It is the only package of the module that uses cgo, and there
// are three ways to build it:
//
//   - With cgo, as "go install" and programs that import the module do, libseccomp
//     is linked and called in the process. It needs a C compiler, pkg-config and
//     libseccomp's headers.
//   - With the build tag embed_libseccomp, as make builds the release binary, cgo
//     isn't needed. A static program is embedded (make builds it from the package
//     main below this one), and runs in a process of its own for each filter.
//   - Without cgo, or with the build tag no_libseccomp, nothing can be compiled,
//     and Compile returns ErrUnavailable.
//
// Package seccomp turns a profile into a Request, which consists of numbers and of
// names of system calls. This package doesn't know config.json.
package compiler

import (
	"errors"
	"fmt"
)

// ErrUnavailable is the error of a build that can't compile filters.
var ErrUnavailable = errors.New("this build of runnel has no seccomp support: " +
	"build it with make, or with cgo and the headers of libseccomp")

// Program is a compiled filter.
type Program struct {
	// Highest has, for each architecture of the request, the highest number below
	// Arch.Limit of all system calls that the rules name, or -1 for none.
	Highest []int32
	// Unknown are the indexes of rules for names that libseccomp doesn't know on any
	// architecture. They match nothing.
	Unknown []int32
	// BPF is an array of struct sock_filter.
	BPF []byte
}

// Stage is a part of the compilation.
type Stage uint32

// The stages of a compilation, with what Failure.Index counts in each.
const (
	StageRequest Stage = 1 + iota // decoding the request
	StageInit                     // creating the filter
	StageArch                     // adding an architecture: its index in Request.Archs
	StageRule                     // adding a rule: its index in Request.Rules
	StageExport                   // generating the program
)

// Failure is the error of a request that libseccomp refuses.
type Failure struct {
	Stage Stage
	Index int
	// Err is a syscall.Errno where libseccomp returns one. For an architecture,
	// EINVAL means that it is unknown and EDOM that its byte order is another than
	// this machine's.
	Err error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("compiler stage %d, record %d: %v", f.Stage, f.Index, f.Err)
}

// Unwrap returns libseccomp's error.
func (f *Failure) Unwrap() error { return f.Err }
