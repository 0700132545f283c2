package cli

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func featuresCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "features", Category: information, Usage: "print the features of this runtime as JSON",
			Description: `The format is that of the OCI runtime specification, features.md. It describes this
build of runnel, not this host.`,
			Action: s.features,
		},
		Example: "runnel features | jq -r '.mountOptions[]'",
	}
}

func (s *session) features(*cli.Context) error {
	f := libcontainer.Features()
	f.Annotations["com.github.runnel.version"] = s.build.Version
	f.Annotations["com.github.runnel.commit"] = s.build.Commit
	s.debugf("features: %s, version %s, specification %s to %s", programName, s.build.Version, f.OCIVersionMin, f.OCIVersionMax)
	content, err := json.MarshalIndent(f, "", "    ")
	if err != nil {
		return err
	}
	return s.print(string(content) + "\n")
}
