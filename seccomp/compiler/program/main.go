//go:build cgo && !embed_libseccomp && !no_libseccomp

// The program that compiles seccomp filters for the release binary, which embeds
// it: a request on standard input becomes a BPF program, or the table of system calls
// that it asks for, on standard output. With the argument -v it prints the version of
// libseccomp. It doesn't validate the profile, which package seccomp has done.
package main

import (
	"fmt"
	"os"

	"github.com/runnel/runnel/seccomp/compiler"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-v" {
		fmt.Println(compiler.Version())
		return
	}
	os.Exit(compiler.Serve(os.Stdin, os.Stdout, os.Stderr))
}
