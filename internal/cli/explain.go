package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func explainCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "explain", Category: bundles, Usage: "report what a bundle isolates from the host, and what it does not",
			ArgsUsage: "[DIR]",
			Description: `Reads config.json and prints one line for each thing that separates the container from
the host, or does not: how much that opens, the place in config.json, and what follows.
The exit code is 2 if there is one of the level in --fail-on, or of a higher one.`,
			Flags: []cli.Flag{
				bundleFlag(), configFlag(), formatFlag(),
				&cli.StringFlag{Name: "fail-on", Value: "high", DefaultText: "high", Usage: "exit with 2 from this `LEVEL` on: low, medium, high or never"},
			},
			Action: s.explain,
		},
		Most: 1,
		Example: `runnel explain /srv/web
runnel explain --format json | jq -r '.findings[] | select(.level == "high") | .pointer'`,
	}
}

func (s *session) explain(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	failOn := c.String("fail-on")
	least, ok := map[string]libcontainer.IsolationLevel{
		"low": libcontainer.LowRisk, "medium": libcontainer.MediumRisk, "high": libcontainer.HighRisk, "never": libcontainer.HighRisk + 1,
	}[failOn]
	if !ok {
		return misuse(fmt.Errorf("invalid value %q for --fail-on: not low, medium, high or never", failOn))
	}
	bundle, err := bundleArgument(c)
	if err != nil {
		return err
	}
	findings, err := libcontainer.Isolation(bundle, c.String("config"))
	if err != nil {
		return err
	}
	s.debugf("explain: bundle %q, %d findings", bundle, len(findings))
	for _, f := range findings {
		if f.Level >= least {
			s.status = exitFound
		}
	}
	if isTable {
		return findingTable(s.stdout, findings)
	}
	return s.print(findingsJSON(findings))
}

// bundleArgument returns the bundle that --bundle or the first argument names.
func bundleArgument(c *cli.Context) (string, error) {
	bundle := c.String("bundle")
	if dir := c.Args().First(); dir != "" {
		if c.IsSet("bundle") {
			return "", misuse(errors.New("the bundle is given twice, by --bundle and by an argument"))
		}
		bundle = dir
	}
	return bundle, nil
}

func findingTable(w io.Writer, findings []libcontainer.IsolationFinding) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "LEVEL\tASPECT\tPLACE\tFINDING\n")
	for _, f := range findings {
		text := f.Text
		if f.Consequence != "" {
			text += ": " + f.Consequence
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Level, f.Aspect, printable(f.Place.String(), false), printable(text, false))
	}
	return t.Flush()
}

// findingsJSON returns the members that are documented in runnel-explain(8).
func findingsJSON(findings []libcontainer.IsolationFinding) string {
	counts := map[libcontainer.IsolationLevel]int{}
	for _, f := range findings {
		counts[f.Level]++
	}
	w := &jsontext.Writer{Indented: true}
	w.Begin('{')
	for _, l := range []libcontainer.IsolationLevel{libcontainer.HighRisk, libcontainer.MediumRisk, libcontainer.LowRisk} {
		w.Int(l.String(), counts[l])
	}
	w.Key("findings")
	w.Begin('[')
	for _, f := range findings {
		w.Element()
		w.Begin('{')
		w.String("level", f.Level.String())
		w.String("aspect", f.Aspect)
		w.String("pointer", f.Place.Pointer)
		w.String("place", f.Place.String())
		w.String("text", f.Text)
		w.String("consequence", f.Consequence)
		w.End('}')
	}
	w.End(']')
	w.End('}')
	return string(w.Text) + "\n"
}
