//go:build embed_libseccomp

package compiler

import _ "embed" // for the two files below

//go:embed embedded/amd64.bin
var embeddedProgram string

//go:embed embedded/amd64.id
var embeddedIdentity string
