package cli

import (
	"encoding/json"

	"github.com/runnel/runnel/libcontainer"
)

func featuresCommand() *command {
	return &command{
		name: "features", summary: "print what this runtime can do as JSON",
		description: "The format is that of the runtime specification, features.md. It is about this build,\nnot about this host.",
		example:     "runnel features | jq -r '.mountOptions[]'",
		run:         runFeatures,
	}
}

func runFeatures(c *call) error {
	f := libcontainer.Features()
	f.Annotations["com.github.runnel.version"] = c.build.Version
	f.Annotations["com.github.runnel.commit"] = c.build.Commit
	content, err := json.MarshalIndent(f, "", "    ")
	if err != nil {
		return err
	}
	return c.print(string(content) + "\n")
}
