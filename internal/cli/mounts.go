package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

func mountsListCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "mounts list", Category: information, Usage: "list the mounts of a container that exists", ArgsUsage: "ID",
			Description: `Prints the mounts as the container's process sees them, in the order of the kernel: those
of config.json, those of the runtime such as masks, those that were added, and those of
the container itself.`,
			Flags:  []cli.Flag{formatFlag()},
			Action: s.listMounts,
		},
		Least: 1, Most: 1,
		Example: "runnel mounts list --format json web | jq -r '.[].destination'",
	}
}

func mountsAddCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "mounts add", Category: containers, Usage: "mount more in a container that exists", ArgsUsage: "ID [FILE]",
			Description: `Mounts what the options describe, or the list of mounts in FILE, which has the form of
mounts in config.json: bind mounts and tmpfs, with the options and the rules of create.
What is added ends with the container, and is not part of a checkpoint.`,
			Flags:  mountsAddFlags(),
			Action: s.addMounts,
		},
		Least: 1, Most: 2,
		Example: `runnel mounts add --source /srv/data --target /data --options ro web
runnel mounts add --type tmpfs --target /scratch --options size=64m web`,
	}
}

func mountsAddFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "type", Aliases: []string{"t"}, Usage: "add a mount of `TYPE`: bind or tmpfs", DefaultText: "bind, if there is a source"},
		&cli.StringFlag{Name: "source", Usage: "add a bind mount of `PATH` on the host"},
		&cli.StringFlag{Name: "target", Usage: "add a mount at `PATH` in the container"},
		&cli.StringFlag{Name: "options", Aliases: []string{"o"}, Usage: "add a mount with the options in `LIST`, such as ro,nosuid"},
	}
}

func mountsRemoveCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "mounts remove", Category: containers, Usage: "unmount something in a container that exists", ArgsUsage: "ID DESTINATION",
			Description: `Unmounts the uppermost mount at DESTINATION, a mount point that "mounts list" prints.
Mounts of config.json and those in /proc, /sys and /dev need --force.`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "force", Usage: "remove what the container has had from its beginning, too"},
				&cli.BoolFlag{Name: "lazy", Usage: "remove what is in use, too, with what is mounted below"},
			},
			Action: s.removeMount,
		},
		Least: 2, Most: 2,
		Example: "runnel mounts remove web /data",
	}
}

func (s *session) listMounts(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		mounts, err := container.Mounts()
		if err != nil {
			return err
		}
		if isTable {
			return mountTable(s.stdout, mounts)
		}
		content, err := json.Marshal(mounts)
		if err != nil {
			return err
		}
		return s.print(string(content) + "\n")
	})
}

func (s *session) addMounts(c *cli.Context) error {
	mounts, err := mountsToAdd(c)
	if err != nil {
		return misuse(err)
	}
	hideInherited()
	return s.onContainer(c, func(container *libcontainer.Container) error {
		return container.AddMounts(context.Background(), mounts)
	})
}

func (s *session) removeMount(c *cli.Context) error {
	hideInherited()
	return s.onContainer(c, func(container *libcontainer.Container) error {
		return container.RemoveMount(context.Background(), c.Args().Get(1),
			libcontainer.RemoveMountOptions{Force: c.Bool("force"), Lazy: c.Bool("lazy")})
	})
}

// mountsToAdd returns the mounts of a file, or that which the flags describe.
func mountsToAdd(c *cli.Context) ([]specs.Mount, error) {
	file := c.Args().Get(1)
	isDescribed := slices.ContainsFunc([]string{"type", "source", "target", "options"}, c.IsSet)
	switch {
	case file != "" && isDescribed:
		return nil, errors.New("either FILE or --type, --source, --target and --options")
	case file != "":
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return config.DecodeMounts(file, content)
	case c.String("target") == "":
		return nil, errors.New("--target is missing, the path in the container, or FILE")
	}
	m := specs.Mount{Destination: c.String("target"), Type: c.String("type"), Source: c.String("source")}
	if options := c.String("options"); options != "" {
		m.Options = strings.Split(options, ",")
	}
	isBind := m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	if m.Type == "" && m.Source != "" && !isBind {
		m.Type, isBind = "bind", true
	}
	if isBind && m.Source != "" {
		var err error
		if m.Source, err = filepath.Abs(m.Source); err != nil {
			return nil, err
		}
	}
	return []specs.Mount{m}, nil
}

func mountTable(w io.Writer, mounts []libcontainer.MountInfo) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "DESTINATION\tTYPE\tSOURCE\tOPTIONS\tPROPAGATION\tID\n")
	for _, m := range mounts {
		source := m.Source
		if m.Root != "/" {
			source += "[" + m.Root + "]"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", printable(m.Destination, false), printable(m.Type, false),
			printable(source, false), printable(strings.Join(m.Options, ","), false), m.Propagation, m.ID)
	}
	return t.Flush()
}
