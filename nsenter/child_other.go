//go:build !amd64 && !arm64 && !riscv64

package nsenter

// executable is empty where the child has no image: Start returns an error.
const executable = ""
