//go:build embed_libseccomp

package compiler

import _ "embed" // for the two files below

//go:embed embedded/riscv64.bin
var embeddedProgram string

//go:embed embedded/riscv64.id
var embeddedIdentity string
