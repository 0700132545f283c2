package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func infoCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "info", Category: information, Usage: "describe what this host provides for containers",
			Description: `Prints what containers of the calling user can have on this host, and what to do where
something does not work: kernel, users, cgroups, namespaces, security modules, seccomp
and criu. The result belongs into reports of problems. check --host looks for what one
bundle needs.`,
			Flags:  []cli.Flag{formatFlag()},
			Action: s.info,
		},
		Example: "runnel info --format json | jq -r '.facts[] | select(.works | not) | .hint'",
	}
}

// hostReport is the result of info. Its keys are documented in runnel-info(8).
type hostReport struct {
	Version string                  `json:"version"`
	Commit  string                  `json:"commit"`
	Spec    string                  `json:"spec"`
	Root    string                  `json:"root"`
	Facts   []libcontainer.HostFact `json:"facts"`
}

func (s *session) info(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	r, err := s.planner()
	if err != nil {
		return err
	}
	hideInherited()
	facts, err := r.HostInfo()
	if err != nil {
		return err
	}
	s.debugf("info: %d facts", len(facts))
	report := hostReport{s.build.Version, s.build.Commit, specs.Version, r.Root, facts}
	if isTable {
		return hostTable(s.stdout, &report)
	}
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return s.print(string(content) + "\n")
}

func hostTable(w io.Writer, r *hostReport) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "AREA\tNAME\tWORKS\tVALUE\n")
	fmt.Fprintf(t, "runnel\tversion\tyes\t%s, commit %s, specification %s\n", r.Version, r.Commit, r.Spec)
	fmt.Fprintf(t, "runnel\tstate root\tyes\t%s\n", printable(r.Root, false))
	for _, f := range r.Facts {
		works, value := "yes", f.Value
		if !f.Works {
			works = "no"
		}
		if f.Hint != "" {
			value += " (" + f.Hint + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Area, f.Name, works, printable(value, false))
	}
	return t.Flush()
}
