// Command runnel is an OCI low-level container runtime. Its command line is that
// of runc.
//
// A command lives for a few milliseconds: the Go scheduler need not follow the
// CPU limit of its cgroup.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/runnel/runnel/internal/cli"
)

// version and commit are set by the linker; otherwise they are empty.
var version, commit string

func main() {
	os.Exit(cli.Main(os.Args, cli.Build{Version: version, Commit: commit}))
}
