//go:build cgo && !embed_libseccomp && !no_libseccomp

package compiler

import (
	"context"
	"errors"
	"io"
)

// Serve is the whole of the embedded program: it reads a request, compiles it or looks up
// the table that it asks for, and writes the answer. It returns the exit status.
func Serve(request io.Reader, program, failure io.Writer) int {
	encoded, err := io.ReadAll(request)
	if err != nil {
		return exitBroken
	}
	result, err := answer(encoded)
	var f *Failure
	if errors.As(err, &f) && writeFailure(failure, f) == nil {
		return exitFailure
	}
	if err == nil {
		_, err = program.Write(result)
	}
	if err != nil {
		return exitBroken
	}
	return 0
}

// answer returns what a request asks for.
func answer(encoded []byte) ([]byte, error) {
	if token, ok := decodeTable(encoded); ok {
		calls, err := Syscalls(context.Background(), token)
		return appendSyscalls(nil, calls), err
	}
	r, err := decode(encoded)
	if err != nil {
		return nil, &Failure{Stage: StageRequest, Err: err}
	}
	p, err := Compile(context.Background(), r)
	if err != nil {
		return nil, err
	}
	return encodeProgram(p), nil
}
