//go:build cgo && !embed_libseccomp && !no_libseccomp

package compiler

import (
	"context"
	"errors"
	"io"
)

// Serve is the whole of the embedded program: it reads a request, compiles it and
// writes the answer. It returns the exit status.
func Serve(request io.Reader, program, failure io.Writer) int {
	encoded, err := io.ReadAll(request)
	if err != nil {
		return exitBroken
	}
	r, err := decode(encoded)
	if err != nil {
		err = &Failure{Stage: StageRequest, Err: err}
	}
	var p *Program
	if err == nil {
		p, err = Compile(context.Background(), r)
	}
	var f *Failure
	switch {
	case err == nil:
		err = writeProgram(program, p)
	case errors.As(err, &f):
		if writeFailure(failure, f) == nil {
			return exitFailure
		}
	}
	if err != nil {
		return exitBroken
	}
	return 0
}
