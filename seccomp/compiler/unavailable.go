//go:build !embed_libseccomp && (!cgo || no_libseccomp)

package compiler

import "context"

// Available returns ErrUnavailable.
func Available() error { return ErrUnavailable }

// Version returns "": there is no libseccomp.
func Version() string { return "" }

// Identity returns "": there is no program that it could tell from another.
func Identity() string { return "" }

// Compile returns ErrUnavailable.
func Compile(context.Context, *Request) (*Program, error) { return nil, ErrUnavailable }

// Syscalls returns ErrUnavailable.
func Syscalls(context.Context, uint32) ([]Syscall, error) { return nil, ErrUnavailable }
