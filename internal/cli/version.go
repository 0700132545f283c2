package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
)

// versionText returns what --version prints. go-runc and dockerd parse the lines
// "NAME version VERSION", "commit: " and "spec: ".
func (s *session) versionText() string {
	build := s.build.complete()
	return fmt.Sprintf("runnel version %s\ncommit: %s\nspec: %s\ngo: %s\nlibseccomp: %s\n",
		build.Version, build.Commit, specs.Version, runtime.Version(), cmp.Or(libcontainer.LibseccompVersion(), "none"))
}

// complete returns b with what the go command has recorded in place of what the linker
// didn't set, as in a binary of "go install".
func (b Build) complete() Build {
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, strings.TrimPrefix(info.Main.Version, "v"))
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = cmp.Or(b.Commit, s.Value)
			}
		}
	}
	return Build{Version: cmp.Or(b.Version, "unknown"), Commit: cmp.Or(b.Commit, "unknown")}
}
