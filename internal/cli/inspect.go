package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func inspectCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "inspect", Category: information, Usage: "describe a container as it is", ArgsUsage: "ID",
			Description: `Prints what the kernel says of a container, whatever its config.json asks for: its
processes with their ids, capabilities, seccomp filters and labels, namespaces and who
else is in them, mounts, resource limits, the limits of its cgroup with their use; and
where that differs from the config.json that it was created from.`,
			Flags:  []cli.Flag{formatFlag()},
			Action: s.inspect,
		},
		Least: 1, Most: 1,
		Example: `runnel inspect web
runnel inspect --format json web | jq -e '.differences == []'`,
	}
}

func (s *session) inspect(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		found, err := container.Inspect(context.Background())
		if err != nil {
			return err
		}
		var names userNames
		found.Owner = names.owner(container.OwnerUID())
		if isTable {
			return inspectionTables(s.stdout, found)
		}
		content, err := inspectionJSON(found)
		if err != nil {
			return err
		}
		return s.print(string(content) + "\n")
	})
}

// inspectionJSON returns the members that are documented in runnel-inspect(8).
func inspectionJSON(i *libcontainer.Inspection) ([]byte, error) {
	var exit json.RawMessage
	if i.Exit != nil {
		w := &jsontext.Writer{}
		w.Begin('{')
		writeExit(w, i.Exit)
		w.End('}')
		exit = w.Text
	}
	differences, uncompared := []differenceJSON{}, []uncomparedJSON{}
	for _, d := range i.Differences {
		differences = append(differences, differenceJSON{d.Place.Pointer, d.Place.String(), d.Config, d.Actual})
	}
	for _, u := range i.Uncompared {
		uncompared = append(uncompared, uncomparedJSON{u.Place.Pointer, u.Place.String(), u.Reason})
	}
	return json.MarshalIndent(struct {
		libcontainer.View
		Exit            json.RawMessage                   `json:"exit,omitempty"`
		Processes       []libcontainer.InspectedProcess   `json:"processes"`
		Namespaces      []libcontainer.InspectedNamespace `json:"namespaces"`
		Mounts          []libcontainer.InspectedMount     `json:"mounts"`
		MountsTruncated bool                              `json:"mountsTruncated"`
		Rlimits         []libcontainer.InspectedRlimit    `json:"rlimits"`
		Cgroup          *libcontainer.InspectedCgroup     `json:"cgroup"`
		Differences     []differenceJSON                  `json:"differences"`
		Uncompared      []uncomparedJSON                  `json:"uncompared"`
	}{
		i.View, exit, append([]libcontainer.InspectedProcess{}, i.Processes...),
		append([]libcontainer.InspectedNamespace{}, i.Namespaces...),
		append([]libcontainer.InspectedMount{}, i.Mounts...), i.MountsTruncated,
		append([]libcontainer.InspectedRlimit{}, i.Rlimits...), i.Cgroup, differences, uncompared,
	}, "", "  ")
}

type differenceJSON struct {
	Pointer string `json:"pointer"`
	Place   string `json:"place"`
	Config  string `json:"config"`
	Actual  string `json:"actual"`
}

type uncomparedJSON struct {
	Pointer string `json:"pointer"`
	Place   string `json:"place"`
	Reason  string `json:"reason"`
}

// sections writes tables, each with a title and an empty line before it.
type sections struct {
	to  io.Writer
	err error
}

// add writes a table whose first row is its header. Everything in it may be of the
// container's choosing.
func (s *sections) add(title string, rows [][]string) {
	if len(rows) < 2 || s.err != nil {
		return
	}
	t := tabwriter.NewWriter(s.to, 0, 1, 3, ' ', 0)
	fmt.Fprintf(t, "\n%s\n", title)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell, false)
			if cell == "" {
				row[i] = none
			}
		}
		fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	s.err = t.Flush()
}

func inspectionTables(w io.Writer, i *libcontainer.Inspection) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	for _, line := range summary(i) {
		fmt.Fprintf(t, "%s\t%s\n", line[0], printable(line[1], false))
	}
	s := &sections{to: w, err: t.Flush()}
	s.add("Processes", processRows(i.Processes))
	if len(i.Processes) > 0 {
		s.add("Capabilities of init", capabilityRows(&i.Processes[0]))
	}
	rows := [][]string{{"TYPE", "INODE", "SHARED WITH"}}
	for _, n := range i.Namespaces {
		shared := n.Containers
		if n.Runtime {
			shared = append([]string{"the runtime"}, shared...)
		}
		rows = append(rows, []string{n.Type, strconv.FormatUint(n.Inode, 10), strings.Join(shared, ", ")})
	}
	s.add("Namespaces", rows)
	rows = [][]string{{"PATH", "TYPE", "SOURCE", "OPTIONS", "PROPAGATION"}}
	for _, m := range i.Mounts {
		rows = append(rows, []string{m.Path, m.Type, m.Source, strings.Join(m.Options, ","), m.Propagation})
	}
	if i.MountsTruncated {
		rows = append(rows, []string{"(more)", "", "", "", ""})
	}
	s.add("Mounts", rows)
	rows = [][]string{{"TYPE", "SOFT", "HARD"}}
	for _, r := range i.Rlimits {
		rows = append(rows, []string{r.Type, rlimitText(r.Soft), rlimitText(r.Hard)})
	}
	s.add("Resource limits of init", rows)
	s.cgroup(i.Cgroup)
	s.differences(i)
	return s.err
}

// differences writes nothing if there is none.
func (s *sections) differences(i *libcontainer.Inspection) {
	rows := [][]string{{"PLACE", "CONFIG.JSON", "ACTUAL"}}
	for _, d := range i.Differences {
		rows = append(rows, []string{d.Place.String(), oneLine(d.Config), oneLine(d.Actual)})
	}
	s.add("Differences from config.json", rows)
	rows = [][]string{{"PLACE", "REASON"}}
	for _, u := range i.Uncompared {
		rows = append(rows, []string{u.Place.String(), u.Reason})
	}
	s.add("Not compared with config.json", rows)
}

func (s *sections) cgroup(g *libcontainer.InspectedCgroup) {
	if g == nil {
		return
	}
	s.add("Cgroup", cgroupRows(g))
	rows := [][]string{{"FILE", "LIMIT", "USE"}}
	for _, v := range g.Values {
		rows = append(rows, []string{v.File, oneLine(v.Limit), oneLine(v.Use)})
	}
	s.add("Limits of the cgroup", rows)
}

func summary(i *libcontainer.Inspection) [][2]string {
	lines := [][2]string{
		{"ID", i.ID}, {"Status", i.Status}, {"Pid", strconv.Itoa(i.Pid)}, {"Bundle", i.Bundle}, {"Rootfs", i.Rootfs},
		{"Created", i.Created.Format(time.RFC3339)}, {"Owner", i.Owner},
	}
	if i.Failure != "" {
		lines = append(lines, [2]string{"Failure", i.Failure})
	}
	if x := i.Exit; x != nil {
		text := strconv.Itoa(x.Shell())
		if x.OOMKilled() {
			text += ", out of memory"
		}
		lines = append(lines, [2]string{"Exit code", text})
		if !x.Finished.IsZero() {
			lines = append(lines, [2]string{"Finished", x.Finished.Format(time.RFC3339)})
		}
	}
	return lines
}

func processRows(processes []libcontainer.InspectedProcess) [][]string {
	rows := [][]string{{"PID", "HOST PID", "UID", "GID", "STATE", "NO NEW PRIVS", "SECCOMP", "LABEL", "OOM ADJ", "SCHEDULING", "COMMAND"}}
	for i := range processes {
		p := &processes[i]
		privs, seccomp := "no", p.Seccomp
		if p.NoNewPrivileges {
			privs = "yes"
		}
		if p.SeccompFilters > 0 {
			seccomp += " (" + strconv.Itoa(p.SeccompFilters) + ")"
		}
		rows = append(rows, []string{
			strconv.Itoa(p.Pid), strconv.Itoa(p.HostPid), strconv.FormatUint(uint64(p.UID), 10), strconv.FormatUint(uint64(p.GID), 10),
			p.State, privs, seccomp, p.Label, strconv.Itoa(p.OOMScoreAdj), schedulingText(p), commandText(p.Command, p.Name),
		})
	}
	return rows
}

func schedulingText(p *libcontainer.InspectedProcess) string {
	s := p.Scheduling
	if s == nil {
		return ""
	}
	text := s.Policy + " nice " + strconv.Itoa(s.Nice)
	if s.Priority != 0 {
		text += " priority " + strconv.Itoa(int(s.Priority))
	}
	if s.IOClass != "" {
		text += " " + s.IOClass + " " + strconv.Itoa(s.IOPriority)
	}
	return text
}

// capabilityRows returns the sets, equal ones in one row.
func capabilityRows(p *libcontainer.InspectedProcess) [][]string {
	rows := [][]string{{"SET", "CAPABILITIES"}}
	c := &p.Capabilities
	for _, set := range []struct {
		name string
		list []string
	}{{"bounding", c.Bounding}, {"effective", c.Effective}, {"inheritable", c.Inheritable}, {"permitted", c.Permitted}, {"ambient", c.Ambient}} {
		text := strings.ReplaceAll(strings.Join(set.list, " "), "CAP_", "")
		same := slices.IndexFunc(rows, func(row []string) bool { return row[1] == text })
		if same > 0 {
			rows[same][0] += ", " + set.name
			continue
		}
		rows = append(rows, []string{set.name, text})
	}
	return rows
}

func rlimitText(n uint64) string {
	if n == 1<<64-1 {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

func cgroupRows(g *libcontainer.InspectedCgroup) [][]string {
	rows := [][]string{{"PROPERTY", "VALUE"}, {"version", g.Version}, {"driver", g.Driver}}
	if g.Unit != "" {
		rows = append(rows, []string{"unit", g.Unit})
	}
	var paths []string
	for _, path := range g.Paths {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		rows = append(rows, []string{"path", path})
	}
	switch {
	case g.DevicePrograms >= 0:
		rows = append(rows, []string{"device programs", strconv.Itoa(g.DevicePrograms)})
	case len(g.Devices) > 0:
		rows = append(rows, []string{"devices", strings.Join(g.Devices, ", ")})
	}
	return rows
}

// oneLine joins the lines of a control file.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
