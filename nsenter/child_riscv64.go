package nsenter

import _ "embed" // for the image

// executable is the image of the child, which `make generate` builds.
//
//go:embed child_riscv64.bin
var executable string
