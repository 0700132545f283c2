package cli

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
)

// versionText returns what --version prints. go-runc and dockerd parse the lines
// "NAME version VERSION", "commit: " and "spec: ".
func (s *session) versionText() string {
	commit := s.build.Commit
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Sprintf("runnel version %s\ncommit: %s\nspec: %s\ngo: %s\nlibseccomp: %s\n",
		s.build.Version, commit, specs.Version, runtime.Version(), cmp.Or(libcontainer.LibseccompVersion(), "none"))
}
