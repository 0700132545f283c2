package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/sdnotify"
)

func createCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "create", Category: containers, Usage: "create a container, whose process waits for start", ArgsUsage: "ID",
			Description: `Creates the namespaces, cgroup and mounts that the bundle's config.json asks for. The
process is executed by start; it inherits the standard streams of this command. If
config.json asks for a terminal, --console-socket is required.`,
			// create always detaches, and what it starts has another parent.
			Flags: append(createFlags(), &cli.BoolFlag{Name: "detach", Hidden: true, Usage: "accepted and ignored"},
				&cli.BoolFlag{Name: "no-subreaper", Hidden: true, Usage: "accepted and ignored"},
				hidden(seccompLogFlag())),
			Action: s.create,
		},
		Least: 1, Most: 1,
		Example: "runnel create --bundle /srv/web web && runnel start web",
	}
}

// createFlags returns the flags of create and run.
func createFlags() []cli.Flag {
	return []cli.Flag{
		bundleFlag(), configFlag("f"), consoleSocketFlag(), pidfdSocketFlag(), pidFileFlag(),
		noPivotFlag(),
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "keep the session keyring of the caller"},
		preserveFDsFlag(),
	}
}

func noPivotFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-pivot", Usage: "use MS_MOVE and chroot instead of pivot_root, for a root file system on a ramfs"}
}

func (s *session) create(c *cli.Context) error {
	if c.String("seccomp-log") != "" {
		return misuse(errCreateLog)
	}
	o, err := createOptions(c)
	if err != nil {
		return err
	}
	r, err := s.creator()
	if err != nil {
		return err
	}
	p, err := r.Create(context.Background(), o)
	if err != nil {
		return fmt.Errorf("runnel create failed: %w", err)
	}
	p.Close()
	return nil
}

func createOptions(c *cli.Context) (libcontainer.CreateOptions, error) {
	preserve, err := preservedFDs(c)
	if err != nil {
		return libcontainer.CreateOptions{}, misuse(err)
	}
	fds, err := claimInherited(preserve)
	if err != nil {
		err = fault.Wrap("streams", fault.InvalidArgument, err)
		return libcontainer.CreateOptions{}, fmt.Errorf("runnel %s failed: %w", c.Command.Name, err)
	}
	return libcontainer.CreateOptions{
		ID: c.Args().First(), Bundle: c.String("bundle"), Config: c.String("config"), Stdio: stdio(c),
		PidfdSocket: c.String("pidfd-socket"), PidFile: c.String("pid-file"),
		NoPivot: c.Bool("no-pivot"), NoNewKeyring: c.Bool("no-new-keyring"),
		ExtraFiles: fds.files, ListenFDs: fds.listen, ListenNames: fds.names,
		NotifySocket: os.Getenv(sdnotify.Variable),
	}, nil
}

// stdio returns the command's own streams, and the console socket.
func stdio(c *cli.Context) libcontainer.Stdio {
	return libcontainer.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, ConsoleSocket: c.String("console-socket")}
}
