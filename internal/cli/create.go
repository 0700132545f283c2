package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func bundleFlag() cli.Flag {
	return &cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "the bundle is `DIR` (default: the working directory)"}
}

func consoleSocketFlag() cli.Flag {
	return &cli.StringFlag{Name: "console-socket", Usage: "send the terminal's master to the unix socket at `PATH`"}
}

func pidfdSocketFlag() cli.Flag {
	return &cli.StringFlag{Name: "pidfd-socket", Usage: "send a pidfd of the process to the unix socket at `PATH`"}
}

func pidFileFlag() cli.Flag {
	return &cli.StringFlag{Name: "pid-file", Usage: "write the pid to `FILE` when the process is there"}
}

func preserveFDsFlag() cli.Flag {
	return &cli.IntFlag{Name: "preserve-fds", Usage: "pass on `N` descriptors from 3 on (after those of LISTEN_FDS)"}
}

func createFlags() []cli.Flag {
	return []cli.Flag{
		bundleFlag(), consoleSocketFlag(), pidfdSocketFlag(), pidFileFlag(),
		&cli.BoolFlag{Name: "no-pivot", Usage: "use MS_MOVE and chroot instead of pivot_root, for a root on a ramfs"},
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "keep the session keyring of the caller"},
		preserveFDsFlag(),
	}
}

func createOptions(c *cli.Context) libcontainer.CreateOptions {
	return libcontainer.CreateOptions{
		ID: c.Args().First(), Bundle: c.String("bundle"),
		ConsoleSocket: c.String("console-socket"), PidfdSocket: c.String("pidfd-socket"), PidFile: c.String("pid-file"),
		NoPivot: c.Bool("no-pivot"), NoNewKeyring: c.Bool("no-new-keyring"), PreserveFDs: c.Int("preserve-fds"),
	}
}

func (s *session) create() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "make a container, whose process waits for start",
		ArgsUsage: "ID",
		Description: `Makes namespaces, cgroups and mounts as the bundle's config.json asks for. The
process isn't run before start.

   runnel create --bundle /srv/web web && runnel start web`,
		Flags: append(createFlags(), &cli.BoolFlag{Name: "detach", Hidden: true, Usage: "accepted: create always detaches"}),
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			return r.Create(createOptions(c))
		},
	}
}
