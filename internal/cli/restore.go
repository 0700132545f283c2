package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/sdnotify"
)

func restoreCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "restore", Category: containers, Usage: "create a container whose processes are those of a checkpoint", ArgsUsage: "ID",
			Description: `The bundle has the config.json of the container that was checkpointed, and a root file
system with the content that it had. The processes continue where they were. Like run,
restore waits for the container in the foreground and deletes it, or returns at once with
--detach. The limits are those of config.json.`,
			Flags: append(criuFlags(),
				bundleFlag(), configFlag("f"), consoleSocketFlag(), pidFileFlag(), detachFlag(),
				noSubreaperFlag(),
				&cli.BoolFlag{Name: "no-pivot", Hidden: true, Usage: "accepted and ignored: criu decides"},
				&cli.StringFlag{Name: "lsm-profile", Usage: "replace the profile of the processes by `TYPE:NAME`, such as apparmor:web"},
				&cli.StringFlag{Name: "lsm-mount-context", Usage: "replace the SELinux label of mounts by `LABEL`"},
				&cli.BoolFlag{Name: "trust-images", Usage: "accept images that other users could have written"},
			),
			Action: s.restore,
		},
		Least: 1, Most: 1,
		Example: "runnel restore --detach --bundle /srv/web --image-path /var/lib/checkpoints/web web",
	}
}

func (s *session) restore(c *cli.Context) error {
	o, err := restoreOptions(c)
	if err != nil {
		return misuse(err)
	}
	hideInherited()
	r, err := s.creator()
	if err != nil {
		return err
	}
	if c.Bool("detach") {
		var p *libcontainer.Process
		if p, err = r.Restore(context.Background(), o); err == nil {
			p.Close()
		}
	} else {
		o.Attached, o.Subreaper = true, !c.Bool("no-subreaper")
		o.Stdio.KeepTerminal = o.Stdio.ConsoleSocket == ""
		s.status, err = inForeground(false, func(ctx context.Context) (*libcontainer.Process, error) { return r.Restore(ctx, o) })
	}
	if err != nil {
		return fmt.Errorf("runnel restore failed: %w", err)
	}
	return nil
}

func restoreOptions(c *cli.Context) (o libcontainer.RestoreOptions, err error) {
	o.CreateOptions = libcontainer.CreateOptions{
		ID: c.Args().First(), Bundle: c.String("bundle"), Config: c.String("config"), Stdio: stdio(c), PidFile: c.String("pid-file"),
		NotifySocket: os.Getenv(sdnotify.Variable),
	}
	o.Images, o.Work = imagePath(c), c.String("work-path")
	o.LSMProfile, o.LSMMountContext = c.String("lsm-profile"), c.String("lsm-mount-context")
	o.TrustImages = c.Bool("trust-images")
	o.CRIUOptions, err = criuOptions(c)
	return o, err
}
